/* What the daemon knows of itself, as JSON: for the control socket, and the body of `health`. */
#ifndef LIFTGW_DAEMON_FIGURES_H
#define LIFTGW_DAEMON_FIGURES_H

#include "daemon/desk.h"

#include <jansson.h>

/* The answer to {"cmd":"status"}, without `ok`; the caller's to free. */
json_t *figures_status(const struct desk *desk, struct instant now);
/* The body of `health`. units are left to a count when they would not fit 4 KiB; the caller's to free. */
json_t *figures_health(const struct desk *desk, struct instant now, bool with_units);

#endif
