/* Lines to the control socket of a running daemon: every answer is a line of JSON with `ok`, and everybody else is
 * still served. */
#include "daemon.h"

static char answers[1 << 20];

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    daemon_start();
    return 0;
}

static void check_answer(const char *line, size_t size) {
    json_t *answer = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    json_t *ok = json_object_get(answer, "ok");
    assert(json_is_boolean(ok));
    const char *error = json_string_value(json_object_get(answer, "error"));
    assert(json_is_true(ok) || (error && error[0]));
    json_decref(answer);
}

/* What has come so far; a long answer may not have come whole. */
static void check_answers(int descriptor) {
    ssize_t size = recv(descriptor, answers, sizeof answers, MSG_DONTWAIT);
    const char *at = answers;
    const char *end;
    while (size > 0 && (end = memchr(at, '\n', (size_t)(answers + size - at)))) {
        check_answer(at, (size_t)(end - at));
        at = end + 1;
    }
}

/* The daemon may hang up on somebody who does not read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    int descriptor = daemon_connect();
    send(descriptor, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    shutdown(descriptor, SHUT_WR);
    daemon_check();
    check_answers(descriptor);
    close(descriptor);
    return 0;
}
