#include "modbus/schedule.h"

#include "base/memory.h"
#include "modbus/late.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)
#define NONE SIZE_MAX

/* design.md 4: how silent units are probed. */
#define PROBE_EVERY_NS (2500 * NS_PER_MS)
#define PROBE_SHARE_PERCENT 3
#define PROBE_TIMEOUT_LEAST_NS (30 * NS_PER_MS)
#define PROBE_PATIENT 8                       /* every so many probes have the full timeout */
#define PROMISED_ONE_NS (2900 * NS_PER_MS)    /* one silent unit is heard within 3 s, */
#define PROMISED_SEVEN_NS (14500 * NS_PER_MS) /* up to seven within 15 s */

/* How long a read that cannot be answered is left out. One refusal may be noise, or meant for somebody else. */
#define GIVE_UP_NS (60 * NS_PER_S)
#define REFUSED_BEFORE_GIVE_UP 2

/* A reply sent twice comes this long after the first at the latest. */
#define TWICE_MS 20

/* An idle bus looks again after this time. */
#define IDLE_NS (10 * NS_PER_MS)

/* Different questions of bus_ask that may have failed within late_reply_ms. */
#define ASKS_LATE 64
#define TURNAROUNDS 8

struct read {
    int64_t given_up_until_ns;
    int refused; /* in a row, by 01, 02 or 03 */
    int missed;  /* answers in a row */
    bool told;
};

struct unit {
    const struct bus_unit *is;
    size_t fast_count;
    struct read *reads;
    bool *valid;
    enum link link;
    enum link_reason reason;
    uint8_t reach;
    bool live;  /* polled; else probed */
    bool heard; /* ever */
    int failed; /* polls in a row */
    unsigned probes;
    int64_t asked_ns;
    int64_t rest_until_ns; /* not to be polled before: an answer may be late */
    int turnaround_us[TURNAROUNDS];
    size_t turnarounds; /* ever */
};

struct schedule {
    const struct bus_settings *settings;
    int64_t character_ns;
    struct late *late;
    struct unit *units;
    size_t unit_count;

    enum { PHASE_POLLS, PHASE_SLOW, PHASE_REST } phase;
    int64_t cycle_begin_ns, cycle_ns;
    size_t next_unit; /* of this cycle */
    size_t revived;   /* answered a probe: polled next; NONE */
    bool probed, asked, idle;

    size_t polled; /* the unit whose poll is going on, NONE */
    size_t poll_read;
    bool poll_answered;

    size_t slow_unit, slow_read; /* where the round of slow reads stands */

    bool ask_waits;
    struct line_request ask;

    struct line_request last; /* asked on the bus */
    enum line_result last_result;
};

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

/* ---- create ---- */

struct schedule *schedule_create(const struct bus_settings *settings) {
    struct schedule *schedule = memory_get(1, sizeof *schedule);
    *schedule = (struct schedule){.settings = settings,
                                  .character_ns = line_character_ns(&settings->line),
                                  .units = memory_get(settings->unit_count, sizeof(struct unit)),
                                  .unit_count = settings->unit_count,
                                  .phase = PHASE_REST,
                                  .cycle_begin_ns = INT64_MIN,
                                  .revived = NONE,
                                  .polled = NONE,
                                  .last_result = LINE_REFUSED};
    size_t reads = 0;
    for (size_t i = 0; i < settings->unit_count; i++) {
        const struct plan *plan = settings->units[i].plan;
        schedule->units[i] = (struct unit){.is = &settings->units[i],
                                           .fast_count = schedule_fast_count(plan),
                                           .reads = memory_get(plan->read_count, sizeof(struct read)),
                                           .valid = memory_get(plan->read_count, sizeof(bool)),
                                           .live = plan->read_count > 0};
        reads += plan->read_count;
    }
    schedule->late = late_create(reads + ASKS_LATE, settings->late_reply_ms * NS_PER_MS);
    return schedule;
}

