#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void utf8_is_told_from_other_bytes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        bool valid;
    } table[] = {
        {"", 0, true},
        {"lift", 4, true},
        {"电梯", 6, true},
        {"\xF0\x9F\x9B\x97", 4, true},  /* a lift, as an emoji */
        {"\xF4\x8F\xBF\xBF", 4, true},  /* the last code point */
        {"\xF4\x90\x80\x80", 4, false}, /* beyond it */
        {"\xC0\x80", 2, false},         /* overlong forms */
        {"\xE0\x80\x80", 3, false},
        {"\xF0\x80\x80\x80", 4, false},
        {"\xED\xA0\x80", 3, false}, /* a surrogate */
        {"\xE7\x94", 2, false},     /* cut */
        {"\x80", 1, false},
        {"\xE7zz", 3, false},
        {"\xB5\xE7\xCC\xDD", 4, false}, /* 电梯 in GBK */
        {"\xFF", 1, false},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        assert_int_equal(text_is_utf8(table[i].text, table[i].size), table[i].valid);
}

static void what_is_no_utf8_is_mended(void **state) {
    (void)state;
    static const struct {
        const char *text, *mended;
    } table[] = {
        {"", ""},
        {"电梯", "电梯"},
        {"not \xFF\xFE ready", "not ?? ready"},
        {"\xE7\x94\xB5\xE6\xA2", "电??"}, /* cut within a character */
        {"\xC0\x80", "??"},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char text[32];
        strcpy(text, table[i].text);
        text_mend(text);
        assert_string_equal(text, table[i].mended);
    }
}

static void topic_levels_are_what_a_broker_takes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool fine;
    } table[] = {
        {"B12-2", true}, {"新河", true},  {"a b", true},       {"a$b", true},       {"", false},
        {"a/b", false},  {"+", false},    {"a+", false},       {"#", false},        {"$SYS", false},
        {"a\tb", false}, {"\x7F", false}, {"\xC2\x85", false}, {"\xB5\xE7", false}, {"é", true},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++)
        assert_int_equal(text_is_topic_level(table[i].text), table[i].fine);
    char longest[130];
    memset(longest, 'a', sizeof longest);
    longest[128] = '\0';
    assert_true(text_is_topic_level(longest));
    longest[128] = 'a';
    longest[129] = '\0';
    assert_false(text_is_topic_level(longest));
}

static void a_slip_of_the_finger_is_understood(void **state) {
    (void)state;
    static const char *const names[] = {"baud", "parity", "data_bits", "stop_bits", "response_timeout_ms"};
    static const struct {
        const char *text, *meant;
    } table[] = {
        {"buad", "baud"},
        {"boud", "baud"},
        {"bauds", "baud"},
        {"paritiy", "parity"},
        {"stopbits", "stop_bits"},
        {"response_timeout", "response_timeout_ms"},
        {"colour", NULL},
        {"x", NULL},
        {"", NULL},
        {"a_key_that_is_much_longer_than_any_that_there_could_ever_be_in_here", NULL},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const char *meant = text_suggest(table[i].text, names, COUNT_OF(names));
        if (table[i].meant)
            assert_string_equal(meant, table[i].meant);
        else
            assert_null(meant);
    }
    assert_null(text_suggest("baud", names, 0));
}

static void a_copy_is_cut_between_characters(void **state) {
    (void)state;
    static const struct {
        size_t size;
        const char *copy;
        bool whole;
    } table[] = {{16, "a电梯", true}, {8, "a电梯", true}, {7, "a电", false},
                 {5, "a电", false},   {4, "a", false},    {1, "", false}};
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char to[16];
        assert_int_equal(text_copy(to, table[i].size, "a电梯"), table[i].whole);
        assert_string_equal(to, table[i].copy);
    }
}

/* The vectors of the algorithm's authors (Fowler, Noll, Vo). */
static void the_hash_is_fnv_1a(void **state) {
    (void)state;
    assert_true(text_hash(TEXT_HASH_START, "", 0) == UINT64_C(0xcbf29ce484222325));
    assert_true(text_hash(TEXT_HASH_START, "a", 1) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(text_hash(TEXT_HASH_START, "foobar", 6) == UINT64_C(0x85944171f73967e8));
    assert_true(text_hash(text_hash(TEXT_HASH_START, "foo", 3), "bar", 3) == UINT64_C(0x85944171f73967e8));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_is_told_from_other_bytes),        cmocka_unit_test(what_is_no_utf8_is_mended),
        cmocka_unit_test(topic_levels_are_what_a_broker_takes), cmocka_unit_test(a_slip_of_the_finger_is_understood),
        cmocka_unit_test(a_copy_is_cut_between_characters),     cmocka_unit_test(the_hash_is_fnv_1a),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
