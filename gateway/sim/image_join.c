#include "base/memory.h"
#include "sim/image_inside.h"

#include <stdlib.h>
#include <string.h>

/* Numbers and counters are written directly; everything else has few values and is searched. */
static bool is_searched(const struct profile *profile, const struct value_row *row) {
    enum item_kind kind = profile->slot_kinds[row->slot];
    return row->map || kind == KIND_WORD || kind == KIND_BOOL;
}

static void add_candidate(struct group *group, int64_t raw) {
    size_t i = 0;
    while (i < group->candidate_count && group->candidate[i] < raw)
        i++;
    if ((i < group->candidate_count && group->candidate[i] == raw) || group->candidate_count == CANDIDATES_MAX)
        return;
    memmove(&group->candidate[i + 1], &group->candidate[i], (group->candidate_count - i) * sizeof raw);
    group->candidate[i] = raw;
    group->candidate_count++;
}

static bool is_listed(const struct value_row *row, int64_t raw) {
    for (size_t i = 0; i < row->map_count; i++)
        if (row->map[i].raw == raw)
            return true;
    for (size_t i = 0; i < row->invalid_count; i++)
        if (row->invalid[i] == raw)
            return true;
    return false;
}

static void add_row_candidates(const struct value_row *row, struct group *group) {
    for (size_t i = 0; i < row->map_count; i++)
        add_candidate(group, row->map[i].raw);
    int64_t unlisted = row->ranged ? row->valid_low : 0;
    while (is_listed(row, unlisted))
        unlisted++;
    if (row->map)
        add_candidate(group, unlisted);
    else {
        size_t words = row->slot < ITEM_COUNT ? item_info((enum item)row->slot)->word_count : 2;
        for (size_t i = 0; i < words || i < 2; i++)
            add_candidate(group, (int64_t)i);
    }
    if (row->invalid_count)
        add_candidate(group, row->invalid[0]);
}

static bool is_same_place(const struct place *a, const struct place *b) {
    return a->table == b->table && a->address == b->address && a->type == b->type && a->bit_low == b->bit_low &&
           a->bit_high == b->bit_high;
}

static bool shares_words(const struct place *a, const struct place *b) {
    return a->table == b->table && a->address < b->address + b->words && b->address < a->address + a->words;
}

static bool overlaps(const struct place *a, const struct place *b) {
    if (!shares_words(a, b))
        return false;
    bool bits = a->type == RAW_BITS && b->type == RAW_BITS;
    return !bits || (a->bit_low <= b->bit_high && b->bit_low <= a->bit_high);
}

static size_t group_for(struct image *image, const struct place *place) {
    for (size_t i = 0; i < image->group_count; i++)
        if (is_same_place(&image->groups[i].place, place))
            return i;
    image->groups[image->group_count].place = *place;
    return image->group_count++;
}

static void make_groups(struct image *image) {
    const struct profile *profile = image->profile;
    image->groups = memory_get(profile->value_count + profile->fault_count, sizeof image->groups[0]);
    image->value_group = memory_get(profile->value_count, sizeof image->value_group[0]);
    image->fault_group = memory_get(profile->fault_count, sizeof image->fault_group[0]);
    for (size_t i = 0; i < profile->value_count; i++) {
        image->value_group[i] = NONE;
        if (!is_searched(profile, &profile->values[i]))
            continue;
        image->value_group[i] = group_for(image, &profile->values[i].place);
        add_row_candidates(&profile->values[i], &image->groups[image->value_group[i]]);
    }
    for (size_t i = 0; i < profile->fault_count; i++) {
        image->fault_group[i] = NONE;
        if (profile->faults[i].kind != FAULT_ROW_BIT)
            continue;
        image->fault_group[i] = group_for(image, &profile->faults[i].place);
        add_candidate(&image->groups[image->fault_group[i]], 0);
        add_candidate(&image->groups[image->fault_group[i]], 1);
    }
}

/* Slots and groups as nodes of a graph; what is joined has to be searched together. */
static size_t root_of(size_t parent[], size_t node) {
    while (parent[node] != node)
        node = parent[node] = parent[parent[node]];
    return node;
}

