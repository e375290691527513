#include "model/vocabulary.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

static const char *const service_mode_words[] = {
    [MODE_OUT_OF_SERVICE] = "out_of_service", [MODE_NORMAL] = "normal",
    [MODE_INSPECTION] = "inspection",         [MODE_FIRE_RETURN] = "fire_return",
    [MODE_FIREFIGHTER] = "firefighter",       [MODE_EMERGENCY_POWER] = "emergency_power",
    [MODE_EARTHQUAKE] = "earthquake",
};
static const char *const car_words[] = {[CAR_STOPPED] = "stopped", [CAR_RUNNING] = "running"};
static const char *const direction_words[] = {
    [DIRECTION_NONE] = "none", [DIRECTION_UP] = "up", [DIRECTION_DOWN] = "down"};
static const char *const door_words[] = {
    [DOOR_CLOSED] = "closed", [DOOR_OPENING] = "opening",       [DOOR_OPEN] = "open",   [DOOR_CLOSING] = "closing",
    [DOOR_MOVING] = "moving", [DOOR_NOT_CLOSED] = "not_closed", [DOOR_FAULT] = "fault",
};
static const char *const bool_words[] = {"no", "yes"};

#define WORDS(name, words)                                                                                             \
    { name, KIND_WORD, words, COUNT_OF(words) }
#define BOOL(name)                                                                                                     \
    { name, KIND_BOOL, bool_words, COUNT_OF(bool_words) }
#define NUMBER(name)                                                                                                   \
    { name, KIND_NUMBER, NULL, 0 }
#define COUNTER(name)                                                                                                  \
    { name, KIND_COUNTER, NULL, 0 }

static const struct item_info items[ITEM_COUNT] = {
    [ITEM_SERVICE_MODE] = WORDS("service_mode", service_mode_words),
    [ITEM_CAR] = WORDS("car", car_words),
    [ITEM_DIRECTION] = WORDS("direction", direction_words),
    [ITEM_DOOR] = WORDS("door", door_words),
    [ITEM_DOOR_ZONE] = BOOL("door_zone"),
    [ITEM_FLOOR] = NUMBER("floor"),
    [ITEM_OCCUPIED] = BOOL("occupied"),
    [ITEM_OVERLOAD] = BOOL("overload"),
    [ITEM_PASSENGER_ALARM] = BOOL("passenger_alarm"),
    [ITEM_SPEED_MM_S] = NUMBER("speed_mm_s"),
    [ITEM_LOAD_PERCENT] = NUMBER("load_percent"),
    [ITEM_HEARTBEAT] = NUMBER("heartbeat"),
    [ITEM_RIDES_TOTAL] = COUNTER("rides_total"),
    [ITEM_RUN_HOURS] = COUNTER("run_hours"),
    [ITEM_DOOR_CYCLES_TOTAL] = COUNTER("door_cycles_total"),
    [ITEM_DISTANCE_M] = COUNTER("distance_m"),
};

const struct item_info *item_info(enum item item) {
    assert(item < ITEM_COUNT);
    return &items[item];
}

enum item item_by_name(const char *name) {
    for (enum item item = 0; item < ITEM_COUNT; item++)
        if (strcmp(items[item].name, name) == 0)
            return item;
    return ITEM_COUNT;
}

int item_word(enum item item, const char *word) {
    const struct item_info *info = item_info(item);
    for (size_t i = 0; i < info->word_count; i++)
        if (strcmp(info->words[i], word) == 0)
            return (int)i;
    return -1;
}

const char *item_word_of(enum item item, struct value value) {
    const struct item_info *info = item_info(item);
    if (!value.known || value.number < 0 || (uint64_t)value.number >= info->word_count)
        return NULL;
    return info->words[value.number];
}

#define MINOR SEVERITY_MINOR
#define MAJOR SEVERITY_MAJOR
#define CRITICAL SEVERITY_CRITICAL
#define NO TRAPPING_NO
#define POSSIBLE TRAPPING_POSSIBLE
#define LIKELY TRAPPING_LIKELY
#define YES TRAPPING_YES

