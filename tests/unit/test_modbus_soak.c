/* No wrong answer (design.md 4): 1,500 requests over the schedule and the line, every fifth reply spoiled in one of the
 * ways of libraries.md 2.1. The words say whose they are and when they were made. On a busy machine the slave itself
 * may come later than any rule allows: what is taken from it then is counted apart. */
#include "modbus_slave.h"

#include "modbus/schedule.h"

#include <stdio.h>

#define REQUESTS 1500
#define SPOILED_PERCENT 20
#define BAUD 115200
#define RESPONSE_TIMEOUT_MS 20
#define LATE_REPLY_MS 120
#define UNITS 3
#define TICK_MS 32 /* of the clock in the words: 64 ticks */

static const enum trick tricks[] = {
    SILENCE,    HALF,       LAST_BYTE_LOST, BAD_CRC,  WRONG_UNIT, WRONG_FUNCTION, LONGER,        SHORTER,
    TRAILING,   LATE,       LATE,           LATE,     NOISE_3,    NOISE_00,       EXCEPTION,     EXCEPTION_FOREIGN,
    ECHO_FIRST, COUNT_HIGH, COUNT_LOW,      HIGH_BIT, TWICE,      TWICE,          PAUSE_IN_FRAME};

static int tick_at(int64_t mono_ns) {
    return (int)(mono_ns / (TICK_MS * MS) & 63);
}

static uint16_t stamped(const struct slave *slave, int unit, int table, int address) {
    (void)slave;
    return (uint16_t)((unit & 3) << 14 | (table & 1) << 13 | (address & 127) << 6 | tick_at(clock_mono_ns()));
}

static enum trick choose(struct slave *slave, const uint8_t *request) {
    (void)request;
    if (slave_random(slave, 100) >= SPOILED_PERCENT)
        return GOOD;
    slave->late_ms = 1 + (int)slave_random(slave, RESPONSE_TIMEOUT_MS + LATE_REPLY_MS - 30);
    slave->exception = slave_random(slave, 2) ? 4 : 6;
    return tricks[slave_random(slave, sizeof tricks / sizeof tricks[0])];
}

/* Reads that look alike on purpose, in both lanes. */
static struct plan_read reads[] = {
    {TABLE_HOLDING, 0x10, 4, LANE_FAST, 0}, {TABLE_HOLDING, 0x20, 4, LANE_FAST, 4},
    {TABLE_HOLDING, 0x30, 6, LANE_FAST, 8}, {TABLE_HOLDING, 0x40, 4, LANE_SLOW, 14},
    {TABLE_INPUT, 0x50, 4, LANE_SLOW, 18},  {TABLE_HOLDING, 0x60, 6, LANE_SLOW, 22},
};
static bool loud[28];
static struct plan plan = {.reads = reads,
                           .read_count = 6,
                           .fast_count = 3,
                           .image_size = 28,
                           .loud = loud,
                           .probe = {TABLE_HOLDING, 0x10, 1, LANE_FAST, 0}};

struct tally {
    unsigned asked[TURN_WAIT + 1], results[LINE_RESULT_COUNT], wrong_place, too_old, slave_late, complete;
};

static void check_words(const struct line_request *request, const struct line_reply *reply, bool slave_late,
                        struct tally *tally) {
    int asked = tick_at(reply->sent_ns); /* not now: this thread may have been kept from its line */
    for (int i = 0; i < request->count; i++) {
        uint16_t should = stamped(NULL, request->unit, request->table, request->address + i);
        int age_ms = ((asked - (reply->words[i] & 63) + 96) % 64 - 32) * TICK_MS;
        bool wrong_place = (reply->words[i] & 0xFFC0) != (should & 0xFFC0);
        bool too_old = age_ms > LATE_REPLY_MS + RESPONSE_TIMEOUT_MS + 2 * TICK_MS;
        tally->wrong_place += wrong_place && !slave_late;
        tally->too_old += too_old && !slave_late;
        tally->slave_late += (wrong_place || too_old) && slave_late;
    }
}

