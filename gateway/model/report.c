#include "model/report.h"

#include "base/text.h"

#include <assert.h>
#include <string.h>

/* Shorter runs are re-levelling (domain.md 3). */
#define RUN_MIN_MS 1500
#define PERIOD_AT_MOST_MS INT64_C(3000000000)

#define FAULT_BIT(fault) (UINT32_C(1) << (fault))

const char *report_period_name(enum report_period period) {
    static const char *const names[] = {[REPORT_DAY] = "day", [REPORT_MONTH] = "month"};
    assert(period < REPORT_PERIOD_COUNT);
    return names[period];
}

bool report_is_open(const struct report *report) {
    return report->span.to_real_ms != report->span.from_real_ms;
}

static void add(uint32_t *sum, uint64_t more) {
    *sum = more > UINT32_MAX - *sum ? UINT32_MAX : *sum + (uint32_t)more;
}

static void raise(uint32_t *longest, int64_t ms) {
    if (ms > *longest)
        *longest = ms > UINT32_MAX ? UINT32_MAX : (uint32_t)ms;
}

/* --- time -------------------------------------------------------------------------------------------------------- */

/* What is counted never exceeds the period, whatever the clocks do. */
static uint32_t room(const struct report *report) {
    int64_t length = report->span.to_real_ms - report->span.from_real_ms;
    return length > report->watched_ms ? (uint32_t)(length - report->watched_ms) : 0;
}

static void add_time(struct report *day, const struct report_watch *watch, int64_t elapsed_ms) {
    if (elapsed_ms <= 0)
        return;
    uint32_t ms = room(day);
    if (elapsed_ms < ms)
        ms = (uint32_t)elapsed_ms;
    day->watched_ms += ms;
    if (watch->available)
        day->available_ms += ms;
    if (watch->mode.known)
        day->mode_ms[watch->mode.number] += ms;
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
        if (watch->faults & FAULT_BIT(fault))
            day->fault_ms[fault] += ms;
}

static bool is_trapped(const struct report_watch *watch) {
    return watch->faults & FAULT_BIT(FAULT_ENTRAPMENT);
}

static void count_time(struct report *day, struct report_watch *watch, int64_t mono_ms) {
    int64_t elapsed_ms = mono_ms - watch->mono_ms;
    if (elapsed_ms <= 0)
        return;
    watch->mono_ms = mono_ms;
    if (!watch->watching || !report_is_open(day))
        return;
    add_time(day, watch, elapsed_ms);
    if (is_trapped(watch))
        raise(&day->entrapment_ms, mono_ms - watch->trapped_mono_ms);
}

/* Faults that stop the lift are those with entrapment other than "no" (domain.md 2). A mode that nobody knows is not
 * held against it. */
static void judge(struct report_watch *watch, const struct lift_record *record, struct value mode) {
    watch->mode = mode.known && mode.number >= 0 && mode.number < MODE_COUNT ? mode : VALUE_UNKNOWN;
    watch->available = !watch->mode.known || watch->mode.number == MODE_NORMAL;
    watch->faults = 0;
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        const struct fault_record *active = &record->fault[fault];
        if (!active->active)
            continue;
        if (active->entrapment != TRAPPING_NO)
            watch->available = false;
        /* In an inspection it is the mechanic's own: not counted, not the longest. */
        if (fault != FAULT_ENTRAPMENT || active->suppressed == SUPPRESSED_NOT)
            watch->faults |= FAULT_BIT(fault);
    }
}

static int64_t trapped_since(const struct fault_record *entrapment, struct instant at) {
    if (entrapment->raised_mono_ms != 0)
        return entrapment->raised_mono_ms;
    int64_t age_ms = at.real_ms - entrapment->raised_real_ms;
    return at.mono_ms - (age_ms > 0 ? age_ms : 0);
}

