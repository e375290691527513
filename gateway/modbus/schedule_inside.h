/* What schedule.c, the order of questions, and question.c, what is asked and how long an answer may take, share. */
#ifndef LIFTGW_MODBUS_SCHEDULE_INSIDE_H
#define LIFTGW_MODBUS_SCHEDULE_INSIDE_H

#include "modbus/late.h"
#include "modbus/schedule.h"

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)

#define TURNAROUNDS 8

/* design.md 4: silent units are probed so often, or as seldom as keeps their share of the time. */
#define PROBE_EVERY_NS (2500 * NS_PER_MS)
#define PROBE_SHARE_PERCENT 3

struct read {
    int64_t given_up_until_ns;
    int refused; /* in a row, by 01, 02 or 03 */
    int missed;  /* answers in a row */
    bool told;
};

struct unit {
    const struct bus_unit *is;
    size_t fast_count;
    struct read *reads;
    bool *valid;
    enum link link;
    enum link_reason reason;
    uint8_t reach;
    bool live;  /* polled; else probed */
    bool heard; /* ever */
    int failed; /* polls in a row */
    unsigned probes;
    int64_t asked_ns;
    int64_t rest_until_ns;          /* not to be polled before: an answer may be late */
    int turnaround_us[TURNAROUNDS]; /* of the last replies that were waited for */
    size_t turnarounds;             /* ever */
    unsigned looks;                 /* replies since then that were there at once */
};

struct schedule {
    const struct bus_settings *settings;
    int64_t character_ns;
    struct late *late;
    struct unit *units;
    size_t unit_count;

    enum { PHASE_POLLS, PHASE_SLOW, PHASE_REST } phase;
    int64_t cycle_begin_ns, cycle_ns;
    size_t next_unit; /* of this cycle */
    size_t revived;   /* answered a probe: polled next; NONE */
    bool probed, asked, idle;

    size_t polled; /* the unit whose poll is going on, NONE */
    size_t poll_read;
    bool poll_answered;

    size_t slow_unit, slow_read;        /* where the round of slow reads stands */
    int64_t slow_asked_ns, slow_due_ns; /* the last one; when all of them have had no more than their share */

    bool ask_waits;
    struct line_request ask;

    struct line_request last; /* asked on the bus */
    enum line_result last_result;
};

/* That of a good reply. */
void unit_note_turnaround(struct unit *unit, const struct line_reply *reply);

/* Of the last few of a unit; 0 before the first. */
int64_t unit_longest_turnaround_us(const struct unit *unit);

/* Fills in what the line has to know of a request to that unit; NULL: one that is none of the bus's. */
void question_fill(const struct schedule *schedule, const struct unit *unit, struct line_request *request);
/* The request for a read of a unit's plan. */
struct line_request question_for(const struct schedule *schedule, const struct unit *unit,
                                 const struct plan_read *read);

/* The next probe of a silent unit, and how long after the last question to it that is due, if so many are silent. */
struct line_request question_probe(const struct schedule *schedule, const struct unit *unit);
int64_t question_probe_interval_ns(const struct schedule *schedule, const struct unit *unit, size_t silent);

#endif
