/* From a unit's registers to what they mean.
 *
 * An item starts each poll with its last value; its rows are applied top to bottom, values before rules; each sets it,
 * or leaves it where it says keep. */
#ifndef LIFTGW_PROFILE_DECODE_H
#define LIFTGW_PROFILE_DECODE_H

#include "profile/plan.h"

enum decode_result {
    DECODE_OK,
    DECODE_UNREAD,    /* the read that brings it failed or has not been done yet */
    DECODE_MALFORMED, /* not a value of its type: a BCD digit above 9, NaN */
    DECODE_INVALID,   /* one of the row's invalid values: the controller does not know */
    DECODE_RANGE,     /* outside valid */
    DECODE_UNMAPPED,  /* not in map, taken by else */
    DECODE_LEFT_OUT,  /* only_if is not fulfilled, or unused */
    DECODE_RESULT_COUNT
};
const char *decode_result_name(enum decode_result result);

/* The state of one unit's decoding. */
struct decoder;

/* plan: of that profile; both must outlive the decoder. */
struct decoder *decoder_create(const struct profile *profile, const struct plan *plan);
void decoder_free(struct decoder *decoder);

/* Decodes one image taken at that time. valid[i]: read i of the plan is in it. sample->faults must have room for
 * profile->fault_count. Words in it belong to the profile.
 *
 * Debounce: the first value, and one that follows "unknown", is believed at once. A fast row whose read failed is
 * unknown; a slow one keeps its last value. Edges are counted from something else known; time is that of the sample
 * before, if it is at most 10 s old. A fault row that depends on something unknown says SEEN_UNKNOWN. */
void decode(struct decoder *decoder, const uint16_t image[], const bool valid[], struct instant at,
            struct sample *sample);

/* When an on_ms, off_ms or min_ms will end with no change in the image (CLOCK_MONOTONIC, ms); INT64_MAX never. */
int64_t decoder_due_ms(const struct decoder *decoder);

/* The items that this unit provides: bit (1 << item) for each normalised item that a row sets and `without` does not
 * name. */
uint32_t decoder_provides(const struct profile *profile, const struct part_options *options);

/* For tools: what a value row said last (raw: unknown if nothing was read or no value of its type), what a fault row,
 * and the current value of a slot. */
enum decode_result decoder_row(const struct decoder *decoder, size_t value_row, struct value *raw);
void decoder_fault(const struct decoder *decoder, size_t fault_row, struct fault_reading *reading);
struct value decoder_slot(const struct decoder *decoder, int slot);
/* How often a result was not DECODE_OK, by result. */
const uint64_t *decoder_counts(const struct decoder *decoder);

#endif
