#include "profile/decode.h"

#include "base/memory.h"
#include "profile/code.h"
#include "profile/derive.h"
#include "profile/options.h"
#include "profile/place.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MS_PER_HOUR 3600000
/* Beyond it a double has no int64_t. */
#define INT64_LIMIT 9223372036854775808.0

/* A change that waits until it has stood long enough. */
struct delay {
    struct value believed, candidate;
    int64_t since_ms; /* the candidate */
    bool waiting;
};

/* What is the same for all units that use the profile so stands in the plan. */
struct decoder {
    const struct profile *profile;
    const struct plan *plan;
    struct value *slots;
    struct delay *delays;   /* by value row as the plan says */
    struct derive *derived; /* by rule */
    uint16_t *image;        /* the last one */
    bool *valid;
    uint8_t *results; /* by value row: enum decode_result */
    uint64_t counts[DECODE_RESULT_COUNT];
    int64_t due_ms;
};

const char *decode_result_name(enum decode_result result) {
    static const char *const names[DECODE_RESULT_COUNT] = {[DECODE_OK] = "ok",
                                                           [DECODE_UNREAD] = "unread",
                                                           [DECODE_MALFORMED] = "malformed",
                                                           [DECODE_INVALID] = "invalid",
                                                           [DECODE_RANGE] = "range",
                                                           [DECODE_UNMAPPED] = "unmapped",
                                                           [DECODE_LEFT_OUT] = "left out"};
    return names[result];
}

struct decoder *decoder_create(const struct profile *profile, const struct plan *plan) {
    struct decoder *decoder = memory_get(1, sizeof *decoder);
    *decoder = (struct decoder){.profile = profile,
                                .plan = plan,
                                .slots = memory_get(profile->slot_count, sizeof *decoder->slots),
                                .delays = memory_get(plan->delay_count, sizeof *decoder->delays),
                                .derived = memory_get(profile->rule_count, sizeof *decoder->derived),
                                .image = memory_get(plan->image_size, sizeof *decoder->image),
                                .valid = memory_get(plan->read_count, sizeof *decoder->valid),
                                .results = memory_get(profile->value_count, sizeof *decoder->results),
                                .due_ms = INT64_MAX};
    memset(decoder->results, DECODE_UNREAD, profile->value_count);
    return decoder;
}

void decoder_free(struct decoder *decoder) {
    if (!decoder)
        return;
    free(decoder->slots);
    free(decoder->delays);
    free(decoder->derived);
    free(decoder->image);
    free(decoder->valid);
    free(decoder->results);
    free(decoder);
}

static bool is_yes(const struct decoder *decoder, int slot) {
    return decoder->slots[slot].known && decoder->slots[slot].number == 1;
}

static void due_at(struct decoder *decoder, int64_t mono_ms) {
    if (mono_ms < decoder->due_ms)
        decoder->due_ms = mono_ms;
}

/* Rounds half away from zero; false if it is beyond int64_t. */
static bool whole(double number, int64_t *rounded) {
    if (!(fabs(number) < INT64_LIMIT))
        return false;
    *rounded = llround(number);
    return true;
}

/* The number of a row without words, in the unit in which it is published. */
static enum decode_result number_of(const struct value_row *row, enum item_kind kind, int64_t raw, double as_float,
                                    int64_t *number) {
    int64_t factor = row->slot == ITEM_RUN_HOURS ? MS_PER_HOUR : 1;
    bool fits;
    if (row->scaled || row->place.type == RAW_FLOAT32)
        fits = whole((as_float * row->scale + row->offset) * (double)factor, number);
    else if (row->place.type == RAW_U64 && raw < 0) /* above 2^63 */
        fits = false;
    else
        fits = !__builtin_mul_overflow(raw, factor, number);
    if (!fits || (kind == KIND_COUNTER && *number < 0))
        return DECODE_RANGE;
    return DECODE_OK;
}

/* The word of a row that has words. */
static enum decode_result word_of(const struct value_row *row, int64_t raw, struct outcome *outcome) {
    if (!row->map) {
        *outcome = (struct outcome){.kind = OUTCOME_VALUE, .number = raw};
        return DECODE_OK;
    }
    for (size_t i = 0; i < row->map_count; i++) {
        if (row->map[i].raw != raw)
            continue;
        *outcome = row->map[i].outcome;
        return DECODE_OK;
    }
    *outcome = row->otherwise;
    return DECODE_UNMAPPED;
}

static enum decode_result check_raw(const struct value_row *row, int64_t raw) {
    if (raw_is_among(row->invalid, row->invalid_count, raw))
        return DECODE_INVALID;
    if (row->ranged && (raw < row->valid_low || raw > row->valid_high))
        return DECODE_RANGE;
    return DECODE_OK;
}

