#include "daemon/diary.h"

#include "base/log.h"

int diary_load(struct diary *diary, struct ledger *ledger, const char *lift, const struct lift_record *record,
               int64_t alive_real_ms) {
    *diary = (struct diary){.watch = {.watching = false}};
    int found = ledger_report_load(ledger, lift, REPORT_DAY, &diary->day);
    if (found < 0)
        return -1;
    if (!found) {
        report_init(&diary->day, record);
        return 0;
    }
    diary->watch.news = diary->day.written_real_ms != 0; /* what is taken as watched now must not be taken again */
    report_restore(&diary->day, record, alive_real_ms);
    return 0;
}

int diary_turn(struct diary *diary, struct journal *journal, const struct lift_identity *identity, struct instant now) {
    if (!period_is_due(&diary->day, &diary->watch, now))
        return 0;
    struct diary after = *diary;
    struct report month = {.watched_ms = 0};
    struct ended_reports ended;
    if (ledger_report_load(journal->ledger, identity->id, REPORT_MONTH, &month) < 0)
        return -1;
    period_turn(&after.day, &after.watch, &month, now, &ended);
    report_settle(&after.day, &after.watch, now);
    if (journal_reports(journal, identity, &ended, &after.day, &month, now) != 0)
        return -1;
    if (diary->day.watched_ms > 0 && ended.count == 0)
        log_warn("lift %s: its day was begun by a clock that was wrong; it is not reported", identity->id);
    *diary = after;
    return 0;
}
