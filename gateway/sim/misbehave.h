/* Named ways in which a unit answers wrongly. */
#ifndef LIFTGW_SIM_MISBEHAVE_H
#define LIFTGW_SIM_MISBEHAVE_H

#include "sim/random.h"

/* The longest RTU frame, and what a wrong one may add. */
#define FRAME_MAX 256
#define TRAILING_MAX 5

/* Percentages: of the unit's replies. All zero: none. */
struct misbehaviour {
    bool silent, echo;
    int crc, wrong_unit, wrong_function, truncate, trailing, twice;
    int exception_percent, exception;
    int late_ms, drip_ms;
};

/* A frame; count includes the CRC. */
struct frame {
    uint8_t bytes[FRAME_MAX + TRAILING_MAX];
    int count;
};

/* CRC-16/MODBUS; stands low byte first at a frame's end. */
uint16_t frame_crc(const uint8_t bytes[], int count);
void frame_append(struct frame *frame, uint8_t byte);
void frame_append_crc(struct frame *frame);
/* True if it ends in its CRC. */
bool frame_is_whole(const uint8_t bytes[], int count);

/* Spoils a good reply as often as the misbehaviour says. */
void misbehave(const struct misbehaviour *misbehaviour, struct random *random, struct frame *reply);
/* Turns it into what a terminal with other line settings would see: as long, and no frame. */
void misbehave_garble(struct random *random, struct frame *reply);

#endif
