/* A bus: one thread that polls the units of one line by its schedule, and a queue of what they said.
 *
 * The thread shares nothing with the rest but the queue. Unchanged readings coalesce; transitions are kept; what does
 * not fit is counted and told. */
#ifndef LIFTGW_MODBUS_BUS_H
#define LIFTGW_MODBUS_BUS_H

#include "modbus/line.h"
#include "model/lift.h"
#include "profile/plan.h"

struct bus_unit {
    int unit;
    enum dialect dialect;
    int min_gap_ms;
    const struct plan *plan; /* must outlive the bus */
};

struct bus_settings {
    const char *name;
    struct line_settings line;
    int response_timeout_ms, late_reply_ms, min_poll_ms, offline_after;
    const struct bus_unit *units; /* must outlive the bus */
    size_t unit_count;
};

enum reading_kind {
    READING_POLL,  /* a unit's image: complete, every valid read of the same round */
    READING_LINK,  /* a unit went online or offline */
    READING_ANSWER /* to bus_ask */
};
struct reading {
    enum reading_kind kind;
    size_t unit; /* index in the bus's units; READING_ANSWER: none, their count */
    struct instant at;
    uint16_t *image; /* READING_POLL: plan->image_size words, in the caller's buffer */
    bool *valid;     /* READING_POLL: by read of the plan */
    enum link link;  /* READING_LINK */
    enum link_reason reason;
    int64_t last_good_real_ms; /* READING_LINK: when the unit last answered; 0 never */
    uint64_t token;            /* READING_ANSWER */
    enum line_result result;
    int exception;
    uint16_t count;
    uint16_t words[125]; /* READING_ANSWER */
};

struct bus;

/* Starts the thread. notify_fd is an eventfd that is written when the queue stops being empty. NULL with errno. */
struct bus *bus_start(const struct bus_settings *settings, int notify_fd);
/* Asks the thread to end, which it does at most one request later: first all of them, then bus_stop. */
void bus_ask_to_stop(struct bus *bus);
/* Ends the thread, waiting for it, and frees the bus. */
void bus_stop(struct bus *bus);

/* Takes the oldest reading; false if there is none. image and valid must point to room for the largest plan. */
bool bus_next(struct bus *bus, struct reading *reading);

/* Asks for a reading of a unit at or after mono_ms even if nothing changed. INT64_MAX: no longer. */
void bus_want(struct bus *bus, size_t unit, int64_t mono_ms);

/* Has a read done in a turn of the schedule, at most one a cycle; the answer comes as a reading with token. False: one
 * is waiting already. request.timeout_ms and expected_turnaround_us are filled in by the bus. */
bool bus_ask(struct bus *bus, const struct line_request *request, uint64_t token);

struct unit_figures {
    enum link link;
    enum link_reason reason;
    uint8_t reach; /* the last eight polls, newest in bit 0, 1: answered (as chrony shows it) */
    uint64_t polls, errors[LINE_RESULT_COUNT];
};
struct bus_figures {
    bool open;
    int open_errno;   /* why not */
    int cycle_ms;     /* the last full round */
    int load_percent; /* share of the time that the line was in use, last minute or since start */
    uint64_t polls, errors[LINE_RESULT_COUNT], lost; /* lost: readings that did not fit the queue */
    int64_t progress_mono_ms;                        /* when the thread last finished a step: the watchdog's question */
};
void bus_figures(struct bus *bus, struct bus_figures *figures);
void bus_unit_figures(struct bus *bus, size_t unit, struct unit_figures *figures);

#endif