/* What a raw value means; everything that is no value is unknown. */
static enum decode_result interpret(const struct value_row *row, enum item_kind kind, int64_t raw, double as_float,
                                    struct outcome *outcome) {
    *outcome = (struct outcome){.kind = OUTCOME_UNKNOWN};
    enum decode_result result = check_raw(row, raw);
    if (result != DECODE_OK)
        return result;
    if (kind == KIND_WORD || kind == KIND_BOOL)
        return word_of(row, raw, outcome);
    int64_t number;
    result = number_of(row, kind, raw, as_float, &number);
    if (result == DECODE_OK)
        *outcome = (struct outcome){.kind = OUTCOME_VALUE, .number = number};
    return result;
}

static bool same_value(struct value a, struct value b) {
    return a.known == b.known && (!a.known || a.number == b.number);
}

/* Lets a change through only when it has stood on_ms or off_ms. What follows "unknown", and unknown itself, is believed
 * at once. */
static struct value believe(struct decoder *decoder, const struct value_row *row, struct delay *state, struct value now,
                            int64_t mono_ms) {
    bool is_bool = decoder->profile->slot_kinds[row->slot] == KIND_BOOL;
    uint32_t delay = is_bool && now.known && now.number == 0 ? row->off_ms : row->on_ms;
    bool at_once = !now.known || !state->believed.known || delay == 0;
    if (at_once || same_value(now, state->believed)) {
        state->waiting = false;
        state->believed = now;
        return now;
    }
    if (!state->waiting || !same_value(now, state->candidate)) {
        state->waiting = true;
        state->candidate = now;
        state->since_ms = mono_ms;
    }
    if (mono_ms - state->since_ms >= (int64_t)delay) {
        state->waiting = false;
        state->believed = now;
    } else {
        due_at(decoder, state->since_ms + (int64_t)delay);
    }
    return state->believed;
}

/* The delay of a value row, NULL if it has none. */
static struct delay *delay_of(struct decoder *decoder, size_t i) {
    int delay = decoder->plan->value_delay[i];
    return delay >= 0 ? &decoder->delays[delay] : NULL;
}

static void stop_waiting(struct delay *delay) {
    if (delay)
        delay->waiting = false;
}

/* What the lift's configuration says instead of the contact. */
static void assume_unused(struct decoder *decoder, const struct value_row *row) {
    if (!row->has_unused)
        return;
    struct outcome outcome;
    interpret(row, decoder->profile->slot_kinds[row->slot], row->unused, (double)row->unused, &outcome);
    if (outcome.kind == OUTCOME_VALUE)
        decoder->slots[row->slot] = VALUE(outcome.number);
}

/* Nothing was read: what a fast row said is no longer true; a slow one's turn has just not come. */
static void apply_unread(struct decoder *decoder, const struct value_row *row, struct delay *delay, int read) {
    if (read < 0 || decoder->plan->reads[read].lane == LANE_SLOW)
        return;
    if (delay)
        *delay = (struct delay){.believed = VALUE_UNKNOWN};
    decoder->slots[row->slot] = VALUE_UNKNOWN;
    decoder->counts[DECODE_UNREAD]++;
}

/* The raw value of a row that was read; false if it is none of its type. */
static inline bool raw_of(const struct decoder *decoder, size_t i, int64_t *raw, double *as_float) {
    const struct plan *plan = decoder->plan;
    if (!raw_get(&decoder->profile->values[i].place, &decoder->image[plan->value_at[i]], raw, as_float))
        return false;
    if (plan->value_inverted[i])
        *raw = !*raw;
    return true;
}

static enum decode_result apply_value(struct decoder *decoder, size_t i, int64_t mono_ms) {
    const struct value_row *row = &decoder->profile->values[i];
    struct delay *delay = delay_of(decoder, i);
    int read = decoder->plan->value_read[i];
    if (decoder->plan->slot_unused[row->slot]) {
        assume_unused(decoder, row);
        return DECODE_LEFT_OUT;
    }
    if (row->only_if >= 0 && !is_yes(decoder, row->only_if)) {
        stop_waiting(delay);
        decoder->counts[DECODE_LEFT_OUT]++;
        return DECODE_LEFT_OUT;
    }
    if (read < 0 || !decoder->valid[read]) {
        apply_unread(decoder, row, delay, read);
        return DECODE_UNREAD;
    }
    struct outcome outcome = {.kind = OUTCOME_UNKNOWN};
    enum decode_result result = DECODE_MALFORMED;
    int64_t raw;
    double as_float;
    if (raw_of(decoder, i, &raw, &as_float))
        result = interpret(row, decoder->profile->slot_kinds[row->slot], raw, as_float, &outcome);
    decoder->counts[result]++;
    if (outcome.kind == OUTCOME_KEEP) {
        stop_waiting(delay);
        return result;
    }
    struct value now = outcome.kind == OUTCOME_VALUE ? VALUE(outcome.number) : VALUE_UNKNOWN;
    decoder->slots[row->slot] = delay ? believe(decoder, row, delay, now, mono_ms) : now;
    return result;
}

