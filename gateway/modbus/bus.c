#include "modbus/bus.h"

#include "base/log.h"
#include "base/memory.h"
#include "modbus/queue.h"
#include "modbus/schedule.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NS_PER_S INT64_C(1000000000)
#define NS_PER_MS INT64_C(1000000)

#define QUEUE_READINGS(units) (4 * (units) + 64)
#define REOPEN_FIRST_NS (100 * NS_PER_MS)
#define REOPEN_LAST_NS NS_PER_S
#define WAIT_MOST_NS (500 * NS_PER_MS) /* so that progress can be seen */
#define LOAD_WINDOW_NS (60 * NS_PER_S)
#define ASK_WORDS_MAX 125

/* A unit as its thread sees it. */
struct polled {
    uint16_t *fresh; /* the poll that is going on, and slow reads */
    uint16_t *told;  /* the newest image that was queued */
    bool *valid, *told_valid;
    bool told_any;        /* since it is online */
    int64_t last_good_ms; /* CLOCK_MONOTONIC: its last complete poll; 0 never */
    enum link told_link;
    enum link_reason told_reason;
    struct log_repeat offline;
};

struct bus {
    struct bus_settings settings;
    int notify_fd;
    pthread_t thread;

    /* The thread's own. */
    struct line *line;
    struct schedule *schedule;
    struct polled *polled;
    struct line_reply reply;
    bool gone;
    int64_t reopen_ns, reopen_pause_ns;
    int64_t window_begin_ns, window_busy_ns;
    bool window_full;
    struct log_repeat trouble[LINE_RESULT_COUNT];
    struct log_repeat cannot_open;
    bool say_open; /* the log's last word is that it is not */
    bool asking;

    /* Shared, under lock. */
    pthread_mutex_t lock;
    pthread_cond_t wake; /* stopping or asked */
    bool stopping;
    enum { ASK_NONE, ASK_NEW, ASK_TAKEN, ASK_ANSWERED } ask;
    struct line_request ask_request;
    uint64_t ask_token;
    struct reading answer;
    int64_t *want_ms; /* by unit */
    struct queue *queue;
    struct bus_figures figures;
    struct unit_figures *unit_figures;
};

/* ---- queue ---- */

static void notify(const struct bus *bus) {
    uint64_t one = 1;
    if (write(bus->notify_fd, &one, sizeof one) == -1 && errno != EAGAIN)
        log_warn_errno("bus %s: cannot notify the main thread", bus->settings.name);
}

/* With the lock held. */
static bool push(struct bus *bus, const struct reading *reading) {
    bool was_empty = queue_is_empty(bus->queue);
    if (!queue_push(bus->queue, reading))
        return false;
    if (was_empty)
        notify(bus);
    return true;
}

static bool take_answer(struct bus *bus, struct reading *reading) {
    if (bus->ask != ASK_ANSWERED)
        return false;
    uint16_t *image = reading->image;
    bool *valid = reading->valid;
    *reading = bus->answer;
    reading->image = image;
    reading->valid = valid;
    bus->ask = ASK_NONE;
    return true;
}

bool bus_next(struct bus *bus, struct reading *reading) {
    pthread_mutex_lock(&bus->lock);
    bool found = queue_pop(bus->queue, reading) || take_answer(bus, reading);
    pthread_mutex_unlock(&bus->lock);
    return found;
}

/* What a moment was on the wall clock of now. */
static int64_t real_ms_of(int64_t mono_ms, struct instant now) {
    return mono_ms == 0 ? 0 : now.real_ms - (now.mono_ms - mono_ms);
}

