/* liftgw-publish: liftgwd's half that talks to the network. Started by liftgwd only, with a socketpair as fd 3. */
#include "base/clock.h"
#include "base/log.h"
#include "publish/relay.h"
#include "publish/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#define PARENT_FD 3

/* Ends the process without destructors: paho's threads still run, and what a leak checker would do is forbidden. */
_Noreturn static void leave(int status) {
    _exit(status);
}

/* The service manager's signals go to the whole group; liftgwd decides when this half stops. */
static void ignore_signals(void) {
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
}

/* A kernel without seccomp is no reason to keep a city's faults from it: the unit still stands around this process. If
 * liftgwd died before this, its end of the socket pair is closed and the first read says so. */
static void confine(void) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sandbox_enter() != 0)
        log_warn_errno("this kernel does not let the publisher give up what it does not need (seccomp)");
}

/* True if fd 3 is the socket that liftgwd makes; it is then ours alone, and blocks. */
static bool take_parent_socket(void) {
    int type = 0;
    socklen_t size = sizeof type;
    if (getsockopt(PARENT_FD, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET)
        return false;
    fcntl(PARENT_FD, F_SETFD, FD_CLOEXEC);
    fcntl(PARENT_FD, F_SETFL, fcntl(PARENT_FD, F_GETFL) & ~O_NONBLOCK);
    return true;
}

enum receipt { RECEIPT_NOTHING, RECEIPT_MESSAGE, RECEIPT_STRANGER, RECEIPT_END };

/* Takes one packet from liftgwd; what message points to is in packet. */
static enum receipt receive(unsigned char packet[HANDOVER_SIZE], int flags, struct handover *message) {
    ssize_t size = recv(PARENT_FD, packet, HANDOVER_SIZE, flags | MSG_TRUNC);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return RECEIPT_NOTHING;
    if (size <= 0)
        return RECEIPT_END;
    return handover_unpack(packet, (size_t)size, message) ? RECEIPT_MESSAGE : RECEIPT_STRANGER;
}

static const struct broker_setup *receive_setup(void) {
    static unsigned char packet[HANDOVER_SIZE];
    struct handover message;
    enum receipt receipt;
    do
        receipt = receive(packet, 0, &message);
    while (receipt == RECEIPT_NOTHING);
    if (receipt == RECEIPT_END)
        leave(EX_OK);
    if (receipt == RECEIPT_STRANGER || message.type != HANDOVER_SETUP) {
        log_error("the first packet from liftgwd is not the setup");
        leave(EX_SOFTWARE);
    }
    const struct broker_setup *setup = broker_setup_unpack(message.payload, message.payload_size);
    explicit_bzero(packet, sizeof packet);
    if (!setup)
        leave(EX_SOFTWARE);
    return setup;
}

/* Takes what liftgwd has sent, as long as there is room for it, and not more than the session has time for. */
static void receive_all(struct relay *relay) {
    static unsigned char packet[HANDOVER_SIZE];
    static struct log_repeat strangers;
    struct handover message;
    for (int i = 0; i < SESSION_WINDOW && relay_has_room(relay); i++) {
        switch (receive(packet, MSG_DONTWAIT, &message)) {
        case RECEIPT_MESSAGE:
            relay_heard(relay, &message);
            break;
        case RECEIPT_STRANGER:
            log_warn_repeated(&strangers, clock_mono_ms(), "refused a packet from liftgwd that is none of ours");
            break;
        case RECEIPT_END:
            leave(EX_OK);
            break;
        case RECEIPT_NOTHING:
            return;
        }
    }
}

_Noreturn static void run(struct relay *relay, struct session *session) {
    struct session_report report;
    int status;
    while (!relay_is_over(relay, &status)) {
        struct pollfd fds[] = {{.fd = relay_has_room(relay) ? PARENT_FD : -1, .events = POLLIN},
                               {.fd = session_fd(session), .events = POLLIN}};
        int64_t wait_ms = relay_due_ms(relay) - clock_mono_ms();
        poll(fds, 2, wait_ms > 0 ? (int)wait_ms : 0);
        while (session_next(session, &report))
            relay_reported(relay, &report);
        if (fds[0].revents)
            receive_all(relay);
        relay_tick(relay, clock_mono_ms());
    }
    leave(status);
}

int main(int argc, char **argv) {
    (void)argv;
    log_init("liftgw-publish", false);
    ignore_signals();
    confine();
    if (argc != 1 || !take_parent_socket()) {
        log_error("liftgwd starts this program; it is of no use by itself");
        leave(EX_USAGE);
    }
    const struct broker_setup *setup = receive_setup();
    struct session *session = session_create(setup);
    if (!session) {
        log_error_errno("cannot make an eventfd");
        leave(EX_OSERR);
    }
    run(relay_create(setup, session, PARENT_FD), session);
}
