/* A disk that is full, that fails, that takes half of a write: at every step of the work, once or for good. What was
 * promised stays, nothing is half there, the ledger says what is wrong, and it works again when the disk does. And how
 * much is written: flash wears out. */
#include "faulty_disk.h"
#include "ledger_fixture.h"

#define FAULT_TOPIC "c/lift/L-1/fault/overspeed"
#define FOR_GOOD 1000000
#define ACKNOWLEDGED 4

static struct lift_record record;

/* One transaction of messages and the record that counts them. 0, or -1 with nothing done. */
static int post(struct ledger *ledger, int messages) {
    struct lift_record after = record;
    if (ledger_begin(ledger) != 0)
        return -1;
    after.fault[FAULT_OVERSPEED].count += (uint32_t)messages;
    after.faults_changed = UINT32_C(1) << FAULT_OVERSPEED;
    bool posted = true;
    for (int i = 0; i < messages && posted; i++)
        posted = ledger_post(ledger, FAULT_TOPIC) > 0;
    if (!posted || ledger_lift_save(ledger, "L-1", &after) != 0) {
        ledger_rollback(ledger);
        return -1;
    }
    if (ledger_commit(ledger) != 0)
        return -1;
    record = after;
    return 0;
}

static uint64_t posted(void) {
    return record.fault[FAULT_OVERSPEED].count;
}

/* What a box does while its disk fails now and then: it tries. */
static void work(struct ledger *ledger) {
    for (int i = 1; i <= ACKNOWLEDGED; i++) {
        post(ledger, i);
        ledger_done(ledger, (uint64_t)i, 1764000000000, 1764000000000, false);
        ledger_fact_put(ledger, "alive", i % 2 ? "1764000000000" : "1764000060000");
    }
    ledger_prune(ledger, 1764000000000);
}

/* All messages are there that were promised, at most those of one transaction more, and the record fits them. */
static void assert_whole(const struct ledger_folder *folder, uint64_t promised) {
    struct ledger *ledger = ledger_open_as(folder, LEDGER_OPENED);
    struct lift_record found;
    struct ledger_message message = {0};
    uint64_t next = ledger_next_seq(ledger), expected = 0;
    assert_true(next - 1 >= promised && next - 1 <= promised + 4);
    ledger_lift_load(ledger, "L-1", &found);
    assert_int_equal(found.fault[FAULT_OVERSPEED].count, next - 1);
    while (ledger_waiting(ledger, message.seq, &message) == 1) {
        unsigned long long seq, n;
        assert_int_equal(sscanf(message.payload, "{\"seq\":%llu,\"n\":%llu}", &seq, &n), 2);
        assert_true(seq == message.seq && n == seq && seq >= expected);
        assert_true(seq <= ACKNOWLEDGED + 1 || expected == 0 || seq == expected); /* some of them failed */
        expected = seq + 1;
    }
    assert_true(expected == 0 || expected == next);
    ledger_close(ledger);
}

struct trouble {
    const char *what;
    int failure;
    bool half_written;
    long count;
};

static const struct trouble troubles[] = {
    {"full for a moment", SQLITE_FULL, false, 3},
    {"full", SQLITE_FULL, false, FOR_GOOD},
    {"half a write", SQLITE_FULL, true, 1},
    {"one error", SQLITE_IOERR, false, 1},
    {"one error after half a write", SQLITE_IOERR, true, 1},
    {"nothing but errors", SQLITE_IOERR, false, FOR_GOOD},
};

static void fail_from(const struct trouble *trouble, long step) {
    disk.steps = 0;
    disk.fail_at = step;
    disk.fail_count = trouble->count;
    disk.half_written = trouble->half_written;
    disk.failure = trouble->failure;
}

