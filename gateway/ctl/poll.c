/* `liftgwctl poll`: one poll of a lift, from what stands in the registers to what it means. */
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/command.h"
#include "ctl/interpret.h"
#include "ctl/interrupt.h"
#include "ctl/reader.h"
#include "ctl/table.h"
#include "profile/decode.h"
#include "settings/settings.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define WATCH_MS 1000
#define MS_PER_HOUR 3600000

struct poll {
    const struct context *context;
    const struct settings *settings;
    const struct lift_settings *lift;
    bool watch;
    struct table_view *values, *faults;
    size_t not_fine, fault_count, quiet;
};

/* One row of the answer. */
struct polled {
    const char *file;
    int line, unit;
    const char *item;
    const struct place *place; /* NULL: it follows from others */
    int address_offset;
    struct value raw;
    const char *result, *value;
};
struct polled_fault {
    const char *file;
    int line, unit;
    const struct place *place; /* NULL: it follows from items */
    int address_offset;
    int64_t raw;
    enum seen seen;
    const char *fault; /* NULL: a code that is none */
};

/* The column of units is left out where there is only one. */
static size_t first_column(const struct poll *poll) {
    return poll->lift->part_count == 1 ? 1 : 0;
}

static void begin_tables(struct poll *poll) {
    static const char *const values[] = {"UNIT", "ITEM", "WHERE", "RAW", "RESULT", "VALUE", "ROW"};
    static const char *const faults[] = {"UNIT", "FAULT", "WHERE", "RAW", "IS THERE", "ROW"};
    size_t first = first_column(poll);
    poll->values = table_create(values + first, COUNT_OF(values) - first);
    poll->faults = table_create(faults + first, COUNT_OF(faults) - first);
    table_right(poll->values, 3 - first);
    table_right(poll->faults, 3 - first);
    poll->not_fine = poll->fault_count = poll->quiet = 0;
}

static bool is_else(const struct polled *polled) {
    return polled->value && strcmp(polled->result, decode_result_name(DECODE_UNMAPPED)) == 0;
}

/* The name of the file without its folder and ending, and the line: there is little room. */
static const char *row_text(const char *file, int line, char text[TABLE_CELL]) {
    const char *slash = strrchr(file, '/');
    const char *name = slash ? slash + 1 : file;
    const char *dot = strrchr(name, '.');
    snprintf(text, TABLE_CELL, "%.*s:%d", dot ? (int)(dot - name) : (int)strlen(name), name, line);
    return text;
}

/* True if the value is what the row expects; one that else turns into something is. */
static bool is_fine(const struct polled *polled) {
    return !polled->place || strcmp(polled->result, decode_result_name(DECODE_OK)) == 0 ||
           strcmp(polled->result, decode_result_name(DECODE_LEFT_OUT)) == 0 || is_else(polled);
}

static void add_row(struct poll *poll, const struct polled *polled) {
    char unit[16], where[INTERPRET_ROW_SIZE] = "", raw[32], row[TABLE_CELL];
    snprintf(unit, sizeof unit, "%d", polled->unit);
    snprintf(raw, sizeof raw, "%" PRId64, polled->raw.number);
    if (polled->place)
        interpret_place(polled->place, polled->address_offset, where);
    const char *const cells[] = {unit,
                                 polled->item,
                                 where,
                                 polled->raw.known ? raw
                                 : polled->place   ? NULL
                                                   : "",
                                 is_else(polled) ? "else" : polled->result,
                                 polled->value,
                                 row_text(polled->file, polled->line, row)};
    table_add(poll->values, cells + first_column(poll));
    if (is_fine(polled))
        return;
    table_style(poll->values, 4 - first_column(poll), STYLE_WARNING);
    poll->not_fine++;
}

