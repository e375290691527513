/* The control socket: a stream of lines from each of a few clients, an answer to each line. */
#ifndef LIFTGW_SIM_CONTROL_H
#define LIFTGW_SIM_CONTROL_H

#include "sim/simulator.h"

#include <poll.h>

#define CONTROL_CLIENTS 16
#define CONTROL_POLLS (CONTROL_CLIENTS + 1)

struct control;
/* Listens at path, for this user alone; a socket that nobody listens on any more is replaced. NULL with errno. */
struct control *control_create(const char *path, struct simulator *simulator);
/* Removes the socket. */
void control_free(struct control *control);

/* Fills polls with what to wait for; how many. */
size_t control_polls(const struct control *control, struct pollfd polls[CONTROL_POLLS]);
/* Does what those polls say is ready. */
void control_run(struct control *control, const struct pollfd polls[], size_t count);

#endif
