#include "ctl/scan_plan.h"

#include "base/text.h"
#include "modbus/line.h"

#include <stdio.h>

#define NS_PER_MS INT64_C(1000000)
#define ANSWER_CHARACTERS 10 /* the longest answer to a question for one register, and some */

/* Common practice, the most frequent first: 8N1 in spite of the specification, which wants 19200 8E1 (Modbus over
 * serial line 1.02, 2.5.1). */
static const int bauds[] = {9600, 19200, 38400, 115200, 57600, 4800, 2400};
static const struct {
    enum parity parity;
    int stop_bits;
} frames[] = {{PARITY_NONE, 1}, {PARITY_EVEN, 1}, {PARITY_NONE, 2}, {PARITY_ODD, 1}, {PARITY_EVEN, 2}, {PARITY_ODD, 2}};

/* Devices leave the factory with a low unit number. */
#define LIKELY_UNITS 8

/* The rounds: with how many of the settings, which units, and how long an answer is waited for. */
static const struct {
    size_t settings;
    bool only_likely;
    int last_unit, timeout_ms;
} rounds[] = {{SCAN_SETTINGS, true, SCAN_UNITS, 120},
              {24, false, 32, 80},
              {12, false, SCAN_UNITS, 50},
              {SCAN_SETTINGS, false, SCAN_UNITS, 40}};

static bool is_wished(const struct scan_wishes *wishes, const struct scan_setting *setting) {
    const struct scan_setting *wish = &wishes->setting;
    return (!wish->baud || wish->baud == setting->baud) && (!wish->parity || wish->parity == setting->parity) &&
           (!wish->stop_bits || wish->stop_bits == setting->stop_bits);
}

static bool is_listed(const struct scan_plan *plan, const struct scan_setting *setting) {
    for (size_t i = 0; i < plan->setting_count; i++)
        if (plan->settings[i].baud == setting->baud && plan->settings[i].parity == setting->parity &&
            plan->settings[i].stop_bits == setting->stop_bits)
            return true;
    return false;
}

static void add_setting(struct scan_plan *plan, const struct scan_setting *setting) {
    if (plan->setting_count < SCAN_SETTINGS && is_wished(&plan->wishes, setting) && !is_listed(plan, setting))
        plan->settings[plan->setting_count++] = *setting;
}

static struct scan_setting setting_of(const struct profile *profile) {
    return (struct scan_setting){.baud = profile->line.baud,
                                 .parity = profile->line.parity,
                                 .stop_bits = profile->line.stop_bits ? profile->line.stop_bits : 1};
}

/* How many profiles want the settings of this one. */
static int votes(const struct profile *profile, struct profile *const profiles[], size_t count) {
    struct scan_setting wish = setting_of(profile);
    int same = 0;
    for (size_t i = 0; i < count; i++) {
        struct scan_setting other = setting_of(profiles[i]);
        same += other.baud == wish.baud && other.parity == wish.parity && other.stop_bits == wish.stop_bits;
    }
    return same;
}

static void add_profiles(struct scan_plan *plan, struct profile *const profiles[], size_t count) {
    for (size_t most = count; most > 0; most--)
        for (size_t i = 0; i < count; i++) {
            struct scan_setting setting = setting_of(profiles[i]);
            if (setting.baud && setting.parity && votes(profiles[i], profiles, count) == (int)most)
                add_setting(plan, &setting);
        }
}

/* Diagonally: a rare speed with a common frame is as likely as a common speed with a rare frame. */
static void add_common(struct scan_plan *plan) {
    for (size_t sum = 0; sum < COUNT_OF(bauds) + COUNT_OF(frames) - 1; sum++)
        for (size_t f = 0; f < COUNT_OF(frames) && f <= sum; f++)
            if (sum - f < COUNT_OF(bauds))
                add_setting(plan, &(struct scan_setting){.baud = bauds[sum - f],
                                                         .parity = frames[f].parity,
                                                         .stop_bits = frames[f].stop_bits});
}

void scan_plan_make(struct scan_plan *plan, const struct scan_wishes *wishes, struct profile *const profiles[],
                    size_t profile_count) {
    *plan = (struct scan_plan){.wishes = *wishes};
    add_profiles(plan, profiles, profile_count);
    add_common(plan);
    if (plan->setting_count == 0) /* a speed that nobody uses, but that is asked for */
        for (size_t f = 0; f < COUNT_OF(frames); f++)
            add_setting(plan, &(struct scan_setting){.baud = wishes->setting.baud,
                                                     .parity = frames[f].parity,
                                                     .stop_bits = frames[f].stop_bits});
    for (int unit = 1; unit <= LIKELY_UNITS; unit++)
        plan->likely[unit] = true;
    for (size_t i = 0; i < profile_count; i++)
        if (profiles[i]->line.unit)
            plan->likely[profiles[i]->line.unit] = true;
}

