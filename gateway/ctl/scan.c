#include "ctl/scan.h"

#include "base/clock.h"
#include "base/memory.h"
#include "ctl/answer.h"
#include "ctl/interrupt.h"
#include "ctl/progress.h"
#include "ctl/reader.h"
#include "ctl/style.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_S INT64_C(1000000000)

#define DAEMON_ANSWER_MS 300       /* what a silent unit costs the daemon, beside its cycle */
#define NOISY_AFTER 3              /* questions in a row for which the line did not get quiet */
#define TROUBLE_NS (60 * NS_PER_S) /* how long answers that make no sense are looked into, together */
#define MEASURES 6
#define CHASE_MS 150
#define SLOW_MS 800 /* for a unit whose answer came after its time */
#define GARBLED_TRIES 4
#define PROFILE_TIMEOUT_MS 300
#define PROFILE_TRIES 4 /* of a read that is answered badly */

/* A question of the same length as its answer would be, so that line_read takes an echo for one: coils 0x0300 and the
 * 23 after it are 3 bytes of data, as many as 03 is that stands in their place in the question. */
#define ECHO_ADDRESS 0x0315
#define ECHO_COUNT 24

struct scan {
    struct reader *reader;
    const struct library *library;
    struct scan_plan plan;
    struct scan_report *report;
    size_t setting;
    bool dialect_known;
    bool echo_tried;
    bool setting_noisy; /* the line did not get quiet with these settings */
    unsigned noisy;     /* questions in a row */
    int64_t trouble_ns; /* spent */
    int64_t done_ns, all_ns;
    bool chased[SCAN_UNITS + 1]; /* by unit */
    bool late;                   /* something came that may be the answer to the question before */
    int previous;                /* the unit that was asked that; 0: none at these settings */
    struct reader_counts counts; /* when the setting was opened */
    struct line_reply reply;
    int status;
    bool gone;
};

/* ---- one question ---- */

static bool is_sign_of_life(enum line_result result) {
    return result == LINE_OK || result == LINE_EXCEPTION;
}

static bool goes_on(const struct scan *scan) {
    return !interrupted() && !scan->gone && !scan->report->echo;
}

static enum line_result ask(struct scan *scan, const struct line_request *request) {
    enum line_result result = reader_read(scan->reader, request, &scan->reply);
    if (result == LINE_GONE)
        scan->gone = true;
    bool never_quiet = result == LINE_NOISE && scan->reply.sent_ns == 0 && !reader_daemon(scan->reader);
    scan->noisy = never_quiet ? scan->noisy + 1 : 0;
    scan->setting_noisy |= never_quiet;
    scan->report->foreign += result == LINE_FOREIGN;
    scan->late |= result == LINE_FOREIGN || scan->reply.noise > 0;
    return result;
}

/* Any answer will do: the register need not be there. */
static enum line_result ask_unit(struct scan *scan, int unit, enum dialect dialect, int timeout_ms) {
    struct line_request request = {
        .unit = unit, .table = TABLE_HOLDING, .address = 0, .count = 1, .dialect = dialect, .timeout_ms = timeout_ms};
    return ask(scan, &request);
}

/* True if the adapter hears what it says. */
static bool hears_echo(struct scan *scan, int unit, int timeout_ms) {
    struct line_request request = {
        .unit = unit, .table = TABLE_COIL, .address = ECHO_ADDRESS, .count = ECHO_COUNT, .timeout_ms = timeout_ms};
    if (ask(scan, &request) != LINE_OK)
        return false;
    unsigned bits = 0;
    for (unsigned i = 0; i < ECHO_COUNT; i++)
        bits |= (unsigned)scan->reply.words[i] << i;
    return bits == ((ECHO_ADDRESS & 0xFF) | ECHO_COUNT << 16);
}

