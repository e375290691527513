/* Which controller may this be? A unit's registers, read as a profile says, make sense or do not. */
#ifndef LIFTGW_CTL_LIKENESS_H
#define LIFTGW_CTL_LIKENESS_H

#include "profile/plan.h"

struct likeness {
    const struct profile *profile;
    size_t rows;      /* of the profile that were looked at: values and code registers */
    size_t plausible; /* of those that were read and make sense */
    size_t telling;   /* of those that could have been nonsense */
};

/* Judges an image of the profile's plan; valid by read of the plan, as for decode(). */
void likeness_judge(const struct profile *profile, const struct plan *plan, const uint16_t image[], const bool valid[],
                    struct likeness *likeness);
/* Sorts the better one first: more of its rows make sense, then more of them telling. For qsort. */
int likeness_compare(const void *a, const void *b);
/* True if nothing or nearly nothing speaks against it. */
bool likeness_is_good(const struct likeness *likeness);

#endif
