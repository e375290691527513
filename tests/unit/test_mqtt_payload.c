/* What stands in the messages: the keys of config/schema, all of them, in words that an operator relies on. */
#include "mqtt/payload.h"

#include "base/text.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define AT_MS INT64_C(1795458600123)
#define AT_TEXT "2026-11-23T18:30:00.123Z"

static struct code_table codes;
static const struct gateway_identity chinese = {
    .id = "B12-2", .prefix = "yancheng", .district = "tinghu", .compound = "wanhu", .chinese = true, .codes = &codes};
static const struct gateway_identity english = {
    .id = "B12-2", .prefix = "yancheng", .district = "tinghu", .compound = "wanhu", .codes = &codes};
static const char *const labels[] = {"-1", "1", "2"};
static const struct unit_identity units[] = {{.unit = 1, .bus = "shaft", .profile = "generic-ba", .verified = true},
                                             {.unit = 10, .bus = "shaft", .profile = "dio-8"}};
static const struct lift_identity identity = {.id = "L-1",
                                              .name = "万户新村 12 幢",
                                              .registration = "31103209022021000178",
                                              .rescue_code = "012345",
                                              .labels = labels,
                                              .label_count = 3,
                                              .floors = 3,
                                              .units = units,
                                              .unit_count = 2};
static const struct lift_identity bare = {.id = "L-2", .units = units, .unit_count = 1};
static const struct payload_number number = {.series = "6f2c91d0", .seq = 1842, .n = 34};
static const struct instant at = {.real_ms = AT_MS, .synced = true};

static int setup(void **state) {
    (void)state;
    strcpy(codes.name, "gbt24476-2017");
    strcpy(codes.fault[FAULT_DOOR_OPEN_FAULT], "03");
    strcpy(codes.mode[MODE_INSPECTION], "43");
    strcpy(codes.passenger_alarm, "90");
    return 0;
}

