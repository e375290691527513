/* Durations and moments as people type them. */
#ifndef LIFTGW_CTL_WHEN_H
#define LIFTGW_CTL_WHEN_H

#include <stdbool.h>
#include <stdint.h>

/* "500ms", "30s", "10min", "2h", "7d": a whole number and its unit. */
bool when_duration(const char *text, int64_t *ms);

/* A moment: so long ago, or "2026-11-23", "2026-11-23 18:30", "2026-11-23 18:30:05" in the local time zone. */
bool when_since(const char *text, int64_t now_real_ms, int64_t *real_ms);

#endif
