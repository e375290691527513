#include "publish/pace.h"

/* Evenly between both, which are included. */
static int64_t between(int64_t least_ms, int64_t most_ms, uint32_t random) {
    return least_ms + (int64_t)(((uint64_t)(most_ms - least_ms + 1) * random) >> 32);
}

static int grow(struct pace *pace, int first_ms, int last_ms) {
    int next_ms = pace->window_ms * 2 > first_ms ? pace->window_ms * 2 : first_ms;
    return pace->window_ms = next_ms < last_ms ? next_ms : last_ms;
}

int64_t pace_after_failure(struct pace *pace, uint32_t random) {
    int last_ms = pace->window_ms > PACE_LAST_MS ? pace->window_ms : PACE_LAST_MS;
    int window_ms = grow(pace, PACE_FIRST_MS, last_ms);
    return between(window_ms / 2, window_ms, random);
}

int64_t pace_after_loss(struct pace *pace, int64_t lasted_ms, bool taken_over, uint32_t random) {
    int64_t good_ms = taken_over ? PACE_TAKEN_OVER_LAST_MS : pace_suspects_twin(pace) ? PACE_TWIN_MS : PACE_GOOD_MS;
    if (taken_over)
        pace->short_in_a_row = PACE_TWIN_LOSSES;
    else
        pace->short_in_a_row = lasted_ms < PACE_TWIN_MS ? pace->short_in_a_row + 1 : 0;
    if (lasted_ms >= good_ms)
        pace->window_ms = 0;
    return between(0, grow(pace, PACE_SPREAD_MS, taken_over ? PACE_TAKEN_OVER_LAST_MS : PACE_LAST_MS), random);
}

bool pace_suspects_twin(const struct pace *pace) {
    return pace->short_in_a_row >= PACE_TWIN_LOSSES;
}
