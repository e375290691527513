/* When a day and a month end and begin, whatever the clock does; and that no sequence of samples, gaps, restarts and
 * clock jumps breaks what a report promises. */
#include "report_story.h"

#include "base/clock.h"

#include <inttypes.h>
#include <time.h>

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

/* A box: its lift, and what its ledger keeps. */
static struct box {
    struct lift lift;
    struct report day, month;
    struct report_watch watch;
    struct instant now;
    int64_t alive_real_ms;
    char told[4096]; /* the reports of the last step: "day 2026-11-23 0.50" */
    struct calendar_span ended[2][4096];
    int stretch[2][4096]; /* how many stretches had been begun when it ended */
    size_t ended_count[2];
    int stretches[2];
} box;

static int64_t real_ms(const char *text) {
    struct tm utc = {0};
    assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%S", &utc));
    return (int64_t)timegm(&utc) * 1000;
}

static void box_begin(const char *zone, const char *at, bool synced) {
    calendar_set_zone(zone);
    memset(&box, 0, sizeof box);
    box.now = (struct instant){.mono_ms = 1000000, .real_ms = real_ms(at), .synced = synced};
    box.lift.link = LINK_ONLINE;
    report_init(&box.day, &box.lift.record);
}

static void note(const struct ended_report *ended) {
    const struct report *report = &ended->report;
    int64_t length = report->span.to_real_ms - report->span.from_real_ms;
    time_t from = report->span.from_real_ms / 1000;
    struct tm local;
    char date[32];
    strftime(date, sizeof date, "%Y-%m-%d", localtime_r(&from, &local));
    size_t used = strlen(box.told);
    snprintf(box.told + used, sizeof box.told - used, "%s%s %s %.2f", used > 0 ? ", " : "",
             report_period_name(ended->period), date, (double)report->watched_ms / (double)length);
    assert_true(report_is_sound(report));
    assert_true(length > 0 && report->watched_ms > 0 && report->watched_ms <= length);
    size_t i = box.ended_count[ended->period]++;
    box.ended[ended->period][i] = report->span;
    box.stretch[ended->period][i] = box.stretches[ended->period];
    assert_true(box.ended_count[ended->period] < COUNT_OF(box.ended[0]));
}

/* What the daemon does once a second. */
static void tick(void) {
    struct ended_reports ended;
    if (!period_is_due(&box.day, &box.watch, box.now))
        return;
    struct calendar_span newest_day = box.day.closed[0];
    struct calendar_span newest_month = box.month.closed[0];
    period_turn(&box.day, &box.watch, &box.month, box.now, &ended);
    box.stretches[REPORT_DAY] += memcmp(&newest_day, &box.day.closed[1], sizeof newest_day) == 0;
    box.stretches[REPORT_MONTH] += 2 * (memcmp(&newest_month, &box.month.closed[1], sizeof newest_month) == 0);
    report_settle(&box.day, &box.watch, box.now);
    for (size_t i = 0; i < ended.count; i++)
        note(&ended.ended[i]);
}

static void run_ms(int64_t ms) {
    for (int64_t left = ms; left > 0; left -= 60000) {
        int64_t step = left < 60000 ? left : 60000;
        box.now.mono_ms += step;
        box.now.real_ms += step;
        report_follow(&box.day, &box.watch, &box.lift, box.now);
        tick();
        box.alive_real_ms = box.now.real_ms;
    }
}

static void stop(void) {
    report_settle(&box.day, &box.watch, box.now);
}

/* Begins again after off_ms, by a clock that shows what is given (NULL: the right time). */
static void restart(int64_t off_ms, const char *shows, bool synced) {
    box.now.mono_ms = 500;
    box.now.real_ms = shows ? real_ms(shows) : box.now.real_ms + off_ms;
    box.now.synced = synced;
    memset(&box.watch, 0, sizeof box.watch);
    report_restore(&box.day, &box.lift.record, box.alive_real_ms);
    tick();
}

static const char *told(void) {
    static char text[sizeof box.told];
    memcpy(text, box.told, sizeof text);
    box.told[0] = '\0';
    return text;
}

