/* How often a fault was raised within the last hour (domain.md 2). Pure.
 *
 * Raises are counted by five minutes, so that memory is bounded whatever the limit: the hour is the present five
 * minutes and the eleven before them, and a raise counts for 55 to 60 minutes. */
#ifndef LIFTGW_MODEL_FLAPPING_H
#define LIFTGW_MODEL_FLAPPING_H

#include <stdbool.h>
#include <stdint.h>

#define FLAPPING_BINS 12

struct flapping {
    uint32_t newest; /* the last bin in which it was raised, since CLOCK_MONOTONIC 0 */
    uint16_t raises[FLAPPING_BINS];
};

/* Notes a raise; returns how many there were within the hour, this one included. */
int64_t flapping_note(struct flapping *flapping, int64_t mono_ms);

/* When a fault that was latched at that time may be let go: an hour later at the earliest, and when fewer than per_h
 * raises lie within the hour. per_h 0 never latches: at once. */
int64_t flapping_end_ms(const struct flapping *flapping, int64_t latched_mono_ms, int per_h);

#endif