/* Those that are not there are only counted. */
static void add_fault(struct poll *poll, const struct polled_fault *polled) {
    char unit[16], where[INTERPRET_ROW_SIZE] = "", raw[32], row[TABLE_CELL];
    poll->fault_count++;
    poll->quiet += polled->seen == SEEN_NOT;
    if (polled->seen == SEEN_NOT)
        return;
    snprintf(unit, sizeof unit, "%d", polled->unit);
    snprintf(raw, sizeof raw, "%" PRId64, polled->raw);
    if (polled->place)
        interpret_place(polled->place, polled->address_offset, where);
    const char *const cells[] = {unit,
                                 polled->fault,
                                 where,
                                 raw,
                                 polled->seen == SEEN_YES ? "yes" : "unknown",
                                 row_text(polled->file, polled->line, row)};
    table_add(poll->faults, cells + first_column(poll));
    table_style(poll->faults, 1 - first_column(poll), polled->seen == SEEN_YES ? STYLE_BAD : STYLE_WARNING);
}

static void end_tables(struct poll *poll, const char *link) {
    char now[STYLE_TIME_SIZE];
    if (poll->watch && style_is_terminal(stdout))
        printf("\033[H\033[2J");
    printf("lift %s", poll->lift->identity.id);
    for (size_t p = 0; p < poll->lift->part_count; p++)
        printf(", unit %d %s", poll->lift->part[p].unit, poll->settings->profiles[poll->lift->part[p].profile]->name);
    printf(", %s, %s", link, style_time(clock_now().real_ms, now));
    if (poll->not_fine > 0)
        printf("; %zu row%s not fine", poll->not_fine, poll->not_fine == 1 ? " is" : "s are");
    printf("\n\n");
    table_print(poll->values, stdout);
    printf("\n%zu of %zu places of faults show none\n", poll->quiet, poll->fault_count);
    if (poll->quiet < poll->fault_count) {
        printf("\n");
        table_print(poll->faults, stdout);
    }
    fflush(stdout);
    table_free(poll->values);
    table_free(poll->faults);
}

/* ---- through the daemon ---- */

static const struct part_settings *part_of(const struct poll *poll, const json_t *answer) {
    for (size_t p = 0; p < poll->lift->part_count; p++)
        if (poll->lift->part[p].unit == answer_number(answer, "unit"))
            return &poll->lift->part[p];
    return NULL;
}

/* The row of the configuration that an answer's row is about. False: the daemon has other settings than the file. */
static bool find_row(const struct poll *poll, const json_t *answer, struct polled *polled) {
    const struct part_settings *part = part_of(poll, answer);
    const struct profile *profile = part ? poll->settings->profiles[part->profile] : NULL;
    const char *item = answer_text(answer, "item");
    bool is_rule = json_is_null(json_object_get(answer, "table"));
    int line = (int)answer_number(answer, "row");
    for (size_t i = 0; profile && item && i < (is_rule ? profile->rule_count : profile->value_count); i++) {
        const struct value_row *value = is_rule ? NULL : &profile->values[i];
        const struct rule_row *rule = is_rule ? &profile->rules[i] : NULL;
        const char *name = profile->slot_names[is_rule ? rule->slot : value->slot];
        if ((is_rule ? rule->line : value->line) != line || strcmp(name, item) != 0)
            continue;
        *polled = (struct polled){.file = is_rule ? rule->file : value->file,
                                  .line = line,
                                  .unit = part->unit,
                                  .item = name,
                                  .place = is_rule ? NULL : &value->place,
                                  .address_offset = part->options.address_offset};
        return true;
    }
    return false;
}

static bool take_row(struct poll *poll, const json_t *answer) {
    struct polled polled;
    char number[32];
    const json_t *raw = json_object_get(answer, "raw");
    const json_t *value = json_object_get(answer, "value");
    const char *result = answer_text(answer, "result");
    if (!find_row(poll, answer, &polled))
        return false;
    bool is_hours = strcmp(polled.item, item_info(ITEM_RUN_HOURS)->name) == 0;
    snprintf(number, sizeof number, "%lld", json_integer_value(value) / (is_hours ? MS_PER_HOUR : 1));
    polled.raw = json_is_integer(raw) ? VALUE(json_integer_value(raw)) : VALUE_UNKNOWN;
    polled.result = result ? result : "-";
    polled.value = json_is_integer(value) ? number : json_string_value(value);
    add_row(poll, &polled);
    return true;
}

