#include "sim/world.h"

#include <math.h>
#include <string.h>

/* A small passenger lift of a retrofitted house. */
#define FLOOR_MM 3000.0
#define SPEED_MM_S 1600.0
#define ACCELERATION_MM_S2 1000.0
#define ZONE_MM 200.0 /* the door zone reaches that far to both sides of a floor */
#define CAPACITY 8
#define CAPACITY_KG 630
#define PERSON_KG 75

#define NS_PER_S INT64_C(1000000000)
#define DOOR_NS (5 * NS_PER_S / 2)
#define DWELL_NS (4 * NS_PER_S)
#define LOOK_AGAIN_NS NS_PER_S /* doors that have to stay open */
#define PASSENGER_MIN_NS (5 * NS_PER_S)
#define PASSENGER_MAX_NS (55 * NS_PER_S)
#define EVERYBODY CAPACITY

/* What a lift does in each service mode. */
struct habit {
    bool passengers; /* people come by themselves */
    bool calls;      /* a call is answered */
    bool halts;      /* it stops where it is */
    bool next_floor; /* it ends its run at the next floor */
    bool doors_open; /* it waits with open doors */
    int home;        /* where it goes and waits; 0: nowhere */
};
static const struct habit habits[] = {
    [MODE_OUT_OF_SERVICE] = {.home = 0},
    [MODE_NORMAL] = {.passengers = true, .calls = true},
    [MODE_INSPECTION] = {.halts = true},
    [MODE_FIRE_RETURN] = {.next_floor = true, .doors_open = true, .home = 1},
    [MODE_FIREFIGHTER] = {.calls = true},
    [MODE_EMERGENCY_POWER] = {.doors_open = true, .home = 1},
    [MODE_EARTHQUAKE] = {.next_floor = true, .doors_open = true},
};

static const struct habit *habit_of(const struct world *world) {
    return &habits[world->mode.known ? world->mode.number : MODE_NORMAL];
}

/* A run from standstill to standstill: accelerate, go on, brake. */
struct run {
    double distance_mm, ramp_s, cruise_s;
};

static struct run run_over(double distance_mm) {
    double ramps_mm = SPEED_MM_S * SPEED_MM_S / ACCELERATION_MM_S2;
    if (distance_mm < ramps_mm)
        return (struct run){distance_mm, sqrt(distance_mm / ACCELERATION_MM_S2), 0};
    return (struct run){distance_mm, SPEED_MM_S / ACCELERATION_MM_S2, (distance_mm - ramps_mm) / SPEED_MM_S};
}

static double run_duration_s(const struct run *run) {
    return 2 * run->ramp_s + run->cruise_s;
}

static double run_speed(const struct run *run, double s) {
    double left = run_duration_s(run) - s;
    double ramp = fmin(fmin(s, left), run->ramp_s);
    return fmax(ramp, 0) * ACCELERATION_MM_S2;
}

static double run_covered_mm(const struct run *run, double s) {
    double duration = run_duration_s(run);
    if (s >= duration)
        return run->distance_mm;
    if (s > run->ramp_s + run->cruise_s)
        return run->distance_mm - ACCELERATION_MM_S2 * (duration - s) * (duration - s) / 2;
    double ramp = fmin(s, run->ramp_s);
    return ACCELERATION_MM_S2 * ramp * ramp / 2 + (s - ramp) * ACCELERATION_MM_S2 * run->ramp_s;
}

static double level_of(int floor) {
    return (floor - 1) * FLOOR_MM;
}

static int floor_near(double mm) {
    return (int)lround(mm / FLOOR_MM) + 1;
}

static struct run current_run(const struct world *world) {
    return run_over(fabs(level_of(world->to_floor) - world->from_mm));
}

static double ridden_s(const struct world *world) {
    return (double)world->ridden_ns / (double)NS_PER_S;
}

static int heading(const struct world *world) {
    return level_of(world->to_floor) > world->from_mm ? 1 : -1;
}

