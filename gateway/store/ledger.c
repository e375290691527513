#include "store/ledger.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/damage.h"
#include "store/database.h"
#include "store/schema.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define WHY_SIZE 256

/* What a file at the ledger's path turned out to be. */
enum finding {
    FOUND_LEDGER,
    FOUND_EMPTY,    /* nothing, or nothing in it */
    FOUND_NEWER,    /* a newer version's */
    FOUND_DAMAGED,  /* no database, no ledger, or not whole */
    FOUND_NO_ACCESS /* it could not be looked at */
};

static enum finding finding_of(int result) {
    switch (result & 0xFF) {
    case SQLITE_ERROR: /* a table or a column is missing */
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return FOUND_DAMAGED;
    case SQLITE_IOERR: /* a sector that cannot be read any more is damage too: nothing but a new file helps */
        return result == SQLITE_IOERR_READ || result == SQLITE_IOERR_SHORT_READ || result == SQLITE_IOERR_CORRUPTFS
                   ? FOUND_DAMAGED
                   : FOUND_NO_ACCESS;
    default:
        return FOUND_NO_ACCESS;
    }
}

static enum finding failure(struct ledger *ledger, int result, char why[WHY_SIZE]) {
    if ((result & 0xFF) == SQLITE_BUSY)
        snprintf(why, WHY_SIZE, "it is in use by another process; is liftgwd running already?");
    else if (result == SQLITE_READONLY)
        snprintf(why, WHY_SIZE, "it is not writable for this user");
    else if (sqlite3_errcode(ledger->database) == SQLITE_OK)
        snprintf(why, WHY_SIZE, "%s", sqlite3_errstr(result));
    else
        database_error(ledger->database, why, WHY_SIZE);
    return finding_of(result);
}

static bool has_wal(const char *path) {
    char wal[PATH_MAX];
    return snprintf(wal, sizeof wal, "%s-wal", path) < (int)sizeof wal && access(wal, F_OK) == 0;
}

