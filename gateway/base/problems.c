#include "base/conf.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* More than anybody reads at once; what is beyond is counted. */
#define PROBLEMS_KEPT 500
#define PROBLEM_SIZE 1024

struct problem {
    size_t file; /* index in files */
    int line;
    char *text;
};

struct problems {
    char **files; /* in the order in which they were first named */
    size_t file_count;
    struct problem *problem;
    size_t count;
    size_t kind_count[PROBLEM_WARNING + 1];
};

struct problems *problems_create(void) {
    return memory_get(1, sizeof(struct problems));
}

void problems_free(struct problems *problems) {
    if (!problems)
        return;
    for (size_t i = 0; i < problems->file_count; i++)
        free(problems->files[i]);
    for (size_t i = 0; i < problems->count; i++)
        free(problems->problem[i].text);
    free(problems->files);
    free(problems->problem);
    free(problems);
}

size_t problems_count(const struct problems *problems, enum problem_kind kind) {
    return problems->kind_count[kind];
}

static size_t file_index(struct problems *problems, const char *file) {
    for (size_t i = 0; i < problems->file_count; i++)
        if (strcmp(problems->files[i], file) == 0)
            return i;
    problems->files = memory_grow(problems->files, problems->file_count + 1, sizeof(char *));
    problems->files[problems->file_count] = memory_text(file);
    return problems->file_count++;
}

/* What stands in a file may be shown on a terminal: nothing of it may steer that. */
static void disarm(char *text) {
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            *text = '?';
}

static char *problem_line(enum problem_kind kind, const char *file, int line, const char *what) {
    char where[16] = "";
    char text[PROBLEM_SIZE + 512];
    if (line > 0)
        snprintf(where, sizeof where, "%d:", line);
    snprintf(text, sizeof text, "%.400s:%s %s: %s", file, where, kind == PROBLEM_ERROR ? "error" : "warning", what);
    disarm(text);
    return memory_text(text);
}

void problems_add(struct problems *problems, enum problem_kind kind, const char *file, int line, const char *format,
                  ...) {
    char what[PROBLEM_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);

    size_t index = file_index(problems, file);
    char *text = problem_line(kind, file, line, what);
    size_t at = problems->count;
    while (at > 0 && (problems->problem[at - 1].file > index ||
                      (problems->problem[at - 1].file == index && problems->problem[at - 1].line > line)))
        at--;
    for (size_t i = at; i > 0 && problems->problem[i - 1].file == index && problems->problem[i - 1].line == line; i--)
        if (strcmp(problems->problem[i - 1].text, text) == 0) {
            free(text);
            return;
        }

    problems->kind_count[kind]++;
    if (problems->count == PROBLEMS_KEPT) {
        free(text);
        return;
    }
    problems->problem = memory_grow(problems->problem, problems->count + 1, sizeof(struct problem));
    memmove(problems->problem + at + 1, problems->problem + at, (problems->count - at) * sizeof(struct problem));
    problems->problem[at] = (struct problem){.file = index, .line = line, .text = text};
    problems->count++;
}

void problems_print(const struct problems *problems, FILE *to) {
    for (size_t i = 0; i < problems->count; i++)
        fprintf(to, "%s\n", problems->problem[i].text);
    size_t all = problems->kind_count[PROBLEM_ERROR] + problems->kind_count[PROBLEM_WARNING];
    if (all > problems->count)
        fprintf(to, "and %zu more\n", all - problems->count);
}

const char *problems_text(const struct problems *problems, size_t i) {
    return i < problems->count ? problems->problem[i].text : NULL;
}
