#include "ctl/outlook.h"

#include "base/memory.h"
#include "profile/place.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_MS INT64_C(1000000)

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

/* ---- buses ---- */

static struct bus_settings settings_of(const struct outlook_bus *bus) {
    const struct bus_section *section = bus->section;
    return (struct bus_settings){.name = section->name,
                                 .line = {.device = section->device,
                                          .baud = section->baud,
                                          .parity = section->parity,
                                          .data_bits = section->data_bits,
                                          .stop_bits = section->stop_bits,
                                          .rs485 = section->rs485 == RS485_KERNEL},
                                 .response_timeout_ms = section->response_timeout_ms,
                                 .late_reply_ms = section->late_reply_ms,
                                 .min_poll_ms = section->min_poll_ms,
                                 .offline_after = section->offline_after,
                                 .units = bus->units,
                                 .unit_count = bus->settings.unit_count};
}

static void seat_unit(struct outlook *outlook, size_t lift, size_t part) {
    const struct part_settings *settings = &outlook->settings->lifts[lift].part[part];
    const struct profile *profile = outlook->settings->profiles[settings->profile];
    struct outlook_bus *bus = &outlook->buses[settings->bus];
    struct plan *plan = plan_create(profile, &settings->options);
    outlook->plans[lift * LIFT_PARTS + part] = plan;
    size_t unit = bus->settings.unit_count++;
    bus->lifts[unit] = lift;
    bus->parts[unit] = part;
    bus->units[unit] = (struct bus_unit){
        .unit = settings->unit, .dialect = profile->dialect, .min_gap_ms = profile->min_gap_ms, .plan = plan};
}

static void seat_units(struct outlook *outlook) {
    const struct settings *settings = outlook->settings;
    size_t most = settings->lift_count * LIFT_PARTS;
    for (size_t b = 0; b < settings->bus_count; b++) {
        struct outlook_bus *bus = &outlook->buses[b];
        bus->section = &settings->buses[b];
        bus->units = memory_get(most, sizeof *bus->units);
        bus->lifts = memory_get(most, sizeof *bus->lifts);
        bus->parts = memory_get(most, sizeof *bus->parts);
    }
    for (size_t l = 0; l < settings->lift_count; l++)
        for (size_t p = 0; p < settings->lifts[l].part_count; p++)
            seat_unit(outlook, l, p);
}

static void look_at_bus(struct outlook_bus *bus) {
    bus->settings = settings_of(bus);
    schedule_forecast(&bus->settings, SCHEDULE_TURNAROUND_US, &bus->forecast);
    bus->period_ns = larger(bus->forecast.cycle_ns, bus->settings.min_poll_ms * NS_PER_MS);
}

/* ---- from a fault to its message ---- */

struct view {
    const struct outlook_bus *bus;
    const struct profile *profile;
    const struct plan *plan;
    const struct bus_unit *unit;
};

/* How long an item of the profile may lag behind what it is read from. */
struct lag {
    int64_t debounce_ns;
    bool slow;
};

static void add_lag(struct lag *lag, const struct lag *other) {
    lag->debounce_ns = larger(lag->debounce_ns, other->debounce_ns);
    lag->slow |= other->slow;
}

static struct lag lag_of(const struct profile *profile, int slot) {
    struct lag lag = {0};
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        int64_t debounce_ms = larger(row->on_ms, row->off_ms);
        if (row->slot == slot)
            add_lag(&lag, &(struct lag){.debounce_ns = debounce_ms * NS_PER_MS, .slow = row->lane == LANE_SLOW});
    }
    for (size_t i = 0; i < profile->rule_count; i++) /* profile_load refuses rules that need themselves */
        for (size_t k = 0; profile->rules[i].slot == slot && k < profile->rules[i].from_count; k++) {
            struct lag below = lag_of(profile, profile->rules[i].from[k]);
            add_lag(&lag, &below);
        }
    return lag;
}

/* From the time at which a unit looks up what read r asks for to the end of its poll. */
static int64_t rest_of_poll_ns(const struct view *view, size_t r) {
    const struct bus_settings *settings = &view->bus->settings;
    const struct plan_read *read = &view->plan->reads[r];
    int64_t rest_ns =
        line_reply_characters(read->table, read->count, view->unit->dialect) * line_character_ns(&settings->line);
    for (size_t next = r + 1; next < schedule_fast_count(view->plan); next++)
        rest_ns += schedule_read_ns(settings, view->unit, &view->plan->reads[next], SCHEDULE_TURNAROUND_US);
    return rest_ns;
}

static struct outlook_fault look_at_fault(const struct view *view, size_t i) {
    const struct fault_row *row = &view->profile->faults[i];
    int64_t period_ns = view->bus->period_ns;
    int read = view->plan->fault_read[i];
    struct lag lag = {0};
    for (size_t k = 0; k < row->from_count; k++) {
        struct lag below = lag_of(view->profile, row->from[k]);
        add_lag(&lag, &below);
    }
    if (row->only_if >= 0) {
        struct lag below = lag_of(view->profile, row->only_if);
        add_lag(&lag, &below);
    }
    struct outlook_fault fault = {.profile = view->profile, .row = row};
    fault.wait_ns = lag.slow ? larger(view->bus->forecast.slow_round_ns, period_ns) + period_ns : period_ns;
    fault.poll_ns = view->plan->read_count > 0 ? rest_of_poll_ns(view, read >= 0 ? (size_t)read : 0) : 0;
    fault.debounce_ns = lag.debounce_ns > 0 ? lag.debounce_ns + period_ns : 0;
    fault.raise_ns = row->source.raise_after_ms > 0 ? row->source.raise_after_ms * NS_PER_MS + period_ns : 0;
    fault.total_ns = fault.wait_ns + fault.poll_ns + fault.debounce_ns + fault.raise_ns + OUTLOOK_HANDLING_NS;
    return fault;
}

