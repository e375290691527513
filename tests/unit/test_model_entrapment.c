/* Passengers trapped (domain.md 2, "Entrapment"): when it is suspected and confirmed, what ends it, and what is none.
 */
#include "lift_story.h"

/* A car that has just come to rest between two floors. */
#define RIDES                                                                                                          \
    { 0, "mode:normal car:running door:closed door_zone:yes occupied:? alarm:no", "" }
#define STOPS_BETWEEN_FLOORS                                                                                           \
    { 10000, "car:stopped door_zone:no", "" }
#define SUSPECTED                                                                                                      \
    { 40000, "", "raised entrapment 1 suspected" }
/* A car that has just arrived at a floor and does not open. */
#define STOPS_CLOSED                                                                                                   \
    { 10000, "a car:stopped", "raised door_open_fault 1" }

static bool is_trapped(void) {
    return story.lift.record.fault[FAULT_ENTRAPMENT].active;
}

/* ---- the stories ---- */

static void trapped_between_floors_with_the_door_open(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, {15000, "door:open", ""}, {39999, "", ""}, SUSPECTED, {300000, "", ""},
         {301000, "door:closed", ""}, {302000, "car:running", ""}, {307000, "car:stopped door_zone:yes", ""},
         {308000, "door:opening", ""}, {309000, "door:open", "cleared entrapment gone 269000"}, {900000, "", ""});
}

static void parked_at_night_with_a_fault(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal car:stopped door:closed door_zone:yes", ""}, {3600000, "a", "raised door_open_fault 1"},
         {7200000, "a", ""});
    assert_true(lift_blocked(&story.lift));
}

static void a_child_on_the_alarm_button(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal car:stopped door:open door_zone:yes occupied:yes alarm:no", ""},
         {1000, "alarm:yes", "alarm"}, {60000, "", ""}, {61000, "door:closed", ""}, {120000, "", ""},
         {121000, "car:running alarm:no", ""}, {125000, "alarm:yes door_zone:no", "alarm"}, {140000, "", ""},
         {141000, "car:stopped door_zone:yes alarm:no", ""}, {900000, "", ""});
}

static void a_rescuer_who_switches_to_inspection(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED, {100000, "mode:inspection", "mode normal > inspection"},
         {200000, "", ""}, {201000, "car:running", ""}, {206000, "car:stopped door_zone:yes", ""},
         {207000, "door:open", ""}, {209999, "", ""}, {210000, "", "cleared entrapment inspection 170000"});
    /* He who comes later is a rescuer too, but nobody can tell him from a mechanic. */
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED, {900000, "mode:inspection", "mode normal > inspection"},
         {910000, "door_zone:yes door:open", ""}, {913000, "", "cleared entrapment gone 873000"});
}

/* Without the contacts' supply all inputs read 0; the profile keeps what they said, or says nothing. */
static void a_power_cut_seen_by_dry_contacts(void **state) {
    (void)state;
    PLAY(2, {0, "mode:normal car:stopped", ""}, {0, "part1 door:closed door_zone:yes alarm:no", ""},
         {900000, "part1 y door:? door_zone:? alarm:?", "raised power_supply_fault 1"}, {2000000, "part1 y", ""},
         {2001000, "part1 door:closed door_zone:yes alarm:no", "cleared power_supply_fault gone 1101000"},
         {3000000, "", ""});
    /* Somebody had just been riding: he may well be inside. */
    PLAY(2, {0, "mode:normal car:running", ""}, {0, "part1 door:closed door_zone:yes", ""}, {800000, "car:stopped", ""},
         {900000, "part1 y door:? door_zone:?", "raised power_supply_fault 1"},
         {960000, "part1 y", "raised entrapment 1 suspected"});
}

static void relevelling_flicker(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal car:stopped door:open door_zone:yes occupied:yes", ""},
         {10000, "car:running door_zone:no", ""}, {11000, "car:stopped door_zone:yes", ""},
         {20000, "car:running door_zone:no", ""}, {21000, "car:stopped", ""}, {49999, "door_zone:yes", ""},
         {50000, "door_zone:no", ""}, {51000, "door_zone:yes", ""});
    /* Nor does it end one, or the waiting for one. */
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, {20000, "car:running", ""}, {21000, "car:stopped", ""}, SUSPECTED,
         {50000, "car:running", ""}, {51400, "car:stopped door_zone:yes", ""}, {52000, "door:open", ""},
         {53000, "car:running", ""}, {54000, "car:stopped door:opening", ""}, {60000, "door:closed door_zone:no", ""},
         {90000, "", ""});
    assert_true(is_trapped());
}

