/* What a lift does that is no fault and yet worth a word: a door held open, no ride for a day, too many people. */
#include "lift_story.h"

static void a_door_held_open_is_told_once(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal car:stopped door:closed", ""}, {1000, "door:open", ""});
    assert_int_equal(lift_due_ms(&story.lift), story.mono_ms + 601000);
    static const struct step rest[] = {{600999, "", ""},           {601000, "", "door_held 600000"},
                                       {2000000, "", ""},          {2001000, "door:closing", ""},
                                       {2002000, "door:open", ""}, {2602000, "", "door_held 600000"}};
    story_play(&story, rest, COUNT_OF(rest));
    assert_int_equal(story.events.event[0].lasting.since_real_ms, STORY_REAL_MS + 2002000);
}

static void also_if_one_contact_says_so(void **state) {
    (void)state;
    PLAY(1, {0, "mode:? car:stopped door:not_closed", ""}, {600000, "", "door_held 600000"});
}

static void only_in_normal_mode(void **state) {
    (void)state;
    PLAY(1, {0, "mode:fire_return car:stopped door:open", ""}, {700000, "", ""},
         {800000, "mode:normal", "mode fire_return > normal"}, {1300000, "mode:inspection", "mode normal > inspection"},
         {2000000, "mode:normal", "mode inspection > normal"}, {2599999, "", ""}, {2600000, "", "door_held 600000"});
    PLAY(1, {0, "mode:normal car:stopped door:open", ""}, {1000, "maintenance on", "maintenance on"}, {900000, "", ""});
}

static void silence_is_not_an_open_door_and_tells_of_none_twice(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal car:stopped door:open", ""}, {300000, "offline", ""}, {700000, "", ""}, {1299999, "", ""},
         {1300000, "", "door_held 600000"}, {1400000, "offline", ""}, {1500000, "", ""}, {9000000, "", ""});
}

#define HOURS INT64_C(3600000)

static void a_day_without_a_ride_is_told_until_the_next(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal car:stopped door:closed", ""}, {HOURS, "car:running", ""},
         {HOURS + 5000, "car:stopped", ""});
    assert_int_equal(lift_due_ms(&story.lift), story.mono_ms + 25 * HOURS + 5000);
    static const struct step rest[] = {{25 * HOURS + 4999, "", ""},
                                       {25 * HOURS + 5000, "", "no_ride 86400000"},
                                       {72 * HOURS, "", ""},
                                       {73 * HOURS, "car:running", ""},
                                       {73 * HOURS + 5000, "car:stopped", ""},
                                       {97 * HOURS + 5000, "", "no_ride 86400000"}};
    story_play(&story, rest, COUNT_OF(rest));
}

static void a_counted_ride_is_one_and_relevelling_is_none(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal rides:80", ""}, {20 * HOURS, "rides:81", ""}, {43 * HOURS, "rides:81", ""},
         {44 * HOURS, "rides:81", "no_ride 86400000"});
    PLAY(1, {0, "mode:normal car:stopped door:open", ""}, {500000, "car:running", ""}, {510000, "car:stopped", ""},
         {520000, "door:closed", ""}, {530000, "car:running", ""}, {531000, "car:stopped", ""},
         {24 * HOURS, "", "no_ride 86400000"});
}

static void the_day_begins_when_it_could_ride(void **state) {
    (void)state;
    PLAY(1, {0, "mode:out_of_service car:stopped", ""}, {30 * HOURS, "mode:normal", "mode out_of_service > normal"},
         {40 * HOURS, "offline", ""}, {41 * HOURS, "", ""}, {64 * HOURS, "", ""}, {65 * HOURS, "", "no_ride 86400000"});
    PLAY(1, {0, "mode:normal", ""}, {100 * HOURS, "", ""}); /* nobody could see a ride */
}

static void overload_is_told_when_it_begins_and_ends(void **state) {
    (void)state;
    PLAY(1, {0, "overload:?", ""}, {1000, "overload:no", ""}, {2000, "overload:yes", "overload yes"},
         {3000, "overload:?", ""}, {4000, "overload:yes", ""}, {5000, "offline", ""}, {6000, "", ""},
         {7000, "overload:no", "overload no"});
}

static void every_mode_is_told_and_the_way_back(void **state) {
    (void)state;
    static const char *const modes[] = {"out_of_service", "inspection",      "fire_return",
                                        "firefighter",    "emergency_power", "earthquake"};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        char says[64], there[64], back[64];
        snprintf(says, sizeof says, "mode:%s", modes[i]);
        snprintf(there, sizeof there, "mode normal > %s", modes[i]);
        snprintf(back, sizeof back, "mode %s > normal", modes[i]);
        story_begin(&story, 1);
        story_step(&story, 0, "mode:normal");
        story_step(&story, 1000, says);
        assert_string_equal(story.text, there);
        story_step(&story, 2000, "mode:normal");
        assert_string_equal(story.text, back);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_door_held_open_is_told_once),
        cmocka_unit_test(also_if_one_contact_says_so),
        cmocka_unit_test(only_in_normal_mode),
        cmocka_unit_test(silence_is_not_an_open_door_and_tells_of_none_twice),
        cmocka_unit_test(a_day_without_a_ride_is_told_until_the_next),
        cmocka_unit_test(a_counted_ride_is_one_and_relevelling_is_none),
        cmocka_unit_test(the_day_begins_when_it_could_ride),
        cmocka_unit_test(overload_is_told_when_it_begins_and_ends),
        cmocka_unit_test(every_mode_is_told_and_the_way_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
