/* What a person reads who made a mistake in liftgw.cfg: every mistake, its line, and what would be right. */
#include "settings_fixture.h"

#define E(line, text) "liftgw.cfg:" line ": error: " text "\n"
#define W(line, text) "liftgw.cfg:" line ": warning: " text "\n"

struct mistake {
    const char *gateway, *broker, *buses; /* NULL: without a mistake */
    const char *problems;
};

static void check(const struct mistake *mistakes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        struct problems *problems = problems_create();
        struct settings *settings = load_parts(mistakes[i].gateway, mistakes[i].broker, mistakes[i].buses, problems);
        assert_problems(problems, mistakes[i].problems);
        assert_int_equal(settings == NULL, problems_count(problems, PROBLEM_ERROR) > 0);
        settings_free(settings);
        problems_free(problems);
    }
}

#define G(more) FIXTURE_GATEWAY " " more
static void in_gateway(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {G("state_interval = 5;"), NULL, NULL,
         E("1", "unknown key 'state_interval'; did you mean 'state_interval_s'?")},
        {G("colour = 5;"), NULL, NULL, E("1", "unknown key 'colour'")},
        {G("state_interval_s = \"5\";"), NULL, NULL,
         E("1", "state_interval_s must be a whole number without quotes, 0 to 86400")},
        {G("state_interval_s = 5.0;"), NULL, NULL,
         E("1", "state_interval_s must be a whole number without quotes, 0 to 86400")},
        {G("state_interval_s = -1;"), NULL, NULL, E("1", "state_interval_s -1 is out of range: 0 to 86400")},
        {G("history_days = 4000000000L;"), NULL, NULL, E("1", "history_days 4000000000 is out of range: 1 to 3650")},
        {G("history_days = 4294967297;"), NULL, NULL,
         E("1", "4294967297 does not fit 32 bits: write 4294967297L")
             E("1", "history_days 4294967297 is out of range: 1 to 3650")},
        {G("language = \"cn\";"), NULL, NULL, E("1", "language \"cn\" is unknown: \"zh\" or \"en\"")},
        {G("timezone = \"Asia/Yancheng\";"), NULL, NULL,
         E("1", "timezone \"Asia/Yancheng\" is unknown: not in /usr/share/zoneinfo; write one like \"Asia/Shanghai\", "
                "or \"UTC\"")},
        {G("timezone = \"../../../etc/passwd\";"), NULL, NULL,
         E("1", "timezone \"../../../etc/passwd\" is unknown: not in /usr/share/zoneinfo; write one like "
                "\"Asia/Shanghai\", or \"UTC\"")},
        {G("metrics_file = 5;"), NULL, NULL, E("1", "metrics_file must be a text in quotes: \"5\"")},
        {G("control = \"\";"), NULL, NULL, E("1", "control is empty")},
        {G("entrapment_outside_s = 0;"), NULL, NULL, E("1", "entrapment_outside_s 0 is out of range: 1 to 3600")},
        {"id = \"B/1\"; prefix = \"a//b\"; district = \"+\"; compound = \"$c\"; code_system = \"city\"; "
         "profile_dirs = (\"profiles\"); codes_dirs = (\"codes\");",
         NULL, NULL,
         E("1", "id \"B/1\" cannot be a topic level: no +, # or / and no $ in front")
             E("1", "prefix \"a//b\" cannot be topic levels: none empty, no + or #, no $ in front of one")
                 E("1", "district \"+\" cannot be a topic level: no +, # or / and no $ in front")
                     E("1", "compound \"$c\" cannot be a topic level: no +, # or / and no $ in front")},
        {"code_system = \"city\"; profile_dirs = (\"profiles\"); codes_dirs = (\"codes\");", NULL, NULL,
         E("1", "id is missing in this gateway: This box; unique in the city; a level of its topics.")
             E("1", "prefix is missing in this gateway: The first level or levels of every topic, usually the city.")
                 E("1", "district is missing in this gateway: The district; a level of every topic.")
                     E("1", "compound is missing in this gateway: The residential compound; a level of every topic.")},
        {"id = \"B\\t1\"; prefix = \"p\"; district = \"d\"; compound = \"c\"; code_system = \"citty\"; "
         "profile_dirs = (\"profiles\"); codes_dirs = (\"codes\", \"more\");",
         NULL, NULL,
         E("1", "id holds a control character: remove it")
             E("1", "code_system \"citty\" not found: no citty.cfg in codes, more; did you mean \"city\"?")},
        {"id = \"B1\"; prefix = \"p\"; district = \"d\"; compound = \"c\"; code_system = \"../codes/city\"; "
         "profile_dirs = (\"profiles\"); codes_dirs = ();",
         NULL, NULL,
         E("1", "codes_dirs is empty")
             E("1", "code_system \"../codes/city\" cannot be a file's name: write it without folder and without .cfg")},
    };
    check(mistakes, COUNT_OF(mistakes));
}

