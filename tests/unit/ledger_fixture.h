/* A folder of its own for each test's ledger, and the few steps that all of them take. */
#ifndef LIFTGW_TESTS_LEDGER_FIXTURE_H
#define LIFTGW_TESTS_LEDGER_FIXTURE_H

#include "store/ledger.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

struct ledger_folder {
    char path[64], file[128];
    struct ledger_settings settings;
};

static inline int ledger_folder_make(void **state) {
    struct ledger_folder *folder = test_calloc(1, sizeof *folder);
    const char *parent = getenv("TMPDIR");
    snprintf(folder->path, sizeof folder->path, "%.40s/liftgw-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(folder->path))
        return -1;
    snprintf(folder->file, sizeof folder->file, "%s/ledger.db", folder->path);
    folder->settings = (struct ledger_settings){.path = folder->file, .max_messages = 1000, .history_days = 90};
    *state = folder;
    return 0;
}

static inline int ledger_folder_remove(void **state) {
    struct ledger_folder *folder = *state;
    DIR *directory = opendir(folder->path);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
    rmdir(folder->path);
    test_free(folder);
    return 0;
}

/* The path of a file in the folder; one at a time. */
static inline const char *ledger_folder_path(const struct ledger_folder *folder, const char *name) {
    static char path[400];
    snprintf(path, sizeof path, "%s/%s", folder->path, name);
    return path;
}

/* How many files of the folder have names that begin so; the last one's name goes to found (NULL: nowhere). */
static inline int ledger_folder_count(const struct ledger_folder *folder, const char *prefix, char found[256]) {
    int count = 0;
    DIR *directory = opendir(folder->path);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (strncmp(entry->d_name, prefix, strlen(prefix)) == 0) {
            count++;
            if (found)
                snprintf(found, 256, "%s", entry->d_name);
        }
    if (directory)
        closedir(directory);
    return count;
}

static inline struct ledger *ledger_open_as(const struct ledger_folder *folder, enum ledger_opening expected) {
    enum ledger_opening opening;
    struct ledger *ledger = ledger_open(&folder->settings, &opening);
    assert_int_equal(opening, expected);
    assert_true((ledger != NULL) == (expected != LEDGER_FAILED && expected != LEDGER_NEWER));
    return ledger;
}

/* Numbers and adds one message inside the open transaction, with its n as payload; returns its seq, 0 on failure. */
static inline uint64_t ledger_post(struct ledger *ledger, const char *topic) {
    uint64_t seq, n;
    char payload[64];
    if (ledger_number(ledger, topic, &seq, &n) != 0)
        return 0;
    snprintf(payload, sizeof payload, "{\"seq\":%llu,\"n\":%llu}", (unsigned long long)seq, (unsigned long long)n);
    return ledger_add(ledger, seq, topic, true, payload, 1764000000000 + (int64_t)seq) == 0 ? seq : 0;
}

/* Posts count messages in one transaction. */
static inline void ledger_post_many(struct ledger *ledger, const char *topic, int count) {
    assert_int_equal(ledger_begin(ledger), 0);
    for (int i = 0; i < count; i++)
        assert_true(ledger_post(ledger, topic) > 0);
    assert_int_equal(ledger_commit(ledger), 0);
}

static inline struct ledger_depth ledger_depth_of(struct ledger *ledger) {
    struct ledger_depth depth;
    ledger_depth(ledger, &depth);
    return depth;
}

#endif