/* Tells of links that changed. One that does not fit the queue is told later. */
static void tell_links(struct bus *bus) {
    struct instant now = {0};
    for (size_t i = 0; i < bus->settings.unit_count; i++) {
        struct polled *polled = &bus->polled[i];
        struct schedule_unit unit = schedule_unit(bus->schedule, i);
        if (unit.link == polled->told_link && unit.reason == polled->told_reason)
            continue;
        if (now.mono_ms == 0)
            now = clock_now();
        pthread_mutex_lock(&bus->lock);
        struct unit_figures *figures = &bus->unit_figures[i];
        figures->link = unit.link;
        figures->reason = unit.reason;
        struct reading reading = {.kind = READING_LINK,
                                  .unit = i,
                                  .at = now,
                                  .link = unit.link,
                                  .reason = unit.reason,
                                  .last_good_real_ms = real_ms_of(polled->last_good_ms, now)};
        bool pushed = push(bus, &reading);
        pthread_mutex_unlock(&bus->lock);
        if (!pushed)
            continue;
        int number = bus->settings.units[i].unit;
        if (unit.link == LINK_OFFLINE)
            log_warn_repeated(&polled->offline, now.mono_ms, "bus %s: unit %d is offline: %s", bus->settings.name,
                              number, link_reason_name(unit.reason));
        else if (polled->offline.held_back == 0)
            log_info("bus %s: unit %d is online", bus->settings.name, number);
        polled->told_link = unit.link;
        polled->told_reason = unit.reason;
        polled->told_any = false;
    }
}

enum change { CHANGE_NONE, CHANGE_QUIET, CHANGE_LOUD };

static enum change compare(const struct plan *plan, const struct polled *polled) {
    if (!polled->told_any || memcmp(polled->told_valid, polled->valid, plan->read_count * sizeof(bool)) != 0)
        return CHANGE_LOUD;
    enum change change = CHANGE_NONE;
    for (size_t i = 0; i < plan->image_size; i++) {
        if (polled->fresh[i] == polled->told[i])
            continue;
        if (plan->loud[i])
            return CHANGE_LOUD;
        change = CHANGE_QUIET;
    }
    return change;
}

static bool is_wanted(struct bus *bus, size_t i) {
    pthread_mutex_lock(&bus->lock);
    bool wanted = bus->polled[i].last_good_ms >= bus->want_ms[i];
    pthread_mutex_unlock(&bus->lock);
    return wanted;
}

/* A unit's poll is complete: hands its image on if there is something new in it, or somebody wants it. What does not
 * fit the queue is counted, and still new the next time. An unchanged poll, as nearly all are, ends here: it asks the
 * system for nothing and wakes nobody. */
static void tell_poll(struct bus *bus, size_t i, int64_t now_ns) {
    struct polled *polled = &bus->polled[i];
    const struct plan *plan = bus->settings.units[i].plan;
    polled->last_good_ms = now_ns / NS_PER_MS;
    memcpy(polled->valid, schedule_unit(bus->schedule, i).valid, plan->read_count * sizeof polled->valid[0]);
    bool wanted = is_wanted(bus, i);
    enum change change = wanted ? CHANGE_LOUD : compare(plan, polled);
    if (change == CHANGE_NONE)
        return;
    struct reading reading = {
        .kind = READING_POLL, .unit = i, .at = clock_now(), .image = polled->fresh, .valid = polled->valid};

    pthread_mutex_lock(&bus->lock);
    bool told = (change == CHANGE_QUIET && queue_replace(bus->queue, &reading)) || push(bus, &reading);
    if (told && polled->last_good_ms >= bus->want_ms[i]) /* another time may have been asked for meanwhile */
        bus->want_ms[i] = INT64_MAX;
    if (!told)
        bus->figures.lost++;
    pthread_mutex_unlock(&bus->lock);

    if (!told)
        return;
    memcpy(polled->told, polled->fresh, plan->image_size * sizeof polled->told[0]);
    memcpy(polled->told_valid, polled->valid, plan->read_count * sizeof polled->valid[0]);
    polled->told_any = true;
}

/* ---- what somebody asks for ---- */

void bus_want(struct bus *bus, size_t unit, int64_t mono_ms) {
    pthread_mutex_lock(&bus->lock);
    bus->want_ms[unit] = mono_ms;
    pthread_mutex_unlock(&bus->lock);
}

