#include "base/calendar.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HOUR_S 3600
/* Longer than any day was: whole days have been skipped and repeated where the date line was moved. */
#define DAY_AT_MOST_S (INT64_C(49) * HOUR_S)
#define MONTH_AT_MOST_S (INT64_C(33) * 24 * HOUR_S)

/* Ascends from one day, or month, to the next. */
typedef int64_t ordinal(const struct tm *local);

static int64_t month_of(const struct tm *local) {
    return (int64_t)local->tm_year * 12 + local->tm_mon;
}

static int64_t day_of(const struct tm *local) {
    return month_of(local) * 31 + local->tm_mday;
}

void calendar_set_zone(const char *zone) {
    char name[128] = ":"; /* a file of the database, whatever else it could be read as */
    strncat(name, zone, sizeof name - 2);
    setenv("TZ", strcmp(zone, "UTC") == 0 ? "UTC0" : name, 1);
    tzset();
}

static int64_t ordinal_at(ordinal *of, int64_t real_s) {
    time_t time = real_s;
    struct tm local;
    return localtime_r(&time, &local) ? of(&local) : 0;
}

/* The first second in (before, at] with this ordinal or a later one; at has one. Midnight itself cannot be asked for:
 * in some zones the clocks are set at midnight and 00:00 is not, or is twice. */
static int64_t first_second(ordinal *of, int64_t wanted, int64_t before, int64_t at) {
    while (at - before > 1) {
        int64_t middle = before + (at - before) / 2;
        if (ordinal_at(of, middle) >= wanted)
            at = middle;
        else
            before = middle;
    }
    return at;
}

static struct calendar_span span_around(ordinal *of, int64_t real_ms, int64_t at_most_s) {
    int64_t now_s = real_ms / 1000 - (real_ms % 1000 < 0);
    int64_t wanted = ordinal_at(of, now_s);
    return (struct calendar_span){first_second(of, wanted, now_s - at_most_s, now_s) * 1000,
                                  first_second(of, wanted + 1, now_s, now_s + at_most_s) * 1000};
}

struct calendar_span calendar_day(int64_t real_ms) {
    return span_around(day_of, real_ms, DAY_AT_MOST_S);
}

struct calendar_span calendar_month(int64_t real_ms) {
    return span_around(month_of, real_ms, MONTH_AT_MOST_S);
}