void schedule_free(struct schedule *schedule) {
    if (!schedule)
        return;
    for (size_t i = 0; i < schedule->unit_count; i++) {
        free(schedule->units[i].reads);
        free(schedule->units[i].valid);
    }
    late_free(schedule->late);
    free(schedule->units);
    free(schedule);
}

struct schedule_unit schedule_unit(const struct schedule *schedule, size_t i) {
    const struct unit *unit = &schedule->units[i];
    return (struct schedule_unit){
        .link = unit->link, .reason = unit->reason, .reach = unit->reach, .valid = unit->valid};
}

int64_t schedule_cycle_ns(const struct schedule *schedule) {
    return schedule->cycle_ns;
}

/* ---- requests ---- */

static int64_t reply_ns(const struct schedule *schedule, const struct line_request *request) {
    return line_reply_characters(request->table, request->count, request->dialect) * schedule->character_ns;
}

/* The extremes of the last turnarounds of a unit, 0 before the first. */
static void turnarounds(const struct unit *unit, int *least_us, int *most_us) {
    size_t count = unit->turnarounds < TURNAROUNDS ? unit->turnarounds : TURNAROUNDS;
    *least_us = *most_us = count > 0 ? unit->turnaround_us[0] : 0;
    for (size_t i = 1; i < count; i++) {
        *least_us = unit->turnaround_us[i] < *least_us ? unit->turnaround_us[i] : *least_us;
        *most_us = unit->turnaround_us[i] > *most_us ? unit->turnaround_us[i] : *most_us;
    }
}

/* After an answer, the same answer may come once more. Where it could be taken for the one to this request, the line is
 * listened to as long as that would take. */
static int gap_ms(const struct schedule *schedule, const struct line_request *request, int least_ms) {
    const struct line_request *last = &schedule->last;
    int characters = 0;
    if (schedule->last_result == LINE_OK && question_alike(last, request))
        characters = line_reply_characters(last->table, last->count, last->dialect);
    bool exception_alike = schedule->last_result == LINE_EXCEPTION && last->unit == request->unit &&
                           last->table == request->table && !question_same(last, request);
    if (exception_alike)
        characters = line_reply_characters(TABLE_COIL, 1, last->dialect);
    if (characters == 0)
        return least_ms;
    int listen_ms = (int)(characters * schedule->character_ns / NS_PER_MS) + 1 + TWICE_MS;
    return listen_ms > least_ms ? listen_ms : least_ms;
}

static int milliseconds_up(int64_t ns) {
    return (int)((ns + NS_PER_MS - 1) / NS_PER_MS);
}

/* response_timeout_ms is to the first bit of the reply, the request's to its last. */
static int64_t full_timeout_ns(const struct schedule *schedule, const struct line_request *request) {
    return schedule->settings->response_timeout_ms * NS_PER_MS + reply_ns(schedule, request);
}

static void fill_request(const struct schedule *schedule, const struct unit *unit, struct line_request *request) {
    int least_us = 0;
    int most_us = 0;
    if (unit)
        turnarounds(unit, &least_us, &most_us);
    request->expected_turnaround_us = least_us;
    request->timeout_ms = milliseconds_up(full_timeout_ns(schedule, request));
    request->min_gap_ms = gap_ms(schedule, request, unit ? unit->is->min_gap_ms : 0);
}

static struct line_request request_of(const struct schedule *schedule, size_t i, size_t r) {
    const struct unit *unit = &schedule->units[i];
    const struct plan_read *read = &unit->is->plan->reads[r];
    struct line_request request = {.unit = unit->is->unit,
                                   .table = read->table,
                                   .address = read->address,
                                   .count = read->count,
                                   .dialect = unit->is->dialect};
    fill_request(schedule, unit, &request);
    return request;
}

static void set_step(const struct schedule *schedule, struct schedule_step *step, enum turn turn, size_t unit,
                     size_t read) {
    *step =
        (struct schedule_step){.turn = turn, .unit = unit, .read = read, .request = request_of(schedule, unit, read)};
}

