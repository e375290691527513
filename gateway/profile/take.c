#include "profile/load.h"

#include "base/memory.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEBOUNCE_MAX_MS 3600000

void say_unknown(const struct loader *loader, const struct conf_node *node, const char *kind, const char *name,
                 const char *const names[], size_t count) {
    const char *near = text_suggest(name, names, count);
    if (near)
        conf_error(node, loader->problems, "no %s '%s'; did you mean '%s'?", kind, name, near);
    else
        conf_error(node, loader->problems, "no %s '%s'", kind, name);
}

bool take_int(const struct loader *loader, const struct conf_node *group, const char *key, int64_t low, int64_t high,
              int64_t *value) {
    const struct conf_node *node = conf_get(group, key);
    int64_t number;
    if (!node)
        return false;
    if (!conf_int(node, &number) || number < low || number > high) {
        conf_error(node, loader->problems, "%s must be a whole number from %" PRId64 " to %" PRId64, key, low, high);
        return false;
    }
    *value = number;
    return true;
}

bool take_small(const struct loader *loader, const struct conf_node *group, const char *key, int low, int high,
                int *value) {
    int64_t number;
    if (!take_int(loader, group, key, low, high, &number))
        return false;
    *value = (int)number;
    return true;
}

bool take_ms(const struct loader *loader, const struct conf_node *group, const char *key, uint32_t *value) {
    int64_t number;
    if (!take_int(loader, group, key, 0, DEBOUNCE_MAX_MS, &number))
        return false;
    *value = (uint32_t)number;
    return true;
}

bool take_bool(const struct loader *loader, const struct conf_node *group, const char *key, bool *value) {
    const struct conf_node *node = conf_get(group, key);
    if (!node)
        return false;
    if (conf_bool(node, value))
        return true;
    conf_error(node, loader->problems, "%s must be true or false", key);
    return false;
}

bool take_number(const struct loader *loader, const struct conf_node *group, const char *key, double *value) {
    const struct conf_node *node = conf_get(group, key);
    double number;
    if (!node)
        return false;
    if (!conf_number(node, &number) || !isfinite(number)) {
        conf_error(node, loader->problems, "%s must be a number", key);
        return false;
    }
    *value = number;
    return true;
}

const char *take_text(const struct loader *loader, const struct conf_node *group, const char *key) {
    const struct conf_node *node = conf_get(group, key);
    if (!node)
        return NULL;
    const char *text = conf_string(node);
    if (text && text[0])
        return text;
    conf_error(node, loader->problems, "%s must be a text in \"quotes\", not empty", key);
    return NULL;
}

bool take_choice(const struct loader *loader, const struct conf_node *group, const char *key, const char *const names[],
                 size_t count, int *index) {
    const char *text = take_text(loader, group, key);
    if (!text)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(names[i], text) != 0)
            continue;
        *index = (int)i;
        return true;
    }
    say_unknown(loader, conf_get(group, key), key, text, names, count);
    return false;
}

bool take_raw(const struct loader *loader, const struct conf_node *node, const struct place *place, int64_t *raw) {
    int64_t low;
    int64_t high;
    place_range(place, &low, &high);
    if (conf_int(node, raw) && place_normalise(place, raw))
        return true;
    conf_error(node, loader->problems, "a raw value here must be a whole number from %" PRId64 " to %" PRId64, low,
               high);
    return false;
}

void take_raws(const struct loader *loader, const struct conf_node *group, const char *key, const struct place *place,
               int64_t **raws, size_t *count) {
    const struct conf_node *node = conf_get(group, key);
    if (!node)
        return;
    bool list = conf_type(node) == CONF_LIST;
    int length = list ? conf_length(node) : 1;
    *raws = memory_get((size_t)length, sizeof **raws);
    for (int i = 0; i < length; i++)
        if (take_raw(loader, list ? conf_at(node, i) : node, place, &(*raws)[*count]))
            (*count)++;
}

static bool take_table(const struct loader *loader, const struct conf_node *row, int *table) {
    static const char *const names[] = {"holding", "input", "coil", "discrete"};
    int index;
    *table = loader->profile->table;
    if (take_choice(loader, row, "table", names, COUNT_OF(names), &index))
        *table = table_by_name(names[index]);
    else if (conf_get(row, "table"))
        return false;
    if (*table)
        return true;
    conf_error(row, loader->problems,
               "no table: say table = \"holding\", \"input\", \"coil\" or \"discrete\" here or "
               "for the whole file");
    return false;
}

static bool take_bits(const struct loader *loader, const struct conf_node *node, struct place *place) {
    int64_t low;
    int64_t high;
    const struct conf_node *first = conf_at(node, 0);
    const struct conf_node *last = conf_at(node, 1);
    if (conf_length(node) != 2 || !conf_int(first, &low) || !conf_int(last, &high)) {
        conf_error(node, loader->problems, "bits must be [lowest, highest]");
        return false;
    }
    if (low < 0 || high > 15 || low > high) {
        conf_error(node, loader->problems, "bits must lie within 0 to 15, the lowest first");
        return false;
    }
    place->bit_low = (uint8_t)low;
    place->bit_high = (uint8_t)high;
    return true;
}

