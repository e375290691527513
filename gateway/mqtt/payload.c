/* `counters`, `meta`, and the gateway's own messages. */
#include "mqtt/payload.h"

#include "base/text.h"
#include "mqtt/members.h"
#include "mqtt/topic.h"

#define MS_PER_HOUR 3600000
#define CENTIHOUR_MS (MS_PER_HOUR / 100)

/* Run hours are kept in milliseconds: a controller counts whole hours, we count hundredths. */
static json_t *total_of(enum item item, const struct counter *counter) {
    if (item != ITEM_RUN_HOURS)
        return json_integer(counter->total);
    if (!counter->derived)
        return json_integer(counter->total / MS_PER_HOUR);
    int64_t hundredths = counter->total / CENTIHOUR_MS;
    return json_real((double)hundredths / 100);
}

static json_t *counter_of(enum item item, const struct counter *counter) {
    if (!counter->known)
        return json_null();
    struct members members = members_create();
    member_put(&members, "value", total_of(item, counter));
    member_text(&members, "source", counter->derived ? "derived" : "device");
    member_time(&members, "since", counter->since_real_ms);
    return members.object;
}

size_t payload_counters(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                        const struct lift_identity *identity, const struct lift *lift, struct instant at) {
    struct members members = members_common(gateway, at, NULL, identity);
    for (int i = 0; i < COUNTER_COUNT; i++) {
        enum item item = (enum item)(ITEM_FIRST_COUNTER + i);
        member_put(&members, item_info(item)->name, counter_of(item, &lift->record.counter[i]));
    }
    json_t *faults = json_object();
    for (int i = 0; i < FAULT_COUNT; i++) {
        uint64_t count = lift->record.fault[i].count;
        if (count > 0)
            json_object_set_new(faults, fault_info((enum fault)i)->id, json_integer((json_int_t)count));
    }
    member_put(&members, "faults_total", faults);
    return members_finish(&members, members_write(&members, payload), "counters", identity->id);
}

static json_t *labels_of(const struct lift_identity *identity) {
    if (identity->label_count == 0)
        return json_null();
    json_t *labels = json_array();
    for (size_t i = 0; i < identity->label_count; i++)
        if (json_array_append_new(labels, json_string(identity->labels[i])) != 0) {
            json_decref(labels);
            return NULL;
        }
    return labels;
}

/* True if every part's profile is: the lift is read by what somebody confirmed on site. */
static bool all_verified(const struct lift_identity *identity) {
    for (size_t i = 0; i < identity->unit_count; i++)
        if (!identity->units[i].verified)
            return false;
    return identity->unit_count > 0;
}

static json_t *units_of(const struct lift_identity *identity) {
    json_t *units = json_array();
    for (size_t i = 0; i < identity->unit_count; i++) {
        struct members unit = members_create();
        member_integer(&unit, "unit", identity->units[i].unit);
        member_text(&unit, "bus", identity->units[i].bus);
        member_text(&unit, "profile", identity->units[i].profile);
        member_bool(&unit, "verified", identity->units[i].verified);
        json_array_append_new(units, unit.object);
        if (unit.bad) {
            json_decref(units);
            return NULL;
        }
    }
    return units;
}

size_t payload_meta(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                    const struct lift_identity *identity, struct instant at) {
    struct members members = members_common(gateway, at, NULL, identity);
    member_gateway_topic(&members, gateway);
    member_text(&members, "name", identity->name);
    member_text(&members, "registration", identity->registration);
    member_text(&members, "rescue_code", identity->rescue_code);
    member_text(&members, "address", identity->address);
    member_put(&members, "labels", labels_of(identity));
    member_put(&members, "floors", identity->floors > 0 ? json_integer(identity->floors) : json_null());
    member_text(&members, "managed_by", identity->managed_by);
    member_text(&members, "manager", identity->manager);
    member_text(&members, "phone", identity->phone);
    member_text(&members, "maintainer", identity->maintainer);
    member_text(&members, "maintainer_phone", identity->maintainer_phone);
    member_put(&members, "units", units_of(identity));
    member_text(&members, "profile", identity->unit_count > 0 ? identity->units[0].profile : NULL);
    member_bool(&members, "verified", all_verified(identity));
    size_t size = members_write(&members, payload);
    if (size == 0 && !members.bad) {
        member_put(&members, "labels", json_null()); /* the rest matters more; `state` names the floor by its label */
        size = members_write(&members, payload);
    }
    return members_finish(&members, size, "meta", identity->id);
}

static json_t *lift_topics(const struct gateway_identity *gateway, const struct payload_status *status) {
    json_t *topics = json_array();
    for (size_t i = 0; i < status->lift_count; i++) {
        char topic[TOPIC_SIZE];
        json_array_append_new(topics, json_string(topic_lift(topic, gateway, status->lifts[i], NULL)));
    }
    return topics;
}

size_t payload_status(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                      const struct payload_status *status, struct instant at) {
    struct members members = members_common(gateway, at, NULL, NULL);
    member_text(&members, "status", status->online ? "online" : "offline");
    member_text(&members, "version", status->version);
    member_text(&members, "config", status->config);
    member_time(&members, "started", status->started_real_ms);
    member_put(&members, "lifts", status->lifts ? lift_topics(gateway, status) : json_null());
    size_t size = members_write(&members, payload);
    if (size == 0 && !members.bad) {
        member_put(&members, "lifts", json_null());
        size = members_write(&members, payload);
    }
    return members_finish(&members, size, "status", gateway->id);
}

size_t payload_gateway(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway, const char *event,
                       struct json_t *body, struct instant at, const struct payload_number *number) {
    struct members members = members_common(gateway, at, number, NULL);
    if (event)
        member_text(&members, "event", event);
    if (!body || json_object_update_missing(members.object, body) != 0)
        members.bad = "body";
    json_decref(body);
    return members_finish(&members, members_write(&members, payload), event ? event : "health", gateway->id);
}
