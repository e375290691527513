/* kill -9 at random moments: whatever ledger_commit reported as done is there afterwards, the numbers have no gap, and
 * a lift's record never differs from the messages that told of it. */
#include "ledger_fixture.h"

#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#define ROUNDS 25
#define TOPICS 3
#define LONGEST_LIFE_MS 60

static const char *const topics[TOPICS] = {"c/lift/L-1/fault/overspeed", "c/lift/L-2/fault/overspeed",
                                           "c/lift/L-1/event/mode_changed"};

/* Posts and acknowledges until it is killed; each seq goes to the pipe once its transaction is committed. The count in
 * the lift's record is the number of messages ever posted. */
static void live(const struct ledger_folder *folder, int told) {
    enum ledger_opening opening;
    struct ledger *ledger = ledger_open(&folder->settings, &opening);
    struct lift_record record;
    if (!ledger || ledger_lift_load(ledger, "L-1", &record) < 0)
        _exit(1);
    for (;;) {
        int messages = 1 + (int)(ledger_next_seq(ledger) % 4);
        if (ledger_begin(ledger) != 0)
            _exit(2);
        uint64_t seq = 0;
        for (int i = 0; i < messages; i++) {
            seq = ledger_post(ledger, topics[ledger_next_seq(ledger) % TOPICS]);
            record.fault[FAULT_OVERSPEED].count++;
        }
        record.faults_changed = UINT32_C(1) << FAULT_OVERSPEED;
        if (seq == 0 || ledger_lift_save(ledger, "L-1", &record) != 0 || ledger_commit(ledger) != 0)
            _exit(3);
        if (write(told, &seq, sizeof seq) != sizeof seq)
            _exit(4);
        struct ledger_message message;
        if (seq % 5 == 0 && ledger_waiting(ledger, 0, &message) == 1 &&
            ledger_done(ledger, message.seq, 1764000000000, 1764000000000, false) != 0)
            _exit(5);
    }
}

/* Lets a child live for a moment; returns the last seq that it told of, 0 if none. */
static uint64_t live_and_die(const struct ledger_folder *folder, long life_ms) {
    int told[2];
    assert_int_equal(pipe(told), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(told[0]);
        live(folder, told[1]);
    }
    close(told[1]);
    nanosleep(&(struct timespec){.tv_nsec = life_ms * 1000000}, NULL);
    kill(child, SIGKILL);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    uint64_t seq, last = 0;
    while (read(told[0], &seq, sizeof seq) == sizeof seq) {
        assert_true(seq > last);
        last = seq;
    }
    close(told[0]);
    return last;
}

/* Every message that waits, in order, from the first on without a gap, with its n. */
static void assert_no_gap(struct ledger *ledger, uint64_t next_seq) {
    uint64_t last = 0, last_n[TOPICS] = {0};
    struct ledger_message message;
    while (ledger_waiting(ledger, last, &message) == 1) {
        unsigned long long seq, n;
        assert_int_equal(sscanf(message.payload, "{\"seq\":%llu,\"n\":%llu}", &seq, &n), 2);
        assert_int_equal(seq, message.seq);
        assert_true(last == 0 || message.seq == last + 1);
        assert_string_equal(message.topic, topics[seq % TOPICS]);
        uint64_t *of_topic = &last_n[seq % TOPICS];
        assert_true(*of_topic == 0 || n == *of_topic + 1);
        *of_topic = n;
        last = message.seq;
    }
    assert_int_equal(last + 1, next_seq);
}

static void a_killed_process_loses_nothing_that_it_told(void **state) {
    struct ledger_folder *folder = *state;
    folder->settings.max_messages = 100000;
    ledger_close(ledger_open_as(folder, LEDGER_CREATED));
    srand(20251124);
    uint64_t told = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t last = live_and_die(folder, rand() % LONGEST_LIFE_MS);
        told = last > told ? last : told;
        struct ledger *ledger = ledger_open_as(folder, LEDGER_OPENED);
        assert_true(ledger_next_seq(ledger) > told);
        assert_no_gap(ledger, ledger_next_seq(ledger));
        struct lift_record record;
        int found = ledger_lift_load(ledger, "L-1", &record);
        assert_int_equal(found, ledger_next_seq(ledger) > 1);
        assert_int_equal(record.fault[FAULT_OVERSPEED].count, ledger_next_seq(ledger) - 1);
        ledger_close(ledger);
    }
    assert_true(told > 0);
    print_message("%llu messages told\n", (unsigned long long)told);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_process_loses_nothing_that_it_told, ledger_folder_make,
                                        ledger_folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