/* The last column: the nearest BACnetLiftFault; its proprietary numbers begin at 1024. */
static const struct fault_info faults[FAULT_COUNT] = {
    [FAULT_ENTRAPMENT] = {"entrapment", "passengers trapped", "困人", CRITICAL, YES, -1},
    [FAULT_SAFETY_CIRCUIT_OPEN] = {"safety_circuit_open", "safety circuit open", "安全回路断路", CRITICAL, POSSIBLE, 5},
    [FAULT_DOOR_CLOSE_FAULT] = {"door_close_fault", "door closing fault", "关门故障", MAJOR, NO, 6},
    [FAULT_DOOR_OPEN_FAULT] = {"door_open_fault", "door opening fault", "开门故障", MAJOR, POSSIBLE, 7},
    [FAULT_STOP_OUTSIDE_ZONE] = {"stop_outside_zone", "stopped outside the door zone", "轿厢在开锁区域外停止", CRITICAL,
                                 LIKELY, 8},
    [FAULT_UNINTENDED_CAR_MOVEMENT] = {"unintended_car_movement", "unintended car movement", "轿厢意外移动", CRITICAL,
                                       POSSIBLE, 2},
    [FAULT_RUN_TIME_LIMIT] = {"run_time_limit", "motor run-time limiter operated", "电动机运转时间限制器动作", CRITICAL,
                              POSSIBLE, 13},
    [FAULT_POSITION_LOST] = {"position_lost", "floor position lost", "楼层位置丢失", MAJOR, POSSIBLE, 14},
    [FAULT_RESTART_PREVENTED] = {"restart_prevented", "restart prevented", "防止电梯再运行故障", CRITICAL, POSSIBLE,
                                 10},
    [FAULT_OVERRUN_TOP] = {"overrun_top", "overran the top terminal", "冲顶", CRITICAL, POSSIBLE, 3},
    [FAULT_OVERRUN_BOTTOM] = {"overrun_bottom", "overran the bottom terminal", "蹲底", CRITICAL, POSSIBLE, 3},
    [FAULT_OVERSPEED] = {"overspeed", "overspeed", "超速", CRITICAL, POSSIBLE, 2},
    [FAULT_DOOR_LOCK_OPEN] = {"door_lock_open", "door lock opened while running", "运行中门锁断路", CRITICAL, POSSIBLE,
                              5},
    [FAULT_DOOR_LOCK_FAULT] = {"door_lock_fault", "door lock shorted or feedback fault", "门锁故障", CRITICAL, NO, 5},
    [FAULT_BRAKE_FAULT] = {"brake_fault", "brake fault", "制动故障", CRITICAL, POSSIBLE, 1},
    [FAULT_DRIVE_FAULT] = {"drive_fault", "drive or motor fault", "变频器/电机故障", MAJOR, POSSIBLE, 1},
    [FAULT_ENCODER_FAULT] = {"encoder_fault", "encoder fault", "编码器故障", MAJOR, POSSIBLE, 1},
    [FAULT_DRIVE_OVERTEMP] = {"drive_overtemp", "drive over-temperature", "变频器过热", MAJOR, POSSIBLE, 15},
    [FAULT_MOTOR_OVERTEMP] = {"motor_overtemp", "motor over-temperature", "电机过热", MAJOR, POSSIBLE, 1},
    [FAULT_SHAFT_SENSOR_FAULT] = {"shaft_sensor_fault", "levelling or limit switch fault", "平层/限位开关异常", MAJOR,
                                  POSSIBLE, 3},
    [FAULT_RELEVEL_FAULT] = {"relevel_fault", "re-levelling fault", "再平层异常", MINOR, NO, 3},
    [FAULT_POWER_SUPPLY_FAULT] = {"power_supply_fault", "mains lost or out of range", "停电/缺相/欠压", CRITICAL,
                                  POSSIBLE, 4},
    [FAULT_CONTROLLER_SUPPLY_FAULT] = {"controller_supply_fault", "controller supply fault", "控制电源故障", MAJOR,
                                       POSSIBLE, 11},
    [FAULT_CONTROLLER_FAULT] = {"controller_fault", "controller fault", "控制装置故障", MAJOR, POSSIBLE, 0},
    [FAULT_INTERNAL_COMM_FAULT] = {"internal_comm_fault", "car or hall bus fault", "内部通信故障", MINOR, NO, 0},
    [FAULT_CALL_BUTTON_STUCK] = {"call_button_stuck", "stuck call button", "按钮粘连", MINOR, NO, 9},
    [FAULT_LOAD_MEASUREMENT_FAULT] = {"load_measurement_fault", "load measurement fault", "称重故障", MINOR, NO, 16},
    [FAULT_SELF_TEST_FAILURE] = {"self_test_failure", "self-test failed", "自检失败", MAJOR, NO, 12},
    [FAULT_OTHER] = {"other", "unmapped controller code", "其他故障", MAJOR, TRAPPING_UNKNOWN, 1024},
};

const struct fault_info *fault_info(enum fault fault) {
    assert(fault < FAULT_COUNT);
    return &faults[fault];
}

enum fault fault_by_id(const char *id) {
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
        if (strcmp(faults[fault].id, id) == 0)
            return fault;
    return FAULT_COUNT;
}

static const char *const severity_names[SEVERITY_COUNT] = {
    [MINOR] = "minor", [MAJOR] = "major", [CRITICAL] = "critical"};
static const char *const trapping_names[TRAPPING_COUNT] = {
    [NO] = "no", [POSSIBLE] = "possible", [LIKELY] = "likely", [YES] = "yes", [TRAPPING_UNKNOWN] = "unknown"};
static const char *const table_names[] = {
    [0] = "",
    [TABLE_COIL] = "coil",
    [TABLE_DISCRETE] = "discrete",
    [TABLE_HOLDING] = "holding",
    [TABLE_INPUT] = "input",
};

/* The index of name among names, count if it is not there. */
static size_t index_of(const char *name, const char *const names[], size_t count) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return count;
}

const char *severity_name(enum severity severity) {
    assert(severity < SEVERITY_COUNT);
    return severity_names[severity];
}

enum severity severity_by_name(const char *name) {
    return (enum severity)index_of(name, severity_names, SEVERITY_COUNT);
}

const char *trapping_name(enum trapping trapping) {
    assert(trapping < TRAPPING_COUNT);
    return trapping_names[trapping];
}

enum trapping trapping_by_name(const char *name) {
    return (enum trapping)index_of(name, trapping_names, TRAPPING_COUNT);
}

const char *table_name(enum table table) {
    assert(table >= TABLE_COIL && table <= TABLE_INPUT);
    return table_names[table];
}

int table_by_name(const char *name) {
    return (int)(index_of(name, table_names, COUNT_OF(table_names)) % COUNT_OF(table_names));
}
