/* The vocabulary is a contract with everybody downstream: every name that a consumer may rely on stands here once more,
 * as domain.md says it. */
#include "base/text.h"
#include "model/vocabulary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void items_have_their_names_and_words(void **state) {
    (void)state;
    static const struct {
        enum item item;
        const char *name;
        enum item_kind kind;
        const char *words; /* by number */
    } table[] = {
        {ITEM_SERVICE_MODE, "service_mode", KIND_WORD,
         "out_of_service normal inspection fire_return firefighter emergency_power earthquake "},
        {ITEM_CAR, "car", KIND_WORD, "stopped running "},
        {ITEM_DIRECTION, "direction", KIND_WORD, "none up down "},
        {ITEM_DOOR, "door", KIND_WORD, "closed opening open closing moving not_closed fault "},
        {ITEM_DOOR_ZONE, "door_zone", KIND_BOOL, "no yes "},
        {ITEM_FLOOR, "floor", KIND_NUMBER, ""},
        {ITEM_OCCUPIED, "occupied", KIND_BOOL, "no yes "},
        {ITEM_OVERLOAD, "overload", KIND_BOOL, "no yes "},
        {ITEM_PASSENGER_ALARM, "passenger_alarm", KIND_BOOL, "no yes "},
        {ITEM_SPEED_MM_S, "speed_mm_s", KIND_NUMBER, ""},
        {ITEM_LOAD_PERCENT, "load_percent", KIND_NUMBER, ""},
        {ITEM_HEARTBEAT, "heartbeat", KIND_NUMBER, ""},
        {ITEM_RIDES_TOTAL, "rides_total", KIND_COUNTER, ""},
        {ITEM_RUN_HOURS, "run_hours", KIND_COUNTER, ""},
        {ITEM_DOOR_CYCLES_TOTAL, "door_cycles_total", KIND_COUNTER, ""},
        {ITEM_DISTANCE_M, "distance_m", KIND_COUNTER, ""},
    };
    assert_int_equal(COUNT_OF(table), ITEM_COUNT);
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        const struct item_info *info = item_info(table[i].item);
        char words[256] = "";
        for (size_t k = 0; k < info->word_count; k++) {
            strcat(words, info->words[k]);
            strcat(words, " ");
            assert_int_equal(item_word(table[i].item, info->words[k]), k);
            assert_string_equal(item_word_of(table[i].item, VALUE((int64_t)k)), info->words[k]);
        }
        assert_string_equal(info->name, table[i].name);
        assert_int_equal(info->kind, table[i].kind);
        assert_string_equal(words, table[i].words);
        assert_int_equal(item_by_name(table[i].name), table[i].item);
    }
}

/* GB/T 24476 numbers modes, car and directions as we do: code tables may count on it. */
static void words_stand_in_the_order_of_the_standard(void **state) {
    (void)state;
    assert_int_equal(item_word(ITEM_SERVICE_MODE, "out_of_service"), MODE_OUT_OF_SERVICE);
    assert_int_equal(item_word(ITEM_SERVICE_MODE, "earthquake"), 6);
    assert_int_equal(item_word(ITEM_DIRECTION, "down"), DIRECTION_DOWN);
    assert_int_equal(item_word(ITEM_DOOR, "fault"), DOOR_FAULT);
}

static void what_is_not_there_is_said_so(void **state) {
    (void)state;
    assert_int_equal(item_by_name("doors"), ITEM_COUNT);
    assert_int_equal(item_word(ITEM_DOOR, "ajar"), -1);
    assert_int_equal(item_word(ITEM_DOOR, "unknown"), -1); /* unknown is null, not a word */
    assert_int_equal(item_word(ITEM_FLOOR, "1"), -1);
    assert_null(item_word_of(ITEM_DOOR, VALUE_UNKNOWN));
    assert_null(item_word_of(ITEM_DOOR, VALUE(7)));
    assert_null(item_word_of(ITEM_DOOR, VALUE(-1)));
    assert_null(item_word_of(ITEM_FLOOR, VALUE(0)));
    assert_int_equal(fault_by_id("door"), FAULT_COUNT);
    assert_int_equal(severity_by_name("fatal"), SEVERITY_COUNT);
    assert_int_equal(trapping_by_name("perhaps"), TRAPPING_COUNT);
    assert_int_equal(table_by_name("register"), 0);
    assert_int_equal(table_by_name(""), 0);
}

