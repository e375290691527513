#include "store/creation.h"

#include "base/log.h"
#include "base/text.h"
#include "store/damage.h"
#include "store/database.h"
#include "store/schema.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#define NEW_MARK ".new"
#define NO_SERIES "-"

/* Long enough for every text that creation_read_fact takes. */
#define FACT_SIZE 640

static int fail(char why[CREATION_WHY_SIZE], const char *what, const char *path) {
    snprintf(why, CREATION_WHY_SIZE, "cannot %s %.160s: %s", what, path, strerror(errno));
    return -1;
}

static int fail_sqlite(char why[CREATION_WHY_SIZE], const char *path, sqlite3 *database) {
    char text[160];
    snprintf(why, CREATION_WHY_SIZE, "cannot make %.80s: %s", path, database_error(database, text, sizeof text));
    return -1;
}

/* Names are as durable as data only once their folder is. */
static int sync_folder(const char *path, char why[CREATION_WHY_SIZE]) {
    char folder[PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(why, "open", folder);
    int result = fsync(fd);
    if (result != 0)
        fail(why, "sync", folder);
    close(fd);
    return result;
}

static void remove_file(const char *path, const char *suffix) {
    char name[PATH_MAX];
    if (snprintf(name, sizeof name, "%s%s", path, suffix) < (int)sizeof name)
        unlink(name);
}

static void remove_new(const char *path) {
    remove_file(path, NEW_MARK);
    remove_file(path, NEW_MARK "-journal");
}

/* Every text in it is one word, but the last. */
static void write_fact(char fact[FACT_SIZE], const struct ledger_replacement *replaced) {
    snprintf(fact, FACT_SIZE, "%s %s %lld %d %s", replaced->aside, replaced->series[0] ? replaced->series : NO_SERIES,
             (long long)replaced->last_seq, replaced->salvaged, replaced->why);
}

bool creation_read_fact(const char *text, struct ledger_replacement *replaced) {
    long long last_seq;
    *replaced = (struct ledger_replacement){.salvaged = 0};
    if (!text || sscanf(text, "%255s %8s %lld %d %255[^\n]", replaced->aside, replaced->series, &last_seq,
                        &replaced->salvaged, replaced->why) != 5)
        return false;
    if (strcmp(replaced->series, NO_SERIES) == 0)
        replaced->series[0] = '\0';
    replaced->last_seq = last_seq;
    return true;
}

/* Returns SQLite's result. */
static int put_fact(sqlite3 *database, const struct ledger_replacement *replaced) {
    char fact[FACT_SIZE];
    sqlite3_stmt *insert = NULL;
    write_fact(fact, replaced);
    int result = sqlite3_prepare_v2(database, "REPLACE INTO fact(name, text) VALUES('" CREATION_FACT "', ?1)", -1,
                                    &insert, NULL);
    if (result == SQLITE_OK) {
        database_bind_text(insert, 1, fact);
        result = sqlite3_step(insert) == SQLITE_DONE ? SQLITE_OK : sqlite3_extended_errcode(database);
    }
    sqlite3_finalize(insert);
    return result;
}

/* Returns SQLite's result. */
static int draw_series(sqlite3 *database) {
    unsigned number;
    while (getrandom(&number, sizeof number, 0) != sizeof number)
        ;
    char insert[128];
    snprintf(insert, sizeof insert, "INSERT INTO series(id, series, next_seq, dropped) VALUES(1, '%08x', 1, 0)",
             number);
    return database_execute(database, insert);
}

/* All of a new ledger in one transaction. Returns SQLite's result. */
static int fill(sqlite3 *database, const char *path, struct ledger_replacement *replaced) {
    char page_size[64];
    snprintf(page_size, sizeof page_size, "PRAGMA page_size = %d; BEGIN IMMEDIATE", SCHEMA_PAGE_SIZE);
    int result = database_execute(database, page_size);
    if (result == SQLITE_OK)
        result = schema_upgrade(database, 0);
    if (result == SQLITE_OK)
        result = draw_series(database);
    if (result == SQLITE_OK && replaced) {
        damage_salvage(path, database, replaced);
        result = put_fact(database, replaced);
    }
    return result == SQLITE_OK ? database_execute(database, "COMMIT") : result;
}

static int build(const char *path, const char *new, struct ledger_replacement *replaced, char why[CREATION_WHY_SIZE]) {
    sqlite3 *database = NULL;
    remove_new(path);
    int result = database_open(new, &database);
    if (result == SQLITE_OK)
        result = fill(database, path, replaced);
    if (result != SQLITE_OK)
        fail_sqlite(why, new, database);
    sqlite3_close(database);
    remove_file(path, NEW_MARK "-journal"); /* emptied at the commit */
    return result == SQLITE_OK ? 0 : -1;
}

/* The old name must be gone for good before the new file gets it: else its -wal could be taken for the new one's. */
static int take_place(const char *path, const char *new, const char *aside, char why[CREATION_WHY_SIZE]) {
    if (sync_folder(path, why) != 0)
        return -1;
    if (damage_set_aside(path, aside) != 0)
        return fail(why, "set aside", path);
    if (sync_folder(path, why) != 0)
        return -1;
    if (rename(new, path) != 0)
        return fail(why, "name", path);
    return sync_folder(path, why);
}

static int new_name(const char *path, char new[PATH_MAX], char why[CREATION_WHY_SIZE]) {
    if (snprintf(new, PATH_MAX, "%s" NEW_MARK, path) < PATH_MAX)
        return 0;
    errno = ENAMETOOLONG;
    return fail(why, "make", path);
}

int creation_make(const char *path, struct ledger_replacement *replaced, char why[CREATION_WHY_SIZE]) {
    char new[PATH_MAX], aside[PATH_MAX];
    if (new_name(path, new, why) != 0)
        return -1;
    if (damage_name(path, aside, sizeof aside) != 0)
        return fail(why, "set aside", path);
    if (replaced)
        text_copy(replaced->aside, sizeof replaced->aside, strrchr(aside, '/') ? strrchr(aside, '/') + 1 : aside);
    while (build(path, new, replaced, why) != 0)
        if (!damage_make_room(path)) { /* on a full disk the ruins go before the ledger does */
            remove_new(path);
            return -1;
        }
    return take_place(path, new, aside, why);
}

/* 1 if new is whole, 0 if not, -1 with why. aside: where what it replaces has gone, if it says so. */
static int examine(const char *path, const char *new, char aside[PATH_MAX], char why[CREATION_WHY_SIZE]) {
    sqlite3 *database = NULL;
    sqlite3_stmt *fact = NULL;
    int version, result = database_open(new, &database);
    bool busy = (result & 0xFF) == SQLITE_BUSY;
    bool whole = result == SQLITE_OK && schema_examine(database, &version) == SCHEMA_OURS;
    busy = busy || (sqlite3_errcode(database) & 0xFF) == SQLITE_BUSY;
    struct ledger_replacement replaced;
    if (whole &&
        sqlite3_prepare_v2(database, "SELECT text FROM fact WHERE name = '" CREATION_FACT "'", -1, &fact, NULL) ==
            SQLITE_OK &&
        sqlite3_step(fact) == SQLITE_ROW && creation_read_fact((const char *)sqlite3_column_text(fact, 0), &replaced)) {
        const char *slash = strrchr(path, '/');
        snprintf(aside, PATH_MAX, "%.*s%s", slash ? (int)(slash - path) + 1 : 0, path, replaced.aside);
    }
    sqlite3_finalize(fact);
    sqlite3_close(database);
    if (busy)
        snprintf(why, CREATION_WHY_SIZE, "another process is making it; is liftgwd running already?");
    return busy ? -1 : whole;
}

int creation_resume(const char *path, char why[CREATION_WHY_SIZE]) {
    char new[PATH_MAX], aside[PATH_MAX];
    if (new_name(path, new, why) != 0)
        return -1;
    if (access(new, F_OK) != 0)
        return 0;
    if (damage_name(path, aside, sizeof aside) != 0)
        return fail(why, "set aside", path);
    int whole = examine(path, new, aside, why);
    if (whole < 0)
        return -1;
    if (!whole || access(path, F_OK) == 0) {
        remove_new(path);
        return 0;
    }
    log_info("%s: going on where a power cut interrupted the making of it", path);
    remove_file(path, NEW_MARK "-journal");
    return take_place(path, new, aside, why);
}