static double position_mm(const struct world *world) {
    if (world->phase != PHASE_RIDING)
        return world->at_mm;
    struct run run = current_run(world);
    return world->from_mm + heading(world) * run_covered_mm(&run, ridden_s(world));
}

/* The floor at which the car stands level, 0 between floors. */
static int floor_here(const struct world *world) {
    int floor = floor_near(world->at_mm);
    return fabs(world->at_mm - level_of(floor)) < 1 ? floor : 0;
}

static bool is_held(const struct world *world) {
    return world->trapped || world->restraint.stop != WORLD_GOES_ON || habit_of(world)->halts;
}

static bool waits_with_open_doors(const struct world *world) {
    if (world->restraint.doors_stay_open || is_held(world))
        return true;
    const struct habit *habit = habit_of(world);
    return habit->doors_open && !world->visit_count && (!habit->home || floor_here(world) == habit->home);
}

static void set_phase(struct world *world, enum world_phase phase, int64_t ns) {
    world->phase = phase;
    world->left_ns = ns;
}

static int64_t run_left_ns(const struct world *world) {
    struct run run = current_run(world);
    int64_t left = (int64_t)(run_duration_s(&run) * (double)NS_PER_S) - world->ridden_ns;
    return left > 1 ? left : 1;
}

static void ride_to(struct world *world, int floor) {
    world->from_mm = world->at_mm;
    world->to_floor = floor;
    world->ridden_ns = 0;
    set_phase(world, PHASE_RIDING, run_left_ns(world));
}

static void open_doors(struct world *world) {
    world->door_cycles++;
    set_phase(world, PHASE_OPENING, DOOR_NS);
}

static void halt(struct world *world) {
    if (world->phase != PHASE_RIDING)
        return;
    double at = position_mm(world);
    world->distance_mm += (int64_t)fabs(at - world->from_mm);
    world->at_mm = at;
    world->phase = PHASE_STANDING;
}

/* Shortens the run to the first floor at which the car can still stop: its motion up to now is the same. */
static void end_run_at_next_floor(struct world *world) {
    if (world->phase != PHASE_RIDING)
        return;
    int step = heading(world);
    int last = world->to_floor;
    for (int floor = floor_near(world->from_mm); floor != last; floor += step) {
        double distance_mm = (level_of(floor) - world->from_mm) * step;
        if (distance_mm < 1)
            continue;
        struct run run = run_over(distance_mm);
        if (ridden_s(world) > run.ramp_s + run.cruise_s)
            continue;
        world->to_floor = floor;
        world->left_ns = run_left_ns(world);
        return;
    }
}

static void arrive(struct world *world) {
    world->at_mm = level_of(world->to_floor);
    world->distance_mm += (int64_t)fabs(world->at_mm - world->from_mm);
    world->rides++;
    world->phase = PHASE_STANDING;
    if (is_held(world) && !world->restraint.doors_stay_closed)
        open_doors(world);
}

static void let_out(struct world *world) {
    bool visiting = world->visit_count && world->visit[0].floor == floor_here(world);
    int out = visiting && !is_held(world) ? world->visit[0].out : EVERYBODY;
    world->persons -= out < world->persons ? out : world->persons;
}

static void let_in(struct world *world) {
    if (!world->visit_count || world->visit[0].floor != floor_here(world))
        return;
    world->persons += world->visit[0].in;
    if (world->persons > CAPACITY)
        world->persons = CAPACITY;
    world->visit_count--;
    memmove(&world->visit[0], &world->visit[1], (size_t)world->visit_count * sizeof world->visit[0]);
}

static void end_phase(struct world *world) {
    switch (world->phase) {
    case PHASE_STANDING:
        break;
    case PHASE_OPENING:
        set_phase(world, PHASE_OPEN, DWELL_NS);
        let_out(world);
        break;
    case PHASE_OPEN:
        if (waits_with_open_doors(world)) {
            world->left_ns = LOOK_AGAIN_NS;
            break;
        }
        let_in(world);
        set_phase(world, PHASE_CLOSING, DOOR_NS);
        break;
    case PHASE_CLOSING:
        world->phase = PHASE_STANDING;
        break;
    case PHASE_RIDING:
        arrive(world);
        break;
    }
}

