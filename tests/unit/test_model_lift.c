/* State, link, mode, bell and counters of a lift (domain.md 2 and 3). */
#include "lift_story.h"

static bool take(bool *mark) {
    bool was = *mark;
    *mark = false;
    return was;
}

static void a_lift_fits_its_budget(void **state) {
    (void)state;
    assert_true(sizeof(struct lift) <= 6 * 1024);
}

static void a_mode_change_is_told_from_the_last_known_mode(void **state) {
    (void)state;
    PLAY(1, {0, "mode:?", ""}, {1000, "mode:normal", ""}, {2000, "mode:?", ""}, {3000, "mode:normal", ""},
         {4000, "mode:?", ""}, {5000, "mode:fire_return", "mode normal > fire_return"}, {6000, "offline", ""},
         {7000, "mode:fire_return", ""}, {8000, "restart", ""}, {9000, "mode:normal", "mode fire_return > normal"});
}

static void the_passenger_alarm_is_told_when_it_begins(void **state) {
    (void)state;
    PLAY(1, {0, "alarm:no", ""}, {1000, "alarm:yes", "alarm"}, {2000, "alarm:yes", ""}, {3000, "alarm:no", ""},
         {4000, "alarm:yes", "alarm"}, {5000, "offline", ""}, {6000, "alarm:yes", ""}, {7000, "alarm:?", ""},
         {8000, "alarm:yes", ""});
}

static void a_change_of_speed_or_load_alone_is_no_change_of_state(void **state) {
    (void)state;
    static const struct {
        const char *says;
        bool state_changed;
    } table[] = {
        {"mode:normal car:stopped floor:1 speed:0", true},
        {"car:running", true},
        {"speed:500", false},
        {"load:20", false},
        {"speed:1000 load:30", false},
        {"heartbeat:4", false},
        {"alarm:no", false},
        {"floor:2", true},
        {"", false},
        {"rides:80", false},
        {"a", true},
        {"a", false},
        {"door:open", true},
        {"door_zone:yes", true},
        {"occupied:no", true},
        {"overload:yes", true},
        {"direction:up", true},
        {"mode:inspection", true},
        {"offline", true},
        {"offline", false},
    };
    story_begin(&story, 1);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        story_step(&story, (int64_t)i, table[i].says);
        if (take(&story.lift.state_changed) != table[i].state_changed)
            fail_msg("\"%s\"", table[i].says);
    }
}

static void an_offline_lift_shows_nothing_but_its_faults(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal floor:3", ""}, {1000, "a", "raised door_open_fault 1"}, {2000, "offline", ""});
    for (enum item item = 0; item < ITEM_FIRST_COUNTER; item++)
        assert_false(story.lift.item[item].known);
    assert_int_equal(story.lift.link, LINK_OFFLINE);
    assert_int_equal(story.lift.link_reason, LINK_REASON_TIMEOUT);
    assert_int_equal(story.lift.link_since_real_ms, STORY_REAL_MS + 2000);
    assert_true(story.lift.record.fault[FAULT_DOOR_OPEN_FAULT].active);
    story_step(&story, 3000, "online");
    assert_false(story.lift.item[ITEM_FLOOR].known); /* not before it is read again */
    story_step(&story, 3100, "a");
    assert_int_equal(story.lift.item[ITEM_FLOOR].number, 3);
}

static void the_reason_of_silence_may_change(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "offline", ""});
    take(&story.lift.link_changed);
    take(&story.lift.state_changed);
    lift_link(&story.lift, 0, LINK_OFFLINE, LINK_REASON_DEVICE_GONE, story_at(&story, 2000), 0, &story.events);
    assert_int_equal(story.lift.link_reason, LINK_REASON_DEVICE_GONE);
    assert_int_equal(story.lift.link_since_real_ms, STORY_REAL_MS + 1000);
    assert_true(story.lift.link_changed);
    assert_false(story.lift.state_changed);
}