static void follow_entrapment(struct report *day, struct report_watch *watch, bool was, const struct lift *lift,
                              struct instant at) {
    if (was && report_is_open(day)) /* also one that ended in a gap */
        raise(&day->entrapment_ms, at.mono_ms - watch->trapped_mono_ms);
    if (!was && is_trapped(watch))
        watch->trapped_mono_ms = trapped_since(&lift->record.fault[FAULT_ENTRAPMENT], at);
}

/* --- totals ------------------------------------------------------------------------------------------------------ */

static const struct counter *rides_of(const struct lift_record *record) {
    return &record->counter[ITEM_RIDES_TOTAL - ITEM_FIRST_COUNTER];
}

static void see_totals(struct report *day, const struct lift_record *record) {
    const struct counter *rides = rides_of(record);
    if (rides->known) {
        if (day->rides_known && rides->total > day->rides_seen)
            add(&day->rides, (uint64_t)(rides->total - day->rides_seen));
        day->rides_known = 1;
        day->rides_seen = rides->total;
    }
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        uint32_t total = (uint32_t)record->fault[fault].count;
        uint32_t step = total - day->fault_seen[fault];
        if (step <= INT32_MAX) /* else it is lower: another record than the one that was seen */
            add(&day->fault_count[fault], step);
        day->fault_seen[fault] = total;
    }
}

/* --- the door and the floors ------------------------------------------------------------------------------------- */

static void add_to_bin(uint16_t bins[REPORT_BINS], size_t bin, uint16_t count) {
    while (bins[bin] > UINT16_MAX - count) { /* only their proportions matter */
        for (size_t i = 0; i < REPORT_BINS; i++)
            bins[i] /= 2;
        count /= 2;
    }
    bins[bin] = (uint16_t)(bins[bin] + count);
}

static void add_duration(uint16_t bins[REPORT_BINS], int64_t ms) {
    int64_t bin = ms / REPORT_BIN_MS;
    add_to_bin(bins, bin < REPORT_BINS ? (size_t)bin : REPORT_BINS - 1, 1);
}

/* The door is at rest again. A movement that no sample showed is counted, but nobody can say how long it took. */
static void door_rests(struct report *day, struct report_watch *watch, bool open, int64_t mono_ms) {
    bool from_other_side = watch->rest == (open ? REST_CLOSED : REST_OPEN);
    bool timed = from_other_side && !watch->turned && watch->moved_mono_ms != 0;
    if (from_other_side)
        add(open ? &day->openings : &day->closings, 1);
    if (timed)
        add_duration(open ? day->opening : day->closing, mono_ms - watch->moved_mono_ms);
    if (open && watch->rest == REST_OPEN && watch->moved_mono_ms != 0 && !watch->turned)
        add(&day->reversals, 1);
    watch->rest = open ? REST_OPEN : REST_CLOSED;
    watch->turned = false;
    watch->moved_mono_ms = 0;
}

/* The door moves. Closing that becomes opening is a reversal; where the direction is not known it is seen when the door
 * is open again. */
static void door_moves(struct report *day, struct report_watch *watch, struct value old, enum door door,
                       int64_t mono_ms) {
    if (watch->moved_mono_ms == 0)
        watch->moved_mono_ms = mono_ms;
    bool opens_again = door == DOOR_OPENING && old.known && old.number == DOOR_CLOSING;
    bool closes_again = door == DOOR_CLOSING && old.known && old.number == DOOR_OPENING;
    if (opens_again)
        add(&day->reversals, 1);
    watch->turned |= opens_again || closes_again;
}

static void follow_door(struct report *day, struct report_watch *watch, struct value door, int64_t mono_ms) {
    struct value old = watch->door;
    watch->door = door;
    switch (door.known ? (enum door)door.number : DOOR_FAULT) {
    case DOOR_CLOSED:
        door_rests(day, watch, false, mono_ms);
        break;
    case DOOR_OPEN:
        day->doors_known = 1;
        door_rests(day, watch, true, mono_ms);
        break;
    case DOOR_OPENING:
    case DOOR_CLOSING:
    case DOOR_MOVING:
        day->doors_known = 1;
        door_moves(day, watch, old, (enum door)door.number, mono_ms);
        break;
    case DOOR_NOT_CLOSED: /* one contact: nobody knows when it is open */
    case DOOR_FAULT:
        watch->rest = REST_UNKNOWN;
        watch->moved_mono_ms = 0;
        break;
    }
}

