/* Decoding: an image of registers by hand, and what it means. */
#include "profile_fixture.h"

#include "base/text.h"
#include "profile/decode.h"

#define REGISTERS 256

/* A unit whose registers the test writes by address. */
struct unit {
    struct profile *profile;
    struct plan *plan;
    struct decoder *decoder;
    uint16_t registers[5][REGISTERS]; /* by table */
    bool fails[5];                    /* reads of that table fail */
    bool slow_fails;
    struct fault_reading faults[64];
    struct sample sample;
    int64_t now_ms;
};

static struct unit *unit_of(struct profile *profile, const struct part_options *options) {
    struct unit *unit = calloc(1, sizeof *unit);
    assert_non_null(unit);
    assert_true(profile->fault_count <= COUNT_OF(unit->faults));
    unit->profile = profile;
    unit->plan = plan_create(profile, options);
    unit->decoder = decoder_create(profile, unit->plan);
    unit->sample.faults = unit->faults;
    unit->now_ms = 1000;
    return unit;
}

static struct unit *unit_text(const char *text) {
    return unit_of(fixture_good(text), NULL);
}

static void unit_free(struct unit *unit) {
    decoder_free(unit->decoder);
    plan_free(unit->plan);
    profile_free(unit->profile);
    free(unit);
}

/* Polls after ms. */
static const struct sample *poll(struct unit *unit, int64_t ms) {
    uint16_t image[512];
    bool valid[64];
    assert_true(unit->plan->image_size <= COUNT_OF(image) && unit->plan->read_count <= COUNT_OF(valid));
    for (size_t i = 0; i < unit->plan->read_count; i++) {
        const struct plan_read *read = &unit->plan->reads[i];
        valid[i] = !unit->fails[read->table] && !(read->lane == LANE_SLOW && unit->slow_fails);
        for (int k = 0; k < read->count; k++)
            image[read->at + (size_t)k] = unit->registers[read->table][read->address + k];
    }
    unit->now_ms += ms;
    decode(unit->decoder, image, valid, (struct instant){.mono_ms = unit->now_ms}, &unit->sample);
    return &unit->sample;
}

static struct value slot(const struct unit *unit, const char *name) {
    int found = profile_slot(unit->profile, name);
    assert_true(found >= 0);
    return decoder_slot(unit->decoder, found);
}

/* NULL: unknown. */
static void check_word(const struct sample *sample, enum item item, const char *word) {
    const char *is = item_word_of(item, sample->item[item]);
    if (!word != !is || (word && strcmp(word, is) != 0))
        fail_msg("%s is %s instead of %s", item_info(item)->name, is ? is : "unknown", word ? word : "unknown");
}

static void check_number(const struct sample *sample, enum item item, int64_t number) {
    if (!sample->item[item].known || sample->item[item].number != number)
        fail_msg("%s is %s%lld instead of %lld", item_info(item)->name, sample->item[item].known ? "" : "unknown, ",
                 (long long)sample->item[item].number, (long long)number);
}

static const struct counter_reading *counter(const struct sample *sample, enum item item) {
    return &sample->counter[item - ITEM_FIRST_COUNTER];
}

static const char *shipped(const char *name) {
    static char path[512];
    snprintf(path, sizeof path, "%s/config/profiles/%s.cfg", SOURCE_DIR, name);
    return path;
}

static struct profile *load_shipped(const char *name) {
    struct problems *problems = problems_create();
    struct profile *profile = profile_load(shipped(name), problems);
    problems_print(problems, stderr);
    assert_non_null(profile);
    assert_null(problems_text(problems, 0));
    problems_free(problems);
    return profile;
}

