#include "profile/load.h"

#include "base/memory.h"
#include "base/text.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const value_keys[] = {
    "item",   "address",    "table", "type",    "bit",  "bits",    "scale",  "offset", "map",    "else",
    "invert", "word_order", "valid", "invalid", "lane", "only_if", "unused", "on_ms",  "off_ms",
};

static bool has(const struct conf_node *row, const char *key) {
    return conf_get(row, key) != NULL;
}

/* The named keys of row mean nothing there. */
static void forbid(const struct loader *loader, const struct conf_node *row, const char *const keys[], size_t count,
                   const char *why) {
    for (size_t i = 0; i < count; i++)
        if (has(row, keys[i]))
            conf_error(conf_get(row, keys[i]), loader->problems, "%s cannot be: %s", keys[i], why);
}

static void add_raw(const struct loader *loader, const struct conf_node *node, struct value_row *row,
                    struct outcome outcome) {
    int64_t raw;
    if (!take_raw(loader, node, &row->place, &raw))
        return;
    for (size_t i = 0; i < row->map_count; i++) {
        if (row->map[i].raw != raw)
            continue;
        conf_error(node, loader->problems, "the map has two answers for %" PRId64, raw);
        return;
    }
    row->map = memory_grow(row->map, row->map_count + 1, sizeof *row->map);
    row->map[row->map_count++] = (struct raw_outcome){raw, outcome};
}

/* map = { word = raw | [raw …]; } */
static void read_map(const struct loader *loader, const struct conf_node *map, struct value_row *row) {
    if (conf_type(map) != CONF_GROUP || conf_length(map) == 0) {
        conf_error(map, loader->problems, "map must be a group { word = raw; … }, not empty");
        return;
    }
    for (int i = 0; i < conf_length(map); i++) {
        const struct conf_node *node = conf_at(map, i);
        struct outcome outcome;
        if (!take_outcome(loader, node, row->slot, conf_name(node), &outcome))
            continue;
        if (conf_type(node) != CONF_LIST)
            add_raw(loader, node, row, outcome);
        for (int k = 0; conf_type(node) == CONF_LIST && k < conf_length(node); k++)
            add_raw(loader, conf_at(node, k), row, outcome);
    }
}

/* A row whose item has words: they come from a map, or from one bit that is yes or no. */
static void read_word_row(const struct loader *loader, const struct conf_node *node, struct value_row *row) {
    static const char *const number_keys[] = {"scale", "offset"};
    bool is_bool = loader->profile->slot_kinds[row->slot] == KIND_BOOL;
    forbid(loader, node, number_keys, COUNT_OF(number_keys), "the item has words, not a number");
    if (has(node, "map"))
        read_map(loader, conf_get(node, "map"), row);
    else if (!is_bool)
        conf_error(node, loader->problems, "%s needs a map from raw values to its words",
                   loader->profile->slot_names[row->slot]);
    else if (!place_is_one_bit(&row->place))
        conf_error(node, loader->problems, "more than one bit needs a map { no = …; yes = …; }");
    if (has(node, "else") && !has(node, "map"))
        conf_error(conf_get(node, "else"), loader->problems, "else needs a map");
    take_otherwise(loader, node, row->slot, &row->otherwise);
    take_ms(loader, node, "on_ms", &row->on_ms);
    if (!is_bool && has(node, "off_ms"))
        conf_error(conf_get(node, "off_ms"), loader->problems,
                   "off_ms is for items that are yes or no; on_ms holds for every change of a word");
    take_ms(loader, node, "off_ms", &row->off_ms);
}

