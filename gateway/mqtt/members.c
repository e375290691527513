#include "mqtt/members.h"

#include "base/log.h"
#include "mqtt/topic.h"

#define REAL_DIGITS 12 /* as many as a double surely keeps, so that 0.1 is written as 0.1 */

struct members members_create(void) {
    return (struct members){.object = json_object()};
}

void member_put(struct members *members, const char *key, json_t *value) {
    if (json_object_set_new_nocheck(members->object, key, value) != 0 && !members->bad)
        members->bad = key;
}

void member_text(struct members *members, const char *key, const char *text) {
    member_put(members, key, text ? json_string(text) : json_null());
}

void member_bool(struct members *members, const char *key, bool value) {
    member_put(members, key, json_boolean(value));
}

void member_integer(struct members *members, const char *key, int64_t number) {
    member_put(members, key, json_integer(number));
}

void member_time(struct members *members, const char *key, int64_t real_ms) {
    char text[CLOCK_TEXT_SIZE];
    member_text(members, key, real_ms != 0 ? clock_text(real_ms, text) : NULL);
}

void member_number(struct members *members, const char *key, struct value value) {
    member_put(members, key, value.known ? json_integer(value.number) : json_null());
}

void member_word(struct members *members, const char *key, enum item item, struct value value) {
    member_text(members, key, item_word_of(item, value));
}

void member_yes_no(struct members *members, const char *key, struct value value) {
    member_put(members, key, value.known ? json_boolean(value.number != 0) : json_null());
}

void member_floor_label(struct members *members, const struct lift_identity *lift, struct value floor) {
    bool labelled = floor.known && floor.number >= 1 && (uint64_t)floor.number <= lift->label_count;
    member_text(members, "floor_label", labelled ? lift->labels[floor.number - 1] : NULL);
}

struct members members_common(const struct gateway_identity *gateway, struct instant at,
                              const struct payload_number *number, const struct lift_identity *lift) {
    struct members members = members_create();
    char time[CLOCK_TEXT_SIZE];
    member_integer(&members, "v", 1);
    member_text(&members, "gateway", gateway->id);
    member_text(&members, "time", clock_text(at.real_ms, time));
    member_text(&members, "clock", at.synced ? "synced" : "unsynced");
    if (number) {
        member_text(&members, "series", number->series);
        member_integer(&members, "seq", (int64_t)number->seq);
        member_integer(&members, "n", (int64_t)number->n);
    }
    if (lift)
        member_text(&members, "lift", lift->id);
    return members;
}

void member_gateway_topic(struct members *members, const struct gateway_identity *gateway) {
    char topic[TOPIC_SIZE];
    member_text(members, "gateway_topic", topic_gateway(topic, gateway, NULL));
}

void member_who(struct members *members, const struct lift_identity *lift) {
    member_text(members, "name", lift->name);
    member_text(members, "rescue_code", lift->rescue_code);
}

size_t members_write(const struct members *members, char payload[PAYLOAD_SIZE]) {
    if (members->bad)
        return 0;
    size_t size = json_dumpb(members->object, payload, PAYLOAD_SIZE, JSON_COMPACT | JSON_REAL_PRECISION(REAL_DIGITS));
    if (size >= PAYLOAD_SIZE)
        return 0;
    payload[size] = '\0';
    return size;
}

size_t members_finish(struct members *members, size_t size, const char *what, const char *whose) {
    if (members->bad)
        log_error("no %s message for %s: its %s is no valid UTF-8", what, whose, members->bad);
    else if (size == 0)
        log_error("no %s message for %s: it would be longer than %d bytes; shorten its texts", what, whose,
                  PAYLOAD_SIZE - 1);
    json_decref(members->object);
    return size;
}
