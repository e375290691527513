/* The plan: the fewest reads within what a controller and its profile allow. */
#include "profile_fixture.h"

#include "base/text.h"
#include "profile/plan.h"

/* "F3:40+8" is a fast read, table 3, from address 0x40, 8 registers. */
static void describe(const struct plan *plan, char text[], size_t size) {
    text[0] = '\0';
    for (size_t i = 0; i < plan->read_count; i++) {
        const struct plan_read *read = &plan->reads[i];
        size_t used = strlen(text);
        snprintf(text + used, size - used, "%s%c%d:%x+%d", i ? " " : "", read->lane == LANE_FAST ? 'F' : 'S',
                 read->table, read->address, read->count);
    }
}

static void check_plan(const struct plan *plan, const struct profile *profile) {
    size_t at = 0;
    for (size_t i = 0; i < plan->read_count; i++) {
        assert_int_equal(plan->reads[i].at, at);
        assert_true(plan->reads[i].count >= 1 && plan->reads[i].count <= profile->max_registers);
        assert_true((plan->reads[i].lane == LANE_FAST) == (i < plan->fast_count));
        at += plan->reads[i].count;
    }
    assert_int_equal(plan->image_size, at);
    /* The probe is a part of a read, and no longer than any. */
    bool probe_is_planned = plan->read_count == 0;
    for (size_t i = 0; i < plan->read_count; i++) {
        const struct plan_read *read = &plan->reads[i];
        probe_is_planned |= read->table == plan->probe.table && read->address <= plan->probe.address &&
                            plan->probe.address + plan->probe.count <= read->address + read->count;
    }
    assert_true(probe_is_planned);
    assert_true(plan->read_count == 0 || plan->probe.count >= 1);
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct place *place = &profile->values[i].place;
        if (plan->value_read[i] < 0)
            continue;
        const struct plan_read *read = &plan->reads[plan->value_read[i]];
        assert_int_equal(read->table, place->table);
        assert_int_equal((size_t)plan->value_at[i], read->at + place->address - read->address);
        assert_true(plan->value_at[i] + place->words <= (int)(read->at + read->count));
    }
}

static void check_reads(const char *text, const struct part_options *options, const char *reads) {
    struct profile *profile = fixture_good(text);
    struct plan *plan = plan_create(profile, options);
    char described[512];
    describe(plan, described, sizeof described);
    if (strcmp(described, reads) != 0)
        fail_msg("%s\ninstead of %s\nfor %s", described, reads, text);
    if (!options || !options->address_offset)
        check_plan(plan, profile);
    plan_free(plan);
    profile_free(profile);
}

#define U16(a) "{ item = \"_x" #a "\"; address = " #a "; }"
#define U32(a) "{ item = \"_x" #a "\"; address = " #a "; type = \"u32\"; }"
#define U64(a) "{ item = \"_x" #a "\"; address = " #a "; type = \"u64\"; }"
#define SLOW(a) "{ item = \"_s" #a "\"; address = " #a "; type = \"u32\"; lane = \"slow\"; }"
#define BIT(a) "{ id = \"overspeed\"; address = " #a "; bit = 1; }"

static void rows_are_merged_into_the_fewest_reads(void **state) {
    (void)state;
    static const struct {
        const char *text, *reads;
    } plans[] = {
        {"values = (" U16(5) ", " U16(4) ", " U16(6) ");", "F3:4+3"},
        {"values = (" U16(4) ", " U16(6) ");", "F3:4+1 F3:6+1"},
        {"max_gap = 1; values = (" U16(4) ", " U16(6) ");", "F3:4+3"},
        {"max_gap = 1; values = (" U16(4) ", " U16(7) ");", "F3:4+1 F3:7+1"}, /* the gap may not be crossed */
        {"max_gap = 4; values = (" U16(4) ", " U16(9) ");", "F3:4+6"},
        {"max_registers = 1; values = (" U16(4) ", " U16(5) ", " U16(6) ");", "F3:4+1 F3:5+1 F3:6+1"},
        {"max_registers = 2; values = (" U16(4) ", " U16(5) ", " U16(6) ");", "F3:4+2 F3:6+1"},
        {"max_registers = 3; values = (" U16(4) ", " U32(5) ", " U32(7) ", " U16(9) ");", "F3:4+3 F3:7+3"},
        {"max_registers = 2; values = (" U16(4) ", " U32(5) ", " U16(7) ");", "F3:4+1 F3:5+2 F3:7+1"},
        {"values = (" U16(0) ", " U16(124) ");", "F3:0+1 F3:7c+1"},
        {"max_gap = 125; values = (" U16(0) ", " U16(124) ");", "F3:0+125"},
        {"max_gap = 125; values = (" U16(0) ", " U16(125) ");", "F3:0+1 F3:7c+2"}, /* one more, to differ */
        {"values = (" U64(65532) ");", "F3:fffc+4"},
        {"max_registers = 4; values = (" U16(4) ", " U64(6) ", " U16(7) "); max_gap = 2;", "F3:4+1 F3:6+4"},
        {"values = (" U32(4) ", " U32(5) ", " U16(5) ");", "F3:4+3"}, /* rows may overlap */
        {"values = (" U16(4) ", { item = \"_c\"; address = 4; table = \"coil\"; },"
                             " { item = \"_d\"; address = 5; table = \"discrete\"; }, { item = \"_i\"; address = 5; "
                             "table = \"input\"; });",
         "F1:4+1 F2:5+1 F3:4+1 F4:5+1"},
    };
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", PROFILE_HOLDING, plans[i].text);
        check_reads(text, NULL, plans[i].reads);
    }
}

