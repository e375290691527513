/* Registers in every interpretation, and the rows that read them. */
#include "ctl/interpret.h"

#include "base/text.h"
#include "profile_fixture.h"

static void test_words_are_read_in_every_way(void **state) {
    static const struct {
        uint16_t words[2];
        enum raw_type type;
        enum word_order order;
        const char *text;
    } cases[] = {
        {{0xFFFE}, RAW_U16, ORDER_ABCD, "65534"},
        {{0xFFFE}, RAW_S16, ORDER_ABCD, "-2"},
        {{0x1234}, RAW_BCD16, ORDER_ABCD, "1234"},
        {{0x123A}, RAW_BCD16, ORDER_ABCD, "-"},
        {{0x0001, 0x0002}, RAW_U32, ORDER_ABCD, "65538"},
        {{0x0001, 0x0002}, RAW_U32, ORDER_CDAB, "131073"},
        {{0x0100, 0x0200}, RAW_U32, ORDER_BADC, "65538"},
        {{0x0200, 0x0100}, RAW_U32, ORDER_DCBA, "65538"},
        {{0xFFFF, 0xFFFF}, RAW_S32, ORDER_ABCD, "-1"},
        {{0x41BC, 0x0000}, RAW_FLOAT32, ORDER_ABCD, "23.5"},
        {{0x0000, 0x41BC}, RAW_FLOAT32, ORDER_CDAB, "23.5"},
        {{0x7FC0, 0x0000}, RAW_FLOAT32, ORDER_ABCD, "-"},
        {{0x1234, 0x5678}, RAW_BCD32, ORDER_ABCD, "12345678"},
        {{15, 2001}, RAW_DECIMAL10000, ORDER_ABCD, "152001"},
        {{10000, 0}, RAW_DECIMAL10000, ORDER_ABCD, "-"},
    };
    char text[INTERPRET_SIZE];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(interpret(cases[i].type, cases[i].order, cases[i].words, text), cases[i].text);
    assert_string_equal(interpret_bits(0x8105, text), "1000 0001 0000 0101");
}

static void test_places_are_written_as_people_read_them(void **state) {
    static const struct {
        struct place place;
        int offset;
        const char *text;
    } cases[] = {
        {{.table = TABLE_HOLDING, .address = 0x40, .type = RAW_BITS, .bit_low = 3, .bit_high = 3}, 0, "0x0040 bit 3"},
        {{.table = TABLE_HOLDING, .address = 0x40, .type = RAW_BITS, .bit_low = 0, .bit_high = 2},
         0,
         "0x0040 bits 0-2"},
        {{.table = TABLE_HOLDING, .address = 0x40, .type = RAW_U32, .order = ORDER_CDAB}, 1, "0x0041 u32 CDAB"},
        {{.table = TABLE_INPUT, .address = 0x40, .type = RAW_S16}, 0, "0x0040 s16"},
        {{.table = TABLE_DISCRETE, .address = 7, .type = RAW_BITS}, 0, "0x0007"},
    };
    char text[INTERPRET_ROW_SIZE];
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(interpret_place(&cases[i].place, cases[i].offset, text), cases[i].text);
}

/* What probe shows to paste is a profile's row: it loads as it is, all of them together. */
static void test_the_rows_to_paste_load(void **state) {
    static const enum raw_type types[] = {RAW_U16, RAW_S16, RAW_BCD16, RAW_U32, RAW_DECIMAL10000};
    char text[4096] = PROFILE_HOLDING "values = (";
    char row[INTERPRET_ROW_SIZE];
    (void)state;
    for (enum table table = TABLE_COIL; table <= TABLE_INPUT; table++)
        for (size_t t = 0; t < COUNT_OF(types) && (t == 0 || table >= TABLE_HOLDING); t++) {
            size_t used = strlen(text);
            uint16_t address = (uint16_t)(0xFF00 + table * 16 + t);
            snprintf(text + used, sizeof text - used, "%s%s", text[used - 1] == '(' ? "" : ",\n",
                     interpret_row(table, address, types[t], row));
        }
    strcat(text, ");\n");
    struct profile *profile = fixture_good(text);
    assert_int_equal(profile->value_count, 2 + 2 * COUNT_OF(types));
    profile_free(profile);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words_are_read_in_every_way),
        cmocka_unit_test(test_places_are_written_as_people_read_them),
        cmocka_unit_test(test_the_rows_to_paste_load),
    };
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
