/* How a fleet is made from settings, and from the fleet before it: what did not change is taken over as it is, so that
 * its polls go on and its lifts see no gap. */
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "daemon/fleet.h"
#include "mqtt/topic.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static void generation_release(struct generation *generation) {
    if (--generation->users > 0)
        return;
    for (size_t i = 0; i < generation->plan_count; i++)
        plan_free(generation->plans[i].plan);
    free(generation->plans);
    settings_free(generation->settings);
    free(generation);
}

static struct generation *generation_use(struct generation *generation) {
    generation->users++;
    return generation;
}

static bool same_text(const char *a, const char *b) {
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_names(const char *const *a, const char *const *b) {
    if (!a || !b)
        return a == b;
    while (*a && *b && strcmp(*a, *b) == 0)
        a++, b++;
    return *a == *b;
}

static bool same_line(const struct bus_section *a, const struct bus_section *b) {
    return same_text(a->name, b->name) && same_text(a->device, b->device) && a->baud == b->baud &&
           a->parity == b->parity && a->data_bits == b->data_bits && a->stop_bits == b->stop_bits &&
           a->rs485 == b->rs485 && a->response_timeout_ms == b->response_timeout_ms &&
           a->late_reply_ms == b->late_reply_ms && a->min_poll_ms == b->min_poll_ms &&
           a->offline_after == b->offline_after;
}

static bool same_options(const struct part_options *a, const struct part_options *b) {
    return a->address_offset == b->address_offset && same_names(a->invert, b->invert) &&
           same_names(a->unused, b->unused) && same_names(a->without, b->without);
}

static bool same_part(const struct fleet *old_fleet, const struct fleet_lift *old, const struct settings *settings,
                      const struct lift_settings *lift, size_t i) {
    const struct fleet_part *part = &old->part[i];
    const struct part_settings *before = &old->settings->part[i];
    const struct part_settings *now = &lift->part[i];
    return before->unit == now->unit && before->owns == now->owns && same_options(&before->options, &now->options) &&
           same_text(old_fleet->buses[part->bus].section->name, settings->buses[lift->part[i].bus].name) &&
           part->profile->hash == settings->profiles[lift->part[i].profile]->hash;
}

static bool same_parts(const struct fleet *old_fleet, const struct fleet_lift *old, const struct settings *settings,
                       const struct lift_settings *lift) {
    if (old->settings->part_count != lift->part_count)
        return false;
    for (size_t i = 0; i < lift->part_count; i++)
        if (!same_part(old_fleet, old, settings, lift, i))
            return false;
    return true;
}

static void free_lift(struct fleet_lift *tended) {
    for (size_t i = 0; tended->part && i < tended->settings->part_count; i++)
        decoder_free(tended->part[i].decoder);
    free(tended->part);
    free(tended->sources);
    free(tended->codes);
    if (tended->profiles)
        generation_release(tended->profiles);
    *tended = (struct fleet_lift){0};
}

static const struct plan *plan_for(struct generation *generation, const struct part_settings *part) {
    for (size_t i = 0; i < generation->plan_count; i++)
        if (generation->plans[i].part->profile == part->profile &&
            same_options(&generation->plans[i].part->options, &part->options))
            return generation->plans[i].plan;
    size_t count = ++generation->plan_count;
    generation->plans = memory_grow(generation->plans, count, sizeof *generation->plans);
    struct generation_plan *made = &generation->plans[count - 1];
    made->part = part;
    made->plan = plan_create(generation->settings->profiles[part->profile], &part->options);
    return made->plan;
}

/* The topics that the broker will hold for this lift, noted before the first message. */
static int note_retained(struct fleet *fleet, const struct lift_settings *lift) {
    static const char *const leaves[] = {"meta", "link", "state", "counters"};
    char topics[COUNT_OF(leaves)][TOPIC_SIZE];
    const char *pointers[COUNT_OF(leaves)];
    for (size_t i = 0; i < COUNT_OF(leaves); i++)
        pointers[i] = topic_lift(topics[i], fleet->journal->gateway, lift->identity.id, leaves[i]);
    return journal_retained(fleet->journal, lift->identity.id, pointers, COUNT_OF(leaves));
}

static int make_lift(struct fleet *fleet, size_t number, int64_t alive_real_ms) {
    const struct settings *settings = fleet->generation->settings;
    const struct lift_settings *lift = &settings->lifts[number];
    struct fleet_lift *tended = &fleet->lifts[number];
    struct lift_part parts[LIFT_PARTS];
    struct lift_record record = {0};
    int found = ledger_lift_load(fleet->journal->ledger, lift->identity.id, &record);
    if (found < 0 || note_retained(fleet, lift) != 0)
        return -1;
    for (size_t i = 0; i < LIFT_PARTS; i++) /* a part that answered did so until the box was last known alive */
        if ((record.online & 1u << i) && record.last_seen_real_ms[i] < alive_real_ms)
            record.last_seen_real_ms[i] = alive_real_ms;

    if (diary_load(&tended->diary, fleet->journal->ledger, lift->identity.id, &record, alive_real_ms) != 0)
        return -1;

    tended->settings = lift;
    tended->profiles = generation_use(fleet->generation);
    tended->part = memory_get(lift->part_count, sizeof *tended->part);
    for (size_t i = 0; i < lift->part_count; i++) {
        const struct profile *profile = settings->profiles[lift->part[i].profile];
        struct fleet_part *part = &tended->part[i];
        part->profile = profile;
        part->plan = plan_for(fleet->generation, &lift->part[i]);
        part->decoder = decoder_create(profile, part->plan);
        parts[i] = (struct lift_part){
            .sources = profile->sources, .source_count = profile->fault_count, .owns = lift->part[i].owns};
    }
    tended->sources = memory_get(lift_source_count(parts, lift->part_count), sizeof *tended->sources);
    tended->codes = memory_get(lift_code_count(parts, lift->part_count), sizeof *tended->codes);
    lift_init(&tended->lift, &lift->limits, parts, lift->part_count, tended->sources, tended->codes,
              found ? &record : NULL);
    return 0;
}

static size_t count_units(const struct settings *settings, size_t bus) {
    size_t count = 0;
    for (size_t l = 0; l < settings->lift_count; l++)
        for (size_t p = 0; p < settings->lifts[l].part_count; p++)
            count += settings->lifts[l].part[p].bus == bus;
    return count;
}

/* Each bus's units, and which lift and part each of them is. */
static void seat_units(struct fleet *fleet) {
    const struct settings *settings = fleet->generation->settings;
    for (size_t b = 0; b < fleet->bus_count; b++) {
        struct fleet_bus *bus = &fleet->buses[b];
        size_t count = count_units(settings, b);
        bus->units = memory_get(count, sizeof *bus->units);
        bus->places = memory_get(count, sizeof *bus->places);
    }
    for (size_t l = 0; l < settings->lift_count; l++)
        for (size_t p = 0; p < settings->lifts[l].part_count; p++) {
            const struct part_settings *part = &settings->lifts[l].part[p];
            const struct profile *profile = settings->profiles[part->profile];
            struct fleet_bus *bus = &fleet->buses[part->bus];
            fleet->lifts[l].part[p].bus = part->bus;
            fleet->lifts[l].part[p].unit = bus->unit_count;
            bus->places[bus->unit_count] = (struct unit_place){.lift = l, .part = p};
            bus->units[bus->unit_count++] = (struct bus_unit){.unit = part->unit,
                                                              .dialect = profile->dialect,
                                                              .min_gap_ms = profile->min_gap_ms,
                                                              .plan = fleet->lifts[l].part[p].plan};
        }
}

/* The largest image, and the most reads and fault rows, for the one reading that is in hand. */
static void size_reading(struct fleet *fleet) {
    size_t image = 1;
    size_t reads = 1;
    size_t faults = 1;
    for (size_t l = 0; l < fleet->lift_count; l++)
        for (size_t p = 0; p < fleet->lifts[l].settings->part_count; p++) {
            const struct fleet_part *part = &fleet->lifts[l].part[p];
            image = part->plan->image_size > image ? part->plan->image_size : image;
            reads = part->plan->read_count > reads ? part->plan->read_count : reads;
            faults = part->profile->fault_count > faults ? part->profile->fault_count : faults;
        }
    fleet->sample.faults = memory_get(faults, sizeof *fleet->sample.faults);
    fleet->reading.image = memory_get(image, sizeof *fleet->reading.image);
    fleet->reading.valid = memory_get(reads, sizeof *fleet->reading.valid);
}

static struct bus *start_bus(const struct fleet_bus *bus, int notify_fd) {
    const struct bus_section *section = bus->section;
    struct bus_settings settings = {.name = section->name,
                                    .line = {.device = section->device,
                                             .baud = section->baud,
                                             .parity = section->parity,
                                             .data_bits = section->data_bits,
                                             .stop_bits = section->stop_bits,
                                             .rs485 = section->rs485 == RS485_KERNEL},
                                    .response_timeout_ms = section->response_timeout_ms,
                                    .late_reply_ms = section->late_reply_ms,
                                    .min_poll_ms = section->min_poll_ms,
                                    .offline_after = section->offline_after,
                                    .units = bus->units,
                                    .unit_count = bus->unit_count};
    return bus_start(&settings, notify_fd);
}

/* Moves a lift that did not change out of the old fleet. */
static void take_over_lift(struct fleet *fleet, size_t number, struct fleet_lift *old) {
    struct fleet_lift *tended = &fleet->lifts[number];
    const struct lift_settings *lift = &fleet->generation->settings->lifts[number];
    *tended = *old;
    *old = (struct fleet_lift){0};
    tended->settings = lift;
    tended->lift.limits = lift->limits;
}

/* True if the bus has the same line and the same units, all of lifts that were taken over. */
static bool bus_goes_on(const struct fleet *fleet, size_t number, const struct fleet_bus *old) {
    const struct fleet_bus *bus = &fleet->buses[number];
    if (!same_line(bus->section, old->section) || bus->unit_count != old->unit_count)
        return false;
    for (size_t u = 0; u < bus->unit_count; u++)
        if (bus->units[u].plan != old->units[u].plan || bus->units[u].unit != old->units[u].unit)
            return false;
    return true;
}

/* A running bus thread holds pointers into its units and the old settings: they go with it. */
static void take_over_bus(struct fleet_bus *bus, struct fleet_bus *old) {
    free(bus->units);
    generation_release(bus->generation);
    bus->units = old->units;
    bus->generation = old->generation;
    bus->bus = old->bus;
    bus->lost_told = old->lost_told;
    old->units = NULL;
    old->generation = NULL;
    old->bus = NULL;
}

static void stop_bus(struct fleet_bus *bus) {
    if (bus->bus)
        bus_stop(bus->bus);
    free(bus->units);
    free(bus->places);
    if (bus->generation)
        generation_release(bus->generation);
    *bus = (struct fleet_bus){0};
}

static void stop_buses(struct fleet *fleet) {
    for (size_t b = 0; b < fleet->bus_count; b++)
        if (fleet->buses[b].bus)
            bus_ask_to_stop(fleet->buses[b].bus);
    for (size_t b = 0; b < fleet->bus_count; b++)
        stop_bus(&fleet->buses[b]);
}

static struct fleet_bus *bus_named(struct fleet *fleet, const char *name) {
    for (size_t b = 0; fleet && b < fleet->bus_count; b++)
        if (fleet->buses[b].bus && strcmp(fleet->buses[b].section->name, name) == 0)
            return &fleet->buses[b];
    return NULL;
}

static struct fleet_lift *lift_kept(struct fleet *old, const struct settings *settings,
                                    const struct lift_settings *lift) {
    size_t number = old ? fleet_find(old, lift->identity.id) : SIZE_MAX;
    if (number == SIZE_MAX || !same_parts(old, &old->lifts[number], settings, lift))
        return NULL;
    return &old->lifts[number];
}

static struct fleet *empty_fleet(struct settings *settings, struct journal *journal, int notify_fd,
                                 const struct fleet_listener *listener) {
    struct fleet *fleet = memory_get(1, sizeof *fleet);
    fleet->journal = journal;
    fleet->notify_fd = notify_fd;
    fleet->marked = true;
    fleet->listener = *listener;
    fleet->generation = memory_get(1, sizeof *fleet->generation);
    *fleet->generation = (struct generation){.settings = settings, .users = 1};
    fleet->lifts = memory_get(settings->lift_count, sizeof *fleet->lifts);
    fleet->lift_count = settings->lift_count;
    fleet->buses = memory_get(settings->bus_count, sizeof *fleet->buses);
    fleet->bus_count = settings->bus_count;
    for (size_t b = 0; b < fleet->bus_count; b++) {
        fleet->buses[b].section = &settings->buses[b];
        fleet->buses[b].generation = generation_use(fleet->generation);
    }
    return fleet;
}

/* Frees a fleet that was not to be; its settings stay the caller's. */
static void disown_settings(struct fleet *fleet) {
    struct generation *generation = generation_use(fleet->generation);
    fleet_free(fleet);
    generation->settings = NULL;
    generation_release(generation);
}

static bool is_among(const struct settings *settings, const char *id) {
    for (size_t l = 0; l < settings->lift_count; l++)
        if (strcmp(settings->lifts[l].identity.id, id) == 0)
            return true;
    return false;
}

/* First everything that can fail, then everything that changes the old fleet. */
struct fleet *fleet_create(struct settings *settings, struct journal *journal, int notify_fd,
                           const struct fleet_listener *listener, int64_t alive_real_ms, struct fleet *old) {
    struct fleet *fleet = empty_fleet(settings, journal, notify_fd, listener);
    struct fleet_lift **kept = memory_get(fleet->lift_count, sizeof(struct fleet_lift *));
    for (size_t l = 0; old && l < old->lift_count; l++)
        if (!is_among(settings, old->lifts[l].settings->identity.id))
            old->lifts[l].lift.record.online = 0; /* it is watched no more */
    if (old) { /* what its buses have queued, and what waits for the ledger, is not lost */
        fleet_take(old);
        if (fleet_write(old, clock_now()) != 0)
            goto refused;
    }
    for (size_t l = 0; l < fleet->lift_count; l++) {
        kept[l] = lift_kept(old, settings, &settings->lifts[l]);
        if (!kept[l] && make_lift(fleet, l, alive_real_ms) != 0)
            goto refused;
    }

    if (!old && ledger_lifts_offline(journal->ledger) != 0)
        goto refused;

    for (size_t l = 0; l < fleet->lift_count; l++) {
        if (kept[l])
            take_over_lift(fleet, l, kept[l]);
        fleet->lifts[l].publication.meta = true;
    }
    seat_units(fleet);
    for (size_t b = 0; b < fleet->bus_count; b++) {
        struct fleet_bus *before = bus_named(old, fleet->buses[b].section->name);
        if (before && bus_goes_on(fleet, b, before))
            take_over_bus(&fleet->buses[b], before);
    }
    if (old)
        stop_buses(old);
    for (size_t b = 0; b < fleet->bus_count; b++) {
        struct fleet_bus *bus = &fleet->buses[b];
        if (!bus->bus && !(bus->bus = start_bus(bus, notify_fd))) {
            log_error_errno("bus %s: cannot start its thread", bus->section->name);
            exit(EX_OSERR);
        }
    }
    size_reading(fleet);
    free(kept);
    return fleet;

refused:
    free(kept);
    disown_settings(fleet);
    return NULL;
}

void fleet_free(struct fleet *fleet) {
    if (!fleet)
        return;
    stop_buses(fleet);
    for (size_t l = 0; l < fleet->lift_count; l++)
        free_lift(&fleet->lifts[l]);
    free(fleet->buses);
    free(fleet->lifts);
    free(fleet->reading.image);
    free(fleet->reading.valid);
    free(fleet->sample.faults);
    generation_release(fleet->generation);
    free(fleet);
}
