#include "sim/image_inside.h"

#include "base/memory.h"
#include "base/text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Registers that generic-ba serves besides its rows (profiles.md, normative). */
static const struct extra {
    const char *profile;
    int table;
    uint16_t address, value;
} extras[] = {
    {"generic-ba", TABLE_HOLDING, 0x50, 0}, {"generic-ba", TABLE_HOLDING, 0x51, 0},
    {"generic-ba", TABLE_HOLDING, 0x52, 0}, {"generic-ba", TABLE_HOLDING, 0x53, 0},
    {"generic-ba", TABLE_HOLDING, 0x54, 0}, {"generic-ba", TABLE_HOLDING, 0x55, 0},
    {"generic-ba", TABLE_HOLDING, 0x56, 1},
};

/* ---- which registers there are ---- */

static int by_address(const void *left, const void *right) {
    const struct served *a = left;
    const struct served *b = right;
    return a->table != b->table ? a->table - b->table : a->address - b->address;
}

static void serve(struct image *image, const struct place *place) {
    for (int i = 0; i < place->words; i++)
        image->served[image->size++] =
            (struct served){.table = (uint8_t)place->table, .address = (uint16_t)(place->address + i)};
}

static bool has_place(const struct fault_row *row) {
    return row->kind != FAULT_ROW_PATTERN;
}

static void lay_out(struct image *image) {
    const struct profile *profile = image->profile;
    image->served =
        memory_get((profile->value_count + profile->fault_count) * 4 + COUNT_OF(extras), sizeof image->served[0]);
    for (size_t i = 0; i < profile->value_count; i++)
        serve(image, &profile->values[i].place);
    for (size_t i = 0; i < profile->fault_count; i++)
        if (has_place(&profile->faults[i]))
            serve(image, &profile->faults[i].place);
    for (size_t i = 0; i < COUNT_OF(extras); i++)
        if (!strcmp(extras[i].profile, profile->name))
            serve(image, &(struct place){.table = extras[i].table, .address = extras[i].address, .words = 1});
    qsort(image->served, image->size, sizeof image->served[0], by_address);
    size_t kept = 0;
    for (size_t i = 0; i < image->size; i++)
        if (!kept || by_address(&image->served[kept - 1], &image->served[i]))
            image->served[kept++] = image->served[i];
    image->size = kept;
}

size_t image_size(const struct image *image) {
    return image->size;
}

size_t image_piece_count(const struct image *image) {
    return image->piece_count;
}

size_t image_group_count(const struct image *image) {
    return image->group_count;
}

bool image_has_table(const struct image *image, int table) {
    for (size_t i = 0; i < image->size; i++)
        if (image->served[i].table == table)
            return true;
    return false;
}

bool image_covers(const struct image *image, int table, uint16_t address, int count) {
    long low = -1;
    long high = -1;
    for (size_t i = 0; i < image->size; i++) {
        if (image->served[i].table != table)
            continue;
        if (low < 0)
            low = image->served[i].address;
        high = image->served[i].address;
    }
    return low >= 0 && address >= low && (long)address + count - 1 <= high;
}

long image_index(const struct image *image, int table, uint16_t address) {
    struct served wanted = {.table = (uint8_t)table, .address = address};
    const struct served *found = bsearch(&wanted, image->served, image->size, sizeof image->served[0], by_address);
    return found ? found - image->served : -1;
}

uint16_t *image_words_at(const struct image *image, const struct place *place, uint16_t words[]) {
    return &words[image_index(image, place->table, place->address)];
}

int64_t image_raw_at(const struct image *image, const struct place *place, const uint16_t words[], bool *right) {
    int64_t raw = 0;
    *right = raw_get(place, &words[image_index(image, place->table, place->address)], &raw, NULL);
    return raw;
}

struct image *image_create(const struct profile *profile) {
    struct image *image = memory_get(1, sizeof *image);
    image->profile = profile;
    lay_out(image);
    image_join(image);
    image->readings = memory_get(profile->slot_count, sizeof image->readings[0]);
    image->chosen = memory_get(image->group_count, sizeof image->chosen[0]);
    image->best = memory_get(image->group_count, sizeof image->best[0]);
    return image;
}

