/* Reading a profile: what is right is taken as it stands, what is wrong is said with its line. */
#include "profile_fixture.h"

#include "base/text.h"

struct mistake {
    const char *text; /* begins with line 2 */
    int line;
    const char *says;
};

static bool is_said(const struct problems *problems, const struct mistake *mistake, const char *kind) {
    char place[64];
    snprintf(place, sizeof place, "t.cfg:%d: %s: ", mistake->line, kind);
    for (size_t i = 0; problems_text(problems, i); i++)
        if (strstr(problems_text(problems, i), place) && strstr(problems_text(problems, i), mistake->says))
            return true;
    return false;
}

/* Each mistake is found, at its line, as the only one. */
static void check_mistakes(const char *head, const struct mistake mistakes[], size_t count) {
    for (size_t i = 0; i < count; i++) {
        char text[2048];
        snprintf(text, sizeof text, "%s%s", head, mistakes[i].text);
        struct problems *problems = problems_create();
        struct profile *profile = fixture_load(text, problems);
        if (profile || !is_said(problems, &mistakes[i], "error") || problems_count(problems, PROBLEM_ERROR) != 1) {
            problems_print(problems, stderr);
            fail_msg("not (only) said: %d: %s\n%s", mistakes[i].line, mistakes[i].says, mistakes[i].text);
        }
        problems_free(problems);
    }
}

static void wrong_names_are_said_with_what_was_meant(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {"values = ( { item = \"dor_zone\"; address = 1; bit = 1; } );", 2,
         "no item 'dor_zone'; did you mean 'door_zone'?"},
        {"values = ();\nfaults = ( { id = \"overspede\"; address = 1; bit = 1; } );", 3,
         "no fault 'overspede'; did you mean 'overspeed'?"},
        {"values = ( { item = \"floor\"; address = 1; type = \"s61\"; } );", 2, "no type 's61'; did you mean"},
        {"values = ( { item = \"floor\"; adress = 1; address = 1; } );", 2, "did you mean 'address'?"},
        {"valeus = ();\nvalues = ( { item = \"floor\"; address = 1; } );", 2, "did you mean 'values'?"},
        {"values = ();\nfaults = ( { id = \"overspeed\"; address = 1; bit = 1; is_not = 1; } );", 3, "is_not"},
        {"values = ();\nfaults = ( { id = \"overspeed\"; address = 1; bit = 1; word_order = \"CDAB\"; } );", 3,
         "word_order"},
        {"values = ( { item = \"car\"; address = 1; bit = 1; map = { stoped = 0; running = 1; }; } );", 2,
         "no word of car is 'stoped'; did you mean 'stopped'?"},
        {"values = ( { item = \"overload\"; address = 1; map = { on = 1; no = 0; }; } );", 2, "'on'"},
        {"values = ( { item = \"car\"; address = 1; bit = 1; map = { running = 1; }; else = \"stoped\"; } );", 2,
         "did you mean 'stopped'?"},
        {"values = ( { item = \"floor\"; address = 1; word_order = \"BACD\"; } );", 2, "no word_order 'BACD'"},
        {"values = ( { item = \"floor\"; address = 1; lane = \"slwo\"; } );", 2, "did you mean 'slow'?"},
        {"values = ( { item = \"floor\"; address = 1; table = \"input\"; type = \"u16\"; bits = [0, 1]; } );", 2,
         "exclude each other"},
        {"values = ( { item = \"_Private\"; address = 1; bit = 0; } );", 2, "a private name is"},
        {"values = ( { address = 1; bit = 0; } );", 2, "item is missing"},
        {"values = ( { item = \"floor\"; } );", 2, "address is missing"},
        {"values = 5;", 2, "values must be a list"},
        {"dialect = \"monrach\";\nvalues = ( { item = \"floor\"; address = 1; } );", 2, "did you mean 'monarch'?"},
        {"line: { baud = 9600; party = \"even\"; };\nvalues = ( { item = \"floor\"; address = 1; } );", 2,
         "did you mean 'parity'?"},
        {"line: { parity = \"evne\"; };\nvalues = ( { item = \"floor\"; address = 1; } );", 2, "did you mean 'even'?"},
        {"line: { unit = 248; };\nvalues = ( { item = \"floor\"; address = 1; } );", 2, "from 1 to 247"},
        {"max_registers = 126;\nvalues = ( { item = \"floor\"; address = 1; } );", 2, "from 1 to 125"},
        {"warnings = ( { id = \"a\"; text = \"t\"; text_zh = \"字\"; }, { id = \"a\"; text = \"t\"; text_zh = \"字\"; "
         "} );\n"
         "values = ( { item = \"floor\"; address = 1; } );",
         2, "another warning"},
        {"warnings = ( { id = \"a\"; text = \"t\"; } );\nvalues = ( { item = \"floor\"; address = 1; } );", 2,
         "text_zh is missing"},
    };
    check_mistakes(PROFILE_HOLDING, mistakes, COUNT_OF(mistakes));
}

