#include "model/fault.h"

#include "base/text.h"
#include "model/suppression.h"

#include <assert.h>

/* An inspection that begins this soon after a raise is the rescuer's (domain.md 2). */
#define RESCUE_MS 120000

/* One row of a part's fault rows with its debounce. */
struct row {
    size_t index; /* in lift->source */
    size_t part;
    const struct fault_source *source;
    struct source_state *state;
};

static struct row row_at(const struct lift *lift, size_t part, size_t i) {
    assert(i < lift->part[part].source_count);
    size_t index = lift->first_source[part] + i;
    return (struct row){index, part, &lift->part[part].sources[i], &lift->source[index]};
}

static struct row row_of(const struct lift *lift, size_t index) {
    size_t part = lift->part_count - 1;
    while (index < lift->first_source[part])
        part--;
    return row_at(lift, part, index - lift->first_source[part]);
}

static size_t all_sources(const struct lift *lift) {
    return lift_source_count(lift->part, lift->part_count);
}

static bool holds(const struct source_state *state, enum fault fault) {
    return (state->phase == SOURCE_ON || state->phase == SOURCE_CLEARING) && state->fault == fault;
}

static uint32_t find_holder(const struct lift *lift, enum fault fault) {
    size_t count = all_sources(lift);
    for (size_t i = 0; i < count; i++)
        if (holds(&lift->source[i], fault))
            return (uint32_t)i;
    return NO_HOLDER;
}

/* A source, or what was inferred, holds it now: else it is active only because it flaps. */
static bool is_held(const struct lift *lift, enum fault fault) {
    return lift->holder[fault] != NO_HOLDER || (fault == FAULT_ENTRAPMENT && lift->record.trapped);
}

static bool says_yes(const struct fault_reading *reading) {
    return reading->seen == SEEN_YES && reading->fault < FAULT_COUNT;
}

/* The raw value, because the largest codes have no number in messages. */
static bool other_code(const struct source_state *state, const struct fault_reading *reading) {
    return state->fault != reading->fault || state->value != reading->value;
}

static bool is_register(const struct fault_source *source) {
    return source->fault == FAULT_COUNT;
}

/* What the code register in that row said; a bit has nothing of the kind. */
static const struct source_code no_code = {.code = -1};
static struct source_code *code_at(const struct lift *lift, struct row row) {
    size_t before = lift_code_count(lift->part, row.part);
    for (const struct fault_source *source = lift->part[row.part].sources; source < row.source; source++)
        before += is_register(source);
    return &lift->code[before];
}
static const struct source_code *code_of(const struct lift *lift, struct row row) {
    return is_register(row.source) ? code_at(lift, row) : &no_code;
}

static void keep_reading(struct lift *lift, struct row row, const struct fault_reading *reading) {
    struct source_state *state = row.state;
    state->fault = reading->fault;
    state->value = reading->value;
    state->no_stop = reading->no_stop;
    if (!is_register(row.source))
        return;
    struct source_code *code = code_at(lift, row);
    *code = (struct source_code){.code = reading->code, .english = reading->english, .chinese = reading->chinese};
    text_copy(code->text, sizeof code->text, reading->code_text);
}

static void mark(struct lift *lift, enum fault fault) {
    lift->record.faults_changed |= UINT32_C(1) << fault;
    lift->state_changed = true;
}

struct event *event_add(struct events *events, enum event_type type, struct instant at) {
    assert(events->count < EVENTS_MAX);
    struct event *event = &events->event[events->count++];
    *event = (struct event){.type = type, .at = at};
    return event;
}

/* How long ago a fault was raised. */
static int64_t age_ms(const struct fault_record *record, struct instant at) {
    if (record->raised_mono_ms != 0)
        return at.mono_ms - record->raised_mono_ms;
    int64_t age = at.real_ms - record->raised_real_ms;
    return age > 0 ? age : 0;
}

