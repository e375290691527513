/* What the ledger does with the file that it finds: its own, a newer one's, somebody else's, a damaged one, none. A box
 * in a stairwell must start whatever the last power cut left, and must never harm what it does not understand. */
#include "ledger_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define ASIDE "ledger.db.damaged-"
#define PAGE 1024

struct bytes {
    size_t size;
    unsigned char data[8 << 20];
};
static struct bytes one, two;

static void read_bytes(const char *path, struct bytes *bytes) {
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    bytes->size = fread(bytes->data, 1, sizeof bytes->data, file);
    fclose(file);
}

static void write_bytes(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    fclose(file);
}

static void run_sql(const char *path, const char *sql) {
    sqlite3 *database;
    assert_int_equal(sqlite3_open(path, &database), SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void fill(struct ledger *ledger) {
    struct lift_record record = {.changed = true, .service_mode = VALUE(MODE_NORMAL), .faults_changed = 1};
    record.fault[0].count = 77;
    assert_int_equal(ledger_lift_save(ledger, "L-1", &record), 0);
    assert_int_equal(ledger_retained_add(ledger, "L-1", "c/lift/L-1/state"), 0);
    assert_int_equal(ledger_fact_put(ledger, "boot", "abc"), 0);
    ledger_post_many(ledger, "c/lift/L-1/fault/entrapment", 2000);
}

static void make_ledger(const struct ledger_folder *folder) {
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    fill(ledger);
    ledger_close(ledger);
}

/* What a power cut leaves: the file and its -wal as they stand while the ledger is open. */
static void make_ledger_cut_short(const struct ledger_folder *folder) {
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    fill(ledger);
    read_bytes(folder->file, &one);
    read_bytes(ledger_folder_path(folder, "ledger.db-wal"), &two);
    ledger_close(ledger);
    write_bytes(folder->file, one.data, one.size);
    write_bytes(ledger_folder_path(folder, "ledger.db-wal"), two.data, two.size);
}

static void assert_works(struct ledger *ledger) {
    uint64_t next = ledger_next_seq(ledger);
    ledger_post_many(ledger, "c/lift/L-1/fault/overspeed", 1);
    assert_int_equal(ledger_next_seq(ledger), next + 1);
    struct ledger_message message;
    assert_int_equal(ledger_waiting(ledger, next - 1, &message), 1);
    assert_int_equal(ledger_done(ledger, next, 1764000000000, 1764000000000, false), 0);
}

static void a_clean_end_leaves_one_file(void **state) {
    struct ledger_folder *folder = *state;
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    assert_works(ledger);
    assert_int_equal(ledger_folder_count(folder, "ledger.db-shm", NULL), 0);
    ledger_close(ledger);
    assert_int_equal(ledger_folder_count(folder, "ledger.db-", NULL), 0);
    assert_int_equal(ledger_folder_count(folder, "ledger.db", NULL), 2); /* and the reserve */
    struct stat status;
    assert_int_equal(stat(folder->file, &status), 0);
    assert_true(status.st_size > 0);
}

static void each_new_ledger_has_its_own_series(void **state) {
    struct ledger_folder *folder = *state;
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    char series[LEDGER_SERIES_SIZE];
    snprintf(series, sizeof series, "%s", ledger_series(ledger));
    ledger_close(ledger);
    unlink(folder->file);
    ledger = ledger_open_as(folder, LEDGER_CREATED);
    assert_string_not_equal(ledger_series(ledger), series);
    ledger_close(ledger);
}

static void after_a_power_cut_everything_is_there(void **state) {
    make_ledger_cut_short(*state);
    struct ledger *ledger = ledger_open_as(*state, LEDGER_OPENED);
    assert_int_equal(ledger_depth_of(ledger).waiting, 2000);
    assert_int_equal(ledger_next_seq(ledger), 2001);
    assert_works(ledger);
    ledger_close(ledger);
}

static void a_newer_ledger_is_refused_and_left_alone(void **state) {
    struct ledger_folder *folder = *state;
    for (int cut_short = 0; cut_short <= 1; cut_short++) {
        unlink(folder->file);
        make_ledger(folder);
        run_sql(folder->file, "PRAGMA user_version = 2; ALTER TABLE fact ADD COLUMN future TEXT");
        const char *wal = ledger_folder_path(folder, "ledger.db-wal");
        if (cut_short) {
            sqlite3 *database;
            assert_int_equal(sqlite3_open(folder->file, &database), SQLITE_OK);
            assert_int_equal(sqlite3_exec(database, "UPDATE fact SET future = 'x'", NULL, NULL, NULL), SQLITE_OK);
            read_bytes(folder->file, &one);
            read_bytes(wal, &two);
            sqlite3_close(database);
            write_bytes(folder->file, one.data, one.size);
            write_bytes(wal, two.data, two.size);
        }
        read_bytes(folder->file, &one);
        struct stat before, after;
        assert_int_equal(stat(folder->file, &before), 0);
        assert_null(ledger_open_as(folder, LEDGER_NEWER));
        assert_int_equal(stat(folder->file, &after), 0);
        assert_int_equal(after.st_ino, before.st_ino);
        struct bytes *now = test_malloc(sizeof *now);
        read_bytes(folder->file, now);
        assert_int_equal(now->size, one.size);
        assert_memory_equal(now->data, one.data, one.size);
        assert_int_equal(access(wal, F_OK) == 0, cut_short);
        if (cut_short) {
            read_bytes(wal, now);
            assert_int_equal(now->size, two.size);
            assert_memory_equal(now->data, two.data, two.size);
        }
        test_free(now);
        assert_int_equal(ledger_folder_count(folder, ASIDE, NULL), 0);
    }
}

static void make_empty(const struct ledger_folder *folder) {
    write_bytes(folder->file, "", 0);
}

static void make_a_database_without_anything(const struct ledger_folder *folder) {
    run_sql(folder->file, "CREATE TABLE t(t); DROP TABLE t");
}

static void make_garbage(const struct ledger_folder *folder) {
    memset(one.data, 0xA5, 50000);
    write_bytes(folder->file, one.data, 50000);
}

static void make_a_line_of_text(const struct ledger_folder *folder) {
    write_bytes(folder->file, "garbage\n", 8);
}

static void make_zeroes(const struct ledger_folder *folder) {
    memset(one.data, 0, 4096);
    write_bytes(folder->file, one.data, 4096);
}

static void make_truncated(const struct ledger_folder *folder) {
    make_ledger(folder);
    struct stat status;
    assert_int_equal(stat(folder->file, &status), 0);
    assert_int_equal(truncate(folder->file, status.st_size / 2), 0);
}

static void make_foreign(const struct ledger_folder *folder) {
    run_sql(folder->file, "CREATE TABLE lift(lift TEXT, color TEXT); INSERT INTO lift VALUES('L-1', 'red')");
}

static void make_another_application(const struct ledger_folder *folder) {
    make_ledger(folder);
    run_sql(folder->file, "PRAGMA application_id = 42");
}

static void make_without_a_table(const struct ledger_folder *folder) {
    make_ledger(folder);
    run_sql(folder->file, "DROP TABLE series");
}

static void make_without_a_series(const struct ledger_folder *folder) {
    make_ledger(folder);
    run_sql(folder->file, "DELETE FROM series");
}

static void make_with_a_bad_series(const struct ledger_folder *folder) {
    make_ledger(folder);
    run_sql(folder->file, "UPDATE series SET series = 'no series'");
}

static void make_with_a_seq_that_was_used(const struct ledger_folder *folder) {
    make_ledger(folder);
    run_sql(folder->file, "UPDATE series SET next_seq = 2000");
}

static void make_with_a_wrong_header(const struct ledger_folder *folder) {
    make_ledger(folder);
    read_bytes(folder->file, &one);
    one.data[18] = 0x77; /* "file format write version" */
    write_bytes(folder->file, one.data, one.size);
}

static void make_garbled_and_cut_short(const struct ledger_folder *folder) {
    make_ledger(folder);
    read_bytes(folder->file, &one);
    memset(one.data + one.size / 2, 0xA5, one.size / 4);
    write_bytes(folder->file, one.data, one.size);
    write_bytes(ledger_folder_path(folder, "ledger.db-wal"), "", 0);
}

static void what_cannot_be_trusted_is_set_aside(void **state) {
    static const struct {
        const char *what;
        void (*make)(const struct ledger_folder *folder);
        bool salvaged; /* the record of lift L-1 can be read by plain SELECTs */
    } cases[] = {
        {"empty", make_empty, false},
        {"without anything in it", make_a_database_without_anything, false},
        {"garbage", make_garbage, false},
        {"a line of text", make_a_line_of_text, false},
        {"zeroes", make_zeroes, false},
        {"truncated", make_truncated, true},
        {"foreign", make_foreign, false},
        {"of another application", make_another_application, true},
        {"without a table", make_without_a_table, true},
        {"without a series", make_without_a_series, true},
        {"with a bad series", make_with_a_bad_series, true},
        {"with a seq that was used", make_with_a_seq_that_was_used, true},
        {"with a wrong header", make_with_a_wrong_header, true},
        {"garbled and cut short", make_garbled_and_cut_short, true},
    };
    struct ledger_folder *folder = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s\n", cases[i].what);
        cases[i].make(folder);
        struct bytes *now = test_malloc(sizeof *now);
        read_bytes(folder->file, &one);
        struct ledger *ledger = ledger_open_as(folder, LEDGER_REPLACED);
        assert_int_equal(ledger_next_seq(ledger), 1);
        assert_int_equal(ledger_depth_of(ledger).waiting, 0);
        assert_int_equal(strlen(ledger_series(ledger)), 8);

        struct ledger_replacement replaced;
        assert_int_equal(ledger_replacement(ledger, &replaced), 1);
        assert_true(replaced.why[0] && replaced.aside[0]);
        assert_int_equal(replaced.salvaged > 0, cases[i].salvaged);
        assert_int_equal(access(ledger_folder_path(folder, replaced.aside), F_OK), 0);
        assert_int_equal(ledger_replacement_told(ledger), 0);
        assert_int_equal(ledger_replacement(ledger, &replaced), 0);

        struct lift_record record;
        char text[16];
        assert_int_equal(ledger_lift_load(ledger, "L-1", &record), cases[i].salvaged);
        assert_int_equal(ledger_fact_get(ledger, "boot", text, sizeof text), cases[i].salvaged);
        if (cases[i].salvaged) {
            assert_int_equal(record.fault[0].count, 77);
            assert_int_equal(record.service_mode.number, MODE_NORMAL);
            assert_string_equal(text, "abc");
        }
        assert_works(ledger);
        ledger_close(ledger);

        char name[256], digits[32];
        assert_true(ledger_folder_count(folder, ASIDE, name) >= 1);
        assert_int_equal(sscanf(name + strlen(ASIDE), "%8[0-9]T%6[0-9]Z", digits, digits + 10), 2);
        const char *aside = ledger_folder_path(folder, name);
        char main_file[400];
        snprintf(main_file, sizeof main_file, "%.*s", (int)(strlen(folder->path) + 1 + strlen(ASIDE) + 16), aside);
        read_bytes(main_file, now);
        assert_int_equal(now->size, one.size);
        assert_memory_equal(now->data, one.data, one.size);
        test_free(now);
        ledger = ledger_open_as(folder, LEDGER_OPENED);
        ledger_close(ledger);
        while (ledger_folder_count(folder, "ledger.db", name) > 0)
            unlink(ledger_folder_path(folder, name));
    }
}

static void a_file_that_is_gone_leaves_its_wal(void **state) {
    struct ledger_folder *folder = *state;
    make_ledger_cut_short(folder);
    unlink(folder->file);
    struct ledger *ledger = ledger_open_as(folder, LEDGER_REPLACED);
    assert_int_equal(ledger_next_seq(ledger), 1);
    assert_works(ledger);
    ledger_close(ledger);
    assert_int_equal(ledger_folder_count(folder, ASIDE, NULL), 1);
}

/* Two in the same second get two names. */
static void no_ruin_takes_the_place_of_another(void **state) {
    struct ledger_folder *folder = *state;
    for (int i = 1; i <= 3; i++) {
        make_garbage(folder);
        ledger_close(ledger_open_as(folder, LEDGER_REPLACED));
        assert_int_equal(ledger_folder_count(folder, ASIDE, NULL), i);
    }
}

/* Damage to a file that was closed well may show only in use; the next start then looks at all of it. */
static void damage_found_in_use_is_mended_by_a_restart(void **state) {
    struct ledger_folder *folder = *state;
    make_ledger(folder);
    read_bytes(folder->file, &one);
    unsigned char *payload = memmem(one.data, one.size, "{\"seq\":1500,", 12);
    assert_non_null(payload);
    memset(one.data + (payload - one.data) / PAGE * PAGE, 0xA5, PAGE);
    write_bytes(folder->file, one.data, one.size);

    struct ledger *ledger = ledger_open_as(folder, LEDGER_OPENED);
    struct ledger_message message;
    int result = 1;
    assert_false(ledger_is_damaged(ledger));
    for (uint64_t after = 0; result == 1; after = message.seq)
        result = ledger_waiting(ledger, after, &message);
    assert_int_equal(result, -1);
    assert_true(ledger_is_damaged(ledger));
    ledger_close(ledger);

    ledger = ledger_open_as(folder, LEDGER_REPLACED);
    struct lift_record record;
    assert_int_equal(ledger_lift_load(ledger, "L-1", &record), 1);
    assert_works(ledger);
    ledger_close(ledger);
}

/* SQLite has no checksums: what it reads without complaint may still be wrong, and must not be sent for ever. */
static void a_message_that_is_none_is_damage(void **state) {
    static const char *const damages[] = {
        "UPDATE message SET payload = CAST(x'C328' AS TEXT) WHERE seq = 7",
        "UPDATE topic SET topic = CAST(x'C328' AS TEXT)",
        "UPDATE message SET payload = replace(hex(zeroblob(2049)), '00', '..') WHERE seq = 7",
    };
    struct ledger_folder *folder = *state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        unlink(folder->file);
        make_ledger(folder);
        run_sql(folder->file, damages[i]);
        struct ledger *ledger = ledger_open_as(folder, LEDGER_OPENED);
        struct ledger_message message;
        assert_int_equal(ledger_waiting(ledger, 6, &message), -1);
        assert_true(ledger_is_damaged(ledger));
        ledger_close(ledger);
        ledger_close(ledger_open_as(folder, LEDGER_REPLACED));
    }
}

