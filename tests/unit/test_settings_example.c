/* The files that are shipped with the reader, held together with it: the example and the code tables. */
#include "settings_fixture.h"

#include "base/build.h"

#include <ctype.h>

#define EXAMPLE SOURCE_DIR "/config/liftgw.cfg.example"

static char *read_whole(const char *path) {
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    char *text = calloc(1, 1 << 16);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 16) - 1, file) > 0);
    fclose(file);
    return text;
}

/* Replaces from by to once; text has room. */
static void replace(char *text, const char *from, const char *to) {
    char *at = strstr(text, from);
    if (!at)
        return;
    memmove(at + strlen(to), at + strlen(from), strlen(at + strlen(from)) + 1);
    memcpy(at, to, strlen(to));
}

/* The line of comment that the example has for a row; it speaks of the packaged folders. */
static const char *range_line(const struct option *option, char line[OPTION_RANGE_SIZE + 64]) {
    char range[OPTION_RANGE_SIZE];
    snprintf(line, OPTION_RANGE_SIZE + 64, "# %s\n", option_range(option, range));
    for (int i = 0; i < 2; i++) {
        replace(line, LIFTGW_DATA, "\1");
        replace(line, LIFTGW_SYSCONF, "\2");
    }
    replace(line, "\1", "/usr/share/liftgw");
    replace(line, "\2", "/etc/liftgw");
    return line;
}

static void skip_blanks(const char **text) {
    while (**text == ' ' || **text == '#')
        (*text)++;
}

static void the_example_has_every_key_with_its_sentence_and_range(void **state) {
    (void)state;
    char *example = read_whole(EXAMPLE);
    const char *at = example; /* keys stand in the order of the table */
    size_t count;
    const struct option *options = settings_options(&count);
    char sentence[512], range[OPTION_RANGE_SIZE + 64];
    for (size_t i = 0; i < count; i++) {
        const struct option *option = &options[i];
        snprintf(sentence, sizeof sentence, "# %s\n", option->sentence);
        const char *found = strstr(at, sentence);
        if (!found)
            fail_msg("%s.%s: no line \"%s\"", option->section, option->key, sentence);
        found += strlen(sentence);
        found += strspn(found, " ");
        range_line(option, range);
        if (strncmp(found, range, strlen(range)) != 0)
            fail_msg("%s.%s: the next line is not \"%s\"", option->section, option->key, range);
        found += strlen(range);
        skip_blanks(&found);
        size_t key = strlen(option->key);
        if (strncmp(found, option->key, key) != 0 || !strchr(" :=", found[key]))
            fail_msg("%s.%s: the key does not follow", option->section, option->key);
        at = found + key;
    }
    free(example);
}

/* No key of the example is unknown: every "key =" in it, commented or not, is one of the table. */
static void the_example_has_no_other_key(void **state) {
    (void)state;
    char *example = read_whole(EXAMPLE);
    size_t count;
    const struct option *options = settings_options(&count);
    for (char *line = strtok(example, "\n"); line; line = strtok(NULL, "\n")) {
        const char *key = line;
        skip_blanks(&key);
        size_t size = strspn(key, "abcdefghijklmnopqrstuvwxyz_0123456789");
        if (size == 0 || strncmp(key + size, " = ", 3) != 0)
            continue;
        bool known = false;
        for (size_t i = 0; i < count && !known; i++)
            known = strlen(options[i].key) == size && strncmp(options[i].key, key, size) == 0;
        if (!known)
            fail_msg("unknown: %s", line);
    }
    free(example);
}

/* Only the folders of the shipped files are another in the source tree. */
static struct settings *load_example(const char *text) {
    char patched[1 << 16];
    snprintf(patched, sizeof patched, "%s", text);
    replace(patched, "gateway: {",
            "gateway: { profile_dirs = (\"" SOURCE_DIR "/config/profiles\"); codes_dirs = (\"" SOURCE_DIR
            "/config/codes\");");
    write_text("liftgw.cfg", patched);
    struct problems *problems = problems_create();
    struct settings *settings = settings_load("liftgw.cfg", problems);
    assert_problems(problems, "");
    problems_free(problems);
    return settings;
}

static void the_example_is_valid_as_it_stands(void **state) {
    (void)state;
    char *example = read_whole(EXAMPLE);
    struct settings *settings = load_example(example);
    assert_non_null(settings);
    assert_string_equal(settings->gateway.id, "B12-2");
    assert_int_equal(settings->lifts[0].identity.floors, 7);
    settings_free(settings);
    free(example);
}

/* A part stands in comments whole, and what a lift needs stands without #. */
static bool has_shown_default(const struct option *option) {
    bool lift = strcmp(option->section, "lift") == 0 && option->fallback[0];
    return (option->type == OPTION_NUMBER || option->type == OPTION_WORD) &&
           (lift || (strcmp(option->section, "lift") != 0 && strcmp(option->section, "part") != 0));
}

