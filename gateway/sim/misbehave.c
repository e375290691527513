#include "sim/misbehave.h"

#include <assert.h>

uint16_t frame_crc(const uint8_t bytes[], int count) {
    uint16_t crc = 0xFFFF;
    for (int i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
    }
    return crc;
}

void frame_append(struct frame *frame, uint8_t byte) {
    assert(frame->count < (int)sizeof frame->bytes);
    frame->bytes[frame->count++] = byte;
}

void frame_append_crc(struct frame *frame) {
    uint16_t crc = frame_crc(frame->bytes, frame->count);
    frame_append(frame, (uint8_t)crc);
    frame_append(frame, (uint8_t)(crc >> 8));
}

bool frame_is_whole(const uint8_t bytes[], int count) {
    if (count < 4)
        return false;
    uint16_t crc = frame_crc(bytes, count - 2);
    return bytes[count - 2] == (uint8_t)crc && bytes[count - 1] == (uint8_t)(crc >> 8);
}

static void seal_again(struct frame *reply) {
    reply->count -= 2;
    frame_append_crc(reply);
}

/* Bits of the other table for bits, registers for registers. */
static uint8_t other_function(uint8_t function) {
    bool bits = (function & 0x7F) <= 2;
    return (uint8_t)(function ^ (bits ? 1 ^ 2 : 3 ^ 4));
}

void misbehave(const struct misbehaviour *misbehaviour, struct random *random, struct frame *reply) {
    if (random_percent(random, misbehaviour->wrong_unit)) {
        reply->bytes[0] = reply->bytes[0] < 247 ? (uint8_t)(reply->bytes[0] + 1) : 1;
        seal_again(reply);
    }
    if (random_percent(random, misbehaviour->wrong_function)) {
        reply->bytes[1] = other_function(reply->bytes[1]);
        seal_again(reply);
    }
    if (random_percent(random, misbehaviour->crc))
        reply->bytes[reply->count - 1] ^= (uint8_t)random_between(random, 1, 255);
    if (random_percent(random, misbehaviour->truncate))
        reply->count = (int)random_between(random, 1, reply->count - 1);
    if (random_percent(random, misbehaviour->trailing)) {
        int more = (int)random_between(random, 1, TRAILING_MAX);
        random_fill(random, &reply->bytes[reply->count], more);
        reply->count += more;
    }
}

void misbehave_garble(struct random *random, struct frame *reply) {
    do
        random_fill(random, reply->bytes, reply->count);
    while (frame_is_whole(reply->bytes, reply->count));
}
