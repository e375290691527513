#include "modbus/line.h"

#include "base/baud.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <modbus.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

#define REGISTERS_MAX 125 /* Modbus application protocol 1.1b3, 6.3 */
#define BITS_MAX 2000     /* 6.1 */
#define FRAME_SIZE 256    /* the longest RTU frame (Modbus over serial line 1.02, 2.3), and Monarch's 125 registers */
#define QUESTION_CHARACTERS 8
#define CRC_SIZE 2

/* libmodbus selects on its descriptor: above FD_SETSIZE it aborts (libraries.md 2.2). */
#define DESCRIPTOR_MAX 1000

/* How long unexpected bytes are drained at most, and the silence that ends it. */
#define DRAIN_NS (300 * NS_PER_MS)
#define QUIET_CHARACTERS 10
#define QUIET_NS (20 * NS_PER_MS)

struct line {
    struct line_settings settings;
    modbus_t *modbus;
    int descriptor;      /* libmodbus's own; -1: closed */
    int lock_descriptor; /* holds the lock, taken before anybody's line settings are touched */
    int64_t character_ns, silence_ns;
    int64_t last_byte_ns; /* when the last one was sent or seen */
    bool rs485_told;
};

const char *line_result_name(enum line_result result) {
    static const char *const names[LINE_RESULT_COUNT] = {
        [LINE_OK] = "ok",           [LINE_TIMEOUT] = "timeout", [LINE_CRC] = "crc",     [LINE_EXCEPTION] = "exception",
        [LINE_FOREIGN] = "foreign", [LINE_SHORT] = "short",     [LINE_NOISE] = "noise", [LINE_GONE] = "gone",
        [LINE_REFUSED] = "refused",
    };
    return names[result];
}

int64_t line_character_ns(const struct line_settings *settings) {
    bool parity = settings->parity == PARITY_EVEN || settings->parity == PARITY_ODD;
    int bits = 1 + settings->data_bits + parity + settings->stop_bits;
    return bits * NS_PER_S / settings->baud;
}

int64_t line_silence_ns(const struct line_settings *settings) {
    return settings->baud > 19200 ? 1750 * NS_PER_US : line_character_ns(settings) * 7 / 2;
}

static bool is_bits(int table) {
    return table == TABLE_COIL || table == TABLE_DISCRETE;
}

static int data_size(int table, int count) {
    return is_bits(table) ? (count + 7) / 8 : 2 * count;
}

/* Unit, function and byte count; the Monarch port's byte count has 16 bits (domain.md, trap 6). */
static int header_size(enum dialect dialect) {
    return dialect == DIALECT_MONARCH ? 4 : 3;
}

int line_request_characters(void) {
    return QUESTION_CHARACTERS;
}

int line_reply_characters(int table, int count, enum dialect dialect) {
    return header_size(dialect) + data_size(table, count) + CRC_SIZE;
}

/* ---- open and close ---- */

static char parity_letter(enum parity parity) {
    if (parity == PARITY_EVEN)
        return 'E';
    return parity == PARITY_ODD ? 'O' : 'N';
}

struct line *line_create(const struct line_settings *settings) {
    bool possible = baud_speed(settings->baud) != B0 && settings->data_bits >= 7 && settings->data_bits <= 8 &&
                    settings->stop_bits >= 1 && settings->stop_bits <= 2;
    if (!possible) {
        errno = EINVAL;
        return NULL;
    }
    modbus_t *modbus = modbus_new_rtu(settings->device, settings->baud, parity_letter(settings->parity),
                                      settings->data_bits, settings->stop_bits);
    if (!modbus)
        return NULL;
    modbus_set_error_recovery(modbus, MODBUS_ERROR_RECOVERY_NONE);
    struct line *line = memory_get(1, sizeof *line);
    *line = (struct line){.settings = *settings,
                          .modbus = modbus,
                          .descriptor = -1,
                          .lock_descriptor = -1,
                          .character_ns = line_character_ns(settings),
                          .silence_ns = line_silence_ns(settings)};
    return line;
}