static json_t *parse(const char *payload, size_t size) {
    assert_true(size > 0 && size < PAYLOAD_SIZE);
    assert_int_equal(strlen(payload), size);
    assert_null(strchr(payload, '\n'));
    json_t *object = json_loads(payload, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

static json_t *schema_of(const char *name) {
    char path[512];
    snprintf(path, sizeof path, "%s/config/schema/%s.json", SOURCE_DIR, name);
    json_t *schema = json_load_file(path, 0, NULL);
    assert_non_null(schema);
    return schema;
}

/* Exactly the keys that the schema requires, in its order; with_more: and then others (those of one event type). */
static void assert_keys(const json_t *object, const json_t *schema, bool with_more) {
    const json_t *required = json_object_get(schema, "required");
    size_t i = 0;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value) {
        if (with_more)
            continue;
        assert_true(i < json_array_size(required));
        assert_string_equal(key, json_string_value(json_array_get(required, i++)));
    }
    for (i = 0; i < json_array_size(required); i++)
        assert_non_null(json_object_get(object, json_string_value(json_array_get(required, i))));
}

static void assert_schema_keys(const json_t *object, const char *name, bool with_more) {
    json_t *schema = schema_of(name);
    assert_keys(object, schema, with_more);
    json_decref(schema);
}

static const char *text_at(const json_t *object, const char *key) {
    const json_t *value = json_object_get(object, key);
    assert_true(json_is_string(value));
    return json_string_value(value);
}

static void assert_null_at(const json_t *object, const char *key) {
    assert_true(json_is_null(json_object_get(object, key)));
}

static struct event door_fault(void) {
    return (struct event){
        .type = EVENT_FAULT,
        .at = at,
        .fault = {.fault = FAULT_DOOR_OPEN_FAULT,
                  .raised = true,
                  .severity = SEVERITY_MAJOR,
                  .entrapment = TRAPPING_POSSIBLE,
                  .raw = {.part = 0, .table = TABLE_HOLDING, .address = 0x41, .bit = 6, .value = 1, .code = -1},
                  .count = 7,
                  .floor = VALUE(1),
                  .service_mode = VALUE(MODE_NORMAL),
                  .rides_total = VALUE(83120),
                  .raised_real_ms = AT_MS,
                  .duration_ms = -1}};
}

static json_t *event_json(const struct gateway_identity *gateway, const struct lift_identity *lift,
                          const struct event *event) {
    char payload[PAYLOAD_SIZE];
    size_t size = payload_event(payload, gateway, lift, event, &number);
    return parse(payload, size);
}

static void test_a_fault_raised(void **state) {
    (void)state;
    struct event event = door_fault();
    json_t *object = event_json(&chinese, &identity, &event);
    assert_schema_keys(object, "fault", false);
    assert_int_equal(json_integer_value(json_object_get(object, "v")), 1);
    assert_string_equal(text_at(object, "gateway"), "B12-2");
    assert_string_equal(text_at(object, "time"), AT_TEXT);
    assert_string_equal(text_at(object, "clock"), "synced");
    assert_string_equal(text_at(object, "series"), "6f2c91d0");
    assert_int_equal(json_integer_value(json_object_get(object, "seq")), 1842);
    assert_int_equal(json_integer_value(json_object_get(object, "n")), 34);
    assert_string_equal(text_at(object, "lift"), "L-1");
    assert_string_equal(text_at(object, "event"), "raised");
    assert_string_equal(text_at(object, "fault"), "door_open_fault");
    assert_string_equal(text_at(object, "severity"), "major");
    assert_string_equal(text_at(object, "entrapment"), "possible");
    assert_null_at(object, "confidence");
    assert_true(json_is_true(json_object_get(object, "alarm")));
    assert_null_at(object, "suppressed");
    assert_string_equal(text_at(object, "text"), "开门故障");
    assert_string_equal(text_at(object, "code"), "03");
    assert_string_equal(text_at(object, "code_system"), "gbt24476-2017");
    assert_int_equal(json_integer_value(json_object_get(object, "bacnet")), 7);
    assert_string_equal(text_at(object, "floor_label"), "-1");
    assert_string_equal(text_at(object, "service_mode"), "normal");
    assert_string_equal(text_at(object, "name"), "万户新村 12 幢");
    assert_string_equal(text_at(object, "raised_time"), AT_TEXT);
    assert_null_at(object, "not_before");
    assert_null_at(object, "duration_s");
    assert_null_at(object, "reason");
    const json_t *raw = json_object_get(object, "raw");
    assert_string_equal(text_at(raw, "profile"), "generic-ba");
    assert_int_equal(json_integer_value(json_object_get(raw, "unit")), 1);
    assert_string_equal(text_at(raw, "table"), "holding");
    assert_int_equal(json_integer_value(json_object_get(raw, "address")), 0x41);
    assert_int_equal(json_integer_value(json_object_get(raw, "bit")), 6);
    assert_null_at(raw, "code");
    assert_null_at(raw, "text");
    json_decref(object);
}

static void test_a_fault_cleared(void **state) {
    (void)state;
    struct event event = door_fault();
    event.fault.raised = false;
    event.fault.duration_ms = 61500;
    event.fault.suppressed = SUPPRESSED_INSPECTION;
    event.fault.reason = CLEAR_SUPERSEDED;
    event.fault.not_before_real_ms = AT_MS;
    json_t *object = event_json(&english, &identity, &event);
    assert_schema_keys(object, "fault", false);
    assert_string_equal(text_at(object, "event"), "cleared");
    assert_true(json_is_false(json_object_get(object, "alarm")));
    assert_string_equal(text_at(object, "suppressed"), "inspection");
    assert_string_equal(text_at(object, "text"), "door opening fault");
    assert_string_equal(text_at(object, "not_before"), AT_TEXT);
    assert_string_equal(text_at(object, "reason"), "superseded");
    assert_true(json_number_value(json_object_get(object, "duration_s")) == 61.5);
    json_decref(object);
}

/* The raw code is the vendor's own notation, else its number; its words are in the gateway's language, else the other.
 */
static void test_a_vendor_code(void **state) {
    (void)state;
    struct event event = door_fault();
    event.fault.fault = FAULT_OTHER;
    event.fault.raw.bit = -1;
    event.fault.raw.value = 41;
    event.fault.raw.code = 41;
    strcpy(event.fault.raw.code_text, "E41");
    event.fault.raw.chinese = "安全回路";
    json_t *object = event_json(&english, &bare, &event);
    json_t *raw = json_object_get(object, "raw");
    assert_string_equal(text_at(raw, "code"), "E41");
    assert_string_equal(text_at(raw, "text"), "安全回路");
    assert_null_at(raw, "bit");
    assert_null_at(object, "code"); /* the city has none for it, */
    assert_string_equal(text_at(object, "code_system"), "gbt24476-2017");
    assert_null_at(object, "floor_label"); /* and this lift no labels */
    assert_null_at(object, "name");
    json_decref(object);
    event.fault.raw.code_text[0] = '\0';
    object = event_json(&english, &bare, &event);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "raw"), "code")), 41);
    json_decref(object);
}

