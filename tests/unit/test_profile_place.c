/* Raw values: every type in every word order against bytes written by hand. */
#include "base/text.h"
#include "profile/profile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NUMBER(t, o, n)                                                                                                \
    { .table = TABLE_HOLDING, .type = t, .order = o, .words = n }
#define BITS(low, high)                                                                                                \
    { .table = TABLE_HOLDING, .type = RAW_BITS, .bit_low = low, .bit_high = high, .words = 1 }

static const struct {
    struct place place;
    uint16_t words[4];
    int64_t raw;
} table[] = {
    {NUMBER(RAW_U16, ORDER_ABCD, 1), {0x1234}, 0x1234},
    {NUMBER(RAW_U16, ORDER_CDAB, 1), {0x1234}, 0x1234},
    {NUMBER(RAW_U16, ORDER_BADC, 1), {0x1234}, 0x3412},
    {NUMBER(RAW_U16, ORDER_DCBA, 1), {0x1234}, 0x3412},
    {NUMBER(RAW_U16, ORDER_ABCD, 1), {0xFFFF}, 65535},
    {NUMBER(RAW_S16, ORDER_ABCD, 1), {0xFFFE}, -2},
    {NUMBER(RAW_S16, ORDER_ABCD, 1), {0x8000}, -32768},
    {NUMBER(RAW_S16, ORDER_CDAB, 1), {0x7FFF}, 32767},
    {NUMBER(RAW_S16, ORDER_BADC, 1), {0xFEFF}, -2},
    {NUMBER(RAW_S16, ORDER_DCBA, 1), {0x0080}, -32768},
    {NUMBER(RAW_U32, ORDER_ABCD, 2), {0x1234, 0x5678}, 0x12345678},
    {NUMBER(RAW_U32, ORDER_CDAB, 2), {0x5678, 0x1234}, 0x12345678},
    {NUMBER(RAW_U32, ORDER_BADC, 2), {0x3412, 0x7856}, 0x12345678},
    {NUMBER(RAW_U32, ORDER_DCBA, 2), {0x7856, 0x3412}, 0x12345678},
    {NUMBER(RAW_U32, ORDER_ABCD, 2), {0xFFFF, 0xFFFF}, 4294967295},
    {NUMBER(RAW_S32, ORDER_ABCD, 2), {0xFFFF, 0xFFFE}, -2},
    {NUMBER(RAW_S32, ORDER_CDAB, 2), {0xFFFE, 0xFFFF}, -2},
    {NUMBER(RAW_S32, ORDER_BADC, 2), {0xFFFF, 0xFEFF}, -2},
    {NUMBER(RAW_S32, ORDER_DCBA, 2), {0xFEFF, 0xFFFF}, -2},
    {NUMBER(RAW_S32, ORDER_ABCD, 2), {0x8000, 0x0000}, -2147483648},
    {NUMBER(RAW_U64, ORDER_ABCD, 4), {0x0102, 0x0304, 0x0506, 0x0708}, 0x0102030405060708},
    {NUMBER(RAW_U64, ORDER_CDAB, 4), {0x0708, 0x0506, 0x0304, 0x0102}, 0x0102030405060708},
    {NUMBER(RAW_U64, ORDER_BADC, 4), {0x0201, 0x0403, 0x0605, 0x0807}, 0x0102030405060708},
    {NUMBER(RAW_U64, ORDER_DCBA, 4), {0x0807, 0x0605, 0x0403, 0x0201}, 0x0102030405060708},
    {NUMBER(RAW_FLOAT32, ORDER_ABCD, 2), {0x42C8, 0x0000}, 100},
    {NUMBER(RAW_FLOAT32, ORDER_CDAB, 2), {0x0000, 0x42C8}, 100},
    {NUMBER(RAW_FLOAT32, ORDER_BADC, 2), {0xC842, 0x0000}, 100},
    {NUMBER(RAW_FLOAT32, ORDER_DCBA, 2), {0x0000, 0xC842}, 100},
    {NUMBER(RAW_BCD16, ORDER_ABCD, 1), {0x1234}, 1234},
    {NUMBER(RAW_BCD16, ORDER_CDAB, 1), {0x9999}, 9999},
    {NUMBER(RAW_BCD16, ORDER_BADC, 1), {0x3412}, 1234},
    {NUMBER(RAW_BCD16, ORDER_DCBA, 1), {0x0100}, 1},
    {NUMBER(RAW_BCD32, ORDER_ABCD, 2), {0x1234, 0x5678}, 12345678},
    {NUMBER(RAW_BCD32, ORDER_CDAB, 2), {0x5678, 0x1234}, 12345678},
    {NUMBER(RAW_BCD32, ORDER_BADC, 2), {0x3412, 0x7856}, 12345678},
    {NUMBER(RAW_BCD32, ORDER_DCBA, 2), {0x7856, 0x3412}, 12345678},
    {NUMBER(RAW_DECIMAL10000, ORDER_ABCD, 2), {12, 3456}, 123456},
    {NUMBER(RAW_DECIMAL10000, ORDER_CDAB, 2), {3456, 12}, 123456},
    {NUMBER(RAW_DECIMAL10000, ORDER_BADC, 2), {0x0C00, 0x800D}, 123456},
    {NUMBER(RAW_DECIMAL10000, ORDER_DCBA, 2), {0x800D, 0x0C00}, 123456},
    {NUMBER(RAW_DECIMAL10000, ORDER_ABCD, 2), {9999, 9999}, 99999999},
    {BITS(0, 0), {0x0001}, 1},
    {BITS(15, 15), {0x8000}, 1},
    {BITS(4, 7), {0x00A0}, 10},
    {BITS(0, 15), {0xBEEF}, 0xBEEF},
    {{.table = TABLE_DISCRETE, .type = RAW_BITS, .words = 1}, {1}, 1},
};

