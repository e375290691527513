/* One question at a time on a line that misbehaves in every way of libraries.md 2.1. */
#include "modbus_slave.h"

#include <stdio.h>
#include <sys/file.h>

#define TIMEOUT_MS 120

static struct slave slave;
static struct line *line;
static struct line_reply reply;

static struct line_settings settings_for(const char *device, int baud) {
    return (struct line_settings){
        .device = device, .baud = baud, .parity = PARITY_NONE, .data_bits = 8, .stop_bits = 1};
}

static struct line_request holding(int unit, uint16_t address, uint16_t count) {
    return (struct line_request){.unit = unit,
                                 .table = TABLE_HOLDING,
                                 .address = address,
                                 .count = count,
                                 .timeout_ms = TIMEOUT_MS,
                                 .expected_turnaround_us = slave.turnaround_us};
}

static enum line_result read_words(struct line_request request) {
    return line_read(line, &request, &reply);
}

static void assert_right(struct line_request request) {
    for (int i = 0; i < request.count; i++)
        assert_int_equal(reply.words[i], slave_word(&slave, request.unit, request.table, request.address + i));
}

static int open_line(void **state) {
    (void)state;
    slave_start(&slave, 38400, 2000);
    struct line_settings settings = settings_for(slave.name, 38400);
    line = line_create(&settings);
    assert_non_null(line);
    assert_int_equal(line_open(line), 0);
    return 0;
}

static int close_line(void **state) {
    (void)state;
    line_free(line);
    slave_stop(&slave);
    return 0;
}

static void test_every_table_is_read(void **state) {
    (void)state;
    for (int table = TABLE_COIL; table <= TABLE_INPUT; table++) {
        struct line_request request = {
            .unit = 7, .table = table, .address = 0x123, .count = 19, .timeout_ms = TIMEOUT_MS};
        assert_int_equal(read_words(request), LINE_OK);
        for (int i = 0; i < request.count; i++) {
            uint16_t word = slave_word(&slave, 7, table, 0x123 + i);
            assert_int_equal(reply.words[i], table <= TABLE_DISCRETE ? word & 1 : word);
        }
    }
    struct line_request most = holding(1, 0, 125);
    assert_int_equal(read_words(most), LINE_OK);
    assert_right(most);
}

/* Whatever happens to one reply: its result has a name, it takes no longer than the timeout and the drain, and the
 * next questions get their own answers. */
static const struct {
    const char *name;
    enum trick trick;
    enum line_result result;
    int exception;
} rows[] = {
    {"good", GOOD, LINE_OK, 0},
    {"silence", SILENCE, LINE_TIMEOUT, 0},
    {"half a reply", HALF, LINE_SHORT, 0},
    {"last byte lost", LAST_BYTE_LOST, LINE_SHORT, 0},
    {"bad crc", BAD_CRC, LINE_CRC, 0},
    {"wrong unit", WRONG_UNIT, LINE_FOREIGN, 0},
    {"wrong unit, bad crc", WRONG_UNIT_BAD_CRC, LINE_NOISE, 0},
    {"wrong function", WRONG_FUNCTION, LINE_FOREIGN, 0},
    {"longer", LONGER, LINE_FOREIGN, 0},
    {"shorter", SHORTER, LINE_FOREIGN, 0},
    {"trailing bytes", TRAILING, LINE_OK, 0},
    {"late, before the next", LATE, LINE_TIMEOUT, 0},
    {"three bytes before", NOISE_3, LINE_NOISE, 0},
    {"one byte before", NOISE_00, LINE_NOISE, 0},
    {"exception 01", EXCEPTION, LINE_EXCEPTION, 0x01},
    {"exception 02", EXCEPTION, LINE_EXCEPTION, 0x02},
    {"exception 04", EXCEPTION, LINE_EXCEPTION, 0x04},
    {"exception 06", EXCEPTION, LINE_EXCEPTION, 0x06},
    {"exception 0B", EXCEPTION, LINE_EXCEPTION, 0x0B},
    {"exception 20", EXCEPTION, LINE_EXCEPTION, 0x20},
    {"exception, bad crc", EXCEPTION_BAD_CRC, LINE_CRC, 0x02},
    {"exception of another function", EXCEPTION_FOREIGN, LINE_FOREIGN, 0},
    {"echo", ECHO_FIRST, LINE_NOISE, 0},
    {"byte count too high", COUNT_HIGH, LINE_SHORT, 0},
    {"byte count too low", COUNT_LOW, LINE_NOISE, 0},
    {"high bit of the function", HIGH_BIT, LINE_CRC, 0},
    {"pause in the frame", PAUSE_IN_FRAME, LINE_OK, 0},
    {"sent twice", TWICE, LINE_OK, 0},
    {"drip", DRIP, LINE_SHORT, 0},
};

