/* What one poll of one unit said, in the vocabulary: the step between a controller's registers and the lift. */
#ifndef LIFTGW_MODEL_SAMPLE_H
#define LIFTGW_MODEL_SAMPLE_H

#include "base/clock.h"
#include "model/vocabulary.h"

/* Where a profile says that a fault can be seen: one row of its `faults`. Immutable. */
struct fault_source {
    enum fault fault;        /* FAULT_COUNT: a code register; each reading names its own */
    int table;               /* enum table; 0 for a row made `from` items */
    int32_t address;         /* -1 for a row made `from` items */
    int8_t bit;              /* -1: the whole word, or a coil */
    int8_t severity;         /* enum severity, -1: the taxonomy's */
    int8_t entrapment;       /* enum trapping, -1: the taxonomy's */
    uint32_t raise_after_ms; /* how long it must stand before it is believed */
    uint32_t clear_after_ms; /* how long it must be gone before it is cleared */
};

/* The longest text of a vendor's code, with its NUL: what the ledger keeps of it. */
#define CODE_TEXT_SIZE 12

/* What such a row said in one poll. */
enum seen { SEEN_NOT, SEEN_YES, SEEN_UNKNOWN /* could not be read, or its only_if is not fulfilled: keep */ };
struct fault_reading {
    enum seen seen : 8;
    bool no_stop;                   /* a warning: the lift goes on, entrapment "no" */
    enum fault fault;               /* if SEEN_YES */
    uint32_t value;                 /* raw: the bit, the word or the code */
    int32_t code;                   /* the vendor's number, -1 none (a bit) */
    char code_text[CODE_TEXT_SIZE]; /* the vendor's own notation ("E41"), "" none */
    const char *english;            /* the vendor's words for that code, NULL none; belong to the profile */
    const char *chinese;
};

/* A counter as a poll saw it. */
struct counter_reading {
    bool known;
    bool derived;    /* value is the increment since the last sample, not a total */
    int64_t value;   /* rides, doors, metres; run hours in milliseconds */
    int64_t modulus; /* the total starts again at 0 here; 0: never, or derived */
};

struct sample {
    struct instant at;
    struct value item[ITEM_COUNT]; /* counters stay unknown here */
    struct counter_reading counter[COUNTER_COUNT];
    struct fault_reading *faults; /* one for each of the profile's fault rows, in their order */
    size_t fault_count;
};

#endif
