/* What a correct liftgw.cfg turns into. */
#include "settings_fixture.h"

static void defaults_are_those_of_the_papers(void **state) {
    (void)state;
    struct settings *settings = load_fine("id = \"B1\"; prefix = \"p/q\"; district = \"d\"; compound = \"c\"; "
                                          "code_system = \"city\"; profile_dirs = (\"profiles\"); "
                                          "codes_dirs = (\"codes\");",
                                          NULL, NULL);
    const struct gateway_settings *gateway = &settings->gateway;
    assert_string_equal(gateway->prefix, "p/q");
    assert_string_equal(gateway->language, "zh");
    assert_string_equal(gateway->timezone, "Asia/Shanghai");
    assert_string_equal(gateway->state_dir, "/var/lib/liftgw");
    assert_string_equal(gateway->control, "/run/liftgw/control.sock");
    assert_null(gateway->metrics_file);
    assert_int_equal(gateway->state_interval_s, 60);
    assert_int_equal(gateway->state_min_interval_ms, 1000);
    assert_int_equal(gateway->counters_interval_s, 60);
    assert_int_equal(gateway->health_interval_s, 60);
    assert_int_equal(gateway->outbox_max_events, 100000);
    assert_int_equal(gateway->history_days, 90);
    assert_true(settings->identity.chinese);
    assert_string_equal(settings->identity.id, "B1");

    const struct broker_settings *broker = &settings->broker;
    assert_string_equal(broker->urls[0], "mqtts://broker.example");
    assert_null(broker->urls[1]);
    assert_int_equal(broker->protocol, MQTT_AUTO);
    assert_string_equal(broker->client_id, "liftgw-B1");
    assert_int_equal(broker->keepalive_s, 30);
    assert_null(broker->username);
    assert_null(broker->password);
    assert_null(broker->password_file);
    assert_null(broker->ca_file);

    const struct bus_section *bus = &settings->buses[0];
    assert_int_equal(bus->rs485, RS485_AUTO);
    assert_int_equal(bus->response_timeout_ms, 300);
    assert_int_equal(bus->late_reply_ms, 1000);
    assert_int_equal(bus->min_poll_ms, 100);
    assert_int_equal(bus->offline_after, 3);
    assert_int_equal(bus->baud, 9600); /* from the profile, as the next two */
    assert_int_equal(bus->parity, PARITY_NONE);
    assert_int_equal(bus->stop_bits, 1);
    assert_int_equal(bus->data_bits, 8);

    const struct lift_settings *lift = &settings->lifts[0];
    static const struct lift_limits limits = {30, 60, 120, 120, 10, 120, 12, 600, 24, 30};
    assert_memory_equal(&lift->limits, &limits, sizeof limits);
    assert_int_equal(lift->identity.floors, 0);
    assert_null(lift->identity.name);
    settings_free(settings);
}

static void a_default_of_the_gateway_is_each_lifts(void **state) {
    (void)state;
    struct settings *settings = load_fine(FIXTURE_GATEWAY "door_held_s = 5; stalled_s = 7;", NULL,
                                          "{ name = \"a\"; device = \"/dev/null\"; lifts: ("
                                          "  { id = \"L-1\"; unit = 1; profile = \"small\"; },"
                                          "  { id = \"L-2\"; unit = 2; profile = \"small\"; stalled_s = 9; } ); }");
    assert_int_equal(settings->lifts[0].limits.door_held_s, 5);
    assert_int_equal(settings->lifts[0].limits.stalled_s, 7);
    assert_int_equal(settings->lifts[1].limits.door_held_s, 5);
    assert_int_equal(settings->lifts[1].limits.stalled_s, 9);
    assert_int_equal(settings->lifts[1].limits.no_ride_h, 24);
    settings_free(settings);
}