static void read_number_row(const struct loader *loader, const struct conf_node *node, struct value_row *row) {
    static const char *const word_keys[] = {"map", "else", "on_ms", "off_ms"};
    forbid(loader, node, word_keys, COUNT_OF(word_keys), "the item is a number and has no words");
    row->scale = 1.0;
    bool scaled = take_number(loader, node, "scale", &row->scale);
    bool shifted = take_number(loader, node, "offset", &row->offset);
    row->scaled = scaled || shifted;
    if (row->scale == 0.0)
        conf_error(conf_get(node, "scale"), loader->problems, "scale must not be 0");
    if (loader->profile->slot_kinds[row->slot] == KIND_COUNTER && row->scale < 0.0)
        conf_error(conf_get(node, "scale"), loader->problems, "the scale of a counter must be above 0");
}

static void read_valid(const struct loader *loader, const struct conf_node *node, struct value_row *row) {
    const struct conf_node *valid = conf_get(node, "valid");
    if (!valid)
        return;
    if (conf_length(valid) != 2) {
        conf_error(valid, loader->problems, "valid must be [lowest, highest]");
        return;
    }
    row->ranged = take_raw(loader, conf_at(valid, 0), &row->place, &row->valid_low) &&
                  take_raw(loader, conf_at(valid, 1), &row->place, &row->valid_high);
    if (row->ranged && row->valid_low > row->valid_high)
        conf_error(valid, loader->problems, "valid must be [lowest, highest]: nothing lies within");
}

static void read_value(const struct loader *loader, const struct conf_node *node, struct value_row *row) {
    static const char *const lanes[] = {[LANE_FAST] = "fast", [LANE_SLOW] = "slow"};
    *row = (struct value_row){.slot = -1, .only_if = -1, .file = keep_file(loader, node), .line = conf_line(node)};
    conf_check_keys(node, value_keys, COUNT_OF(value_keys), loader->problems);
    bool named = has(node, "item") && take_item(loader, conf_get(node, "item"), &row->slot);
    if (!has(node, "item"))
        conf_error(node, loader->problems, "item is missing");
    bool placed = take_place(loader, node, &row->place);
    int lane = LANE_FAST;
    take_choice(loader, node, "lane", lanes, COUNT_OF(lanes), &lane);
    row->lane = (enum lane)lane;
    take_only_if(loader, node, &row->only_if);
    if (!named || !placed)
        return;
    take_raws(loader, node, "invalid", &row->place, &row->invalid, &row->invalid_count);
    read_valid(loader, node, row);
    if (take_bool(loader, node, "invert", &row->invert) && row->invert && !place_is_one_bit(&row->place))
        conf_error(conf_get(node, "invert"), loader->problems, "only one bit can be inverted");
    if (has(node, "unused"))
        row->has_unused = take_raw(loader, conf_get(node, "unused"), &row->place, &row->unused);
    enum item_kind kind = loader->profile->slot_kinds[row->slot];
    if (kind == KIND_WORD || kind == KIND_BOOL)
        read_word_row(loader, node, row);
    else
        read_number_row(loader, node, row);
}

/* map = { word = "pattern" | ["pattern" …]; } */
static void read_truth_table(const struct loader *loader, const struct conf_node *node, struct rule_row *row) {
    static const char *const keys[] = {"item", "from", "map", "else"};
    conf_check_keys(node, keys, COUNT_OF(keys), loader->problems);
    row->kind = RULE_TRUTH;
    bool right = take_from(loader, node, row->from, &row->from_count);
    enum item_kind kind = row->slot < 0 ? KIND_BOOL : loader->profile->slot_kinds[row->slot];
    if (kind != KIND_WORD && kind != KIND_BOOL) {
        conf_error(node, loader->problems, "%s is a number: a truth table gives words",
                   loader->profile->slot_names[row->slot]);
        return;
    }
    const struct conf_node *map = conf_get(node, "map");
    if (!map || conf_type(map) != CONF_GROUP || conf_length(map) == 0) {
        conf_error(map ? map : node, loader->problems, "map must be a group { word = \"pattern\"; … }, not empty");
        return;
    }
    if (!right || row->slot < 0)
        return;
    struct patterns patterns = {0};
    for (int i = 0; i < conf_length(map); i++) {
        const struct conf_node *word = conf_at(map, i);
        struct outcome outcome;
        if (take_outcome(loader, word, row->slot, conf_name(word), &outcome))
            take_patterns(loader, word, row->from_count, outcome, &patterns);
    }
    check_patterns(loader, &patterns, row->from_count);
    row->patterns = patterns.list;
    row->pattern_count = patterns.count;
    free(patterns.nodes);
    take_otherwise(loader, node, row->slot, &row->otherwise);
}

