/* A bus thread against a slave on a pty: what reaches the queue. */
#include "modbus_slave.h"

#include "modbus/bus.h"

#include <stdio.h>
#include <sys/eventfd.h>

#define UNITS 2
#define WORDS 5

/* Words 0 and 1 are loud, 2 is quiet (a heartbeat, say); 3 and 4 come in the slow lane. */
static struct plan_read reads[] = {{TABLE_HOLDING, 0x10, 3, LANE_FAST, 0}, {TABLE_HOLDING, 0x20, 2, LANE_SLOW, 3}};
static bool loud[WORDS] = {true, true, false, true, true};
static const struct plan plan = {.reads = reads,
                                 .read_count = 2,
                                 .fast_count = 1,
                                 .image_size = WORDS,
                                 .loud = loud,
                                 .probe = {TABLE_HOLDING, 0x10, 1, LANE_FAST, 0}};

static struct slave slave;
static struct bus_unit units[UNITS] = {{.unit = 1, .plan = &plan}, {.unit = 2, .plan = &plan}};
static struct bus *bus;
static int notify_fd;
static char path[64];
static uint16_t image[WORDS];
static bool valid[2];
static uint16_t registers[64]; /* of both units; under the slave's lock */

static uint16_t register_word(const struct slave *from, int unit, int table, int address) {
    (void)from;
    (void)unit;
    (void)table;
    return registers[address & 63];
}

static void set_register(int address, uint16_t value) {
    pthread_mutex_lock(&slave.lock);
    registers[address] = value;
    pthread_mutex_unlock(&slave.lock);
}

static void start_bus(size_t unit_count) {
    struct bus_settings settings = {
        .name = "test",
        .line = {.device = path, .baud = 115200, .parity = PARITY_NONE, .data_bits = 8, .stop_bits = 1},
        .response_timeout_ms = 100, /* a loaded machine must not make a unit silent */
        .late_reply_ms = 200,
        .min_poll_ms = 10,
        .offline_after = 3,
        .units = units,
        .unit_count = unit_count};
    notify_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    bus = bus_start(&settings, notify_fd);
    assert_non_null(bus);
}

static void plug(void) {
    slave_start(&slave, 115200, 500);
    pthread_mutex_lock(&slave.lock);
    slave.word = register_word;
    pthread_mutex_unlock(&slave.lock);
    unlink(path);
    assert_int_equal(symlink(slave.name, path), 0);
}

static int set_up(void **state) {
    (void)state;
    snprintf(path, sizeof path, "/tmp/liftgw-test-bus-%d", (int)getpid());
    memset(registers, 0, sizeof registers);
    plug();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    bus_stop(bus);
    bus = NULL;
    close(notify_fd);
    slave_stop(&slave);
    unlink(path);
    return 0;
}

/* The next reading within that time; the notification says when there is one. */
static bool next_reading(struct reading *reading, int within_ms) {
    reading->image = image;
    reading->valid = valid;
    int64_t end_ns = clock_mono_ns() + within_ms * MS;
    for (;;) {
        if (bus_next(bus, reading))
            return true;
        int64_t left_ms = (end_ns - clock_mono_ns()) / MS;
        struct pollfd ready = {.fd = notify_fd, .events = POLLIN};
        if (left_ms <= 0 || poll(&ready, 1, (int)left_ms) <= 0)
            return bus_next(bus, reading);
        uint64_t count;
        assert_int_equal(read(notify_fd, &count, sizeof count), sizeof count);
    }
}

static void expect_link(size_t unit, enum link link, enum link_reason reason) {
    struct reading reading;
    assert_true(next_reading(&reading, 3000));
    assert_int_equal(reading.kind, READING_LINK);
    assert_int_equal(reading.unit, unit);
    assert_int_equal(reading.link, link);
    assert_int_equal(reading.reason, reason);
}

static void expect_poll(size_t unit) {
    struct reading reading;
    assert_true(next_reading(&reading, 3000));
    assert_int_equal(reading.kind, READING_POLL);
    assert_int_equal(reading.unit, unit);
}

static void expect_nothing(int for_ms) {
    struct reading reading;
    if (next_reading(&reading, for_ms))
        fail_msg("a reading of kind %d", (int)reading.kind);
}

