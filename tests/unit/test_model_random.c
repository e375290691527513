/* Whatever samples, gaps, restarts and clocks bring, the rules of domain.md 2 hold. Random lives of a lift, each from a
 * seed that a failure names: LIFTGW_SEED=N plays that one alone. */
#include "lift_story.h"

#include "base/clock.h"

#define LIFE_STEPS 400
#define BUDGET_MS 1500

/* What an operator has been told of a fault so far. */
struct told {
    bool active, alarm, confirmed;
    uint64_t count;
};

static uint64_t seed, state_of_random;
static int64_t now_ms, wall_ms; /* of the story; what its wall clock is off */
static struct told told[FAULT_COUNT];
static int64_t totals[COUNTER_COUNT];
static const char *last_says;

#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            fail_msg("seed %" PRIu64 " at %" PRId64 " ms, \"%s\": not " #condition, seed, now_ms, last_says);          \
    } while (0)

static uint64_t next_random(void) { /* SplitMix64 */
    uint64_t z = state_of_random += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static size_t below(size_t limit) {
    return (size_t)(next_random() % limit);
}

static struct instant now(void) {
    struct instant at = story_at(&story, now_ms);
    at.real_ms += wall_ms;
    at.synced = below(4) != 0;
    return at;
}

/* ---- what happens to the lift ---- */

static void change_something(void) {
    static const struct {
        enum item item;
        int64_t number; /* -1 unknown */
    } changes[] = {
        {ITEM_SERVICE_MODE, MODE_NORMAL},
        {ITEM_SERVICE_MODE, MODE_NORMAL},
        {ITEM_SERVICE_MODE, MODE_INSPECTION},
        {ITEM_SERVICE_MODE, MODE_FIREFIGHTER},
        {ITEM_SERVICE_MODE, MODE_EMERGENCY_POWER},
        {ITEM_SERVICE_MODE, -1},
        {ITEM_CAR, CAR_STOPPED},
        {ITEM_CAR, CAR_STOPPED},
        {ITEM_CAR, CAR_RUNNING},
        {ITEM_CAR, -1},
        {ITEM_DOOR, DOOR_CLOSED},
        {ITEM_DOOR, DOOR_CLOSED},
        {ITEM_DOOR, DOOR_OPEN},
        {ITEM_DOOR, DOOR_OPENING},
        {ITEM_DOOR, DOOR_FAULT},
        {ITEM_DOOR, -1},
        {ITEM_DOOR_ZONE, 0},
        {ITEM_DOOR_ZONE, 0},
        {ITEM_DOOR_ZONE, 1},
        {ITEM_DOOR_ZONE, -1},
        {ITEM_OCCUPIED, 0},
        {ITEM_OCCUPIED, 1},
        {ITEM_OCCUPIED, -1},
        {ITEM_OVERLOAD, 0},
        {ITEM_OVERLOAD, 1},
        {ITEM_PASSENGER_ALARM, 0},
        {ITEM_PASSENGER_ALARM, 1},
        {ITEM_HEARTBEAT, 1},
        {ITEM_HEARTBEAT, 2},
        {ITEM_HEARTBEAT, -1},
    };
    size_t i = below(COUNT_OF(changes));
    story.item[changes[i].item] = changes[i].number < 0 ? VALUE_UNKNOWN : VALUE(changes[i].number);
}

static struct fault_reading readings[2][COUNT_OF(first_sources)];

static void change_a_fault(size_t part) {
    static const char *const words[] = {"a41", "a41", "a-", "a-", "a-", "a?", "a42", "a26", "a99", "a44"};
    size_t i = below(story.part[part].source_count);
    readings[part][i] = reading_of(words[below(COUNT_OF(words))], &story.part[part].sources[i]);
}

static void poll(size_t part) {
    struct sample sample = {.at = now(), .faults = readings[part], .fault_count = story.part[part].source_count};
    memcpy(sample.item, story.item, sizeof sample.item);
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        if (below(4) == 0)
            sample.counter[i] = (struct counter_reading){.known = true,
                                                         .derived = below(20) == 0,
                                                         .value = (int64_t)below(3) * (int64_t)below(70000),
                                                         .modulus = INT64_C(65536)};
    last_says = "a poll";
    lift_apply(&story.lift, part, &sample, &story.events);
}

static void restart(void) {
    struct lift_record record = story.lift.record;
    last_says = "a restart";
    story.mono_ms = (int64_t)below(100000) + 1000 - now_ms;
    lift_init(&story.lift, &story_limits, story.part, story.lift.part_count, story.source, story.code, &record);
}

static int64_t next_due_ms(void) {
    int64_t due_ms = lift_due_ms(&story.lift);
    return due_ms == INT64_MAX ? INT64_MAX : due_ms - story.mono_ms;
}

static void pass_time(void) {
    static const int64_t spans_ms[] = {50, 200, 700, 1000, 1600, 3100, 9000, 31000, 61000, 130000, 700000, 7200000};
    int64_t due_ms = next_due_ms();
    if (due_ms > now_ms && due_ms < now_ms + 90000000 && below(3) == 0)
        now_ms = due_ms;
    else
        now_ms += spans_ms[below(COUNT_OF(spans_ms))];
}

static void something_happens(void) {
    size_t part = below(story.lift.part_count);
    size_t what = below(100);
    story.events.count = 0;
    if (what < 40) {
        change_something();
        poll(part);
    } else if (what < 75) {
        change_a_fault(part);
        poll(part);
    } else if (what < 88) {
        poll(part);
    } else if (what < 91) {
        last_says = "silence";
        lift_link(&story.lift, part, LINK_OFFLINE, LINK_REASON_TIMEOUT, now(), 0, &story.events);
    } else if (what < 93) {
        last_says = "online";
        lift_link(&story.lift, part, LINK_ONLINE, LINK_REASON_NONE, now(), 0, &story.events);
    } else if (what < 96) {
        last_says = "a tick";
        lift_tick(&story.lift, now(), &story.events);
    } else if (what < 97) {
        last_says = "maintenance";
        lift_maintenance(&story.lift, (int64_t)below(3) * 60000, now(), &story.events);
    } else if (what < 98) {
        wall_ms = (int64_t)below(200000000) - 100000000;
    } else {
        restart();
    }
}

/* ---- what holds ---- */

/* An entrapment that no device tells of ends with an open door alone: never while a door is known to be shut. */
static void check_end_of_entrapment(const struct fault_event *event) {
    bool own = event->raw.table == 0;
    struct value door = story.lift.item[ITEM_DOOR];
    CHECK(!own || (story.lift.link == LINK_ONLINE && door.known && door.number == DOOR_OPEN));
}

static void check_fault(const struct fault_event *event) {
    struct told *before = &told[event->fault];
    bool alarm = event->suppressed == SUPPRESSED_NOT;
    bool confirmed = event->confidence == CONFIDENCE_CONFIRMED;
    CHECK(event->raised || before->active);
    CHECK(!(event->raised && before->active) || (alarm && !before->alarm) || (confirmed && !before->confirmed));
    CHECK((event->fault == FAULT_ENTRAPMENT) == (event->confidence != CONFIDENCE_NONE));
    CHECK(event->count >= before->count);
    CHECK(!event->raised || before->active || event->count <= before->count + 1 || event->flapping);
    CHECK(!event->at_start || event->count == before->count);
    CHECK(!event->raised || before->active || alarm || event->count == before->count);
    CHECK(event->raised == (event->duration_ms == -1) && event->duration_ms >= -1);
    CHECK(!event->flapping || event->fault != FAULT_ENTRAPMENT);
    CHECK(event->raised == (event->reason == CLEAR_NONE));
    if (event->fault == FAULT_ENTRAPMENT && !event->raised)
        check_end_of_entrapment(event);
    *before = (struct told){event->raised, alarm, confirmed, event->count};
}

static void check_events(void) {
    CHECK(story.events.count <= EVENTS_MAX);
    for (size_t i = 0; i < story.events.count; i++) {
        const struct event *event = &story.events.event[i];
        if (event->type == EVENT_FAULT)
            check_fault(&event->fault);
        if (event->type == EVENT_FLAPPING)
            CHECK(event->flapping.raises > event->flapping.per_h);
        if (event->type == EVENT_DOOR_HELD)
            CHECK(event->lasting.duration_ms >= story_limits.door_held_s * 1000);
        if (event->type == EVENT_NO_RIDE)
            CHECK(event->lasting.duration_ms >= story_limits.no_ride_h * INT64_C(3600000));
    }
}

static void check_lift(void) {
    const struct lift_record *record = &story.lift.record;
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        CHECK(record->fault[fault].active == told[fault].active);
        CHECK(record->fault[fault].count >= told[fault].count);
        CHECK(!record->fault[fault].flapping || record->fault[fault].active);
        told[fault].count = record->fault[fault].count; /* edges of one that flaps are counted silently */
    }
    CHECK(!record->trapped || record->fault[FAULT_ENTRAPMENT].active);
    for (size_t i = 0; i < COUNTER_COUNT; i++) {
        CHECK(!record->counter[i].known || record->counter[i].total >= totals[i]);
        totals[i] = record->counter[i].known ? record->counter[i].total : 0;
    }
}

