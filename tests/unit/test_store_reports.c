/* A lift's open day and month come back as they were; a row that makes no sense costs its day and nothing else. */
#include "ledger_fixture.h"

#include <sqlite3.h>

static const struct report day = {.span = {1795363200000, 1795449600000},
                                  .closed = {{1795276800000, 1795363200000}, {0, 0}, {1790000000000, 1790086400000}},
                                  .written_real_ms = 1795400000123,
                                  .rides_seen = INT64_C(5000000000),
                                  .fault_seen = {[FAULT_OVERSPEED] = UINT32_MAX},
                                  .unsure = 1,
                                  .rides_known = 1,
                                  .floors_known = 1,
                                  .doors_known = 1,
                                  .watched_ms = 36000000,
                                  .available_ms = 35999999,
                                  .entrapment_ms = 754321,
                                  .mode_ms = {[MODE_NORMAL] = 35000000, [MODE_EARTHQUAKE] = 1000},
                                  .rides = 117,
                                  .fault_count = {[FAULT_ENTRAPMENT] = 1, [FAULT_OTHER] = 2},
                                  .fault_ms = {[FAULT_ENTRAPMENT] = 754321, [FAULT_OTHER] = 36000000},
                                  .openings = 5,
                                  .closings = 6,
                                  .reversals = 7,
                                  .opening = {[0] = 1, [REPORT_BINS - 1] = UINT16_MAX},
                                  .closing = {[8] = 3},
                                  .stops = {[0] = 1, [REPORT_FLOORS - 1] = UINT16_MAX}};

static void it_comes_back_as_it_was(void **state) {
    struct report month = day;
    struct report loaded;
    month.rides = 2000;
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    assert_int_equal(ledger_report_load(ledger, "L-1", REPORT_DAY, &loaded), 0);
    assert_int_equal(ledger_report_save(ledger, "L-1", REPORT_DAY, &day), 0);
    assert_int_equal(ledger_report_save(ledger, "L-1", REPORT_MONTH, &month), 0);
    ledger_close(ledger);
    ledger = ledger_open_as(*state, LEDGER_OPENED);
    assert_int_equal(ledger_report_load(ledger, "L-1", REPORT_DAY, &loaded), 1);
    assert_memory_equal(&loaded, &day, sizeof day);
    assert_int_equal(ledger_report_load(ledger, "L-1", REPORT_MONTH, &loaded), 1);
    assert_memory_equal(&loaded, &month, sizeof month);
    assert_int_equal(ledger_report_load(ledger, "L-2", REPORT_DAY, &loaded), 0);
    ledger_close(ledger);
}

/* Every number at its longest has room. */
static void the_longest_one_fits(void **state) {
    struct report full;
    struct report loaded;
    memset(&full, 0xFF, sizeof full);
    full.span = (struct calendar_span){1, INT64_C(4611686018427387000)};
    struct ledger *ledger = ledger_open_as(*state, LEDGER_CREATED);
    assert_int_equal(ledger_report_save(ledger, "L-1", REPORT_DAY, &full), 0);
    assert_int_equal(ledger_report_load(ledger, "L-1", REPORT_DAY, &loaded), 0); /* but it is no report */
    ledger_close(ledger);
}

static void tamper(const struct ledger_folder *folder, const char *figures) {
    sqlite3 *database;
    sqlite3_stmt *statement;
    assert_int_equal(sqlite3_open(folder->file, &database), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(database, "REPLACE INTO report VALUES('L-1', 'day', ?1)", -1, &statement, NULL),
                     SQLITE_OK);
    sqlite3_bind_text(statement, 1, figures, -1, SQLITE_STATIC);
    assert_int_equal(sqlite3_step(statement), SQLITE_DONE);
    sqlite3_finalize(statement);
    sqlite3_close(database);
}

static void a_row_that_makes_no_sense_is_left_out(void **state) {
    static const struct {
        const char *figures;
        int found;
    } rows[] = {
        {"", 1},
        {"span.0=1795363200000 span.1=1795449600000 watched_ms=5 of_a_later_version=7 rides=3 ", 1},
        {"rides=-1 stops.128=5 stops.x=5 fault_ms.none=3 mode_ms=3 rides.0=7 opening.0=65536 =3 . = x ", 1},
        {"watched_ms=99999999999999999999999999 stops.99999999999999999999=1 ", 1},
        {"span.0=5 span.1=4 ", 0},
        {"span.0=0 span.1=9223372036854775807 ", 0},
        {"span.0=-9223372036854775808 span.1=9223372036854775807 ", 0},
        {"closed.0=7 closed.1=6 ", 0},
        {"watched_ms=5 available_ms=6 ", 0},
        {"watched_ms=5 fault_ms.overspeed=6 ", 0},
        {"watched_ms=5 mode_ms.normal=3 mode_ms.inspection=3 ", 0},
        {"rides_seen=-5 ", 0},
        {"written_real_ms=-9223372036854775808 ", 0},
    };
    ledger_close(ledger_open_as(*state, LEDGER_CREATED));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct report loaded;
        tamper(*state, rows[i].figures);
        struct ledger *ledger = ledger_open_as(*state, LEDGER_OPENED);
        int found = ledger_report_load(ledger, "L-1", REPORT_DAY, &loaded);
        if (found != rows[i].found)
            fail_msg("\"%s\": %d", rows[i].figures, found);
        assert_true(report_is_sound(&loaded));
        ledger_close(ledger);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_comes_back_as_it_was, ledger_folder_make, ledger_folder_remove),
        cmocka_unit_test_setup_teardown(the_longest_one_fits, ledger_folder_make, ledger_folder_remove),
        cmocka_unit_test_setup_teardown(a_row_that_makes_no_sense_is_left_out, ledger_folder_make,
                                        ledger_folder_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