static void generic_ba_is_decoded_as_its_map_says(void **state) {
    (void)state;
    struct unit *unit = unit_of(load_shipped("generic-ba"), NULL);
    uint16_t *r = unit->registers[TABLE_HOLDING];
    /* normal, running, up, closed, in no zone, occupancy known, occupied */
    r[0x40] = 1 | 1 << 3 | 1 << 4 | 1 << 6 | 1 << 9 | 1 << 10;
    r[0x41] = 1 << 0 | 1 << 15;
    r[0x42] = 1 << 11;
    r[0x43] = (uint16_t)-2;
    r[0x44] = 57;
    r[0x45] = (uint16_t)-1000;
    r[0x46] = 41;
    r[0x47] = 4242;
    r[0x49] = 12; /* hours */
    r[0x4A] = 1;
    r[0x4B] = 2; /* rides: 65538 */
    r[0x4D] = 77;
    r[0x4E] = r[0x4F] = 0xFFFF;
    const struct sample *sample = poll(unit, 0);
    check_word(sample, ITEM_SERVICE_MODE, "normal");
    check_word(sample, ITEM_CAR, "running");
    check_word(sample, ITEM_DIRECTION, "up");
    check_word(sample, ITEM_DOOR, "closed");
    check_word(sample, ITEM_DOOR_ZONE, "no");
    check_word(sample, ITEM_OCCUPIED, "yes");
    check_word(sample, ITEM_OVERLOAD, "no");
    check_word(sample, ITEM_PASSENGER_ALARM, "no");
    check_number(sample, ITEM_FLOOR, -2);
    check_number(sample, ITEM_LOAD_PERCENT, 57);
    check_number(sample, ITEM_SPEED_MM_S, -1000);
    check_number(sample, ITEM_HEARTBEAT, 4242);
    assert_false(sample->item[ITEM_RIDES_TOTAL].known);
    assert_true(counter(sample, ITEM_RUN_HOURS)->value == 12 * 3600000);
    assert_true(counter(sample, ITEM_RUN_HOURS)->modulus == 4294967296 * 3600000);
    assert_int_equal(counter(sample, ITEM_RIDES_TOTAL)->value, 65538);
    assert_true(counter(sample, ITEM_RIDES_TOTAL)->modulus == 4294967296);
    assert_false(counter(sample, ITEM_RIDES_TOTAL)->derived);
    assert_int_equal(counter(sample, ITEM_DISTANCE_M)->value, 77);
    assert_false(counter(sample, ITEM_DOOR_CYCLES_TOTAL)->known);
    assert_int_equal(sample->fault_count, 29);
    for (size_t i = 0; i < 28; i++) {
        bool on = i == 0 || i == 15 || i == 27;
        assert_int_equal(sample->faults[i].seen, on ? SEEN_YES : SEEN_NOT);
        assert_int_equal(sample->faults[i].fault, unit->profile->sources[i].fault);
        assert_int_equal(sample->faults[i].value, on);
        assert_int_equal(sample->faults[i].code, -1);
    }
    assert_int_equal(sample->faults[28].seen, SEEN_YES); /* a code that nobody listed */
    assert_int_equal(sample->faults[28].fault, FAULT_OTHER);
    assert_int_equal(sample->faults[28].code, 41);
    assert_int_equal(sample->faults[28].value, 41);
    assert_string_equal(sample->faults[28].code_text, "");
    unit_free(unit);
}

static void what_the_controller_does_not_know_is_null(void **state) {
    (void)state;
    struct unit *unit = unit_of(load_shipped("generic-ba"), NULL);
    uint16_t *r = unit->registers[TABLE_HOLDING];
    r[0x40] = 7 | 3 << 4 | 1 << 10; /* mode unknown, direction 3, occupied without being known */
    r[0x43] = 0x8000;
    r[0x44] = 0xFFFF;
    r[0x45] = 0x8000;
    const struct sample *sample = poll(unit, 0);
    check_word(sample, ITEM_SERVICE_MODE, NULL);
    check_word(sample, ITEM_DIRECTION, NULL);
    check_word(sample, ITEM_OCCUPIED, NULL);
    check_word(sample, ITEM_DOOR, "moving");
    assert_false(sample->item[ITEM_FLOOR].known);
    assert_false(sample->item[ITEM_LOAD_PERCENT].known);
    assert_false(sample->item[ITEM_SPEED_MM_S].known);
    const uint64_t *counts = decoder_counts(unit->decoder);
    assert_int_equal(counts[DECODE_INVALID], 3);
    assert_int_equal(counts[DECODE_UNMAPPED], 1);
    r[0x44] = 201;
    poll(unit, 100);
    assert_int_equal(counts[DECODE_RANGE], 1);
    struct value raw;
    assert_int_equal(decoder_row(unit->decoder, 11, &raw), DECODE_RANGE);
    assert_true(raw.known);
    assert_int_equal(raw.number, 201);
    unit_free(unit);
}

static void what_is_no_value_of_its_type_has_no_raw_number(void **state) {
    (void)state;
    struct unit *unit =
        unit_text(PROFILE_HOLDING "values = ({ item = \"floor\"; address = 1; type = \"bcd16\"; },"
                                  "{ item = \"rides_total\"; address = 2; type = \"decimal10000\"; });");
    static const struct {
        uint16_t floor, high;
        enum decode_result result;
    } polls[] = {{0x0012, 3, DECODE_OK}, {0x00A2, 10000, DECODE_MALFORMED}, {0x0012, 3, DECODE_OK}};
    for (size_t i = 0; i < COUNT_OF(polls); i++) {
        unit->registers[TABLE_HOLDING][1] = polls[i].floor;
        unit->registers[TABLE_HOLDING][2] = polls[i].high;
        poll(unit, 100);
        for (size_t row = 0; row < 2; row++) {
            struct value raw;
            assert_int_equal(decoder_row(unit->decoder, row, &raw), polls[i].result);
            assert_int_equal(raw.known, polls[i].result == DECODE_OK);
            if (raw.known)
                assert_int_equal(raw.number, row == 0 ? 12 : 30000);
        }
    }
    unit_free(unit);
}

