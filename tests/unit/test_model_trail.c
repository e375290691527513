/* The black box: what it notes, what it writes of the minute before a raise, and that what it wrote can be read. */
#include "base/text.h"
#include "model/trail.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static const struct instant zero = {.mono_ms = 1000000};

static struct lift lift_with(int64_t floor, int64_t speed) {
    struct lift lift = {.link = LINK_ONLINE};
    lift.item[ITEM_SERVICE_MODE] = VALUE(MODE_NORMAL);
    lift.item[ITEM_DOOR] = VALUE(DOOR_CLOSED);
    lift.item[ITEM_FLOOR] = VALUE(floor);
    lift.item[ITEM_SPEED_MM_S] = VALUE(speed);
    return lift;
}

static void note(struct trail *trail, int64_t ms, int64_t floor, int64_t speed, bool matters) {
    struct lift lift = lift_with(floor, speed);
    trail_follow(trail, &lift, (struct instant){.mono_ms = zero.mono_ms + ms}, matters);
}

static void only_changes_are_noted(void **state) {
    (void)state;
    struct trail trail = {.count = 0};
    char text[TRAIL_TEXT_SIZE];
    assert_string_equal(trail_write(&trail, zero.mono_ms, text), "");
    note(&trail, 0, 1, 0, false);
    note(&trail, 100, 1, 0, true);
    note(&trail, 200, 1, 500, false); /* speed alone, too soon */
    note(&trail, 300, 1, 600, true);  /* but then it matters */
    note(&trail, 400, 2, 600, false);
    note(&trail, 2500, 2, 700, false);
    assert_string_equal(trail_write(&trail, zero.mono_ms + 3000, text), "3000l1m1d0f1v0;2700v600;2600f2;500v700;");
}

static void it_is_the_minute_before_and_how_that_began(void **state) {
    (void)state;
    struct trail trail = {.count = 0};
    char text[TRAIL_TEXT_SIZE];
    for (int i = 0; i < 10; i++)
        note(&trail, i * 20000, i, 0, false);
    assert_string_equal(trail_write(&trail, zero.mono_ms + 150000, text), "60000l1m1d0f4v0;50000f5;30000f6;10000f7;");
}

static void a_full_ring_keeps_the_newest(void **state) {
    (void)state;
    struct trail trail = {.count = 0};
    char text[TRAIL_TEXT_SIZE];
    for (int i = 0; i < 1000; i++)
        note(&trail, i * 100, i % 40 - 3, 0, false);
    const char *rest = trail_write(&trail, zero.mono_ms + 99900, text);
    struct trail_point point = trail_nothing();
    int count = 0;
    for (; trail_read(&rest, &point); count++)
        assert_int_equal(point.item[ITEM_FLOOR], (1000 - TRAIL_POINTS + count) % 40 - 3);
    assert_int_equal(count, TRAIL_POINTS);
    assert_int_equal(point.mono_ms, 0);
    assert_string_equal(rest, "");
}

static void what_is_unknown_stays_unknown(void **state) {
    (void)state;
    struct trail trail = {.count = 0};
    char text[TRAIL_TEXT_SIZE];
    note(&trail, 0, 3, 0, false);
    struct lift silent = {.link = LINK_OFFLINE};
    trail_follow(&trail, &silent, (struct instant){.mono_ms = zero.mono_ms + 5000}, false);
    const char *rest = trail_write(&trail, zero.mono_ms + 5000, text);
    assert_string_equal(rest, "5000l1m1d0f3v0;0l2m?d?f?v?;");
    struct trail_point point = trail_nothing();
    assert_true(trail_read(&rest, &point) && point.item[ITEM_FLOOR] == 3);
    assert_true(trail_read(&rest, &point) && point.item[ITEM_FLOOR] == TRAIL_UNKNOWN);
    assert_int_equal(point.link, LINK_OFFLINE);
    assert_false(trail_read(&rest, &point));
}

static void the_longest_line_fits(void **state) {
    (void)state;
    struct trail trail = {.count = 0};
    char text[TRAIL_TEXT_SIZE];
    for (int i = 0; i < TRAIL_POINTS; i++) {
        struct lift lift = {.link = i % 2 ? LINK_ONLINE : LINK_STALLED};
        for (enum item item = 0; item < TRAIL_ITEMS; item++) {
            int64_t number = item_info(item)->words ? 0 : -30000;
            lift.item[item] = i % 2 ? VALUE(item_info(item)->words ? 1 : -1000000) : VALUE(number);
        }
        trail_follow(&trail, &lift, (struct instant){.mono_ms = zero.mono_ms + i}, false);
    }
    assert_in_range(strlen(trail_write(&trail, zero.mono_ms + 59999, text)), TRAIL_POINTS * 40, TRAIL_TEXT_SIZE - 1);
}

/* It is told of a raise that had to wait for the ledger while the lift went on, after days in which nothing changed. */
static void a_raise_of_before_is_told_as_it_was(void **state) {
    (void)state;
    struct trail trail = {.count = 0};
    char text[TRAIL_TEXT_SIZE];
    int64_t day = 86400000;
    note(&trail, 0, 1, 0, false);
    note(&trail, 3 * day, 2, 0, false);
    note(&trail, 3 * day + 90000, 3, 0, false);
    assert_string_equal(trail_write(&trail, zero.mono_ms + 3 * day + 1000, text), "60000l1m1d0f1v0;1000f2;");
    note(&trail, 400 * day, 4, 0, false);
    assert_string_equal(trail_write(&trail, zero.mono_ms + 400 * day + 10, text), "60000l1m1d0f3v0;10f4;");
}

static void nonsense_ends_the_reading(void **state) {
    (void)state;
    static const char *const lines[] = {"x",     ";",     "60001m1;", "-1m1;", "5m1",   "5m;",
                                        "5m99;", "5m-1;", "5v99999;", "5l9;",  "5l-1;", "99999999999999999999m1;"};
    for (size_t i = 0; i < COUNT_OF(lines); i++) {
        struct trail_point point = trail_nothing();
        const char *rest = lines[i];
        if (trail_read(&rest, &point))
            fail_msg("%s was read", lines[i]);
    }
    struct trail_point point = trail_nothing();
    const char *newer = "5y7m1;"; /* an item that this version does not know */
    assert_true(trail_read(&newer, &point) && point.item[ITEM_SERVICE_MODE] == MODE_NORMAL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_changes_are_noted),
        cmocka_unit_test(it_is_the_minute_before_and_how_that_began),
        cmocka_unit_test(a_full_ring_keeps_the_newest),
        cmocka_unit_test(what_is_unknown_stays_unknown),
        cmocka_unit_test(the_longest_line_fits),
        cmocka_unit_test(nonsense_ends_the_reading),
        cmocka_unit_test(a_raise_of_before_is_told_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