static void wrong_places_are_said(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {"values = ( { item = \"overload\"; address = 1; bit = 16; } );", 2, "from 0 to 15"},
        {"values = ( { item = \"overload\"; address = 1; bits = [3, 16]; map = { yes = 1; }; } );", 2, "0 to 15"},
        {"values = ( { item = \"overload\"; address = 1; bits = [5, 3]; map = { yes = 1; }; } );", 2, "lowest first"},
        {"values = ( { item = \"floor\"; address = 65535; type = \"u32\"; } );", 2, "past the last one, 65535"},
        {"values = ( { item = \"floor\"; address = 65533; type = \"u64\"; } );", 2, "past the last one, 65535"},
        {"values = ( { item = \"floor\"; address = 65536; } );", 2, "from 0 to 65535"},
        {"values = ( { item = \"floor\"; address = -1; } );", 2, "from 0 to 65535"},
        {"max_registers = 1;\nvalues = ( { item = \"floor\"; address = 1; type = \"u32\"; } );", 3,
         "max_registers is 1"},
        {"max_registers = 3;\nvalues = ( { item = \"floor\"; address = 1; type = \"u64\"; } );", 3,
         "needs 4 registers"},
        {"values = ( { item = \"overload\"; address = 1; table = \"coil\"; bit = 0; } );", 2, "is one bit"},
        {"values = ();\nfaults = ( { id = \"overspeed\"; address = 1; } );", 3, "a fault needs a bit"},
        {"values = ( { item = \"floor\"; address = 1; invert = true; } );", 2, "only one bit can be inverted"},
        {"values = ( { item = \"floor\"; address = 1; invalid = [65536]; } );", 2, "from 0 to 65535"},
        {"values = ( { item = \"floor\"; address = 1; type = \"bcd16\"; invalid = [0xFFFF]; } );", 2, "from 0 to 9999"},
        {"values = ( { item = \"floor\"; address = 1; valid = [5, 4]; } );", 2, "nothing lies within"},
        {"values = ( { item = \"floor\"; address = 1; scale = 0; } );", 2, "scale must not be 0"},
    };
    check_mistakes(PROFILE_HOLDING, mistakes, COUNT_OF(mistakes));
}

static void a_row_without_a_table_is_said(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {"values = ( { item = \"floor\"; address = 1; } );", 2, "no table"},
        {"values = ( { item = \"floor\"; address = 1; table = \"holdign\"; } );", 2, "did you mean 'holding'?"},
    };
    check_mistakes(PROFILE_HEAD "\n", mistakes, COUNT_OF(mistakes));
}

static void wrong_maps_are_said(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {"values = ( { item = \"car\"; address = 1;\n map = { stopped = [0, 1]; running = [1, 2]; }; } );", 3,
         "two answers for 1"},
        {"values = ( { item = \"car\"; address = 1; bits = [0, 1];\n map = { stopped = 0; running = 4; }; } );", 3,
         "from 0 to 3"},
        {"values = ( { item = \"car\"; address = 1; } );", 2, "car needs a map"},
        {"values = ( { item = \"overload\"; address = 1; } );", 2, "needs a map"},
        {"values = ( { item = \"floor\"; address = 1; map = { unknown = 0; }; } );", 2, "is a number"},
        {"values = ( { item = \"overload\"; address = 1; bit = 0; scale = 2; } );", 2, "scale cannot be"},
        {"values = ( { item = \"overload\"; address = 1; bit = 0; else = \"keep\"; } );", 2, "else needs a map"},
        {"values = ( { item = \"floor\"; address = 1; on_ms = 5; } );", 2, "on_ms cannot be"},
        {"values = ( { item = \"car\"; address = 1; bit = 0; map = { stopped = 0; running = 1; }; off_ms = 5; } );", 2,
         "off_ms is for"},
        {"values = ( { item = \"_x\"; address = 2; },\n { item = \"_x\"; address = 1; bit = 0; } );", 3, "in another"},
    };
    check_mistakes(PROFILE_HOLDING, mistakes, COUNT_OF(mistakes));
}

