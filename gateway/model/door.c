#include "model/door.h"

#include "model/fault.h"
#include "model/suppression.h"

bool door_is_open(const struct lift *lift) {
    return lift_item_is(lift, ITEM_DOOR, DOOR_OPEN) || lift_item_is(lift, ITEM_DOOR, DOOR_NOT_CLOSED);
}

bool door_may_be_closed(const struct lift *lift) {
    struct value door = lift->item[ITEM_DOOR];
    return !door.known || door.number == DOOR_CLOSED || door.number == DOOR_FAULT;
}

static int64_t limit_ms(const struct lift *lift) {
    return (int64_t)lift->limits.door_held_s * 1000;
}

static void follow_held(struct lift *lift, struct instant at, struct events *events) {
    struct door_watch *watch = &lift->door;
    struct value mode = lift->item[ITEM_SERVICE_MODE];
    bool normal = (!mode.known || mode.number == MODE_NORMAL) && !suppression_works(lift);
    if (lift->item[ITEM_DOOR].known && !door_is_open(lift))
        watch->held_told = false;
    if (!door_is_open(lift) || !normal) {
        watch->open_mono_ms = 0;
        return;
    }
    if (watch->open_mono_ms == 0)
        watch->open_mono_ms = at.mono_ms;
    int64_t lasted_ms = at.mono_ms - watch->open_mono_ms;
    if (watch->held_told || lasted_ms < limit_ms(lift))
        return;
    watch->held_told = true;
    struct event *event = event_add(events, EVENT_DOOR_HELD, at);
    event->lasting.since_real_ms = at.real_ms - lasted_ms;
    event->lasting.duration_ms = lasted_ms;
}

bool door_follow(struct lift *lift, struct instant at, struct events *events) {
    struct value door = lift->item[ITEM_DOOR];
    struct value last = lift->door.last;
    bool says = door.known && door.number != DOOR_FAULT;
    follow_held(lift, at, events);
    if (says || !door.known)
        lift->door.last = door;
    return says && last.known && last.number != door.number;
}

int64_t door_due_ms(const struct lift *lift) {
    if (lift->door.open_mono_ms == 0 || lift->door.held_told)
        return INT64_MAX;
    return lift->door.open_mono_ms + limit_ms(lift);
}
