/* Answers that may still be on their way.
 *
 * Nothing in a Modbus reply says which address it is about. A question that was not answered in time may be answered
 * later, while another one is being asked; if both have replies of one length, the late one looks right (libraries.md
 * 2.1). So for a while after a failure no other question with such a reply is put to that unit. Asking the same one
 * again is fine. */
#ifndef LIFTGW_MODBUS_LATE_H
#define LIFTGW_MODBUS_LATE_H

#include "modbus/line.h"

/* A list of late answers for that many different questions; each is waited for during window_ns. */
struct late *late_create(size_t capacity, int64_t window_ns);
void late_free(struct late *late);

/* When the question may be asked: now, or a later time (CLOCK_MONOTONIC, ns). Remembers that somebody wants to: once a
 * question was held back for a whole window, those that hold it back are not asked again before it. */
int64_t late_ask_ns(struct late *late, const struct line_request *question, int64_t now_ns);

/* False: too many different questions failed within the window to remember one more. */
bool late_has_room(const struct late *late, int64_t now_ns);

/* No answer, or none that can be trusted: one may still come. */
void late_failed(struct late *late, const struct line_request *question, int64_t now_ns);
/* An answer came. If one was late, this may have been that one, and its own is now late. */
void late_answered(struct late *late, const struct line_request *question, int64_t now_ns);

/* True if an exception could be the late answer to another question: it carries no length to tell them apart. */
bool late_exception_doubtful(const struct late *late, const struct line_request *question, int64_t now_ns);

/* True for the same words of the same unit; and for different ones whose replies look alike. */
bool question_same(const struct line_request *a, const struct line_request *b);
bool question_alike(const struct line_request *a, const struct line_request *b);

#endif
