/* Inspection and local maintenance: faults are published then, but wake nobody and do not count (domain.md 2). A part
 * of lift.c; nobody else calls it. */
#ifndef LIFTGW_MODEL_SUPPRESSION_H
#define LIFTGW_MODEL_SUPPRESSION_H

#include "model/lift.h"

/* Forgets what a record cannot say. */
void suppression_restore(struct lift *lift);

/* Follows the mode that the lift shows, and ends maintenance when its time is over. */
void suppression_follow(struct lift *lift, struct instant at, struct events *events);

/* Why a fault at that time is suppressed: also for a while after inspection and maintenance. */
enum suppression suppression_at(const struct lift *lift, int64_t mono_ms);

/* True in inspection or maintenance, not after it. */
bool suppression_works(const struct lift *lift);

/* When nothing is suppressed any more: in the past if nothing is; INT64_MAX while nobody knows. */
int64_t suppression_end_ms(const struct lift *lift);

/* When maintenance ends; INT64_MAX: it does not last. */
int64_t suppression_due_ms(const struct lift *lift);

#endif