static void fire_modes(void **state) {
    (void)state;
    static const char *const modes[] = {"fire_return", "firefighter", "out_of_service"};
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        char says[128];
        snprintf(says, sizeof says, "mode:%s car:running door:closed door_zone:yes occupied:yes", modes[i]);
        story_begin(&story, 1);
        story_step(&story, 0, says);
        story_step(&story, 10000, "a car:stopped"); /* B */
        story_step(&story, 900000, "a");
        assert_false(is_trapped());
        story_step(&story, 900001, "a door_zone:no"); /* A */
        story_step(&story, 930000, "a");
        assert_false(is_trapped());
        story_step(&story, 930001, "a");
        assert_true(is_trapped());
    }
}

static void the_link_is_lost_in_the_middle(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, {30000, "offline", ""}, {100000, "online", ""}, {101000, "", ""},
         {130999, "", ""}, {131000, "", "raised entrapment 1 suspected after_gap 10000..101000"},
         {140000, "offline", ""}, {500000, "", ""}, {600000, "", ""}, {601000, "door:open door_zone:yes", ""},
         {602000, "offline", ""}, {603000, "", ""}, {605999, "", ""}, {606000, "", "cleared entrapment gone 475000"});
}

static void a_restart_in_the_middle(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED, {50000, "restart", ""}, {60000, "", ""}, {900000, "", ""},
         {901000, "door:open door_zone:yes", ""}, {904000, "", "cleared entrapment gone 864000"});
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, {20000, "restart", ""}, {30000, "", ""},
         {60000, "", "raised entrapment 1 suspected after_gap 10000..30000"});
    /* Evidence from before it: the ride had ended 30 s ago. */
    PLAY(1, RIDES, STOPS_CLOSED, {20000, "restart", ""}, {40000, "a", ""}, {99999, "a", ""},
         {100000, "a", "raised entrapment 1 suspected after_gap 10000..40000"});
    PLAY(1, RIDES, STOPS_CLOSED, {20000, "restart", ""}, {130001, "a", ""}, {900000, "a", ""});
}

static void a_record_that_contradicts_itself_traps_nobody(void **state) {
    (void)state;
    struct lift_record record = {.last_seen_real_ms = {STORY_REAL_MS}, .trapped = true, .moved_real_ms = INT64_MIN};
    story_begin(&story, 1);
    lift_init(&story.lift, &story_limits, story.part, 1, story.source, story.code, &record);
    static const struct step steps[] = {{1000, "mode:normal car:stopped door:open door_zone:yes", ""},
                                        {9000, "", ""},
                                        {10000, "a door:closed", "raised door_open_fault 1"},
                                        {900000, "e", "raised entrapment 1"}};
    story_play(&story, steps, COUNT_OF(steps));
}

/* ---- A, B and evidence ---- */

struct scene {
    const char *before, *says; /* says is held from 200 s on; door and car last moved at 100 s */
    int after_s;               /* suspected; 0 never */
};

static void play_scene(const struct scene *scene) {
    story_begin(&story, 1);
    story_step(&story, 0, "mode:normal car:stopped door:closed door_zone:yes");
    story_step(&story, 50000, scene->before);
    story_step(&story, 100000, "door:closed car:stopped");
    story_step(&story, 200000, scene->says);
    int64_t raised_ms = 0;
    for (int64_t ms = 200000; ms <= 400000 && raised_ms == 0; ms += 1000) {
        char copy[128];
        text_copy(copy, sizeof copy, scene->says);
        story_step(&story, ms, copy);
        raised_ms = is_trapped() ? ms : 0;
    }
    int64_t expected_ms = scene->after_s ? 200000 + scene->after_s * 1000 : 0;
    if (raised_ms != expected_ms)
        fail_msg("\"%s\", then \"%s\": at %" PRId64, scene->before, scene->says, raised_ms);
}

