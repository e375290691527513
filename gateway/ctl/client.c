#include "ctl/client.h"

#include "base/conf.h"
#include "base/log.h"
#include "base/memory.h"
#include "ctl/answer.h"

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
#define ANSWER_MAX ((size_t)4 * 1024 * 1024)
#define ANSWER_STEP 65536
#define WAIT_S 15 /* the daemon itself gives up after ten */

/* Where the daemon listens: as said, or as its configuration says. Whatever else is wrong with that does not matter: it
 * may be edited while the daemon runs. */
static void find_socket(const struct context *context, char *path, size_t size) {
    snprintf(path, size, "%s", context->socket ? context->socket : USUAL_SOCKET);
    if (context->socket)
        return;
    struct problems *problems = problems_create();
    struct conf *conf = conf_open(context->file, problems);
    const struct conf_node *gateway = conf ? conf_get(conf_root(conf), "gateway") : NULL;
    const struct conf_node *node = gateway ? conf_get(gateway, "control") : NULL;
    const char *control = node ? conf_string(node) : NULL;
    const char *slash = strrchr(context->file, '/');
    if (control && control[0] != '/' && slash)
        snprintf(path, size, "%.*s%s", (int)(slash - context->file) + 1, context->file, control);
    else if (control)
        snprintf(path, size, "%s", control);
    if (conf)
        conf_close(conf);
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

int client_begin(const struct context *context, int *status) {
    char path[4096];
    find_socket(context, path, sizeof path);
    int fd = connect_to(path);
    if (fd >= 0)
        return fd;
    *status = errno == EACCES ? EX_NOPERM : EX_UNAVAILABLE;
    log_error("liftgwd does not answer on %s: %s%s", path, strerror(errno),
              errno == EACCES ? "; add yourself to group liftgw" : "; is it running?");
    return -1;
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

json_t *client_do(int fd, json_t *request, int *status) {
    char *line = json_dumps(request, JSON_COMPACT);
    json_decref(request);
    json_t *answer = line ? client_ask(fd, line) : NULL;
    free(line);
    if (json_is_true(json_object_get(answer, "ok"))) {
        *status = EX_OK;
        return answer;
    }
    const char *error = answer_text(answer, "error");
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