/* An entrapment that the rules found stands in no register. */
static void test_an_entrapment_without_a_register(void **state) {
    (void)state;
    struct event event = door_fault();
    event.fault.fault = FAULT_ENTRAPMENT;
    event.fault.confidence = CONFIDENCE_SUSPECTED;
    memset(&event.fault.raw, 0, sizeof event.fault.raw);
    event.fault.raw.address = event.fault.raw.bit = -1;
    event.fault.raw.code = -1;
    json_t *object = event_json(&chinese, &identity, &event);
    json_t *raw = json_object_get(object, "raw");
    assert_string_equal(text_at(object, "confidence"), "suspected");
    assert_null_at(object, "bacnet");
    assert_null_at(raw, "table");
    assert_null_at(raw, "address");
    assert_null_at(raw, "value");
    json_decref(object);
}

static void test_floor_labels(void **state) {
    (void)state;
    static const struct {
        struct value floor;
        const char *label;
    } cases[] = {{VALUE(1), "-1"},  {VALUE(3), "2"},          {VALUE(0), NULL},         {VALUE(4), NULL},
                 {VALUE(-1), NULL}, {{.known = false}, NULL}, {VALUE(INT64_MAX), NULL}, {VALUE(INT64_MIN), NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct event event = door_fault();
        event.fault.floor = cases[i].floor;
        json_t *object = event_json(&chinese, &identity, &event);
        if (cases[i].label)
            assert_string_equal(text_at(object, "floor_label"), cases[i].label);
        else
            assert_null_at(object, "floor_label");
        json_decref(object);
    }
}

static void test_other_events(void **state) {
    (void)state;
    struct event mode = {
        .type = EVENT_MODE_CHANGED, .at = at, .mode = {.from = VALUE_UNKNOWN, .to = VALUE(MODE_INSPECTION)}};
    json_t *object = event_json(&chinese, &identity, &mode);
    assert_schema_keys(object, "event", true);
    assert_string_equal(text_at(object, "event"), "mode_changed");
    assert_null_at(object, "from");
    assert_string_equal(text_at(object, "to"), "inspection");
    assert_string_equal(text_at(object, "code"), "43");
    assert_string_equal(text_at(object, "text"), "检修");
    json_decref(object);

    struct event alarm = {.type = EVENT_PASSENGER_ALARM, .at = at, .alarm = {.active = true}};
    object = event_json(&english, &identity, &alarm);
    assert_schema_keys(object, "event", true);
    assert_string_equal(text_at(object, "code"), "90");
    assert_string_equal(text_at(object, "rescue_code"), "012345");
    json_decref(object);

    struct event reset = {.type = EVENT_COUNTER_RESET,
                          .at = at,
                          .counter = {.counter = ITEM_RUN_HOURS, .was = INT64_C(3600000) * 5000, .is = 0}};
    object = event_json(&english, &identity, &reset);
    assert_schema_keys(object, "event", true);
    assert_string_equal(text_at(object, "counter"), "run_hours");
    assert_int_equal(json_integer_value(json_object_get(object, "was")), 5000);
    json_decref(object);
}

/* Each as the schema wants it; the values that matter to a reader as text. */
static void test_events_of_rules(void **state) {
    (void)state;
    const struct {
        struct event event;
        const char *expected;
    } cases[] = {
        {{.type = EVENT_OVERLOAD, .overload = {.active = true}}, "{\"active\": true, \"text\": \"超载\"}"},
        {{.type = EVENT_OVERLOAD, .overload = {.active = false}}, "{\"active\": false, \"text\": \"超载\"}"},
        {{.type = EVENT_FLAPPING, .flapping = {.fault = FAULT_DOOR_OPEN_FAULT, .raises = 13, .per_h = 12}},
         "{\"fault\": \"door_open_fault\", \"text\": \"开门故障\", \"raises\": 13, \"per_h\": 12}"},
        {{.type = EVENT_DOOR_HELD, .lasting = {.since_real_ms = AT_MS, .duration_ms = 600500}},
         "{\"since\": \"" AT_TEXT "\", \"duration_s\": 600.5, \"text\": \"门长时间未关\"}"},
        {{.type = EVENT_NO_RIDE, .lasting = {.since_real_ms = AT_MS, .duration_ms = 86400000}},
         "{\"since\": \"" AT_TEXT "\", \"duration_s\": 86400.0, \"text\": \"长时间无运行\"}"},
        {{.type = EVENT_MAINTENANCE, .maintenance = {.on = true, .until_real_ms = AT_MS}},
         "{\"on\": true, \"until\": \"" AT_TEXT "\", \"text\": \"维护开始\"}"},
        {{.type = EVENT_MAINTENANCE, .maintenance = {.on = false}},
         "{\"on\": false, \"until\": null, \"text\": \"维护结束\"}"},
        {{.type = EVENT_TEST, .test = {.asked = true}}, "{\"asked\": true, \"text\": \"通信测试\"}"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct event event = cases[i].event;
        event.at = at;
        json_t *object = event_json(&chinese, &identity, &event);
        assert_schema_keys(object, "event", true);
        json_t *expected = json_loads(cases[i].expected, 0, NULL);
        assert_non_null(expected);
        const char *key;
        json_t *value;
        json_object_foreach(expected, key, value) {
            assert_true(json_equal(json_object_get(object, key), value));
        }
        json_decref(expected);
        json_decref(object);
    }
}

static struct lift online_lift(void) {
    struct lift lift = {.link = LINK_ONLINE, .part_count = 1, .part_link = {LINK_ONLINE}, .link_since_real_ms = AT_MS};
    lift.item[ITEM_SERVICE_MODE] = VALUE(MODE_NORMAL);
    lift.item[ITEM_CAR] = VALUE(CAR_RUNNING);
    lift.item[ITEM_DIRECTION] = VALUE(DIRECTION_UP);
    lift.item[ITEM_DOOR] = VALUE(DOOR_CLOSED);
    lift.item[ITEM_DOOR_ZONE] = VALUE(0);
    lift.item[ITEM_FLOOR] = VALUE(2);
    lift.item[ITEM_OCCUPIED] = VALUE(1);
    lift.item[ITEM_SPEED_MM_S] = VALUE(-1600);
    return lift;
}

static void raise(struct lift *lift, enum fault fault) {
    lift->record.fault[fault] = (struct fault_record){.active = true,
                                                      .severity = SEVERITY_CRITICAL,
                                                      .suppressed = SUPPRESSED_MAINTENANCE,
                                                      .raised_real_ms = AT_MS,
                                                      .count = 3,
                                                      .seq = 17};
}

static json_t *state_json(const struct lift *lift, int valid_for_s) {
    char payload[PAYLOAD_SIZE];
    size_t size = payload_state(payload, &chinese, &identity, lift, at, valid_for_s);
    return parse(payload, size);
}

static void test_state_of_a_lift_online(void **state) {
    (void)state;
    struct lift lift = online_lift();
    raise(&lift, FAULT_DOOR_OPEN_FAULT);
    json_t *object = state_json(&lift, 180);
    assert_schema_keys(object, "state", false);
    assert_string_equal(text_at(object, "gateway_topic"), "yancheng/gateway/tinghu/wanhu/B12-2");
    assert_string_equal(text_at(object, "link"), "online");
    assert_string_equal(text_at(object, "car"), "running");
    assert_string_equal(text_at(object, "direction"), "up");
    assert_true(json_is_false(json_object_get(object, "door_zone")));
    assert_string_equal(text_at(object, "floor_label"), "1");
    assert_true(json_is_true(json_object_get(object, "occupied")));
    assert_null_at(object, "overload"); /* unknown is null, not false */
    assert_null_at(object, "load_percent");
    assert_int_equal(json_integer_value(json_object_get(object, "speed_mm_s")), -1600);
    assert_int_equal(json_integer_value(json_object_get(object, "valid_for_s")), 180);
    const json_t *faults = json_object_get(object, "faults");
    assert_int_equal(json_array_size(faults), 1);
    const json_t *fault = json_array_get(faults, 0);
    assert_string_equal(text_at(fault, "fault"), "door_open_fault");
    assert_string_equal(text_at(fault, "since"), AT_TEXT);
    assert_string_equal(text_at(fault, "severity"), "critical");
    assert_true(json_is_false(json_object_get(fault, "alarm")));
    assert_string_equal(text_at(fault, "code"), "03");
    assert_int_equal(json_integer_value(json_object_get(fault, "seq")), 17);
    json_decref(object);
}

/* Old values are not shown as new. */
static void test_state_of_a_silent_lift(void **state) {
    (void)state;
    static const enum link links[] = {LINK_OFFLINE, LINK_STALLED, LINK_UNKNOWN};
    static const char *const gone[] = {"service_mode", "car",     "direction",   "door",
                                       "door_zone",    "floor",   "floor_label", "occupied",
                                       "overload",     "blocked", "speed_mm_s",  "load_percent"};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++) {
        struct lift lift = online_lift();
        raise(&lift, FAULT_OVERSPEED);
        lift.link = links[i];
        json_t *object = state_json(&lift, 0);
        assert_schema_keys(object, "state", false);
        for (size_t k = 0; k < sizeof gone / sizeof gone[0]; k++)
            assert_null_at(object, gone[k]);
        assert_int_equal(json_array_size(json_object_get(object, "faults")), 1);
        assert_string_equal(text_at(object, "name"), "万户新村 12 幢");
        assert_null_at(object, "valid_for_s");
        json_decref(object);
    }
}

/* A controller whose registers read all ones: every fault is named, whatever else has to go. */
static void test_state_with_every_fault_there_is(void **state) {
    (void)state;
    struct lift lift = online_lift();
    for (int i = 0; i < FAULT_COUNT; i++) {
        raise(&lift, (enum fault)i);
        lift.record.fault[i].seq = 1234567890;
    }
    json_t *object = state_json(&lift, 180);
    assert_int_equal(json_array_size(json_object_get(object, "faults")), FAULT_COUNT);
    assert_null_at(json_array_get(json_object_get(object, "faults"), 0), "since");
    json_decref(object);
}

static void test_link(void **state) {
    (void)state;
    struct lift lift = online_lift();
    lift.link = LINK_OFFLINE;
    lift.link_reason = LINK_REASON_TIMEOUT;
    lift.part_link[0] = LINK_OFFLINE;
    lift.part_link[1] = LINK_UNKNOWN;
    char payload[PAYLOAD_SIZE];
    size_t size = payload_link(payload, &chinese, &identity, &lift, (const int[]){0370, -1}, at);
    json_t *object = parse(payload, size);
    assert_schema_keys(object, "link", false);
    assert_string_equal(text_at(object, "link"), "offline");
    assert_string_equal(text_at(object, "since"), AT_TEXT);
    assert_string_equal(text_at(object, "reason"), "timeout");
    const json_t *first = json_array_get(json_object_get(object, "units"), 0);
    const json_t *second = json_array_get(json_object_get(object, "units"), 1);
    assert_string_equal(text_at(first, "link"), "offline");
    assert_int_equal(json_integer_value(json_object_get(first, "reach")), 0370);
    assert_int_equal(json_integer_value(json_object_get(second, "unit")), 10);
    assert_null_at(second, "link");
    assert_null_at(second, "reach");
    json_decref(object);
}

static void test_counters(void **state) {
    (void)state;
    struct lift lift = online_lift();
    struct counter *counter = lift.record.counter;
    counter[ITEM_RIDES_TOTAL - ITEM_FIRST_COUNTER] =
        (struct counter){.known = true, .total = INT64_C(9007199254740993), .since_real_ms = AT_MS};
    counter[ITEM_RUN_HOURS - ITEM_FIRST_COUNTER] =
        (struct counter){.known = true, .derived = true, .total = 3600000 / 10 + 3600000};
    raise(&lift, FAULT_OTHER);
    char payload[PAYLOAD_SIZE];
    size_t size = payload_counters(payload, &chinese, &identity, &lift, at);
    json_t *object = parse(payload, size);
    assert_schema_keys(object, "counters", false);
    const json_t *rides = json_object_get(object, "rides_total");
    assert_true(json_integer_value(json_object_get(rides, "value")) == INT64_C(9007199254740993));
    assert_string_equal(text_at(rides, "source"), "device");
    assert_string_equal(text_at(rides, "since"), AT_TEXT);
    assert_non_null(strstr(payload, "\"run_hours\":{\"value\":1.1,\"source\":\"derived\",\"since\":null}"));
    assert_null_at(object, "distance_m");
    assert_int_equal(json_object_size(json_object_get(object, "faults_total")), 1);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(object, "faults_total"), "other")), 3);
    json_decref(object);
    counter[ITEM_RUN_HOURS - ITEM_FIRST_COUNTER].derived = false;
    payload_counters(payload, &chinese, &identity, &lift, at);
    assert_non_null(strstr(payload, "\"run_hours\":{\"value\":1,"));
}

