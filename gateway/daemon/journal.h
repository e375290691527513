/* What must not be lost: the lift and the messages that tell of its change, in one transaction of the ledger. */
#ifndef LIFTGW_DAEMON_JOURNAL_H
#define LIFTGW_DAEMON_JOURNAL_H

#include "model/identity.h"
#include "model/lift.h"
#include "model/period.h"
#include "model/trail.h"
#include "mqtt/payload.h"
#include "store/ledger.h"

struct journal {
    struct ledger *ledger;
    const struct gateway_identity *gateway;
    uint64_t in_flight; /* the highest seq that was handed to the publisher: never dropped at the bound */
    uint64_t refused;   /* messages that the broker said it would never take, since the start */
    uint64_t dropped;   /* messages that went at the bound, since the start */
    uint64_t dropping;  /* the same in the open transaction */
};

/* A transaction: begin, any number of the two that follow, end. 0, or -1; then only end may follow. */
int journal_begin(struct journal *journal);
/* Adds the message that tells of an event of the lift; beside a raise the minute before it, from trail. */
int journal_event(struct journal *journal, const struct lift_identity *identity, struct lift *lift,
                  const struct trail *trail, const struct event *event);
/* The ledger's fact that says when the lift's way to the broker was last tested, in ms of the wall clock, so that a
 * test is not due before its time whatever restarts; and how it is written. */
#define JOURNAL_TESTED_SIZE 192
const char *journal_tested_name(char name[JOURNAL_TESTED_SIZE], const char *lift);
int journal_tested(struct journal *journal, const char *lift, int64_t real_ms);
/* Adds the changed rows of the lift's record, and its open day. */
int journal_lift(struct journal *journal, const struct lift_identity *identity, const struct lift *lift,
                 const struct report *day);
/* Commits if result is 0, else undoes everything. 0, or -1 with nothing written: it may be tried again. */
int journal_end(struct journal *journal, int result);

/* Commits the reports of periods that ended with the lift's open day and month. 0, or -1 with nothing written. */
int journal_reports(struct journal *journal, const struct lift_identity *identity, const struct ended_reports *ended,
                    const struct report *day, const struct report *month, struct instant at);

/* Commits an event of the gateway. details: a JSON object, taken over. 0, or -1. */
int journal_gateway(struct journal *journal, const char *event, struct json_t *details, struct instant at);

/* Commits `ledger_replaced` if that is owed: whatever else follows in the new series, this comes first. 0, or -1. */
int journal_replaced(struct journal *journal, struct instant at);

/* Commits that the broker acknowledged messages; those with refused set it will never take: a `gap` says so. */
struct acknowledged {
    uint64_t seq;
    int64_t sent_real_ms, real_ms;
    bool refused;
};
int journal_done(struct journal *journal, const struct acknowledged *messages, size_t count);

/* Makes known that the broker may hold these topics of owner for us. 0, or -1. */
int journal_retained(struct journal *journal, const char *owner, const char *const topics[], size_t count);

#endif