void image_free(struct image *image) {
    if (!image)
        return;
    free(image->served);
    free(image->groups);
    free(image->value_group);
    free(image->fault_group);
    free(image->value_piece);
    free(image->rule_piece);
    free(image->fault_piece);
    free(image->slot_piece);
    free(image->readings);
    free(image->chosen);
    free(image->best);
    free(image);
}

/* ---- drawing ---- */

/* Everything that a piece depends on, as one number that is never 0. */
static uint64_t question(const struct image *image, size_t piece, const struct scene *scene) {
    uint64_t hash = TEXT_HASH_START;
    for (size_t i = 0; i < ITEM_COUNT; i++) {
        if (image->slot_piece[i] != piece)
            continue;
        int64_t wanted = scene->item[i].known ? scene->item[i].number : INT64_MIN;
        hash = text_hash(hash, &wanted, sizeof wanted);
    }
    for (size_t i = 0; i < image->profile->fault_count; i++)
        if (image->fault_piece[i] == piece)
            hash = text_hash(hash, &scene->fault_active[i], sizeof scene->fault_active[i]);
    return hash ? hash : 1;
}

static int64_t nearest_raw(const struct value_row *row, struct value wanted) {
    if (!wanted.known)
        return row->invalid_count ? row->invalid[0] : 0;
    int64_t raw = row->scaled ? llround(((double)wanted.number - row->offset) / row->scale) : wanted.number;
    bool is_signed = row->place.type == RAW_S16 || row->place.type == RAW_S32 || row->place.type == RAW_FLOAT32;
    if (raw < 0 && !is_signed)
        raw = -raw; /* a speed without a sign */
    if (row->ranged && raw < row->valid_low)
        return row->valid_low;
    return row->ranged && raw > row->valid_high ? row->valid_high : raw;
}

static void draw_number(const struct image *image, const struct value_row *row, const struct scene *scene,
                        uint16_t words[]) {
    if (row->slot >= ITEM_COUNT)
        return;
    int64_t raw = nearest_raw(row, scene->item[row->slot]);
    bool turns_over = row->slot >= ITEM_FIRST_COUNTER || row->slot == ITEM_HEARTBEAT;
    int64_t modulus = row->place.type == RAW_BITS ? INT64_C(1) << (row->place.bit_high - row->place.bit_low + 1)
                                                  : raw_type_modulus(row->place.type);
    if (turns_over && modulus)
        raw %= modulus;
    else if (turns_over && row->place.type == RAW_S16)
        raw &= INT16_MAX;
    raw_put(&row->place, raw, image_words_at(image, &row->place, words));
}

/* True if no code stands there and an item is shown by one that is no fault: an earthquake. */
static bool tells_otherwise(const struct image *image, size_t fault, const struct scene *scene,
                            const uint16_t words[]) {
    const struct fault_row *row = &image->profile->faults[fault];
    bool right;
    int64_t raw = image_raw_at(image, &row->place, words, &right);
    for (size_t i = 0; !scene->fault_active[fault] && i < row->code_count; i++)
        if (row->codes[i].raw == raw && row->codes[i].fault == FAULT_COUNT)
            return true;
    return false;
}

void image_draw(const struct image *image, const struct scene *scene, struct image_memory *memory, uint16_t words[]) {
    const struct profile *profile = image->profile;
    memset(words, 0, image->size * sizeof words[0]);
    for (size_t piece = 0; piece < image->piece_count; piece++) {
        uint64_t sought = question(image, piece, scene);
        if (memory->sought[piece] == sought)
            continue;
        image_search(image, piece, scene, memory, words);
        memory->sought[piece] = sought;
    }
    memset(words, 0, image->size * sizeof words[0]);
    for (size_t i = 0; i < profile->value_count; i++)
        if (image->value_group[i] == NONE)
            draw_number(image, &profile->values[i], scene, words);
    for (size_t i = 0; i < image->group_count; i++)
        raw_put(&image->groups[i].place, memory->found[i], image_words_at(image, &image->groups[i].place, words));
    for (size_t i = 0; i < profile->fault_count; i++)
        if (profile->faults[i].kind == FAULT_ROW_CODES && !tells_otherwise(image, i, scene, words))
            raw_put(&profile->faults[i].place, scene->fault_code[i],
                    image_words_at(image, &profile->faults[i].place, words));
    for (size_t i = 0; i < COUNT_OF(extras); i++)
        if (!strcmp(extras[i].profile, profile->name))
            words[image_index(image, extras[i].table, extras[i].address)] = extras[i].value;
}
