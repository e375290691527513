/* How a profile is used with options, the same for all units that use it so. Which reads they need: its rows merged
 * into the fewest requests within the device's limits, in two lanes. And what the options make of its rows and items.
 *
 * What the reads bring stands in one image: an array of words, a coil or discrete input as one word 0 or 1. */
#ifndef LIFTGW_PROFILE_PLAN_H
#define LIFTGW_PROFILE_PLAN_H

#include "profile/profile.h"

/* Slow reads are cut to this many registers, so that one of them delays a fault little. */
#define PLAN_SLOW_REGISTERS 10

struct plan_read {
    int table; /* enum table: also the function code */
    uint16_t address;
    uint16_t count;
    enum lane lane;
    size_t at; /* its first word in the image */
};

struct plan {
    struct plan_read *reads; /* fast ones first, of those the ones with faults; else by table and address */
    size_t read_count, fast_count;
    size_t image_size; /* words */
    int *value_at;     /* by value row: its first word in the image, -1 not read (unused, without) */
    int *value_read;   /* by value row: the read that brings it, -1 */
    int *fault_at, *fault_read;
    bool *value_inverted, *fault_inverted; /* by row: its bit is read the other way round */
    int *value_delay;                      /* by value row: its place among those with on_ms or off_ms, -1 */
    size_t delay_count;
    bool *slot_unused, *slot_without; /* by slot: named by that option */
    bool *loud;      /* by word of the image: a change is a transition and not to be coalesced; false for words that
                        hold nothing but heartbeat, speed or load */
    size_t shortest; /* the read with the shortest reply */
    struct plan_read probe; /* less than that: the words of one row, where one reply is shorter than any other */
};

/* Makes the plan of a profile used with options (NULL: none); address_offset is added to every address. Never NULL.
 * Reads that need more than the device's limit are cut between rows; a single row is never cut (profile_load has
 * refused one that does not fit). Where the profile allows it, a read asks for a few known registers more, so that no
 * two reads of a table have the same length. No reads at all if every row is unused. */
struct plan *plan_create(const struct profile *profile, const struct part_options *options);
void plan_free(struct plan *plan);

#endif
