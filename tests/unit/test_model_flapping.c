/* Faults that come and go too often (domain.md 2): held active, told of once, counted on. */
#include "lift_story.h"

/* Raises and clears a fault; returns what the raise brought. */
static const char *flicker(int64_t ms, const char *says) {
    static char raised[sizeof story.text];
    story_step(&story, ms, says);
    text_copy(raised, sizeof raised, story.text);
    story_step(&story, ms + 1000, "");
    story_step(&story, ms + 2000, "");
    return raised;
}

static const struct fault_record *door_fault(void) {
    return &story.lift.record.fault[FAULT_DOOR_OPEN_FAULT];
}

/* Twelve raises within twelve minutes: as many as are not yet too many. */
static void almost_flapping(void) {
    story_begin(&story, 1);
    story_step(&story, 0, "");
    for (int i = 1; i <= 12; i++) {
        assert_string_not_equal(flicker(i * 60000, "a"), "");
        assert_false(door_fault()->active);
    }
}

static void play(const struct step steps[], size_t count) {
    story_play(&story, steps, count);
}
#define THEN(...)                                                                                                      \
    do {                                                                                                               \
        static const struct step rest[] = {__VA_ARGS__};                                                               \
        play(rest, COUNT_OF(rest));                                                                                    \
    } while (0)

static void one_raise_too_many_latches_it_and_says_so_once(void **state) {
    (void)state;
    almost_flapping();
    THEN({780000, "a", "raised door_open_fault 13 flapping; flapping door_open_fault 13 > 12"}, {781000, "", ""},
         {790000, "", ""}, {800000, "a", ""}, {810000, "", ""}, {820000, "", ""}, {830000, "a", ""});
    assert_true(door_fault()->active);
    assert_int_equal(door_fault()->count, 15);
    assert_true(story.lift.counters_changed);
}

static void an_hour_later_it_is_let_go(void **state) {
    (void)state;
    almost_flapping();
    THEN({780000, "a", "raised door_open_fault 13 flapping; flapping door_open_fault 13 > 12"}, {781000, "", ""},
         {782000, "", ""});
    assert_int_equal(lift_due_ms(&story.lift), story.mono_ms + 780000 + 3600000);
    THEN({4379999, "", ""}, {4380000, "", "cleared door_open_fault gone 3600000"},
         {4400000, "a", "raised door_open_fault 14"});
}

static void not_while_it_goes_on(void **state) {
    (void)state;
    almost_flapping();
    for (int i = 13; i <= 100; i++)
        flicker(i * 60000, "a");
    assert_true(door_fault()->active);
    assert_int_equal(door_fault()->count, 100);
    for (int i = 101; i <= 145; i++) { /* once every ten minutes */
        flicker(i * 60000, i % 10 == 0 ? "a" : "");
        assert_true(door_fault()->active);
    }
    int64_t due_ms = lift_due_ms(&story.lift) - story.mono_ms;
    assert_in_range(due_ms, 149 * 60000, 155 * 60000); /* seven or fewer of the hundred, and the four since */
    story_step(&story, due_ms, "");
    assert_non_null(strstr(story.text, "cleared door_open_fault gone"));
}

static void a_fault_that_stands_when_it_is_let_go_stays(void **state) {
    (void)state;
    almost_flapping();
    THEN({780000, "a", "raised door_open_fault 13 flapping; flapping door_open_fault 13 > 12"}, {4380000, "a", ""},
         {4390000, "", ""}, {4391000, "", "cleared door_open_fault gone 3611000"});
}

static void slower_is_not_flapping(void **state) {
    (void)state;
    story_begin(&story, 1);
    story_step(&story, 0, "");
    for (int i = 1; i <= 100; i++) /* every six minutes */
        flicker(i * 360000, "a");
    assert_false(door_fault()->flapping);
    assert_int_equal(door_fault()->count, 100);
}

