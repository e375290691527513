/* What the units of one bus want of its line: settings that the bus leaves to the profiles, and what they share. */
#include "base/baud.h"
#include "base/text.h"
#include "settings/loader.h"

#include <string.h>

struct line_key {
    const char *key;
    size_t bus_offset, profile_offset;
    int otherwise; /* if neither the bus nor a profile says it; 0: somebody has to */
};
static const struct line_key line_keys[] = {
    {"baud", offsetof(struct bus_section, baud), offsetof(struct line_defaults, baud), 0},
    {"parity", offsetof(struct bus_section, parity), offsetof(struct line_defaults, parity), 0},
    {"data_bits", offsetof(struct bus_section, data_bits), offsetof(struct line_defaults, data_bits), 8},
    {"stop_bits", offsetof(struct bus_section, stop_bits), offsetof(struct line_defaults, stop_bits), 1},
};

/* The units of one bus whose profiles are known. */
struct unit_list {
    const struct profile *profile[256];
    int unit[256];
    size_t count;
    size_t all; /* also those without a profile */
};

static void list_units(const struct settings *settings, size_t bus, struct unit_list *units) {
    for (size_t l = 0; l < settings->lift_count; l++)
        for (size_t p = 0; p < settings->lifts[l].part_count; p++) {
            const struct part_settings *part = &settings->lifts[l].part[p];
            if (part->bus != bus)
                continue;
            units->all++;
            if (part->profile == NO_PROFILE || units->count == COUNT_OF(units->unit))
                continue;
            units->unit[units->count] = part->unit;
            units->profile[units->count++] = settings->profiles[part->profile];
        }
}

static int int_at(const void *from, size_t offset) {
    int value;
    memcpy(&value, (const char *)from + offset, sizeof value);
    return value;
}

static void set_int_at(void *to, size_t offset, int value) {
    memcpy((char *)to + offset, &value, sizeof value);
}

static bool is_repeated(const struct unit_list *units, size_t i) {
    for (size_t before = 0; before < i; before++)
        if (units->profile[before] == units->profile[i])
            return true;
    return false;
}

/* "techno-lift 9600, invertek-elevator-core 115200" */
static void list_wishes(const struct unit_list *units, const struct line_key *key, char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; i < units->count && used < size; i++) {
        int wish = int_at(&units->profile[i]->line, key->profile_offset);
        if (wish == 0 || is_repeated(units, i))
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s%s wants ", used ? ", " : "", units->profile[i]->name);
        if (used < size && strcmp(key->key, "parity") == 0)
            used += (size_t)snprintf(text + used, size - used, "\"%s\"", parity_name((enum parity)wish));
        else if (used < size)
            used += (size_t)snprintf(text + used, size - used, "%d", wish);
    }
}

static void resolve_key(struct loader *loader, const struct conf_node *group, struct bus_section *bus,
                        const struct unit_list *units, const struct line_key *key) {
    char wishes[512] = "";
    int wanted = 0;
    bool agreed = true;
    if (int_at(bus, key->bus_offset) != 0 || conf_get(group, key->key))
        return;
    for (size_t i = 0; i < units->count; i++) {
        int wish = int_at(&units->profile[i]->line, key->profile_offset);
        agreed = agreed && (wish == 0 || wanted == 0 || wish == wanted);
        wanted = wish ? wish : wanted;
    }
    if (!agreed) {
        list_wishes(units, key, wishes, sizeof wishes);
        conf_error(group, loader->problems,
                   "the profiles of this bus disagree on %s: %s; set all units alike and "
                   "write %s here",
                   key->key, wishes, key->key);
        return;
    }
    wanted = wanted ? wanted : key->otherwise;
    if (wanted == 0 && units->count == units->all)
        conf_error(group, loader->problems, "no profile of this bus says its %s: write %s here", key->key, key->key);
    set_int_at(bus, key->bus_offset, wanted);
}

static void check_speed(struct loader *loader, const struct conf_node *group, int baud) {
    char known[256] = "";
    size_t used = 0;
    if (baud == 0)
        return;
    if (baud_speed(baud) != B0)
        return;
    for (size_t i = 0; baud_at(i); i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%d", i ? ", " : "", baud_at(i));
    conf_error(section_at(group, "baud"), loader->problems, "baud %d is no speed of a serial line: %s", baud, known);
}

/* The two frame differently: a unit of one kind would take the other's frames for its own. */
static void check_dialects(struct loader *loader, const struct conf_node *group, const struct unit_list *units) {
    size_t rtu = units->count, monarch = units->count;
    for (size_t i = 0; i < units->count; i++)
        *(units->profile[i]->dialect == DIALECT_MONARCH ? &monarch : &rtu) = i;
    if (rtu == units->count || monarch == units->count)
        return;
    conf_error(
        group, loader->problems,
        "the monarch dialect (unit %d, %s) and plain RTU (unit %d, %s) cannot share a line: give each its own bus",
        units->unit[monarch], units->profile[monarch]->name, units->unit[rtu], units->profile[rtu]->name);
}

void line_resolve(struct loader *loader, const struct conf_node *group, size_t bus) {
    struct bus_section *section = &loader->settings->buses[bus];
    struct unit_list units = {.count = 0};
    list_units(loader->settings, bus, &units);
    const struct conf_node *lifts = conf_get(group, "lifts");
    if (units.all == 0) {
        if (!lifts || (conf_type(lifts) == CONF_LIST && conf_length(lifts) == 0))
            conf_error(lifts ? lifts : group, loader->problems,
                       "no unit is on this bus: write a lift into its lifts, or remove the bus");
        return;
    }
    for (size_t i = 0; i < COUNT_OF(line_keys); i++)
        resolve_key(loader, group, section, &units, &line_keys[i]);
    check_speed(loader, group, section->baud);
    check_dialects(loader, group, &units);
}
