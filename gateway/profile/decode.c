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
/* Texts of codes that a row has said lately: more than any reader holds on to. */
#define RECENT_CODES 4

/* What a value row said, and what it is about to say once that has stood long enough. */
struct row_state {
    bool invert;
    enum decode_result result;
    int64_t raw;
    struct value believed, candidate;
    int64_t since_ms; /* the candidate */
    bool waiting;
};

struct recent_codes {
    struct code_text {
        bool used;
        int32_t code;
        char text[CODE_TEXT_SIZE];
    } text[RECENT_CODES];
    size_t next;
};
struct fault_state {
    bool invert;
    struct recent_codes *recent; /* of a row with a code_format, else NULL */
};

struct decoder {
    const struct profile *profile;
    const struct plan *plan;
    struct value *slots;
    bool *slot_unused, *slot_without; /* by slot */
    struct row_state *values;
    struct derive *derived; /* by rule */
    struct fault_state *faults;
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

struct decoder *decoder_create(const struct profile *profile, const struct plan *plan,
                               const struct part_options *options) {
    struct decoder *decoder = memory_get(1, sizeof *decoder);
    decoder->profile = profile;
    decoder->plan = plan;
    decoder->slots = memory_get(profile->slot_count, sizeof *decoder->slots);
    decoder->slot_unused = memory_get(profile->slot_count, sizeof *decoder->slot_unused);
    decoder->slot_without = memory_get(profile->slot_count, sizeof *decoder->slot_without);
    decoder->values = memory_get(profile->value_count, sizeof *decoder->values);
    decoder->derived = memory_get(profile->rule_count, sizeof *decoder->derived);
    decoder->faults = memory_get(profile->fault_count, sizeof *decoder->faults);
    for (size_t i = 0; i < profile->slot_count; i++) {
        decoder->slot_unused[i] = options_unused(profile, options, (int)i);
        decoder->slot_without[i] = options_without(profile, options, (int)i);
    }
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        decoder->values[i].invert = row->invert != options_invert(profile, options, &row->place);
        decoder->values[i].result = DECODE_UNREAD;
    }
    for (size_t i = 0; i < profile->fault_count; i++) {
        const struct fault_row *row = &profile->faults[i];
        bool inverted = row->kind == FAULT_ROW_BIT && options_invert(profile, options, &row->place);
        decoder->faults[i].invert = row->invert != inverted;
        if (row->code_format)
            decoder->faults[i].recent = memory_get(1, sizeof *decoder->faults[i].recent);
    }
    decoder->due_ms = INT64_MAX;
    return decoder;
}

