#include "base/conf.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Every test works in a folder of its own, so that messages name short files. */
static char folder[] = "/tmp/liftgw-conf-XXXXXX";

static int enter_folder(void **state) {
    (void)state;
    return mkdtemp(folder) && chdir(folder) == 0 && mkdir("sub", 0755) == 0 ? 0 : -1;
}

static int leave_folder(void **state) {
    (void)state;
    char command[64];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return chdir("/") == 0 ? system(command) : -1;
}

static void write_file(const char *name, const char *text, size_t size) {
    FILE *file = fopen(name, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static struct conf *open_text(const char *text, struct problems *problems) {
    write_file("a.cfg", text, strlen(text));
    return conf_open("a.cfg", problems);
}

static void assert_problems(const struct problems *problems, const char *expected) {
    char all[8192] = "";
    for (size_t i = 0; problems_text(problems, i); i++) {
        strcat(all, problems_text(problems, i));
        strcat(all, "\n");
    }
    assert_string_equal(all, expected);
}

static void mistakes_are_named_with_line_and_cure(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool parsed; /* the rest can still be checked */
        const char *problems;
    } table[] = {
        {"a = 1;\nb = 2;\n", true, ""},
        {"", true, ""},
        /* integers */
        {"a = 2147483647; b = -2147483648; c = 0x7FFFFFFF; d = 0xFFFFFFFFL; e = 3000000000L;", true, ""},
        {"\na = 3000000000;", true, "a.cfg:2: error: 3000000000 does not fit 32 bits: write 3000000000L\n"},
        {"a = -3000000000;", true, "a.cfg:1: error: -3000000000 does not fit 32 bits: write -3000000000L\n"},
        {"a = 0xFFFFFFFF;", true, "a.cfg:1: error: 0xFFFFFFFF does not fit 32 bits: write 0xFFFFFFFFL\n"},
        {"a = 99999999999999999999;", true,
         "a.cfg:1: error: 99999999999999999999 does not fit 64 bits: the largest number is 9223372036854775807L\n"},
        {"a = 0xFFFFFFFFFFFFFFFFL;", true,
         "a.cfg:1: error: 0xFFFFFFFFFFFFFFFFL does not fit 64 bits: the largest number is 9223372036854775807L\n"},
        {"code = 012345;", true,
         "a.cfg:1: error: 012345 begins with 0: write 12345 if it is a number, \"012345\" if the 0 matters\n"},
        {"a = \"3000000000\"; # 3000000000\n// 3000000000\n/* 3000000000\n*/ b3000000000 = 1.5e10;", true, ""},
        /* slips of the pen, mended so that they do not hide what follows */
        {"a = yes;\nb = off;\nc = none;\nd = TRUE;\ne = 3000000000;", true,
         "a.cfg:1: error: yes is no value: write true\n"
         "a.cfg:2: error: off is no value: write false\n"
         "a.cfg:3: error: a text stands in quotes: write \"none\"\n"
         "a.cfg:5: error: 3000000000 does not fit 32 bits: write 3000000000L\n"},
        {"a = (1,\n2,);\nb = [1, 2,];", true,
         "a.cfg:2: error: no comma may stand before )\na.cfg:3: error: no comma may stand before ]\n"},
        {"a = ( { b = 1; }\n{ c = 2; } );", true, "a.cfg:2: error: a comma is missing between } and {\n"},
        /* texts */
        {"a = \"x\ny\";\nb = \"a\\x00b\";", true, "a.cfg:3: error: \\x00 would end the text: leave it out\n"},
        {"a = 1;\nb = \"\xB5\xE7\";\nc = yes;", true,
         "a.cfg:2: error: not valid UTF-8: save the file as UTF-8\na.cfg:3: error: yes is no value: write true\n"},
        {"# \xB5\xE7", true, "a.cfg:1: error: not valid UTF-8: save the file as UTF-8\n"},
        {"a = \"\\xB5\";", true,
         "a.cfg:1: error: the text is not valid UTF-8: write the characters themselves instead of \\x\n"},
        {"\xEF\xBB\xBF"
         "a = 1;",
         true, "a.cfg:1: error: begins with a byte-order mark: save the file as UTF-8 without it\n"},
        /* structure */
        {"a = 1;\nb = {\n c = 2;\n", false, "a.cfg:2: error: this { is never closed\n"},
        {"a = ( { b = 1;\n );", false, "a.cfg:2: error: ) comes before the { of line 1 is closed\n"},
        {"a = 1;\n};", false, "a.cfg:2: error: } closes nothing\n"},
        {"a = 1;\nb = \"x;\nc = 1;", false, "a.cfg:2: error: the text that begins here never ends: close it with \"\n"},
        {"\n/* a", false, "a.cfg:2: error: this comment never ends: close it with */\n"},
        {"a = 1;\nb 2;", false,
         "a.cfg:2: error: syntax error here or just before: look for a missing quote, comma, ; or =\n"},
        /* a second key of the same name, anywhere and with whatever value, hides nothing either */
        {"a = 1;\n\na = 2;", true, "a.cfg:3: error: key 'a' stands in line 1 already: remove one of the two\n"},
        {"a = 1;\na = 2\nb = yes\na = ( 1, { a = 2; }, [ 3 ] ),\nc = off;", true,
         "a.cfg:2: error: key 'a' stands in line 1 already: remove one of the two\n"
         "a.cfg:3: error: yes is no value: write true\n"
         "a.cfg:4: error: key 'a' stands in line 1 already: remove one of the two\n"
         "a.cfg:5: error: off is no value: write false\n"},
        {"g: { a = 1; b = ( { a = 1; }, { a = 1;\na : \"x\ny\" } );\na = { c = 1;\nc = no; d = 2; } };\n"
         "a = 1; g = 2",
         true,
         "a.cfg:2: error: key 'a' stands in line 1 already: remove one of the two\n"
         "a.cfg:4: error: key 'a' stands in line 1 already: remove one of the two\n"
         "a.cfg:5: error: key 'c' stands in line 4 already: remove one of the two\n"
         "a.cfg:5: error: no is no value: write false\n"
         "a.cfg:6: error: key 'g' stands in line 1 already: remove one of the two\n"},
        {"a = \"a = 1; a = 2\"; A = 1; a-b = 1; a_ = 1; # a = 1\nb = ( \"x\", { a = 1; } ); c : { a = true }", true,
         ""},
        {"a = [1,\n\"x\"];", false, "a.cfg:2: error: the values in [ ] must all be of one kind: else write ( )\n"},
        {"@foo", false, "a.cfg:1: error: the only word with @ is @include \"FILE\", at the begin of a line\n"},
        {"a = 1;\n@include \"no.cfg\"", false,
         "a.cfg:2: error: cannot read no.cfg: No such file or directory; is the path right?\n"},
        {"@include \"a.cfg\"", false, "a.cfg:1: error: @include is nested too deep: does a file include itself?\n"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        struct problems *problems = problems_create();
        struct conf *conf = open_text(table[i].text, problems);
        assert_problems(problems, table[i].problems);
        assert_int_equal(conf != NULL, table[i].parsed);
        conf_close(conf);
        problems_free(problems);
    }
}

static void unreadable_files_say_why(void **state) {
    (void)state;
    struct problems *problems = problems_create();
    assert_null(conf_open("none.cfg", problems));
    assert_null(conf_open("sub", problems));
    write_file("nul.cfg", "a = 1;\nb = \0;", 13);
    assert_null(conf_open("nul.cfg", problems));
    char *large = calloc(1, (1 << 20) + 1);
    memset(large, ' ', (1 << 20) + 1);
    write_file("large.cfg", large, (1 << 20) + 1);
    free(large);
    assert_null(conf_open("large.cfg", problems));
    assert_problems(problems, "none.cfg: error: cannot be read: No such file or directory; is the path right?\n"
                              "sub: error: cannot be read: not a regular file\n"
                              "nul.cfg:2: error: a NUL byte: this is not a text in UTF-8\n"
                              "large.cfg: error: cannot be read: larger than 1 MiB\n");
    problems_free(problems);
}

static void includes_stand_beside_their_file_and_keep_their_lines(void **state) {
    (void)state;
    static const char inner[] = "# one\ninner = yes;\n  @include \"deep.cfg\" # beside sub/b.cfg\nlast = 3000000000;";
    static const char deep[] = "deep = 7;\n";
    write_file("sub/b.cfg", inner, strlen(inner));
    write_file("sub/deep.cfg", deep, strlen(deep));
    struct problems *problems = problems_create();
    struct conf *conf = open_text("a = {\n  @include \"sub/b.cfg\"\n  after = no; };", problems);
    assert_non_null(conf);
    assert_problems(problems, "sub/b.cfg:2: error: yes is no value: write true\n"
                              "sub/b.cfg:4: error: 3000000000 does not fit 32 bits: write 3000000000L\n"
                              "a.cfg:3: error: no is no value: write false\n");
    const struct conf_node *a = conf_get(conf_root(conf), "a");
    static const struct {
        const char *key, *file;
        int line;
    } table[] = {
        {"inner", "sub/b.cfg", 2}, {"deep", "sub/deep.cfg", 1}, {"last", "sub/b.cfg", 4}, {"after", "a.cfg", 3}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const struct conf_node *node = conf_get(a, table[i].key);
        assert_non_null(node);
        assert_string_equal(conf_file(node), table[i].file);
        assert_int_equal(conf_line(node), table[i].line);
    }
    uint64_t hash = conf_hash(conf);
    conf_close(conf);
    write_file("sub/deep.cfg", "deep = 8;\n", strlen(deep));
    conf = conf_open("a.cfg", problems);
    assert_true(conf_hash(conf) != hash); /* an included file counts too */
    conf_close(conf);
    problems_free(problems);
}

static void the_first_of_two_keys_counts(void **state) {
    (void)state;
    static const char more[] = "\na = 7;\n";
    write_file("sub/more.cfg", more, strlen(more));
    struct problems *problems = problems_create();
    struct conf *conf = open_text("b = 1;\n@include \"sub/more.cfg\"\na = { b = 3; };\nb = 2; c = 3;\n", problems);
    assert_problems(problems, "a.cfg:3: error: key 'a' stands in sub/more.cfg, line 2 already: remove one of the two\n"
                              "a.cfg:4: error: key 'b' stands in line 1 already: remove one of the two\n");
    assert_non_null(conf);
    static const struct {
        const char *key;
        int value, line;
    } table[] = {{"a", 7, 2}, {"b", 1, 1}, {"c", 3, 4}};
    assert_int_equal(conf_length(conf_root(conf)), COUNT_OF(table));
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const struct conf_node *node = conf_get(conf_root(conf), table[i].key);
        int64_t value = 0;
        assert_true(conf_int(node, &value) && value == table[i].value);
        assert_int_equal(conf_line(node), table[i].line);
    }
    conf_close(conf);
    problems_free(problems);
}

static void values_keep_their_type_and_all_their_digits(void **state) {
    (void)state;
    struct problems *problems = problems_create();
    struct conf *conf = open_text("i = -5; l = 0xFFFFFFFFL; big = 9223372036854775807L; f = 1.5; b = true;\n"
                                  "s = \"a\\\"b\" \"c\"; list = (1, \"x\", { k = 2; }); array = [1, 5000000000L];\n"
                                  "g = { };",
                                  problems);
    assert_problems(problems, "");
    const struct conf_node *root = conf_root(conf);
    int64_t integer = 0;
    double number = 0;
    bool boolean = false;
    assert_true(conf_int(conf_get(root, "i"), &integer) && integer == -5);
    assert_true(conf_int(conf_get(root, "l"), &integer) && integer == 0xFFFFFFFF);
    assert_true(conf_int(conf_get(root, "big"), &integer) && integer == INT64_MAX);
    assert_true(conf_int(conf_at(conf_get(root, "array"), 1), &integer) && integer == INT64_C(5000000000));
    assert_true(conf_number(conf_get(root, "f"), &number) && number > 1.4 && number < 1.6);
    assert_true(conf_number(conf_get(root, "i"), &number) && number < -4.9);
    assert_true(conf_bool(conf_get(root, "b"), &boolean) && boolean);
    assert_string_equal(conf_string(conf_get(root, "s")), "a\"bc");
    assert_false(conf_int(conf_get(root, "f"), &integer));
    assert_false(conf_int(conf_get(root, "s"), &integer));
    assert_false(conf_bool(conf_get(root, "i"), &boolean));
    assert_false(conf_number(conf_get(root, "b"), &number));
    assert_null(conf_string(conf_get(root, "i")));

    const struct conf_node *list = conf_get(root, "list");
    assert_int_equal(conf_type(list), CONF_LIST);
    assert_int_equal(conf_type(conf_get(root, "array")), CONF_LIST);
    assert_int_equal(conf_length(list), 3);
    assert_null(conf_name(conf_at(list, 0)));
    assert_null(conf_at(list, 3));
    assert_null(conf_at(list, -1));
    assert_string_equal(conf_name(conf_get(conf_at(list, 2), "k")), "k");
    assert_null(conf_get(list, "k"));
    assert_null(conf_get(root, "none"));
    assert_int_equal(conf_length(conf_get(root, "g")), 0);
    assert_int_equal(conf_length(conf_get(root, "i")), 0);
    conf_close(conf);
    problems_free(problems);
}

static void unknown_keys_are_told_with_what_was_meant(void **state) {
    (void)state;
    static const char *const keys[] = {"baud", "parity"};
    struct problems *problems = problems_create();
    struct conf *conf = open_text("baud = 1;\npartiy = 2;\ncolour = 3;", problems);
    conf_check_keys(conf_root(conf), keys, COUNT_OF(keys), problems);
    assert_problems(problems, "a.cfg:2: error: unknown key 'partiy'; did you mean 'parity'?\n"
                              "a.cfg:3: error: unknown key 'colour'\n");
    conf_close(conf);
    problems_free(problems);
}

static void problems_stand_in_order_and_once(void **state) {
    (void)state;
    struct problems *problems = problems_create();
    problems_add(problems, PROBLEM_ERROR, "main", 9, "nine");
    problems_add(problems, PROBLEM_WARNING, "other", 2, "two\x1B[31m\n");
    problems_add(problems, PROBLEM_ERROR, "main", 3, "%s", "three");
    problems_add(problems, PROBLEM_ERROR, "main", 9, "nine");
    problems_add(problems, PROBLEM_ERROR, "main", 9, "nine again");
    problems_add(problems, PROBLEM_ERROR, "main", 0, "whole");
    assert_problems(problems, "main: error: whole\nmain:3: error: three\nmain:9: error: nine\n"
                              "main:9: error: nine again\nother:2: warning: two?[31m?\n");
    assert_int_equal(problems_count(problems, PROBLEM_ERROR), 4);
    assert_int_equal(problems_count(problems, PROBLEM_WARNING), 1);
    problems_free(problems);
}

static void a_flood_of_problems_is_bounded(void **state) {
    (void)state;
    struct problems *problems = problems_create();
    for (int i = 1; i <= 5000; i++)
        problems_add(problems, PROBLEM_ERROR, "flood", i, "wrong");
    assert_int_equal(problems_count(problems, PROBLEM_ERROR), 5000);
    assert_string_equal(problems_text(problems, 0), "flood:1: error: wrong");
    assert_null(problems_text(problems, 500));
    problems_free(problems);
}

static void hostile_nesting_is_refused(void **state) {
    (void)state;
    char text[4096] = "a = ";
    memset(text + 4, '(', 2000);
    struct problems *problems = problems_create();
    assert_null(open_text(text, problems));
    assert_problems(problems, "a.cfg:1: error: brackets are nested more than 32 deep\n");
    problems_free(problems);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_named_with_line_and_cure),
        cmocka_unit_test(unreadable_files_say_why),
        cmocka_unit_test(includes_stand_beside_their_file_and_keep_their_lines),
        cmocka_unit_test(the_first_of_two_keys_counts),
        cmocka_unit_test(values_keep_their_type_and_all_their_digits),
        cmocka_unit_test(unknown_keys_are_told_with_what_was_meant),
        cmocka_unit_test(problems_stand_in_order_and_once),
        cmocka_unit_test(a_flood_of_problems_is_bounded),
        cmocka_unit_test(hostile_nesting_is_refused),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