/* The topics have to fit, and `state` with its gateway_topic. */
static void levels_of_256_bytes_together(void **state) {
    (void)state;
    for (int district = 99; district <= 101; district++) {
        char gateway[1024];
        char problem[256];
        snprintf(
            gateway, sizeof gateway,
            "id = \"%050d\"; prefix = \"%070d\"; district = \"%0*d\";\ncompound = \"%036d\"; code_system = \"city\"; "
            "profile_dirs = (\"profiles\"); codes_dirs = (\"codes\");",
            1, 1, district, 1, 1);
        snprintf(problem, sizeof problem,
                 E("1", "prefix (70), district (%d), compound (36) and id (50) have %d bytes together: at most 256 fit "
                        "into a message"),
                 district, 156 + district);
        const struct mistake mistake = {gateway, NULL, NULL, district > 100 ? problem : ""};
        check(&mistake, 1);
    }
}

#define URL(url) "urls = (\"" url "\");"
#define NOT_URL(url, why)                                                                                              \
    { NULL, URL(url), NULL, E("2", "url \"" url "\" cannot be used: " why) }
static void in_broker(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {NULL, "", NULL,
         E("2", "urls is missing in this broker: The city's brokers, tried in order: mqtts://HOST[:PORT], or mqtt:// "
                "without encryption.")},
        {NULL, "urls = ();", NULL, E("2", "urls is empty")},
        {NULL, "urls = \"mqtts://h\";", NULL, E("2", "urls must be a list of texts: (\"…\", \"…\")")},
        {NULL, "urls = (1883, \"\");", NULL,
         E("2", "each of urls must be a text in quotes: \"1883\"") E("2", "urls holds an empty text")},
        {NULL, URL("mqtt://localhost:1883"), NULL, ""},
        {NULL, URL("tcp://[::1]:1883"), NULL, ""},
        {NULL, URL("ssl://h:65535"), NULL, ""},
        {NULL, URL("mqtt://127.0.0.1"), NULL, ""},
        {NULL, URL("mqtt://city.example:1883"), NULL,
         W("2", "\"mqtt://city.example:1883\" is not encrypted, everybody on the way can read and forge it: write "
                "mqtts://")},
        {NULL, URL("mqtt://127.0.0.1.example"), NULL,
         W("2", "\"mqtt://127.0.0.1.example\" is not encrypted, everybody on the way can read and forge it: write "
                "mqtts://")},
        NOT_URL("http://h", "it begins with mqtts:// or mqtt://"),
        NOT_URL("broker.example:8883", "it begins with mqtts:// or mqtt://"),
        NOT_URL("mqtts://:8883", "a host is missing after //"),
        NOT_URL("mqtts://h:0", "the port is a number from 1 to 65535"),
        NOT_URL("mqtts://h:65536", "the port is a number from 1 to 65535"),
        NOT_URL("mqtts://h:", "the port is a number from 1 to 65535"),
        NOT_URL("mqtts://h:88x", "the port is a number from 1 to 65535"),
        NOT_URL("mqtts://h:8883/mqtt", "nothing follows the port: no / there"),
        NOT_URL("mqtts://[::1", "the [ has no ]"),
        NOT_URL("mqtts://[::1]:8883", "no certificate can be checked against an IPv6 address: write a host name"),
        NOT_URL("mqtts://a b", "a host has letters, digits, - and . only"),
        NOT_URL("mqtts://me:secret@h", "name and password do not stand in it: write username and password_file"),
        {NULL, FIXTURE_BROKER "protocol = \"4\"; keepalive_s = 1; usrname = \"x\";", NULL,
         E("2", "protocol \"4\" is unknown: \"auto\", \"5\" or \"3.1.1\"")
             E("2", "keepalive_s 1 is out of range: 5 to 3600")
                 E("2", "unknown key 'usrname'; did you mean 'username'?")},
        {NULL, FIXTURE_BROKER "protocol = 5;", NULL, E("2", "protocol must be a text in quotes: \"5\"")},
        {NULL, FIXTURE_BROKER "ca_file = \"no.pem\";", NULL,
         E("2", "ca_file: cannot read no.pem: No such file or directory")},
        {NULL, FIXTURE_BROKER "ca_file = \"codes\";", NULL, E("2", "ca_file: codes is not a regular file")},
        {NULL, FIXTURE_BROKER "key_file = \"codes/city.cfg\";", NULL,
         E("2", "key_file is the key of a cert_file: name that, too")},
        {NULL, FIXTURE_BROKER "password_file = \"no\";", NULL,
         E("2", "a password needs a username") E("2", "password_file: cannot read no: No such file or directory")},
        {NULL, FIXTURE_BROKER "username = \"u\"; password = \"x\"; password_file = \"codes/city.cfg\";", NULL,
         E("2", "password and password_file exclude each other: keep password_file")},
        {NULL, FIXTURE_BROKER "username = \"u\"; password = \"x\";", NULL,
         E("2", "others can read this password: chmod o-r liftgw.cfg, or write it to a file and name that in "
                "password_file")},
    };
    assert_int_equal(chmod("liftgw.cfg", 0644), 0);
    check(mistakes, COUNT_OF(mistakes));
}