static bool take_fault(struct poll *poll, const json_t *answer) {
    const struct part_settings *part = part_of(poll, answer);
    const struct profile *profile = part ? poll->settings->profiles[part->profile] : NULL;
    const char *seen = answer_text(answer, "seen");
    for (size_t i = 0; profile && seen && i < profile->fault_count; i++) {
        const struct fault_row *row = &profile->faults[i];
        if (row->line != answer_number(answer, "row"))
            continue;
        struct polled_fault polled = {.file = row->file,
                                      .line = row->line,
                                      .unit = part->unit,
                                      .place = row->kind == FAULT_ROW_PATTERN ? NULL : &row->place,
                                      .address_offset = part->options.address_offset,
                                      .raw = answer_number(answer, "raw"),
                                      .seen = strcmp(seen, "yes") == 0  ? SEEN_YES
                                              : strcmp(seen, "no") == 0 ? SEEN_NOT
                                                                        : SEEN_UNKNOWN,
                                      .fault = answer_text(answer, "fault")};
        add_fault(poll, &polled);
        return true;
    }
    return false;
}

static int poll_through_daemon(struct poll *poll, int daemon) {
    json_t *question = json_pack("{s:s, s:s}", "cmd", "poll", "lift", poll->lift->identity.id);
    char *text = json_dumps(question, JSON_COMPACT);
    json_t *answer = client_ask(daemon, text);
    free(text);
    json_decref(question);
    const char *error = answer_text(answer, "error");
    if (!json_is_true(json_object_get(answer, "ok"))) {
        log_error("lift %s: liftgwd says: %s", poll->lift->identity.id, error ? error : "nothing; has it ended?");
        json_decref(answer);
        return EX_UNAVAILABLE;
    }
    begin_tables(poll);
    size_t i;
    json_t *row;
    bool known = true;
    json_array_foreach(json_object_get(answer, "rows"), i, row) known = take_row(poll, row) && known;
    json_array_foreach(json_object_get(answer, "faults"), i, row) known = take_fault(poll, row) && known;
    const char *link = answer_text(answer, "link");
    end_tables(poll, link ? link : "-");
    if (!known)
        log_warn("%s has changed since liftgwd read it: rows are missing here; systemctl reload liftgwd",
                 poll->context->file);
    json_decref(answer);
    return EX_OK;
}

/* ---- off the line ---- */

/* What one part keeps from poll to poll: a debounce needs more than one. */
struct direct {
    struct reader *reader;
    struct plan *plan;
    struct decoder *decoder;
    uint16_t *image;
    bool *valid;
    struct sample sample;
};

static const char *value_text(const struct profile *profile, int slot, struct value value, char text[32]) {
    const char *word = slot < ITEM_COUNT ? item_word_of((enum item)slot, value) : NULL;
    if (!value.known)
        return NULL;
    if (word)
        return word;
    if (profile->slot_kinds[slot] == KIND_BOOL)
        return value.number ? "yes" : "no";
    snprintf(text, 32, "%" PRId64, slot == ITEM_RUN_HOURS ? value.number / MS_PER_HOUR : value.number);
    return text;
}

static void add_values(struct poll *poll, const struct part_settings *part, const struct direct *direct) {
    const struct profile *profile = poll->settings->profiles[part->profile];
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        char text[32];
        struct polled polled = {.file = row->file,
                                .line = row->line,
                                .unit = part->unit,
                                .item = profile->slot_names[row->slot],
                                .place = &row->place,
                                .address_offset = part->options.address_offset};
        enum decode_result result = decoder_row(direct->decoder, i, &polled.raw);
        polled.result = decode_result_name(result);
        polled.value = value_text(profile, row->slot, decoder_slot(direct->decoder, row->slot), text);
        add_row(poll, &polled);
    }
}

