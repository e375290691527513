/* Stories of a lift: rows of "at this time the polls say this, and from it follows that", played to the model.
 *
 *   { 2000, "a c41 mode:normal", "raised door_open_fault 1; raised drive_fault 1 E41" }
 *
 * A row's words: the fault sources that say yes (below; "a?" cannot be read, "a-" is no), items ("door:open",
 * "floor:3", "car:?"; they stay until another row says otherwise), counters ("rides:80000" the controller's, "rides+2"
 * counted here; only in that row), "part1" (the row is of the second unit), and instead of a poll "online", "offline",
 * "restart" (the process, with what the ledger kept), "moved" (a restart with profiles that have lost a and x),
 * "maintenance on" (for an hour), "maintenance off", "tick" (the clock alone). */
#ifndef LIFTGW_TESTS_LIFT_STORY_H
#define LIFTGW_TESTS_LIFT_STORY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/text.h"
#include "model/lift.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BIT_SOURCE(id, where, number, raise, clear)                                                                    \
    {                                                                                                                  \
        .fault = (id), .table = TABLE_HOLDING, .address = (where), .bit = (number), .severity = -1, .entrapment = -1,  \
        .raise_after_ms = (raise), .clear_after_ms = (clear)                                                           \
    }

static const char source_names[] = "absecd";
static const struct fault_source first_sources[] = {
    /* a */ BIT_SOURCE(FAULT_DOOR_OPEN_FAULT, 0x41, 6, 0, 1000),
    /* b */ BIT_SOURCE(FAULT_DOOR_OPEN_FAULT, 0x42, 0, 2000, 1000),
    /* s */
    {.fault = FAULT_SAFETY_CIRCUIT_OPEN,
     .address = -1,
     .bit = -1,
     .severity = SEVERITY_MINOR,
     .entrapment = TRAPPING_NO,
     .raise_after_ms = 2000,
     .clear_after_ms = 3000},
    /* e */ BIT_SOURCE(FAULT_ENTRAPMENT, 0x41, 8, 0, 1000),
    /* c: a code register */ BIT_SOURCE(FAULT_COUNT, 0x46, -1, 0, 1000),
    /* d: a slow one */ BIT_SOURCE(FAULT_COUNT, 0x47, -1, 500, 500),
};
static const char second_source_names[] = "xy";
static const struct fault_source second_sources[] = {
    /* x */ BIT_SOURCE(FAULT_DOOR_OPEN_FAULT, 0, 0, 0, 1000),
    /* y */ BIT_SOURCE(FAULT_POWER_SUPPLY_FAULT, 0, 1, 0, 0),
};
static const struct {
    int32_t code;
    enum fault fault; /* FAULT_COUNT: known, and not a fault */
    bool no_stop;
} story_codes[] = {{41, FAULT_DRIVE_FAULT, false},
                   {42, FAULT_DRIVE_FAULT, false},
                   {43, FAULT_DOOR_OPEN_FAULT, false},
                   {44, FAULT_SHAFT_SENSOR_FAULT, true},
                   {26, FAULT_COUNT, false}};

/* When every story begins: some hours after the box did, on a day in 2026. */
#define STORY_MONO_MS INT64_C(7200000)
#define STORY_REAL_MS INT64_C(1795000000000)

struct step {
    int64_t ms;
    const char *says;
    const char *follows;
};

struct story {
    struct lift lift;
    struct lift_part part[2];
    struct source_state source[COUNT_OF(first_sources) + COUNT_OF(second_sources)];
    struct source_code code[COUNT_OF(first_sources) + COUNT_OF(second_sources)];
    struct fault_source moved[2][COUNT_OF(first_sources)];
    struct value item[ITEM_COUNT];
    int64_t mono_ms; /* of the story's time 0 */
    struct events events;
    char text[4096];
};

static const struct lift_limits story_limits = {.entrapment_outside_s = 30,
                                                .entrapment_closed_s = 60,
                                                .entrapment_emergency_power_s = 120,
                                                .evidence_s = 120,
                                                .confirm_s = 10,
                                                .suppress_s = 120,
                                                .flapping_per_h = 12,
                                                .door_held_s = 600,
                                                .no_ride_h = 24,
                                                .stalled_s = 30};

static void story_begin(struct story *story, size_t parts) {
    memset(story, 0, sizeof *story);
    story->mono_ms = STORY_MONO_MS;
    story->part[0] = (struct lift_part){first_sources, COUNT_OF(first_sources), UINT32_MAX};
    if (parts == 2) { /* the door, its zone and the bell are contacts of the second */
        uint32_t second = 1u << ITEM_DOOR | 1u << ITEM_DOOR_ZONE | 1u << ITEM_PASSENGER_ALARM;
        story->part[0].owns = ~second;
        story->part[1] = (struct lift_part){second_sources, COUNT_OF(second_sources), second};
    }
    lift_init(&story->lift, &story_limits, story->part, parts, story->source, story->code, NULL);
}

