/* Lift records: struct lift_record as rows, by the stable names of the vocabulary. The small enumerations of a fault
 * are kept as their numbers: another order of them is a step of the schema's ladder. */
#include "base/text.h"
#include "store/database.h"

#include <assert.h>
#include <string.h>

static_assert(LIFT_PARTS == 4, "the table lift has a column for each part");

/* The numbers of a fault's row, in the order of COLUMNS_FAULT; code_text follows them. */
enum field {
    FIELD_ACTIVE,
    FIELD_FLAPPING,
    FIELD_RESCUE,
    FIELD_SUPPRESSED,
    FIELD_SEVERITY,
    FIELD_ENTRAPMENT,
    FIELD_CONFIDENCE,
    FIELD_RAISED,
    FIELD_TIMES,
    FIELD_SEQ,
    FIELD_PART,
    FIELD_TABLE,
    FIELD_ADDRESS,
    FIELD_BIT,
    FIELD_VALUE,
    FIELD_CODE,
    FIELD_COUNT
};

/* What such a number can be. A row of a damaged file must not become an index out of bounds. */
static const struct {
    int64_t low, high;
} range_of[FIELD_COUNT] = {
    [FIELD_ACTIVE] = {0, 1},
    [FIELD_FLAPPING] = {0, 1},
    [FIELD_RESCUE] = {0, 1},
    [FIELD_SUPPRESSED] = {0, SUPPRESSED_MAINTENANCE},
    [FIELD_SEVERITY] = {0, SEVERITY_COUNT - 1},
    [FIELD_ENTRAPMENT] = {0, TRAPPING_COUNT - 1},
    [FIELD_CONFIDENCE] = {0, CONFIDENCE_CONFIRMED},
    [FIELD_RAISED] = {INT64_MIN, INT64_MAX},
    [FIELD_TIMES] = {0, UINT32_MAX},
    [FIELD_SEQ] = {0, INT64_MAX},
    [FIELD_PART] = {0, LIFT_PARTS - 1},
    [FIELD_TABLE] = {0, TABLE_INPUT},
    [FIELD_ADDRESS] = {INT32_MIN, INT32_MAX},
    [FIELD_BIT] = {INT8_MIN, INT8_MAX},
    [FIELD_VALUE] = {0, UINT32_MAX},
    [FIELD_CODE] = {INT32_MIN, INT32_MAX},
};

static const char *column_text(sqlite3_stmt *row, int column) {
    const char *text = (const char *)sqlite3_column_text(row, column);
    return text ? text : "";
}

static bool read_fault(sqlite3_stmt *row, struct fault_record *fault) {
    int64_t number[FIELD_COUNT];
    for (int i = 0; i < FIELD_COUNT; i++) {
        number[i] = sqlite3_column_int64(row, 1 + i);
        if (number[i] < range_of[i].low || number[i] > range_of[i].high)
            return false;
    }
    const char *code_text = column_text(row, 1 + FIELD_COUNT);
    if (strlen(code_text) >= sizeof fault->code_text || !text_is_utf8(code_text, strlen(code_text)))
        return false;
    *fault = (struct fault_record){.active = number[FIELD_ACTIVE] != 0,
                                   .flapping = number[FIELD_FLAPPING] != 0,
                                   .rescue = number[FIELD_RESCUE] != 0,
                                   .suppressed = (enum suppression)number[FIELD_SUPPRESSED],
                                   .severity = (enum severity)number[FIELD_SEVERITY],
                                   .entrapment = (enum trapping)number[FIELD_ENTRAPMENT],
                                   .confidence = (enum confidence)number[FIELD_CONFIDENCE],
                                   .raised_real_ms = number[FIELD_RAISED],
                                   .count = (uint32_t)number[FIELD_TIMES],
                                   .seq = (uint64_t)number[FIELD_SEQ],
                                   .part = (uint8_t)number[FIELD_PART],
                                   .table = (uint8_t)number[FIELD_TABLE],
                                   .address = (int32_t)number[FIELD_ADDRESS],
                                   .bit = (int8_t)number[FIELD_BIT],
                                   .value = (uint32_t)number[FIELD_VALUE],
                                   .code = (int32_t)number[FIELD_CODE]};
    return text_copy(fault->code_text, sizeof fault->code_text, code_text);
}