#define TWO_BITS "{ item = \"_a\"; address = 1; bit = 0; }, { item = \"_b\"; address = 1; bit = 1; }"
#define VALUES "values = ( " TWO_BITS ", { item = \"floor\"; address = 2; } );\n"
static void wrong_rules_are_said(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {"rules = ( { item = \"door\"; from = [\"_a\", \"_c\"]; map = { open = \"11\"; }; } );", 3,
         "no item '_c'; did you mean"},
        {"rules = ( { item = \"door\"; from = [\"_a\", \"overload\"]; map = { open = \"11\"; }; } );", 3,
         "no row of this profile sets 'overload'"},
        {"rules = ( { item = \"door\"; from = [\"_a\", \"floor\"]; map = { open = \"11\"; }; } );", 3,
         "'floor' is not an item that is yes or no"},
        {"rules = ( { item = \"door\"; from = []; map = { open = \"11\"; }; } );", 3, "1 to 8 items"},
        {"rules = ( { item = \"door\"; from = [\"_a\", \"_b\"]; map = { open = \"111\"; }; } );", 3,
         "has 3 characters, from has 2 items"},
        {"rules = ( { item = \"door\"; from = [\"_a\", \"_b\"]; map = { open = \"1x\"; }; } );", 3, "1 (yes), 0 (no)"},
        {"rules = ( { item = \"door\"; from = [\"_a\", \"_b\"];\n map = { open = \"1-\"; closed = \"11\"; }; } );", 4,
         "'11' can never match"},
        {"rules = ( { item = \"door\"; from = [\"_a\", \"_b\"];\n"
         " map = { open = [\"1-\", \"0-\"]; closed = [\"-1\", \"01\"]; }; } );",
         4, "'01' can never match"},
        {"rules = ( { item = \"door\"; from = [\"_a\"]; map = { opne = \"1\"; }; } );", 3, "did you mean 'open'?"},
        {"rules = ( { item = \"door\"; from = [\"_a\"]; map = { open = \"1\"; }; else = \"shut\"; } );", 3, "'shut'"},
        {"rules = ( { item = \"floor\"; from = [\"_a\"]; map = { keep = \"1\"; }; } );", 3, "gives words"},
        {"rules = ( { item = \"_a\"; from = [\"_a\", \"_b\"]; map = { yes = \"11\"; }; } );", 3,
         "a rule that needs itself"},
        {"rules = ( { item = \"car\"; from = [\"_a\"]; map = { running = \"1\"; }; },\n"
         "          { item = \"rides_total\"; count = \"car\"; is = \"runing\"; } );",
         4, "did you mean 'running'?"},
        {"rules = ( { item = \"rides_total\"; count = \"car\"; is = \"running\"; } );", 3,
         "no row of this profile sets 'car'"},
        {"rules = ( { item = \"rides_total\"; count = \"carr\"; is = \"running\"; } );", 3, "did you mean 'car'?"},
        {"rules = ( { item = \"rides_total\"; count = \"floor\"; is = \"1\"; } );", 3, "has no words"},
        {"rules = ( { item = \"run_hours\"; count = \"_a\"; is = \"yes\"; } );", 3, "other than run_hours"},
        {"rules = ( { item = \"rides_total\"; time = \"_a\"; is = \"yes\"; } );", 3, "time makes run_hours"},
        {"rules = ( { item = \"rides_total\"; } );", 3, "exactly one of from, count and time"},
        {"rules = ( { item = \"dor\"; from = [\"_a\"]; map = { open = \"1\"; }; } );", 3, "did you mean 'door'?"},
        {"rules = ( { from = [\"_a\"]; map = { open = \"1\"; }; } );", 3, "item is missing"},
        {"rules = ( { item = \"door\"; from = [\"_a\"]; map = { open = \"1\"; }; els = \"keep\"; } );", 3,
         "unknown key 'els'; did you mean 'else'?"},
        {"rules = ( { item = \"door\"; from = [\"_a\"]; map = { open = \"1\"; closed = \"1\"; }; } );", 3,
         "'1' can never match"},
        {"rules = ( { item = \"door\"; from = [\"_a\"]; map = {}; } );", 3, "not empty"},
        {"rules = ( { item = \"run_hours\"; time = \"_c\"; is = \"yes\"; } );", 3, "no item '_c'"},
        {"rules = ( { item = \"run_hours\"; time = \"_a\"; is = \"yes\"; min_ms = 5; } );", 3, "unknown key 'min_ms'"},
        {"rules = ( { item = \"rides_total\"; count = \"_a\"; is = \"yes\"; },\n"
         "          { item = \"rides_total\"; count = \"_b\"; is = \"yes\"; } );",
         4, "has a source in line 3 already"},
        {"rules = ( { item = \"door\"; from = [\"_a\"]; map = { open = \"1\"; }; },\n"
         "          { item = \"door\"; from = [\"_a\"]; map = { open = \"1\"; }; } );",
         4, "stand in line 3 already"},
    };
    check_mistakes(PROFILE_HOLDING VALUES, mistakes, COUNT_OF(mistakes));
}