/* The source becomes the one that the fault's record tells of. */
static void describe(struct lift *lift, enum fault fault, struct row row) {
    struct fault_record *record = &lift->record.fault[fault];
    const struct fault_source *source = row.source;
    const struct source_code *code = code_of(lift, row);
    const struct fault_info *info = fault_info(fault);
    lift->holder[fault] = (uint32_t)row.index;
    record->severity = info->severity;
    if (source->severity >= 0)
        record->severity = (enum severity)source->severity;
    record->entrapment = info->entrapment;
    if (source->entrapment >= 0)
        record->entrapment = (enum trapping)source->entrapment;
    if (row.state->no_stop)
        record->entrapment = TRAPPING_NO;
    record->part = (uint8_t)row.part;
    record->table = (uint8_t)source->table;
    record->address = source->address;
    record->bit = source->bit;
    record->value = row.state->value;
    record->code = code->code;
    text_copy(record->code_text, sizeof record->code_text, code->text);
}

/* No register says that an entrapment was inferred. */
static void describe_inferred(struct lift *lift) {
    struct fault_record *record = &lift->record.fault[FAULT_ENTRAPMENT];
    lift->holder[FAULT_ENTRAPMENT] = NO_HOLDER;
    record->severity = fault_info(FAULT_ENTRAPMENT)->severity;
    record->entrapment = fault_info(FAULT_ENTRAPMENT)->entrapment;
    record->part = 0;
    record->table = 0;
    record->address = -1;
    record->bit = -1;
    record->value = 0;
    record->code = -1;
    record->code_text[0] = '\0';
}

static struct fault_event *tell(struct lift *lift, enum fault fault, bool raised, struct instant at,
                                struct events *events) {
    const struct fault_record *record = &lift->record.fault[fault];
    const struct counter *rides = lift_counter(lift, ITEM_RIDES_TOTAL);
    struct fault_event *event = &event_add(events, EVENT_FAULT, at)->fault;
    *event = (struct fault_event){
        .fault = fault,
        .raised = raised,
        .severity = record->severity,
        .entrapment = record->entrapment,
        .confidence = record->confidence,
        .suppressed = record->suppressed,
        .flapping = record->flapping,
        .count = record->count,
        .floor = lift->item[ITEM_FLOOR],
        .service_mode = lift->item[ITEM_SERVICE_MODE],
        .rides_total = {.known = rides->known, .number = rides->total},
        .raised_real_ms = record->raised_real_ms,
        .duration_ms = raised ? -1 : age_ms(record, at),
    };
    event->raw.part = record->part;
    event->raw.table = record->table;
    event->raw.address = record->address;
    event->raw.bit = record->bit;
    event->raw.value = record->value;
    event->raw.code = record->code;
    text_copy(event->raw.code_text, sizeof event->raw.code_text, record->code_text);
    if (lift->holder[fault] != NO_HOLDER) {
        const struct source_code *code = code_of(lift, row_of(lift, lift->holder[fault]));
        event->raw.english = code->english;
        event->raw.chinese = code->chinese;
    }
    return event;
}

static void tell_gap(struct fault_event *event, const struct watch *watch) {
    event->after_gap = true;
    event->not_before_real_ms = watch->not_before_real_ms;
    event->not_after_real_ms = watch->not_after_real_ms;
}

static void clear(struct lift *lift, enum fault fault, enum clear_reason reason, const struct watch *gap,
                  struct instant at, struct events *events) {
    struct fault_record *record = &lift->record.fault[fault];
    bool rescued = record->rescue && lift_item_is(lift, ITEM_SERVICE_MODE, MODE_INSPECTION);
    struct fault_event *event = tell(lift, fault, false, at, events);
    event->reason = reason == CLEAR_GONE && rescued ? CLEAR_INSPECTION : reason;
    if (gap)
        tell_gap(event, gap);
    record->active = false;
    lift->holder[fault] = NO_HOLDER;
    mark(lift, fault);
}

