#include "ctl/likeness.h"

#include "base/memory.h"
#include "base/text.h"
#include "profile/decode.h"
#include "profile/place.h"

#include <stdlib.h>

#define GOOD_PERCENT 90
#define MS_PER_HOUR INT64_C(3600000)
#define MILLION INT64_C(1000000)

/* What a lift can be at; the rest of the items are words. */
static const struct {
    enum item item;
    int64_t low, high;
} sensible[] = {
    {ITEM_FLOOR, -10, 128},
    {ITEM_SPEED_MM_S, -20000, 20000},
    {ITEM_LOAD_PERCENT, 0, 200},
    {ITEM_RIDES_TOTAL, 0, 50 * MILLION},
    {ITEM_RUN_HOURS, 0, 300000 * MS_PER_HOUR},
    {ITEM_DOOR_CYCLES_TOTAL, 0, 200 * MILLION},
    {ITEM_DISTANCE_M, 0, 500 * MILLION},
};

static bool is_sensible(const struct decoder *decoder, int slot, bool *bounded) {
    for (size_t i = 0; i < COUNT_OF(sensible); i++) {
        if ((int)sensible[i].item != slot)
            continue;
        struct value value = decoder_slot(decoder, slot);
        *bounded = true;
        return !value.known || (value.number >= sensible[i].low && value.number <= sensible[i].high);
    }
    return true;
}

/* True if some raw value would have been nonsense in the row. */
static bool can_be_wrong(const struct value_row *row) {
    int64_t low, high;
    place_range(&row->place, &low, &high);
    bool digits = row->place.type == RAW_BCD16 || row->place.type == RAW_BCD32 || row->place.type == RAW_DECIMAL10000;
    bool unmapped = row->map && row->otherwise.kind == OUTCOME_UNKNOWN && (int64_t)row->map_count <= high - low;
    return digits || row->ranged || unmapped;
}

static void judge_value(const struct decoder *decoder, const struct value_row *row, size_t i,
                        struct likeness *likeness) {
    struct value raw;
    bool bounded = false;
    enum decode_result result = decoder_row(decoder, i, &raw);
    if (result == DECODE_LEFT_OUT)
        return;
    likeness->rows++;
    bool mapped = result == DECODE_UNMAPPED && row->otherwise.kind != OUTCOME_UNKNOWN;
    bool read = result == DECODE_OK || result == DECODE_INVALID || mapped;
    if (!read || !is_sensible(decoder, row->slot, &bounded))
        return;
    likeness->plausible++;
    /* a register that is not used reads 0, too */
    likeness->telling += raw.number != 0 && (bounded || can_be_wrong(row));
}

static bool is_listed(const struct fault_row *row, int64_t raw) {
    if (raw_is_among(row->none, row->none_count, raw) || row->code_count == 0)
        return true;
    for (size_t i = 0; i < row->code_count; i++)
        if (row->codes[i].raw == raw)
            return true;
    return false;
}

static void judge_code(const struct fault_row *row, const uint16_t words[], bool valid, struct likeness *likeness) {
    int64_t raw;
    likeness->rows++;
    if (!valid || !raw_get(&row->place, words, &raw, NULL) || !is_listed(row, raw))
        return;
    likeness->plausible++;
    likeness->telling += row->code_count > 0;
}

void likeness_judge(const struct profile *profile, const struct plan *plan, const uint16_t image[], const bool valid[],
                    struct likeness *likeness) {
    struct decoder *decoder = decoder_create(profile, plan);
    struct sample sample = {.faults = memory_get(profile->fault_count, sizeof *sample.faults)};
    struct instant at = {.mono_ms = 1, .real_ms = 1};
    *likeness = (struct likeness){.profile = profile};
    decode(decoder, image, valid, at, &sample);
    for (size_t i = 0; i < profile->value_count; i++)
        judge_value(decoder, &profile->values[i], i, likeness);
    for (size_t i = 0; i < profile->fault_count; i++) {
        int read = plan->fault_read[i];
        if (profile->faults[i].kind == FAULT_ROW_CODES && read >= 0)
            judge_code(&profile->faults[i], &image[plan->fault_at[i]], valid[read], likeness);
    }
    free(sample.faults);
    decoder_free(decoder);
}

int likeness_compare(const void *a, const void *b) {
    const struct likeness *left = a;
    const struct likeness *right = b;
    size_t l = left->plausible * right->rows;
    size_t r = right->plausible * left->rows;
    if (l != r)
        return l > r ? -1 : 1;
    if (left->telling != right->telling)
        return left->telling > right->telling ? -1 : 1;
    return left->rows == right->rows ? 0 : left->rows > right->rows ? -1 : 1;
}

bool likeness_is_good(const struct likeness *likeness) {
    return likeness->plausible > 0 && likeness->plausible * 100 >= likeness->rows * GOOD_PERCENT;
}
