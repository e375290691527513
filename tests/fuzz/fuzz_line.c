/* What a slave answers, through the line and libmodbus: no bytes on the wire make the line take what is not the answer.
 *
 * The device is a real pseudo-terminal with real settings; what goes over it, and the clock, are this file's, so that
 * no execution takes any time.
 *
 * Input: flags (1 Monarch dialect, 2 and 4 the table, 8 and 16 how many questions), unit, address (2), count, and what
 * arrives, in pieces: when (bits 0..5 ms; 0x40: after the next question; 0x80: with a right checksum), size, bytes.
 * The size 255 means that the device vanishes. */
#include "base/clock.h"
#include "fuzz.h"
#include "modbus/line.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <termios.h>

#define NS_PER_MS INT64_C(1000000)
#define TIMEOUT_MS 40
/* A silence, two drains of 300 ms and a few milliseconds each, and the timeout: no question takes longer. */
#define LONGEST_NS (1000 * NS_PER_MS)
#define VANISHES 255

static char device_name[64];
static struct line *line;
static struct line_reply reply;

static struct device {
    int descriptor; /* -1: not open */
    bool gone;
    struct input input;
    int64_t now_ns;
    unsigned when;     /* of the piece that comes next */
    int64_t arrive_ns; /* INT64_MAX: with the next question, or never */
    uint8_t waiting[4096];
    size_t begin, end;
    uint8_t question[512];
    size_t question_size;
    uint8_t answer[4096]; /* all that came since the question */
    size_t answer_size;
    size_t first_size; /* of its first piece, and when that came */
    int64_t first_ns;
} device = {.descriptor = -1};

static unsigned crc16(const uint8_t *bytes, size_t size) {
    unsigned crc = 0xFFFF;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1;
    }
    return crc;
}

/* ---- what arrives, and when ---- */

static void expect_piece(void) {
    device.arrive_ns = INT64_MAX;
    if (device.input.left == 0)
        return;
    device.when = input_byte(&device.input);
    if (!(device.when & 0x40))
        device.arrive_ns = device.now_ns + (device.when & 0x3F) * NS_PER_MS;
}

static void arrive(const uint8_t *bytes, size_t size) {
    if (size > sizeof device.waiting - device.end || size > sizeof device.answer - device.answer_size)
        return;
    memcpy(device.waiting + device.end, bytes, size);
    device.end += size;
    if (device.question_size == 0)
        return;
    memcpy(device.answer + device.answer_size, bytes, size);
    device.answer_size += size;
}

static void deliver_piece(void) {
    size_t size = input_byte(&device.input);
    if (size == VANISHES)
        device.gone = true;
    const uint8_t *bytes = input_take(&device.input, &size);
    bool first = device.question_size > 0 && device.answer_size == 0;
    arrive(bytes, size);
    if (device.when & 0x80) {
        unsigned crc = crc16(bytes, size);
        arrive((const uint8_t[]){(uint8_t)(crc & 255), (uint8_t)(crc >> 8)}, 2);
    }
    if (first) {
        device.first_size = device.answer_size;
        device.first_ns = device.now_ns;
    }
    expect_piece();
}

static void pass_time(int64_t until_ns) {
    while (device.arrive_ns <= until_ns && !device.gone) {
        if (device.arrive_ns > device.now_ns)
            device.now_ns = device.arrive_ns;
        deliver_piece();
    }
    if (until_ns > device.now_ns)
        device.now_ns = until_ns;
}

/* Waits until there is something to read or the time is over. */
static int wait_readable(int64_t timeout_ns) {
    int64_t until_ns = device.now_ns + timeout_ns;
    while (device.begin == device.end && !device.gone && device.arrive_ns <= until_ns)
        pass_time(device.arrive_ns);
    if (device.begin < device.end || device.gone)
        return 1;
    pass_time(until_ns);
    return 0;
}

/* ---- what the line and libmodbus call ---- */

int64_t __wrap_clock_mono_ns(void);
int64_t __wrap_clock_mono_ns(void) {
    return device.now_ns;
}

void __wrap_clock_sleep_until_ns(int64_t mono_ns);
void __wrap_clock_sleep_until_ns(int64_t mono_ns) {
    pass_time(mono_ns);
}

ssize_t read(int descriptor, void *buffer, size_t size) {
    if (descriptor != device.descriptor)
        return syscall(SYS_read, descriptor, buffer, size);
    if (device.gone) {
        errno = EIO;
        return -1;
    }
    if (device.begin == device.end) {
        errno = EAGAIN;
        return -1;
    }
    if (size > device.end - device.begin)
        size = device.end - device.begin;
    memcpy(buffer, device.waiting + device.begin, size);
    device.begin += size;
    if (device.begin == device.end)
        device.begin = device.end = 0;
    return (ssize_t)size;
}

ssize_t write(int descriptor, const void *bytes, size_t size) {
    if (descriptor != device.descriptor)
        return syscall(SYS_write, descriptor, bytes, size);
    assert(size <= sizeof device.question - device.question_size);
    memcpy(device.question + device.question_size, bytes, size);
    device.question_size += size;
    if (device.arrive_ns == INT64_MAX && device.when & 0x40)
        device.arrive_ns = device.now_ns + (device.when & 0x3F) * NS_PER_MS;
    return (ssize_t)size;
}

int select(int count, fd_set *readable, fd_set *writable, fd_set *except, struct timeval *timeout) {
    if (device.descriptor < 0 || !readable || !FD_ISSET(device.descriptor, readable))
        return (int)syscall(SYS_select, count, readable, writable, except, timeout);
    return wait_readable(timeout->tv_sec * 1000 * NS_PER_MS + timeout->tv_usec * 1000);
}

