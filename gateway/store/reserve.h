/* Room on the disk that is held back, as path.reserve: on a full disk SQLite cannot even delete, and the reserve is
 * what it is given then. Private to gateway/store/. */
#ifndef LIFTGW_STORE_RESERVE_H
#define LIFTGW_STORE_RESERVE_H

#include <stdbool.h>

/* Sees to it that there is a reserve. False if there is no room for one, or the file system cannot make one. */
bool reserve_hold(const char *path);
void reserve_release(const char *path);

#endif