/* count or time = "item", is = "word" */
static void read_watch(const struct loader *loader, const struct conf_node *node, struct rule_row *row) {
    static const char *const edge_keys[] = {"item", "count", "is", "min_ms"};
    static const char *const time_keys[] = {"item", "time", "is"};
    bool edges = row->kind == RULE_EDGES;
    if (edges)
        conf_check_keys(node, edge_keys, COUNT_OF(edge_keys), loader->problems);
    else
        conf_check_keys(node, time_keys, COUNT_OF(time_keys), loader->problems);
    if (edges && row->slot >= 0 &&
        (loader->profile->slot_kinds[row->slot] != KIND_COUNTER || row->slot == ITEM_RUN_HOURS))
        conf_error(node, loader->problems, "count makes a counter other than run_hours; %s is none",
                   loader->profile->slot_names[row->slot]);
    if (!edges && row->slot >= 0 && row->slot != ITEM_RUN_HOURS)
        conf_error(node, loader->problems, "time makes run_hours, not %s", loader->profile->slot_names[row->slot]);
    take_ms(loader, node, "min_ms", &row->min_ms);
    const char *is = take_text(loader, node, "is");
    if (!has(node, "is"))
        conf_error(node, loader->problems, "is = \"word\" is missing");
    if (!take_source(loader, conf_get(node, edges ? "count" : "time"), &row->of) || !is)
        return;
    size_t count;
    const char *const *words = slot_words(loader->profile, row->of, &count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(words[i], is) != 0)
            continue;
        row->is = (int64_t)i;
        return;
    }
    if (count == 0)
        conf_error(node, loader->problems, "%s has no words that could be watched",
                   loader->profile->slot_names[row->of]);
    else
        say_unknown(loader, conf_get(node, "is"), "such word", is, words, count);
}

static void read_rule(const struct loader *loader, const struct conf_node *node, struct rule_row *row) {
    *row = (struct rule_row){.slot = -1, .of = -1, .file = keep_file(loader, node), .line = conf_line(node)};
    if (!has(node, "item"))
        conf_error(node, loader->problems, "item is missing");
    else
        take_item(loader, conf_get(node, "item"), &row->slot);
    if (has(node, "from") + has(node, "count") + has(node, "time") != 1) {
        conf_error(node, loader->problems, "a rule has exactly one of from, count and time");
        return;
    }
    if (has(node, "from")) {
        read_truth_table(loader, node, row);
        return;
    }
    row->kind = has(node, "count") ? RULE_EDGES : RULE_TIME;
    read_watch(loader, node, row);
}

void read_values(const struct loader *loader) {
    struct profile *profile = loader->profile;
    profile->value_count = loader->values ? (size_t)conf_length(loader->values) : 0;
    profile->values = memory_get(profile->value_count, sizeof *profile->values);
    for (size_t i = 0; i < profile->value_count; i++)
        read_value(loader, conf_at(loader->values, (int)i), &profile->values[i]);
}

void read_rules(const struct loader *loader) {
    struct profile *profile = loader->profile;
    profile->rule_count = loader->rules ? (size_t)conf_length(loader->rules) : 0;
    profile->rules = memory_get(profile->rule_count, sizeof *profile->rules);
    for (size_t i = 0; i < profile->rule_count; i++)
        read_rule(loader, conf_at(loader->rules, (int)i), &profile->rules[i]);
}
