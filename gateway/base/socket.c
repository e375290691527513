#include "base/socket.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* True if a socket stands there on which nobody listens. */
static bool is_left_over(const struct sockaddr_un *address) {
    struct stat there;
    if (lstat(address->sun_path, &there) || !S_ISSOCK(there.st_mode))
        return false;
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (probe < 0)
        return false;
    bool refused = connect(probe, (const struct sockaddr *)address, sizeof *address) && errno == ECONNREFUSED;
    close(probe);
    return refused;
}

/* The socket is made under another name and moved over when it listens: who sees it can connect. */
int socket_listen(const char *path, mode_t permissions) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct sockaddr_un aside = {.sun_family = AF_UNIX};
    if (snprintf(address.sun_path, sizeof address.sun_path, "%s", path) >= (int)sizeof address.sun_path ||
        snprintf(aside.sun_path, sizeof aside.sun_path, "%s~", path) >= (int)sizeof aside.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (access(path, F_OK) == 0 && !is_left_over(&address)) {
        errno = EADDRINUSE;
        return -1;
    }
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return -1;
    if (is_left_over(&aside))
        unlink(aside.sun_path);
    mode_t mask = umask(0777 & ~permissions);
    int failed = bind(listener, (const struct sockaddr *)&aside, sizeof aside);
    umask(mask);
    if (!failed && !listen(listener, SOMAXCONN) && !rename(aside.sun_path, path))
        return listener;
    int kept = errno;
    if (!failed)
        unlink(aside.sun_path);
    close(listener);
    errno = kept;
    return -1;
}
