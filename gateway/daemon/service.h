/* The daemon put together: everything that lives between READY and stopping. */
#ifndef LIFTGW_DAEMON_SERVICE_H
#define LIFTGW_DAEMON_SERVICE_H

#include "settings/settings.h"

struct service;

/* Opens the ledger and starts buses, publisher and control socket. Takes settings over. NULL after logging why, with
 * the exit status in *status (sysexits.h); file is read again on SIGHUP. */
struct service *service_start(struct settings *settings, const char *file, int *status);

/* Runs until SIGTERM or SIGINT, or until the ledger is found damaged. The exit status. */
int service_run(struct service *service);

/* Stops everything within two seconds: `offline` is published if there is a connection, the ledger is closed. */
void service_stop(struct service *service);

#endif