void line_free(struct line *line) {
    if (!line)
        return;
    line_close(line);
    modbus_free(line->modbus);
    free(line);
}

bool line_is_open(const struct line *line) {
    return line->descriptor >= 0;
}

void line_close(struct line *line) {
    int kept = errno;
    if (line->descriptor >= 0) {
        tcflush(line->descriptor, TCIOFLUSH); /* else close may wait for bytes that nobody takes */
        ioctl(line->descriptor, TIOCNXCL);
        modbus_close(line->modbus);
        line->descriptor = -1;
    }
    if (line->lock_descriptor >= 0) {
        close(line->lock_descriptor);
        line->lock_descriptor = -1;
    }
    errno = kept;
}

static int lock_device(struct line *line) {
    line->lock_descriptor = open(line->settings.device, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (line->lock_descriptor == -1)
        return -1;
    if (flock(line->lock_descriptor, LOCK_EX | LOCK_NB) == -1) {
        if (errno == EWOULDBLOCK)
            errno = EBUSY;
        return -1;
    }
    return 0;
}

/* Drivers may take a setting and keep another. Parity and character size cannot be checked: a pty drops both. */
static int check_settings(const struct line *line) {
    struct termios got;
    if (tcgetattr(line->descriptor, &got) == -1)
        return -1;
    bool two_stop_bits = got.c_cflag & CSTOPB;
    if (cfgetospeed(&got) != baud_speed(line->settings.baud) || two_stop_bits != (line->settings.stop_bits == 2)) {
        errno = ENOTSUP;
        return -1;
    }
    return 0;
}

/* Pseudo-terminals have these major numbers (Linux, admin-guide/devices.txt). */
static bool is_pty(int descriptor) {
    struct stat status;
    return fstat(descriptor, &status) == 0 && major(status.st_rdev) >= 136 && major(status.st_rdev) <= 143;
}

/* Shuts out those who do not ask for the lock. Not on a pty: it stays marked as long as its other side is open, so a
 * gateway that was killed could not come back. */
static void set_exclusive(const struct line *line) {
    if (!is_pty(line->descriptor))
        ioctl(line->descriptor, TIOCEXCL);
}

static void set_rs485(struct line *line) {
    if (!line->settings.rs485 || modbus_rtu_set_serial_mode(line->modbus, MODBUS_RTU_RS485) == 0 || line->rs485_told)
        return;
    line->rs485_told = true;
    log_warn_errno("%s: the kernel cannot drive its RS-485 transceiver (TIOCSRS485); if the adapter does so by itself, "
                   "take rs485 = \"kernel\" out of the bus",
                   line->settings.device);
}

static int connect_device(struct line *line) {
    if (lock_device(line) == -1 || modbus_connect(line->modbus) == -1)
        return -1;
    line->descriptor = modbus_get_socket(line->modbus);
    if (line->descriptor > DESCRIPTOR_MAX) {
        errno = EMFILE;
        return -1;
    }
    return check_settings(line);
}

int line_open(struct line *line) {
    if (line_is_open(line))
        return 0;
    if (connect_device(line) == -1) {
        line_close(line);
        return -1;
    }
    set_exclusive(line);
    set_rs485(line);
    tcflush(line->descriptor, TCIFLUSH);
    line->last_byte_ns = clock_mono_ns();
    return 0;
}

/* ---- silence ---- */

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* Waits until there is something to read: LINE_OK, LINE_TIMEOUT, LINE_GONE. */
static enum line_result wait_readable(const struct line *line, int64_t deadline_ns) {
    struct pollfd ready = {.fd = line->descriptor, .events = POLLIN};
    for (;;) {
        int64_t left_ns = larger(deadline_ns - clock_mono_ns(), 0);
        struct timespec left = {.tv_sec = left_ns / NS_PER_S, .tv_nsec = left_ns % NS_PER_S};
        int count = ppoll(&ready, 1, &left, NULL);
        if (count == -1 && errno == EINTR)
            continue;
        if (count == 0)
            return LINE_TIMEOUT;
        if (count > 0 && ready.revents == POLLIN)
            return LINE_OK;
        if (count > 0)
            errno = ECONNRESET;
        return LINE_GONE;
    }
}

/* How many bytes can be read; -1: the device is gone. On a busy system, bytes that came long ago may still be on their
 * way from the driver to us. FIONREAD knows nothing of them; poll(2) waits for them (Linux, n_tty_poll()). */
static int bytes_waiting(const struct line *line) {
    enum line_result ready = wait_readable(line, 0);
    if (ready != LINE_OK)
        return ready == LINE_TIMEOUT ? 0 : -1;
    int count = 0;
    return ioctl(line->descriptor, FIONREAD, &count) == -1 ? -1 : count;
}

/* Throws away what comes until nothing came for quiet_ns. It sleeps between two looks, so that a line that never stops
 * costs no more than any other. LINE_OK, LINE_NOISE if it did not stop, LINE_GONE. */
static enum line_result drain(struct line *line, int64_t quiet_ns, unsigned *noise) {
    int64_t give_up_ns = clock_mono_ns() + DRAIN_NS;
    do {
        tcflush(line->descriptor, TCIFLUSH);
        line->last_byte_ns = clock_mono_ns();
        clock_sleep_until_ns(line->last_byte_ns + quiet_ns);
        int count = bytes_waiting(line);
        if (count <= 0)
            return count == 0 ? LINE_OK : LINE_GONE;
        *noise += (unsigned)count;
    } while (clock_mono_ns() + quiet_ns <= give_up_ns);
    return LINE_NOISE;
}

static int64_t quiet_ns(const struct line *line) {
    return larger(QUIET_NS, QUIET_CHARACTERS * line->character_ns);
}

/* Keeps the silence before a request, then looks at the line: bytes that nobody asked for are drained. */
static enum line_result make_quiet(struct line *line, int min_gap_ms, unsigned *noise) {
    int64_t gap_ns = larger(line->silence_ns, min_gap_ms * NS_PER_MS);
    clock_sleep_until_ns(line->last_byte_ns + gap_ns);
    int count = bytes_waiting(line);
    if (count <= 0)
        return count == 0 ? LINE_OK : LINE_GONE;
    *noise += (unsigned)count;
    return drain(line, larger(gap_ns, quiet_ns(line)), noise);
}

/* ---- question ---- */

static bool is_read(const struct line_request *request) {
    int most = is_bits(request->table) ? BITS_MAX : REGISTERS_MAX;
    return request->unit >= 1 && request->unit <= 247 && request->table >= TABLE_COIL &&
           request->table <= TABLE_INPUT && request->count >= 1 && request->count <= most &&
           request->address + request->count <= 65536;
}

/* The one way onto the wire: nothing but function codes 1 to 4 passes. */
static enum line_result send_question(struct line *line, const struct line_request *request) {
    if (!is_read(request))
        return LINE_REFUSED;
    uint8_t question[] = {
        (uint8_t)request->unit,           (uint8_t)request->table,
        (uint8_t)(request->address >> 8), (uint8_t)(request->address & 255),
        (uint8_t)(request->count >> 8),   (uint8_t)(request->count & 255),
    };
    int sent = modbus_send_raw_request(line->modbus, question, sizeof question);
    if (sent == QUESTION_CHARACTERS)
        return LINE_OK;
    /* The output buffer is full: whoever is on the other side takes nothing. */
    bool stuck = sent >= 0 || errno == EAGAIN || errno == EMBBADDATA;
    if (stuck)
        tcflush(line->descriptor, TCOFLUSH);
    return stuck ? LINE_TIMEOUT : LINE_GONE;
}

/* ---- reply ---- */

static uint16_t crc16(const uint8_t *bytes, int size) {
    uint16_t crc = 0xFFFF;
    for (int i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? (crc >> 1) ^ 0xA001 : crc >> 1);
    }
    return crc;
}

