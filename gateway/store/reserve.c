#include "store/reserve.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* What SQLite needs in order to come to an end on a full disk: a -wal as long as one gets between two checkpoints
 * (1,000 pages), and the file longer by as much. */
#define RESERVE_SIZE (3L << 20)
/* Beyond that, so much must be free, or what others write would soon take it anyway. */
#define RESERVE_BESIDE RESERVE_SIZE

static bool name_of(const char *path, char name[PATH_MAX]) {
    return snprintf(name, PATH_MAX, "%s.reserve", path) < PATH_MAX;
}

static bool has_room(int fd) {
    struct statvfs disk;
    return fstatvfs(fd, &disk) == 0 && disk.f_bavail > (RESERVE_SIZE + RESERVE_BESIDE) / disk.f_frsize;
}

/* fallocate, not posix_fallocate: where the file system cannot promise room, writing zeros would not hold any. */
static bool allocate(const char *name) {
    int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return false;
    bool held = has_room(fd) && fallocate(fd, 0, 0, RESERVE_SIZE) == 0;
    close(fd);
    if (!held)
        unlink(name);
    return held;
}

bool reserve_hold(const char *path) {
    char name[PATH_MAX];
    struct stat status;
    if (!name_of(path, name))
        return false;
    if (stat(name, &status) == 0 && status.st_blocks * 512L >= RESERVE_SIZE)
        return true;
    return allocate(name);
}

void reserve_release(const char *path) {
    char name[PATH_MAX];
    if (name_of(path, name))
        unlink(name);
}
