/* The door: whether it moved, and whether it is held open (domain.md 3). A part of lift.c; nobody else calls it. */
#ifndef LIFTGW_MODEL_DOOR_H
#define LIFTGW_MODEL_DOOR_H

#include "model/lift.h"

/* Open as far as its contacts can say. */
bool door_is_open(const struct lift *lift);

/* Nobody knows that it is not closed: closed, unknown, or its contacts contradict each other. */
bool door_may_be_closed(const struct lift *lift);

/* Follows the door that the lift shows. True: it has just moved. Tells of one that is open for too long, which is no
 * fault: furniture, or parked so. */
bool door_follow(struct lift *lift, struct instant at, struct events *events);

/* When that will be; INT64_MAX never. */
int64_t door_due_ms(const struct lift *lift);

#endif
