/* A thousand polls of one lift through plan, decode, model and payload, for instructions.py to count: no bus, no
 * ledger, no clock, so the count is the same every time. Prints what came of them. */
#include "model/report.h"
#include "model/trail.h"
#include "mqtt/payload.h"
#include "mqtt/topic.h"
#include "profile/decode.h"
#include "profile/place.h"

#include <stdio.h>
#include <stdlib.h>

#define POLLS 1000
#define POLL_MS 100
#define RIDE_EVERY 10  /* polls from floor to floor, */
#define FAULT_EVERY 50 /* and between changes of a fault */

struct tally {
    unsigned states, counters, events;
    size_t bytes;
};

static const struct gateway_identity gateway = {
    .id = "B12-2", .prefix = "yancheng", .district = "tinghu", .compound = "wanhu", .codes = &(struct code_table){0}};
static const struct unit_identity unit = {.unit = 1, .bus = "shaft", .profile = "generic-ba"};
static const struct lift_identity identity = {
    .id = "L-1", .name = "万户新村 12 幢 2 单元", .floors = 12, .units = &unit, .unit_count = 1};

/* The lift rides, and now and then a fault comes and goes. */
static void change(const struct profile *profile, const struct plan *plan, int poll, uint16_t image[]) {
    for (size_t i = 0; i < profile->value_count; i++)
        if (profile->values[i].slot == ITEM_FLOOR && poll % RIDE_EVERY == 0)
            raw_put(&profile->values[i].place, 1 + poll / RIDE_EVERY % 12, &image[plan->value_at[i]]);
    size_t row = (size_t)(poll / FAULT_EVERY / 2) % profile->fault_count;
    if (poll % FAULT_EVERY == 0 && profile->faults[row].kind == FAULT_ROW_BIT)
        raw_put(&profile->faults[row].place, poll / FAULT_EVERY % 2 == 0, &image[plan->fault_at[row]]);
}

static void tell(struct lift *lift, const struct events *events, struct instant at, struct tally *tally) {
    char topic[TOPIC_SIZE];
    char payload[PAYLOAD_SIZE];
    for (size_t i = 0; i < events->count; i++) {
        struct payload_number number = {.series = "6f2c91d0", .seq = ++tally->events, .n = tally->events};
        topic_event(topic, &gateway, identity.id, &events->event[i]);
        tally->bytes += payload_event(payload, &gateway, &identity, &events->event[i], &number);
    }
    if (lift->state_changed) {
        tally->states++;
        tally->bytes += payload_state(payload, &gateway, &identity, lift, at, 180);
    }
    if (lift->counters_changed) {
        tally->counters++;
        tally->bytes += payload_counters(payload, &gateway, &identity, lift, at);
    }
    lift->state_changed = lift->counters_changed = false;
}

/* What instructions.py counts. */
void thousand_polls(const struct profile *profile, struct tally *tally);
void thousand_polls(const struct profile *profile, struct tally *tally) {
    static const struct lift_limits limits = {.entrapment_outside_s = 30,
                                              .entrapment_closed_s = 60,
                                              .entrapment_emergency_power_s = 120,
                                              .evidence_s = 120,
                                              .confirm_s = 10,
                                              .suppress_s = 120,
                                              .flapping_per_h = 12,
                                              .door_held_s = 600,
                                              .no_ride_h = 24,
                                              .stalled_s = 30};
    struct plan *plan = plan_create(profile, NULL);
    struct decoder *decoder = decoder_create(profile, plan);
    struct lift_part part = {
        .sources = profile->sources, .source_count = profile->fault_count, .owns = decoder_provides(profile, NULL)};
    struct source_state *sources = calloc(lift_source_count(&part, 1), sizeof *sources);
    struct source_code *codes = calloc(lift_code_count(&part, 1) + 1, sizeof *codes);
    struct sample sample = {.faults = calloc(profile->fault_count, sizeof *sample.faults)};
    uint16_t *image = calloc(plan->image_size, sizeof *image);
    bool *valid = calloc(plan->read_count, sizeof *valid);
    static struct lift lift;
    static struct trail trail;
    static struct report day;
    static struct report_watch watch;
    static struct events events;
    lift_init(&lift, &limits, &part, 1, sources, codes, NULL);
    report_init(&day, &lift.record);
    for (size_t i = 0; i < plan->read_count; i++)
        valid[i] = true;
    for (int poll = 0; poll < POLLS; poll++) {
        struct instant at = {
            .mono_ms = 1000 + poll * POLL_MS, .real_ms = INT64_C(1764000000000) + poll * POLL_MS, .synced = true};
        events.count = 0;
        change(profile, plan, poll, image);
        decode(decoder, image, valid, at, &sample);
        lift_apply(&lift, 0, &sample, &events);
        report_follow(&day, &watch, &lift, at);
        trail_follow(&trail, &lift, at, events.count > 0);
        tell(&lift, &events, at, tally);
    }
    free(valid);
    free(image);
    free(sample.faults);
    free(codes);
    free(sources);
    decoder_free(decoder);
    plan_free(plan);
}

int main(int argc, char *argv[]) {
    struct problems *problems = problems_create();
    struct profile *profile = argc == 2 ? profile_load(argv[1], problems) : NULL;
    if (!profile) {
        fprintf(stderr, "thousand_polls PROFILE.cfg\n");
        return 64;
    }
    struct tally tally = {0};
    thousand_polls(profile, &tally);
    printf("%d polls, %u states, %u counters, %u events, %zu bytes\n", POLLS, tally.states, tally.counters,
           tally.events, tally.bytes);
    profile_free(profile);
    problems_free(problems);
    return tally.states == 0 || tally.events == 0 || tally.bytes == 0;
}