int scan_first_unit(const struct scan_plan *plan) {
    return plan->wishes.first_unit ? plan->wishes.first_unit : 1;
}

int scan_last_unit(const struct scan_plan *plan) {
    return plan->wishes.last_unit ? plan->wishes.last_unit : SCAN_UNITS;
}

/* Units that were wished for are all asked with all settings. */
static size_t settings_in(const struct scan_plan *plan, size_t round) {
    bool all = plan->wishes.first_unit || plan->setting_count < rounds[round].settings;
    return all ? plan->setting_count : rounds[round].settings;
}

static int last_unit_in(const struct scan_plan *plan, size_t round) {
    return plan->wishes.first_unit || rounds[round].last_unit > scan_last_unit(plan) ? scan_last_unit(plan)
                                                                                     : rounds[round].last_unit;
}

/* True if this round is the first to ask that unit with that setting. */
static bool is_new(const struct scan_plan *plan, size_t round, size_t setting, int unit) {
    for (size_t before = 0; before < round; before++)
        if (setting < settings_in(plan, before) && unit <= last_unit_in(plan, before) &&
            (!rounds[before].only_likely || plan->likely[unit]))
            return false;
    return !rounds[round].only_likely || plan->likely[unit];
}

static struct line_settings line_of(const struct scan_setting *setting) {
    return (struct line_settings){
        .baud = setting->baud, .parity = setting->parity, .data_bits = 8, .stop_bits = setting->stop_bits};
}

int scan_timeout_ms(const struct scan_setting *setting, int turnaround_ms) {
    struct line_settings line = line_of(setting);
    return turnaround_ms + (int)(ANSWER_CHARACTERS * line_character_ns(&line) / NS_PER_MS) + 1;
}

static int64_t question_ns(const struct scan_setting *setting, int timeout_ms) {
    struct line_settings line = line_of(setting);
    return line_request_characters() * line_character_ns(&line) + line_silence_ns(&line) + timeout_ms * NS_PER_MS;
}

bool scan_plan_next(const struct scan_plan *plan, struct scan_cursor *cursor, struct scan_step *step) {
    for (; cursor->round < COUNT_OF(rounds); cursor->round++, cursor->setting = 0)
        for (; cursor->setting < settings_in(plan, cursor->round); cursor->setting++, cursor->unit = 0) {
            if (cursor->unit < scan_first_unit(plan))
                cursor->unit = scan_first_unit(plan);
            for (; cursor->unit <= last_unit_in(plan, cursor->round); cursor->unit++) {
                if (!is_new(plan, cursor->round, cursor->setting, cursor->unit))
                    continue;
                int timeout_ms = rounds[cursor->round].timeout_ms;
                *step = (struct scan_step){.setting = cursor->setting,
                                           .unit = cursor->unit++,
                                           .timeout_ms = scan_timeout_ms(&plan->settings[cursor->setting], timeout_ms)};
                return true;
            }
        }
    return false;
}

void scan_plan_skip(struct scan_cursor *cursor) {
    cursor->setting++;
    cursor->unit = 0;
}

int64_t scan_step_ns(const struct scan_plan *plan, const struct scan_step *step) {
    return question_ns(&plan->settings[step->setting], step->timeout_ms);
}

int64_t scan_plan_left_ns(const struct scan_plan *plan, const struct scan_cursor *cursor) {
    struct scan_cursor at = *cursor;
    struct scan_step step;
    int64_t left_ns = 0;
    while (scan_plan_next(plan, &at, &step))
        left_ns += scan_step_ns(plan, &step);
    return left_ns;
}

int64_t scan_sweep_ns(const struct scan_plan *plan, size_t setting) {
    return (scan_last_unit(plan) - scan_first_unit(plan) + 1) *
           question_ns(&plan->settings[setting], scan_timeout_ms(&plan->settings[setting], SCAN_SWEEP_MS));
}

const char *scan_setting_text(const struct scan_setting *setting, char text[SCAN_SETTING_SIZE]) {
    char letter = setting->parity == PARITY_EVEN ? 'E' : setting->parity == PARITY_ODD ? 'O' : 'N';
    snprintf(text, SCAN_SETTING_SIZE, "%d 8%c%d", setting->baud, letter, setting->stop_bits);
    return text;
}