/* Reads the whole file: 0.2 s for 100 MB in the page cache, what the disk takes otherwise. */
static enum finding check_whole(struct ledger *ledger, char why[WHY_SIZE]) {
    int64_t start_ms = clock_mono_ms();
    sqlite3_stmt *check = NULL;
    int result = sqlite3_prepare_v2(ledger->database, "PRAGMA integrity_check(1)", -1, &check, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(check);
    const char *text = result == SQLITE_ROW ? (const char *)sqlite3_column_text(check, 0) : NULL;
    bool whole = text && strcmp(text, "ok") == 0;
    if (text)
        text_copy(why, WHY_SIZE, text);
    sqlite3_finalize(check);
    log_debug("%s: checked in %lld ms", ledger->path, (long long)(clock_mono_ms() - start_ms));
    if (whole)
        return FOUND_LEDGER;
    return text ? FOUND_DAMAGED : failure(ledger, result, why);
}

/* Opens the file and looks at it without changing it. A -wal that was left behind means that the last run did not end
 * in ledger_close: power, a crash, or damage that it found. Only then is the whole file checked. */
static enum finding look(struct ledger *ledger, char why[WHY_SIZE]) {
    ledger->untouched = has_wal(ledger->path);
    int version, result = database_open(ledger->path, &ledger->database);
    if (result != SQLITE_OK)
        return failure(ledger, result, why);
    switch (schema_examine(ledger->database, &version)) {
    case SCHEMA_EMPTY:
        return FOUND_EMPTY;
    case SCHEMA_OURS:
        if (sqlite3_db_readonly(ledger->database, "main") == 1) { /* the file is not, so its header says so */
            snprintf(why, WHY_SIZE, "its header is wrong");
            return FOUND_DAMAGED;
        }
        return ledger->untouched ? check_whole(ledger, why) : FOUND_LEDGER;
    case SCHEMA_NEWER:
        snprintf(why, WHY_SIZE,
                 "it was written by a newer liftgw (its version is %d, this one knows %d): install that one again, or"
                 " move the file away to begin anew",
                 version, schema_version());
        return FOUND_NEWER;
    case SCHEMA_FOREIGN:
        snprintf(why, WHY_SIZE, "it is another program's database");
        return FOUND_DAMAGED;
    case SCHEMA_GIVEN_UP:
        snprintf(why, WHY_SIZE, "that was found while it was in use");
        return FOUND_DAMAGED;
    case SCHEMA_FAILED:
        break;
    }
    return failure(ledger, sqlite3_extended_errcode(ledger->database), why);
}

/* Returns SQLite's result. */
static int limit_pages(struct ledger *ledger) {
    char limit[64];
    snprintf(limit, sizeof limit, "PRAGMA max_page_count = %lld", (long long)outbox_page_limit(ledger->max_messages));
    return database_execute(ledger->database, limit);
}

/* The settings of a file that is going to be written to. Returns SQLite's result. */
static int settle(struct ledger *ledger) {
    char settings[96];
    snprintf(settings, sizeof settings, "PRAGMA page_size = %d; PRAGMA journal_mode = WAL", SCHEMA_PAGE_SIZE);
    ledger->untouched = false;
    int result = database_execute(ledger->database, settings);
    return result == SQLITE_OK ? limit_pages(ledger) : result;
}

static int draw_series(sqlite3 *database) {
    unsigned number;
    while (getrandom(&number, sizeof number, 0) != sizeof number)
        ;
    char insert[128];
    snprintf(insert, sizeof insert, "INSERT INTO series(id, series, next_seq, dropped) VALUES(1, '%08x', 1, 0)",
             number);
    return database_execute(database, insert);
}

/* Takes the numbers over if they can be what was written: SQLite keeps no checksums. */
static bool take_numbers(struct ledger *ledger, sqlite3_stmt *row) {
    const char *series = (const char *)sqlite3_column_text(row, 0);
    int64_t last_seq = sqlite3_column_int64(row, 3);
    ledger->tally.next_seq = sqlite3_column_int64(row, 1);
    ledger->tally.dropped = sqlite3_column_int64(row, 2);
    return series && strlen(series) == LEDGER_SERIES_SIZE - 1 &&
           strspn(series, "0123456789abcdef") == LEDGER_SERIES_SIZE - 1 &&
           text_copy(ledger->series, sizeof ledger->series, series) && ledger->tally.next_seq > 0 &&
           ledger->tally.next_seq > last_seq && ledger->tally.dropped >= 0;
}

/* Returns SQLite's result. */
static int load_numbers(struct ledger *ledger) {
    sqlite3_stmt *row = NULL;
    int result = sqlite3_prepare_v2(ledger->database,
                                    "SELECT series, next_seq, dropped, (SELECT max(seq) FROM message) FROM series", -1,
                                    &row, NULL);
    if (result == SQLITE_OK)
        result = sqlite3_step(row);
    if (result == SQLITE_ROW)
        result = take_numbers(ledger, row) ? SQLITE_OK : SQLITE_CORRUPT;
    else if (result == SQLITE_DONE)
        result = SQLITE_CORRUPT;
    sqlite3_finalize(row);
    return result;
}

/* Reads what is kept in memory and prepares the statements. Returns SQLite's result. */
static int load(struct ledger *ledger) {
    int result = load_numbers(ledger);
    if (result == SQLITE_OK)
        result = database_number(ledger->database,
                                 "SELECT count(*) FROM message INDEXED BY message_waiting WHERE outcome IS NULL",
                                 &ledger->tally.waiting);
    return result == SQLITE_OK ? database_prepare(ledger) : result;
}

/* What the last step made of the file. */
static enum finding conclude(struct ledger *ledger, int result, char why[WHY_SIZE]) {
    return result == SQLITE_OK ? FOUND_LEDGER : failure(ledger, result, why);
}

static enum finding upgrade(struct ledger *ledger, char why[WHY_SIZE]) {
    int64_t version = 0;
    int result = settle(ledger);
    if (result == SQLITE_OK)
        result = database_number(ledger->database, "PRAGMA user_version", &version);
    if (result == SQLITE_OK && version < schema_version()) {
        log_info("%s: upgrading from version %lld to %d", ledger->path, (long long)version, schema_version());
        result = schema_upgrade(ledger->database, (int)version);
    }
    if (result == SQLITE_OK)
        result = load(ledger);
    return conclude(ledger, result, why);
}

/* Makes the tables in an empty file, with what can be kept of a damaged one (aside NULL: none), in one transaction. */
static enum finding create(struct ledger *ledger, const char *aside, char why[WHY_SIZE]) {
    int result = settle(ledger);
    if (result == SQLITE_OK)
        result = database_execute(ledger->database, "BEGIN IMMEDIATE");
    if (result == SQLITE_OK)
        result = schema_upgrade(ledger->database, 0);
    if (result == SQLITE_OK)
        result = draw_series(ledger->database);
    if (result == SQLITE_OK && aside)
        log_info("%s: took over %d rows of records", ledger->path, damage_salvage(aside, ledger->database));
    if (result == SQLITE_OK)
        result = database_execute(ledger->database, "COMMIT");
    if (result == SQLITE_OK)
        result = load(ledger);
    return conclude(ledger, result, why);
}

/* Sets the file aside and begins a new one. */
static enum finding replace(struct ledger *ledger, char why[WHY_SIZE]) {
    char aside[PATH_MAX];
    database_close(ledger);
    if (damage_set_aside(ledger->path, aside, sizeof aside) != 0) {
        log_error_errno("%s is damaged (%s) and cannot be set aside", ledger->path, why);
        return FOUND_NO_ACCESS;
    }
    log_error("%s is damaged: %s. It is set aside as %s and a new ledger begun; messages in it stay there",
              ledger->path, why, aside);
    int result = database_open(ledger->path, &ledger->database);
    return result == SQLITE_OK ? create(ledger, aside, why) : failure(ledger, result, why);
}

struct ledger *ledger_open(const struct ledger_settings *settings, enum ledger_opening *opening) {
    struct ledger *ledger = memory_get(1, sizeof *ledger);
    ledger->path = memory_text(settings->path);
    ledger->max_messages = settings->max_messages;
    ledger->history_days = settings->history_days;
    char why[WHY_SIZE] = "";
    enum finding found = look(ledger, why);
    *opening = LEDGER_OPENED;
    if (found == FOUND_LEDGER)
        found = upgrade(ledger, why);
    if (found == FOUND_EMPTY) {
        *opening = LEDGER_CREATED;
        found = create(ledger, NULL, why);
    } else if (found == FOUND_DAMAGED) {
        *opening = LEDGER_REPLACED;
        found = replace(ledger, why);
    }
    if (found == FOUND_LEDGER)
        return ledger;
    log_error("cannot use %s: %s", ledger->path, why);
    *opening = found == FOUND_NEWER ? LEDGER_NEWER : LEDGER_FAILED;
    ledger_close(ledger);
    return NULL;
}

void ledger_close(struct ledger *ledger) {
    if (!ledger)
        return;
    if (ledger->in_transaction)
        ledger_rollback(ledger);
    database_close(ledger);
    free(ledger->path);
    free(ledger);
}

void ledger_set_bounds(struct ledger *ledger, int64_t max_messages, int history_days) {
    ledger->max_messages = max_messages;
    ledger->history_days = history_days;
    if (limit_pages(ledger) != SQLITE_OK)
        log_warn("%s: cannot bound its size: %s", ledger->path, sqlite3_errmsg(ledger->database));
}

const char *ledger_series(const struct ledger *ledger) {
    return ledger->series;
}

uint64_t ledger_next_seq(const struct ledger *ledger) {
    return (uint64_t)ledger->tally.next_seq;
}

bool ledger_is_damaged(const struct ledger *ledger) {
    return ledger->damaged;
}

int ledger_retained_add(struct ledger *ledger, const char *owner, const char *topic) {
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_RETAINED_ADD);
    database_bind_text(statement, 1, topic);
    database_bind_text(statement, 2, owner);
    return database_run(ledger, STATEMENT_RETAINED_ADD);
}