bool bus_ask(struct bus *bus, const struct line_request *request, uint64_t token) {
    pthread_mutex_lock(&bus->lock);
    bool taken = bus->ask == ASK_NONE;
    if (taken) {
        bus->ask = ASK_NEW;
        bus->ask_request = *request;
        bus->ask_token = token;
        pthread_cond_signal(&bus->wake);
    }
    pthread_mutex_unlock(&bus->lock);
    return taken;
}

static void give_answer(struct bus *bus, enum line_result result) {
    const struct line_reply *reply = &bus->reply;
    bus->asking = false;
    pthread_mutex_lock(&bus->lock);
    bus->answer = (struct reading){.kind = READING_ANSWER,
                                   .unit = bus->settings.unit_count,
                                   .at = clock_now(),
                                   .token = bus->ask_token,
                                   .result = result};
    if (result == LINE_EXCEPTION)
        bus->answer.exception = reply->exception;
    if (result == LINE_OK) {
        bus->answer.count = bus->ask_request.count;
        memcpy(bus->answer.words, reply->words, bus->answer.count * sizeof reply->words[0]);
    }
    bus->ask = ASK_ANSWERED;
    notify(bus);
    pthread_mutex_unlock(&bus->lock);
}

/* Takes up a new request. */
static void serve_asker(struct bus *bus) {
    pthread_mutex_lock(&bus->lock);
    bool is_new = bus->ask == ASK_NEW;
    if (is_new)
        bus->ask = ASK_TAKEN;
    pthread_mutex_unlock(&bus->lock);
    if (!is_new)
        return;
    if (bus->ask_request.count > ASK_WORDS_MAX || bus->gone) {
        give_answer(bus, bus->gone ? LINE_GONE : LINE_REFUSED);
        return;
    }
    bus->asking = true;
    schedule_ask(bus->schedule, &bus->ask_request);
}

/* ---- the device ---- */

static void device_gone(struct bus *bus, int64_t now_ns, int reason) {
    bus->reopen_ns = now_ns + bus->reopen_pause_ns;
    bus->reopen_pause_ns = bus->reopen_pause_ns * 2 < REOPEN_LAST_NS ? bus->reopen_pause_ns * 2 : REOPEN_LAST_NS;
    pthread_mutex_lock(&bus->lock);
    bus->figures.open = false;
    bus->figures.open_errno = reason;
    pthread_mutex_unlock(&bus->lock);
    if (bus->gone)
        return;
    bus->gone = true;
    if (bus->asking)
        give_answer(bus, LINE_GONE);
    schedule_gone(bus->schedule, now_ns);
    tell_links(bus);
}

static const char *hint_for(int reason) {
    switch (reason) {
    case EBUSY:
        return "; another program has it open";
    case EACCES:
        return "; the gateway's user needs the group that owns it (dialout)";
    case ENOENT:
        return "; is the adapter plugged in?";
    case ENOTSUP:
        return "; its driver does not take this speed or these stop bits";
    default:
        return "";
    }
}

static void open_device(struct bus *bus, int64_t now_ns) {
    if (line_open(bus->line) == -1) {
        int reason = errno;
        log_warn_repeated(&bus->cannot_open, now_ns / NS_PER_MS, "bus %s: cannot open %s: %s%s; trying again",
                          bus->settings.name, bus->settings.line.device, strerror(reason), hint_for(reason));
        bus->say_open |= bus->cannot_open.held_back == 0;
        device_gone(bus, now_ns, reason);
        return;
    }
    if (bus->say_open)
        log_info("bus %s: %s is open", bus->settings.name, bus->settings.line.device);
    bus->say_open = bus->gone = false;
    pthread_mutex_lock(&bus->lock);
    bus->figures.open = true;
    bus->figures.open_errno = 0;
    pthread_mutex_unlock(&bus->lock);
}

/* ---- one step ---- */