/* ---- silent units ---- */

static int64_t probe_timeout_ns(const struct schedule *schedule, const struct unit *unit,
                                const struct line_request *request, bool patient) {
    int64_t full_ns = full_timeout_ns(schedule, request);
    if (patient || !unit->heard)
        return full_ns;
    int least_us = 0;
    int most_us = 0;
    turnarounds(unit, &least_us, &most_us);
    return smaller(full_ns,
                   larger(INT64_C(4) * most_us * NS_PER_US + reply_ns(schedule, request), PROBE_TIMEOUT_LEAST_NS));
}

/* What a probe of this unit costs the bus, on the average. */
static int64_t probe_cost_ns(const struct schedule *schedule, const struct unit *unit,
                             const struct line_request *request) {
    int64_t quick_ns = probe_timeout_ns(schedule, unit, request, false);
    int64_t patient_ns = probe_timeout_ns(schedule, unit, request, true);
    return line_request_characters() * schedule->character_ns +
           ((PROBE_PATIENT - 1) * quick_ns + patient_ns) / PROBE_PATIENT;
}

static size_t count_units(const struct schedule *schedule, bool live) {
    size_t count = 0;
    for (size_t i = 0; i < schedule->unit_count; i++)
        count += schedule->units[i].live == live && schedule->units[i].is->plan->read_count > 0;
    return count;
}

static int64_t probe_interval_ns(const struct schedule *schedule, const struct unit *unit,
                                 const struct line_request *request) {
    if (count_units(schedule, true) == 0)
        return 0;
    int64_t silent = (int64_t)count_units(schedule, false);
    int64_t interval_ns = silent * probe_cost_ns(schedule, unit, request) * 100 / PROBE_SHARE_PERCENT;
    if (unit->heard && silent <= 7)
        interval_ns = smaller(interval_ns, silent == 1 ? PROMISED_ONE_NS : PROMISED_SEVEN_NS);
    return larger(interval_ns, PROBE_EVERY_NS);
}

static bool next_probe(struct schedule *schedule, int64_t now_ns, struct schedule_step *step) {
    size_t best = NONE;
    for (size_t i = 0; i < schedule->unit_count; i++) {
        const struct unit *unit = &schedule->units[i];
        if (unit->live || unit->is->plan->read_count == 0)
            continue;
        struct line_request request = request_of(schedule, i, unit->is->plan->shortest);
        bool due = unit->asked_ns + probe_interval_ns(schedule, unit, &request) <= now_ns &&
                   late_ask_ns(schedule->late, &request, now_ns) <= now_ns;
        if (due && (best == NONE || unit->asked_ns < schedule->units[best].asked_ns))
            best = i;
    }
    if (best == NONE)
        return false;
    const struct unit *unit = &schedule->units[best];
    bool patient = unit->probes % PROBE_PATIENT == PROBE_PATIENT - 1;
    set_step(schedule, step, TURN_PROBE, best, unit->is->plan->shortest);
    step->request.timeout_ms = milliseconds_up(probe_timeout_ns(schedule, unit, &step->request, patient));
    schedule->probed = true;
    return true;
}

/* ---- polls ---- */

/* The first fast read from r on that is not left out, fast_count if there is none. */
static size_t next_fast_read(const struct unit *unit, size_t r, int64_t now_ns) {
    while (r < unit->fast_count && unit->reads[r].given_up_until_ns > now_ns)
        r++;
    return r;
}

static enum link_reason reason_for(enum line_result result) {
    if (result == LINE_TIMEOUT)
        return LINK_REASON_TIMEOUT;
    return result == LINE_EXCEPTION ? LINK_REASON_EXCEPTION : LINK_REASON_CRC;
}

static void go_offline(struct unit *unit, enum link_reason reason) {
    unit->link = LINK_OFFLINE;
    unit->reason = reason;
    memset(unit->valid, 0, unit->is->plan->read_count * sizeof unit->valid[0]);
}