static void a_dying_disk_does_not_fill_up_with_ruins(void **state) {
    struct ledger_folder *folder = *state;
    for (int i = 1; i <= 3; i++) {
        char name[64];
        snprintf(name, sizeof name, ASIDE "2020010%dT000000Z", i);
        write_bytes(ledger_folder_path(folder, name), "x", 1);
    }
    write_bytes(ledger_folder_path(folder, ASIDE "20200101T000000Z-wal"), "x", 1);
    write_bytes(ledger_folder_path(folder, "ledger.db.damaged-notes.txt"), "x", 1);
    make_garbage(folder);
    ledger_close(ledger_open_as(folder, LEDGER_REPLACED));
    assert_int_equal(ledger_folder_count(folder, ASIDE "20200101T", NULL), 0);
    assert_int_equal(ledger_folder_count(folder, ASIDE, NULL), 4);
    assert_int_equal(ledger_folder_count(folder, ASIDE "notes", NULL), 1);
}

/* Runs body in a child of its own and returns its exit status. */
static int in_child(int (*body)(const struct ledger_folder *folder), const struct ledger_folder *folder) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(body(folder));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_in_child(const struct ledger_folder *folder) {
    enum ledger_opening opening;
    struct ledger *ledger = ledger_open(&folder->settings, &opening);
    return ledger ? 100 : (int)opening;
}

