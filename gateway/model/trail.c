#include "model/trail.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_MS 2000

static_assert(sizeof(struct trail) <= 2048, "a trail for each lift of a large box is still small");

/* By item; the link is LINK_KEY. */
#define LINK_KEY 'l'
static const char keys[TRAIL_ITEMS] = {
    [ITEM_SERVICE_MODE] = 'm',    [ITEM_CAR] = 'c',        [ITEM_DIRECTION] = 'r',   [ITEM_DOOR] = 'd',
    [ITEM_DOOR_ZONE] = 'z',       [ITEM_FLOOR] = 'f',      [ITEM_OCCUPIED] = 'o',    [ITEM_OVERLOAD] = 'w',
    [ITEM_PASSENGER_ALARM] = 'a', [ITEM_SPEED_MM_S] = 'v', [ITEM_LOAD_PERCENT] = 'p'};

struct trail_point trail_nothing(void) {
    struct trail_point point = {.link = TRAIL_UNKNOWN};
    for (size_t i = 0; i < TRAIL_ITEMS; i++)
        point.item[i] = TRAIL_UNKNOWN;
    return point;
}

static int16_t short_of(struct value value) {
    if (!value.known)
        return TRAIL_UNKNOWN;
    if (value.number > INT16_MAX)
        return INT16_MAX;
    return value.number <= INT16_MIN ? INT16_MIN + 1 : (int16_t)value.number;
}

static bool is_quiet(size_t item) {
    return item == ITEM_SPEED_MM_S || item == ITEM_LOAD_PERCENT;
}

/* What differs: nothing, only what never rests, or more. */
enum difference { SAME, QUIET, OTHER };
static enum difference compare(const struct trail_point *a, const struct trail_point *b) {
    bool quiet = false;
    for (size_t i = 0; i < TRAIL_ITEMS; i++) {
        if (a->item[i] == b->item[i])
            continue;
        if (!is_quiet(i))
            return OTHER;
        quiet = true;
    }
    return a->link != b->link ? OTHER : quiet ? QUIET : SAME;
}

void trail_follow(struct trail *trail, const struct lift *lift, struct instant at, bool matters) {
    struct trail_point point = {.mono_ms = at.mono_ms, .link = (int16_t)lift->link};
    for (size_t i = 0; i < TRAIL_ITEMS; i++)
        point.item[i] = short_of(lift->item[i]);
    const struct trail_point *last = &trail->point[trail->newest];
    if (trail->count > 0) {
        enum difference change = compare(last, &point);
        if (change == SAME || (change == QUIET && !matters && at.mono_ms - last->mono_ms < QUIET_MS))
            return;
        trail->newest = (uint16_t)((trail->newest + 1) % TRAIL_POINTS);
    }
    trail->point[trail->newest] = point;
    if (trail->count < TRAIL_POINTS)
        trail->count++;
}

/* The i-th point, oldest first. */
static const struct trail_point *point_at(const struct trail *trail, size_t i) {
    size_t oldest = (size_t)trail->newest + TRAIL_POINTS + 1 - trail->count;
    return &trail->point[(oldest + i) % TRAIL_POINTS];
}

static size_t write_change(char *text, char key, int16_t before, int16_t now) {
    if (before == now)
        return 0;
    if (now == TRAIL_UNKNOWN)
        return (size_t)sprintf(text, "%c?", key);
    return (size_t)sprintf(text, "%c%d", key, now);
}

const char *trail_write(const struct trail *trail, int64_t mono_ms, char text[TRAIL_TEXT_SIZE]) {
    struct trail_point before = trail_nothing();
    size_t first = 0;
    size_t used = 0;
    text[0] = '\0';
    /* The last point before the minute is how it began. */
    while (first + 1 < trail->count && point_at(trail, first + 1)->mono_ms <= mono_ms - TRAIL_SPAN_MS)
        first++;
    for (size_t p = first; p < trail->count; p++) {
        const struct trail_point *point = point_at(trail, p);
        int64_t age_ms = mono_ms - point->mono_ms;
        if (age_ms < 0)
            break;
        age_ms = age_ms > TRAIL_SPAN_MS ? TRAIL_SPAN_MS : age_ms;
        used += (size_t)sprintf(text + used, "%d", (int)age_ms);
        used += write_change(text + used, LINK_KEY, before.link, point->link);
        for (size_t i = 0; i < TRAIL_ITEMS; i++)
            used += write_change(text + used, keys[i], before.item[i], point->item[i]);
        text[used++] = ';';
        text[used] = '\0';
        before = *point;
    }
    return text;
}

static int16_t *place_of(struct trail_point *point, char key) {
    if (key == LINK_KEY)
        return &point->link;
    for (size_t i = 0; i < TRAIL_ITEMS; i++)
        if (keys[i] == key)
            return &point->item[i];
    return NULL;
}

static bool read_number(const char **text, long low, long high, long *number) {
    char *end;
    *number = strtol(*text, &end, 10);
    bool fits = end != *text && *number >= low && *number <= high;
    *text = end;
    return fits;
}

/* False for a number that the item's words do not have. */
static bool is_sound(const struct trail_point *point) {
    for (size_t i = 0; i < TRAIL_ITEMS; i++) {
        const struct item_info *info = item_info((enum item)i);
        if (point->item[i] != TRAIL_UNKNOWN && info->words &&
            (point->item[i] < 0 || (size_t)point->item[i] >= info->word_count))
            return false;
    }
    return point->link == TRAIL_UNKNOWN || (point->link >= LINK_UNKNOWN && point->link <= LINK_STALLED);
}

bool trail_read(const char **text, struct trail_point *point) {
    long number;
    if (!read_number(text, 0, TRAIL_SPAN_MS, &number))
        return false;
    point->mono_ms = -number;
    while (**text && **text != ';') {
        int16_t *place = place_of(point, *(*text)++);
        bool unknown = **text == '?';
        if (unknown)
            ++*text;
        else if (!read_number(text, INT16_MIN + 1, INT16_MAX, &number))
            return false;
        if (place)
            *place = unknown ? TRAIL_UNKNOWN : (int16_t)number;
    }
    if (**text != ';')
        return false;
    ++*text;
    return is_sound(point);
}
