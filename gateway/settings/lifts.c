/* One lift: who it is, and the units that it is read from. */
#include "base/text.h"
#include "profile/decode.h"
#include "settings/loader.h"

#include <string.h>

/* All that is said of a lift goes into one message of at most 4 KiB, beside about 1.7 KiB of keys and topics. */
#define LIFT_TEXTS_MAX 2300

/* Keys that belong to a unit: not beside parts. */
static const char *const unit_keys[] = {"unit", "profile", "invert", "unused", "without", "address_offset"};

static void check_size(struct loader *loader, const struct conf_node *group, const struct lift_identity *identity) {
    const char *const texts[] = {identity->id,          identity->name,       identity->registration,
                                 identity->rescue_code, identity->address,    identity->manager,
                                 identity->phone,       identity->maintainer, identity->maintainer_phone};
    size_t size = 3 * (COUNT_OF(texts) + identity->label_count); /* quotes and comma */
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        size += settings_json_size(texts[i]);
    for (size_t i = 0; i < identity->label_count; i++)
        size += settings_json_size(identity->labels[i]);
    if (size > LIFT_TEXTS_MAX)
        conf_error(group, loader->problems,
                   "the texts and labels of this lift have %zu bytes together: at most %d fit into a message", size,
                   LIFT_TEXTS_MAX);
}

static void check_id(struct loader *loader, const struct conf_node *group, const struct lift_settings *lift) {
    const struct lift_settings *lifts = loader->settings->lifts;
    for (const struct lift_settings *other = lifts; lift->identity.id && other < lift; other++)
        if (other->identity.id && strcmp(other->identity.id, lift->identity.id) == 0)
            conf_error(section_at(group, "id"), loader->problems,
                       "there is a lift \"%s\" already, in line %d: every lift has its own id", lift->identity.id,
                       other->line);
}

static void resolve_floors(struct loader *loader, const struct conf_node *group, struct lift_identity *identity) {
    while (identity->labels && identity->labels[identity->label_count])
        identity->label_count++;
    int labels = (int)identity->label_count;
    if (identity->floors == 0)
        identity->floors = labels;
    else if (labels > 0 && identity->floors != labels)
        conf_warning(section_at(group, "floors"), loader->problems,
                     "floors is %d, but there are %d labels: one label for each floor would be right", identity->floors,
                     labels);
}

/* The index of the bus that a part is on, -1 after saying that there is none of that name. */
static long find_bus(struct loader *loader, const struct conf_node *group, const char *name) {
    const struct settings *settings = loader->settings;
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < settings->bus_count; i++) {
        if (!settings->buses[i].name)
            continue;
        if (strcmp(settings->buses[i].name, name) == 0)
            return (long)i;
        if (count < COUNT_OF(names))
            names[count++] = settings->buses[i].name;
    }
    const char *meant = text_suggest(name, names, count);
    conf_error(section_at(group, "bus"), loader->problems, "there is no bus \"%s\"%s%s%s", name,
               meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
    return -1;
}

static void check_unit(struct loader *loader, const struct conf_node *group, const struct part_settings *part) {
    const struct settings *settings = loader->settings;
    for (size_t l = 0; part->unit > 0 && l < settings->lift_count; l++) {
        const struct lift_settings *lift = &settings->lifts[l];
        for (size_t p = 0; p < lift->part_count; p++)
            if (&lift->part[p] != part && lift->part[p].bus == part->bus && lift->part[p].unit == part->unit) {
                conf_error(section_at(group, "unit"), loader->problems,
                           "unit %d of bus \"%s\" is used by lift \"%s\" of line %d already: every unit has its own "
                           "number",
                           part->unit, settings->buses[part->bus].name ? settings->buses[part->bus].name : "?",
                           lift->identity.id ? lift->identity.id : "?", lift->line);
                return;
            }
    }
}

/* For the parts of the lift that is being read, which is the last one. */
static void make_room(struct loader *loader, size_t parts) {
    struct settings *settings = loader->settings;
    struct lift_settings *lift = &settings->lifts[settings->lift_count - 1];
    lift->part = settings_get(settings, parts, sizeof *lift->part);
}

/* Adds a part to the lift that is being read. */
static void add_part(struct loader *loader, const struct conf_node *group, const struct part_section *section,
                     size_t bus) {
    struct settings *settings = loader->settings;
    struct lift_settings *lift = &settings->lifts[settings->lift_count - 1];
    struct part_settings *part = &lift->part[lift->part_count];
    long named = section->bus ? find_bus(loader, group, section->bus) : (long)bus;
    size_t profile =
        section->profile ? library_profile(loader, section->profile, section_at(group, "profile")) : NO_PROFILE;
    *part = (struct part_settings){.unit = named < 0 ? 0 : section->unit,
                                   .bus = named < 0 ? bus : (size_t)named,
                                   .profile = profile,
                                   .options = section->options};
    lift->part_count++;
    check_unit(loader, group, part);
    if (profile == NO_PROFILE)
        return;
    profile_check_options(settings->profiles[profile], &part->options, group, loader->problems);
    part->owns = decoder_provides(settings->profiles[profile], &part->options);
    for (size_t p = 0; p + 1 < lift->part_count; p++)
        part->owns &= ~lift->part[p].owns;
}

