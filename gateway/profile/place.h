/* What the files of this folder know of places, raw values and rules beyond profile.h. */
#ifndef LIFTGW_PROFILE_PLACE_H
#define LIFTGW_PROFILE_PLACE_H

#include "profile/profile.h"

/* The name of a type as profiles write it, NULL for RAW_BITS and past the last. */
const char *raw_type_name(enum raw_type type);
bool place_is_one_bit(const struct place *place);
/* Where a counter that stands there starts again at 0; 0 never. */
int64_t place_modulus(const struct place *place);
/* The lowest and the highest raw value that can stand there. */
void place_range(const struct place *place, int64_t *low, int64_t *high);
/* Makes of a raw value as people write it (0x8000 in an s16) the one that raw_get gives; false if none can be. */
bool place_normalise(const struct place *place, int64_t *raw);
/* True if both are the same bits read in the same way. */
bool place_same(const struct place *a, const struct place *b);

bool raw_is_among(const int64_t raws[], size_t count, int64_t raw);
/* True if the rule is made from that slot. */
bool rule_uses(const struct rule_row *row, int slot);

#endif
