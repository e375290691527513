/* Chance that comes out the same for the same --seed. */
#ifndef LIFTGW_SIM_RANDOM_H
#define LIFTGW_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

/* The next of 2^64 numbers. */
uint64_t random_next(struct random *random);
/* A number from low to high, both included. */
int64_t random_between(struct random *random, int64_t low, int64_t high);
/* True in that many of 100 cases; 0 and 100 draw nothing. */
bool random_percent(struct random *random, int percent);
void random_fill(struct random *random, uint8_t bytes[], int count);

#endif
