/* What is handed to the publisher, and in which order.
 *
 * After a connect first the newest status, meta, link, state and counters of every lift, then what waits in the ledger,
 * oldest first (design.md 3, promise 3). At most WINDOW messages are unacknowledged. While connected, messages of the
 * ledger and observations take turns, so that neither a backlog nor a busy lift holds up the other.
 *
 * A message that the broker refuses for now stays first (promise 5), so nothing behind it may have arrived (promise 1).
 * Brokers refuse by topic: the first message for a topic on a connection is in flight alone. */
#ifndef LIFTGW_DAEMON_DESK_H
#define LIFTGW_DAEMON_DESK_H

#include "daemon/fleet.h"
#include "daemon/publisher.h"
#include "mqtt/topic.h"

#define DESK_WINDOW 10
#define DESK_REASON_SIZE 320
#define DESK_TAKEN 1024

enum desk_kind { DESK_STATUS, DESK_HEALTH, DESK_META, DESK_LINK, DESK_STATE, DESK_COUNTERS, DESK_LEDGER, DESK_CLEAR };

struct desk_slot {
    uint64_t id; /* 0: free */
    enum desk_kind kind;
    uint64_t seq; /* DESK_LEDGER */
    int64_t sent_real_ms;
    uint64_t topic_hash;    /* DESK_LEDGER */
    char topic[TOPIC_SIZE]; /* DESK_CLEAR */
};

/* The box is scrapped: nothing new is said, what waits is delivered, then every retained topic is cleared, the
 * gateway's own last. */
enum retirement { RETIREMENT_NOT, RETIREMENT_ON, RETIREMENT_REFUSED /* `reason` says why */, RETIREMENT_DONE };

struct desk {
    struct journal *journal;
    struct publisher *publisher;
    struct fleet *fleet;
    struct payload_status status;
    const struct gateway_settings *gateway;
    /* Writes the body of `health`; context is the daemon. Returns its length. */
    size_t (*health)(void *context, char payload[PAYLOAD_SIZE], struct instant now);
    /* A message of the ledger was acknowledged, or refused for ever. */
    void (*acknowledged)(void *context, uint64_t seq, bool refused);
    void *context;

    int64_t started_mono_ms;
    bool connected;
    int connection; /* the publisher's number for it: what is meant for another one is not sent */
    char url[256];
    char reason[DESK_REASON_SIZE];  /* why it is not connected, or why the drain pauses; "": none */
    char warning[DESK_REASON_SIZE]; /* what the publisher said when it connected: why it may not last; "": nothing, */
    int64_t warned_until_ms;        /* or no longer true by then */
    int64_t since_real_ms;          /* connected or not since then */
    unsigned reconnects;
    uint64_t refusals; /* PUBACKs with an error */

    bool greeting; /* the newest of everything goes first */
    bool status_due, ledger_turn;
    int64_t health_sent_ms;
    int64_t look_at_ms; /* no observation is due before */
    int64_t paused_until_ms;
    int pause_ms;
    uint64_t next_id;
    uint64_t sent_seq; /* the highest of the ledger's messages handed over since the connect */
    struct desk_slot slot[DESK_WINDOW];
    size_t in_flight, ledger_in_flight;
    /* Hashes of topics from which the broker has taken a message on this connection; a topic whose place another one
     * took counts as new. */
    uint64_t taken[DESK_TAKEN];
    bool alone;             /* the message in flight is the first for its topic: nothing may overtake it */
    bool sweep;             /* there may be retained topics of what left the configuration */
    int64_t greet_again_ms; /* the broker refused an observation: everything is published again then; 0: no */

    enum retirement retirement;
    bool clearing_own;        /* of the topics, the lifts' are cleared */
    char cleared[TOPIC_SIZE]; /* the last one; in their order */
    size_t cleared_count;

    struct acknowledged done[256];
    size_t done_count;
    int64_t settle_at_ms; /* when they are to be committed */
    struct ledger_message message;
    char payload[PAYLOAD_SIZE + 1];
};

void desk_init(struct desk *desk, struct journal *journal);

/* What the publisher said. */
void desk_heard(struct desk *desk, const struct handover *message, struct instant now);
/* The publisher is gone: all that was in flight is to be handed over again. */
void desk_publisher_gone(struct desk *desk, const char *reason, struct instant now);

/* The fleet or the identity changed: the newest of everything is published again, and what left is cleared. */
void desk_fleet_changed(struct desk *desk);

/* Begins to retire the box; and gives it up, or takes note that it failed: the newest of everything is published again.
 */
void desk_retire(struct desk *desk);
void desk_retire_end(struct desk *desk);

/* Hands over what may go now. */
void desk_pump(struct desk *desk, struct instant now);
/* When desk_pump should be called again though nothing happened: CLOCK_MONOTONIC, ms. */
int64_t desk_due_ms(const struct desk *desk);
/* Commits the acknowledgements that are not yet in the ledger. 0, or -1. */
int desk_settle(struct desk *desk);

#endif
