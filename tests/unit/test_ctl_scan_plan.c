/* What a scan asks and how long that takes: settings and units in their order, without a line. */
#include "ctl/scan_plan.h"

#include "base/memory.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct profile odd = {.line = {.baud = 4800, .parity = PARITY_ODD, .stop_bits = 1, .unit = 31}};
static struct profile even = {.line = {.baud = 19200, .parity = PARITY_EVEN, .stop_bits = 1, .unit = 1}};
static struct profile another = {.line = {.baud = 19200, .parity = PARITY_EVEN, .stop_bits = 1, .unit = 200}};
static struct profile mute = {.line = {.unit = 12}};
static struct profile *const profiles[] = {&odd, &even, &another, &mute};

static void make(struct scan_plan *plan, struct scan_wishes wishes) {
    scan_plan_make(plan, &wishes, profiles, COUNT_OF(profiles));
}

static const char *setting_at(const struct scan_plan *plan, size_t i) {
    static char text[SCAN_SETTING_SIZE];
    return i < plan->setting_count ? scan_setting_text(&plan->settings[i], text) : "";
}

static void test_settings_of_profiles_come_first_and_then_common_practice(void **state) {
    (void)state;
    struct scan_plan plan;
    make(&plan, (struct scan_wishes){0});
    static const char *const first[] = {"19200 8E1", "4800 8O1", "9600 8N1", "19200 8N1", "9600 8E1", "38400 8N1"};
    for (size_t i = 0; i < COUNT_OF(first); i++)
        assert_string_equal(setting_at(&plan, i), first[i]);
    assert_int_equal(plan.setting_count, 7 * 6); /* every speed with every frame, each once */
    for (size_t i = 0; i < plan.setting_count; i++)
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(&plan.settings[i], &plan.settings[k], sizeof plan.settings[0]);
}

static void test_what_is_known_is_not_varied(void **state) {
    static const struct {
        struct scan_setting wish;
        size_t count;
        const char *first;
    } cases[] = {
        {{.baud = 19200}, 6, "19200 8E1"},
        {{.parity = PARITY_ODD}, 7 * 2, "4800 8O1"},
        {{.stop_bits = 2}, 7 * 3, "9600 8N2"},
        {{.baud = 9600, .parity = PARITY_NONE, .stop_bits = 1}, 1, "9600 8N1"},
        {{.baud = 230400, .parity = PARITY_EVEN}, 2, "230400 8E1"}, /* what nobody uses, but is asked for */
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct scan_plan plan;
        make(&plan, (struct scan_wishes){.setting = cases[i].wish});
        assert_int_equal(plan.setting_count, cases[i].count);
        assert_string_equal(setting_at(&plan, 0), cases[i].first);
    }
}

static void test_units_as_devices_leave_the_factory_come_first(void **state) {
    (void)state;
    struct scan_plan plan;
    make(&plan, (struct scan_wishes){0});
    struct scan_cursor cursor = {0};
    struct scan_step step;
    static const int units[] = {1, 2, 3, 4, 5, 6, 7, 8, 12, 31, 200};
    for (size_t setting = 0; setting < plan.setting_count; setting++)
        for (size_t i = 0; i < COUNT_OF(units); i++) {
            assert_true(scan_plan_next(&plan, &cursor, &step));
            assert_int_equal(step.setting, setting);
            assert_int_equal(step.unit, units[i]);
        }
    assert_true(scan_plan_next(&plan, &cursor, &step));
    assert_int_equal(step.setting, 0);
    assert_int_equal(step.unit, 9);
}

static void test_everything_is_asked_once(void **state) {
    (void)state;
    struct scan_plan plan;
    make(&plan, (struct scan_wishes){0});
    bool(*asked)[SCAN_UNITS + 1] = memory_get(SCAN_SETTINGS, sizeof *asked);
    struct scan_cursor cursor = {0};
    struct scan_step step;
    while (scan_plan_next(&plan, &cursor, &step)) {
        assert_in_range(step.unit, 1, SCAN_UNITS);
        assert_false(asked[step.setting][step.unit]);
        asked[step.setting][step.unit] = true;
    }
    for (int unit = 1; unit <= SCAN_UNITS; unit++)
        for (size_t setting = 0; setting < plan.setting_count; setting++)
            assert_true(asked[setting][unit]);
    free(asked);
}

static void test_units_that_were_named_are_asked_with_all_settings(void **state) {
    (void)state;
    struct scan_plan plan;
    make(&plan, (struct scan_wishes){.first_unit = 100, .last_unit = 101});
    struct scan_cursor cursor = {0};
    struct scan_step step;
    size_t count = 0;
    while (scan_plan_next(&plan, &cursor, &step)) {
        assert_in_range(step.unit, 100, 101);
        count++;
    }
    assert_int_equal(count, 2 * plan.setting_count);
}

static void test_a_setting_can_be_left(void **state) {
    (void)state;
    struct scan_plan plan;
    make(&plan, (struct scan_wishes){0});
    struct scan_cursor cursor = {0};
    struct scan_step step;
    scan_plan_next(&plan, &cursor, &step);
    scan_plan_skip(&cursor);
    scan_plan_next(&plan, &cursor, &step);
    assert_int_equal(step.setting, 1);
    assert_int_equal(step.unit, 1);
}

/* The time that is told before: what the steps take, one after the other, and never more than a visit allows. */
static void test_the_time_is_known_before(void **state) {
    (void)state;
    struct scan_plan plan;
    make(&plan, (struct scan_wishes){0});
    struct scan_cursor cursor = {0};
    struct scan_step step;
    int64_t all_ns = scan_plan_left_ns(&plan, &cursor);
    int64_t sum_ns = 0;
    while (scan_plan_next(&plan, &cursor, &step)) {
        int64_t step_ns = scan_step_ns(&plan, &step);
        assert_true(step_ns >= INT64_C(40000000));
        sum_ns += step_ns;
    }
    assert_true(all_ns == sum_ns);
    assert_true(all_ns < INT64_C(1200) * 1000000000);
    assert_true(scan_plan_left_ns(&plan, &cursor) == 0);
    assert_true(scan_sweep_ns(&plan, 0) < INT64_C(40) * 1000000000);

    /* 19200 8E1: 8 characters of 11 bits, 3.5 of silence; 150 ms, and 10 characters for the answer */
    step = (struct scan_step){.setting = 0, .unit = 1, .timeout_ms = scan_timeout_ms(&plan.settings[0], 150)};
    assert_int_equal(step.timeout_ms, 156);
    int64_t expected_ns = INT64_C(156000000) + (int64_t)(11.5 * 11 * 1e9 / 19200);
    assert_true(llabs(scan_step_ns(&plan, &step) - expected_ns) < 100000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_of_profiles_come_first_and_then_common_practice),
        cmocka_unit_test(test_what_is_known_is_not_varied),
        cmocka_unit_test(test_units_as_devices_leave_the_factory_come_first),
        cmocka_unit_test(test_everything_is_asked_once),
        cmocka_unit_test(test_units_that_were_named_are_asked_with_all_settings),
        cmocka_unit_test(test_a_setting_can_be_left),
        cmocka_unit_test(test_the_time_is_known_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
