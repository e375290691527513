/* Messages for people: one line each on standard error. */
#ifndef LIFTGW_BASE_LOG_H
#define LIFTGW_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* Sets up the log. name stands before every line; debug shows log_debug lines too. With $JOURNAL_STREAM in the
 * environment every line gets a "<N>" priority in front, as the journal wants it, instead of the name. */
void log_init(const char *name, bool debug);

/* An error that stops something or needs somebody; a warning; what happened; what a developer wants to see.
 * errno is kept. log_error_errno and log_warn_errno add the text of errno. */
void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_error_errno(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warn_errno(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

/* Keeps one complaint from filling the log: at once the first time, then at most every ten minutes with the number of
 * times it happened in between. Zero-initialised; one for each thing that can go wrong again and again. */
struct log_repeat {
    int64_t next_ms;
    unsigned held_back;
};
void log_warn_repeated(struct log_repeat *repeat, int64_t mono_ms, const char *format, ...) PRINTF_LIKE(3, 4);

/* The trouble is over: the next complaint is shown at once again. */
void log_repeat_reset(struct log_repeat *repeat);

#endif
