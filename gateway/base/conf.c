#include "base/conf.h"

#include "base/conf_text.h"
#include "base/memory.h"
#include "base/text.h"

#include <libconfig.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct conf_node {
    config_setting_t *setting;
    struct conf_origin at;
    enum conf_type type;
    struct conf_node *children;
    int length;
};

struct conf {
    struct conf_text text;
    config_t config;
    struct conf_node root;
};

static enum conf_type type_of(const config_setting_t *setting) {
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_GROUP:
        return CONF_GROUP;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_INT64:
        return CONF_INT;
    case CONFIG_TYPE_FLOAT:
        return CONF_FLOAT;
    case CONFIG_TYPE_BOOL:
        return CONF_BOOL;
    case CONFIG_TYPE_STRING:
        return CONF_STRING;
    default:
        return CONF_LIST;
    }
}

/* The depth was bounded when the brackets were counted. */
static void take(struct conf_node *node, const struct conf_text *text, config_setting_t *setting,
                 struct problems *problems) {
    node->setting = setting;
    node->type = type_of(setting);
    node->at = conf_text_origin(text, (int)config_setting_source_line(setting));
    if (node->type == CONF_STRING) {
        const char *string = config_setting_get_string(setting);
        if (!text_is_utf8(string, strlen(string)))
            conf_error(node, problems, "the text is not valid UTF-8: write the characters themselves instead of \\x");
    }
    if (node->type != CONF_GROUP && node->type != CONF_LIST)
        return;
    node->length = config_setting_length(setting);
    node->children = memory_get((size_t)node->length, sizeof(struct conf_node));
    for (int i = 0; i < node->length; i++)
        take(&node->children[i], text, config_setting_get_elem(setting, (unsigned)i), problems);
}

static void release(struct conf_node *node) {
    for (int i = 0; i < node->length; i++)
        release(&node->children[i]);
    free(node->children);
}

/* What libconfig says, in words that say what to do. */
static const char *plain_words(const char *error) {
    static const struct {
        const char *error, *words;
    } table[] = {
        {"syntax error", "syntax error here or just before: look for a missing quote, comma, ; or ="},
        {"mismatched element type in array", "the values in [ ] must all be of one kind: else write ( )"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        if (error && strcmp(error, table[i].error) == 0)
            return table[i].words;
    return error ? error : "cannot be parsed";
}

struct conf *conf_open(const char *path, struct problems *problems) {
    struct conf *conf = memory_get(1, sizeof *conf);
    config_init(&conf->config);
    if (!conf_text_read(&conf->text, path, problems)) {
        conf_close(conf);
        return NULL;
    }
    if (!config_read_string(&conf->config, conf->text.text)) {
        struct conf_origin at = conf_text_origin(&conf->text, config_error_line(&conf->config));
        problems_add(problems, PROBLEM_ERROR, at.file, at.line, "%s", plain_words(config_error_text(&conf->config)));
        conf_close(conf);
        return NULL;
    }
    take(&conf->root, &conf->text, config_root_setting(&conf->config), problems);
    conf->root.at = (struct conf_origin){conf->text.files[0], 0};
    return conf;
}

void conf_close(struct conf *conf) {
    if (!conf)
        return;
    release(&conf->root);
    config_destroy(&conf->config);
    conf_text_free(&conf->text);
    free(conf);
}

const struct conf_node *conf_root(const struct conf *conf) {
    return &conf->root;
}

uint64_t conf_hash(const struct conf *conf) {
    return conf->text.hash;
}

const char *conf_name(const struct conf_node *node) {
    return config_setting_name(node->setting);
}

const char *conf_file(const struct conf_node *node) {
    return node->at.file;
}

int conf_line(const struct conf_node *node) {
    return node->at.line;
}

enum conf_type conf_type(const struct conf_node *node) {
    return node->type;
}

int conf_length(const struct conf_node *node) {
    return node->length;
}

const struct conf_node *conf_at(const struct conf_node *node, int i) {
    return i >= 0 && i < node->length ? &node->children[i] : NULL;
}

const struct conf_node *conf_get(const struct conf_node *group, const char *key) {
    for (int i = 0; group->type == CONF_GROUP && i < group->length; i++)
        if (strcmp(conf_name(&group->children[i]), key) == 0)
            return &group->children[i];
    return NULL;
}

bool conf_int(const struct conf_node *node, int64_t *value) {
    if (node->type != CONF_INT)
        return false;
    *value = config_setting_get_int64(node->setting);
    return true;
}

bool conf_number(const struct conf_node *node, double *value) {
    int64_t integer;
    if (conf_int(node, &integer)) {
        *value = (double)integer;
        return true;
    }
    if (node->type != CONF_FLOAT)
        return false;
    *value = config_setting_get_float(node->setting);
    return true;
}

bool conf_bool(const struct conf_node *node, bool *value) {
    if (node->type != CONF_BOOL)
        return false;
    *value = config_setting_get_bool(node->setting);
    return true;
}

const char *conf_string(const struct conf_node *node) {
    return node->type == CONF_STRING ? config_setting_get_string(node->setting) : NULL;
}

static void add(const struct conf_node *node, struct problems *problems, enum problem_kind kind, const char *format,
                va_list arguments) PRINTF_LIKE(4, 0);
static void add(const struct conf_node *node, struct problems *problems, enum problem_kind kind, const char *format,
                va_list arguments) {
    char what[1024];
    vsnprintf(what, sizeof what, format, arguments);
    problems_add(problems, kind, node->at.file, node->at.line, "%s", what);
}

void conf_error(const struct conf_node *node, struct problems *problems, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(node, problems, PROBLEM_ERROR, format, arguments);
    va_end(arguments);
}

void conf_warning(const struct conf_node *node, struct problems *problems, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    add(node, problems, PROBLEM_WARNING, format, arguments);
    va_end(arguments);
}

static bool is_among(const char *key, const char *const keys[], size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(key, keys[i]) == 0)
            return true;
    return false;
}

void conf_check_keys(const struct conf_node *group, const char *const keys[], size_t count, struct problems *problems) {
    for (int i = 0; group->type == CONF_GROUP && i < group->length; i++) {
        const struct conf_node *node = &group->children[i];
        const char *key = conf_name(node);
        if (is_among(key, keys, count))
            continue;
        const char *meant = text_suggest(key, keys, count);
        if (meant)
            conf_error(node, problems, "unknown key '%s'; did you mean '%s'?", key, meant);
        else
            conf_error(node, problems, "unknown key '%s'", key);
    }
}