static void one_process_at_a_time(void **state) {
    struct ledger_folder *folder = *state;
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    assert_int_equal(in_child(open_in_child, folder), LEDGER_FAILED);
    assert_works(ledger);
    assert_int_equal(in_child(open_in_child, folder), LEDGER_FAILED);
    ledger_close(ledger);
    ledger = ledger_open_as(folder, LEDGER_OPENED);
    assert_int_equal(in_child(open_in_child, folder), LEDGER_FAILED);
    ledger_close(ledger);
    assert_int_equal(ledger_folder_count(folder, ASIDE, NULL), 0);
}

static void what_cannot_be_opened_is_no_damage(void **state) {
    struct ledger_folder *folder = *state;
    char path[128];
    folder->settings.path = path;
    snprintf(path, sizeof path, "%s/none/ledger.db", folder->path);
    ledger_open_as(folder, LEDGER_FAILED);
    snprintf(path, sizeof path, "%s", folder->path);
    ledger_open_as(folder, LEDGER_FAILED);
    assert_int_equal(ledger_folder_count(folder, "ledger", NULL), 0);
}

/* Posts messages of the largest size, one a transaction, until it fails; returns how many went in. */
static int post_until_full(struct ledger *ledger) {
    static char payload[LEDGER_PAYLOAD_SIZE + 1];
    memset(payload, 'p', sizeof payload - 1);
    for (int count = 0; count < 10000; count++) {
        uint64_t seq, n;
        if (ledger_begin(ledger) != 0)
            return count;
        if (ledger_number(ledger, "t", &seq, &n) == 0 && ledger_add(ledger, seq, "t", false, payload, 1) == 0) {
            if (ledger_commit(ledger) != 0)
                return count;
        } else {
            ledger_rollback(ledger);
            return count;
        }
    }
    return -1;
}