static struct instant story_at(const struct story *story, int64_t ms) {
    return (struct instant){.mono_ms = story->mono_ms + ms, .real_ms = STORY_REAL_MS + ms, .synced = true};
}

/* A restart: the monotonic clock is another one, and what the ledger does not keep is gone. */
static void story_restart(struct story *story, int64_t ms) {
    struct lift_record record = story->lift.record;
    size_t parts = story->lift.part_count;
    story->mono_ms = 5000 - ms;
    lift_init(&story->lift, &story_limits, story->part, parts, story->source, story->code, &record);
}

static void story_move(struct story *story, int64_t ms) {
    for (size_t part = 0; part < story->lift.part_count; part++) {
        struct fault_source *moved = story->moved[part];
        memcpy(moved, story->part[part].sources, story->part[part].source_count * sizeof *moved);
        moved[0].address = 0x99;
        story->part[part].sources = moved;
    }
    story_restart(story, ms);
}

static struct fault_reading reading_of(const char *word, const struct fault_source *source) {
    char mark = word[1];
    if (mark == '?')
        return (struct fault_reading){.seen = SEEN_UNKNOWN};
    if (mark == '-')
        return (struct fault_reading){.seen = SEEN_NOT};
    if (source->fault < FAULT_COUNT)
        return (struct fault_reading){.seen = SEEN_YES, .fault = source->fault, .value = 1, .code = -1};
    struct fault_reading reading = {
        .seen = SEEN_YES, .fault = FAULT_OTHER, .code = atoi(word + 1), .english = "words", .chinese = "字"};
    reading.value = (uint32_t)reading.code;
    snprintf(reading.code_text, sizeof reading.code_text, "E%02d", (int)reading.code % 100);
    for (size_t i = 0; i < COUNT_OF(story_codes); i++) {
        if (story_codes[i].code == reading.code) {
            reading.fault = story_codes[i].fault;
            reading.no_stop = story_codes[i].no_stop;
        }
    }
    if (reading.fault == FAULT_COUNT)
        reading.seen = SEEN_NOT;
    return reading;
}

static enum item item_of(const char *name, size_t length) {
    static const struct {
        const char *name;
        enum item item;
    } shorts[] = {{"mode", ITEM_SERVICE_MODE}, {"alarm", ITEM_PASSENGER_ALARM}, {"rides", ITEM_RIDES_TOTAL},
                  {"speed", ITEM_SPEED_MM_S},  {"load", ITEM_LOAD_PERCENT},     {"hours", ITEM_RUN_HOURS}};
    char text[32];
    snprintf(text, sizeof text, "%.*s", (int)length, name);
    for (size_t i = 0; i < COUNT_OF(shorts); i++)
        if (strcmp(shorts[i].name, text) == 0)
            return shorts[i].item;
    enum item item = item_by_name(text);
    if (item == ITEM_COUNT)
        fail_msg("a story says \"%s\"", text);
    return item;
}

static void say_item(struct story *story, struct sample *sample, const char *word) {
    size_t length = strcspn(word, ":+");
    enum item item = item_of(word, length);
    const char *value = word + length + 1;
    if (item >= ITEM_FIRST_COUNTER) {
        bool derived = word[length] == '+';
        sample->counter[item - ITEM_FIRST_COUNTER] = (struct counter_reading){
            .known = true, .derived = derived, .value = atoll(value), .modulus = derived ? 0 : INT64_C(1) << 32};
        return;
    }
    int number = item_word(item, value);
    story->item[item] = *value == '?' ? VALUE_UNKNOWN : VALUE(number >= 0 ? number : atoi(value));
}

static void story_poll(struct story *story, int64_t ms, size_t part, char *words) {
    const struct lift_part *of = &story->part[part];
    const char *names = part == 0 ? source_names : second_source_names;
    struct fault_reading readings[COUNT_OF(first_sources)] = {{.seen = SEEN_NOT}};
    struct sample sample = {.at = story_at(story, ms), .faults = readings, .fault_count = of->source_count};
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " ")) {
        const char *name = strcspn(word, ":+") == strlen(word) ? strchr(names, word[0]) : NULL;
        if (name)
            readings[name - names] = reading_of(word, &of->sources[name - names]);
        else
            say_item(story, &sample, word);
    }
    memcpy(sample.item, story->item, sizeof sample.item);
    lift_apply(&story->lift, part, &sample, &story->events);
}

