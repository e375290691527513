#include "store/damage.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "store/database.h"
#include "store/schema.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* A box with a dying disk must not fill it with its own ruins. */
#define ASIDE_KEPT 3
#define ASIDE_MARK ".damaged-"
#define ASIDE_DATE "%Y%m%dT%H%M%SZ"
#define ASIDE_DATE_LENGTH 16

#define SALVAGE_MS 3000
/* Between two looks at the clock: well under a millisecond of SQLite's virtual machine. */
#define SALVAGE_STEPS 1000

static const char *const file_suffixes[] = {"", "-journal", "-wal", "-shm"};

static int rename_one(const char *path, const char *aside, const char *suffix) {
    char from[PATH_MAX], to[PATH_MAX];
    if (snprintf(from, sizeof from, "%s%s", path, suffix) >= (int)sizeof from ||
        snprintf(to, sizeof to, "%s%s", aside, suffix) >= (int)sizeof to) {
        errno = ENAMETOOLONG;
        return -1;
    }
    return rename(from, to) == 0 || errno == ENOENT ? 0 : -1;
}

static bool is_aside(const char *name, const char *prefix) {
    return strncmp(name, prefix, strlen(prefix)) == 0 && strlen(name) == strlen(prefix) + ASIDE_DATE_LENGTH;
}

static void remove_aside(const char *folder, const char *name) {
    for (size_t i = 0; i < COUNT_OF(file_suffixes); i++) {
        char path[PATH_MAX];
        if (snprintf(path, sizeof path, "%s/%s%s", folder, name, file_suffixes[i]) < (int)sizeof path)
            unlink(path);
    }
    log_info("deleted the damaged ledger %s/%s: there is no room for more", folder, name);
}

/* Deletes the oldest one set aside if there are more than keep; true if it did. */
static bool remove_oldest(const char *path, int keep) {
    const char *slash = strrchr(path, '/');
    char folder[PATH_MAX], prefix[NAME_MAX + 1], oldest[NAME_MAX + 1] = "";
    snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    if (snprintf(prefix, sizeof prefix, "%s" ASIDE_MARK, slash ? slash + 1 : path) >= (int)sizeof prefix)
        return false;
    DIR *directory = opendir(folder[0] ? folder : "/");
    if (!directory)
        return false;
    int count = 0;
    for (struct dirent *entry; (entry = readdir(directory));) {
        if (!is_aside(entry->d_name, prefix))
            continue;
        count++;
        if (!oldest[0] || strcmp(entry->d_name, oldest) < 0)
            snprintf(oldest, sizeof oldest, "%s", entry->d_name);
    }
    closedir(directory);
    if (count > keep)
        remove_aside(folder, oldest);
    return count > keep;
}

bool damage_make_room(const char *path) {
    return remove_oldest(path, 0);
}

int damage_name(const char *path, char *aside, size_t size) {
    time_t now = time(NULL);
    do {
        struct tm utc;
        char date[ASIDE_DATE_LENGTH + 1];
        strftime(date, sizeof date, ASIDE_DATE, gmtime_r(&now, &utc));
        if (snprintf(aside, size, "%s" ASIDE_MARK "%s", path, date) >= (int)size) {
            errno = ENAMETOOLONG;
            return -1;
        }
        now++;
    } while (access(aside, F_OK) == 0);
    return 0;
}

int damage_set_aside(const char *path, const char *aside) {
    for (size_t i = 0; i < COUNT_OF(file_suffixes); i++)
        if (rename_one(path, aside, file_suffixes[i]) != 0)
            return -1;
    remove_oldest(path, ASIDE_KEPT); /* each call follows one more, so that deleting one is enough */
    return 0;
}

#define SALVAGED(table, columns, places)                                                                               \
    { "SELECT " columns " FROM " table, "INSERT OR IGNORE INTO " table "(" columns ") VALUES(" places ")" }

/* Messages stay behind: their numbers belong to the old series. */
static const struct salvaged {
    const char *read, *write;
} salvaged[] = {
    SALVAGED("lift", "lift, " COLUMNS_LIFT, "?, ?, ?, ?, ?, ?, ?, ?, ?, ?"),
    SALVAGED("fault", "lift, fault, " COLUMNS_FAULT, "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?"),
    SALVAGED("counter", "lift, counter, " COLUMNS_COUNTER, "?, ?, ?, ?, ?, ?, ?"),
    SALVAGED("report", "lift, period, figures", "?, ?, ?"),
    SALVAGED("retained", "topic, owner", "?, ?"),
    SALVAGED("fact", "name, text", "?, ?"),
};

static int is_too_late(void *deadline_ms) {
    return clock_mono_ms() > *(const int64_t *)deadline_ms;
}

static int copy_rows(sqlite3_stmt *read, sqlite3_stmt *write) {
    int rows = 0;
    while (sqlite3_step(read) == SQLITE_ROW) {
        for (int i = 0; i < sqlite3_column_count(read); i++)
            sqlite3_bind_value(write, i + 1, sqlite3_column_value(read, i));
        if (sqlite3_step(write) == SQLITE_DONE)
            rows += sqlite3_changes(sqlite3_db_handle(write));
        sqlite3_reset(write);
    }
    return rows;
}

static int copy_table(sqlite3 *from, sqlite3 *into, const struct salvaged *table) {
    sqlite3_stmt *read = NULL, *write = NULL;
    int rows = 0;
    if (sqlite3_prepare_v2(from, table->read, -1, &read, NULL) == SQLITE_OK &&
        sqlite3_prepare_v2(into, table->write, -1, &write, NULL) == SQLITE_OK)
        rows = copy_rows(read, write);
    sqlite3_finalize(read);
    sqlite3_finalize(write);
    return rows;
}

/* Opens a file that may be wrong in any way, so that reading it goes as far as it can and changes nothing. "Writable"
 * lets SQLite read a file that is shorter than its header says. */
static int open_to_read(const char *path, sqlite3 **database) {
    int result = sqlite3_open_v2(path, database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (result != SQLITE_OK)
        return result;
    sqlite3_db_config(*database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_db_config(*database, SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1, NULL);
    return database_execute(*database, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA query_only = ON");
}

static void read_series(sqlite3 *from, struct ledger_replacement *found) {
    sqlite3_stmt *row = NULL;
    const char *series = NULL;
    if (sqlite3_prepare_v2(from, "SELECT series, next_seq FROM series", -1, &row, NULL) == SQLITE_OK &&
        sqlite3_step(row) == SQLITE_ROW)
        series = (const char *)sqlite3_column_text(row, 0);
    if (series && database_is_series(series) && sqlite3_column_int64(row, 1) > 0) {
        text_copy(found->series, sizeof found->series, series);
        found->last_seq = sqlite3_column_int64(row, 1) - 1;
    }
    sqlite3_finalize(row);
}

void damage_salvage(const char *path, sqlite3 *into, struct ledger_replacement *found) {
    sqlite3 *from;
    found->salvaged = 0;
    if (open_to_read(path, &from) == SQLITE_OK) {
        int64_t deadline_ms = clock_mono_ms() + SALVAGE_MS;
        sqlite3_progress_handler(from, SALVAGE_STEPS, is_too_late, &deadline_ms);
        read_series(from, found);
        for (size_t i = 0; i < COUNT_OF(salvaged); i++)
            found->salvaged += copy_table(from, into, &salvaged[i]);
        sqlite3_progress_handler(from, 0, NULL, NULL);
    }
    sqlite3_close(from);
}
