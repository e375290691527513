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
#include <unistd.h>

#define USUAL_SOCKET "/run/liftgw/control.sock"
#define ANSWER_MAX (4 * 1024 * 1024)
#define ANSWER_STEP (64 * 1024)
#define WAIT_S 10

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
    if (fd < 0)
        log_error("liftgwd does not answer on %s: %s%s", path, strerror(errno),
                  errno == EACCES ? "; add yourself to group liftgw" : "; is it running?");
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