static bool crc_is_right(const uint8_t *frame, int length) {
    return crc16(frame, length - CRC_SIZE) == (frame[length - 2] | frame[length - 1] << 8);
}

/* How long the frame will be that begins so, for all that a unit may send (Modbus application protocol 1.1b3, 6 and 7);
 * 0: cannot be told yet. */
static int rtu_frame_length(const uint8_t *frame, int length) {
    if (length < 2)
        return 0;
    switch (frame[1]) {
    case MODBUS_FC_READ_COILS:
    case MODBUS_FC_READ_DISCRETE_INPUTS:
    case MODBUS_FC_READ_HOLDING_REGISTERS:
    case MODBUS_FC_READ_INPUT_REGISTERS:
    case MODBUS_FC_REPORT_SLAVE_ID:
    case MODBUS_FC_WRITE_AND_READ_REGISTERS:
        return length < 3 ? 0 : 3 + frame[2] + CRC_SIZE;
    case MODBUS_FC_WRITE_SINGLE_COIL:
    case MODBUS_FC_WRITE_SINGLE_REGISTER:
    case MODBUS_FC_WRITE_MULTIPLE_COILS:
    case MODBUS_FC_WRITE_MULTIPLE_REGISTERS:
        return 6 + CRC_SIZE;
    case MODBUS_FC_MASK_WRITE_REGISTER:
        return 8 + CRC_SIZE;
    default:
        return 3 + CRC_SIZE; /* an exception */
    }
}

