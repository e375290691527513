/* Passengers trapped, inferred from what a lift shows (domain.md 2, "Entrapment"): a car that stands where it should
 * not, or with a fault that stops it and somebody perhaps inside. A part of lift.c; nobody else calls it.
 *
 *   A or B holds long enough -> suspected;  the passenger alarm while either holds -> confirmed
 *   -> until the door is open where one can get out, or after a ride
 *
 * What a device itself says of an entrapment is a fault like any other (fault.h), only confirmed. */
#ifndef LIFTGW_MODEL_ENTRAPMENT_H
#define LIFTGW_MODEL_ENTRAPMENT_H

#include "model/lift.h"

/* Follows what the lift shows, after its faults. gap_part: the part whose gap this sample ends, LIFT_PARTS none. */
void entrapment_follow(struct lift *lift, size_t gap_part, struct instant at, struct events *events);

/* The next time at which something follows from a lift that stays as it is; INT64_MAX none. */
int64_t entrapment_due_ms(const struct lift *lift);

#endif
