#include "base/text.h"
#include "sim/image_inside.h"

#include <string.h>

/* A piece with more assignments than this is searched one group at a time. */
#define SEARCH_MAX 4096
#define PASSES 4

/* What it costs when a scene is not shown as wanted; the cheapest assignment wins. */
#define COST_FAULT 4000
#define COST_WRONG 1000
#define COST_UNKNOWN 500
#define COST_FALSE_FAULT 300
#define COST_UNFED 10 /* a contact whose supply is off does not read 0 */
#define COST_KEPT 5
#define COST_LIKENESS 1 /* each character in which a fault's pattern fits though the fault is not there */

/* Words that say nearly the same, for controllers that do not know the better one; ascending cost. */
static const struct {
    enum door wanted, shown;
    int cost;
} nearly[] = {
    {DOOR_OPENING, DOOR_MOVING, 1},     {DOOR_CLOSING, DOOR_MOVING, 1},  {DOOR_OPENING, DOOR_NOT_CLOSED, 2},
    {DOOR_CLOSING, DOOR_NOT_CLOSED, 2}, {DOOR_OPEN, DOOR_NOT_CLOSED, 2}, {DOOR_OPENING, DOOR_OPEN, 20},
    {DOOR_CLOSING, DOOR_OPEN, 20},
};

/* ---- what words say ---- */

static void apply(const struct outcome *outcome, struct reading *reading) {
    if (outcome->kind == OUTCOME_KEEP)
        return;
    reading->set = true;
    reading->value = outcome->kind == OUTCOME_VALUE ? VALUE(outcome->number) : VALUE_UNKNOWN;
}

static bool is_yes(const struct reading readings[], int slot) {
    return slot < 0 || (readings[slot].value.known && readings[slot].value.number == 1);
}

static bool is_one_bit(const struct place *place) {
    return place->type == RAW_BITS && place->bit_low == place->bit_high;
}

static bool is_invalid(const struct value_row *row, int64_t raw) {
    for (size_t i = 0; i < row->invalid_count; i++)
        if (row->invalid[i] == raw)
            return true;
    return row->ranged && (raw < row->valid_low || raw > row->valid_high);
}

static void read_row(const struct image *image, const struct value_row *row, const uint16_t words[],
                     struct reading *reading) {
    static const struct outcome unknown = {.kind = OUTCOME_UNKNOWN};
    bool right;
    int64_t raw = image_raw_at(image, &row->place, words, &right);
    if (!right || is_invalid(row, raw)) {
        apply(&unknown, reading);
        return;
    }
    if (row->invert && is_one_bit(&row->place))
        raw = !raw;
    for (size_t i = 0; i < row->map_count; i++) {
        if (row->map[i].raw == raw) {
            apply(&row->map[i].outcome, reading);
            return;
        }
    }
    bool boolean = image->profile->slot_kinds[row->slot] == KIND_BOOL;
    struct outcome plain = {.kind = OUTCOME_VALUE, .number = boolean ? raw != 0 : raw};
    apply(row->map ? &row->otherwise : &plain, reading);
}

static bool fits(char wanted, struct value value) {
    return wanted == '-' || (value.known && value.number == (wanted == '1'));
}

static size_t likeness(const struct pattern *pattern, const int from[], size_t count, const struct reading readings[]) {
    size_t alike = 0;
    for (size_t i = 0; i < count; i++)
        alike += fits(pattern->text[i], readings[from[i]].value);
    return alike;
}

static void read_rule(const struct rule_row *row, struct reading readings[]) {
    for (size_t i = 0; i < row->pattern_count; i++) {
        if (likeness(&row->patterns[i], row->from, row->from_count, readings) == row->from_count) {
            apply(&row->patterns[i].outcome, &readings[row->slot]);
            return;
        }
    }
    apply(&row->otherwise, &readings[row->slot]);
}

/* The items of a piece as a gateway would decode them that saw these words first. */
static void read_piece(const struct image *image, size_t piece, const uint16_t words[], struct reading readings[]) {
    const struct profile *profile = image->profile;
    for (size_t i = 0; i < profile->slot_count; i++)
        readings[i] = (struct reading){.value = VALUE_UNKNOWN};
    for (size_t i = 0; i < profile->value_count; i++)
        if (image->value_piece[i] == piece && is_yes(readings, profile->values[i].only_if))
            read_row(image, &profile->values[i], words, &readings[profile->values[i].slot]);
    for (size_t i = 0; i < profile->rule_count; i++)
        if (image->rule_piece[i] == piece)
            read_rule(&profile->rules[i], readings);
}

/* ---- the search ---- */

static int cost_of_item(enum item item, struct value wanted, const struct reading *shown) {
    if (!shown->set)
        return wanted.known ? COST_KEPT : 0;
    if (!shown->value.known || !wanted.known)
        return shown->value.known == wanted.known ? 0 : COST_UNKNOWN;
    if (shown->value.number == wanted.number)
        return 0;
    for (size_t i = 0; i < COUNT_OF(nearly); i++)
        if (item == ITEM_DOOR && nearly[i].wanted == (enum door)wanted.number &&
            nearly[i].shown == (enum door)shown->value.number)
            return nearly[i].cost;
    return COST_WRONG;
}

