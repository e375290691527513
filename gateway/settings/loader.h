/* What the files of this folder share while one configuration is read. */
#ifndef LIFTGW_SETTINGS_LOADER_H
#define LIFTGW_SETTINGS_LOADER_H

#include "settings/options.h"

/* Everything that a struct settings points to lives and goes with it here, side by side in large blocks: most of it are
 * texts of a few bytes. */
struct settings_memory {
    void **blocks;
    size_t count;
    char *room; /* what is left of the newest block */
    size_t left;
};
/* Zeroed memory as memory_get's, owned by settings. */
void *settings_get(struct settings *settings, size_t count, size_t size);
char *settings_text(struct settings *settings, const char *text);
/* The bytes of a text in a message, without its quotes; 0 of NULL. */
size_t settings_json_size(const char *text);

/* A profile that was asked for. */
struct wanted_profile {
    const char *name;
    bool loaded;
    size_t index; /* in settings->profiles, if loaded */
};

struct loader {
    struct settings *settings;
    struct problems *problems;
    const struct conf_node *root;
    struct lift_limits limits; /* the gateway's, for all its lifts */
    struct wanted_profile *wanted;
    size_t wanted_count;
    const char *codes_file; /* the code table, and where its faults stand; 0: not read */
    int codes_line;
    bool code_listed[FAULT_COUNT];
};

/* section.c: reads what the table says of a section from its group into the struct of that section. What is wrong is
 * added to problems, and the field then holds its default. */
void section_read(struct loader *loader, const char *section, const struct conf_node *group, void *into);
/* The group of that name; NULL, after saying so, if it is missing or no group. */
const struct conf_node *section_group(struct loader *loader, const struct conf_node *parent, const char *key);
/* The list of groups of that name, NULL if it is absent or, after saying so, no list. */
const struct conf_node *section_list(struct loader *loader, const struct conf_node *parent, const char *key);
/* True if node is a group; else says so, naming it as what ("a lift"). */
bool section_is_group(struct loader *loader, const struct conf_node *node, const char *what);
/* The node of a key, the group itself if it is absent: where a problem with it is to be shown. */
const struct conf_node *section_at(const struct conf_node *group, const char *key);
/* path, relative to the folder of the configuration file; belongs to settings. */
const char *section_path(struct loader *loader, const char *path);

/* broker.c */
void broker_read(struct loader *loader, const struct conf_node *group);
/* buses.c: the buses, and then their lifts (lifts.c) */
void buses_read(struct loader *loader, const struct conf_node *list);
/* lifts.c: one lift of the bus; takes the next place in settings->lifts. */
void lift_read(struct loader *loader, const struct conf_node *group, size_t bus);
/* lines.c: what the units of a bus want of its line. */
void line_resolve(struct loader *loader, const struct conf_node *group, size_t bus);

/* library.c: the profile of that name, loaded once; SIZE_MAX, after saying why at node, if there is none. */
#define NO_PROFILE SIZE_MAX
size_t library_profile(struct loader *loader, const char *name, const struct conf_node *node);
/* The first DIR/NAME.cfg that exists, NULL after saying at node where it was looked for; what: "profile". */
const char *library_find(struct loader *loader, const char *what, const char *name, const char *const *dirs,
                         const struct conf_node *node);

/* codes.c: reads gateway.code_system. */
void codes_read(struct loader *loader, const struct conf_node *node);
/* Warns of faults that the profiles in use can raise and the table does not list; when all lifts are read. */
void codes_check_use(struct loader *loader);

#endif
