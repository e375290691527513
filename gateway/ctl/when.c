#include "ctl/when.h"

#include "base/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DURATION_MOST_MS (INT64_C(3660) * 86400000)

bool when_duration(const char *text, int64_t *ms) {
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = {{"ms", 1},
                 {"s", 1000},
                 {"min", 60000},
                 {"m", 60000},
                 {"h", 3600000},
                 {"d", 86400000},
                 {"w", 7 * INT64_C(86400000)}};
    char *unit;
    if (!isdigit((unsigned char)text[0]))
        return false;
    long long number = strtoll(text, &unit, 10);
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (strcmp(unit, units[i].name) == 0 && number <= DURATION_MOST_MS / units[i].ms) {
            *ms = number * units[i].ms;
            return true;
        }
    return false;
}

bool when_since(const char *text, int64_t now_real_ms, int64_t *real_ms) {
    static const char *const formats[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"};
    int64_t ago_ms;
    if (when_duration(text, &ago_ms)) {
        *real_ms = now_real_ms > ago_ms ? now_real_ms - ago_ms : 0;
        return true;
    }
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        struct tm local = {.tm_isdst = -1};
        const char *end = strptime(text, formats[i], &local);
        time_t seconds = end && *end == '\0' ? mktime(&local) : -1;
        if (seconds < 0)
            continue;
        *real_ms = (int64_t)seconds * 1000;
        return true;
    }
    return false;
}