static void read_counter(sqlite3_stmt *row, struct counter *counter) {
    *counter = (struct counter){.derived = sqlite3_column_int(row, 1) != 0,
                                .known = sqlite3_column_type(row, 2) != SQLITE_NULL,
                                .total = sqlite3_column_int64(row, 2),
                                .since_real_ms = sqlite3_column_int64(row, 3),
                                .raw_known = sqlite3_column_type(row, 4) != SQLITE_NULL,
                                .raw = sqlite3_column_int64(row, 4),
                                .raw_real_ms = sqlite3_column_int64(row, 5)};
}

static sqlite3_stmt *rows_of(struct ledger *ledger, enum statement which, const char *lift) {
    sqlite3_stmt *rows = database_statement(ledger, which);
    database_bind_text(rows, 1, lift);
    return rows;
}

static int load_faults(struct ledger *ledger, const char *lift, struct lift_record *record) {
    sqlite3_stmt *row = rows_of(ledger, STATEMENT_FAULTS_LOAD, lift);
    int result;
    while ((result = database_step(ledger, STATEMENT_FAULTS_LOAD)) == 1) {
        enum fault fault = fault_by_id(column_text(row, 0));
        if (fault == FAULT_COUNT || !read_fault(row, &record->fault[fault]))
            log_warn("%s: lift %s: the row of fault %s makes no sense and is left out", ledger->path, lift,
                     column_text(row, 0));
    }
    return result;
}

static int load_counters(struct ledger *ledger, const char *lift, struct lift_record *record) {
    sqlite3_stmt *row = rows_of(ledger, STATEMENT_COUNTERS_LOAD, lift);
    int result;
    while ((result = database_step(ledger, STATEMENT_COUNTERS_LOAD)) == 1) {
        enum item item = item_by_name(column_text(row, 0));
        if (item >= ITEM_FIRST_COUNTER && item < ITEM_COUNT)
            read_counter(row, &record->counter[item - ITEM_FIRST_COUNTER]);
        else
            log_warn("%s: lift %s: there is no counter %s; its row is left out", ledger->path, lift,
                     column_text(row, 0));
    }
    return result;
}

int ledger_lift_load(struct ledger *ledger, const char *lift, struct lift_record *record) {
    *record = (struct lift_record){0};
    sqlite3_stmt *row = rows_of(ledger, STATEMENT_LIFT_LOAD, lift);
    int result = database_step(ledger, STATEMENT_LIFT_LOAD);
    if (result != 1)
        return result;
    int mode = item_word(ITEM_SERVICE_MODE, column_text(row, 0));
    record->service_mode = mode >= 0 ? VALUE(mode) : VALUE_UNKNOWN;
    for (int i = 0; i < LIFT_PARTS; i++)
        record->last_seen_real_ms[i] = sqlite3_column_int64(row, 1 + i);
    record->online = (uint8_t)(sqlite3_column_int(row, 1 + LIFT_PARTS) & ((1 << LIFT_PARTS) - 1));
    record->trapped = sqlite3_column_int(row, 2 + LIFT_PARTS) != 0;
    record->moved_real_ms = sqlite3_column_int64(row, 3 + LIFT_PARTS);
    record->maintenance_until_real_ms = sqlite3_column_int64(row, 4 + LIFT_PARTS);
    database_end(ledger, STATEMENT_LIFT_LOAD);
    return load_faults(ledger, lift, record) == 0 && load_counters(ledger, lift, record) == 0 ? 1 : -1;
}

static int save_lift(struct ledger *ledger, const char *lift, const struct lift_record *record) {
    sqlite3_stmt *row = rows_of(ledger, STATEMENT_LIFT_SAVE, lift);
    database_bind_text(row, 2, item_word_of(ITEM_SERVICE_MODE, record->service_mode));
    for (int i = 0; i < LIFT_PARTS; i++)
        sqlite3_bind_int64(row, 3 + i, record->last_seen_real_ms[i]);
    sqlite3_bind_int(row, 3 + LIFT_PARTS, record->online);
    sqlite3_bind_int(row, 4 + LIFT_PARTS, record->trapped);
    sqlite3_bind_int64(row, 5 + LIFT_PARTS, record->moved_real_ms);
    sqlite3_bind_int64(row, 6 + LIFT_PARTS, record->maintenance_until_real_ms);
    return database_run(ledger, STATEMENT_LIFT_SAVE);
}

