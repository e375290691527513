/* What a lift was must be known again after a power cut: every field of its record, and the small things beside it. */
#include "ledger_fixture.h"

#include <sqlite3.h>

/* A fault record whose every field is set, and different for each number. */
static struct fault_record fault_of(int number) {
    struct fault_record fault = {.active = number % 2 == 0,
                                 .flapping = number % 5 == 0,
                                 .rescue = number % 3 == 0,
                                 .suppressed = (enum suppression)(number % 3),
                                 .severity = (enum severity)(number % SEVERITY_COUNT),
                                 .entrapment = (enum trapping)(number % TRAPPING_COUNT),
                                 .confidence = (enum confidence)(number % 3),
                                 .raised_real_ms = 1764000000000 + number,
                                 .raised_mono_ms = 4711,
                                 .count = 1000000 + (uint32_t)number,
                                 .seq = UINT64_C(5000000000) + (uint64_t)number,
                                 .part = (uint8_t)(number % LIFT_PARTS),
                                 .table = (uint8_t)(number % 5),
                                 .address = number % 2 ? -1 : 65535,
                                 .bit = (int8_t)(number % 17 - 1),
                                 .value = UINT32_MAX - (uint32_t)number,
                                 .code = number % 2 ? -1 : INT32_MAX - number};
    snprintf(fault.code_text, sizeof fault.code_text, "E%d故障", number % 100);
    return fault;
}

static struct counter counter_of(int number) {
    return (struct counter){.known = true,
                            .derived = number % 2 == 0,
                            .total = INT64_C(9000000000) + number,
                            .since_real_ms = 1764000000100 + number,
                            .raw_known = true,
                            .raw = INT64_C(70000) + number,
                            .raw_real_ms = 1764000000200 + number,
                            .raw_mono_ms = 4711,
                            .held = true,
                            .held_raw = 4712,
                            .held_mono_ms = 4713};
}

static struct lift_record full_record(void) {
    struct lift_record record = {.service_mode = VALUE(MODE_FIREFIGHTER),
                                 .trapped = true,
                                 .moved_real_ms = 1764000000400,
                                 .maintenance_until_real_ms = 1764000000500,
                                 .changed = true};
    record.online = 5;
    for (int i = 0; i < LIFT_PARTS; i++)
        record.last_seen_real_ms[i] = i == 1 ? 0 : 1764000000300 + i;
    for (int i = 0; i < FAULT_COUNT; i++)
        record.fault[i] = fault_of(i);
    for (int i = 0; i < COUNTER_COUNT; i++)
        record.counter[i] = counter_of(i);
    record.faults_changed = (UINT32_C(1) << FAULT_COUNT) - 1;
    record.counters_changed = (UINT32_C(1) << COUNTER_COUNT) - 1;
    return record;
}

static void assert_fault(const struct fault_record *is, const struct fault_record *should) {
    assert_int_equal(is->active, should->active);
    assert_int_equal(is->flapping, should->flapping);
    assert_int_equal(is->rescue, should->rescue);
    assert_int_equal(is->suppressed, should->suppressed);
    assert_int_equal(is->severity, should->severity);
    assert_int_equal(is->entrapment, should->entrapment);
    assert_int_equal(is->confidence, should->confidence);
    assert_int_equal(is->raised_real_ms, should->raised_real_ms);
    assert_int_equal(is->raised_mono_ms, 0);
    assert_int_equal(is->count, should->count);
    assert_int_equal(is->seq, should->seq);
    assert_int_equal(is->part, should->part);
    assert_int_equal(is->table, should->table);
    assert_int_equal(is->address, should->address);
    assert_int_equal(is->bit, should->bit);
    assert_int_equal(is->value, should->value);
    assert_int_equal(is->code, should->code);
    assert_string_equal(is->code_text, should->code_text);
}

static void assert_counter(const struct counter *is, const struct counter *should) {
    assert_int_equal(is->known, should->known);
    assert_int_equal(is->derived, should->derived);
    assert_int_equal(is->total, should->total);
    assert_int_equal(is->since_real_ms, should->since_real_ms);
    assert_int_equal(is->raw_known, should->raw_known);
    assert_int_equal(is->raw, should->raw);
    assert_int_equal(is->raw_real_ms, should->raw_real_ms);
    assert_int_equal(is->raw_mono_ms, 0);
    assert_false(is->held);
}

static void every_field_comes_back(void **state) {
    const struct lift_record record = full_record();
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    assert_int_equal(ledger_lift_save(ledger, "L-012345", &record), 0);
    ledger_close(ledger);

    struct lift_record loaded;
    ledger = ledger_open_as(*state, LEDGER_OPENED);
    assert_int_equal(ledger_lift_load(ledger, "L-012345", &loaded), 1);
    assert_int_equal(loaded.online, record.online);
    assert_true(loaded.trapped);
    assert_int_equal(loaded.moved_real_ms, record.moved_real_ms);
    assert_int_equal(loaded.maintenance_until_real_ms, record.maintenance_until_real_ms);
    for (int i = 0; i < LIFT_PARTS; i++)
        assert_int_equal(loaded.last_seen_real_ms[i], record.last_seen_real_ms[i]);
    assert_true(loaded.service_mode.known);
    assert_int_equal(loaded.service_mode.number, MODE_FIREFIGHTER);
    for (int i = 0; i < FAULT_COUNT; i++)
        assert_fault(&loaded.fault[i], &record.fault[i]);
    for (int i = 0; i < COUNTER_COUNT; i++)
        assert_counter(&loaded.counter[i], &record.counter[i]);
    assert_false(loaded.changed);
    assert_int_equal(loaded.faults_changed, 0);
    assert_int_equal(loaded.counters_changed, 0);
    ledger_close(ledger);
}

