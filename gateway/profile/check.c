#include "profile/load.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static bool same_outcome(const struct outcome *a, const struct outcome *b) {
    return a->kind == b->kind && a->number == b->number;
}

static bool same_map(const struct value_row *a, const struct value_row *b) {
    if (a->map_count != b->map_count || !same_outcome(&a->otherwise, &b->otherwise))
        return false;
    for (size_t i = 0; i < a->map_count; i++) {
        size_t k = 0;
        while (k < b->map_count && a->map[i].raw != b->map[k].raw)
            k++;
        if (k == b->map_count || !same_outcome(&a->map[i].outcome, &b->map[k].outcome))
            return false;
    }
    return true;
}

static bool same_patterns(const struct pattern *a, size_t a_count, const struct pattern *b, size_t b_count) {
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (strcmp(a[i].text, b[i].text) != 0 || !same_outcome(&a[i].outcome, &b[i].outcome))
            return false;
    return true;
}

static bool same_from(const int a[], size_t a_count, const int b[], size_t b_count) {
    return a_count == b_count && memcmp(a, b, a_count * sizeof a[0]) == 0;
}

/* Rows under another only_if are other rows: one reading for each of two situations. */
static bool same_value(const struct value_row *a, const struct value_row *b) {
    return a->slot >= 0 && a->slot == b->slot && a->only_if == b->only_if && place_same(&a->place, &b->place) &&
           same_map(a, b);
}

static bool same_rule(const struct rule_row *a, const struct rule_row *b) {
    return a->kind == RULE_TRUTH && b->kind == RULE_TRUTH && a->slot >= 0 && a->slot == b->slot &&
           same_from(a->from, a->from_count, b->from, b->from_count) &&
           same_patterns(a->patterns, a->pattern_count, b->patterns, b->pattern_count);
}

static bool same_fault(const struct fault_row *a, const struct fault_row *b) {
    if (a->kind != b->kind || a->only_if != b->only_if || a->source.fault != b->source.fault)
        return false;
    if (a->kind != FAULT_ROW_PATTERN)
        return place_same(&a->place, &b->place);
    return same_from(a->from, a->from_count, b->from, b->from_count) &&
           same_patterns(a->patterns, a->pattern_count, b->patterns, b->pattern_count);
}

static void check_doubles(const struct loader *loader) {
    const struct profile *profile = loader->profile;
    for (size_t i = 0; i < profile->value_count; i++)
        for (size_t k = 0; k < i; k++)
            if (same_value(&profile->values[k], &profile->values[i]))
                conf_error(conf_at(loader->values, (int)i), loader->problems,
                           "the same item, source and map stand in line %d already", profile->values[k].line);
    for (size_t i = 0; i < profile->rule_count; i++)
        for (size_t k = 0; k < i; k++)
            if (same_rule(&profile->rules[k], &profile->rules[i]))
                conf_error(conf_at(loader->rules, (int)i), loader->problems,
                           "the same item, from and map stand in line %d already", profile->rules[k].line);
    for (size_t i = 0; i < profile->fault_count; i++)
        for (size_t k = 0; k < i; k++)
            if (same_fault(&profile->faults[k], &profile->faults[i]))
                conf_error(conf_at(loader->faults, (int)i), loader->problems,
                           "the same fault and source stand in line %d already", profile->faults[k].line);
}

/* A counter has one source: two would add up to nothing. */
static void check_counters(const struct loader *loader) {
    const struct profile *profile = loader->profile;
    int line[ITEM_COUNT] = {0};
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        if (row->slot >= ITEM_FIRST_COUNTER && row->slot < ITEM_COUNT)
            line[row->slot] = row->line;
    }
    for (size_t i = 0; i < profile->rule_count; i++) {
        const struct rule_row *row = &profile->rules[i];
        if (row->kind == RULE_TRUTH || row->slot < ITEM_FIRST_COUNTER || row->slot >= ITEM_COUNT)
            continue;
        if (line[row->slot])
            conf_error(conf_at(loader->rules, (int)i), loader->problems, "%s has a source in line %d already",
                       profile->slot_names[row->slot], line[row->slot]);
        line[row->slot] = row->line;
    }
}

