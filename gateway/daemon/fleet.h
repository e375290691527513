/* The buses and the lifts on them: takes readings from the bus threads, turns them into samples, applies them to the
 * lifts and has what follows committed.
 *
 * When the ledger cannot be written the reading that needs it is kept and no other is taken: they wait in the buses'
 * queues, where transitions are kept, until the disk is well again. */
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

/* Settings live as long as anything in the fleet points into them. */
struct generation {
    struct settings *settings;
    size_t users;
};

struct fleet_part {
    size_t bus;  /* index in the fleet's buses */
    size_t unit; /* index in that bus's units */
    const struct profile *profile;
    struct plan *plan;
    struct decoder *decoder;
    struct sample sample;
};

struct fleet_lift {
    const struct lift_settings *settings; /* of the newest generation */
    struct generation *profiles;          /* the generation whose profiles its parts use */
    struct lift lift, before;             /* before: as it was, should the commit fail */
    struct source_state *sources, *sources_before;
    size_t source_count;
    struct diary diary;
    struct fleet_part part[LIFT_PARTS];
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
    struct diary diary_before; /* of the lift in hand, should the commit fail */
    struct reading reading;    /* with room for the largest image */
    size_t held_by;            /* the bus whose reading waits for the ledger, SIZE_MAX: none */
    bool marked;               /* a publication mark was set since the desk looked */
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
/* Writes a lift's counters before they are published. 0, or -1. */
int fleet_save(struct fleet *fleet, size_t lift);
/* Writes all that is kept of a lift, its open day too: before it is given up, and when the clock was set. 0, or -1. */
int fleet_write(struct fleet *fleet, size_t lift, struct instant now);
/* The lift of that id, SIZE_MAX if there is none. */
size_t fleet_find(const struct fleet *fleet, const char *id);
/* The oldest progress of any bus thread: CLOCK_MONOTONIC, ms. */
int64_t fleet_progress_ms(const struct fleet *fleet);

#endif