static void everything_that_is_said_arrives(void **state) {
    (void)state;
    struct settings *settings = load_fine(
        FIXTURE_GATEWAY "language = \"en\"; timezone = \"UTC\"; state_interval_s = 0; metrics_file = \"m.prom\"; "
                        "state_dir = \"/x\";",
        FIXTURE_BROKER "protocol = \"3.1.1\"; client_id = \"me\"; username = \"u\"; password_file = "
                       "\"codes/city.cfg\"; ca_file = \"codes/city.cfg\"; cert_file = \"codes/city.cfg\"; key_file = "
                       "\"codes/city.cfg\";",
        "{ name = \"a\"; device = \"ttyX\"; baud = 19200; parity = \"odd\"; stop_bits = 2; rs485 = \"kernel\"; lifts: ("
        "  { id = \"L-1\"; unit = 247; profile = \"trips\"; accepts = (\"trips_on_silence\");"
        "    name = \"新河 7 幢\"; registration = \"3\"; rescue_code = \"012345\"; address = \"a\"; manager = \"m\";"
        "    managed_by = \"owners\"; phone = \"1\"; maintainer = \"n\"; maintainer_phone = \"2\";"
        "    labels = (\"-1\", \"1\"); invert = (\"door_zone\"); without = (\"rides_total\"); address_offset = 100; } "
        "); }");
    assert_false(settings->identity.chinese);
    assert_int_equal(settings->gateway.state_interval_s, 0);
    assert_string_equal(settings->gateway.metrics_file, "m.prom");
    assert_int_equal(settings->broker.protocol, MQTT_3_1_1);
    assert_string_equal(settings->broker.client_id, "me");
    assert_string_equal(settings->broker.key_file, "codes/city.cfg");
    assert_int_equal(settings->buses[0].baud, 19200);
    assert_int_equal(settings->buses[0].parity, PARITY_ODD);
    assert_int_equal(settings->buses[0].stop_bits, 2);
    assert_int_equal(settings->buses[0].rs485, RS485_KERNEL);
    const struct lift_settings *lift = &settings->lifts[0];
    assert_string_equal(lift->accepts[0], "trips_on_silence");
    assert_string_equal(lift->identity.rescue_code, "012345");
    assert_string_equal(lift->identity.managed_by, "owners");
    assert_string_equal(lift->identity.maintainer_phone, "2");
    assert_int_equal(lift->identity.label_count, 2);
    assert_string_equal(lift->identity.labels[0], "-1");
    assert_int_equal(lift->identity.floors, 2); /* the number of labels */
    assert_int_equal(lift->part_count, 1);
    assert_int_equal(lift->part[0].unit, 247);
    assert_string_equal(lift->part[0].options.invert[0], "door_zone");
    assert_int_equal(lift->part[0].options.address_offset, 100);
    assert_int_equal(lift->part[0].owns, 1u << ITEM_CAR | 1u << ITEM_DOOR_ZONE);
    assert_int_equal(lift->identity.unit_count, 1);
    assert_int_equal(lift->identity.units[0].unit, 247);
    assert_string_equal(lift->identity.units[0].bus, "a");
    assert_string_equal(lift->identity.units[0].profile, "trips");
    assert_false(lift->identity.units[0].verified);

    const struct code_table *codes = settings->identity.codes;
    assert_string_equal(codes->name, "city");
    assert_string_equal(codes->fault[FAULT_ENTRAPMENT], "11");
    assert_string_equal(codes->fault[FAULT_OTHER], "7"); /* a number is as good as a text */
    assert_string_equal(codes->fault[FAULT_OVERSPEED], "");
    assert_string_equal(codes->mode[MODE_INSPECTION], "43");
    assert_string_equal(codes->mode[MODE_NORMAL], "");
    assert_string_equal(codes->passenger_alarm, "90");
    settings_free(settings);
}

static void an_item_belongs_to_the_first_part_that_provides_it(void **state) {
    (void)state;
    struct settings *settings =
        load_fine(NULL, NULL,
                  "{ name = \"a\"; device = \"/dev/null\"; lifts: ( { id = \"L-1\"; parts: ("
                  "  { unit = 1; profile = \"small\"; without = (\"rides_total\"); },"
                  "  { unit = 1; profile = \"fast\"; bus = \"b\"; without = (\"car\"); } ); } ); },"
                  "{ name = \"b\"; device = \"/dev/zero\"; }"); /* a bus may serve parts alone */
    const struct lift_settings *lift = &settings->lifts[0];
    assert_int_equal(lift->part_count, 2);
    assert_int_equal(lift->part[0].bus, 0);
    assert_int_equal(lift->part[1].bus, 1);
    assert_int_equal(lift->part[0].owns, 1u << ITEM_CAR | 1u << ITEM_DOOR_ZONE);
    assert_int_equal(lift->part[1].owns, 1u << ITEM_RIDES_TOTAL);
    assert_string_equal(settings->profiles[lift->part[1].profile]->name, "fast");
    assert_int_equal(settings->buses[1].baud, 115200);
    assert_int_equal(settings->buses[1].parity, PARITY_EVEN);
    settings_free(settings);
}

