/* What happened, as the ledger remembers it: each message with its way to the broker, page by page, from a time on; and
 * the black boxes, which go with the message that they belong to. */
#include "ledger_fixture.h"

#define TOPIC "city/lift/d/c/L-1/fault/door_open_fault"
#define TIME_MS INT64_C(1764000000000)

struct told {
    size_t count;
    struct ledger_past past[2000];
    char payload[64];
};

static void see(void *context, const struct ledger_past *past) {
    struct told *seen = context;
    assert_true(seen->count < sizeof seen->past / sizeof seen->past[0]);
    assert_string_equal(past->topic, TOPIC);
    snprintf(seen->payload, sizeof seen->payload, "%s", past->payload);
    seen->past[seen->count++] = *past;
}

static const struct told *history(struct ledger *ledger, uint64_t after, int limit) {
    static struct told told;
    told = (struct told){.count = 0};
    assert_int_equal(ledger_history(ledger, after, limit, see, &told), 0);
    return &told;
}

static void each_message_tells_its_way(void **state) {
    struct ledger_folder *folder = *state;
    folder->settings.max_messages = 3;
    struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
    uint64_t from, to, count;
    ledger_post_many(ledger, TOPIC, 4);
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(ledger_drop_oldest(ledger, 0, &from, &to, &count), 0);
    assert_int_equal(ledger_commit(ledger), 0);
    assert_int_equal(to, 3);
    assert_int_equal(ledger_done(ledger, 4, TIME_MS + 100, TIME_MS + 200, false), 0);
    ledger_post_many(ledger, TOPIC, 2);
    assert_int_equal(ledger_done(ledger, 5, TIME_MS + 300, TIME_MS + 400, true), 0);
    const struct told *seen = history(ledger, 0, 100);
    static const struct {
        enum ledger_outcome outcome;
        int64_t sent, done;
    } expected[] = {{LEDGER_DROPPED, 0, -1},
                    {LEDGER_DROPPED, 0, -1},
                    {LEDGER_DROPPED, 0, -1},
                    {LEDGER_ACKNOWLEDGED, TIME_MS + 100, TIME_MS + 200},
                    {LEDGER_REFUSED, TIME_MS + 300, TIME_MS + 400},
                    {LEDGER_WAITING, 0, 0}};
    assert_int_equal(seen->count, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(seen->past[i].seq, i + 1);
        assert_int_equal(seen->past[i].real_ms, TIME_MS + (int64_t)i + 1);
        assert_int_equal(seen->past[i].outcome, expected[i].outcome);
        assert_int_equal(seen->past[i].sent_real_ms, expected[i].sent);
        if (expected[i].done >= 0)
            assert_int_equal(seen->past[i].done_real_ms, expected[i].done);
    }
    assert_string_equal(seen->payload, "{\"seq\":6,\"n\":6}");
    ledger_close(ledger);
}

static void page_follows_page(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    ledger_post_many(ledger, TOPIC, 250);
    uint64_t last = 0;
    size_t pages = 0;
    for (const struct told *seen; (seen = history(ledger, last, 100))->count > 0; pages++) {
        for (size_t i = 0; i < seen->count; i++)
            assert_int_equal(seen->past[i].seq, last + i + 1);
        last = seen->past[seen->count - 1].seq;
    }
    assert_int_equal(last, 250);
    assert_int_equal(pages, 3);
    ledger_close(ledger);
}

static void it_begins_at_a_time(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    uint64_t seq;
    assert_int_equal(ledger_history_since(ledger, TIME_MS, &seq), 0);
    assert_int_equal(seq, 1); /* there is none: the next one */
    ledger_post_many(ledger, TOPIC, 500);
    for (uint64_t i = 1; i <= 300; i++)
        assert_int_equal(ledger_done(ledger, i, TIME_MS, TIME_MS, false), 0);
    assert_int_equal(ledger_prune(ledger, TIME_MS + 101 + INT64_C(90) * 86400000), 0); /* 1 to 100 */
    static const struct {
        int64_t since, seq;
    } cases[] = {{0, 101}, {101, 101}, {102, 102}, {333, 333}, {500, 500}, {501, 501}, {9999, 501}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(ledger_history_since(ledger, TIME_MS + cases[i].since, &seq), 0);
        const struct told *seen = history(ledger, seq - 1, 1);
        assert_int_equal(seen->count ? seen->past[0].seq : 501, cases[i].seq);
    }
    ledger_close(ledger);
}

static void add_trail(struct ledger *ledger, uint64_t seq, const char *points) {
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(ledger_trail_add(ledger, seq, points), 0);
    assert_int_equal(ledger_commit(ledger), 0);
}

static void a_black_box_goes_with_its_message(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    char points[64];
    ledger_post_many(ledger, TOPIC, 3);
    add_trail(ledger, 1, "10m1;");
    add_trail(ledger, 3, "20m1;0d2;");
    ledger_close(ledger);

    ledger = ledger_open_as(*state, LEDGER_OPENED);
    assert_int_equal(ledger_trail_get(ledger, 1, points, sizeof points), 1);
    assert_string_equal(points, "10m1;");
    assert_int_equal(ledger_trail_get(ledger, 2, points, sizeof points), 0);
    assert_int_equal(ledger_trail_get(ledger, 3, points, 5), 0); /* more than there is room for */
    for (uint64_t seq = 1; seq <= 2; seq++)
        assert_int_equal(ledger_done(ledger, seq, TIME_MS, TIME_MS, false), 0);
    assert_int_equal(ledger_prune(ledger, TIME_MS + INT64_C(1000) * 86400000), 0);
    assert_int_equal(ledger_trail_get(ledger, 1, points, sizeof points), 0);
    assert_int_equal(ledger_trail_get(ledger, 3, points, sizeof points), 1); /* its message waits */
    assert_string_equal(points, "20m1;0d2;");
    ledger_close(ledger);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, ledger_folder_make, ledger_folder_remove)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(each_message_tells_its_way),
        TEST(page_follows_page),
        TEST(it_begins_at_a_time),
        TEST(a_black_box_goes_with_its_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
