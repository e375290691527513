/* The set of active faults (domain.md 2, rules): what is raised, counted and cleared, and when. */
#include "lift_story.h"

static void a_fault_is_raised_counted_and_cleared(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "a", "raised door_open_fault 1"}, {2000, "a", ""}, {3000, "", ""}, {3999, "", ""},
         {4000, "", "cleared door_open_fault gone 3000"}, {5000, "a", "raised door_open_fault 2"});
}

static void it_must_stand_before_it_is_believed(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "s", ""}, {2900, "s", ""}, {2950, "", ""}, {3000, "s", ""}, {4999, "s", ""},
         {5000, "s", "raised safety_circuit_open 1"});
}

static void it_must_be_gone_before_it_is_cleared(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "a", "raised door_open_fault 1"}, {2000, "", ""}, {2900, "a", ""}, {3000, "", ""},
         {3900, "", ""}, {4000, "", "cleared door_open_fault gone 3000"});
}

static void what_cannot_be_read_stays_as_it_is(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "a", "raised door_open_fault 1"}, {2000, "a?", ""}, {90000, "a?", ""}, {91000, "", ""},
         {92000, "a? s?", ""}, {93000, "s?", "cleared door_open_fault gone 92000"}, {94000, "s", ""}, {97000, "s?", ""},
         {98000, "s", "raised safety_circuit_open 1"});
}

static void it_is_raised_with_the_first_source_and_cleared_with_the_last(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "a", "raised door_open_fault 1"}, {2000, "a b", ""}, {3000, "b", ""}, {5000, "b", ""});
    assert_int_equal(story.lift.record.fault[FAULT_DOOR_OPEN_FAULT].address, 0x42); /* the one that goes on */
    static const struct step rest[] = {{6000, "", ""}, {7000, "", "cleared door_open_fault gone 6000"}};
    story_play(&story, rest, COUNT_OF(rest));
}

static void sources_of_two_units_add_up(void **state) {
    (void)state;
    PLAY(2, {0, "", ""}, {0, "part1", ""}, {1000, "part1 x", "raised door_open_fault 1"}, {2000, "a", ""},
         {3000, "part1", ""}, {4000, "part1", ""}, {5000, "", ""}, {6000, "", "cleared door_open_fault gone 5000"});
}

static void the_next_code_clears_the_last_at_once(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "c41", "raised drive_fault 1 E41"},
         {1500, "c99", "cleared drive_fault superseded 500 E41; raised other 1 E99"}, {2000, "", ""},
         {2500, "c41", "cleared other superseded 1000 E99; raised drive_fault 2 E41"}, {3000, "", ""},
         {4000, "", "cleared drive_fault gone 1500 E41"});
}

static void also_when_both_mean_the_same_fault(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "c41", "raised drive_fault 1 E41"},
         {2000, "c42", "cleared drive_fault superseded 1000 E41; raised drive_fault 2 E42"});
}

static void unless_another_source_holds_that_fault(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "c43", "raised door_open_fault 1 E43"}, {2000, "a c43", ""},
         {3000, "a c41", "raised drive_fault 1 E41"}, {4000, "a c43", "cleared drive_fault superseded 1000 E41"},
         {5000, "a", ""}, {7000, "", ""}, {8000, "", "cleared door_open_fault gone 7000"});
}

static void a_code_supersedes_before_it_is_believed_itself(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "d41", ""}, {1200, "d42", ""}, {1700, "d42", "raised drive_fault 1 E42"},
         {2000, "d99", "cleared drive_fault superseded 300 E42"}, {2500, "d99", "raised other 1 E99"});
}

static void two_codes_too_large_for_a_message_are_two(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "c99", "raised other 1 E99"});
    story.lift.code[0].code = -1;
    story.lift.source[4].value = 0xFFFFFFFF;
    static const struct step rest[] = {{2000, "c99", "cleared other superseded 1000 E99; raised other 2 E99"}};
    story_play(&story, rest, COUNT_OF(rest));
}

static void a_code_that_means_another_fault_since_an_update_is_another_fault(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "c41", "raised drive_fault 1 E41"});
    story.lift.record.fault[FAULT_OTHER] = story.lift.record.fault[FAULT_DRIVE_FAULT];
    story.lift.record.fault[FAULT_DRIVE_FAULT] = (struct fault_record){.active = false};
    static const struct step rest[] = {{2000, "restart", ""},
                                       {5000, "c41",
                                        "cleared other superseded 4000 E41 after_gap 1000..5000; "
                                        "raised drive_fault 1 E41 after_gap 1000..5000"}};
    story_play(&story, rest, COUNT_OF(rest));
}