static void join(size_t parent[], size_t a, size_t b) {
    parent[root_of(parent, a)] = root_of(parent, b);
}

static void join_rows(const struct image *image, size_t parent[]) {
    const struct profile *profile = image->profile;
    size_t groups = profile->slot_count; /* the groups' nodes follow the slots' */
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        if (image->value_group[i] == NONE)
            continue;
        join(parent, (size_t)row->slot, groups + image->value_group[i]);
        if (row->only_if >= 0)
            join(parent, (size_t)row->slot, (size_t)row->only_if);
    }
    for (size_t i = 0; i < profile->rule_count; i++)
        if (profile->rules[i].kind == RULE_TRUTH)
            for (size_t k = 0; k < profile->rules[i].from_count; k++)
                join(parent, (size_t)profile->rules[i].slot, (size_t)profile->rules[i].from[k]);
    for (size_t i = 0; i < profile->fault_count; i++) {
        const struct fault_row *row = &profile->faults[i];
        size_t first = row->kind == FAULT_ROW_BIT       ? groups + image->fault_group[i]
                       : row->kind == FAULT_ROW_PATTERN ? (size_t)row->from[0]
                                                        : NONE;
        for (size_t k = 1; row->kind == FAULT_ROW_PATTERN && k < row->from_count; k++)
            join(parent, first, (size_t)row->from[k]);
        if (first != NONE && row->only_if >= 0)
            join(parent, first, (size_t)row->only_if);
    }
    for (size_t a = 0; a < image->group_count; a++)
        for (size_t b = 0; b < a; b++)
            if (overlaps(&image->groups[a].place, &image->groups[b].place))
                join(parent, groups + a, groups + b);
}

/* Gives each connected part of the graph its number, and each row the number of its part. */
static void cut_into_pieces(struct image *image) {
    const struct profile *profile = image->profile;
    size_t nodes = profile->slot_count + image->group_count;
    size_t *parent = memory_get(nodes, sizeof *parent);
    size_t *piece = memory_get(nodes, sizeof *piece);
    for (size_t i = 0; i < nodes; i++)
        parent[i] = i;
    join_rows(image, parent);
    for (size_t i = 0; i < nodes; i++)
        piece[i] = NONE;
    for (size_t i = 0; i < image->group_count; i++) {
        size_t root = root_of(parent, profile->slot_count + i);
        if (piece[root] == NONE)
            piece[root] = image->piece_count++;
        image->groups[i].piece = piece[root];
    }
    image->slot_piece = memory_get(profile->slot_count, sizeof image->slot_piece[0]);
    image->value_piece = memory_get(profile->value_count, sizeof image->value_piece[0]);
    image->rule_piece = memory_get(profile->rule_count, sizeof image->rule_piece[0]);
    image->fault_piece = memory_get(profile->fault_count, sizeof image->fault_piece[0]);
    for (size_t i = 0; i < profile->slot_count; i++)
        image->slot_piece[i] = piece[root_of(parent, i)];
    for (size_t i = 0; i < profile->value_count; i++)
        image->value_piece[i] = image->value_group[i] == NONE ? NONE : image->slot_piece[profile->values[i].slot];
    for (size_t i = 0; i < profile->rule_count; i++)
        image->rule_piece[i] = profile->rules[i].kind == RULE_TRUTH ? image->slot_piece[profile->rules[i].slot] : NONE;
    for (size_t i = 0; i < profile->fault_count; i++) {
        const struct fault_row *row = &profile->faults[i];
        image->fault_piece[i] = image->fault_group[i] != NONE    ? image->groups[image->fault_group[i]].piece
                                : row->kind == FAULT_ROW_PATTERN ? image->slot_piece[row->from[0]]
                                : row->only_if >= 0              ? image->slot_piece[row->only_if]
                                                                 : NONE;
    }
    free(piece);
    free(parent);
}

void image_join(struct image *image) {
    make_groups(image);
    cut_into_pieces(image);
}
