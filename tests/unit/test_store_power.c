/* A power cut at every moment: what ledger_commit reported as done is there afterwards, whole; of what it was about to
 * do, all or nothing; numbers go on without a gap; and a ledger that took a damaged one's place is announced. */
#include "faulty_disk.h"
#include "ledger_fixture.h"

#include <time.h>

#define FAULT_TOPIC "c/lift/L-1/fault/overspeed"
#define MODE_TOPIC "c/lift/L-1/event/mode_changed"
#define STATES 400
#define STATE_SIZE 4096
#define CHANCES 2 /* how many cuts with some of the writes kept, beside all and none */

/* What a ledger says of itself, as text, and how many steps of the disk had been made when it was promised. */
static struct promise {
    size_t steps;
    char state[STATE_SIZE];
} promises[STATES];
static size_t promise_count;

static void describe(struct ledger *ledger, char state[STATE_SIZE]) {
    struct ledger_depth depth = ledger_depth_of(ledger);
    struct ledger_message message = {0};
    struct lift_record record;
    char fact[64] = "";
    ledger_lift_load(ledger, "L-1", &record);
    ledger_fact_get(ledger, "alive", fact, sizeof fact);
    int used = snprintf(state, STATE_SIZE,
                        "%s next %llu, dropped %lld, count %llu, alive %s, waiting %lld:", ledger_series(ledger),
                        (unsigned long long)ledger_next_seq(ledger), (long long)depth.dropped,
                        (unsigned long long)record.fault[FAULT_OVERSPEED].count, fact, (long long)depth.waiting);
    while (ledger_waiting(ledger, message.seq, &message) == 1 && used < STATE_SIZE - 100)
        used += snprintf(state + used, (size_t)(STATE_SIZE - used), " %s %.20s", message.payload, message.topic + 9);
}

/* The ledger as it is now must be found again from now on. */
static void promise(struct ledger *ledger) {
    assert_true(promise_count < STATES);
    promises[promise_count].steps = disk.count;
    describe(ledger, promises[promise_count++].state);
}

/* One transaction of messages and the record that counts them. */
static void post(struct ledger *ledger, int messages) {
    struct lift_record record;
    ledger_lift_load(ledger, "L-1", &record);
    assert_int_equal(ledger_begin(ledger), 0);
    for (int i = 0; i < messages; i++)
        assert_true(ledger_post(ledger, i % 2 ? MODE_TOPIC : FAULT_TOPIC) > 0);
    record.fault[FAULT_OVERSPEED].count += (uint32_t)messages;
    record.faults_changed = UINT32_C(1) << FAULT_OVERSPEED;
    assert_int_equal(ledger_lift_save(ledger, "L-1", &record), 0);
    assert_int_equal(ledger_commit(ledger), 0);
    promise(ledger);
}

static void acknowledge(struct ledger *ledger, uint64_t from, uint64_t to) {
    assert_int_equal(ledger_begin(ledger), 0);
    for (uint64_t seq = from; seq <= to; seq++)
        assert_int_equal(ledger_done(ledger, seq, 1764000008000, 1764000009000, seq % 3 == 0), 0);
    assert_int_equal(ledger_commit(ledger), 0);
    promise(ledger);
}

static void drop(struct ledger *ledger) {
    uint64_t from, to, count;
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(ledger_drop_oldest(ledger, 0, &from, &to, &count), 0);
    assert_true(count > 0);
    assert_true(ledger_post(ledger, MODE_TOPIC) > 0);
    assert_int_equal(ledger_commit(ledger), 0);
    promise(ledger);
}

/* What a box does in a day, and more. */
static void live(const struct ledger_folder *folder) {
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    promise(ledger);
    for (int i = 1; i <= 7; i++)
        post(ledger, i);
    acknowledge(ledger, 1, 4);
    assert_int_equal(ledger_fact_put(ledger, "alive", "1764000000000"), 0);
    promise(ledger);
    drop(ledger);
    ledger_close(ledger); /* a checkpoint */

    ledger = ledger_open_as(folder, LEDGER_OPENED);
    post(ledger, 2);
    assert_int_equal(ledger_begin(ledger), 0);
    assert_true(ledger_post(ledger, FAULT_TOPIC) > 0);
    ledger_rollback(ledger);
    acknowledge(ledger, 5, 9);
    assert_int_equal(ledger_prune(ledger, INT64_C(4000000000000)), 0);
    promise(ledger);
    post(ledger, 3);
    ledger_close(ledger);
}