/* Waits until the bus has polled that many times more: all but the first of them began after the call. */
static void await_polls(unsigned count) {
    struct bus_figures figures;
    bus_figures(bus, &figures);
    uint64_t enough = figures.polls + count;
    while (figures.polls < enough) {
        clock_sleep_until_ns(clock_mono_ns() + MS);
        bus_figures(bus, &figures);
    }
}

/* Online, the first poll, and the one with the slow words: then nothing, as long as nothing changes. */
static void expect_start(size_t unit) {
    expect_link(unit, LINK_ONLINE, LINK_REASON_NONE);
    expect_poll(unit);
    assert_true(valid[0] && !valid[1]);
    expect_poll(unit);
    assert_true(valid[0] && valid[1]);
}

static void test_changes_are_told_and_nothing_else(void **state) {
    (void)state;
    set_register(0x10, 7);
    set_register(0x21, 9);
    start_bus(1);
    expect_start(0);
    assert_int_equal(image[0], 7);
    assert_int_equal(image[4], 9);
    expect_nothing(150);

    set_register(0x11, 42);
    expect_poll(0);
    assert_int_equal(image[1], 42);
    set_register(0x20, 43); /* in the slow lane, too */
    expect_poll(0);
    assert_int_equal(image[3], 43);
    expect_nothing(150);

    await_polls(20);
    struct bus_figures figures;
    bus_figures(bus, &figures);
    assert_true(figures.open);
    assert_true(figures.polls >= 20);
    assert_int_equal(figures.lost, 0);
    assert_in_range(figures.cycle_ms, 8, 60);
    assert_in_range(figures.load_percent, 5, 95);
    struct unit_figures unit;
    bus_unit_figures(bus, 0, &unit);
    assert_int_equal(unit.link, LINK_ONLINE);
    assert_int_equal(unit.reach, 0xFF);
}

static void test_quiet_changes_coalesce_and_transitions_are_kept(void **state) {
    (void)state;
    start_bus(1);
    expect_start(0);
    for (uint16_t i = 1; i <= 8; i++) {
        set_register(0x12, i);
        await_polls(3);
    }
    expect_poll(0);
    assert_int_equal(image[2], 8);
    expect_nothing(0);
    for (uint16_t i = 1; i <= 4; i++) {
        set_register(0x10, i);
        await_polls(3);
    }
    for (uint16_t i = 1; i <= 4; i++) {
        expect_poll(0);
        assert_int_equal(image[0], i);
    }
    expect_nothing(100);
}

static void test_a_wanted_reading_comes_without_a_change(void **state) {
    (void)state;
    start_bus(1);
    expect_start(0);
    int64_t wanted_ms = clock_mono_ms() + 100;
    bus_want(bus, 0, wanted_ms);
    struct reading reading;
    assert_true(next_reading(&reading, 2000));
    assert_int_equal(reading.kind, READING_POLL);
    assert_true(reading.at.mono_ms >= wanted_ms);
    expect_nothing(150);
}

static void test_the_queue_is_bounded_and_what_is_lost_is_told(void **state) {
    (void)state;
    start_bus(1);
    struct bus_figures figures = {0};
    for (uint16_t i = 1; i < 400 && figures.lost == 0; i++) {
        set_register(0x10, i);
        clock_sleep_until_ns(clock_mono_ns() + 25 * MS);
        bus_figures(bus, &figures);
    }
    assert_true(figures.lost > 0);
    set_register(0x10, 9999);
    clock_sleep_until_ns(clock_mono_ns() + 60 * MS);
    struct reading reading;
    while (next_reading(&reading, 200)) {
    }
    assert_int_equal(image[0], 9999); /* the last word is not lost */
}

static void test_a_silent_unit(void **state) {
    (void)state;
    start_bus(2);
    struct reading reading;
    while (next_reading(&reading, 200)) {
    }
    pthread_mutex_lock(&slave.lock);
    slave.absent = 1U << 2;
    pthread_mutex_unlock(&slave.lock);
    expect_link(1, LINK_OFFLINE, LINK_REASON_TIMEOUT);
    set_register(0x10, 5);
    expect_poll(0); /* the other goes on */
    pthread_mutex_lock(&slave.lock);
    slave.absent = 0;
    pthread_mutex_unlock(&slave.lock);
    struct unit_figures unit;
    bus_unit_figures(bus, 1, &unit);
    assert_true(unit.errors[LINE_TIMEOUT] >= 3);
    assert_true(next_reading(&reading, 3500));
    assert_int_equal(reading.kind, READING_LINK);
    assert_int_equal(reading.link, LINK_ONLINE);
    expect_poll(1);
    assert_int_equal(image[0], 5);
}