/* A stop is the end of a ride: not of re-levelling, which is short or has the door open, nor in inspection. */
static void follow_run(struct report *day, struct report_watch *watch, const struct lift *lift, int64_t mono_ms) {
    struct value car = lift->item[ITEM_CAR];
    struct value floor = lift->item[ITEM_FLOOR];
    bool running = car.known && car.number == CAR_RUNNING;
    bool open = lift_item_is(lift, ITEM_DOOR, DOOR_OPEN);
    if (running && !watch->running)
        watch->run_mono_ms = mono_ms;
    bool rode = watch->running && car.known && !running && !watch->run_door_open &&
                mono_ms - watch->run_mono_ms >= RUN_MIN_MS && !lift_item_is(lift, ITEM_SERVICE_MODE, MODE_INSPECTION);
    watch->run_door_open = running && open && (!watch->running || watch->run_door_open);
    watch->running = running;
    if (!floor.known || !car.known || floor.number < 1 || floor.number > REPORT_FLOORS)
        return;
    day->floors_known = 1;
    uint16_t *stops = &day->stops[floor.number - 1];
    if (rode && *stops < UINT16_MAX)
        (*stops)++;
}

static void forget_movements(struct report_watch *watch) {
    watch->door = VALUE_UNKNOWN;
    watch->rest = REST_UNKNOWN;
    watch->moved_mono_ms = 0;
    watch->running = watch->run_door_open = false;
}

/* --- following --------------------------------------------------------------------------------------------------- */

void report_init(struct report *day, const struct lift_record *record) {
    *day = (struct report){.rides_known = 0};
    see_totals(day, record);
    memset(day->fault_count, 0, sizeof day->fault_count);
}

void report_restore(struct report *day, const struct lift_record *record, int64_t alive_real_ms) {
    int64_t from = day->written_real_ms;
    day->written_real_ms = 0;
    if (from == 0 || !report_is_open(day) || alive_real_ms <= from)
        return;
    int64_t to = alive_real_ms < day->span.to_real_ms ? alive_real_ms : day->span.to_real_ms;
    struct report_watch watch = {.watching = true};
    judge(&watch, record, record->service_mode);
    add_time(day, &watch, to - from);
    if (is_trapped(&watch))
        raise(&day->entrapment_ms, to - record->fault[FAULT_ENTRAPMENT].raised_real_ms);
}

void report_follow(struct report *day, struct report_watch *watch, const struct lift *lift, struct instant at) {
    count_time(day, watch, at.mono_ms);
    bool was_trapped = is_trapped(watch);
    bool watching = lift->link == LINK_ONLINE;
    watch->news |= watching != watch->watching;
    watch->watching = watching;
    judge(watch, &lift->record, lift->item[ITEM_SERVICE_MODE]);
    follow_entrapment(day, watch, was_trapped, lift, at);
    if (!watching)
        forget_movements(watch);
    if (!report_is_open(day))
        return;
    see_totals(day, &lift->record);
    if (!watching)
        return;
    follow_door(day, watch, lift->item[ITEM_DOOR], at.mono_ms);
    follow_run(day, watch, lift, at.mono_ms);
}

void report_lose(struct report *day, struct report_watch *watch, struct instant at, int64_t last_good_real_ms) {
    int64_t silent_ms = at.real_ms - last_good_real_ms;
    if (last_good_real_ms == 0 || silent_ms < 0)
        return;
    count_time(day, watch, at.mono_ms - silent_ms);
    watch->mono_ms = at.mono_ms > watch->mono_ms ? at.mono_ms : watch->mono_ms;
}

void report_settle(struct report *day, struct report_watch *watch, struct instant now) {
    count_time(day, watch, now.mono_ms);
    day->written_real_ms = watch->watching && now.real_ms > 0 ? now.real_ms : 0;
}

