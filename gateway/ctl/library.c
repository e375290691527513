#include "ctl/library.h"

#include "base/build.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "settings/settings.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SUFFIX ".cfg"
#define PROFILES_MAX 1000

static void add_folder(struct library *library, const char *path) {
    size_t count = 0;
    while (library->folders[count])
        count++;
    if (count < LIBRARY_FOLDERS)
        library->folders[count] = memory_text(path);
}

/* In a build tree the profiles are beside the program. */
static void add_usual_folders(struct library *library) {
    char path[PATH_MAX] = "";
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    char *slash = size > 0 ? strrchr(path, '/') : NULL;
    if (slash) {
        size_t folder = (size_t)(slash - path);
        snprintf(slash, sizeof path - folder, "/config/profiles");
        if (access(path, F_OK) == 0) {
            add_folder(library, path);
            return;
        }
    }
    add_folder(library, LIFTGW_SYSCONF "/profiles");
    add_folder(library, LIFTGW_DATA "/profiles");
}

static void find_folders(struct library *library, const char *file) {
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(file, problems);
    for (size_t i = 0; settings && settings->gateway.profile_dirs[i]; i++)
        add_folder(library, settings->gateway.profile_dirs[i]);
    settings_free(settings);
    problems_free(problems);
    if (!library->folders[0])
        add_usual_folders(library);
}

static bool has_profile(const struct library *library, const char *name) {
    for (size_t i = 0; i < library->count; i++)
        if (strcmp(library->profiles[i]->name, name) == 0)
            return true;
    return false;
}

static int is_profile_file(const struct dirent *entry) {
    size_t size = strlen(entry->d_name);
    return entry->d_name[0] != '.' && size > strlen(SUFFIX) &&
           strcmp(entry->d_name + size - strlen(SUFFIX), SUFFIX) == 0;
}

static void load_file(struct library *library, const char *folder, const char *file) {
    char path[PATH_MAX], name[NAME_MAX + 1];
    snprintf(name, sizeof name, "%.*s", (int)(strlen(file) - strlen(SUFFIX)), file);
    if (has_profile(library, name) || library->count == PROFILES_MAX ||
        snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
        return;
    struct profile *profile = profile_load(path, library->problems);
    if (!profile)
        return;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it holds */
    library->profiles = memory_grow(library->profiles, library->count + 1, sizeof *library->profiles);
    library->profiles[library->count++] = profile;
}

static void load_folder(struct library *library, const char *folder) {
    struct dirent **entries;
    int count = scandir(folder, &entries, is_profile_file, alphasort);
    for (int i = 0; i < count; i++) {
        load_file(library, folder, entries[i]->d_name);
        free(entries[i]);
    }
    if (count >= 0)
        free(entries);
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(struct profile *const *)a)->name, (*(struct profile *const *)b)->name);
}

struct library *library_load(const struct context *context) {
    struct library *library = memory_get(1, sizeof *library);
    library->problems = problems_create();
    find_folders(library, context->file);
    for (size_t i = 0; library->folders[i]; i++)
        load_folder(library, library->folders[i]);
    if (library->count > 0)
        /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it holds */
        qsort(library->profiles, library->count, sizeof *library->profiles, by_name);
    return library;
}

void library_free(struct library *library) {
    for (size_t i = 0; library->folders[i]; i++)
        free(library->folders[i]);
    for (size_t i = 0; i < library->count; i++)
        profile_free(library->profiles[i]);
    free(library->profiles);
    problems_free(library->problems);
    free(library);
}

const struct profile *library_find_profile(const struct library *library, const char *name) {
    const char *names[PROFILES_MAX];
    for (size_t i = 0; i < library->count; i++) {
        names[i] = library->profiles[i]->name;
        if (strcmp(names[i], name) == 0)
            return library->profiles[i];
    }
    const char *near = text_suggest(name, names, library->count);
    log_error("there is no profile \"%s\"%s%s%s; liftgwctl profiles lists them", name, near ? ", did you mean \"" : "",
              near ? near : "", near ? "\"?" : "");
    return NULL;
}