/* A garbled answer: in the other dialect it may be a good one, or it may be our own question. */
static bool look_into(struct scan *scan, int unit, int timeout_ms) {
    int64_t begin_ns = clock_mono_ns();
    bool found = false;
    scan->report->garbled[unit] = true;
    if (scan->trouble_ns < TROUBLE_NS && !scan->dialect_known && !reader_daemon(scan->reader) && goes_on(scan)) {
        found = is_sign_of_life(ask_unit(scan, unit, DIALECT_MONARCH, timeout_ms));
        if (found)
            scan->report->dialect = DIALECT_MONARCH;
        else if (!scan->echo_tried && goes_on(scan))
            scan->report->echo = hears_echo(scan, unit, timeout_ms);
        scan->echo_tried = true;
    }
    scan->trouble_ns += clock_mono_ns() - begin_ns;
    return found;
}

/* True if the unit answers. */
static bool try_unit(struct scan *scan, int unit, int timeout_ms) {
    enum line_result result = ask_unit(scan, unit, scan->report->dialect, timeout_ms);
    bool found = is_sign_of_life(result);
    bool garbled = !found && result != LINE_TIMEOUT && result != LINE_GONE && scan->noisy == 0;
    if (garbled)
        found = look_into(scan, unit, timeout_ms);
    if (found)
        scan->report->garbled[unit] = false;
    return found;
}

/* The unit that answers: this one, or the one before, which was too slow and answers into this question. 0: none. */
static int who_answers(struct scan *scan, int unit, int timeout_ms) {
    int previous = scan->previous;
    size_t foreign = scan->report->foreign;
    scan->late = false;
    scan->previous = unit;
    if (try_unit(scan, unit, timeout_ms))
        return unit;
    bool worth_it = scan->late && previous > 0 && previous != unit && scan->trouble_ns < TROUBLE_NS && goes_on(scan);
    if (!worth_it || !is_sign_of_life(ask_unit(scan, previous, scan->report->dialect, SLOW_MS)))
        return 0;
    scan->report->foreign = foreign;
    scan->report->garbled[unit] = false;
    return previous;
}

/* ---- the search for the settings ---- */

static long frame_errors_since(struct scan *scan) {
    struct reader_counts now;
    if (!reader_counts(scan->reader, &now))
        return -1;
    return (long)(now.frame - scan->counts.frame) + (now.parity - scan->counts.parity) +
           (now.breaks - scan->counts.breaks);
}

static void end_setting(struct scan *scan) {
    struct scan_report *report = scan->report;
    long errors = frame_errors_since(scan);
    if (scan->setting_noisy || errors > 0)
        report->settings_noisy++;
    if (errors < 0)
        report->frame_errors = -1;
    else if (report->frame_errors >= 0)
        report->frame_errors += errors;
    scan->noisy = 0;
    scan->setting_noisy = false;
}

/* False: the device cannot do these settings, or is gone. */
static bool begin_setting(struct scan *scan, size_t setting) {
    const struct scan_setting *wanted = &scan->plan.settings[setting];
    scan->setting = setting;
    scan->echo_tried = false;
    scan->previous = 0;
    if (reader_set_line(scan->reader, wanted->baud, wanted->parity, wanted->stop_bits, &scan->status) == 0) {
        reader_counts(scan->reader, &scan->counts);
        scan->report->settings_tried++;
        return true;
    }
    scan->gone = errno != ENOTSUP;
    return false;
}

static const char *setting_text(const struct scan *scan, char text[SCAN_SETTING_SIZE]) {
    if (!scan->report->through_daemon)
        return scan_setting_text(&scan->plan.settings[scan->setting], text);
    snprintf(text, SCAN_SETTING_SIZE, "the daemon's settings");
    return text;
}

static void show(struct scan *scan, const char *what, int unit) {
    char text[SCAN_SETTING_SIZE], line[160];
    size_t used = 0;
    for (size_t i = 0; i < scan->report->unit_count && used < sizeof line; i++)
        used +=
            (size_t)snprintf(line + used, sizeof line - used, "%s%d", i ? ", " : "found ", scan->report->units[i].unit);
    if (used < sizeof line)
        snprintf(line + used, sizeof line - used, "%s%s unit %d at %s", used ? "; " : "", what, unit,
                 setting_text(scan, text));
    progress_show(scan->done_ns, scan->all_ns, line);
}

static struct scan_unit *add_unit(struct scan *scan, int unit) {
    struct scan_unit *added = &scan->report->units[scan->report->unit_count++];
    *added = (struct scan_unit){.unit = unit};
    return added;
}

