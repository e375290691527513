#include "mqtt/topic.h"

#include <assert.h>
#include <stdio.h>

static const char *const event_types[EVENT_TYPE_COUNT] = {
    [EVENT_FAULT] = NULL,
    [EVENT_MODE_CHANGED] = "mode_changed",
    [EVENT_PASSENGER_ALARM] = "passenger_alarm",
    [EVENT_OVERLOAD] = "overload",
    [EVENT_COUNTER_RESET] = "counter_reset",
    [EVENT_CONTROLLER_REPLACED] = "controller_replaced",
    [EVENT_FLAPPING] = "flapping",
    [EVENT_DOOR_HELD] = "door_held",
    [EVENT_NO_RIDE] = "no_ride",
    [EVENT_MAINTENANCE] = "maintenance",
    [EVENT_TEST] = "test",
};

const char *topic_event_type(enum event_type type) {
    return event_types[type];
}

static const char *put(char topic[TOPIC_SIZE], const struct gateway_identity *gateway, const char *kind, const char *id,
                       const char *leaf) {
    int size = snprintf(topic, TOPIC_SIZE, "%s/%s/%s/%s/%s%s%s", gateway->prefix, kind, gateway->district,
                        gateway->compound, id, leaf ? "/" : "", leaf ? leaf : "");
    assert(size > 0 && size < TOPIC_SIZE);
    (void)size;
    return topic;
}

const char *topic_lift(char topic[TOPIC_SIZE], const struct gateway_identity *gateway, const char *lift,
                       const char *leaf) {
    return put(topic, gateway, "lift", lift, leaf);
}

const char *topic_gateway(char topic[TOPIC_SIZE], const struct gateway_identity *gateway, const char *leaf) {
    return put(topic, gateway, "gateway", gateway->id, leaf);
}

const char *topic_event(char topic[TOPIC_SIZE], const struct gateway_identity *gateway, const char *lift,
                        const struct event *event) {
    char leaf[64];
    if (event->type == EVENT_FAULT)
        snprintf(leaf, sizeof leaf, "fault/%s", fault_info(event->fault.fault)->id);
    else
        snprintf(leaf, sizeof leaf, "event/%s", event_types[event->type]);
    return topic_lift(topic, gateway, lift, leaf);
}
