/* A lift's set of active faults: keyed by id, raised with its first source, cleared with its last. The part of
 * lift.c that deals with faults; nobody else calls it. */
#ifndef LIFTGW_MODEL_FAULT_H
#define LIFTGW_MODEL_FAULT_H

#include "model/lift.h"

/* Takes up the active faults of the record: their sources are on, as before the restart. An entrapment that was
 * inferred has no source: record.trapped holds it. */
void fault_restore(struct lift *lift);

/* Applies what a poll of one part said. The part's watch says whether it ends a gap. */
void fault_apply(struct lift *lift, size_t part, const struct sample *sample, struct events *events);

/* What follows for active faults when time has passed: those that flap no more are let go, those that were suppressed
 * and still stand wake somebody now. */
void fault_settle(struct lift *lift, struct instant at, struct events *events);

/* record.trapped says that an entrapment is inferred: raises it, or tells that it is confirmed. gap: it began with the
 * sample that ended this gap; NULL. */
void fault_infer(struct lift *lift, enum confidence confidence, const struct watch *gap, struct instant at,
                 struct events *events);
/* record.trapped no longer says so: clears it unless a device says that it goes on. */
void fault_infer_end(struct lift *lift, struct instant at, struct events *events);

/* True if a fault stands now that may trap somebody; a fault that flaps counts only while a source says so. */
bool fault_stops(const struct lift *lift);

/* A gap of a part begins: its faults stay, its running delays start anew after it. */
void fault_gap(struct lift *lift, size_t part);

/* An inspection begins, or ends: which faults are the rescuer's. */
void fault_inspection(struct lift *lift, bool begins, struct instant at);

/* When the next delay ends that runs while samples stay as they are; INT64_MAX none. */
int64_t fault_due_ms(const struct lift *lift);

/* Appends an event, all zero but type and time. */
struct event *event_add(struct events *events, enum event_type type, struct instant at);

#endif