static void every_type_reads_in_every_order(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        int64_t raw = -99;
        assert_true(raw_get(&table[i].place, table[i].words, &raw, NULL));
        if (raw != table[i].raw)
            fail_msg("row %zu: %lld instead of %lld", i, (long long)raw, (long long)table[i].raw);
        assert_true(table[i].place.type == RAW_BITS || raw_type_words(table[i].place.type) == table[i].place.words);
    }
}

static void what_is_put_is_what_was_read(void **state) {
    (void)state;
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        uint16_t words[4] = {0};
        raw_put(&table[i].place, table[i].raw, words);
        if (memcmp(words, table[i].words, sizeof words) != 0)
            fail_msg("row %zu: %04x %04x %04x %04x", i, words[0], words[1], words[2], words[3]);
    }
}

static void putting_bits_leaves_their_neighbours(void **state) {
    (void)state;
    const struct place bits = BITS(4, 7);
    uint16_t word = 0xFFFF;
    raw_put(&bits, 0, &word);
    assert_int_equal(word, 0xFF0F);
    raw_put(&bits, 5, &word);
    assert_int_equal(word, 0xFF5F);
}

static void putting_clamps_to_what_the_type_holds(void **state) {
    (void)state;
    static const struct {
        struct place place;
        int64_t put, get;
    } clamps[] = {
        {NUMBER(RAW_U16, ORDER_ABCD, 1), 70000, 65535},
        {NUMBER(RAW_U16, ORDER_ABCD, 1), -1, 0},
        {NUMBER(RAW_S16, ORDER_ABCD, 1), 40000, 32767},
        {NUMBER(RAW_S16, ORDER_ABCD, 1), INT64_MIN, -32768},
        {NUMBER(RAW_U32, ORDER_ABCD, 2), INT64_MAX, 4294967295},
        {NUMBER(RAW_S32, ORDER_DCBA, 2), INT64_MIN, -2147483648},
        {NUMBER(RAW_BCD16, ORDER_ABCD, 1), 12345, 9999},
        {NUMBER(RAW_BCD32, ORDER_ABCD, 2), 100000000, 99999999},
        {NUMBER(RAW_DECIMAL10000, ORDER_ABCD, 2), 123456789, 99999999},
        {BITS(4, 7), 99, 15},
    };
    for (size_t i = 0; i < COUNT_OF(clamps); i++) {
        uint16_t words[4] = {0};
        int64_t raw;
        raw_put(&clamps[i].place, clamps[i].put, words);
        assert_true(raw_get(&clamps[i].place, words, &raw, NULL));
        assert_true(raw == clamps[i].get);
    }
}