/* Taking away the # in front of a default changes nothing. */
static void the_defaults_shown_are_those_that_hold(void **state) {
    (void)state;
    char *example = read_whole(EXAMPLE);
    struct settings *before = load_example(example);
    assert_non_null(before);
    size_t count;
    const struct option *options = settings_options(&count);
    int taken = 0;
    for (size_t i = 0; i < count; i++) {
        char key[80];
        snprintf(key, sizeof key, " #%s = ", options[i].key);
        if (!has_shown_default(&options[i]))
            continue;
        char *at = strstr(example, key);
        if (!at)
            fail_msg("no default shown for %s.%s", options[i].section, options[i].key);
        at[1] = ' ';
        taken++;
    }
    assert_true(taken > 30);
    struct settings *after = load_example(example);
    assert_non_null(after);
    assert_int_equal(after->gateway.state_interval_s, before->gateway.state_interval_s);
    assert_int_equal(after->gateway.state_min_interval_ms, before->gateway.state_min_interval_ms);
    assert_int_equal(after->gateway.counters_interval_s, before->gateway.counters_interval_s);
    assert_int_equal(after->gateway.health_interval_s, before->gateway.health_interval_s);
    assert_int_equal(after->gateway.outbox_max_events, before->gateway.outbox_max_events);
    assert_int_equal(after->gateway.history_days, before->gateway.history_days);
    assert_int_equal(after->broker.keepalive_s, before->broker.keepalive_s);
    assert_int_equal(after->broker.protocol, before->broker.protocol);
    const struct bus_section *a = &after->buses[0], *b = &before->buses[0];
    assert_int_equal(a->baud, b->baud);
    assert_int_equal(a->parity, b->parity);
    assert_int_equal(a->data_bits, b->data_bits);
    assert_int_equal(a->stop_bits, b->stop_bits);
    assert_int_equal(a->rs485, b->rs485);
    assert_int_equal(a->response_timeout_ms, b->response_timeout_ms);
    assert_int_equal(a->late_reply_ms, b->late_reply_ms);
    assert_int_equal(a->min_poll_ms, b->min_poll_ms);
    assert_int_equal(a->offline_after, b->offline_after);
    assert_memory_equal(&after->lifts[0].limits, &before->lifts[0].limits, sizeof(struct lift_limits));
    assert_int_equal(after->lifts[0].part[0].options.address_offset, before->lifts[0].part[0].options.address_offset);
    settings_free(before);
    settings_free(after);
    free(example);
}

static struct settings *load_codes(const char *name) {
    char gateway[512];
    snprintf(gateway, sizeof gateway,
             "id = \"B1\"; prefix = \"p\"; district = \"d\"; compound = \"c\"; code_system = \"%s\"; "
             "profile_dirs = (\"profiles\"); codes_dirs = (\"" SOURCE_DIR "/config/codes\");",
             name);
    return load_fine(gateway, NULL, NULL);
}

static void the_code_tables_say_what_their_sources_say(void **state) {
    (void)state;
    struct settings *settings = load_codes("gbt24476-2017");
    const struct code_table *codes = &settings->codes;
    assert_string_equal(codes->name, "gbt24476-2017");
    assert_string_equal(codes->fault[FAULT_SAFETY_CIRCUIT_OPEN], "01");
    assert_string_equal(codes->fault[FAULT_RESTART_PREVENTED], "08");
    assert_string_equal(codes->fault[FAULT_POWER_SUPPLY_FAULT], "41");
    assert_string_equal(codes->fault[FAULT_ENTRAPMENT], ""); /* 困人 has no number among them */
    assert_string_equal(codes->fault[FAULT_OVERRUN_TOP], "");
    assert_string_equal(codes->mode[MODE_NORMAL], "40");
    assert_string_equal(codes->mode[MODE_OUT_OF_SERVICE], "42");
    assert_string_equal(codes->mode[MODE_EARTHQUAKE], "47");
    assert_string_equal(codes->passenger_alarm, "90");
    settings_free(settings);

    settings = load_codes("bacnet");
    for (int i = 0; i < FAULT_COUNT; i++) { /* the taxonomy carries the same numbers */
        char number[16] = "";
        int bacnet = fault_info((enum fault)i)->bacnet;
        if (bacnet >= 0)
            snprintf(number, sizeof number, "%d", bacnet);
        assert_string_equal(settings->codes.fault[i], number);
    }
    assert_string_equal(settings->codes.mode[MODE_OUT_OF_SERVICE], "12");
    assert_string_equal(settings->codes.passenger_alarm, "");
    settings_free(settings);
}

