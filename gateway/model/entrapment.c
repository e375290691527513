#include "model/entrapment.h"

#include "model/door.h"
#include "model/fault.h"
#include "model/ride.h"
#include "model/suppression.h"

/* domain.md 2 */
#define OPEN_MS 3000
#define ALARM_MS 1000

static bool mode_is(const struct lift *lift, enum service_mode mode) {
    return lift_item_is(lift, ITEM_SERVICE_MODE, mode);
}

/* A jerk of a car that tries to start, or of re-levelling, does not free it. */
static bool stands(const struct lift *lift, struct instant at) {
    return !lift_item_is(lift, ITEM_CAR, CAR_RUNNING) || ride_is_brief(lift, at);
}

/* What A and B have in common. Online again is not yet seen again. */
static bool is_stuck(const struct lift *lift, size_t gap_part, struct instant at) {
    bool seen = lift->link == LINK_ONLINE && (!lift->watch[0].gap || gap_part == 0);
    return seen && stands(lift, at) && !suppression_works(lift) && !lift_item_is(lift, ITEM_OCCUPIED, 0);
}

static bool is_outside(const struct lift *lift) {
    return lift_item_is(lift, ITEM_DOOR_ZONE, 0);
}

static bool is_closed(const struct lift *lift) {
    bool other_rules =
        mode_is(lift, MODE_FIRE_RETURN) || mode_is(lift, MODE_FIREFIGHTER) || mode_is(lift, MODE_OUT_OF_SERVICE);
    return !is_outside(lift) && door_may_be_closed(lift) && !other_rules && fault_stops(lift);
}

/* How long ago a ride ended or the door moved; INT64_MAX nobody knows. After a restart the wall clock says so; one that
 * was set back meanwhile does not. */
static int64_t quiet_ms(const struct lift *lift, struct instant at) {
    if (lift->moved_mono_ms != 0)
        return at.mono_ms - lift->moved_mono_ms;
    bool known = lift->record.moved_real_ms > 0 && at.real_ms >= lift->record.moved_real_ms;
    return known ? at.real_ms - lift->record.moved_real_ms : INT64_MAX;
}

static bool somebody_may_be_inside(const struct lift *lift, struct instant at) {
    return lift_item_is(lift, ITEM_OCCUPIED, 1) || quiet_ms(lift, at) <= (int64_t)lift->limits.evidence_s * 1000;
}

/* It begins anew after a run, also one of which no sample was taken. */
static void hold(const struct lift *lift, struct hold *hold, bool holds, size_t gap_part, struct instant at) {
    if (holds && (!hold->holds || hold->since_mono_ms < lift->runs.ended_mono_ms))
        *hold = (struct hold){.holds = true, .gap_part = (uint8_t)gap_part, .since_mono_ms = at.mono_ms};
    hold->holds = holds;
}

static void follow_holds(struct lift *lift, size_t gap_part, struct instant at) {
    struct entrapment *entrapment = &lift->entrapment;
    bool stuck = is_stuck(lift, gap_part, at);
    bool closed = stuck && is_closed(lift);
    hold(lift, &entrapment->outside, stuck && is_outside(lift), gap_part, at);
    /* The evidence is of the time before it got stuck: it does not grow stale while the car stands. */
    hold(lift, &entrapment->closed, closed && (entrapment->closed.holds || somebody_may_be_inside(lift, at)), gap_part,
         at);
    hold(lift, &entrapment->either, entrapment->outside.holds || entrapment->closed.holds, gap_part, at);
}

static void follow_alarm(struct lift *lift, struct instant at) {
    struct entrapment *entrapment = &lift->entrapment;
    if (!lift_item_is(lift, ITEM_PASSENGER_ALARM, 1))
        entrapment->alarm_mono_ms = 0;
    else if (entrapment->alarm_mono_ms == 0)
        entrapment->alarm_mono_ms = at.mono_ms;
    bool rings = entrapment->alarm_mono_ms != 0 && at.mono_ms - entrapment->alarm_mono_ms >= ALARM_MS;
    entrapment->alarmed = entrapment->either.holds && (entrapment->alarmed || rings);
}

