/* `liftgwctl profiles`: the controllers that are known, and one as a readable register map. */
#include "base/memory.h"
#include "base/text.h"
#include "ctl/interpret.h"
#include "ctl/library.h"
#include "ctl/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

static const char *dialect_name(const struct profile *profile) {
    return profile->dialect == DIALECT_MONARCH ? "monarch" : "rtu";
}

static const char *line_text(const struct line_defaults *line, char *text, size_t size) {
    char parity = line->parity == PARITY_UNSET ? '?' : (char)(parity_name(line->parity)[0] - 'a' + 'A');
    if (line->baud)
        snprintf(text, size, "%d 8%c%d", line->baud, parity, line->stop_bits ? line->stop_bits : 1);
    else
        snprintf(text, size, "-");
    return text;
}

static int list_all(const struct library *library) {
    static const char *const titles[] = {"NAME", "LINE", "DIALECT", "VERIFIED", "TITLE"};
    struct table_view *table = table_create(titles, COUNT_OF(titles));
    for (size_t i = 0; i < library->count; i++) {
        const struct profile *profile = library->profiles[i];
        char line[32];
        table_add(table, (const char *[]){profile->name, line_text(&profile->line, line, sizeof line),
                                          dialect_name(profile), profile->verified ? "yes" : "no", profile->title});
    }
    table_print(table, stdout);
    table_free(table);
    problems_print(library->problems, stderr);
    return problems_count(library->problems, PROBLEM_ERROR) ? EX_CONFIG : EX_OK;
}

/* ---- one ---- */

struct map_line {
    int table, address, bit; /* what lines are sorted by */
    char where[INTERPRET_ROW_SIZE], what[64], meaning[TABLE_CELL];
};

static void append(char *text, size_t size, const char *more) {
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s%s", used ? ", " : "", more);
}

static void describe_value(const struct profile *profile, const struct value_row *row, char *text, size_t size) {
    char part[128];
    for (size_t i = 0; i < row->map_count; i++) {
        snprintf(part, sizeof part, "%" PRId64 " %s", row->map[i].raw,
                 interpret_outcome(row->slot, &row->map[i].outcome));
        append(text, size, part);
    }
    if (row->scaled) {
        snprintf(part, sizeof part, "× %g", row->scale);
        append(text, size, part);
    }
    for (size_t i = 0; i < row->invalid_count; i++) {
        snprintf(part, sizeof part, "%" PRId64 " unknown", row->invalid[i]);
        append(text, size, part);
    }
    if (row->ranged) {
        snprintf(part, sizeof part, "%" PRId64 " to %" PRId64, row->valid_low, row->valid_high);
        append(text, size, part);
    }
    if (row->only_if >= 0) {
        snprintf(part, sizeof part, "only if %s", profile->slot_names[row->only_if]);
        append(text, size, part);
    }
    if (row->lane == LANE_SLOW)
        append(text, size, "slow");
}

static void describe_fault(const struct fault_row *row, struct map_line *line) {
    if (row->kind == FAULT_ROW_BIT) {
        snprintf(line->what, sizeof line->what, "fault %s", fault_info(row->source.fault)->id);
        snprintf(line->meaning, sizeof line->meaning, "%s%s", fault_info(row->source.fault)->english,
                 row->invert ? ", when 0" : "");
        return;
    }
    snprintf(line->what, sizeof line->what, "fault code");
    if (row->code_count == 0)
        snprintf(line->meaning, sizeof line->meaning, "every code is a fault \"other\"");
    else
        snprintf(line->meaning, sizeof line->meaning, "%zu codes are known", row->code_count);
}

static int by_address(const void *a, const void *b) {
    const struct map_line *left = a;
    const struct map_line *right = b;
    if (left->table != right->table)
        return left->table - right->table;
    return left->address != right->address ? left->address - right->address : left->bit - right->bit;
}

static void place_line(struct map_line *line, const struct place *place) {
    line->table = place->table;
    line->address = place->address;
    line->bit = place->bit_low;
    interpret_place(place, 0, line->where);
}

static void print_map(const struct profile *profile) {
    static const char *const titles[] = {"TABLE", "WHERE", "WHAT", "MEANING"};
    struct table_view *table = table_create(titles, COUNT_OF(titles));
    size_t most = profile->value_count + profile->fault_count;
    struct map_line *lines = memory_get(most, sizeof *lines);
    size_t count = 0;
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        place_line(&lines[count], &row->place);
        text_copy(lines[count].what, sizeof lines[count].what, profile->slot_names[row->slot]);
        describe_value(profile, row, lines[count].meaning, sizeof lines[count].meaning);
        count++;
    }
    for (size_t i = 0; i < profile->fault_count; i++)
        if (profile->faults[i].kind != FAULT_ROW_PATTERN) {
            place_line(&lines[count], &profile->faults[i].place);
            describe_fault(&profile->faults[i], &lines[count++]);
        }
    qsort(lines, count, sizeof *lines, by_address);
    for (size_t i = 0; i < count; i++)
        table_add(table, (const char *[]){table_name((enum table)lines[i].table), lines[i].where, lines[i].what,
                                          lines[i].meaning});
    table_print(table, stdout);
    table_free(table);
    free(lines);
}

