/* Counters that nobody keeps but us: edges and time of an item (profiles.md, rules). */
#ifndef LIFTGW_PROFILE_DERIVE_H
#define LIFTGW_PROFILE_DERIVE_H

#include "profile/profile.h"

/* Samples further apart than this say nothing of the time between. */
#define DERIVE_GAP_MS 10000
/* While time is counted a sample is wanted this often, changed or not. */
#define DERIVE_EVERY_MS 4000

struct derive {
    enum { DERIVE_UNKNOWN, DERIVE_OTHER, DERIVE_WAITING, DERIVE_IS } phase;
    int64_t since_ms; /* DERIVE_WAITING: when the item became what is counted; time: the last sample */
};

/* One sample of the watched item. Both return the increment; due_ms: when another sample will be wanted though nothing
 * changes, INT64_MAX never.
 * Edges: 1 once the item has changed to row->is from something else known and has stayed so for min_ms.
 * Time: milliseconds since the last sample if the item was row->is there and is known now. */
int64_t derive_edges(struct derive *derive, const struct rule_row *row, struct value value, int64_t mono_ms,
                     int64_t *due_ms);
int64_t derive_time(struct derive *derive, const struct rule_row *row, struct value value, int64_t mono_ms,
                    int64_t *due_ms);

#endif
