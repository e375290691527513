/* A day's figures from what a lift showed: what is watched, what is counted, what the door and the floors say. */
#include "report_story.h"

#define REAL_MS INT64_C(1795392000000) /* 2026-11-23T00:00:00Z */
#define MONO_MS INT64_C(5000000)
#define DAY_MS INT64_C(86400000)

struct row {
    int64_t ms;
    const char *says;
};

static struct lift lift;
static struct report day;
static struct report_watch watch;

static struct instant at_ms(int64_t ms) {
    return (struct instant){.mono_ms = MONO_MS + ms, .real_ms = REAL_MS + ms, .synced = true};
}

static void open_day(void) {
    memset(&lift, 0, sizeof lift);
    memset(&watch, 0, sizeof watch);
    report_init(&day, &lift.record);
    day.span = (struct calendar_span){REAL_MS, REAL_MS + DAY_MS};
}

static void put_bins(FILE *to, const char *name, const uint16_t bins[REPORT_BINS]) {
    for (int i = 0; i < REPORT_BINS; i++)
        if (bins[i] > 0)
            fprintf(to, " %s%d:%d", name, i, bins[i]);
}

static const char *tell(const struct report *report) {
    static char text[1024];
    FILE *to = fmemopen(text, sizeof text, "w");
    fprintf(to, "watched %u available %u", report->watched_ms, report->available_ms);
    for (int i = 0; i < MODE_COUNT; i++)
        if (report->mode_ms[i] > 0)
            fprintf(to, " %s %u", item_word_of(ITEM_SERVICE_MODE, VALUE(i)), report->mode_ms[i]);
    if (report->rides_known)
        fprintf(to, " rides %u", report->rides);
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
        if (report->fault_count[fault] > 0 || report->fault_ms[fault] > 0)
            fprintf(to, " %s %u/%u", fault_info(fault)->id, report->fault_count[fault], report->fault_ms[fault]);
    if (report->entrapment_ms > 0)
        fprintf(to, " trapped %u", report->entrapment_ms);
    if (report->doors_known)
        fprintf(to, " door %u/%u/%u", report->openings, report->closings, report->reversals);
    put_bins(to, "o", report->opening);
    put_bins(to, "c", report->closing);
    if (report->floors_known)
        fprintf(to, " floors");
    for (int i = 0; i < REPORT_FLOORS; i++)
        if (report->stops[i] > 0)
            fprintf(to, " %d:%d", i + 1, report->stops[i]);
    fclose(to);
    return text;
}

/* Plays the rows; "lost" is a link that is found to be down, last good two seconds before. */
static void play(const struct row rows[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct instant at = at_ms(rows[i].ms);
        const char *says = rows[i].says;
        if (strcmp(says, "lost") == 0) {
            report_lose(&day, &watch, at, at.real_ms - 2000);
            says = "offline";
        }
        lift_shows(&lift, says, at);
        report_follow(&day, &watch, &lift, at);
    }
}

#define STORY(follows, ...)                                                                                            \
    do {                                                                                                               \
        static const struct row rows[] = {__VA_ARGS__};                                                                \
        open_day();                                                                                                    \
        play(rows, COUNT_OF(rows));                                                                                    \
        assert_string_equal(tell(&day), follows);                                                                      \
    } while (0)

static void only_online_time_is_watched(void **state) {
    (void)state;
    STORY("watched 0 available 0", {0, "offline"}, {60000, "offline"});
    STORY("watched 10000 available 10000", {0, "online"}, {10000, "offline"}, {60000, "offline"});
    STORY("watched 20000 available 20000", {0, "online"}, {10000, "offline"}, {60000, "online"}, {70000, "online"});
    STORY("watched 10000 available 10000", {0, "online"}, {10000, "stalled"}, {60000, "online"});
    /* the silence before a link is said to be down was not watched either */
    STORY("watched 8000 available 8000", {0, "online"}, {10000, "lost"}, {60000, "online"});
    STORY("watched 9500 available 9500", {0, "online"}, {9500, "online"}, {10000, "lost"}, {60000, "online"});
}

static void a_mode_takes_the_time_until_the_next(void **state) {
    (void)state;
    STORY("watched 60000 available 20000 out_of_service 30000 normal 20000 inspection 10000", {0, "online mode:normal"},
          {20000, "mode:inspection"}, {30000, "mode:out_of_service"}, {60000, "mode:normal"});
    /* a mode that nobody knows is not held against the lift */
    STORY("watched 30000 available 20000 firefighter 10000", {0, "online mode:?"}, {20000, "mode:firefighter"},
          {30000, "mode:?"});
}

