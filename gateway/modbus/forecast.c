#include "modbus/schedule_inside.h"

static int64_t larger(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static int64_t smaller(int64_t a, int64_t b) {
    return a < b ? a : b;
}

size_t schedule_fast_count(const struct plan *plan) {
    return plan->fast_count > 0 ? plan->fast_count : plan->read_count;
}

int64_t schedule_read_ns(const struct bus_settings *settings, const struct bus_unit *unit, const struct plan_read *read,
                         int turnaround_us) {
    int characters = line_request_characters() + line_reply_characters(read->table, read->count, unit->dialect);
    int64_t silence_ns = larger(line_silence_ns(&settings->line), unit->min_gap_ms * NS_PER_MS);
    return characters * line_character_ns(&settings->line) + turnaround_us * NS_PER_US + silence_ns;
}

/* The full timeout is that to the first bit of a reply, so a probe is a read whose turnaround it is. */
static void forecast_probes(const struct bus_settings *settings, struct schedule_forecast *forecast) {
    for (size_t i = 0; i < settings->unit_count; i++) {
        const struct bus_unit *unit = &settings->units[i];
        const struct plan_read *read = &unit->plan->reads[unit->plan->shortest];
        int64_t probe_ns = schedule_read_ns(settings, unit, read, settings->response_timeout_ms * 1000);
        forecast->probe_ns = larger(forecast->probe_ns, probe_ns);
    }
    int64_t silent = (int64_t)settings->unit_count - 1;
    int64_t every_ns = larger(PROBE_EVERY_NS, silent * forecast->probe_ns * 100 / PROBE_SHARE_PERCENT);
    forecast->revive_ns = every_ns + forecast->probe_ns;
}

void schedule_forecast(const struct bus_settings *settings, int turnaround_us, struct schedule_forecast *forecast) {
    *forecast = (struct schedule_forecast){0};
    int64_t fast_ns = 0;
    int64_t slow_ns = 0; /* the longest of them */
    for (size_t i = 0; i < settings->unit_count; i++) {
        const struct bus_unit *unit = &settings->units[i];
        for (size_t r = 0; r < unit->plan->read_count; r++) {
            int64_t read_ns = schedule_read_ns(settings, unit, &unit->plan->reads[r], turnaround_us);
            bool fast = r < schedule_fast_count(unit->plan);
            *(fast ? &forecast->fast_reads : &forecast->slow_reads) += 1;
            if (fast)
                fast_ns += read_ns;
            else
                slow_ns = larger(slow_ns, read_ns);
        }
    }
    forecast->cycle_ns = fast_ns + slow_ns;
    int64_t period_ns = larger(larger(fast_ns, settings->min_poll_ms * NS_PER_MS), 1);
    bool slow_is_free = forecast->cycle_ns <= period_ns;
    int64_t slow_every_ns =
        slow_is_free ? period_ns : larger(SCHEDULE_SLOW_EVERY * slow_ns + period_ns, forecast->cycle_ns);
    forecast->slow_round_ns = (int64_t)forecast->slow_reads * slow_every_ns;
    forecast_probes(settings, forecast);
    forecast->load_percent = (int)smaller(fast_ns * 100 / period_ns + slow_ns * 100 / slow_every_ns, 100);
}
