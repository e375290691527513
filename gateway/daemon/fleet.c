#include "daemon/fleet.h"

#include "base/log.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_MS 1000
/* EN 81-28: the way of an alarm is tested at least every three days. */
#define TEST_MS INT64_C(259200000)
/* Tests that are overdue at a start are spread, so that a city after a power cut does not send all at once. */
#define TEST_SPREAD_MS 600000

/* A controller's own counters can be read again after a power cut, so they wait for their message; what we count
 * ourselves cannot. */
static bool must_be_written(const struct lift_record *record) {
    if (record->changed || record->faults_changed)
        return true;
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        if ((record->counters_changed & 1u << i) && record->counter[i].derived)
            return true;
    return false;
}

static void mark(struct fleet *fleet, struct fleet_lift *tended) {
    struct lift *lift = &tended->lift;
    tended->publication.state |= lift->state_changed;
    tended->publication.counters |= lift->counters_changed;
    tended->publication.link |= lift->link_changed;
    fleet->marked |= lift->state_changed || lift->counters_changed || lift->link_changed;
    lift->state_changed = lift->counters_changed = lift->link_changed = false;
}

static int write_waiting(struct fleet *fleet, struct instant at) {
    for (size_t i = 0; i < fleet->waiting_count; i++) {
        struct fleet_lift *tended = &fleet->lifts[fleet->waiting[i].lift];
        if (journal_event(fleet->journal, &tended->settings->identity, &tended->lift, &tended->trail,
                          &fleet->waiting[i].event) != 0)
            return -1;
    }
    for (size_t l = 0; l < fleet->lift_count; l++) {
        struct fleet_lift *tended = &fleet->lifts[l];
        if (!tended->unsaved)
            continue;
        report_settle(&tended->diary.day, &tended->diary.watch, at);
        if (journal_lift(fleet->journal, &tended->settings->identity, &tended->lift, &tended->diary.day) != 0)
            return -1;
    }
    return 0;
}

static void is_written(struct fleet_lift *tended) {
    struct lift_record *record = &tended->lift.record;
    record->changed = false;
    record->faults_changed = 0;
    record->counters_changed = 0;
    tended->diary.watch.news = false;
    tended->unsaved = false;
}

/* Commits all that waits, lifts and the messages that tell of their change together. 0, or -1: it goes on waiting. */
static int commit(struct fleet *fleet, struct instant at) {
    if (!fleet->unsaved)
        return 0;
    if (at.mono_ms < fleet->retry_ms)
        return -1;
    if (journal_begin(fleet->journal) != 0 || journal_end(fleet->journal, write_waiting(fleet, at)) != 0) {
        fleet->retry_ms = at.mono_ms + RETRY_MS;
        return -1;
    }
    for (size_t l = 0; l < fleet->lift_count; l++)
        if (fleet->lifts[l].unsaved)
            is_written(&fleet->lifts[l]);
    fleet->waiting_count = 0;
    fleet->unsaved = false;
    return 0;
}

/* What followed for a lift is marked for its observations, and committed as soon as the ledger takes it. */
static void settle(struct fleet *fleet, size_t lift, const struct events *events, struct instant at) {
    struct fleet_lift *tended = &fleet->lifts[lift];
    mark(fleet, tended);
    for (size_t i = 0; i < events->count; i++)
        fleet->waiting[fleet->waiting_count++] = (struct fleet_event){.lift = lift, .event = events->event[i]};
    if (events->count > 0 || must_be_written(&tended->lift.record) || tended->diary.watch.news)
        tended->unsaved = fleet->unsaved = true;
    commit(fleet, at);
}

bool fleet_keeps_up(const struct fleet *fleet) {
    return fleet->waiting_count + EVENTS_MAX <= FLEET_WAITING;
}

/* Has the bus report this unit again when a delay of the decoder or the lift ends. */
static void want(struct fleet *fleet, const struct fleet_lift *tended, const struct fleet_part *part) {
    int64_t lift_due = lift_due_ms(&tended->lift);
    int64_t decoder_due = decoder_due_ms(part->decoder);
    bus_want(fleet->buses[part->bus].bus, part->unit, lift_due < decoder_due ? lift_due : decoder_due);
}

