/* All controller profiles of this box. */
#ifndef LIFTGW_CTL_LIBRARY_H
#define LIFTGW_CTL_LIBRARY_H

#include "ctl/command.h"
#include "profile/profile.h"

#define LIBRARY_FOLDERS 8

struct library {
    char *folders[LIBRARY_FOLDERS + 1]; /* NULL-terminated, in the order in which profiles are looked for */
    struct profile **profiles;          /* by name, each name from the first folder that has it */
    size_t count;
    struct problems *problems; /* of those that could not be loaded, and warnings */
};

/* Loads every profile from the folders of the configuration; without a good one, from the usual folders and, in a build
 * tree, from the one beside the program. Never NULL; the caller's to free. */
struct library *library_load(const struct context *context);
void library_free(struct library *library);

/* NULL, after saying which was probably meant. */
const struct profile *library_find_profile(const struct library *library, const char *name);

#endif