static void a_password_is_fine_where_others_cannot_read_it(void **state) {
    (void)state;
    struct settings *settings = load_fine(NULL, NULL, NULL);
    settings_free(settings);
    assert_int_equal(chmod("liftgw.cfg", 0640), 0);
    settings = load_fine(NULL, FIXTURE_BROKER "username = \"u\"; password = \"x\";", NULL);
    assert_string_equal(settings->broker.password, "x");
    settings_free(settings);
    assert_int_equal(chmod("liftgw.cfg", 0644), 0);
}

#define BUS(keys, lifts) "{ name = \"shaft\"; device = \"/dev/null\"; " keys " lifts: ( " lifts " ); }"
#define LIFT(keys) "{ id = \"L-1\"; " keys " }"
#define SMALL "unit = 1; profile = \"small\"; "
static void in_buses(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {NULL, NULL, "", E("3", "buses has 0 buses: at least 1, at most 64")},
        {NULL, NULL, "5", E("3", "a bus must be a group: { … }")},
        {NULL, NULL, "{ }",
         E("3", "name is missing in this bus: What people and parts call this bus; unique on this box.")
             E("3", "device is missing in this bus: The serial device, best by /dev/serial/by-id or by-path.")
                 E("3", "no unit is on this bus: write a lift into its lifts, or remove the bus")},
        {NULL, NULL, BUS("", ""), E("3", "no unit is on this bus: write a lift into its lifts, or remove the bus")},
        {NULL, NULL, "{ name = \"a\"; device = \"/dev/null\"; lifts = 5; }",
         E("3", "lifts must be a list of groups: ( { … }, { … } )")},
        {NULL, NULL, BUS("", LIFT(SMALL)) ",\n" BUS("", "{ id = \"L-2\"; " SMALL "}"),
         E("4", "there is a bus \"shaft\" already, in line 3: give this one another name") E(
             "4", "device /dev/null is used by bus \"shaft\" of line 3 already: put all lifts of one line on one bus")},
        {NULL, NULL,
         BUS("", LIFT(SMALL)) ",\n{ name = \"b\"; device = \"/dev/../dev/null\"; lifts: ( { id = \"L-2\"; " SMALL
                              "} ); }",
         E("4", "device /dev/../dev/null is used by bus \"shaft\" of line 3 already: put all lifts of one line on one "
                "bus")},
        {NULL, NULL, BUS("baud = 9601;", LIFT(SMALL)),
         E("3", "baud 9601 is no speed of a serial line: 110, 300, 600, 1200, 2400, 4800, 9600, 19200, 38400, 57600, "
                "115200, 230400, 460800, 500000, 576000, 921600")},
        {NULL, NULL, BUS("parity = \"mark\"; data_bits = 7; stop_bits = 3; rs485 = true;", LIFT(SMALL)),
         E("3", "parity \"mark\" is unknown: \"none\", \"even\" or \"odd\"")
             E("3", "data_bits 7 is not possible: it must be 8") E("3", "stop_bits 3 is out of range: 1 to 2")
                 E("3", "rs485 must be a text in quotes")},
        {NULL, NULL, BUS("response_timeout_ms = 19; lates_reply_ms = 5;", LIFT(SMALL)),
         E("3", "response_timeout_ms 19 is out of range: 20 to 1000")
             E("3", "unknown key 'lates_reply_ms'; did you mean 'late_reply_ms'?")},
        {NULL, NULL,
         "\n{ name = \"a\"; device = \"/dev/null\";\n lifts: ( { id = \"L-1\"; " SMALL
         "},\n { id = \"L-2\"; unit = 2; profile = \"fast\"; } ); }",
         E("4", "the profiles of this bus disagree on baud: small wants 9600, fast wants 115200; set all units alike "
                "and write baud here")
             E("4", "the profiles of this bus disagree on parity: small wants \"none\", fast wants \"even\"; set all "
                    "units alike and write parity here")},
        {NULL, NULL, BUS("", LIFT("unit = 1; profile = \"mute\";")),
         E("3", "no profile of this bus says its baud: write baud here")
             E("3", "no profile of this bus says its parity: write parity here")},
        {NULL, NULL, BUS("", LIFT(SMALL) ", { id = \"L-2\"; unit = 2; profile = \"mono\"; }"),
         E("3", "the monarch dialect (unit 2, mono) and plain RTU (unit 1, small) cannot share a line: give each its "
                "own bus")},
    };
    check(mistakes, COUNT_OF(mistakes));
}