int ledger_lifts_offline(struct ledger *ledger) {
    database_statement(ledger, STATEMENT_LIFTS_OFFLINE);
    return database_run(ledger, STATEMENT_LIFTS_OFFLINE);
}

static int save_fault(struct ledger *ledger, const char *lift, enum fault id, const struct fault_record *fault) {
    const int64_t number[FIELD_COUNT] = {[FIELD_ACTIVE] = fault->active,
                                         [FIELD_FLAPPING] = fault->flapping,
                                         [FIELD_RESCUE] = fault->rescue,
                                         [FIELD_SUPPRESSED] = fault->suppressed,
                                         [FIELD_SEVERITY] = fault->severity,
                                         [FIELD_ENTRAPMENT] = fault->entrapment,
                                         [FIELD_CONFIDENCE] = fault->confidence,
                                         [FIELD_RAISED] = fault->raised_real_ms,
                                         [FIELD_TIMES] = (int64_t)fault->count,
                                         [FIELD_SEQ] = (int64_t)fault->seq,
                                         [FIELD_PART] = fault->part,
                                         [FIELD_TABLE] = fault->table,
                                         [FIELD_ADDRESS] = fault->address,
                                         [FIELD_BIT] = fault->bit,
                                         [FIELD_VALUE] = fault->value,
                                         [FIELD_CODE] = fault->code};
    sqlite3_stmt *row = rows_of(ledger, STATEMENT_FAULT_SAVE, lift);
    database_bind_text(row, 2, fault_info(id)->id);
    for (int i = 0; i < FIELD_COUNT; i++)
        sqlite3_bind_int64(row, 3 + i, number[i]);
    database_bind_text(row, 3 + FIELD_COUNT, fault->code_text);
    return database_run(ledger, STATEMENT_FAULT_SAVE);
}

static void bind_known(sqlite3_stmt *row, int place, bool known, int64_t number) {
    if (known)
        sqlite3_bind_int64(row, place, number);
    else
        sqlite3_bind_null(row, place);
}

static int save_counter(struct ledger *ledger, const char *lift, enum item item, const struct counter *counter) {
    sqlite3_stmt *row = rows_of(ledger, STATEMENT_COUNTER_SAVE, lift);
    database_bind_text(row, 2, item_info(item)->name);
    sqlite3_bind_int(row, 3, counter->derived);
    bind_known(row, 4, counter->known, counter->total);
    sqlite3_bind_int64(row, 5, counter->since_real_ms);
    bind_known(row, 6, counter->raw_known, counter->raw);
    sqlite3_bind_int64(row, 7, counter->raw_real_ms);
    return database_run(ledger, STATEMENT_COUNTER_SAVE);
}

/* The lift's own row goes with any change: it says when the lift was last seen. */
static int save_changes(struct ledger *ledger, const char *lift, const struct lift_record *record) {
    if (save_lift(ledger, lift, record) != 0)
        return -1;
    for (unsigned i = 0; i < FAULT_COUNT; i++)
        if (record->faults_changed & (UINT32_C(1) << i) &&
            save_fault(ledger, lift, (enum fault)i, &record->fault[i]) != 0)
            return -1;
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        if (record->counters_changed & (UINT32_C(1) << i) &&
            save_counter(ledger, lift, (enum item)(ITEM_FIRST_COUNTER + i), &record->counter[i]) != 0)
            return -1;
    return 0;
}

int ledger_lift_save(struct ledger *ledger, const char *lift, const struct lift_record *record) {
    if (!record->changed && !record->faults_changed && !record->counters_changed)
        return 0;
    bool own;
    if (database_scope_begin(ledger, &own) != 0)
        return -1;
    return database_scope_end(ledger, own, save_changes(ledger, lift, record));
}
