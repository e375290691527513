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
    int64_t raw;         /* the controller's own count as last believed */
    int64_t raw_real_ms; /* and when that was */
    /* Of this process's life, not kept by the ledger: */
    int64_t raw_mono_ms; /* 0 after a restart */
    bool held;           /* an implausible jump waits for a second reading */
    int64_t held_raw, held_mono_ms;
};

enum counter_step {
    COUNTER_SAME,    /* nothing to publish */
    COUNTER_GREW,    /* the total grew, is known for the first time, or has another source */
    COUNTER_RESET,   /* the controller counts from a lower number; the total stands */
    COUNTER_REPLACED /* the controller counts from a higher number than any lift could reach; the total stands */
};

/* Takes up a counter that the ledger kept: forgets what belongs to another life, and what no counter can be. */
void counter_restore(struct counter *counter);

/* Applies one reading. The first one ever is the total. A lower count is a wrap if the last one was close to the
 * modulus and the step is one that a lift can make, otherwise a reset. A jump that no lift can make in the time elapsed
 * is held until a second reading agrees, and is then a replaced controller; neither adds anything. RESET and REPLACED
 * leave in *was the controller's count before. */
enum counter_step counter_apply(struct counter *counter, enum item item, const struct counter_reading *reading,
                                struct instant at, int64_t *was);

#endif