#define PARTS(parts) BUS("", LIFT("parts: ( " parts " );"))
static void in_lifts(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {NULL, NULL, BUS("", "7"), E("3", "a lift must be a group: { … }")},
        {NULL, NULL, BUS("", "{ " SMALL "}"),
         E("3", "id is missing in this lift: This lift; unique on this box; a level of its topics.")},
        {NULL, NULL, BUS("", LIFT("")),
         E("3", "this lift has no unit and profile: write both, or parts if it has several units")},
        {NULL, NULL, BUS("", LIFT("unit = 1;")),
         E("3", "this lift has no profile: write profile = \"…\", or parts if it has several units")},
        {NULL, NULL, BUS("", LIFT("profile = \"small\";")),
         E("3", "this lift has no unit: write unit = 1, or parts if it has several units")},
        {NULL, NULL, BUS("", LIFT("unit = 0; profile = \"small\";")), E("3", "unit 0 is out of range: 1 to 247")},
        {NULL, NULL, BUS("", LIFT("unit = 248; profile = \"small\";")), E("3", "unit 248 is out of range: 1 to 247")},
        {NULL, NULL, BUS("", LIFT("unit = 1; profile = \"smal\";")),
         E("3", "profile \"smal\" not found: no smal.cfg in profiles; did you mean \"small\"?")},
        {NULL, NULL, BUS("", LIFT("unit = 1; profile = \"/etc/passwd\";")),
         E("3", "profile \"/etc/passwd\" cannot be a file's name: write it without folder and without .cfg")},
        {NULL, NULL, BUS("", LIFT(SMALL) ",\n" LIFT("unit = 2; profile = \"small\";")),
         E("4", "there is a lift \"L-1\" already, in line 3: every lift has its own id")},
        {NULL, NULL, BUS("", LIFT(SMALL) ",\n{ id = \"L-2\"; " SMALL "}"),
         E("4", "unit 1 of bus \"shaft\" is used by lift \"L-1\" of line 3 already: every unit has its own number")},
        {NULL, NULL, BUS("", LIFT(SMALL "nmae = \"x\"; rescue_code = 12345;")),
         E("3", "rescue_code must be a text in quotes: \"12345\"") E("3", "unknown key 'nmae'; did you mean 'name'?")},
        {NULL, NULL, BUS("", LIFT(SMALL "managed_by = \"street\";")),
         E("3", "managed_by \"street\" is unknown: \"property_company\", \"owners\", \"work_unit\" or "
                "\"street_office\"")},
        {NULL, NULL, BUS("", LIFT(SMALL "labels = (\"1\", 2); floors = 129;")),
         E("3", "each of labels must be a text in quotes: \"2\"") E("3", "floors 129 is out of range: 1 to 128")},
        {NULL, NULL, BUS("", LIFT(SMALL "labels = (\"1\", \"2\"); floors = 3;")),
         W("3", "floors is 3, but there are 2 labels: one label for each floor would be right")},
        {NULL, NULL, BUS("", LIFT(SMALL "labels = (\"12345678901234567\");")),
         E("3", "labels is 17 bytes long: at most 16")},
        {NULL, NULL, BUS("", LIFT("unit = 1; profile = \"trips\"; accepts = (\"trips_on_silense\");")),
         E("3", "accepts: no profile of this lift warns of \"trips_on_silense\"; did you mean \"trips_on_silence\"?")},
        {NULL, NULL, BUS("", LIFT(SMALL "accepts = (\"hall_bus\");")),
         E("3", "accepts: no profile of this lift warns of \"hall_bus\": leave it out")},
        {NULL, NULL, BUS("", LIFT(SMALL "no_ride_h = 0; flapping_per_h = 1001;")),
         E("3", "flapping_per_h 1001 is out of range: 0 to 1000") E("3", "no_ride_h 0 is out of range: 1 to 720")},
        {NULL, NULL, BUS("", LIFT(SMALL "address_offset = 70000;")),
         E("3", "address_offset 70000 is out of range: -65535 to 65535")},
        /* parts */
        {NULL, NULL, BUS("", LIFT("unit = 1; without = (\"car\"); parts: ( { unit = 2; profile = \"small\"; } );")),
         E("3", "unit does not stand beside parts: write it into a part")
             E("3", "without does not stand beside parts: write it into a part")},
        {NULL, NULL, PARTS(""), E("3", "parts has 0 parts: at least 1, at most 4")},
        {NULL, NULL,
         PARTS("{ unit = 1; profile = \"small\"; }, { unit = 2; profile = \"small\"; }, { unit = 3; profile = "
               "\"small\"; }, { unit = 4; profile = \"small\"; }, { unit = 5; profile = \"small\"; }"),
         E("3", "parts has 5 parts: at least 1, at most 4")},
        {NULL, NULL, PARTS("{ unit = 1; profile = \"small\"; },\n{ unit = 1; profile = \"small\"; }"),
         E("4", "unit 1 of bus \"shaft\" is used by lift \"L-1\" of line 3 already: every unit has its own number")},
        {NULL, NULL, PARTS("{ unit = 1; profile = \"small\"; bus = \"shift\"; }"),
         E("3", "there is no bus \"shift\"; did you mean \"shaft\"?")},
        {NULL, NULL, PARTS("{ unit = 1; profil = \"small\"; }"),
         E("3", "profile is missing in this part: What kind of unit it is: the name of a file in profile_dirs, "
                "without .cfg.") E("3", "unknown key 'profil'; did you mean 'profile'?")},
        {NULL, NULL, PARTS("{ unit = 1; profile = \"small\"; name = \"x\"; }"), E("3", "unknown key 'name'")},
    };
    check(mistakes, COUNT_OF(mistakes));
}
static void in_the_whole_file(void **state) {
    (void)state;
    static const struct {
        const char *text, *problems;
    } table[] = {
        {"", "liftgw.cfg: error: there is no gateway: { … }\nliftgw.cfg: error: there is no broker: { … }\n"
             "liftgw.cfg: error: there is no buses: ( { … } )\n"},
        {"gateway = 1; brokers: { };\nbuses: { };",
         "liftgw.cfg: error: there is no broker: { … }\n" E("1", "unknown key 'brokers'; did you mean 'broker'?")
             E("1", "gateway must be a group: { … }") E("2", "buses must be a list of groups: ( { … }, { … } )")},
        {"gateway: {\n", E("1", "this { is never closed")},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct problems *problems = problems_create();
        write_text("liftgw.cfg", table[i].text);
        assert_null(settings_load("liftgw.cfg", problems));
        assert_problems(problems, table[i].problems);
        problems_free(problems);
    }
}

