/* One lift: its state, its set of active faults, its counters. Pure: no I/O, no clock of its own, no allocation.
 *
 *   sample --lift_apply--> lift old/new --> event[]
 *
 * A lift has one to LIFT_PARTS parts, each a unit on a bus with a profile. What must outlive a power cut is in
 * struct lift_record, which the ledger keeps. */
#ifndef LIFTGW_MODEL_LIFT_H
#define LIFTGW_MODEL_LIFT_H

#include "model/counter.h"
#include "model/flapping.h"
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

enum suppression { SUPPRESSED_NOT, SUPPRESSED_INSPECTION, SUPPRESSED_MAINTENANCE };
enum confidence { CONFIDENCE_NONE, CONFIDENCE_SUSPECTED, CONFIDENCE_CONFIRMED };

/* A fault as the ledger keeps it. All but count and flapping is as of its raise; part to code_text, severity and
 * entrapment are those of the source that holds it: the first, or one that goes on when the first is gone. */
struct fault_record {
    bool active;
    bool flapping; /* latched: it stays active while its sources come and go */
    bool rescue;   /* an inspection began soon after the raise: the rescuer's */
    enum suppression suppressed : 8;
    enum severity severity : 8;
    enum trapping entrapment : 8;   /* TRAPPING_NO: the lift goes on */
    enum confidence confidence : 8; /* of an entrapment */
    uint8_t part;
    int8_t bit;
    uint8_t table; /* enum table; 0: no register says so */
    int32_t address;
    uint32_t value;
    int32_t code;
    char code_text[CODE_TEXT_SIZE];
    uint32_t count; /* raises counted, ever */
    int64_t raised_real_ms;
    int64_t raised_mono_ms; /* of this process's life, not kept by the ledger; 0 after a restart: use real */
    uint64_t seq;           /* of the last message that raised it */
};

/* What outlives a power cut. The changed marks say which rows the ledger has to
 * write; whoever has it do so clears them. */
struct lift_record {
    int64_t last_seen_real_ms[LIFT_PARTS]; /* by part: its last good poll; 0: none, ever */
    uint8_t online;                        /* bit (1 << part): it answered when this was written */
    struct value service_mode;             /* the last one known */
    bool trapped;                          /* an entrapment was inferred and has not ended (entrapment.h) */
    int64_t moved_real_ms;                 /* a ride ended or the door moved; written along with anything else */
    int64_t maintenance_until_real_ms;     /* 0: not in maintenance */
    struct fault_record fault[FAULT_COUNT];
    struct counter counter[COUNTER_COUNT];
    bool changed;
    uint32_t faults_changed;   /* bit (1 << fault) */
    uint32_t counters_changed; /* bit (1 << (item - ITEM_FIRST_COUNTER)) */
};

/* Debounce of one source of a fault, and the part of its reading that any row can say. ON and CLEARING hold the fault.
 */
struct source_state {
    int64_t since_mono_ms; /* when the delay of RAISING or CLEARING began */
    uint32_t value;
    enum fault fault : 8;
    enum { SOURCE_OFF, SOURCE_RAISING, SOURCE_ON, SOURCE_CLEARING } phase : 8;
    bool no_stop;
    bool at_gap; /* its last change was found by the first good poll after a gap */
};

/* What only the reading of a code register can say. */
struct source_code {
    int32_t code;
    char text[CODE_TEXT_SIZE];
    const char *english, *chinese;
};

/* How a part has been watched. A gap is a time without good polls: the link was down, or this process did not run. */
struct watch {
    bool gap;                   /* since not_before: the next good poll ends it */
    int64_t not_before_real_ms; /* the last good poll before the newest gap; 0: there was none, ever */
    int64_t not_after_real_ms;  /* the first good poll after it */
    int64_t sample_mono_ms;     /* the last sample */
};

/* The car's runs and rides (ride.h). */
struct runs {
    bool running;            /* as last seen */
    bool open;               /* since the run began, the door has never been seen closed */
    bool inspected;          /* some of it was in inspection */
    int64_t began_mono_ms;   /* of the run */
    int64_t ended_mono_ms;   /* of the last run that was not brief */
    int64_t no_ride_mono_ms; /* since then it could have made a ride and made none; 0: it could not */
    bool no_ride_told;
};

/* The door (door.h). */
struct door_watch {
    struct value last;    /* as last seen */
    int64_t open_mono_ms; /* open in normal mode since then; 0: not */
    bool held_told;
};

/* A condition that has to last (entrapment.h). */
struct hold {
    bool holds;
    uint8_t gap_part; /* the part whose gap ended when it began, LIFT_PARTS: none */
    int64_t since_mono_ms;
};

/* What an entrapment is inferred from (entrapment.h). */
struct entrapment {
    struct hold outside; /* A of domain.md 2 */
    struct hold closed;  /* B */
    struct hold either;
    int64_t alarm_mono_ms; /* the passenger alarm rings since then; 0: not */
    bool alarmed;          /* it has rung long enough while either held */
    int64_t open_mono_ms;  /* the door has been open where one can get out since then; 0: not */
    bool rode;             /* since it was inferred, the car completed a ride */
};