static void test_every_wrong_frame_has_a_name(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pthread_mutex_lock(&slave.lock);
        slave.exception = rows[i].exception;
        slave.late_ms = TIMEOUT_MS + 20;
        pthread_mutex_unlock(&slave.lock);
        slave_trick(&slave, rows[i].trick, false);
        int64_t begin_ns = clock_mono_ns();
        enum line_result result = read_words(holding(1, 100, 10));
        int64_t took_ms = (clock_mono_ns() - begin_ns) / MS;
        if (result != rows[i].result || took_ms > TIMEOUT_MS + 400)
            fail_msg("%s: %s after %d ms", rows[i].name, line_result_name(result), (int)took_ms);
        if (result == LINE_EXCEPTION)
            assert_int_equal(reply.exception, rows[i].exception);
        if (result == LINE_OK)
            assert_right(holding(1, 100, 10));
        if (rows[i].trick == LATE)
            clock_sleep_until_ns(clock_mono_ns() + 40 * MS);
        int wrong = 0;
        for (uint16_t next = 0; next < 4; next++) {
            struct line_request request = holding(1, (uint16_t)(200 + 100 * next), (uint16_t)(4 + next));
            if (read_words(request) == LINE_OK)
                assert_right(request);
            else
                wrong++;
        }
        /* A copy, or bytes that still drip, can cost one of the questions behind. */
        int may_be_wrong = rows[i].trick == TWICE || rows[i].trick == DRIP ? 2 : 0;
        if (wrong > may_be_wrong)
            fail_msg("%s: %d of the next four questions failed", rows[i].name, wrong);
        clock_sleep_until_ns(clock_mono_ns() + (rows[i].trick == DRIP ? 1600 : 0) * MS);
    }
}

static void test_late_reply_of_another_length_is_foreign(void **state) {
    (void)state;
    pthread_mutex_lock(&slave.lock);
    slave.late_ms = TIMEOUT_MS + 5;
    pthread_mutex_unlock(&slave.lock);
    slave_trick(&slave, LATE, false);
    assert_int_equal(read_words(holding(1, 100, 10)), LINE_TIMEOUT);
    slave_trick(&slave, SILENCE, false);
    assert_int_equal(read_words(holding(1, 200, 12)), LINE_FOREIGN);
    assert_int_equal(read_words(holding(1, 200, 12)), LINE_OK);
    assert_right(holding(1, 200, 12));
}

/* What came before the question is not its answer, even if the system is still busy handing it to us. */
static void test_what_came_just_before_is_no_answer(void **state) {
    (void)state;
    for (int i = 0; i < 20; i++) {
        uint8_t late[13] = {1, TABLE_HOLDING, 8, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA};
        with_crc(late, 11);
        clock_sleep_until_ns(clock_mono_ns() + 10 * MS);
        assert_int_equal(write(slave.master, late, sizeof late), sizeof late);
        assert_int_equal(read_words(holding(1, 200, 4)), LINE_OK);
        assert_right(holding(1, 200, 4));
        assert_int_equal(reply.noise, sizeof late);
    }
}

static void test_a_babbling_line_neither_blocks_nor_spins(void **state) {
    (void)state;
    slave_trick(&slave, BABBLE, false);
    assert_int_not_equal(read_words(holding(1, 100, 10)), LINE_OK);
    struct timespec before, after;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    int64_t begin_ns = clock_mono_ns();
    assert_int_equal(read_words(holding(1, 100, 10)), LINE_NOISE);
    assert_true(reply.noise > 0);
    assert_int_equal(reply.sent_ns, 0);
    int64_t took_ms = (clock_mono_ns() - begin_ns) / MS;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    int64_t cpu_ns = (after.tv_sec - before.tv_sec) * 1000 * MS + after.tv_nsec - before.tv_nsec;
    assert_in_range(took_ms, 200, 450);
    assert_true(cpu_ns < 50 * MS);
    clock_sleep_until_ns(clock_mono_ns() + 500 * MS);
    assert_int_equal(read_words(holding(1, 100, 10)), LINE_OK);
    assert_right(holding(1, 100, 10));
}

