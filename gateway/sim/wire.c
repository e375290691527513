#include "sim/wire.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define RECEIVED_MAX 1024
#define SENDING_MAX 64
#define SILENCE_CHARACTERS 3.5
#define FIXED_SILENCE_MS 1.75 /* above 19200 baud (Modbus over serial line 1.02, 2.5.1.1) */
/* How much later than that a frame's next byte may come: a master may be kept from writing by its system. */
#define SLACK_NS INT64_C(3000000)

struct received {
    uint8_t byte;
    bool short_silence; /* before it */
    int64_t start_ns, end_ns;
};

struct sending {
    struct frame frame;
    int64_t start_ns, step_ns; /* a byte is over every step */
    bool bytewise;
    bool occupies; /* the line is taken from start to end */
    int taken;
};

struct wire {
    struct wire_settings settings;
    int64_t character_ns, silence_ns;
    struct received received[RECEIVED_MAX];
    size_t received_count;
    int64_t last_received_ns, last_sent_ns;
    int64_t looked_ns; /* what was over until then has been looked at */
    struct sending sending[SENDING_MAX];
    size_t sending_count;
};

struct wire *wire_create(const struct wire_settings *settings) {
    struct wire *wire = memory_get(1, sizeof *wire);
    wire->settings = *settings;
    int bits = 1 + 8 + settings->parity + settings->stop_bits;
    wire->character_ns = (int64_t)(1e9 * bits / settings->baud / settings->speed);
    wire->silence_ns =
        settings->baud > 19200 ? wire_ms(wire, FIXED_SILENCE_MS) : wire_characters(wire, SILENCE_CHARACTERS);
    wire->last_received_ns = wire->last_sent_ns = INT64_MIN / 2;
    return wire;
}

void wire_free(struct wire *wire) {
    free(wire);
}

int64_t wire_ms(const struct wire *wire, double ms) {
    return (int64_t)(ms * 1e6 / wire->settings.speed);
}

int64_t wire_characters(const struct wire *wire, double characters) {
    return (int64_t)(characters * (double)wire->character_ns);
}

int64_t wire_reply_start(const struct wire *wire, int64_t request_end) {
    return request_end + wire_ms(wire, wire->settings.turnaround_ms);
}

void wire_receive(struct wire *wire, const uint8_t bytes[], size_t count, int64_t now) {
    int64_t last = wire->last_received_ns > wire->last_sent_ns ? wire->last_received_ns : wire->last_sent_ns;
    int64_t start = wire->last_received_ns > now ? wire->last_received_ns : now;
    bool is_short = start - last < wire_characters(wire, SILENCE_CHARACTERS);
    for (size_t i = 0; i < count && wire->received_count < RECEIVED_MAX; i++) {
        wire->received[wire->received_count++] = (struct received){
            .byte = bytes[i], .short_silence = is_short, .start_ns = start, .end_ns = start + wire->character_ns};
        start += wire->character_ns;
        is_short = true;
    }
    wire->last_received_ns = start;
}

/* How long the request is that these bytes begin; 0 cannot be told yet, -1 only a silence ends it. */
static int request_length(const struct received received[], size_t count) {
    if (count < 2)
        return 0;
    switch (received[1].byte) {
    case 1:
    case 2:
    case 3:
    case 4:
    case 5:
    case 6:
    case 8:
        return 8;
    case 7:
    case 11:
    case 12:
    case 17:
        return 4;
    case 15:
    case 16:
        return count < 7 ? 0 : 9 + received[6].byte;
    case 20:
    case 21:
        return count < 3 ? 0 : 5 + received[2].byte;
    case 22:
        return 10;
    case 23:
        return count < 11 ? 0 : 13 + received[10].byte;
    case 24:
        return 6;
    default:
        return -1;
    }
}

/* How many bytes are over at now and belong together; *closed: a silence ends them. */
static size_t run_length(const struct wire *wire, int64_t now, bool *closed) {
    int64_t pause = wire->silence_ns + SLACK_NS;
    size_t count = 0;
    *closed = false;
    while (count < wire->received_count && wire->received[count].end_ns <= now) {
        if (count && wire->received[count].start_ns - wire->received[count - 1].end_ns > pause) {
            *closed = true;
            return count;
        }
        count++;
    }
    if (count && count == wire->received_count)
        *closed = now - wire->received[count - 1].end_ns >= pause;
    return count;
}

static void drop(struct wire *wire, size_t count) {
    wire->received_count -= count;
    memmove(&wire->received[0], &wire->received[count], wire->received_count * sizeof wire->received[0]);
}

