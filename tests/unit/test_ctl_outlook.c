/* What a configuration will do: cycle and worst case by formula, checked by hand; warnings; what falls to else. */
#include "ctl/outlook.h"

#include "settings_fixture.h"

#define MS INT64_C(1000000)

static int64_t near_ms(int64_t ns) {
    return (ns + MS / 2) / MS;
}

/* 9600 8N1: 1.0417 ms a character. The fast read is one register: 8 + 7 characters, 10 ms, 3.6 ms silence: 29.3 ms; the
 * slow one is two: 31.4 ms. */
static void test_a_cycle_by_hand(void **state) {
    (void)state;
    struct settings *settings =
        load_fine(NULL, NULL,
                  "{ name = \"shaft\"; device = \"/dev/null\"; min_poll_ms = 0; lifts: ("
                  "{ id = \"L-1\"; unit = 1; profile = \"small\"; }, { id = \"L-2\"; unit = 2; profile = \"small\"; }"
                  "); }");
    struct outlook *outlook = outlook_create(settings);
    const struct outlook_bus *bus = &outlook->buses[0];
    assert_int_equal(near_ms(bus->period_ns), 90); /* 2 × 29.3 + 31.4 */
    assert_int_equal(bus->forecast.load_percent, 100);
    assert_int_equal(near_ms(bus->forecast.probe_ns), 319); /* 8 + 7 characters, 300 ms, silence */
    const struct outlook_fault *worst = &outlook->lifts[1].slowest;
    assert_int_equal(near_ms(worst->wait_ns), 90);
    assert_int_equal(near_ms(worst->poll_ns), 7); /* its answer's 7 characters */
    assert_int_equal(worst->debounce_ns, 0);
    assert_int_equal(worst->raise_ns, 0);
    assert_int_equal(near_ms(worst->total_ns), 90 + 7 + 100);
    outlook_free(outlook);
    settings_free(settings);
}

static void write_delays(void) {
    write_text("profiles/delays.cfg",
               "name = \"delays\"; title = \"t\"; source = \"s\"; verified = true;\n"
               "line: { baud = 9600; parity = \"none\"; stop_bits = 1; }; table = \"holding\";\n"
               "values = ( { item = \"_a\"; address = 1; bit = 0; on_ms = 40; },\n"
               "  { item = \"_b\"; address = 1; bit = 1; on_ms = 500; off_ms = 700; } );\n"
               "rules = ( { item = \"_c\"; from = [\"_b\"]; map = { yes = \"1\"; no = \"0\"; }; } );\n"
               "faults = ( { id = \"door_open_fault\"; address = 1; bit = 5; },\n"
               "  { id = \"entrapment\"; from = [\"_c\"]; is = \"1\"; raise_after_ms = 2000; } );\n");
}

/* A fault that follows from a rule from a contact waits for the contact's delay and its own, each with a period. */
static void test_delays_add_up(void **state) {
    (void)state;
    write_delays();
    struct settings *settings = load_fine(
        NULL, NULL,
        "{ name = \"shaft\"; device = \"/dev/null\"; lifts: ( { id = \"L-1\"; unit = 1; profile = \"delays\"; } ); }");
    struct outlook *outlook = outlook_create(settings);
    const struct outlook_lift *lift = &outlook->lifts[0];
    assert_int_equal(near_ms(outlook->buses[0].period_ns), 100); /* min_poll_ms */
    assert_int_equal(lift->quickest.row->source.fault, FAULT_DOOR_OPEN_FAULT);
    assert_int_equal(near_ms(lift->quickest.total_ns), 100 + 7 + 100);
    assert_int_equal(lift->slowest.row->source.fault, FAULT_ENTRAPMENT);
    assert_int_equal(near_ms(lift->slowest.debounce_ns), 700 + 100);
    assert_int_equal(near_ms(lift->slowest.raise_ns), 2000 + 100);
    assert_int_equal(near_ms(lift->slowest.total_ns), 100 + 7 + 800 + 2100 + 100);
    outlook_free(outlook);
    settings_free(settings);
    unlink("profiles/delays.cfg");
}

static void warnings_of(const char *broker, const char *buses, struct problems *problems) {
    struct settings *settings = load_fine(NULL, broker, buses);
    struct outlook *outlook = outlook_create(settings);
    outlook_warn(outlook, problems);
    outlook_free(outlook);
    settings_free(settings);
}

static bool any_says(const struct problems *problems, const char *where, const char *what) {
    for (size_t i = 0; problems_text(problems, i); i++)
        if (strstr(problems_text(problems, i), where) && strstr(problems_text(problems, i), what))
            return true;
    return false;
}

