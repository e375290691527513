#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define NS_PER_US INT64_C(1000)

/* The silence before a request is such a sleep. */
static void no_sleep_ends_early(void **state) {
    (void)state;
    for (int64_t n = 0; n < 300; n++) {
        int64_t until_ns = clock_mono_ns() + (n % 3 == 0 ? 2000 : n * 5) * NS_PER_US;
        clock_sleep_until_ns(until_ns);
        assert_true(clock_mono_ns() >= until_ns);
    }
}

static void a_time_that_is_over_is_not_waited_for(void **state) {
    (void)state;
    int64_t begin_ns = clock_mono_ns();
    for (int n = 0; n < 1000; n++)
        clock_sleep_until_ns(n % 2 ? 0 : begin_ns);
    assert_true(clock_mono_ns() - begin_ns < 1000 * 1000 * NS_PER_US);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_sleep_ends_early),
        cmocka_unit_test(a_time_that_is_over_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