static void what_is_suspected_and_when(void **state) {
    (void)state;
    static const struct scene scenes[] = {
        /* A: outside the zone, whatever the door says */
        {"", "door_zone:no", 30},
        {"", "door_zone:no door:open", 30},
        {"", "door_zone:no door:?", 30},
        {"", "door_zone:no car:?", 30},
        {"", "door_zone:no occupied:yes", 30},
        {"", "door_zone:no occupied:no", 0},
        {"", "door_zone:no mode:inspection", 0},
        {"", "door_zone:no mode:?", 30},
        {"", "door_zone:no mode:earthquake", 30},
        {"", "door_zone:no mode:emergency_power", 30},
        {"", "door_zone:no car:running", 0},
        /* B: a fault, and evidence */
        {"door:open", "a", 60},
        {"car:running", "a", 60},
        {"", "a", 0},
        {"", "a occupied:yes", 60},
        {"door:open", "a occupied:no", 0},
        {"door:open", "a door_zone:?", 60},
        {"door:open", "a door:?", 60},
        {"door:open", "a door:fault", 60},
        {"door:open", "a door:open", 0},
        {"door:open", "a door:not_closed", 0},
        {"door:open", "a car:running", 0},
        {"door:open", "a mode:inspection", 0},
        {"door:open", "a mode:fire_return", 0},
        {"door:open", "a mode:firefighter", 0},
        {"door:open", "a mode:out_of_service", 0},
        {"door:open", "a mode:emergency_power", 120},
        {"door:open", "a mode:earthquake", 60},
        {"door:open", "", 0},
        {"door:open", "s", 0},   /* the profile says that it traps nobody */
        {"door:open", "c44", 0}, /* a warning */
        {"door:open", "c99", 60},
        {"car:running door:open", "a door:?", 60}, /* the door closed */
        {"mode:inspection car:running", "a mode:normal", 0},
        {"door:fault", "a", 0}, /* its contacts contradicted each other: it did not move */
    };
    for (size_t i = 0; i < COUNT_OF(scenes); i++)
        play_scene(&scenes[i]);
}

static void evidence_does_not_grow_stale_while_it_stands(void **state) {
    (void)state;
    PLAY(1, RIDES, {10000, "car:stopped", ""}, {129000, "a", "raised door_open_fault 1"}, {188999, "a", ""},
         {189000, "a", "raised entrapment 1 suspected"});
    PLAY(1, RIDES, {10000, "car:stopped", ""}, {130001, "a", "raised door_open_fault 1"}, {900000, "a", ""},
         {901000, "a occupied:yes", ""}, {961000, "a", "raised entrapment 1 suspected"});
}

static void a_run_of_which_no_sample_was_taken_begins_it_anew(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, {30000, "car:running", ""}, {38000, "car:stopped", ""}, {67999, "", ""},
         {68000, "", "raised entrapment 1 suspected"});
}

static void it_is_not_told_of_a_car_that_runs(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, {39500, "car:running", ""}, {40500, "", ""}, {41500, "", ""},
         {45000, "car:stopped door_zone:yes", ""}, {900000, "", ""});
}

static void the_first_poll_ever_counts_no_entrapment(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal car:stopped door:closed door_zone:no", ""},
         {30000, "", "raised entrapment 0 suspected at_start"}, {31000, "door_zone:yes door:open", ""},
         {34000, "", "cleared entrapment gone 4000"});
}

static void maintenance_is_like_inspection(void **state) {
    (void)state;
    PLAY(1, RIDES, {1000, "maintenance on", "maintenance on"}, STOPS_BETWEEN_FLOORS, {900000, "", ""},
         {901000, "maintenance off", "maintenance off"}, {902000, "", ""},
         {932000, "", "raised entrapment 0 suspected suppressed"}, {1020999, "", ""},
         {1021000, "", "raised entrapment 0 suspected"});
}

/* ---- confirmed ---- */

static void the_alarm_button_confirms_it(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED, {50000, "alarm:yes", "alarm"}, {50999, "", ""},
         {51000, "", "raised entrapment 1"}, {52000, "alarm:no", ""}, {53000, "alarm:yes", "alarm"}, {60000, "", ""},
         {61000, "door_zone:yes door:open", ""}, {64000, "", "cleared entrapment gone 24000"});
}

