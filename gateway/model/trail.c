#include "model/trail.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_MS 2000

static_assert(sizeof(struct trail) <= 1024, "a trail for each lift of a large box is still small");

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

/* What stands in a mark as a word, two in a byte: its number + 1. */
#define WORD_LINK TRAIL_ITEMS
#define WORD_MOST 14
static const uint8_t words[] = {ITEM_SERVICE_MODE, ITEM_CAR,      ITEM_DIRECTION,       ITEM_DOOR, ITEM_DOOR_ZONE,
                                ITEM_OCCUPIED,     ITEM_OVERLOAD, ITEM_PASSENGER_ALARM, WORD_LINK};
static_assert(sizeof words <= 2 * sizeof((struct trail_mark *)NULL)->words, "every word has its half of a byte");

static void set_word(struct trail_mark *mark, size_t i, bool known, int64_t number) {
    if (known && number >= 0 && number <= WORD_MOST)
        mark->words[i / 2] |= (uint8_t)((number + 1) << (i % 2 * 4));
}

static int16_t word_of(const struct trail_mark *mark, size_t i) {
    int number = mark->words[i / 2] >> (i % 2 * 4) & 0xF;
    return number == 0 ? TRAIL_UNKNOWN : (int16_t)(number - 1);
}

static struct trail_mark mark_of(const struct lift *lift) {
    struct trail_mark mark = {.floor = short_of(lift->item[ITEM_FLOOR]),
                              .speed_mm_s = short_of(lift->item[ITEM_SPEED_MM_S]),
                              .load_percent = short_of(lift->item[ITEM_LOAD_PERCENT])};
    for (size_t i = 0; i < sizeof words; i++) {
        if (words[i] == WORD_LINK)
            set_word(&mark, i, true, lift->link);
        else
            set_word(&mark, i, lift->item[words[i]].known, lift->item[words[i]].number);
    }
    return mark;
}

static struct trail_point point_of(const struct trail_mark *mark, int64_t mono_ms) {
    struct trail_point point = {.mono_ms = mono_ms};
    point.item[ITEM_FLOOR] = mark->floor;
    point.item[ITEM_SPEED_MM_S] = mark->speed_mm_s;
    point.item[ITEM_LOAD_PERCENT] = mark->load_percent;
    for (size_t i = 0; i < sizeof words; i++)
        *(words[i] == WORD_LINK ? &point.link : &point.item[words[i]]) = word_of(mark, i);
    return point;
}

/* What differs: nothing, only what never rests, or more. */
enum difference { SAME, QUIET, OTHER };
static enum difference compare(const struct trail_mark *a, const struct trail_mark *b) {
    if (a->floor != b->floor || memcmp(a->words, b->words, sizeof a->words) != 0)
        return OTHER;
    return a->speed_mm_s != b->speed_mm_s || a->load_percent != b->load_percent ? QUIET : SAME;
}

void trail_follow(struct trail *trail, const struct lift *lift, struct instant at, bool matters) {
    struct trail_mark mark = mark_of(lift);
    int64_t after_ms = trail->count > 0 ? at.mono_ms - trail->newest_mono_ms : 0;
    if (trail->count > 0) {
        enum difference change = compare(&trail->mark[trail->newest], &mark);
        if (change == SAME || (change == QUIET && !matters && after_ms < QUIET_MS))
            return;
        trail->newest = (uint16_t)((trail->newest + 1) % TRAIL_POINTS);
    }
    if (after_ms < 0) /* parts have threads of their own: a sample may be a little older than the one before it */
        after_ms = 0;
    mark.after_ms = after_ms < UINT32_MAX ? (uint32_t)after_ms : UINT32_MAX;
    trail->mark[trail->newest] = mark;
    trail->newest_mono_ms += trail->count > 0 ? after_ms : at.mono_ms;
    if (trail->count < TRAIL_POINTS)
        trail->count++;
}

/* The i-th point, oldest first. */
static const struct trail_mark *mark_at(const struct trail *trail, size_t i) {
    size_t oldest = (size_t)trail->newest + TRAIL_POINTS + 1 - trail->count;
    return &trail->mark[(oldest + i) % TRAIL_POINTS];
}

static int64_t oldest_mono_ms(const struct trail *trail) {
    int64_t mono_ms = trail->newest_mono_ms;
    for (size_t i = 1; i < trail->count; i++)
        mono_ms -= mark_at(trail, i)->after_ms;
    return mono_ms;
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
    int64_t at_ms = oldest_mono_ms(trail);
    size_t first = 0;
    size_t used = 0;
    text[0] = '\0';
    /* The last point before the minute is how it began. */
    while (first + 1 < trail->count && at_ms + mark_at(trail, first + 1)->after_ms <= mono_ms - TRAIL_SPAN_MS)
        at_ms += mark_at(trail, ++first)->after_ms;
    for (size_t p = first; p < trail->count; p++) {
        if (p > first)
            at_ms += mark_at(trail, p)->after_ms;
        struct trail_point point = point_of(mark_at(trail, p), at_ms);
        int64_t age_ms = mono_ms - point.mono_ms;
        if (age_ms < 0)
            break;
        age_ms = age_ms > TRAIL_SPAN_MS ? TRAIL_SPAN_MS : age_ms;
        used += (size_t)sprintf(text + used, "%d", (int)age_ms);
        used += write_change(text + used, LINK_KEY, before.link, point.link);
        for (size_t i = 0; i < TRAIL_ITEMS; i++)
            used += write_change(text + used, keys[i], before.item[i], point.item[i]);
        text[used++] = ';';
        text[used] = '\0';
        before = point;
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
