/* liftgw-publish as liftgwd sees it: a process that may crash or hang at any moment and is simply started again. */
#ifndef LIFTGW_DAEMON_PUBLISHER_H
#define LIFTGW_DAEMON_PUBLISHER_H

#include "mqtt/handover.h"
#include "mqtt/setup.h"

#include <sys/types.h>

struct publisher;

/* What a publisher tells its owner; context is the owner. gone: the process ended and will be started again. */
struct publisher_listener {
    void (*heard)(void *context, const struct handover *message);
    void (*gone)(void *context);
    void *context;
};

/* Makes a publisher that will be started by the first publisher_tick. setup's strings must outlive it. */
struct publisher *publisher_create(const struct broker_setup *setup, const struct publisher_listener *listener);
/* Other settings: a process with the old ones is replaced if they mean another broker. setup as above. */
void publisher_configure(struct publisher *publisher, const struct broker_setup *setup);
/* Asks the process to publish last_status on status_topic, to disconnect and to end. */
void publisher_ask_to_stop(struct publisher *publisher, const char *status_topic, const char *last_status);
/* Waits at most wait_ms for the process to end by itself, then kills it. */
void publisher_free(struct publisher *publisher, int wait_ms);

/* Where it can be heard; -1 while there is no process. It changes when the process is started again. */
int publisher_fd(const struct publisher *publisher);
/* Takes what it said and tells the listener. */
void publisher_receive(struct publisher *publisher);
/* Hands a message over. False: not now (its buffer is full, or it is gone). */
bool publisher_send(struct publisher *publisher, const struct handover *message);

/* Starts it when it is gone, kills it when it has not been heard for too long; and when to call it again:
 * CLOCK_MONOTONIC, ms. */
void publisher_tick(struct publisher *publisher, int64_t mono_ms);
int64_t publisher_due_ms(const struct publisher *publisher);

pid_t publisher_pid(const struct publisher *publisher); /* 0: none */
unsigned publisher_restarts(const struct publisher *publisher);

#endif