static void a_code_nobody_listed_is_other_and_never_nothing(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "c77", "raised other 1 E77"});
    assert_int_equal(story.events.event[0].fault.raw.code, 77);
    assert_int_equal(story.events.event[0].fault.entrapment, TRAPPING_UNKNOWN);
}

static void a_code_known_to_be_no_fault_is_none(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "c26", ""}, {2000, "c41", "raised drive_fault 1 E41"}, {3000, "c26", ""},
         {4000, "c26", "cleared drive_fault gone 2000 E41"});
}

static void the_event_carries_what_was_so_at_that_moment(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal floor:3 rides:812", ""}, {1000, "c41 floor:4", "raised drive_fault 1 E41"});
    const struct event *event = &story.events.event[0];
    assert_int_equal(event->at.mono_ms, story.mono_ms + 1000);
    assert_int_equal(event->fault.floor.number, 4);
    assert_int_equal(event->fault.service_mode.number, MODE_NORMAL);
    assert_int_equal(event->fault.rides_total.number, 812);
    assert_int_equal(event->fault.raised_real_ms, STORY_REAL_MS + 1000);
    assert_int_equal(event->fault.duration_ms, -1);
    assert_int_equal(event->fault.reason, CLEAR_NONE);
    assert_int_equal(event->fault.raw.table, TABLE_HOLDING);
    assert_int_equal(event->fault.raw.address, 0x46);
    assert_int_equal(event->fault.raw.bit, -1);
    assert_int_equal(event->fault.raw.value, 41);
    assert_string_equal(event->fault.raw.english, "words");
    assert_string_equal(event->fault.raw.chinese, "字");
}

static void a_profile_overrides_severity_and_entrapment(void **state) {
    (void)state;
    static const struct {
        const char *says;
        enum fault fault;
        enum severity severity;
        enum trapping entrapment;
        enum confidence confidence;
    } table[] = {
        {"a", FAULT_DOOR_OPEN_FAULT, SEVERITY_MAJOR, TRAPPING_POSSIBLE, CONFIDENCE_NONE},
        {"s", FAULT_SAFETY_CIRCUIT_OPEN, SEVERITY_MINOR, TRAPPING_NO, CONFIDENCE_NONE},
        {"c44", FAULT_SHAFT_SENSOR_FAULT, SEVERITY_MAJOR, TRAPPING_NO, CONFIDENCE_NONE}, /* it does not stop the lift */
        {"e", FAULT_ENTRAPMENT, SEVERITY_CRITICAL, TRAPPING_YES, CONFIDENCE_CONFIRMED},  /* the device's own word */
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        story_begin(&story, 1);
        story_step(&story, 0, "");
        story_step(&story, 1000, table[i].says);
        if (story.events.count == 0)
            story_step(&story, 3000, table[i].says);
        assert_int_equal(story.events.count, 1);
        const struct fault_event *event = &story.events.event[0].fault;
        assert_int_equal(event->fault, table[i].fault);
        assert_int_equal(event->severity, table[i].severity);
        assert_int_equal(event->entrapment, table[i].entrapment);
        assert_int_equal(event->confidence, table[i].confidence);
    }
}

static void the_first_poll_ever_is_a_baseline(void **state) {
    (void)state;
    PLAY(1, {0, "a s", "raised door_open_fault 0 at_start"}, {1000, "a s c41", "raised drive_fault 1 E41"},
         {2000, "a s c41", "raised safety_circuit_open 0 at_start"}, {3000, "s c41", ""},
         {4000, "s c41", "cleared door_open_fault gone 4000"}, {5000, "a s c41", "raised door_open_fault 1"});
}

static void each_unit_has_its_own_baseline(void **state) {
    (void)state;
    PLAY(2, {0, "", ""}, {5000, "part1 x", "raised door_open_fault 0 at_start"});
}

static void a_fault_on_both_sides_of_a_gap_goes_on(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "a c41", "raised door_open_fault 1; raised drive_fault 1 E41"}, {2000, "offline", ""},
         {60000, "online", ""}, {60500, "a c41", ""}, {70000, "restart", ""}, {80000, "a c41", ""}, {81000, "c41", ""},
         {82000, "c41", "cleared door_open_fault gone 81000"}, {83000, "", ""},
         {84000, "", "cleared drive_fault gone 83000 E41"});
}