static void a_profile_is_loaded_once(void **state) {
    (void)state;
    struct settings *settings = load_fine(NULL, NULL,
                                          "{ name = \"a\"; device = \"/dev/null\"; lifts: ("
                                          "  { id = \"L-1\"; unit = 1; profile = \"small\"; },"
                                          "  { id = \"L-2\"; unit = 2; profile = \"trips\"; },"
                                          "  { id = \"L-3\"; unit = 3; profile = \"small\"; } ); }");
    assert_int_equal(settings->profile_count, 2);
    assert_int_equal(settings->lifts[0].part[0].profile, settings->lifts[2].part[0].profile);
    settings_free(settings);
}

static void the_bus_may_overrule_profiles_that_disagree(void **state) {
    (void)state;
    struct settings *settings = load_fine(NULL, NULL,
                                          "{ name = \"a\"; device = \"/dev/null\"; baud = 38400; parity = \"none\";"
                                          "  lifts: ( { id = \"L-1\"; unit = 1; profile = \"small\"; },"
                                          "  { id = \"L-2\"; unit = 2; profile = \"fast\"; } ); }");
    assert_int_equal(settings->buses[0].baud, 38400);
    settings_free(settings);
}

static void paths_are_relative_to_the_files_own_folder(void **state) {
    (void)state;
    char path[128];
    settings_free(load_fine(FIXTURE_GATEWAY "control = \"run/s\";", NULL, NULL));
    snprintf(path, sizeof path, "%s/liftgw.cfg", settings_folder);
    assert_int_equal(chdir("/"), 0);
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(path, problems);
    assert_int_equal(chdir(settings_folder), 0);
    assert_non_null(settings);
    snprintf(path, sizeof path, "%s/run/s", settings_folder);
    assert_string_equal(settings->gateway.control, path);
    assert_string_equal(settings->gateway.state_dir, "/var/lib/liftgw");
    settings_free(settings);
    problems_free(problems);
}

static uint64_t hash_now(void) {
    struct problems *problems = problems_create();
    struct settings *settings = settings_load("liftgw.cfg", problems);
    assert_non_null(settings);
    uint64_t hash = settings->hash;
    settings_free(settings);
    problems_free(problems);
    return hash;
}

static void the_hash_tells_every_file_apart(void **state) {
    (void)state;
    static const char line[] = "baud = 9600; parity = \"none\"; stop_bits = 1; unit = 1;";
    settings_free(load_fine(NULL, NULL, NULL));
    uint64_t first = hash_now();
    assert_true(hash_now() == first);
    write_profile("small", line, "max_gap = 1;");
    assert_true(hash_now() != first);
    write_profile("small", line, "");
    assert_true(hash_now() == first);
    settings_free(load_fine(FIXTURE_GATEWAY "history_days = 89;", NULL, NULL));
    assert_true(hash_now() != first);
}

