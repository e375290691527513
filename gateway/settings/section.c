#include "base/text.h"
#include "settings/loader.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* The longest of our tables has fewer. */
#define KEYS_MAX 64

static void put(void *into, const struct option *option, const void *value, size_t size) {
    memcpy((char *)into + option->offset, value, size);
}

static void put_int(void *into, const struct option *option, int64_t value) {
    int number = (int)value;
    put(into, option, &number, sizeof number);
}

static void put_text(void *into, const struct option *option, const char *text) {
    put(into, option, &text, sizeof text);
}

const char *section_path(struct loader *loader, const char *path) {
    const char *slash = strrchr(loader->settings->file, '/');
    if (path[0] == '/' || !slash)
        return settings_text(loader->settings, path);
    size_t folder = (size_t)(slash - loader->settings->file) + 1;
    size_t size = folder + strlen(path) + 1;
    char *joined = settings_get(loader->settings, size, 1);
    snprintf(joined, size, "%.*s%s", (int)folder, loader->settings->file, path);
    return joined;
}

static int word_number(const char *const *words, const char *text) {
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], text) == 0)
            return i;
    return -1;
}

/* "a", "b" or "c" */
static const char *word_list(const char *const *words, char *text, size_t size) {
    size_t used = 0;
    for (size_t i = 0; words[i] && used < size; i++)
        used += (size_t)snprintf(text + used, size - used, "%s\"%s\"",
                                 i == 0         ? ""
                                 : words[i + 1] ? ", "
                                                : " or ",
                                 words[i]);
    return text;
}

static bool has_control_character(const char *text) {
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        if (*c < ' ' || *c == 0x7F || (c[0] == 0xC2 && c[1] >= 0x80 && c[1] <= 0x9F))
            return true;
    return false;
}

static bool are_levels(const char *text) {
    char level[256];
    for (;;) {
        size_t size = strcspn(text, "/");
        if (size >= sizeof level)
            return false;
        memcpy(level, text, size);
        level[size] = '\0';
        if (!text_is_topic_level(level))
            return false;
        if (text[size] == '\0')
            return true;
        text += size + 1;
    }
}

static void read_number(struct loader *loader, const struct option *option, const struct conf_node *node, void *into) {
    int64_t value;
    if (!conf_int(node, &value))
        conf_error(node, loader->problems, "%s must be a whole number without quotes, %" PRId64 " to %" PRId64,
                   option->key, option->min, option->max);
    else if (option->min == option->max && value != option->min)
        conf_error(node, loader->problems, "%s %" PRId64 " is not possible: it must be %" PRId64, option->key, value,
                   option->min);
    else if (value < option->min || value > option->max)
        conf_error(node, loader->problems, "%s %" PRId64 " is out of range: %" PRId64 " to %" PRId64, option->key,
                   value, option->min, option->max);
    else
        put_int(into, option, value);
}

/* The text of a node that must be one; NULL after saying what it should be. */
static const char *text_of(struct loader *loader, const char *key, const struct conf_node *node) {
    const char *text = conf_string(node);
    int64_t number;
    if (text)
        return text;
    if (conf_int(node, &number))
        conf_error(node, loader->problems, "%s must be a text in quotes: \"%" PRId64 "\"", key, number);
    else
        conf_error(node, loader->problems, "%s must be a text in quotes", key);
    return NULL;
}

static void read_word(struct loader *loader, const struct option *option, const struct conf_node *node, void *into) {
    const char *text = text_of(loader, option->key, node);
    char list[256];
    if (!text)
        return;
    int number = word_number(option->words, text);
    if (number < 0)
        conf_error(node, loader->problems, "%s \"%s\" is unknown: %s", option->key, text,
                   word_list(option->words, list, sizeof list));
    else if (option->type == OPTION_WORD)
        put_int(into, option, option->min + number);
    else
        put_text(into, option, option->words[number]);
}

/* True if a text or path has a length and characters that are allowed; says what is wrong otherwise. */
static bool is_fine(struct loader *loader, const char *key, const struct conf_node *node, const char *text,
                    int64_t longest) {
    if ((int64_t)strlen(text) > longest)
        conf_error(node, loader->problems, "%s is %zu bytes long: at most %" PRId64, key, strlen(text), longest);
    else if (has_control_character(text))
        conf_error(node, loader->problems, "%s holds a control character: remove it", key);
    else
        return true;
    return false;
}

static void read_text(struct loader *loader, const struct option *option, const struct conf_node *node, void *into) {
    const char *text = text_of(loader, option->key, node);
    if (!text || !is_fine(loader, option->key, node, text, option->max))
        return;
    if (text[0] == '\0' && option->min > 0)
        conf_error(node, loader->problems, "%s is empty", option->key);
    else if (text[0] == '\0')
        put_text(into, option, NULL);
    else if (option->type == OPTION_LEVEL && !text_is_topic_level(text))
        conf_error(node, loader->problems, "%s \"%s\" cannot be a topic level: no +, # or / and no $ in front",
                   option->key, text);
    else if (option->type == OPTION_LEVELS && !are_levels(text))
        conf_error(node, loader->problems,
                   "%s \"%s\" cannot be topic levels: none empty, no + or #, no $ in front of one", option->key, text);
    else if (option->type == OPTION_PATH)
        put_text(into, option, section_path(loader, text));
    else
        put_text(into, option, settings_text(loader->settings, text));
}