/* Two rules that are made from one another: each of them needs itself. */
static void a_circle_of_rules_is_said(void **state) {
    (void)state;
    struct problems *problems = problems_create();
    assert_null(fixture_load(PROFILE_HOLDING VALUES
                             "rules = ( { item = \"_c\"; from = [\"_d\"]; map = { yes = \"1\"; }; },\n"
                             " { item = \"_d\"; from = [\"_e\"]; map = { yes = \"1\"; }; },\n"
                             " { item = \"_e\"; from = [\"_c\"]; map = { yes = \"1\"; }; } );",
                             problems));
    for (int line = 3; line <= 5; line++)
        assert_true(is_said(problems, &(struct mistake){"", line, "a rule that needs itself"}, "error"));
    problems_free(problems);
}

static void wrong_conditions_are_said(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {"values = ( { item = \"overload\"; address = 1; bit = 1; only_if = \"_on\"; } );", 2, "no item '_on'"},
        {"values = ( { item = \"overload\"; address = 1; bit = 1; only_if = \"door_zone\"; } );", 2,
         "no row of this profile sets 'door_zone'"},
        {"values = ( { item = \"_a\"; address = 1; bit = 1; only_if = \"_a\"; } );", 2, "can never be fulfilled"},
    };
    check_mistakes(PROFILE_HOLDING, mistakes, COUNT_OF(mistakes));
}

static void the_same_twice_is_said(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {"values = ( { item = \"overload\"; address = 1; bit = 1; },\n { item = \"overload\"; address = 1; bit = 1; } "
         ");",
         3, "stand in line 2 already"},
        {"values = ( { item = \"floor\"; address = 1; },\n { item = \"floor\"; address = 1; lane = \"slow\"; } );", 3,
         "stand in line 2 already"},
        {"values = ();\nfaults = ( { id = \"overspeed\"; address = 1; bit = 1; },\n"
         " { id = \"overspeed\"; address = 1; bit = 1; } );",
         4, "stand in line 3 already"},
        {"values = ();\nfaults = ( { address = 1; none = [0]; codes = (); },\n"
         " { address = 1; none = [0]; codes = (); } );",
         4, "stand in line 3 already"},
    };
    check_mistakes(PROFILE_HOLDING, mistakes, COUNT_OF(mistakes));
}

