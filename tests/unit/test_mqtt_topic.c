/* The topics that operators subscribe to. */
#include "mqtt/topic.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct gateway_identity gateway = {
    .id = "B12-2", .prefix = "jiangsu/yancheng", .district = "tinghu", .compound = "wanhu-xincun"};

static void test_lift_topics(void **state) {
    (void)state;
    char topic[TOPIC_SIZE];
    assert_string_equal(topic_lift(topic, &gateway, "L-1", NULL), "jiangsu/yancheng/lift/tinghu/wanhu-xincun/L-1");
    assert_string_equal(topic_lift(topic, &gateway, "L-1", "state"),
                        "jiangsu/yancheng/lift/tinghu/wanhu-xincun/L-1/state");
}

static void test_gateway_topics(void **state) {
    (void)state;
    char topic[TOPIC_SIZE];
    assert_string_equal(topic_gateway(topic, &gateway, NULL), "jiangsu/yancheng/gateway/tinghu/wanhu-xincun/B12-2");
    assert_string_equal(topic_gateway(topic, &gateway, "event/gap"),
                        "jiangsu/yancheng/gateway/tinghu/wanhu-xincun/B12-2/event/gap");
}

static void test_event_topics(void **state) {
    (void)state;
    static const struct {
        struct event event;
        const char *leaf;
    } cases[] = {
        {{.type = EVENT_FAULT, .fault = {.fault = FAULT_ENTRAPMENT}}, "fault/entrapment"},
        {{.type = EVENT_FAULT, .fault = {.fault = FAULT_OTHER}}, "fault/other"},
        {{.type = EVENT_MODE_CHANGED}, "event/mode_changed"},
        {{.type = EVENT_PASSENGER_ALARM}, "event/passenger_alarm"},
        {{.type = EVENT_COUNTER_RESET}, "event/counter_reset"},
        {{.type = EVENT_CONTROLLER_REPLACED}, "event/controller_replaced"},
        {{.type = EVENT_OVERLOAD}, "event/overload"},
        {{.type = EVENT_FLAPPING}, "event/flapping"},
        {{.type = EVENT_DOOR_HELD}, "event/door_held"},
        {{.type = EVENT_NO_RIDE}, "event/no_ride"},
        {{.type = EVENT_MAINTENANCE}, "event/maintenance"},
        {{.type = EVENT_TEST}, "event/test"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char topic[TOPIC_SIZE], expected[TOPIC_SIZE];
        topic_lift(expected, &gateway, "L-1", cases[i].leaf);
        assert_string_equal(topic_event(topic, &gateway, "L-1", &cases[i].event), expected);
    }
}

static void test_every_event_has_a_type(void **state) {
    (void)state;
    for (int i = 0; i < EVENT_TYPE_COUNT; i++)
        assert_int_equal(topic_event_type((enum event_type)i) == NULL, i == EVENT_FAULT);
}

/* The longest that the settings allow. */
static void test_the_longest_topic_fits(void **state) {
    (void)state;
    char prefix[200 + 1], level[128 + 1], topic[TOPIC_SIZE];
    memset(prefix, 'p', sizeof prefix - 1);
    memset(level, 'l', sizeof level - 1);
    prefix[sizeof prefix - 1] = level[sizeof level - 1] = '\0';
    struct gateway_identity longest = {.id = level, .prefix = prefix, .district = level, .compound = level};
    size_t bare = 200 + 3 * 128;
    assert_int_equal(strlen(topic_gateway(topic, &longest, "status")), bare + strlen("/gateway////status"));
    struct event event = {.type = EVENT_FAULT, .fault = {.fault = FAULT_UNINTENDED_CAR_MOVEMENT}};
    topic_event(topic, &longest, level, &event);
    assert_int_equal(strlen(topic), bare + strlen("/lift////fault/unintended_car_movement"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lift_topics),
        cmocka_unit_test(test_gateway_topics),
        cmocka_unit_test(test_event_topics),
        cmocka_unit_test(test_every_event_has_a_type),
        cmocka_unit_test(test_the_longest_topic_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