static void set_clock(const char *shows, bool synced) {
    box.now.real_ms = real_ms(shows);
    box.now.synced = synced;
    tick();
}

static void each_day_once_at_its_midnight(void **state) {
    (void)state;
    box_begin("Asia/Shanghai", "2026-11-23T04:00:00", true); /* noon there */
    run_ms(60000);
    run_ms(12 * HOUR_MS - 120000);
    assert_string_equal(told(), "");
    run_ms(120000);
    assert_string_equal(told(), "day 2026-11-23 0.50");
    run_ms(DAY_MS);
    assert_string_equal(told(), "day 2026-11-24 1.00");
    run_ms(7 * DAY_MS);
    assert_string_equal(told(), "day 2026-11-25 1.00, day 2026-11-26 1.00, day 2026-11-27 1.00, day 2026-11-28 1.00, "
                                "day 2026-11-29 1.00, day 2026-11-30 1.00, month 2026-11-01 0.25, day 2026-12-01 1.00");
}

static void days_of_23_and_25_hours_are_whole(void **state) {
    (void)state;
    static const struct {
        const char *noon_before, *follows;
    } table[] = {{"2026-03-28T11:00:00", "day 2026-03-28 0.50, day 2026-03-29 1.00, day 2026-03-30 1.00"},
                 {"2026-10-24T10:00:00", "day 2026-10-24 0.50, day 2026-10-25 1.00, day 2026-10-26 1.00"}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        box_begin("Europe/Berlin", table[i].noon_before, true);
        run_ms(3 * DAY_MS - 6 * HOUR_MS);
        assert_string_equal(told(), table[i].follows);
        size_t last = box.ended_count[REPORT_DAY] - 2;
        struct calendar_span odd = box.ended[REPORT_DAY][last];
        assert_int_equal((odd.to_real_ms - odd.from_real_ms) / HOUR_MS, i == 0 ? 23 : 25);
    }
}

static void a_box_that_was_off_tells_when_it_is_back(void **state) {
    (void)state;
    box_begin("UTC", "2026-11-23T12:00:00", true);
    run_ms(6 * HOUR_MS);
    stop();
    restart(12 * HOUR_MS, NULL, true);
    assert_string_equal(told(), "day 2026-11-23 0.25");
    run_ms(HOUR_MS);
    assert_string_equal(told(), "");
    /* for several days, over the end of the month: one report, and none for the days in between */
    stop();
    restart(10 * DAY_MS, NULL, true);
    assert_string_equal(told(), "day 2026-11-24 0.04, month 2026-11-01 0.01");
    run_ms(DAY_MS);
    assert_string_equal(told(), "day 2026-12-04 0.71");
    /* once, however often it starts */
    for (int i = 0; i < 5; i++)
        restart(1000, NULL, true);
    assert_string_equal(told(), "");
}

static void a_day_of_which_nothing_was_seen_has_no_report(void **state) {
    (void)state;
    box_begin("UTC", "2026-11-23T12:00:00", true);
    run_ms(6 * HOUR_MS);
    box.lift.link = LINK_OFFLINE;
    run_ms(5 * DAY_MS);
    assert_string_equal(told(), "day 2026-11-23 0.25");
    box.lift.link = LINK_ONLINE;
    run_ms(DAY_MS);
    assert_string_equal(told(), "day 2026-11-28 0.25");
    box.lift.link = LINK_OFFLINE;
    run_ms(5 * DAY_MS); /* the month ends all the same */
    assert_string_equal(told(), "day 2026-11-29 0.75, month 2026-11-01 0.04");
}

static void rides_of_the_time_off_are_counted_when_they_are_seen(void **state) {
    (void)state;
    box_begin("UTC", "2026-11-23T12:00:00", true);
    lift_shows(&box.lift, "rides:100", box.now);
    run_ms(HOUR_MS);
    lift_shows(&box.lift, "rides:110", box.now);
    run_ms(HOUR_MS);
    stop();
    restart(DAY_MS, NULL, true);
    assert_string_equal(told(), "day 2026-11-23 0.08");
    lift_shows(&box.lift, "rides:150", box.now);
    run_ms(HOUR_MS);
    assert_int_equal(box.day.rides, 40);
}

