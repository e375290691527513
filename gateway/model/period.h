/* When a lift's day and month begin and end. Pure, but for the calendar's time zone.
 *
 * A day ends once the clock is past its end, by running or by being set. It stays open while a clock that nobody has
 * set yet (unsynced, and not once past the day's begin in this process's life) is before its begin. It is dropped when
 * its date turns out to be wrong: any other clock is before its begin, or it was begun by an unsynced clock, and the
 * synced one is past its end. What was closed is not begun again. A month begins with its first day that ends, and ends
 * with its last. A period of which nothing was watched ends without a report. */
#ifndef LIFTGW_MODEL_PERIOD_H
#define LIFTGW_MODEL_PERIOD_H

#include "model/report.h"

struct ended_report {
    enum report_period period;
    struct report report;
};
/* A day, a month that should have ended before, and the day's month. */
#define ENDED_MAX 3
struct ended_reports {
    size_t count;
    struct ended_report ended[ENDED_MAX];
};

/* True if the day is to be ended, dropped or begun now. */
bool period_is_due(struct report *day, struct report_watch *watch, struct instant now);
/* Does so, with what follows for the month; the periods to be reported go into ended. */
void period_turn(struct report *day, struct report_watch *watch, struct report *month, struct instant now,
                 struct ended_reports *ended);

#endif
