/* A disk under a test's hand, preloaded into liftgwd by tests/system/test_disk.py: what is written to ledger.db is
 * counted, and can be made to fail or to hang. LIFTGW_DISK names a file of struct disk that both sides map. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile struct disk {
    uint64_t failure; /* an errno; 0: none */
    uint64_t hang;    /* 1: whoever writes or syncs, waits */
    uint64_t waiting; /* how many do */
    uint64_t bytes, writes, syncs;
} * disk;

__attribute__((constructor)) static void map_disk(void) {
    const char *path = getenv("LIFTGW_DISK");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *disk, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    disk = map == MAP_FAILED ? NULL : map;
}

static int is_ledger(int fd) {
    char link[32], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = disk ? readlink(link, path, sizeof path - 1) : -1;
    path[size > 0 ? size : 0] = '\0';
    return strstr(path, "/ledger.db") != NULL;
}

/* 0, or -1 with errno when this step is to fail. */
static int meet(int fd) {
    if (!is_ledger(fd))
        return 0;
    while (disk->hang) {
        disk->waiting = 1;
        usleep(10000);
    }
    disk->waiting = 0;
    errno = (int)disk->failure;
    return errno ? -1 : 0;
}

ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset);
ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset) {
    if (meet(fd) != 0)
        return -1;
    if (is_ledger(fd)) {
        disk->bytes += size;
        disk->writes++;
    }
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

int fdatasync(int fd) {
    if (meet(fd) != 0)
        return -1;
    if (is_ledger(fd))
        disk->syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}
