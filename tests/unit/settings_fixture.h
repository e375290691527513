/* A folder of its own with small profiles and a code table, in which configurations are written and loaded. */
#ifndef LIFTGW_TESTS_SETTINGS_FIXTURE_H
#define LIFTGW_TESTS_SETTINGS_FIXTURE_H

#include "base/text.h"
#include "settings/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char settings_folder[] = "/tmp/liftgw-settings-XXXXXX";

static inline void write_text(const char *name, const char *text) {
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* A profile of that name: line is what stands in its group line, more whatever else. */
static inline void write_profile(const char *name, const char *line, const char *more) {
    char path[128], text[2048];
    snprintf(path, sizeof path, "profiles/%s.cfg", name);
    snprintf(
        text, sizeof text,
        "name = \"%s\"; title = \"test\"; source = \"test\"; verified = false; line: { %s }; table = \"holding\";\n"
        "%s\n"
        "values = ( { item = \"car\"; address = 1; bit = 0; map = { stopped = 0; running = 1; }; },\n"
        "  { item = \"door_zone\"; address = 1; bit = 1; unused = 1; },\n"
        "  { item = \"rides_total\"; address = 2; type = \"u32\"; lane = \"slow\"; } );\n"
        "faults = ( { id = \"door_open_fault\"; address = 1; bit = 5; } );\n",
        name, line, more);
    write_text(path, text);
}

static inline int settings_folder_make(void **state) {
    (void)state;
    if (!mkdtemp(settings_folder) || chdir(settings_folder) != 0)
        return -1;
    if (mkdir("profiles", 0755) != 0 || mkdir("codes", 0755) != 0)
        return -1;
    static const char line[] = "baud = 9600; parity = \"none\"; stop_bits = 1; unit = 1;";
    write_profile("small", line, "");
    write_profile("trips", line,
                  "warnings = ( { id = \"trips_on_silence\"; text = \"It trips.\"; text_zh = \"会跳闸\"; } );");
    write_profile("fast", "baud = 115200; parity = \"even\"; stop_bits = 1; unit = 1;", "");
    write_profile("mute", "unit = 1;", "");
    write_profile("mono", line, "dialect = \"monarch\"; max_registers = 10;");
    write_text("codes/city.cfg", "name = \"city\"; title = \"t\"; source = \"s\";\n"
                                 "faults = { entrapment = \"11\"; door_open_fault = \"\"; other = 7; };\n"
                                 "modes = { inspection = \"43\"; };\n"
                                 "passenger_alarm = \"90\";\n");
    return 0;
}

static inline int settings_folder_remove(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", settings_folder);
    return chdir("/") == 0 ? system(command) : -1;
}

#define FIXTURE_GATEWAY                                                                                                \
    "id = \"B1\"; prefix = \"p\"; district = \"d\"; compound = \"c\"; code_system = \"city\"; "                        \
    "profile_dirs = (\"profiles\"); codes_dirs = (\"codes\");"
#define FIXTURE_BROKER "urls = (\"mqtts://broker.example\");"
#define FIXTURE_BUSES                                                                                                  \
    "{ name = \"shaft\"; device = \"/dev/null\"; lifts: ( { id = \"L-1\"; unit = 1; profile = \"small\"; } ); }"

/* Loads a configuration of three lines: gateway, broker, and from line 3 on the buses. */
static inline struct settings *load_parts(const char *gateway, const char *broker, const char *buses,
                                          struct problems *problems) {
    char text[16384];
    snprintf(text, sizeof text, "gateway: { %s };\nbroker: { %s };\nbuses: ( %s );\n",
             gateway ? gateway : FIXTURE_GATEWAY, broker ? broker : FIXTURE_BROKER, buses ? buses : FIXTURE_BUSES);
    write_text("liftgw.cfg", text);
    return settings_load("liftgw.cfg", problems);
}

/* Loads what has to be fine. */
static inline struct settings *load_fine(const char *gateway, const char *broker, const char *buses) {
    struct problems *problems = problems_create();
    struct settings *settings = load_parts(gateway, broker, buses, problems);
    if (problems_text(problems, 0))
        print_error("%s\n", problems_text(problems, 0));
    assert_null(problems_text(problems, 0));
    assert_non_null(settings);
    problems_free(problems);
    return settings;
}

static inline void assert_problems(const struct problems *problems, const char *expected) {
    char all[8192] = "";
    for (size_t i = 0; problems_text(problems, i); i++) {
        strcat(all, problems_text(problems, i));
        strcat(all, "\n");
    }
    assert_string_equal(all, expected);
}

#endif
