#include "profile/place.h"

#include <assert.h>
#include <limits.h>
#include <math.h>
#include <string.h>

/* What is fixed for each raw type. */
static const struct {
    const char *name; /* NULL: not written as a type */
    uint8_t words;
    int64_t low, high;
    int64_t modulus; /* 0: a counter of that type never starts again */
} types[] = {
    [RAW_U16] = {"u16", 1, 0, UINT16_MAX, INT64_C(1) << 16},
    [RAW_S16] = {"s16", 1, INT16_MIN, INT16_MAX, 0},
    [RAW_U32] = {"u32", 2, 0, UINT32_MAX, INT64_C(1) << 32},
    [RAW_S32] = {"s32", 2, INT32_MIN, INT32_MAX, 0},
    [RAW_U64] = {"u64", 4, INT64_MIN, INT64_MAX, 0}, /* above 2^63 it stands as its two's complement */
    [RAW_FLOAT32] = {"float32", 2, INT64_MIN, INT64_MAX, 0},
    [RAW_BCD16] = {"bcd16", 1, 0, 9999, 10000},
    [RAW_BCD32] = {"bcd32", 2, 0, 99999999, 100000000},
    [RAW_DECIMAL10000] = {"decimal10000", 2, 0, 99999999, 100000000},
    [RAW_BITS] = {NULL, 1, 0, UINT16_MAX, 0},
};
#define TYPE_COUNT (sizeof types / sizeof types[0])

/* int64_t ends here; beyond it a float has no number of ours. */
#define INT64_LIMIT 9223372036854775808.0

int raw_type_words(enum raw_type type) {
    assert(type < TYPE_COUNT);
    return types[type].words;
}

int64_t raw_type_modulus(enum raw_type type) {
    assert(type < TYPE_COUNT);
    return types[type].modulus;
}

const char *raw_type_name(enum raw_type type) {
    return type < TYPE_COUNT ? types[type].name : NULL;
}

static int bits_in(const struct place *place) {
    return place->bit_high - place->bit_low + 1;
}

bool place_is_one_bit(const struct place *place) {
    return place->type == RAW_BITS && bits_in(place) == 1;
}

int64_t place_modulus(const struct place *place) {
    return place->type == RAW_BITS ? INT64_C(1) << bits_in(place) : raw_type_modulus(place->type);
}

void place_range(const struct place *place, int64_t *low, int64_t *high) {
    *low = types[place->type].low;
    *high = place->type == RAW_BITS ? (INT64_C(1) << bits_in(place)) - 1 : types[place->type].high;
}

bool place_normalise(const struct place *place, int64_t *raw) {
    int64_t low;
    int64_t high;
    place_range(place, &low, &high);
    bool is_signed = place->type == RAW_S16 || place->type == RAW_S32;
    if (is_signed && *raw > high && *raw <= 2 * high + 1)
        *raw -= 2 * (high + 1);
    return *raw >= low && *raw <= high;
}

bool place_same(const struct place *a, const struct place *b) {
    return a->table == b->table && a->address == b->address && a->type == b->type && a->order == b->order &&
           a->bit_low == b->bit_low && a->bit_high == b->bit_high;
}

/* The words as one number, the first of ABCD the highest. */
static uint64_t gather(const struct place *place, const uint16_t words[]) {
    bool low_first = place->order == ORDER_CDAB || place->order == ORDER_DCBA;
    bool bytes_swapped = place->order == ORDER_BADC || place->order == ORDER_DCBA;
    uint64_t all = 0;
    for (int i = 0; i < place->words; i++) {
        uint16_t word = words[low_first ? place->words - 1 - i : i];
        if (bytes_swapped)
            word = (uint16_t)(word << 8 | word >> 8);
        all = all << 16 | word;
    }
    return all;
}