static void an_answer_means_online(void **state) {
    (void)state;
    story_begin(&story, 1);
    assert_int_equal(story.lift.link, LINK_UNKNOWN);
    story_step(&story, 0, "floor:1");
    assert_int_equal(story.lift.link, LINK_ONLINE);
    assert_true(take(&story.lift.link_changed));
    story_step(&story, 1000, "floor:2");
    assert_false(story.lift.link_changed);
}

static void the_first_unit_decides_the_link(void **state) {
    (void)state;
    PLAY(2, {0, "floor:1 door:open", ""}, {100, "part1 floor:7", ""});
    assert_int_equal(story.lift.item[ITEM_FLOOR].number, 1); /* each item from the unit that owns it */
    assert_int_equal(story.lift.item[ITEM_DOOR].number, DOOR_OPEN);
    take(&story.lift.link_changed);
    story_step(&story, 1000, "part1 offline");
    assert_int_equal(story.lift.link, LINK_ONLINE);
    assert_true(take(&story.lift.link_changed)); /* the message lists the units */
    assert_false(story.lift.item[ITEM_DOOR].known);
    assert_true(story.lift.item[ITEM_FLOOR].known);
    story_step(&story, 2000, "part1 door:closed");
    story_step(&story, 3000, "offline");
    assert_int_equal(story.lift.link, LINK_OFFLINE);
    story_step(&story, 4000, "part1 x");
    assert_string_equal(story.text, "raised door_open_fault 1");
    assert_false(story.lift.item[ITEM_DOOR].known);
    story_step(&story, 5000, "online"); /* what the second said last holds, even if it says nothing new */
    assert_int_equal(story.lift.item[ITEM_DOOR].number, DOOR_CLOSED);
}

static void a_heartbeat_that_stands_still_makes_it_stalled(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *says;
        enum link link;
        int64_t due_ms; /* -1 never */
    } table[] = {
        {0, "heartbeat:1 floor:3", LINK_ONLINE, 30000},
        {20000, "heartbeat:2", LINK_ONLINE, 50000},
        {49999, "floor:4", LINK_ONLINE, 50000},
        {50000, "", LINK_STALLED, -1},
        {90000, "a", LINK_STALLED, -1},
        {91000, "a heartbeat:?", LINK_STALLED, -1},
        {92000, "a heartbeat:2", LINK_STALLED, -1},
        {93000, "a heartbeat:3", LINK_ONLINE, 123000},
        {100000, "offline", LINK_OFFLINE, -1},
        {200000, "a", LINK_ONLINE, 230000},
        {229000, "a heartbeat:?", LINK_ONLINE, -1},
        {900000, "a", LINK_ONLINE, -1},
    };
    story_begin(&story, 1);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        story_step(&story, table[i].ms, table[i].says);
        assert_int_equal(story.lift.link, table[i].link);
        assert_int_equal(story.lift.item[ITEM_FLOOR].known, table[i].link == LINK_ONLINE);
        int64_t due_ms = table[i].due_ms < 0 ? INT64_MAX : story.mono_ms + table[i].due_ms;
        assert_int_equal(lift_due_ms(&story.lift), due_ms);
    }
}

static void a_lift_without_heartbeat_never_stalls(void **state) {
    (void)state;
    PLAY(1, {0, "floor:1", ""}, {1000000, "", ""});
    lift_tick(&story.lift, story_at(&story, 2000000), &story.events);
    assert_int_equal(story.lift.link, LINK_ONLINE);
}

static void another_unit_says_nothing_of_the_heartbeat(void **state) {
    (void)state;
    PLAY(2, {0, "heartbeat:1", ""}, {35000, "part1 heartbeat:1", ""});
    assert_int_equal(story.lift.link, LINK_ONLINE);
    story_step(&story, 35001, "heartbeat:2");
    assert_int_equal(story.lift.link, LINK_ONLINE);
}

static void the_clock_alone_finds_a_stall_when_the_sample_does_not_come(void **state) {
    (void)state;
    PLAY(1, {0, "heartbeat:1 floor:1", ""});
    lift_tick(&story.lift, story_at(&story, 39999), &story.events);
    assert_int_equal(story.lift.link, LINK_ONLINE);
    lift_tick(&story.lift, story_at(&story, 40000), &story.events);
    assert_int_equal(story.lift.link, LINK_STALLED);
    assert_int_equal(story.lift.link_reason, LINK_REASON_STALLED);
    assert_false(story.lift.item[ITEM_FLOOR].known);
}

