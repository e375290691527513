/* Reading a profile: what load.c, take.c, rows and checks share. A row of the file is the row of the same index in the
 * profile, also when there is something wrong with it: so one reading finds everything. */
#ifndef LIFTGW_PROFILE_LOAD_H
#define LIFTGW_PROFILE_LOAD_H

#include "profile/place.h"

struct loader {
    struct profile *profile;
    struct problems *problems;
    const struct conf_node *values, *rules, *faults; /* the lists, NULL if absent */
    const bool *set;                                 /* by slot: some row sets it */
};

/* take.c: one key of a group. Each adds a problem if the key is there and wrong; true (not NULL) if it is there and
 * right; else what it would set stays as it is. */
bool take_int(const struct loader *loader, const struct conf_node *group, const char *key, int64_t low, int64_t high,
              int64_t *value);
bool take_small(const struct loader *loader, const struct conf_node *group, const char *key, int low, int high,
                int *value);
bool take_ms(const struct loader *loader, const struct conf_node *group, const char *key, uint32_t *value);
bool take_bool(const struct loader *loader, const struct conf_node *group, const char *key, bool *value);
bool take_number(const struct loader *loader, const struct conf_node *group, const char *key, double *value);
const char *take_text(const struct loader *loader, const struct conf_node *group, const char *key);
/* The index of the text among count names. */
bool take_choice(const struct loader *loader, const struct conf_node *group, const char *key, const char *const names[],
                 size_t count, int *index);
/* A raw value of the place, or a list of them. */
bool take_raw(const struct loader *loader, const struct conf_node *node, const struct place *place, int64_t *raw);
void take_raws(const struct loader *loader, const struct conf_node *group, const char *key, const struct place *place,
               int64_t **raws, size_t *count);
/* Where a row reads: address, table, type or bits, word_order. */
bool take_place(const struct loader *loader, const struct conf_node *row, struct place *place);
/* The slot of the item that is named at node; take_source: that some row sets. */
bool take_item(const struct loader *loader, const struct conf_node *node, int *slot);
bool take_source(const struct loader *loader, const struct conf_node *node, int *slot);
/* The slot that `only_if` names, -1 if there is none. */
void take_only_if(const struct loader *loader, const struct conf_node *row, int *slot);
/* `from`: one to FROM_MAX items that are yes or no. */
bool take_from(const struct loader *loader, const struct conf_node *row, int from[FROM_MAX], size_t *count);
/* What a word of a slot means: one of its words, keep or unknown. */
bool take_outcome(const struct loader *loader, const struct conf_node *node, int slot, const char *word,
                  struct outcome *outcome);
/* `else`; without it unknown. */
void take_otherwise(const struct loader *loader, const struct conf_node *row, int slot, struct outcome *outcome);

/* The patterns of a row, from the top, and where each stands; both arrays are the caller's to free. */
struct patterns {
    struct pattern *list;
    const struct conf_node **nodes;
    size_t count;
};
/* Adds the pattern or the list of patterns at node. */
void take_patterns(const struct loader *loader, const struct conf_node *node, size_t length, struct outcome outcome,
                   struct patterns *patterns);
/* Says which of them can never match. */
void check_patterns(const struct loader *loader, const struct patterns *patterns, size_t length);

/* Adds "no KIND "NAME"", with "did you mean" where one of the names is near. */
void say_unknown(const struct loader *loader, const struct conf_node *node, const char *kind, const char *name,
                 const char *const names[], size_t count);

/* No item has more. */
#define WORDS_MAX 8
/* load.c: the words of a slot, none for a number. */
const char *const *slot_words(const struct profile *profile, int slot, size_t *count);

/* load.c: the name of the file that node stands in, kept with the profile. */
const char *keep_file(const struct loader *loader, const struct conf_node *node);

/* rows.c and faults.c: the rows, and check.c: how they fit together. */
void read_values(const struct loader *loader);
void read_rules(const struct loader *loader);
void read_faults(const struct loader *loader);
void check_rows(const struct loader *loader);

#endif
