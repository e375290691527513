/* One RS-485 line: asks one question at a time and takes only the answer to it. The only reader of modbus.h.
 *
 * libmodbus opens the device, sets it up and sends; its recovery is off. The silence between frames, the drain after
 * unexpected bytes, receiving, and the check of unit, function and length are ours. */
#ifndef LIFTGW_MODBUS_LINE_H
#define LIFTGW_MODBUS_LINE_H

#include "profile/profile.h"

enum line_result {
    LINE_OK,
    LINE_TIMEOUT,   /* nothing came */
    LINE_CRC,       /* a frame of the right length with a wrong checksum */
    LINE_EXCEPTION, /* the unit answered with an exception */
    LINE_FOREIGN,   /* a good frame that answers another question: unit, function or length */
    LINE_SHORT,     /* a frame that never ended */
    LINE_NOISE,     /* bytes that are no frame, before or after */
    LINE_GONE,      /* the device vanished, or is not open */
    LINE_REFUSED,   /* not a read, or beyond the limits: never sent */
    LINE_RESULT_COUNT
};
const char *line_result_name(enum line_result result); /* "ok", "timeout", "crc", … as in the control socket's status */

struct line_settings {
    const char *device;
    int baud;
    enum parity parity;
    int data_bits, stop_bits;
    bool rs485; /* the kernel drives the transceiver: TIOCSRS485 */
};

struct line_request {
    int unit;  /* 1..247 */
    int table; /* enum table: nothing but reads can be said */
    uint16_t address, count;
    enum dialect dialect;
    int timeout_ms;             /* from the request's last bit to the reply's last */
    int min_gap_ms;             /* silence before it, at least; 0: 3.5 characters */
    int expected_turnaround_us; /* from the request's last bit to the reply's first; the line sleeps until the reply
                                   should be complete */
};

struct line_reply {
    uint16_t words[125 * 16]; /* registers, or one word 0 or 1 for each coil */
    int exception;            /* LINE_EXCEPTION: its code */
    int64_t sent_ns, done_ns; /* CLOCK_MONOTONIC: the request's first bit, the reply's last seen */
    int turnaround_us;        /* LINE_OK: request's last bit to reply's first */
    bool waited;              /* it was not complete when it was expected; else turnaround_us may be too long */
    unsigned noise;           /* bytes that nobody asked for, thrown away before the question, or behind an
                                 exception */
};

struct line;

/* Makes a closed line; the strings must outlive it. NULL with errno on a setting that the system cannot do. */
struct line *line_create(const struct line_settings *settings);
void line_free(struct line *line);

/* Opens the device for this process alone (TIOCEXCL, flock). 0, or -1 with errno; EBUSY: somebody else has it. */
int line_open(struct line *line);
void line_close(struct line *line);
bool line_is_open(const struct line *line);

/* Keeps the silence, asks, waits, checks. LINE_GONE leaves the line closed; errno says why. */
enum line_result line_read(struct line *line, const struct line_request *request, struct line_reply *reply);

/* How long one character takes (start, data, parity, stop), and the silence that ends a frame: 3.5 characters, fixed
 * 1.75 ms above 19200 baud (Modbus over serial line 1.02, 2.5.1.1). Nanoseconds. */
int64_t line_character_ns(const struct line_settings *settings);
int64_t line_silence_ns(const struct line_settings *settings);
/* How many characters the question and a good answer have. */
int line_request_characters(void);
int line_reply_characters(int table, int count, enum dialect dialect);

#endif
