/* Unix stream sockets that tools connect to. */
#ifndef LIFTGW_BASE_SOCKET_H
#define LIFTGW_BASE_SOCKET_H

#include <sys/types.h>

/* Listens at path with these permissions. A socket that nobody listens on any more is replaced; anything else that
 * stands there is left alone. The fd (non-blocking, close-on-exec), or -1 with errno; EADDRINUSE: the place is taken.
 */
int socket_listen(const char *path, mode_t permissions);

#endif
