/* The tools' side of the control socket. */
#ifndef LIFTGW_CTL_CLIENT_H
#define LIFTGW_CTL_CLIENT_H

#include <jansson.h>

/* Connects to the daemon's socket. The fd, or -1 with errno. */
int client_connect(const char *path);

/* Sends one request and waits for its answer, ten seconds at most. The caller's to free; NULL if none came. */
json_t *client_ask(int fd, const char *request);

#endif
