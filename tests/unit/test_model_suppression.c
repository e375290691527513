/* Inspection and maintenance: what is published then and alarms nobody, and what happens when they end. */
#include "lift_story.h"

static void what_still_stands_when_it_ends_alarms_and_is_not_counted(void **state) {
    (void)state;
    PLAY(1, {0, "mode:inspection", ""}, {1000, "a", "raised door_open_fault 0 suppressed"},
         {2000, "a mode:normal", "mode inspection > normal"});
    assert_int_equal(lift_due_ms(&story.lift), story.mono_ms + 122000);
    static const struct step rest[] = {{121999, "a", ""},
                                       {122000, "a", "raised door_open_fault 0"},
                                       {123000, "a", ""},
                                       {124000, "", ""},
                                       {125000, "", "cleared door_open_fault gone 124000"}};
    story_play(&story, rest, COUNT_OF(rest));
}

static void what_is_gone_or_going_does_not(void **state) {
    (void)state;
    PLAY(1, {0, "mode:inspection", ""},
         {1000, "a c41", "raised door_open_fault 0 suppressed; raised drive_fault 0 E41 suppressed"},
         {2000, "a mode:normal", "mode inspection > normal"},
         {3000, "a", "cleared drive_fault gone 2000 E41 suppressed"}, {121500, "", ""}, {122400, "", ""},
         {122500, "", "cleared door_open_fault gone 121500 suppressed"});
}

static void maintenance_suppresses_and_is_told(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""}, {1000, "maintenance on", "maintenance on"},
         {2000, "a", "raised door_open_fault 0 suppressed"});
    assert_int_equal(story.events.event[0].fault.suppressed, SUPPRESSED_MAINTENANCE);
    static const struct step rest[] = {{3000, "maintenance off", "maintenance off"},
                                       {4000, "maintenance off", ""},
                                       {122999, "a", ""},
                                       {123000, "a c41", "raised drive_fault 1 E41; raised door_open_fault 0"}};
    story_play(&story, rest, COUNT_OF(rest));
}

static void maintenance_expires(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""}, {1000, "maintenance on", "maintenance on"});
    assert_int_equal(story.events.event[0].maintenance.until_real_ms, STORY_REAL_MS + 3601000);
    assert_int_equal(lift_due_ms(&story.lift), story.mono_ms + 3601000);
    static const struct step by_sample[] = {{3600999, "", ""},
                                            {3601000, "", "maintenance off"},
                                            {3602000, "", ""},
                                            {3603000, "maintenance on", "maintenance on"},
                                            {3700000, "maintenance on", "maintenance on"}, /* an hour from now */
                                            {3701000, "offline", ""},
                                            {7299999, "tick", ""},
                                            {7300000, "tick", "maintenance off"}};
    story_play(&story, by_sample, COUNT_OF(by_sample));
}

static void maintenance_outlives_a_restart(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""}, {1000, "maintenance on", "maintenance on"}, {2000, "restart", ""},
         {3000, "a", "raised door_open_fault 0 suppressed after_gap 0..3000"}, {3600999, "a", ""},
         {3601000, "a", "maintenance off"});
    PLAY(1, {0, "mode:normal", ""}, {1000, "maintenance on", "maintenance on"}, {2000, "restart", ""},
         {9000000, "tick", "maintenance off"});
}

static void but_not_a_clock_that_was_set_back_by_years(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""}, {1000, "maintenance on", "maintenance on"});
    story.lift.record.maintenance_until_real_ms += INT64_C(100000000000);
    static const struct step rest[] = {
        {2000, "restart", ""}, {3000, "", ""}, {86402999, "", ""}, {86403000, "", "maintenance off"}};
    story_play(&story, rest, COUNT_OF(rest));
}

static struct instant later(int64_t ms, int64_t clock_ms, bool synced) {
    struct instant at = story_at(&story, ms);
    at.real_ms += clock_ms;
    at.synced = synced;
    return at;
}

/* Until when maintenance lasts after the clock was set by clock_ms, 10 s after it began; ms of the story's time. */
static int64_t end_after_clock_set(int64_t clock_ms) {
    lift_clock_set(&story.lift, later(11000, clock_ms, true));
    return story.lift.maintenance_end_mono_ms - story.mono_ms;
}

static void a_clock_that_is_set_does_not_end_it(void **state) {
    (void)state;
    static const int64_t offsets[] = {INT64_C(50000000000), -INT64_C(50000000000), 3600000, -3600000};
    for (size_t i = 0; i < COUNT_OF(offsets); i++) {
        PLAY(1, {0, "mode:normal", ""}, {1000, "maintenance on", "maintenance on"});
        story.lift.record.changed = false;
        assert_int_equal(end_after_clock_set(offsets[i]), 3601000);
        assert_int_equal(story.lift.record.maintenance_until_real_ms, STORY_REAL_MS + 3601000 + offsets[i]);
        assert_true(story.lift.record.changed); /* so that a restart knows it */
    }
    PLAY(1, {0, "mode:normal", ""});
    lift_clock_set(&story.lift, later(1000, 3600000, true));
    assert_int_equal(story.lift.record.maintenance_until_real_ms, 0);
}

/* A box without a clock battery: after a power cut it thinks that it is years ago, until a time server says. */
static void after_a_restart_it_lasts_by_the_clock_once_that_is_right(void **state) {
    (void)state;
    struct events events = {.count = 0};
    PLAY(1, {0, "mode:normal", ""}, {1000, "maintenance on", "maintenance on"}, {2000, "restart", ""});
    lift_tick(&story.lift, later(3000, -INT64_C(50000000000), false), &events);
    assert_int_equal(story.lift.maintenance_end_mono_ms, story.mono_ms + 3000 + LIFT_MAINTENANCE_MS);
    lift_clock_set(&story.lift, later(4000, 0, true));
    assert_int_equal(story.lift.maintenance_end_mono_ms, story.mono_ms + 3601000);
    lift_tick(&story.lift, later(3601000, 0, true), &events);
    assert_int_equal(events.count, 1);
    assert_false(events.event[0].maintenance.on);
}

static void it_lasts_a_day_at_most(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""});
    lift_maintenance(&story.lift, INT64_MAX, story_at(&story, 0), &story.events);
    assert_int_equal(story.events.event[0].maintenance.until_real_ms, STORY_REAL_MS + LIFT_MAINTENANCE_MS);
}

static void inspection_within_maintenance_is_inspection(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""}, {1000, "maintenance on", "maintenance on"},
         {2000, "mode:inspection a", "mode normal > inspection; raised door_open_fault 0 suppressed"});
    assert_int_equal(story.events.event[1].fault.suppressed, SUPPRESSED_INSPECTION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_still_stands_when_it_ends_alarms_and_is_not_counted),
        cmocka_unit_test(what_is_gone_or_going_does_not),
        cmocka_unit_test(maintenance_suppresses_and_is_told),
        cmocka_unit_test(maintenance_expires),
        cmocka_unit_test(maintenance_outlives_a_restart),
        cmocka_unit_test(but_not_a_clock_that_was_set_back_by_years),
        cmocka_unit_test(a_clock_that_is_set_does_not_end_it),
        cmocka_unit_test(after_a_restart_it_lasts_by_the_clock_once_that_is_right),
        cmocka_unit_test(it_lasts_a_day_at_most),
        cmocka_unit_test(inspection_within_maintenance_is_inspection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