static void test_the_device_vanishes_and_comes_back(void **state) {
    (void)state;
    start_bus(1);
    expect_start(0);
    slave_unplug(&slave);
    expect_link(0, LINK_OFFLINE, LINK_REASON_DEVICE_GONE);
    struct bus_figures figures;
    bus_figures(bus, &figures);
    assert_false(figures.open);
    assert_int_not_equal(figures.open_errno, 0);
    struct line_request ask = {.unit = 1, .table = TABLE_HOLDING, .address = 0x10, .count = 1};
    assert_true(bus_ask(bus, &ask, 77));
    struct reading reading;
    assert_true(next_reading(&reading, 2000));
    assert_int_equal(reading.kind, READING_ANSWER);
    assert_int_equal(reading.token, 77);
    assert_int_equal(reading.result, LINE_GONE);

    slave_stop(&slave);
    plug();
    expect_link(0, LINK_ONLINE, LINK_REASON_NONE);
    expect_poll(0);
}

static void test_a_device_that_is_missing_at_the_start(void **state) {
    (void)state;
    unlink(path);
    start_bus(1);
    expect_link(0, LINK_OFFLINE, LINK_REASON_DEVICE_GONE);
    struct bus_figures figures;
    bus_figures(bus, &figures);
    assert_int_equal(figures.open_errno, ENOENT);
    assert_int_equal(symlink(slave.name, path), 0);
    expect_start(0);
}

static void test_ask(void **state) {
    (void)state;
    set_register(0x30, 1234);
    start_bus(1);
    expect_start(0);
    struct line_request ask = {.unit = 1, .table = TABLE_HOLDING, .address = 0x30, .count = 1};
    assert_true(bus_ask(bus, &ask, 1));
    assert_false(bus_ask(bus, &ask, 2)); /* one is waiting */
    struct reading reading;
    assert_true(next_reading(&reading, 2000));
    assert_int_equal(reading.kind, READING_ANSWER);
    assert_int_equal(reading.token, 1);
    assert_int_equal(reading.result, LINE_OK);
    assert_int_equal(reading.count, 1);
    assert_int_equal(reading.words[0], 1234);
    const struct {
        struct line_request request;
        enum line_result result;
    } rows[] = {{{.unit = 1, .table = 6, .address = 0x30, .count = 1}, LINE_REFUSED},
                {{.unit = 1, .table = TABLE_HOLDING, .address = 0x30, .count = 126}, LINE_REFUSED},
                {{.unit = 1, .table = TABLE_COIL, .address = 0x30, .count = 126}, LINE_REFUSED}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(bus_ask(bus, &rows[i].request, 10 + i));
        assert_true(next_reading(&reading, 2000));
        assert_int_equal(reading.token, 10 + i);
        assert_int_equal(reading.result, rows[i].result);
    }
    pthread_mutex_lock(&slave.lock);
    assert_int_equal(slave.not_reads, 0);
    pthread_mutex_unlock(&slave.lock);
}

static void test_stop_is_prompt(void **state) {
    (void)state;
    pthread_mutex_lock(&slave.lock);
    slave.absent = 1U << 1 | 1U << 2;
    pthread_mutex_unlock(&slave.lock);
    start_bus(2);
    clock_sleep_until_ns(clock_mono_ns() + 100 * MS);
    int64_t begin_ns = clock_mono_ns();
    bus_stop(bus);
    bus = NULL;
    assert_true(clock_mono_ns() - begin_ns < 500 * MS);
}

#define ON_A_BUS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_A_BUS(test_changes_are_told_and_nothing_else),
        ON_A_BUS(test_quiet_changes_coalesce_and_transitions_are_kept),
        ON_A_BUS(test_a_wanted_reading_comes_without_a_change),
        ON_A_BUS(test_the_queue_is_bounded_and_what_is_lost_is_told),
        ON_A_BUS(test_a_silent_unit),
        ON_A_BUS(test_the_device_vanishes_and_comes_back),
        ON_A_BUS(test_a_device_that_is_missing_at_the_start),
        ON_A_BUS(test_ask),
        ON_A_BUS(test_stop_is_prompt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
