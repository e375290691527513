#include "sim/pty.h"

#include "base/baud.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

struct pty {
    struct pty_settings settings;
    int master, slave; /* -1 unplugged. The slave is kept open: its settings stay, and the master is never hung up */
    int watch;         /* inotify */
    int watched;       /* the device's number there */
    bool in_use;       /* somebody else has it open */
    char device[64];
};

bool pty_baud_known(int baud) {
    return baud_speed(baud) != B0;
}

struct pty *pty_create(const struct pty_settings *settings) {
    struct pty *pty = memory_get(1, sizeof *pty);
    *pty = (struct pty){.settings = *settings, .master = -1, .slave = -1, .watch = -1};
    return pty;
}

void pty_free(struct pty *pty) {
    if (!pty)
        return;
    pty_unplug(pty);
    free(pty);
}

/* What a master finds. A pseudo-terminal ignores PARENB, and tcsetattr says EINVAL to who wants it if no other flag is
 * to change: so CLOCAL, which every master sets, is left to them. */
static struct termios line_settings(const struct pty *pty) {
    struct termios line = {.c_cflag = CS8 | CREAD};
    cfmakeraw(&line);
    if (pty->settings.stop_bits == 2)
        line.c_cflag |= CSTOPB;
    if (pty->settings.parity == PARITY_ODD)
        line.c_cflag |= PARODD;
    line.c_cc[VMIN] = 1;
    cfsetispeed(&line, baud_speed(pty->settings.baud));
    cfsetospeed(&line, baud_speed(pty->settings.baud));
    return line;
}

/* Makes the link under another name first and moves it over, so that there is never none. */
static int make_link(const struct pty *pty) {
    struct stat there;
    if (!lstat(pty->settings.link, &there) && !S_ISLNK(there.st_mode)) {
        errno = EEXIST;
        return -1;
    }
    char aside[PATH_MAX];
    if (snprintf(aside, sizeof aside, "%s.%ld", pty->settings.link, (long)getpid()) >= (int)sizeof aside) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (symlink(pty->device, aside))
        return -1;
    if (!rename(aside, pty->settings.link))
        return 0;
    int saved = errno;
    unlink(aside);
    errno = saved;
    return -1;
}

static void remove_link(const struct pty *pty) {
    char target[sizeof pty->device];
    ssize_t length = readlink(pty->settings.link, target, sizeof target - 1);
    if (length < 0)
        return;
    target[length] = '\0';
    if (!strcmp(target, pty->device)) /* else somebody else has put his own there */
        unlink(pty->settings.link);
}

static int watch_device(struct pty *pty) {
    return pty->watched = inotify_add_watch(pty->watch, pty->device, IN_OPEN | IN_CLOSE);
}

static int open_terminal(struct pty *pty) {
    struct termios line = line_settings(pty);
    if (openpty(&pty->master, &pty->slave, NULL, &line, NULL))
        return -1;
    if (ttyname_r(pty->slave, pty->device, sizeof pty->device))
        return -1;
    fcntl(pty->master, F_SETFD, FD_CLOEXEC);
    fcntl(pty->slave, F_SETFD, FD_CLOEXEC);
    if (fcntl(pty->master, F_SETFL, O_NONBLOCK))
        return -1;
    pty->watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return pty->watch < 0 || watch_device(pty) < 0 ? -1 : 0;
}

static void close_one(int *descriptor) {
    if (*descriptor >= 0)
        close(*descriptor);
    *descriptor = -1;
}

static void close_terminal(struct pty *pty) {
    close_one(&pty->watch);
    close_one(&pty->slave);
    close_one(&pty->master);
    pty->in_use = false;
}

int pty_plug(struct pty *pty) {
    if (pty->master >= 0)
        return 0;
    if (!open_terminal(pty) && !make_link(pty))
        return 0;
    int saved = errno;
    close_terminal(pty);
    errno = saved;
    return -1;
}

void pty_unplug(struct pty *pty) {
    if (pty->master < 0)
        return;
    remove_link(pty);
    close_terminal(pty);
}

int pty_descriptor(const struct pty *pty) {
    return pty->master;
}

int pty_watch_descriptor(const struct pty *pty) {
    return pty->watch;
}

/* The last one has closed it. A real terminal forgets then that it was exclusive and what nobody has read; this one is
 * kept open by us and would not. It gets its settings back, too. */
static void forget_master(const struct pty *pty) {
    struct termios line = line_settings(pty);
    ioctl(pty->slave, TIOCNXCL);
    tcsetattr(pty->slave, TCSANOW, &line);
    tcflush(pty->slave, TCIFLUSH);
}

/* True if somebody else still has it open. inotify cannot count: equal events in a row become one. But while our own
 * descriptor is closed, the master is hung up if there is no other. */
static bool others_have_it(struct pty *pty) {
    int exclusive = 0;
    ioctl(pty->slave, TIOCGEXCL, &exclusive);
    ioctl(pty->slave, TIOCNXCL); /* else only root could open it again */
    inotify_rm_watch(pty->watch, pty->watched);
    close_one(&pty->slave);
    struct pollfd master = {.fd = pty->master};
    bool others = poll(&master, 1, 0) == 0 || !(master.revents & POLLHUP);
    pty->slave = open(pty->device, O_RDWR | O_NOCTTY | O_CLOEXEC);
    watch_device(pty);
    if (others && exclusive)
        ioctl(pty->slave, TIOCEXCL);
    return others;
}

void pty_look(struct pty *pty) {
    _Alignas(struct inotify_event) char events[1024];
    ssize_t size;
    uint32_t seen = 0;
    while (pty->watch >= 0 && (size = read(pty->watch, events, sizeof events)) > 0) {
        for (ssize_t at = 0; at < size;) {
            const struct inotify_event *event = (const void *)&events[at];
            seen |= event->mask;
            at += (ssize_t)sizeof *event + event->len;
        }
    }
    if (seen & IN_OPEN)
        pty->in_use = true;
    if (!(seen & IN_CLOSE) || others_have_it(pty))
        return;
    pty->in_use = false;
    forget_master(pty);
}

size_t pty_read(struct pty *pty, uint8_t bytes[], size_t size) {
    ssize_t count = read(pty->master, bytes, size);
    if (count <= 0)
        return 0;
    if (!pty->in_use) /* last words, or of one who came while others_have_it looked */
        pty->in_use = others_have_it(pty);
    return (size_t)count;
}

void pty_write(struct pty *pty, const uint8_t bytes[], size_t count) {
    pty_look(pty);
    if (pty->master < 0 || !pty->in_use)
        return;
    if (write(pty->master, bytes, count) < (ssize_t)count)
        log_debug("the master does not read: bytes lost");
}

bool pty_settings_agree(const struct pty *pty) {
    struct termios line;
    if (tcgetattr(pty->slave, &line))
        return true;
    bool odd = line.c_cflag & PARODD;
    bool two = line.c_cflag & CSTOPB;
    return cfgetospeed(&line) == baud_speed(pty->settings.baud) && odd == (pty->settings.parity == PARITY_ODD) &&
           two == (pty->settings.stop_bits == 2);
}
