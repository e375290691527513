/* What the fuzz targets share: bytes taken from the input one after the other, and a folder for files. */
#ifndef LIFTGW_TESTS_FUZZ_H
#define LIFTGW_TESTS_FUZZ_H

#include <assert.h> /* what must hold is asserted: libFuzzer reports an abort with its input */
#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* libconfig 1.5 and 1.7 lose the text that they were reading when they find a mistake behind it. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void) {
    return "leak:libconfig";
}

struct input {
    const uint8_t *bytes;
    size_t left;
};

static inline unsigned input_byte(struct input *input) {
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->bytes++;
}

/* High byte first. */
static inline unsigned input_word(struct input *input) {
    unsigned high = input_byte(input);
    return high << 8 | input_byte(input);
}

/* At most so many bytes, and how many there were. */
static inline const uint8_t *input_take(struct input *input, size_t *size) {
    if (*size > input->left)
        *size = input->left;
    const uint8_t *bytes = input->bytes;
    input->bytes += *size;
    input->left -= *size;
    return bytes;
}

/* ---- files ---- */

static char fuzz_folder[64];

static inline void folder_empty(void) {
    DIR *directory = opendir(fuzz_folder);
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        unlinkat(dirfd(directory), entry->d_name, 0);
    if (directory)
        closedir(directory);
}

static inline void folder_remove(void) {
    folder_empty();
    rmdir(fuzz_folder);
}

/* Makes a folder for this process, in memory where there is such a place. */
static inline void folder_make(void) {
    snprintf(fuzz_folder, sizeof fuzz_folder, "%s/liftgw-fuzz-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    bool made = mkdtemp(fuzz_folder) != NULL;
    assert(made);
    atexit(folder_remove);
}

static inline const char *folder_path(const char *name, char path[128]) {
    snprintf(path, 128, "%s/%s", fuzz_folder, name);
    return path;
}

static inline void folder_write(const char *name, const void *bytes, size_t size) {
    char path[128];
    FILE *file = fopen(folder_path(name, path), "we");
    assert(file);
    fwrite(bytes, 1, size, file);
    fclose(file);
}

static inline void folder_write_text(const char *name, const char *text) {
    folder_write(name, text, strlen(text));
}

/* Puts a link to a file or folder of the source tree into the folder. */
static inline void folder_link(const char *source, const char *name) {
    char target[512], path[128];
    snprintf(target, sizeof target, "%s/%s", SOURCE_DIR, source);
    int result = symlink(target, folder_path(name, path));
    assert(result == 0);
}

#endif
