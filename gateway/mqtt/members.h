/* The members of a payload, one function for each kind of value. For payload*.c only. */
#ifndef LIFTGW_MQTT_MEMBERS_H
#define LIFTGW_MQTT_MEMBERS_H

#include "mqtt/payload.h"

#include <jansson.h>

/* An object that is being filled; bad is the first key whose value could not be made. */
struct members {
    json_t *object;
    const char *bad;
};

struct members members_create(void);
/* Takes value over; NULL is a value that could not be made. */
void member_put(struct members *members, const char *key, json_t *value);
void member_text(struct members *members, const char *key, const char *text); /* NULL: null */
void member_bool(struct members *members, const char *key, bool value);
void member_integer(struct members *members, const char *key, int64_t number);
void member_time(struct members *members, const char *key, int64_t real_ms); /* 0: null */
void member_number(struct members *members, const char *key, struct value value);
void member_word(struct members *members, const char *key, enum item item, struct value value);
void member_yes_no(struct members *members, const char *key, struct value value);
void member_floor_label(struct members *members, const struct lift_identity *lift, struct value floor);

/* What every message begins with: v, gateway, time, clock; then series, seq, n unless number is NULL; then lift unless
 * that is NULL. */
struct members members_common(const struct gateway_identity *gateway, struct instant at,
                              const struct payload_number *number, const struct lift_identity *lift);
void member_gateway_topic(struct members *members, const struct gateway_identity *gateway);
void member_who(struct members *members, const struct lift_identity *lift); /* name, rescue_code */

/* Writes the object as payload and returns its length; 0 if it does not fit. The object stays. */
size_t members_write(const struct members *members, char payload[PAYLOAD_SIZE]);
/* Frees the object; size 0 is logged, with what it was and of whom. Returns size. */
size_t members_finish(struct members *members, size_t size, const char *what, const char *whose);

#endif
