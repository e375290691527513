/* What a report says: exactly the keys of config/schema/report.json, in units that an inspection team reads. */
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

#define FROM_MS INT64_C(1795363200000) /* 2026-11-22T16:00:00Z, midnight in Shanghai */
#define HOUR_MS 3600000

static const struct gateway_identity gateway = {
    .id = "B12-2", .prefix = "yancheng", .district = "tinghu", .compound = "wanhu"};
static const char *const labels[] = {"-1", "1", "2", "2"};
static const struct lift_identity identity = {.id = "L-1",
                                              .name = "万户新村 12 幢",
                                              .registration = "31103209022021000178",
                                              .rescue_code = "012345",
                                              .labels = labels,
                                              .label_count = COUNT_OF(labels),
                                              .floors = COUNT_OF(labels)};
static const struct payload_number number = {.series = "6f2c91d0", .seq = 1842, .n = 34};
static const struct instant at = {.real_ms = FROM_MS + 24 * HOUR_MS, .synced = true};
static char payload[PAYLOAD_SIZE];

static json_t *written(const struct lift_identity *lift, const struct report *report) {
    size_t size = payload_report(payload, &gateway, lift, report, at, &number);
    assert_true(size > 0 && size < PAYLOAD_SIZE);
    json_t *object = json_loads(payload, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(object);
    return object;
}

static struct report empty_day(void) {
    return (struct report){.span = {FROM_MS, FROM_MS + 24 * HOUR_MS}, .watched_ms = 12 * HOUR_MS};
}

static void assert_part(const json_t *object, const char *key, const char *text) {
    char *is = json_dumps(json_object_get(object, key), JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(12));
    assert_non_null(is);
    if (strcmp(is, text) != 0)
        fail_msg("%s is %s, not %s", key, is, text);
    free(is);
}

static void every_figure(void **state) {
    (void)state;
    struct report day = empty_day();
    day.available_ms = 9 * HOUR_MS;
    day.rides_known = day.floors_known = day.doors_known = 1;
    day.rides = 117;
    day.mode_ms[MODE_NORMAL] = 11 * HOUR_MS;
    day.mode_ms[MODE_INSPECTION] = HOUR_MS / 2;
    day.fault_count[FAULT_OVERSPEED] = 2;
    day.fault_ms[FAULT_OVERSPEED] = 90000;
    day.fault_ms[FAULT_OTHER] = 600; /* raised the day before */
    day.entrapment_ms = 754321;
    day.openings = 4;
    day.closings = 3;
    day.reversals = 6;
    day.opening[8] = 4;
    day.stops[0] = 1;
    day.stops[2] = 20;
    day.stops[3] = 3;  /* another door of the same floor */
    day.stops[10] = 5; /* has no label */
    json_t *object = written(&identity, &day);
    assert_part(object, "from", "\"2026-11-22T16:00:00.000Z\"");
    assert_part(object, "to", "\"2026-11-23T16:00:00.000Z\"");
    assert_part(object, "complete", "0.5");
    assert_part(object, "rides", "117");
    assert_part(object, "faults",
                "{\"overspeed\":{\"count\":2,\"minutes\":1.5},\"other\":{\"count\":0,\"minutes\":0.01}}");
    assert_part(object, "availability", "0.75");
    assert_part(object, "out_of_service_min", "{\"inspection\":30.0}");
    assert_part(object, "longest_entrapment_s", "754.321");
    assert_part(object, "door",
                "{\"openings\":4,\"opening_median_s\":2.13,\"opening_p95_s\":2.24,\"closings\":3,"
                "\"closing_median_s\":null,\"closing_p95_s\":null,\"reversals\":6,\"reversals_per_h\":0.5}");
    assert_part(object, "floors", "{\"-1\":1,\"2\":23,\"11\":5}");
    assert_part(object, "name", "\"万户新村 12 幢\"");
    assert_part(object, "registration", "\"31103209022021000178\"");
    assert_part(object, "rescue_code", "\"012345\"");
    assert_part(object, "n", "34");
    json_decref(object);
}

static void what_is_not_known_is_null(void **state) {
    (void)state;
    struct report day = empty_day();
    json_t *object = written(&(struct lift_identity){.id = "L-2"}, &day);
    static const char *const null[] = {"rides", "longest_entrapment_s", "door",       "floors",
                                       "name",  "registration",         "rescue_code"};
    for (size_t i = 0; i < COUNT_OF(null); i++)
        assert_part(object, null[i], "null");
    assert_part(object, "faults", "{}");
    assert_part(object, "out_of_service_min", "{}");
    assert_part(object, "availability", "0.0");
    json_decref(object);
    day.watched_ms = 24 * HOUR_MS;
    day.available_ms = 24 * HOUR_MS;
    object = written(&identity, &day);
    assert_part(object, "complete", "1.0");
    assert_part(object, "availability", "1.0");
    json_decref(object);
}

static void the_keys_are_those_of_the_schema(void **state) {
    (void)state;
    struct report day = empty_day();
    json_t *object = written(&identity, &day);
    json_t *schema = json_load_file(SOURCE_DIR "/config/schema/report.json", 0, NULL);
    json_t *required = json_object_get(schema, "required");
    size_t i = 0;
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value) assert_string_equal(key, json_string_value(json_array_get(required, i++)));
    assert_int_equal(i, json_array_size(required));
    assert_int_equal(i, json_object_size(json_object_get(schema, "properties")));
    json_decref(schema);
    json_decref(object);
}

/* The longest texts that the settings allow, every fault, every floor: without floors it fits. */
static void it_always_fits(void **state) {
    (void)state;
    static char text[129];
    static const char *long_labels[REPORT_FLOORS];
    struct report month = {.span = {FROM_MS, FROM_MS + 31LL * 24 * HOUR_MS},
                           .rides_known = 1,
                           .floors_known = 1,
                           .doors_known = 1,
                           .watched_ms = 2678399999,
                           .available_ms = 2678399998,
                           .entrapment_ms = 2678399999,
                           .rides = UINT32_MAX,
                           .openings = UINT32_MAX,
                           .closings = UINT32_MAX,
                           .reversals = UINT32_MAX};
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 0; i < REPORT_FLOORS; i++) {
        long_labels[i] = "十六字节的标签0";
        month.stops[i] = UINT16_MAX;
    }
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        month.fault_count[i] = UINT32_MAX;
        month.fault_ms[i] = 2678399999;
    }
    for (size_t i = 0; i < MODE_COUNT; i++)
        month.mode_ms[i] = 382628571;
    struct lift_identity lift = {.id = text,
                                 .name = text,
                                 .registration = text,
                                 .rescue_code = text,
                                 .labels = long_labels,
                                 .label_count = REPORT_FLOORS};
    struct gateway_identity box = {.id = text};
    assert_true(payload_report(payload, &box, &lift, &month, at, &number) > 0);
    /* labels of which each is another */
    static char names[REPORT_FLOORS][17];
    for (size_t i = 0; i < REPORT_FLOORS; i++) {
        snprintf(names[i], sizeof names[i], "label %010zu", i);
        long_labels[i] = names[i];
    }
    size_t size = payload_report(payload, &box, &lift, &month, at, &number);
    assert_true(size > 0);
    json_t *object = json_loads(payload, 0, NULL);
    assert_part(object, "floors", "null");
    json_decref(object);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_figure),
        cmocka_unit_test(what_is_not_known_is_null),
        cmocka_unit_test(the_keys_are_those_of_the_schema),
        cmocka_unit_test(it_always_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
