/* liftgw-sim: a simulated RS-485 bus with lifts on it. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "sim/control.h"
#include "sim/options.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sysexits.h>
#include <unistd.h>

#define DEFAULT_BAUD 9600
#define NS_PER_S INT64_C(1000000000)

/* A profile that units use, once for all of them. */
struct loaded {
    const char *name; /* NULL: the end */
    struct profile *profile;
    struct image *image;
};

static volatile sig_atomic_t stopped;

static void stop(int number) {
    (void)number;
    stopped = 1;
}

/* ---- profiles ---- */

static struct profile *load_profile(const struct options *options, const char *name) {
    for (int i = 0; i < options->directory_count; i++) {
        char path[PATH_MAX];
        if (snprintf(path, sizeof path, "%s/%s.cfg", options->directory[i], name) >= (int)sizeof path ||
            access(path, F_OK))
            continue;
        struct problems *problems = problems_create();
        struct profile *profile = profile_load(path, problems);
        problems_print(problems, stderr);
        if (problems_count(problems, PROBLEM_ERROR)) {
            profile_free(profile);
            profile = NULL;
        }
        problems_free(problems);
        return profile;
    }
    log_error("there is no profile %s.cfg in:", name);
    for (int i = 0; i < options->directory_count; i++)
        log_error("  %s", options->directory[i]);
    return NULL;
}

/* The entry of that name, loaded if it is new; NULL: it cannot be loaded. */
static struct loaded *find_profile(struct loaded loaded[], const struct options *options, const char *name) {
    while (loaded->name && strcmp(loaded->name, name))
        loaded++;
    if (loaded->name)
        return loaded;
    struct profile *profile = load_profile(options, name);
    if (!profile)
        return NULL;
    *loaded = (struct loaded){.name = name, .profile = profile, .image = image_create(profile)};
    return loaded;
}

static bool make_units(struct simulator *simulator, struct loaded loaded[], const struct options *options) {
    for (int i = 1; i <= BUS_UNITS; i++) {
        if (!options->profile[i])
            continue;
        const struct loaded *found = find_profile(loaded, options, options->profile[i]);
        if (!found)
            return false;
        simulator->bus.unit[i] = memory_get(1, sizeof(struct unit));
        unit_init(simulator->bus.unit[i], i, found->profile, found->image, options->speed, options->seed,
                  simulator->start_ns);
    }
    for (int i = 1; i <= BUS_UNITS; i++)
        if (options->same_lift[i])
            unit_join(simulator->bus.unit[i], simulator->bus.unit[options->same_lift[i]]);
    return true;
}

static void free_units(struct simulator *simulator, struct loaded loaded[]) {
    for (int i = 1; i <= BUS_UNITS; i++) {
        if (!simulator->bus.unit[i])
            continue;
        unit_release(simulator->bus.unit[i]);
        free(simulator->bus.unit[i]);
    }
    for (; loaded->name; loaded++) {
        image_free(loaded->image);
        profile_free(loaded->profile);
    }
}

/* ---- the bus ---- */

/* The first profile's, as far as the command line says nothing. */
static struct pty_settings line_of(const struct options *options, const struct profile *first) {
    const struct line_defaults *line = &first->line;
    struct pty_settings settings = {.link = options->link,
                                    .baud = options->baud ? options->baud
                                            : line->baud  ? line->baud
                                                          : DEFAULT_BAUD,
                                    .parity = options->parity ? options->parity
                                              : line->parity  ? line->parity
                                                              : PARITY_NONE,
                                    .stop_bits = options->stop_bits ? options->stop_bits
                                                 : line->stop_bits  ? line->stop_bits
                                                                    : 1};
    return settings;
}

static void make_bus(struct bus *bus, const struct options *options, const struct pty_settings *line) {
    bus->random.state = options->seed;
    bus->pty = pty_create(line);
    bus->wire = wire_create(&(struct wire_settings){.baud = line->baud,
                                                    .stop_bits = line->stop_bits,
                                                    .parity = line->parity != PARITY_NONE,
                                                    .turnaround_ms = options->turnaround_ms,
                                                    .speed = options->speed,
                                                    .bytewise = options->bytewise});
}

static void say_ready(const struct options *options, const struct pty_settings *line) {
    const char letter = line->parity == PARITY_ODD ? 'O' : line->parity == PARITY_EVEN ? 'E' : 'N';
    printf("liftgw-sim: %d lift%s on %s, %d 8%c%d\n", options->lift_count, options->lift_count == 1 ? "" : "s",
           options->link, line->baud, letter, line->stop_bits);
    fflush(stdout);
}