static int cost_of_pattern_row(const struct fault_row *row, bool active, const struct reading readings[]) {
    size_t best = 0;
    for (size_t i = 0; i < row->pattern_count; i++) {
        size_t alike = likeness(&row->patterns[i], row->from, row->from_count, readings);
        best = alike > best ? alike : best;
    }
    bool seen = best == row->from_count && is_yes(readings, row->only_if);
    if (active)
        return seen ? 0 : COST_FAULT;
    return (seen ? COST_FALSE_FAULT : 0) + (int)best * COST_LIKENESS;
}

static int cost_of_fault(const struct image *image, size_t i, const struct scene *scene, const uint16_t words[],
                         const struct reading readings[]) {
    const struct fault_row *row = &image->profile->faults[i];
    bool active = scene->fault_active[i];
    if (row->kind == FAULT_ROW_PATTERN)
        return cost_of_pattern_row(row, active, readings);
    int cost = active && !is_yes(readings, row->only_if) ? COST_FAULT : 0;
    if (row->kind == FAULT_ROW_CODES)
        return cost;
    bool right;
    bool seen = (image_raw_at(image, &row->place, words, &right) != 0) != row->invert;
    return cost + (seen != active ? COST_FAULT : 0);
}

static int cost_of_piece(const struct image *image, size_t piece, const struct scene *scene, const uint16_t words[]) {
    const struct profile *profile = image->profile;
    struct reading *readings = image->readings;
    int cost = 0;
    read_piece(image, piece, words, readings);
    for (size_t i = 0; i < ITEM_COUNT; i++)
        if (image->slot_piece[i] == piece)
            cost += cost_of_item((enum item)i, scene->item[i], &readings[i]);
    for (size_t i = 0; i < profile->fault_count; i++)
        if (image->fault_piece[i] == piece)
            cost += cost_of_fault(image, i, scene, words, readings);
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        bool right;
        if (image->value_piece[i] == piece && !is_yes(readings, row->only_if) &&
            image_raw_at(image, &row->place, words, &right))
            cost += COST_UNFED;
    }
    return cost;
}

/* One search: over the groups of a piece. */
struct search {
    const struct image *image;
    const struct scene *scene;
    size_t piece;
    uint16_t *words;
    int best_cost;
};

static void put_candidate(const struct search *search, size_t group, size_t candidate) {
    const struct group *g = &search->image->groups[group];
    search->image->chosen[group] = candidate;
    raw_put(&g->place, g->candidate[candidate], image_words_at(search->image, &g->place, search->words));
}

static void weigh(struct search *search) {
    const struct image *image = search->image;
    int cost = cost_of_piece(image, search->piece, search->scene, search->words);
    if (cost >= search->best_cost)
        return;
    search->best_cost = cost;
    memcpy(image->best, image->chosen, image->group_count * sizeof image->best[0]);
}

/* The next assignment, as an odometer turns; false after the last. */
static bool turn(const struct search *search) {
    for (size_t i = 0; i < search->image->group_count; i++) {
        const struct group *group = &search->image->groups[i];
        if (group->piece != search->piece)
            continue;
        bool wraps = search->image->chosen[i] + 1 == group->candidate_count;
        put_candidate(search, i, wraps ? 0 : search->image->chosen[i] + 1);
        if (!wraps)
            return true;
    }
    return false;
}

static void turn_one_at_a_time(struct search *search) {
    for (int pass = 0; pass < PASSES; pass++) {
        for (size_t i = 0; i < search->image->group_count; i++) {
            if (search->image->groups[i].piece != search->piece)
                continue;
            for (size_t candidate = 0; candidate < search->image->groups[i].candidate_count; candidate++) {
                put_candidate(search, i, candidate);
                weigh(search);
            }
            put_candidate(search, i, search->image->best[i]);
        }
    }
}

static size_t assignments(const struct image *image, size_t piece) {
    size_t product = 1;
    for (size_t i = 0; i < image->group_count && product <= SEARCH_MAX; i++)
        if (image->groups[i].piece == piece)
            product *= image->groups[i].candidate_count;
    return product;
}

static void search_piece(struct search *search) {
    const struct image *image = search->image;
    for (size_t i = 0; i < image->group_count; i++)
        if (image->groups[i].piece == search->piece)
            put_candidate(search, i, 0);
    search->best_cost = INT32_MAX;
    weigh(search);
    if (assignments(image, search->piece) > SEARCH_MAX)
        turn_one_at_a_time(search);
    else
        while (turn(search))
            weigh(search);
}

void image_search(const struct image *image, size_t piece, const struct scene *scene, struct image_memory *memory,
                  uint16_t words[]) {
    struct search search = {.image = image, .scene = scene, .piece = piece, .words = words};
    search_piece(&search);
    for (size_t i = 0; i < image->group_count; i++)
        if (image->groups[i].piece == piece)
            memory->found[i] = image->groups[i].candidate[image->best[i]];
}

bool image_shows(const struct image *image, const struct scene *scene, const uint16_t words[], enum item item) {
    if (image->slot_piece[item] == NONE)
        return false;
    read_piece(image, image->slot_piece[item], words, image->readings);
    return image->readings[item].set && cost_of_item(item, scene->item[item], &image->readings[item]) == 0;
}