static int percent_of(int64_t part_ns, int64_t whole_ns) {
    return whole_ns > 0 ? (int)(part_ns * 100 / whole_ns) : 0;
}

/* With the lock held. */
static void count_load(struct bus *bus, int64_t now_ns) {
    if (bus->reply.sent_ns > 0 && bus->reply.done_ns > 0)
        bus->window_busy_ns += bus->reply.done_ns - bus->reply.sent_ns;
    int64_t window_ns = now_ns - bus->window_begin_ns;
    if (window_ns >= LOAD_WINDOW_NS || !bus->window_full)
        bus->figures.load_percent = percent_of(bus->window_busy_ns, window_ns);
    if (window_ns < LOAD_WINDOW_NS)
        return;
    bus->window_full = true;
    bus->window_begin_ns = now_ns;
    bus->window_busy_ns = 0;
}

static void count_result(struct bus *bus, const struct schedule_step *step, enum line_result result, int64_t now_ns) {
    pthread_mutex_lock(&bus->lock);
    if (result != LINE_OK)
        bus->figures.errors[result]++;
    if (bus->reply.noise > 0 && result != LINE_NOISE)
        bus->figures.errors[LINE_NOISE]++;
    if (step->turn != TURN_ASK && result != LINE_OK)
        bus->unit_figures[step->unit].errors[result]++;
    bus->figures.cycle_ms = (int)(schedule_cycle_ns(bus->schedule) / NS_PER_MS);
    count_load(bus, now_ns);
    pthread_mutex_unlock(&bus->lock);
}

static void log_trouble(struct bus *bus, const struct schedule_step *step, enum line_result result, int64_t now_ns) {
    const struct line_request *request = &step->request;
    if (bus->reply.noise > 0)
        log_warn_repeated(&bus->trouble[LINE_NOISE], now_ns / NS_PER_MS,
                          "bus %s: %u bytes on the line that nobody asked for, at a question to unit %d",
                          bus->settings.name, bus->reply.noise, request->unit);
    bool is_expected = result == LINE_OK || step->turn == TURN_PROBE || step->turn == TURN_ASK;
    /* The second 01, 02 or 03 in a row means that the read is left out, which log_given_up says; one alone is counted.
     */
    bool is_refusal = result == LINE_EXCEPTION && bus->reply.exception >= 1 && bus->reply.exception <= 3;
    if (is_expected || is_refusal || (result == LINE_NOISE && bus->reply.noise > 0))
        return;
    char code[24] = "";
    if (result == LINE_EXCEPTION)
        snprintf(code, sizeof code, " %02X", (unsigned)bus->reply.exception);
    log_warn_repeated(&bus->trouble[result], now_ns / NS_PER_MS, "bus %s: unit %d, %s 0x%04X:%d: %s%s",
                      bus->settings.name, request->unit, table_name((enum table)request->table), request->address,
                      request->count, line_result_name(result), code);
}

static void log_given_up(const struct bus *bus, const struct line_request *request, enum line_result result) {
    char why[32] = "no answer";
    if (result == LINE_EXCEPTION)
        snprintf(why, sizeof why, "exception %02X", (unsigned)bus->reply.exception);
    log_warn("bus %s: unit %d does not let itself be asked for %s 0x%04X:%d (%s): left out, tried again every minute; "
             "is it the right profile?",
             bus->settings.name, request->unit, table_name((enum table)request->table), request->address,
             request->count, why);
}

static void take_words(struct bus *bus, const struct schedule_step *step) {
    const struct plan_read *read = &bus->settings.units[step->unit].plan->reads[step->read];
    memcpy(bus->polled[step->unit].fresh + read->at, bus->reply.words, read->count * sizeof bus->reply.words[0]);
}

static void count_poll(struct bus *bus, size_t unit, bool ended) {
    pthread_mutex_lock(&bus->lock);
    bus->unit_figures[unit].reach = schedule_unit(bus->schedule, unit).reach;
    bus->unit_figures[unit].polls += ended;
    bus->figures.polls += ended;
    pthread_mutex_unlock(&bus->lock);
}

