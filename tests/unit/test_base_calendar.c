/* When a local day and month begin and end, also where a day has 23 or 25 hours: a report is cut there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/calendar.h"
#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static int64_t real_ms(const char *text) {
    struct tm utc = {0};
    assert_non_null(strptime(text, "%Y-%m-%dT%H:%M:%S", &utc));
    return (int64_t)timegm(&utc) * 1000;
}

static void assert_span(const char *zone, const char *at, struct calendar_span span, const char *from, const char *to) {
    char is[2][CLOCK_TEXT_SIZE];
    char should[2][CLOCK_TEXT_SIZE];
    clock_text(span.from_real_ms, is[0]);
    clock_text(span.to_real_ms, is[1]);
    clock_text(real_ms(from), should[0]);
    clock_text(real_ms(to), should[1]);
    if (strcmp(is[0], should[0]) != 0 || strcmp(is[1], should[1]) != 0)
        fail_msg("%s at %s: %s to %s, not %s to %s", zone, at, is[0], is[1], should[0], should[1]);
}

static void days(void **state) {
    (void)state;
    static const struct {
        const char *zone, *at, *from, *to;
    } table[] = {
        {"UTC", "2026-11-23T00:00:00", "2026-11-23T00:00:00", "2026-11-24T00:00:00"},
        {"UTC", "2026-11-23T23:59:59", "2026-11-23T00:00:00", "2026-11-24T00:00:00"},
        {"Asia/Shanghai", "2026-11-23T15:59:59", "2026-11-22T16:00:00", "2026-11-23T16:00:00"},
        {"Asia/Shanghai", "2026-11-23T16:00:00", "2026-11-23T16:00:00", "2026-11-24T16:00:00"},
        {"Asia/Shanghai", "2026-12-31T20:00:00", "2026-12-31T16:00:00", "2027-01-01T16:00:00"},
        /* 23 hours, 25 hours, and the two days around each */
        {"Europe/Berlin", "2026-03-28T12:00:00", "2026-03-27T23:00:00", "2026-03-28T23:00:00"},
        {"Europe/Berlin", "2026-03-29T00:30:00", "2026-03-28T23:00:00", "2026-03-29T22:00:00"},
        {"Europe/Berlin", "2026-03-29T21:59:59", "2026-03-28T23:00:00", "2026-03-29T22:00:00"},
        {"Europe/Berlin", "2026-03-30T12:00:00", "2026-03-29T22:00:00", "2026-03-30T22:00:00"},
        {"Europe/Berlin", "2026-10-25T00:30:00", "2026-10-24T22:00:00", "2026-10-25T23:00:00"},
        {"Europe/Berlin", "2026-10-25T22:59:59", "2026-10-24T22:00:00", "2026-10-25T23:00:00"},
        {"Europe/Berlin", "2026-10-26T12:00:00", "2026-10-25T23:00:00", "2026-10-26T23:00:00"},
        /* leap days */
        {"Asia/Shanghai", "2028-02-29T04:00:00", "2028-02-28T16:00:00", "2028-02-29T16:00:00"},
        {"UTC", "2028-02-28T23:00:00", "2028-02-28T00:00:00", "2028-02-29T00:00:00"},
        /* the clocks are set at midnight: there is no 00:00, or it is twice */
        {"America/Sao_Paulo", "2018-11-04T12:00:00", "2018-11-04T03:00:00", "2018-11-05T02:00:00"},
        {"America/Sao_Paulo", "2018-02-17T12:00:00", "2018-02-17T02:00:00", "2018-02-18T03:00:00"},
        /* a day that was left out */
        {"Pacific/Apia", "2011-12-30T09:59:59", "2011-12-29T10:00:00", "2011-12-30T10:00:00"},
        {"Pacific/Apia", "2011-12-30T10:00:00", "2011-12-30T10:00:00", "2011-12-31T10:00:00"},
        /* a clock that was never set, and one before its time */
        {"Asia/Shanghai", "1970-01-01T00:00:00", "1969-12-31T16:00:00", "1970-01-01T16:00:00"},
        {"UTC", "1969-12-31T12:00:00", "1969-12-31T00:00:00", "1970-01-01T00:00:00"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        calendar_set_zone(table[i].zone);
        assert_span(table[i].zone, table[i].at, calendar_day(real_ms(table[i].at)), table[i].from, table[i].to);
    }
}