static void follow_door(struct lift *lift, struct instant at) {
    if (!door_is_open(lift) || is_outside(lift))
        lift->entrapment.open_mono_ms = 0;
    else if (lift->entrapment.open_mono_ms == 0)
        lift->entrapment.open_mono_ms = at.mono_ms;
}

static bool is_free(const struct lift *lift, struct instant at) {
    const struct entrapment *entrapment = &lift->entrapment;
    bool open = entrapment->open_mono_ms != 0 && at.mono_ms - entrapment->open_mono_ms >= OPEN_MS;
    return open || (entrapment->rode && door_is_open(lift));
}

/* What is held long enough, at that time; INT64_MAX: nothing will be. */
static int64_t ends_ms(const struct hold *hold, int seconds) {
    return hold->holds ? hold->since_mono_ms + (int64_t)seconds * 1000 : INT64_MAX;
}

static int64_t outside_ms(const struct lift *lift) {
    return ends_ms(&lift->entrapment.outside, lift->limits.entrapment_outside_s);
}

static int64_t closed_ms(const struct lift *lift) {
    bool emergency = mode_is(lift, MODE_EMERGENCY_POWER);
    return ends_ms(&lift->entrapment.closed,
                   emergency ? lift->limits.entrapment_emergency_power_s : lift->limits.entrapment_closed_s);
}

static int64_t confirmed_ms(const struct lift *lift) {
    return lift->entrapment.alarmed ? ends_ms(&lift->entrapment.either, lift->limits.confirm_s) : INT64_MAX;
}

static void infer(struct lift *lift, enum confidence confidence, const struct hold *hold, struct instant at,
                  struct events *events) {
    if (!lift->record.trapped) {
        lift->record.trapped = true;
        lift->record.changed = true;
        lift->entrapment.rode = false;
    }
    fault_infer(lift, confidence, hold->gap_part < LIFT_PARTS ? &lift->watch[hold->gap_part] : NULL, at, events);
}

static void free_them(struct lift *lift, struct instant at, struct events *events) {
    lift->record.trapped = false;
    lift->record.changed = true;
    lift->entrapment.outside.holds = lift->entrapment.either.holds = false; /* a new one takes its time again */
    fault_infer_end(lift, at, events);
}

void entrapment_follow(struct lift *lift, size_t gap_part, struct instant at, struct events *events) {
    const struct entrapment *entrapment = &lift->entrapment;
    follow_holds(lift, gap_part, at);
    follow_alarm(lift, at);
    follow_door(lift, at);
    if (lift->record.trapped && is_free(lift, at))
        free_them(lift, at, events);
    if (lift->runs.running)
        return;
    if (at.mono_ms >= confirmed_ms(lift))
        infer(lift, CONFIDENCE_CONFIRMED, &entrapment->either, at, events);
    else if (at.mono_ms >= outside_ms(lift))
        infer(lift, CONFIDENCE_SUSPECTED, &entrapment->outside, at, events);
    else if (at.mono_ms >= closed_ms(lift))
        infer(lift, CONFIDENCE_SUSPECTED, &entrapment->closed, at, events);
}

static int64_t least(int64_t due, int64_t now, int64_t candidate) {
    return candidate > now && candidate < due ? candidate : due;
}

int64_t entrapment_due_ms(const struct lift *lift) {
    const struct entrapment *entrapment = &lift->entrapment;
    int64_t now = lift->at_mono_ms;
    int64_t due = INT64_MAX;
    if (entrapment->either.holds && lift->runs.running)
        due = least(due, now, lift->runs.began_mono_ms + RIDE_MIN_MS);
    if (entrapment->either.holds && entrapment->alarm_mono_ms != 0 && !entrapment->alarmed)
        due = least(due, now, entrapment->alarm_mono_ms + ALARM_MS);
    if (lift->record.trapped && entrapment->open_mono_ms != 0)
        due = least(due, now, entrapment->open_mono_ms + OPEN_MS);
    due = least(due, now, confirmed_ms(lift));
    due = least(due, now, outside_ms(lift));
    return least(due, now, closed_ms(lift));
}
