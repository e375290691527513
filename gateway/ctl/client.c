#include "ctl/client.h"

#include "base/log.h"
#include "base/memory.h"
#include "settings/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#define USUAL_SOCKET "/run/liftgw/control.sock"
#define ANSWER_MAX (4 * 1024 * 1024)
#define ANSWER_STEP (64 * 1024)
#define WAIT_S 15 /* the daemon itself gives up after ten */

/* Where the daemon listens: as said, or as its configuration says. */
static void find_socket(const struct context *context, char *path, size_t size) {
    snprintf(path, size, "%s", context->socket ? context->socket : USUAL_SOCKET);
    if (context->socket)
        return;
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(context->file, problems);
    if (settings)
        snprintf(path, size, "%s", settings->gateway.control);
    settings_free(settings);
    problems_free(problems);
}

static int connect_to(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(address.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval wait = {.tv_sec = WAIT_S};
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) == 0 &&
        connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    int kept = errno;
    if (fd >= 0)
        close(fd);
    errno = kept;
    return -1;
}

int client_connect(const struct context *context) {
    char path[4096];
    find_socket(context, path, sizeof path);
    return connect_to(path);
}

int client_open(const struct context *context) {
    char path[4096];
    find_socket(context, path, sizeof path);
    int fd = connect_to(path);
    int kept = errno;
    if (fd < 0)
        log_error("liftgwd does not answer on %s: %s%s", path, strerror(errno),
                  errno == EACCES ? "; add yourself to group liftgw" : "; is it running?");
    errno = kept;
    return fd;
}

/* One line, without its end; the caller's to free. NULL if it does not come whole. */
static char *read_line(int fd) {
    char *line = NULL;
    for (size_t size = 0; size < ANSWER_MAX;) {
        line = memory_grow(line, size + ANSWER_STEP, 1);
        ssize_t got = recv(fd, line + size, ANSWER_STEP - 1, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            break;
        size += (size_t)got;
        if (line[size - 1] == '\n') {
            line[size - 1] = '\0';
            return line;
        }
    }
    free(line);
    return NULL;
}

json_t *client_ask(int fd, const char *request) {
    size_t size = strlen(request);
    if (send(fd, request, size, MSG_NOSIGNAL) != (ssize_t)size || send(fd, "\n", 1, MSG_NOSIGNAL) != 1)
        return NULL;
    char *line = read_line(fd);
    json_t *answer = line ? json_loads(line, 0, NULL) : NULL;
    free(line);
    return answer;
}

void client_be_patient(int fd, int seconds) {
    struct timeval wait = {.tv_sec = seconds};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
}

int client_begin(const struct context *context, int *status) {
    int fd = client_open(context);
    if (fd < 0)
        *status = errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE;
    return fd;
}

json_t *client_do(int fd, json_t *request, int *status) {
    char *line = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    json_t *answer = line ? client_ask(fd, line) : NULL;
    free(line);
    if (json_is_true(json_object_get(answer, "ok"))) {
        *status = EX_OK;
        return answer;
    }
    const char *error = json_string_value(json_object_get(answer, "error"));
    *status = answer && !json_is_true(json_object_get(answer, "retry")) ? EX_USAGE : EX_UNAVAILABLE;
    log_error("%s", error ? error : "liftgwd gave no answer");
    json_decref(answer);
    return NULL;
}

json_t *client_do_once(const struct context *context, json_t *request, int *status) {
    int fd = client_begin(context, status);
    if (fd < 0) {
        json_decref(request);
        return NULL;
    }
    json_t *answer = client_do(fd, request, status);
    close(fd);
    return answer;
}
