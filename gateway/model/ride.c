#include "model/ride.h"

#include "model/fault.h"
#include "model/suppression.h"

#define HOUR_MS INT64_C(3600000)

/* A run with the door open is re-levelling and no ride. Open all the way, because the contacts' delays can make a door
 * seem open when a ride begins. */
static void follow_run(struct lift *lift, struct instant at) {
    struct runs *runs = &lift->runs;
    struct value door = lift->item[ITEM_DOOR];
    bool open = door.known && door.number != DOOR_CLOSED && door.number != DOOR_FAULT;
    if (!runs->running) {
        runs->began_mono_ms = at.mono_ms;
        runs->inspected = false;
    }
    runs->open = open && (!runs->running || runs->open);
    runs->inspected |= lift_item_is(lift, ITEM_SERVICE_MODE, MODE_INSPECTION);
    runs->running = true;
}

bool ride_follow(struct lift *lift, struct instant at) {
    struct runs *runs = &lift->runs;
    if (lift_item_is(lift, ITEM_CAR, CAR_RUNNING)) {
        follow_run(lift, at);
        return false;
    }
    bool brief = ride_is_brief(lift, at);
    bool ended = runs->running && !brief;
    if (ended)
        runs->ended_mono_ms = at.mono_ms;
    runs->running = false;
    return ended && lift->item[ITEM_CAR].known && !runs->open && !runs->inspected;
}

bool ride_is_brief(const struct lift *lift, struct instant at) {
    return lift->runs.running && at.mono_ms - lift->runs.began_mono_ms < RIDE_MIN_MS;
}

void ride_made(struct lift *lift, struct instant at) {
    lift->runs.no_ride_told = false;
    if (lift->runs.no_ride_mono_ms != 0)
        lift->runs.no_ride_mono_ms = at.mono_ms;
}

/* In normal mode, and somebody would see the ride. */
static bool could_ride(const struct lift *lift) {
    struct value mode = lift->item[ITEM_SERVICE_MODE];
    bool seen = lift->item[ITEM_CAR].known || lift_counter(lift, ITEM_RIDES_TOTAL)->known;
    return lift->link == LINK_ONLINE && (!mode.known || mode.number == MODE_NORMAL) && seen && !suppression_works(lift);
}

static int64_t limit_ms(const struct lift *lift) {
    return lift->limits.no_ride_h * HOUR_MS;
}

void ride_miss(struct lift *lift, struct instant at, struct events *events) {
    struct runs *runs = &lift->runs;
    if (!could_ride(lift)) {
        runs->no_ride_mono_ms = 0;
        return;
    }
    if (runs->no_ride_mono_ms == 0)
        runs->no_ride_mono_ms = at.mono_ms;
    int64_t lasted_ms = at.mono_ms - runs->no_ride_mono_ms;
    if (runs->no_ride_told || lasted_ms < limit_ms(lift))
        return;
    runs->no_ride_told = true;
    struct event *event = event_add(events, EVENT_NO_RIDE, at);
    event->lasting.since_real_ms = at.real_ms - lasted_ms;
    event->lasting.duration_ms = lasted_ms;
}

int64_t ride_due_ms(const struct lift *lift) {
    if (lift->runs.no_ride_mono_ms == 0 || lift->runs.no_ride_told)
        return INT64_MAX;
    return lift->runs.no_ride_mono_ms + limit_ms(lift);
}
