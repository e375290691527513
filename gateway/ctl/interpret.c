#include "ctl/interpret.h"

#include "profile/place.h"

#include <inttypes.h>
#include <stdio.h>

static const char *order_name(enum word_order order) {
    static const char *const names[] = {
        [ORDER_ABCD] = "ABCD", [ORDER_CDAB] = "CDAB", [ORDER_BADC] = "BADC", [ORDER_DCBA] = "DCBA"};
    return names[order];
}

const char *interpret(enum raw_type type, enum word_order order, const uint16_t words[], char text[INTERPRET_SIZE]) {
    struct place place = {.type = type, .order = order, .words = (uint8_t)raw_type_words(type)};
    int64_t raw;
    double number;
    if (!raw_get(&place, words, &raw, &number))
        snprintf(text, INTERPRET_SIZE, "-");
    else if (type == RAW_FLOAT32)
        snprintf(text, INTERPRET_SIZE, "%.7g", number);
    else
        snprintf(text, INTERPRET_SIZE, "%" PRId64, raw);
    return text;
}

const char *interpret_bits(uint16_t word, char text[INTERPRET_SIZE]) {
    char *to = text;
    for (int bit = 15; bit >= 0; bit--) {
        *to++ = word >> bit & 1 ? '1' : '0';
        if (bit % 4 == 0 && bit > 0)
            *to++ = ' ';
    }
    *to = '\0';
    return text;
}

const char *interpret_place(const struct place *place, int address_offset, char text[INTERPRET_ROW_SIZE]) {
    char how[32] = "";
    bool one_word = place->table == TABLE_HOLDING || place->table == TABLE_INPUT;
    if (place->type != RAW_BITS)
        snprintf(how, sizeof how, " %s%s%s", raw_type_name(place->type), place->order == ORDER_ABCD ? "" : " ",
                 place->order == ORDER_ABCD ? "" : order_name(place->order));
    else if (one_word && place_is_one_bit(place))
        snprintf(how, sizeof how, " bit %d", place->bit_low);
    else if (one_word)
        snprintf(how, sizeof how, " bits %d-%d", place->bit_low, place->bit_high);
    snprintf(text, INTERPRET_ROW_SIZE, "0x%04X%s", (unsigned)(place->address + address_offset) & 0xFFFF, how);
    return text;
}

const char *interpret_outcome(int slot, const struct outcome *outcome) {
    if (outcome->kind != OUTCOME_VALUE)
        return outcome->kind == OUTCOME_KEEP ? "as before" : "unknown";
    const char *word = slot < ITEM_COUNT ? item_word_of((enum item)slot, VALUE(outcome->number)) : NULL;
    return word ? word : outcome->number ? "yes" : "no";
}

const char *interpret_row(enum table table, uint16_t address, enum raw_type type, char text[INTERPRET_ROW_SIZE]) {
    const char *name = raw_type_name(type);
    if (table == TABLE_COIL || table == TABLE_DISCRETE)
        snprintf(text, INTERPRET_ROW_SIZE, "{ item = \"_bit_%04x\"; table = \"%s\"; address = 0x%04X; }", address,
                 table_name(table), address);
    else if (raw_type_words(type) == 1)
        snprintf(text, INTERPRET_ROW_SIZE, "{ item = \"_%s_%04x\"; table = \"%s\"; address = 0x%04X; type = \"%s\"; }",
                 name, address, table_name(table), address, name);
    else
        snprintf(text, INTERPRET_ROW_SIZE,
                 "{ item = \"_%s_%04x\"; table = \"%s\"; address = 0x%04X; type = \"%s\"; word_order = \"ABCD\"; }",
                 name, address, table_name(table), address, name);
    return text;
}
