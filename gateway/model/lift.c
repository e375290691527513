#include "model/lift.h"

#include "base/text.h"
#include "model/door.h"
#include "model/entrapment.h"
#include "model/fault.h"
#include "model/ride.h"
#include "model/suppression.h"

#include <assert.h>
#include <string.h>

/* How long lift_tick waits for a sample that is due before it goes by the clock alone. */
#define SAMPLE_LATE_MS 10000

#define ITEM_BIT(item) (UINT32_C(1) << (item))
/* Items of which a change alone does not publish the state: those that it does not show, and those that never rest. */
#define QUIET_ITEMS                                                                                                    \
    (ITEM_BIT(ITEM_PASSENGER_ALARM) | ITEM_BIT(ITEM_HEARTBEAT) | ITEM_BIT(ITEM_SPEED_MM_S) |                           \
     ITEM_BIT(ITEM_LOAD_PERCENT))

const char *link_name(enum link link) {
    static const char *const names[] = {
        [LINK_UNKNOWN] = NULL, [LINK_ONLINE] = "online", [LINK_OFFLINE] = "offline", [LINK_STALLED] = "stalled"};
    assert(link < COUNT_OF(names));
    return names[link];
}

const char *link_reason_name(enum link_reason reason) {
    static const char *const names[] = {
        [LINK_REASON_NONE] = NULL,         [LINK_REASON_TIMEOUT] = "timeout",
        [LINK_REASON_CRC] = "crc",         [LINK_REASON_EXCEPTION] = "exception",
        [LINK_REASON_STALLED] = "stalled", [LINK_REASON_DEVICE_GONE] = "device_gone",
        [LINK_REASON_REMOVED] = "removed",
    };
    assert(reason < COUNT_OF(names));
    return names[reason];
}

static bool same(struct value a, struct value b) {
    return a.known == b.known && (!a.known || a.number == b.number);
}

static bool owns(const struct lift *lift, size_t part, enum item item) {
    return lift->part[part].owns & ITEM_BIT(item);
}

bool lift_item_is(const struct lift *lift, enum item item, int64_t number) {
    return lift->item[item].known && lift->item[item].number == number;
}

const struct counter *lift_counter(const struct lift *lift, enum item counter) {
    assert(counter >= ITEM_FIRST_COUNTER && counter < ITEM_COUNT);
    return &lift->record.counter[counter - ITEM_FIRST_COUNTER];
}

size_t lift_source_count(const struct lift_part parts[], size_t part_count) {
    size_t count = 0;
    for (size_t i = 0; i < part_count; i++)
        count += parts[i].source_count;
    return count;
}

size_t lift_code_count(const struct lift_part parts[], size_t part_count) {
    size_t count = 0;
    for (size_t i = 0; i < part_count; i++)
        for (size_t s = 0; s < parts[i].source_count; s++)
            count += parts[i].sources[s].fault == FAULT_COUNT;
    return count;
}

void lift_init(struct lift *lift, const struct lift_limits *limits, const struct lift_part parts[], size_t part_count,
               struct source_state *source, struct source_code *code, const struct lift_record *record) {
    assert(part_count >= 1 && part_count <= LIFT_PARTS);
    memset(lift, 0, sizeof *lift);
    lift->limits = *limits;
    lift->part_count = part_count;
    lift->source = source;
    lift->code = code;
    if (record)
        lift->record = *record;
    lift->record.online = 0;
    for (size_t i = 0; i < part_count; i++) {
        lift->part[i] = parts[i];
        lift->first_source[i] = lift_source_count(parts, i);
        if (lift->record.last_seen_real_ms[i] < 0)
            lift->record.last_seen_real_ms[i] = 0;
        lift->watch[i] = (struct watch){.gap = true, .not_before_real_ms = lift->record.last_seen_real_ms[i]};
    }
    for (size_t i = 0; i < lift_source_count(parts, part_count); i++)
        source[i] = (struct source_state){.phase = SOURCE_OFF};
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        counter_restore(&lift->record.counter[i]);
    fault_restore(lift);
    suppression_restore(lift);
}

static void set_link(struct lift *lift, enum link link, enum link_reason reason, struct instant at) {
    if (lift->link == link && lift->link_reason == reason)
        return;
    lift->link_changed = true;
    lift->link_reason = reason;
    if (lift->link == link)
        return;
    lift->state_changed = true;
    lift->link = link;
    lift->link_since_real_ms = at.real_ms;
}

