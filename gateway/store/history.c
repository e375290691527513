/* What has happened: messages sent or not, and the trails that led to a raise. */
#include "base/text.h"
#include "store/database.h"

#include <assert.h>

static enum ledger_outcome outcome_of(sqlite3_stmt *row, int column) {
    if (sqlite3_column_type(row, column) == SQLITE_NULL)
        return LEDGER_WAITING;
    switch (sqlite3_column_int(row, column)) {
    case OUTCOME_DROPPED:
        return LEDGER_DROPPED;
    case OUTCOME_REFUSED:
        return LEDGER_REFUSED;
    default:
        return LEDGER_ACKNOWLEDGED;
    }
}

int ledger_history(struct ledger *ledger, uint64_t after, int limit,
                   void (*visit)(void *context, const struct ledger_past *past), void *context) {
    sqlite3_stmt *row = database_statement(ledger, STATEMENT_HISTORY_READ);
    int result;
    sqlite3_bind_int64(row, 1, (int64_t)after);
    sqlite3_bind_int(row, 2, limit);
    while ((result = database_step(ledger, STATEMENT_HISTORY_READ)) == 1) {
        struct ledger_past past = {.seq = (uint64_t)sqlite3_column_int64(row, 0),
                                   .topic = (const char *)sqlite3_column_text(row, 1),
                                   .real_ms = sqlite3_column_int64(row, 2),
                                   .outcome = outcome_of(row, 5),
                                   .payload = (const char *)sqlite3_column_text(row, 6)};
        bool sent = past.outcome == LEDGER_ACKNOWLEDGED || past.outcome == LEDGER_REFUSED;
        past.sent_real_ms = sent ? sqlite3_column_int64(row, 3) : 0;
        past.done_real_ms = past.outcome != LEDGER_WAITING ? sqlite3_column_int64(row, 4) : 0;
        if (past.topic && past.payload)
            visit(context, &past);
    }
    return result;
}

/* The first message from seq on: 1 found, 0 none, -1. */
static int message_from(struct ledger *ledger, int64_t seq, int64_t *found, int64_t *real_ms) {
    sqlite3_stmt *row = database_statement(ledger, STATEMENT_HISTORY_TIME);
    sqlite3_bind_int64(row, 1, seq);
    int result = database_step(ledger, STATEMENT_HISTORY_TIME);
    if (result != 1)
        return result;
    *found = sqlite3_column_int64(row, 0);
    *real_ms = sqlite3_column_int64(row, 1);
    database_end(ledger, STATEMENT_HISTORY_TIME);
    return 1;
}

/* By halves: seq has no gaps but at its beginning. */
int ledger_history_since(struct ledger *ledger, int64_t real_ms, uint64_t *seq) {
    int64_t low = 1, high = ledger->tally.next_seq;
    while (low < high) {
        int64_t middle = low + (high - low) / 2, found = 0, at_ms = 0;
        int result = message_from(ledger, middle, &found, &at_ms);
        if (result < 0)
            return -1;
        if (result == 0 || at_ms >= real_ms)
            high = middle;
        else
            low = found + 1;
    }
    *seq = (uint64_t)low;
    return 0;
}

int ledger_trail_add(struct ledger *ledger, uint64_t seq, const char *points) {
    assert(ledger->in_transaction);
    sqlite3_stmt *row = database_statement(ledger, STATEMENT_TRAIL_ADD);
    sqlite3_bind_int64(row, 1, (int64_t)seq);
    database_bind_text(row, 2, points);
    return database_run(ledger, STATEMENT_TRAIL_ADD);
}

int ledger_trail_get(struct ledger *ledger, uint64_t seq, char *points, size_t size) {
    sqlite3_stmt *row = database_statement(ledger, STATEMENT_TRAIL_READ);
    sqlite3_bind_int64(row, 1, (int64_t)seq);
    int result = database_step(ledger, STATEMENT_TRAIL_READ);
    if (result != 1)
        return result;
    const char *kept = (const char *)sqlite3_column_text(row, 0);
    bool fits = kept && text_copy(points, size, kept);
    database_end(ledger, STATEMENT_TRAIL_READ);
    return fits ? 1 : 0;
}

int trail_forget(struct ledger *ledger, uint64_t seq) {
    sqlite3_stmt *row = database_statement(ledger, STATEMENT_TRAIL_FORGET);
    sqlite3_bind_int64(row, 1, (int64_t)seq);
    return database_run(ledger, STATEMENT_TRAIL_FORGET);
}
