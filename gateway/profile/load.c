#include "profile/load.h"

#include "base/memory.h"
#include "base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define REGISTERS_MAX 125
#define GAP_MS_MAX 1000
#define PRIVATE_NAME_SIZE 64

static const char *const parity_names[] = {
    [PARITY_UNSET] = "", [PARITY_NONE] = "none", [PARITY_EVEN] = "even", [PARITY_ODD] = "odd"};

const char *parity_name(enum parity parity) {
    return parity_names[parity];
}

enum parity parity_by_name(const char *name) {
    for (enum parity parity = PARITY_ODD; parity > PARITY_UNSET; parity--)
        if (strcmp(parity_names[parity], name) == 0)
            return parity;
    return PARITY_UNSET;
}

int profile_slot(const struct profile *profile, const char *name) {
    for (size_t i = 0; i < profile->slot_count; i++)
        if (strcmp(profile->slot_names[i], name) == 0)
            return (int)i;
    return -1;
}

bool profile_sets(const struct profile *profile, int slot) {
    for (size_t i = 0; i < profile->value_count; i++)
        if (profile->values[i].slot == slot)
            return true;
    for (size_t i = 0; i < profile->rule_count; i++)
        if (profile->rules[i].slot == slot)
            return true;
    return false;
}

const char *const *slot_words(const struct profile *profile, int slot, size_t *count) {
    /* A private item with words is yes or no. */
    enum item like = slot < ITEM_COUNT                        ? (enum item)slot
                     : profile->slot_kinds[slot] == KIND_BOOL ? ITEM_DOOR_ZONE
                                                              : ITEM_FLOOR;
    *count = item_info(like)->word_count;
    return item_info(like)->words;
}

static void add_slot(struct profile *profile, const char *name, enum item_kind kind) {
    size_t count = profile->slot_count + 1;
    profile->slot_names = memory_grow(profile->slot_names, count, sizeof *profile->slot_names);
    profile->slot_kinds = memory_grow(profile->slot_kinds, count, sizeof *profile->slot_kinds);
    profile->slot_names[count - 1] = memory_text(name);
    profile->slot_kinds[count - 1] = kind;
    profile->slot_count = count;
}

static bool is_private_name(const char *name) {
    size_t size = strlen(name);
    return name[0] == '_' && size > 1 && size < PRIVATE_NAME_SIZE &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == size;
}

/* Private items are yes or no if they come from one bit, a map or a truth table, else numbers. */
static enum item_kind private_kind(const struct loader *loader, const struct conf_node *row, bool is_rule) {
    const struct conf_node *bits = conf_get(row, "bits");
    int64_t low = 0;
    int64_t high = 1;
    bool one_bit = bits && conf_length(bits) == 2 && conf_int(conf_at(bits, 0), &low) &&
                   conf_int(conf_at(bits, 1), &high) && low == high;
    const struct conf_node *table_node = conf_get(row, "table");
    const char *table_word = table_node ? conf_string(table_node) : NULL;
    int table = table_word ? table_by_name(table_word) : loader->profile->table;
    bool coil = table == TABLE_COIL || table == TABLE_DISCRETE;
    bool is_bool = is_rule || one_bit || coil || conf_get(row, "bit") || conf_get(row, "map");
    return is_bool ? KIND_BOOL : KIND_NUMBER;
}

/* Gives each private item that a row sets its slot, before any row is read: rows may name items that stand below. */
static void collect_private(struct loader *loader, const struct conf_node *rows, bool are_rules) {
    struct profile *profile = loader->profile;
    for (int i = 0; rows && i < conf_length(rows); i++) {
        const struct conf_node *row = conf_at(rows, i);
        const struct conf_node *item = conf_get(row, "item");
        const char *name = item ? conf_string(item) : NULL;
        if (!name || name[0] != '_')
            continue;
        if (!is_private_name(name))
            conf_error(item, loader->problems, "a private name is _ and then up to %d of a-z, 0-9 and _",
                       PRIVATE_NAME_SIZE - 2);
        enum item_kind kind = private_kind(loader, row, are_rules);
        int slot = profile_slot(profile, name);
        if (slot < 0)
            add_slot(profile, name, kind);
        else if (profile->slot_kinds[slot] != kind)
            conf_error(item, loader->problems, "%s is yes or no in one row and a number in another", name);
    }
}

static void mark_set(const struct profile *profile, const struct conf_node *rows, bool set[]) {
    for (int i = 0; rows && i < conf_length(rows); i++) {
        const struct conf_node *item = conf_get(conf_at(rows, i), "item");
        const char *name = item ? conf_string(item) : NULL;
        int slot = name ? profile_slot(profile, name) : -1;
        if (slot >= 0)
            set[slot] = true;
    }
}

