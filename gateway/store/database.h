/* The ledger's one connection to SQLite: statements, transactions, complaints. Private to gateway/store/. */
#ifndef LIFTGW_STORE_DATABASE_H
#define LIFTGW_STORE_DATABASE_H

#include "base/log.h"
#include "store/ledger.h"

#include <sqlite3.h>

#define LEDGER_REASON_SIZE 200

/* How a message ended; NULL in the file: it waits. 0 and 1 take no byte in a row, so an acknowledgement never makes a
 * row longer and works in a full file. */
enum outcome { OUTCOME_ACKNOWLEDGED, OUTCOME_DROPPED, OUTCOME_REFUSED };

enum statement {
    STATEMENT_BEGIN,
    STATEMENT_COMMIT,
    STATEMENT_ROLLBACK,
    STATEMENT_TALLY_SAVE,
    STATEMENT_TOPIC_COUNT,
    STATEMENT_MESSAGE_ADD,
    STATEMENT_MESSAGE_WAITING,
    STATEMENT_MESSAGE_DONE,
    STATEMENT_MESSAGE_OLDEST,
    STATEMENT_DROP_RANGE,
    STATEMENT_DROP,
    STATEMENT_DROPPED,
    STATEMENT_HISTORY_OLDEST,
    STATEMENT_HISTORY_FORGET,
    STATEMENT_HISTORY_READ,
    STATEMENT_HISTORY_TIME,
    STATEMENT_TRAIL_ADD,
    STATEMENT_TRAIL_READ,
    STATEMENT_TRAIL_FORGET,
    STATEMENT_LIFT_LOAD,
    STATEMENT_LIFT_SAVE,
    STATEMENT_LIFTS_OFFLINE,
    STATEMENT_FAULTS_LOAD,
    STATEMENT_FAULT_SAVE,
    STATEMENT_COUNTERS_LOAD,
    STATEMENT_COUNTER_SAVE,
    STATEMENT_REPORT_LOAD,
    STATEMENT_REPORT_SAVE,
    STATEMENT_RETAINED_ADD,
    STATEMENT_RETAINED_LIST,
    STATEMENT_RETAINED_REMOVE,
    STATEMENT_FACT_PUT,
    STATEMENT_FACT_GET,
    STATEMENT_FACT_REMOVE,
    STATEMENT_TRY,
    STATEMENT_COUNT
};

/* What is kept in memory so that nothing is counted for a message; a rollback puts it back. */
struct tally {
    int64_t next_seq, waiting, dropped;
};

struct ledger {
    char *path;
    sqlite3 *database;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    char series[LEDGER_SERIES_SIZE];
    int64_t max_messages;
    int history_days;
    struct tally tally, tally_before;
    bool in_transaction;
    bool failed;                     /* something in the transaction did: it can only be rolled back */
    bool full;                       /* there was no room: history has to go before the next transaction */
    bool damaged;                    /* SQLite found it out while the file was in use */
    bool untouched;                  /* closing must not change it: not yet looked at, or not ours to change */
    bool reserved;                   /* there is a reserve on the disk */
    int changes;                     /* what SQLite counted when the last transaction ended */
    char reason[LEDGER_REASON_SIZE]; /* why nothing could be written, "" if it could */
    struct log_repeat trouble[STATEMENT_COUNT];
};

/* Opens the file at path for this process alone, creating it if there is none; nothing is read or written yet. Returns
 * SQLite's result; *database is to be closed in any case. */
int database_open(const char *path, sqlite3 **database);
/* What went wrong last, for people. */
const char *database_error(sqlite3 *database, char *text, size_t size);
/* Runs one statement without a result. Returns SQLite's result. */
int database_execute(sqlite3 *database, const char *sql);
/* The one number that a query returns. Returns SQLite's result. */
int database_number(sqlite3 *database, const char *sql, int64_t *number);

/* True for eight hex digits. */
bool database_is_series(const char *text);

/* Prepares all statements. Returns SQLite's result. */
int database_prepare(struct ledger *ledger);
/* Closes the file; a clean end leaves no -wal. */
void database_close(struct ledger *ledger);

/* A statement ready to be bound, stepped, and then ended. */
sqlite3_stmt *database_statement(struct ledger *ledger, enum statement which);
void database_bind_text(sqlite3_stmt *statement, int place, const char *text); /* NULL is NULL */
/* 1 a row, 0 the end, -1 after logging what failed; after 0 and -1 the statement is ended. */
int database_step(struct ledger *ledger, enum statement which);
void database_end(struct ledger *ledger, enum statement which);
/* Steps a statement to its end, without a look at its rows. 0, or -1 after logging. */
int database_run(struct ledger *ledger, enum statement which);

/* Joins the open transaction, or begins one of its own; scope_end commits or rolls back only the latter. */
int database_scope_begin(struct ledger *ledger, bool *own);
int database_scope_end(struct ledger *ledger, bool own, int result);

/* Deletes the oldest history, at most a few hundred rows: what is older than before_real_ms, and what is beyond the
 * room that history may take. 0, or -1 after logging. */
int outbox_forget(struct ledger *ledger, int64_t before_real_ms);
/* Deletes the trails up to that message's. 0, or -1 after logging. */
int trail_forget(struct ledger *ledger, uint64_t seq);
/* How many pages of the file max_messages of the largest size need, with the rest. */
int64_t outbox_page_limit(int64_t max_messages);

#endif