/* The opposite. */
static void scatter(const struct place *place, uint64_t all, uint16_t words[]) {
    bool low_first = place->order == ORDER_CDAB || place->order == ORDER_DCBA;
    bool bytes_swapped = place->order == ORDER_BADC || place->order == ORDER_DCBA;
    for (int i = place->words - 1; i >= 0; i--) {
        uint16_t word = (uint16_t)all;
        if (bytes_swapped)
            word = (uint16_t)(word << 8 | word >> 8);
        words[low_first ? place->words - 1 - i : i] = word;
        all >>= 16;
    }
}

static bool bcd_decode(uint64_t digits, int64_t *number) {
    int64_t all = 0;
    for (int shift = 28; shift >= 0; shift -= 4) {
        int64_t digit = (int64_t)(digits >> shift & 0xF);
        if (digit > 9)
            return false;
        all = all * 10 + digit;
    }
    *number = all;
    return true;
}

static uint64_t bcd_encode(int64_t number) {
    uint64_t digits = 0;
    for (int shift = 0; number > 0; shift += 4, number /= 10)
        digits |= (uint64_t)(number % 10) << shift;
    return digits;
}

static bool float_get(uint32_t pattern, int64_t *raw, double *as_float) {
    float number;
    memcpy(&number, &pattern, sizeof number);
    if (!isfinite(number) || fabs((double)number) >= INT64_LIMIT)
        return false;
    *raw = llround((double)number);
    if (as_float)
        *as_float = (double)number;
    return true;
}

bool raw_get(const struct place *place, const uint16_t words[], int64_t *raw, double *as_float) {
    uint64_t all = gather(place, words);
    bool right = true;
    switch (place->type) {
    case RAW_U16:
    case RAW_U32:
    case RAW_U64:
        *raw = (int64_t)all;
        break;
    case RAW_S16:
        *raw = (int16_t)all;
        break;
    case RAW_S32:
        *raw = (int32_t)all;
        break;
    case RAW_FLOAT32:
        return float_get((uint32_t)all, raw, as_float);
    case RAW_BCD16:
    case RAW_BCD32:
        right = bcd_decode(all, raw);
        break;
    case RAW_DECIMAL10000:
        right = (all >> 16) <= 9999 && (all & 0xFFFF) <= 9999;
        *raw = (int64_t)(all >> 16) * 10000 + (int64_t)(all & 0xFFFF);
        break;
    case RAW_BITS:
        *raw = (int64_t)(all >> place->bit_low) & ((INT64_C(1) << bits_in(place)) - 1);
        break;
    }
    if (right && as_float)
        *as_float = place->type == RAW_U64 ? (double)all : (double)*raw;
    return right;
}

void raw_put(const struct place *place, int64_t raw, uint16_t words[]) {
    int64_t low;
    int64_t high;
    place_range(place, &low, &high);
    raw = raw < low ? low : raw > high ? high : raw;
    uint64_t all = (uint64_t)raw;
    switch (place->type) {
    case RAW_U16:
    case RAW_S16:
    case RAW_U32:
    case RAW_S32:
    case RAW_U64:
        break;
    case RAW_FLOAT32: {
        float number = (float)raw;
        uint32_t pattern;
        memcpy(&pattern, &number, sizeof pattern);
        all = pattern;
        break;
    }
    case RAW_BCD16:
    case RAW_BCD32:
        all = bcd_encode(raw);
        break;
    case RAW_DECIMAL10000:
        all = (uint64_t)(raw / 10000) << 16 | (uint64_t)(raw % 10000);
        break;
    case RAW_BITS: {
        uint64_t mask = ((UINT64_C(1) << bits_in(place)) - 1) << place->bit_low;
        all = (gather(place, words) & ~mask) | all << place->bit_low;
        break;
    }
    }
    scatter(place, all, words);
}

bool raw_is_among(const int64_t raws[], size_t count, int64_t raw) {
    for (size_t i = 0; i < count; i++)
        if (raws[i] == raw)
            return true;
    return false;
}

bool rule_uses(const struct rule_row *row, int slot) {
    if (row->kind != RULE_TRUTH)
        return row->of == slot;
    for (size_t i = 0; i < row->from_count; i++)
        if (row->from[i] == slot)
            return true;
    return false;
}