const char *keep_file(const struct loader *loader, const struct conf_node *node) {
    struct profile *profile = loader->profile;
    for (size_t i = 0; i < profile->file_count; i++)
        if (strcmp(profile->files[i], conf_file(node)) == 0)
            return profile->files[i];
    profile->files = memory_grow(profile->files, profile->file_count + 1, sizeof *profile->files);
    return profile->files[profile->file_count++] = memory_text(conf_file(node));
}

/* A list of groups, NULL if it is absent; a wrong one is a problem and counts as absent. */
static const struct conf_node *rows_of(const struct loader *loader, const struct conf_node *root, const char *key) {
    const struct conf_node *list = conf_get(root, key);
    if (!list)
        return NULL;
    if (conf_type(list) != CONF_LIST) {
        conf_error(list, loader->problems, "%s must be a list ( { … }, … )", key);
        return NULL;
    }
    bool right = true;
    for (int i = 0; i < conf_length(list); i++) {
        if (conf_type(conf_at(list, i)) == CONF_GROUP)
            continue;
        conf_error(conf_at(list, i), loader->problems, "each of %s must be a group { … }", key);
        right = false;
    }
    return right ? list : NULL;
}

/* "generic-ba" of "/usr/share/liftgw/profiles/generic-ba.cfg". */
static char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    char *name = memory_text(slash ? slash + 1 : path);
    char *dot = strrchr(name, '.');
    if (dot && strcmp(dot, ".cfg") == 0)
        *dot = '\0';
    return name;
}

static void read_name(const struct loader *loader, const struct conf_node *root) {
    struct profile *profile = loader->profile;
    char *base = base_name(profile->file);
    const char *name = take_text(loader, root, "name");
    if (!conf_get(root, "name"))
        problems_add(loader->problems, PROBLEM_ERROR, profile->file, 0, "name is missing: name = \"%s\";", base);
    else if (name && strcmp(name, base) != 0)
        conf_error(conf_get(root, "name"), loader->problems, "name must be that of the file: '%s'", base);
    profile->name = base;
}

static void read_line(const struct loader *loader, const struct conf_node *root) {
    static const char *const keys[] = {"baud", "parity", "data_bits", "stop_bits", "unit"};
    struct line_defaults *line = &loader->profile->line;
    const struct conf_node *group = conf_get(root, "line");
    if (!group)
        return;
    if (conf_type(group) != CONF_GROUP) {
        conf_error(group, loader->problems, "line must be a group { baud = …; parity = …; … }");
        return;
    }
    conf_check_keys(group, keys, COUNT_OF(keys), loader->problems);
    int parity = PARITY_UNSET;
    take_small(loader, group, "baud", 300, 4000000, &line->baud);
    if (take_choice(loader, group, "parity", parity_names + PARITY_NONE, COUNT_OF(parity_names) - PARITY_NONE, &parity))
        line->parity = (enum parity)(parity + PARITY_NONE);
    take_small(loader, group, "data_bits", 7, 8, &line->data_bits);
    take_small(loader, group, "stop_bits", 1, 2, &line->stop_bits);
    take_small(loader, group, "unit", 1, 247, &line->unit);
}

static void read_warnings(const struct loader *loader, const struct conf_node *root) {
    static const char *const keys[] = {"id", "text", "text_zh"};
    struct profile *profile = loader->profile;
    const struct conf_node *list = rows_of(loader, root, "warnings");
    size_t count = list ? (size_t)conf_length(list) : 0;
    profile->warnings = memory_get(count, sizeof *profile->warnings);
    profile->warning_count = count;
    for (size_t i = 0; i < count; i++) {
        const struct conf_node *node = conf_at(list, (int)i);
        struct profile_warning *warning = &profile->warnings[i];
        conf_check_keys(node, keys, COUNT_OF(keys), loader->problems);
        for (size_t k = 0; k < COUNT_OF(keys); k++)
            if (!conf_get(node, keys[k]))
                conf_error(node, loader->problems, "%s is missing", keys[k]);
        warning->id = memory_text(take_text(loader, node, "id"));
        warning->text = memory_text(take_text(loader, node, "text"));
        warning->chinese = memory_text(take_text(loader, node, "text_zh"));
        for (size_t k = 0; warning->id && k < i; k++)
            if (profile->warnings[k].id && strcmp(profile->warnings[k].id, warning->id) == 0)
                conf_error(node, loader->problems, "another warning has the id '%s'", warning->id);
    }
}

/* Says that a profile does not tell something that people need, but no program does. */
static char *read_about(const struct loader *loader, const struct conf_node *root, const char *key) {
    if (!conf_get(root, key))
        problems_add(loader->problems, PROBLEM_WARNING, loader->profile->file, 0, "%s is missing", key);
    return memory_text(take_text(loader, root, key));
}

