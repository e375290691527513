/* A city's code table: config/codes/NAME.cfg. Its form is described in the file itself. */
#include "base/text.h"
#include "settings/loader.h"

#include <inttypes.h>
#include <string.h>

#define CODE_SIZE sizeof(((struct code_table *)NULL)->passenger_alarm)

/* Reads a code, a text or a whole number, into code[CODE_SIZE]. */
static void read_code(struct loader *loader, const struct conf_node *node, char *code) {
    char number[24];
    int64_t value;
    const char *text = conf_string(node);
    if (conf_int(node, &value)) {
        snprintf(number, sizeof number, "%" PRId64, value);
        text = number;
    }
    if (!text || !text[0] || strlen(text) >= CODE_SIZE)
        conf_error(node, loader->problems, "the code of %s must be a text of 1 to %zu bytes, or a whole number",
                   conf_name(node), CODE_SIZE - 1);
    else if (strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.:/_-") != strlen(text))
        conf_error(node, loader->problems, "the code of %s has letters, digits and . : / _ - only", conf_name(node));
    else
        text_copy(code, CODE_SIZE, text);
}

static void read_faults(struct loader *loader, const struct conf_node *group) {
    const char *ids[FAULT_COUNT];
    for (int i = 0; i < FAULT_COUNT; i++) {
        ids[i] = fault_info((enum fault)i)->id;
        const struct conf_node *node = conf_get(group, ids[i]);
        if (node)
            read_code(loader, node, loader->settings->codes.fault[i]);
    }
    conf_check_keys(group, ids, FAULT_COUNT, loader->problems);
}

static void read_modes(struct loader *loader, const struct conf_node *group) {
    const struct item_info *modes = item_info(ITEM_SERVICE_MODE);
    for (size_t i = 0; i < modes->word_count && i < COUNT_OF(loader->settings->codes.mode); i++) {
        const struct conf_node *node = conf_get(group, modes->words[i]);
        if (node)
            read_code(loader, node, loader->settings->codes.mode[i]);
    }
    conf_check_keys(group, modes->words, modes->word_count, loader->problems);
}

/* The messages carry the name: a file under another name would make them lie. */
static void read_name(struct loader *loader, const struct conf_node *root, const char *name) {
    const struct conf_node *node = section_at(root, "name");
    const char *own = conf_string(node);
    if (!own || strcmp(own, name) != 0)
        conf_error(node, loader->problems, "name must be \"%s\", as the file is called", name);
    text_copy(loader->settings->codes.name, sizeof loader->settings->codes.name, name);
}

static void read_table(struct loader *loader, const struct conf_node *root, const char *name) {
    static const char *const keys[] = {"name", "title", "source", "faults", "modes", "passenger_alarm"};
    static const char *const texts[] = {"title", "source"};
    conf_check_keys(root, keys, COUNT_OF(keys), loader->problems);
    read_name(loader, root, name);
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (!conf_string(section_at(root, texts[i])))
            conf_error(section_at(root, texts[i]), loader->problems, "%s = \"…\" is missing", texts[i]);
    const struct conf_node *faults = section_group(loader, root, "faults");
    if (faults)
        read_faults(loader, faults);
    const struct conf_node *modes = conf_get(root, "modes");
    if (modes && section_is_group(loader, modes, "modes"))
        read_modes(loader, modes);
    const struct conf_node *alarm = conf_get(root, "passenger_alarm");
    if (alarm)
        read_code(loader, alarm, loader->settings->codes.passenger_alarm);
}

void codes_read(struct loader *loader, const struct conf_node *node) {
    struct settings *settings = loader->settings;
    const char *name = settings->gateway.code_system;
    const char *path = library_find(loader, "code_system", name, settings->gateway.codes_dirs, node);
    struct conf *conf = path ? conf_open(path, loader->problems) : NULL;
    if (!conf)
        return;
    uint64_t hash = conf_hash(conf);
    settings->hash = text_hash(settings->hash, &hash, sizeof hash);
    read_table(loader, conf_root(conf), name);
    conf_close(conf);
}
