#include "model/counter.h"

#include <assert.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

/* Counts beyond this are no counts, and the sums below cannot overflow. */
#define COUNT_MAX (INT64_MAX / 4)
/* The time elapsed is not believed to be longer than this. */
#define ELAPSED_MAX_MS (3650 * DAY_MS)
/* And is taken to be this long if nobody knows: after a restart with a clock that has not been set. */
#define ELAPSED_UNKNOWN_MS (30 * DAY_MS)

/* What no lift exceeds: a ride takes 4 s, a door cycle 3 s, the fastest cars run 10 m/s. The slack covers the rounding
 * of whole hours and readings that are spaced unevenly; a replaced controller's count is further away than that. */
static const struct {
    int64_t per_hour, slack;
} pace[COUNTER_COUNT] = {
    [ITEM_RIDES_TOTAL - ITEM_FIRST_COUNTER] = {900, 20},
    [ITEM_RUN_HOURS - ITEM_FIRST_COUNTER] = {HOUR_MS, 2 * HOUR_MS},
    [ITEM_DOOR_CYCLES_TOTAL - ITEM_FIRST_COUNTER] = {1200, 20},
    [ITEM_DISTANCE_M - ITEM_FIRST_COUNTER] = {36000, 200},
};

static bool is_count(int64_t value) {
    return value >= 0 && value <= COUNT_MAX;
}

void counter_restore(struct counter *counter) {
    counter->raw_mono_ms = 0;
    counter->held = false;
    if (!is_count(counter->raw) || counter->raw_real_ms < 0)
        counter->raw_known = false;
    if (counter->total < 0)
        *counter = (struct counter){.known = false};
}

static bool plausible(enum item item, int64_t step, int64_t elapsed_ms) {
    size_t i = (size_t)(item - ITEM_FIRST_COUNTER);
    if (elapsed_ms > ELAPSED_MAX_MS)
        elapsed_ms = ELAPSED_MAX_MS;
    return step >= 0 && step <= pace[i].slack + pace[i].per_hour * elapsed_ms / HOUR_MS;
}

static int64_t elapsed_ms(const struct counter *counter, struct instant at) {
    if (counter->raw_mono_ms != 0)
        return at.mono_ms - counter->raw_mono_ms;
    int64_t wall_ms = at.real_ms - counter->raw_real_ms;
    if ((wall_ms < 0 || !at.synced) && wall_ms < ELAPSED_UNKNOWN_MS)
        return ELAPSED_UNKNOWN_MS;
    return wall_ms;
}

static void believe(struct counter *counter, int64_t raw, struct instant at) {
    counter->raw_known = true;
    counter->raw = raw;
    counter->raw_real_ms = at.real_ms;
    counter->raw_mono_ms = at.mono_ms;
    counter->held = false;
}

static void add(struct counter *counter, int64_t step) {
    counter->total = counter->total > INT64_MAX - step ? INT64_MAX : counter->total + step;
}

static enum counter_step apply_derived(struct counter *counter, int64_t increment, struct instant at) {
    bool begins = !counter->known || !counter->derived;
    if (begins)
        counter->since_real_ms = at.real_ms;
    counter->known = true;
    counter->derived = true;
    counter->raw_known = false;
    counter->held = false;
    if (increment > 0)
        add(counter, increment);
    return begins || increment > 0 ? COUNTER_GREW : COUNTER_SAME;
}

/* The device's count for the first time, or after a time in which it was counted here. */
static enum counter_step begin_device(struct counter *counter, int64_t raw, struct instant at) {
    if (!counter->known)
        counter->total = raw;
    counter->known = true;
    counter->derived = false;
    counter->since_real_ms = at.real_ms;
    believe(counter, raw, at);
    return COUNTER_GREW;
}

/* The step from the last count to raw: negative if it is lower and has not wrapped. */
static int64_t step_to(const struct counter *counter, enum item item, int64_t raw, int64_t modulus, int64_t elapsed) {
    int64_t step = raw - counter->raw;
    bool close = modulus > 0 && modulus <= COUNT_MAX && counter->raw >= modulus - modulus / 8;
    if (step < 0 && close && plausible(item, step + modulus, elapsed))
        return step + modulus;
    return step;
}

static enum counter_step apply_device(struct counter *counter, enum item item, int64_t raw, int64_t modulus,
                                      struct instant at, int64_t *was) {
    int64_t elapsed = elapsed_ms(counter, at);
    int64_t step = step_to(counter, item, raw, modulus, elapsed);
    if (plausible(item, step, elapsed)) {
        believe(counter, raw, at);
        add(counter, step);
        return step > 0 ? COUNTER_GREW : COUNTER_SAME;
    }
    *was = counter->raw;
    if (step < 0) {
        believe(counter, raw, at);
        return COUNTER_RESET;
    }
    if (counter->held && plausible(item, raw - counter->held_raw, at.mono_ms - counter->held_mono_ms)) {
        believe(counter, raw, at);
        return COUNTER_REPLACED;
    }
    counter->held = true;
    counter->held_raw = raw;
    counter->held_mono_ms = at.mono_ms;
    return COUNTER_SAME;
}

enum counter_step counter_apply(struct counter *counter, enum item item, const struct counter_reading *reading,
                                struct instant at, int64_t *was) {
    assert(item >= ITEM_FIRST_COUNTER && item < ITEM_COUNT);
    if (!reading->known || !is_count(reading->value))
        return COUNTER_SAME;
    if (reading->derived)
        return apply_derived(counter, reading->value, at);
    if (!counter->raw_known)
        return begin_device(counter, reading->value, at);
    return apply_device(counter, item, reading->value, reading->modulus, at, was);
}