static void test_nothing_but_reads_leaves(void **state) {
    (void)state;
    const struct line_request wrong[] = {
        {.unit = 1, .table = 0, .count = 1},    {.unit = 1, .table = 5, .count = 1},
        {.unit = 1, .table = 6, .count = 1},    {.unit = 1, .table = 15, .count = 1},
        {.unit = 1, .table = 16, .count = 1},   {.unit = 1, .table = -253, .count = 1}, /* 3 in eight bits */
        {.unit = 1, .table = 259, .count = 1},  {.unit = 0, .table = 3, .count = 1},    /* a broadcast has no answer */
        {.unit = 248, .table = 3, .count = 1},  {.unit = -1, .table = 3, .count = 1},
        {.unit = 1, .table = 3, .count = 0},    {.unit = 1, .table = 3, .count = 126},
        {.unit = 1, .table = 1, .count = 2001}, {.unit = 1, .table = 3, .address = 65535, .count = 2},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_int_equal(read_words(wrong[i]), LINE_REFUSED);
    assert_int_equal(read_words(holding(1, 65535, 1)), LINE_OK);
    pthread_mutex_lock(&slave.lock);
    assert_int_equal(slave.requests, 1);
    pthread_mutex_unlock(&slave.lock);
}

static void test_silence_is_kept_and_answers_are_not_waited_for(void **state) {
    (void)state;
    int64_t soonest_ns = INT64_MAX; /* a busy machine does not hold up each of them */
    for (int tries = 0; tries < 25; tries++) {
        int64_t begin_ns = clock_mono_ns();
        for (int i = 0; i < 2; i++)
            assert_int_equal(read_words(holding(1, 100, 10)), LINE_OK);
        int64_t took_ns = clock_mono_ns() - begin_ns;
        soonest_ns = took_ns < soonest_ns ? took_ns : soonest_ns;
    }
    int64_t bound_ns = 2 * (33 * slave.character_ns + 2 * MS + 1750000);
    assert_true(soonest_ns < bound_ns * 13 / 10);
    pthread_mutex_lock(&slave.lock);
    assert_int_equal(slave.short_silences, 0);
    assert_int_equal(slave.not_reads, 0);
    pthread_mutex_unlock(&slave.lock);

    struct line_request patient = holding(1, 100, 10);
    patient.min_gap_ms = 30;
    assert_int_equal(read_words(patient), LINE_OK);
    int64_t done_ns = reply.done_ns;
    assert_int_equal(read_words(patient), LINE_OK);
    assert_true(reply.sent_ns - done_ns >= 30 * MS);
}

static void test_turnaround_is_measured(void **state) {
    (void)state;
    struct line_request request = holding(1, 100, 10);
    request.expected_turnaround_us = 0;
    assert_int_equal(read_words(request), LINE_OK);
    assert_in_range(reply.turnaround_us, 1500, 9000);
}

static void test_monarch_dialect(void **state) {
    (void)state;
    pthread_mutex_lock(&slave.lock);
    slave.monarch = true;
    slave.exception = 0x0E;
    pthread_mutex_unlock(&slave.lock);
    struct line_request request = holding(1, 0x1010, 10);
    request.dialect = DIALECT_MONARCH;
    const struct {
        enum trick trick;
        enum line_result result;
    } frames[] = {{GOOD, LINE_OK},          {EXCEPTION, LINE_EXCEPTION}, {SILENCE, LINE_TIMEOUT},
                  {HALF, LINE_SHORT},       {BAD_CRC, LINE_CRC},         {WRONG_UNIT, LINE_FOREIGN},
                  {LONGER, LINE_FOREIGN},   {SHORTER, LINE_FOREIGN},     {WRONG_FUNCTION, LINE_FOREIGN},
                  {COUNT_HIGH, LINE_NOISE}, {PAUSE_IN_FRAME, LINE_OK},   {EXCEPTION_BAD_CRC, LINE_CRC}};
    for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
        slave_trick(&slave, frames[i].trick, false);
        enum line_result result = read_words(request);
        if (result != frames[i].result)
            fail_msg("row %zu: %s", i, line_result_name(result));
        if (result == LINE_EXCEPTION)
            assert_int_equal(reply.exception, 0x0E);
        assert_int_equal(read_words(request), LINE_OK);
        assert_right(request);
    }
    request.dialect = DIALECT_RTU;
    assert_int_not_equal(read_words(request), LINE_OK);
}

static void test_device_that_vanishes(void **state) {
    (void)state;
    assert_int_equal(read_words(holding(1, 100, 10)), LINE_OK);
    slave_unplug(&slave);
    int64_t begin_ns = clock_mono_ns();
    assert_int_equal(read_words(holding(1, 100, 10)), LINE_GONE);
    assert_true(clock_mono_ns() - begin_ns < 500 * MS);
    assert_false(line_is_open(line));
    assert_int_equal(read_words(holding(1, 100, 10)), LINE_GONE);
    assert_int_equal(line_open(line), -1);
    assert_false(line_is_open(line));
}

