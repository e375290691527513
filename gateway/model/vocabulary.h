/* The words that every lift speaks, whatever controller hangs in the shaft: items, their words, and the faults.
 * Each is a row in a table of vocabulary.c; the ids are stable and are what stands in topics and payloads. */
#ifndef LIFTGW_MODEL_VOCABULARY_H
#define LIFTGW_MODEL_VOCABULARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What can be known of a car at a moment, and its counters. */
enum item {
    ITEM_SERVICE_MODE,
    ITEM_CAR,
    ITEM_DIRECTION,
    ITEM_DOOR,
    ITEM_DOOR_ZONE,
    ITEM_FLOOR,
    ITEM_OCCUPIED,
    ITEM_OVERLOAD,
    ITEM_PASSENGER_ALARM,
    ITEM_SPEED_MM_S,
    ITEM_LOAD_PERCENT,
    ITEM_HEARTBEAT,
    ITEM_RIDES_TOTAL,
    ITEM_RUN_HOURS,
    ITEM_DOOR_CYCLES_TOTAL,
    ITEM_DISTANCE_M,
    ITEM_COUNT
};
#define ITEM_FIRST_COUNTER ITEM_RIDES_TOTAL
#define COUNTER_COUNT (ITEM_COUNT - ITEM_FIRST_COUNTER)

enum item_kind { KIND_WORD, KIND_BOOL, KIND_NUMBER, KIND_COUNTER };

struct item_info {
    const char *name;
    enum item_kind kind;
    const char *const *words; /* KIND_WORD: by number; KIND_BOOL: "no", "yes"; else NULL */
    size_t word_count;
};

/* A value that may be unknown: number is the word's index, 0 or 1, or the number itself. */
struct value {
    bool known;
    int64_t number;
};
#define VALUE_UNKNOWN ((struct value){.known = false})
#define VALUE(n) ((struct value){.known = true, .number = (n)})

enum service_mode {
    MODE_OUT_OF_SERVICE,
    MODE_NORMAL,
    MODE_INSPECTION,
    MODE_FIRE_RETURN,
    MODE_FIREFIGHTER,
    MODE_EMERGENCY_POWER,
    MODE_EARTHQUAKE
};
enum car { CAR_STOPPED, CAR_RUNNING };
enum direction { DIRECTION_NONE, DIRECTION_UP, DIRECTION_DOWN };
enum door { DOOR_CLOSED, DOOR_OPENING, DOOR_OPEN, DOOR_CLOSING, DOOR_MOVING, DOOR_NOT_CLOSED, DOOR_FAULT };

const struct item_info *item_info(enum item item);
/* The item of that name, ITEM_COUNT if there is none. */
enum item item_by_name(const char *name);
/* The number of a word of the item, -1 if it has no such word. */
int item_word(enum item item, const char *word);
/* The word for a value, NULL if it is unknown or the item has no words. */
const char *item_word_of(enum item item, struct value value);

/* domain.md 2: the fault taxonomy. */
enum fault {
    FAULT_ENTRAPMENT,
    FAULT_SAFETY_CIRCUIT_OPEN,
    FAULT_DOOR_CLOSE_FAULT,
    FAULT_DOOR_OPEN_FAULT,
    FAULT_STOP_OUTSIDE_ZONE,
    FAULT_UNINTENDED_CAR_MOVEMENT,
    FAULT_RUN_TIME_LIMIT,
    FAULT_POSITION_LOST,
    FAULT_RESTART_PREVENTED,
    FAULT_OVERRUN_TOP,
    FAULT_OVERRUN_BOTTOM,
    FAULT_OVERSPEED,
    FAULT_DOOR_LOCK_OPEN,
    FAULT_DOOR_LOCK_FAULT,
    FAULT_BRAKE_FAULT,
    FAULT_DRIVE_FAULT,
    FAULT_ENCODER_FAULT,
    FAULT_DRIVE_OVERTEMP,
    FAULT_MOTOR_OVERTEMP,
    FAULT_SHAFT_SENSOR_FAULT,
    FAULT_RELEVEL_FAULT,
    FAULT_POWER_SUPPLY_FAULT,
    FAULT_CONTROLLER_SUPPLY_FAULT,
    FAULT_CONTROLLER_FAULT,
    FAULT_INTERNAL_COMM_FAULT,
    FAULT_CALL_BUTTON_STUCK,
    FAULT_LOAD_MEASUREMENT_FAULT,
    FAULT_SELF_TEST_FAILURE,
    FAULT_OTHER,
    FAULT_COUNT
};

enum severity { SEVERITY_MINOR, SEVERITY_MAJOR, SEVERITY_CRITICAL, SEVERITY_COUNT };
/* How likely it is that somebody is trapped when this fault stops the car. */
enum trapping { TRAPPING_NO, TRAPPING_POSSIBLE, TRAPPING_LIKELY, TRAPPING_YES, TRAPPING_UNKNOWN, TRAPPING_COUNT };

struct fault_info {
    const char *id;
    const char *english;
    const char *chinese;
    enum severity severity;
    enum trapping entrapment;
    int bacnet; /* BACnetLiftFault (ASHRAE 135 clause 12.59), -1 none */
};

const struct fault_info *fault_info(enum fault fault);
/* The fault of that id, FAULT_COUNT if there is none. */
enum fault fault_by_id(const char *id);
const char *severity_name(enum severity severity);
enum severity severity_by_name(const char *name); /* SEVERITY_COUNT if there is none */
const char *trapping_name(enum trapping trapping);
enum trapping trapping_by_name(const char *name); /* TRAPPING_COUNT if there is none */

/* Modbus tables, numbered by the function code that reads them: nothing else can be asked (design.md 4). */
enum table { TABLE_COIL = 1, TABLE_DISCRETE = 2, TABLE_HOLDING = 3, TABLE_INPUT = 4 };
const char *table_name(enum table table);
int table_by_name(const char *name); /* 0 if there is none */

#endif
