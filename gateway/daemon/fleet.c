#include "daemon/fleet.h"

#include "base/log.h"
#include "base/memory.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What is applied to a lift is applied again from here if the ledger refuses it. */
static void remember(struct fleet *fleet, struct fleet_lift *tended) {
    fleet->diary_before = tended->diary;
    tended->before = tended->lift;
    memcpy(tended->sources_before, tended->sources, tended->source_count * sizeof *tended->sources);
}

static void restore(const struct fleet *fleet, struct fleet_lift *tended) {
    tended->diary = fleet->diary_before;
    tended->lift = tended->before;
    memcpy(tended->sources, tended->sources_before, tended->source_count * sizeof *tended->sources);
}

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

/* Commits what followed. False: the ledger refused, and the lift is as it was. */
static bool settle(struct fleet *fleet, struct fleet_lift *tended, const struct events *events, struct instant at) {
    struct diary *diary = &tended->diary;
    if (events->count > 0 || must_be_written(&tended->lift.record) || diary->watch.news) {
        report_settle(&diary->day, &diary->watch, at);
        if (journal_lift(fleet->journal, &tended->settings->identity, &tended->lift, &diary->day, events) != 0) {
            restore(fleet, tended);
            return false;
        }
        diary->watch.news = false;
    }
    mark(fleet, tended);
    return true;
}

/* Has the bus report this unit again when a delay of the decoder or the lift ends. */
static void want(struct fleet *fleet, const struct fleet_lift *tended, const struct fleet_part *part) {
    int64_t lift_due = lift_due_ms(&tended->lift);
    int64_t decoder_due = decoder_due_ms(part->decoder);
    bus_want(fleet->buses[part->bus].bus, part->unit, lift_due < decoder_due ? lift_due : decoder_due);
}

/* Applies the reading in fleet->reading to its lift. again: it was decoded before, only the commit failed. */
static bool apply(struct fleet *fleet, struct fleet_bus *bus, bool again) {
    const struct reading *reading = &fleet->reading;
    const struct unit_place *place = &bus->places[reading->unit];
    struct fleet_lift *tended = &fleet->lifts[place->lift];
    struct fleet_part *part = &tended->part[place->part];
    struct diary *diary = &tended->diary;
    struct events events = {.count = 0};

    remember(fleet, tended);
    if (reading->kind == READING_LINK) {
        if (place->part == 0 && reading->link != LINK_ONLINE)
            report_lose(&diary->day, &diary->watch, reading->at, reading->last_good_real_ms);
        lift_link(&tended->lift, place->part, reading->link, reading->reason, reading->at, reading->last_good_real_ms,
                  &events);
        report_follow(&diary->day, &diary->watch, &tended->lift, reading->at);
        return settle(fleet, tended, &events, reading->at);
    }
    if (!again)
        decode(part->decoder, reading->image, reading->valid, reading->at, &part->sample);
    lift_apply(&tended->lift, place->part, &part->sample, &events);
    report_follow(&diary->day, &diary->watch, &tended->lift, reading->at);
    if (!settle(fleet, tended, &events, reading->at))
        return false;
    want(fleet, tended, part);
    fleet->listener.polled(fleet->listener.context, place->lift, place->part);
    return true;
}

void fleet_take(struct fleet *fleet) {
    if (fleet->held_by != SIZE_MAX) {
        if (!apply(fleet, &fleet->buses[fleet->held_by], true))
            return;
        fleet->held_by = SIZE_MAX;
    }
    for (size_t i = 0; i < fleet->bus_count; i++) {
        struct fleet_bus *bus = &fleet->buses[i];
        while (bus_next(bus->bus, &fleet->reading)) {
            if (fleet->reading.kind == READING_ANSWER) {
                fleet->listener.answered(fleet->listener.context, &fleet->reading);
            } else if (!apply(fleet, bus, false)) {
                fleet->held_by = i;
                return;
            }
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

void fleet_tick(struct fleet *fleet, struct instant now) {
    if (fleet->held_by != SIZE_MAX) {
        fleet_take(fleet);
        return;
    }
    for (size_t i = 0; i < fleet->lift_count; i++) {
        struct fleet_lift *tended = &fleet->lifts[i];
        struct events events = {.count = 0};
        remember(fleet, tended);
        lift_tick(&tended->lift, now, &events);
        if (events.count > 0 || (tended->lift.link == LINK_ONLINE) != tended->diary.watch.watching)
            report_follow(&tended->diary.day, &tended->diary.watch, &tended->lift, now);
        settle(fleet, tended, &events, now);
        diary_turn(&tended->diary, fleet->journal, &tended->settings->identity, now);
    }
    for (size_t i = 0; i < fleet->bus_count; i++)
        tell_what_was_lost(fleet, &fleet->buses[i], now);
}

int fleet_save(struct fleet *fleet, size_t lift) {
    struct fleet_lift *tended = &fleet->lifts[lift];
    const struct lift_record *record = &tended->lift.record;
    if (!record->changed && !record->faults_changed && !record->counters_changed)
        return 0;
    return fleet_write(fleet, lift, clock_now());
}

int fleet_write(struct fleet *fleet, size_t lift, struct instant now) {
    struct fleet_lift *tended = &fleet->lifts[lift];
    struct events none = {.count = 0};
    report_settle(&tended->diary.day, &tended->diary.watch, now);
    return journal_lift(fleet->journal, &tended->settings->identity, &tended->lift, &tended->diary.day, &none);
}

size_t fleet_find(const struct fleet *fleet, const char *id) {
    for (size_t i = 0; i < fleet->lift_count; i++)
        if (strcmp(fleet->lifts[i].settings->identity.id, id) == 0)
            return i;
    return SIZE_MAX;
}

int64_t fleet_progress_ms(const struct fleet *fleet) {
    int64_t oldest = INT64_MAX;
    for (size_t i = 0; i < fleet->bus_count; i++) {
        struct bus_figures figures;
        bus_figures(fleet->buses[i].bus, &figures);
        if (figures.progress_mono_ms < oldest)
            oldest = figures.progress_mono_ms;
    }
    return oldest;
}
