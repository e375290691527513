#include "model/suppression.h"

#include "model/fault.h"

void suppression_restore(struct lift *lift) {
    if (lift->record.maintenance_until_real_ms < 0)
        lift->record.maintenance_until_real_ms = 0;
}

static void tell(struct lift *lift, struct instant at, struct events *events) {
    struct event *event = event_add(events, EVENT_MAINTENANCE, at);
    event->maintenance.on = lift->record.maintenance_until_real_ms != 0;
    event->maintenance.until_real_ms = lift->record.maintenance_until_real_ms;
    lift->record.changed = true;
}

static void end(struct lift *lift, struct instant at, struct events *events) {
    lift->record.maintenance_until_real_ms = 0;
    lift->maintenance_end_mono_ms = 0;
    lift->maintenance_mono_ms = at.mono_ms;
    tell(lift, at, events);
}

void lift_maintenance(struct lift *lift, int64_t duration_ms, struct instant at, struct events *events) {
    if (duration_ms > LIFT_MAINTENANCE_MS)
        duration_ms = LIFT_MAINTENANCE_MS;
    if (duration_ms > 0) {
        lift->record.maintenance_until_real_ms = at.real_ms + duration_ms;
        lift->maintenance_end_mono_ms = at.mono_ms + duration_ms;
        lift->maintenance_guessed = false;
        tell(lift, at, events);
    } else if (lift->record.maintenance_until_real_ms != 0) {
        end(lift, at, events);
    }
}

/* After a restart the wall clock says what is left, but a clock that was not set must not suppress for ever. */
static void take_up(struct lift *lift, struct instant at) {
    int64_t left = lift->record.maintenance_until_real_ms - at.real_ms;
    if (left < 0)
        left = 0;
    if (left > LIFT_MAINTENANCE_MS)
        left = LIFT_MAINTENANCE_MS;
    lift->maintenance_end_mono_ms = at.mono_ms + left;
    lift->maintenance_guessed = !at.synced;
}

void lift_clock_set(struct lift *lift, struct instant now) {
    if (lift->maintenance_end_mono_ms == 0)
        return;
    if (lift->maintenance_guessed) { /* now it is known better what was left at the restart */
        take_up(lift, now);
    } else {
        lift->record.maintenance_until_real_ms = now.real_ms + lift->maintenance_end_mono_ms - now.mono_ms;
        lift->record.changed = true;
    }
}

void suppression_follow(struct lift *lift, struct instant at, struct events *events) {
    if (lift_item_is(lift, ITEM_SERVICE_MODE, MODE_INSPECTION))
        lift->inspection_mono_ms = at.mono_ms;
    if (lift->record.maintenance_until_real_ms == 0)
        return;
    if (lift->maintenance_end_mono_ms == 0)
        take_up(lift, at);
    if (at.mono_ms >= lift->maintenance_end_mono_ms)
        end(lift, at, events);
}

static int64_t tail_ms(const struct lift *lift, int64_t last_mono_ms) {
    return last_mono_ms != 0 ? last_mono_ms + (int64_t)lift->limits.suppress_s * 1000 : INT64_MIN;
}

bool suppression_works(const struct lift *lift) {
    return lift_item_is(lift, ITEM_SERVICE_MODE, MODE_INSPECTION) || lift->record.maintenance_until_real_ms != 0;
}

enum suppression suppression_at(const struct lift *lift, int64_t mono_ms) {
    if (lift_item_is(lift, ITEM_SERVICE_MODE, MODE_INSPECTION))
        return SUPPRESSED_INSPECTION;
    if (lift->record.maintenance_until_real_ms != 0)
        return SUPPRESSED_MAINTENANCE;
    if (mono_ms < tail_ms(lift, lift->inspection_mono_ms))
        return SUPPRESSED_INSPECTION;
    return mono_ms < tail_ms(lift, lift->maintenance_mono_ms) ? SUPPRESSED_MAINTENANCE : SUPPRESSED_NOT;
}

int64_t suppression_end_ms(const struct lift *lift) {
    if (suppression_works(lift))
        return INT64_MAX;
    int64_t inspection = tail_ms(lift, lift->inspection_mono_ms);
    int64_t maintenance = tail_ms(lift, lift->maintenance_mono_ms);
    return inspection > maintenance ? inspection : maintenance;
}

int64_t suppression_due_ms(const struct lift *lift) {
    return lift->maintenance_end_mono_ms != 0 ? lift->maintenance_end_mono_ms : INT64_MAX;
}
