#include "profile/options.h"

#include "base/text.h"
#include "profile/place.h"

#include <string.h>

static bool names(const char *const list[], const char *name) {
    for (size_t i = 0; list && list[i]; i++)
        if (strcmp(list[i], name) == 0)
            return true;
    return false;
}

bool options_unused(const struct profile *profile, const struct part_options *options, int slot) {
    return options && names(options->unused, profile->slot_names[slot]);
}

bool options_without(const struct profile *profile, const struct part_options *options, int slot) {
    return options && names(options->without, profile->slot_names[slot]);
}

bool options_invert(const struct profile *profile, const struct part_options *options, const struct place *place) {
    if (!options || !options->invert || !place_is_one_bit(place))
        return false;
    for (size_t i = 0; i < profile->value_count; i++)
        if (place_same(&profile->values[i].place, place) &&
            names(options->invert, profile->slot_names[profile->values[i].slot]))
            return true;
    return false;
}

struct option {
    const char *key;
    const char *const *list;
    bool (*is_meant)(const struct profile *profile, int slot);
    const char *otherwise; /* why not */
};

static bool can_be_inverted(const struct profile *profile, int slot) {
    for (size_t i = 0; i < profile->value_count; i++)
        if (profile->values[i].slot == slot && place_is_one_bit(&profile->values[i].place))
            return true;
    return false;
}

static bool can_be_left_out(const struct profile *profile, int slot) {
    return slot < ITEM_COUNT && profile_sets(profile, slot);
}

static void check_names(const struct profile *profile, const struct option *option, const struct conf_node *node,
                        struct problems *problems) {
    for (size_t i = 0; option->list && option->list[i]; i++) {
        const char *name = option->list[i];
        int slot = profile_slot(profile, name);
        if (slot < 0 || !profile_sets(profile, slot)) {
            const char *set[64];
            size_t count = 0;
            for (int k = 0; k < (int)profile->slot_count && count < COUNT_OF(set); k++)
                if (profile_sets(profile, k))
                    set[count++] = profile->slot_names[k];
            const char *near = text_suggest(name, set, count);
            conf_error(node, problems, "%s: profile %s has no item '%s'%s%s%s", option->key, profile->name, name,
                       near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
        } else if (!option->is_meant(profile, slot)) {
            conf_error(node, problems, "%s: '%s' %s", option->key, name, option->otherwise);
        }
        for (size_t k = 0; k < i; k++)
            if (strcmp(option->list[k], name) == 0)
                conf_error(node, problems, "%s: '%s' is named twice", option->key, name);
    }
}

static bool address_fits(const struct place *place, int offset) {
    long first = (long)place->address + offset;
    return first >= 0 && first + place->words - 1 <= UINT16_MAX;
}

static bool offset_fits(const struct profile *profile, int offset) {
    for (size_t i = 0; i < profile->value_count; i++)
        if (!address_fits(&profile->values[i].place, offset))
            return false;
    for (size_t i = 0; i < profile->fault_count; i++)
        if (profile->faults[i].kind != FAULT_ROW_PATTERN && !address_fits(&profile->faults[i].place, offset))
            return false;
    return true;
}

void profile_check_options(const struct profile *profile, const struct part_options *options,
                           const struct conf_node *node, struct problems *problems) {
    const struct option checked[] = {
        {"invert", options->invert, can_be_inverted, "is not read from one bit: nothing to invert"},
        {"unused", options->unused, profile_sets, "is set by no row"},
        {"without", options->without, can_be_left_out, "is private: it is never published"},
    };
    for (size_t i = 0; i < COUNT_OF(checked); i++) {
        const struct conf_node *key = conf_get(node, checked[i].key);
        check_names(profile, &checked[i], key ? key : node, problems);
    }
    if (!offset_fits(profile, options->address_offset)) {
        const struct conf_node *key = conf_get(node, "address_offset");
        conf_error(key ? key : node, problems, "address_offset = %d moves addresses of profile %s out of 0 to 65535",
                   options->address_offset, profile->name);
    }
}
