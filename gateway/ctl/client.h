/* The tools' side of the control socket. */
#ifndef LIFTGW_CTL_CLIENT_H
#define LIFTGW_CTL_CLIENT_H

#include "ctl/command.h"

#include <jansson.h>

/* Connects to the daemon's control socket. The fd, or -1 with errno. */
int client_connect(const struct context *context);

/* Sends one request and waits for its answer, fifteen seconds at most or what client_be_patient said. The caller's to
 * free; NULL if none came. */
json_t *client_ask(int fd, const char *request);
void client_be_patient(int fd, int seconds);

/* The same, and says why if it does not work, and what to do; -1 with *status, an exit status of sysexits.h. */
int client_begin(const struct context *context, int *status);
/* Asks, takes request over. NULL if the daemon gave no answer or refused it, after saying why, with *status. */
json_t *client_do(int fd, json_t *request, int *status);
/* All three: connects, asks once, and closes. */
json_t *client_do_once(const struct context *context, json_t *request, int *status);

#endif