static void unknown_stays_unknown(void **state) {
    struct lift_record record = {.counters_changed = 1, .counter[0] = {.derived = true, .since_real_ms = 7}};
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    assert_int_equal(ledger_lift_save(ledger, "L-1", &record), 0);
    assert_int_equal(ledger_lift_load(ledger, "L-1", &record), 1);
    assert_false(record.service_mode.known);
    assert_false(record.counter[0].known);
    assert_false(record.counter[0].raw_known);
    assert_true(record.counter[0].derived);
    ledger_close(ledger);
}

static void a_lift_never_seen_has_no_record(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    struct lift_record record = full_record();
    assert_int_equal(ledger_lift_load(ledger, "L-1", &record), 0);
    assert_false(record.fault[0].active);
    assert_false(record.service_mode.known);

    struct lift_record nothing_changed = full_record();
    nothing_changed.changed = false;
    nothing_changed.faults_changed = nothing_changed.counters_changed = 0;
    assert_int_equal(ledger_lift_save(ledger, "L-1", &nothing_changed), 0);
    assert_int_equal(ledger_lift_load(ledger, "L-1", &record), 0);
    ledger_close(ledger);
}

static void only_marked_rows_are_written(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    struct lift_record record = full_record(), loaded;
    assert_int_equal(ledger_lift_save(ledger, "L-1", &record), 0);
    assert_int_equal(ledger_lift_save(ledger, "L-2", &record), 0);
    record.faults_changed = UINT32_C(1) << FAULT_OTHER;
    record.counters_changed = UINT32_C(1) << (ITEM_RUN_HOURS - ITEM_FIRST_COUNTER);
    for (int i = 0; i < FAULT_COUNT; i++)
        record.fault[i].count = 5;
    for (int i = 0; i < COUNTER_COUNT; i++)
        record.counter[i].total = 5;
    assert_int_equal(ledger_lift_save(ledger, "L-1", &record), 0);

    assert_int_equal(ledger_lift_load(ledger, "L-1", &loaded), 1);
    assert_int_equal(loaded.fault[FAULT_OTHER].count, 5);
    assert_int_equal(loaded.fault[FAULT_ENTRAPMENT].count, fault_of(FAULT_ENTRAPMENT).count);
    assert_int_equal(loaded.counter[ITEM_RUN_HOURS - ITEM_FIRST_COUNTER].total, 5);
    assert_int_equal(loaded.counter[0].total, counter_of(0).total);
    assert_int_equal(ledger_lift_load(ledger, "L-2", &loaded), 1);
    assert_int_equal(loaded.fault[FAULT_OTHER].count, fault_of(FAULT_OTHER).count);
    ledger_close(ledger);
}

/* The promise that holds all others: the record and the message that tells of it, both or neither. */
static void a_record_goes_with_its_message(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    struct lift_record record = full_record(), loaded;
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(ledger_post(ledger, "t"), 1);
    assert_int_equal(ledger_lift_save(ledger, "L-1", &record), 0);
    ledger_rollback(ledger);
    assert_int_equal(ledger_lift_load(ledger, "L-1", &loaded), 0);
    assert_int_equal(ledger_begin(ledger), 0);
    assert_int_equal(ledger_post(ledger, "t"), 1);
    assert_int_equal(ledger_lift_save(ledger, "L-1", &record), 0);
    assert_int_equal(ledger_commit(ledger), 0);
    assert_int_equal(ledger_lift_load(ledger, "L-1", &loaded), 1);
    assert_int_equal(ledger_depth_of(ledger).waiting, 1);
    ledger_close(ledger);
}