enum wire_event wire_next(struct wire *wire, int64_t now, struct wire_request *request) {
    bool closed;
    size_t run = run_length(wire, now, &closed);
    wire->looked_ns = now;
    if (!run)
        return WIRE_NOTHING;
    int length = request_length(wire->received, run);
    if (length < 0 && closed)
        length = (int)run;
    if (length > 0 && length <= FRAME_MAX && (size_t)length <= run) {
        for (int i = 0; i < length; i++)
            request->bytes[i] = wire->received[i].byte;
        if (frame_is_whole(request->bytes, length)) {
            request->count = length;
            request->short_silence = wire->received[0].short_silence;
            request->end_ns = wire->received[length - 1].end_ns;
            drop(wire, (size_t)length);
            return WIRE_REQUEST;
        }
    }
    if (!closed && run < RECEIVED_MAX)
        return WIRE_NOTHING;
    drop(wire, run);
    return WIRE_BROKEN;
}

static int64_t end_of(const struct sending *sending) {
    return sending->start_ns + sending->frame.count * sending->step_ns;
}

/* The first time from start on at which the line is free for that long. */
static int64_t free_from(const struct wire *wire, int64_t start, int64_t duration) {
    for (size_t i = 0; i < wire->sending_count;) {
        const struct sending *other = &wire->sending[i++];
        if (!other->occupies || start >= end_of(other) + wire->silence_ns ||
            start + duration + wire->silence_ns <= other->start_ns)
            continue;
        start = end_of(other) + wire->silence_ns;
        i = 0;
    }
    return start;
}

void wire_send(struct wire *wire, const struct frame *frame, int64_t start, int64_t drip_ns) {
    if (wire->sending_count == SENDING_MAX)
        return;
    int64_t step = wire->character_ns + drip_ns;
    bool occupies = drip_ns == 0;
    if (occupies)
        start = free_from(wire, start, frame->count * step);
    wire->sending[wire->sending_count++] = (struct sending){.frame = *frame,
                                                            .start_ns = start,
                                                            .step_ns = step,
                                                            .bytewise = wire->settings.bytewise || !occupies,
                                                            .occupies = occupies};
}

void wire_disturb(struct wire *wire, const uint8_t bytes[], int count, int64_t at) {
    if (wire->sending_count == SENDING_MAX)
        return;
    struct sending *sending = &wire->sending[wire->sending_count++];
    *sending = (struct sending){.start_ns = at};
    for (int i = 0; i < count; i++)
        frame_append(&sending->frame, bytes[i]);
}

/* When the next byte or bytes of it leave. */
static int64_t leaves_at(const struct sending *sending) {
    return sending->bytewise ? sending->start_ns + (sending->taken + 1) * sending->step_ns : end_of(sending);
}

static struct sending *first_to_leave(struct wire *wire) {
    struct sending *first = NULL;
    for (size_t i = 0; i < wire->sending_count; i++)
        if (!first || leaves_at(&wire->sending[i]) < leaves_at(first))
            first = &wire->sending[i];
    return first;
}

size_t wire_take(struct wire *wire, int64_t now, uint8_t bytes[], size_t size) {
    size_t count = 0;
    for (;;) {
        struct sending *sending = first_to_leave(wire);
        if (!sending || leaves_at(sending) > now)
            break;
        int more = sending->bytewise ? 1 : sending->frame.count;
        if (count + (size_t)more > size)
            break;
        memcpy(&bytes[count], &sending->frame.bytes[sending->taken], (size_t)more);
        count += (size_t)more;
        sending->taken += more;
        if (sending->taken >= sending->frame.count)
            *sending = wire->sending[--wire->sending_count];
    }
    if (count)
        wire->last_sent_ns = now;
    return count;
}

void wire_clear(struct wire *wire) {
    wire->received_count = 0;
    wire->sending_count = 0;
}

/* When the first run of bytes will be a frame or be ended by a silence. */
static int64_t received_due(const struct wire *wire) {
    int length = request_length(wire->received, wire->received_count);
    if (length > 0 && (size_t)length <= wire->received_count && wire->received[length - 1].end_ns > wire->looked_ns)
        return wire->received[length - 1].end_ns;
    int64_t pause = wire->silence_ns + SLACK_NS;
    for (size_t i = 1; i < wire->received_count; i++)
        if (wire->received[i].start_ns - wire->received[i - 1].end_ns > pause)
            return wire->received[i].end_ns;
    return wire->received[wire->received_count - 1].end_ns + pause;
}

int64_t wire_due(const struct wire *wire) {
    int64_t due = wire->received_count ? received_due(wire) : INT64_MAX;
    for (size_t i = 0; i < wire->sending_count; i++)
        if (leaves_at(&wire->sending[i]) < due)
            due = leaves_at(&wire->sending[i]);
    return due;
}
