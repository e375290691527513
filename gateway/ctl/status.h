/* `liftgwctl status`: the running daemon, as tables or as JSON. */
#ifndef LIFTGW_CTL_STATUS_H
#define LIFTGW_CTL_STATUS_H

#include <jansson.h>
#include <stdio.h>

/* As Nagios: everything is well; something needs a look but nothing is lost; the gateway does not do its work. */
enum health { HEALTH_FINE, HEALTH_DEGRADED, HEALTH_CRITICAL, HEALTH_NOT_RUNNING };

/* Critical: there are lifts and none is online, messages were dropped because the outbox is full, or the ledger cannot
 * be written. Degraded: a lift, a bus or the broker is not there, or the broker refuses messages. */
enum health status_health(const json_t *status);

/* Prints the daemon's answer for people. */
void status_print(FILE *to, const json_t *status);

#endif