static void what_was_not_read_is_null_and_no_fault_is_cleared(void **state) {
    (void)state;
    struct unit *unit = unit_of(load_shipped("generic-ba"), NULL);
    uint16_t *r = unit->registers[TABLE_HOLDING];
    r[0x41] = 1;
    r[0x4B] = 9;
    poll(unit, 0);
    unit->fails[TABLE_HOLDING] = true;
    const struct sample *sample = poll(unit, 100);
    check_word(sample, ITEM_CAR, NULL);
    check_word(sample, ITEM_DOOR, NULL);
    for (size_t i = 0; i < sample->fault_count; i++)
        assert_int_equal(sample->faults[i].seen, SEEN_UNKNOWN);
    assert_true(decoder_counts(unit->decoder)[DECODE_UNREAD] > 0);
    unit_free(unit);
}

static void a_slow_value_stays_until_its_next_turn(void **state) {
    (void)state;
    struct unit *unit = unit_of(load_shipped("generic-ba"), NULL);
    unit->slow_fails = true;
    assert_false(counter(poll(unit, 0), ITEM_RIDES_TOTAL)->known);
    unit->slow_fails = false;
    unit->registers[TABLE_HOLDING][0x4B] = 9;
    assert_int_equal(counter(poll(unit, 100), ITEM_RIDES_TOTAL)->value, 9);
    unit->slow_fails = true;
    assert_true(counter(poll(unit, 100), ITEM_RIDES_TOTAL)->known);
    assert_int_equal(counter(&unit->sample, ITEM_RIDES_TOTAL)->value, 9);
    assert_int_equal(decoder_counts(unit->decoder)[DECODE_UNREAD], 0);
    unit_free(unit);
}

static void numbers_are_scaled_and_rounded(void **state) {
    (void)state;
    static const struct {
        const char *row;
        uint16_t words[4];
        bool known;
        int64_t number;
    } table[] = {
        {"scale = 0.1", {25}, true, 3},
        {"scale = 0.1", {24}, true, 2},
        {"scale = -0.1", {25}, true, -3},
        {"offset = -10", {3}, true, -7},
        {"scale = 2; offset = 0.5", {3}, true, 7},
        {"type = \"s16\"; scale = 0.5", {0xFFFF}, true, -1},
        {"type = \"float32\"", {0x4020, 0}, true, 3},                /* 2.5 */
        {"type = \"float32\"; scale = 100", {0x4020, 0}, true, 250}, /* not of the rounded 3 */
        {"type = \"float32\"", {0x7FC0, 0}, false, 0},
        {"type = \"float32\"; scale = 1e30", {0x4020, 0}, false, 0},
        {"type = \"u64\"", {0x8000, 0, 0, 0}, false, 0},
        {"type = \"u64\"", {0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF}, true, INT64_MAX},
        {"type = \"u64\"; scale = 1e10", {0x7FFF, 0xFFFF, 0xFFFF, 0xFFFF}, false, 0},
        {"type = \"bcd16\"", {0x0A00}, false, 0},
        {"type = \"bcd16\"; valid = [0, 50]", {0x0051}, false, 0},
        {"type = \"bcd16\"; valid = [0, 50]", {0x0050}, true, 50},
        {"invalid = [0, 0xFFFF]", {0}, false, 0},
        {"type = \"s16\"; valid = [-5, 5]", {0xFFFB}, true, -5},
        {"type = \"s16\"; valid = [-5, 5]", {0xFFFA}, false, 0},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char text[512];
        snprintf(text, sizeof text, PROFILE_HOLDING "values = ( { item = \"floor\"; address = 10; %s; } );",
                 table[i].row);
        struct unit *unit = unit_text(text);
        memcpy(&unit->registers[TABLE_HOLDING][10], table[i].words, sizeof table[i].words);
        const struct value value = poll(unit, 0)->item[ITEM_FLOOR];
        if (value.known != table[i].known || (value.known && value.number != table[i].number))
            fail_msg("%s: %d %lld", table[i].row, value.known, (long long)value.number);
        unit_free(unit);
    }
}

