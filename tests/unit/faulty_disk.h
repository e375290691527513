/* A disk that can be cut off at any moment and can fail at any step: a SQLite VFS around the real one that notes every
 * write, truncation and sync of the files in one folder, and rename, unlink and fsync of this program, which note what
 * happens to names. disk_lay_out then lays out what a power cut after any of these steps may have left: all that was
 * synced, with any part of what was not. */
#ifndef LIFTGW_TESTS_FAULTY_DISK_H
#define LIFTGW_TESTS_FAULTY_DISK_H

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DISK_FILES 64 /* ever made in one recording */
#define DISK_SECTOR 512
#define DISK_BLOCK 4096

enum disk_step { DISK_WRITE, DISK_TRUNCATE, DISK_SYNC, DISK_MAKE, DISK_UNLINK, DISK_RENAME, DISK_SYNC_FOLDER };

struct disk_entry {
    enum disk_step step;
    int file; /* by the order in which they were made */
    int64_t offset;
    size_t size;
    unsigned char *data;
    char name[64], to[64]; /* DISK_MAKE, DISK_UNLINK, DISK_RENAME */
};

struct disk_names {
    char name[DISK_FILES][64]; /* by file, "": it has none */
    int files;
};

static struct disk {
    char folder[128];
    bool recording;
    struct disk_entry *entries;
    size_t count, room, base; /* base: what was there before */
    struct disk_names names;
    /* From the step-th write, truncation, sync or read on, for so many: what SQLite is told. */
    long steps, fail_at, fail_count;
    int failure;
    bool half_written; /* a write that fails has put down the first half */
    /* What was written, as the caller counts and as a disk of 4 KiB blocks does, sync by sync. */
    int64_t bytes, blocks, syncs;
    uint64_t dirty[DISK_FILES][64];
} disk;

/* --- recording ---------------------------------------------------------------------------------------------------- */

/* The file's name within the folder, NULL if it is elsewhere. */
static const char *disk_name_of(const char *path) {
    size_t size = strlen(disk.folder);
    return size > 0 && path && strncmp(path, disk.folder, size) == 0 && path[size] == '/' ? path + size + 1 : NULL;
}

static int disk_find(const struct disk_names *names, const char *name) {
    for (int i = names->files - 1; i >= 0; i--)
        if (strcmp(names->name[i], name) == 0)
            return i;
    return -1;
}

static struct disk_entry *disk_note(enum disk_step step, int file) {
    if (disk.count == disk.room) {
        disk.room = disk.room ? 2 * disk.room : 1024;
        disk.entries = realloc(disk.entries, disk.room * sizeof *disk.entries);
        assert(disk.entries);
    }
    disk.entries[disk.count] = (struct disk_entry){.step = step, .file = file};
    return &disk.entries[disk.count++];
}

static void disk_apply_name(struct disk_names *names, const struct disk_entry *entry) {
    int file = disk_find(names, entry->name), target = disk_find(names, entry->to);
    if (entry->step == DISK_MAKE) {
        snprintf(names->name[entry->file], sizeof names->name[0], "%s", entry->name);
        names->files = entry->file + 1 > names->files ? entry->file + 1 : names->files;
    } else if (file >= 0) {
        if (entry->step == DISK_RENAME && target >= 0)
            names->name[target][0] = '\0';
        snprintf(names->name[file], sizeof names->name[0], "%s", entry->step == DISK_RENAME ? entry->to : "");
    }
}

static void disk_note_name(enum disk_step step, const char *name, const char *to) {
    if (!disk.recording || !name)
        return;
    struct disk_entry *entry = disk_note(step, step == DISK_MAKE ? disk.names.files : -1);
    snprintf(entry->name, sizeof entry->name, "%s", name);
    snprintf(entry->to, sizeof entry->to, "%s", to ? to : "");
    assert(disk.names.files < DISK_FILES - 1);
    disk_apply_name(&disk.names, entry);
}

int rename(const char *from, const char *to) {
    if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0) != 0)
        return -1;
    disk_note_name(DISK_RENAME, disk_name_of(from), disk_name_of(to));
    return 0;
}

int unlink(const char *path) {
    if (syscall(SYS_unlinkat, AT_FDCWD, path, 0) != 0)
        return -1;
    disk_note_name(DISK_UNLINK, disk_name_of(path), NULL);
    return 0;
}