int ledger_retained_each(struct ledger *ledger, int (*visit)(const char *owner, const char *topic, void *context),
                         void *context) {
    sqlite3_stmt *row = database_statement(ledger, STATEMENT_RETAINED_LIST);
    int result;
    while ((result = database_step(ledger, STATEMENT_RETAINED_LIST)) == 1) {
        const char *owner = (const char *)sqlite3_column_text(row, 0),
                   *topic = (const char *)sqlite3_column_text(row, 1);
        if (!owner || !topic || (result = visit(owner, topic, context)) == 0)
            continue;
        database_end(ledger, STATEMENT_RETAINED_LIST);
        return result;
    }
    return result;
}

int ledger_retained_remove(struct ledger *ledger, const char *topic) {
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_RETAINED_REMOVE);
    database_bind_text(statement, 1, topic);
    return database_run(ledger, STATEMENT_RETAINED_REMOVE);
}

int ledger_fact_put(struct ledger *ledger, const char *name, const char *text) {
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_FACT_PUT);
    database_bind_text(statement, 1, name);
    database_bind_text(statement, 2, text);
    return database_run(ledger, STATEMENT_FACT_PUT);
}

int ledger_fact_get(struct ledger *ledger, const char *name, char *text, size_t size) {
    sqlite3_stmt *row = database_statement(ledger, STATEMENT_FACT_GET);
    database_bind_text(row, 1, name);
    int result = database_step(ledger, STATEMENT_FACT_GET);
    if (result != 1)
        return result;
    const char *kept = (const char *)sqlite3_column_text(row, 0);
    bool fits = kept && text_copy(text, size, kept);
    database_end(ledger, STATEMENT_FACT_GET);
    if (fits)
        return 1;
    log_warn("%s: the fact %s does not fit %zu bytes", ledger->path, name, size);
    return -1;
}
