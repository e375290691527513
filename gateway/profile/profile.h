/* A controller described as data (liftgw-profile(5)): one libconfig file, checked once, immutable afterwards.
 *
 * Inside a profile every item has a slot: the normalised items are slots 0..ITEM_COUNT-1 (enum item), private ones
 * (names with "_") follow. Rows refer to slots, so a row can be followed without a name. */
#ifndef LIFTGW_PROFILE_PROFILE_H
#define LIFTGW_PROFILE_PROFILE_H

#include "base/conf.h"
#include "model/sample.h"

enum dialect { DIALECT_RTU, DIALECT_MONARCH };
enum lane { LANE_FAST, LANE_SLOW };
enum parity { PARITY_UNSET, PARITY_NONE, PARITY_EVEN, PARITY_ODD };
const char *parity_name(enum parity parity);
enum parity parity_by_name(const char *name); /* PARITY_UNSET if there is none */

/* Line settings; 0 (or PARITY_UNSET) is "not said". */
struct line_defaults {
    int baud;
    enum parity parity;
    int data_bits, stop_bits, unit;
};

enum raw_type {
    RAW_U16,
    RAW_S16,
    RAW_U32,
    RAW_S32,
    RAW_U64,
    RAW_FLOAT32,
    RAW_BCD16,
    RAW_BCD32,
    RAW_DECIMAL10000, /* hi × 10000 + lo, each 0..9999 */
    RAW_BITS          /* bits lo..hi of one word; a coil or discrete input is bits 0..0 */
};
enum word_order { ORDER_ABCD, ORDER_CDAB, ORDER_BADC, ORDER_DCBA };

/* Where a raw value stands. */
struct place {
    int table; /* enum table */
    uint16_t address;
    enum raw_type type;
    uint8_t bit_low, bit_high; /* RAW_BITS */
    enum word_order order;
    uint8_t words; /* registers (or coils) it takes: 1, 2 or 4 */
};

/* What a raw value or a pattern turns into. */
struct outcome {
    enum { OUTCOME_VALUE, OUTCOME_KEEP, OUTCOME_UNKNOWN } kind;
    int64_t number; /* OUTCOME_VALUE: the word's index, 0 or 1 */
};
struct raw_outcome {
    int64_t raw;
    struct outcome outcome;
};

struct value_row {
    int slot;
    struct place place;
    bool scaled; /* raw × scale + offset */
    double scale, offset;
    int64_t *invalid;
    size_t invalid_count;
    bool ranged;
    int64_t valid_low, valid_high;
    struct raw_outcome *map; /* NULL: none */
    size_t map_count;
    struct outcome otherwise;
    bool invert;
    bool has_unused;
    int64_t unused;
    int only_if; /* slot, -1 none */
    uint32_t on_ms, off_ms;
    enum lane lane;
    const char *file; /* one of the profile's files */
    int line;
};

/* One character per item of a row's from: '1' yes, '0' no, '-' anything; a null matches only '-'. */
#define FROM_MAX 8
struct pattern {
    char text[FROM_MAX + 1];
    struct outcome outcome; /* of a truth table */
};
struct rule_row {
    enum { RULE_TRUTH, RULE_EDGES, RULE_TIME } kind;
    int slot;
    int from[FROM_MAX];
    size_t from_count;
    struct pattern *patterns;
    size_t pattern_count;
    struct outcome otherwise;
    int of;     /* RULE_EDGES, RULE_TIME: the slot that is watched */
    int64_t is; /* and the number that it must have */
    uint32_t min_ms;
    const char *file;
    int line;
};

struct fault_code {
    int64_t raw;
    enum fault fault; /* FAULT_COUNT: "-", known and not a fault */
    char *chinese, *english;
};
struct fault_row {
    enum { FAULT_ROW_BIT, FAULT_ROW_PATTERN, FAULT_ROW_CODES } kind;
    struct fault_source source;
    struct place place; /* FAULT_ROW_BIT, FAULT_ROW_CODES */
    bool invert;
    int only_if; /* slot, -1 none */
    int from[FROM_MAX];
    size_t from_count;
    struct pattern *patterns;
    size_t pattern_count;
    int64_t *none;
    size_t none_count;
    struct fault_code *codes;
    size_t code_count;
    int64_t *no_stop;
    size_t no_stop_count;
    char *code_format; /* "E%02d", NULL none; checked to hold exactly one conversion of an int */
    const char *file;
    int line;
};

struct profile_warning {
    char *id, *text, *chinese;
};

struct profile {
    char *file;
    char **files; /* that and what it includes, as far as rows stand there */
    size_t file_count;
    uint64_t hash;               /* over its file and all that it includes: conf_hash */
    char *name, *title, *origin; /* origin is the file's `source` */
    bool verified;
    struct line_defaults line;
    enum dialect dialect;
    int table; /* default of its rows */
    int max_registers, max_gap, min_gap_ms;
    struct profile_warning *warnings;
    size_t warning_count;
    char **slot_names; /* by slot */
    enum item_kind *slot_kinds;
    size_t slot_count;
    struct value_row *values;
    size_t value_count;
    struct rule_row *rules;
    size_t rule_count;
    struct fault_row *faults;
    struct fault_source *sources; /* faults[i].source once more, in one array for the model */
    size_t fault_count;
};

/* Reads and checks a profile. Everything wrong with it is added to problems; NULL if an error is among them. */
struct profile *profile_load(const char *path, struct problems *problems);
void profile_free(struct profile *profile);

/* The slot of an item's name, -1 if the profile has none. */
int profile_slot(const struct profile *profile, const char *name);
/* True if a value or a rule of the profile sets that slot. */
bool profile_sets(const struct profile *profile, int slot);

/* How many registers (coils) a raw type takes. */
int raw_type_words(enum raw_type type);
/* Where a counter of that type starts again at 0: 2^16, 2^32, 10^8, …; 0 never (u64, float32). */
int64_t raw_type_modulus(enum raw_type type);
/* The raw value in words[], signed types sign-extended, float32 rounded; false if it is no value of the type (a BCD
 * digit above 9, a half of decimal10000 above 9999, a NaN). as_float, if not NULL, gets the unrounded value. */
bool raw_get(const struct place *place, const uint16_t words[], int64_t *raw, double *as_float);
/* The opposite, for the simulator: writes raw into words[] (bits: only those bits), clamped to what the type holds. */
void raw_put(const struct place *place, int64_t raw, uint16_t words[]);

/* How one unit uses a profile: the options of a part (profiles.md, "a lift of several units"). invert turns round the
 * input that an item reads, for all rows that read it. */
struct part_options {
    const char *const *invert, *const *unused, *const *without; /* item names; NULL-terminated or NULL */
    int address_offset;
};
/* Adds a problem at node for each name in options that the profile does not know or that cannot be meant. */
struct conf_node;
void profile_check_options(const struct profile *profile, const struct part_options *options,
                           const struct conf_node *node, struct problems *problems);

#endif