static void and_makes_it_known_sooner(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, {12000, "alarm:yes", "alarm"}, {19999, "", ""},
         {20000, "", "raised entrapment 1"}, {100000, "", ""});
    PLAY(1, RIDES, STOPS_CLOSED, {11000, "a alarm:yes", "alarm"}, {12000, "a", ""}, {13000, "a alarm:no", ""},
         {20000, "a", "raised entrapment 1"});
}

static void but_not_by_a_touch_or_without_it(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, {12000, "alarm:yes", "alarm"}, {12900, "alarm:no", ""}, SUSPECTED);
    /* A fault that stops it, but the door is open. */
    PLAY(1, RIDES, {10000, "a car:stopped door:open alarm:yes", "alarm; raised door_open_fault 1"}, {100000, "a", ""});
}

static void it_is_one_entrapment_with_one_time_of_raising(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED, {50000, "alarm:yes", "alarm"}, {60000, "", "raised entrapment 1"});
    const struct fault_event *event = &story.events.event[0].fault;
    assert_int_equal(event->confidence, CONFIDENCE_CONFIRMED);
    assert_int_equal(event->raised_real_ms, STORY_REAL_MS + 40000);
    assert_int_equal(event->count, 1);
    assert_int_equal(event->severity, SEVERITY_CRITICAL);
    assert_int_equal(event->entrapment, TRAPPING_YES);
    assert_int_equal(event->raw.table, 0);
    assert_int_equal(event->raw.code, -1);
    assert_int_equal(story.lift.record.fault[FAULT_ENTRAPMENT].count, 1);
}

/* ---- the device's own word ---- */

static void a_device_confirms_what_was_suspected(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED, {50000, "e", "raised entrapment 1"}, {60000, "", ""},
         {61000, "", ""}, {900000, "e", ""}, {901000, "", ""}, {902000, "", ""},
         {903000, "door_zone:yes door:open", ""}, {906000, "", "cleared entrapment gone 866000"});
    assert_int_equal(story.events.event[0].fault.confidence, CONFIDENCE_CONFIRMED);
}

static void a_devices_word_clears_with_its_bit(void **state) {
    (void)state;
    PLAY(1, {0, "mode:normal car:stopped door:closed door_zone:yes", ""}, {1000, "e", "raised entrapment 1"},
         {2000, "e door:open", ""}, {60000, "e", ""}, {61000, "", ""}, {62000, "", "cleared entrapment gone 61000"});
}

static void unless_it_is_inferred_too(void **state) {
    (void)state;
    PLAY(1, RIDES, {10000, "e car:stopped door_zone:no", "raised entrapment 1"}, {40000, "e", ""}, {50000, "", ""},
         {51000, "", ""}, {52000, "restart", ""}, {60000, "", ""}, {61000, "door_zone:yes door:open", ""},
         {64000, "", "cleared entrapment gone 54000"});
}

static void and_outlives_what_was_inferred(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED, {50000, "e", "raised entrapment 1"},
         {60000, "e door_zone:yes door:open", ""}, {70000, "e", ""}, {71000, "", ""},
         {72000, "", "cleared entrapment gone 32000"});
}

/* ---- what ends it, and what does not ---- */

static void the_door_must_be_open_where_one_can_get_out(void **state) {
    (void)state;
    static const struct {
        const char *says;
        bool cleared;
    } table[] = {
        {"door:open", false},
        {"door_zone:yes", false},
        {"door_zone:yes door:open", true},
        {"door_zone:? door:open", true},
        {"door_zone:yes door:not_closed", true},
        {"door_zone:yes door:opening", false},
        {"door_zone:yes door:moving", false},
        {"door_zone:yes door:fault", false},
        {"door_zone:yes door:?", false},
        {"door_zone:yes door:open mode:out_of_service", true},
        {"door_zone:yes door:open occupied:yes", true},
        {"occupied:no", false},
        {"offline", false},
        {"maintenance on", false},
    };
    static const struct step steps[] = {RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        story_begin(&story, 1);
        story_play(&story, steps, COUNT_OF(steps));
        story_step(&story, 50000, table[i].says);
        if (story.lift.link == LINK_ONLINE) {
            story_step(&story, 52999, "");
            assert_true(is_trapped());
            story_step(&story, 53000, "");
        }
        if (is_trapped() == table[i].cleared)
            fail_msg("\"%s\"", table[i].says);
    }
}

