#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REPEAT_AFTER_MS (INT64_C(10) * 60 * 1000)
#define LINE_SIZE 1024

/* The numbers of syslog(3). */
enum priority { PRIORITY_ERROR = 3, PRIORITY_WARNING = 4, PRIORITY_INFO = 6, PRIORITY_DEBUG = 7 };

static const char *program = "liftgw";
static bool show_debug;
static bool to_journal;

void log_init(const char *name, bool debug) {
    program = name;
    show_debug = debug;
    to_journal = getenv("JOURNAL_STREAM") != NULL;
}

static const char *word_for(enum priority priority) {
    switch (priority) {
    case PRIORITY_ERROR:
        return "error: ";
    case PRIORITY_WARNING:
        return "warning: ";
    case PRIORITY_INFO:
    case PRIORITY_DEBUG:
        break;
    }
    return "";
}

/* One write for one line, so that lines of several threads and processes do not mix. */
static void put(enum priority priority, const char *suffix, const char *format, va_list arguments) PRINTF_LIKE(3, 0);
static void put(enum priority priority, const char *suffix, const char *format, va_list arguments) {
    int kept = errno;
    char text[LINE_SIZE];
    vsnprintf(text, sizeof text, format, arguments);
    for (char *c = text; *c; c++)
        if ((unsigned char)*c < ' ')
            *c = ' ';
    if (to_journal)
        fprintf(stderr, "<%d>%s%s\n", (int)priority, text, suffix);
    else
        fprintf(stderr, "%s: %s%s%s\n", program, word_for(priority), text, suffix);
    errno = kept;
}

#define PUT(priority, suffix)                                                                                          \
    do {                                                                                                               \
        va_list arguments;                                                                                             \
        va_start(arguments, format);                                                                                   \
        put(priority, suffix, format, arguments);                                                                      \
        va_end(arguments);                                                                                             \
    } while (0)

#define ERRNO_SUFFIX_SIZE 160

static const char *errno_suffix(char suffix[ERRNO_SUFFIX_SIZE]) {
    int kept = errno;
    snprintf(suffix, ERRNO_SUFFIX_SIZE, ": %s", strerror(kept));
    errno = kept;
    return suffix;
}

void log_error(const char *format, ...) {
    PUT(PRIORITY_ERROR, "");
}

void log_error_errno(const char *format, ...) {
    char suffix[ERRNO_SUFFIX_SIZE];
    PUT(PRIORITY_ERROR, errno_suffix(suffix));
}

void log_warn(const char *format, ...) {
    PUT(PRIORITY_WARNING, "");
}

void log_warn_errno(const char *format, ...) {
    char suffix[ERRNO_SUFFIX_SIZE];
    PUT(PRIORITY_WARNING, errno_suffix(suffix));
}

void log_info(const char *format, ...) {
    PUT(PRIORITY_INFO, "");
}

void log_debug(const char *format, ...) {
    if (show_debug)
        PUT(PRIORITY_DEBUG, "");
}

void log_warn_repeated(struct log_repeat *repeat, int64_t mono_ms, const char *format, ...) {
    if (repeat->next_ms != 0 && mono_ms < repeat->next_ms) {
        repeat->held_back++;
        return;
    }
    char suffix[64] = "";
    if (repeat->held_back > 0)
        snprintf(suffix, sizeof suffix, " (and %u more times since the last such line)", repeat->held_back);
    repeat->held_back = 0;
    repeat->next_ms = mono_ms + REPEAT_AFTER_MS;
    PUT(PRIORITY_WARNING, suffix);
}

void log_repeat_reset(struct log_repeat *repeat) {
    *repeat = (struct log_repeat){0};
}