static void soak(struct slave *slave, int late_reply_ms, int requests, struct tally *tally) {
    struct bus_unit units[UNITS];
    for (int i = 0; i < UNITS; i++)
        units[i] = (struct bus_unit){.unit = i + 1, .plan = &plan};
    struct bus_settings settings = {.name = "soak",
                                    .line = {.device = slave->name, .baud = BAUD, .data_bits = 8, .stop_bits = 1},
                                    .response_timeout_ms = RESPONSE_TIMEOUT_MS,
                                    .late_reply_ms = late_reply_ms,
                                    .min_poll_ms = 0,
                                    .offline_after = 3,
                                    .units = units,
                                    .unit_count = UNITS};
    struct line *line = line_create(&settings.line);
    assert_int_equal(line_open(line), 0);
    struct schedule *schedule = schedule_create(&settings);
    struct line_reply reply;
    for (int i = 0; i < requests;) {
        struct schedule_step step;
        struct schedule_outcome outcome;
        schedule_next(schedule, clock_mono_ns(), &step);
        if (step.turn == TURN_WAIT) {
            clock_sleep_until_ns(step.until_ns);
            continue;
        }
        enum line_result result = line_read(line, &step.request, &reply);
        assert_int_not_equal(result, LINE_GONE);
        bool slave_late = slave_slipped_ns(slave, reply.sent_ns) > clock_mono_ns() - 2 * LATE_REPLY_MS * MS;
        if (result == LINE_OK)
            check_words(&step.request, &reply, slave_late, tally);
        schedule_result(schedule, &step, result, &reply, clock_mono_ns(), &outcome);
        tally->asked[step.turn]++;
        tally->results[result]++;
        tally->complete += outcome.complete;
        if (++i % 25 == 0) { /* what a tool asks for looks like the reads, too */
            struct line_request ask = {
                .unit = 1 + i / 25 % UNITS, .table = TABLE_HOLDING, .address = (uint16_t)(i % 100), .count = 4};
            if (i % 100 == 0)
                schedule_ask(schedule, &ask);
        }
    }
    schedule_free(schedule);
    line_free(line);
}

static void test_no_wrong_value_is_accepted(void **state) {
    (void)state;
    struct slave slave;
    slave_start(&slave, BAUD, 1000);
    const char *given = getenv("SOAK_SEED");
    slave.random = given ? strtoull(given, NULL, 10) : (uint64_t)clock_mono_ns();
    printf("SOAK_SEED=%llu\n", (unsigned long long)slave.random);
    pthread_mutex_lock(&slave.lock);
    slave.choose = choose;
    slave.word = stamped;
    pthread_mutex_unlock(&slave.lock);

    struct tally tally = {0};
    int64_t begin_ns = clock_mono_ns();
    const char *without = getenv("SOAK_WITHOUT_RULE"); /* shows what the rule is good for */
    soak(&slave, without ? 0 : LATE_REPLY_MS, REQUESTS, &tally);
    printf("%d requests in %.1f s: ", REQUESTS, (double)(clock_mono_ns() - begin_ns) / 1e9);
    for (int i = 0; i < LINE_RESULT_COUNT; i++)
        printf("%s %u, ", line_result_name((enum line_result)i), tally.results[i]);
    printf(
        "fast %u, slow %u, probes %u, asked %u, polls complete %u, wrong %u, too old %u, taken from a late slave %u\n",
        tally.asked[TURN_FAST], tally.asked[TURN_SLOW], tally.asked[TURN_PROBE], tally.asked[TURN_ASK], tally.complete,
        tally.wrong_place, tally.too_old, tally.slave_late);
    assert_int_equal(tally.wrong_place, 0);
    assert_int_equal(tally.too_old, 0);
    assert_true(tally.results[LINE_OK] > REQUESTS / 2);
    assert_true(tally.complete > REQUESTS / 20);
    assert_true(tally.asked[TURN_SLOW] > REQUESTS / 50);
    slave_stop(&slave);
    assert_int_equal(slave.not_reads, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_no_wrong_value_is_accepted)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