static void test_meta(void **state) {
    (void)state;
    char payload[PAYLOAD_SIZE];
    size_t size = payload_meta(payload, &chinese, &identity, at);
    json_t *object = parse(payload, size);
    assert_schema_keys(object, "meta", false);
    assert_string_equal(text_at(object, "registration"), "31103209022021000178");
    assert_int_equal(json_array_size(json_object_get(object, "labels")), 3);
    assert_string_equal(text_at(object, "profile"), "generic-ba");
    assert_true(json_is_false(json_object_get(object, "verified"))); /* one of two */
    assert_int_equal(json_array_size(json_object_get(object, "units")), 2);
    json_decref(object);
    size = payload_meta(payload, &chinese, &bare, at);
    object = parse(payload, size);
    assert_schema_keys(object, "meta", false);
    assert_null_at(object, "labels");
    assert_null_at(object, "floors");
    assert_null_at(object, "manager");
    assert_true(json_is_true(json_object_get(object, "verified")));
    json_decref(object);
}

/* What does not fit is left out where the rest says enough, and refused where not. */
static void test_messages_stay_within_4_kib(void **state) {
    (void)state;
    static char text[5000];
    static const char *many[200];
    char payload[PAYLOAD_SIZE];
    memset(text, 'x', 60);
    for (size_t i = 0; i < 200; i++)
        many[i] = text;
    struct lift_identity tall = identity;
    tall.labels = many;
    tall.label_count = 200;
    json_t *object = parse(payload, payload_meta(payload, &chinese, &tall, at));
    assert_null_at(object, "labels");
    json_decref(object);

    struct payload_status status = {.online = true,
                                    .version = "0.1.0",
                                    .config = "abc",
                                    .started_real_ms = AT_MS,
                                    .lifts = many,
                                    .lift_count = 200};
    object = parse(payload, payload_status(payload, &chinese, &status, at));
    assert_schema_keys(object, "status", false);
    assert_null_at(object, "lifts");
    json_decref(object);

    memset(text, 'x', sizeof text - 1);
    struct lift_identity endless = identity;
    endless.name = text;
    struct lift lift = online_lift();
    object = parse(payload, payload_state(payload, &chinese, &endless, &lift, at, 180));
    assert_schema_keys(object, "state", false);
    assert_null_at(object, "name"); /* which `meta` says too */
    json_decref(object);
    assert_int_equal(payload_meta(payload, &chinese, &endless, at), 0);
    endless.id = text;
    assert_int_equal(payload_state(payload, &chinese, &endless, &lift, at, 180), 0);
}