/* Nothing holds a fault any more. One that flaps stays active. */
static void let_go(struct lift *lift, enum fault fault, enum clear_reason reason, const struct watch *gap,
                   struct instant at, struct events *events) {
    if (!lift->record.fault[fault].flapping) {
        clear(lift, fault, reason, gap, at, events);
        return;
    }
    lift->holder[fault] = NO_HOLDER;
    lift->state_changed = true;
}

/* The gap in which a source changed; NULL: it was seen to change. A delay may have been running when the gap began, and
 * nobody knows it any more: the change may be that much older. */
static const struct watch *gap_of(const struct lift *lift, struct row row, uint32_t delay_ms, struct watch *gap) {
    if (!row.state->at_gap)
        return NULL;
    *gap = lift->watch[row.part];
    if (gap->not_before_real_ms > delay_ms)
        gap->not_before_real_ms -= delay_ms;
    return gap;
}

/* A source no longer holds its fault: another one goes on with it, or it is cleared. */
static void leave(struct lift *lift, struct row row, enum clear_reason reason, struct instant at,
                  struct events *events) {
    enum fault fault = row.state->fault;
    row.state->phase = SOURCE_OFF;
    uint32_t other = find_holder(lift, fault);
    struct watch watch;
    const struct watch *gap = gap_of(lift, row, reason == CLEAR_GONE ? row.source->clear_after_ms : 0, &watch);
    bool told_of = lift->holder[fault] == row.index;
    if (other != NO_HOLDER && told_of)
        describe(lift, fault, row_of(lift, other));
    else if (other == NO_HOLDER && fault == FAULT_ENTRAPMENT && lift->record.trapped)
        describe_inferred(lift);
    else if (other == NO_HOLDER)
        let_go(lift, fault, reason, gap, at, events);
    if (told_of)
        mark(lift, fault);
}

/* A raise is counted but at the first poll ever and while it is suppressed. */
static void count(struct lift *lift, enum fault fault, bool at_start, struct instant at) {
    struct fault_record *record = &lift->record.fault[fault];
    if (!at_start && suppression_at(lift, at.mono_ms) == SUPPRESSED_NOT) {
        record->count++;
        lift->counters_changed = true;
    }
}

/* Notes a raise; true: it is one too many within the hour, from now on the fault flaps. Never an entrapment, nor a
 * raise that only joins: so a fault was latched when it was raised. */
static bool begins_to_flap(struct lift *lift, enum fault fault, struct instant at, int64_t *raises) {
    struct fault_record *record = &lift->record.fault[fault];
    *raises = flapping_note(&lift->flapping[fault], at.mono_ms);
    int limit = lift->limits.flapping_per_h;
    if (record->flapping || fault == FAULT_ENTRAPMENT || limit == 0 || *raises <= limit)
        return false;
    record->flapping = true;
    return true;
}

/* The record tells already of what holds the fault. gap: it was found by the sample that ended this gap; NULL. */
static void raise(struct lift *lift, enum fault fault, enum confidence confidence, const struct watch *gap,
                  struct instant at, struct events *events) {
    struct fault_record *record = &lift->record.fault[fault];
    bool at_start = gap && gap->not_before_real_ms == 0;
    int64_t raises;
    record->active = true;
    record->rescue = false;
    record->suppressed = suppression_at(lift, at.mono_ms);
    record->confidence = confidence;
    record->raised_real_ms = at.real_ms;
    record->raised_mono_ms = at.mono_ms;
    count(lift, fault, at_start, at);
    mark(lift, fault);
    bool flaps = begins_to_flap(lift, fault, at, &raises);
    struct fault_event *event = tell(lift, fault, true, at, events);
    event->at_start = at_start;
    if (gap && !at_start)
        tell_gap(event, gap);
    if (!flaps)
        return;
    struct event *flapping = event_add(events, EVENT_FLAPPING, at);
    flapping->flapping.fault = fault;
    flapping->flapping.raises = raises;
    flapping->flapping.per_h = lift->limits.flapping_per_h;
}