static void set_part_link(struct lift *lift, size_t part, enum link link, enum link_reason reason, struct instant at) {
    bool changed = lift->part_link[part] != link;
    lift->part_link[part] = link;
    lift->link_changed |= changed;
    uint8_t bit = (uint8_t)(1u << part);
    uint8_t online = link == LINK_ONLINE ? lift->record.online | bit : lift->record.online & (uint8_t)~bit;
    lift->record.changed |= online != lift->record.online;
    lift->record.online = online;
    if (part == 0 && (changed || link != LINK_ONLINE)) /* a part that goes on answering may be stalled */
        set_link(lift, link, reason, at);
}

static void begin_gap(struct lift *lift, size_t part, int64_t last_good_real_ms) {
    struct watch *watch = &lift->watch[part];
    if (watch->gap)
        return;
    watch->gap = true;
    if (last_good_real_ms != 0)
        lift->record.last_seen_real_ms[part] = last_good_real_ms;
    watch->not_before_real_ms = lift->record.last_seen_real_ms[part];
    fault_gap(lift, part);
}

static void follow_mode(struct lift *lift, struct value old, struct instant at, struct events *events) {
    struct value mode = lift->item[ITEM_SERVICE_MODE];
    struct value last = lift->record.service_mode;
    if (old.known && old.number == MODE_INSPECTION)
        lift->inspection_mono_ms = at.mono_ms;
    suppression_follow(lift, at, events);
    if (!mode.known || same(mode, last))
        return;
    lift->record.service_mode = mode;
    lift->record.changed = true;
    fault_inspection(lift, mode.number == MODE_INSPECTION, at);
    if (!last.known)
        return;
    struct event *event = event_add(events, EVENT_MODE_CHANGED, at);
    event->mode.from = last;
    event->mode.to = mode;
}

static void follow_alarm(struct lift *lift, struct instant at, struct events *events) {
    struct value alarm = lift->item[ITEM_PASSENGER_ALARM];
    if (!alarm.known)
        return;
    if (alarm.number != 0 && !lift->alarm)
        event_add(events, EVENT_PASSENGER_ALARM, at)->alarm.active = true;
    lift->alarm = alarm.number != 0;
}

static void follow_overload(struct lift *lift, struct instant at, struct events *events) {
    struct value overload = lift->item[ITEM_OVERLOAD];
    if (!overload.known || (overload.number != 0) == lift->overload)
        return;
    lift->overload = overload.number != 0;
    event_add(events, EVENT_OVERLOAD, at)->overload.active = lift->overload;
}

/* What moves carries people: it is remembered as evidence that somebody may be inside. */
static void follow_moves(struct lift *lift, struct instant at, struct events *events) {
    bool rode = ride_follow(lift, at);
    bool moved = door_follow(lift, at, events);
    if (rode) {
        ride_made(lift, at);
        lift->entrapment.rode = true;
    }
    if (rode || moved) {
        lift->moved_mono_ms = at.mono_ms;
        lift->record.moved_real_ms = at.real_ms;
    }
}

/* Shows what was seen, if the lift is online, and follows what changed. */
static void show(struct lift *lift, struct instant at, struct events *events) {
    struct value old_mode = lift->item[ITEM_SERVICE_MODE];
    for (enum item item = 0; item < ITEM_FIRST_COUNTER; item++) {
        struct value value = lift->link == LINK_ONLINE ? lift->seen[item] : VALUE_UNKNOWN;
        if (!same(value, lift->item[item]) && !(QUIET_ITEMS & ITEM_BIT(item)))
            lift->state_changed = true;
        lift->item[item] = value;
    }
    follow_mode(lift, old_mode, at, events);
    follow_alarm(lift, at, events);
    follow_overload(lift, at, events);
    follow_moves(lift, at, events);
}

static void see(struct lift *lift, size_t part, const struct sample *sample) {
    for (enum item item = 0; item < ITEM_FIRST_COUNTER; item++)
        if (owns(lift, part, item))
            lift->seen[item] = sample->item[item];
}

static int64_t stalled_at_ms(const struct lift *lift) {
    if (lift->link != LINK_ONLINE || !lift->seen[ITEM_HEARTBEAT].known)
        return INT64_MAX;
    return lift->heartbeat_mono_ms + (int64_t)lift->limits.stalled_s * 1000;
}

static void follow_heartbeat(struct lift *lift, struct instant at) {
    struct value heartbeat = lift->seen[ITEM_HEARTBEAT];
    if (heartbeat.known && !same(heartbeat, lift->heartbeat)) {
        lift->heartbeat = heartbeat;
        lift->heartbeat_mono_ms = at.mono_ms;
        if (lift->link == LINK_STALLED)
            set_link(lift, LINK_ONLINE, LINK_REASON_NONE, at);
    } else if (at.mono_ms >= stalled_at_ms(lift)) {
        set_link(lift, LINK_STALLED, LINK_REASON_STALLED, at);
    }
}