static void every_mistake_gives_its_line(void **state) {
    (void)state;
    struct problems *problems = problems_create();
    write_text("liftgw.cfg",
               "gateway: {\n"
               "  id = \"B1\"; prefix = \"p\"; district = \"d\"; compound = \"c\"; code_system = \"city\";\n"
               "  profile_dirs = (\"profiles\"); codes_dirs = (\"codes\");\n"
               "  langage = \"zh\"; code_system = \"town\";\n"
               "  timezone = \"Mars/Olympus\";\n"
               "  history_days = 0;\n"
               "};\n"
               "broker: {\n"
               "  urls = (\"mqtts://a\",\n"
               "          \"http://b\");\n"
               "  keepalive_s = 1;\n"
               "};\n"
               "buses: ( { name = \"a\"; device = \"/dev/null\";\n"
               "  baud = 12345; paritiy = \"even\";\n"
               "  lifts: ( { id = \"L-1\"; unit = 1; profile = \"small\"; },\n"
               "           { id = \"L-2\";\n"
               "             unit = 1;\n"
               "             profile = \"none\"; },\n"
               "           { id = \"L-1\"; unit = 3; profile = \"small\"; } ); } );\n");
    assert_null(settings_load("liftgw.cfg", problems));
    static const int lines[] = {4, 4, 5, 6, 10, 11, 14, 14, 17, 18, 19};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        char begin[32];
        snprintf(begin, sizeof begin, "liftgw.cfg:%d: error: ", lines[i]);
        assert_non_null(problems_text(problems, i));
        assert_memory_equal(problems_text(problems, i), begin, strlen(begin));
    }
    assert_null(problems_text(problems, COUNT_OF(lines)));
    problems_free(problems);
}

