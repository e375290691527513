/* The black box: how a lift came to where it is, as a fixed ring of what it showed. Pure.
 *
 * What is written of it beside a raised fault is one line of text: for each moment its age in milliseconds and what had
 * changed. Items stand there by letter, words by number: another letter or order is a step of the ledger's ladder. */
#ifndef LIFTGW_MODEL_TRAIL_H
#define LIFTGW_MODEL_TRAIL_H

#include "model/lift.h"

#define TRAIL_ITEMS (ITEM_LOAD_PERCENT + 1)
#define TRAIL_POINTS 62 /* so that a trail takes less than 1 KiB */
#define TRAIL_SPAN_MS 60000
/* Longer than any line of a trail. */
#define TRAIL_TEXT_SIZE (TRAIL_POINTS * 96)

#define TRAIL_UNKNOWN INT16_MIN

struct trail_point {
    int64_t mono_ms;
    int16_t link; /* enum link */
    int16_t item[TRAIL_ITEMS];
};

/* A point as the ring keeps it. */
struct trail_mark {
    uint32_t after_ms; /* since the one before it */
    int16_t floor, speed_mm_s, load_percent;
    uint8_t words[5]; /* the link and all other items: two in a byte, their number + 1, 0 unknown */
};

struct trail {
    int64_t newest_mono_ms;
    uint16_t count, newest; /* newest: its place in the ring */
    struct trail_mark mark[TRAIL_POINTS];
};

/* Notes what the lift shows, if it changed. Speed and load alone are noted every two seconds, or at once if the moment
 * matters. */
void trail_follow(struct trail *trail, const struct lift *lift, struct instant at, bool matters);

/* Writes the minute up to mono_ms; as far as the ring goes back. Returns text, which is "" if there is nothing. */
const char *trail_write(const struct trail *trail, int64_t mono_ms, char text[TRAIL_TEXT_SIZE]);

/* Reads one moment from a line and moves on behind it; point must hold the moment before (all TRAIL_UNKNOWN at first)
 * and gets its mono_ms relative to the end. False at the end, or where the line makes no sense. */
bool trail_read(const char **text, struct trail_point *point);

/* A point at which nothing is known. */
struct trail_point trail_nothing(void);

#endif