static void read_texts(struct loader *loader, const struct option *option, const struct conf_node *node, void *into) {
    int length = conf_length(node);
    if (conf_type(node) != CONF_LIST || length > option->max || length < option->min) {
        if (conf_type(node) != CONF_LIST)
            conf_error(node, loader->problems, "%s must be a list of texts: (\"…\", \"…\")", option->key);
        else if (length > option->max)
            conf_error(node, loader->problems, "%s has %d texts: at most %" PRId64, option->key, length, option->max);
        else
            conf_error(node, loader->problems, "%s is empty", option->key);
        return;
    }
    char each[64];
    snprintf(each, sizeof each, "each of %s", option->key);
    const char **texts = settings_get(loader->settings, (size_t)length + 1, sizeof *texts);
    size_t count = 0;
    for (int i = 0; i < length; i++) {
        const struct conf_node *element = conf_at(node, i);
        const char *text = text_of(loader, each, element);
        if (text && text[0] == '\0')
            conf_error(element, loader->problems, "%s holds an empty text", option->key);
        else if (text && is_fine(loader, option->key, element, text, option->each))
            texts[count++] =
                option->type == OPTION_PATHS ? section_path(loader, text) : settings_text(loader->settings, text);
    }
    put(into, option, &texts, sizeof texts);
}

static void put_paths(struct loader *loader, const struct option *option, void *into) {
    const char **paths = settings_get(loader->settings, (size_t)option->max + 1, sizeof *paths);
    char *rest = settings_text(loader->settings, option->fallback);
    for (size_t count = 0; rest && count < (size_t)option->max; count++)
        paths[count] = strsep(&rest, ":");
    put(into, option, &paths, sizeof paths);
}

static void put_fallback(struct loader *loader, const struct option *option, void *into) {
    if (option->fallback == option_required || option->fallback == option_inherited || !option->fallback[0])
        return;
    switch (option->type) {
    case OPTION_NUMBER:
        put_int(into, option, strtol(option->fallback, NULL, 10));
        break;
    case OPTION_WORD:
        put_int(into, option, option->min + word_number(option->words, option->fallback));
        break;
    case OPTION_PATHS:
        put_paths(loader, option, into);
        break;
    case OPTION_CHOICE:
    case OPTION_TEXT:
    case OPTION_PATH:
    case OPTION_LEVEL:
    case OPTION_LEVELS:
        put_text(into, option, option->fallback);
        break;
    case OPTION_TEXTS:
    case OPTION_GROUPS:
        break;
    }
}

static void read_option(struct loader *loader, const struct option *option, const struct conf_node *node, void *into) {
    switch (option->type) {
    case OPTION_NUMBER:
        read_number(loader, option, node, into);
        break;
    case OPTION_WORD:
    case OPTION_CHOICE:
        read_word(loader, option, node, into);
        break;
    case OPTION_TEXT:
    case OPTION_PATH:
    case OPTION_LEVEL:
    case OPTION_LEVELS:
        read_text(loader, option, node, into);
        break;
    case OPTION_TEXTS:
    case OPTION_PATHS:
        read_texts(loader, option, node, into);
        break;
    case OPTION_GROUPS:
        break;
    }
}

void section_read(struct loader *loader, const char *section, const struct conf_node *group, void *into) {
    const char *keys[KEYS_MAX];
    size_t key_count = 0;
    size_t count;
    const struct option *options = settings_options(&count);
    for (size_t i = 0; i < count; i++) {
        const struct option *option = &options[i];
        if (strcmp(option->section, section) != 0)
            continue;
        if (key_count < KEYS_MAX)
            keys[key_count++] = option->key;
        put_fallback(loader, option, into);
        const struct conf_node *node = conf_get(group, option->key);
        if (node)
            read_option(loader, option, node, into);
        else if (option->fallback == option_required)
            conf_error(group, loader->problems, "%s is missing in this %s: %s", option->key, section, option->sentence);
    }
    conf_check_keys(group, keys, key_count, loader->problems);
}

const struct conf_node *section_at(const struct conf_node *group, const char *key) {
    const struct conf_node *node = conf_get(group, key);
    return node ? node : group;
}

bool section_is_group(struct loader *loader, const struct conf_node *node, const char *what) {
    if (conf_type(node) == CONF_GROUP)
        return true;
    conf_error(node, loader->problems, "%s must be a group: { … }", what);
    return false;
}

const struct conf_node *section_group(struct loader *loader, const struct conf_node *parent, const char *key) {
    const struct conf_node *node = conf_get(parent, key);
    if (!node) {
        conf_error(parent, loader->problems, "there is no %s: { … }", key);
        return NULL;
    }
    return section_is_group(loader, node, key) ? node : NULL;
}

const struct conf_node *section_list(struct loader *loader, const struct conf_node *parent, const char *key) {
    const struct conf_node *node = conf_get(parent, key);
    if (!node || conf_type(node) == CONF_LIST)
        return node;
    conf_error(node, loader->problems, "%s must be a list of groups: ( { … }, { … } )", key);
    return NULL;
}
