#include "modbus/schedule_inside.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

/* How long a read that cannot be answered is left out. One refusal may be noise, or meant for somebody else. */
#define GIVE_UP_NS (60 * NS_PER_S)
#define REFUSED_BEFORE_GIVE_UP 2

/* However much silent units take of the slow reads' share, one of them is asked after this time. */
#define SLOW_LONGEST_NS (10 * NS_PER_S)

/* An idle bus looks again after this time. */
#define IDLE_NS (10 * NS_PER_MS)

/* Different questions of bus_ask that may have failed within late_reply_ms. */
#define ASKS_LATE 64

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
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
    size_t questions = reads + settings->unit_count + ASKS_LATE; /* each read, each unit's probe, what somebody asks */
    schedule->late = late_create(questions, settings->late_reply_ms * NS_PER_MS);
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

static struct line_request request_of(const struct schedule *schedule, size_t i, size_t r) {
    const struct unit *unit = &schedule->units[i];
    return question_for(schedule, unit, &unit->is->plan->reads[r]);
}

static void set_step(const struct schedule *schedule, struct schedule_step *step, enum turn turn, size_t unit,
                     size_t read) {
    *step =
        (struct schedule_step){.turn = turn, .unit = unit, .read = read, .request = request_of(schedule, unit, read)};
}

/* ---- silent units ---- */

static size_t count_units(const struct schedule *schedule, bool live) {
    size_t count = 0;
    for (size_t i = 0; i < schedule->unit_count; i++)
        count += schedule->units[i].live == live && schedule->units[i].is->plan->read_count > 0;
    return count;
}

/* The silent unit that has waited longest, if its time has come: at once when there is nobody else to be asked. */
static bool next_probe(struct schedule *schedule, int64_t now_ns, struct schedule_step *step) {
    size_t silent = count_units(schedule, false);
    bool all_silent = count_units(schedule, true) == 0;
    size_t best = NONE;
    for (size_t i = 0; silent > 0 && i < schedule->unit_count; i++) {
        const struct unit *unit = &schedule->units[i];
        if (unit->live || unit->is->plan->read_count == 0)
            continue;
        if (best != NONE && unit->asked_ns >= schedule->units[best].asked_ns)
            continue;
        int64_t interval_ns = all_silent ? 0 : question_probe_interval_ns(schedule, unit, silent);
        struct line_request request = question_probe(schedule, unit);
        if (unit->asked_ns + interval_ns <= now_ns && late_ask_ns(schedule->late, &request, now_ns) <= now_ns)
            best = i;
    }
    if (best == NONE)
        return false;
    const struct unit *unit = &schedule->units[best];
    *step = (struct schedule_step){
        .turn = TURN_PROBE, .unit = best, .read = unit->is->plan->shortest, .request = question_probe(schedule, unit)};
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

static int64_t next_cycle_ns(const struct schedule *schedule) {
    if (schedule->cycle_begin_ns == INT64_MIN)
        return INT64_MIN;
    int64_t pause_ns = count_units(schedule, true) > 0 ? schedule->settings->min_poll_ms * NS_PER_MS : 0;
    return schedule->cycle_begin_ns + (schedule->idle ? larger(pause_ns, IDLE_NS) : pause_ns);
}

/* True if a slow read may be asked now: they have waited for their share, or the line would be idle for as long. */
static bool slow_may_be_asked(struct schedule *schedule, const struct unit *unit, size_t r, int64_t now_ns) {
    int64_t cost_ns = schedule_read_ns(schedule->settings, unit->is, &unit->is->plan->reads[r],
                                       (int)unit_longest_turnaround_us(unit));
    bool is_free = now_ns + cost_ns <= next_cycle_ns(schedule);
    bool waited_long = now_ns - schedule->slow_asked_ns >= SLOW_LONGEST_NS;
    if (!is_free && !waited_long && now_ns < schedule->slow_due_ns)
        return false;
    schedule->slow_asked_ns = now_ns;
    schedule->slow_due_ns = now_ns + SCHEDULE_SLOW_EVERY * cost_ns;
    return true;
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
        if (!slow_may_be_asked(schedule, unit, r, now_ns)) {
            schedule->slow_read = r; /* its turn stays its own */
            return false;
        }
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
    question_fill(schedule, unit_numbered(schedule, schedule->ask.unit), &step->request);
    schedule->ask_waits = false;
    schedule->asked = true;
    return true;
}

/* ---- the cycle ---- */

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
static void probe_result(struct schedule *schedule, const struct schedule_step *step, enum line_result result,
                         int64_t now_ns) {
    struct unit *unit = &schedule->units[step->unit];
    unit->probes++;
    bool something_to_ask = result == LINE_OK || next_fast_read(unit, 0, now_ns) < unit->fast_count;
    if ((result != LINE_OK && result != LINE_EXCEPTION) || !something_to_ask) {
        unit->reach = (uint8_t)(unit->reach << 1);
        /* What it took is not the faults' but the counters' time. */
        int64_t took_ns = line_request_characters() * schedule->character_ns + step->request.timeout_ms * NS_PER_MS;
        schedule->slow_due_ns = larger(schedule->slow_due_ns, now_ns) + SCHEDULE_SLOW_EVERY * took_ns;
        return;
    }
    for (size_t r = 0; r < unit->fast_count && result == LINE_OK; r++) /* it may have refused them while it started */
        unit->reads[r].given_up_until_ns = 0;
    unit->live = true;
    unit->failed = schedule->settings->offline_after - 1;
    unit->rest_until_ns = 0;
    schedule->revived = step->unit;
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
        unit_note_turnaround(unit, reply);
    unit->heard |= result == LINE_OK || result == LINE_EXCEPTION;
    if (step->turn == TURN_PROBE) {
        probe_result(schedule, step, result, now_ns);
        return;
    }
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