static void found(struct scan *scan, int unit) {
    scan->report->found = true;
    scan->dialect_known = true;
    add_unit(scan, unit);
}

/* A garbled answer is a sign of life: the unit is asked with all other settings before anybody else is. */
static void chase(struct scan *scan, int unit) {
    int64_t begin_ns = clock_mono_ns();
    scan->chased[unit] = true;
    for (size_t i = 0; i < scan->plan.setting_count && !scan->report->found && goes_on(scan); i++) {
        if (scan->trouble_ns + clock_mono_ns() - begin_ns > TROUBLE_NS || !begin_setting(scan, i))
            continue;
        show(scan, "chasing", unit);
        if (try_unit(scan, unit, scan_timeout_ms(&scan->plan.settings[i], CHASE_MS)))
            found(scan, unit);
        end_setting(scan);
    }
    scan->trouble_ns += clock_mono_ns() - begin_ns;
}

/* Goes through the plan until somebody answers. */
static void search(struct scan *scan) {
    struct scan_cursor cursor = {0};
    struct scan_step step;
    size_t open = SIZE_MAX;
    scan->all_ns = scan_plan_left_ns(&scan->plan, &cursor);
    while (goes_on(scan) && scan_plan_next(&scan->plan, &cursor, &step)) {
        if (step.setting != open) {
            if (open != SIZE_MAX)
                end_setting(scan);
            open = step.setting;
            if (!begin_setting(scan, open)) {
                open = SIZE_MAX;
                scan_plan_skip(&cursor);
                continue;
            }
        }
        show(scan, "asking", step.unit);
        int answers = who_answers(scan, step.unit, step.timeout_ms);
        if (answers) {
            found(scan, answers);
            return;
        }
        if (scan->report->garbled[step.unit] && !scan->chased[step.unit] && !scan->setting_noisy) {
            end_setting(scan);
            open = SIZE_MAX;
            chase(scan, step.unit);
            if (scan->report->found)
                return;
        }
        scan->done_ns = scan->all_ns - scan_plan_left_ns(&scan->plan, &cursor);
        bool hopeless =
            scan->noisy >= NOISY_AFTER || (scan->trouble_ns >= TROUBLE_NS && scan->report->garbled[step.unit]);
        if (hopeless)
            scan_plan_skip(&cursor);
    }
    if (open != SIZE_MAX)
        end_setting(scan);
}

/* ---- who it is ---- */

/* Reads what the profile would read. False: no sense in comparing. */
static bool read_as(struct scan *scan, int unit, const struct profile *profile, const struct plan *plan,
                    uint16_t image[], bool valid[]) {
    for (size_t r = 0; r < plan->read_count; r++) {
        const struct plan_read *read = &plan->reads[r];
        struct line_request request = {.unit = unit,
                                       .table = read->table,
                                       .address = read->address,
                                       .count = read->count,
                                       .dialect = profile->dialect,
                                       .timeout_ms = PROFILE_TIMEOUT_MS,
                                       .min_gap_ms = profile->min_gap_ms};
        enum line_result result = LINE_TIMEOUT;
        for (int i = 0; i < PROFILE_TRIES && !is_sign_of_life(result) && goes_on(scan); i++)
            result = ask(scan, &request);
        if (!is_sign_of_life(result) || !goes_on(scan))
            return false;
        valid[r] = result == LINE_OK;
        if (valid[r])
            memcpy(&image[read->at], scan->reply.words, read->count * sizeof image[0]);
    }
    return plan->read_count > 0;
}

