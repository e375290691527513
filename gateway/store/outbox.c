/* Messages: their numbers, the queue of those that wait, and the history of those that are done. */
#include "base/clock.h"
#include "base/text.h"
#include "store/database.h"
#include "store/reserve.h"
#include "store/schema.h"

#include <assert.h>
#include <string.h>

/* A payload of LEDGER_PAYLOAD_SIZE with its row takes five pages and a share of the tree; the rest is for records. */
#define PAGES_PER_MESSAGE 6
#define PAGES_FOR_RECORDS 4096

/* How many rows of history go at once: a stall of the loop that nobody notices, even on an SD card. */
#define FORGET_AT_ONCE 500
#define MS_PER_DAY INT64_C(86400000)

int64_t outbox_page_limit(int64_t max_messages) {
    return max_messages * PAGES_PER_MESSAGE + PAGES_FOR_RECORDS;
}

int ledger_number(struct ledger *ledger, const char *topic, uint64_t *seq, uint64_t *n) {
    assert(ledger->in_transaction);
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_TOPIC_COUNT);
    database_bind_text(statement, 1, topic);
    if (database_step(ledger, STATEMENT_TOPIC_COUNT) != 1)
        return -1;
    *n = (uint64_t)sqlite3_column_int64(statement, 0);
    if (database_run(ledger, STATEMENT_TOPIC_COUNT) != 0)
        return -1;
    *seq = (uint64_t)ledger->tally.next_seq++;
    return 0;
}

int ledger_add(struct ledger *ledger, uint64_t seq, const char *topic, bool retain, const char *payload,
               int64_t real_ms) {
    assert(ledger->in_transaction);
    assert(strlen(topic) < LEDGER_TOPIC_SIZE && strlen(payload) <= LEDGER_PAYLOAD_SIZE);
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_MESSAGE_ADD);
    sqlite3_bind_int64(statement, 1, (int64_t)seq);
    database_bind_text(statement, 2, topic);
    sqlite3_bind_int(statement, 3, retain);
    sqlite3_bind_int64(statement, 4, real_ms);
    database_bind_text(statement, 5, payload);
    if (database_run(ledger, STATEMENT_MESSAGE_ADD) != 0)
        return -1;
    ledger->tally.waiting++;
    return 0;
}

/* False if the text cannot be what was written: SQLite keeps no checksums. */
static bool copy_column(sqlite3_stmt *statement, int column, char *to, size_t size) {
    const char *text = (const char *)sqlite3_column_text(statement, column);
    return text && text_is_utf8(text, strlen(text)) && text_copy(to, size, text);
}

int ledger_waiting(struct ledger *ledger, uint64_t after, struct ledger_message *message) {
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_MESSAGE_WAITING);
    sqlite3_bind_int64(statement, 1, (int64_t)after);
    int result = database_step(ledger, STATEMENT_MESSAGE_WAITING);
    if (result != 1)
        return result;
    message->seq = (uint64_t)sqlite3_column_int64(statement, 0);
    message->retain = sqlite3_column_int(statement, 1) != 0;
    message->real_ms = sqlite3_column_int64(statement, 2);
    bool sound = copy_column(statement, 3, message->topic, sizeof message->topic) &&
                 copy_column(statement, 4, message->payload, sizeof message->payload);
    message->payload_size = sound ? strlen(message->payload) : 0;
    database_end(ledger, STATEMENT_MESSAGE_WAITING);
    if (sound)
        return 1;
    ledger->damaged = true;
    log_error("%s is damaged (message %llu is not what was written): it will be set aside at the next start",
              ledger->path, (unsigned long long)message->seq);
    return -1;
}

int ledger_done(struct ledger *ledger, uint64_t seq, int64_t sent_real_ms, int64_t done_real_ms, bool refused) {
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_MESSAGE_DONE);
    sqlite3_bind_int64(statement, 1, (int64_t)seq);
    sqlite3_bind_int(statement, 2, refused ? OUTCOME_REFUSED : OUTCOME_ACKNOWLEDGED);
    sqlite3_bind_int64(statement, 3, sent_real_ms);
    sqlite3_bind_int64(statement, 4, done_real_ms);
    if (database_run(ledger, STATEMENT_MESSAGE_DONE) != 0)
        return -1;
    ledger->tally.waiting -= sqlite3_changes(ledger->database);
    return 0;
}

