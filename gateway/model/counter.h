/* Totals that never go down, whatever the controller's own counter does (domain.md 3). Pure. */
#ifndef LIFTGW_MODEL_COUNTER_H
#define LIFTGW_MODEL_COUNTER_H

#include "model/sample.h"

struct counter {
    bool known;            /* there is a total */
    bool derived;          /* its last step was counted by us, not read */
    int64_t total;         /* rides, doors, metres; run hours in milliseconds */
    int64_t since_real_ms; /* when this source began to count */
    bool raw_known;
    int64_t raw;         /* the controller's own count at the last step */
    int64_t raw_real_ms; /* and when that was */
    bool held;           /* an implausible jump waits for a second reading */
    int64_t held_raw;
};

enum counter_step { COUNTER_SAME, COUNTER_GREW, COUNTER_RESET, COUNTER_REPLACED };

/* Applies one reading. Wrap: close to the modulus and a plausible step. A lower count otherwise is a reset, a confirmed
 * jump that no lift can make in the time elapsed a replaced controller: both move the offset and add nothing.
 * RESET and REPLACED leave in *was the controller's count before. */
enum counter_step counter_apply(struct counter *counter, enum item item, const struct counter_reading *reading,
                                struct instant at, int64_t *was);

#endif