static void wrong_faults_are_said(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {"faults = ( { id = \"overspeed\"; from = [\"_a\"]; } );", 3, "is = \"pattern\" is missing"},
        {"faults = ( { id = \"overspeed\"; from = [\"_a\", \"_b\"]; is = \"1\"; } );", 3, "has 1 characters"},
        {"faults = ( { id = \"overspeed\"; from = [\"_a\", \"_b\"]; is = [\"1-\", \"10\"]; } );", 3,
         "'10' can never match"},
        {"faults = ( { from = [\"_a\"]; is = \"1\"; } );", 3, "id is missing"},
        {"faults = ( { id = \"overspeed\"; from = [\"_c\"]; is = \"1\"; } );", 3, "no item '_c'; did you mean"},
        {"faults = ( { id = \"overspeed\"; from = [\"overload\"]; is = \"1\"; } );", 3,
         "no row of this profile sets 'overload'"},
        {"faults = ( { id = \"overspeed\"; from = [\"floor\"]; is = \"1\"; } );", 3,
         "is not an item that is yes or no"},
        {"faults = ( { id = \"overspeed\"; from = [\"_a\"]; is = []; } );", 3, "at least one pattern"},
        {"faults = ( { id = \"overspeed\"; from = [\"_a\"]; is = \"1\"; address = 1; } );", 3, "unknown key 'address'"},
        {"faults = ( { id = \"overspeed\"; address = 1; bit = 16; } );", 3, "from 0 to 15"},
        {"faults = ( { id = \"overspeed\"; address = 65536; bit = 1; } );", 3, "from 0 to 65535"},
        {"faults = ( { id = \"overspeed\"; address = 1; bit = 0; only_if = \"_c\"; } );", 3, "no item '_c'"},
        {"faults = ( { id = \"overspeed\"; address = 1; bit = 0; only_if = \"overload\"; } );", 3,
         "no row of this profile sets 'overload'"},
        {"faults = ( { id = \"overspeed\"; address = 1; bit = 0; only_if = \"floor\"; } );", 3,
         "is not an item that is yes or no"},
        {"faults = ( { address = 65535; type = \"u32\"; none = [0]; codes = (); } );", 3, "past the last one, 65535"},
        {"max_registers = 1;\nfaults = ( { address = 1; type = \"u32\"; none = [0]; codes = (); } );", 4,
         "max_registers is 1"},
        {"faults = ( { address = 1; bits = [4, 16]; none = [0]; codes = (); } );", 3, "0 to 15"},
        {"faults = ( { address = 1; bits = [0, 3]; none = [16]; codes = (); } );", 3, "from 0 to 15"},
        {"faults = ( { address = 1; bits = [0, 3]; none = [0]; no_stop = [16]; codes = (); } );", 3, "from 0 to 15"},
        {"faults = ( { address = 1; none = [0]; codes = (); id = \"overspeed\"; } );", 3, "unknown key 'id'"},
        {"faults = ( { id = \"overspeed\"; address = 1; bit = 0; severity = \"mayor\"; } );", 3,
         "did you mean 'major'?"},
        {"faults = ( { id = \"overspeed\"; address = 1; bit = 0; entrapment = \"maybe\"; } );", 3, "'maybe'"},
        {"faults = ( { id = \"overspeed\"; address = 1; bit = 0; raise_after_ms = -1; } );", 3, "raise_after_ms must"},
        {"faults = ( { address = 1; codes = (); } );", 3, "none is missing"},
        {"faults = ( { address = 1; none = [0]; } );", 3, "codes must be a list"},
        {"faults = ( { address = 1; none = [0]; codes = ( (1, \"overspeed\", \"超速\") ); } );", 3, "a code must be"},
        {"faults = ( { address = 1; none = [0]; codes = ( (0, \"overspeed\", \"超速\", \"o\") ); } );", 3,
         "two answers for the code 0"},
        {"faults = ( { address = 1; none = [0]; codes = ( (1, \"overspeed\", \"超速\", \"o\"),\n"
         " (1, \"brake_fault\", \"制动\", \"b\") ); } );",
         4, "two answers for the code 1"},
        {"faults = ( { address = 1; none = [0]; codes = ( (1, \"overspead\", \"超速\", \"o\") ); } );", 3,
         "did you mean 'overspeed'?"},
        {"faults = ( { address = 1; none = [0]; codes = ( (70000, \"-\", \"超速\", \"o\") ); } );", 3, "0 to 65535"},
        {"faults = ( { address = 1; type = \"s16\"; none = [0]; codes = (); } );", 3, "cannot have the type s16"},
        {"faults = ( { address = 1; none = [0]; codes = (); code_format = \"E%s\"; } );", 3, "code_format must be"},
        {"faults = ( { address = 1; none = [0]; codes = (); code_format = \"E%n\"; } );", 3, "code_format must be"},
        {"faults = ( { address = 1; none = [0]; codes = (); code_format = \"%d%d\"; } );", 3, "code_format must be"},
        {"faults = ( { address = 1; none = [0]; codes = (); code_format = \"%99d\"; } );", 3, "code_format must be"},
        {"faults = ( { address = 1; none = [0]; codes = (); code_format = \"E%*d\"; } );", 3, "code_format must be"},
        {"faults = ( { address = 1; none = [0]; codes = (); code_format = \"E%\"; } );", 3, "code_format must be"},
        {"faults = ( { address = 1; none = [0]; codes = (); code_format = \"E\"; } );", 3, "code_format must be"},
        {"faults = ( { address = 1; none = [0]; codes = (); code_format = \"%%%d\"; } );", 3, "code_format must be"},
        {"faults = ( { address = 1; none = [0]; codes = (); code_format = \"Error: %d\"; } );", 3,
         "code_format must be"},
    };
    check_mistakes(PROFILE_HOLDING VALUES, mistakes, COUNT_OF(mistakes));
}

