/* What an operator relies on: numbers without a gap, messages that wait in order until they are done, and a bound at
 * which the oldest go and nothing goes silently. */
#include "ledger_fixture.h"

#include <sqlite3.h>

#define FAULT_TOPIC "city/lift/d/c/L-1/fault/door_open_fault"
#define MODE_TOPIC "city/lift/d/c/L-1/event/mode_changed"

static uint64_t number(struct ledger *ledger, const char *topic, uint64_t *n) {
    uint64_t seq;
    assert_int_equal(ledger_number(ledger, topic, &seq, n), 0);
    return seq;
}

static void numbers_go_on_after_a_restart(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    char series[LEDGER_SERIES_SIZE];
    snprintf(series, sizeof series, "%s", ledger_series(ledger));
    assert_int_equal(strlen(series), 8);
    assert_int_equal(strspn(series, "0123456789abcdef"), 8);
    assert_int_equal(ledger_next_seq(ledger), 1);
    ledger_post_many(ledger, FAULT_TOPIC, 3);
    ledger_post_many(ledger, MODE_TOPIC, 1);
    ledger_close(ledger);

    ledger = ledger_open_as(*state, LEDGER_OPENED);
    assert_string_equal(ledger_series(ledger), series);
    assert_int_equal(ledger_next_seq(ledger), 5);
    uint64_t n;
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(number(ledger, FAULT_TOPIC, &n), 5);
    assert_int_equal(n, 4);
    assert_int_equal(number(ledger, MODE_TOPIC, &n), 6);
    assert_int_equal(n, 2);
    ledger_close(ledger);
}

static void numbers_of_a_rolled_back_transaction_come_again(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    ledger_post_many(ledger, FAULT_TOPIC, 2);
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(ledger_post(ledger, FAULT_TOPIC), 3);
    assert_int_equal(ledger_depth_of(ledger).waiting, 3);
    ledger_rollback(ledger);
    assert_int_equal(ledger_depth_of(ledger).waiting, 2);
    assert_int_equal(ledger_next_seq(ledger), 3);
    uint64_t n;
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(number(ledger, FAULT_TOPIC, &n), 3);
    assert_int_equal(n, 3);
    ledger_rollback(ledger);
    ledger_close(ledger);
}

/* Pruning deletes the newest message too: its number must not come again. */
static void numbers_survive_an_empty_history(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    ledger_post_many(ledger, FAULT_TOPIC, 3);
    for (uint64_t seq = 1; seq <= 3; seq++)
        assert_int_equal(ledger_done(ledger, seq, 1764000000000, 1764000000000, false), 0);
    assert_int_equal(ledger_prune(ledger, INT64_C(4000000000000)), 0);
    ledger_close(ledger);
    ledger = ledger_open_as(*state, LEDGER_OPENED);
    assert_int_equal(ledger_next_seq(ledger), 4);
    ledger_close(ledger);
}

static void messages_wait_in_order_until_done(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    struct ledger_message message;
    assert_int_equal(ledger_waiting(ledger, 0, &message), 0);
    ledger_post_many(ledger, FAULT_TOPIC, 2);
    ledger_post_many(ledger, MODE_TOPIC, 1);

    assert_int_equal(ledger_waiting(ledger, 0, &message), 1);
    assert_int_equal(message.seq, 1);
    assert_true(message.retain);
    assert_int_equal(message.real_ms, 1764000000001);
    assert_string_equal(message.topic, FAULT_TOPIC);
    assert_string_equal(message.payload, "{\"seq\":1,\"n\":1}");
    assert_int_equal(message.payload_size, strlen(message.payload));

    assert_int_equal(ledger_done(ledger, 2, 1764000009000, 1764000009000, false), 0);
    assert_int_equal(ledger_waiting(ledger, 1, &message), 1);
    assert_int_equal(message.seq, 3);
    assert_string_equal(message.topic, MODE_TOPIC);
    assert_int_equal(ledger_waiting(ledger, 3, &message), 0);
    ledger_close(ledger);

    ledger = ledger_open_as(*state, LEDGER_OPENED);
    assert_int_equal(ledger_depth_of(ledger).waiting, 2);
    assert_int_equal(ledger_waiting(ledger, 1, &message), 1);
    assert_int_equal(message.seq, 3);
    ledger_close(ledger);
}

