/* Totals that never go down (domain.md 3, ride count rules). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "model/counter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)
#define U16 (INT64_C(1) << 16)
#define U32 (INT64_C(1) << 32)

struct row {
    int64_t s; /* seconds since the story began */
    int64_t value;
    enum counter_step step;
    int64_t total;
};

static struct instant at_second(int64_t s) {
    return (struct instant){.mono_ms = (1000 + s) * 1000, .real_ms = INT64_C(1795000000000) + s * 1000, .synced = true};
}

static int64_t apply(struct counter *counter, enum item item, const struct row *row, int64_t modulus) {
    struct counter_reading reading = {.known = true, .value = row->value, .modulus = modulus};
    int64_t was = -1;
    enum counter_step step = counter_apply(counter, item, &reading, at_second(row->s), &was);
    if (step != row->step || counter->total != row->total)
        fail_msg("at %" PRId64 " s %" PRId64 " brought step %d and total %" PRId64 ", not %d and %" PRId64, row->s,
                 row->value, step, counter->total, row->step, row->total);
    return was;
}

#define PLAY(item, modulus, ...)                                                                                       \
    do {                                                                                                               \
        static const struct row rows[] = {__VA_ARGS__};                                                                \
        counter = (struct counter){0};                                                                                 \
        for (size_t r = 0; r < COUNT_OF(rows); r++)                                                                    \
            was = apply(&counter, (item), &rows[r], (modulus));                                                        \
    } while (0)

static struct counter counter;
static int64_t was;

static void the_first_reading_ever_is_the_total(void **state) {
    (void)state;
    PLAY(ITEM_RIDES_TOTAL, U32, {0, 80000, COUNTER_GREW, 80000}, {10, 80000, COUNTER_SAME, 80000},
         {20, 80001, COUNTER_GREW, 80001});
    assert_int_equal(counter.since_real_ms, at_second(0).real_ms);
    assert_false(counter.derived);
}

static void what_is_not_known_or_no_count_changes_nothing(void **state) {
    (void)state;
    static const struct counter_reading table[] = {{.known = false, .value = 5},
                                                   {.known = true, .value = -1},
                                                   {.known = true, .value = INT64_MIN},
                                                   {.known = true, .value = INT64_MAX},
                                                   {.known = true, .derived = true, .value = -5}};
    PLAY(ITEM_RIDES_TOTAL, U32, {0, 80000, COUNTER_GREW, 80000});
    struct counter before = counter;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        assert_int_equal(counter_apply(&counter, ITEM_RIDES_TOTAL, &table[i], at_second(10), &was), COUNTER_SAME);
        assert_memory_equal(&counter, &before, sizeof counter);
    }
}

static void a_counter_wraps_at_its_modulus(void **state) {
    (void)state;
    PLAY(ITEM_RIDES_TOTAL, U16, {0, 65534, COUNTER_GREW, 65534}, {10, 1, COUNTER_GREW, 65537},
         {20, 2, COUNTER_GREW, 65538});
    PLAY(ITEM_RIDES_TOTAL, U32, {0, U32 - 1, COUNTER_GREW, U32 - 1}, {10, 0, COUNTER_GREW, U32});
    PLAY(ITEM_RIDES_TOTAL, 100000000, {0, 99999999, COUNTER_GREW, 99999999}, {10, 2, COUNTER_GREW, 100000002});
    /* Over a long gap too: a week at 300 rides a day. */
    PLAY(ITEM_RIDES_TOTAL, U16, {0, 65000, COUNTER_GREW, 65000}, {7 * DAY, 1564, COUNTER_GREW, 67100});
    PLAY(ITEM_RUN_HOURS, U16 * HOUR * 1000, {0, (U16 - 1) * HOUR * 1000, COUNTER_GREW, (U16 - 1) * HOUR * 1000},
         {HOUR, 0, COUNTER_GREW, U16 * HOUR * 1000});
}

static void a_lower_count_otherwise_is_a_reset(void **state) {
    (void)state;
    PLAY(ITEM_RIDES_TOTAL, U32, {0, 80000, COUNTER_GREW, 80000}, {10, 5, COUNTER_RESET, 80000});
    assert_int_equal(was, 80000);
    struct row row = {20, 7, COUNTER_GREW, 80002};
    apply(&counter, ITEM_RIDES_TOTAL, &row, U32);
    /* Close to the modulus, but no lift rides so far in ten seconds. */
    PLAY(ITEM_RIDES_TOTAL, U16, {0, 65500, COUNTER_GREW, 65500}, {10, 3000, COUNTER_RESET, 65500});
    /* Time enough for a wrap, but it was nowhere near. */
    PLAY(ITEM_RIDES_TOTAL, U16, {0, 30000, COUNTER_GREW, 30000}, {30 * DAY, 5, COUNTER_RESET, 30000});
    /* Types that never wrap. */
    PLAY(ITEM_RIDES_TOTAL, 0, {0, 65535, COUNTER_GREW, 65535}, {10, 0, COUNTER_RESET, 65535});
}

