#include "settings/settings.h"

#include "base/memory.h"
#include "base/text.h"
#include "settings/loader.h"

#include <limits.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#define BLOCK_SIZE ((size_t)2048)
#define LEVELS_MAX 256
#define SOCKET_PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)

static void *add_block(struct settings_memory *memory, size_t count, size_t size) {
    memory->blocks = memory_grow(memory->blocks, memory->count + 1, sizeof(void *));
    return memory->blocks[memory->count++] = memory_get(count, size);
}

void *settings_get(struct settings *settings, size_t count, size_t size) {
    struct settings_memory *memory = settings->memory;
    size_t alignment = size == 1 ? 1 : alignof(max_align_t);
    size_t skip = -(uintptr_t)memory->room % alignment;
    if (count > BLOCK_SIZE / 4 / size)
        return add_block(memory, count, size);
    if (skip + count * size > memory->left) {
        memory->room = add_block(memory, 1, BLOCK_SIZE);
        memory->left = BLOCK_SIZE;
        skip = 0;
    }
    void *got = memory->room + skip;
    memory->room += skip + count * size;
    memory->left -= skip + count * size;
    return got;
}

char *settings_text(struct settings *settings, const char *text) {
    char *copy = settings_get(settings, strlen(text) + 1, 1);
    strcpy(copy, text);
    return copy;
}

size_t settings_json_size(const char *text) {
    size_t size = 0;
    for (; text && *text; text++)
        size += *text == '"' || *text == '\\' ? 2 : 1;
    return size;
}

/* `state` with every fault there is holds the gateway and its topic, and has to fit. */
static void check_levels(struct loader *loader, const struct conf_node *group) {
    const struct gateway_settings *gateway = &loader->settings->gateway;
    size_t prefix = settings_json_size(gateway->prefix);
    size_t district = settings_json_size(gateway->district);
    size_t compound = settings_json_size(gateway->compound);
    size_t id = settings_json_size(gateway->id);
    size_t all = prefix + district + compound + id;
    if (all > LEVELS_MAX)
        conf_error(group, loader->problems,
                   "prefix (%zu), district (%zu), compound (%zu) and id (%zu) have %zu bytes together: at most %d fit "
                   "into a message",
                   prefix, district, compound, id, all, LEVELS_MAX);
}

/* Where tzset(3) looks for it. */
static const char *zone_folder(void) {
    const char *folder = getenv("TZDIR");
    return folder && folder[0] ? folder : "/usr/share/zoneinfo";
}

static bool is_timezone(const char *name) {
    char path[PATH_MAX];
    struct stat info;
    if (strcmp(name, "UTC") == 0)
        return true;
    for (const char *c = name; *c; c++)
        if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/", *c))
            return false;
    if (snprintf(path, sizeof path, "%s/%s", zone_folder(), name) >= (int)sizeof path)
        return false;
    return name[0] != '/' && stat(path, &info) == 0 && S_ISREG(info.st_mode);
}

static void gateway_read(struct loader *loader, const struct conf_node *group) {
    struct settings *settings = loader->settings;
    struct gateway_section section = {0};
    section_read(loader, "gateway", group, &section);
    settings->gateway = section.gateway;
    loader->limits = section.limits;
    const struct gateway_settings *gateway = &settings->gateway;
    check_levels(loader, group);
    if (!is_timezone(gateway->timezone))
        conf_error(section_at(group, "timezone"), loader->problems,
                   "timezone \"%s\" is unknown: not in %s; write one like \"Asia/Shanghai\", or \"UTC\"",
                   gateway->timezone, zone_folder());
    if (strlen(gateway->control) >= SOCKET_PATH_SIZE)
        conf_error(section_at(group, "control"), loader->problems,
                   "control %s is too long for a socket: at most %zu bytes", gateway->control, SOCKET_PATH_SIZE - 1);
    codes_read(loader, section_at(group, "code_system"));
    settings->identity = (struct gateway_identity){.id = gateway->id,
                                                   .prefix = gateway->prefix,
                                                   .district = gateway->district,
                                                   .compound = gateway->compound,
                                                   .chinese = strcmp(gateway->language, "zh") == 0,
                                                   .codes = &settings->codes};
}

static void read_all(struct loader *loader) {
    static const char *const keys[] = {"gateway", "broker", "buses"};
    conf_check_keys(loader->root, keys, COUNT_OF(keys), loader->problems);
    const struct conf_node *gateway = section_group(loader, loader->root, "gateway");
    if (gateway)
        gateway_read(loader, gateway);
    const struct conf_node *broker = section_group(loader, loader->root, "broker");
    if (broker)
        broker_read(loader, broker);
    const struct conf_node *buses = section_list(loader, loader->root, "buses");
    if (buses && gateway)
        buses_read(loader, buses);
    else if (!conf_get(loader->root, "buses"))
        conf_error(loader->root, loader->problems, "there is no buses: ( { … } )");
    codes_check_use(loader);
}

struct settings *settings_load(const char *path, struct problems *problems) {
    struct conf *conf = conf_open(path, problems);
    if (!conf)
        return NULL;
    struct settings *settings = memory_get(1, sizeof *settings);
    settings->memory = memory_get(1, sizeof *settings->memory);
    settings->file = settings_text(settings, path);
    uint64_t hash = conf_hash(conf);
    settings->hash = text_hash(TEXT_HASH_START, &hash, sizeof hash);
    struct loader loader = {.settings = settings, .problems = problems, .root = conf_root(conf)};
    read_all(&loader);
    free(loader.wanted);
    conf_close(conf);
    if (problems_count(problems, PROBLEM_ERROR) == 0)
        return settings;
    settings_free(settings);
    return NULL;
}

void settings_free(struct settings *settings) {
    if (!settings)
        return;
    for (size_t i = 0; i < settings->profile_count; i++)
        profile_free(settings->profiles[i]);
    free(settings->profiles);
    for (size_t i = 0; i < settings->memory->count; i++)
        free(settings->memory->blocks[i]);
    free(settings->memory->blocks);
    free(settings->memory);
    free(settings);
}