static void counters_wrap_in_their_own_unit(void **state) {
    (void)state;
    static const struct {
        const char *row;
        uint16_t words[2];
        bool known;
        int64_t value, modulus;
    } table[] = {
        {"item = \"rides_total\"; address = 10", {7}, true, 7, 65536},
        {"item = \"rides_total\"; address = 10; bits = [0, 11]", {0xF007}, true, 7, 4096},
        {"item = \"rides_total\"; address = 10; scale = 10", {7}, true, 70, 655360},
        {"item = \"rides_total\"; address = 10; type = \"decimal10000\"", {12, 3456}, true, 123456, 100000000},
        {"item = \"rides_total\"; address = 10; type = \"s32\"", {0xFFFF, 0xFFFF}, false, 0, 0},
        {"item = \"run_hours\"; address = 10", {7}, true, 7 * 3600000, 65536LL * 3600000},
        {"item = \"run_hours\"; address = 10; scale = 0.1", {5}, true, 1800000, 23592960000},
        {"item = \"run_hours\"; address = 10; type = \"float32\"", {0x3F00, 0}, true, 1800000, 0},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        char text[512];
        snprintf(text, sizeof text, PROFILE_HOLDING "values = ( { %s; } );", table[i].row);
        struct unit *unit = unit_text(text);
        memcpy(&unit->registers[TABLE_HOLDING][10], table[i].words, sizeof table[i].words);
        enum item item = (enum item)unit->profile->values[0].slot;
        const struct counter_reading *reading = counter(poll(unit, 0), item);
        if (reading->known != table[i].known ||
            (reading->known && (reading->value != table[i].value || reading->modulus != table[i].modulus)))
            fail_msg("%s: %d %lld of %lld", table[i].row, reading->known, (long long)reading->value,
                     (long long)reading->modulus);
        unit_free(unit);
    }
}

/* domain.md 5.1: mode 5 is "fault": the lift is still in the mode in which it failed. */
static void keep_leaves_what_was(void **state) {
    (void)state;
    struct unit *unit = unit_text(
        PROFILE_HOLDING "values = ( { item = \"service_mode\"; address = 0; bits = [4, 7];\n"
                        " map = { inspection = [0, 1, 2]; normal = [6, 7]; keep = 5; unknown = 9; }; },\n"
                        " { item = \"_quake\"; address = 1; bit = 0; } );\n"
                        "rules = ( { item = \"service_mode\"; from = [\"_quake\"]; map = { earthquake = \"1\"; }; else "
                        "= \"keep\"; } );");
    uint16_t *r = unit->registers[TABLE_HOLDING];
    static const struct {
        uint16_t mode, quake;
        const char *word;
    } steps[] = {{5, 0, NULL},         {7, 0, "normal"},     {5, 0, "normal"}, {0, 0, "inspection"},
                 {5, 0, "inspection"}, {7, 1, "earthquake"}, {7, 0, "normal"}, {5, 1, "earthquake"},
                 {5, 0, "earthquake"}, {9, 0, NULL},         {5, 0, NULL},     {15, 0, NULL}};
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        r[0] = (uint16_t)(steps[i].mode << 4);
        r[1] = steps[i].quake;
        check_word(poll(unit, 100), ITEM_SERVICE_MODE, steps[i].word);
    }
    unit_free(unit);
}

static void later_rows_override_earlier_ones(void **state) {
    (void)state;
    struct unit *unit =
        unit_text(PROFILE_HOLDING
                  "values = ( { item = \"door\"; address = 0; bit = 0; map = { closed = 1; not_closed = 0; }; },\n"
                  " { item = \"door\"; address = 0; bit = 1; map = { open = 1; keep = 0; }; } );");
    static const char *const words[] = {"not_closed", "closed", "open", "open"};
    for (uint16_t i = 0; i < COUNT_OF(words); i++) {
        unit->registers[TABLE_HOLDING][0] = i;
        check_word(poll(unit, 100), ITEM_DOOR, words[i]);
    }
    unit_free(unit);
}