static void a_fault_found_after_a_gap_is_counted_and_says_so(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "", ""}, {2000, "offline", ""}, {60000, "online", ""},
         {60500, "a s", "raised door_open_fault 1 after_gap 1000..60500"},
         {61000, "a s c41", "raised drive_fault 1 E41"},
         {62500, "a s c41", "raised safety_circuit_open 1 after_gap -1000..60500"});
    PLAY(1, {0, "", ""}, {1000, "", ""}, {2000, "restart", ""},
         {60500, "a", "raised door_open_fault 1 after_gap 1000..60500"});
}

static void a_fault_found_gone_after_a_gap_says_so(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "a", "raised door_open_fault 1"}, {2000, "restart", ""}, {60000, "", ""},
         {61000, "", "cleared door_open_fault gone 60000 after_gap 0..60000"});
    PLAY(1, {0, "", ""}, {1000, "c41", "raised drive_fault 1 E41"}, {2000, "restart", ""},
         {60000, "c99",
          "cleared drive_fault superseded 59000 E41 after_gap 1000..60000; raised other 1 E99 after_gap 1000..60000"});
}

static void a_gap_begins_with_the_last_answer_not_with_the_last_change(void **state) {
    (void)state;
    PLAY(1, {0, "", ""});
    story.events.count = 0;
    lift_link(&story.lift, 0, LINK_OFFLINE, LINK_REASON_TIMEOUT, story_at(&story, 9000), STORY_REAL_MS + 8000,
              &story.events);
    lift_link(&story.lift, 0, LINK_OFFLINE, LINK_REASON_DEVICE_GONE, story_at(&story, 9500), STORY_REAL_MS + 8000,
              &story.events);
    story_step(&story, 20000, "online"); /* and off again before anything was read */
    lift_link(&story.lift, 0, LINK_OFFLINE, LINK_REASON_TIMEOUT, story_at(&story, 30000), STORY_REAL_MS + 20000,
              &story.events);
    static const struct step rest[] = {{60000, "a", "raised door_open_fault 1 after_gap 8000..60000"}};
    story_play(&story, rest, COUNT_OF(rest));
}

/* Nobody knows any more whether a delay was running when the gap began: it may have changed that long before. */
static void a_delay_that_runs_across_a_gap_starts_anew(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "s", ""}, {2000, "offline", ""}, {60000, "s", ""}, {61999, "s", ""},
         {62000, "s", "raised safety_circuit_open 1 after_gap -1000..60000"}, {63000, "", ""}, {64000, "offline", ""},
         {90000, "", ""}, {92999, "", ""},
         {93000, "", "cleared safety_circuit_open gone 31000 after_gap 60000..90000"});
}

static void the_second_unit_has_its_own_gaps(void **state) {
    (void)state;
    PLAY(2, {0, "", ""}, {0, "part1", ""}, {1000, "part1 offline", ""}, {2000, "a", "raised door_open_fault 1"},
         {5000, "part1 y", "raised power_supply_fault 1 after_gap 0..5000"});
}

static void silence_neither_raises_nor_clears(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "a", "raised door_open_fault 1"}, {2000, "offline", ""}, {900000, "restart", ""},
         {1000000, "offline", ""}, {2000000, "online", ""});
    assert_true(story.lift.record.fault[FAULT_DOOR_OPEN_FAULT].active);
}

static void another_source_carries_a_fault_over_a_restart(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "a b", "raised door_open_fault 1"}, {2000, "restart", ""}, {10000, "b", ""},
         {20000, "b", ""}, {21000, "", ""}, {22000, "", "cleared door_open_fault gone 21000"});
}

static void a_source_that_left_the_profile_is_removed_at_the_first_good_poll(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {1000, "a", "raised door_open_fault 1"}, {2000, "moved", ""}, {3000, "offline", ""},
         {10000, "", "cleared door_open_fault removed 9000 after_gap 1000..10000"}, {11000, "", ""});
    PLAY(1, {0, "", ""}, {1000, "a", "raised door_open_fault 1"}, {2000, "moved", ""}, {10000, "b", ""},
         {11000, "", ""}, {12000, "", "cleared door_open_fault gone 11000"});
    PLAY(2, {0, "", ""}, {0, "part1", ""}, {1000, "part1 x", "raised door_open_fault 1"}, {2000, "moved", ""},
         {10000, "", ""}, {11000, "part1", "cleared door_open_fault removed 10000 after_gap 1000..11000"});
}