/* Works with the trouble from that step on; returns false once it comes after all the work. */
static bool suffer(const struct ledger_folder *folder, const struct trouble *trouble, long step) {
    char name[256];
    while (ledger_folder_count(folder, "ledger.db", name) > 0)
        unlink(ledger_folder_path(folder, name));
    record = (struct lift_record){.changed = true};
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    assert_int_equal(post(ledger, 2), 0);
    fail_from(trouble, step);
    work(ledger);
    bool met = disk.steps > step;
    bool lasting = trouble->count == FOR_GOOD && met;
    if (lasting && disk.steps > step + 3) {
        post(ledger, 1);
        assert_true(ledger_reason(ledger)[0]);
    }
    if (!lasting || step % 2) { /* the disk is well again */
        disk.failure = 0;
        int attempts = 0;
        while (post(ledger, 1) != 0)
            assert_true(++attempts < 3);
        assert_string_equal(ledger_reason(ledger), "");
    }
    ledger_close(ledger);
    disk.failure = 0;
    assert_whole(folder, posted());
    return met;
}

static void every_trouble_at_every_step(void **state) {
    disk_install();
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) {
        long step = 0;
        while (suffer(*state, &troubles[i], step))
            step++;
        print_message("%s: %ld steps\n", troubles[i].what, step);
        assert_true(step > 40);
    }
}

/* The ledger is opened while the disk is in trouble: it comes up, or it says no and leaves everything as it was. A
 * sector that cannot be read is damage. */
static void opening_meets_every_trouble(void **state) {
    struct ledger_folder *folder = *state;
    disk_install();
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) {
        bool met = true;
        for (long step = 0; met; step++) {
            char name[256];
            while (ledger_folder_count(folder, "ledger.db", name) > 0)
                unlink(ledger_folder_path(folder, name));
            record = (struct lift_record){.changed = true};
            struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
            assert_int_equal(post(ledger, 3), 0);
            ledger_close(ledger);
            fail_from(&troubles[i], step);
            enum ledger_opening opening;
            ledger = ledger_open(&folder->settings, &opening);
            met = disk.steps > step;
            disk.failure = 0;
            assert_int_not_equal(opening, LEDGER_CREATED);
            assert_int_not_equal(opening, LEDGER_NEWER);
            assert_true(opening != LEDGER_REPLACED || troubles[i].failure == SQLITE_IOERR);
            ledger_close(ledger);
            if (opening != LEDGER_REPLACED)
                assert_whole(folder, 3);
        }
    }
}

/* A ledger that has to be replaced while the disk is in trouble is replaced later, but not lost. */
static void replacing_meets_every_trouble(void **state) {
    struct ledger_folder *folder = *state;
    disk_install();
    for (size_t i = 0; i < sizeof troubles / sizeof troubles[0]; i++) {
        bool met = true;
        for (long step = 0; met; step += 3) {
            char name[256];
            while (ledger_folder_count(folder, "ledger.db", name) > 0)
                unlink(ledger_folder_path(folder, name));
            int fd = open(folder->file, O_WRONLY | O_CREAT, 0600);
            assert_int_equal(write(fd, "garbage\n", 8), 8);
            close(fd);
            fail_from(&troubles[i], step);
            enum ledger_opening opening;
            ledger_close(ledger_open(&folder->settings, &opening));
            met = disk.steps > step;
            disk.failure = 0;
            struct ledger *ledger = ledger_open(&folder->settings, &opening);
            assert_non_null(ledger);
            struct ledger_replacement replaced;
            assert_int_equal(ledger_replacement(ledger, &replaced), 1);
            assert_true(ledger_folder_count(folder, "ledger.db.damaged-", NULL) >= 1);
            ledger_close(ledger);
        }
    }
}

/* --- wear ----------------------------------------------------------------------------------------------------------
 */

#define RIDES 300
#define FAULTS 5

static void publish(struct ledger *ledger) {
    static char payload[1025];
    uint64_t seq, n;
    memset(payload, 'p', sizeof payload - 1); /* a fault message with its texts is about that long */
    assert_int_equal(ledger_number(ledger, FAULT_TOPIC, &seq, &n), 0);
    assert_int_equal(ledger_add(ledger, seq, FAULT_TOPIC, true, payload, 1764000000000), 0);
}