/* The longest that the settings let through: a level of 128 bytes, 256 for the gateway's four, 2300 for a lift's texts
 * as they stand in JSON. quoted: every byte is one that JSON writes as two, as far as the settings allow. */
struct longest {
    char level[129], prefix[127], quoted[129], half[65], label[17], word[64], bus[65];
    const char *labels[1];
    struct unit_identity units[LIFT_PARTS];
    struct code_table codes;
    struct gateway_identity gateway;
    struct lift_identity lift;
};

static void fill(char *text, size_t size, char with) {
    memset(text, with, size - 1);
    text[size - 1] = '\0';
}

static void make_longest(struct longest *it, bool quoted) {
    char with = quoted ? '"' : 'x';
    fill(it->level, sizeof it->level, 'x');
    fill(it->prefix, sizeof it->prefix, 'x');
    fill(it->quoted, sizeof it->quoted, with);
    fill(it->half, sizeof it->half, with);
    fill(it->label, sizeof it->label, with);
    fill(it->word, sizeof it->word, 'x');
    fill(it->bus, sizeof it->bus, with);
    fill(it->codes.name, sizeof it->codes.name, 'x');
    fill(it->codes.passenger_alarm, sizeof it->codes.passenger_alarm, with);
    for (int i = 0; i < FAULT_COUNT; i++)
        fill(it->codes.fault[i], sizeof it->codes.fault[i], with);
    for (int i = 0; i <= MODE_EARTHQUAKE; i++)
        fill(it->codes.mode[i], sizeof it->codes.mode[i], with);
    for (int i = 0; i < LIFT_PARTS; i++)
        it->units[i] = (struct unit_identity){.unit = 240 + i, .bus = it->bus, .profile = it->word};
    it->labels[0] = it->label;
    it->gateway = (struct gateway_identity){.id = quoted ? it->half : it->level,
                                            .prefix = it->prefix,
                                            .district = "d",
                                            .compound = "c",
                                            .chinese = true,
                                            .codes = &it->codes};
    it->lift = (struct lift_identity){.id = it->quoted,
                                      .name = it->quoted,
                                      .registration = it->quoted,
                                      .rescue_code = it->quoted,
                                      .address = it->quoted,
                                      .managed_by = "property_company",
                                      .manager = it->quoted,
                                      .phone = it->quoted,
                                      .maintainer = it->quoted,
                                      .maintainer_phone = quoted ? it->half : it->level,
                                      .labels = it->labels,
                                      .label_count = 1,
                                      .floors = 128,
                                      .units = it->units,
                                      .unit_count = LIFT_PARTS};
}