/* The only thing that this program syncs by itself is the folder. */
int fsync(int fd) {
    (void)fd;
    if (disk.recording)
        disk_note(DISK_SYNC_FOLDER, -1);
    return 0;
}

/* --- the VFS ------------------------------------------------------------------------------------------------------ */

struct disk_file {
    sqlite3_file base;
    int file;
    bool is_new_journal; /* its first sync makes its name durable too, as the unix VFS does it */
    sqlite3_file *real;
};

static sqlite3_vfs *disk_real;

static int disk_fails(void) {
    long step = disk.steps++;
    return disk.failure && step >= disk.fail_at && step < disk.fail_at + disk.fail_count ? disk.failure : SQLITE_OK;
}

static int disk_failure_of(int failure, int as_io_error) {
    return failure == SQLITE_IOERR ? as_io_error : failure;
}

static sqlite3_file *disk_real_of(sqlite3_file *file) {
    return ((struct disk_file *)(void *)file)->real;
}

static int disk_close(sqlite3_file *file) {
    return disk_real_of(file)->pMethods->xClose(disk_real_of(file));
}

static int disk_read(sqlite3_file *file, void *to, int size, sqlite3_int64 offset) {
    int failure = disk_fails();
    if (failure && failure != SQLITE_FULL)
        return disk_failure_of(failure, SQLITE_IOERR_READ);
    return disk_real_of(file)->pMethods->xRead(disk_real_of(file), to, size, offset);
}

static void disk_count_write(int file, int size, sqlite3_int64 offset) {
    disk.bytes += size;
    for (sqlite3_int64 block = offset / DISK_BLOCK; block <= (offset + size - 1) / DISK_BLOCK; block++)
        disk.dirty[file][block / 64 % 64] |= UINT64_C(1) << block % 64;
}

static int disk_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 offset) {
    struct disk_file *own = (struct disk_file *)(void *)file;
    int failure = disk_fails();
    if (failure && !disk.half_written)
        return disk_failure_of(failure, SQLITE_IOERR_WRITE);
    if (failure)
        size /= 2;
    if (disk.recording) {
        struct disk_entry *entry = disk_note(DISK_WRITE, own->file);
        entry->offset = offset;
        entry->size = (size_t)size;
        entry->data = malloc((size_t)size + 1);
        assert(entry->data);
        memcpy(entry->data, from, (size_t)size);
    }
    disk_count_write(own->file, size, offset);
    int result = own->real->pMethods->xWrite(own->real, from, size, offset);
    return failure ? disk_failure_of(failure, SQLITE_IOERR_WRITE) : result;
}

static int disk_truncate(sqlite3_file *file, sqlite3_int64 size) {
    int failure = disk_fails();
    if (failure && failure != SQLITE_FULL)
        return disk_failure_of(failure, SQLITE_IOERR_TRUNCATE);
    if (disk.recording)
        disk_note(DISK_TRUNCATE, ((struct disk_file *)(void *)file)->file)->offset = size;
    return disk_real_of(file)->pMethods->xTruncate(disk_real_of(file), size);
}

static int disk_sync(sqlite3_file *file, int flags) {
    (void)flags;
    struct disk_file *own = (struct disk_file *)(void *)file;
    int failure = disk_fails();
    if (failure && failure != SQLITE_FULL)
        return disk_failure_of(failure, SQLITE_IOERR_FSYNC);
    disk.syncs++;
    for (int i = 0; i < 64; i++) {
        disk.blocks += __builtin_popcountll(disk.dirty[own->file][i]);
        disk.dirty[own->file][i] = 0;
    }
    if (!disk.recording)
        return SQLITE_OK;
    disk_note(DISK_SYNC, own->file);
    if (own->is_new_journal)
        disk_note(DISK_SYNC_FOLDER, -1);
    own->is_new_journal = false;
    return SQLITE_OK;
}

static int disk_size(sqlite3_file *file, sqlite3_int64 *size) {
    return disk_real_of(file)->pMethods->xFileSize(disk_real_of(file), size);
}

static int disk_lock(sqlite3_file *file, int level) {
    return disk_real_of(file)->pMethods->xLock(disk_real_of(file), level);
}

static int disk_unlock(sqlite3_file *file, int level) {
    return disk_real_of(file)->pMethods->xUnlock(disk_real_of(file), level);
}

