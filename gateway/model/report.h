/* What becomes a lift's report of a day: sums over the samples while it is watched. A month is the sum of its days.
 * Pure.
 *
 * Time is watched while the lift is online; everything else (the box off, the link down) is not, and nothing is said of
 * it but in `complete`. Durations are monotonic, so that a clock that is set changes none of them; only where the day
 * is cut goes by the wall clock. Rides and faults are differences of the published totals: what a total made up for in
 * one step, because nobody watched, belongs to the day in which it was seen. */
#ifndef LIFTGW_MODEL_REPORT_H
#define LIFTGW_MODEL_REPORT_H

#include "base/calendar.h"
#include "model/lift.h"

#define MODE_COUNT (MODE_EARTHQUAKE + 1)
#define REPORT_FLOORS 128
/* Door times are counted in bins of a quarter of a second; the last one takes all that is longer. */
#define REPORT_BINS 40
#define REPORT_BIN_MS 250
/* So many stretches of time that were reported are remembered: one, and one more for each time that the clock was
 * wrong. */
#define REPORT_CLOSED 4

enum report_period { REPORT_DAY, REPORT_MONTH, REPORT_PERIOD_COUNT };
const char *report_period_name(enum report_period period); /* "day" */

/* What is kept of an open period. The times in milliseconds fit 49 days. */
struct report {
    struct calendar_span span; /* both 0: none is open */
    struct calendar_span closed[REPORT_CLOSED];
    int64_t written_real_ms; /* when it was brought up to date before it was written; 0: not watched then */
    int64_t rides_seen;      /* the totals as last seen; they outlive the period */
    uint32_t fault_seen[FAULT_COUNT];
    uint32_t unsure;                                 /* 0 or 1, as the next: only unsynced clocks have named its date */
    uint32_t rides_known, floors_known, doors_known; /* rides_seen holds a total; there are such figures */
    uint32_t watched_ms, available_ms, entrapment_ms; /* entrapment_ms: the longest */
    uint32_t mode_ms[MODE_COUNT];
    uint32_t rides;
    uint32_t fault_count[FAULT_COUNT], fault_ms[FAULT_COUNT];
    uint32_t openings, closings, reversals;
    uint16_t opening[REPORT_BINS], closing[REPORT_BINS]; /* those that could be timed */
    uint16_t stops[REPORT_FLOORS];                       /* by floor - 1 */
};

/* What the next sample is compared with; of this process's life. */
struct report_watch {
    bool watching;
    bool news;     /* whether it is watched changed: to be written, because a restart goes by it */
    bool believed; /* the wall clock has been past the day's begin */
    bool available;
    uint32_t faults; /* bit (1 << fault): active */
    struct value mode;
    int64_t mono_ms;         /* up to where the time has been counted */
    int64_t trapped_mono_ms; /* since when, if FAULT_ENTRAPMENT is among the faults */
    struct value door;
    enum { REST_UNKNOWN, REST_CLOSED, REST_OPEN } rest; /* where the door was last at rest */
    bool turned;                                        /* it has turned since then */
    int64_t moved_mono_ms;                              /* when it was first seen to move; 0: not yet */
    bool running, run_door_open;
    int64_t run_mono_ms;
};

/* Makes the day of a lift of which the ledger has none: what its totals made up before does not count. */
void report_init(struct report *day, const struct lift_record *record);
/* After a restart: what the box saw between the last write and the moment until which it was known to be alive
 * (alive_real_ms) is watched time too, in the state of the record: every change of it would have been written. */
void report_restore(struct report *day, const struct lift_record *record, int64_t alive_real_ms);

/* The lift as it is at that moment, after something was applied to it. */
void report_follow(struct report *day, struct report_watch *watch, const struct lift *lift, struct instant at);
/* The same after the link was lost: the time since the last good poll (real; 0: unknown) was not watched. */
void report_lose(struct report *day, struct report_watch *watch, struct instant at, int64_t last_good_real_ms);
/* Brings the sums up to date before they are written. */
void report_settle(struct report *day, struct report_watch *watch, struct instant now);

/* Brings the sums to the end of the day, by the clock as it is now. */
void report_end(struct report *day, struct report_watch *watch, struct instant now);
/* Begins again without a period; the totals as last seen and what was closed stay. */
void report_clear(struct report *report);
bool report_is_open(const struct report *report);

/* Adds a day that has ended to its month. */
void report_add(struct report *month, const struct report *day);

/* The time below which percent of the counted ones lie; false if there are none. The last bin counts as its lower edge.
 */
bool report_quantile(const uint16_t bins[REPORT_BINS], int percent, int *ms);

/* False for what cannot be: read from a damaged file. */
bool report_is_sound(const struct report *report);

#endif