static void all_is_said_in_one_reading(void **state) {
    (void)state;
    struct problems *problems = problems_create();
    assert_null(fixture_load(PROFILE_HOLDING
                             "values = ( { item = \"flor\"; address = 1; },\n"
                             " { item = \"car\"; address = 70000; bit = 1; map = { running = 1; }; } );\n"
                             "rules = ( { item = \"door\"; from = [\"_x\"]; map = { open = \"1\"; }; } );\n"
                             "faults = ( { id = \"nothing\"; address = 1; bit = 99; } );",
                             problems));
    for (int line = 2; line <= 5; line++)
        assert_true(is_said(problems, &(struct mistake){"", line, ""}, "error"));
    problems_free(problems);
}

static void the_name_is_the_files(void **state) {
    (void)state;
    static const struct mistake mistakes[] = {
        {"values = ( { item = \"floor\"; address = 1; } );", 1, "name must be that of the file: 't'"},
    };
    check_mistakes("name = \"other\"; table = \"holding\";\n", mistakes, COUNT_OF(mistakes));
}

/* Right, but with an effect that its author may not want. */
static void what_is_set_below_is_warned_of(void **state) {
    (void)state;
    static const struct mistake warnings[] = {
        {"values = ( { item = \"overload\"; address = 1; bit = 1; only_if = \"_on\"; },\n"
         " { item = \"_on\"; address = 1; bit = 2; } );",
         2, "'_on' is set below"},
        {VALUES "rules = ( { item = \"_c\"; from = [\"_d\"]; map = { yes = \"1\"; }; },\n"
                " { item = \"_d\"; from = [\"_a\"]; map = { yes = \"1\"; }; } );",
         3, "'_d' is set below"},
    };
    for (size_t i = 0; i < COUNT_OF(warnings); i++) {
        char text[2048];
        snprintf(text, sizeof text, "%s%s", PROFILE_HOLDING, warnings[i].text);
        struct problems *problems = problems_create();
        struct profile *profile = fixture_load(text, problems);
        assert_non_null(profile);
        assert_true(is_said(problems, &warnings[i], "warning"));
        profile_free(profile);
        problems_free(problems);
    }
}

static void the_head_is_read(void **state) {
    (void)state;
    struct profile *profile = fixture_good(
        PROFILE_HOLDING "verified = true; dialect = \"monarch\"; max_registers = 10; max_gap = 3; min_gap_ms = 20;\n"
                        "line: { baud = 38400; parity = \"even\"; data_bits = 8; stop_bits = 2; unit = 7; };\n"
                        "warnings = ( { id = \"hall_bus\"; text = \"not MOD+\"; text_zh = \"不接 MOD+\"; } );\n"
                        "values = ( { item = \"floor\"; address = 0x1018; } );");
    assert_string_equal(profile->name, "t");
    assert_string_equal(profile->title, "T");
    assert_string_equal(profile->origin, "test");
    assert_true(profile->verified);
    assert_int_equal(profile->dialect, DIALECT_MONARCH);
    assert_int_equal(profile->max_registers, 10);
    assert_int_equal(profile->max_gap, 3);
    assert_int_equal(profile->min_gap_ms, 20);
    assert_int_equal(profile->line.baud, 38400);
    assert_int_equal(profile->line.parity, PARITY_EVEN);
    assert_int_equal(profile->line.data_bits, 8);
    assert_int_equal(profile->line.stop_bits, 2);
    assert_int_equal(profile->line.unit, 7);
    assert_int_equal(profile->warning_count, 1);
    assert_string_equal(profile->warnings[0].id, "hall_bus");
    assert_string_equal(profile->warnings[0].chinese, "不接 MOD+");
    profile_free(profile);
}

static void what_is_not_said_has_its_default(void **state) {
    (void)state;
    struct profile *profile =
        fixture_good(PROFILE_HOLDING "values = ( { item = \"floor\"; address = 1; } );\n"
                                     "faults = ( { id = \"overspeed\"; address = 2; bit = 3; } );");
    assert_false(profile->verified);
    assert_int_equal(profile->dialect, DIALECT_RTU);
    assert_int_equal(profile->max_registers, 125);
    assert_int_equal(profile->max_gap, 0);
    assert_int_equal(profile->min_gap_ms, 0);
    assert_int_equal(profile->line.baud, 0);
    assert_int_equal(profile->line.parity, PARITY_UNSET);
    const struct value_row *row = &profile->values[0];
    assert_int_equal(row->slot, ITEM_FLOOR);
    assert_int_equal(row->place.table, TABLE_HOLDING);
    assert_int_equal(row->place.type, RAW_U16);
    assert_int_equal(row->place.order, ORDER_ABCD);
    assert_int_equal(row->only_if, -1);
    assert_int_equal(row->lane, LANE_FAST);
    assert_int_equal(row->line, 2);
    const struct fault_source *source = &profile->sources[0];
    assert_int_equal(source->fault, FAULT_OVERSPEED);
    assert_int_equal(source->address, 2);
    assert_int_equal(source->bit, 3);
    assert_int_equal(source->severity, -1);
    assert_int_equal(source->entrapment, -1);
    assert_int_equal(source->raise_after_ms, 0);
    assert_int_equal(source->clear_after_ms, 1000);
    profile_free(profile);
}