/* A file may be damaged in a way that SQLite cannot see. */
static void rows_that_make_no_sense_are_left_out(void **state) {
    static const char *const damages[] = {
        "UPDATE fault SET flapping = 2 WHERE fault = 'overspeed'",
        "UPDATE fault SET part = 4 WHERE fault = 'overspeed'",
        "UPDATE fault SET part = -1 WHERE fault = 'overspeed'",
        "UPDATE fault SET severity = 99 WHERE fault = 'overspeed'",
        "UPDATE fault SET entrapment = -7 WHERE fault = 'overspeed'",
        "UPDATE fault SET suppressed = 3 WHERE fault = 'overspeed'",
        "UPDATE fault SET confidence = 3 WHERE fault = 'overspeed'",
        "UPDATE fault SET register_table = 6 WHERE fault = 'overspeed'",
        "UPDATE fault SET bit = 1000 WHERE fault = 'overspeed'",
        "UPDATE fault SET value = -1 WHERE fault = 'overspeed'",
        "UPDATE fault SET count = -1 WHERE fault = 'overspeed'",
        "UPDATE fault SET code_text = 'much too long a code' WHERE fault = 'overspeed'",
        "UPDATE fault SET code_text = CAST(x'C328' AS TEXT) WHERE fault = 'overspeed'",
        "UPDATE fault SET fault = 'no_such_fault' WHERE fault = 'overspeed'",
        ("UPDATE fault SET fault = 'no_such_fault' WHERE fault = 'overspeed';"
         "UPDATE counter SET counter = 'service_mode' WHERE counter = 'distance_m'; UPDATE lift SET service_mode = "
         "'?'"),
    };
    struct ledger_folder *folder = *state;
    for (size_t i = 0; i < sizeof damages / sizeof damages[0]; i++) {
        const struct lift_record record = full_record();
        unlink(folder->file);
        struct ledger *ledger = ledger_open_as(folder, LEDGER_CREATED);
        assert_int_equal(ledger_lift_save(ledger, "L-1", &record), 0);
        ledger_close(ledger);
        sqlite3 *database;
        assert_int_equal(sqlite3_open(folder->file, &database), SQLITE_OK);
        assert_int_equal(sqlite3_exec(database, damages[i], NULL, NULL, NULL), SQLITE_OK);
        assert_true(sqlite3_total_changes(database) > 0);
        sqlite3_close(database);

        struct lift_record loaded;
        ledger = ledger_open_as(folder, LEDGER_OPENED);
        assert_int_equal(ledger_lift_load(ledger, "L-1", &loaded), 1);
        assert_int_equal(loaded.fault[FAULT_OVERSPEED].count, 0);
        assert_false(loaded.fault[FAULT_OVERSPEED].active);
        assert_fault(&loaded.fault[FAULT_OTHER], &record.fault[FAULT_OTHER]);
        ledger_close(ledger);
    }
}

struct visits {
    int count, stop_at;
    char text[256];
};

static int see(const char *owner, const char *topic, void *context) {
    struct visits *visits = context;
    size_t used = strlen(visits->text);
    snprintf(visits->text + used, sizeof visits->text - used, "%s=%s ", topic, owner);
    return ++visits->count == visits->stop_at ? 42 : 0;
}

static void retained_topics_are_remembered_once(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    assert_int_equal(ledger_retained_add(ledger, "L-1", "c/lift/L-1/state"), 0);
    assert_int_equal(ledger_retained_add(ledger, "L-1", "c/lift/L-1/link"), 0);
    assert_int_equal(ledger_retained_add(ledger, "L-1", "c/lift/L-1/state"), 0);
    assert_int_equal(ledger_retained_add(ledger, "", "c/gateway/B/status"), 0);
    assert_int_equal(ledger_retained_add(ledger, "B", "c/gateway/B/status"), 0);
    ledger_close(ledger);

    ledger = ledger_open_as(*state, LEDGER_OPENED);
    struct visits visits = {0};
    assert_int_equal(ledger_retained_each(ledger, see, &visits), 0);
    assert_string_equal(visits.text, "c/gateway/B/status=B c/lift/L-1/link=L-1 c/lift/L-1/state=L-1 ");
    visits = (struct visits){.stop_at = 2};
    assert_int_equal(ledger_retained_each(ledger, see, &visits), 42);
    assert_int_equal(visits.count, 2);

    assert_int_equal(ledger_retained_remove(ledger, "c/lift/L-1/link"), 0);
    assert_int_equal(ledger_retained_remove(ledger, "c/lift/L-1/link"), 0);
    visits = (struct visits){0};
    assert_int_equal(ledger_retained_each(ledger, see, &visits), 0);
    assert_string_equal(visits.text, "c/gateway/B/status=B c/lift/L-1/state=L-1 ");
    ledger_close(ledger);
}

static void facts_outlive_a_restart(void **state) {
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    char text[16];
    assert_int_equal(ledger_fact_get(ledger, "alive", text, sizeof text), 0);
    assert_int_equal(ledger_fact_put(ledger, "alive", "1764000000000"), 0);
    assert_int_equal(ledger_fact_put(ledger, "boot", "b"), 0);
    assert_int_equal(ledger_fact_put(ledger, "alive", "1764000060000"), 0);
    ledger_close(ledger);
    ledger = ledger_open_as(*state, LEDGER_OPENED);
    assert_int_equal(ledger_fact_get(ledger, "alive", text, sizeof text), 1);
    assert_string_equal(text, "1764000060000");
    assert_int_equal(ledger_fact_get(ledger, "alive", text, 5), -1);
    ledger_close(ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, ledger_folder_make, ledger_folder_remove)
        TEST(every_field_comes_back),
        TEST(unknown_stays_unknown),
        TEST(a_lift_never_seen_has_no_record),
        TEST(only_marked_rows_are_written),
        TEST(a_record_goes_with_its_message),
        TEST(rows_that_make_no_sense_are_left_out),
        TEST(retained_topics_are_remembered_once),
        TEST(facts_outlive_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