/* The last promise made before the cut, or the state that came next: a commit under way may have come through. */
static void assert_kept(const char *state, size_t steps, enum disk_cut cut) {
    size_t last = 0;
    while (last + 1 < promise_count && promises[last + 1].steps <= steps)
        last++;
    bool kept = strcmp(state, promises[last].state) == 0 ||
                (last + 1 < promise_count && strcmp(state, promises[last + 1].state) == 0);
    if (!kept)
        fail_msg("cut %d after step %zu:\nfound    %s\npromised %s\n", (int)cut, steps, state, promises[last].state);
}

static void assert_goes_on(struct ledger *ledger) {
    uint64_t next = ledger_next_seq(ledger);
    ledger_post_many(ledger, FAULT_TOPIC, 2);
    struct ledger_message message;
    assert_int_equal(ledger_waiting(ledger, next - 1, &message), 1);
    assert_int_equal(message.seq, next);
}

typedef void check_cut(const struct ledger_folder *after, size_t steps, enum disk_cut cut);

/* Cuts the power everywhere, in every way; returns how many times. */
static int cut_everywhere(check_cut *check) {
    struct ledger_folder *after;
    int cuts = 0;
    disk.recording = false;
    srand(20261123);
    assert_int_equal(ledger_folder_make((void **)&after), 0);
    after->settings.max_messages = 20;
    for (size_t steps = disk.base; steps <= disk.count; steps++) {
        if (!disk_is_worth_a_cut(steps))
            continue;
        for (int way = 0; way < DISK_SOME_KEPT + CHANCES; way++) {
            enum disk_cut cut = way < DISK_SOME_KEPT ? (enum disk_cut)way : DISK_SOME_KEPT;
            disk_lay_out(steps, cut, after->path);
            check(after, steps, cut);
            cuts++;
        }
    }
    ledger_folder_remove((void **)&after);
    return cuts;
}

static void check_life(const struct ledger_folder *after, size_t steps, enum disk_cut cut) {
    char state[STATE_SIZE];
    bool promised = steps >= promises[0].steps;
    enum ledger_opening opening;
    struct ledger *ledger = ledger_open(&after->settings, &opening);
    assert_non_null(ledger);
    if (opening != LEDGER_OPENED && (promised || opening != LEDGER_CREATED))
        fail_msg("cut %d after step %zu: opening %d", (int)cut, steps, (int)opening);
    describe(ledger, state);
    if (promised)
        assert_kept(state, steps, cut);
    else
        assert_int_equal(ledger_next_seq(ledger), 1);
    assert_goes_on(ledger);
    ledger_close(ledger);
}

static void what_was_committed_is_there(void **state) {
    struct ledger_folder *folder = *state;
    folder->settings.max_messages = 20;
    promise_count = 0;
    disk_install();
    disk_record(folder->path);
    live(folder);
    int cuts = cut_everywhere(check_life);
    print_message("%d cuts in %zu steps, %zu promises\n", cuts, disk.count, promise_count);
    assert_true(cuts > 400 && promise_count > 10);
    disk_forget();
}

/* A ledger as the first version wrote it, which never changes: from here on every step of the schema's ladder is cut.
 */
