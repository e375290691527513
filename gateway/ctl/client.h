/* The tools' side of the control socket. */
#ifndef LIFTGW_CTL_CLIENT_H
#define LIFTGW_CTL_CLIENT_H

#include "ctl/command.h"

#include <jansson.h>

/* Connects to the daemon's control socket. The fd, or -1 with errno. */
int client_connect(const struct context *context);
/* The same, and says why if it does not work, and what to do. */
int client_open(const struct context *context);

/* Sends one request and waits for its answer, ten seconds at most. The caller's to free; NULL if none came. */
json_t *client_ask(int fd, const char *request);

#endif
