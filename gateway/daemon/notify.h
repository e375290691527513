/* What the service manager wants to hear: sd_notify(3) by its documented protocol, without its library. */
#ifndef LIFTGW_DAEMON_NOTIFY_H
#define LIFTGW_DAEMON_NOTIFY_H

/* Sends state ("READY=1", lines separated by \n) to $NOTIFY_SOCKET; does nothing if there is none. A
 * service manager that has stopped reading is not waited for. */
void notify_send(const char *state);

/* How often the service manager wants to hear WATCHDOG=1, in ms; 0: not from us. */
int notify_watchdog_ms(void);

#endif
