/* Which read comes next on a bus, or until when to wait. Pure: no I/O, no clock of its own, no allocation after
 * schedule_create.
 *
 * A cycle: the fast reads of each live unit in direct succession, then one slow read, one read that somebody asked for.
 * Between two units, at most once a cycle, one silent unit is probed when it is due; without a pause when all are
 * silent. Why so: a fault is seen at its unit's next fast read, so nothing comes between two of those but one slow read
 * or probe, and slow reads only as often as they hardly lengthen the average cycle. A unit's reads stay together
 * because its image has to be of one moment. Units go in turn, because any other order makes one of them wait longer.
 * Times are CLOCK_MONOTONIC in nanoseconds. */
#ifndef LIFTGW_MODBUS_SCHEDULE_H
#define LIFTGW_MODBUS_SCHEDULE_H

#include "modbus/bus.h"

/* Slow reads and probes of silent units take one part in so many of the time, and slow reads what the line would be
 * idle for. */
#define SCHEDULE_SLOW_EVERY 10

struct schedule;

enum turn { TURN_FAST, TURN_SLOW, TURN_PROBE, TURN_ASK, TURN_WAIT };

struct schedule_step {
    enum turn turn;
    int64_t until_ns;            /* TURN_WAIT */
    size_t unit, read;           /* index among the bus's units and in the unit's plan; TURN_ASK, TURN_WAIT: none */
    struct line_request request; /* but for TURN_WAIT */
};

/* What follows from a result. */
struct schedule_outcome {
    bool ended;    /* a unit's poll ended, complete or failed */
    bool complete; /* that was the last fast read of a unit's poll, and at least one of them was answered */
    bool given_up; /* the read is left out for a minute: refused twice in a row, or never answered by a unit that
                      answers others; said once until it works again */
};

struct schedule_unit {
    enum link link;
    enum link_reason reason;
    uint8_t reach;
    const bool *valid; /* by read of the plan: what it brought can be used */
};

/* Everything is sized here. The settings must outlive the schedule. */
struct schedule *schedule_create(const struct bus_settings *settings);
void schedule_free(struct schedule *schedule);

/* The next step. Each read that it returns must be followed by schedule_result or schedule_gone. */
void schedule_next(struct schedule *schedule, int64_t now_ns, struct schedule_step *step);
void schedule_result(struct schedule *schedule, const struct schedule_step *step, enum line_result result,
                     const struct line_reply *reply, int64_t now_ns, struct schedule_outcome *outcome);

/* The device is gone: every unit is offline, and polled afresh when it is back. A request of schedule_ask is dropped.
 */
void schedule_gone(struct schedule *schedule, int64_t now_ns);

/* Has the request take the next turn. At most one at a time. */
void schedule_ask(struct schedule *schedule, const struct line_request *request);

struct schedule_unit schedule_unit(const struct schedule *schedule, size_t unit);
/* From the begin of the cycle before to the begin of this one; 0 before the second. */
int64_t schedule_cycle_ns(const struct schedule *schedule);

/* How many of a plan's reads are polled each cycle: the fast ones, or all where a profile has nothing but slow rows. */
size_t schedule_fast_count(const struct plan *plan);

/* How long a unit is assumed to take for an answer before it has been heard: microseconds. */
#define SCHEDULE_TURNAROUND_US 10000

/* What can be said before anybody answers (design.md 4). A read takes 8 characters for the question and those of the
 * answer, the unit's turnaround, and one silence. */
int64_t schedule_read_ns(const struct bus_settings *settings, const struct bus_unit *unit, const struct plan_read *read,
                         int turnaround_us);
struct schedule_forecast {
    size_t fast_reads, slow_reads;
    int64_t cycle_ns;      /* the longest: all fast reads and the longest slow one */
    int64_t slow_round_ns; /* until every slow read had its turn */
    int load_percent;      /* of the line, with min_poll_ms */
    int64_t probe_ns;      /* by how much the probe of a silent unit makes a cycle longer, at most */
    int64_t revive_ns;     /* when all units but one are silent, one that answers again is heard within this time */
};
void schedule_forecast(const struct bus_settings *settings, int turnaround_us, struct schedule_forecast *forecast);

#endif