static void a_code_table_with_mistakes_is_refused(void **state) {
    (void)state;
    write_text("codes/bad.cfg", "name = \"good\";\ntitle = \"t\";\nsource = 5;\n"
                                "faults = {\n overspeeed = 1;\n other = 07;\n entrapment = \"1234567890123456\";\n"
                                " overspeed = \"a b\"; };\n"
                                "modes = {\n night = \"1\"; };\npasenger_alarm = 90;\n");
    struct problems *problems = problems_create();
    assert_null(load_parts("id = \"B1\"; prefix = \"p\"; district = \"d\"; compound = \"c\"; code_system = \"bad\"; "
                           "profile_dirs = (\"profiles\"); codes_dirs = (\"codes\");",
                           NULL, NULL, problems));
    assert_problems(
        problems,
        "codes/bad.cfg:1: error: name must be \"bad\", as the file is called\n"
        "codes/bad.cfg:3: error: source = \"…\" is missing\n"
        "codes/bad.cfg:4: warning: no code for door_open_fault, which lifts here can raise: add them, with \"\" "
        "for what has none\n"
        "codes/bad.cfg:5: error: unknown key 'overspeeed'; did you mean 'overspeed'?\n"
        "codes/bad.cfg:6: error: 07 begins with 0: write 7 if it is a number, \"07\" if the 0 matters\n"
        "codes/bad.cfg:7: error: the code of entrapment must be a text of at most 15 bytes, or a whole number\n"
        "codes/bad.cfg:8: error: the code of overspeed has letters, digits and . : / _ - only\n"
        "codes/bad.cfg:10: error: unknown key 'night'\n"
        "codes/bad.cfg:11: error: unknown key 'pasenger_alarm'; did you mean 'passenger_alarm'?\n");
    problems_free(problems);
}

/* What a bit, a pattern or a code can raise, an unlisted code, and entrapment, which any lift can have. */
static void a_fault_in_use_that_the_table_does_not_list_is_warned_of(void **state) {
    (void)state;
    write_text("profiles/coded.cfg", "name = \"coded\"; title = \"t\"; source = \"s\"; table = \"holding\";\n"
                                     "line: { baud = 9600; parity = \"none\"; };\n"
                                     "values = ( { item = \"door_zone\"; address = 1; bit = 0; } );\n"
                                     "faults = ( { id = \"brake_fault\"; address = 1; bit = 1; },\n"
                                     "  { id = \"overspeed\"; from = [\"door_zone\"]; is = \"1\"; },\n"
                                     "  { address = 2; none = [0]; codes = ( (1, \"drive_fault\", \"故障\", "
                                     "\"Fault\"), (2, \"-\", \"好\", \"Good\") ); } "
                                     ");\n");
    write_text("codes/few.cfg", "name = \"few\"; title = \"t\"; source = \"s\";\nfaults = { overspeed = \"\"; };\n");
    struct problems *problems = problems_create();
    struct settings *settings = load_parts(
        "id = \"B1\"; prefix = \"p\"; district = \"d\"; compound = \"c\"; code_system = \"few\"; "
        "profile_dirs = (\"profiles\"); codes_dirs = (\"codes\");",
        NULL,
        "{ name = \"shaft\"; device = \"/dev/null\"; lifts: ( { id = \"L-1\"; unit = 1; profile = \"coded\"; } ); }",
        problems);
    assert_non_null(settings);
    assert_problems(problems,
                    "codes/few.cfg:2: warning: no code for entrapment, brake_fault, drive_fault, other, which "
                    "lifts here can raise: add them, with \"\" for what has none\n");
    settings_free(settings);
    problems_free(problems);
}

static void every_row_of_the_table_is_whole(void **state) {
    (void)state;
    size_t count;
    const struct option *options = settings_options(&count);
    for (size_t i = 0; i < count; i++) {
        size_t size = strlen(options[i].sentence);
        assert_true(isupper((unsigned char)options[i].sentence[0]) && options[i].sentence[size - 1] == '.');
        char range[OPTION_RANGE_SIZE];
        assert_true(strlen(option_range(&options[i], range)) < OPTION_RANGE_SIZE - 1);
        for (size_t k = 0; k < i; k++)
            assert_false(strcmp(options[i].section, options[k].section) == 0 &&
                         strcmp(options[i].key, options[k].key) == 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table_is_whole),
        cmocka_unit_test(the_example_has_every_key_with_its_sentence_and_range),
        cmocka_unit_test(the_example_has_no_other_key),
        cmocka_unit_test(the_example_is_valid_as_it_stands),
        cmocka_unit_test(the_defaults_shown_are_those_that_hold),
        cmocka_unit_test(the_code_tables_say_what_their_sources_say),
        cmocka_unit_test(a_code_table_with_mistakes_is_refused),
        cmocka_unit_test(a_fault_in_use_that_the_table_does_not_list_is_warned_of),
    };
    return cmocka_run_group_tests(tests, settings_folder_make, settings_folder_remove);
}