/* The words are the profile's; here it matters that it is asked, for units and for parts. */
static void options_of_a_unit_are_held_against_its_profile(void **state) {
    (void)state;
    static const char *const buses[] = {
        BUS("", "{ id = \"L-1\"; unit = 1; profile = \"small\";\n invert = (\"door_zon\"); }"),
        BUS("", "{ id = \"L-1\"; parts: ( { unit = 1; profile = \"small\";\n without = (\"door_zon\"); } ); }"),
    };
    for (size_t i = 0; i < COUNT_OF(buses); i++) {
        struct problems *problems = problems_create();
        assert_null(load_parts(NULL, NULL, buses[i], problems));
        assert_memory_equal(problems_text(problems, 0), "liftgw.cfg:4: error: ", 21);
        assert_non_null(strstr(problems_text(problems, 0), "door_zon"));
        assert_null(problems_text(problems, 1));
        problems_free(problems);
    }
}

static void in_a_profile_it_is_named_once_with_its_own_file(void **state) {
    (void)state;
    write_profile("broken", "baud = 9600; parity = \"none\"; stop_bits = 1; unit = 1;", "table = \"input\";");
    static const struct mistake mistakes[] = {
        {NULL, NULL,
         BUS("", LIFT("unit = 1; profile = \"broken\";") ", { id = \"L-2\"; unit = 2; profile = \"broken\"; }"),
         "profiles/broken.cfg:2: error: key 'table' stands in line 1 already: remove one of the two\n"},
    };
    check(mistakes, COUNT_OF(mistakes));
    unlink("profiles/broken.cfg");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_password_is_fine_where_others_cannot_read_it),
        cmocka_unit_test(in_gateway),
        cmocka_unit_test(levels_of_256_bytes_together),
        cmocka_unit_test(in_broker),
        cmocka_unit_test(in_buses),
        cmocka_unit_test(in_lifts),
        cmocka_unit_test(in_the_whole_file),
        cmocka_unit_test(every_mistake_gives_its_line),
        cmocka_unit_test(options_of_a_unit_are_held_against_its_profile),
        cmocka_unit_test(in_a_profile_it_is_named_once_with_its_own_file),
    };
    return cmocka_run_group_tests(tests, settings_folder_make, settings_folder_remove);
}