static void count(struct lift *lift, enum item item, const struct counter_reading *reading, struct instant at,
                  struct events *events) {
    size_t i = (size_t)(item - ITEM_FIRST_COUNTER);
    struct counter_reading counted = *reading;
    bool no_ride = lift_item_is(lift, ITEM_SERVICE_MODE, MODE_INSPECTION) || lift->runs.open;
    if (item == ITEM_RIDES_TOTAL && reading->derived && no_ride)
        counted.value = 0;
    int64_t was = 0;
    enum counter_step step = counter_apply(&lift->record.counter[i], item, &counted, at, &was);
    if (step == COUNTER_SAME)
        return;
    lift->record.counters_changed |= UINT32_C(1) << i;
    if (step == COUNTER_GREW) {
        lift->counters_changed = true;
        if (item == ITEM_RIDES_TOTAL)
            ride_made(lift, at);
        return;
    }
    struct event *event =
        event_add(events, step == COUNTER_RESET ? EVENT_COUNTER_RESET : EVENT_CONTROLLER_REPLACED, at);
    event->counter.counter = item;
    event->counter.was = was;
    event->counter.is = counted.value;
}

void lift_apply(struct lift *lift, size_t part, const struct sample *sample, struct events *events) {
    assert(part < lift->part_count);
    struct watch *watch = &lift->watch[part];
    if (watch->gap)
        watch->not_after_real_ms = sample->at.real_ms;
    set_part_link(lift, part, LINK_ONLINE, LINK_REASON_NONE, sample->at);
    see(lift, part, sample);
    if (owns(lift, part, ITEM_HEARTBEAT))
        follow_heartbeat(lift, sample->at);
    show(lift, sample->at, events);
    for (enum item item = ITEM_FIRST_COUNTER; item < ITEM_COUNT; item++)
        if (owns(lift, part, item))
            count(lift, item, &sample->counter[item - ITEM_FIRST_COUNTER], sample->at, events);
    lift->at_mono_ms = sample->at.mono_ms;
    fault_apply(lift, part, sample, events);
    entrapment_follow(lift, watch->gap ? part : LIFT_PARTS, sample->at, events);
    fault_settle(lift, sample->at, events);
    ride_miss(lift, sample->at, events);
    lift->record.changed |= lift->record.last_seen_real_ms[part] == 0; /* its baseline has been taken */
    lift->record.last_seen_real_ms[part] = sample->at.real_ms;
    watch->sample_mono_ms = sample->at.mono_ms;
    watch->gap = false;
}

void lift_link(struct lift *lift, size_t part, enum link link, enum link_reason reason, struct instant at,
               int64_t last_good_real_ms, struct events *events) {
    assert(part < lift->part_count && link != LINK_STALLED);
    set_part_link(lift, part, link, reason, at);
    if (link != LINK_ONLINE) {
        begin_gap(lift, part, last_good_real_ms);
        for (enum item item = 0; item < ITEM_FIRST_COUNTER; item++)
            if (owns(lift, part, item))
                lift->seen[item] = VALUE_UNKNOWN;
        if (owns(lift, part, ITEM_HEARTBEAT))
            lift->heartbeat = VALUE_UNKNOWN;
    }
    show(lift, at, events);
    entrapment_follow(lift, LIFT_PARTS, at, events);
    ride_miss(lift, at, events);
}

int64_t lift_due_ms(const struct lift *lift) {
    int64_t due = stalled_at_ms(lift);
    const int64_t others[] = {fault_due_ms(lift), entrapment_due_ms(lift), suppression_due_ms(lift), door_due_ms(lift),
                              ride_due_ms(lift)};
    for (size_t i = 0; i < COUNT_OF(others); i++)
        due = others[i] < due ? others[i] : due;
    return due;
}

void lift_tick(struct lift *lift, struct instant now, struct events *events) {
    suppression_follow(lift, now, events);
    if (now.mono_ms - SAMPLE_LATE_MS < stalled_at_ms(lift))
        return;
    set_link(lift, LINK_STALLED, LINK_REASON_STALLED, now);
    show(lift, now, events);
    entrapment_follow(lift, LIFT_PARTS, now, events);
    ride_miss(lift, now, events);
}

void lift_test(struct lift *lift, bool asked, struct instant at, struct events *events) {
    (void)lift;
    event_add(events, EVENT_TEST, at)->test.asked = asked;
}

bool lift_blocked(const struct lift *lift) {
    if (lift->link != LINK_ONLINE || lift_item_is(lift, ITEM_CAR, CAR_RUNNING) ||
        lift_item_is(lift, ITEM_OCCUPIED, 1) || lift->record.fault[FAULT_ENTRAPMENT].active)
        return false;
    return fault_stops(lift);
}
