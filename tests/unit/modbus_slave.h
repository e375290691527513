/* A Modbus slave on a pty for the tests of modbus/: a thread that answers in wire time and misbehaves on demand. */
#ifndef LIFTGW_TEST_MODBUS_SLAVE_H
#define LIFTGW_TEST_MODBUS_SLAVE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "modbus/line.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#define MS INT64_C(1000000)
#define UNUSED __attribute__((unused))
#define SLIP_NS (8 * MS) /* later than this a slave is on no bus, only on a machine that has no time for it */

/* The rows of libraries.md 2.1. */
enum trick {
    GOOD,
    SILENCE,
    HALF,
    LAST_BYTE_LOST,
    BAD_CRC,
    WRONG_UNIT,
    WRONG_UNIT_BAD_CRC,
    WRONG_FUNCTION,
    LONGER,
    SHORTER,
    TRAILING,
    LATE,
    NOISE_3,
    NOISE_00,
    EXCEPTION,
    EXCEPTION_BAD_CRC,
    EXCEPTION_FOREIGN,
    ECHO_FIRST,
    COUNT_HIGH,
    COUNT_LOW,
    HIGH_BIT,
    TWICE,
    PAUSE_IN_FRAME,
    DRIP,
    BABBLE,
    TRICK_COUNT
};

struct chunk {
    int64_t due_ns;
    int size;
    uint8_t bytes[300];
};

struct slave {
    int master, keeper; /* keeper holds the other side open, so that the master sees no hangup between tests */
    char name[64];
    int64_t character_ns;
    int turnaround_us;
    bool monarch;
    pthread_t thread;
    pthread_mutex_t lock;
    bool stop;

    enum trick trick; /* for the next request; then GOOD again unless sticky */
    bool sticky;
    int late_ms, exception;
    uint32_t absent;                                                   /* bit (1 << unit): answers nothing */
    enum trick (*choose)(struct slave *slave, const uint8_t *request); /* instead of trick */
    uint16_t (*word)(const struct slave *slave, int unit, int table, int address);
    unsigned requests, not_reads, short_silences;
    int64_t last_byte_ns;
    int64_t taken_ns;   /* the last request */
    int64_t slipped_ns; /* when the machine last made it late by SLIP_NS */
    uint64_t random;
    uint8_t seen[8]; /* the last request */

    struct chunk chunks[128];
    int chunk_count;
};

static UNUSED uint16_t slave_crc(const uint8_t *bytes, int size) {
    uint16_t crc = 0xFFFF;
    for (int i = 0; i < size; i++) {
        crc = (uint16_t)(crc ^ bytes[i]);
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
    }
    return crc;
}

static int with_crc(uint8_t *frame, int size) {
    uint16_t crc = slave_crc(frame, size);
    frame[size] = (uint8_t)(crc & 255);
    frame[size + 1] = (uint8_t)(crc >> 8);
    return size + 2;
}

static UNUSED uint32_t slave_random(struct slave *slave, uint32_t below) {
    slave->random ^= slave->random << 13;
    slave->random ^= slave->random >> 7;
    slave->random ^= slave->random << 17;
    return (uint32_t)(slave->random >> 33) % below;
}

/* Hands bytes to the line when their last one would have arrived. */
static int64_t send_at(struct slave *slave, int64_t begin_ns, const uint8_t *bytes, int size) {
    int64_t end_ns = begin_ns + size * slave->character_ns;
    if (slave->chunk_count == (int)(sizeof slave->chunks / sizeof slave->chunks[0]))
        return end_ns;
    struct chunk *chunk = &slave->chunks[slave->chunk_count++];
    chunk->due_ns = end_ns;
    chunk->size = size;
    memcpy(chunk->bytes, bytes, (size_t)size);
    return end_ns;
}

static int build_answer(struct slave *slave, const uint8_t *request, int count, uint8_t *frame) {
    int unit = request[0];
    int table = request[1];
    int address = request[2] << 8 | request[3];
    int size = 0;
    int data = table <= 2 ? (count + 7) / 8 : 2 * count;
    frame[size++] = request[0];
    frame[size++] = request[1];
    if (slave->monarch)
        frame[size++] = (uint8_t)(data >> 8);
    frame[size++] = (uint8_t)(data & 255);
    memset(frame + size, 0, (size_t)data);
    for (int i = 0; i < count; i++) {
        uint16_t word = slave->word(slave, unit, table, address + i);
        if (table <= 2) {
            frame[size + i / 8] = (uint8_t)(frame[size + i / 8] | (word & 1) << i % 8);
        } else {
            frame[size + 2 * i] = (uint8_t)(word >> 8);
            frame[size + 2 * i + 1] = (uint8_t)(word & 255);
        }
    }
    return with_crc(frame, size + data);
}