static void look_at_part(const struct outlook *outlook, size_t l, size_t p) {
    const struct part_settings *part = &outlook->settings->lifts[l].part[p];
    const struct outlook_bus *bus = &outlook->buses[part->bus];
    struct outlook_lift *lift = &outlook->lifts[l];
    struct view view = {
        .bus = bus, .profile = outlook->settings->profiles[part->profile], .plan = outlook->plans[l * LIFT_PARTS + p]};
    for (size_t u = 0; u < bus->settings.unit_count; u++)
        if (bus->units[u].plan == view.plan)
            view.unit = &bus->units[u];
    assert(view.unit); /* seat_unit() made one for every part */
    for (size_t i = 0; i < view.profile->fault_count; i++) {
        struct outlook_fault fault = look_at_fault(&view, i);
        if (!lift->has_fault || fault.total_ns < lift->quickest.total_ns)
            lift->quickest = fault;
        if (!lift->has_fault || fault.total_ns > lift->slowest.total_ns)
            lift->slowest = fault;
        lift->has_fault = true;
    }
}

struct outlook *outlook_create(const struct settings *settings) {
    struct outlook *outlook = memory_get(1, sizeof *outlook);
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): pointers are what it holds */
    struct plan **plans = memory_get(settings->lift_count * LIFT_PARTS, sizeof *plans);
    *outlook = (struct outlook){.settings = settings,
                                .plans = plans,
                                .buses = memory_get(settings->bus_count, sizeof *outlook->buses),
                                .lifts = memory_get(settings->lift_count, sizeof *outlook->lifts)};
    seat_units(outlook);
    for (size_t b = 0; b < settings->bus_count; b++)
        look_at_bus(&outlook->buses[b]);
    for (size_t l = 0; l < settings->lift_count; l++)
        for (size_t p = 0; p < settings->lifts[l].part_count; p++)
            look_at_part(outlook, l, p);
    return outlook;
}

void outlook_free(struct outlook *outlook) {
    if (!outlook)
        return;
    for (size_t i = 0; i < outlook->settings->lift_count * LIFT_PARTS; i++)
        plan_free(outlook->plans[i]);
    for (size_t b = 0; b < outlook->settings->bus_count; b++) {
        free(outlook->buses[b].units);
        free(outlook->buses[b].lifts);
        free(outlook->buses[b].parts);
    }
    free(outlook->plans);
    free(outlook->buses);
    free(outlook->lifts);
    free(outlook);
}

/* ---- what falls to else ---- */

#define SHOWN 6

/* Adds the number, or "…" once there are too many to show. */
static void list_number(char *text, size_t *shown, int64_t number) {
    size_t used = strlen(text);
    if (++*shown <= SHOWN)
        snprintf(text + used, OUTLOOK_REST_SIZE - used, "%s%lld", used ? ", " : "", (long long)number);
    else if (*shown == SHOWN + 1)
        snprintf(text + used, OUTLOOK_REST_SIZE - used, ", …");
}

static bool is_mapped(const struct value_row *row, int64_t raw) {
    for (size_t i = 0; i < row->map_count; i++)
        if (row->map[i].raw == raw)
            return true;
    return false;
}

bool outlook_value_rest(const struct value_row *row, char text[OUTLOOK_REST_SIZE]) {
    int64_t low, high;
    size_t shown = 0;
    text[0] = '\0';
    if (!row->map)
        return false;
    place_range(&row->place, &low, &high);
    if (high - low < 16) {
        for (int64_t raw = low; raw <= high; raw++)
            if (!is_mapped(row, raw))
                list_number(text, &shown, raw);
        return shown > 0;
    }
    char listed[OUTLOOK_REST_SIZE] = "";
    for (size_t i = 0; i < row->map_count; i++)
        list_number(listed, &shown, row->map[i].raw);
    snprintf(text, OUTLOOK_REST_SIZE, "all but %.100s", listed);
    return true;
}

static bool pattern_takes(const struct pattern *pattern, const char *bits) {
    for (size_t i = 0; bits[i]; i++)
        if (pattern->text[i] != '-' && pattern->text[i] != bits[i])
            return false;
    return true;
}

bool outlook_rule_rest(const struct rule_row *row, char text[OUTLOOK_REST_SIZE]) {
    size_t shown = 0;
    text[0] = '\0';
    if (row->kind != RULE_TRUTH)
        return false;
    for (unsigned number = 0; number < 1u << row->from_count; number++) {
        char bits[FROM_MAX + 1] = "";
        bool taken = false;
        for (size_t i = 0; i < row->from_count; i++)
            bits[i] = number >> (row->from_count - 1 - i) & 1 ? '1' : '0';
        for (size_t i = 0; i < row->pattern_count && !taken; i++)
            taken = pattern_takes(&row->patterns[i], bits);
        if (taken || ++shown > SHOWN + 1)
            continue;
        size_t used = strlen(text);
        snprintf(text + used, OUTLOOK_REST_SIZE - used, "%s%s", used ? ", " : "", shown > SHOWN ? "…" : bits);
    }
    return shown > 0;
}