static void the_largest_message_comes_back_whole(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    static char topic[LEDGER_TOPIC_SIZE], payload[LEDGER_PAYLOAD_SIZE + 1];
    memset(topic, 't', sizeof topic - 1);
    memset(payload, 'p', sizeof payload - 1);
    uint64_t seq, n;
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(ledger_number(ledger, topic, &seq, &n), 0);
    assert_int_equal(ledger_add(ledger, seq, topic, false, payload, -5), 0);
    assert_int_equal(ledger_commit(ledger), 0);
    static struct ledger_message message;
    assert_int_equal(ledger_waiting(ledger, 0, &message), 1);
    assert_string_equal(message.topic, topic);
    assert_string_equal(message.payload, payload);
    assert_int_equal(message.payload_size, LEDGER_PAYLOAD_SIZE);
    assert_int_equal(message.real_ms, -5);
    assert_false(message.retain);
    ledger_close(ledger);
}

static void depth_follows_every_step(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    struct ledger_depth depth = ledger_depth_of(ledger);
    assert_int_equal(depth.waiting, 0);
    assert_int_equal(depth.oldest_real_ms, 0);
    ledger_post_many(ledger, FAULT_TOPIC, 3);
    assert_int_equal(ledger_depth_of(ledger).oldest_real_ms, 1764000000001);
    assert_int_equal(ledger_done(ledger, 1, 1764000009000, 1764000009000, false), 0);
    assert_int_equal(ledger_done(ledger, 1, 1764000009000, 1764000009000, false),
                     0); /* an acknowledgement may come twice */
    assert_int_equal(ledger_done(ledger, 77, 1764000009000, 1764000009000, false), 0);
    assert_int_equal(ledger_done(ledger, 2, 1764000009000, 1764000009000, true), 0);
    depth = ledger_depth_of(ledger);
    assert_int_equal(depth.waiting, 1);
    assert_int_equal(depth.oldest_real_ms, 1764000000003);

    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(ledger_done(ledger, 3, 1764000009000, 1764000009000, false), 0);
    assert_int_equal(ledger_depth_of(ledger).waiting, 0);
    ledger_rollback(ledger);
    assert_int_equal(ledger_depth_of(ledger).waiting, 1);
    ledger_close(ledger);
}

struct drop_case {
    const char *what;
    int64_t max_messages;
    int waiting;
    uint64_t keep;
    uint64_t from, to, count;
};

static void the_oldest_go_at_the_bound(void **state) {
    static const struct drop_case cases[] = {
        {"there is room", 10, 9, 0, 0, 0, 0},
        {"at the bound, at least two", 10, 10, 0, 1, 2, 2},
        {"never one in flight", 10, 10, 4, 5, 6, 2},
        {"all are in flight", 10, 10, 10, 0, 0, 0},
        {"fewer than wanted are not in flight", 10, 10, 9, 10, 10, 1},
        {"a hundredth of a large one", 500, 500, 3, 4, 8, 5},
        {"a bound that was lowered", 10, 30, 1, 2, 23, 22},
    };
    struct ledger_folder *folder = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct drop_case *c = &cases[i];
        print_message("%s\n", c->what);
        unlink(folder->file);
        folder->settings.max_messages = c->max_messages;
        struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
        ledger_post_many(ledger, FAULT_TOPIC, c->waiting);
        uint64_t from, to, count;
        assert_int_equal(ledger_begin(ledger), 0);
        assert_int_equal(ledger_drop_oldest(ledger, c->keep, &from, &to, &count), 0);
        assert_int_equal(ledger_commit(ledger), 0);
        assert_int_equal(from, c->from);
        assert_int_equal(to, c->to);
        assert_int_equal(count, c->count);
        struct ledger_message message;
        assert_int_equal(ledger_waiting(ledger, c->keep, &message), c->keep + c->count < (uint64_t)c->waiting ? 1 : 0);
        if (c->keep > 0) {
            assert_int_equal(ledger_waiting(ledger, 0, &message), 1);
            assert_int_equal(message.seq, 1);
        }
        ledger_close(ledger);
        ledger = ledger_open_as(folder, LEDGER_OPENED);
        assert_int_equal(ledger_depth_of(ledger).waiting, c->waiting - (int64_t)c->count);
        assert_int_equal(ledger_depth_of(ledger).dropped, c->count);
        ledger_close(ledger);
    }
}

