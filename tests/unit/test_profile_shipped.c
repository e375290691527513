/* The profiles that come with liftgw: each is right as it stands, and says what its source says. */
#include "profile_fixture.h"

#include "base/text.h"
#include "profile/place.h"
#include "profile/plan.h"

#include <dirent.h>

#define PROFILES SOURCE_DIR "/config/profiles"

static struct profile *load(const char *name) {
    char path[512];
    snprintf(path, sizeof path, PROFILES "/%s.cfg", name);
    struct problems *problems = problems_create();
    struct profile *profile = profile_load(path, problems);
    problems_print(problems, stderr);
    assert_non_null(profile);
    assert_null(problems_text(problems, 0));
    problems_free(problems);
    return profile;
}

static void each_is_right_and_tells_its_source(void **state) {
    (void)state;
    DIR *folder = opendir(PROFILES);
    assert_non_null(folder);
    size_t count = 0;
    for (struct dirent *entry; (entry = readdir(folder));) {
        char name[256];
        text_copy(name, sizeof name, entry->d_name);
        char *dot = strrchr(name, '.');
        if (!dot || strcmp(dot, ".cfg") != 0)
            continue;
        *dot = '\0';
        struct profile *profile = load(name);
        assert_non_null(profile->title);
        assert_non_null(profile->origin);
        assert_false(profile->verified); /* nobody has confirmed one on site */
        assert_true(profile->line.baud > 0 && profile->line.parity != PARITY_UNSET && profile->line.stop_bits > 0);
        profile_free(profile);
        count++;
    }
    closedir(folder);
    assert_int_equal(count, 7);
}

/* Line, limits and warnings. */
static void each_knows_its_line(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int baud, stop_bits, unit, table, max_registers;
        enum dialect dialect;
        const char *warns;
    } lines[] = {
        {"generic-ba", 9600, 1, 1, TABLE_HOLDING, 23, DIALECT_RTU, NULL},
        {"dio-8", 9600, 1, 10, TABLE_DISCRETE, 8, DIALECT_RTU, NULL},
        {"monarch-nice3000plus", 9600, 1, 1, TABLE_HOLDING, 10, DIALECT_MONARCH, "hall_bus commissioning_port"},
        {"monarch-nice1000new", 9600, 1, 1, TABLE_HOLDING, 10, DIALECT_MONARCH, "hall_bus commissioning_port"},
        {"invertek-elevator-core", 115200, 1, 1, TABLE_HOLDING, 125, DIALECT_RTU, "trips_on_silence"},
        {"emerson-ev3200-door", 19200, 2, 1, TABLE_HOLDING, 1, DIALECT_RTU, NULL},
        {"techno-lift", 9600, 1, 1, TABLE_HOLDING, 125, DIALECT_RTU, NULL},
    };
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct profile *profile = load(lines[i].name);
        assert_int_equal(profile->line.baud, lines[i].baud);
        assert_int_equal(profile->line.parity, PARITY_NONE);
        assert_int_equal(profile->line.stop_bits, lines[i].stop_bits);
        assert_int_equal(profile->line.unit, lines[i].unit);
        assert_int_equal(profile->table, lines[i].table);
        assert_int_equal(profile->max_registers, lines[i].max_registers);
        assert_int_equal(profile->dialect, lines[i].dialect);
        char warns[128] = "";
        for (size_t k = 0; k < profile->warning_count; k++) {
            size_t used = strlen(warns);
            snprintf(warns + used, sizeof warns - used, "%s%s", k ? " " : "", profile->warnings[k].id);
        }
        assert_string_equal(warns, lines[i].warns ? lines[i].warns : "");
        profile_free(profile);
    }
}

static const struct value_row *row_of(const struct profile *profile, const char *item) {
    for (size_t i = 0; i < profile->value_count; i++)
        if (strcmp(profile->slot_names[profile->values[i].slot], item) == 0)
            return &profile->values[i];
    fail_msg("%s has no row for %s", profile->name, item);
    return NULL;
}

static void assert_place(const struct profile *profile, const char *item, int address, enum raw_type type) {
    const struct value_row *row = row_of(profile, item);
    assert_int_equal(row->place.address, address);
    assert_int_equal(row->place.type, type);
}

static void the_monarch_family_differs_in_its_counters(void **state) {
    (void)state;
    struct profile *big = load("monarch-nice3000plus");
    struct profile *small = load("monarch-nice1000new");
    assert_place(big, "run_hours", 0xF909, RAW_U16);
    assert_place(big, "rides_total", 0xF90B, RAW_DECIMAL10000);
    assert_place(small, "run_hours", 0xF903, RAW_U16);
    assert_place(small, "rides_total", 0xF905, RAW_DECIMAL10000);
    assert_int_equal(place_modulus(&row_of(big, "rides_total")->place), 100000000);
    assert_int_equal(big->value_count, small->value_count);
    for (size_t i = 0; i + 2 < big->value_count; i++)
        assert_true(place_same(&big->values[i].place, &small->values[i].place));
    assert_int_equal(big->rule_count, small->rule_count);
    assert_int_equal(big->faults[0].code_count, small->faults[0].code_count);
    for (int i = 0; i < 2; i++) { /* both halves of the ride counter come in one request */
        struct plan *plan = plan_create(i ? small : big, NULL);
        for (size_t k = 0; k < plan->read_count; k++)
            assert_true(plan->reads[k].count <= 10);
        plan_free(plan);
    }
    profile_free(big);
    profile_free(small);
}

