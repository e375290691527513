/* The list of buses. All of them are read before the first lift, because a part may name a bus further down. */
#include "base/text.h"
#include "settings/loader.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define BUSES_MAX 64

bool settings_same_device(const char *a, const char *b) {
    char real_a[PATH_MAX], real_b[PATH_MAX];
    if (strcmp(a, b) == 0)
        return true;
    return realpath(a, real_a) && realpath(b, real_b) && strcmp(real_a, real_b) == 0;
}

static void check_unique(struct loader *loader, const struct conf_node *group, size_t bus) {
    const struct bus_section *buses = loader->settings->buses;
    const struct bus_section *this = &buses[bus];
    for (size_t i = 0; i < bus; i++) {
        if (this->name && buses[i].name && strcmp(this->name, buses[i].name) == 0)
            conf_error(section_at(group, "name"), loader->problems,
                       "there is a bus \"%s\" already, in line %d: give this one another name", this->name,
                       buses[i].line);
        if (this->device && buses[i].device && settings_same_device(this->device, buses[i].device))
            conf_error(section_at(group, "device"), loader->problems,
                       "device %s is used by bus \"%s\" of line %d already: put all lifts of one line on one bus",
                       this->device, buses[i].name ? buses[i].name : "?", buses[i].line);
    }
}

static void bus_read(struct loader *loader, const struct conf_node *group, size_t bus) {
    struct bus_section *section = &loader->settings->buses[bus];
    section->line = conf_line(group);
    if (!section_is_group(loader, group, "a bus"))
        return;
    section_read(loader, "bus", group, section);
    check_unique(loader, group, bus);
}

static void lifts_read(struct loader *loader, const struct conf_node *group, size_t bus) {
    const struct conf_node *lifts = conf_type(group) == CONF_GROUP ? section_list(loader, group, "lifts") : NULL;
    for (int i = 0; lifts && i < conf_length(lifts); i++)
        if (section_is_group(loader, conf_at(lifts, i), "a lift"))
            lift_read(loader, conf_at(lifts, i), bus);
}

static size_t count_lifts(const struct conf_node *list) {
    size_t count = 0;
    for (int i = 0; i < conf_length(list); i++) {
        const struct conf_node *lifts = conf_get(conf_at(list, i), "lifts");
        count += lifts ? (size_t)conf_length(lifts) : 0;
    }
    return count;
}

void buses_read(struct loader *loader, const struct conf_node *list) {
    struct settings *settings = loader->settings;
    int count = conf_length(list);
    if (count == 0 || count > BUSES_MAX) {
        conf_error(list, loader->problems, "buses has %d buses: at least 1, at most %d", count, BUSES_MAX);
        return;
    }
    settings->bus_count = (size_t)count;
    settings->buses = settings_get(settings, settings->bus_count, sizeof *settings->buses);
    settings->lifts = settings_get(settings, count_lifts(list), sizeof *settings->lifts);
    for (int i = 0; i < count; i++)
        bus_read(loader, conf_at(list, i), (size_t)i);
    for (int i = 0; i < count; i++)
        lifts_read(loader, conf_at(list, i), (size_t)i);
    for (int i = 0; i < count; i++)
        if (conf_type(conf_at(list, i)) == CONF_GROUP)
            line_resolve(loader, conf_at(list, i), (size_t)i);
}