/* The fewest reads for rows in order of address, found by trying everything. */
static int fewest(const int starts[], const int ends[], int count, int limit, int gap) {
    if (count == 0)
        return 0;
    int best = count;
    for (int taken = 1; taken <= count; taken++) {
        if (ends[taken - 1] - starts[0] > limit || (taken > 1 && starts[taken - 1] - ends[taken - 2] > gap))
            break;
        int rest = 1 + fewest(starts + taken, ends + taken, count - taken, limit, gap);
        best = rest < best ? rest : best;
    }
    return best;
}

static void no_plan_has_fewer_reads(void **state) {
    (void)state;
    srand(7);
    for (int round = 0; round < 60; round++) {
        int starts[8];
        int ends[8];
        int limit = 2 + rand() % 9;
        int gap = rand() % 4;
        char text[2048];
        int used =
            snprintf(text, sizeof text, PROFILE_HOLDING "max_registers = %d; max_gap = %d; values = (", limit, gap);
        for (int i = 0, at = 0; i < 8; i++) {
            starts[i] = at + rand() % 5;
            ends[i] = at = starts[i] + 1 + rand() % 2;
            used +=
                snprintf(text + used, sizeof text - (size_t)used, "%s{ item = \"_x%d\"; address = %d; type = \"%s\"; }",
                         i ? ", " : "", i, starts[i], ends[i] - starts[i] == 2 ? "u32" : "u16");
        }
        snprintf(text + used, sizeof text - (size_t)used, ");");
        struct profile *profile = fixture_good(text);
        struct plan *plan = plan_create(profile, NULL);
        check_plan(plan, profile);
        assert_int_equal(plan->read_count, fewest(starts, ends, 8, limit, gap));
        plan_free(plan);
        profile_free(profile);
    }
}

static void slow_rows_have_short_reads_of_their_own(void **state) {
    (void)state;
    static const struct {
        const char *text, *reads;
    } plans[] = {
        {"values = (" U16(0) ", " SLOW(1) ");", "F3:0+1 S3:1+2"},
        {"values = (" SLOW(0) ", " SLOW(2) ", " SLOW(4) ", " SLOW(6) ", " SLOW(8) ", " SLOW(10) ");", "S3:0+10 S3:a+2"},
        {"values = (" SLOW(1) ", " SLOW(3) ", " SLOW(5) ", " SLOW(7) ", " SLOW(9) ", " SLOW(11) ", " U16(0) ");",
         "F3:0+1 S3:1+10 S3:b+2"},
        {"max_registers = 4; values = (" SLOW(0) ", " SLOW(2) ", " SLOW(4) ");", "S3:0+4 S3:4+2"},
        /* what a fast read brings is not asked for again */
        {"max_gap = 2; values = (" U16(0) ", " SLOW(1) ", " U16(3) ");", "F3:0+4"},
        {"values = (" U32(0) ", { item = \"_s\"; address = 1; lane = \"slow\"; } );", "F3:0+2"},
    };
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", PROFILE_HOLDING, plans[i].text);
        check_reads(text, NULL, plans[i].reads);
    }
}

static void faults_come_first(void **state) {
    (void)state;
    check_reads(PROFILE_HOLDING "values = (" U16(0) ", " U32(4) "); faults = (" BIT(9) ");", NULL,
                "F3:9+1 F3:0+1 F3:4+2");
}

/* A late answer is told by its length: known registers, and gaps that may be read, make lengths differ; nothing else
 * does. */