static void faults_take_availability_if_they_stop_the_lift(void **state) {
    (void)state;
    STORY("watched 60000 available 50000 normal 60000 overspeed 1/10000", {0, "online mode:normal"},
          {20000, "+overspeed"}, {30000, "-overspeed"}, {60000, ""});
    STORY("watched 60000 available 60000 normal 60000 relevel_fault 1/10000", {0, "online mode:normal"},
          {20000, "+relevel_fault"}, {30000, "-relevel_fault"}, {60000, ""});
    /* two at a time take the time once */
    STORY("watched 60000 available 40000 overspeed 1/15000 brake_fault 1/10000", {0, "online"}, {20000, "+overspeed"},
          {30000, "+brake_fault"}, {35000, "-overspeed"}, {40000, "-brake_fault"}, {60000, ""});
    /* in a gap nobody knows */
    STORY("watched 40000 available 20000 overspeed 1/20000", {0, "online"}, {20000, "+overspeed"}, {30000, "offline"},
          {50000, "online"}, {60000, ""});
}

static void counts_are_those_of_the_totals(void **state) {
    (void)state;
    /* flapping goes on counting without events; in an inspection nothing is counted */
    STORY("watched 20000 available 0 overspeed 3/20000", {0, "online +overspeed"}, {10000, "#overspeed #overspeed"},
          {20000, ""});
    STORY("watched 20000 available 10000 inspection 10000 overspeed 0/10000", {0, "online mode:inspection ~overspeed"},
          {10000, "mode:? -overspeed"}, {20000, ""});
    /* the first total is where it begins; what a gap brought is counted where it is seen */
    STORY("watched 20000 available 20000 rides 107", {0, "online rides:80000"}, {10000, "offline"},
          {60000, "online rides:80107"}, {70000, ""});
    /* a total never goes down; should another ledger's be lower, nothing is added */
    STORY("watched 20000 available 20000 rides 2", {0, "online rides:80000"}, {10000, "rides:10"}, {20000, "rides:12"});
}

static void the_longest_entrapment(void **state) {
    (void)state;
    STORY("watched 60000 available 35000 entrapment 2/25000 trapped 15000", {0, "online"}, {10000, "+entrapment"},
          {25000, "-entrapment"}, {30000, "+entrapment"}, {40000, "-entrapment"}, {60000, ""});
    /* one that goes on counts too; one that ended in a gap counts whole */
    STORY("watched 30000 available 10000 entrapment 1/20000 trapped 20000", {0, "online"}, {10000, "+entrapment"},
          {30000, ""});
    STORY("watched 20000 available 15000 entrapment 1/5000 trapped 40000", {0, "online"}, {10000, "+entrapment"},
          {15000, "offline"}, {50000, "online -entrapment"}, {55000, ""});
    /* not the mechanic's */
    STORY("watched 30000 available 0 inspection 30000", {0, "online mode:inspection ~entrapment"}, {30000, ""});
}

static void door_times(void **state) {
    (void)state;
    STORY("watched 9100 available 9100 door 1/1/0 o8:1 c10:1", {0, "online door:closed"}, {1000, "door:opening"},
          {3100, "door:open"}, {6600, "door:closing"}, {9100, "door:closed"});
    /* by contacts: the direction is known at the end only */
    STORY("watched 9100 available 9100 door 1/1/0 o8:1 c10:1", {0, "online door:closed"}, {1000, "door:moving"},
          {3100, "door:open"}, {6600, "door:moving"}, {9000, "door:moving"}, {9100, "door:closed"});
    /* too fast to be timed */
    STORY("watched 2000 available 2000 door 1/1/0", {0, "online door:closed"}, {1000, "door:open"},
          {2000, "door:closed"});
    /* a reversal, with and without direction; its times are no closing times */
    STORY("watched 9000 available 9000 door 0/1/1 c4:1", {0, "online door:open"}, {1000, "door:closing"},
          {2000, "door:opening"}, {3000, "door:open"}, {8000, "door:closing"}, {9000, "door:closed"});
    STORY("watched 9000 available 9000 door 0/1/1 c4:1", {0, "online door:open"}, {1000, "door:moving"},
          {3000, "door:open"}, {8000, "door:moving"}, {9000, "door:closed"});
    STORY("watched 5000 available 5000 door 0/1/1", {0, "online door:open"}, {1000, "door:closing"},
          {2000, "door:opening"}, {3000, "door:closing"}, {5000, "door:closed"});
    /* longer than the last bin begins; a gap in the movement; one contact says nothing of all this */
    STORY("watched 60000 available 60000 door 1/0/0 o39:1", {0, "online door:closed"}, {1000, "door:opening"},
          {60000, "door:open"});
    STORY("watched 2000 available 2000 door 0/0/0", {0, "online door:closed"}, {1000, "door:opening"},
          {2000, "offline"}, {3000, "online door:open"});
    STORY("watched 3000 available 3000", {0, "online door:closed"}, {1000, "door:not_closed"}, {3000, "door:closed"});
}