/* Another raised message of a fault that is active already, because it is known better or wakes somebody now. */
static void raise_again(struct lift *lift, enum fault fault, struct instant at, struct events *events) {
    struct fault_record *record = &lift->record.fault[fault];
    if (suppression_at(lift, at.mono_ms) == SUPPRESSED_NOT)
        record->suppressed = SUPPRESSED_NOT;
    mark(lift, fault);
    tell(lift, fault, true, at, events);
}

static void confirm(struct lift *lift, struct instant at, struct events *events) {
    struct fault_record *record = &lift->record.fault[FAULT_ENTRAPMENT];
    if (record->confidence == CONFIDENCE_CONFIRMED)
        return;
    record->confidence = CONFIDENCE_CONFIRMED;
    raise_again(lift, FAULT_ENTRAPMENT, at, events);
}

/* A source says that a fault stands which is active already. */
static void join(struct lift *lift, enum fault fault, struct row row, struct instant at, struct events *events) {
    int64_t raises;
    if (lift->holder[fault] != NO_HOLDER)
        return;
    describe(lift, fault, row);
    mark(lift, fault);
    if (fault == FAULT_ENTRAPMENT) {
        confirm(lift, at, events);
    } else if (lift->record.fault[fault].flapping) {
        count(lift, fault, false, at);
        begins_to_flap(lift, fault, at, &raises);
    }
}

/* A source holds its fault from now on. */
static void enter(struct lift *lift, struct row row, struct instant at, struct events *events) {
    enum fault fault = row.state->fault;
    row.state->phase = SOURCE_ON;
    if (lift->record.fault[fault].active) {
        join(lift, fault, row, at, events);
        return;
    }
    struct watch watch;
    describe(lift, fault, row);
    raise(lift, fault, fault == FAULT_ENTRAPMENT ? CONFIDENCE_CONFIRMED : CONFIDENCE_NONE,
          gap_of(lift, row, row.source->raise_after_ms, &watch), at, events);
}

void fault_infer(struct lift *lift, enum confidence confidence, const struct watch *gap, struct instant at,
                 struct events *events) {
    if (!lift->record.fault[FAULT_ENTRAPMENT].active) {
        describe_inferred(lift);
        raise(lift, FAULT_ENTRAPMENT, confidence, gap, at, events);
    } else if (confidence == CONFIDENCE_CONFIRMED) {
        confirm(lift, at, events);
    }
}

void fault_infer_end(struct lift *lift, struct instant at, struct events *events) {
    if (lift->record.fault[FAULT_ENTRAPMENT].active && lift->holder[FAULT_ENTRAPMENT] == NO_HOLDER)
        clear(lift, FAULT_ENTRAPMENT, CLEAR_GONE, NULL, at, events);
}

bool fault_stops(const struct lift *lift) {
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        const struct fault_record *record = &lift->record.fault[fault];
        if (fault != FAULT_ENTRAPMENT && record->active && record->entrapment != TRAPPING_NO && is_held(lift, fault))
            return true;
    }
    return false;
}

/* Until when a fault flaps that does. */
static int64_t flaps_until_ms(const struct lift *lift, enum fault fault) {
    int64_t raised_mono_ms = lift->record.fault[fault].raised_mono_ms;
    return flapping_end_ms(&lift->flapping[fault], raised_mono_ms ? raised_mono_ms : lift->latched_mono_ms,
                           lift->limits.flapping_per_h);
}

static void unlatch(struct lift *lift, enum fault fault, struct instant at, struct events *events) {
    if (lift->latched_mono_ms == 0)
        lift->latched_mono_ms = at.mono_ms;
    if (at.mono_ms < flaps_until_ms(lift, fault))
        return;
    lift->record.fault[fault].flapping = false;
    mark(lift, fault);
    if (!is_held(lift, fault))
        clear(lift, fault, CLEAR_GONE, NULL, at, events);
}