static void a_jump_that_no_lift_can_make_is_held_until_a_second_reading_agrees(void **state) {
    (void)state;
    PLAY(ITEM_RIDES_TOTAL, U32, {0, 1000, COUNTER_GREW, 1000}, {10, 80000, COUNTER_SAME, 1000},
         {20, 80001, COUNTER_REPLACED, 1000});
    assert_int_equal(was, 1000);
    struct row row = {30, 80003, COUNTER_GREW, 1002};
    apply(&counter, ITEM_RIDES_TOTAL, &row, U32);
}

static void a_jump_that_vanishes_is_forgotten(void **state) {
    (void)state;
    PLAY(ITEM_RIDES_TOTAL, U32, {0, 1000, COUNTER_GREW, 1000}, {10, 80000, COUNTER_SAME, 1000},
         {20, 1001, COUNTER_GREW, 1001}, {30, 80000, COUNTER_SAME, 1001}, {40, 1001, COUNTER_SAME, 1001});
}

static void jumps_that_disagree_confirm_nothing(void **state) {
    (void)state;
    PLAY(ITEM_RIDES_TOTAL, U32, {0, 1000, COUNTER_GREW, 1000}, {10, 80000, COUNTER_SAME, 1000},
         {20, 50000, COUNTER_SAME, 1000}, {30, 90000, COUNTER_SAME, 1000}, {40, 1002, COUNTER_GREW, 1002});
}

static void what_a_lift_can_do_depends_on_the_item_and_the_time(void **state) {
    (void)state;
    static const struct {
        enum item item;
        int64_t elapsed_s, step;
        bool plausible;
    } table[] = {
        {ITEM_RIDES_TOTAL, 1, 20, true},
        {ITEM_RIDES_TOTAL, 1, 21, false},
        {ITEM_RIDES_TOTAL, HOUR, 920, true},
        {ITEM_RIDES_TOTAL, HOUR, 921, false},
        {ITEM_RIDES_TOTAL, 30 * DAY, 648020, true},
        {ITEM_RIDES_TOTAL, 30 * DAY, 648021, false},
        {ITEM_DOOR_CYCLES_TOTAL, HOUR, 1220, true},
        {ITEM_DOOR_CYCLES_TOTAL, HOUR, 1221, false},
        {ITEM_DISTANCE_M, HOUR, 36200, true},
        {ITEM_DISTANCE_M, HOUR, 36201, false},
        {ITEM_RUN_HOURS, 10, HOUR * 1000, true}, /* the hour was full */
        {ITEM_RUN_HOURS, 10, 3 * HOUR * 1000, false},
        {ITEM_RUN_HOURS, 10 * HOUR, 12 * HOUR * 1000, true},
        {ITEM_RUN_HOURS, 10 * HOUR, 13 * HOUR * 1000, false},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct row first = {0, 5000, COUNTER_GREW, 5000};
        struct row second = {table[i].elapsed_s, 5000 + table[i].step, table[i].plausible ? COUNTER_GREW : COUNTER_SAME,
                             table[i].plausible ? 5000 + table[i].step : 5000};
        counter = (struct counter){0};
        apply(&counter, table[i].item, &first, 0);
        apply(&counter, table[i].item, &second, 0);
    }
}

static void after_a_restart_the_wall_clock_tells_the_time_elapsed(void **state) {
    (void)state;
    static const struct {
        int64_t wall_s;
        bool synced;
        int64_t value;
        enum counter_step step;
    } table[] = {
        {DAY, true, 1300, COUNTER_GREW},           {DAY, true, 80000, COUNTER_SAME},
        {-DAY, true, 1300, COUNTER_GREW},   /* the clock was set back: nobody knows how long it was */
        {60, false, 3000, COUNTER_GREW},    /* nor with a clock that nobody has set yet */
        {60, false, 2000000, COUNTER_SAME}, /* but not as long as that */
        {400 * DAY, false, 5000000, COUNTER_GREW},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        PLAY(ITEM_RIDES_TOTAL, U32, {0, 1000, COUNTER_GREW, 1000});
        counter.raw_mono_ms = 0;
        struct counter_reading reading = {.known = true, .value = table[i].value, .modulus = U32};
        struct instant at = {.mono_ms = 5000, .real_ms = at_second(table[i].wall_s).real_ms, .synced = table[i].synced};
        assert_int_equal(counter_apply(&counter, ITEM_RIDES_TOTAL, &reading, at, &was), table[i].step);
    }
}

static void a_wall_clock_that_is_set_changes_nothing_while_we_run(void **state) {
    (void)state;
    PLAY(ITEM_RIDES_TOTAL, U32, {0, 1000, COUNTER_GREW, 1000});
    struct counter_reading reading = {.known = true, .value = 1200, .modulus = U32};
    struct instant at = at_second(HOUR);
    at.real_ms -= 365 * DAY * 1000;
    assert_int_equal(counter_apply(&counter, ITEM_RIDES_TOTAL, &reading, at, &was), COUNTER_GREW);
    reading.value = 90000;
    at = at_second(HOUR + 10);
    at.real_ms += 3650 * DAY * 1000;
    assert_int_equal(counter_apply(&counter, ITEM_RIDES_TOTAL, &reading, at, &was), COUNTER_SAME);
}