static void end_poll(struct schedule *schedule, enum line_result result) {
    struct unit *unit = &schedule->units[schedule->polled];
    schedule->polled = NONE;
    unit->reach = (uint8_t)(unit->reach << 1 | (result == LINE_OK));
    if (result == LINE_OK) {
        unit->failed = 0;
        unit->link = LINK_ONLINE;
        unit->reason = LINK_REASON_NONE;
        return;
    }
    if (++unit->failed < schedule->settings->offline_after)
        return;
    unit->live = false;
    unit->probes = 0;
    go_offline(unit, reason_for(result));
}

/* The next unit whose turn it is. One that has nothing left to ask has failed. */
static bool begin_poll(struct schedule *schedule, int64_t now_ns) {
    for (;;) {
        if (schedule->revived != NONE) {
            schedule->polled = schedule->revived;
            schedule->revived = NONE;
        } else if (schedule->next_unit < schedule->unit_count) {
            schedule->polled = schedule->next_unit++;
        } else {
            schedule->polled = NONE;
            return false;
        }
        const struct unit *unit = &schedule->units[schedule->polled];
        if (!unit->live || unit->rest_until_ns > now_ns)
            continue;
        schedule->poll_answered = false;
        schedule->poll_read = next_fast_read(unit, 0, now_ns);
        if (schedule->poll_read < unit->fast_count)
            return true;
        end_poll(schedule, LINE_EXCEPTION);
    }
}

/* False: an answer may be late that looks like the one to this read; the unit rests, and is then polled afresh. */
static bool next_fast(struct schedule *schedule, int64_t now_ns, struct schedule_step *step) {
    struct unit *unit = &schedule->units[schedule->polled];
    set_step(schedule, step, TURN_FAST, schedule->polled, schedule->poll_read);
    int64_t ask_ns = late_ask_ns(schedule->late, &step->request, now_ns);
    if (ask_ns <= now_ns)
        return true;
    unit->rest_until_ns = ask_ns;
    schedule->polled = NONE;
    return false;
}

static bool slow_can_be_asked(struct schedule *schedule, size_t i, size_t r, int64_t now_ns) {
    const struct unit *unit = &schedule->units[i];
    if (!unit->live || unit->failed > 0 || unit->link != LINK_ONLINE || unit->reads[r].given_up_until_ns > now_ns)
        return false;
    struct line_request request = request_of(schedule, i, r);
    return late_ask_ns(schedule->late, &request, now_ns) <= now_ns;
}

/* Goes round all slow reads of all units, one at a call. */
static bool next_slow(struct schedule *schedule, int64_t now_ns, struct schedule_step *step) {
    size_t units_left = schedule->unit_count + 1;
    while (units_left > 0) {
        const struct unit *unit = &schedule->units[schedule->slow_unit];
        size_t r = (size_t)larger((int64_t)schedule->slow_read, (int64_t)unit->fast_count);
        if (r >= unit->is->plan->read_count) {
            schedule->slow_unit = (schedule->slow_unit + 1) % schedule->unit_count;
            schedule->slow_read = 0;
            units_left--;
            continue;
        }
        schedule->slow_read = r + 1;
        if (!slow_can_be_asked(schedule, schedule->slow_unit, r, now_ns))
            continue;
        set_step(schedule, step, TURN_SLOW, schedule->slow_unit, r);
        return true;
    }
    return false;
}

/* ---- what somebody asked for ---- */

static const struct unit *unit_numbered(const struct schedule *schedule, int number) {
    for (size_t i = 0; i < schedule->unit_count; i++)
        if (schedule->units[i].is->unit == number)
            return &schedule->units[i];
    return NULL;
}

void schedule_ask(struct schedule *schedule, const struct line_request *request) {
    assert(!schedule->ask_waits);
    schedule->ask = *request;
    schedule->ask_waits = true;
}