static void make_first_version(const struct ledger_folder *folder) {
    FILE *file = fopen(SOURCE_DIR "/tests/unit/ledger-version-1.sql", "r");
    static char sql[64 << 10];
    assert_non_null(file);
    sql[fread(sql, 1, sizeof sql - 1, file)] = '\0';
    fclose(file);
    sqlite3 *database;
    assert_int_equal(sqlite3_open_v2(folder->file, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix"),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(database, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(database);
}

static void check_upgrade(const struct ledger_folder *after, size_t steps, enum disk_cut cut) {
    char state[STATE_SIZE];
    struct ledger *ledger = ledger_open_as(after, LEDGER_OPENED);
    describe(ledger, state);
    assert_kept(state, steps, cut);
    assert_goes_on(ledger);
    ledger_close(ledger);
}

static void an_upgrade_is_done_or_not(void **state) {
    struct ledger_folder *folder = *state;
    promise_count = 0;
    disk_install();
    make_first_version(folder);
    disk_record(folder->path);
    struct ledger *ledger = ledger_open_as(folder, LEDGER_OPENED);
    promise(ledger);
    promises[0].steps = disk.base;
    assert_int_equal(ledger_next_seq(ledger), 4);
    assert_int_equal(ledger_depth_of(ledger).waiting, 2);
    post(ledger, 1);
    ledger_close(ledger);
    assert_true(cut_everywhere(check_upgrade) > 40);
    disk_forget();
}

/* --- a damaged ledger ----------------------------------------------------------------------------------------------
 */

static size_t told_steps; /* when it was promised that the announcement is made */
static char old_series[LEDGER_SERIES_SIZE];

/* With a -wal beside it, as a power cut leaves it; what is wrong is in the messages. */
static void make_damaged(const struct ledger_folder *folder) {
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    struct lift_record record = {.changed = true, .faults_changed = UINT32_C(1) << FAULT_OVERSPEED};
    record.fault[FAULT_OVERSPEED].count = 77;
    snprintf(old_series, sizeof old_series, "%s", ledger_series(ledger));
    assert_int_equal(ledger_lift_save(ledger, "L-1", &record), 0);
    ledger_post_many(ledger, FAULT_TOPIC, 30);
    ledger_close(ledger);
    sqlite3 *database;
    assert_int_equal(sqlite3_open_v2(folder->file, &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix"),
                     SQLITE_OK);
    assert_int_equal(sqlite3_exec(database,
                                  "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name ="
                                  " 'message_waiting'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(database);
    int fd = open(ledger_folder_path(folder, "ledger.db-wal"), O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "no frames", 9), 9);
    close(fd);
}

static void tell(struct ledger *ledger) {
    struct ledger_replacement replaced;
    assert_int_equal(ledger_replacement(ledger, &replaced), 1);
    assert_string_equal(replaced.series, old_series);
    assert_int_equal(replaced.last_seq, 30);
    assert_true(replaced.salvaged >= 2 && replaced.why[0]);
    assert_int_equal(ledger_begin(ledger), 0);
    assert_true(ledger_post(ledger, "c/gateway/G/event/ledger_replaced") == 1);
    assert_int_equal(ledger_replacement_told(ledger), 0);
    assert_int_equal(ledger_commit(ledger), 0);
}

static void check_replacement(const struct ledger_folder *after, size_t steps, enum disk_cut cut) {
    enum ledger_opening opening;
    struct ledger *ledger = ledger_open(&after->settings, &opening);
    if (!ledger || (opening != LEDGER_OPENED && opening != LEDGER_REPLACED))
        fail_msg("cut %d after step %zu: opening %d", (int)cut, steps, (int)opening);
    assert_string_not_equal(ledger_series(ledger), old_series);
    struct lift_record record;
    assert_int_equal(ledger_lift_load(ledger, "L-1", &record), 1);
    assert_int_equal(record.fault[FAULT_OVERSPEED].count, 77);
    assert_int_equal(ledger_folder_count(after, "ledger.db.new", NULL), 0);
    struct ledger_replacement replaced;
    int owed = ledger_replacement(ledger, &replaced);
    if (owed == 1) {
        if (steps >= told_steps)
            fail_msg("cut %d after step %zu: announced twice", (int)cut, steps);
        assert_int_equal(ledger_next_seq(ledger), 1);
        assert_int_equal(access(ledger_folder_path(after, replaced.aside), F_OK), 0);
        tell(ledger);
    }
    if (ledger_next_seq(ledger) < 2)
        fail_msg("cut %d after step %zu: never announced", (int)cut, steps);
    struct ledger_message message;
    assert_int_equal(ledger_waiting(ledger, 0, &message), 1);
    assert_non_null(strstr(message.topic, "ledger_replaced"));
    assert_int_equal(ledger_folder_count(after, "ledger.db.damaged-", NULL), 2); /* and its -wal */
    ledger_close(ledger);
}

static void a_damaged_ledger_is_replaced_and_announced(void **state) {
    struct ledger_folder *folder = *state;
    disk_install();
    make_damaged(folder);
    disk_record(folder->path);
    struct ledger *ledger = ledger_open_as(folder, LEDGER_REPLACED);
    tell(ledger);
    told_steps = disk.count;
    ledger_post_many(ledger, FAULT_TOPIC, 2);
    ledger_close(ledger);
    int cuts = cut_everywhere(check_replacement);
    print_message("%d cuts in %zu steps\n", cuts, disk.count);
    assert_true(cuts > 100);
    disk_forget();
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, ledger_folder_make, ledger_folder_remove)
        TEST(what_was_committed_is_there),
        TEST(an_upgrade_is_done_or_not),
        TEST(a_damaged_ledger_is_replaced_and_announced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
