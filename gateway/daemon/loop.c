#include "daemon/loop.h"

#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READY_MAX 32

struct loop {
    int epoll_fd;
    struct epoll_event ready[READY_MAX];
    int ready_count;
};

struct loop *loop_create(void) {
    int fd = epoll_create1(EPOLL_CLOEXEC);
    if (fd < 0)
        return NULL;
    struct loop *loop = memory_get(1, sizeof *loop);
    loop->epoll_fd = fd;
    return loop;
}

void loop_free(struct loop *loop) {
    if (!loop)
        return;
    close(loop->epoll_fd);
    free(loop);
}

int loop_add(struct loop *loop, struct loop_watch *watch) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event);
}

void loop_remove(struct loop *loop, struct loop_watch *watch) {
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = 0; i < loop->ready_count; i++)
        if (loop->ready[i].data.ptr == watch)
            loop->ready[i].data.ptr = NULL;
}

void loop_once(struct loop *loop, int timeout_ms) {
    loop->ready_count = epoll_wait(loop->epoll_fd, loop->ready, READY_MAX, timeout_ms);
    if (loop->ready_count < 0 && errno != EINTR)
        log_error_errno("cannot wait for events");
    for (int i = 0; i < loop->ready_count; i++) {
        struct loop_watch *watch = loop->ready[i].data.ptr;
        if (watch)
            watch->ready(watch->context);
    }
    loop->ready_count = 0;
}