/* Marks every rule that the marked ones need, until nothing is added. */
static void mark_needed(const struct profile *profile, bool needed[]) {
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < profile->rule_count; i++)
            for (size_t k = 0; needed[i] && k < profile->rule_count; k++) {
                if (needed[k] || profile->rules[k].slot < 0 || !rule_uses(&profile->rules[i], profile->rules[k].slot))
                    continue;
                needed[k] = true;
                grew = true;
            }
    }
}

/* A rule needs itself if its own item is among those that it is made from, or that those are made from. */
static bool needs_itself(const struct profile *profile, size_t rule, bool needed[]) {
    const struct rule_row *row = &profile->rules[rule];
    memset(needed, 0, profile->rule_count * sizeof needed[0]);
    for (size_t k = 0; k < profile->rule_count; k++)
        needed[k] = profile->rules[k].slot >= 0 && rule_uses(row, profile->rules[k].slot);
    mark_needed(profile, needed);
    return row->slot >= 0 && (needed[rule] || rule_uses(row, row->slot));
}

/* True if a value row, or a rule before the given one, sets the slot. */
static bool set_above_rule(const struct profile *profile, size_t rule, int slot) {
    for (size_t i = 0; i < profile->value_count; i++)
        if (profile->values[i].slot == slot)
            return true;
    for (size_t i = 0; i < rule; i++)
        if (profile->rules[i].slot == slot)
            return true;
    return false;
}

static void check_rule_order(const struct loader *loader, size_t rule) {
    const struct profile *profile = loader->profile;
    const struct rule_row *row = &profile->rules[rule];
    for (int slot = 0; slot < (int)profile->slot_count; slot++)
        if (rule_uses(row, slot) && !set_above_rule(profile, rule, slot))
            conf_warning(conf_at(loader->rules, (int)rule), loader->problems,
                         "'%s' is set below: this rule sees what the last poll said; move it down",
                         profile->slot_names[slot]);
}

static void check_rules(const struct loader *loader) {
    const struct profile *profile = loader->profile;
    bool *needed = memory_get(profile->rule_count, sizeof *needed);
    for (size_t i = 0; i < profile->rule_count; i++) {
        if (needs_itself(profile, i, needed))
            conf_error(conf_at(loader->rules, (int)i), loader->problems,
                       "a rule that needs itself: '%s' follows "
                       "from what it is made from",
                       profile->slot_names[profile->rules[i].slot]);
        else
            check_rule_order(loader, i);
    }
    free(needed);
}

/* only_if: the item has to be set by a row that does not wait for it in turn. */
static void check_only_if(const struct loader *loader) {
    const struct profile *profile = loader->profile;
    bool *reached = memory_get(profile->slot_count, sizeof *reached);
    for (size_t i = 0; i < profile->rule_count; i++)
        if (profile->rules[i].slot >= 0)
            reached[profile->rules[i].slot] = true;
    for (bool grew = true; grew;) {
        grew = false;
        for (size_t i = 0; i < profile->value_count; i++) {
            const struct value_row *row = &profile->values[i];
            if (row->slot < 0 || reached[row->slot] || (row->only_if >= 0 && !reached[row->only_if]))
                continue;
            reached[row->slot] = true;
            grew = true;
        }
    }
    bool *above = memory_get(profile->slot_count, sizeof *above);
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        const struct conf_node *node = conf_at(loader->values, (int)i);
        if (row->only_if >= 0 && !reached[row->only_if])
            conf_error(node, loader->problems, "only_if can never be fulfilled: '%s' waits for this row",
                       profile->slot_names[row->only_if]);
        else if (row->only_if >= 0 && !above[row->only_if])
            conf_warning(node, loader->problems,
                         "'%s' is set below: only_if sees what the last poll said; move this row down",
                         profile->slot_names[row->only_if]);
        if (row->slot >= 0)
            above[row->slot] = true;
    }
    free(above);
    free(reached);
}

void check_rows(const struct loader *loader) {
    check_doubles(loader);
    check_counters(loader);
    check_rules(loader);
    check_only_if(loader);
}