/* As daemon/fleet.c writes a lift: its record and its open day in one transaction. */
static void save(struct ledger *ledger, struct lift_record *lift, struct report *day) {
    assert_int_equal(ledger_report_save(ledger, "L-1", REPORT_DAY, day), 0);
    assert_int_equal(ledger_lift_save(ledger, "L-1", lift), 0);
    lift->faults_changed = lift->counters_changed = 0;
    lift->changed = false;
}

/* A lift's day: a stamp every minute, the counters of every ride, and five faults with their acknowledgements. */
static void a_day_wears_little(void **state) {
    struct ledger_folder *folder = *state;
    disk_install();
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    static struct report day;
    struct lift_record lift = {.changed = true};
    disk.bytes = disk.blocks = disk.syncs = 0;
    snprintf(disk.folder, sizeof disk.folder, "%s", folder->path);
    for (int minute = 0; minute < 24 * 60; minute++) {
        char stamp[32];
        snprintf(stamp, sizeof stamp, "%lld", 1764000000000 + minute * 60000LL);
        assert_int_equal(ledger_fact_put(ledger, "alive", stamp), 0);
        ledger_prune(ledger, 1764000000000 + minute * 60000LL);
        if (minute % (24 * 60 / RIDES) == 0) {
            for (int i = 0; i < COUNTER_COUNT; i++)
                lift.counter[i] = (struct counter){.known = true, .total = minute, .raw_known = true, .raw = minute};
            lift.counters_changed = (1u << COUNTER_COUNT) - 1;
            day.rides = (uint32_t)minute;
            day.stops[minute % 8]++;
            assert_int_equal(ledger_begin(ledger), 0);
            save(ledger, &lift, &day);
            assert_int_equal(ledger_commit(ledger), 0);
        }
        if (minute % (24 * 60 / (2 * FAULTS)) == 0) { /* raised or cleared */
            assert_int_equal(ledger_begin(ledger), 0);
            lift.changed = true;
            lift.faults_changed = 1;
            publish(ledger);
            save(ledger, &lift, &day);
            assert_int_equal(ledger_commit(ledger), 0);
            assert_int_equal(ledger_done(ledger, ledger_next_seq(ledger) - 1, 1764000000000, 1764000000000, false), 0);
        }
    }
    print_message("a day: %lld KiB in %lld syncs; in blocks of 4 KiB: %lld KiB\n", (long long)disk.bytes / 1024,
                  (long long)disk.syncs, (long long)disk.blocks * 4);
    assert_true(disk.bytes < 8 << 20);
    assert_true(disk.blocks * DISK_BLOCK < 32 << 20);
    ledger_close(ledger);
}

static void what_did_not_change_is_not_written(void **state) {
    struct ledger_folder *folder = *state;
    disk_install();
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    struct lift_record lift = {.changed = true};
    assert_int_equal(ledger_lift_save(ledger, "L-1", &lift), 0);
    assert_int_equal(ledger_retained_add(ledger, "L-1", "c/lift/L-1/state"), 0);
    lift.changed = false;
    int64_t before = disk.bytes;
    for (int i = 0; i < 100; i++) {
        assert_int_equal(ledger_lift_save(ledger, "L-1", &lift), 0);
        assert_int_equal(ledger_retained_add(ledger, "L-1", "c/lift/L-1/state"), 0);
        assert_int_equal(ledger_prune(ledger, 1764000000000), 0);
    }
    assert_int_equal(disk.bytes, before);
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, ledger_folder_make, ledger_folder_remove)
        TEST(every_trouble_at_every_step),        TEST(opening_meets_every_trouble),
        TEST(replacing_meets_every_trouble),      TEST(a_day_wears_little),
        TEST(what_did_not_change_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