static void test_device_is_ours_alone(void **state) {
    (void)state;
    struct line_settings settings = settings_for(slave.name, 9600);
    struct line *second = line_create(&settings);
    assert_int_equal(line_open(second), -1);
    assert_int_equal(errno, EBUSY);
    struct termios kept;
    assert_int_equal(tcgetattr(slave.keeper, &kept), 0);
    assert_int_equal(cfgetospeed(&kept), B38400); /* nobody's settings were touched */
    line_close(line);
    assert_int_equal(line_open(second), 0);
    line_free(second);
    assert_int_equal(line_open(line), 0);
    assert_int_equal(read_words(holding(1, 100, 10)), LINE_OK);
}

/* An adapter that switches by itself does not know TIOCSRS485: said once, and no reason to stay silent. */
static void test_rs485_that_the_driver_does_not_know(void **state) {
    (void)state;
    line_close(line);
    struct line_settings settings = settings_for(slave.name, 38400);
    settings.rs485 = true;
    struct line *switched = line_create(&settings);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(line_open(switched), 0);
        line_close(switched);
    }
    line_free(switched);
}

static void test_settings_that_cannot_be(void **state) {
    (void)state;
    struct line_settings settings = settings_for(slave.name, 12345);
    assert_null(line_create(&settings));
    assert_int_equal(errno, EINVAL);
    settings = settings_for("/dev/there-is-no-such-device", 9600);
    struct line *absent = line_create(&settings);
    assert_int_equal(line_open(absent), -1);
    assert_int_equal(errno, ENOENT);
    line_free(absent);
    settings = settings_for("/dev/null", 9600);
    struct line *no_terminal = line_create(&settings);
    assert_int_equal(line_open(no_terminal), -1);
    line_free(no_terminal);
}

static void test_high_descriptor_is_refused(void **state) {
    (void)state;
    line_close(line);
    int high = fcntl(slave.keeper, F_DUPFD, 1001);
    if (high == -1)
        skip();
    int taken[1100];
    int count = 0;
    while ((taken[count] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0 && taken[count] < 1002)
        count++;
    errno = 0;
    int result = line_open(line);
    int reason = errno;
    for (int i = 0; i <= count; i++)
        if (taken[i] >= 0)
            close(taken[i]);
    close(high);
    assert_int_equal(result, -1);
    assert_int_equal(reason, EMFILE);
}

static void test_wire_times(void **state) {
    (void)state;
    const struct {
        int baud, parity, stop_bits;
        int64_t character_ns, silence_ns;
    } lines[] = {{9600, PARITY_NONE, 1, 1041666, 3645831},
                 {9600, PARITY_EVEN, 1, 1145833, 4010415},
                 {19200, PARITY_EVEN, 1, 572916, 2005206},
                 {38400, PARITY_NONE, 2, 286458, 1750000}};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct line_settings settings = settings_for("x", lines[i].baud);
        settings.parity = (enum parity)lines[i].parity;
        settings.stop_bits = lines[i].stop_bits;
        assert_int_equal(line_character_ns(&settings), lines[i].character_ns);
        assert_int_equal(line_silence_ns(&settings), lines[i].silence_ns);
    }
    assert_int_equal(line_reply_characters(TABLE_HOLDING, 10, DIALECT_RTU), 25);
    assert_int_equal(line_reply_characters(TABLE_HOLDING, 10, DIALECT_MONARCH), 26);
    assert_int_equal(line_reply_characters(TABLE_COIL, 9, DIALECT_RTU), 7);
}

#define ON_A_LINE(test) cmocka_unit_test_setup_teardown(test, open_line, close_line)

int main(void) {
    const struct CMUnitTest tests[] = {
        ON_A_LINE(test_every_table_is_read),
        ON_A_LINE(test_every_wrong_frame_has_a_name),
        ON_A_LINE(test_late_reply_of_another_length_is_foreign),
        ON_A_LINE(test_what_came_just_before_is_no_answer),
        ON_A_LINE(test_a_babbling_line_neither_blocks_nor_spins),
        ON_A_LINE(test_nothing_but_reads_leaves),
        ON_A_LINE(test_silence_is_kept_and_answers_are_not_waited_for),
        ON_A_LINE(test_turnaround_is_measured),
        ON_A_LINE(test_monarch_dialect),
        ON_A_LINE(test_device_that_vanishes),
        ON_A_LINE(test_device_is_ours_alone),
        ON_A_LINE(test_rs485_that_the_driver_does_not_know),
        ON_A_LINE(test_settings_that_cannot_be),
        ON_A_LINE(test_high_descriptor_is_refused),
        cmocka_unit_test(test_wire_times),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
