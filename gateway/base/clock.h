/* Two clocks: one that never jumps, for durations and order, and the wall clock, for people. */
#ifndef LIFTGW_BASE_CLOCK_H
#define LIFTGW_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* When something was observed, on both clocks. */
struct instant {
    int64_t mono_ms; /* CLOCK_MONOTONIC */
    int64_t real_ms; /* UTC since 1970 */
    bool synced;     /* the wall clock was disciplined by a time server at that moment */
};

int64_t clock_mono_ns(void);
int64_t clock_mono_ms(void);
struct instant clock_now(void);

/* Sleeps until CLOCK_MONOTONIC reaches mono_ns; signals do not end it early. */
void clock_sleep_until_ns(int64_t mono_ns);

/* Writes real_ms as RFC 3339 UTC with milliseconds, "2026-11-23T18:30:00.123Z", and returns text. */
#define CLOCK_TEXT_SIZE 32
const char *clock_text(int64_t real_ms, char text[CLOCK_TEXT_SIZE]);

#endif
