/* One lift that really rides: passengers call, doors open and close, the car accelerates and brakes, counters count.
 * It knows nothing of registers. Its time is its own: it passes only in world_advance. */
#ifndef LIFTGW_SIM_WORLD_H
#define LIFTGW_SIM_WORLD_H

#include "model/vocabulary.h"
#include "sim/random.h"

#define WORLD_FLOORS 7 /* served, 1 the lowest */
#define WORLD_STOPS 16

/* What active faults do to the car. */
enum world_stop { WORLD_GOES_ON, WORLD_STOPS_AT_FLOOR, WORLD_STOPS_AT_ONCE };
struct world_restraint {
    enum world_stop stop;
    bool doors_stay_closed, doors_stay_open;
};

/* Where the car has to go: who gets out and in there. */
struct world_visit {
    int floor;
    int out, in;
};

struct world {
    struct random random;
    int64_t now_ns, next_passenger_ns;
    enum world_phase { PHASE_STANDING, PHASE_OPENING, PHASE_OPEN, PHASE_CLOSING, PHASE_RIDING } phase;
    int64_t left_ns;       /* of the phase; standing has no end */
    int64_t ridden_ns;     /* of the run */
    double from_mm, at_mm; /* where the run began; where a car that does not ride stands. Floor 1 is 0 */
    int to_floor;
    int persons;
    struct world_visit visit[WORLD_STOPS];
    int visit_count;
    unsigned rides_owed; /* rides to make besides the passengers' */
    struct value mode;
    struct world_restraint restraint;
    bool trapped;
    uint64_t rides, door_cycles;
    int64_t running_ns, distance_mm;
};

void world_init(struct world *world, uint64_t seed);
/* Lets that much of the lift's time pass. */
void world_advance(struct world *world, int64_t ns);
/* What is to be seen at this moment. Counters: rides, whole hours, doors, metres. */
struct value world_item(const struct world *world, enum item item);

void world_restrain(struct world *world, struct world_restraint restraint);
/* An unknown mode behaves as normal. */
void world_set_mode(struct world *world, struct value mode);
/* Stops the car between two floors with somebody inside, or lets it go on to the nearest floor. */
void world_trap(struct world *world, bool trapped);
/* A landing call. False if the lift takes none in its mode, or has too many already. */
bool world_call(struct world *world, int floor);
/* So many rides were made, at once: the counters know it. */
void world_count_rides(struct world *world, unsigned rides);
/* So many rides will be made, one after the other. */
void world_owe_rides(struct world *world, unsigned rides);

#endif