static void compare(struct scan *scan, struct scan_unit *unit) {
    struct likeness *all = memory_get(scan->library->count, sizeof *all);
    size_t count = 0;
    for (size_t i = 0; i < scan->library->count && goes_on(scan); i++) {
        const struct profile *profile = scan->library->profiles[i];
        if (profile->dialect != scan->report->dialect && !scan->report->through_daemon)
            continue;
        struct plan *plan = plan_create(profile, NULL);
        uint16_t *image = memory_get(plan->image_size, sizeof *image);
        bool *valid = memory_get(plan->read_count, sizeof *valid);
        show(scan, "recognising", unit->unit);
        if (read_as(scan, unit->unit, profile, plan, image, valid)) {
            likeness_judge(profile, plan, image, valid, &all[count]);
            count += likeness_is_good(&all[count]);
        }
        free(image);
        free(valid);
        plan_free(plan);
    }
    qsort(all, count, sizeof *all, likeness_compare);
    unit->like_count = count < SCAN_LIKENESSES ? count : SCAN_LIKENESSES;
    memcpy(unit->like, all, unit->like_count * sizeof *all);
    free(all);
}

/* A unit that answered once: how well does it? */
static void judge_unit(struct scan *scan, struct scan_unit *unit, int timeout_ms) {
    for (int i = 0; i < GARBLED_TRIES && goes_on(scan); i++) {
        unit->asked++;
        unit->good += is_sign_of_life(ask_unit(scan, unit->unit, scan->report->dialect, timeout_ms));
    }
}

/* A unit that answers is looked at at once, so that it is known also when the scan is ended early. */
static void meet(struct scan *scan, struct scan_unit *unit) {
    char text[SCAN_SETTING_SIZE];
    judge_unit(scan, unit, scan_timeout_ms(&scan->plan.settings[scan->setting], PROFILE_TIMEOUT_MS));
    compare(scan, unit);
    progress_clear();
    fprintf(stderr, "unit %d answers at %s%s: %s\n", unit->unit, setting_text(scan, text),
            scan->report->dialect == DIALECT_MONARCH ? ", in the monarch dialect" : "",
            unit->like_count > 0 ? unit->like[0].profile->name : "no profile fits");
}

/* ---- when the settings are known ---- */

struct measure {
    int good;
    long errors;
};

static struct measure measure(struct scan *scan, int unit) {
    struct measure measure = {0};
    reader_counts(scan->reader, &scan->counts);
    const struct scan_setting *setting = &scan->plan.settings[scan->setting];
    for (int i = 0; i < MEASURES && goes_on(scan); i++)
        measure.good +=
            is_sign_of_life(ask_unit(scan, unit, scan->report->dialect, scan_timeout_ms(setting, PROFILE_TIMEOUT_MS)));
    measure.errors = frame_errors_since(scan);
    return measure;
}

static bool is_better(const struct measure *a, const struct measure *b) {
    return a->good != b->good ? a->good > b->good : a->errors < b->errors;
}

static bool is_perfect(const struct measure *measure) {
    return measure->good == MEASURES && measure->errors <= 0;
}

/* With a wrong parity or stop bit some answers may come through: other frames of the same speed are tried if not every
 * answer is good, or the UART has seen errors. */
static void settle(struct scan *scan) {
    int unit = scan->report->units[0].unit;
    size_t best = scan->setting;
    struct measure most = measure(scan, unit);
    for (size_t i = 0; i < scan->plan.setting_count && !is_perfect(&most) && goes_on(scan); i++) {
        if (scan->plan.settings[i].baud != scan->plan.settings[best].baud || i == best || !begin_setting(scan, i))
            continue;
        show(scan, "comparing", unit);
        struct measure other = measure(scan, unit);
        if (is_better(&other, &most)) {
            most = other;
            best = i;
        }
    }
    if (scan->setting != best)
        begin_setting(scan, best);
    scan->report->setting = scan->plan.settings[best];
    meet(scan, &scan->report->units[0]);
}

static int by_unit(const void *a, const void *b) {
    return ((const struct scan_unit *)a)->unit - ((const struct scan_unit *)b)->unit;
}

/* A garbled answer may have been bad luck. */
static bool answers_at_last(struct scan *scan, int unit, int timeout_ms) {
    for (int i = 0; i < GARBLED_TRIES && goes_on(scan); i++)
        if (try_unit(scan, unit, timeout_ms))
            return true;
    return false;
}

static bool is_known(const struct scan_report *report, int unit) {
    for (size_t i = 0; i < report->unit_count; i++)
        if (report->units[i].unit == unit)
            return true;
    return false;
}