static void write_fault(FILE *to, const struct fault_event *fault) {
    static const char *const reasons[] = {[CLEAR_NONE] = "-",
                                          [CLEAR_GONE] = "gone",
                                          [CLEAR_SUPERSEDED] = "superseded",
                                          [CLEAR_INSPECTION] = "inspection",
                                          [CLEAR_REMOVED] = "removed"};
    fprintf(to, "%s %s", fault->raised ? "raised" : "cleared", fault_info(fault->fault)->id);
    if (fault->raised)
        fprintf(to, " %" PRIu64, fault->count);
    else
        fprintf(to, " %s %" PRId64, reasons[fault->reason], fault->duration_ms);
    if (fault->raw.code_text[0])
        fprintf(to, " %s", fault->raw.code_text);
    if (fault->raised && fault->confidence == CONFIDENCE_SUSPECTED)
        fprintf(to, " suspected");
    if (fault->suppressed != SUPPRESSED_NOT)
        fprintf(to, " suppressed");
    if (fault->flapping)
        fprintf(to, " flapping");
    if (fault->at_start)
        fprintf(to, " at_start");
    if (fault->after_gap)
        fprintf(to, " after_gap %" PRId64 "..%" PRId64, fault->not_before_real_ms - STORY_REAL_MS,
                fault->not_after_real_ms - STORY_REAL_MS);
}

static void write_event(FILE *to, const struct event *event) {
    switch (event->type) {
    case EVENT_FAULT:
        write_fault(to, &event->fault);
        break;
    case EVENT_MODE_CHANGED:
        fprintf(to, "mode %s > %s", item_word_of(ITEM_SERVICE_MODE, event->mode.from),
                item_word_of(ITEM_SERVICE_MODE, event->mode.to));
        break;
    case EVENT_PASSENGER_ALARM:
        fprintf(to, "alarm");
        break;
    case EVENT_OVERLOAD:
        fprintf(to, "overload %s", event->overload.active ? "yes" : "no");
        break;
    case EVENT_FLAPPING:
        fprintf(to, "flapping %s %" PRId64 " > %d", fault_info(event->flapping.fault)->id, event->flapping.raises,
                event->flapping.per_h);
        break;
    case EVENT_DOOR_HELD:
    case EVENT_NO_RIDE:
        fprintf(to, "%s %" PRId64, event->type == EVENT_NO_RIDE ? "no_ride" : "door_held", event->lasting.duration_ms);
        break;
    case EVENT_MAINTENANCE:
        fprintf(to, "maintenance %s", event->maintenance.on ? "on" : "off");
        break;
    case EVENT_TEST:
        fprintf(to, "test");
        break;
    case EVENT_COUNTER_RESET:
    case EVENT_CONTROLLER_REPLACED:
        fprintf(to, "%s %s %" PRId64 " > %" PRId64, event->type == EVENT_COUNTER_RESET ? "reset" : "replaced",
                item_info(event->counter.counter)->name, event->counter.was, event->counter.is);
        break;
    case EVENT_TYPE_COUNT:
        fail();
    }
}

/* Plays one row; the text of what follows is story->text, the events themselves story->events. */
static void story_step(struct story *story, int64_t ms, const char *says) {
    char copy[256];
    char *words = copy;
    assert_true(text_copy(copy, sizeof copy, says));
    size_t part = strncmp(words, "part1", 5) == 0;
    words += part ? 5 : 0;
    words += strspn(words, " ");
    story->events.count = 0;
    struct instant at = story_at(story, ms);
    if (strcmp(words, "offline") == 0)
        lift_link(&story->lift, part, LINK_OFFLINE, LINK_REASON_TIMEOUT, at, 0, &story->events);
    else if (strcmp(words, "online") == 0)
        lift_link(&story->lift, part, LINK_ONLINE, LINK_REASON_NONE, at, 0, &story->events);
    else if (strcmp(words, "restart") == 0)
        story_restart(story, ms);
    else if (strcmp(words, "tick") == 0)
        lift_tick(&story->lift, at, &story->events);
    else if (strncmp(words, "maintenance", 11) == 0)
        lift_maintenance(&story->lift, strcmp(words, "maintenance on") == 0 ? 3600000 : 0, at, &story->events);
    else if (strcmp(words, "moved") == 0)
        story_move(story, ms);
    else
        story_poll(story, ms, part, words);
    FILE *to = fmemopen(story->text, sizeof story->text, "w");
    for (size_t i = 0; i < story->events.count; i++) {
        fputs(i > 0 ? "; " : "", to);
        write_event(to, &story->events.event[i]);
    }
    fclose(to);
    if (story->events.count == 0)
        story->text[0] = '\0';
}

static inline void story_play(struct story *story, const struct step steps[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        story_step(story, steps[i].ms, steps[i].says);
        if (strcmp(story->text, steps[i].follows) != 0)
            fail_msg("at %" PRId64 " \"%s\" brought\n  \"%s\", not\n  \"%s\"", steps[i].ms, steps[i].says, story->text,
                     steps[i].follows);
    }
}

/* Plays a whole story of a lift that was never seen before. */
#define PLAY(parts, ...)                                                                                               \
    do {                                                                                                               \
        static const struct step steps[] = {__VA_ARGS__};                                                              \
        story_begin(&story, (parts));                                                                                  \
        story_play(&story, steps, COUNT_OF(steps));                                                                    \
    } while (0)

static struct story story;

#endif