/* What a register row says of type, bit or bits: at most one of them. */
static bool take_type(const struct loader *loader, const struct conf_node *row, struct place *place) {
    const struct conf_node *bit = conf_get(row, "bit");
    const struct conf_node *bits = conf_get(row, "bits");
    const struct conf_node *type = conf_get(row, "type");
    if ((bit != NULL) + (bits != NULL) + (type != NULL) > 1) {
        conf_error(row, loader->problems, "bit, bits and type exclude each other");
        return false;
    }
    if (bit) {
        int64_t number;
        place->type = RAW_BITS;
        if (!take_int(loader, row, "bit", 0, 15, &number))
            return false;
        place->bit_low = place->bit_high = (uint8_t)number;
        return true;
    }
    if (bits) {
        place->type = RAW_BITS;
        return take_bits(loader, bits, place);
    }
    const char *names[RAW_BITS];
    for (enum raw_type i = 0; i < RAW_BITS; i++)
        names[i] = raw_type_name(i);
    int index = RAW_U16;
    if (type && !take_choice(loader, row, "type", names, COUNT_OF(names), &index))
        return false;
    place->type = (enum raw_type)index;
    return true;
}

static bool take_word_order(const struct loader *loader, const struct conf_node *row, struct place *place) {
    static const char *const names[] = {
        [ORDER_ABCD] = "ABCD", [ORDER_CDAB] = "CDAB", [ORDER_BADC] = "BADC", [ORDER_DCBA] = "DCBA"};
    int index = ORDER_ABCD;
    if (!take_choice(loader, row, "word_order", names, COUNT_OF(names), &index))
        return conf_get(row, "word_order") == NULL;
    place->order = (enum word_order)index;
    return true;
}

/* A coil or a discrete input is one bit: nothing more can be said of it. */
static bool check_single_bit(const struct loader *loader, const struct conf_node *row) {
    static const char *const keys[] = {"type", "bit", "bits", "word_order"};
    bool right = true;
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const struct conf_node *node = conf_get(row, keys[i]);
        if (!node)
            continue;
        conf_error(node, loader->problems, "%s cannot be: a coil or discrete input is one bit", keys[i]);
        right = false;
    }
    return right;
}

bool take_place(const struct loader *loader, const struct conf_node *row, struct place *place) {
    int64_t address = 0;
    bool right = take_int(loader, row, "address", 0, UINT16_MAX, &address);
    if (!right && !conf_get(row, "address"))
        conf_error(row, loader->problems, "address is missing");
    *place = (struct place){.type = RAW_BITS, .words = 1};
    if (!take_table(loader, row, &place->table))
        return false;
    if (place->table == TABLE_COIL || place->table == TABLE_DISCRETE)
        right = check_single_bit(loader, row) && right;
    else
        right = take_type(loader, row, place) && take_word_order(loader, row, place) && right;
    place->words = (uint8_t)raw_type_words(place->type);
    place->address = (uint16_t)address;
    if (right && address + place->words - 1 > UINT16_MAX) {
        conf_error(conf_get(row, "address"), loader->problems,
                   "%d registers from address %" PRId64 " would go past the last one, 65535", place->words, address);
        return false;
    }
    if (right && place->words > loader->profile->max_registers) {
        conf_error(row, loader->problems, "needs %d registers in one read, but max_registers is %d", place->words,
                   loader->profile->max_registers);
        return false;
    }
    return right;
}

bool take_item(const struct loader *loader, const struct conf_node *node, int *slot) {
    const struct profile *profile = loader->profile;
    const char *name = conf_string(node);
    if (!name) {
        conf_error(node, loader->problems, "an item's name must be a text in \"quotes\"");
        return false;
    }
    *slot = profile_slot(profile, name);
    if (*slot >= 0)
        return true;
    const char **names = memory_get(profile->slot_count, sizeof *names);
    for (size_t i = 0; i < profile->slot_count; i++)
        names[i] = profile->slot_names[i];
    say_unknown(loader, node, "item", name, names, profile->slot_count);
    free(names);
    return false;
}

bool take_source(const struct loader *loader, const struct conf_node *node, int *slot) {
    int found;
    if (!take_item(loader, node, &found))
        return false;
    if (!loader->set[found]) {
        conf_error(node, loader->problems, "no row of this profile sets '%s'", loader->profile->slot_names[found]);
        return false;
    }
    *slot = found;
    return true;
}

static bool take_bool_source(const struct loader *loader, const struct conf_node *node, int *slot) {
    int found;
    if (!take_source(loader, node, &found))
        return false;
    if (loader->profile->slot_kinds[found] != KIND_BOOL) {
        conf_error(node, loader->problems, "'%s' is not an item that is yes or no", loader->profile->slot_names[found]);
        return false;
    }
    *slot = found;
    return true;
}

