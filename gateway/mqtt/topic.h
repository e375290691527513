/* The topics of design.md 3. Each writes the topic into topic[TOPIC_SIZE] and returns it.
 *
 * It always fits: the settings allow 256 bytes for prefix, district, compound and gateway together, 128 for a lift. */
#ifndef LIFTGW_MQTT_TOPIC_H
#define LIFTGW_MQTT_TOPIC_H

#include "model/identity.h"
#include "model/lift.h"

#define TOPIC_SIZE 640

/* <prefix>/lift/<district>/<compound>/<lift>[/leaf]; leaf NULL: none. */
const char *topic_lift(char topic[TOPIC_SIZE], const struct gateway_identity *gateway, const char *lift,
                       const char *leaf);
/* <prefix>/gateway/<district>/<compound>/<gateway>[/leaf] */
const char *topic_gateway(char topic[TOPIC_SIZE], const struct gateway_identity *gateway, const char *leaf);
/* …/fault/<id> and …/event/<type> of a lift, as leaf. */
const char *topic_event(char topic[TOPIC_SIZE], const struct gateway_identity *gateway, const char *lift,
                        const struct event *event);
/* The <type> of …/event/<type>, "mode_changed"; NULL for EVENT_FAULT. */
const char *topic_event_type(enum event_type type);

#endif