static void apply_link(struct fleet_lift *tended, size_t part, const struct reading *reading, struct events *events) {
    struct diary *diary = &tended->diary;
    if (part == 0 && reading->link != LINK_ONLINE)
        report_lose(&diary->day, &diary->watch, reading->at, reading->last_good_real_ms);
    lift_link(&tended->lift, part, reading->link, reading->reason, reading->at, reading->last_good_real_ms, events);
}

/* Applies the reading in hand to its lift. */
static void apply(struct fleet *fleet, struct fleet_bus *bus) {
    const struct reading *reading = &fleet->reading;
    const struct unit_place *place = &bus->places[reading->unit];
    struct fleet_lift *tended = &fleet->lifts[place->lift];
    struct fleet_part *part = &tended->part[place->part];
    struct events events = {.count = 0};

    if (reading->kind == READING_LINK) {
        apply_link(tended, place->part, reading, &events);
    } else {
        decode(part->decoder, reading->image, reading->valid, reading->at, &fleet->sample);
        lift_apply(&tended->lift, place->part, &fleet->sample, &events);
    }
    report_follow(&tended->diary.day, &tended->diary.watch, &tended->lift, reading->at);
    trail_follow(&tended->trail, &tended->lift, reading->at, events.count > 0);
    settle(fleet, place->lift, &events, reading->at);
    if (reading->kind == READING_LINK)
        return;
    want(fleet, tended, part);
    fleet->listener.polled(fleet->listener.context, place->lift, place->part);
}

void fleet_take(struct fleet *fleet) {
    for (size_t i = 0; i < fleet->bus_count; i++) {
        struct fleet_bus *bus = &fleet->buses[i];
        while (fleet_keeps_up(fleet) && bus_next(bus->bus, &fleet->reading)) {
            if (fleet->reading.kind == READING_ANSWER)
                fleet->listener.answered(fleet->listener.context, &fleet->reading);
            else
                apply(fleet, bus);
        }
    }
}

static void tell_what_was_lost(struct fleet *fleet, struct fleet_bus *bus, struct instant now) {
    struct bus_figures figures;
    bus_figures(bus->bus, &figures);
    if (figures.lost == bus->lost_told)
        return;
    json_int_t lost = (json_int_t)(figures.lost - bus->lost_told);
    log_warn("bus %s: %lld readings were lost because they could not be taken in time", bus->section->name,
             (long long)lost);
    if (journal_gateway(fleet->journal, "overload", json_pack("{s:s, s:I}", "bus", bus->section->name, "lost", lost),
                        now) == 0)
        bus->lost_told = figures.lost;
}

int fleet_maintain(struct fleet *fleet, size_t lift, int64_t duration_ms, struct instant now) {
    struct fleet_lift *tended = &fleet->lifts[lift];
    struct events events = {.count = 0};
    if (!fleet_keeps_up(fleet))
        return -1;
    lift_maintenance(&tended->lift, duration_ms, now, &events);
    settle(fleet, lift, &events, now);
    return fleet->unsaved ? -1 : 0;
}

int fleet_test(struct fleet *fleet, size_t lift, bool asked, struct instant now, uint64_t *seq) {
    struct fleet_lift *tended = &fleet->lifts[lift];
    struct events events = {.count = 0};
    if (commit(fleet, now) != 0)
        return -1;
    lift_test(&tended->lift, asked, now, &events);
    settle(fleet, lift, &events, now);
    tended->test_at_ms = now.mono_ms + TEST_MS;
    *seq = ledger_next_seq(fleet->journal->ledger) - 1; /* the newest of the transaction */
    return fleet->unsaved ? -1 : 0;
}