void take_only_if(const struct loader *loader, const struct conf_node *row, int *slot) {
    const struct conf_node *node = conf_get(row, "only_if");
    *slot = -1;
    if (node)
        take_bool_source(loader, node, slot);
}

bool take_from(const struct loader *loader, const struct conf_node *row, int from[FROM_MAX], size_t *count) {
    const struct conf_node *node = conf_get(row, "from");
    if (!node || conf_type(node) != CONF_LIST || conf_length(node) < 1 || conf_length(node) > FROM_MAX) {
        conf_error(node ? node : row, loader->problems, "from must be a list of 1 to %d items", FROM_MAX);
        return false;
    }
    bool right = true;
    *count = (size_t)conf_length(node);
    for (int i = 0; i < conf_length(node); i++) {
        from[i] = -1;
        right = take_bool_source(loader, conf_at(node, i), &from[i]) && right;
    }
    return right;
}

static void take_pattern(const struct loader *loader, const struct conf_node *node, size_t length,
                         struct outcome outcome, struct patterns *patterns) {
    const char *text = conf_string(node);
    if (!text || strspn(text, "01-") != strlen(text)) {
        conf_error(node, loader->problems, "a pattern is made of 1 (yes), 0 (no) and - (anything)");
        return;
    }
    if (strlen(text) != length) {
        conf_error(node, loader->problems, "the pattern '%s' has %zu characters, from has %zu items", text,
                   strlen(text), length);
        return;
    }
    patterns->list = memory_grow(patterns->list, patterns->count + 1, sizeof *patterns->list);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it holds */
    patterns->nodes = memory_grow(patterns->nodes, patterns->count + 1, sizeof *patterns->nodes);
    struct pattern *pattern = &patterns->list[patterns->count];
    *pattern = (struct pattern){.outcome = outcome};
    text_copy(pattern->text, sizeof pattern->text, text);
    patterns->nodes[patterns->count++] = node;
}

void take_patterns(const struct loader *loader, const struct conf_node *node, size_t length, struct outcome outcome,
                   struct patterns *patterns) {
    if (conf_type(node) != CONF_LIST) {
        take_pattern(loader, node, length, outcome, patterns);
        return;
    }
    for (int i = 0; i < conf_length(node); i++)
        take_pattern(loader, conf_at(node, i), length, outcome, patterns);
}

/* True if the items, each '0', '1' or '?' (null), are what the pattern asks for. */
static bool pattern_matches(const struct pattern *pattern, const char items[]) {
    for (size_t i = 0; pattern->text[i]; i++)
        if (pattern->text[i] != '-' && pattern->text[i] != items[i])
            return false;
    return true;
}

/* Tries every state that the items can have (at most 3^8) and sees which pattern is the first that matches. */
void check_patterns(const struct loader *loader, const struct patterns *patterns, size_t length) {
    if (patterns->count == 0)
        return;
    bool *reached = memory_get(patterns->count, sizeof *reached);
    char items[FROM_MAX];
    memset(items, '0', sizeof items);
    for (size_t digit = 0; digit < length;) {
        for (size_t i = 0; i < patterns->count; i++) {
            if (!pattern_matches(&patterns->list[i], items))
                continue;
            reached[i] = true;
            break;
        }
        for (digit = 0; digit < length; digit++) {
            items[digit] = items[digit] == '0' ? '1' : items[digit] == '1' ? '?' : '0';
            if (items[digit] != '0')
                break;
        }
    }
    for (size_t i = 0; i < patterns->count; i++)
        if (!reached[i])
            conf_error(patterns->nodes[i], loader->problems,
                       "the pattern '%s' can never match: patterns above take everything that it would",
                       patterns->list[i].text);
    free(reached);
}

bool take_outcome(const struct loader *loader, const struct conf_node *node, int slot, const char *word,
                  struct outcome *outcome) {
    const char *names[WORDS_MAX + 2] = {"keep", "unknown"};
    size_t count;
    const char *const *words = slot_words(loader->profile, slot, &count);
    for (size_t i = 0; i < count; i++)
        names[i + 2] = words[i];
    for (size_t i = 0; i < count + 2; i++) {
        if (strcmp(names[i], word) != 0)
            continue;
        *outcome = (struct outcome){.kind = i == 0   ? OUTCOME_KEEP
                                            : i == 1 ? OUTCOME_UNKNOWN
                                                     : OUTCOME_VALUE,
                                    .number = i < 2 ? 0 : (int64_t)i - 2};
        return true;
    }
    char kind[128];
    snprintf(kind, sizeof kind, "word of %s is", loader->profile->slot_names[slot]);
    say_unknown(loader, node, kind, word, names, count + 2);
    return false;
}

void take_otherwise(const struct loader *loader, const struct conf_node *row, int slot, struct outcome *outcome) {
    const char *word = take_text(loader, row, "else");
    *outcome = (struct outcome){.kind = OUTCOME_UNKNOWN};
    if (word)
        take_outcome(loader, conf_get(row, "else"), slot, word, outcome);
}