static void test_warnings(void **state) {
    static const struct {
        const char *broker, *buses, *where, *what; /* where NULL: nothing says so */
    } cases[] = {
        {NULL, NULL, "liftgw.cfg:3: warning:", "profile small was never confirmed on a real lift"},
        {NULL, "{ name = \"s\"; device = \"/tmp/bus\"; lifts: ( { id = \"L\"; unit = 1; profile = \"small\"; } ); }",
         NULL, "by-id"},
        {NULL,
         "{ name = \"s\"; device = \"/dev/ttyUSB7\"; lifts: ( { id = \"L\"; unit = 1; profile = \"small\"; } ); }",
         "liftgw.cfg:3: warning:", "name it by /dev/serial/by-id/"},
        {NULL,
         "{ name = \"s\"; device = \"/dev/serial/by-id/x\"; lifts: ( { id = \"L\"; unit = 1; profile = \"small\"; } ); "
         "}",
         NULL, "by-id"},
        {NULL, "{ name = \"s\"; device = \"/dev/null\"; lifts: ( { id = \"L\"; unit = 1; profile = \"trips\"; } ); }",
         "liftgw.cfg:3: warning:", "It trips. (done? accepts = (\"trips_on_silence\"))"},
        {NULL,
         "{ name = \"s\"; device = \"/dev/null\"; lifts: ( { id = \"L\"; unit = 1; profile = \"trips\"; accepts = "
         "(\"trips_on_silence\"); } ); }",
         NULL, "It trips."},
        {NULL, NULL, NULL, "is in use for"},
        {NULL,
         "{ name = \"s\"; device = \"/dev/null\"; min_poll_ms = 10; lifts: ( { id = \"L\"; unit = 1; profile = "
         "\"small\"; } ); }",
         "liftgw.cfg:3: warning:", "is in use for 100 %"},
        {"urls = (\"mqtts://b.example\"); protocol = \"3.1.1\";", NULL, "liftgw.cfg: warning:", "MQTT 3.1.1"},
        {"urls = (\"mqtts://b.example\"); protocol = \"5\";", NULL, NULL, "MQTT 3.1.1"},
        {NULL, "{ name = \"s\"; device = \"/dev/null\"; lifts: ( { id = \"L\"; unit = 1; profile = \"delays\"; } ); }",
         "delays.cfg:3: warning:", "on_ms = 40 is shorter than a cycle of bus \"s\""},
        {NULL, "{ name = \"s\"; device = \"/dev/null\"; lifts: ( { id = \"L\"; unit = 1; profile = \"delays\"; } ); }",
         NULL, "on_ms = 500"},
    };
    (void)state;
    write_delays();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct problems *problems = problems_create();
        warnings_of(cases[i].broker, cases[i].buses, problems);
        if (any_says(problems, cases[i].where ? cases[i].where : "", cases[i].what) != (cases[i].where != NULL)) {
            problems_print(problems, stderr);
            fail_msg("case %zu: %s", i, cases[i].what);
        }
        problems_free(problems);
    }
    unlink("profiles/delays.cfg");
}

static void test_what_falls_to_else(void **state) {
    (void)state;
    struct raw_outcome two[] = {{.raw = 0}, {.raw = 2}};
    struct value_row bits = {.place = {.type = RAW_BITS, .bit_low = 4, .bit_high = 5}, .map = two, .map_count = 2};
    struct value_row word = {.place = {.type = RAW_U16, .words = 1}, .map = two, .map_count = 2};
    struct value_row plain = {.place = {.type = RAW_U16, .words = 1}};
    struct pattern patterns[] = {{.text = "1-"}, {.text = "00"}};
    struct rule_row rule = {.kind = RULE_TRUTH, .from_count = 2, .patterns = patterns, .pattern_count = 2};
    char text[OUTLOOK_REST_SIZE];
    assert_true(outlook_value_rest(&bits, text));
    assert_string_equal(text, "1, 3");
    assert_true(outlook_value_rest(&word, text));
    assert_string_equal(text, "all but 0, 2");
    assert_false(outlook_value_rest(&plain, text));
    assert_true(outlook_rule_rest(&rule, text));
    assert_string_equal(text, "01");
    rule.pattern_count = 0;
    assert_true(outlook_rule_rest(&rule, text));
    assert_string_equal(text, "00, 01, 10, 11");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cycle_by_hand),
        cmocka_unit_test(test_delays_add_up),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_what_falls_to_else),
    };
    return cmocka_run_group_tests(tests, settings_folder_make, settings_folder_remove);
}
