/* The inside of an image, shared by its three files: layout and drawing, joining, searching. */
#ifndef LIFTGW_SIM_IMAGE_INSIDE_H
#define LIFTGW_SIM_IMAGE_INSIDE_H

#include "sim/image.h"

#define CANDIDATES_MAX 40

/* One place, and the raw values worth trying there. */
struct group {
    struct place place;
    int64_t candidate[CANDIDATES_MAX];
    size_t candidate_count;
    size_t piece;
};

struct served {
    uint8_t table;
    uint16_t address;
};

struct image {
    const struct profile *profile;
    struct served *served;
    size_t size;
    struct group *groups;
    size_t group_count, piece_count;
    size_t *value_group, *fault_group; /* by row; NONE: not searched */
    size_t *value_piece, *rule_piece, *fault_piece, *slot_piece;
    struct reading *readings; /* by slot, to work with */
    size_t *chosen, *best;    /* by group, to work with: the candidate tried, and that of the cheapest so far */
};
#define NONE SIZE_MAX

/* What the rows have made of an item so far. */
struct reading {
    struct value value;
    bool set;
};

/* The words of a place, and the raw value in them; *right is false if it is no value of its type. */
uint16_t *image_words_at(const struct image *image, const struct place *place, uint16_t words[]);
int64_t image_raw_at(const struct image *image, const struct place *place, const uint16_t words[], bool *right);

/* Finds the groups, their candidates, and the pieces that can be searched apart. */
void image_join(struct image *image);
/* Searches one piece, using words[] to try in; what was found goes into memory. */
void image_search(const struct image *image, size_t piece, const struct scene *scene, struct image_memory *memory,
                  uint16_t words[]);

#endif