static struct lift fullest_lift(void) {
    struct lift lift = online_lift();
    lift.part_count = LIFT_PARTS;
    lift.link_reason = LINK_REASON_DEVICE_GONE;
    for (size_t i = 0; i < LIFT_PARTS; i++)
        lift.part_link[i] = LINK_OFFLINE;
    lift.item[ITEM_SERVICE_MODE] = VALUE(MODE_EMERGENCY_POWER);
    lift.item[ITEM_DIRECTION] = VALUE(DIRECTION_NONE);
    lift.item[ITEM_DOOR] = VALUE(DOOR_NOT_CLOSED);
    lift.item[ITEM_FLOOR] = VALUE(1);
    lift.item[ITEM_OVERLOAD] = VALUE(0);
    lift.item[ITEM_SPEED_MM_S] = VALUE(INT32_MIN);
    lift.item[ITEM_LOAD_PERCENT] = VALUE(INT32_MIN);
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        lift.record.counter[i] = (struct counter){
            .known = true, .derived = true, .total = INT64_C(9007199254740993), .since_real_ms = AT_MS};
    for (int i = 0; i < FAULT_COUNT; i++) {
        raise(&lift, (enum fault)i);
        lift.record.fault[i].suppressed = SUPPRESSED_INSPECTION;
        lift.record.fault[i].seq = INT64_C(1234567890123);
        lift.record.fault[i].count = UINT32_MAX;
    }
    return lift;
}