static void a_clock_that_was_never_set_closes_nothing(void **state) {
    (void)state;
    box_begin("UTC", "2026-11-23T06:00:00", true);
    run_ms(6 * HOUR_MS);
    stop();
    restart(HOUR_MS, "1970-01-01T00:00:20", false);
    run_ms(HOUR_MS); /* it is watched all the same */
    assert_string_equal(told(), "");
    set_clock("2026-11-23T14:00:00", true);
    run_ms(9 * HOUR_MS + 59 * 60000);
    assert_string_equal(told(), "");
    run_ms(60000);
    assert_string_equal(told(), "day 2026-11-23 0.71");

    /* as it was when the box went down, days ago: the clock jumps, and the day is closed once */
    stop();
    restart(0, "2026-11-24T00:00:00", false);
    run_ms(HOUR_MS);
    set_clock("2026-11-27T10:00:00", true);
    assert_string_equal(told(), "day 2026-11-24 0.04");
    run_ms(DAY_MS);
    assert_string_equal(told(), "day 2026-11-27 0.58");
}

static void a_first_start_with_a_wrong_clock_invents_no_day(void **state) {
    (void)state;
    box_begin("UTC", "1970-01-01T00:00:20", false);
    run_ms(2 * DAY_MS);
    set_clock("2026-11-23T12:00:00", true);
    run_ms(DAY_MS);
    assert_string_equal(told(), "day 2026-11-23 0.50");
    box_begin("UTC", "2026-03-01T00:00:20", false); /* when its system was made, say */
    run_ms(HOUR_MS);
    set_clock("2026-11-23T12:00:00", true);
    assert_string_equal(told(), "");
    run_ms(DAY_MS);
    assert_string_equal(told(), "day 2026-11-23 0.50");
}

static void a_box_without_a_time_server_has_its_days_too(void **state) {
    (void)state;
    box_begin("UTC", "2026-11-23T12:00:00", false);
    run_ms(2 * DAY_MS);
    assert_string_equal(told(), "day 2026-11-23 0.50, day 2026-11-24 1.00");
}

static void a_clock_that_jumps_closes_a_day_once(void **state) {
    (void)state;
    box_begin("UTC", "2026-11-23T06:00:00", true);
    run_ms(6 * HOUR_MS);
    set_clock("2026-12-07T12:00:00", true); /* ahead: the day and the month are over */
    assert_string_equal(told(), "day 2026-11-23 0.25, month 2026-11-01 0.01");
    run_ms(DAY_MS); /* over a midnight that is none */
    assert_string_equal(told(), "day 2026-12-07 0.50");
    set_clock("2026-11-24T12:00:00", true); /* and back: the wrong day is dropped, this one is still to come */
    run_ms(2 * DAY_MS);
    assert_string_equal(told(), "day 2026-11-24 0.50, day 2026-11-25 1.00");
    run_ms(14 * DAY_MS - 12 * HOUR_MS); /* 2026-12-07 was reported, the days around it were not */
    assert_null(strstr(told(), "day 2026-12-07"));
    run_ms(24 * DAY_MS); /* nor has the month anything of the wrong day */
    assert_non_null(strstr(told(), "day 2026-12-31 1.00, month 2026-12-01 0.97"));

    /* a step back over midnight */
    box_begin("UTC", "2026-11-23T12:00:00", true);
    run_ms(12 * HOUR_MS + 30000);
    assert_string_equal(told(), "day 2026-11-23 0.50");
    set_clock("2026-11-23T23:59:00", true);
    run_ms(DAY_MS);
    assert_string_equal(told(), "");
    run_ms(60000);
    assert_string_equal(told(), "day 2026-11-24 1.00");
}

/* The tick comes when it comes: the time is cut at midnight. */
static void midnight_cuts_the_time(void **state) {
    (void)state;
    box_begin("UTC", "2026-11-23T22:00:00", true);
    run_ms(HOUR_MS);
    box.now.mono_ms += 2 * HOUR_MS;
    box.now.real_ms += 2 * HOUR_MS;
    tick();
    assert_string_equal(told(), "day 2026-11-23 0.08");
    report_follow(&box.day, &box.watch, &box.lift, box.now);
    assert_int_equal(box.day.watched_ms, HOUR_MS);
}