/* Every combination of two items that may be null. */
static void null_matches_only_a_dash(void **state) {
    (void)state;
    struct unit *unit = unit_text(
        PROFILE_HOLDING "values = ( { item = \"_a\"; address = 0; map = { no = 0; yes = 1; }; },\n"
                        " { item = \"_b\"; address = 1; map = { no = 0; yes = 1; }; } );\n"
                        "rules = ( { item = \"door\"; from = [\"_a\", \"_b\"];\n"
                        " map = { closed = \"11\"; opening = \"0-\"; open = \"-0\"; }; else = \"fault\"; } );\n"
                        "faults = ( { id = \"overspeed\"; from = [\"_a\", \"_b\"]; is = \"11\"; } );");
    static const struct {
        uint16_t a, b; /* 2: null */
        const char *door;
        enum seen seen;
    } table[] = {
        {1, 1, "closed", SEEN_YES},    {0, 1, "opening", SEEN_NOT},   {0, 2, "opening", SEEN_NOT},
        {1, 0, "open", SEEN_NOT},      {2, 0, "open", SEEN_NOT},      {2, 1, "fault", SEEN_UNKNOWN},
        {1, 2, "fault", SEEN_UNKNOWN}, {2, 2, "fault", SEEN_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        unit->registers[TABLE_HOLDING][0] = table[i].a;
        unit->registers[TABLE_HOLDING][1] = table[i].b;
        const struct sample *sample = poll(unit, 100);
        check_word(sample, ITEM_DOOR, table[i].door);
        assert_int_equal(sample->faults[0].seen, table[i].seen);
    }
    unit_free(unit);
}

static void a_change_is_believed_when_it_has_stood(void **state) {
    (void)state;
    struct unit *unit = unit_text(
        PROFILE_HOLDING "values = ( { item = \"overload\"; address = 0; bit = 0; on_ms = 500; off_ms = 200; },\n"
                        " { item = \"car\"; address = 1; map = { stopped = 0; running = 1; }; on_ms = 300; } );");
    uint16_t *r = unit->registers[TABLE_HOLDING];
    r[0] = 1;
    check_word(poll(unit, 0), ITEM_OVERLOAD, "yes"); /* the first is believed at once */
    assert_true(decoder_due_ms(unit->decoder) == INT64_MAX);
    r[0] = 0;
    check_word(poll(unit, 100), ITEM_OVERLOAD, "yes");
    assert_true(decoder_due_ms(unit->decoder) == unit->now_ms + 200);
    check_word(poll(unit, 199), ITEM_OVERLOAD, "yes");
    check_word(poll(unit, 1), ITEM_OVERLOAD, "no");
    assert_true(decoder_due_ms(unit->decoder) == INT64_MAX);
    r[0] = 1;
    check_word(poll(unit, 100), ITEM_OVERLOAD, "no");
    check_word(poll(unit, 400), ITEM_OVERLOAD, "no");
    r[0] = 0; /* it bounced: its time begins again */
    check_word(poll(unit, 50), ITEM_OVERLOAD, "no");
    r[0] = 1;
    check_word(poll(unit, 50), ITEM_OVERLOAD, "no");
    check_word(poll(unit, 499), ITEM_OVERLOAD, "no");
    check_word(poll(unit, 1), ITEM_OVERLOAD, "yes");
    r[1] = 1;
    check_word(poll(unit, 100), ITEM_CAR, "stopped");
    assert_true(decoder_due_ms(unit->decoder) == unit->now_ms + 300);
    check_word(poll(unit, 300), ITEM_CAR, "running");
    r[1] = 9; /* unknown needs no time */
    check_word(poll(unit, 100), ITEM_CAR, NULL);
    r[1] = 1;
    check_word(poll(unit, 100), ITEM_CAR, "running");
    unit_free(unit);
}

#define RIDES                                                                                                          \
    PROFILE_HOLDING "values = ( { item = \"car\"; address = 0; map = { stopped = 0; running = 1; }; } );\n"            \
                    "rules = ( { item = \"rides_total\"; count = \"car\"; is = \"running\"; min_ms = 1500; },\n"       \
                    " { item = \"run_hours\"; time = \"car\"; is = \"running\"; } );"
static void rides_and_hours_are_counted(void **state) {
    (void)state;
    struct unit *unit = unit_text(RIDES);
    static const struct {
        uint16_t car; /* 2: null */
        int64_t after_ms;
        int64_t rides, ms; /* -1: not known */
    } steps[] = {
        {1, 0, 0, 0},                                               /* running when we came: not counted */
        {1, 2000, 0, 2000},                                         /* but its time is */
        {0, 1000, 0, 1000},                                         /* it stopped somewhere in between */
        {0, 1000, 0, 0},      {1, 500, 0, 0},                       /* begins */
        {1, 1499, 0, 1499},                                         /* not yet a ride */
        {1, 1, 1, 1},                                               /* now */
        {1, 5000, 0, 5000},                                         /* once */
        {0, 100, 0, 100},     {1, 100, 0, 0},   {0, 1400, 0, 1400}, /* too short: re-levelling */
        {2, 100, -1, -1},     {1, 100, 0, 0},                       /* across a null: nobody saw it begin */
        {1, 2000, 0, 2000},   {1, 10001, 0, 0},                     /* a hole in the samples */
        {1, 10000, 0, 10000}, {2, 100, -1, -1}, {0, 100, 0, 0},
        {1, 100, 0, 0},       {1, 60000, 1, 0}, /* seen to begin, still on */
    };
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        unit->registers[TABLE_HOLDING][0] = steps[i].car;
        const struct sample *sample = poll(unit, steps[i].after_ms);
        const struct counter_reading *rides = counter(sample, ITEM_RIDES_TOTAL);
        const struct counter_reading *hours = counter(sample, ITEM_RUN_HOURS);
        assert_true(rides->derived && hours->derived && rides->modulus == 0);
        assert_int_equal(rides->known, steps[i].rides >= 0);
        assert_int_equal(hours->known, steps[i].ms >= 0);
        if (rides->known && (rides->value != steps[i].rides || hours->value != steps[i].ms))
            fail_msg("step %zu: %lld rides, %lld ms", i, (long long)rides->value, (long long)hours->value);
    }
    unit_free(unit);
}

