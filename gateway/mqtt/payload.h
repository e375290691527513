/* The payloads of design.md 3: one JSON object, UTF-8, one line, at most 4 KiB, every key present.
 *
 * Each writes into payload[PAYLOAD_SIZE] and returns its length; 0 if it did not fit or a text was no UTF-8, after
 * logging which. */
#ifndef LIFTGW_MQTT_PAYLOAD_H
#define LIFTGW_MQTT_PAYLOAD_H

#include "model/identity.h"
#include "model/lift.h"
#include "model/report.h"

#define PAYLOAD_SIZE 4096

struct payload_number {
    const char *series;
    uint64_t seq, n;
};

/* `fault` and the lift's `event` messages. */
size_t payload_event(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                     const struct lift_identity *lift, const struct event *event, const struct payload_number *number);
/* `state`; valid_for_s is three intervals, 0: sent on change only, so no age makes it untrue (null). */
size_t payload_state(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                     const struct lift_identity *identity, const struct lift *lift, struct instant at, int valid_for_s);
/* `link`; reach by part, -1 unknown. */
size_t payload_link(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                    const struct lift_identity *identity, const struct lift *lift, const int reach[],
                    struct instant at);
size_t payload_counters(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                        const struct lift_identity *identity, const struct lift *lift, struct instant at);
/* `meta`; without labels when they are too many for 4 KiB. */
size_t payload_meta(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                    const struct lift_identity *identity, struct instant at);

/* `report/day` and `report/month`; without floors when they are too many for 4 KiB. */
size_t payload_report(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                      const struct lift_identity *lift, const struct report *report, struct instant at,
                      const struct payload_number *number);

/* Gateway `status`. lifts is null in the message when their topics are too many for 4 KiB. */
struct payload_status {
    bool online;
    const char *version, *config; /* config: its hash */
    int64_t started_real_ms;
    const char *const *lifts; /* ids; NULL: null in the message */
    size_t lift_count;
};
size_t payload_status(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                      const struct payload_status *status, struct instant at);

/* Gateway events, and `health`: body is a JSON object with what is special to them, merged into the common keys.
 * number NULL: none (health). event NULL: health. The body is taken over and freed; NULL is a body that could not be
 * made. */
struct json_t;
size_t payload_gateway(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway, const char *event,
                       struct json_t *body, struct instant at, const struct payload_number *number);

#endif
