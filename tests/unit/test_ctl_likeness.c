/* Which controller a unit may be: registers that make sense for one profile and not for another. */
#include "ctl/likeness.h"

#include "base/memory.h"
#include "profile_fixture.h"

#define PROFILES SOURCE_DIR "/config/profiles"

static struct profile *shipped(const char *name) {
    char path[512];
    struct problems *problems = problems_create();
    snprintf(path, sizeof path, PROFILES "/%s.cfg", name);
    struct profile *profile = profile_load(path, problems);
    assert_non_null(profile);
    problems_free(problems);
    return profile;
}

/* Judges the profile where every word is the same, or nothing could be read. */
static struct likeness judge(const struct profile *profile, uint16_t word, bool readable) {
    struct plan *plan = plan_create(profile, NULL);
    uint16_t *image = memory_get(plan->image_size, sizeof *image);
    bool *valid = memory_get(plan->read_count, sizeof *valid);
    struct likeness likeness;
    for (size_t i = 0; i < plan->image_size; i++)
        image[i] = word;
    for (size_t r = 0; r < plan->read_count; r++)
        valid[r] = readable;
    likeness_judge(profile, plan, image, valid, &likeness);
    free(image);
    free(valid);
    plan_free(plan);
    return likeness;
}

static void test_what_cannot_be_read_is_like_nothing(void **state) {
    (void)state;
    struct profile *profile = shipped("techno-lift");
    struct likeness likeness = judge(profile, 0, false);
    assert_int_equal(likeness.plausible, 0);
    assert_int_equal(likeness.rows, 9); /* eight values and the code register */
    assert_false(likeness_is_good(&likeness));
    profile_free(profile);
}

static void test_values_that_no_lift_has_speak_against_a_profile(void **state) {
    (void)state;
    struct profile *profile = shipped("techno-lift");
    struct likeness sense = judge(profile, 1, true);
    struct likeness nonsense = judge(profile, 500, true); /* no flag has it, no lift so many floors */
    assert_true(likeness_is_good(&sense));
    assert_int_equal(sense.plausible, sense.rows);
    assert_int_equal(sense.telling, 8);
    assert_false(likeness_is_good(&nonsense));
    assert_int_equal(nonsense.plausible, 1); /* the code register: any code may come */
    profile_free(profile);
}

/* A device that answers 0 to everything fits much and proves nothing. */
static void test_zeros_are_no_evidence(void **state) {
    (void)state;
    struct profile *profile = shipped("techno-lift");
    struct likeness zeros = judge(profile, 0, true);
    assert_int_equal(zeros.plausible, zeros.rows);
    assert_int_equal(zeros.telling, 0);
    profile_free(profile);
}

static void test_better_ones_come_first(void **state) {
    (void)state;
    struct likeness list[] = {
        {.rows = 10, .plausible = 9, .telling = 9},
        {.rows = 5, .plausible = 5, .telling = 1},
        {.rows = 8, .plausible = 8, .telling = 3},
        {.rows = 20, .plausible = 20, .telling = 1},
    };
    static const size_t rows[] = {8, 20, 5, 10};
    qsort(list, 4, sizeof list[0], likeness_compare);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(list[i].rows, rows[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_cannot_be_read_is_like_nothing),
        cmocka_unit_test(test_values_that_no_lift_has_speak_against_a_profile),
        cmocka_unit_test(test_zeros_are_no_evidence),
        cmocka_unit_test(test_better_ones_come_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