void decoder_free(struct decoder *decoder) {
    if (!decoder)
        return;
    free(decoder->slots);
    free(decoder->slot_unused);
    free(decoder->slot_without);
    free(decoder->values);
    free(decoder->derived);
    for (size_t i = 0; i < decoder->profile->fault_count; i++)
        free(decoder->faults[i].recent);
    free(decoder->faults);
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
static struct value believe(struct decoder *decoder, const struct value_row *row, struct row_state *state,
                            struct value now, int64_t mono_ms) {
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

/* What the lift's configuration says instead of the contact. */
static void assume_unused(struct decoder *decoder, const struct value_row *row, struct row_state *state) {
    state->result = DECODE_LEFT_OUT;
    if (!row->has_unused)
        return;
    struct outcome outcome;
    interpret(row, decoder->profile->slot_kinds[row->slot], row->unused, (double)row->unused, &outcome);
    if (outcome.kind == OUTCOME_VALUE)
        decoder->slots[row->slot] = VALUE(outcome.number);
}

/* Nothing was read: what a fast row said is no longer true; a slow one's turn has just not come. */
static void apply_unread(struct decoder *decoder, const struct value_row *row, struct row_state *state, int read) {
    state->result = DECODE_UNREAD;
    if (read < 0 || decoder->plan->reads[read].lane == LANE_SLOW)
        return;
    state->believed = VALUE_UNKNOWN;
    state->waiting = false;
    decoder->slots[row->slot] = VALUE_UNKNOWN;
    decoder->counts[DECODE_UNREAD]++;
}

static void apply_value(struct decoder *decoder, size_t i, const uint16_t image[], const bool valid[],
                        int64_t mono_ms) {
    const struct value_row *row = &decoder->profile->values[i];
    struct row_state *state = &decoder->values[i];
    int read = decoder->plan->value_read[i];
    if (decoder->slot_unused[row->slot]) {
        assume_unused(decoder, row, state);
        return;
    }
    if (row->only_if >= 0 && !is_yes(decoder, row->only_if)) {
        state->result = DECODE_LEFT_OUT;
        state->waiting = false;
        decoder->counts[DECODE_LEFT_OUT]++;
        return;
    }
    if (read < 0 || !valid[read]) {
        apply_unread(decoder, row, state, read);
        return;
    }
    struct outcome outcome = {.kind = OUTCOME_UNKNOWN};
    double as_float;
    if (raw_get(&row->place, &image[decoder->plan->value_at[i]], &state->raw, &as_float)) {
        if (state->invert)
            state->raw = !state->raw;
        state->result = interpret(row, decoder->profile->slot_kinds[row->slot], state->raw, as_float, &outcome);
    } else {
        state->result = DECODE_MALFORMED;
    }
    decoder->counts[state->result]++;
    if (outcome.kind == OUTCOME_KEEP) {
        state->waiting = false;
        return;
    }
    struct value now = outcome.kind == OUTCOME_VALUE ? VALUE(outcome.number) : VALUE_UNKNOWN;
    decoder->slots[row->slot] = believe(decoder, row, state, now, mono_ms);
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
    if (decoder->slot_unused[row->slot])
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
    if (!decoder->slot_without[row->slot])
        sample->counter[row->slot - ITEM_FIRST_COUNTER] =
            (struct counter_reading){.known = value.known, .derived = true, .value = increment};
}

/* The items and the counters that were read, as the model wants them. */
static void fill_items(const struct decoder *decoder, struct sample *sample) {
    for (int slot = 0; slot < ITEM_COUNT; slot++) {
        sample->item[slot] = VALUE_UNKNOWN;
        if (slot < ITEM_FIRST_COUNTER && !decoder->slot_without[slot])
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
        if (row->slot < ITEM_FIRST_COUNTER || row->slot >= ITEM_COUNT || decoder->slot_without[row->slot])
            continue;
        struct value value = decoder->slots[row->slot];
        sample->counter[row->slot - ITEM_FIRST_COUNTER] =
            (struct counter_reading){.known = value.known, .value = value.number, .modulus = modulus_of(row)};
    }
}

/* The vendor's notation of a code. A reading may outlive this poll, so the last few stay where they are. */
static const char *text_of_code(struct recent_codes *recent, const char *format, int32_t code) {
    for (size_t i = 0; i < RECENT_CODES; i++)
        if (recent->text[i].used && recent->text[i].code == code)
            return recent->text[i].text;
    struct code_text *text = &recent->text[recent->next];
    recent->next = (recent->next + 1) % RECENT_CODES;
    text->used = true;
    text->code = code;
    code_format_text(format, code, text->text);
    return text->text;
}

static void read_code(const struct fault_row *row, const struct fault_state *state, const uint16_t words[],
                      struct fault_reading *reading) {
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
        reading->code_text = text_of_code(state->recent, row->code_format, reading->code);
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

static void read_fault(struct decoder *decoder, size_t i, const uint16_t image[], const bool valid[],
                       struct fault_reading *reading) {
    const struct fault_row *row = &decoder->profile->faults[i];
    struct fault_state *state = &decoder->faults[i];
    *reading = (struct fault_reading){.seen = SEEN_UNKNOWN, .fault = row->source.fault, .code = -1};
    if (row->only_if >= 0 && !is_yes(decoder, row->only_if))
        return;
    if (row->kind == FAULT_ROW_PATTERN) {
        enum seen seen = read_pattern(decoder, row);
        reading->value = seen == SEEN_YES;
        reading->seen = seen;
        if (state->invert)
            reading->seen = opposite(seen);
        return;
    }
    int read = decoder->plan->fault_read[i];
    if (read < 0 || !valid[read])
        return;
    const uint16_t *words = &image[decoder->plan->fault_at[i]];
    if (row->kind == FAULT_ROW_CODES) {
        read_code(row, state, words, reading);
        return;
    }
    int64_t bit;
    raw_get(&row->place, words, &bit, NULL);
    reading->value = (uint32_t)bit;
    reading->seen = (bit == 1) != state->invert ? SEEN_YES : SEEN_NOT;
}

void decode(struct decoder *decoder, const uint16_t image[], const bool valid[], struct instant at,
            struct sample *sample) {
    const struct profile *profile = decoder->profile;
    decoder->due_ms = INT64_MAX;
    sample->at = at;
    memset(sample->counter, 0, sizeof sample->counter);
    for (size_t i = 0; i < profile->value_count; i++)
        apply_value(decoder, i, image, valid, at.mono_ms);
    fill_counters(decoder, sample);
    for (size_t i = 0; i < profile->rule_count; i++)
        apply_rule(decoder, i, at.mono_ms, sample);
    fill_items(decoder, sample);
    sample->fault_count = profile->fault_count;
    for (size_t i = 0; i < profile->fault_count; i++)
        read_fault(decoder, i, image, valid, &sample->faults[i]);
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

enum decode_result decoder_row(const struct decoder *decoder, size_t value_row, int64_t *raw) {
    *raw = decoder->values[value_row].raw;
    return decoder->values[value_row].result;
}

struct value decoder_slot(const struct decoder *decoder, int slot) {
    return decoder->slots[slot];
}

const uint64_t *decoder_counts(const struct decoder *decoder) {
    return decoder->counts;
}
