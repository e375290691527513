#include "model/flapping.h"

#include <string.h>

#define BIN_MS INT64_C(300000)
#define HOUR_MS (FLAPPING_BINS * BIN_MS)

static uint16_t *bin(struct flapping *flapping, uint32_t number) {
    return &flapping->raises[number % FLAPPING_BINS];
}

/* Parts have threads of their own: a sample may be a little older than the one before it. */
static void advance(struct flapping *flapping, uint32_t now) {
    if (now > flapping->newest + FLAPPING_BINS) {
        memset(flapping->raises, 0, sizeof flapping->raises);
        flapping->newest = now;
    }
    while (flapping->newest < now)
        *bin(flapping, ++flapping->newest) = 0;
}

int64_t flapping_note(struct flapping *flapping, int64_t mono_ms) {
    advance(flapping, (uint32_t)(mono_ms / BIN_MS));
    uint16_t *raises = bin(flapping, flapping->newest);
    if (*raises < UINT16_MAX)
        ++*raises;
    int64_t total = 0;
    for (int i = 0; i < FLAPPING_BINS; i++)
        total += flapping->raises[i];
    return total;
}

int64_t flapping_end_ms(const struct flapping *flapping, int64_t latched_mono_ms, int per_h) {
    if (per_h == 0)
        return 0;
    int64_t end = latched_mono_ms + HOUR_MS;
    int64_t within = 0;
    for (uint32_t back = 0; back < FLAPPING_BINS && back <= flapping->newest; back++) {
        uint32_t number = flapping->newest - back;
        within += flapping->raises[number % FLAPPING_BINS];
        if (within < per_h)
            continue;
        int64_t leaves = (int64_t)number * BIN_MS + HOUR_MS; /* with that bin it is too many, without it no more */
        return leaves > end ? leaves : end;
    }
    return end;
}