static bool next_ask(struct schedule *schedule, int64_t now_ns, struct schedule_step *step) {
    if (!schedule->ask_waits || !late_has_room(schedule->late, now_ns) ||
        late_ask_ns(schedule->late, &schedule->ask, now_ns) > now_ns)
        return false;
    *step = (struct schedule_step){.turn = TURN_ASK, .unit = NONE, .read = NONE, .request = schedule->ask};
    fill_request(schedule, unit_numbered(schedule, schedule->ask.unit), &step->request);
    schedule->ask_waits = false;
    schedule->asked = true;
    return true;
}

/* ---- the cycle ---- */

static int64_t next_cycle_ns(const struct schedule *schedule) {
    if (schedule->cycle_begin_ns == INT64_MIN)
        return INT64_MIN;
    int64_t pause_ns = count_units(schedule, true) > 0 ? schedule->settings->min_poll_ms * NS_PER_MS : 0;
    return schedule->cycle_begin_ns + (schedule->idle ? larger(pause_ns, IDLE_NS) : pause_ns);
}

static void begin_cycle(struct schedule *schedule, int64_t now_ns) {
    if (schedule->cycle_begin_ns != INT64_MIN)
        schedule->cycle_ns = now_ns - schedule->cycle_begin_ns;
    schedule->cycle_begin_ns = now_ns;
    schedule->phase = PHASE_POLLS;
    schedule->next_unit = 0;
    schedule->probed = schedule->asked = false;
    schedule->idle = true;
}

static bool try_next(struct schedule *schedule, int64_t now_ns, struct schedule_step *step) {
    switch (schedule->phase) {
    case PHASE_POLLS:
        if (schedule->polled == NONE && !schedule->probed && next_probe(schedule, now_ns, step))
            return true;
        if (schedule->polled != NONE || begin_poll(schedule, now_ns))
            return next_fast(schedule, now_ns, step);
        schedule->phase = PHASE_SLOW;
        return false;
    case PHASE_SLOW:
        schedule->phase = PHASE_REST;
        return schedule->unit_count > 0 && next_slow(schedule, now_ns, step);
    case PHASE_REST:
        break;
    }
    if (!schedule->asked && next_ask(schedule, now_ns, step))
        return true;
    if (!schedule->probed && next_probe(schedule, now_ns, step))
        return true;
    if (next_cycle_ns(schedule) <= now_ns) {
        begin_cycle(schedule, now_ns);
        return false;
    }
    *step = (struct schedule_step){.turn = TURN_WAIT, .until_ns = next_cycle_ns(schedule)};
    return true;
}

void schedule_next(struct schedule *schedule, int64_t now_ns, struct schedule_step *step) {
    while (!try_next(schedule, now_ns, step)) {
    }
    if (step->turn != TURN_WAIT)
        schedule->idle = false;
}

/* ---- results ---- */

static void give_up(struct read *read, int64_t now_ns, struct schedule_outcome *outcome) {
    read->given_up_until_ns = now_ns + GIVE_UP_NS;
    outcome->given_up = !read->told;
    read->told = true;
}

/* 01, 02, 03: the plan asks for what the unit does not have (domain.md 6). */
static bool is_configuration_error(int exception) {
    return exception >= 1 && exception <= 3;
}

static void note_read(struct unit *unit, size_t r, enum line_result result, int exception, int64_t now_ns,
                      struct schedule_outcome *outcome) {
    struct read *read = &unit->reads[r];
    if (result == LINE_OK) {
        unit->valid[r] = true;
        *read = (struct read){0};
    } else if (result == LINE_EXCEPTION) {
        unit->valid[r] = false;
        read->missed = 0;
        read->refused = is_configuration_error(exception) ? read->refused + 1 : 0;
        if (read->refused >= REFUSED_BEFORE_GIVE_UP)
            give_up(read, now_ns, outcome);
    }
}

