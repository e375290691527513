#include "modbus/schedule_inside.h"

/* design.md 4: how silent units are probed; how often and for what share of the time stands in schedule_inside.h. */
#define PROBE_TIMEOUT_LEAST_NS (30 * NS_PER_MS)
#define PROBE_PATIENT 8                       /* every so many probes have the full timeout */
#define PROMISED_ONE_NS (2900 * NS_PER_MS)    /* one silent unit is heard within 3 s, */
#define PROMISED_SEVEN_NS (14500 * NS_PER_MS) /* up to seven within 15 s */

/* A reply sent twice comes this long after the first at the latest. */
#define TWICE_MS 20

/* When replies are looked for, and when waited for. */
#define SAME_TIME_US 200
#define LOOKS_MOST 7
#define WAIT_EARLY_US 1000

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t reply_ns(const struct schedule *schedule, const struct line_request *request) {
    return line_reply_characters(request->table, request->count, request->dialect) * schedule->character_ns;
}

static size_t turnarounds_known(const struct unit *unit) {
    return unit->turnarounds < TURNAROUNDS ? unit->turnarounds : TURNAROUNDS;
}

static int64_t shortest_turnaround_us(const struct unit *unit) {
    int64_t shortest_us = unit->turnaround_us[0];
    for (size_t i = 1; i < turnarounds_known(unit); i++)
        shortest_us = smaller(unit->turnaround_us[i], shortest_us);
    return shortest_us;
}

int64_t unit_longest_turnaround_us(const struct unit *unit) {
    int64_t longest_us = unit->turnaround_us[0];
    for (size_t i = 1; i < turnarounds_known(unit); i++)
        longest_us = larger(unit->turnaround_us[i], longest_us);
    return longest_us;
}

/* Whether a reply may be looked for when it should be there: it costs one waking, where to wait for it costs two. If
 * the reply came sooner, the line is idle till then, and nobody sees for how long: so only of a unit that takes the
 * same time again and again, and one reply of so many is waited for all the same. */
static bool keeps_time(const struct unit *unit) {
    return unit->turnarounds >= TURNAROUNDS && unit->looks < LOOKS_MOST &&
           unit_longest_turnaround_us(unit) - shortest_turnaround_us(unit) <= SAME_TIME_US;
}

static int64_t expected_turnaround_us(const struct unit *unit) {
    int64_t shortest_us = shortest_turnaround_us(unit);
    return keeps_time(unit) ? shortest_us : larger(shortest_us * 3 / 4 - WAIT_EARLY_US, 0);
}

void unit_note_turnaround(struct unit *unit, const struct line_reply *reply) {
    if (!reply->waited && keeps_time(unit)) {
        unit->looks++;
        return;
    }
    unit->looks = 0;
    unit->turnaround_us[unit->turnarounds++ % TURNAROUNDS] = reply->turnaround_us;
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

void question_fill(const struct schedule *schedule, const struct unit *unit, struct line_request *request) {
    request->expected_turnaround_us = unit ? (int)expected_turnaround_us(unit) : 0;
    request->timeout_ms = milliseconds_up(full_timeout_ns(schedule, request));
    request->min_gap_ms = gap_ms(schedule, request, unit ? unit->is->min_gap_ms : 0);
}

struct line_request question_for(const struct schedule *schedule, const struct unit *unit,
                                 const struct plan_read *read) {
    struct line_request request = {.unit = unit->is->unit,
                                   .table = read->table,
                                   .address = read->address,
                                   .count = read->count,
                                   .dialect = unit->is->dialect};
    question_fill(schedule, unit, &request);
    return request;
}

/* ---- silent units ---- */

/* Most probes ask for the words of one row and wait for as long as a unit that answers as it used to may need. Every
 * eighth, and each of a unit never heard, is patient: it asks what polls ask, which is all that some units answer, and
 * waits the full timeout. */
static struct line_request probe_request(const struct schedule *schedule, const struct unit *unit, bool patient) {
    const struct plan *plan = unit->is->plan;
    if (patient)
        return question_for(schedule, unit, &plan->reads[plan->shortest]);
    struct line_request request = question_for(schedule, unit, &plan->probe);
    int64_t wait_ns = 4 * NS_PER_US * unit_longest_turnaround_us(unit) + reply_ns(schedule, &request);
    int64_t quick_ns = larger(wait_ns, PROBE_TIMEOUT_LEAST_NS);
    request.timeout_ms = milliseconds_up(smaller(quick_ns, full_timeout_ns(schedule, &request)));
    return request;
}

/* What a probe of this unit costs the bus, on the average. */
static int64_t probe_cost_ns(const struct schedule *schedule, const struct unit *unit) {
    int patient_ms = probe_request(schedule, unit, true).timeout_ms;
    int quick_ms = unit->heard ? probe_request(schedule, unit, false).timeout_ms : patient_ms;
    return line_request_characters() * schedule->character_ns +
           ((PROBE_PATIENT - 1) * quick_ms + patient_ms) * NS_PER_MS / PROBE_PATIENT;
}

int64_t question_probe_interval_ns(const struct schedule *schedule, const struct unit *unit, size_t silent) {
    int64_t interval_ns = (int64_t)silent * probe_cost_ns(schedule, unit) * 100 / PROBE_SHARE_PERCENT;
    if (unit->heard && silent <= 7)
        interval_ns = smaller(interval_ns, silent == 1 ? PROMISED_ONE_NS : PROMISED_SEVEN_NS);
    return larger(interval_ns, PROBE_EVERY_NS);
}

struct line_request question_probe(const struct schedule *schedule, const struct unit *unit) {
    return probe_request(schedule, unit, !unit->heard || unit->probes % PROBE_PATIENT == PROBE_PATIENT - 1);
}