static void note_result(struct bus *bus, const struct schedule_step *step, enum line_result result, int64_t now_ns) {
    struct schedule_outcome outcome;
    schedule_result(bus->schedule, step, result, &bus->reply, now_ns, &outcome);
    if (step->turn == TURN_ASK) {
        give_answer(bus, result);
        return;
    }
    if (result == LINE_OK && step->turn != TURN_PROBE)
        take_words(bus, step);
    if (outcome.given_up)
        log_given_up(bus, &step->request, result);
    count_poll(bus, step->unit, outcome.ended);
    tell_links(bus);
    if (outcome.complete)
        tell_poll(bus, step->unit, now_ns);
}

static void do_read(struct bus *bus, const struct schedule_step *step) {
    enum line_result result = line_read(bus->line, &step->request, &bus->reply);
    int reason = errno;
    int64_t now_ns = clock_mono_ns();
    count_result(bus, step, result, now_ns);
    if (result != LINE_GONE) {
        bus->reopen_pause_ns = REOPEN_FIRST_NS;
        log_trouble(bus, step, result, now_ns);
        note_result(bus, step, result, now_ns);
        return;
    }
    struct log_repeat *repeat = &bus->trouble[LINE_GONE];
    log_warn_repeated(repeat, now_ns / NS_PER_MS, "bus %s: %s is gone: %s; trying to open it again", bus->settings.name,
                      bus->settings.line.device, strerror(reason));
    bus->say_open |= repeat->held_back == 0;
    device_gone(bus, now_ns, reason);
}

/* ---- the thread ---- */

/* False: the bus is to stop. */
static bool note_progress(struct bus *bus) {
    pthread_mutex_lock(&bus->lock);
    bus->figures.progress_mono_ms = clock_mono_ms();
    bool stopping = bus->stopping;
    pthread_mutex_unlock(&bus->lock);
    return !stopping;
}

/* Waits, but not beyond a request, the end, or the time at which progress must be shown. */
static void wait_until(struct bus *bus, int64_t until_ns) {
    int64_t most_ns = clock_mono_ns() + WAIT_MOST_NS;
    int64_t end_ns = until_ns < most_ns ? until_ns : most_ns;
    struct timespec end = {.tv_sec = end_ns / NS_PER_S, .tv_nsec = end_ns % NS_PER_S};
    pthread_mutex_lock(&bus->lock);
    int result = 0;
    while (result == 0 && !bus->stopping && bus->ask != ASK_NEW)
        result = pthread_cond_timedwait(&bus->wake, &bus->lock, &end);
    pthread_mutex_unlock(&bus->lock);
}

static void do_step(struct bus *bus) {
    int64_t now_ns = clock_mono_ns();
    if (!line_is_open(bus->line)) {
        if (now_ns < bus->reopen_ns)
            wait_until(bus, bus->reopen_ns);
        else
            open_device(bus, now_ns);
        return;
    }
    struct schedule_step step;
    schedule_next(bus->schedule, now_ns, &step);
    if (step.turn == TURN_WAIT)
        wait_until(bus, step.until_ns);
    else
        do_read(bus, &step);
}

static void *run(void *context) {
    struct bus *bus = context;
    char name[16];
    snprintf(name, sizeof name, "bus-%s", bus->settings.name);
    prctl(PR_SET_NAME, name);
    prctl(PR_SET_TIMERSLACK, 1UL); /* else every sleep may be 50 us longer */
    bus->window_begin_ns = clock_mono_ns();
    while (note_progress(bus)) {
        serve_asker(bus);
        tell_links(bus);
        do_step(bus);
    }
    return NULL;
}