static int disk_check_lock(sqlite3_file *file, int *held) {
    return disk_real_of(file)->pMethods->xCheckReservedLock(disk_real_of(file), held);
}

/* Hints of how much is to be written are no writes. */
static int disk_control(sqlite3_file *file, int operation, void *argument) {
    if (operation == SQLITE_FCNTL_SIZE_HINT || operation == SQLITE_FCNTL_CHUNK_SIZE)
        return SQLITE_NOTFOUND;
    return disk_real_of(file)->pMethods->xFileControl(disk_real_of(file), operation, argument);
}

static int disk_sector_size(sqlite3_file *file) {
    (void)file;
    return DISK_SECTOR;
}

/* Nothing is promised but that a power cut leaves alone what is not being written. */
static int disk_traits(sqlite3_file *file) {
    (void)file;
    return 0;
}

static const sqlite3_io_methods disk_methods = {.iVersion = 1,
                                                .xClose = disk_close,
                                                .xRead = disk_read,
                                                .xWrite = disk_write,
                                                .xTruncate = disk_truncate,
                                                .xSync = disk_sync,
                                                .xFileSize = disk_size,
                                                .xLock = disk_lock,
                                                .xUnlock = disk_unlock,
                                                .xCheckReservedLock = disk_check_lock,
                                                .xFileControl = disk_control,
                                                .xSectorSize = disk_sector_size,
                                                .xDeviceCharacteristics = disk_traits};

static int disk_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags, int *out_flags) {
    (void)vfs;
    struct disk_file *own = (struct disk_file *)(void *)file;
    const char *name = disk_name_of(path);
    bool is_new = name && access(path, F_OK) != 0;
    own->real = (sqlite3_file *)(void *)(own + 1);
    own->base.pMethods = NULL;
    int result = disk_real->xOpen(disk_real, path, own->real, flags, out_flags);
    if (result != SQLITE_OK)
        return result;
    own->base.pMethods = &disk_methods;
    if (is_new)
        disk_note_name(DISK_MAKE, name, NULL);
    own->is_new_journal = is_new && (flags & (SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL)) != 0;
    own->file = name ? disk_find(&disk.names, name) : -1;
    own->file = own->file < 0 ? DISK_FILES - 1 : own->file;
    return SQLITE_OK;
}

/* unlink above notes it. */
static int disk_delete(sqlite3_vfs *vfs, const char *path, int sync_folder) {
    (void)vfs;
    if (unlink(path) != 0)
        return errno == ENOENT ? SQLITE_IOERR_DELETE_NOENT : SQLITE_IOERR_DELETE;
    if (sync_folder)
        fsync(-1);
    return SQLITE_OK;
}