/* Suppressed when it was raised, and still said by a source. */
static bool waits(const struct lift *lift, enum fault fault) {
    const struct fault_record *record = &lift->record.fault[fault];
    uint32_t holder = lift->holder[fault];
    bool says_so = holder == NO_HOLDER ? is_held(lift, fault) : lift->source[holder].phase == SOURCE_ON;
    return record->active && record->suppressed != SUPPRESSED_NOT && says_so;
}

void fault_settle(struct lift *lift, struct instant at, struct events *events) {
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        if (lift->record.fault[fault].flapping)
            unlatch(lift, fault, at, events);
        if (waits(lift, fault) && suppression_at(lift, at.mono_ms) == SUPPRESSED_NOT)
            raise_again(lift, fault, at, events);
    }
}

/* A code register went to another code: the one that it held is over at once. */
static void supersede(struct lift *lift, struct row row, const struct fault_reading *reading, struct instant at,
                      struct events *events) {
    struct source_state *state = row.state;
    if (state->phase == SOURCE_OFF || !says_yes(reading) || !other_code(state, reading))
        return;
    bool held = state->phase != SOURCE_RAISING;
    state->phase = SOURCE_OFF;
    state->at_gap = lift->watch[row.part].gap;
    if (held)
        leave(lift, row, CLEAR_SUPERSEDED, at, events);
}

static void see_yes(struct lift *lift, struct row row, const struct fault_reading *reading, struct instant at,
                    struct events *events) {
    struct source_state *state = row.state;
    bool gap = lift->watch[row.part].gap;
    keep_reading(lift, row, reading);
    if (state->phase == SOURCE_CLEARING)
        state->phase = SOURCE_ON;
    if (state->phase == SOURCE_ON)
        return;
    if (state->phase == SOURCE_OFF) {
        state->phase = SOURCE_RAISING;
        state->at_gap = gap;
        state->since_mono_ms = at.mono_ms;
    }
    /* What was active before the gap and is after it has been active all along: by whichever source, no delay. */
    bool goes_on = gap && lift->record.fault[reading->fault].active;
    if (goes_on || at.mono_ms - state->since_mono_ms >= row.source->raise_after_ms)
        enter(lift, row, at, events);
}

static void see_no(struct lift *lift, struct row row, struct instant at, struct events *events) {
    struct source_state *state = row.state;
    if (state->phase == SOURCE_RAISING) {
        state->phase = SOURCE_OFF;
        return;
    }
    if (state->phase == SOURCE_ON) {
        state->phase = SOURCE_CLEARING;
        state->at_gap = lift->watch[row.part].gap;
        state->since_mono_ms = at.mono_ms;
    }
    if (at.mono_ms - state->since_mono_ms >= row.source->clear_after_ms)
        leave(lift, row, CLEAR_GONE, at, events);
}

/* Faults of the record that no source of the profile has taken up. */
static void remove_orphans(struct lift *lift, size_t part, struct instant at, struct events *events) {
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        const struct fault_record *record = &lift->record.fault[fault];
        size_t home = record->part < lift->part_count ? record->part : 0;
        if (record->active && !record->flapping && !is_held(lift, fault) && home == part)
            clear(lift, fault, CLEAR_REMOVED, &lift->watch[part], at, events);
    }
}

/* In this order a fault that one source gives up and another takes on in the same sample goes on, but for a code that
 * was superseded by another of the same id. */
void fault_apply(struct lift *lift, size_t part, const struct sample *sample, struct events *events) {
    const struct fault_source *source = lift->part[part].sources;
    const struct source_state *state = &lift->source[lift->first_source[part]];
    size_t count = lift->part[part].source_count;
    assert(sample->fault_count == count);
    for (size_t i = 0; i < count; i++)
        if (is_register(&source[i]))
            supersede(lift, row_at(lift, part, i), &sample->faults[i], sample->at, events);
    for (size_t i = 0; i < count; i++)
        if (says_yes(&sample->faults[i]))
            see_yes(lift, row_at(lift, part, i), &sample->faults[i], sample->at, events);
    for (size_t i = 0; i < count; i++)
        if (state[i].phase != SOURCE_OFF && sample->faults[i].seen != SEEN_UNKNOWN && !says_yes(&sample->faults[i]))
            see_no(lift, row_at(lift, part, i), sample->at, events);
    if (lift->watch[part].gap)
        remove_orphans(lift, part, sample->at, events);
}

