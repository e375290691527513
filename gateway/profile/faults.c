#include "profile/load.h"

#include "base/memory.h"
#include "base/text.h"
#include "profile/code.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define CLEAR_AFTER_MS 1000
/* Two texts of a code and all the rest of a fault message share 4 KiB. */
#define CODE_WORDS_SIZE 200

#define COMMON_KEYS "only_if", "raise_after_ms", "clear_after_ms", "severity", "entrapment"
static const char *const bit_keys[] = {"id", "address", "table", "bit", "invert", COMMON_KEYS};
static const char *const pattern_keys[] = {"id", "from", "is", "invert", COMMON_KEYS};
static const char *const code_keys[] = {"address", "table", "type",    "bits",        "word_order",
                                        "none",    "codes", "no_stop", "code_format", COMMON_KEYS};

static bool fault_by_node(const struct loader *loader, const struct conf_node *node, enum fault *fault) {
    const char *id = conf_string(node);
    if (!id) {
        conf_error(node, loader->problems, "the id of a fault must be a text in \"quotes\"");
        return false;
    }
    *fault = fault_by_id(id);
    if (*fault != FAULT_COUNT)
        return true;
    const char *ids[FAULT_COUNT];
    for (enum fault i = 0; i < FAULT_COUNT; i++)
        ids[i] = fault_info(i)->id;
    say_unknown(loader, node, "fault", id, ids, FAULT_COUNT);
    return false;
}

/* What every row of faults may say. */
static void read_common(const struct loader *loader, const struct conf_node *node, struct fault_row *row) {
    const char *severities[SEVERITY_COUNT];
    for (enum severity i = 0; i < SEVERITY_COUNT; i++)
        severities[i] = severity_name(i);
    const char *trappings[TRAPPING_COUNT];
    for (enum trapping i = 0; i < TRAPPING_COUNT; i++)
        trappings[i] = trapping_name(i);
    int severity = -1;
    int trapping = -1;
    take_choice(loader, node, "severity", severities, SEVERITY_COUNT, &severity);
    take_choice(loader, node, "entrapment", trappings, TRAPPING_COUNT, &trapping);
    row->source.severity = (int8_t)severity;
    row->source.entrapment = (int8_t)trapping;
    row->source.clear_after_ms = CLEAR_AFTER_MS;
    take_ms(loader, node, "raise_after_ms", &row->source.raise_after_ms);
    take_ms(loader, node, "clear_after_ms", &row->source.clear_after_ms);
    take_only_if(loader, node, &row->only_if);
    take_bool(loader, node, "invert", &row->invert);
}

static void read_id(const struct loader *loader, const struct conf_node *node, struct fault_row *row) {
    const struct conf_node *id = conf_get(node, "id");
    if (id)
        fault_by_node(loader, id, &row->source.fault);
    else
        conf_error(node, loader->problems, "id is missing");
}

static void read_bit_fault(const struct loader *loader, const struct conf_node *node, struct fault_row *row) {
    row->kind = FAULT_ROW_BIT;
    conf_check_keys(node, bit_keys, COUNT_OF(bit_keys), loader->problems);
    read_id(loader, node, row);
    if (!take_place(loader, node, &row->place))
        return;
    if (row->place.type != RAW_BITS)
        conf_error(node, loader->problems, "a fault needs a bit, or from and is, or none and codes");
    row->source.table = row->place.table;
    row->source.address = row->place.address;
    if (conf_get(node, "bit"))
        row->source.bit = (int8_t)row->place.bit_low;
}

static void read_pattern_fault(const struct loader *loader, const struct conf_node *node, struct fault_row *row) {
    row->kind = FAULT_ROW_PATTERN;
    conf_check_keys(node, pattern_keys, COUNT_OF(pattern_keys), loader->problems);
    read_id(loader, node, row);
    const struct conf_node *is = conf_get(node, "is");
    if (!is)
        conf_error(node, loader->problems, "is = \"pattern\" is missing");
    if (!take_from(loader, node, row->from, &row->from_count) || !is)
        return;
    struct patterns patterns = {0};
    take_patterns(loader, is, row->from_count, (struct outcome){.kind = OUTCOME_VALUE, .number = 1}, &patterns);
    check_patterns(loader, &patterns, row->from_count);
    if (conf_type(is) == CONF_LIST && conf_length(is) == 0)
        conf_error(is, loader->problems, "is needs at least one pattern");
    row->patterns = patterns.list;
    row->pattern_count = patterns.count;
    free(patterns.nodes);
}