/* What a message of `fault` is made of; everything at the moment of the event. */
enum clear_reason { CLEAR_NONE, CLEAR_GONE, CLEAR_SUPERSEDED, CLEAR_INSPECTION, CLEAR_REMOVED };
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
        char code_text[CODE_TEXT_SIZE];
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
    EVENT_OVERLOAD,
    EVENT_COUNTER_RESET,
    EVENT_CONTROLLER_REPLACED,
    EVENT_FLAPPING,
    EVENT_DOOR_HELD,
    EVENT_NO_RIDE,
    EVENT_MAINTENANCE,
    EVENT_TEST,
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
        } alarm, overload;
        struct {
            enum item counter;
            int64_t was, is; /* the controller's own count; run hours in milliseconds */
        } counter;
        struct {
            enum fault fault;
            int64_t raises; /* within the last hour */
            int per_h;      /* more than that flap */
        } flapping;
        struct {
            int64_t since_real_ms, duration_ms;
        } lasting; /* door_held, no_ride */
        struct {
            bool on;
            int64_t until_real_ms; /* if on */
        } maintenance;
        struct {
            bool asked; /* somebody wanted it; else it was due */
        } test;
    };
};
/* A sample brings at most one clear, one raise and one flapping of each fault, a second raise of an entrapment, and one
 * event of each other kind and counter. */
#define EVENTS_MAX (3 * FAULT_COUNT + 24)
struct events {
    size_t count;
    struct event event[EVENTS_MAX];
};

#define NO_HOLDER UINT32_MAX

struct lift {
    struct lift_limits limits;
    struct lift_part part[LIFT_PARTS];
    size_t part_count;
    struct source_state *source;     /* one for each fault row of each part */
    struct source_code *code;        /* one for each of those that is a code register, in their order */
    size_t first_source[LIFT_PARTS]; /* where each part's begin in source[] */
    uint32_t holder[FAULT_COUNT];    /* by fault: the one in source[] that its record tells of; NO_HOLDER none */
    enum link part_link[LIFT_PARTS];
    struct watch watch[LIFT_PARTS];
    enum link link; /* the lift's: its first part's, or stalled */
    enum link_reason link_reason;
    int64_t link_since_real_ms;
    struct value seen[ITEM_FIRST_COUNTER]; /* what the parts said last; counters are in the record */
    struct value item[ITEM_FIRST_COUNTER]; /* the same while the lift is online, else unknown */
    struct value heartbeat;                /* the last one known */
    int64_t heartbeat_mono_ms;             /* when it last changed */
    int64_t at_mono_ms;                    /* the last sample of any part */
    int64_t inspection_mono_ms;            /* when the lift was last in inspection; 0 never */
    int64_t maintenance_mono_ms;           /* when it was last in maintenance; 0 never */
    int64_t maintenance_end_mono_ms;       /* when it ends; 0: not in it, or the record's time is not yet taken up */
    bool maintenance_guessed;              /* it was taken up by a clock that was not synchronised */
    bool alarm;                            /* the passenger alarm as last known */
    bool overload;                         /* likewise */
    struct runs runs;
    struct door_watch door;
    int64_t moved_mono_ms; /* as the record's; 0: not in this process's life */
    struct entrapment entrapment;
    struct flapping flapping[FAULT_COUNT];
    int64_t latched_mono_ms; /* those that flapped before a restart count as latched then; 0: not yet looked at */
    bool state_changed;      /* something that the `state` message shows changed, other than speed and load */
    bool counters_changed;   /* something that the `counters` message shows changed */
    bool link_changed;
    struct lift_record record;
};

/* How many struct source_state, and how many struct source_code, lift_init needs for these parts. */
size_t lift_source_count(const struct lift_part parts[], size_t part_count);
size_t lift_code_count(const struct lift_part parts[], size_t part_count);

/* Makes a lift. source and code are memory for so many of them, owned by the caller; record is what the ledger kept,
 * NULL for a lift never seen. With a record the time since each part's last_seen is a gap. */
void lift_init(struct lift *lift, const struct lift_limits *limits, const struct lift_part parts[], size_t part_count,
               struct source_state *source, struct source_code *code, const struct lift_record *record);

/* Applies what a poll of one part said; what follows from it goes into events, which must be empty before (so for all
 * calls below). A part that answers is online. */
void lift_apply(struct lift *lift, size_t part, const struct sample *sample, struct events *events);

/* A part's link went up or down (never stalled: that is found here). Faults stay as they are: silence neither raises
 * nor clears. last_good_real_ms is when the unit last answered, 0 never. */
void lift_link(struct lift *lift, size_t part, enum link link, enum link_reason reason, struct instant at,
               int64_t last_good_real_ms, struct events *events);

/* When (CLOCK_MONOTONIC, ms) something will follow from a sample like the last one, with no change in it: a delay that
 * ends, a heartbeat that has stood still for too long. INT64_MAX: never. The daemon asks the bus for a sample at or
 * after that time. */
int64_t lift_due_ms(const struct lift *lift);

/* Begins maintenance of duration_ms (at most LIFT_MAINTENANCE_MS; again: from now on anew), or ends it: 0. It
 * suppresses as inspection does. */
#define LIFT_MAINTENANCE_MS INT64_C(86400000)
void lift_maintenance(struct lift *lift, int64_t duration_ms, struct instant at, struct events *events);

/* The wall clock was set: maintenance ends when it would have ended without that. */
void lift_clock_set(struct lift *lift, struct instant now);

/* Tells of a test of the way to the broker; asked: somebody wanted it. */
void lift_test(struct lift *lift, bool asked, struct instant at, struct events *events);

/* What follows from the passing of time alone: maintenance ends; the heartbeat stands still and the sample that
 * lift_due_ms asked for does not come either. */
void lift_tick(struct lift *lift, struct instant now, struct events *events);

/* True if the item is known and is that number. */
bool lift_item_is(const struct lift *lift, enum item item, int64_t number);

/* A counter of the lift's record. */
const struct counter *lift_counter(const struct lift *lift, enum item counter);

/* True if the lift is online, the car is not running because of an active fault that stops it, and nobody is known to
 * be inside. */
bool lift_blocked(const struct lift *lift);

#endif
