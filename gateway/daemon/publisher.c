#include "daemon/publisher.h"

#include "base/build.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROGRAM "liftgw-publish"
#define CHILD_FD 3
/* It says every second that it is alive. Its own thread never waits for paho's, which may block for a minute in DNS
 * (1.3.12 has done so): what is silent for so long hangs, or has no time of the processor at all. */
#define SILENCE_LIMIT_MS 10000
#define RESTART_FIRST_MS 100
#define RESTART_LAST_MS 10000
/* A process that lived this long was well: the next restart does not wait. */
#define WELL_AFTER_MS 30000

struct publisher {
    struct broker_setup setup; /* as used: what was asked for, or MQTT 3.1.1 after a refusal */
    struct broker_setup asked;
    char essence[BROKER_SETUP_SIZE]; /* of asked, when it was asked: its texts may change under it */
    size_t essence_size;
    struct publisher_listener listener;
    char program[PATH_MAX];
    pid_t pid; /* 0: none */
    int fd;    /* -1: none */
    unsigned starts;
    int64_t started_ms, heard_ms, start_at_ms;
    int restart_delay_ms;
    unsigned char packet[HANDOVER_SIZE];
};

/* In a build tree the program lies beside ours. */
static void find_program(char path[PATH_MAX]) {
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = '\0';
    char *slash = strrchr(path, '/');
    size_t folder = slash ? (size_t)(slash - path) + 1 : 0;
    snprintf(path + folder, PATH_MAX - folder, "%s", PROGRAM);
    if (folder == 0 || access(path, X_OK) != 0)
        snprintf(path, PATH_MAX, "%s/%s", LIFTGW_LIBEXEC, PROGRAM);
}

/* What decides whether two setups mean the same broker and session. */
static size_t essence(const struct broker_setup *setup, char text[BROKER_SETUP_SIZE]) {
    struct broker_setup plain = *setup;
    plain.will_payload = NULL;
    plain.version = 0;
    plain.automatic = false;
    return broker_setup_pack(&plain, text, BROKER_SETUP_SIZE);
}

/* A password in liftgw.cfg stays in memory, to be handed to the next process: no core dump, and not for this user's
 * other programs to read. One in a file or a credential never comes here. */
static void guard_password(const struct broker_setup *setup) {
    if (setup->password)
        prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

struct publisher *publisher_create(const struct broker_setup *setup, const struct publisher_listener *listener) {
    struct publisher *publisher = memory_get(1, sizeof *publisher);
    publisher->setup = publisher->asked = *setup;
    publisher->essence_size = essence(setup, publisher->essence);
    publisher->listener = *listener;
    publisher->fd = -1;
    publisher->restart_delay_ms = RESTART_FIRST_MS;
    guard_password(setup);
    find_program(publisher->program);
    return publisher;
}

/* In the child, between fork and exec: only calls that are safe there. */
static void become_program(const char *program, int fd) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (fd == CHILD_FD)
        fcntl(fd, F_SETFD, 0);
    else
        dup2(fd, CHILD_FD);
    close_range(CHILD_FD + 1, ~0U, 0);
    execl(program, PROGRAM, (char *)NULL);
    _exit(127);
}

static void send_setup(struct publisher *publisher) {
    char text[BROKER_SETUP_SIZE];
    size_t size = broker_setup_pack(&publisher->setup, text, sizeof text);
    struct handover message = {.type = HANDOVER_SETUP, .topic = "", .payload = text, .payload_size = size};
    if (size == 0 || !publisher_send(publisher, &message))
        log_error("cannot hand the broker's settings to %s: they are too long", PROGRAM);
    explicit_bzero(text, sizeof text);
}

static void start(struct publisher *publisher, int64_t mono_ms) {
    int pair[2];
    publisher->start_at_ms = mono_ms + publisher->restart_delay_ms;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair) != 0) {
        log_error_errno("cannot make a socket pair for %s", PROGRAM);
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        become_program(publisher->program, pair[1]);
    close(pair[1]);
    if (pid < 0) {
        log_error_errno("cannot start %s", publisher->program);
        close(pair[0]);
        return;
    }
    publisher->pid = pid;
    publisher->fd = pair[0];
    publisher->starts++;
    publisher->started_ms = publisher->heard_ms = mono_ms;
    send_setup(publisher);
}