/* While a ride is timed, samples are wanted though nothing changes: else the hole would swallow it. */
static void counting_asks_for_samples(void **state) {
    (void)state;
    struct unit *unit = unit_text(RIDES);
    poll(unit, 0);
    assert_true(decoder_due_ms(unit->decoder) == INT64_MAX);
    unit->registers[TABLE_HOLDING][0] = 1;
    poll(unit, 100);
    assert_true(decoder_due_ms(unit->decoder) == unit->now_ms + 1500);
    poll(unit, 1500);
    assert_true(decoder_due_ms(unit->decoder) > unit->now_ms && decoder_due_ms(unit->decoder) < unit->now_ms + 10000);
    unit_free(unit);
}

#define CODES                                                                                                          \
    PROFILE_HOLDING                                                                                                    \
    "values = ( { item = \"_on\"; address = 1; bit = 0; } );\n"                                                        \
    "faults = ( { address = 0; none = [0, 99]; code_format = \"E%02d\"; no_stop = [22]; only_if = \"_on\";\n"          \
    " codes = ( (41, \"safety_circuit_open\", \"安全回路断开\", \"Safety circuit broken\"),\n"                   \
    " (22, \"shaft_sensor_fault\", \"平层\", \"levelling\"), (26, \"-\", \"地震\", \"Earthquake\") ); } );"
static void codes_say_which_fault_they_are(void **state) {
    (void)state;
    struct unit *unit = unit_text(CODES);
    uint16_t *r = unit->registers[TABLE_HOLDING];
    static const struct {
        uint16_t code;
        enum seen seen;
        enum fault fault;
        const char *text, *english;
        bool no_stop;
    } table[] = {
        {0, SEEN_NOT, 0, NULL, NULL, false},
        {41, SEEN_YES, FAULT_SAFETY_CIRCUIT_OPEN, "E41", "Safety circuit broken", false},
        {22, SEEN_YES, FAULT_SHAFT_SENSOR_FAULT, "E22", "levelling", true},
        {26, SEEN_NOT, 0, NULL, NULL, false},
        {99, SEEN_NOT, 0, NULL, NULL, false},
        {7, SEEN_YES, FAULT_OTHER, "E07", NULL, false},
        {65535, SEEN_YES, FAULT_OTHER, "E65535", NULL, false},
    };
    for (size_t i = 0; i < COUNT_OF(table); i++) {
        r[0] = table[i].code;
        r[1] = 1;
        const struct fault_reading *reading = &poll(unit, 100)->faults[0];
        assert_int_equal(reading->seen, table[i].seen);
        assert_int_equal(reading->value, table[i].code);
        if (table[i].seen == SEEN_YES) {
            assert_int_equal(reading->fault, table[i].fault);
            assert_int_equal(reading->code, table[i].code);
            assert_string_equal(reading->code_text, table[i].text);
            assert_int_equal(reading->no_stop, table[i].no_stop);
            assert_true(!reading->english == !table[i].english);
            assert_true(!table[i].english || strcmp(reading->english, table[i].english) == 0);
        }
        r[1] = 0; /* only_if: neither raised nor cleared */
        assert_int_equal(poll(unit, 100)->faults[0].seen, SEEN_UNKNOWN);
    }
    unit_free(unit);
}

static void inverting_twice_is_not_inverting(void **state) {
    (void)state;
    static const char *const options[] = {"_a", "_b", NULL};
    static const char text[] =
        PROFILE_HOLDING "values = ( { item = \"_a\"; address = 0; bit = 0; }, { item = \"_b\"; address = 0; bit = 1; "
                        "invert = true; },\n"
                        " { item = \"car\"; address = 0; bit = 0; map = { stopped = 0; running = 1; }; } );\n"
                        "faults = ( { id = \"overspeed\"; address = 0; bit = 0; },"
                        " { id = \"brake_fault\"; address = 0; bit = 2; invert = true; } );";
    struct unit *plain = unit_text(text);
    poll(plain, 0);
    assert_int_equal(slot(plain, "_a").number, 0);
    assert_int_equal(slot(plain, "_b").number, 1);
    assert_int_equal(plain->sample.faults[0].seen, SEEN_NOT);
    assert_int_equal(plain->sample.faults[1].seen, SEEN_YES);
    unit_free(plain);
    struct unit *inverted = unit_of(fixture_good(text), &(struct part_options){.invert = options});
    poll(inverted, 0);
    assert_int_equal(slot(inverted, "_a").number, 1);
    assert_int_equal(slot(inverted, "_b").number, 0);
    check_word(&inverted->sample, ITEM_CAR, "running"); /* it is the input that is inverted: every row that reads it */
    assert_int_equal(inverted->sample.faults[0].seen, SEEN_YES);
    assert_int_equal(inverted->sample.faults[1].seen, SEEN_YES);
    unit_free(inverted);
}