static void a_full_file_recovers_through_acknowledgements(void **state) {
    struct ledger_folder *folder = *state;
    folder->settings.max_messages = 1; /* and room for records, which large messages can fill */
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    int count = post_until_full(ledger);
    assert_true(count > 100);
    assert_int_equal(ledger_next_seq(ledger), count + 1);
    assert_int_equal(ledger_depth_of(ledger).waiting, count);
    assert_int_equal(post_until_full(ledger), 0);

    struct ledger_message message;
    for (int seq = 1; seq <= count; seq++) {
        assert_int_equal(ledger_waiting(ledger, 0, &message), 1);
        assert_int_equal(message.seq, seq);
        assert_int_equal(ledger_done(ledger, message.seq, 1764000000000, 1764000000000, false), 0);
    }
    assert_int_equal(ledger_depth_of(ledger).waiting, 0);
    ledger_post_many(ledger, "t", 50); /* the history gives way */
    assert_int_equal(ledger_next_seq(ledger), count + 51);
    ledger_close(ledger);
    ledger = ledger_open_as(folder, LEDGER_OPENED);
    assert_int_equal(ledger_depth_of(ledger).waiting, 50);
    ledger_close(ledger);
}

static void limit_file_size(rlim_t size) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    setrlimit(RLIMIT_FSIZE, &limit);
}