static void print_codes(const struct fault_row *row) {
    static const char *const titles[] = {"CODE", "FAULT", "ENGLISH", "CHINESE"};
    struct table_view *table = table_create(titles, COUNT_OF(titles));
    for (size_t i = 0; i < row->code_count; i++) {
        char code[24];
        snprintf(code, sizeof code, "%" PRId64, row->codes[i].raw);
        table_add(table,
                  (const char *[]){code, row->codes[i].fault < FAULT_COUNT ? fault_info(row->codes[i].fault)->id : "-",
                                   row->codes[i].english, row->codes[i].chinese});
    }
    printf("\nFault codes of %s 0x%04X:\n\n", table_name((enum table)row->place.table), row->place.address);
    table_print(table, stdout);
    table_free(table);
}

static void add_fault_rule(struct table_view *table, const struct profile *profile, const struct fault_row *row) {
    char from[TABLE_CELL] = "", how[TABLE_CELL] = "", what[64];
    if (row->kind != FAULT_ROW_PATTERN)
        return;
    snprintf(what, sizeof what, "fault %s", fault_info(row->source.fault)->id);
    for (size_t k = 0; k < row->from_count; k++)
        append(from, sizeof from, profile->slot_names[row->from[k]]);
    for (size_t k = 0; k < row->pattern_count; k++)
        append(how, sizeof how, row->patterns[k].text);
    table_add(table, (const char *[]){what, from, how});
}

static void print_rules(const struct profile *profile) {
    static const char *const titles[] = {"ITEM", "FROM", "HOW"};
    struct table_view *table = table_create(titles, COUNT_OF(titles));
    for (size_t i = 0; i < profile->rule_count; i++) {
        const struct rule_row *row = &profile->rules[i];
        char from[TABLE_CELL] = "", how[TABLE_CELL] = "", part[96];
        if (row->kind != RULE_TRUTH)
            append(from, sizeof from, profile->slot_names[row->of]);
        for (size_t k = 0; k < row->from_count; k++)
            append(from, sizeof from, profile->slot_names[row->from[k]]);
        if (row->kind == RULE_EDGES)
            append(how, sizeof how, "counted");
        if (row->kind == RULE_TIME)
            append(how, sizeof how, "timed");
        for (size_t k = 0; k < row->pattern_count; k++) {
            snprintf(part, sizeof part, "%s %s", row->patterns[k].text,
                     interpret_outcome(row->slot, &row->patterns[k].outcome));
            append(how, sizeof how, part);
        }
        if (row->kind == RULE_TRUTH) {
            snprintf(part, sizeof part, "else %s", interpret_outcome(row->slot, &row->otherwise));
            append(how, sizeof how, part);
        }
        table_add(table, (const char *[]){profile->slot_names[row->slot], from, how});
    }
    for (size_t i = 0; i < profile->fault_count; i++)
        add_fault_rule(table, profile, &profile->faults[i]);
    printf("\nWhat follows from them:\n\n");
    table_print(table, stdout);
    table_free(table);
}

static int show_one(const struct profile *profile) {
    char line[32];
    printf("%s: ", profile->name);
    style_wrap(stdout, profile->title ? profile->title : "-", strlen(profile->name) + 2, 10);
    printf("source    ");
    style_wrap(stdout, profile->origin ? profile->origin : "-", 10, 10);
    printf("verified  %s\n", profile->verified ? "yes" : "no: nobody has confirmed it on a real lift yet");
    printf("line      %s, unit %d, dialect %s, at most %d registers a read\n",
           line_text(&profile->line, line, sizeof line), profile->line.unit, dialect_name(profile),
           profile->max_registers);
    printf("file      %s\n", profile->file);
    for (size_t i = 0; i < profile->warning_count; i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s: %s", profile->warnings[i].id, profile->warnings[i].text);
        printf("WARNING   ");
        style_wrap(stdout, text, 10, 10);
    }
    printf("\n");
    print_map(profile);
    if (profile->rule_count > 0)
        print_rules(profile);
    for (size_t i = 0; i < profile->fault_count; i++)
        if (profile->faults[i].kind == FAULT_ROW_CODES && profile->faults[i].code_count > 0)
            print_codes(&profile->faults[i]);
    return EX_OK;
}

int profiles_run(const struct context *context, int argc, char *argv[]) {
    if (argc > 2 || (argc == 2 && argv[1][0] == '-'))
        return command_help(argv[0], false);
    struct library *library = library_load(context);
    const struct profile *profile = argc == 2 ? library_find_profile(library, argv[1]) : NULL;
    int status = EX_USAGE;
    if (profile)
        status = show_one(profile);
    else if (argc == 1)
        status = list_all(library);
    library_free(library);
    return status;
}