static void what_a_dropped_day_counted_goes_to_the_next(void **state) {
    (void)state;
    box_begin("UTC", "2026-11-23T12:00:00", true);
    lift_shows(&box.lift, "rides:100", box.now);
    run_ms(HOUR_MS);
    set_clock("2026-12-07T12:00:00", true);
    lift_shows(&box.lift, "rides:105 +overspeed", box.now);
    run_ms(HOUR_MS);
    assert_int_equal(box.day.rides, 5);
    set_clock("2026-11-24T12:00:00", true);
    run_ms(HOUR_MS);
    assert_int_equal(box.day.rides, 5);
    assert_int_equal(box.day.fault_count[FAULT_OVERSPEED], 1);
    assert_int_equal(box.day.watched_ms, HOUR_MS);
}

static void a_day_ends_where_time_begins_that_was_reported(void **state) {
    (void)state;
    box_begin("UTC", "2026-11-23T12:00:00", true);
    box.day.closed[2] = (struct calendar_span){real_ms("2026-11-23T18:00:00"), real_ms("2026-11-24T18:00:00")};
    run_ms(2 * DAY_MS);
    assert_string_equal(told(), "day 2026-11-23 0.33, day 2026-11-24 1.00");
}

static void another_time_zone_neither_repeats_nor_loses_time(void **state) {
    (void)state;
    box_begin("Asia/Shanghai", "2026-11-23T12:00:00", true);
    run_ms(DAY_MS);
    assert_string_equal(told(), "day 2026-11-23 0.17");
    calendar_set_zone("UTC");
    run_ms(2 * DAY_MS);
    for (size_t i = 1; i < box.ended_count[REPORT_DAY]; i++)
        assert_int_equal(box.ended[REPORT_DAY][i].from_real_ms, box.ended[REPORT_DAY][i - 1].to_real_ms);
    assert_true(box.ended_count[REPORT_DAY] >= 3);
}

/* --- any sequence ------------------------------------------------------------------------------------------------ */

static uint64_t random_state;

static int64_t any(int64_t below) {
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (int64_t)((random_state >> 33) % (uint64_t)below);
}

static void any_sample(void) {
    static const char *const says[] = {
        "online",          "offline",        "stalled",        "online mode:normal",
        "mode:inspection", "mode:?",         "car:running",    "car:stopped",
        "floor:1",         "floor:7",        "door:closed",    "door:opening",
        "door:open",       "door:closing",   "door:moving",    "door:?",
        "+overspeed",      "-overspeed",     "+entrapment",    "-entrapment",
        "~brake_fault",    "-brake_fault",   "#overspeed",     "+relevel_fault",
        "-relevel_fault",  "online floor:2", "online floor:3",
    };
    lift_shows(&box.lift, says[any((int64_t)COUNT_OF(says))], box.now);
    struct counter *rides = &box.lift.record.counter[0];
    rides->known = rides->known || any(10) == 0;
    rides->total += rides->known ? any(3) : 0;
}

static void any_step(void) {
    int64_t pace = any(5) == 0 ? DAY_MS : any(3) == 0 ? HOUR_MS : 60000;
    int64_t ms = any(pace);
    switch (any(40)) {
    case 0: { /* a power cut, for a while; now and then the clock is lost with it */
        int64_t right = box.now.real_ms + any(3 * DAY_MS);
        restart(0, any(3) == 0 ? "1970-01-01T00:00:10" : NULL, false);
        if (box.now.real_ms > 0 && any(2) == 0)
            box.now.real_ms = right;
        break;
    }
    case 1:
        stop();
        restart(any(2 * DAY_MS), NULL, any(2) == 0);
        break;
    case 2: /* the clock is set */
        box.now.real_ms += (any(2) == 0 ? 1 : -1) * any(any(4) == 0 ? 40 * DAY_MS : 2 * HOUR_MS);
        box.now.synced = any(2) == 0;
        stop(); /* as the daemon does then */
        break;
    case 3: /* found right */
        box.now.real_ms = real_ms("2026-11-23T00:00:00") + box.now.mono_ms;
        box.now.synced = true;
        stop();
        break;
    default:
        box.now.mono_ms += ms;
        box.now.real_ms += ms;
        break;
    }
    any_sample();
    report_follow(&box.day, &box.watch, &box.lift, box.now);
    if (any(3) == 0)
        stop();
    tick();
    box.alive_real_ms = box.now.real_ms;
}