static char *read_code_words(const struct loader *loader, const struct conf_node *node) {
    const char *text = conf_string(node);
    if (!text || strlen(text) > CODE_WORDS_SIZE)
        conf_error(node, loader->problems, "the text of a code must be a text of at most %d bytes", CODE_WORDS_SIZE);
    return memory_text(text);
}

/* One (raw, id, zh, en). */
static void read_code(const struct loader *loader, const struct conf_node *node, struct fault_row *row) {
    if (conf_length(node) != 4 || conf_type(node) != CONF_LIST) {
        conf_error(node, loader->problems, "a code must be (number, \"fault-id\", \"Chinese\", \"English\")");
        return;
    }
    struct fault_code *code = &row->codes[row->code_count];
    *code = (struct fault_code){.fault = FAULT_COUNT};
    const char *id = conf_string(conf_at(node, 1));
    if (!id || strcmp(id, "-") != 0)
        fault_by_node(loader, conf_at(node, 1), &code->fault);
    if (!take_raw(loader, conf_at(node, 0), &row->place, &code->raw))
        return;
    bool twice = raw_is_among(row->none, row->none_count, code->raw);
    for (size_t i = 0; i < row->code_count; i++)
        twice = twice || row->codes[i].raw == code->raw;
    if (twice)
        conf_error(node, loader->problems, "two answers for the code %" PRId64, code->raw);
    code->chinese = read_code_words(loader, conf_at(node, 2));
    code->english = read_code_words(loader, conf_at(node, 3));
    row->code_count++;
}

static void read_code_fault(const struct loader *loader, const struct conf_node *node, struct fault_row *row) {
    row->kind = FAULT_ROW_CODES;
    conf_check_keys(node, code_keys, COUNT_OF(code_keys), loader->problems);
    const char *format = take_text(loader, node, "code_format");
    if (format && !code_format_is_right(format))
        conf_error(conf_get(node, "code_format"), loader->problems,
                   "code_format must be plain text around one number, of at most six characters, such as \"E%%02d\"");
    else
        row->code_format = memory_text(format);
    if (!take_place(loader, node, &row->place))
        return;
    row->source.table = row->place.table;
    row->source.address = row->place.address;
    int64_t low;
    int64_t high;
    place_range(&row->place, &low, &high);
    if (low < 0) /* -1 says "no code" in messages */
        conf_error(node, loader->problems, "a fault code cannot have the type %s", raw_type_name(row->place.type));
    if (row->place.type == RAW_BITS && !conf_get(node, "bits"))
        conf_error(node, loader->problems, "one bit is no code: say id and bit");
    if (!conf_get(node, "none"))
        conf_error(node, loader->problems, "none is missing: which numbers mean that there is no fault, such as [0]");
    take_raws(loader, node, "none", &row->place, &row->none, &row->none_count);
    take_raws(loader, node, "no_stop", &row->place, &row->no_stop, &row->no_stop_count);
    const struct conf_node *codes = conf_get(node, "codes");
    if (!codes || conf_type(codes) != CONF_LIST) {
        conf_error(codes ? codes : node, loader->problems, "codes must be a list ( … ); it may be empty");
        return;
    }
    row->codes = memory_get((size_t)conf_length(codes), sizeof *row->codes);
    for (int i = 0; i < conf_length(codes); i++)
        read_code(loader, conf_at(codes, i), row);
}

static void read_fault(const struct loader *loader, const struct conf_node *node, struct fault_row *row) {
    *row = (struct fault_row){.only_if = -1, .file = keep_file(loader, node), .line = conf_line(node)};
    row->source = (struct fault_source){.fault = FAULT_COUNT, .address = -1, .bit = -1};
    read_common(loader, node, row);
    if (conf_get(node, "codes") || conf_get(node, "none"))
        read_code_fault(loader, node, row);
    else if (conf_get(node, "from") || conf_get(node, "is"))
        read_pattern_fault(loader, node, row);
    else
        read_bit_fault(loader, node, row);
}

void read_faults(const struct loader *loader) {
    struct profile *profile = loader->profile;
    profile->fault_count = loader->faults ? (size_t)conf_length(loader->faults) : 0;
    profile->faults = memory_get(profile->fault_count, sizeof *profile->faults);
    profile->sources = memory_get(profile->fault_count, sizeof *profile->sources);
    for (size_t i = 0; i < profile->fault_count; i++) {
        read_fault(loader, conf_at(loader->faults, (int)i), &profile->faults[i]);
        profile->sources[i] = profile->faults[i].source;
    }
}