static void add_rules(struct poll *poll, const struct part_settings *part, const struct direct *direct) {
    const struct profile *profile = poll->settings->profiles[part->profile];
    for (size_t i = 0; i < profile->rule_count; i++) {
        const struct rule_row *row = &profile->rules[i];
        char text[32];
        struct polled polled = {.file = row->file,
                                .line = row->line,
                                .unit = part->unit,
                                .item = profile->slot_names[row->slot],
                                .result = "rule"};
        polled.value = value_text(profile, row->slot, decoder_slot(direct->decoder, row->slot), text);
        if (row->kind == RULE_TRUTH)
            add_row(poll, &polled);
    }
}

static void add_faults(struct poll *poll, const struct part_settings *part, const struct direct *direct) {
    const struct profile *profile = poll->settings->profiles[part->profile];
    for (size_t i = 0; i < direct->sample.fault_count; i++) {
        const struct fault_row *row = &profile->faults[i];
        const struct fault_reading *reading = &direct->sample.faults[i];
        add_fault(poll, &(struct polled_fault){.file = row->file,
                                               .line = row->line,
                                               .unit = part->unit,
                                               .place = row->kind == FAULT_ROW_PATTERN ? NULL : &row->place,
                                               .address_offset = part->options.address_offset,
                                               .raw = reading->value,
                                               .seen = reading->seen,
                                               .fault = reading->fault < FAULT_COUNT ? fault_info(reading->fault)->id
                                                                                     : NULL});
    }
}

/* LINE_OK if any read was answered, else how the last one failed. */
static enum line_result read_part(const struct poll *poll, const struct part_settings *part, struct direct *direct) {
    static struct line_reply reply;
    const struct profile *profile = poll->settings->profiles[part->profile];
    enum line_result last = LINE_TIMEOUT;
    bool answered = false;
    for (size_t r = 0; r < direct->plan->read_count && last != LINE_GONE && !interrupted(); r++) {
        const struct plan_read *read = &direct->plan->reads[r];
        struct line_request request = {.unit = part->unit,
                                       .table = read->table,
                                       .address = read->address,
                                       .count = read->count,
                                       .dialect = profile->dialect,
                                       .timeout_ms = poll->settings->buses[part->bus].response_timeout_ms,
                                       .min_gap_ms = profile->min_gap_ms};
        last = reader_read(direct->reader, &request, &reply);
        direct->valid[r] = last == LINE_OK;
        answered |= last == LINE_OK;
        if (last == LINE_OK)
            memcpy(&direct->image[read->at], reply.words, read->count * sizeof direct->image[0]);
    }
    return answered && last != LINE_GONE ? LINE_OK : last;
}

static int open_part(const struct poll *poll, const struct part_settings *part, struct direct *direct) {
    const struct bus_section *bus = &poll->settings->buses[part->bus];
    const struct profile *profile = poll->settings->profiles[part->profile];
    int status = EX_OK;
    direct->plan = plan_create(profile, &part->options);
    direct->decoder = decoder_create(profile, direct->plan);
    direct->image = memory_get(direct->plan->image_size, sizeof direct->image[0]);
    direct->valid = memory_get(direct->plan->read_count, sizeof direct->valid[0]);
    direct->sample.faults = memory_get(profile->fault_count, sizeof direct->sample.faults[0]);
    direct->reader = reader_open(poll->context, bus->device, &status);
    if (!direct->reader)
        return status;
    if (reader_set_line(direct->reader, bus->baud, bus->parity, bus->stop_bits, &status) == 0)
        return EX_OK;
    if (status == EX_OK)
        log_error("%s cannot do %d baud with these stop bits", bus->device, bus->baud);
    return status == EX_OK ? EX_UNAVAILABLE : status;
}

static void close_part(struct direct *direct) {
    reader_free(direct->reader);
    decoder_free(direct->decoder);
    plan_free(direct->plan);
    free(direct->image);
    free(direct->valid);
    free(direct->sample.faults);
}