static int meet_a_full_disk(const struct ledger_folder *folder) {
    signal(SIGXFSZ, SIG_IGN);
    enum ledger_opening opening;
    struct ledger *ledger = ledger_open(&folder->settings, &opening);
    limit_file_size(400 * 1024);
    int count = post_until_full(ledger);
    if (count < 20 || post_until_full(ledger) != 0 || ledger_depth_of(ledger).waiting != count)
        return 1;
    limit_file_size(RLIM_INFINITY);
    if (ledger_begin(ledger) != 0 || ledger_post(ledger, "t") != (uint64_t)count + 1 || ledger_commit(ledger) != 0)
        return 2;
    ledger_close(ledger);
    return 0;
}

static void a_full_disk_is_told_and_outlived(void **state) {
    struct ledger_folder *folder = *state;
    assert_int_equal(in_child(meet_a_full_disk, folder), 0);
    struct ledger *ledger = ledger_open_as(folder, LEDGER_OPENED);
    struct ledger_message message = {0};
    uint64_t expected = 0;
    while (ledger_waiting(ledger, expected, &message) == 1)
        assert_int_equal(message.seq, ++expected);
    assert_int_equal(expected, ledger_next_seq(ledger) - 1);
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, ledger_folder_make, ledger_folder_remove)
        TEST(a_clean_end_leaves_one_file),
        TEST(each_new_ledger_has_its_own_series),
        TEST(after_a_power_cut_everything_is_there),
        TEST(a_newer_ledger_is_refused_and_left_alone),
        TEST(what_cannot_be_trusted_is_set_aside),
        TEST(a_file_that_is_gone_leaves_its_wal),
        TEST(no_ruin_takes_the_place_of_another),
        TEST(damage_found_in_use_is_mended_by_a_restart),
        TEST(a_message_that_is_none_is_damage),
        TEST(a_dying_disk_does_not_fill_up_with_ruins),
        TEST(one_process_at_a_time),
        TEST(what_cannot_be_opened_is_no_damage),
        TEST(a_full_file_recovers_through_acknowledgements),
        TEST(a_full_disk_is_told_and_outlived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