static void assert_sums(const struct report *report, uint64_t seed, int step) {
    uint64_t modes_ms = 0;
    int64_t length = report->span.to_real_ms - report->span.from_real_ms;
    for (size_t i = 0; i < MODE_COUNT; i++)
        modes_ms += report->mode_ms[i];
    bool sound = report_is_sound(report) && report->watched_ms <= length &&
                 report->available_ms <= report->watched_ms && modes_ms <= report->watched_ms;
    for (size_t i = 0; i < FAULT_COUNT; i++)
        sound = sound && report->fault_ms[i] <= report->watched_ms;
    if (!sound)
        fail_msg("seed %" PRIu64 ", step %d: watched %u of %" PRId64 ", available %u, modes %" PRIu64, seed, step,
                 report->watched_ms, length, report->available_ms, modes_ms);
}

static void assert_disjoint(enum report_period period, uint64_t seed) {
    size_t count = box.ended_count[period];
    for (size_t i = 0; i < count; i++)
        for (size_t j = i + 1; j < count; j++) {
            if (box.stretch[period][j] - box.stretch[period][i] >= REPORT_CLOSED)
                break;
            struct calendar_span a = box.ended[period][i];
            struct calendar_span b = box.ended[period][j];
            if (a.from_real_ms < b.to_real_ms && b.from_real_ms < a.to_real_ms)
                fail_msg("seed %" PRIu64 ": %s %zu overlaps with %zu", seed, report_period_name(period), i, j);
        }
}

/* Sums never exceed the time watched, nor that the period; no time is reported twice, but after more interruptions by
 * whole days than are remembered. */
static void whatever_happens(void **state) {
    (void)state;
    static const char *const zones[] = {"Asia/Shanghai", "Europe/Berlin", "UTC"};
    uint64_t first = 20261123;
    print_message("seeds %" PRIu64 " to %" PRIu64 "\n", first, first + 199);
    for (uint64_t seed = first; seed < first + 200; seed++) {
        random_state = seed;
        box_begin(zones[seed % COUNT_OF(zones)], "2026-11-23T00:00:00", seed % 2 == 0);
        for (int step = 0; step < 400; step++) {
            any_step();
            assert_sums(&box.day, seed, step);
            assert_sums(&box.month, seed, step);
        }
        assert_true(box.ended_count[REPORT_DAY] > 0);
        assert_disjoint(REPORT_DAY, seed);
        assert_disjoint(REPORT_MONTH, seed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_day_once_at_its_midnight),
        cmocka_unit_test(days_of_23_and_25_hours_are_whole),
        cmocka_unit_test(a_box_that_was_off_tells_when_it_is_back),
        cmocka_unit_test(a_day_of_which_nothing_was_seen_has_no_report),
        cmocka_unit_test(rides_of_the_time_off_are_counted_when_they_are_seen),
        cmocka_unit_test(a_clock_that_was_never_set_closes_nothing),
        cmocka_unit_test(a_first_start_with_a_wrong_clock_invents_no_day),
        cmocka_unit_test(a_box_without_a_time_server_has_its_days_too),
        cmocka_unit_test(a_clock_that_jumps_closes_a_day_once),
        cmocka_unit_test(midnight_cuts_the_time),
        cmocka_unit_test(what_a_dropped_day_counted_goes_to_the_next),
        cmocka_unit_test(a_day_ends_where_time_begins_that_was_reported),
        cmocka_unit_test(another_time_zone_neither_repeats_nor_loses_time),
        cmocka_unit_test(whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
