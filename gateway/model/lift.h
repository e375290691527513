/* One lift: its state, its set of active faults, its counters. Pure: no I/O, no clock of its own, no allocation.
 *
 *   sample --lift_apply--> lift old/new --> event[]
 *
 * A lift has one to LIFT_PARTS parts, each a unit on a bus with a profile. What must outlive a power cut is in
 * struct lift_record, which the ledger keeps. */
#ifndef LIFTGW_MODEL_LIFT_H
#define LIFTGW_MODEL_LIFT_H

#include "model/counter.h"
#include "model/sample.h"

#define LIFT_PARTS 4

enum link { LINK_UNKNOWN, LINK_ONLINE, LINK_OFFLINE, LINK_STALLED };
enum link_reason {
    LINK_REASON_NONE,
    LINK_REASON_TIMEOUT,
    LINK_REASON_CRC,
    LINK_REASON_EXCEPTION,
    LINK_REASON_DEVICE_GONE,
    LINK_REASON_STALLED,
    LINK_REASON_REMOVED
};
const char *link_name(enum link link);                 /* NULL for LINK_UNKNOWN */
const char *link_reason_name(enum link_reason reason); /* NULL for LINK_REASON_NONE */

/* domain.md's limits; each per lift in the configuration, in seconds unless named otherwise. */
struct lift_limits {
    int entrapment_outside_s, entrapment_closed_s, entrapment_emergency_power_s;
    int evidence_s, confirm_s, suppress_s, flapping_per_h, door_held_s, no_ride_h, stalled_s;
};

/* What is immutable of one part. */
struct lift_part {
    const struct fault_source *sources; /* the profile's fault rows; belong to the profile */
    size_t source_count;
    uint32_t owns; /* bit (1 << item) for each item that this part provides */
};

/* A fault as the ledger keeps it. */
struct fault_record {
    bool active;
    bool suppressed;
    int64_t raised_real_ms, raised_mono_ms; /* mono of this process's life; 0 after a restart: use real */
    uint64_t count;                         /* raises counted, ever */
    uint64_t seq;                           /* of the message that raised it */
    uint8_t part;                           /* where its first source stands */
    int table;
    int32_t address;
    int8_t bit;
    uint32_t value;
    int32_t code;
    char code_text[12];
};

/* What outlives a power cut. The *_changed marks say which rows the ledger has to write; it clears them. */
struct lift_record {
    bool known;                /* polled at least once, ever: the baseline is taken */
    int64_t last_seen_real_ms; /* the last good poll that was committed */
    struct value service_mode;
    struct fault_record fault[FAULT_COUNT];
    struct counter counter[COUNTER_COUNT];
    bool changed;
    uint32_t faults_changed;   /* bit (1 << fault) */
    uint32_t counters_changed; /* bit (1 << counter) */
};

/* Debounce of one source of a fault. */
struct source_state {
    enum { SOURCE_OFF, SOURCE_RAISING, SOURCE_ON, SOURCE_CLEARING } phase;
    int64_t since_mono_ms;
    int64_t since_real_ms;
    struct fault_reading reading; /* the one that it stands for */
};

/* What a message of `fault` is made of; everything at the moment of the event. */
enum clear_reason { CLEAR_NONE, CLEAR_GONE, CLEAR_SUPERSEDED, CLEAR_INSPECTION, CLEAR_REMOVED };
enum suppression { SUPPRESSED_NOT, SUPPRESSED_INSPECTION, SUPPRESSED_MAINTENANCE };
enum confidence { CONFIDENCE_NONE, CONFIDENCE_SUSPECTED, CONFIDENCE_CONFIRMED };
struct fault_event {
    enum fault fault;
    bool raised;
    enum severity severity;
    enum trapping entrapment;
    enum confidence confidence;
    enum suppression suppressed; /* alarm is: not suppressed */
    struct {
        uint8_t part;
        int table;
        int32_t address;
        int8_t bit;
        uint32_t value;
        int32_t code;
        char code_text[12];
        const char *english, *chinese;
    } raw;
    uint64_t count;
    struct value floor, service_mode, rides_total;
    bool at_start, after_gap, flapping;
    int64_t not_before_real_ms, not_after_real_ms; /* 0: null */
    int64_t raised_real_ms;
    int64_t duration_ms; /* -1: null (raised) */
    enum clear_reason reason;
};

enum event_type {
    EVENT_FAULT,
    EVENT_MODE_CHANGED,
    EVENT_PASSENGER_ALARM,
    EVENT_COUNTER_RESET,
    EVENT_CONTROLLER_REPLACED,
    EVENT_TYPE_COUNT
};
struct event {
    enum event_type type;
    struct instant at;
    union {
        struct fault_event fault;
        struct {
            struct value from, to;
        } mode;
        struct {
            bool active;
        } alarm;
        struct {
            enum item counter;
            int64_t was, is; /* the controller's own count; in the counter's unit */
        } counter;
    };
};
#define EVENTS_MAX (2 * FAULT_COUNT + 16)
struct events {
    size_t count;
    struct event event[EVENTS_MAX];
};

struct lift {
    struct lift_limits limits;
    struct lift_part part[LIFT_PARTS];
    size_t part_count;
    size_t first_source[LIFT_PARTS]; /* where each part's sources begin in source[] */
    struct source_state *source;     /* one for each fault row of each part */
    enum link part_link[LIFT_PARTS];
    enum link link; /* the lift's: its first part's */
    enum link_reason link_reason;
    int64_t link_since_real_ms;
    bool gap; /* nothing was seen between not_before and the next good poll */
    int64_t not_before_real_ms;
    struct value item[ITEM_COUNT];  /* as last seen; counters are in the record */
    int64_t heartbeat_mono_ms;      /* when it last changed */
    int64_t inspection_end_mono_ms; /* suppression lasts until suppress_s after this; 0: none */
    bool state_changed;             /* something that the `state` message shows changed, other than speed and load */
    bool counters_changed;          /* something that the `counters` message shows changed */
    bool link_changed;
    struct lift_record record;
};

/* How many struct source_state lift_init needs for these parts. */
size_t lift_source_count(const struct lift_part parts[], size_t part_count);

/* Makes a lift. source is memory for lift_source_count() of them, owned by the caller; record is what the ledger kept,
 * NULL for a lift never seen. With a record the time since its last_seen is a gap. */
void lift_init(struct lift *lift, const struct lift_limits *limits, const struct lift_part parts[], size_t part_count,
               struct source_state *source, const struct lift_record *record);

/* Applies what a poll of one part said; appends what follows from it to events. */
void lift_apply(struct lift *lift, size_t part, const struct sample *sample, struct events *events);

/* A part's link went up or down. Faults stay as they are: silence neither raises nor clears. last_good_real_ms is when
 * the unit last answered, 0 never. */
void lift_link(struct lift *lift, size_t part, enum link link, enum link_reason reason, struct instant at,
               int64_t last_good_real_ms, struct events *events);

/* When (CLOCK_MONOTONIC, ms) something will follow from a sample like the last one, with no change in it: a delay that
 * ends. INT64_MAX: never. The daemon asks the bus for a sample at or after that time, and calls lift_tick. */
int64_t lift_due_ms(const struct lift *lift);

/* What follows from the passing of time alone (the heartbeat that stands still). */
void lift_tick(struct lift *lift, struct instant now, struct events *events);

/* True if the car is not running because of an active fault that stops it. */
bool lift_blocked(const struct lift *lift);

#endif
