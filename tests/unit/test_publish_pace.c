/* How boxes come back: one alone soon, a city's not all at once, two with one id ever more rarely. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "publish/pace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BOXES 1000
#define NEVER_MS (3600 * 1000)

/* xorshift32: the same numbers in every run. */
static uint32_t next_random(uint32_t *state) {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static void one_alone_is_back_soon(void **state) {
    (void)state;
    struct pace pace = {0};
    assert_int_equal(pace_after_loss(&pace, PACE_GOOD_MS, false, 0), 0);
    assert_int_equal(pace_after_loss(&pace, PACE_GOOD_MS, false, UINT32_MAX), PACE_SPREAD_MS);
}

static void waits_grow_while_no_broker_answers(void **state) {
    (void)state;
    static const int most_ms[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000};
    struct pace low = {0}, high = {0};
    for (size_t i = 0; i < COUNT_OF(most_ms); i++) {
        assert_int_equal(pace_after_failure(&low, 0), most_ms[i] / 2);
        assert_int_equal(pace_after_failure(&high, UINT32_MAX), most_ms[i]);
    }
    assert_in_range(pace_after_loss(&high, PACE_GOOD_MS, false, UINT32_MAX), 0, PACE_SPREAD_MS);
    assert_int_equal(pace_after_failure(&high, UINT32_MAX), 2 * PACE_SPREAD_MS);
}

static void short_connections_make_the_wait_grow(void **state) {
    (void)state;
    static const int most_ms[] = {4000, 8000, 16000, 32000, 60000, 60000};
    struct pace pace = {0};
    for (size_t i = 0; i < COUNT_OF(most_ms); i++)
        assert_int_equal(pace_after_loss(&pace, PACE_GOOD_MS - 1, false, UINT32_MAX), most_ms[i]);
}

static void a_twin_is_suspected_and_forgotten(void **state) {
    (void)state;
    struct pace pace = {0};
    for (int i = 0; i < PACE_TWIN_LOSSES; i++) {
        assert_false(pace_suspects_twin(&pace));
        pace_after_loss(&pace, PACE_TWIN_MS - 1, false, 0);
    }
    assert_true(pace_suspects_twin(&pace));
    pace_after_loss(&pace, PACE_TWIN_MS, false, 0);
    assert_false(pace_suspects_twin(&pace));
    pace_after_loss(&pace, PACE_TWIN_MS, true, 0); /* no doubt */
    assert_true(pace_suspects_twin(&pace));
}

/* Two boxes with one id, as brokers treat them: who connects throws the other out. */
static int times_thrown_out(bool broker_says_so, int64_t from_ms, int64_t to_ms, uint32_t seed) {
    struct pace pace[2] = {{0}, {0}};
    int64_t since_ms = 0, now_ms = 0;
    int count = 0;
    uint32_t random = seed;
    for (unsigned in = 0; now_ms < to_ms; in = !in) { /* the other one comes after its wait, and has the place then */
        count += now_ms >= from_ms;
        now_ms += pace_after_loss(&pace[!in], now_ms - since_ms, broker_says_so, next_random(&random));
        since_ms = now_ms;
    }
    return count;
}

static void twins_throw_each_other_out_ever_more_rarely(void **state) {
    (void)state;
    const int64_t hour_ms = 3600 * 1000;
    int guessed = times_thrown_out(false, 23 * hour_ms, 24 * hour_ms, 1);
    int told = times_thrown_out(true, 23 * hour_ms, 24 * hour_ms, 1);
    printf("two boxes with one id, after a day: %d times an hour, and %d where the broker says why\n", guessed, told);
    assert_in_range(guessed, 30, 200);
    assert_in_range(told, 1, 20);
}

struct box {
    struct pace pace;
    int64_t at_ms;
};

/* All lose the broker at 0; it is there again after down_ms. When each comes back, into back_ms. */
static void come_back(int64_t down_ms, uint32_t seed, int64_t back_ms[BOXES]) {
    uint32_t random = seed;
    for (size_t i = 0; i < BOXES; i++) {
        struct box box = {{0}, 0};
        box.at_ms = pace_after_loss(&box.pace, NEVER_MS, false, next_random(&random));
        while (box.at_ms < down_ms)
            box.at_ms += pace_after_failure(&box.pace, next_random(&random));
        back_ms[i] = box.at_ms;
    }
}

static int compare(const void *a, const void *b) {
    const int64_t *left = a, *right = b;
    return (*left > *right) - (*left < *right);
}

/* The most within any second. */
static int peak(const int64_t sorted_ms[BOXES]) {
    int most = 0;
    for (size_t first = 0, last = 0; last < BOXES; last++) {
        while (sorted_ms[last] - sorted_ms[first] >= 1000)
            first++;
        int within = (int)(last - first) + 1;
        most = within > most ? within : most;
    }
    return most;
}

static void a_thousand_boxes_do_not_come_back_in_one_second(void **state) {
    (void)state;
    static const struct {
        int down_s, peak, all_s; /* the peak and the time that must hold */
    } rows[] = {{0, 300, 4}, {1, 300, 8}, {3, 300, 8}, {10, 200, 16}, {30, 100, 32}, {300, 60, 60}, {3600, 60, 60}};
    printf("%d boxes lose their broker in one moment\n  down s   most in a second   half back after s   all after s\n",
           BOXES);
    for (size_t r = 0; r < COUNT_OF(rows); r++) {
        static int64_t back_ms[BOXES];
        int64_t down_ms = rows[r].down_s * INT64_C(1000);
        come_back(down_ms, 20260101, back_ms);
        qsort(back_ms, BOXES, sizeof back_ms[0], compare);
        double half_s = (double)(back_ms[BOXES / 2] - down_ms) / 1000;
        double all_s = (double)(back_ms[BOXES - 1] - down_ms) / 1000;
        printf("  %6d   %16d   %17.1f   %11.1f\n", rows[r].down_s, peak(back_ms), half_s, all_s);
        assert_in_range(peak(back_ms), 1, rows[r].peak);
        assert_true(all_s <= rows[r].all_s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_alone_is_back_soon),
        cmocka_unit_test(waits_grow_while_no_broker_answers),
        cmocka_unit_test(short_connections_make_the_wait_grow),
        cmocka_unit_test(a_twin_is_suspected_and_forgotten),
        cmocka_unit_test(twins_throw_each_other_out_ever_more_rarely),
        cmocka_unit_test(a_thousand_boxes_do_not_come_back_in_one_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
