/* A profile turned round: from what is to be seen of a lift to the registers that say so.
 *
 * Where items, rules and faults share bits, the words are found by trying: the assignment that decodes to what is
 * wanted, or comes nearest. */
#ifndef LIFTGW_SIM_IMAGE_H
#define LIFTGW_SIM_IMAGE_H

#include "profile/profile.h"

/* What one profile's registers are and how they hang together. Immutable; the profile must outlive it. */
struct image;
struct image *image_create(const struct profile *profile);
void image_free(struct image *image);

/* How many words the profile serves: the size of words[] below, sorted by table and address. */
size_t image_size(const struct image *image);
/* How many searches it is made of: the size of an image_memory's arrays. */
size_t image_piece_count(const struct image *image);
size_t image_group_count(const struct image *image);

/* True if the profile has anything in that table. */
bool image_has_table(const struct image *image, int table);
/* True if all of them lie between the table's first and last served address. */
bool image_covers(const struct image *image, int table, uint16_t address, int count);
/* Where an address stands in words[], -1 in a hole, which reads 0. */
long image_index(const struct image *image, int table, uint16_t address);

/* What is to be seen. */
struct scene {
    struct value item[ITEM_COUNT];
    const bool *fault_active;  /* by fault row */
    const int64_t *fault_code; /* by fault row: what a code register shows */
};

/* What the last search of each piece was for and what it found, so that an unchanged lift costs nothing. */
struct image_memory {
    uint64_t *sought; /* by piece, 0 nothing yet */
    int64_t *found;   /* by group */
};

void image_draw(const struct image *image, const struct scene *scene, struct image_memory *memory, uint16_t words[]);
/* True if words[] as drawn say of that item what the scene says. */
bool image_shows(const struct image *image, const struct scene *scene, const uint16_t words[], enum item item);

#endif