static int build_exception(const struct slave *slave, const uint8_t *request, uint8_t *frame) {
    if (slave->monarch) {
        memcpy(frame, (uint8_t[]){request[0], 0x80, 0x01, (uint8_t)(slave->exception >> 8), (uint8_t)slave->exception},
               5);
        return with_crc(frame, 5);
    }
    memcpy(frame, (uint8_t[]){request[0], request[1] | 0x80, (uint8_t)slave->exception}, 3);
    return with_crc(frame, 3);
}

static void answer(struct slave *slave, const uint8_t *request, enum trick trick, int64_t now_ns) {
    uint8_t frame[300];
    int64_t begin_ns = now_ns + 8 * slave->character_ns + slave->turnaround_us * INT64_C(1000);
    int count = request[4] << 8 | request[5];
    int size = build_answer(slave, request, count, frame);
    switch (trick) {
    case GOOD:
        break;
    case SILENCE:
        return;
    case HALF:
        size /= 2;
        break;
    case LAST_BYTE_LOST:
        size--;
        break;
    case BAD_CRC:
        frame[size - 1] ^= 0x55;
        break;
    case WRONG_UNIT:
        frame[0] = (uint8_t)(frame[0] % 247 + 1);
        size = with_crc(frame, size - 2);
        break;
    case WRONG_UNIT_BAD_CRC:
        frame[0] = (uint8_t)(frame[0] % 247 + 1);
        break;
    case WRONG_FUNCTION:
        frame[1] = frame[1] == 3 ? 4 : 3;
        size = with_crc(frame, size - 2);
        break;
    case LONGER:
        size = build_answer(slave, request, count + 2, frame);
        break;
    case SHORTER:
        size = build_answer(slave, request, count > 2 ? count - 2 : count + 1, frame);
        break;
    case TRAILING:
        memcpy(frame + size, "\x11\x22\x33\x44\x55", 5);
        size += 5;
        break;
    case LATE:
        begin_ns += slave->late_ms * MS;
        break;
    case NOISE_3:
        memmove(frame + 3, frame, (size_t)size);
        memcpy(frame, "\x5A\xC3\x07", 3);
        size += 3;
        break;
    case NOISE_00:
        memmove(frame + 1, frame, (size_t)size);
        frame[0] = 0;
        size += 1;
        break;
    case EXCEPTION:
        size = build_exception(slave, request, frame);
        break;
    case EXCEPTION_BAD_CRC:
        size = build_exception(slave, request, frame);
        frame[size - 1] ^= 0x55;
        break;
    case EXCEPTION_FOREIGN:
        frame[1] = (frame[1] == 3 ? 4 : 3) | 0x80;
        frame[2] = 2;
        size = with_crc(frame, 3);
        break;
    case ECHO_FIRST:
        begin_ns = send_at(slave, now_ns, request, 8) + slave->turnaround_us * INT64_C(1000);
        break;
    case COUNT_HIGH:
        frame[2] = (uint8_t)(frame[2] + 6);
        break;
    case COUNT_LOW:
        frame[2] = (uint8_t)(frame[2] - 2);
        break;
    case HIGH_BIT:
        frame[1] |= 0x80;
        break;
    case TWICE:
        begin_ns = send_at(slave, begin_ns, frame, size) + 5 * MS;
        break;
    case PAUSE_IN_FRAME:
        begin_ns = send_at(slave, begin_ns, frame, 6) + 20 * MS;
        memmove(frame, frame + 6, (size_t)size - 6);
        size -= 6;
        break;
    case DRIP:
        for (int i = 0; i < size; i++)
            send_at(slave, begin_ns + i * 60 * MS, frame + i, 1);
        return;
    case BABBLE:
        memset(frame, 0xFF, sizeof frame);
        for (int i = 0; i < 120; i++)
            send_at(slave, begin_ns + i * 7 * MS, frame, 7);
        return;
    case TRICK_COUNT:
        return;
    }
    slave->last_byte_ns = send_at(slave, begin_ns, frame, size);
}

static void take_request(struct slave *slave, const uint8_t *request, int64_t now_ns) {
    memcpy(slave->seen, request, 8);
    slave->taken_ns = now_ns;
    slave->requests++;
    slave->not_reads += request[1] < 1 || request[1] > 4;
    int64_t silence_ns = slave->character_ns * 7 / 2;
    if (slave->last_byte_ns > 0 && now_ns - slave->last_byte_ns < (silence_ns < 1750000 ? silence_ns : 1750000))
        slave->short_silences++;
    slave->last_byte_ns = now_ns + 8 * slave->character_ns;
    if (request[0] < 32 && slave->absent >> request[0] & 1)
        return;
    enum trick trick = slave->choose ? slave->choose(slave, request) : slave->trick;
    if (!slave->sticky)
        slave->trick = GOOD;
    answer(slave, request, trick, now_ns);
}

