#include "base/memory.h"

#include "base/log.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static void *or_exit(void *memory) {
    if (memory)
        return memory;
    log_error("out of memory");
    exit(EX_SOFTWARE);
}

void *memory_get(size_t count, size_t size) {
    return or_exit(calloc(count ? count : 1, size ? size : 1));
}

void *memory_grow(void *memory, size_t count, size_t size) {
    return or_exit(reallocarray(memory, count ? count : 1, size ? size : 1));
}

void memory_give_back(void) {
    malloc_trim(0);
}

char *memory_text(const char *text) {
    return text ? or_exit(strdup(text)) : NULL;
}