/* The rows of profiles.md, "rows that show the grammar". */
static void the_rows_that_show_the_grammar_are_read(void **state) {
    (void)state;
    struct profile *profile = fixture_good(
        PROFILE_HOLDING
        "values = (\n"
        "{ item=\"_chain\"; address=0; bit=0; }, { item=\"_door_closed\"; address=0; bit=1; },\n"
        "{ item=\"_mains\"; address=0; bit=7; }, { item=\"_quake\"; address=0; bit=8; },\n"
        "{ item=\"_running\"; address=0; bit=9; }, { item=\"door_zone\"; address=0; bit=2; only_if=\"_mains\"; },\n"
        "{ item=\"car\"; address=0; bit=9; map={ stopped=0; running=1; }; },\n"
        "{ item=\"service_mode\"; address=0x101D; bits=[4,7];\n"
        "  map={ inspection=[0,1,2,11,12,13,14]; fire_return=3; firefighter=4; normal=[6,7,9,10,15]; "
        "out_of_service=8; keep=5; }; },\n"
        "{ item=\"door_cycles_total\"; address=0xF90B; type=\"decimal10000\"; lane=\"slow\"; });\n"
        "rules = (\n"
        "{ item=\"service_mode\"; from=[\"_quake\"]; map={ earthquake=\"1\"; }; else=\"keep\"; },\n"
        "{ item=\"rides_total\"; count=\"car\"; is=\"running\"; min_ms=1500; });\n"
        "faults = (\n"
        "{ id=\"safety_circuit_open\"; from=[\"_chain\",\"_door_closed\",\"_mains\"]; is=\"011\"; raise_after_ms=2000; "
        "clear_after_ms=2000; },\n"
        "{ id=\"stop_outside_zone\"; from=[\"_running\",\"door_zone\",\"_mains\"]; is=\"001\"; raise_after_ms=10000; "
        "severity=\"major\"; entrapment=\"yes\"; },\n"
        "{ address=0x8000; none=[0]; code_format=\"E%02d\"; no_stop=[22,46,47,51,52,55]; codes=(\n"
        "  (41,\"safety_circuit_open\",\"安全回路断开\",\"Safety circuit broken\"), (26,\"-\",\"地震\",\"Earthquake "
        "signal\") ); });");
    const struct value_row *mode = &profile->values[7];
    assert_int_equal(mode->map_count, 16);
    assert_int_equal(mode->place.bit_low, 4);
    assert_int_equal(mode->place.bit_high, 7);
    assert_int_equal(profile->values[8].place.words, 2);
    assert_int_equal(profile->values[8].lane, LANE_SLOW);
    assert_int_equal(profile->values[5].only_if, profile_slot(profile, "_mains"));
    assert_int_equal(profile->rules[0].otherwise.kind, OUTCOME_KEEP);
    assert_int_equal(profile->rules[1].of, ITEM_CAR);
    assert_int_equal(profile->rules[1].is, CAR_RUNNING);
    assert_int_equal(profile->rules[1].min_ms, 1500);
    assert_int_equal(profile->sources[1].severity, SEVERITY_MAJOR);
    assert_int_equal(profile->sources[1].entrapment, TRAPPING_YES);
    assert_int_equal(profile->sources[1].raise_after_ms, 10000);
    assert_int_equal(profile->sources[1].address, -1);
    const struct fault_row *codes = &profile->faults[2];
    assert_int_equal(codes->source.fault, FAULT_COUNT);
    assert_int_equal(codes->code_count, 2);
    assert_int_equal(codes->codes[0].fault, FAULT_SAFETY_CIRCUIT_OPEN);
    assert_string_equal(codes->codes[0].chinese, "安全回路断开");
    assert_int_equal(codes->codes[1].fault, FAULT_COUNT);
    assert_int_equal(codes->no_stop_count, 6);
    profile_free(profile);
}