/* domain.md 2, row by row. */
static const struct {
    const char *id, *english, *chinese;
    int bacnet;
    const char *severity, *entrapment;
} taxonomy[] = {
    {"entrapment", "passengers trapped", "困人", -1, "critical", "yes"},
    {"safety_circuit_open", "safety circuit open", "安全回路断路", 5, "critical", "possible"},
    {"door_close_fault", "door closing fault", "关门故障", 6, "major", "no"},
    {"door_open_fault", "door opening fault", "开门故障", 7, "major", "possible"},
    {"stop_outside_zone", "stopped outside the door zone", "轿厢在开锁区域外停止", 8, "critical", "likely"},
    {"unintended_car_movement", "unintended car movement", "轿厢意外移动", 2, "critical", "possible"},
    {"run_time_limit", "motor run-time limiter operated", "电动机运转时间限制器动作", 13, "critical", "possible"},
    {"position_lost", "floor position lost", "楼层位置丢失", 14, "major", "possible"},
    {"restart_prevented", "restart prevented", "防止电梯再运行故障", 10, "critical", "possible"},
    {"overrun_top", "overran the top terminal", "冲顶", 3, "critical", "possible"},
    {"overrun_bottom", "overran the bottom terminal", "蹲底", 3, "critical", "possible"},
    {"overspeed", "overspeed", "超速", 2, "critical", "possible"},
    {"door_lock_open", "door lock opened while running", "运行中门锁断路", 5, "critical", "possible"},
    {"door_lock_fault", "door lock shorted or feedback fault", "门锁故障", 5, "critical", "no"},
    {"brake_fault", "brake fault", "制动故障", 1, "critical", "possible"},
    {"drive_fault", "drive or motor fault", "变频器/电机故障", 1, "major", "possible"},
    {"encoder_fault", "encoder fault", "编码器故障", 1, "major", "possible"},
    {"drive_overtemp", "drive over-temperature", "变频器过热", 15, "major", "possible"},
    {"motor_overtemp", "motor over-temperature", "电机过热", 1, "major", "possible"},
    {"shaft_sensor_fault", "levelling or limit switch fault", "平层/限位开关异常", 3, "major", "possible"},
    {"relevel_fault", "re-levelling fault", "再平层异常", 3, "minor", "no"},
    {"power_supply_fault", "mains lost or out of range", "停电/缺相/欠压", 4, "critical", "possible"},
    {"controller_supply_fault", "controller supply fault", "控制电源故障", 11, "major", "possible"},
    {"controller_fault", "controller fault", "控制装置故障", 0, "major", "possible"},
    {"internal_comm_fault", "car or hall bus fault", "内部通信故障", 0, "minor", "no"},
    {"call_button_stuck", "stuck call button", "按钮粘连", 9, "minor", "no"},
    {"load_measurement_fault", "load measurement fault", "称重故障", 16, "minor", "no"},
    {"self_test_failure", "self-test failed", "自检失败", 12, "major", "no"},
    {"other", "unmapped controller code", "其他故障", 1024, "major", "unknown"},
};

static void faults_are_the_taxonomy(void **state) {
    (void)state;
    assert_int_equal(COUNT_OF(taxonomy), FAULT_COUNT);
    for (size_t i = 0; i < COUNT_OF(taxonomy); i++) {
        const struct fault_info *info = fault_info((enum fault)i);
        assert_string_equal(info->id, taxonomy[i].id);
        assert_string_equal(info->english, taxonomy[i].english);
        assert_string_equal(info->chinese, taxonomy[i].chinese);
        assert_int_equal(info->bacnet, taxonomy[i].bacnet);
        assert_string_equal(severity_name(info->severity), taxonomy[i].severity);
        assert_string_equal(trapping_name(info->entrapment), taxonomy[i].entrapment);
        assert_int_equal(fault_by_id(info->id), i);
        assert_true(text_is_topic_level(info->id));
        assert_true(text_is_utf8(info->chinese, strlen(info->chinese)));
    }
}

static void names_lead_back(void **state) {
    (void)state;
    for (enum severity i = 0; i < SEVERITY_COUNT; i++)
        assert_int_equal(severity_by_name(severity_name(i)), i);
    for (enum trapping i = 0; i < TRAPPING_COUNT; i++)
        assert_int_equal(trapping_by_name(trapping_name(i)), i);
    for (enum table i = TABLE_COIL; i <= TABLE_INPUT; i++)
        assert_int_equal(table_by_name(table_name(i)), i);
}

/* The number of a table is the function code that reads it. */
static void tables_are_read_function_codes(void **state) {
    (void)state;
    assert_int_equal(table_by_name("coil"), 1);
    assert_int_equal(table_by_name("discrete"), 2);
    assert_int_equal(table_by_name("holding"), 3);
    assert_int_equal(table_by_name("input"), 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(items_have_their_names_and_words),
        cmocka_unit_test(words_stand_in_the_order_of_the_standard),
        cmocka_unit_test(what_is_not_there_is_said_so),
        cmocka_unit_test(faults_are_the_taxonomy),
        cmocka_unit_test(names_lead_back),
        cmocka_unit_test(tables_are_read_function_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
