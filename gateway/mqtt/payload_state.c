/* `state` and `link`: what a lift is like now. */
#include "base/text.h"
#include "mqtt/members.h"

static const enum item state_items[] = {ITEM_SERVICE_MODE, ITEM_CAR,         ITEM_DIRECTION, ITEM_DOOR,
                                        ITEM_DOOR_ZONE,    ITEM_FLOOR,       ITEM_OCCUPIED,  ITEM_OVERLOAD,
                                        ITEM_SPEED_MM_S,   ITEM_LOAD_PERCENT};

static void put_item(struct members *members, enum item item, struct value value) {
    switch (item_info(item)->kind) {
    case KIND_WORD:
        member_word(members, item_info(item)->name, item, value);
        break;
    case KIND_BOOL:
        member_yes_no(members, item_info(item)->name, value);
        break;
    case KIND_NUMBER:
    case KIND_COUNTER:
        member_number(members, item_info(item)->name, value);
        break;
    }
}

/* How much is said of each fault. */
enum detail { DETAIL_WHICH, DETAIL_CODE, DETAIL_ALL };

static json_t *active_faults(const struct gateway_identity *gateway, const struct lift *lift, enum detail detail) {
    json_t *faults = json_array();
    for (int i = 0; i < FAULT_COUNT; i++) {
        enum fault fault = (enum fault)i;
        const struct fault_record *record = &lift->record.fault[fault];
        if (!record->active)
            continue;
        const char *code = gateway->codes && detail >= DETAIL_CODE ? gateway->codes->fault[fault] : "";
        bool numbered = record->seq > 0 && detail >= DETAIL_CODE;
        struct members members = members_create();
        member_text(&members, "fault", fault_info(fault)->id);
        member_time(&members, "since", detail == DETAIL_ALL ? record->raised_real_ms : 0);
        member_text(&members, "severity", severity_name(record->severity));
        member_bool(&members, "alarm", record->suppressed == SUPPRESSED_NOT);
        member_text(&members, "code", code[0] ? code : NULL);
        member_put(&members, "seq", numbered ? json_integer((json_int_t)record->seq) : json_null());
        json_array_append_new(faults, members.object);
    }
    return faults;
}

/* Nearly every fault there is, at once, may be too much: which they are matters more than since when, that more than
 * what `meta` says too, and that more than what each `fault` says too. */
static size_t write_state(struct members *members, char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                          const struct lift *lift) {
    size_t size = members_write(members, payload);
    if (size == 0 && !members->bad) {
        member_put(members, "faults", active_faults(gateway, lift, DETAIL_CODE));
        size = members_write(members, payload);
    }
    if (size == 0 && !members->bad) {
        member_put(members, "name", json_null());
        member_put(members, "rescue_code", json_null());
        size = members_write(members, payload);
    }
    if (size == 0 && !members->bad) {
        member_put(members, "faults", active_faults(gateway, lift, DETAIL_WHICH));
        size = members_write(members, payload);
    }
    return size;
}

size_t payload_state(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                     const struct lift_identity *identity, const struct lift *lift, struct instant at,
                     int valid_for_s) {
    struct members members = members_common(gateway, at, NULL, identity);
    bool online = lift->link == LINK_ONLINE;
    member_gateway_topic(&members, gateway);
    member_text(&members, "link", link_name(lift->link));
    for (size_t i = 0; i < COUNT_OF(state_items); i++) {
        struct value value = online ? lift->item[state_items[i]] : VALUE_UNKNOWN;
        put_item(&members, state_items[i], value);
        if (state_items[i] == ITEM_FLOOR)
            member_floor_label(&members, identity, value);
        if (state_items[i] == ITEM_OVERLOAD)
            member_put(&members, "blocked", online ? json_boolean(lift_blocked(lift)) : json_null());
    }
    member_put(&members, "faults", active_faults(gateway, lift, DETAIL_ALL));
    member_who(&members, identity);
    member_put(&members, "valid_for_s", valid_for_s > 0 ? json_integer(valid_for_s) : json_null());
    size_t size = write_state(&members, payload, gateway, lift);
    return members_finish(&members, size, "state", identity->id);
}

size_t payload_link(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                    const struct lift_identity *identity, const struct lift *lift, const int reach[],
                    struct instant at) {
    struct members members = members_common(gateway, at, NULL, identity);
    member_gateway_topic(&members, gateway);
    member_text(&members, "link", link_name(lift->link));
    member_time(&members, "since", lift->link_since_real_ms);
    member_text(&members, "reason", link_reason_name(lift->link_reason));
    json_t *units = json_array();
    for (size_t i = 0; i < identity->unit_count && i < LIFT_PARTS; i++) {
        struct members unit = members_create();
        member_integer(&unit, "unit", identity->units[i].unit);
        member_text(&unit, "profile", identity->units[i].profile);
        member_text(&unit, "link", link_name(lift->part_link[i]));
        member_put(&unit, "reach", reach[i] >= 0 ? json_integer(reach[i]) : json_null());
        if (unit.bad)
            members.bad = "units";
        json_array_append_new(units, unit.object);
    }
    member_put(&members, "units", units);
    return members_finish(&members, members_write(&members, payload), "link", identity->id);
}
