/* The main thread's loop: file descriptors that become readable, and nothing else. */
#ifndef LIFTGW_DAEMON_LOOP_H
#define LIFTGW_DAEMON_LOOP_H

#include <stdbool.h>

struct loop;

/* Something that waits in the loop; embedded in what it belongs to, which must outlive its place in the loop. */
struct loop_watch {
    int fd;
    void (*ready)(void *context);
    void *context;
};

/* NULL with errno. */
struct loop *loop_create(void);
void loop_free(struct loop *loop);

/* Adds and removes a watch for input. 0, or -1 with errno. Remove it before its fd is closed. */
int loop_add(struct loop *loop, struct loop_watch *watch);
void loop_remove(struct loop *loop, struct loop_watch *watch);

/* Waits at most timeout_ms and calls what became ready; a watch that was removed meanwhile is not called. */
void loop_once(struct loop *loop, int timeout_ms);

#endif