static void what_is_no_value_is_refused(void **state) {
    (void)state;
    static const struct {
        struct place place;
        uint16_t words[2];
    } wrong[] = {
        {NUMBER(RAW_BCD16, ORDER_ABCD, 1), {0x12A4}},          {NUMBER(RAW_BCD16, ORDER_ABCD, 1), {0xFFFF}},
        {NUMBER(RAW_BCD32, ORDER_ABCD, 2), {0x1234, 0x567F}},  {NUMBER(RAW_BCD32, ORDER_ABCD, 2), {0xA234, 0x5678}},
        {NUMBER(RAW_DECIMAL10000, ORDER_ABCD, 2), {10000, 0}}, {NUMBER(RAW_DECIMAL10000, ORDER_ABCD, 2), {0, 10000}},
        {NUMBER(RAW_FLOAT32, ORDER_ABCD, 2), {0x7FC0, 0}}, /* NaN */
        {NUMBER(RAW_FLOAT32, ORDER_ABCD, 2), {0xFF80, 0}}, /* -inf */
        {NUMBER(RAW_FLOAT32, ORDER_ABCD, 2), {0x5F00, 0}}, /* 2^63 */
    };
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        int64_t raw;
        assert_false(raw_get(&wrong[i].place, wrong[i].words, &raw, NULL));
    }
}

static void floats_round_half_away_from_zero(void **state) {
    (void)state;
    const struct place place = NUMBER(RAW_FLOAT32, ORDER_ABCD, 2);
    static const struct {
        float number;
        int64_t raw;
    } rounded[] = {{2.5F, 3}, {-2.5F, -3}, {2.4F, 2}, {-0.4F, 0}, {1e9F, 1000000000}};
    for (size_t i = 0; i < COUNT_OF(rounded); i++) {
        uint32_t pattern;
        memcpy(&pattern, &rounded[i].number, sizeof pattern);
        const uint16_t words[] = {(uint16_t)(pattern >> 16), (uint16_t)pattern};
        int64_t raw;
        double exact;
        assert_true(raw_get(&place, words, &raw, &exact));
        assert_true(raw == rounded[i].raw);
        assert_true(fabs(exact - (double)rounded[i].number) < 1e-9);
    }
}

static void counters_start_again_where_their_type_ends(void **state) {
    (void)state;
    assert_int_equal(raw_type_modulus(RAW_U16), 65536);
    assert_int_equal(raw_type_modulus(RAW_U32), 4294967296);
    assert_int_equal(raw_type_modulus(RAW_BCD16), 10000);
    assert_int_equal(raw_type_modulus(RAW_BCD32), 100000000);
    assert_int_equal(raw_type_modulus(RAW_DECIMAL10000), 100000000);
    assert_int_equal(raw_type_modulus(RAW_U64), 0);
    assert_int_equal(raw_type_modulus(RAW_FLOAT32), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_reads_in_every_order),
        cmocka_unit_test(what_is_put_is_what_was_read),
        cmocka_unit_test(putting_bits_leaves_their_neighbours),
        cmocka_unit_test(putting_clamps_to_what_the_type_holds),
        cmocka_unit_test(what_is_no_value_is_refused),
        cmocka_unit_test(floats_round_half_away_from_zero),
        cmocka_unit_test(counters_start_again_where_their_type_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