int ppoll(struct pollfd *polls, nfds_t count, const struct timespec *timeout, const sigset_t *signals) {
    if (count != 1 || polls->fd != device.descriptor)
        return (int)syscall(SYS_ppoll, polls, count, timeout, signals, sizeof(uint64_t));
    int ready = wait_readable(timeout->tv_sec * 1000 * NS_PER_MS + timeout->tv_nsec);
    polls->revents = (short)(ready == 0 ? 0 : device.gone ? POLLIN | POLLHUP : POLLIN);
    return ready;
}

int ioctl(int descriptor, unsigned long request, ...) {
    va_list arguments;
    va_start(arguments, request);
    void *argument = va_arg(arguments, void *);
    va_end(arguments);
    if (descriptor != device.descriptor || request != FIONREAD)
        return (int)syscall(SYS_ioctl, descriptor, request, argument);
    if (device.gone) {
        errno = EIO;
        return -1;
    }
    *(int *)argument = (int)(device.end - device.begin);
    return 0;
}

int tcflush(int descriptor, int queue) {
    if (descriptor == device.descriptor && queue != TCOFLUSH)
        device.begin = device.end = 0;
    return 0;
}

/* ---- the questions, and what must hold ---- */

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    int master, slave;
    int result = openpty(&master, &slave, device_name, NULL, NULL);
    assert(result == 0);
    struct line_settings settings = {
        .device = device_name, .baud = 9600, .parity = PARITY_NONE, .data_bits = 8, .stop_bits = 1};
    line = line_create(&settings);
    assert(line);
    return 0;
}

/* libmodbus opens it: the highest descriptor of that device is the one. */
static void open_line(void) {
    device.descriptor = -1;
    int result = line_open(line);
    assert(result == 0);
    for (int i = 3; i < 64; i++) {
        char name[64];
        if (isatty(i) && ttyname_r(i, name, sizeof name) == 0 && strcmp(name, device_name) == 0)
            device.descriptor = i;
    }
    assert(device.descriptor > 0);
}

static size_t data_size(const struct line_request *request) {
    bool bits = request->table == TABLE_COIL || request->table == TABLE_DISCRETE;
    return bits ? (request->count + 7U) / 8U : 2U * request->count;
}

static size_t header_size(const struct line_request *request) {
    return request->dialect == DIALECT_MONARCH ? 4 : 3;
}

/* The answer's first bytes are the whole, right answer to the question. */
static bool is_right(const struct line_request *request, size_t size) {
    size_t header = header_size(request), data = data_size(request), whole = header + data;
    const uint8_t *frame = device.answer;
    size_t said = request->dialect == DIALECT_MONARCH ? (size_t)frame[2] << 8 | frame[3] : frame[2];
    return size >= whole + 2 && frame[0] == request->unit && frame[1] == request->table && said == data &&
           crc16(frame, whole) == (frame[whole] | (unsigned)frame[whole + 1] << 8);
}

static void check_words(const struct line_request *request) {
    const uint8_t *at = device.answer + header_size(request);
    bool bits = request->table == TABLE_COIL || request->table == TABLE_DISCRETE;
    for (size_t i = 0; i < request->count; i++) {
        int word = bits ? at[i / 8] >> i % 8 & 1 : at[2 * i] << 8 | at[2 * i + 1];
        assert(reply.words[i] == word);
    }
}

static void check_question(const struct line_request *request) {
    const uint8_t *sent = device.question;
    if (device.question_size == 0)
        return;
    assert(device.question_size == 8 && sent[0] == request->unit && sent[1] == request->table);
    assert(sent[1] >= 1 && sent[1] <= 4);
    assert(crc16(sent, 6) == (sent[6] | (unsigned)sent[7] << 8));
}

static void ask(const struct line_request *request) {
    if (!line_is_open(line))
        open_line();
    device.question_size = device.answer_size = device.first_size = 0;
    int64_t begun_ns = device.now_ns;
    enum line_result result = line_read(line, request, &reply);
    assert(result < LINE_RESULT_COUNT && line_result_name(result));
    assert(device.now_ns - begun_ns <= LONGEST_NS);
    assert((result == LINE_GONE) == !line_is_open(line));
    assert(result != LINE_GONE || device.gone);
    check_question(request);
    assert(result != LINE_REFUSED || device.question_size == 0);
    if (result == LINE_OK) {
        assert(is_right(request, device.answer_size));
        check_words(request);
    }
    /* A right answer that came whole and in time is taken. */
    if (device.question_size && is_right(request, device.first_size) && !device.gone &&
        device.first_ns < reply.sent_ns + TIMEOUT_MS * NS_PER_MS)
        assert(result == LINE_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    device.gone = false;
    if (!line_is_open(line))
        open_line();
    device.input = (struct input){data, size};
    device.begin = device.end = 0;
    device.question_size = 0;
    unsigned flags = input_byte(&device.input);
    struct line_request request = {.unit = (int)input_byte(&device.input),
                                   .dialect = flags & 1 ? DIALECT_MONARCH : DIALECT_RTU,
                                   .table = 1 + (int)(flags >> 1 & 3),
                                   .address = (uint16_t)input_word(&device.input),
                                   .count = (uint16_t)input_byte(&device.input),
                                   .timeout_ms = TIMEOUT_MS};
    expect_piece();
    for (unsigned i = 0; i <= (flags >> 3 & 3); i++, request.count++)
        ask(&request);
    return 0;
}
