#include "sim/random.h"

/* SplitMix64 (Steele, Lea, Flood 2014): one word of state, any seed is a good one. */
uint64_t random_next(struct random *random) {
    random->state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = random->state;
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

int64_t random_between(struct random *random, int64_t low, int64_t high) {
    uint64_t span = (uint64_t)(high - low) + 1;
    return low + (int64_t)(random_next(random) % span);
}

bool random_percent(struct random *random, int percent) {
    if (percent <= 0 || percent >= 100)
        return percent >= 100;
    return random_between(random, 0, 99) < percent;
}

void random_fill(struct random *random, uint8_t bytes[], int count) {
    for (int i = 0; i < count; i++)
        bytes[i] = (uint8_t)random_next(random);
}