static void read_head(const struct loader *loader, const struct conf_node *root) {
    static const char *const keys[] = {
        "name",    "title",  "source", "verified", "line",          "dialect",  "table",
        "max_gap", "values", "rules",  "faults",   "max_registers", "warnings", "min_gap_ms",
    };
    static const char *const dialects[] = {[DIALECT_RTU] = "rtu", [DIALECT_MONARCH] = "monarch"};
    static const char *const tables[] = {"holding", "input", "coil", "discrete"};
    struct profile *profile = loader->profile;
    int dialect = DIALECT_RTU;
    int table;
    conf_check_keys(root, keys, COUNT_OF(keys), loader->problems);
    read_name(loader, root);
    profile->title = read_about(loader, root, "title");
    profile->origin = read_about(loader, root, "source");
    take_bool(loader, root, "verified", &profile->verified);
    read_line(loader, root);
    take_choice(loader, root, "dialect", dialects, COUNT_OF(dialects), &dialect);
    profile->dialect = (enum dialect)dialect;
    if (take_choice(loader, root, "table", tables, COUNT_OF(tables), &table))
        profile->table = table_by_name(tables[table]);
    profile->max_registers = REGISTERS_MAX;
    take_small(loader, root, "max_registers", 1, REGISTERS_MAX, &profile->max_registers);
    take_small(loader, root, "max_gap", 0, REGISTERS_MAX, &profile->max_gap);
    take_small(loader, root, "min_gap_ms", 0, GAP_MS_MAX, &profile->min_gap_ms);
    read_warnings(loader, root);
}

static void read_rows(struct loader *loader, const struct conf_node *root) {
    struct profile *profile = loader->profile;
    for (enum item item = 0; item < ITEM_COUNT; item++)
        add_slot(profile, item_info(item)->name, item_info(item)->kind);
    loader->values = rows_of(loader, root, "values");
    loader->rules = rows_of(loader, root, "rules");
    loader->faults = rows_of(loader, root, "faults");
    if (!conf_get(root, "values") && !conf_get(root, "faults"))
        problems_add(loader->problems, PROBLEM_ERROR, profile->file, 0, "neither values nor faults: nothing to read");
    collect_private(loader, loader->values, false);
    collect_private(loader, loader->rules, true);
    bool *set = memory_get(profile->slot_count, sizeof *set);
    mark_set(profile, loader->values, set);
    mark_set(profile, loader->rules, set);
    loader->set = set;
    read_values(loader);
    read_rules(loader);
    read_faults(loader);
    check_rows(loader);
    free(set);
}

struct profile *profile_load(const char *path, struct problems *problems) {
    size_t errors = problems_count(problems, PROBLEM_ERROR);
    struct conf *conf = conf_open(path, problems);
    if (!conf)
        return NULL;
    struct profile *profile = memory_get(1, sizeof *profile);
    struct loader loader = {.profile = profile, .problems = problems};
    profile->file = memory_text(path);
    profile->hash = conf_hash(conf);
    read_head(&loader, conf_root(conf));
    read_rows(&loader, conf_root(conf));
    conf_close(conf);
    if (problems_count(problems, PROBLEM_ERROR) == errors)
        return profile;
    profile_free(profile);
    return NULL;
}

static void free_fault(struct fault_row *row) {
    free(row->patterns);
    free(row->none);
    free(row->no_stop);
    free(row->code_format);
    for (size_t i = 0; i < row->code_count; i++) {
        free(row->codes[i].chinese);
        free(row->codes[i].english);
    }
    free(row->codes);
}

void profile_free(struct profile *profile) {
    if (!profile)
        return;
    for (size_t i = 0; i < profile->warning_count; i++) {
        free(profile->warnings[i].id);
        free(profile->warnings[i].text);
        free(profile->warnings[i].chinese);
    }
    for (size_t i = 0; i < profile->slot_count; i++)
        free(profile->slot_names[i]);
    for (size_t i = 0; i < profile->file_count; i++)
        free(profile->files[i]);
    for (size_t i = 0; i < profile->value_count; i++) {
        free(profile->values[i].invalid);
        free(profile->values[i].map);
    }
    for (size_t i = 0; i < profile->rule_count; i++)
        free(profile->rules[i].patterns);
    for (size_t i = 0; i < profile->fault_count; i++)
        free_fault(&profile->faults[i]);
    free(profile->warnings);
    free(profile->slot_names);
    free(profile->slot_kinds);
    free(profile->values);
    free(profile->rules);
    free(profile->faults);
    free(profile->sources);
    free(profile->file);
    free(profile->files);
    free(profile->name);
    free(profile->title);
    free(profile->origin);
    free(profile);
}