static struct event longest_event(enum event_type type, enum fault fault, const char *words) {
    struct event event = door_fault();
    event.type = type;
    event.at.synced = false;
    if (type != EVENT_FAULT) {
        memset(&event.fault, 0, sizeof event.fault);
        return event;
    }
    event.fault.fault = fault;
    event.fault.raised = false;
    event.fault.confidence = CONFIDENCE_SUSPECTED;
    event.fault.suppressed = SUPPRESSED_MAINTENANCE;
    event.fault.raw.bit = 15;
    event.fault.raw.value = UINT32_MAX;
    strcpy(event.fault.raw.code_text, "\"\"\"\"\"\"\"\"\"\"\"");
    event.fault.raw.chinese = words;
    event.fault.count = INT64_MAX;
    event.fault.rides_total = VALUE(INT64_MAX);
    event.fault.service_mode = VALUE(MODE_EMERGENCY_POWER);
    event.fault.not_before_real_ms = event.fault.not_after_real_ms = AT_MS;
    event.fault.duration_ms = INT64_C(1234567890123);
    event.fault.reason = CLEAR_SUPERSEDED;
    return event;
}

static struct report fullest_report(void) {
    struct report report = {.span = {AT_MS, AT_MS + 86400000}, .watched_ms = 86399999, .available_ms = 12345678};
    report.rides_known = report.floors_known = report.doors_known = 1;
    report.rides = report.openings = report.closings = report.reversals = UINT32_MAX;
    report.entrapment_ms = 86399999;
    report.opening[3] = report.closing[7] = UINT16_MAX;
    for (size_t i = 0; i < MODE_COUNT; i++)
        report.mode_ms[i] = 12345678;
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        report.fault_count[i] = UINT32_MAX;
        report.fault_ms[i] = 86399999;
    }
    for (size_t i = 0; i < REPORT_FLOORS; i++)
        report.stops[i] = UINT16_MAX;
    return report;
}

/* Whatever the settings let through, and whatever happens, every message can be sent; `state` names every fault. */
static void test_the_longest_texts_fit(void **state) {
    (void)state;
    static const struct payload_number far = {.series = "6f2c91d0", .seq = INT64_MAX, .n = INT64_MAX};
    const int reach[LIFT_PARTS] = {255, 255, 255, 255};
    char words[401];
    fill(words, sizeof words, 'x');
    for (int quoted = 0; quoted <= 1; quoted++) {
        struct longest it;
        make_longest(&it, quoted);
        struct lift lift = fullest_lift();
        struct report report = fullest_report();
        const char *ids[247];
        for (size_t i = 0; i < COUNT_OF(ids); i++)
            ids[i] = it.lift.id;
        struct payload_status status = {.online = true,
                                        .version = "0.1.0",
                                        .config = "0123456789abcdef",
                                        .started_real_ms = AT_MS,
                                        .lifts = ids,
                                        .lift_count = COUNT_OF(ids)};
        struct instant unsynced = {.real_ms = AT_MS};
        char payload[PAYLOAD_SIZE];

        json_t *object = parse(payload, payload_state(payload, &it.gateway, &it.lift, &lift, unsynced, 259200));
        assert_schema_keys(object, "state", false);
        assert_int_equal(json_array_size(json_object_get(object, "faults")), FAULT_COUNT);
        json_decref(object);
        assert_true(payload_link(payload, &it.gateway, &it.lift, &lift, reach, unsynced) > 0);
        assert_true(payload_counters(payload, &it.gateway, &it.lift, &lift, unsynced) > 0);
        assert_true(payload_meta(payload, &it.gateway, &it.lift, unsynced) > 0);
        assert_true(payload_report(payload, &it.gateway, &it.lift, &report, unsynced, &far) > 0);
        assert_true(payload_status(payload, &it.gateway, &status, unsynced) > 0);
        for (int i = 0; i < FAULT_COUNT; i++) {
            struct event event = longest_event(EVENT_FAULT, (enum fault)i, words);
            assert_true(payload_event(payload, &it.gateway, &it.lift, &event, &far) > 0);
        }
        for (int i = EVENT_FAULT + 1; i < EVENT_TYPE_COUNT; i++) {
            struct event event = longest_event((enum event_type)i, FAULT_OTHER, words);
            assert_true(payload_event(payload, &it.gateway, &it.lift, &event, &far) > 0);
        }
    }
}

