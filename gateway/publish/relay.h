/* Between liftgwd and the broker: what was handed over goes out, acknowledgements come back, and a lost connection is
 * built up again. Keeps nothing: what was not acknowledged is handed over again by liftgwd. */
#ifndef LIFTGW_PUBLISH_RELAY_H
#define LIFTGW_PUBLISH_RELAY_H

#include "mqtt/handover.h"
#include "mqtt/session.h"

struct relay;

/* Makes a relay between the socket fd and a session, and begins to connect. Both, and setup, must outlive it. */
struct relay *relay_create(const struct broker_setup *setup, struct session *session, int fd);

/* What liftgwd said. */
void relay_heard(struct relay *relay, const struct handover *message);
/* What the session reported. */
void relay_reported(struct relay *relay, const struct session_report *report);
/* What is due by time. */
void relay_tick(struct relay *relay, int64_t mono_ms);
/* When relay_tick has something to do at the latest (CLOCK_MONOTONIC, ms). */
int64_t relay_due_ms(const struct relay *relay);

/* False while no more can be taken; liftgwd waits. */
bool relay_has_room(const struct relay *relay);
/* True when the process shall end; status is its exit status. */
bool relay_is_over(const struct relay *relay, int *status);

#endif