/* dio-8: inputs 0 chain, 1 door closed, 2 zone, 3 running, 4 up, 5 inspection, 6 alarm, 7 mains */
static void set_inputs(struct unit *unit, const char *inputs) {
    for (size_t i = 0; i < 8; i++)
        unit->registers[TABLE_DISCRETE][i] = inputs[i] == '1';
}

static const struct sample *settle(struct unit *unit, const char *inputs) {
    set_inputs(unit, inputs);
    for (int i = 0; i < 40; i++)
        poll(unit, 100);
    return &unit->sample;
}

static void dio_8_reads_dry_contacts(void **state) {
    (void)state;
    struct unit *unit = unit_of(load_shipped("dio-8"), NULL);
    assert_int_equal(unit->plan->read_count, 1);
    const struct sample *sample = settle(unit, "11100001");
    check_word(sample, ITEM_CAR, "stopped");
    check_word(sample, ITEM_DOOR, "closed");
    check_word(sample, ITEM_DOOR_ZONE, "yes");
    check_word(sample, ITEM_DIRECTION, "none");
    check_word(sample, ITEM_SERVICE_MODE, "normal");
    check_word(sample, ITEM_PASSENGER_ALARM, "no");
    sample = settle(unit, "11011001");
    check_word(sample, ITEM_CAR, "running");
    check_word(sample, ITEM_DIRECTION, "up");
    check_word(sample, ITEM_DOOR_ZONE, "no");
    sample = settle(unit, "10100111");
    check_word(sample, ITEM_DOOR, "not_closed");
    check_word(sample, ITEM_SERVICE_MODE, "inspection");
    check_word(sample, ITEM_PASSENGER_ALARM, "yes");
    sample = settle(unit, "01100001");
    assert_int_equal(sample->faults[0].seen, SEEN_YES); /* chain open with the door closed */
    assert_int_equal(sample->faults[1].seen, SEEN_NOT);
    assert_int_equal(sample->faults[2].seen, SEEN_NOT);
    assert_int_equal(settle(unit, "11000001")->faults[1].seen, SEEN_YES); /* stands outside the zone */
    unit_free(unit);
}

/* Without mains every input reads 0: nothing of that may look like a car outside the zone, an open chain, a door that
 * opened, or a call; neither on the way down nor on the way back. */
static void a_power_cut_looks_like_nothing_but_a_power_cut(void **state) {
    (void)state;
    struct unit *unit = unit_of(load_shipped("dio-8"), NULL);
    int64_t cycles = 0;
    settle(unit, "11100001");
    for (int i = 0; i < 200; i++) {
        set_inputs(unit, i < 100 ? "00000000" : i < 105 ? "00000001" : "11100001"); /* mains first, contacts later */
        const struct sample *sample = poll(unit, 50);
        check_word(sample, ITEM_DOOR_ZONE, "yes");
        check_word(sample, ITEM_DOOR, "closed");
        check_word(sample, ITEM_CAR, "stopped");
        check_word(sample, ITEM_SERVICE_MODE, "normal");
        assert_int_not_equal(sample->faults[0].seen, SEEN_YES);
        assert_int_not_equal(sample->faults[1].seen, SEEN_YES);
        assert_true(!sample->item[ITEM_PASSENGER_ALARM].known || sample->item[ITEM_PASSENGER_ALARM].number == 0);
        if (i < 100)
            assert_int_equal(sample->faults[2].seen, SEEN_YES);
        cycles += counter(sample, ITEM_DOOR_CYCLES_TOTAL)->value + counter(sample, ITEM_RIDES_TOTAL)->value;
    }
    assert_int_equal(unit->sample.faults[2].seen, SEEN_NOT);
    assert_int_equal(cycles, 0);
    unit_free(unit);
}

/* A car that was running when the mains went has stopped, also where its contact is wired the other way round. */
static void without_mains_the_car_stands(void **state) {
    (void)state;
    static const char *const invert[] = {"_running", NULL};
    struct unit *unit = unit_of(load_shipped("dio-8"), &(struct part_options){.invert = invert});
    check_word(settle(unit, "11001001"), ITEM_CAR, "running");
    check_word(settle(unit, "00000000"), ITEM_CAR, "stopped");
    check_word(&unit->sample, ITEM_DOOR_ZONE, "no"); /* and stands between two floors, as was seen last */
    unit_free(unit);
}