static void a_lift_is_blocked_by_a_fault_that_stops_it_with_nobody_known_inside(void **state) {
    (void)state;
    static const struct {
        const char *says;
        bool blocked;
    } table[] = {
        {"car:stopped", false},
        {"car:stopped a", true},
        {"car:running a", false},
        {"car:stopped a occupied:yes", false},
        {"car:stopped a occupied:no", true},
        {"car:stopped a occupied:?", true},
        {"car:stopped c44", false}, /* a warning */
        {"car:stopped c99", true},  /* nobody knows what it does */
        {"car:stopped s", false},   /* the profile says that it traps nobody */
        {"car:stopped a e", false}, /* somebody is inside */
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        story_begin(&story, 1);
        story_step(&story, 0, "car:stopped");
        story_step(&story, 1000, table[i].says);
        story_step(&story, 5000, table[i].says);
        if (lift_blocked(&story.lift) != table[i].blocked)
            fail_msg("\"%s\"", table[i].says);
    }
    story_step(&story, 6000, "a");
    assert_true(story.lift.record.fault[FAULT_DOOR_OPEN_FAULT].active);
    story_step(&story, 7000, "offline");
    assert_false(lift_blocked(&story.lift));
}

static void counters_that_were_reset_or_replaced_are_told(void **state) {
    (void)state;
    PLAY(1, {0, "rides:80000 hours:0", ""}, {10000, "rides:80001", ""},
         {20000, "rides:3", "reset rides_total 80001 > 3"}, {30000, "rides:9000", ""},
         {40000, "rides:9001", "replaced rides_total 3 > 9001"}, {50000, "rides:9002", ""}, {60000, "offline", ""},
         {70000, "restart", ""}, {3600000, "rides:9302", ""}); /* an hour later */
    assert_int_equal(story.lift.record.counter[0].total, 80302);
}

static void a_counter_of_a_unit_that_does_not_own_it_is_not_read(void **state) {
    (void)state;
    PLAY(2, {0, "rides:80", ""}, {1000, "part1 rides:9000", ""}, {2000, "part1 rides:9000", ""});
    assert_int_equal(story.lift.record.counter[0].total, 80);
}

static void a_jump_held_before_a_restart_is_not_half_confirmed_by_it(void **state) {
    (void)state;
    PLAY(1, {0, "rides:80", ""}, {1000, "rides:9000", ""}, {2000, "restart", ""}, {9000000, "rides:9000", ""},
         {9001000, "rides:9000", "replaced rides_total 80 > 9000"});
}

static void rides_counted_here_are_rides(void **state) {
    (void)state;
    static const struct {
        const char *before, *says;
        int64_t rides;
    } table[] = {
        {"mode:normal car:stopped door:closed", "car:running rides+1", 1},
        {"mode:? car:stopped door:?", "car:running rides+1", 1},
        {"mode:inspection car:stopped door:closed", "car:running rides+1", 0},
        {"mode:inspection car:stopped door:closed", "mode:normal car:running rides+1", 1},
        {"mode:normal car:running door:open", "rides+1", 0},       /* re-levelling */
        {"mode:normal car:running door:not_closed", "rides+1", 0}, /* the same, seen by one contact */
        {"mode:normal car:running door:open", "car:stopped rides+1", 0},
        {"mode:normal car:running door:closing", "door:closed rides+1", 1}, /* the door's contact lags */
        {"mode:normal car:running door:closed", "door:open rides+1", 1},    /* opens as it arrives */
        {"mode:normal car:running door:fault", "rides+1", 1},
        {"mode:inspection", "rides:1", 1}, /* the controller's own count is not ours to judge */
        {"car:running door:open", "rides:1", 1},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        story_begin(&story, 1);
        story_step(&story, 0, table[i].before);
        story_step(&story, 2000, table[i].says);
        const struct counter *rides = &story.lift.record.counter[0];
        if (!rides->known || rides->total != table[i].rides)
            fail_msg("\"%s\", \"%s\": %" PRId64, table[i].before, table[i].says, rides->total);
    }
}