static void sweep(struct scan *scan) {
    struct scan_report *report = scan->report;
    int timeout_ms = scan_timeout_ms(&scan->plan.settings[scan->setting], SCAN_SWEEP_MS);
    memset(report->garbled, 0, sizeof report->garbled); /* with other settings everybody is */
    if (!report->through_daemon)
        scan->all_ns = scan_sweep_ns(&scan->plan, scan->setting);
    scan->done_ns = 0;
    int units = scan_last_unit(&scan->plan) - scan_first_unit(&scan->plan) + 1;
    for (int unit = scan_first_unit(&scan->plan); unit <= scan_last_unit(&scan->plan) && goes_on(scan); unit++) {
        show(scan, "asking", unit);
        int answers = is_known(report, unit) ? 0 : who_answers(scan, unit, timeout_ms);
        if (!answers && report->garbled[unit] && answers_at_last(scan, unit, timeout_ms))
            answers = unit;
        if (answers && !is_known(report, answers))
            meet(scan, add_unit(scan, answers));
        scan->done_ns += scan->all_ns / units;
    }
    qsort(report->units, report->unit_count, sizeof report->units[0], by_unit);
}

/* ---- the whole ---- */

static void announce(struct scan *scan) {
    struct scan_cursor begin = {0};
    char search_time[STYLE_DURATION_SIZE], sweep_time[STYLE_DURATION_SIZE];
    if (scan->report->through_daemon) {
        style_duration(scan->all_ns / NS_PER_MS, sweep_time);
        fprintf(stderr,
                "Only units at its present line settings can be found that way. This takes %s at\n"
                "most, and some seconds for each that is found; Ctrl-C ends it.\n",
                sweep_time);
        return;
    }
    style_duration(scan_plan_left_ns(&scan->plan, &begin) / NS_PER_MS, search_time);
    style_duration(scan_sweep_ns(&scan->plan, 0) / NS_PER_MS, sweep_time);
    fprintf(stderr,
            "%zu line setting%s, units %d to %d, likely ones first. If nothing answers, this\n"
            "takes %s at most; what answers is found sooner, its neighbours take\n"
            "%s more, and each that is found some seconds. Only reads are sent.\n"
            "Ctrl-C ends it and shows what was found.\n",
            scan->plan.setting_count, scan->plan.setting_count == 1 ? "" : "s", scan_first_unit(&scan->plan),
            scan_last_unit(&scan->plan), search_time, sweep_time);
}

/* Through the daemon: its settings, its pace, and the dialect of the units that it knows. */
static void follow_daemon(struct scan *scan) {
    const json_t *bus = reader_daemon(scan->reader);
    int64_t cycle_ms = answer_number(bus, "cycle_ms");
    int units = scan_last_unit(&scan->plan) - scan_first_unit(&scan->plan) + 1;
    scan->report->through_daemon = scan->report->found = true;
    scan->dialect_known = true;
    scan->all_ns = units * (cycle_ms + DAEMON_ANSWER_MS) * NS_PER_MS;
}

static void find_all(struct scan *scan) {
    struct scan_report *report = scan->report;
    if (!report->through_daemon) {
        search(scan);
        if (report->found)
            settle(scan);
    }
    if (report->found && goes_on(scan))
        sweep(scan);
    progress_clear();
}

int scan_bus(const struct context *context, const struct scan_wishes *wishes, const struct library *library,
             struct scan_report *report) {
    const char *device = report->device;
    struct scan scan = {.library = library, .report = report, .status = EX_OK};
    *report = (struct scan_report){.device = device};
    interrupt_catch();
    scan.reader = reader_open(context, device, &scan.status);
    if (!scan.reader)
        return scan.status;
    report->begun = true;
    scan_plan_make(&scan.plan, wishes, library->profiles, library->count);
    if (reader_daemon(scan.reader))
        follow_daemon(&scan);
    announce(&scan);
    find_all(&scan);
    report->stopped = interrupted();
    report->found = report->found && report->unit_count > 0;
    int status = report->found && !report->echo ? EX_OK : EX_UNAVAILABLE;
    if (scan.gone)
        status = scan.status != EX_OK ? scan.status : reader_gone(scan.reader);
    reader_free(scan.reader);
    return status;
}