/* From now on everything that SQLite opens is on this disk. */
static inline void disk_install(void) {
    static sqlite3_vfs vfs;
    if (disk_real)
        return;
    disk_real = sqlite3_vfs_find(NULL);
    vfs = *disk_real;
    vfs.zName = "faulty disk";
    vfs.pNext = NULL;
    vfs.szOsFile = (int)sizeof(struct disk_file) + disk_real->szOsFile;
    vfs.xOpen = disk_open;
    vfs.xDelete = disk_delete;
    assert(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

/* --- replaying ---------------------------------------------------------------------------------------------------- */

static inline void disk_forget(void) {
    for (size_t i = 0; i < disk.count; i++)
        free(disk.entries[i].data);
    free(disk.entries);
    disk = (struct disk){.count = 0};
}

/* Begins to note what happens in the folder; what is in it already counts as durable. */
static inline void disk_record(const char *folder) {
    disk_forget();
    snprintf(disk.folder, sizeof disk.folder, "%s", folder);
    disk.recording = true;
    DIR *directory = opendir(folder);
    assert(directory);
    for (struct dirent *entry; (entry = readdir(directory));) {
        char path[400];
        struct stat status;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (stat(path, &status) != 0 || !S_ISREG(status.st_mode))
            continue;
        disk_note_name(DISK_MAKE, entry->d_name, NULL);
        int fd = open(path, O_RDONLY);
        struct disk_entry *content = disk_note(DISK_WRITE, disk.names.files - 1);
        content->size = (size_t)status.st_size;
        content->data = malloc(content->size + 1);
        assert(content->data && read(fd, content->data, content->size) == (ssize_t)content->size);
        close(fd);
        disk_note(DISK_SYNC, disk.names.files - 1);
    }
    closedir(directory);
    disk_note(DISK_SYNC_FOLDER, -1);
    disk.base = disk.count;
}

/* What became of what was not synced. */
enum disk_cut {
    DISK_ALL_KEPT, /* what a killed process leaves */
    DISK_NONE_KEPT,
    DISK_SOME_KEPT, /* each write by chance: kept, lost, or torn at a sector; of the names' changes the first ones */
    DISK_CUTS
};

struct disk_image {
    unsigned char *data;
    size_t size, room;
};

static void disk_put(struct disk_image *image, const struct disk_entry *entry, size_t from, size_t to) {
    size_t end = (size_t)entry->offset + to;
    if (entry->step == DISK_TRUNCATE) {
        image->size = (size_t)entry->offset < image->size ? (size_t)entry->offset : image->size;
        return;
    }
    if (end > image->room) {
        image->room = 2 * end;
        image->data = realloc(image->data, image->room);
        assert(image->data);
    }
    if ((size_t)entry->offset + from > image->size)
        memset(image->data + image->size, 0, (size_t)entry->offset + from - image->size);
    memcpy(image->data + entry->offset + from, entry->data + from, to - from);
    image->size = end > image->size ? end : image->size;
}

static void disk_put_some(struct disk_image *image, const struct disk_entry *entry, enum disk_cut cut) {
    int chance = cut == DISK_ALL_KEPT ? 0 : cut == DISK_NONE_KEPT ? 1 : rand() % 4;
    size_t torn = entry->size / 2 / DISK_SECTOR * DISK_SECTOR;
    if (chance == 0 || (chance >= 2 && torn == 0))
        disk_put(image, entry, 0, entry->size);
    else if (chance == 2)
        disk_put(image, entry, 0, torn);
    else if (chance == 3)
        disk_put(image, entry, torn, entry->size);
}

/* Lays out in the folder `to`, which is emptied first, what a power cut after the first `steps` entries may leave. */
static inline void disk_lay_out(size_t steps, enum disk_cut cut, const char *to) {
    static struct disk_image images[DISK_FILES];
    static size_t synced[DISK_FILES];
    struct disk_names names = {.files = 0};
    size_t names_synced = 0;
    memset(synced, 0, sizeof synced);
    for (int i = 0; i < DISK_FILES; i++)
        images[i].size = 0;
    for (size_t i = 0; i < steps; i++) {
        if (disk.entries[i].step == DISK_SYNC)
            synced[disk.entries[i].file] = i;
        if (disk.entries[i].step == DISK_SYNC_FOLDER)
            names_synced = i;
    }
    bool names_end = false;
    for (size_t i = 0; i < steps; i++) {
        const struct disk_entry *entry = &disk.entries[i];
        if (entry->step == DISK_WRITE || entry->step == DISK_TRUNCATE) {
            bool is_synced = i < synced[entry->file];
            disk_put_some(&images[entry->file], entry, is_synced ? DISK_ALL_KEPT : cut);
        } else if (entry->step != DISK_SYNC && entry->step != DISK_SYNC_FOLDER) {
            names_end = names_end ||
                        (i > names_synced && (cut == DISK_NONE_KEPT || (cut == DISK_SOME_KEPT && rand() % 2 == 0)));
            if (!names_end)
                disk_apply_name(&names, entry);
        }
    }
    DIR *directory = opendir(to);
    assert(directory);
    for (struct dirent *entry; (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    for (int i = 0; i < names.files; i++) {
        if (!names.name[i][0])
            continue;
        int fd = openat(dirfd(directory), names.name[i], O_WRONLY | O_CREAT | O_TRUNC, 0600);
        assert(fd >= 0 && write(fd, images[i].data, images[i].size) == (ssize_t)images[i].size);
        close(fd);
    }
    closedir(directory);
}

/* True if the entry is one around which a cut is worth a look; the long runs of writes between are sampled. */
static inline bool disk_is_worth_a_cut(size_t steps) {
    return steps == disk.count || disk.entries[steps].step != DISK_WRITE ||
           (steps > 0 && disk.entries[steps - 1].step != DISK_WRITE) || steps % 5 == 0;
}

#endif
