/* What the daemon knows of itself, as JSON: for the control socket, and the body of `health`. */
#ifndef LIFTGW_DAEMON_FIGURES_H
#define LIFTGW_DAEMON_FIGURES_H

#include "daemon/desk.h"

#include <jansson.h>

/* A moment in ms since 1970 as text, clock_text; 0: null. The caller's to free. */
json_t *figures_time(int64_t real_ms);

/* The answer to {"cmd":"status"}, without `ok`; the caller's to free. */
json_t *figures_status(const struct desk *desk, struct instant now);
/* How much `health` says: a box with many units or buses must fit 4 KiB. */
enum health_detail { HEALTH_BRIEF, HEALTH_BUSES, HEALTH_UNITS };

/* The body of `health`; what is left out is null. The caller's to free. */
json_t *figures_health(const struct desk *desk, struct instant now, enum health_detail detail);

#endif