static void a_reload_can_change_the_bound(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    ledger_post_many(ledger, FAULT_TOPIC, 20);
    uint64_t from, to, count;
    ledger_set_bounds(ledger, 10, 90);
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(ledger_drop_oldest(ledger, 0, &from, &to, &count), 0);
    assert_int_equal(count, 12);
    assert_int_equal(ledger_commit(ledger), 0);
    ledger_close(ledger);
}

static void a_rolled_back_drop_did_not_happen(void **state) {
    struct ledger_folder *folder = *state;
    folder->settings.max_messages = 10;
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    ledger_post_many(ledger, FAULT_TOPIC, 10);
    uint64_t from, to, count;
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(ledger_drop_oldest(ledger, 0, &from, &to, &count), 0);
    assert_int_equal(count, 2);
    ledger_rollback(ledger);
    assert_int_equal(ledger_depth_of(ledger).waiting, 10);
    assert_int_equal(ledger_depth_of(ledger).dropped, 0);
    struct ledger_message message;
    assert_int_equal(ledger_waiting(ledger, 0, &message), 1);
    assert_int_equal(message.seq, 1);
    ledger_close(ledger);
}

/* Rows of the table message, done or not: the ledger itself has no need to count its history. */
static int rows_of(const struct ledger_folder *folder) {
    sqlite3 *database;
    sqlite3_stmt *count;
    assert_int_equal(sqlite3_open(folder->file, &database), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, "SELECT count(*) FROM message", -1, &count, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(count), SQLITE_ROW);
    int rows = sqlite3_column_int(count, 0);
    sqlite3_finalize(count);
    sqlite3_close(database);
    return rows;
}

static void history_is_pruned_by_age_and_never_what_waits(void **state) {
    static const struct {
        int done_up_to; /* of 20 messages, whose times are 1764000000001 and so on */
        int64_t now_ms;
        int left;
    } cases[] = {
        {20, 1764000000010 + INT64_C(90) * 86400000, 11}, /* what is older than 90 days */
        {20, 1764000000010, 20},
        {20, INT64_C(4000000000000), 0},
        {5, INT64_C(4000000000000), 15}, /* what waits stays, however old */
        {0, INT64_C(4000000000000), 20},
    };
    struct ledger_folder *folder = *state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unlink(folder->file);
        struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
        ledger_post_many(ledger, FAULT_TOPIC, 20);
        for (int seq = 1; seq <= cases[i].done_up_to; seq++)
            assert_int_equal(ledger_done(ledger, (uint64_t)seq, 1764000009000, 1764000009000, false), 0);
        assert_int_equal(ledger_prune(ledger, cases[i].now_ms), 0);
        ledger_close(ledger);
        assert_int_equal(rows_of(folder), cases[i].left);
    }
}

/* A clock that once stood in the future must not keep history for ever. */
static void history_is_bounded_by_number_too(void **state) {
    struct ledger_folder *folder = *state;
    folder->settings.max_messages = 10;
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    ledger_post_many(ledger, FAULT_TOPIC, 50);
    for (uint64_t seq = 1; seq <= 50; seq++)
        assert_int_equal(ledger_done(ledger, seq, 1764000009000, 1764000009000, false), 0);
    assert_int_equal(ledger_prune(ledger, 0), 0);
    ledger_close(ledger);
    assert_int_equal(rows_of(folder), 20);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, ledger_folder_make, ledger_folder_remove)
        TEST(numbers_go_on_after_a_restart),        TEST(numbers_of_a_rolled_back_transaction_come_again),
        TEST(numbers_survive_an_empty_history),     TEST(messages_wait_in_order_until_done),
        TEST(the_largest_message_comes_back_whole), TEST(depth_follows_every_step),
        TEST(the_oldest_go_at_the_bound),           TEST(a_reload_can_change_the_bound),
        TEST(a_rolled_back_drop_did_not_happen),    TEST(history_is_pruned_by_age_and_never_what_waits),
        TEST(history_is_bounded_by_number_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
