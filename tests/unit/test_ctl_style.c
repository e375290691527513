/* How the installer's tools look: widths in cells of a terminal, tables that fit, nothing from outside that a terminal
 * would obey, durations in words; and the durations that people type. */
#include "ctl/table.h"
#include "ctl/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void width_is_what_a_terminal_shows(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t width;
    } cases[] = {{"", 0},         {"lift", 4}, {"万户新村", 8}, {"é", 1}, {"e\xcc\x81", 1}, /* combining */
                 {"\033[31m", 5}, {"\xff", 1}, {"\xe4\xb8", 2}, {"…", 1}};
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(style_width(cases[i].text), cases[i].width);
}

static void a_cut_text_says_so_and_obeys_nobody(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t cells;
        const char *cut;
    } cases[] = {{"lift", 4, "lift"},
                 {"lift", 3, "li…"},
                 {"万户新村", 8, "万户新村"},
                 {"万户新村", 6, "万户…"},
                 {"万户新村", 7, "万户新…"},
                 {"a\033[2Jb", 9, "a?[2Jb"},
                 {"a\nb\tc", 9, "a?b?c"},
                 {"\xc2\x9b"
                  "31m",
                  9, "?31m"},
                 {"\xff\xfe", 9, "??"},
                 {"lift", 1, "…"},
                 {"lift", 0, ""}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char cut[64];
        style_cut(cut, sizeof cut, cases[i].text, cases[i].cells);
        assert_string_equal(cut, cases[i].cut);
    }
    char small[6];
    style_cut(small, sizeof small, "万户新村", 100);
    assert_string_equal(small, "…"); /* at least something, and whole characters */
}

/* What to printed. */
static const char *printed(FILE *to) {
    static char text[4096];
    rewind(to);
    text[fread(text, 1, sizeof text - 1, to)] = '\0';
    fclose(to);
    return text;
}

static const char *table_at(const char *columns) {
    static const char *const titles[] = {"LIFT", "NAME", "POLLS", "FAULTS"};
    setenv("COLUMNS", columns, 1);
    FILE *to = tmpfile();
    struct table_view *table = table_create(titles, 4);
    table_right(table, 2);
    table_add(table,
              (const char *[]){"L-1", "万户新村 12 幢 2 单元", "7", "door_open_fault 3 h 12 min, brake_fault 2 s"});
    table_add(table, (const char *[]){"L-012345", NULL, "1234567", "none"});
    table_print(table, to);
    table_free(table);
    return printed(to);
}

static void a_table_fits(void **state) {
    (void)state;
    assert_string_equal(table_at("100"),
                        "LIFT      NAME                     POLLS  FAULTS\n"
                        "L-1       万户新村 12 幢 2 单元        7  door_open_fault 3 h 12 min, brake_fault 2 s\n"
                        "L-012345  -                      1234567  none\n");
    assert_string_equal(table_at("80"), "LIFT      NAME                     POLLS  FAULTS\n"
                                        "L-1       万户新村 12 幢 2 单元        7  door_open_fault 3 h 12 min,\n"
                                        "                                          brake_fault 2 s\n"
                                        "L-012345  -                      1234567  none\n");
    assert_string_equal(table_at("55"), "LIFT      NAME                  POLLS  FAULTS\n"
                                        "L-1       万户新村 12 幢 2 …        7  door_open_fault\n"
                                        "                                       3 h 12 min,\n"
                                        "                                       brake_fault 2 s\n"
                                        "L-012345  -                   1234567  none\n");
    assert_string_equal(table_at("40"), "LIFT    L-1\n"
                                        "NAME    万户新村 12 幢 2 单元\n"
                                        "POLLS   7\n"
                                        "FAULTS  door_open_fault 3 h 12 min,\n"
                                        "        brake_fault 2 s\n"
                                        "\n"
                                        "LIFT    L-012345\n"
                                        "NAME    -\n"
                                        "POLLS   1234567\n"
                                        "FAULTS  none\n");
}