static void the_codes_of_monarch_are_those_of_its_manuals(void **state) {
    (void)state;
    static const struct {
        enum fault fault;
        int codes[20]; /* 0 ends */
    } table[] = {
        {FAULT_DRIVE_FAULT, {2, 3, 4, 5, 6, 7, 8, 10, 11, 13, 16, 18, 19, 29, 36, 54}},
        {FAULT_POWER_SUPPLY_FAULT, {9, 12}},
        {FAULT_DRIVE_OVERTEMP, {14}},
        {FAULT_ENCODER_FAULT, {17, 20, 38}},
        {FAULT_SHAFT_SENSOR_FAULT, {22, 43, 44, 45, 58}},
        {FAULT_CONTROLLER_FAULT, {24, 25, 34}},
        {FAULT_COUNT, {26}}, /* earthquake: no fault */
        {FAULT_POSITION_LOST, {30, 35}},
        {FAULT_OVERSPEED, {33, 56}},
        {FAULT_BRAKE_FAULT, {37, 66}},
        {FAULT_MOTOR_OVERTEMP, {39}},
        {FAULT_RUN_TIME_LIMIT, {40}},
        {FAULT_SAFETY_CIRCUIT_OPEN, {41}},
        {FAULT_DOOR_LOCK_OPEN, {42}},
        {FAULT_RELEVEL_FAULT, {46}},
        {FAULT_DOOR_LOCK_FAULT, {47, 53}},
        {FAULT_DOOR_OPEN_FAULT, {48, 55}},
        {FAULT_DOOR_CLOSE_FAULT, {49}},
        {FAULT_INTERNAL_COMM_FAULT, {51, 52, 57}},
        {FAULT_LOAD_MEASUREMENT_FAULT, {62}},
        {FAULT_UNINTENDED_CAR_MOVEMENT, {65}},
    };
    struct profile *profile = load("monarch-nice3000plus");
    const struct fault_row *row = &profile->faults[0];
    size_t count = 0;
    for (size_t i = 0; i < COUNT_OF(table); i++)
        for (size_t k = 0; table[i].codes[k]; k++, count++) {
            size_t at = 0;
            while (at < row->code_count && row->codes[at].raw != table[i].codes[k])
                at++;
            assert_true(at < row->code_count);
            assert_int_equal(row->codes[at].fault, table[i].fault);
        }
    assert_int_equal(count, row->code_count);
    static const int goes_on[] = {22, 46, 47, 51, 52, 55};
    assert_int_equal(row->no_stop_count, COUNT_OF(goes_on));
    for (size_t i = 0; i < COUNT_OF(goes_on); i++)
        assert_true(raw_is_among(row->no_stop, row->no_stop_count, goes_on[i]));
    assert_string_equal(row->code_format, "E%02d");
    profile_free(profile);
}

static void the_others_read_where_their_sources_say(void **state) {
    (void)state;
    struct profile *drive = load("invertek-elevator-core"); /* register numbers - 1 */
    assert_place(drive, "car", 255, RAW_BITS);
    assert_place(drive, "_speed", 256, RAW_S16);
    assert_place(drive, "_current_a", 257, RAW_U16);
    assert_place(drive, "_direction_changes", 1002, RAW_U32);
    assert_place(drive, "rides_total", 1006, RAW_U32);
    profile_free(drive);
    struct profile *door = load("emerson-ev3200-door");
    assert_place(door, "_opening", 0x3300, RAW_BITS);
    assert_place(door, "_x1", 0x3310, RAW_BITS);
    profile_free(door);
    static const struct {
        const char *item;
        int address;
    } flags[] = {{"_fireman", 0x0A}, {"_maintenance", 0x0B}, {"overload", 0x0C}, {"_open", 0x17},
                 {"_closed", 0x18},  {"_up", 0x19},          {"_down", 0x1A},    {"floor", 0x21}};
    struct profile *techno = load("techno-lift");
    for (size_t i = 0; i < COUNT_OF(flags); i++)
        assert_place(techno, flags[i].item, flags[i].address, RAW_U16);
    assert_int_equal(techno->faults[0].place.address, 0x07);
    profile_free(techno);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_is_right_and_tells_its_source),
        cmocka_unit_test(each_knows_its_line),
        cmocka_unit_test(the_monarch_family_differs_in_its_counters),
        cmocka_unit_test(the_codes_of_monarch_are_those_of_its_manuals),
        cmocka_unit_test(the_others_read_where_their_sources_say),
    };
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