static bool stands_at(struct row row, enum fault fault, const struct fault_record *record) {
    const struct fault_source *source = row.source;
    return row.state->phase == SOURCE_OFF && (source->fault == fault || is_register(source)) &&
           row.part == record->part && source->table == record->table && source->address == record->address &&
           source->bit == record->bit;
}

static void restore(struct lift *lift, enum fault fault) {
    const struct fault_record *record = &lift->record.fault[fault];
    for (size_t i = 0; i < all_sources(lift); i++) {
        struct row row = row_of(lift, i);
        if (!stands_at(row, fault, record))
            continue;
        row.state->phase = SOURCE_ON;
        struct fault_reading reading = {.seen = SEEN_YES, .fault = fault, .value = record->value, .code = record->code};
        text_copy(reading.code_text, sizeof reading.code_text, record->code_text);
        keep_reading(lift, row, &reading);
        lift->holder[fault] = (uint32_t)i;
        return;
    }
}

void fault_restore(struct lift *lift) {
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        struct fault_record *record = &lift->record.fault[fault];
        lift->holder[fault] = NO_HOLDER;
        record->raised_mono_ms = 0;
        if (record->raised_real_ms < 0)
            record->raised_real_ms = 0;
        record->flapping &= record->active && fault != FAULT_ENTRAPMENT;
        if (record->active)
            restore(lift, fault);
    }
    lift->record.trapped &= lift->record.fault[FAULT_ENTRAPMENT].active;
}

void fault_gap(struct lift *lift, size_t part) {
    for (size_t i = 0; i < lift->part[part].source_count; i++) {
        struct source_state *state = row_at(lift, part, i).state;
        if (state->phase == SOURCE_RAISING)
            state->phase = SOURCE_OFF;
        if (state->phase == SOURCE_CLEARING)
            state->phase = SOURCE_ON;
    }
}

void fault_inspection(struct lift *lift, bool begins, struct instant at) {
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        struct fault_record *record = &lift->record.fault[fault];
        bool rescue = begins && record->active && age_ms(record, at) <= RESCUE_MS;
        if (record->rescue != rescue)
            lift->record.faults_changed |= UINT32_C(1) << fault;
        record->rescue = rescue;
    }
}

/* A delay that has ended is still there only if the source cannot be read: no sample like the last ends it. */
static int64_t delay_due_ms(const struct lift *lift, struct row row) {
    if (row.state->phase != SOURCE_RAISING && row.state->phase != SOURCE_CLEARING)
        return INT64_MAX;
    bool raising = row.state->phase == SOURCE_RAISING;
    int64_t end = row.state->since_mono_ms + (raising ? row.source->raise_after_ms : row.source->clear_after_ms);
    return end > lift->watch[row.part].sample_mono_ms ? end : INT64_MAX;
}

static int64_t settle_due_ms(const struct lift *lift, enum fault fault) {
    int64_t unlatched = INT64_MAX, unsuppressed = INT64_MAX;
    if (lift->record.fault[fault].flapping)
        unlatched = flaps_until_ms(lift, fault);
    if (waits(lift, fault))
        unsuppressed = suppression_end_ms(lift);
    int64_t due = unlatched < unsuppressed ? unlatched : unsuppressed;
    return due > lift->at_mono_ms ? due : INT64_MAX;
}

int64_t fault_due_ms(const struct lift *lift) {
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < all_sources(lift); i++) {
        int64_t delay = delay_due_ms(lift, row_of(lift, i));
        due = delay < due ? delay : due;
    }
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        int64_t settle = settle_due_ms(lift, fault);
        due = settle < due ? settle : due;
    }
    return due;
}