void ledger_depth(struct ledger *ledger, struct ledger_depth *depth) {
    *depth = (struct ledger_depth){.waiting = ledger->tally.waiting, .dropped = ledger->tally.dropped};
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_MESSAGE_OLDEST);
    if (database_step(ledger, STATEMENT_MESSAGE_OLDEST) != 1)
        return;
    depth->oldest_real_ms = sqlite3_column_int64(statement, 0);
    database_end(ledger, STATEMENT_MESSAGE_OLDEST);
}

int ledger_drop_oldest(struct ledger *ledger, uint64_t keep, uint64_t *from, uint64_t *to, uint64_t *count) {
    assert(ledger->in_transaction);
    *from = *to = *count = 0;
    int64_t excess = ledger->tally.waiting - ledger->max_messages, share = ledger->max_messages / 100;
    if (excess < 0)
        return 0;
    sqlite3_stmt *range = database_statement(ledger, STATEMENT_DROP_RANGE);
    sqlite3_bind_int64(range, 1, (int64_t)keep);
    sqlite3_bind_int64(range, 2, excess + (share > 2 ? share : 2));
    if (database_step(ledger, STATEMENT_DROP_RANGE) != 1)
        return -1;
    int64_t first = sqlite3_column_int64(range, 0), last = sqlite3_column_int64(range, 1);
    int64_t found = sqlite3_column_int64(range, 2);
    database_end(ledger, STATEMENT_DROP_RANGE);
    if (found == 0)
        return 0;

    sqlite3_stmt *drop = database_statement(ledger, STATEMENT_DROP);
    sqlite3_bind_int64(drop, 1, first);
    sqlite3_bind_int64(drop, 2, last);
    sqlite3_bind_int(drop, 3, OUTCOME_DROPPED);
    sqlite3_bind_int64(drop, 4, clock_now().real_ms);
    if (database_run(ledger, STATEMENT_DROP) != 0)
        return -1;
    ledger->tally.waiting -= found;
    ledger->tally.dropped += found;
    *from = (uint64_t)first;
    *to = (uint64_t)last;
    *count = (uint64_t)found;
    return 0;
}

int ledger_each_dropped(struct ledger *ledger, const char *topic, uint64_t from, uint64_t to,
                        void (*visit)(void *context, const char *payload), void *context) {
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_DROPPED);
    int result;
    database_bind_text(statement, 1, topic);
    sqlite3_bind_int64(statement, 2, (int64_t)from);
    sqlite3_bind_int64(statement, 3, (int64_t)to);
    sqlite3_bind_int(statement, 4, OUTCOME_DROPPED);
    while ((result = database_step(ledger, STATEMENT_DROPPED)) == 1)
        visit(context, (const char *)sqlite3_column_text(statement, 0));
    return result;
}

/* Deletes the oldest message if it is history that may go: 1 it went, 0 it stays, -1. */
static int forget_one(struct ledger *ledger, int64_t before_real_ms) {
    sqlite3_stmt *oldest = database_statement(ledger, STATEMENT_HISTORY_OLDEST);
    int result = database_step(ledger, STATEMENT_HISTORY_OLDEST);
    if (result != 1)
        return result;
    int64_t seq = sqlite3_column_int64(oldest, 0), real_ms = sqlite3_column_int64(oldest, 1);
    bool waits = sqlite3_column_type(oldest, 2) == SQLITE_NULL;
    database_end(ledger, STATEMENT_HISTORY_OLDEST);
    /* seq has no gaps, so it tells how many rows there are; half of them at most are history. */
    bool beyond_room = ledger->tally.next_seq - seq > 2 * ledger->max_messages;
    if (waits || (real_ms >= before_real_ms && !beyond_room))
        return 0;
    sqlite3_stmt *forget = database_statement(ledger, STATEMENT_HISTORY_FORGET);
    sqlite3_bind_int64(forget, 1, seq);
    return database_run(ledger, STATEMENT_HISTORY_FORGET) == 0 && trail_forget(ledger, (uint64_t)seq) == 0 ? 1 : -1;
}

int outbox_forget(struct ledger *ledger, int64_t before_real_ms) {
    bool own;
    if (database_scope_begin(ledger, &own) != 0)
        return -1;
    int result = 1;
    for (int i = 0; i < FORGET_AT_ONCE && result == 1; i++)
        result = forget_one(ledger, before_real_ms);
    return database_scope_end(ledger, own, result < 0 ? -1 : 0);
}

int ledger_prune(struct ledger *ledger, int64_t real_ms) {
    if (!ledger->reserved)
        ledger->reserved = reserve_hold(ledger->path);
    return outbox_forget(ledger, real_ms - ledger->history_days * MS_PER_DAY);
}