static void read_parts(struct loader *loader, const struct conf_node *group, size_t bus) {
    const struct conf_node *parts = section_list(loader, group, "parts");
    for (size_t i = 0; i < COUNT_OF(unit_keys); i++)
        if (conf_get(group, unit_keys[i]))
            conf_error(conf_get(group, unit_keys[i]), loader->problems,
                       "%s does not stand beside parts: write it into a part", unit_keys[i]);
    if (!parts)
        return;
    int count = conf_length(parts);
    if (count == 0 || count > LIFT_PARTS)
        conf_error(parts, loader->problems, "parts has %d parts: at least 1, at most %d", count, LIFT_PARTS);
    make_room(loader, count < LIFT_PARTS ? (size_t)count : LIFT_PARTS);
    for (int i = 0; i < count && i < LIFT_PARTS; i++) {
        struct part_section section = {0};
        if (!section_is_group(loader, conf_at(parts, i), "a part"))
            continue;
        section_read(loader, "part", conf_at(parts, i), &section);
        add_part(loader, conf_at(parts, i), &section, bus);
    }
}

static void read_unit(struct loader *loader, const struct conf_node *group, const struct part_section *section,
                      size_t bus) {
    bool unit = conf_get(group, "unit");
    bool profile = conf_get(group, "profile");
    if (!unit || !profile)
        conf_error(group, loader->problems, "this lift has no %s: write %s, or parts if it has several units",
                   unit      ? "profile"
                   : profile ? "unit"
                             : "unit and profile",
                   unit      ? "profile = \"…\""
                   : profile ? "unit = 1"
                             : "both");
    if (!unit && !profile)
        return;
    make_room(loader, 1);
    add_part(loader, group, section, bus);
}

static bool has_warning(const struct profile *profile, const char *id) {
    for (size_t i = 0; i < profile->warning_count; i++)
        if (strcmp(profile->warnings[i].id, id) == 0)
            return true;
    return false;
}

/* Each accepted warning has to be one of a profile of this lift: else it was dealt with on another controller. */
static void check_accepts(struct loader *loader, const struct conf_node *group, const struct lift_settings *lift) {
    const struct settings *settings = loader->settings;
    const struct conf_node *node = conf_get(group, "accepts");
    for (size_t p = 0; p < lift->part_count; p++)
        if (lift->part[p].profile == NO_PROFILE)
            return;
    for (int i = 0; node && lift->part_count > 0 && i < conf_length(node); i++) {
        const char *id = conf_string(conf_at(node, i));
        const char *offered[32];
        size_t count = 0;
        bool known = !id || !id[0];
        for (size_t p = 0; p < lift->part_count && !known; p++) {
            const struct profile *profile = settings->profiles[lift->part[p].profile];
            known = has_warning(profile, id);
            for (size_t w = 0; w < profile->warning_count && count < COUNT_OF(offered); w++)
                offered[count++] = profile->warnings[w].id;
        }
        if (known)
            continue;
        const char *meant = text_suggest(id, offered, count);
        conf_error(conf_at(node, i), loader->problems, "accepts: no profile of this lift warns of \"%s\"%s%s%s", id,
                   meant ? "; did you mean \"" : ": leave it out", meant ? meant : "", meant ? "\"?" : "");
    }
}

static void describe_units(struct settings *settings, struct lift_settings *lift) {
    struct unit_identity *units = settings_get(settings, lift->part_count, sizeof *units);
    for (size_t p = 0; p < lift->part_count; p++) {
        const struct part_settings *part = &lift->part[p];
        const struct profile *profile = part->profile == NO_PROFILE ? NULL : settings->profiles[part->profile];
        units[p] = (struct unit_identity){.unit = part->unit,
                                          .bus = settings->buses[part->bus].name,
                                          .profile = profile ? profile->name : NULL,
                                          .verified = profile && profile->verified};
    }
    lift->identity.units = units;
    lift->identity.unit_count = lift->part_count;
}

void lift_read(struct loader *loader, const struct conf_node *group, size_t bus) {
    struct settings *settings = loader->settings;
    struct lift_settings *lift = &settings->lifts[settings->lift_count++];
    struct lift_section section = {.limits = loader->limits};
    section_read(loader, "lift", group, &section);
    *lift = (struct lift_settings){
        .identity = section.identity, .limits = section.limits, .accepts = section.accepts, .line = conf_line(group)};
    check_id(loader, group, lift);
    resolve_floors(loader, group, &lift->identity);
    check_size(loader, group, &lift->identity);
    if (conf_get(group, "parts"))
        read_parts(loader, group, bus);
    else
        read_unit(loader, group, &section.part, bus);
    check_accepts(loader, group, lift);
    describe_units(settings, lift);
}
