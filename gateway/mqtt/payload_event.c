/* `fault` and the other events of a lift. */
#include "mqtt/members.h"
#include "mqtt/topic.h"

#define MS_PER_HOUR 3600000

static const char *const clear_reasons[] = {
    [CLEAR_NONE] = NULL,
    [CLEAR_GONE] = "gone",
    [CLEAR_SUPERSEDED] = "superseded",
    [CLEAR_INSPECTION] = "inspection",
    [CLEAR_REMOVED] = "removed",
};
static const char *const suppressions[] = {
    [SUPPRESSED_NOT] = NULL,
    [SUPPRESSED_INSPECTION] = "inspection",
    [SUPPRESSED_MAINTENANCE] = "maintenance",
};
static const char *const confidences[] = {
    [CONFIDENCE_NONE] = NULL,
    [CONFIDENCE_SUSPECTED] = "suspected",
    [CONFIDENCE_CONFIRMED] = "confirmed",
};
static const struct {
    const char *english, *chinese;
} mode_texts[] = {
    [MODE_OUT_OF_SERVICE] = {"out of service", "停止服务"},
    [MODE_NORMAL] = {"normal service", "正常运行"},
    [MODE_INSPECTION] = {"inspection", "检修"},
    [MODE_FIRE_RETURN] = {"fire return", "消防返回"},
    [MODE_FIREFIGHTER] = {"firefighter service", "消防员运行"},
    [MODE_EMERGENCY_POWER] = {"emergency power", "应急电源运行"},
    [MODE_EARTHQUAKE] = {"earthquake", "地震模式"},
};

/* A code of the city's table goes only with the table's name (domain.md 1). */
static void put_code(struct members *members, const struct gateway_identity *gateway, const char *code) {
    member_text(members, "code", code && code[0] ? code : NULL);
    member_text(members, "code_system", gateway->codes ? gateway->codes->name : NULL);
}

static const char *in_language(const struct gateway_identity *gateway, const char *english, const char *chinese) {
    const char *wanted = gateway->chinese ? chinese : english;
    const char *other = gateway->chinese ? english : chinese;
    return wanted ? wanted : other;
}

/* Where the fault was seen, in the vendor's terms. A fault that no register says stands nowhere: table 0. */
static json_t *raw_of(const struct gateway_identity *gateway, const struct lift_identity *lift,
                      const struct fault_event *fault) {
    struct members raw = members_create();
    const struct unit_identity *unit = fault->raw.part < lift->unit_count ? &lift->units[fault->raw.part] : NULL;
    bool seen = fault->raw.table != 0;
    member_text(&raw, "profile", unit ? unit->profile : NULL);
    member_put(&raw, "unit", unit ? json_integer(unit->unit) : json_null());
    member_text(&raw, "table", seen ? table_name((enum table)fault->raw.table) : NULL);
    member_put(&raw, "address", seen && fault->raw.address >= 0 ? json_integer(fault->raw.address) : json_null());
    member_put(&raw, "bit", seen && fault->raw.bit >= 0 ? json_integer(fault->raw.bit) : json_null());
    member_put(&raw, "value", seen ? json_integer(fault->raw.value) : json_null());
    if (fault->raw.code_text[0])
        member_text(&raw, "code", fault->raw.code_text);
    else
        member_put(&raw, "code", fault->raw.code >= 0 ? json_integer(fault->raw.code) : json_null());
    member_text(&raw, "text", in_language(gateway, fault->raw.english, fault->raw.chinese));
    if (!raw.bad)
        return raw.object;
    json_decref(raw.object);
    return NULL;
}

static void put_fault(struct members *members, const struct gateway_identity *gateway, const struct lift_identity *lift,
                      const struct fault_event *fault) {
    const struct fault_info *info = fault_info(fault->fault);
    member_text(members, "event", fault->raised ? "raised" : "cleared");
    member_text(members, "fault", info->id);
    member_text(members, "severity", severity_name(fault->severity));
    member_text(members, "entrapment", trapping_name(fault->entrapment));
    member_text(members, "confidence", confidences[fault->confidence]);
    member_bool(members, "alarm", fault->suppressed == SUPPRESSED_NOT);
    member_text(members, "suppressed", suppressions[fault->suppressed]);
    member_text(members, "text", in_language(gateway, info->english, info->chinese));
    put_code(members, gateway, gateway->codes ? gateway->codes->fault[fault->fault] : NULL);
    member_put(members, "bacnet", info->bacnet >= 0 ? json_integer(info->bacnet) : json_null());
    member_put(members, "raw", raw_of(gateway, lift, fault));
    member_integer(members, "count", (int64_t)fault->count);
    member_number(members, "floor", fault->floor);
    member_floor_label(members, lift, fault->floor);
    member_number(members, "rides_total", fault->rides_total);
    member_word(members, "service_mode", ITEM_SERVICE_MODE, fault->service_mode);
    member_text(members, "name", lift->name);
    member_text(members, "registration", lift->registration);
    member_text(members, "rescue_code", lift->rescue_code);
    member_bool(members, "at_start", fault->at_start);
    member_bool(members, "after_gap", fault->after_gap);
    member_time(members, "not_before", fault->not_before_real_ms);
    member_time(members, "not_after", fault->not_after_real_ms);
    member_bool(members, "flapping", fault->flapping);
    member_time(members, "raised_time", fault->raised_real_ms);
    member_put(members, "duration_s",
               fault->duration_ms >= 0 ? json_real((double)fault->duration_ms / 1000) : json_null());
    member_text(members, "reason", clear_reasons[fault->reason]);
}