/* When the lift's test is due: 72 h after its last one; for a lift that never made one, anywhere within 72 h. */
static int64_t when_to_test(struct fleet *fleet, const char *lift, struct instant now) {
    char name[JOURNAL_TESTED_SIZE];
    char text[32];
    int64_t last_ms;
    if (ledger_fact_get(fleet->journal->ledger, journal_tested_name(name, lift), text, sizeof text) == 1) {
        last_ms = strtoll(text, NULL, 10);
    } else {
        last_ms = now.real_ms - random() % TEST_MS;
        journal_tested(fleet->journal, lift, last_ms);
    }
    int64_t left_ms = last_ms + TEST_MS - now.real_ms;
    if (left_ms <= 0)
        left_ms = random() % TEST_SPREAD_MS;
    return now.mono_ms + (left_ms < TEST_MS ? left_ms : TEST_MS);
}

static void test_if_due(struct fleet *fleet, size_t lift, struct instant now) {
    struct fleet_lift *tended = &fleet->lifts[lift];
    uint64_t seq;
    if (tended->test_at_ms == 0)
        tended->test_at_ms = when_to_test(fleet, tended->settings->identity.id, now);
    if (now.mono_ms >= tended->test_at_ms)
        fleet_test(fleet, lift, false, now, &seq);
}

static void tick_lift(struct fleet *fleet, size_t lift, struct instant now) {
    struct fleet_lift *tended = &fleet->lifts[lift];
    struct events events = {.count = 0};
    lift_tick(&tended->lift, now, &events);
    if (events.count > 0 || (tended->lift.link == LINK_ONLINE) != tended->diary.watch.watching)
        report_follow(&tended->diary.day, &tended->diary.watch, &tended->lift, now);
    trail_follow(&tended->trail, &tended->lift, now, events.count > 0);
    settle(fleet, lift, &events, now);
    test_if_due(fleet, lift, now);
    if (!fleet->unsaved)
        diary_turn(&tended->diary, fleet->journal, &tended->settings->identity, now);
}

void fleet_tick(struct fleet *fleet, struct instant now) {
    commit(fleet, now);
    fleet_take(fleet);
    for (size_t l = 0; l < fleet->lift_count && fleet_keeps_up(fleet); l++)
        tick_lift(fleet, l, now);
    for (size_t b = 0; b < fleet->bus_count; b++)
        tell_what_was_lost(fleet, &fleet->buses[b], now);
}

int fleet_save(struct fleet *fleet, size_t lift, struct instant now) {
    struct fleet_lift *tended = &fleet->lifts[lift];
    const struct lift_record *record = &tended->lift.record;
    if (record->changed || record->faults_changed || record->counters_changed)
        tended->unsaved = fleet->unsaved = true;
    return commit(fleet, now);
}

int fleet_write(struct fleet *fleet, struct instant now) {
    fleet->retry_ms = 0; /* it may be the last chance */
    for (size_t l = 0; l < fleet->lift_count; l++) {
        fleet->lifts[l].lift.record.changed = true; /* also when it was last seen */
        fleet->lifts[l].unsaved = fleet->unsaved = true;
    }
    return commit(fleet, now);
}

int fleet_clock_set(struct fleet *fleet, struct instant now) {
    for (size_t l = 0; l < fleet->lift_count; l++) {
        lift_clock_set(&fleet->lifts[l].lift, now);
        fleet->lifts[l].test_at_ms = 0; /* looked up again by the new clock */
    }
    return fleet_write(fleet, now);
}

size_t fleet_find(const struct fleet *fleet, const char *id) {
    for (size_t i = 0; i < fleet->lift_count; i++)
        if (strcmp(fleet->lifts[i].settings->identity.id, id) == 0)
            return i;
    return SIZE_MAX;
}

const char *fleet_stuck_bus(const struct fleet *fleet, int64_t since_ms) {
    for (size_t i = 0; i < fleet->bus_count; i++) {
        struct bus_figures figures;
        bus_figures(fleet->buses[i].bus, &figures);
        if (figures.progress_mono_ms < since_ms)
            return fleet->buses[i].section->name;
    }
    return NULL;
}