static void reads_of_one_table_differ_in_length_where_they_may(void **state) {
    (void)state;
    static const struct {
        const char *text, *reads;
    } plans[] = {
        {"values = (" U16(0) ", " U16(1) ", " SLOW(2) ");", "F3:0+2 S3:1+3"},
        {"values = (" U16(0) ", " U16(9) ");", "F3:0+1 F3:9+1"},
        {"values = (" U32(0) ", " SLOW(2) ");", "F3:0+2 S3:0+4"}, /* no value is cut in half */
        {"max_registers = 2; values = (" U32(0) ", " SLOW(2) ");", "F3:0+2 S3:2+2"},
        {"max_registers = 3; max_gap = 1; values = (" U32(0) ", " U32(3) ");", "F3:0+2 F3:2+3"},
        {"max_gap = 1; values = (" U16(0) ", " U16(1) ", { item = \"_c\"; address = 0; table = \"input\"; },"
                                                      " { item = \"_d\"; address = 1; table = \"input\"; } );",
         "F3:0+2 F4:0+2"}, /* another table is another question anyway */
    };
    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        char text[1024];
        snprintf(text, sizeof text, "%s%s", PROFILE_HOLDING, plans[i].text);
        check_reads(text, NULL, plans[i].reads);
    }
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})
#define OPTIONS_TEXT                                                                                                   \
    PROFILE_HOLDING "values = ( { item = \"floor\"; address = 0; }, { item = \"door_zone\"; address = 4; bit = 0; },"  \
                    " { item = \"load_percent\"; address = 8; } );"                                                    \
                    "faults = ( { id = \"overspeed\"; from = [\"door_zone\"]; is = \"1\"; } );"
static void options_change_what_is_read(void **state) {
    (void)state;
    check_reads(OPTIONS_TEXT, NULL, "F3:0+1 F3:4+1 F3:8+1");
    check_reads(OPTIONS_TEXT, &(struct part_options){.unused = NAMES("floor", "door_zone")}, "F3:8+1");
    /* a row that a fault needs is read even if its item belongs to another part */
    check_reads(OPTIONS_TEXT, &(struct part_options){.without = NAMES("floor", "door_zone")}, "F3:4+1 F3:8+1");
    check_reads(OPTIONS_TEXT, &(struct part_options){.address_offset = 0x100}, "F3:100+1 F3:104+1 F3:108+1");
    check_reads(OPTIONS_TEXT, &(struct part_options){.unused = NAMES("floor", "door_zone", "load_percent")}, "");
}

static void a_silent_unit_is_probed_with_its_shortest_reply(void **state) {
    (void)state;
    struct profile *profile = fixture_good(PROFILE_HOLDING "values = (" U16(0) ", " U16(1) ", " U16(
        9) ","
           " { item = \"_c\"; address = 0; table = \"coil\"; },"
           " { item = \"_d\"; address = 1; table = \"coil\"; } );");
    struct plan *plan = plan_create(profile, NULL);
    assert_int_equal(plan->reads[plan->shortest].table, TABLE_COIL); /* two coils are one byte */
    plan_free(plan);
    profile_free(profile);
}

static void what_always_changes_is_not_loud(void **state) {
    (void)state;
    struct profile *profile = fixture_good(
        PROFILE_HOLDING "max_gap = 4; values = ( { item = \"floor\"; address = 0; },"
                        " { item = \"heartbeat\"; address = 1; }, { item = \"speed_mm_s\"; address = 2; },"
                        " { item = \"load_percent\"; address = 3; }, { item = \"_a\"; address = 3; bit = 15; },"
                        " { item = \"rides_total\"; address = 4; type = \"u32\"; lane = \"slow\"; } );"
                        "faults = (" BIT(8) ");");
    struct plan *plan = plan_create(profile, NULL);
    static const bool loud[] = {true, false, false, true, true, true, false, false, true};
    assert_int_equal(plan->image_size, COUNT_OF(loud));
    for (size_t i = 0; i < COUNT_OF(loud); i++)
        assert_int_equal(plan->loud[i], loud[i]);
    plan_free(plan);
    profile_free(profile);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_merged_into_the_fewest_reads),
        cmocka_unit_test(no_plan_has_fewer_reads),
        cmocka_unit_test(slow_rows_have_short_reads_of_their_own),
        cmocka_unit_test(faults_come_first),
        cmocka_unit_test(reads_of_one_table_differ_in_length_where_they_may),
        cmocka_unit_test(options_change_what_is_read),
        cmocka_unit_test(a_silent_unit_is_probed_with_its_shortest_reply),
        cmocka_unit_test(what_always_changes_is_not_loud),
    };
    return cmocka_run_group_tests(tests, fixture_begin, fixture_end);
}
