/* The open day and month of each lift's report, as one line of text: "watched_ms=86400000 fault_ms.overspeed=1200 …".
 * What is 0 is left out; words that nobody knows (any more) are skipped. */
#include "model/report.h"

#include "base/text.h"
#include "store/database.h"

#include <assert.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longer than with every number at its longest. */
#define LINE_SIZE ((size_t)10 * 1024)

struct line {
    char text[LINE_SIZE];
    size_t length;
};

enum kind { KIND_INT64, KIND_UINT32, KIND_UINT16 };
enum key { KEY_NONE, KEY_INDEX, KEY_FAULT, KEY_MODE };

#define FIELD(name, kind, key)                                                                                         \
    { #name, offsetof(struct report, name), kind, key, sizeof(((struct report *)NULL)->name) }
static const struct field {
    const char *name;
    size_t offset;
    enum kind kind;
    enum key key;
    size_t size;
} fields[] = {
    FIELD(span, KIND_INT64, KEY_INDEX), /* 0 from, 1 to; so for each closed one */
    FIELD(closed, KIND_INT64, KEY_INDEX),        FIELD(written_real_ms, KIND_INT64, KEY_NONE),
    FIELD(rides_seen, KIND_INT64, KEY_NONE),     FIELD(fault_seen, KIND_UINT32, KEY_FAULT),
    FIELD(unsure, KIND_UINT32, KEY_NONE),        FIELD(rides_known, KIND_UINT32, KEY_NONE),
    FIELD(floors_known, KIND_UINT32, KEY_NONE),  FIELD(doors_known, KIND_UINT32, KEY_NONE),
    FIELD(watched_ms, KIND_UINT32, KEY_NONE),    FIELD(available_ms, KIND_UINT32, KEY_NONE),
    FIELD(entrapment_ms, KIND_UINT32, KEY_NONE), FIELD(mode_ms, KIND_UINT32, KEY_MODE),
    FIELD(rides, KIND_UINT32, KEY_NONE),         FIELD(fault_count, KIND_UINT32, KEY_FAULT),
    FIELD(fault_ms, KIND_UINT32, KEY_FAULT),     FIELD(openings, KIND_UINT32, KEY_NONE),
    FIELD(closings, KIND_UINT32, KEY_NONE),      FIELD(reversals, KIND_UINT32, KEY_NONE),
    FIELD(opening, KIND_UINT16, KEY_INDEX),      FIELD(closing, KIND_UINT16, KEY_INDEX),
    FIELD(stops, KIND_UINT16, KEY_INDEX),
};
static const struct {
    size_t size;
    int64_t highest;
} kinds[] = {[KIND_INT64] = {8, INT64_MAX}, [KIND_UINT32] = {4, UINT32_MAX}, [KIND_UINT16] = {2, UINT16_MAX}};

static size_t count_of(const struct field *field) {
    return field->size / kinds[field->kind].size;
}

static int64_t read_number(const struct report *report, const struct field *field, size_t i) {
    const char *at = (const char *)report + field->offset + i * kinds[field->kind].size;
    switch (field->kind) {
    case KIND_INT64:
        return *(const int64_t *)(const void *)at;
    case KIND_UINT32:
        return *(const uint32_t *)(const void *)at;
    case KIND_UINT16:
        return *(const uint16_t *)(const void *)at;
    }
    return 0;
}

static void write_number(struct report *report, const struct field *field, size_t i, int64_t number) {
    char *at = (char *)report + field->offset + i * kinds[field->kind].size;
    switch (field->kind) {
    case KIND_INT64:
        *(int64_t *)(void *)at = number;
        break;
    case KIND_UINT32:
        *(uint32_t *)(void *)at = (uint32_t)number;
        break;
    case KIND_UINT16:
        *(uint16_t *)(void *)at = (uint16_t)number;
        break;
    }
}

static void say(struct line *line, const char *format, ...) PRINTF_LIKE(2, 3);
static void say(struct line *line, const char *format, ...) {
    va_list values;
    va_start(values, format);
    int length = vsnprintf(line->text + line->length, LINE_SIZE - line->length, format, values);
    va_end(values);
    assert(length >= 0 && (size_t)length < LINE_SIZE - line->length);
    line->length += (size_t)length;
}

static void write_name(struct line *line, const struct field *field, size_t i) {
    say(line, "%s", field->name);
    if (field->key == KEY_INDEX)
        say(line, ".%zu", i);
    if (field->key == KEY_FAULT)
        say(line, ".%s", fault_info((enum fault)i)->id);
    if (field->key == KEY_MODE)
        say(line, ".%s", item_word_of(ITEM_SERVICE_MODE, VALUE((int64_t)i)));
}

static void write_line(struct line *line, const struct report *report) {
    line->length = 0;
    line->text[0] = '\0';
    for (size_t f = 0; f < COUNT_OF(fields); f++)
        for (size_t i = 0; i < count_of(&fields[f]); i++) {
            int64_t number = read_number(report, &fields[f], i);
            if (number == 0)
                continue;
            write_name(line, &fields[f], i);
            say(line, "=%lld ", (long long)number);
        }
}

/* The place of that key in the field; count_of(field) if it has none. */
static size_t place_of(const struct field *field, const char *key) {
    size_t none = count_of(field);
    switch (field->key) {
    case KEY_NONE:
        return key ? none : 0;
    case KEY_INDEX:
        return key ? strtoul(key, NULL, 10) : none;
    case KEY_FAULT:
        return key ? fault_by_id(key) : none;
    case KEY_MODE: {
        int mode = key ? item_word(ITEM_SERVICE_MODE, key) : -1;
        return mode >= 0 ? (size_t)mode : none;
    }
    }
    return none;
}

static void read_word(struct report *report, char *word) {
    char *value = strchr(word, '=');
    if (!value)
        return;
    *value++ = '\0';
    char *key = strchr(word, '.');
    if (key)
        *key++ = '\0';
    for (size_t f = 0; f < COUNT_OF(fields); f++) {
        if (strcmp(fields[f].name, word) != 0)
            continue;
        size_t i = place_of(&fields[f], key);
        int64_t number = strtoll(value, NULL, 10);
        bool fits = number <= kinds[fields[f].kind].highest && (number >= 0 || fields[f].kind == KIND_INT64);
        if (i < count_of(&fields[f]) && fits)
            write_number(report, &fields[f], i, number);
    }
}

static bool read_line(struct report *report, const char *text) {
    char line[LINE_SIZE];
    char *rest = NULL;
    *report = (struct report){.watched_ms = 0};
    if (!text || !text_copy(line, sizeof line, text))
        return false;
    for (char *word = strtok_r(line, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
        read_word(report, word);
    return report_is_sound(report);
}

static sqlite3_stmt *row_of(struct ledger *ledger, enum statement which, const char *lift, enum report_period period) {
    sqlite3_stmt *row = database_statement(ledger, which);
    database_bind_text(row, 1, lift);
    database_bind_text(row, 2, report_period_name(period));
    return row;
}

int ledger_report_load(struct ledger *ledger, const char *lift, enum report_period period, struct report *report) {
    sqlite3_stmt *row = row_of(ledger, STATEMENT_REPORT_LOAD, lift, period);
    int result = database_step(ledger, STATEMENT_REPORT_LOAD);
    if (result != 1)
        return result;
    bool sound = read_line(report, (const char *)sqlite3_column_text(row, 0));
    database_end(ledger, STATEMENT_REPORT_LOAD);
    if (sound)
        return 1;
    *report = (struct report){.watched_ms = 0};
    log_warn("%s: lift %s: what was kept of this %s makes no sense and is left out", ledger->path, lift,
             report_period_name(period));
    return 0;
}

int ledger_report_save(struct ledger *ledger, const char *lift, enum report_period period,
                       const struct report *report) {
    struct line line;
    write_line(&line, report);
    sqlite3_stmt *row = row_of(ledger, STATEMENT_REPORT_SAVE, lift, period);
    database_bind_text(row, 3, line.text);
    return database_run(ledger, STATEMENT_REPORT_SAVE);
}
