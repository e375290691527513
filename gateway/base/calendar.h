/* Days and months as people count them: between two local midnights, so that a day can have 23 or 25 hours. The
 * system's time zone database, for the main thread alone. */
#ifndef LIFTGW_BASE_CALENDAR_H
#define LIFTGW_BASE_CALENDAR_H

#include <stdint.h>

/* Whose midnights: a name of the database, "Asia/Shanghai", or "UTC". At start and in a reload. */
void calendar_set_zone(const char *zone);

/* From the first millisecond (UTC since 1970) to the first one after it. */
struct calendar_span {
    int64_t from_real_ms, to_real_ms;
};
/* The local day and the local month in which real_ms lies. */
struct calendar_span calendar_day(int64_t real_ms);
struct calendar_span calendar_month(int64_t real_ms);

#endif