static void put_mode(struct members *members, const struct gateway_identity *gateway, const struct event *event) {
    struct value to = event->mode.to;
    member_word(members, "from", ITEM_SERVICE_MODE, event->mode.from);
    member_word(members, "to", ITEM_SERVICE_MODE, to);
    put_code(members, gateway, gateway->codes && to.known ? gateway->codes->mode[to.number] : NULL);
    member_text(members, "text",
                to.known ? in_language(gateway, mode_texts[to.number].english, mode_texts[to.number].chinese) : NULL);
}

static void put_alarm(struct members *members, const struct gateway_identity *gateway, const struct event *event) {
    member_bool(members, "active", event->alarm.active);
    put_code(members, gateway, gateway->codes ? gateway->codes->passenger_alarm : NULL);
    member_text(members, "text", in_language(gateway, "passenger alarm", "乘客报警"));
}

static void put_counter(struct members *members, const struct event *event) {
    int64_t unit = event->counter.counter == ITEM_RUN_HOURS ? MS_PER_HOUR : 1;
    member_text(members, "counter", item_info(event->counter.counter)->name);
    member_integer(members, "was", event->counter.was / unit);
    member_integer(members, "is", event->counter.is / unit);
}

static void put_overload(struct members *members, const struct gateway_identity *gateway, const struct event *event) {
    member_bool(members, "active", event->overload.active);
    member_text(members, "text", in_language(gateway, "overload", "超载"));
}

static void put_flapping(struct members *members, const struct gateway_identity *gateway, const struct event *event) {
    const struct fault_info *info = fault_info(event->flapping.fault);
    member_text(members, "fault", info->id);
    member_text(members, "text", in_language(gateway, info->english, info->chinese));
    member_integer(members, "raises", event->flapping.raises);
    member_integer(members, "per_h", event->flapping.per_h);
}

static void put_lasting(struct members *members, const struct gateway_identity *gateway, const struct event *event) {
    bool door = event->type == EVENT_DOOR_HELD;
    member_time(members, "since", event->lasting.since_real_ms);
    member_put(members, "duration_s", json_real((double)event->lasting.duration_ms / 1000));
    member_text(members, "text",
                door ? in_language(gateway, "door held open", "门长时间未关")
                     : in_language(gateway, "no ride for a long time", "长时间无运行"));
}

static void put_maintenance(struct members *members, const struct gateway_identity *gateway,
                            const struct event *event) {
    bool on = event->maintenance.on;
    member_bool(members, "on", on);
    member_time(members, "until", on ? event->maintenance.until_real_ms : 0);
    member_text(members, "text",
                on ? in_language(gateway, "maintenance begins", "维护开始")
                   : in_language(gateway, "maintenance has ended", "维护结束"));
}

static void put_test(struct members *members, const struct gateway_identity *gateway, const struct event *event) {
    member_bool(members, "asked", event->test.asked);
    member_text(members, "text", in_language(gateway, "test of the way to the broker", "通信测试"));
}

size_t payload_event(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                     const struct lift_identity *lift, const struct event *event, const struct payload_number *number) {
    struct members members = members_common(gateway, event->at, number, lift);
    const char *type = topic_event_type(event->type);
    if (type)
        member_text(&members, "event", type);
    switch (event->type) {
    case EVENT_FAULT:
        put_fault(&members, gateway, lift, &event->fault);
        break;
    case EVENT_MODE_CHANGED:
        put_mode(&members, gateway, event);
        break;
    case EVENT_PASSENGER_ALARM:
        put_alarm(&members, gateway, event);
        break;
    case EVENT_OVERLOAD:
        put_overload(&members, gateway, event);
        break;
    case EVENT_COUNTER_RESET:
    case EVENT_CONTROLLER_REPLACED:
        put_counter(&members, event);
        break;
    case EVENT_FLAPPING:
        put_flapping(&members, gateway, event);
        break;
    case EVENT_DOOR_HELD:
    case EVENT_NO_RIDE:
        put_lasting(&members, gateway, event);
        break;
    case EVENT_MAINTENANCE:
        put_maintenance(&members, gateway, event);
        break;
    case EVENT_TEST:
        put_test(&members, gateway, event);
        break;
    case EVENT_TYPE_COUNT:
        break;
    }
    if (type)
        member_who(&members, lift);
    return members_finish(&members, members_write(&members, payload), type ? type : "fault", lift->id);
}