/* 0x8000 in a signed register is how people write a sentinel. */
static void sentinels_are_bit_patterns(void **state) {
    (void)state;
    struct profile *profile = fixture_good(
        PROFILE_HOLDING "values = ( { item = \"floor\"; address = 1; type = \"s16\"; invalid = [0x8000, -2]; },\n"
                        " { item = \"speed_mm_s\"; address = 2; type = \"s32\"; invalid = [0x80000000L]; },\n"
                        " { item = \"rides_total\"; address = 4; type = \"u32\"; invalid = 0xFFFFFFFFL; } );");
    assert_int_equal(profile->values[0].invalid[0], -32768);
    assert_int_equal(profile->values[0].invalid[1], -2);
    assert_true(profile->values[1].invalid[0] == INT32_MIN);
    assert_true(profile->values[2].invalid[0] == UINT32_MAX);
    profile_free(profile);
}

/* The shared half stands in a file of its own: lines of problems are that file's. */
static void variants_share_text_by_include(void **state) {
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/family.inc", fixture_directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("values = ( { item = \"floor\"; address = 1; },\n { item = \"flor\"; address = 2; } );\n", file);
    assert_int_equal(fclose(file), 0);
    struct problems *problems = problems_create();
    assert_null(fixture_load(PROFILE_HOLDING "@include \"family.inc\"\n", problems));
    assert_non_null(strstr(problems_text(problems, 0), "family.inc:2: error: no item 'flor'"));
    problems_free(problems);
    unlink(path);
}

static void check_options(const struct profile *profile, const struct part_options *options, const char *says) {
    struct problems *problems = problems_create();
    char path[128];
    snprintf(path, sizeof path, "%s/part.cfg", fixture_directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("part = { unit = 1;\n invert = [\"x\"]; };\n", file);
    assert_int_equal(fclose(file), 0);
    struct conf *conf = conf_open(path, problems);
    assert_non_null(conf);
    profile_check_options(profile, options, conf_get(conf_root(conf), "part"), problems);
    if (says && (!problems_text(problems, 0) || !strstr(problems_text(problems, 0), says)))
        fail_msg("%s, not %s", problems_text(problems, 0) ? problems_text(problems, 0) : "nothing", says);
    assert_true((says != NULL) == (problems_text(problems, 0) != NULL));
    conf_close(conf);
    unlink(path);
    problems_free(problems);
}

static void options_that_cannot_be_meant_are_said(void **state) {
    (void)state;
    struct profile *profile = fixture_good(PROFILE_HOLDING VALUES);
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
    check_options(profile,
                  &(struct part_options){
                      .invert = NAMES("_a"), .unused = NAMES("_b"), .without = NAMES("floor"), .address_offset = 65533},
                  NULL);
    check_options(profile, &(struct part_options){.invert = NAMES("_c")}, ":2: error: invert: profile t has no item");
    check_options(profile, &(struct part_options){.invert = NAMES("floor")}, "is not read from one bit");
    check_options(profile, &(struct part_options){.unused = NAMES("flor")}, "did you mean 'floor'?");
    check_options(profile, &(struct part_options){.unused = NAMES("door")}, "has no item 'door'");
    check_options(profile, &(struct part_options){.without = NAMES("_a")}, "is private");
    check_options(profile, &(struct part_options){.without = NAMES("floor", "floor")}, "is named twice");
    check_options(profile, &(struct part_options){.address_offset = 65534}, "out of 0 to 65535");
    check_options(profile, &(struct part_options){.address_offset = -2}, "out of 0 to 65535");
    profile_free(profile);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_names_are_said_with_what_was_meant),
        cmocka_unit_test(wrong_places_are_said),
        cmocka_unit_test(a_row_without_a_table_is_said),
        cmocka_unit_test(wrong_maps_are_said),
        cmocka_unit_test(wrong_rules_are_said),
        cmocka_unit_test(a_circle_of_rules_is_said),
        cmocka_unit_test(wrong_conditions_are_said),
        cmocka_unit_test(the_same_twice_is_said),
        cmocka_unit_test(wrong_faults_are_said),
        cmocka_unit_test(all_is_said_in_one_reading),
        cmocka_unit_test(the_name_is_the_files),
        cmocka_unit_test(what_is_set_below_is_warned_of),
        cmocka_unit_test(the_head_is_read),
        cmocka_unit_test(what_is_not_said_has_its_default),
        cmocka_unit_test(the_rows_that_show_the_grammar_are_read),
        cmocka_unit_test(sentinels_are_bit_patterns),
        cmocka_unit_test(variants_share_text_by_include),
        cmocka_unit_test(options_that_cannot_be_meant_are_said),
    };
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
