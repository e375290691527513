/* Every key of liftgw.cfg as one row of a table: its type, default, range and sentence. The reader walks it, the
 * example configuration is held against it by a test. */
#ifndef LIFTGW_SETTINGS_OPTIONS_H
#define LIFTGW_SETTINGS_OPTIONS_H

#include "settings/settings.h"

enum option_type {
    OPTION_NUMBER, /* min..max → int */
    OPTION_WORD,   /* one of words → an enum whose first is min */
    OPTION_CHOICE, /* one of words → text */
    OPTION_TEXT,   /* min..max bytes → text; not given or "": NULL */
    OPTION_PATH,   /* the same; relative to the folder of the configuration file */
    OPTION_LEVEL,  /* the same; one topic level */
    OPTION_LEVELS, /* the same; one or more topic levels with / between */
    OPTION_TEXTS,  /* at most max texts of at most each bytes → NULL-terminated; not given: NULL */
    OPTION_PATHS,  /* the same; each as OPTION_PATH; the default is written with : between */
    OPTION_GROUPS  /* a list of groups with rows of their own; read by buses.c */
};

struct option {
    const char *section; /* gateway, broker, bus, lift, part: where struct …_section below says */
    const char *key;
    enum option_type type;
    size_t offset;
    const char *fallback; /* as a person would write it; "" none; or one of the two below */
    int64_t min, max;
    int64_t each;
    const char *const *words; /* NULL-terminated */
    const char *sentence;
};
extern const char option_required[];  /* there is no default */
extern const char option_inherited[]; /* the default is what the section around says */

const struct option *settings_options(size_t *count);

/* Writes what a person needs to know of a row beside its sentence, "0 to 3600; default 30", and returns text. */
#define OPTION_RANGE_SIZE 256
const char *option_range(const struct option *option, char text[OPTION_RANGE_SIZE]);

/* What the rows of each section are read into; those of broker and bus into broker_settings and bus_section. */
struct gateway_section {
    struct gateway_settings gateway;
    struct lift_limits limits; /* the default of all lifts */
};
struct part_section {
    int unit;
    const char *profile, *bus;
    struct part_options options;
};
struct lift_section {
    struct lift_identity identity;
    struct lift_limits limits;
    const char **accepts;
    struct part_section part; /* of a lift of one unit */
};

#endif