/* Writes what is due; when the next is, INT64_MAX never. */
static int64_t flush_due(struct slave *slave, int64_t now_ns) {
    int64_t next_ns = INT64_MAX;
    for (int i = 0; i < slave->chunk_count;) {
        struct chunk *chunk = &slave->chunks[i];
        if (chunk->due_ns > now_ns) {
            next_ns = chunk->due_ns < next_ns ? chunk->due_ns : next_ns;
            i++;
            continue;
        }
        ssize_t done = write(slave->master, chunk->bytes, (size_t)chunk->size);
        (void)done;
        now_ns = clock_mono_ns();
        if (now_ns - chunk->due_ns > SLIP_NS)
            slave->slipped_ns = now_ns;
        memmove(chunk, chunk + 1, (size_t)(--slave->chunk_count - i) * sizeof *chunk);
    }
    return next_ns;
}

static void *slave_run(void *context) {
    struct slave *slave = context;
    prctl(PR_SET_TIMERSLACK, 1UL);
    uint8_t request[8];
    int have = 0;
    for (;;) {
        pthread_mutex_lock(&slave->lock);
        bool stop = slave->stop;
        int64_t next_ns = flush_due(slave, clock_mono_ns());
        pthread_mutex_unlock(&slave->lock);
        if (stop)
            return NULL;
        int64_t wait_ns = 20 * MS;
        int64_t left_ns = next_ns - clock_mono_ns();
        if (next_ns != INT64_MAX && left_ns < wait_ns)
            wait_ns = left_ns > 0 ? left_ns : 0;
        struct pollfd ready = {.fd = slave->master, .events = POLLIN};
        if (ppoll(&ready, 1, &(struct timespec){.tv_nsec = wait_ns}, NULL) <= 0 || !(ready.revents & POLLIN))
            continue;
        int64_t now_ns = clock_mono_ns();
        ssize_t count = read(slave->master, request + have, sizeof request - (size_t)have);
        have += count > 0 ? (int)count : 0;
        if (have < 8)
            continue;
        have = 0;
        pthread_mutex_lock(&slave->lock);
        if (slave_crc(request, 8) == 0)
            take_request(slave, request, now_ns);
        pthread_mutex_unlock(&slave->lock);
    }
}

static uint16_t slave_word(const struct slave *slave, int unit, int table, int address) {
    (void)slave;
    return (uint16_t)(unit << 12 ^ table << 10 ^ address);
}

static UNUSED void slave_start(struct slave *slave, int baud, int turnaround_us) {
    memset(slave, 0, sizeof *slave);
    slave->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    assert_true(slave->master >= 0);
    assert_int_equal(grantpt(slave->master), 0);
    assert_int_equal(unlockpt(slave->master), 0);
    assert_int_equal(ptsname_r(slave->master, slave->name, sizeof slave->name), 0);
    slave->keeper = open(slave->name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios raw;
    tcgetattr(slave->keeper, &raw);
    cfmakeraw(&raw);
    tcsetattr(slave->keeper, TCSANOW, &raw);
    slave->character_ns = INT64_C(10000000000) / baud;
    slave->turnaround_us = turnaround_us;
    slave->word = slave_word;
    slave->random = 88172645463325252U;
    pthread_mutex_init(&slave->lock, NULL);
    assert_int_equal(pthread_create(&slave->thread, NULL, slave_run, slave), 0);
}

static void end_thread(struct slave *slave) {
    pthread_mutex_lock(&slave->lock);
    slave->stop = true;
    pthread_mutex_unlock(&slave->lock);
    pthread_join(slave->thread, NULL);
}

/* The device vanishes, as an adapter that is pulled out. */
static UNUSED void slave_unplug(struct slave *slave) {
    end_thread(slave);
    close(slave->master);
    slave->master = -1;
}

static UNUSED void slave_stop(struct slave *slave) {
    if (slave->master >= 0)
        slave_unplug(slave);
    pthread_mutex_destroy(&slave->lock);
    close(slave->keeper);
}

/* When the slave was late itself for the last time, counting the last request too; 0: never. That was sent at sent_ns,
 * 0: not at all. */
static UNUSED int64_t slave_slipped_ns(struct slave *slave, int64_t sent_ns) {
    pthread_mutex_lock(&slave->lock);
    int64_t now_ns = clock_mono_ns();
    int64_t taken_ns = slave->taken_ns < sent_ns ? now_ns : slave->taken_ns;
    if (sent_ns != 0 && taken_ns - sent_ns > SLIP_NS)
        slave->slipped_ns = now_ns;
    int64_t slipped_ns = slave->slipped_ns;
    pthread_mutex_unlock(&slave->lock);
    return slipped_ns;
}

static UNUSED void slave_trick(struct slave *slave, enum trick trick, bool sticky) {
    pthread_mutex_lock(&slave->lock);
    slave->trick = trick;
    slave->sticky = sticky;
    pthread_mutex_unlock(&slave->lock);
}

#endif
