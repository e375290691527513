/* Registers in every interpretation that profiles know. Pure. */
#ifndef LIFTGW_CTL_INTERPRET_H
#define LIFTGW_CTL_INTERPRET_H

#include "profile/profile.h"

#define INTERPRET_SIZE 32
#define INTERPRET_ROW_SIZE 160

/* One register as u16, s16 or bcd16; two as u32, s32, float32, bcd32 or decimal10000 in one of the orders. "-" if the
 * words are no value of that type. Returns text. */
const char *interpret(enum raw_type type, enum word_order order, const uint16_t words[], char text[INTERPRET_SIZE]);
/* The 16 bits, the highest first, in groups of four. */
const char *interpret_bits(uint16_t word, char text[INTERPRET_SIZE]);
/* Where the bits of a place stand in words: "0x0040 bits 0-2", "0x0048 u32 CDAB". */
const char *interpret_place(const struct place *place, int address_offset, char text[INTERPRET_ROW_SIZE]);

/* What an outcome makes of the item in that slot: a word of it, "yes", "no", "unknown", or "as before" for keep. */
const char *interpret_outcome(int slot, const struct outcome *outcome);

/* A row for `values` of a profile that reads that place as a private item. */
const char *interpret_row(enum table table, uint16_t address, enum raw_type type, char text[INTERPRET_ROW_SIZE]);

#endif