static void an_open_door_for_three_seconds_without_a_break(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED, {50000, "door_zone:yes door:open", ""}, {52000, "door_zone:no", ""},
         {52500, "door_zone:yes", ""}, {53000, "", ""}, {55500, "", "cleared entrapment gone 15500"});
}

static void a_ride_is_not_enough_without_the_door(void **state) {
    (void)state;
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED, {50000, "car:running", ""},
         {55000, "car:stopped door_zone:yes", ""}, {600000, "", ""},
         {601000, "door:open", "cleared entrapment gone 561000"});
}

static void after_it_ended_a_new_one_takes_its_time(void **state) {
    (void)state;
    /* The zone's sensor is broken: each ride looks like it, and each open door ends it. */
    PLAY(1, RIDES, STOPS_BETWEEN_FLOORS, SUSPECTED, {50000, "car:running", ""}, {55000, "car:stopped", ""},
         {80000, "door:open", "cleared entrapment gone 40000"}, {81000, "", ""}, {110999, "", ""},
         {111000, "", "raised entrapment 2 suspected"});
}

static void the_daemon_is_told_when_to_look(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *says;
        int64_t due_ms; /* -1: not within the day */
    } table[] = {
        {0, "mode:normal car:running door:closed door_zone:yes", -1},
        {10000, "car:stopped door_zone:no", 40000},
        {12000, "alarm:yes", 13000},
        {13000, "", 20000},
        {14000, "car:running", 15500},
        {14500, "car:stopped", 20000},
        {20000, "", 40000}, /* confirmed; nothing will follow then, but it costs nothing */
        {40000, "", -1},
        {50000, "door:open door_zone:yes alarm:no", 53000},
        {53000, "", 650000},
        {54000, "a door:closed", 114000},
        {54500, "a mode:emergency_power", 174000},
        {60000, "offline", -1},
    };
    story_begin(&story, 1);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        story_step(&story, table[i].ms, table[i].says);
        int64_t due_ms = lift_due_ms(&story.lift) - story.mono_ms;
        if (table[i].due_ms < 0 ? due_ms < 80000000 : due_ms != table[i].due_ms)
            fail_msg("at %" PRId64 ": %" PRId64, table[i].ms, due_ms);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trapped_between_floors_with_the_door_open),
        cmocka_unit_test(parked_at_night_with_a_fault),
        cmocka_unit_test(a_child_on_the_alarm_button),
        cmocka_unit_test(a_rescuer_who_switches_to_inspection),
        cmocka_unit_test(a_power_cut_seen_by_dry_contacts),
        cmocka_unit_test(relevelling_flicker),
        cmocka_unit_test(fire_modes),
        cmocka_unit_test(the_link_is_lost_in_the_middle),
        cmocka_unit_test(a_restart_in_the_middle),
        cmocka_unit_test(a_record_that_contradicts_itself_traps_nobody),
        cmocka_unit_test(what_is_suspected_and_when),
        cmocka_unit_test(evidence_does_not_grow_stale_while_it_stands),
        cmocka_unit_test(a_run_of_which_no_sample_was_taken_begins_it_anew),
        cmocka_unit_test(it_is_not_told_of_a_car_that_runs),
        cmocka_unit_test(the_first_poll_ever_counts_no_entrapment),
        cmocka_unit_test(maintenance_is_like_inspection),
        cmocka_unit_test(the_alarm_button_confirms_it),
        cmocka_unit_test(and_makes_it_known_sooner),
        cmocka_unit_test(but_not_by_a_touch_or_without_it),
        cmocka_unit_test(it_is_one_entrapment_with_one_time_of_raising),
        cmocka_unit_test(a_device_confirms_what_was_suspected),
        cmocka_unit_test(a_devices_word_clears_with_its_bit),
        cmocka_unit_test(unless_it_is_inferred_too),
        cmocka_unit_test(and_outlives_what_was_inferred),
        cmocka_unit_test(the_door_must_be_open_where_one_can_get_out),
        cmocka_unit_test(an_open_door_for_three_seconds_without_a_break),
        cmocka_unit_test(a_ride_is_not_enough_without_the_door),
        cmocka_unit_test(after_it_ended_a_new_one_takes_its_time),
        cmocka_unit_test(the_daemon_is_told_when_to_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
