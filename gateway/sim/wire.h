/* The two wires in real time: what the master writes becomes bytes that take their time, frames and silences; what is
 * sent leaves when its last bit would have been on the line. Knows nothing of units. All times: CLOCK_MONOTONIC, ns. */
#ifndef LIFTGW_SIM_WIRE_H
#define LIFTGW_SIM_WIRE_H

#include "sim/misbehave.h"

#include <stddef.h>

struct wire_settings {
    int baud, stop_bits;
    bool parity;
    double turnaround_ms; /* from a request's last bit to the reply's first */
    double speed;         /* wire times are divided by this */
    bool bytewise;        /* each byte leaves at its own end */
};

struct wire;
struct wire *wire_create(const struct wire_settings *settings);
void wire_free(struct wire *wire);

/* Milliseconds and characters on this wire, in ns. */
int64_t wire_ms(const struct wire *wire, double ms);
int64_t wire_characters(const struct wire *wire, double characters);
/* When a reply to a request that ended then begins. */
int64_t wire_reply_start(const struct wire *wire, int64_t request_end);

/* The master wrote bytes at that time. What does not fit is lost. */
void wire_receive(struct wire *wire, const uint8_t bytes[], size_t count, int64_t now);

enum wire_event {
    WIRE_NOTHING,
    WIRE_REQUEST, /* a frame with a good CRC */
    WIRE_BROKEN   /* bytes up to a silence that are none */
};
struct wire_request {
    uint8_t bytes[FRAME_MAX];
    int count;
    bool short_silence; /* began less than 3.5 characters after the last byte on the line */
    int64_t end_ns;     /* of its last bit */
};
/* The next thing that is complete on the line at that time. */
enum wire_event wire_next(struct wire *wire, int64_t now, struct wire_request *request);

/* Sends a frame that begins at start, or as soon as what is being sent then is over, and 3.5 characters more. drip_ns
 * is a pause after each byte, which then leaves by itself. What is more than the queue holds is lost. */
void wire_send(struct wire *wire, const struct frame *frame, int64_t start, int64_t drip_ns);
/* Puts bytes on the line whoever is sending: they arrive at that time. */
void wire_disturb(struct wire *wire, const uint8_t bytes[], int count, int64_t at);
/* Takes the bytes that are over at that time, in their order, and says how many: size at most. */
size_t wire_take(struct wire *wire, int64_t now, uint8_t bytes[], size_t size);
/* Forgets everything on its way in both directions. */
void wire_clear(struct wire *wire);

/* When something will be complete that is not yet; INT64_MAX never. */
int64_t wire_due(const struct wire *wire);

#endif