/* What a car that stands with closed doors does next. */
static void decide(struct world *world) {
    if (world->phase != PHASE_STANDING || is_held(world))
        return;
    const struct habit *habit = habit_of(world);
    int here = floor_here(world);
    int next = world->visit_count ? world->visit[0].floor : 0;
    if (!here)
        ride_to(world, next ? next : floor_near(world->at_mm));
    else if (next == here || (!next && world->persons))
        open_doors(world); /* NOLINT(bugprone-branch-clone): what comes first, not what it does, makes the order */
    else if (next)
        ride_to(world, next);
    else if (habit->home && habit->home != here)
        ride_to(world, habit->home);
    else if (habit->doors_open)
        open_doors(world);
    else if (world->rides_owed && habit->calls) {
        world->rides_owed--;
        ride_to(world, here < WORLD_FLOORS ? here + 1 : 1);
    }
}

static bool add_visit(struct world *world, int floor, int out, int in) {
    if (world->visit_count == WORLD_STOPS)
        return false;
    world->visit[world->visit_count++] = (struct world_visit){.floor = floor, .out = out, .in = in};
    return true;
}

static void schedule_passenger(struct world *world) {
    world->next_passenger_ns = world->now_ns + random_between(&world->random, PASSENGER_MIN_NS, PASSENGER_MAX_NS);
}

/* One to three people who want from one floor to another. */
static void passenger_comes(struct world *world) {
    int from = (int)random_between(&world->random, 1, WORLD_FLOORS);
    int to = (int)random_between(&world->random, 1, WORLD_FLOORS - 1);
    int people = (int)random_between(&world->random, 1, 3);
    schedule_passenger(world);
    if (!habit_of(world)->passengers || is_held(world) || world->visit_count > WORLD_STOPS - 2)
        return;
    add_visit(world, from, 0, people);
    add_visit(world, to < from ? to : to + 1, people, 0);
}

void world_init(struct world *world, uint64_t seed) {
    *world = (struct world){.random = {.state = seed}, .mode = VALUE(MODE_NORMAL)};
    world->at_mm = level_of((int)random_between(&world->random, 1, WORLD_FLOORS));
    world->rides = (uint64_t)random_between(&world->random, 50000, 250000);
    world->door_cycles = world->rides + (uint64_t)random_between(&world->random, 0, 5000);
    world->running_ns = (int64_t)world->rides * 6 * NS_PER_S;
    world->distance_mm = (int64_t)world->rides * 7500;
    schedule_passenger(world);
}

void world_advance(struct world *world, int64_t ns) {
    while (ns > 0) {
        decide(world);
        int64_t step = ns;
        if (world->phase != PHASE_STANDING && world->left_ns < step)
            step = world->left_ns;
        if (world->next_passenger_ns - world->now_ns < step)
            step = world->next_passenger_ns - world->now_ns;
        ns -= step;
        world->now_ns += step;
        world->left_ns -= step;
        if (world->phase == PHASE_RIDING) {
            world->ridden_ns += step;
            world->running_ns += step;
        }
        if (world->phase != PHASE_STANDING && world->left_ns <= 0)
            end_phase(world);
        if (world->next_passenger_ns <= world->now_ns)
            passenger_comes(world);
    }
}

static struct value door_of(const struct world *world) {
    switch (world->phase) {
    case PHASE_OPENING:
        return VALUE(DOOR_OPENING);
    case PHASE_OPEN:
        return VALUE(DOOR_OPEN);
    case PHASE_CLOSING:
        return VALUE(DOOR_CLOSING);
    case PHASE_STANDING:
    case PHASE_RIDING:
        break;
    }
    return VALUE(DOOR_CLOSED);
}

