/* One unit on the bus: a lift's world seen through a profile's registers, with its faults and its bad habits. Several
 * units may show one lift. */
#ifndef LIFTGW_SIM_UNIT_H
#define LIFTGW_SIM_UNIT_H

#include "profile/profile.h"
#include "sim/image.h"
#include "sim/misbehave.h"
#include "sim/world.h"

#define UNIT_CODES 16
#define UNIT_PINS 64

/* A code that stands in a code register. */
struct unit_code {
    size_t row; /* of the profile's faults */
    int64_t raw;
    enum fault fault; /* FAULT_COUNT: known and no fault */
    enum world_stop stop;
};

/* A register that shows a value of its own. */
struct unit_pin {
    int table;
    uint16_t address, value;
};

/* The lift behind one or more units. */
struct unit_lift {
    struct world world;
    double speed;       /* its time runs that much faster */
    int64_t lived_ns;   /* CLOCK_MONOTONIC until which the world has lived */
    bool held;          /* it lives no more */
    struct unit *first; /* of those that show it; owns this */
};

struct unit {
    int number;
    const struct profile *profile;
    const struct image *image;
    struct unit_lift *lift;
    bool owns_lift;
    struct unit *next;    /* another one that shows the same lift; NULL: no more */
    struct random random; /* for what goes wrong */
    struct misbehaviour misbehaviour;
    bool fault[FAULT_COUNT];           /* shown by a bit or a pattern */
    struct unit_code code[UNIT_CODES]; /* the last one set stands in the register */
    size_t code_count;
    struct unit_pin pin[UNIT_PINS];
    size_t pin_count;
    bool *row_active; /* by fault row */
    int64_t *row_code;
    uint16_t *words;
    struct image_memory memory;
};

/* Makes a unit whose lift begins to live at that time. profile and image must outlive it. */
void unit_init(struct unit *unit, int number, const struct profile *profile, const struct image *image, double speed,
               uint64_t seed, int64_t now);
/* Makes the unit, just made, show the lift of another one instead of its own. */
void unit_join(struct unit *unit, struct unit *other);
void unit_release(struct unit *unit);

/* Lets the lift live until then. */
void unit_live(struct unit *unit, int64_t now);
/* Reads registers as they are at that time: words, or 0 and 1. False: not all of them are within the profile's range.
 */
bool unit_read(struct unit *unit, int64_t now, int table, uint16_t address, int count, uint16_t values[]);
/* The table in which that address is served, the profile's own first; 0 in none. */
int unit_table_of(const struct unit *unit, uint16_t address, int count);

/* The verbs. Each answers NULL, or why it cannot be done: nothing has changed then. With only_ask nothing changes
 * either way. The lift must have lived until now. The answer lives until the next call. What this unit's profile has
 * not, another unit of the same lift may have: then it is done there. */
const char *unit_set_fault(struct unit *unit, enum fault fault, bool on, bool only_ask);
const char *unit_set_code(struct unit *unit, int64_t raw, bool only_ask);
const char *unit_set_mode(struct unit *unit, struct value mode, bool only_ask);
const char *unit_call(struct unit *unit, int64_t floor, bool only_ask);
const char *unit_ride(struct unit *unit, int64_t rides, bool only_ask);
const char *unit_set_counter(struct unit *unit, int64_t rides, bool only_ask);
const char *unit_pin_register(struct unit *unit, uint16_t address, uint16_t value, bool only_ask);
void unit_hold(struct unit *unit, bool on);
/* Ends every misbehaviour and frees pinned registers. */
void unit_behave(struct unit *unit);

#endif