static void a_duration_is_never_negative(void **state) {
    (void)state;
    PLAY(1, {0, "", ""}, {9000, "a", "raised door_open_fault 1"}, {9500, "restart", ""}, {1000, "", ""},
         {2000, "", "cleared door_open_fault gone 0 after_gap 8000..1000"}); /* the clock was set back meanwhile */
}

static void inspection_suppresses_and_does_not_count(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""}, {1000, "mode:inspection", "mode normal > inspection"},
         {2000, "a", "raised door_open_fault 0 suppressed"}, {3000, "", ""},
         {4000, "", "cleared door_open_fault gone 2000 suppressed"},
         {5000, "c41 mode:normal", "mode inspection > normal; raised drive_fault 0 E41 suppressed"}, {6000, "", ""},
         {7000, "", "cleared drive_fault gone 2000 E41 suppressed"},
         {124999, "a", "raised door_open_fault 0 suppressed"},
         {125000, "a c41", "raised drive_fault 1 E41; raised door_open_fault 0"});
}

static void an_unknown_mode_is_not_inspection(void **state) {
    (void)state;
    PLAY(1, {0, "mode:?", ""}, {1000, "a", "raised door_open_fault 1"}, {2000, "a mode:inspection", ""},
         {3000, "a mode:?", ""}, {122999, "a c41", "raised drive_fault 0 E41 suppressed"},
         {123000, "a c41 e", "raised entrapment 1; raised drive_fault 0 E41"});
}

static void an_inspection_soon_after_the_raise_is_the_rescuers(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""}, {1000, "a", "raised door_open_fault 1"}, {61000, "a e", "raised entrapment 1"},
         {121001, "a e mode:inspection", "mode normal > inspection"}, {200000, "", ""},
         {201000, "", "cleared door_open_fault gone 200000; cleared entrapment inspection 140000"});
}

static void only_a_clear_during_that_inspection_is(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""}, {1000, "e", "raised entrapment 1"},
         {2000, "e mode:inspection", "mode normal > inspection"}, {3000, "e mode:normal", "mode inspection > normal"},
         {400000, "e mode:inspection", "mode normal > inspection"}, {401000, "", ""},
         {402000, "", "cleared entrapment gone 401000"});
    PLAY(1, {0, "mode:normal", ""}, {1000, "e", "raised entrapment 1"},
         {2000, "mode:inspection", "mode normal > inspection"}, {3000, "", "cleared entrapment inspection 2000"},
         {4000, "e", "raised entrapment 1 suppressed"}, {5000, "", ""},
         {6000, "", "cleared entrapment gone 2000 suppressed"});
}

static void a_code_superseded_during_it_was_superseded(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""}, {1000, "c41", "raised drive_fault 1 E41"},
         {2000, "c41 mode:inspection", "mode normal > inspection"},
         {3000, "c99", "cleared drive_fault superseded 2000 E41; raised other 0 E99 suppressed"});
}

static void the_rescuers_inspection_outlives_a_restart(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal", ""}, {1000, "e", "raised entrapment 1"},
         {2000, "e mode:inspection", "mode normal > inspection"}, {3000, "restart", ""}, {10000, "e", ""},
         {11000, "", ""}, {12000, "", "cleared entrapment inspection 11000"});
}

static void a_sample_is_wanted_when_a_delay_ends(void **state) {
    (void)state;
    story_begin(&story, 1);
    static const struct {
        int64_t ms;
        const char *says;
        int64_t due_ms; /* -1 never */
    } table[] = {
        {0, "", -1},         {1000, "s", 3000}, {1500, "s d41", 2000}, {2000, "s d41", 3000},
        {3500, "s d41", -1}, {4000, "s", 4500}, {4400, "s d41", -1},   {5000, "", 5500},
        {5600, "", 8000},    {8000, "", -1},    {9000, "s", 11000},    {9500, "s?", 11000},
        {12000, "s?", -1},   {13000, "s", -1},  {14000, "", 17000},    {15000, "offline", -1},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        story_step(&story, table[i].ms, table[i].says);
        int64_t due_ms = table[i].due_ms < 0 ? INT64_MAX : story.mono_ms + table[i].due_ms;
        assert_int_equal(lift_due_ms(&story.lift), due_ms);
    }
}