/* --- periods ----------------------------------------------------------------------------------------------------- */

void report_end(struct report *day, struct report_watch *watch, struct instant now) {
    int64_t beyond_ms = now.real_ms - day->span.to_real_ms;
    int64_t end_mono_ms = now.mono_ms - beyond_ms;
    /* The clock ran to the end and beyond, or it jumped there: then all of the time was before. */
    count_time(day, watch, end_mono_ms > watch->mono_ms ? end_mono_ms : now.mono_ms);
}

void report_clear(struct report *report) {
    struct report kept = *report;
    *report = (struct report){
        .written_real_ms = kept.written_real_ms, .rides_seen = kept.rides_seen, .rides_known = kept.rides_known};
    memcpy(report->closed, kept.closed, sizeof report->closed);
    memcpy(report->fault_seen, kept.fault_seen, sizeof report->fault_seen);
}

void report_add(struct report *month, const struct report *day) {
    add(&month->watched_ms, day->watched_ms);
    add(&month->available_ms, day->available_ms);
    raise(&month->entrapment_ms, day->entrapment_ms);
    month->rides_known |= day->rides_known;
    month->floors_known |= day->floors_known;
    month->doors_known |= day->doors_known;
    for (size_t i = 0; i < MODE_COUNT; i++)
        add(&month->mode_ms[i], day->mode_ms[i]);
    add(&month->rides, day->rides);
    for (size_t i = 0; i < FAULT_COUNT; i++) {
        add(&month->fault_count[i], day->fault_count[i]);
        add(&month->fault_ms[i], day->fault_ms[i]);
    }
    add(&month->openings, day->openings);
    add(&month->closings, day->closings);
    add(&month->reversals, day->reversals);
    for (size_t i = 0; i < REPORT_BINS; i++) {
        add_to_bin(month->opening, i, day->opening[i]);
        add_to_bin(month->closing, i, day->closing[i]);
    }
    for (size_t i = 0; i < REPORT_FLOORS; i++) {
        uint32_t stops = (uint32_t)month->stops[i] + day->stops[i];
        month->stops[i] = stops > UINT16_MAX ? UINT16_MAX : (uint16_t)stops;
    }
}

/* --- for the payload and the ledger ------------------------------------------------------------------------------ */

bool report_quantile(const uint16_t bins[REPORT_BINS], int percent, int *ms) {
    uint32_t all = 0;
    for (size_t i = 0; i < REPORT_BINS; i++)
        all += bins[i];
    double wanted = (double)all * percent / 100;
    double below = 0;
    for (int i = 0; i < REPORT_BINS; i++) {
        if (bins[i] > 0 && below + bins[i] >= wanted) {
            double share = i < REPORT_BINS - 1 ? (wanted - below) / bins[i] : 0;
            *ms = (int)((i + share) * REPORT_BIN_MS);
            return true;
        }
        below += bins[i];
    }
    return false;
}

static bool is_span(struct calendar_span span) {
    return span.from_real_ms <= span.to_real_ms;
}

bool report_is_sound(const struct report *report) {
    bool sound = is_span(report->span) && report->span.from_real_ms > INT64_MIN / 2 &&
                 report->span.to_real_ms < INT64_MAX / 2 &&
                 report->span.to_real_ms - report->span.from_real_ms <= PERIOD_AT_MOST_MS && report->rides_seen >= 0 &&
                 report->written_real_ms >= 0 && report->available_ms <= report->watched_ms;
    uint64_t modes_ms = 0;
    for (size_t i = 0; i < MODE_COUNT; i++)
        modes_ms += report->mode_ms[i];
    for (size_t i = 0; i < FAULT_COUNT; i++)
        sound = sound && report->fault_ms[i] <= report->watched_ms;
    for (size_t i = 0; i < REPORT_CLOSED; i++)
        sound = sound && is_span(report->closed[i]);
    return sound && modes_ms <= report->watched_ms;
}