static void test_text_that_is_no_utf_8_is_refused(void **state) {
    (void)state;
    char payload[PAYLOAD_SIZE];
    struct lift_identity broken = identity;
    broken.name = "\xff";
    struct lift lift = online_lift();
    struct event event = door_fault();
    assert_int_equal(payload_event(payload, &chinese, &broken, &event, &number), 0);
    assert_int_equal(payload_state(payload, &chinese, &broken, &lift, at, 180), 0);
    const char *const bad_labels[] = {"1", "\xc3("};
    broken = identity;
    broken.labels = bad_labels;
    broken.label_count = 2;
    assert_int_equal(payload_meta(payload, &chinese, &broken, at), 0);
}

static void test_status(void **state) {
    (void)state;
    static const char *const lifts[] = {"L-1", "L-2"};
    struct payload_status status = {
        .version = "0.1.0", .config = "abc", .started_real_ms = AT_MS, .lifts = lifts, .lift_count = 2};
    char payload[PAYLOAD_SIZE];
    json_t *object = parse(payload, payload_status(payload, &chinese, &status, (struct instant){.real_ms = AT_MS}));
    assert_schema_keys(object, "status", false);
    assert_string_equal(text_at(object, "status"), "offline");
    assert_string_equal(text_at(object, "clock"), "unsynced");
    assert_string_equal(text_at(object, "started"), AT_TEXT);
    assert_string_equal(json_string_value(json_array_get(json_object_get(object, "lifts"), 1)),
                        "yancheng/lift/tinghu/wanhu/L-2");
    json_decref(object);
}

static void test_gateway_events_and_health(void **state) {
    (void)state;
    char payload[PAYLOAD_SIZE];
    json_t *body = json_pack("{s:i, s:i, s:i, s:s}", "from", 3, "to", 9, "count", 7, "gateway", "somebody else");
    json_t *object = parse(payload, payload_gateway(payload, &chinese, "gap", body, at, &number));
    assert_schema_keys(object, "gateway-event", true);
    assert_string_equal(text_at(object, "event"), "gap");
    assert_string_equal(text_at(object, "gateway"), "B12-2"); /* the common keys are not overwritten */
    assert_int_equal(json_integer_value(json_object_get(object, "count")), 7);
    json_decref(object);

    object = parse(payload, payload_gateway(payload, &chinese, NULL, json_object(), at, NULL));
    assert_null(json_object_get(object, "event"));
    assert_null(json_object_get(object, "seq"));
    assert_string_equal(text_at(object, "time"), AT_TEXT);
    json_decref(object);

    assert_int_equal(payload_gateway(payload, &chinese, "gap", NULL, at, &number), 0);
}

static void test_the_schema_knows_every_fault(void **state) {
    (void)state;
    json_t *common = schema_of("common");
    const json_t *ids = json_object_get(json_object_get(json_object_get(common, "$defs"), "fault"), "enum");
    assert_int_equal(json_array_size(ids), FAULT_COUNT);
    for (size_t i = 0; i < FAULT_COUNT; i++)
        assert_string_equal(json_string_value(json_array_get(ids, i)), fault_info((enum fault)i)->id);
    json_decref(common);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_fault_raised),
        cmocka_unit_test(test_a_fault_cleared),
        cmocka_unit_test(test_a_vendor_code),
        cmocka_unit_test(test_an_entrapment_without_a_register),
        cmocka_unit_test(test_floor_labels),
        cmocka_unit_test(test_other_events),
        cmocka_unit_test(test_events_of_rules),
        cmocka_unit_test(test_state_of_a_lift_online),
        cmocka_unit_test(test_state_of_a_silent_lift),
        cmocka_unit_test(test_state_with_every_fault_there_is),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_counters),
        cmocka_unit_test(test_meta),
        cmocka_unit_test(test_messages_stay_within_4_kib),
        cmocka_unit_test(test_the_longest_texts_fit),
        cmocka_unit_test(test_text_that_is_no_utf_8_is_refused),
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_gateway_events_and_health),
        cmocka_unit_test(test_the_schema_knows_every_fault),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