/* The three situations of the profile documentation, with the profiles and the code table that come with liftgw. */
static void the_three_situations_are_understood(void **state) {
    (void)state;
    static const char gateway[] =
        "id = \"B1\"; prefix = \"p\"; district = \"d\"; compound = \"c\"; "
        "profile_dirs = (\"" SOURCE_DIR "/config/profiles\"); codes_dirs = (\"" SOURCE_DIR "/config/codes\");";
    struct settings *settings = load_fine(
        gateway, NULL,
        "{ name = \"machine-room\"; device = \"/dev/serial/by-id/usb-FTDI_FT232R_USB_UART_A50285BI-if00-port0\"; "
        "baud = 38400;\n"
        "  lifts: ( { id = \"L-012345\"; unit = 1; profile = \"monarch-nice3000plus\"; name = \"万户新村 12 幢 2 "
        "单元\";\n"
        "             labels = (\"-1\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\"); accepts = (\"hall_bus\"); } ); }");
    assert_int_equal(settings->buses[0].baud, 38400);
    assert_int_equal(settings->lifts[0].identity.floors, 7);
    settings_free(settings);

    settings = load_fine(
        gateway, NULL,
        "{ name = \"shaft\"; device = \"/dev/ttyS4\"; rs485 = \"kernel\";\n"
        "  lifts: ( { id = \"L-012401\"; unit = 1; profile = \"techno-lift\"; name = \"新河 7 幢 1 单元 东梯\"; },\n"
        "           { id = \"L-012402\"; unit = 2; profile = \"techno-lift\"; name = \"新河 7 幢 1 单元 西梯\"; } ); "
        "}");
    assert_int_equal(settings->lift_count, 2);
    assert_int_equal(settings->buses[0].rs485, RS485_KERNEL);
    assert_int_equal(settings->buses[0].baud, 9600);
    settings_free(settings);

    settings = load_fine(
        gateway, NULL,
        "{ name = \"machine-room\"; device = \"/dev/serial/by-path/platform-fd800000.usb-usb-0:1:1.0-port0\";\n"
        "  baud = 9600; parity = \"none\"; stop_bits = 1;\n"
        "  lifts: ( { id = \"L-012777\"; name = \"新都 3 幢 1 单元\"; floors = 6;\n"
        "    parts: ( { unit = 10; profile = \"dio-8\"; invert = (\"_mains\", \"_chain\"); unused = (\"door_zone\");\n"
        "               without = (\"rides_total\", \"run_hours\"); },\n"
        "             { unit = 1; profile = \"invertek-elevator-core\"; without = (\"car\"); } );\n"
        "    accepts = (\"trips_on_silence\"); } ); }");
    const struct lift_settings *lift = &settings->lifts[0];
    assert_int_equal(lift->identity.floors, 6);
    assert_int_equal(lift->identity.label_count, 0);
    assert_true(lift->part[0].owns & 1u << ITEM_CAR);
    assert_false(lift->part[0].owns & 1u << ITEM_RIDES_TOTAL);
    assert_true(lift->part[1].owns & 1u << ITEM_RIDES_TOTAL);
    assert_false(lift->part[1].owns & 1u << ITEM_CAR);
    settings_free(settings);
}

static void the_private_key_may_be_a_credential(void **state) {
    (void)state;
    setenv("CREDENTIALS_DIRECTORY", "credentials", 1);
    struct settings *settings = load_fine(FIXTURE_GATEWAY, FIXTURE_BROKER "cert_file = \"codes/city.cfg\";", NULL);
    assert_null(settings->broker.key_file); /* none was given: it stands in cert_file */
    settings_free(settings);

    assert_int_equal(mkdir("credentials", 0700), 0);
    write_text("credentials/mqtt-key", "");
    settings = load_fine(FIXTURE_GATEWAY, FIXTURE_BROKER "cert_file = \"codes/city.cfg\";", NULL);
    assert_string_equal(settings->broker.key_file, "credentials/mqtt-key");
    settings_free(settings);

    settings = load_fine(FIXTURE_GATEWAY,
                         FIXTURE_BROKER "cert_file = \"codes/city.cfg\"; key_file = \"codes/city.cfg\";", NULL);
    assert_string_equal(settings->broker.key_file, "codes/city.cfg");
    settings_free(settings);
    unsetenv("CREDENTIALS_DIRECTORY");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_papers),
        cmocka_unit_test(a_default_of_the_gateway_is_each_lifts),
        cmocka_unit_test(everything_that_is_said_arrives),
        cmocka_unit_test(an_item_belongs_to_the_first_part_that_provides_it),
        cmocka_unit_test(a_profile_is_loaded_once),
        cmocka_unit_test(the_bus_may_overrule_profiles_that_disagree),
        cmocka_unit_test(paths_are_relative_to_the_files_own_folder),
        cmocka_unit_test(the_hash_tells_every_file_apart),
        cmocka_unit_test(the_private_key_may_be_a_credential),
        cmocka_unit_test(the_three_situations_are_understood),
    };
    return cmocka_run_group_tests(tests, settings_folder_make, settings_folder_remove);
}
