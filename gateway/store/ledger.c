#include "store/ledger.h"

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "store/creation.h"
#include "store/database.h"
#include "store/reserve.h"
#include "store/schema.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY_SIZE CREATION_WHY_SIZE

/* What a file at the ledger's path turned out to be. */
enum finding {
    FOUND_LEDGER,
    FOUND_NOTHING,
    FOUND_NEWER,    /* a newer version's */
    FOUND_DAMAGED,  /* empty, no database, no ledger, or not whole */
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

static bool has(const char *path, const char *suffix) {
    char name[PATH_MAX];
    return snprintf(name, sizeof name, "%s%s", path, suffix) < (int)sizeof name && access(name, F_OK) == 0;
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
    struct stat status;
    ledger->untouched = has(ledger->path, "-wal");
    if (stat(ledger->path, &status) != 0 && errno == ENOENT) {
        snprintf(why, WHY_SIZE, "it is gone, but what belonged to it is still there");
        return ledger->untouched || has(ledger->path, "-journal") ? FOUND_DAMAGED : FOUND_NOTHING;
    }
    int version, result = database_open(ledger->path, &ledger->database);
    if (result != SQLITE_OK)
        return failure(ledger, result, why);
    switch (schema_examine(ledger->database, &version)) {
    case SCHEMA_EMPTY:
        snprintf(why, WHY_SIZE, "it is empty");
        return FOUND_DAMAGED;
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
    ledger->untouched = false;
    int result = database_execute(ledger->database, "PRAGMA journal_mode = WAL");
    return result == SQLITE_OK ? limit_pages(ledger) : result;
}

/* Takes the numbers over if they can be what was written: SQLite keeps no checksums. */
static bool take_numbers(struct ledger *ledger, sqlite3_stmt *row) {
    const char *series = (const char *)sqlite3_column_text(row, 0);
    int64_t last_seq = sqlite3_column_int64(row, 3);
    ledger->tally.next_seq = sqlite3_column_int64(row, 1);
    ledger->tally.dropped = sqlite3_column_int64(row, 2);
    return series && database_is_series(series) && text_copy(ledger->series, sizeof ledger->series, series) &&
           ledger->tally.next_seq > 0 && ledger->tally.next_seq > last_seq && ledger->tally.dropped >= 0;
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

static void change(struct ledger *ledger, int by) {
    sqlite3_bind_int(database_statement(ledger, STATEMENT_TRY), 1, by);
    database_run(ledger, STATEMENT_TRY);
}

/* Writes a page that ends as it was: a file that can only be read is found out now. SQLite leaves out what it sees at
 * once to be the same. 0, or -1 with the reason. */
static int try_to_write(struct ledger *ledger) {
    for (int attempt = 0; attempt < 2; attempt++) { /* on a full disk the second has the reserve */
        if (ledger_begin(ledger) != 0)
            continue;
        change(ledger, 1);
        change(ledger, -1);
        if (ledger_commit(ledger) == 0)
            return 0;
    }
    return -1;
}

/* Makes the file at path what this version works with. */
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
    if (result != SQLITE_OK)
        return failure(ledger, result, why);
    ledger->reserved = reserve_hold(ledger->path);
    if (try_to_write(ledger) == 0)
        return FOUND_LEDGER;
    text_copy(why, WHY_SIZE, ledger->reason);
    return ledger->damaged ? FOUND_DAMAGED : FOUND_NO_ACCESS;
}

/* What is told about a damaged file is shown on terminals and stands in a message. */
static void make_plain(char *text) {
    for (; *text; text++)
        if (*text < ' ' || *text > '~')
            *text = ' ';
}

/* Begins a new ledger; damaged: in place of the file that was looked at. */
static enum finding begin_anew(struct ledger *ledger, bool damaged, char why[WHY_SIZE]) {
    struct ledger_replacement replaced = {.salvaged = 0};
    database_close(ledger);
    text_copy(replaced.why, sizeof replaced.why, why[0] ? why : "it is damaged");
    make_plain(replaced.why);
    if (creation_make(ledger->path, damaged ? &replaced : NULL, why) != 0)
        return FOUND_NO_ACCESS;
    if (damaged)
        log_error("%s is damaged: %s. It is set aside as %s and a new ledger begun, with %d rows of its records;"
                  " messages in it stay there",
                  ledger->path, replaced.why, replaced.aside, replaced.salvaged);
    ledger->damaged = ledger->full = false;
    ledger->changes = 0;
    int result = database_open(ledger->path, &ledger->database);
    return result == SQLITE_OK ? upgrade(ledger, why) : failure(ledger, result, why);
}

struct ledger *ledger_open(const struct ledger_settings *settings, enum ledger_opening *opening) {
    struct ledger *ledger = memory_get(1, sizeof *ledger);
    ledger->path = memory_text(settings->path);
    ledger->max_messages = settings->max_messages;
    ledger->history_days = settings->history_days;
    char why[WHY_SIZE] = "";
    enum finding found = creation_resume(ledger->path, why) == 0 ? look(ledger, why) : FOUND_NO_ACCESS;
    *opening = LEDGER_OPENED;
    if (found == FOUND_LEDGER)
        found = upgrade(ledger, why);
    if (found == FOUND_NOTHING || found == FOUND_DAMAGED) {
        *opening = found == FOUND_NOTHING ? LEDGER_CREATED : LEDGER_REPLACED;
        found = begin_anew(ledger, found == FOUND_DAMAGED, why);
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

const char *ledger_reason(const struct ledger *ledger) {
    return ledger->reason;
}

int ledger_replacement(struct ledger *ledger, struct ledger_replacement *replaced) {
    char text[sizeof *replaced + 64];
    int found = ledger_fact_get(ledger, CREATION_FACT, text, sizeof text);
    return found == 1 ? creation_read_fact(text, replaced) : found;
}

int ledger_replacement_told(struct ledger *ledger) {
    sqlite3_stmt *statement = database_statement(ledger, STATEMENT_FACT_REMOVE);
    database_bind_text(statement, 1, CREATION_FACT);
    return database_run(ledger, STATEMENT_FACT_REMOVE);
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