/* ---- the loop ---- */

static void wait_for(struct pollfd polls[], size_t count, int64_t due, const sigset_t *mask) {
    int64_t left = due - clock_mono_ns();
    left = left > 0 ? left : 0;
    struct timespec timeout = {.tv_sec = left / NS_PER_S, .tv_nsec = left % NS_PER_S};
    if (ppoll(polls, count, due == INT64_MAX ? NULL : &timeout, mask) < 0)
        for (size_t i = 0; i < count; i++)
            polls[i].revents = 0;
}

static void loop(struct simulator *simulator, struct control *control, const sigset_t *mask) {
    struct bus *bus = &simulator->bus;
    while (!stopped && !simulator->quit) {
        struct pollfd polls[2 + CONTROL_POLLS] = {{.fd = pty_watch_descriptor(bus->pty), .events = POLLIN},
                                                  {.fd = pty_descriptor(bus->pty), .events = POLLIN}};
        size_t clients = control ? control_polls(control, &polls[2]) : 0;
        wait_for(polls, 2 + clients, simulator_due(simulator), mask);
        if (polls[0].revents)
            pty_look(bus->pty);
        if (polls[1].revents)
            bus_receive(bus, clock_mono_ns());
        simulator_run(simulator);
        if (control)
            control_run(control, &polls[2], clients);
    }
}

/* ---- start and end ---- */

/* SIGTERM and SIGINT end the loop, and come only while it waits: *mask is the mask to wait with. */
static void catch_signals(sigset_t *mask) {
    struct sigaction action = {.sa_handler = stop};
    sigset_t ours;
    sigemptyset(&ours);
    sigaddset(&ours, SIGTERM);
    sigaddset(&ours, SIGINT);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    sigprocmask(SIG_BLOCK, &ours, mask);
    sigdelset(mask, SIGTERM);
    sigdelset(mask, SIGINT);
}

static int status_of(int error) {
    return error == EACCES || error == EPERM ? EX_NOPERM : EX_CANTCREAT;
}

static int read_scenario(struct simulator *simulator, const char *path) {
    if (!path || simulator_read_scenario(simulator, path))
        return EX_OK;
    if (!errno)
        return EX_CONFIG;
    log_error_errno("cannot read %s", path);
    return EX_IOERR;
}

/* The device comes last: when it is there, everything is. */
static int run(struct simulator *simulator, const struct options *options, const struct pty_settings *line) {
    sigset_t mask;
    catch_signals(&mask);
    struct control *control = NULL;
    if (options->control && !(control = control_create(options->control, simulator))) {
        int error = errno;
        log_error_errno("cannot listen at %s", options->control);
        return status_of(error);
    }
    int status;
    if (pty_plug(simulator->bus.pty)) {
        status = status_of(errno);
        log_error_errno("cannot make the serial device at %s", options->link);
    } else
        status = read_scenario(simulator, options->scenario);
    if (!status) {
        say_ready(options, line);
        loop(simulator, control, &mask);
    }
    control_free(control);
    return status;
}

int main(int argc, char *argv[]) {
    struct options options;
    log_init("liftgw-sim", false);
    switch (options_read(&options, argc, argv)) {
    case OPTIONS_RIGHT:
        break;
    case OPTIONS_WRONG:
        return EX_USAGE;
    case OPTIONS_HELP:
        return EX_OK;
    }
    prctl(PR_SET_TIMERSLACK, 1UL); /* replies are timed to the character */
    struct simulator *simulator = memory_get(1, sizeof *simulator);
    struct loaded *loaded = memory_get(BUS_UNITS + 1, sizeof *loaded);
    simulator->waiting = memory_get(WAITING_MAX, sizeof *simulator->waiting);
    simulator->speed = options.speed;
    simulator->start_ns = clock_mono_ns();
    int status = EX_CONFIG;
    if (make_units(simulator, loaded, &options)) {
        struct pty_settings line = line_of(&options, loaded[0].profile);
        if (pty_baud_known(line.baud)) {
            make_bus(&simulator->bus, &options, &line);
            status = run(simulator, &options, &line);
            pty_free(simulator->bus.pty);
            wire_free(simulator->bus.wire);
        } else
            log_error("%s: no terminal has %d baud", loaded[0].name, line.baud);
    }
    free_units(simulator, loaded);
    free(simulator->waiting);
    free(loaded);
    free(simulator);
    return status;
}
