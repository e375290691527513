/* What liftgwctl reads from the control socket: whatever the daemon answers is shown or refused. */
#include "ctl/client.h"
#include "ctl/status.h"
#include "fuzz.h"

#include <locale.h>
#include <sys/socket.h>

#define ANSWER_SIZE_MAX ((size_t)64 * 1024) /* what a socket's buffer takes */

/* What main.c would do with a wrong command line. */
int command_help(const char *name, bool asked) {
    (void)name;
    return asked;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    setlocale(LC_CTYPE, "C.UTF-8");
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int sockets[2];
    if (size > ANSWER_SIZE_MAX || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) != 0)
        return -1;
    ssize_t sent = send(sockets[1], data, size, 0);
    assert(sent == (ssize_t)size);
    shutdown(sockets[1], SHUT_WR);
    json_t *answer = client_ask(sockets[0], "{\"cmd\":\"status\"}");
    if (answer) {
        enum health health = status_health(answer);
        assert(health <= HEALTH_CRITICAL);
        status_print(stdout, answer);
    }
    json_decref(answer);
    close(sockets[0]);
    close(sockets[1]);
    return 0;
}
