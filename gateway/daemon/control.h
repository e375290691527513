/* The control socket: JSON lines from the tools, one line back (design.md 5). */
#ifndef LIFTGW_DAEMON_CONTROL_H
#define LIFTGW_DAEMON_CONTROL_H

#include "daemon/figures.h"
#include "daemon/loop.h"

struct control;

/* Listens at path for owner and group (socket_listen). NULL with errno. */
struct control *control_create(const char *path, struct loop *loop, struct desk *desk);
void control_free(struct control *control);

/* The fleet was made anew by a reload: what waits for its answers is told so. */
void control_fleet_changed(struct control *control);

/* The fleet's listeners. */
void control_answered(struct control *control, const struct reading *reading);
void control_polled(struct control *control, size_t lift, size_t part);

/* The desk's: a message of the ledger is with the broker, or will never be. */
void control_acknowledged(struct control *control, uint64_t seq, bool refused);

/* The retirement that a client awaits has ended: cleared topics, or why it could not be (NULL: it is done). */
void control_retired(struct control *control, size_t cleared, const char *error);

/* Sends what is due; and when to call it again: CLOCK_MONOTONIC, ms. */
void control_tick(struct control *control, struct instant now);
int64_t control_due_ms(const struct control *control);

#endif
