/* A city's code table: config/codes/NAME.cfg. Its form is described in the file itself. */
#include "base/text.h"
#include "settings/loader.h"

#include <inttypes.h>
#include <string.h>

#define CODE_SIZE sizeof(((struct code_table *)NULL)->passenger_alarm)
#define IDS_SIZE 1024 /* all ids of the taxonomy */

/* Reads a code, a text or a whole number, into code[CODE_SIZE]; "" is none. */
static void read_code(struct loader *loader, const struct conf_node *node, char *code) {
    char number[24];
    int64_t value;
    const char *text = conf_string(node);
    if (conf_int(node, &value)) {
        snprintf(number, sizeof number, "%" PRId64, value);
        text = number;
    }
    if (!text || strlen(text) >= CODE_SIZE)
        conf_error(node, loader->problems, "the code of %s must be a text of at most %zu bytes, or a whole number",
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
        loader->code_listed[i] = node != NULL;
        if (node)
            read_code(loader, node, loader->settings->codes.fault[i]);
    }
    loader->codes_line = conf_line(group);
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
    loader->codes_file = path;
    conf_close(conf);
}

/* Marks what units of that profile can raise. */
static void mark_raised(const struct profile *profile, bool raised[FAULT_COUNT]) {
    for (size_t i = 0; i < profile->fault_count; i++) {
        const struct fault_row *row = &profile->faults[i];
        if (row->kind != FAULT_ROW_CODES) {
            raised[row->source.fault] = true;
            continue;
        }
        raised[FAULT_OTHER] = true; /* a number that is not listed */
        for (size_t k = 0; k < row->code_count; k++)
            if (row->codes[k].fault != FAULT_COUNT)
                raised[row->codes[k].fault] = true;
    }
}

void codes_check_use(struct loader *loader) {
    const struct settings *settings = loader->settings;
    bool raised[FAULT_COUNT] = {[FAULT_ENTRAPMENT] = true}; /* liftgw finds it by itself, whatever the controller */
    if (!loader->codes_line || settings->profile_count == 0)
        return;
    for (size_t i = 0; i < settings->profile_count; i++)
        mark_raised(settings->profiles[i], raised);
    char ids[IDS_SIZE] = "";
    size_t used = 0;
    for (int i = 0; i < FAULT_COUNT; i++)
        if (raised[i] && !loader->code_listed[i] && used < sizeof ids)
            used += (size_t)snprintf(ids + used, sizeof ids - used, "%s%s", used ? ", " : "",
                                     fault_info((enum fault)i)->id);
    if (used)
        problems_add(loader->problems, PROBLEM_WARNING, loader->codes_file, loader->codes_line,
                     "no code for %s, which lifts here can raise: add them, with \"\" for what has none", ids);
}