static void stops_are_ends_of_rides(void **state) {
    (void)state;
    STORY("watched 30000 available 30000 floors 3:2 5:1", {0, "online car:stopped floor:1"}, {1000, "car:running"},
          {9000, "car:stopped floor:3"}, {10000, "car:running"}, {19000, "floor:5 car:stopped"}, {20000, "car:running"},
          {30000, "car:stopped floor:3"});
    /* re-levelling, short or with the door open; inspection; an unknown floor; a gap */
    STORY("watched 1000 available 1000 floors", {0, "online floor:3 car:running"}, {1000, "car:stopped"});
    STORY("watched 9000 available 9000 door 0/0/0 floors", {0, "online floor:3 door:open car:running"},
          {9000, "car:stopped"});
    STORY("watched 9000 available 0 inspection 9000 floors", {0, "online floor:3 mode:inspection car:running"},
          {9000, "car:stopped"});
    STORY("watched 9000 available 9000", {0, "online car:running"}, {9000, "car:stopped"});
    STORY("watched 9000 available 9000", {0, "online car:running floor:200"}, {9000, "car:stopped"});
    STORY("watched 2000 available 2000 floors", {0, "online car:running floor:3"}, {2000, "offline"},
          {9000, "online car:stopped"});
}

static void durations_go_by_the_clock_that_never_jumps(void **state) {
    (void)state;
    open_day();
    lift_shows(&lift, "online +overspeed +entrapment", at_ms(0));
    report_follow(&day, &watch, &lift, at_ms(0));
    struct instant later = {.mono_ms = MONO_MS + 10000, .real_ms = REAL_MS - 999999999, .synced = true};
    report_follow(&day, &watch, &lift, later);
    assert_string_equal(tell(&day), "watched 10000 available 0 entrapment 1/10000 overspeed 1/10000 trapped 10000");
    /* a sample that was taken before the last tick takes nothing away */
    report_follow(&day, &watch, &lift, at_ms(5000));
    assert_int_equal(day.watched_ms, 10000);
}

static void never_more_than_the_day(void **state) {
    (void)state;
    open_day();
    day.span.to_real_ms = REAL_MS + 5000;
    lift_shows(&lift, "online +overspeed mode:normal", at_ms(0));
    report_follow(&day, &watch, &lift, at_ms(0));
    report_follow(&day, &watch, &lift, at_ms(3000));
    report_follow(&day, &watch, &lift, at_ms(60000));
    assert_string_equal(tell(&day), "watched 5000 available 0 normal 5000 overspeed 1/5000");
    assert_true(report_is_sound(&day));
}

static void a_crash_costs_what_no_stamp_shows(void **state) {
    (void)state;
    static const struct row rows[] = {{0, "online mode:normal rides:5 +overspeed"}, {10000, "rides:6"}};
    open_day();
    play(rows, COUNT_OF(rows));
    report_settle(&day, &watch, at_ms(12000));
    lift.record.service_mode = lift.item[ITEM_SERVICE_MODE];
    struct report kept = day;

    /* 30 s later the box was known to be alive: its state had not changed, or it had been written */
    report_restore(&day, &lift.record, REAL_MS + 42000);
    assert_string_equal(tell(&day), "watched 42000 available 0 normal 42000 rides 1 overspeed 1/42000");
    /* it is not taken twice */
    report_restore(&day, &lift.record, REAL_MS + 42000);
    assert_int_equal(day.watched_ms, 42000);
    /* nor beyond the day, nor before the last write */
    day = kept;
    report_restore(&day, &lift.record, REAL_MS + 3 * DAY_MS);
    assert_int_equal(day.watched_ms, DAY_MS);
    day = kept;
    report_restore(&day, &lift.record, REAL_MS + 11000);
    assert_int_equal(day.watched_ms, 12000);
    /* a lift that was offline when it was written was not watched after it */
    day = kept;
    lift_shows(&lift, "offline", at_ms(13000));
    report_follow(&day, &watch, &lift, at_ms(13000));
    report_settle(&day, &watch, at_ms(14000));
    report_restore(&day, &lift.record, REAL_MS + 42000);
    assert_int_equal(day.watched_ms, 13000);
}