/* No read of this part was answered with values. */
static int explain_silence(const struct poll *poll, const struct part_settings *part, enum line_result result) {
    if (result == LINE_EXCEPTION)
        log_error(
            "unit %d is there, but has nothing of what profile \"%s\" reads (exceptions): is it this controller's? "
            "liftgwctl probe shows single registers",
            part->unit, poll->settings->profiles[part->profile]->name);
    else
        log_error("unit %d does not answer well (%s): liftgwctl scan %s finds line settings and units", part->unit,
                  line_result_name(result), poll->settings->buses[part->bus].device);
    return EX_UNAVAILABLE;
}

static int poll_part(struct poll *poll, const struct part_settings *part) {
    struct direct direct = {0};
    int status = open_part(poll, part, &direct);
    if (status == EX_OK) {
        enum line_result result = read_part(poll, part, &direct);
        if (result == LINE_GONE)
            status = reader_gone(direct.reader);
        else if (result != LINE_OK && !interrupted())
            status = explain_silence(poll, part, result);
        decode(direct.decoder, direct.image, direct.valid, clock_now(), &direct.sample);
        add_values(poll, part, &direct);
        add_rules(poll, part, &direct);
        add_faults(poll, part, &direct);
    }
    close_part(&direct);
    return status;
}

/* Each poll opens the line anew, so that a daemon that starts meanwhile gets it. */
static int poll_directly(struct poll *poll) {
    int status = EX_OK;
    begin_tables(poll);
    for (size_t p = 0; p < poll->lift->part_count && !interrupted(); p++) {
        int of_part = poll_part(poll, &poll->lift->part[p]);
        status = status == EX_OK ? of_part : status;
    }
    end_tables(poll, status == EX_OK ? "answers" : "no values");
    return status;
}

/* ---- the command ---- */

static const struct lift_settings *find_lift(const struct settings *settings, const char *id) {
    const char **ids = memory_get(settings->lift_count, sizeof *ids);
    const struct lift_settings *found = NULL;
    for (size_t l = 0; l < settings->lift_count; l++) {
        ids[l] = settings->lifts[l].identity.id;
        if (strcmp(ids[l], id) == 0)
            found = &settings->lifts[l];
    }
    const char *near = text_suggest(id, ids, settings->lift_count);
    if (!found)
        log_error("there is no lift \"%s\" in %s%s%s%s", id, settings->file, near ? ", did you mean \"" : "",
                  near ? near : "", near ? "\"?" : "");
    free(ids);
    return found;
}

static int poll_lift(struct poll *poll) {
    int daemon = client_connect(poll->context);
    int status = EX_OK;
    interrupt_catch();
    if (daemon >= 0)
        fprintf(stderr, "liftgwd holds this bus: asking it (one poll a cycle)\n");
    do {
        status = daemon >= 0 ? poll_through_daemon(poll, daemon) : poll_directly(poll);
        if (poll->watch)
            interrupt_sleep_ms(WATCH_MS);
    } while (poll->watch && !interrupted() && status == EX_OK);
    if (daemon >= 0)
        close(daemon);
    return interrupted() ? EX_OK : status;
}

int poll_run(const struct context *context, int argc, char *argv[]) {
    struct poll poll = {.context = context};
    const char *id = NULL;
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--watch") == 0)
            poll.watch = true;
        else if (argv[i][0] == '-' || id)
            return command_help(argv[0], false);
        else
            id = argv[i];
    if (!id)
        return command_help(argv[0], false);
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(context->file, problems);
    int status = EX_CONFIG;
    if (!settings)
        problems_print(problems, stderr);
    poll.settings = settings;
    poll.lift = settings ? find_lift(settings, id) : NULL;
    if (poll.lift)
        status = poll_lift(&poll);
    else if (settings)
        status = EX_USAGE;
    settings_free(settings);
    problems_free(problems);
    return status;
}