static void what_is_counted_here_adds_up(void **state) {
    (void)state;
    static const struct {
        int64_t increment;
        enum counter_step step;
        int64_t total;
    } table[] = {{0, COUNTER_GREW, 0}, {0, COUNTER_SAME, 0}, {1, COUNTER_GREW, 1}, {2, COUNTER_GREW, 3}};
    counter = (struct counter){0};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct counter_reading reading = {.known = true, .derived = true, .value = table[i].increment};
        assert_int_equal(counter_apply(&counter, ITEM_RIDES_TOTAL, &reading, at_second((int64_t)i), &was),
                         table[i].step);
        assert_int_equal(counter.total, table[i].total);
    }
    assert_true(counter.derived);
    counter.total = INT64_MAX - 1; /* as a damaged ledger may say */
    struct counter_reading reading = {.known = true, .derived = true, .value = 5};
    counter_apply(&counter, ITEM_RIDES_TOTAL, &reading, at_second(60), &was);
    assert_int_equal(counter.total, INT64_MAX);
}

static void another_source_goes_on_from_the_total(void **state) {
    (void)state;
    static const struct {
        bool derived;
        int64_t value;
        int64_t total, since_s;
    } table[] = {{false, 500, 500, 0}, {true, 1, 501, 10}, {true, 2, 503, 10},    {false, 80, 503, 30},
                 {false, 82, 505, 30}, {true, 1, 506, 50}, {false, 9000, 506, 60}};
    counter = (struct counter){0};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct counter_reading reading = {.known = true, .derived = table[i].derived, .value = table[i].value};
        assert_int_equal(counter_apply(&counter, ITEM_RIDES_TOTAL, &reading, at_second((int64_t)i * 10), &was),
                         COUNTER_GREW);
        assert_int_equal(counter.total, table[i].total);
        assert_int_equal(counter.derived, table[i].derived);
        assert_int_equal(counter.since_real_ms, at_second(table[i].since_s).real_ms);
    }
}

static int64_t random_below(int64_t limit) {
    return (int64_t)(((uint64_t)random() << 31 | (uint64_t)random()) % (uint64_t)limit);
}

/* A controller that rides, wraps, is reset, replaced, misread, and counted here for a while. */
static void the_total_never_goes_down(void **state) {
    (void)state;
    const char *given = getenv("LIFTGW_TEST_SEED");
    unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
    print_message("seed %u (LIFTGW_TEST_SEED)\n", seed);
    srandom(seed);
    static const int64_t moduli[] = {0, U16, 100000000, U32};
    for (int lift = 0; lift < 200; lift++) {
        enum item item = (enum item)(ITEM_FIRST_COUNTER + random_below(COUNTER_COUNT));
        int64_t modulus = moduli[random_below(COUNT_OF(moduli))];
        int64_t range = modulus ? modulus : INT64_MAX / 2;
        int64_t raw = random_below(range);
        int64_t s = 0;
        counter = (struct counter){0};
        for (int poll = 0; poll < 200; poll++) {
            int64_t before = counter.total;
            int64_t dice = random_below(100);
            s += dice < 5 ? random_below(60 * DAY) : random_below(60);
            raw = dice < 10 ? random_below(range) : (raw + random_below(20)) % range;
            if (dice == 99)
                counter.raw_mono_ms = 0;
            struct counter_reading reading = {.known = dice != 98, .value = raw, .modulus = modulus};
            if (dice >= 80 && dice < 90)
                reading = (struct counter_reading){.known = true, .derived = true, .value = random_below(5)};
            enum counter_step step = counter_apply(&counter, item, &reading, at_second(s), &was);
            assert_true(counter.total >= before);
            if (step == COUNTER_RESET || step == COUNTER_REPLACED)
                assert_int_equal(counter.total, before);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_reading_ever_is_the_total),
        cmocka_unit_test(what_is_not_known_or_no_count_changes_nothing),
        cmocka_unit_test(a_counter_wraps_at_its_modulus),
        cmocka_unit_test(a_lower_count_otherwise_is_a_reset),
        cmocka_unit_test(a_jump_that_no_lift_can_make_is_held_until_a_second_reading_agrees),
        cmocka_unit_test(a_jump_that_vanishes_is_forgotten),
        cmocka_unit_test(jumps_that_disagree_confirm_nothing),
        cmocka_unit_test(what_a_lift_can_do_depends_on_the_item_and_the_time),
        cmocka_unit_test(after_a_restart_the_wall_clock_tells_the_time_elapsed),
        cmocka_unit_test(a_wall_clock_that_is_set_changes_nothing_while_we_run),
        cmocka_unit_test(what_is_counted_here_adds_up),
        cmocka_unit_test(another_source_goes_on_from_the_total),
        cmocka_unit_test(the_total_never_goes_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
