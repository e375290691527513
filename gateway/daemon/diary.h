/* A lift's report while its day is open, and what happens at local midnight.
 *
 * The open day is written along with whatever else is written of the lift; the month lives in the ledger alone and is
 * touched once a day. A day and a month are reported in the same transaction that closes them, so once. A period of
 * which nothing was watched is closed without a report. */
#ifndef LIFTGW_DAEMON_DIARY_H
#define LIFTGW_DAEMON_DIARY_H

#include "daemon/journal.h"

struct diary {
    struct report day;
    struct report_watch watch;
};

/* Takes up what the ledger has of the lift's open day. alive_real_ms: when the box was last known alive. 0, or -1. */
int diary_load(struct diary *diary, struct ledger *ledger, const char *lift, const struct lift_record *record,
               int64_t alive_real_ms);

/* Ends the day, and its month, if they are over, commits their reports, and begins the next. 0, or -1 with nothing
 * written and nothing changed: call it again. */
int diary_turn(struct diary *diary, struct journal *journal, const struct lift_identity *identity, struct instant now);

#endif
