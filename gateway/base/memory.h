/* Memory is taken at start and inside a reload only; without it there is nothing to go on with. */
#ifndef LIFTGW_BASE_MEMORY_H
#define LIFTGW_BASE_MEMORY_H

#include <stddef.h>

/* count × size zeroed bytes, owned by the caller, freed with free(). Never NULL: ends the process with status 70 when
 * there is no memory. */
void *memory_get(size_t count, size_t size);

/* Grows an array to count × size bytes; as memory_get, but what is new is not zeroed. */
void *memory_grow(void *memory, size_t count, size_t size);

/* Gives back to the system what was freed: after a start or a reload, which read settings and profiles, after a
 * `health`, and when somebody was answered. */
void memory_give_back(void);

/* A copy of text, NULL for NULL. */
char *memory_text(const char *text);

#endif