static void log_forecast(const struct bus *bus) {
    struct schedule_forecast forecast;
    schedule_forecast(&bus->settings, SCHEDULE_TURNAROUND_US, &forecast);
    log_info("bus %s: %s, %d baud: %zu units, %zu fast reads, %zu slow ones; if units answer in %d ms, a cycle takes "
             "%d ms, all slow reads %d ms, and the line is in use for %d %% of the time",
             bus->settings.name, bus->settings.line.device, bus->settings.line.baud, bus->settings.unit_count,
             forecast.fast_reads, forecast.slow_reads, SCHEDULE_TURNAROUND_US / 1000,
             (int)(forecast.cycle_ns / NS_PER_MS), (int)(forecast.slow_round_ns / NS_PER_MS), forecast.load_percent);
}

static struct bus *create(const struct bus_settings *settings, struct line *line, int notify_fd) {
    struct bus *bus = memory_get(1, sizeof *bus);
    size_t count = settings->unit_count;
    *bus = (struct bus){.settings = *settings,
                        .notify_fd = notify_fd,
                        .line = line,
                        .polled = memory_get(count, sizeof(struct polled)),
                        .reopen_pause_ns = REOPEN_FIRST_NS,
                        .say_open = true,
                        .want_ms = memory_get(count, sizeof(int64_t)),
                        .queue = queue_create(QUEUE_READINGS(count), settings->units, count),
                        .figures.progress_mono_ms = clock_mono_ms(),
                        .unit_figures = memory_get(count, sizeof(struct unit_figures))};
    bus->schedule = schedule_create(&bus->settings);
    for (size_t i = 0; i < count; i++) {
        const struct plan *plan = settings->units[i].plan;
        bus->polled[i] = (struct polled){.fresh = memory_get(plan->image_size, sizeof(uint16_t)),
                                         .told = memory_get(plan->image_size, sizeof(uint16_t)),
                                         .valid = memory_get(plan->read_count, sizeof(bool)),
                                         .told_valid = memory_get(plan->read_count, sizeof(bool))};
        bus->want_ms[i] = INT64_MAX;
    }
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&bus->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&bus->lock, NULL);
    return bus;
}

static void destroy(struct bus *bus) {
    for (size_t i = 0; i < bus->settings.unit_count; i++) {
        free(bus->polled[i].fresh);
        free(bus->polled[i].told);
        free(bus->polled[i].valid);
        free(bus->polled[i].told_valid);
    }
    pthread_mutex_destroy(&bus->lock);
    pthread_cond_destroy(&bus->wake);
    schedule_free(bus->schedule);
    queue_free(bus->queue);
    line_free(bus->line);
    free(bus->unit_figures);
    free(bus->want_ms);
    free(bus->polled);
    free(bus);
}

struct bus *bus_start(const struct bus_settings *settings, int notify_fd) {
    struct line *line = line_create(&settings->line);
    if (!line)
        return NULL;
    struct bus *bus = create(settings, line, notify_fd);
    log_forecast(bus);

    /* Signals are for the main thread. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int error = pthread_create(&bus->thread, NULL, run, bus);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (error == 0)
        return bus;
    destroy(bus);
    errno = error;
    return NULL;
}

void bus_ask_to_stop(struct bus *bus) {
    pthread_mutex_lock(&bus->lock);
    bus->stopping = true;
    pthread_cond_signal(&bus->wake);
    pthread_mutex_unlock(&bus->lock);
}

void bus_stop(struct bus *bus) {
    if (!bus)
        return;
    bus_ask_to_stop(bus);
    pthread_join(bus->thread, NULL);
    destroy(bus);
}

void bus_figures(struct bus *bus, struct bus_figures *figures) {
    pthread_mutex_lock(&bus->lock);
    *figures = bus->figures;
    pthread_mutex_unlock(&bus->lock);
}

void bus_unit_figures(struct bus *bus, size_t unit, struct unit_figures *figures) {
    pthread_mutex_lock(&bus->lock);
    *figures = bus->unit_figures[unit];
    pthread_mutex_unlock(&bus->lock);
}
