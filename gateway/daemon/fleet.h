/* The buses and the lifts on them: takes readings from the bus threads, turns them into samples, applies them to the
 * lifts and has what follows committed.
 *
 * When the ledger cannot be written, events wait here and observations go on; when there is no more room, no reading is
 * taken any more: they wait in the buses' queues, where transitions are kept, until the disk is well again. */
#ifndef LIFTGW_DAEMON_FLEET_H
#define LIFTGW_DAEMON_FLEET_H

#include "daemon/diary.h"
#include "modbus/bus.h"
#include "profile/decode.h"
#include "settings/settings.h"

/* The newest of each of a lift's observations waits here until it is sent (desk.h). */
struct publication {
    bool meta, link, state, counters;        /* there is something new */
    int64_t state_sent_ms, counters_sent_ms; /* CLOCK_MONOTONIC; INT64_MIN: not since the last connect */
};

/* Events that may wait for the ledger: more than a reading can bring. */
#define FLEET_WAITING (4 * (size_t)EVENTS_MAX)

/* How a profile is used with options. */
struct generation_plan {
    const struct part_settings *part; /* the first that uses it so */
    struct plan *plan;
};

/* Settings live as long as anything in the fleet points into them, and with them their plans: one for all parts that
 * use a profile with the same options. */
struct generation {
    struct settings *settings;
    struct generation_plan *plans;
    size_t plan_count;
    size_t users;
};

struct fleet_part {
    size_t bus;  /* index in the fleet's buses */
    size_t unit; /* index in that bus's units */
    const struct profile *profile;
    const struct plan *plan; /* of the generation */
    struct decoder *decoder;
};

struct fleet_lift {
    const struct lift_settings *settings; /* of the newest generation */
    struct generation *profiles;          /* the generation whose profiles and plans its parts use */
    struct lift lift;
    struct source_state *sources;
    struct source_code *codes;
    struct diary diary;
    struct trail trail;
    int64_t test_at_ms; /* when its way to the broker is tested next: CLOCK_MONOTONIC; 0: not yet looked up */
    bool unsaved;       /* something of it has to be written */
    struct fleet_part *part;
    struct publication publication;
};

struct fleet_bus {
    const struct bus_section *section;
    struct generation *generation;
    struct bus *bus;
    struct bus_unit *units;
    struct unit_place {
        size_t lift, part;
    } * places; /* by unit */
    size_t unit_count;
    uint64_t lost_told;
};

struct fleet {
    struct journal *journal;
    struct generation *generation;
    struct fleet_bus *buses;
    size_t bus_count;
    struct fleet_lift *lifts;
    size_t lift_count;
    int notify_fd;
    struct reading reading; /* with room for the largest image */
    struct sample sample;   /* what it says, with room for the most fault rows */
    struct fleet_event {
        size_t lift;
        struct event event;
    } waiting[FLEET_WAITING]; /* for the ledger */
    size_t waiting_count;
    bool unsaved;     /* a lift is */
    int64_t retry_ms; /* the ledger refused: not to be tried before */
    bool marked;      /* a publication mark was set since the desk looked */
    struct fleet_listener {
        void (*answered)(void *context, const struct reading *reading); /* to bus_ask */
        void (*polled)(void *context, size_t lift, size_t part);
        void *context;
    } listener;
};

/* Makes the fleet of the settings and starts its buses. old: a fleet to take over what did not change from, NULL at
 * start; it is empty afterwards but must still be freed. alive_real_ms: at start when the box was last known alive, 0
 * in a reload. NULL, with nothing of old changed, if the ledger or the
 * system refuses. Takes settings over on success. */
struct fleet *fleet_create(struct settings *settings, struct journal *journal, int notify_fd,
                           const struct fleet_listener *listener, int64_t alive_real_ms, struct fleet *old);
void fleet_free(struct fleet *fleet);

/* Takes all readings that wait. */
void fleet_take(struct fleet *fleet);
/* Once a second: what follows from time alone, what waits for the ledger, what the queues lost. */
void fleet_tick(struct fleet *fleet, struct instant now);
/* False while nothing can be taken because too much waits for the ledger: what is known of the lifts gets old. */
bool fleet_keeps_up(const struct fleet *fleet);
/* Writes a lift's counters before they are published. 0, or -1. */
int fleet_save(struct fleet *fleet, size_t lift, struct instant now);
/* Begins or ends (0) maintenance of a lift, and has it committed. 0, or -1: the ledger does not take it now. */
int fleet_maintain(struct fleet *fleet, size_t lift, int64_t duration_ms, struct instant now);
/* Tests a lift's way to the broker: commits the event whose message gets *seq. 0, or -1. asked: else it was due. Each
 * lift does so by itself every 72 h. */
int fleet_test(struct fleet *fleet, size_t lift, bool asked, struct instant now, uint64_t *seq);
/* The wall clock was set. 0, or -1: not all of it is written. */
int fleet_clock_set(struct fleet *fleet, struct instant now);
/* Writes all that is kept of the lifts, their open days too: before the fleet is given up, and when the clock was set.
 * 0, or -1. */
int fleet_write(struct fleet *fleet, struct instant now);
/* The lift of that id, SIZE_MAX if there is none. */
size_t fleet_find(const struct fleet *fleet, const char *id);
/* The name of a bus whose thread has made no progress since since_ms (CLOCK_MONOTONIC), NULL if all have. */
const char *fleet_stuck_bus(const struct fleet *fleet, int64_t since_ms);

#endif