/* Does a pattern match? An unknown item matches only "-"; maybe: it would depend on what is unknown. */
enum match { MATCH_NO, MATCH_YES, MATCH_MAYBE };
static enum match match_pattern(const struct decoder *decoder, const struct pattern *pattern, const int from[],
                                size_t count) {
    enum match match = MATCH_YES;
    for (size_t i = 0; i < count; i++) {
        struct value value = decoder->slots[from[i]];
        if (pattern->text[i] == '-')
            continue;
        if (!value.known)
            match = MATCH_MAYBE;
        else if (value.number != pattern->text[i] - '0')
            return MATCH_NO;
    }
    return match;
}

static void apply_truth_table(struct decoder *decoder, const struct rule_row *row) {
    struct outcome outcome = row->otherwise;
    for (size_t i = 0; i < row->pattern_count; i++) {
        if (match_pattern(decoder, &row->patterns[i], row->from, row->from_count) != MATCH_YES)
            continue;
        outcome = row->patterns[i].outcome;
        break;
    }
    if (outcome.kind == OUTCOME_VALUE)
        decoder->slots[row->slot] = VALUE(outcome.number);
    else if (outcome.kind == OUTCOME_UNKNOWN)
        decoder->slots[row->slot] = VALUE_UNKNOWN;
}

static void apply_rule(struct decoder *decoder, size_t i, int64_t mono_ms, struct sample *sample) {
    const struct rule_row *row = &decoder->profile->rules[i];
    if (decoder->plan->slot_unused[row->slot])
        return;
    if (row->kind == RULE_TRUTH) {
        apply_truth_table(decoder, row);
        return;
    }
    struct value value = decoder->slots[row->of];
    int64_t due_ms;
    int64_t increment = row->kind == RULE_EDGES ? derive_edges(&decoder->derived[i], row, value, mono_ms, &due_ms)
                                                : derive_time(&decoder->derived[i], row, value, mono_ms, &due_ms);
    due_at(decoder, due_ms);
    if (!decoder->plan->slot_without[row->slot])
        sample->counter[row->slot - ITEM_FIRST_COUNTER] =
            (struct counter_reading){.known = value.known, .derived = true, .value = increment};
}

/* The items and the counters that were read, as the model wants them. */
static void fill_items(const struct decoder *decoder, struct sample *sample) {
    const bool *without = decoder->plan->slot_without;
    for (int slot = 0; slot < ITEM_COUNT; slot++) {
        sample->item[slot] = VALUE_UNKNOWN;
        if (slot < ITEM_FIRST_COUNTER && !without[slot])
            sample->item[slot] = decoder->slots[slot];
    }
}

static int64_t modulus_of(const struct value_row *row) {
    int64_t modulus;
    double scale = row->scaled ? row->scale : 1.0;
    if (row->slot == ITEM_RUN_HOURS)
        scale *= MS_PER_HOUR;
    return whole((double)place_modulus(&row->place) * scale, &modulus) ? modulus : 0;
}

static void fill_counters(const struct decoder *decoder, struct sample *sample) {
    for (size_t i = 0; i < decoder->profile->value_count; i++) {
        const struct value_row *row = &decoder->profile->values[i];
        if (row->slot < ITEM_FIRST_COUNTER || row->slot >= ITEM_COUNT || decoder->plan->slot_without[row->slot])
            continue;
        struct value value = decoder->slots[row->slot];
        sample->counter[row->slot - ITEM_FIRST_COUNTER] =
            (struct counter_reading){.known = value.known, .value = value.number, .modulus = modulus_of(row)};
    }
}

static void read_code(const struct fault_row *row, const uint16_t words[], struct fault_reading *reading) {
    int64_t raw;
    if (!raw_get(&row->place, words, &raw, NULL))
        return;
    reading->value = (uint32_t)raw;
    reading->seen = SEEN_NOT;
    if (raw_is_among(row->none, row->none_count, raw))
        return;
    const struct fault_code *listed = NULL;
    for (size_t i = 0; i < row->code_count && !listed; i++)
        if (row->codes[i].raw == raw)
            listed = &row->codes[i];
    if (listed && listed->fault == FAULT_COUNT)
        return;
    reading->seen = SEEN_YES;
    reading->fault = listed ? listed->fault : FAULT_OTHER;
    reading->english = listed ? listed->english : NULL;
    reading->chinese = listed ? listed->chinese : NULL;
    reading->no_stop = raw_is_among(row->no_stop, row->no_stop_count, raw);
    if (raw > INT32_MAX)
        return;
    reading->code = (int32_t)raw;
    if (row->code_format)
        code_format_text(row->code_format, reading->code, reading->code_text);
}