static void fast_result(struct schedule *schedule, enum line_result result, int64_t now_ns,
                        struct schedule_outcome *outcome) {
    if (result != LINE_OK && result != LINE_EXCEPTION) {
        outcome->ended = true;
        end_poll(schedule, result);
        return;
    }
    const struct unit *unit = &schedule->units[schedule->polled];
    schedule->poll_answered |= result == LINE_OK;
    schedule->poll_read = next_fast_read(unit, schedule->poll_read + 1, now_ns);
    if (schedule->poll_read < unit->fast_count)
        return;
    outcome->ended = true;
    outcome->complete = schedule->poll_answered;
    end_poll(schedule, schedule->poll_answered ? LINE_OK : LINE_EXCEPTION);
}

/* A unit that answers its other reads, but never this one, does not know it and says so by silence. */
static void slow_result(struct schedule *schedule, struct unit *unit, size_t r, enum line_result result, int64_t now_ns,
                        struct schedule_outcome *outcome) {
    struct read *read = &unit->reads[r];
    if (result == LINE_OK || result == LINE_EXCEPTION || ++read->missed < schedule->settings->offline_after)
        return;
    unit->valid[r] = false;
    give_up(read, now_ns, outcome);
}

/* Its poll comes next. One failure makes it silent again, until a poll has been complete. An exception is a sign of
 * life, but no reason to poll a unit of which nothing can be asked. */
static void probe_result(struct schedule *schedule, size_t i, enum line_result result, int64_t now_ns) {
    struct unit *unit = &schedule->units[i];
    unit->probes++;
    bool something_to_ask = result == LINE_OK || next_fast_read(unit, 0, now_ns) < unit->fast_count;
    if ((result != LINE_OK && result != LINE_EXCEPTION) || !something_to_ask) {
        unit->reach = (uint8_t)(unit->reach << 1);
        return;
    }
    unit->live = true;
    unit->failed = schedule->settings->offline_after - 1;
    unit->rest_until_ns = 0;
    schedule->revived = i;
    schedule->phase = PHASE_POLLS;
}

static void remember(struct schedule *schedule, const struct line_request *request, enum line_result result,
                     int64_t now_ns) {
    schedule->last = *request;
    schedule->last_result = result;
    if (result == LINE_OK || result == LINE_EXCEPTION)
        late_answered(schedule->late, request, now_ns);
    else if (result != LINE_REFUSED)
        late_failed(schedule->late, request, now_ns);
}

void schedule_result(struct schedule *schedule, const struct schedule_step *step, enum line_result result,
                     const struct line_reply *reply, int64_t now_ns, struct schedule_outcome *outcome) {
    *outcome = (struct schedule_outcome){0};
    if (result == LINE_EXCEPTION && late_exception_doubtful(schedule->late, &step->request, now_ns))
        result = LINE_FOREIGN;
    remember(schedule, &step->request, result, now_ns);
    if (step->turn == TURN_ASK || step->turn == TURN_WAIT)
        return;

    struct unit *unit = &schedule->units[step->unit];
    unit->asked_ns = now_ns;
    if (result == LINE_OK)
        unit->turnaround_us[unit->turnarounds++ % TURNAROUNDS] = reply->turnaround_us;
    unit->heard |= result == LINE_OK || result == LINE_EXCEPTION;
    if (step->turn == TURN_PROBE)
        probe_result(schedule, step->unit, result, now_ns);
    note_read(unit, step->read, result, reply->exception, now_ns, outcome);
    if (step->turn == TURN_FAST)
        fast_result(schedule, result, now_ns, outcome);
    else if (step->turn == TURN_SLOW)
        slow_result(schedule, unit, step->read, result, now_ns, outcome);
}

void schedule_gone(struct schedule *schedule, int64_t now_ns) {
    for (size_t i = 0; i < schedule->unit_count; i++) {
        struct unit *unit = &schedule->units[i];
        if (unit->link == LINK_ONLINE)
            unit->failed = 0;
        unit->rest_until_ns = 0;
        go_offline(unit, LINK_REASON_DEVICE_GONE);
    }
    schedule->polled = schedule->revived = NONE;
    schedule->ask_waits = false;
    schedule->last_result = LINE_GONE;
    begin_cycle(schedule, now_ns);
}