static void a_change_of_link_is_to_be_written(void **state) {
    (void)state;
    static const struct row rows[] = {{0, "online"}, {1000, "stalled"}};
    open_day();
    play(rows, 1);
    assert_true(watch.news);
    watch.news = false;
    play(rows, 1);
    assert_false(watch.news);
    play(rows + 1, 1);
    assert_true(watch.news);
}

static void quantiles(void **state) {
    (void)state;
    uint16_t bins[REPORT_BINS] = {0};
    int ms = -1;
    assert_false(report_quantile(bins, 50, &ms));
    bins[8] = 1; /* 2.00 to 2.25 s */
    assert_true(report_quantile(bins, 50, &ms));
    assert_in_range(ms, 2000, 2250);
    bins[8] = 95;
    bins[20] = 5;
    assert_true(report_quantile(bins, 50, &ms));
    assert_in_range(ms, 2000, 2250);
    assert_true(report_quantile(bins, 95, &ms));
    assert_in_range(ms, 2000, 2250);
    assert_true(report_quantile(bins, 96, &ms));
    assert_in_range(ms, 5000, 5250);
    memset(bins, 0, sizeof bins);
    bins[REPORT_BINS - 1] = 3; /* how much longer nobody knows */
    assert_true(report_quantile(bins, 95, &ms));
    assert_int_equal(ms, (REPORT_BINS - 1) * REPORT_BIN_MS);
}

static void a_month_is_the_sum_of_its_days(void **state) {
    (void)state;
    static const struct row rows[] = {{0, "online mode:normal rides:10 car:stopped floor:2 door:closed +entrapment"},
                                      {1000, "door:opening -entrapment car:running"},
                                      {3000, "door:open mode:inspection +overspeed"},
                                      {9000, "rides:12 car:stopped floor:4 mode:normal door:closing"},
                                      {11000, "door:closed car:running"},
                                      {19000, "car:stopped"}};
    struct report month = {.watched_ms = 0};
    for (int i = 0; i < 31; i++) {
        open_day();
        play(rows, COUNT_OF(rows));
        report_add(&month, &day);
    }
    assert_string_equal(tell(&day), "watched 19000 available 2000 normal 13000 inspection 6000 rides 2 entrapment "
                                    "1/1000 overspeed 1/16000 trapped 1000 door 1/1/0 o8:1 c8:1 floors 4:2");
    assert_string_equal(tell(&month), "watched 589000 available 62000 normal 403000 inspection 186000 rides 62 "
                                      "entrapment 31/31000 overspeed 31/496000 trapped 1000 door 31/31/0 o8:31 c8:31 "
                                      "floors 4:62");
}

/* The bins of a busy lift's month are halved together; the quantiles stay. */
static void bins_do_not_run_over(void **state) {
    (void)state;
    struct report month = {.watched_ms = 0};
    struct report busy = {.openings = 60000};
    int before, after;
    busy.opening[8] = 50000;
    busy.opening[12] = 10000;
    report_quantile(busy.opening, 90, &before);
    for (int i = 0; i < 31; i++)
        report_add(&month, &busy);
    assert_true(report_quantile(month.opening, 90, &after));
    assert_in_range(after, before - REPORT_BIN_MS, before + REPORT_BIN_MS);
    assert_int_equal(month.openings, 31 * 60000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_online_time_is_watched),
        cmocka_unit_test(a_mode_takes_the_time_until_the_next),
        cmocka_unit_test(faults_take_availability_if_they_stop_the_lift),
        cmocka_unit_test(counts_are_those_of_the_totals),
        cmocka_unit_test(the_longest_entrapment),
        cmocka_unit_test(door_times),
        cmocka_unit_test(stops_are_ends_of_rides),
        cmocka_unit_test(durations_go_by_the_clock_that_never_jumps),
        cmocka_unit_test(never_more_than_the_day),
        cmocka_unit_test(a_crash_costs_what_no_stamp_shows),
        cmocka_unit_test(a_change_of_link_is_to_be_written),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(a_month_is_the_sum_of_its_days),
        cmocka_unit_test(bins_do_not_run_over),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