/* The Monarch commissioning port: unit, function, 16-bit byte count, data; errors are 01 80 01 00 0e (domain.md, trap
 * 6). */
static int monarch_frame_length(const uint8_t *frame, int length) {
    if (length < 2)
        return 0;
    if (frame[1] == 0x80)
        return 5 + CRC_SIZE;
    return length < 4 ? 0 : 4 + (frame[2] << 8 | frame[3]) + CRC_SIZE;
}

/* Receives one frame. It asks the system for as much as the answer should have: a good answer is one read, and what
 * follows a shorter frame is not left to be taken for the next one. libmodbus would take the header, the byte count and
 * the rest one after the other, with a select(2) before each (libraries.md 9), and knows nothing of the other dialect.
 */
static enum line_result receive_frame(struct line *line, const struct line_request *request, int64_t deadline_ns,
                                      uint8_t frame[FRAME_SIZE], int *length, unsigned *more, bool *waited) {
    int (*frame_length)(const uint8_t *, int) =
        request->dialect == DIALECT_MONARCH ? monarch_frame_length : rtu_frame_length;
    int received = 0;
    int wanted = line_reply_characters(request->table, request->count, request->dialect);
    do {
        enum line_result ready = wait_readable(line, 0);
        *waited |= ready == LINE_TIMEOUT;
        if (ready == LINE_TIMEOUT)
            ready = wait_readable(line, deadline_ns);
        if (ready != LINE_OK)
            return ready == LINE_TIMEOUT && received > 0 ? LINE_SHORT : ready;
        ssize_t count = read(line->descriptor, frame + received, (size_t)(wanted - received));
        if (count == -1 && errno == EAGAIN)
            continue;
        if (count == 0)
            errno = ECONNRESET;
        if (count <= 0)
            return LINE_GONE;
        received += (int)count;
        *length = frame_length(frame, received);
        if (*length > FRAME_SIZE)
            return LINE_NOISE;
        if (*length > 0)
            wanted = *length;
    } while (received < wanted);
    *more = (unsigned)(received - wanted);
    return LINE_OK;
}

static bool is_exception(const struct line_request *request, const uint8_t *frame) {
    return frame[0] == request->unit &&
           frame[1] == (request->dialect == DIALECT_MONARCH ? 0x80 : request->table | 0x80);
}

/* Unit, function and byte count are those of the answer. */
static bool is_answer(const struct line_request *request, const uint8_t *frame) {
    int size = request->dialect == DIALECT_MONARCH ? frame[2] << 8 | frame[3] : frame[2];
    return frame[0] == request->unit && frame[1] == request->table && size == data_size(request->table, request->count);
}

