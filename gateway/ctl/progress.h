/* A line on a terminal's standard error that says how far a long work is. Nothing where that is no terminal. */
#ifndef LIFTGW_CTL_PROGRESS_H
#define LIFTGW_CTL_PROGRESS_H

#include <stdint.h>

/* Shows that done of all has passed (in ns of work), what is being done, and how long it will take still; a few times a
 * second at most. */
void progress_show(int64_t done_ns, int64_t all_ns, const char *what);
/* Takes the line away, before anything else is said. */
void progress_clear(void);

#endif