static void months(void **state) {
    (void)state;
    static const struct {
        const char *zone, *at, *from, *to;
    } table[] = {
        {"UTC", "2026-11-30T23:59:59", "2026-11-01T00:00:00", "2026-12-01T00:00:00"},
        {"UTC", "2026-12-01T00:00:00", "2026-12-01T00:00:00", "2027-01-01T00:00:00"},
        {"UTC", "2026-02-10T00:00:00", "2026-02-01T00:00:00", "2026-03-01T00:00:00"},
        {"UTC", "2028-02-29T12:00:00", "2028-02-01T00:00:00", "2028-03-01T00:00:00"},
        {"Asia/Shanghai", "2026-11-30T15:59:59", "2026-10-31T16:00:00", "2026-11-30T16:00:00"},
        {"Asia/Shanghai", "2026-11-30T16:00:00", "2026-11-30T16:00:00", "2026-12-31T16:00:00"},
        {"Europe/Berlin", "2026-03-15T00:00:00", "2026-02-28T23:00:00", "2026-03-31T22:00:00"},
        {"Europe/Berlin", "2026-10-31T22:00:00", "2026-09-30T22:00:00", "2026-10-31T23:00:00"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        calendar_set_zone(table[i].zone);
        assert_span(table[i].zone, table[i].at, calendar_month(real_ms(table[i].at)), table[i].from, table[i].to);
    }
}

/* No millisecond belongs to two days or to none, and months are made of whole days. */
static void they_follow_each_other(void **state) {
    (void)state;
    static const char *const zones[] = {"Asia/Shanghai", "Europe/Berlin", "America/Sao_Paulo", "Asia/Kathmandu"};
    for (size_t z = 0; z < COUNT_OF(zones); z++) {
        calendar_set_zone(zones[z]);
        struct calendar_span day = calendar_day(real_ms("2017-12-31T12:00:00"));
        struct calendar_span month = calendar_month(real_ms("2017-12-31T12:00:00"));
        for (int i = 0; i < 800; i++) {
            struct calendar_span next = calendar_day(day.to_real_ms);
            assert_int_equal(next.from_real_ms, day.to_real_ms);
            assert_int_equal(calendar_day(next.to_real_ms - 1).from_real_ms, next.from_real_ms);
            if (next.from_real_ms == month.to_real_ms) {
                month = calendar_month(next.from_real_ms);
                assert_int_equal(month.from_real_ms, next.from_real_ms);
            }
            assert_true(next.from_real_ms >= month.from_real_ms && next.to_real_ms <= month.to_real_ms);
            day = next;
        }
    }
}

/* A reload may bring another zone, also one with the same rules. */
static void the_zone_may_change(void **state) {
    (void)state;
    int64_t at = real_ms("2026-11-23T12:00:00");
    calendar_set_zone("Asia/Shanghai");
    assert_span("Asia/Shanghai", "noon", calendar_day(at), "2026-11-22T16:00:00", "2026-11-23T16:00:00");
    calendar_set_zone("UTC");
    assert_span("UTC", "noon", calendar_day(at), "2026-11-23T00:00:00", "2026-11-24T00:00:00");
    calendar_set_zone("Asia/Shanghai");
    assert_span("Asia/Shanghai", "noon", calendar_day(at), "2026-11-22T16:00:00", "2026-11-23T16:00:00");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(days),
        cmocka_unit_test(months),
        cmocka_unit_test(they_follow_each_other),
        cmocka_unit_test(the_zone_may_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