static void it_fits_at_any_width(void **state) {
    (void)state;
    for (int width = 30; width < 120; width++) {
        char columns[16];
        snprintf(columns, sizeof columns, "%d", width);
        char text[4096];
        snprintf(text, sizeof text, "%s", table_at(columns));
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
            assert_in_range(style_width(line), 0, (size_t)width);
    }
}

static void a_paragraph_is_wrapped(void **state) {
    (void)state;
    setenv("COLUMNS", "30", 1);
    FILE *to = tmpfile();
    fputs("broker   ", to);
    style_wrap(to, "NOT connected since 18:30:05: \033[2Jconnection refused", 9, 9);
    assert_string_equal(printed(to), "broker   NOT connected since\n"
                                     "         18:30:05:\n"
                                     "         ?[2Jconnection\n"
                                     "         refused\n");
}

static void colour_is_for_terminals(void **state) {
    (void)state;
    FILE *to = tmpfile();
    style_print(to, STYLE_BAD, "offline");
    assert_string_equal(printed(to), "offline");
}

static void durations_are_words(void **state) {
    (void)state;
    static const struct {
        int64_t ms;
        const char *words;
    } cases[] = {{-5, "0 s"},
                 {0, "0 s"},
                 {38, "38 ms"},
                 {1300, "1.3 s"},
                 {9999, "9.9 s"},
                 {10000, "10 s"},
                 {59999, "59 s"},
                 {60000, "1 min 0 s"},
                 {3599999, "59 min 59 s"},
                 {11520000, "3 h 12 min"},
                 {86400000, "1 d 0 h"},
                 {INT64_C(8640000000), "100 d 0 h"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        char words[STYLE_DURATION_SIZE];
        assert_string_equal(style_duration(cases[i].ms, words), cases[i].words);
    }
}

static void durations_can_be_typed(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: none */
    } cases[] = {{"500ms", 500},
                 {"2s", 2000},
                 {"30min", 1800000},
                 {"30m", 1800000},
                 {"2h", 7200000},
                 {"2d", 172800000},
                 {"1w", 604800000},
                 {"2", -1},
                 {"h", -1},
                 {"", -1},
                 {"-2h", -1},
                 {"2 h", -1},
                 {"2h30min", -1},
                 {"1.5h", -1},
                 {"99999999999999999999h", -1},
                 {"9223372036854775807ms", -1}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = -1;
        assert_int_equal(when_duration(cases[i].text, &ms), cases[i].ms >= 0);
        assert_int_equal(ms, cases[i].ms);
    }
}

static void so_can_moments(void **state) {
    (void)state;
    static const int64_t now_ms = 1795458605000; /* 2026-11-23 18:30:05 UTC */
    static const struct {
        const char *text;
        int64_t ms; /* before now; -1: none */
    } cases[] = {{"2h", 7200000},   {"2026-11-23", 66605000}, {"2026-11-23 18:30", 5000}, {"2026-11-23 18:30:04", 1000},
                 {"yesterday", -1}, {"2026-13-01", -1},       {"2026-11-23 25:00", -1},   {"2026-11-23x", -1}};
    setenv("TZ", "UTC", 1);
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t ms = now_ms + 1;
        assert_int_equal(when_since(cases[i].text, now_ms, &ms), cases[i].ms >= 0);
        assert_int_equal(now_ms - ms, cases[i].ms);
    }
}

int main(void) {
    style_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(width_is_what_a_terminal_shows),
        cmocka_unit_test(a_cut_text_says_so_and_obeys_nobody),
        cmocka_unit_test(a_table_fits),
        cmocka_unit_test(it_fits_at_any_width),
        cmocka_unit_test(a_paragraph_is_wrapped),
        cmocka_unit_test(colour_is_for_terminals),
        cmocka_unit_test(durations_are_words),
        cmocka_unit_test(durations_can_be_typed),
        cmocka_unit_test(so_can_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
