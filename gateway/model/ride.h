/* The car's runs: which of them are rides, and how long a lift has made none (domain.md 3). A part of lift.c; nobody
 * else calls it. */
#ifndef LIFTGW_MODEL_RIDE_H
#define LIFTGW_MODEL_RIDE_H

#include "model/lift.h"

/* Shorter runs are re-levelling: neither rides nor the end of an entrapment. */
#define RIDE_MIN_MS 1500

/* Follows the car that the lift shows. True: a ride has just ended. A ride lasts, begins with the door closed, and is
 * not made in inspection. */
bool ride_follow(struct lift *lift, struct instant at);

/* The car runs, and has for too short a time to call it a ride. */
bool ride_is_brief(const struct lift *lift, struct instant at);

/* A ride was made or counted. */
void ride_made(struct lift *lift, struct instant at);

/* Tells of a lift that could make a ride and has made none for too long. */
void ride_miss(struct lift *lift, struct instant at, struct events *events);

/* When that will be; INT64_MAX never. */
int64_t ride_due_ms(const struct lift *lift);

#endif