static const char *how_it_ended(int status, char text[64]) {
    if (WIFSIGNALED(status))
        snprintf(text, 64, "killed by signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status) == 127)
        snprintf(text, 64, "it could not be executed");
    else
        snprintf(text, 64, "exit status %d", WEXITSTATUS(status));
    return text;
}

/* The process has ended or must: reap it, and tell. now: start the next one without waiting. */
static void end(struct publisher *publisher, bool now) {
    int status = 0;
    char text[64];
    kill(publisher->pid, SIGKILL);
    while (waitpid(publisher->pid, &status, 0) < 0 && errno == EINTR) {
    }
    int64_t mono_ms = clock_mono_ms();
    bool was_well = mono_ms - publisher->started_ms > WELL_AFTER_MS;
    if (!now)
        log_warn("%s ended (%s), starting it again", PROGRAM, how_it_ended(status, text));
    if (now || was_well)
        publisher->restart_delay_ms = RESTART_FIRST_MS;
    publisher->start_at_ms = now ? mono_ms : mono_ms + publisher->restart_delay_ms;
    publisher->restart_delay_ms *= 2;
    if (publisher->restart_delay_ms > RESTART_LAST_MS)
        publisher->restart_delay_ms = RESTART_LAST_MS;
    publisher->listener.gone(publisher->listener.context);
    close(publisher->fd);
    publisher->fd = -1;
    publisher->pid = 0;
}

static void wait_for_end(const struct publisher *publisher, int wait_ms) {
    int64_t until = clock_mono_ms() + wait_ms;
    struct pollfd poll_fd = {.fd = publisher->fd, .events = POLLIN};
    char packet[256];
    for (int64_t left = wait_ms; left > 0; left = until - clock_mono_ms()) {
        if (poll(&poll_fd, 1, (int)left) > 0 && recv(publisher->fd, packet, sizeof packet, 0) == 0)
            return;
    }
}

void publisher_configure(struct publisher *publisher, const struct broker_setup *setup) {
    char new[BROKER_SETUP_SIZE];
    size_t new_size = essence(setup, new);
    bool same = publisher->essence_size == new_size && memcmp(publisher->essence, new, new_size) == 0;
    bool same_protocol = setup->automatic == publisher->asked.automatic && setup->version == publisher->asked.version;
    int version = publisher->setup.version;
    bool automatic = publisher->setup.automatic;
    publisher->setup = publisher->asked = *setup;
    guard_password(setup);
    publisher->essence_size = new_size;
    memcpy(publisher->essence, new, new_size);
    if (same && same_protocol) {
        publisher->setup.version = version;
        publisher->setup.automatic = automatic;
    } else if (publisher->pid) {
        log_info("the broker's settings changed: starting %s again", PROGRAM);
        end(publisher, true);
    }
}

void publisher_ask_to_stop(struct publisher *publisher, const char *status_topic, const char *last_status) {
    struct handover stop = {
        .type = HANDOVER_STOP, .topic = status_topic, .payload = last_status, .payload_size = strlen(last_status)};
    publisher_send(publisher, &stop);
}

void publisher_free(struct publisher *publisher, int wait_ms) {
    if (!publisher)
        return;
    if (publisher->pid) {
        wait_for_end(publisher, wait_ms);
        kill(publisher->pid, SIGKILL);
        waitpid(publisher->pid, NULL, 0);
        close(publisher->fd);
    }
    free(publisher);
}

int publisher_fd(const struct publisher *publisher) {
    return publisher->fd;
}

void publisher_receive(struct publisher *publisher) {
    while (publisher->fd >= 0) {
        ssize_t size = recv(publisher->fd, publisher->packet, sizeof publisher->packet, 0);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0 && errno == EAGAIN)
            return;
        if (size <= 0) {
            end(publisher, false);
            return;
        }
        struct handover message;
        if (!handover_unpack(publisher->packet, (size_t)size, &message)) {
            log_warn("%s sent a packet of %zd bytes that is none of ours", PROGRAM, size);
            continue;
        }
        publisher->heard_ms = clock_mono_ms();
        if (message.type == HANDOVER_REFUSED_V5) {
            log_info("the broker does not speak MQTT 5, going on with 3.1.1");
            publisher->setup.version = 4;
            publisher->setup.automatic = false;
            end(publisher, true);
            return;
        }
        publisher->listener.heard(publisher->listener.context, &message);
    }
}

bool publisher_send(struct publisher *publisher, const struct handover *message) {
    if (publisher->fd < 0)
        return false;
    unsigned char packet[HANDOVER_SIZE];
    size_t size = handover_pack(message, packet);
    if (size == 0) {
        log_error("a message for %s does not fit its packet", message->topic);
        return false;
    }
    bool sent = send(publisher->fd, packet, size, MSG_NOSIGNAL) == (ssize_t)size;
    if (message->type == HANDOVER_SETUP)
        explicit_bzero(packet, sizeof packet); /* a password may stand in it */
    return sent;
}

void publisher_tick(struct publisher *publisher, int64_t mono_ms) {
    if (publisher->pid && mono_ms - publisher->heard_ms > SILENCE_LIMIT_MS) {
        log_warn("%s has said nothing for %d s, killing it", PROGRAM, SILENCE_LIMIT_MS / 1000);
        end(publisher, false);
    }
    if (!publisher->pid && mono_ms >= publisher->start_at_ms)
        start(publisher, mono_ms);
}

int64_t publisher_due_ms(const struct publisher *publisher) {
    return publisher->pid ? publisher->heard_ms + SILENCE_LIMIT_MS + 1 : publisher->start_at_ms;
}

pid_t publisher_pid(const struct publisher *publisher) {
    return publisher->pid;
}

unsigned publisher_restarts(const struct publisher *publisher) {
    return publisher->starts > 0 ? publisher->starts - 1 : 0;
}