static void a_run_with_open_door_says_nothing_of_the_next(void **state) {
    (void)state;
    PLAY(1, {0, "car:running door:open rides+1", ""}, {1000, "car:stopped", ""}, {2000, "door:closed", ""},
         {3000, "car:running", ""}, {5000, "rides+1", ""}, {9000, "car:stopped door:open", ""}, {10000, "rides+1", ""});
    assert_int_equal(story.lift.record.counter[0].total, 2);
}

static void run_hours_counted_here_go_on_in_inspection(void **state) {
    (void)state;
    PLAY(1, {0, "mode:inspection hours+0", ""}, {1000, "hours+1000", ""});
    assert_int_equal(story.lift.record.counter[ITEM_RUN_HOURS - ITEM_FIRST_COUNTER].total, 1000);
}

static void counters_are_marked_when_they_change(void **state) {
    (void)state;
    static const struct {
        const char *says;
        bool counters_changed;
        uint32_t marks;
    } table[] = {{"rides:80", true, 1}, {"rides:80", false, 0}, {"rides:81 hours:0", true, 3},
                 {"", false, 0},        {"rides:3", false, 1},  {"a", true, 0}};
    story_begin(&story, 1);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        story_step(&story, (int64_t)i * 1000, table[i].says);
        assert_int_equal(take(&story.lift.counters_changed), table[i].counters_changed);
        assert_int_equal(story.lift.record.counters_changed, table[i].marks);
        story.lift.record.counters_changed = 0;
    }
}

static void every_link_and_reason_has_its_name(void **state) {
    (void)state;
    assert_null(link_name(LINK_UNKNOWN));
    assert_string_equal(link_name(LINK_ONLINE), "online");
    assert_string_equal(link_name(LINK_OFFLINE), "offline");
    assert_string_equal(link_name(LINK_STALLED), "stalled");
    static const char *const reasons[] = {NULL, "timeout", "crc", "exception", "device_gone", "stalled", "removed"};
    assert_null(link_reason_name(LINK_REASON_NONE));
    for (size_t i = 1; i < COUNT_OF(reasons); i++)
        assert_string_equal(link_reason_name((enum link_reason)i), reasons[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_lift_fits_its_budget),
        cmocka_unit_test(a_mode_change_is_told_from_the_last_known_mode),
        cmocka_unit_test(the_passenger_alarm_is_told_when_it_begins),
        cmocka_unit_test(a_change_of_speed_or_load_alone_is_no_change_of_state),
        cmocka_unit_test(an_offline_lift_shows_nothing_but_its_faults),
        cmocka_unit_test(the_reason_of_silence_may_change),
        cmocka_unit_test(an_answer_means_online),
        cmocka_unit_test(the_first_unit_decides_the_link),
        cmocka_unit_test(a_heartbeat_that_stands_still_makes_it_stalled),
        cmocka_unit_test(a_lift_without_heartbeat_never_stalls),
        cmocka_unit_test(another_unit_says_nothing_of_the_heartbeat),
        cmocka_unit_test(the_clock_alone_finds_a_stall_when_the_sample_does_not_come),
        cmocka_unit_test(a_lift_is_blocked_by_a_fault_that_stops_it_with_nobody_known_inside),
        cmocka_unit_test(counters_that_were_reset_or_replaced_are_told),
        cmocka_unit_test(a_counter_of_a_unit_that_does_not_own_it_is_not_read),
        cmocka_unit_test(a_jump_held_before_a_restart_is_not_half_confirmed_by_it),
        cmocka_unit_test(rides_counted_here_are_rides),
        cmocka_unit_test(a_run_with_open_door_says_nothing_of_the_next),
        cmocka_unit_test(run_hours_counted_here_go_on_in_inspection),
        cmocka_unit_test(counters_are_marked_when_they_change),
        cmocka_unit_test(every_link_and_reason_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
