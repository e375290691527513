/* Decodes images as a daemon would, and checks that everything which comes out is within its type. */
#ifndef LIFTGW_TESTS_FUZZ_SAMPLES_H
#define LIFTGW_TESTS_FUZZ_SAMPLES_H

#include "base/text.h"
#include "fuzz.h"
#include "profile/code.h"
#include "profile/decode.h"
#include "profile/place.h"

static inline void check_item(const struct sample *sample, enum item item) {
    struct value value = sample->item[item];
    const struct item_info *info = item_info(item);
    if (!value.known)
        return;
    assert(info->kind != KIND_COUNTER);
    if (info->kind != KIND_NUMBER)
        assert(value.number >= 0 && (size_t)value.number < info->word_count && item_word_of(item, value));
}

static inline void check_text(const char *text, size_t longest) {
    if (text)
        assert(strlen(text) <= longest && text_is_utf8(text, strlen(text)));
}

static inline void check_fault(const struct fault_reading *fault) {
    assert(fault->seen <= SEEN_UNKNOWN);
    if (fault->seen == SEEN_YES)
        assert(fault->fault < FAULT_COUNT && fault_info(fault->fault)->id);
    check_text(fault->code_text, CODE_TEXT_SIZE - 1);
    check_text(fault->english, 4096);
    check_text(fault->chinese, 4096);
}

static inline void check_row(const struct profile *profile, const struct decoder *decoder, size_t i) {
    struct value raw;
    int64_t low, high;
    const struct value_row *row = &profile->values[i];
    enum decode_result result = decoder_row(decoder, i, &raw);
    assert(result < DECODE_RESULT_COUNT && decode_result_name(result));
    place_range(&row->place, &low, &high);
    if (result != DECODE_OK || row->place.type == RAW_U64 || row->place.type == RAW_FLOAT32)
        return;
    assert(raw.known && raw.number >= low && raw.number <= high);
    assert(!raw_is_among(row->invalid, row->invalid_count, raw.number));
    assert(!row->ranged || (raw.number >= row->valid_low && raw.number <= row->valid_high));
}

static inline void check_sample(const struct profile *profile, const struct decoder *decoder,
                                const struct sample *sample) {
    for (int i = 0; i < ITEM_COUNT; i++)
        check_item(sample, (enum item)i);
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        assert(!sample->counter[i].known || (sample->counter[i].value >= 0 && sample->counter[i].modulus >= 0));
    assert(sample->fault_count == profile->fault_count);
    for (size_t i = 0; i < sample->fault_count; i++)
        check_fault(&sample->faults[i]);
    for (size_t i = 0; i < profile->value_count; i++)
        check_row(profile, decoder, i);
    assert(decoder_due_ms(decoder) >= sample->at.mono_ms);
}

static inline void check_plan(const struct profile *profile, const struct plan *plan, int address_offset) {
    size_t words = 0;
    for (size_t i = 0; i < plan->read_count; i++) {
        const struct plan_read *read = &plan->reads[i];
        assert(read->count >= 1 && read->count <= profile->max_registers && read->at == words);
        assert(address_offset || read->address + read->count <= 65536);
        assert((i < plan->fast_count) == (read->lane == LANE_FAST));
        words += read->count;
    }
    assert(words == plan->image_size && (plan->read_count == 0 || plan->shortest < plan->read_count));
}

/* Each round: how much later (2 bytes, ms), which reads came (1), and the image, until there is no more input. */
static inline void decode_rounds(const struct profile *profile, const struct part_options *options,
                                 struct input *input) {
    struct plan *plan = plan_create(profile, options);
    check_plan(profile, plan, options ? options->address_offset : 0);
    struct decoder *decoder = decoder_create(profile, plan);
    uint16_t *image = calloc(plan->image_size + 1, sizeof *image);
    bool *valid = calloc(plan->read_count + 1, sizeof *valid);
    struct sample sample = {.faults = calloc(profile->fault_count + 1, sizeof *sample.faults)};
    struct instant at = {.mono_ms = 1000, .real_ms = INT64_C(1764000000000)};
    do {
        unsigned later_ms = input_word(input), missing = input_byte(input);
        at.mono_ms += later_ms;
        at.real_ms += later_ms;
        for (size_t i = 0; i < plan->read_count; i++)
            valid[i] = !(missing >> i % 8 & 1);
        for (size_t i = 0; i < plan->image_size; i++) {
            image[i] = (uint16_t)input_word(input);
            for (size_t r = 0; r < plan->read_count; r++) /* a coil is 0 or 1 */
                if (i >= plan->reads[r].at && i < plan->reads[r].at + plan->reads[r].count &&
                    plan->reads[r].table <= TABLE_DISCRETE)
                    image[i] &= 1;
        }
        decode(decoder, image, valid, at, &sample);
        check_sample(profile, decoder, &sample);
    } while (input->left > 0);
    free(sample.faults);
    free(valid);
    free(image);
    decoder_free(decoder);
    plan_free(plan);
}

#endif