/* The same again, at the time that the lift asked for, must come to an end. */
static void check_due(void) {
    int64_t due_ms = next_due_ms();
    for (int i = 0; due_ms < now_ms + 100000000; i++) {
        CHECK(i < 100);
        now_ms = due_ms > now_ms ? due_ms : now_ms + 1;
        story.events.count = 0;
        size_t part = (size_t)i % story.lift.part_count;
        poll(part);
        check_events();
        check_lift();
        due_ms = next_due_ms();
        CHECK(due_ms > now_ms || story.lift.part_count > 1);
    }
}

/* A loose contact. */
static void flicker(void) {
    size_t part = below(story.lift.part_count), i = below(story.part[part].source_count);
    for (int j = 0; j < 40; j++) {
        now_ms += 1100;
        story.events.count = 0;
        readings[part][i] = reading_of(j % 2 ? "a41" : "a-", &story.part[part].sources[i]);
        poll(part);
        check_events();
        check_lift();
    }
}

static void live(uint64_t its_seed) {
    seed = state_of_random = its_seed;
    memset(told, 0, sizeof told);
    memset(totals, 0, sizeof totals);
    memset(readings, 0, sizeof readings);
    now_ms = wall_ms = 0;
    story_begin(&story, 1 + below(2));
    for (int i = 0; i < LIFE_STEPS; i++) {
        pass_time();
        something_happens();
        check_events();
        check_lift();
        if (below(50) == 0)
            check_due();
        if (below(200) == 0)
            flicker();
    }
}

static void every_life_keeps_the_rules(void **state) {
    (void)state;
    const char *wanted = getenv("LIFTGW_SEED");
    if (wanted) {
        live(strtoull(wanted, NULL, 10));
        return;
    }
    int64_t begin_ms = clock_mono_ms();
    uint64_t first = (uint64_t)clock_now().real_ms, lives = 0;
    while (clock_mono_ms() - begin_ms < BUDGET_MS)
        live(lives < 100 ? lives++ : first + lives++); /* always the same ones, then others */
    print_message("%" PRIu64 " lives, seeds 0 to 99 and from %" PRIu64 "\n", lives, first + 100);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_life_keeps_the_rules)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