static void an_entrapment_never_flaps(void **state) {
    (void)state;
    story_begin(&story, 1);
    story_step(&story, 0, "");
    for (int i = 1; i <= 50; i++)
        assert_string_not_equal(flicker(i * 10000, "e"), "");
    assert_int_equal(story.lift.record.fault[FAULT_ENTRAPMENT].count, 50);
    assert_false(story.lift.record.fault[FAULT_ENTRAPMENT].active);
}

static void nought_is_never(void **state) {
    (void)state;
    story_begin(&story, 1);
    story.lift.limits.flapping_per_h = 0;
    for (int i = 1; i <= 50; i++)
        flicker(i * 10000, "a");
    assert_false(door_fault()->flapping);
    almost_flapping();
    flicker(780000, "a");
    assert_true(door_fault()->active);
    story.lift.limits.flapping_per_h = 0; /* a reload */
    THEN({790000, "", "cleared door_open_fault gone 10000"});
}

static void each_fault_by_itself(void **state) {
    (void)state;
    almost_flapping();
    THEN({780000, "c41", "raised drive_fault 1 E41"},
         {781000, "c42", "cleared drive_fault superseded 1000 E41; raised drive_fault 2 E42"});
}

static void codes_that_supersede_each_other_flap_too(void **state) {
    (void)state;
    story_begin(&story, 1);
    story_step(&story, 0, "");
    for (int i = 1; i <= 13; i++)
        story_step(&story, i * 1000, i % 2 ? "c41" : "c42");
    assert_non_null(strstr(story.text, "flapping drive_fault 13 > 12"));
    story_step(&story, 14000, "c42");
    assert_string_equal(story.text, "");
    assert_int_equal(story.lift.record.fault[FAULT_DRIVE_FAULT].count, 14);
    assert_string_equal(story.lift.record.fault[FAULT_DRIVE_FAULT].code_text, "E42");
}

static void a_latched_fault_that_does_not_stand_stops_nothing(void **state) {
    (void)state;
    almost_flapping();
    story_step(&story, 780000, "a mode:normal car:stopped door:closed door_zone:yes occupied:yes");
    THEN({781000, "occupied:?", ""}, {782000, "", ""});
    assert_true(door_fault()->active);
    assert_false(lift_blocked(&story.lift));
    THEN({900000, "", ""}, {960000, "", ""});
    assert_false(story.lift.record.fault[FAULT_ENTRAPMENT].active);
    THEN({961000, "a", ""});
    assert_true(lift_blocked(&story.lift));
}

static void silence_does_not_end_it(void **state) {
    (void)state;
    almost_flapping();
    flicker(780000, "a");
    THEN({800000, "offline", ""}, {810000, "online", ""}, {811000, "", ""}, {812000, "restart", ""}, {820000, "", ""},
         {822000, "", ""}, {830000, "a", ""});
    assert_true(door_fault()->flapping);
    assert_int_equal(door_fault()->count, 14);
    THEN({840000, "", ""}, {842000, "", ""}, {4419999, "", ""}, {4420000, "", "cleared door_open_fault gone 3640000"});
}

static void one_that_left_the_profile_is_let_go_too(void **state) {
    (void)state;
    almost_flapping();
    flicker(780000, "a");
    THEN({800000, "moved", ""}, {810000, "", ""}, {4410000, "", "cleared door_open_fault gone 3630000"});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_raise_too_many_latches_it_and_says_so_once),
        cmocka_unit_test(an_hour_later_it_is_let_go),
        cmocka_unit_test(not_while_it_goes_on),
        cmocka_unit_test(a_fault_that_stands_when_it_is_let_go_stays),
        cmocka_unit_test(slower_is_not_flapping),
        cmocka_unit_test(an_entrapment_never_flaps),
        cmocka_unit_test(nought_is_never),
        cmocka_unit_test(each_fault_by_itself),
        cmocka_unit_test(codes_that_supersede_each_other_flap_too),
        cmocka_unit_test(a_latched_fault_that_does_not_stand_stops_nothing),
        cmocka_unit_test(silence_does_not_end_it),
        cmocka_unit_test(one_that_left_the_profile_is_let_go_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