static int64_t speed_of(const struct world *world) {
    if (world->phase != PHASE_RIDING)
        return 0;
    struct run run = current_run(world);
    return heading(world) * lround(run_speed(&run, ridden_s(world)));
}

static struct value direction_of(const struct world *world) {
    if (world->phase != PHASE_RIDING)
        return VALUE(DIRECTION_NONE);
    return VALUE(heading(world) > 0 ? DIRECTION_UP : DIRECTION_DOWN);
}

struct value world_item(const struct world *world, enum item item) {
    double mm = position_mm(world);
    switch (item) {
    case ITEM_SERVICE_MODE:
        return world->mode;
    case ITEM_CAR:
        return VALUE(world->phase == PHASE_RIDING ? CAR_RUNNING : CAR_STOPPED);
    case ITEM_DIRECTION:
        return direction_of(world);
    case ITEM_DOOR:
        return door_of(world);
    case ITEM_DOOR_ZONE:
        return VALUE(fabs(mm - level_of(floor_near(mm))) <= ZONE_MM);
    case ITEM_FLOOR:
        return VALUE(floor_near(mm));
    case ITEM_OCCUPIED:
        return VALUE(world->persons > 0);
    case ITEM_OVERLOAD:
    case ITEM_PASSENGER_ALARM:
        return VALUE(0);
    case ITEM_SPEED_MM_S:
        return VALUE(speed_of(world));
    case ITEM_LOAD_PERCENT:
        return VALUE(world->persons * PERSON_KG * 100 / CAPACITY_KG);
    case ITEM_HEARTBEAT:
        return VALUE(world->now_ns / NS_PER_S);
    case ITEM_RIDES_TOTAL:
        return VALUE((int64_t)world->rides);
    case ITEM_RUN_HOURS:
        return VALUE(world->running_ns / (3600 * NS_PER_S));
    case ITEM_DOOR_CYCLES_TOTAL:
        return VALUE((int64_t)world->door_cycles);
    case ITEM_DISTANCE_M:
        return VALUE(world->distance_mm / 1000);
    case ITEM_COUNT:
        break;
    }
    return VALUE_UNKNOWN;
}

/* What has to happen at once when a fault or a mode begins. */
static void obey(struct world *world) {
    const struct habit *habit = habit_of(world);
    if (world->restraint.stop == WORLD_STOPS_AT_ONCE || habit->halts)
        halt(world);
    else if (world->restraint.stop == WORLD_STOPS_AT_FLOOR || habit->next_floor)
        end_run_at_next_floor(world);
}

void world_restrain(struct world *world, struct world_restraint restraint) {
    world->restraint = restraint;
    obey(world);
}

void world_set_mode(struct world *world, struct value mode) {
    world->mode = mode;
    if (!habit_of(world)->calls)
        world->visit_count = 0;
    obey(world);
}

void world_trap(struct world *world, bool trapped) {
    if (trapped && !world->trapped) {
        halt(world);
        world->phase = PHASE_STANDING;
        int floor = floor_near(world->at_mm);
        world->at_mm = level_of(floor < WORLD_FLOORS ? floor : floor - 1) + FLOOR_MM / 2;
        world->persons += world->persons == 0;
    }
    if (!trapped && world->trapped) {
        world->visit_count = 0;
        add_visit(world, floor_near(world->at_mm), EVERYBODY, 0);
    }
    world->trapped = trapped;
}

bool world_call(struct world *world, int floor) {
    return habit_of(world)->calls && add_visit(world, floor, 0, 0);
}

void world_count_rides(struct world *world, unsigned rides) {
    world->rides += rides;
    world->door_cycles += rides;
    world->running_ns += (int64_t)rides * 4 * NS_PER_S;
    world->distance_mm += (int64_t)rides * (int64_t)FLOOR_MM;
}

void world_owe_rides(struct world *world, unsigned rides) {
    world->rides_owed += rides;
}