static void dio_8_counts_rides(void **state) {
    (void)state;
    struct unit *unit = unit_of(load_shipped("dio-8"), NULL);
    int64_t rides = 0;
    int64_t cycles = 0;
    int64_t ms = 0;
    static const struct {
        const char *inputs;
        int polls;
    } story[] = {
        {"11100001", 30}, {"10100001", 30}, {"11100001", 30}, /* the door opens and closes */
        {"11011001", 60},                                     /* a ride */
        {"10011001", 1},  {"11011001", 20},                   /* in which the door contact bounces */
        {"11100001", 30}, {"10110001", 30}, {"10100001", 30}, /* re-levelling with the door open */
        {"11100001", 30}, {"11110101", 50}, {"11100101", 30}, /* an inspection ride */
    };
    for (size_t i = 0; i < COUNT_OF(story); i++)
        for (int k = 0; k < story[i].polls; k++) {
            set_inputs(unit, story[i].inputs);
            const struct sample *sample = poll(unit, 100);
            rides += counter(sample, ITEM_RIDES_TOTAL)->value;
            cycles += counter(sample, ITEM_DOOR_CYCLES_TOTAL)->value;
            ms += counter(sample, ITEM_RUN_HOURS)->value;
        }
    assert_int_equal(rides, 1);
    assert_int_equal(cycles, 2);
    assert_true(ms > 15500 && ms < 16500);
    unit_free(unit);
}

static void unused_contacts_are_assumed(void **state) {
    (void)state;
    static const char *const unused[] = {"door_zone", "_mains", "_chain", NULL};
    static const char *const without[] = {"rides_total", "car", NULL};
    const struct part_options options = {.unused = unused, .without = without};
    struct unit *unit = unit_of(load_shipped("dio-8"), &options);
    const struct sample *sample = settle(unit, "01100000");
    check_word(sample, ITEM_DOOR_ZONE, NULL); /* no assumption in the profile: null */
    check_word(sample, ITEM_DOOR, "closed");  /* mains are assumed to be there */
    check_word(sample, ITEM_CAR, NULL);       /* another part's */
    assert_false(counter(sample, ITEM_RIDES_TOTAL)->known);
    assert_true(counter(sample, ITEM_RUN_HOURS)->known); /* though it is made from the car */
    assert_int_equal(sample->faults[0].seen, SEEN_NOT);  /* the chain is assumed to be closed */
    assert_int_equal(sample->faults[1].seen, SEEN_UNKNOWN);
    uint32_t provides = decoder_provides(unit->profile, &options);
    assert_true(provides & 1U << ITEM_DOOR);
    assert_true(provides & 1U << ITEM_DOOR_ZONE);
    assert_false(provides & 1U << ITEM_CAR);
    assert_false(provides & 1U << ITEM_RIDES_TOTAL);
    assert_false(provides & 1U << ITEM_FLOOR);
    unit_free(unit);
}

static void any_image_decodes(void **state) {
    (void)state;
    static const char *const names[] = {"generic-ba", "dio-8"};
    srand(11);
    for (size_t k = 0; k < COUNT_OF(names); k++) {
        struct unit *unit = unit_of(load_shipped(names[k]), NULL);
        for (int i = 0; i < 500; i++) {
            for (int table = 1; table < 5; table++)
                for (int address = 0; address < REGISTERS; address++)
                    unit->registers[table][address] = (uint16_t)(table < 3    ? rand() % 2
                                                                 : rand() % 3 ? rand()
                                                                              : 0xFFFF * (rand() % 2));
            const struct sample *sample = poll(unit, rand() % 3000);
            for (enum item item = 0; item < ITEM_FIRST_COUNTER; item++) /* words stay within their vocabulary */
                assert_true(item_info(item)->word_count == 0 || !sample->item[item].known ||
                            item_word_of(item, sample->item[item]));
        }
        unit_free(unit);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generic_ba_is_decoded_as_its_map_says),
        cmocka_unit_test(what_the_controller_does_not_know_is_null),
        cmocka_unit_test(what_is_no_value_of_its_type_has_no_raw_number),
        cmocka_unit_test(what_was_not_read_is_null_and_no_fault_is_cleared),
        cmocka_unit_test(a_slow_value_stays_until_its_next_turn),
        cmocka_unit_test(numbers_are_scaled_and_rounded),
        cmocka_unit_test(counters_wrap_in_their_own_unit),
        cmocka_unit_test(keep_leaves_what_was),
        cmocka_unit_test(later_rows_override_earlier_ones),
        cmocka_unit_test(null_matches_only_a_dash),
        cmocka_unit_test(a_change_is_believed_when_it_has_stood),
        cmocka_unit_test(rides_and_hours_are_counted),
        cmocka_unit_test(counting_asks_for_samples),
        cmocka_unit_test(codes_say_which_fault_they_are),
        cmocka_unit_test(inverting_twice_is_not_inverting),
        cmocka_unit_test(dio_8_reads_dry_contacts),
        cmocka_unit_test(a_power_cut_looks_like_nothing_but_a_power_cut),
        cmocka_unit_test(without_mains_the_car_stands),
        cmocka_unit_test(dio_8_counts_rides),
        cmocka_unit_test(unused_contacts_are_assumed),
        cmocka_unit_test(any_image_decodes),
    };
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