static enum seen read_pattern(const struct decoder *decoder, const struct fault_row *row) {
    enum seen seen = SEEN_NOT;
    for (size_t i = 0; i < row->pattern_count; i++) {
        enum match match = match_pattern(decoder, &row->patterns[i], row->from, row->from_count);
        if (match == MATCH_YES)
            return SEEN_YES;
        if (match == MATCH_MAYBE)
            seen = SEEN_UNKNOWN;
    }
    return seen;
}

static enum seen opposite(enum seen seen) {
    return seen == SEEN_YES ? SEEN_NOT : seen == SEEN_NOT ? SEEN_YES : SEEN_UNKNOWN;
}

static inline void read_fault(const struct decoder *decoder, size_t i, struct fault_reading *reading) {
    const struct fault_row *row = &decoder->profile->faults[i];
    const struct plan *plan = decoder->plan;
    *reading = (struct fault_reading){.seen = SEEN_UNKNOWN, .fault = row->source.fault, .code = -1};
    if (row->only_if >= 0 && !is_yes(decoder, row->only_if))
        return;
    if (row->kind == FAULT_ROW_PATTERN) {
        enum seen seen = read_pattern(decoder, row);
        reading->value = seen == SEEN_YES;
        reading->seen = seen;
        if (plan->fault_inverted[i])
            reading->seen = opposite(seen);
        return;
    }
    int read = plan->fault_read[i];
    if (read < 0 || !decoder->valid[read])
        return;
    const uint16_t *words = &decoder->image[plan->fault_at[i]];
    if (row->kind == FAULT_ROW_CODES) {
        read_code(row, words, reading);
        return;
    }
    int64_t bit;
    raw_get(&row->place, words, &bit, NULL);
    reading->value = (uint32_t)bit;
    reading->seen = (bit == 1) != plan->fault_inverted[i] ? SEEN_YES : SEEN_NOT;
}

void decode(struct decoder *decoder, const uint16_t image[], const bool valid[], struct instant at,
            struct sample *sample) {
    const struct profile *profile = decoder->profile;
    decoder->due_ms = INT64_MAX;
    memcpy(decoder->image, image, decoder->plan->image_size * sizeof *image);
    memcpy(decoder->valid, valid, decoder->plan->read_count * sizeof *valid);
    sample->at = at;
    memset(sample->counter, 0, sizeof sample->counter);
    for (size_t i = 0; i < profile->value_count; i++)
        decoder->results[i] = (uint8_t)apply_value(decoder, i, at.mono_ms);
    fill_counters(decoder, sample);
    for (size_t i = 0; i < profile->rule_count; i++)
        apply_rule(decoder, i, at.mono_ms, sample);
    fill_items(decoder, sample);
    sample->fault_count = profile->fault_count;
    for (size_t i = 0; i < profile->fault_count; i++)
        read_fault(decoder, i, &sample->faults[i]);
}

int64_t decoder_due_ms(const struct decoder *decoder) {
    return decoder->due_ms;
}

uint32_t decoder_provides(const struct profile *profile, const struct part_options *options) {
    uint32_t provides = 0;
    for (int slot = 0; slot < ITEM_COUNT; slot++)
        if (profile_sets(profile, slot) && !options_without(profile, options, slot))
            provides |= UINT32_C(1) << slot;
    return provides;
}

enum decode_result decoder_row(const struct decoder *decoder, size_t value_row, struct value *raw) {
    enum decode_result result = (enum decode_result)decoder->results[value_row];
    int64_t number;
    double as_float;
    *raw = VALUE_UNKNOWN;
    if (result != DECODE_UNREAD && result != DECODE_LEFT_OUT && raw_of(decoder, value_row, &number, &as_float))
        *raw = VALUE(number);
    return result;
}

void decoder_fault(const struct decoder *decoder, size_t fault_row, struct fault_reading *reading) {
    read_fault(decoder, fault_row, reading);
}

struct value decoder_slot(const struct decoder *decoder, int slot) {
    return decoder->slots[slot];
}

const uint64_t *decoder_counts(const struct decoder *decoder) {
    return decoder->counts;
}