static void take_words(const struct line_request *request, const uint8_t *data, uint16_t words[]) {
    for (size_t i = 0; i < request->count; i++) {
        if (is_bits(request->table))
            words[i] = data[i / 8] >> i % 8 & 1;
        else
            words[i] = (uint16_t)(data[2 * i] << 8 | data[2 * i + 1]);
    }
}

/* A whole frame: is it the answer? */
static enum line_result judge(const struct line_request *request, const uint8_t *frame, int length,
                              struct line_reply *reply) {
    bool exception = is_exception(request, frame);
    bool answer = is_answer(request, frame);
    if (!crc_is_right(frame, length))
        return exception || answer ? LINE_CRC : LINE_NOISE;
    if (exception) {
        reply->exception = request->dialect == DIALECT_MONARCH ? frame[3] << 8 | frame[4] : frame[2];
        return LINE_EXCEPTION;
    }
    if (!answer)
        return LINE_FOREIGN;
    take_words(request, frame + header_size(request->dialect), reply->words);
    return LINE_OK;
}

/* Sleeps until the reply should be complete, then waits for what is missing. Waiting from the start would wake for
 * every byte or two that a serial driver hands over (libraries.md 9: ten times the time of the processor). */
static enum line_result receive_answer(struct line *line, const struct line_request *request, struct line_reply *reply,
                                       unsigned *more) {
    int64_t asked_ns = reply->sent_ns + QUESTION_CHARACTERS * line->character_ns;
    int64_t deadline_ns = asked_ns + request->timeout_ms * NS_PER_MS;
    int64_t wire_ns = line_reply_characters(request->table, request->count, request->dialect) * line->character_ns;
    int64_t look_ns = asked_ns + wire_ns + request->expected_turnaround_us * NS_PER_US;
    clock_sleep_until_ns(look_ns < deadline_ns ? look_ns : deadline_ns);

    uint8_t frame[FRAME_SIZE];
    int length = 0;
    enum line_result result = receive_frame(line, request, deadline_ns, frame, &length, more, &reply->waited);
    reply->done_ns = clock_mono_ns();
    if (result != LINE_TIMEOUT)
        line->last_byte_ns = reply->done_ns;
    if (result == LINE_OK)
        result = judge(request, frame, length, reply);
    if (result == LINE_OK)
        reply->turnaround_us = (int)(larger(reply->done_ns - asked_ns - wire_ns, 0) / NS_PER_US);
    return result;
}

static enum line_result ask(struct line *line, const struct line_request *request, struct line_reply *reply) {
    enum line_result result = make_quiet(line, request->min_gap_ms, &reply->noise);
    if (result != LINE_OK)
        return result;
    reply->sent_ns = clock_mono_ns();
    result = send_question(line, request);
    line->last_byte_ns = reply->sent_ns + QUESTION_CHARACTERS * line->character_ns;
    if (result == LINE_TIMEOUT)
        clock_sleep_until_ns(line->last_byte_ns + request->timeout_ms * NS_PER_MS);
    if (result != LINE_OK)
        return result;
    unsigned more = 0; /* behind the frame, or what is left of one that has been counted by its result */
    result = receive_answer(line, request, reply, &more);
    if (result == LINE_EXCEPTION)
        reply->noise += more;
    bool more_may_follow =
        more > 0 || result == LINE_CRC || result == LINE_FOREIGN || result == LINE_SHORT || result == LINE_NOISE;
    if (more_may_follow && drain(line, quiet_ns(line), &more) == LINE_GONE)
        return LINE_GONE;
    return result;
}

enum line_result line_read(struct line *line, const struct line_request *request, struct line_reply *reply) {
    reply->exception = 0;
    reply->sent_ns = reply->done_ns = 0;
    reply->turnaround_us = 0;
    reply->waited = false;
    reply->noise = 0;
    if (!is_read(request))
        return LINE_REFUSED;
    if (!line_is_open(line)) {
        errno = EBADF;
        return LINE_GONE;
    }
    enum line_result result = ask(line, request, reply);
    if (result == LINE_GONE)
        line_close(line);
    return result;
}
