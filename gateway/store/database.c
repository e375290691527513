#include "store/database.h"

#include "base/clock.h"
#include "store/reserve.h"
#include "store/schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* About what one transaction touches; SQLite takes what it needs beyond for a moment. */
#define CACHE_KIB 200

/* What each statement does, for people, and how. */
static const struct {
    const char *what, *sql;
} statements[STATEMENT_COUNT] = {
    [STATEMENT_BEGIN] = {"begin a transaction", "BEGIN IMMEDIATE"},
    [STATEMENT_COMMIT] = {"commit", "COMMIT"},
    [STATEMENT_ROLLBACK] = {"roll back", "ROLLBACK"},
    [STATEMENT_TALLY_SAVE] = {"write the next seq", "UPDATE series SET next_seq = ?1, dropped = ?2"},
    [STATEMENT_TOPIC_COUNT] = {"draw a number",
                               "INSERT INTO topic(topic, n) VALUES(?1, 1) ON CONFLICT(topic) DO UPDATE SET n = n + 1"
                               " RETURNING n"},
    [STATEMENT_MESSAGE_ADD] = {"add a message",
                               "INSERT INTO message(seq, topic, retain, real_ms, done_real_ms, payload)"
                               " VALUES(?1, (SELECT id FROM topic WHERE topic = ?2), ?3, ?4, 0x7FFFFFFFFFFF, ?5)"},
    [STATEMENT_MESSAGE_WAITING] = {"read a message that waits",
                                   "SELECT m.seq, m.retain, m.real_ms, t.topic, m.payload"
                                   " FROM message AS m INDEXED BY message_waiting JOIN topic AS t ON t.id = m.topic"
                                   " WHERE m.outcome IS NULL AND m.seq > ?1 ORDER BY m.seq LIMIT 1"},
    [STATEMENT_MESSAGE_DONE] =
        {"note an acknowledgement",
         "UPDATE message SET outcome = ?2, sent_real_ms = ?3, done_real_ms = ?4 WHERE seq = ?1 AND outcome IS NULL"},
    [STATEMENT_MESSAGE_OLDEST] = {"read the oldest message",
                                  "SELECT real_ms FROM message INDEXED BY message_waiting WHERE outcome IS NULL"
                                  " ORDER BY seq LIMIT 1"},
    [STATEMENT_DROP_RANGE] = {"find the oldest messages", "SELECT min(seq), max(seq), count(*) FROM"
                                                          " (SELECT seq FROM message INDEXED BY message_waiting"
                                                          " WHERE outcome IS NULL AND seq > ?1 ORDER BY seq LIMIT ?2)"},
    [STATEMENT_DROPPED] = {"read dropped messages",
                           "SELECT payload FROM message WHERE topic = (SELECT id FROM topic WHERE topic = ?1)"
                           " AND seq BETWEEN ?2 AND ?3 AND outcome = ?4 ORDER BY seq"},
    [STATEMENT_DROP] = {"drop the oldest messages", "UPDATE message SET outcome = ?3, done_real_ms = ?4"
                                                    " WHERE outcome IS NULL AND seq BETWEEN ?1 AND ?2"},
    [STATEMENT_HISTORY_OLDEST] = {"read the history", "SELECT seq, real_ms, outcome FROM message ORDER BY seq LIMIT 1"},
    [STATEMENT_HISTORY_FORGET] = {"delete old history", "DELETE FROM message WHERE seq = ?1"},
    [STATEMENT_HISTORY_READ] = {"read the history",
                                "SELECT m.seq, t.topic, m.real_ms, m.sent_real_ms, m.done_real_ms, m.outcome, m.payload"
                                " FROM message AS m JOIN topic AS t ON t.id = m.topic WHERE m.seq > ?1"
                                " ORDER BY m.seq LIMIT ?2"},
    [STATEMENT_HISTORY_TIME] = {"read the history",
                                "SELECT seq, real_ms FROM message WHERE seq >= ?1 ORDER BY seq LIMIT 1"},
    [STATEMENT_TRAIL_ADD] = {"write a black box", "INSERT INTO trail(seq, points) VALUES(?1, ?2)"},
    [STATEMENT_TRAIL_READ] = {"read a black box", "SELECT points FROM trail WHERE seq = ?1"},
    [STATEMENT_TRAIL_FORGET] = {"delete an old black box", "DELETE FROM trail WHERE seq <= ?1"},
    [STATEMENT_LIFT_LOAD] = {"read a lift's record", "SELECT " COLUMNS_LIFT " FROM lift WHERE lift = ?1"},
    [STATEMENT_LIFT_SAVE] = {"write a lift's record", "REPLACE INTO lift(lift, " COLUMNS_LIFT
                                                      ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"},
    [STATEMENT_LIFTS_OFFLINE] = {"mark all lifts as offline", "UPDATE lift SET online = 0 WHERE online <> 0"},
    [STATEMENT_FAULTS_LOAD] = {"read a lift's faults", "SELECT fault, " COLUMNS_FAULT " FROM fault WHERE lift = ?1"},
    [STATEMENT_FAULT_SAVE] = {"write a lift's fault", "REPLACE INTO fault(lift, fault, " COLUMNS_FAULT
                                                      ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8,"
                                                      " ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)"},
    [STATEMENT_COUNTERS_LOAD] = {"read a lift's counters",
                                 "SELECT counter, " COLUMNS_COUNTER " FROM counter WHERE lift = ?1"},
    [STATEMENT_COUNTER_SAVE] = {"write a lift's counter", "REPLACE INTO counter(lift, counter, " COLUMNS_COUNTER ")"
                                                          " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"},
    [STATEMENT_REPORT_LOAD] = {"read a report", "SELECT figures FROM report WHERE lift = ?1 AND period = ?2"},
    [STATEMENT_REPORT_SAVE] = {"write a report", "REPLACE INTO report(lift, period, figures) VALUES(?1, ?2, ?3)"},
    [STATEMENT_RETAINED_ADD] = {"note a retained topic",
                                "INSERT INTO retained(topic, owner) VALUES(?1, ?2) ON CONFLICT(topic)"
                                " DO UPDATE SET owner = excluded.owner WHERE owner <> excluded.owner"},
    [STATEMENT_RETAINED_LIST] = {"list the retained topics", "SELECT owner, topic FROM retained ORDER BY topic"},
    [STATEMENT_RETAINED_REMOVE] = {"forget a retained topic", "DELETE FROM retained WHERE topic = ?1"},
    [STATEMENT_FACT_PUT] = {"keep a fact", "REPLACE INTO fact(name, text) VALUES(?1, ?2)"},
    [STATEMENT_FACT_GET] = {"read a fact", "SELECT text FROM fact WHERE name = ?1"},
    [STATEMENT_FACT_REMOVE] = {"forget a fact", "DELETE FROM fact WHERE name = ?1"},
    [STATEMENT_TRY] = {"write anything", "UPDATE series SET dropped = dropped + ?1"},
};

int database_open(const char *path, sqlite3 **database) {
    int result = sqlite3_open_v2(
        path, database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (result != SQLITE_OK)
        return result;
    if (sqlite3_db_readonly(*database, "main") == 1)
        return SQLITE_READONLY;
    char settings[160];
    snprintf(settings, sizeof settings,
             "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -%d; PRAGMA temp_store = MEMORY;"
             "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF",
             CACHE_KIB);
    return database_execute(*database, settings);
}

const char *database_error(sqlite3 *database, char *text, size_t size) {
    int code = sqlite3_extended_errcode(database), kind = code & 0xFF;
    int system = kind == SQLITE_IOERR || kind == SQLITE_CANTOPEN ? sqlite3_system_errno(database) : 0;
    if (system != 0)
        snprintf(text, size, "%s: %s", sqlite3_errmsg(database), strerror(system));
    else
        snprintf(text, size, "%s", sqlite3_errmsg(database));
    return text;
}

int database_execute(sqlite3 *database, const char *sql) {
    return sqlite3_exec(database, sql, NULL, NULL, NULL);
}

int database_number(sqlite3 *database, const char *sql, int64_t *number) {
    sqlite3_stmt *statement;
    int result = sqlite3_prepare_v2(database, sql, -1, &statement, NULL);
    if (result != SQLITE_OK)
        return result;
    result = sqlite3_step(statement);
    if (result == SQLITE_ROW)
        *number = sqlite3_column_int64(statement, 0);
    int end = sqlite3_finalize(statement);
    return result == SQLITE_ROW ? SQLITE_OK : end != SQLITE_OK ? end : SQLITE_EMPTY;
}

bool database_is_series(const char *text) {
    return strlen(text) == LEDGER_SERIES_SIZE - 1 && strspn(text, "0123456789abcdef") == LEDGER_SERIES_SIZE - 1;
}

/* Says what is wrong, and remembers what follows from it. */
static void complain(struct ledger *ledger, enum statement which) {
    int kind = sqlite3_errcode(ledger->database) & 0xFF;
    const char *what = statements[which].what;
    char why[256];
    database_error(ledger->database, why, sizeof why);
    snprintf(ledger->reason, sizeof ledger->reason, "cannot %s: %.150s", what, why);
    if (ledger->in_transaction)
        ledger->failed = true;
    if (kind == SQLITE_FULL)
        ledger->full = true;
    if ((kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB) && !ledger->damaged) {
        ledger->damaged = true;
        log_error("%s is damaged (cannot %s: %s): it will be set aside at the next start", ledger->path, what, why);
        return;
    }
    log_warn_repeated(&ledger->trouble[which], clock_mono_ms(), "%s: cannot %s: %s", ledger->path, what, why);
}

/* A transaction ended; one that changed nothing wrote nothing, and proves nothing. */
static void note_end(struct ledger *ledger, bool written) {
    int changes = sqlite3_total_changes(ledger->database);
    if (written && changes != ledger->changes)
        ledger->reason[0] = '\0';
    ledger->changes = changes;
}

int database_prepare(struct ledger *ledger) {
    int result = SQLITE_OK;
    for (size_t i = 0; i < STATEMENT_COUNT && result == SQLITE_OK; i++)
        result = sqlite3_prepare_v3(ledger->database, statements[i].sql, -1, SQLITE_PREPARE_PERSISTENT,
                                    &ledger->statements[i], NULL);
    return result;
}

void database_close(struct ledger *ledger) {
    if (!ledger->database)
        return;
    for (size_t i = 0; i < STATEMENT_COUNT; i++) {
        sqlite3_finalize(ledger->statements[i]);
        ledger->statements[i] = NULL;
    }
    if (ledger->damaged)
        schema_give_up(ledger->database);
    /* Should even that fail: with its -wal left behind, the next start looks at all of the file. */
    if (ledger->damaged || ledger->untouched)
        sqlite3_db_config(ledger->database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(ledger->database);
    ledger->database = NULL;
}

sqlite3_stmt *database_statement(struct ledger *ledger, enum statement which) {
    return ledger->statements[which];
}

void database_bind_text(sqlite3_stmt *statement, int place, const char *text) {
    sqlite3_bind_text(statement, place, text, -1, SQLITE_STATIC);
}

void database_end(struct ledger *ledger, enum statement which) {
    sqlite3_reset(ledger->statements[which]);
    sqlite3_clear_bindings(ledger->statements[which]);
}

int database_step(struct ledger *ledger, enum statement which) {
    int result = SQLITE_ERROR;
    if (!ledger->failed) {
        result = sqlite3_step(ledger->statements[which]);
        if (result == SQLITE_ROW)
            return 1;
        if (result != SQLITE_DONE)
            complain(ledger, which);
        if (sqlite3_get_autocommit(ledger->database))
            note_end(ledger, result == SQLITE_DONE && which != STATEMENT_ROLLBACK);
    }
    database_end(ledger, which);
    return result == SQLITE_DONE ? 0 : -1;
}

int database_run(struct ledger *ledger, enum statement which) {
    int result;
    while ((result = database_step(ledger, which)) > 0)
        ;
    return result;
}

/* The tally's row is written once for a transaction, and only if it changed. */
static int save_tally(struct ledger *ledger) {
    const struct tally *now = &ledger->tally, *before = &ledger->tally_before;
    if (now->next_seq == before->next_seq && now->dropped == before->dropped)
        return 0;
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_TALLY_SAVE);
    sqlite3_bind_int64(statement, 1, now->next_seq);
    sqlite3_bind_int64(statement, 2, now->dropped);
    return database_run(ledger, STATEMENT_TALLY_SAVE);
}

/* A transaction that does not fit may have been longer than this, and the file is as long as before it. */
#define PAGES_OF_A_TRANSACTION 64

/* True if the file is about as long as it may be; else it is the disk that is full. */
static bool is_at_its_limit(struct ledger *ledger) {
    int64_t pages = 0;
    return database_number(ledger->database, "PRAGMA page_count", &pages) == SQLITE_OK &&
           pages + PAGES_OF_A_TRANSACTION > outbox_page_limit(ledger->max_messages);
}

/* In a full file history gives way to what is new. On a full disk deleting needs room too: the reserve goes first. */
static int make_room(struct ledger *ledger) {
    ledger->full = false;
    if (!ledger->reserved || is_at_its_limit(ledger))
        return outbox_forget(ledger, INT64_MAX);
    log_warn("%s: the disk is full, giving up the reserve", ledger->path);
    reserve_release(ledger->path);
    ledger->reserved = false;
    return 0;
}

int ledger_begin(struct ledger *ledger) {
    assert(!ledger->in_transaction);
    if (ledger->full && make_room(ledger) != 0)
        return -1;
    if (database_run(ledger, STATEMENT_BEGIN) != 0)
        return -1;
    ledger->in_transaction = true;
    ledger->tally_before = ledger->tally;
    return 0;
}

void ledger_rollback(struct ledger *ledger) {
    assert(ledger->in_transaction);
    ledger->failed = false;
    /* After some errors SQLite has rolled back by itself. */
    if (!sqlite3_get_autocommit(ledger->database))
        database_run(ledger, STATEMENT_ROLLBACK);
    ledger->in_transaction = false;
    ledger->failed = false;
    ledger->tally = ledger->tally_before;
}

int ledger_commit(struct ledger *ledger) {
    assert(ledger->in_transaction);
    if (ledger->failed || save_tally(ledger) != 0 || database_run(ledger, STATEMENT_COMMIT) != 0) {
        ledger_rollback(ledger);
        return -1;
    }
    ledger->in_transaction = false;
    return 0;
}

int database_scope_begin(struct ledger *ledger, bool *own) {
    *own = !ledger->in_transaction;
    return *own ? ledger_begin(ledger) : 0;
}

int database_scope_end(struct ledger *ledger, bool own, int result) {
    if (!own)
        return result;
    if (result == 0)
        return ledger_commit(ledger);
    ledger_rollback(ledger);
    return -1;
}