static void a_damaged_record_does_no_harm(void **state) {
    (void)state;
    struct lift_record record = {.last_seen_real_ms = {INT64_MIN}};
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
        record.fault[fault] = (struct fault_record){.active = true,
                                                    .raised_real_ms = fault % 2 ? INT64_MIN : INT64_MAX,
                                                    .raised_mono_ms = INT64_MIN,
                                                    .part = 3,
                                                    .address = INT32_MIN,
                                                    .code = INT32_MAX};
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        record.counter[i] = (struct counter){.known = true,
                                             .total = i % 2 ? INT64_MIN : INT64_MAX,
                                             .raw_known = true,
                                             .raw = i < 2 ? INT64_MIN : INT64_MAX,
                                             .raw_real_ms = i < 2 ? INT64_MIN : INT64_MAX};
    story_begin(&story, 1);
    lift_init(&story.lift, &story_limits, story.part, 1, story.source, story.code, &record);
    story_step(&story, 1000, "rides:5 hours:5 door_cycles_total:5 distance_m:5");
    assert_int_equal(story.events.count, FAULT_COUNT); /* nothing holds them */
    story_step(&story, 2000, "a rides:6 hours:6 door_cycles_total:6 distance_m:6");
    assert_string_equal(story.text, "raised door_open_fault 1");
}

static void the_ledger_writes_only_what_changed(void **state) {
    (void)state;
    PLAY(1, {0, "", ""});
    assert_true(story.lift.record.changed); /* the baseline has been taken */
    story.lift.record.changed = false;
    story_step(&story, 1000, "a");
    assert_false(story.lift.record.changed);
    assert_int_equal(story.lift.record.faults_changed, 1u << FAULT_DOOR_OPEN_FAULT);
    story.lift.record.faults_changed = 0;
    story_step(&story, 2000, "a");
    assert_int_equal(story.lift.record.faults_changed, 0);
    assert_int_equal(story.lift.record.last_seen_real_ms[0], STORY_REAL_MS + 2000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_is_raised_counted_and_cleared),
        cmocka_unit_test(it_must_stand_before_it_is_believed),
        cmocka_unit_test(it_must_be_gone_before_it_is_cleared),
        cmocka_unit_test(what_cannot_be_read_stays_as_it_is),
        cmocka_unit_test(it_is_raised_with_the_first_source_and_cleared_with_the_last),
        cmocka_unit_test(sources_of_two_units_add_up),
        cmocka_unit_test(the_next_code_clears_the_last_at_once),
        cmocka_unit_test(also_when_both_mean_the_same_fault),
        cmocka_unit_test(unless_another_source_holds_that_fault),
        cmocka_unit_test(a_code_supersedes_before_it_is_believed_itself),
        cmocka_unit_test(two_codes_too_large_for_a_message_are_two),
        cmocka_unit_test(a_code_that_means_another_fault_since_an_update_is_another_fault),
        cmocka_unit_test(a_code_nobody_listed_is_other_and_never_nothing),
        cmocka_unit_test(a_code_known_to_be_no_fault_is_none),
        cmocka_unit_test(the_event_carries_what_was_so_at_that_moment),
        cmocka_unit_test(a_profile_overrides_severity_and_entrapment),
        cmocka_unit_test(the_first_poll_ever_is_a_baseline),
        cmocka_unit_test(each_unit_has_its_own_baseline),
        cmocka_unit_test(a_fault_on_both_sides_of_a_gap_goes_on),
        cmocka_unit_test(a_fault_found_after_a_gap_is_counted_and_says_so),
        cmocka_unit_test(a_fault_found_gone_after_a_gap_says_so),
        cmocka_unit_test(a_gap_begins_with_the_last_answer_not_with_the_last_change),
        cmocka_unit_test(a_delay_that_runs_across_a_gap_starts_anew),
        cmocka_unit_test(the_second_unit_has_its_own_gaps),
        cmocka_unit_test(silence_neither_raises_nor_clears),
        cmocka_unit_test(another_source_carries_a_fault_over_a_restart),
        cmocka_unit_test(a_source_that_left_the_profile_is_removed_at_the_first_good_poll),
        cmocka_unit_test(a_duration_is_never_negative),
        cmocka_unit_test(inspection_suppresses_and_does_not_count),
        cmocka_unit_test(an_unknown_mode_is_not_inspection),
        cmocka_unit_test(an_inspection_soon_after_the_raise_is_the_rescuers),
        cmocka_unit_test(only_a_clear_during_that_inspection_is),
        cmocka_unit_test(a_code_superseded_during_it_was_superseded),
        cmocka_unit_test(the_rescuers_inspection_outlives_a_restart),
        cmocka_unit_test(a_sample_is_wanted_when_a_delay_ends),
        cmocka_unit_test(a_damaged_record_does_no_harm),
        cmocka_unit_test(the_ledger_writes_only_what_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
