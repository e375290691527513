/* The files that a configuration names: profiles and code tables, looked for in their folders. */
#include "base/memory.h"
#include "base/text.h"
#include "settings/loader.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_MAX_BYTES 63
#define OFFERED_MAX 256
#define SUFFIX ".cfg"

/* A name never leads out of the folder it is looked for in. */
static bool is_name(const char *name) {
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return name[0] && name[0] != '.' && strlen(name) <= NAME_MAX_BYTES && strspn(name, allowed) == strlen(name);
}

/* The name in the folders that was probably meant; belongs to settings. */
static const char *suggest(struct settings *settings, const char *name, const char *const *dirs) {
    const char *offered[OFFERED_MAX];
    size_t count = 0;
    for (; *dirs; dirs++) {
        DIR *dir = opendir(*dirs);
        for (struct dirent *entry; dir && count < OFFERED_MAX && (entry = readdir(dir));) {
            size_t size = strlen(entry->d_name);
            if (size <= strlen(SUFFIX) || strcmp(entry->d_name + size - strlen(SUFFIX), SUFFIX) != 0)
                continue;
            char *found = settings_text(settings, entry->d_name);
            found[size - strlen(SUFFIX)] = '\0';
            offered[count++] = found;
        }
        if (dir)
            closedir(dir);
    }
    return text_suggest(name, offered, count);
}

static void say_missing(struct loader *loader, const char *what, const char *name, const char *const *dirs,
                        const struct conf_node *node) {
    char places[512] = "";
    for (size_t i = 0; dirs[i]; i++) {
        size_t used = strlen(places);
        snprintf(places + used, sizeof places - used, "%s%s", i ? ", " : "", dirs[i]);
    }
    const char *meant = suggest(loader->settings, name, dirs);
    conf_error(node, loader->problems, "%s \"%s\" not found: no %s" SUFFIX " in %s%s%s%s", what, name, name, places,
               meant ? "; did you mean \"" : "", meant ? meant : "", meant ? "\"?" : "");
}

const char *library_find(struct loader *loader, const char *what, const char *name, const char *const *dirs,
                         const struct conf_node *node) {
    if (!is_name(name)) {
        conf_error(node, loader->problems,
                   "%s \"%s\" cannot be a file's name: write it without folder and without " SUFFIX, what, name);
        return NULL;
    }
    for (size_t i = 0; dirs[i]; i++) {
        size_t size = strlen(dirs[i]) + 1 + strlen(name) + sizeof SUFFIX;
        char *path = settings_get(loader->settings, size, 1);
        snprintf(path, size, "%s/%s" SUFFIX, dirs[i], name);
        if (access(path, F_OK) == 0)
            return path;
    }
    say_missing(loader, what, name, dirs, node);
    return NULL;
}

/* Profiles say nothing of the bytes they were made of: they are looked at once more. */
static void hash_file(struct settings *settings, const char *path) {
    struct problems *told = problems_create();
    struct conf *conf = conf_open(path, told);
    if (conf) {
        uint64_t hash = conf_hash(conf);
        settings->hash = text_hash(settings->hash, &hash, sizeof hash);
    }
    conf_close(conf);
    problems_free(told);
}

static void load(struct loader *loader, struct wanted_profile *wanted, const char *path) {
    struct settings *settings = loader->settings;
    struct profile *profile = profile_load(path, loader->problems);
    if (!profile)
        return;
    settings->profiles = memory_grow(settings->profiles, settings->profile_count + 1, sizeof(struct profile *));
    wanted->loaded = true;
    wanted->index = settings->profile_count;
    settings->profiles[settings->profile_count++] = profile;
    hash_file(settings, path);
}

size_t library_profile(struct loader *loader, const char *name, const struct conf_node *node) {
    struct settings *settings = loader->settings;
    for (size_t i = 0; i < loader->wanted_count; i++)
        if (strcmp(loader->wanted[i].name, name) == 0)
            return loader->wanted[i].loaded ? loader->wanted[i].index : NO_PROFILE;
    const char *path = library_find(loader, "profile", name, settings->gateway.profile_dirs, node);
    if (!path)
        return NO_PROFILE;
    loader->wanted = memory_grow(loader->wanted, loader->wanted_count + 1, sizeof(struct wanted_profile));
    struct wanted_profile *wanted = &loader->wanted[loader->wanted_count++];
    *wanted = (struct wanted_profile){.name = settings_text(settings, name)};
    load(loader, wanted, path);
    return wanted->loaded ? wanted->index : NO_PROFILE;
}
