#include "sim/simulator.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define NS_PER_S INT64_C(1000000000)

static void answer_error(char answer[ANSWER_MAX], const char *reason) {
    snprintf(answer, ANSWER_MAX, "error %s\n", reason);
}

static void answer_ok(char answer[ANSWER_MAX], int64_t at, const char *more) {
    snprintf(answer, ANSWER_MAX, "ok %" PRId64 ".%09" PRId64 "%s\n", at / NS_PER_S, at % NS_PER_S, more);
}

/* ---- a unit's verbs ---- */

/* The misbehaviours that are one number. */
static const struct {
    enum verb verb;
    size_t field;
} spoilers[] = {
    {VERB_CRC, offsetof(struct misbehaviour, crc)},
    {VERB_LATE, offsetof(struct misbehaviour, late_ms)},
    {VERB_WRONG_UNIT, offsetof(struct misbehaviour, wrong_unit)},
    {VERB_WRONG_FUNCTION, offsetof(struct misbehaviour, wrong_function)},
    {VERB_TRUNCATE, offsetof(struct misbehaviour, truncate)},
    {VERB_TRAILING, offsetof(struct misbehaviour, trailing)},
    {VERB_TWICE, offsetof(struct misbehaviour, twice)},
    {VERB_DRIP, offsetof(struct misbehaviour, drip_ms)},
    {VERB_EXCEPTION, offsetof(struct misbehaviour, exception)},
};

/* The verbs that every unit can follow. */
static void change_unit(struct unit *unit, const struct command *command) {
    struct misbehaviour *misbehaviour = &unit->misbehaviour;
    if (command->verb == VERB_TRAPPED)
        world_trap(&unit->lift->world, command->on);
    else if (command->verb == VERB_HOLD)
        unit_hold(unit, command->on);
    else if (command->verb == VERB_OK)
        unit_behave(unit);
    else if (command->verb == VERB_SILENT)
        misbehaviour->silent = true;
    else if (command->verb == VERB_ECHO)
        misbehaviour->echo = true;
    else if (command->verb == VERB_EXCEPTION)
        misbehaviour->exception_percent = command->percent;
    for (size_t i = 0; i < COUNT_OF(spoilers); i++)
        if (spoilers[i].verb == command->verb)
            *(int *)((char *)misbehaviour + spoilers[i].field) = (int)command->number;
}

/* NULL, or why not; only_ask: changes nothing. */
static const char *tell_unit(struct unit *unit, const struct command *command, bool only_ask) {
    if (command->verb == VERB_FAULT)
        return unit_set_fault(unit, command->fault, command->on, only_ask);
    if (command->verb == VERB_CODE)
        return unit_set_code(unit, command->number, only_ask);
    if (command->verb == VERB_MODE)
        return unit_set_mode(unit, command->mode, only_ask);
    if (command->verb == VERB_CALL)
        return unit_call(unit, command->number, only_ask);
    if (command->verb == VERB_RIDE)
        return unit_ride(unit, command->number, only_ask);
    if (command->verb == VERB_COUNTER)
        return unit_set_counter(unit, command->number, only_ask);
    if (command->verb == VERB_REGISTER)
        return unit_pin_register(unit, command->address, (uint16_t)command->number, only_ask);
    if (!only_ask)
        change_unit(unit, command);
    return NULL;
}

/* What is about the lift, not about the unit through which it is told. */
static bool is_about_the_lift(enum verb verb) {
    return verb == VERB_FAULT || verb == VERB_CODE || verb == VERB_TRAPPED || verb == VERB_MODE || verb == VERB_CALL ||
           verb == VERB_RIDE || verb == VERB_COUNTER || verb == VERB_HOLD;
}

/* True if the unit is among those that "*" means: of several that show one lift, the lift is told once. */
static bool is_meant(const struct unit *unit, const struct command *command) {
    return unit && (!is_about_the_lift(command->verb) || unit->lift->first == unit);
}

/* All units that are meant, or none if one of them cannot. */
static const char *tell_units(struct bus *bus, const struct command *command, int64_t now) {
    bool every = command->unit == COMMAND_EVERY_UNIT;
    int low = every ? 1 : command->unit;
    int high = every ? BUS_UNITS : command->unit;
    if (!every && !bus->unit[command->unit])
        return "there is no such unit";
    for (int only_ask = 1; only_ask >= 0; only_ask--) {
        for (int i = low; i <= high; i++) {
            if (every && !is_meant(bus->unit[i], command))
                continue;
            unit_live(bus->unit[i], now);
            const char *refused = tell_unit(bus->unit[i], command, only_ask);
            if (refused)
                return refused;
        }
    }
    return NULL;
}

/* ---- the others ---- */

static void get(struct bus *bus, const struct command *command, int64_t now, char answer[ANSWER_MAX]) {
    struct unit *unit = bus->unit[command->unit];
    int table = unit ? unit_table_of(unit, command->address, command->count) : 0;
    uint16_t values[COMMAND_READ_MAX];
    if (!unit || !table || !unit_read(unit, now, table, command->address, command->count, values)) {
        answer_error(answer, unit ? "there are no such registers" : "there is no such unit");
        return;
    }
    char text[ANSWER_MAX - 64] = "";
    size_t used = 0;
    for (int i = 0; i < command->count; i++)
        used += (size_t)snprintf(&text[used], sizeof text - used, " %u", values[i]);
    answer_ok(answer, now, text);
}

static void stats(const struct bus *bus, int64_t now, char answer[ANSWER_MAX]) {
    const struct bus_counts *counts = &bus->counts;
    char text[256];
    snprintf(text, sizeof text,
             " requests=%" PRIu64 " replies=%" PRIu64 " short_silence=%" PRIu64 " bad_crc=%" PRIu64 " writes=%" PRIu64,
             counts->requests, counts->replies, counts->short_silence, counts->bad_crc, counts->writes);
    answer_ok(answer, now, text);
}

static const char *tell_bus(struct simulator *simulator, const struct command *command, int64_t now) {
    struct bus *bus = &simulator->bus;
    if (command->verb == VERB_NOISE)
        bus->noise = (int)command->number;
    else if (command->verb == VERB_BABBLE)
        bus_babble(bus, command->on, now);
    else if (command->verb == VERB_UNPLUG)
        bus_unplug(bus);
    else if (command->verb == VERB_PLUG && pty_plug(bus->pty))
        return strerror(errno);
    else if (command->verb == VERB_QUIT)
        simulator->quit = true;
    return NULL;
}

static void execute(struct simulator *simulator, const struct command *command, char answer[ANSWER_MAX]) {
    struct bus *bus = &simulator->bus;
    int64_t now = clock_mono_ns();
    bus_run(bus, now); /* what was asked before this moment is answered with what was true then */
    if (command->verb == VERB_GET) {
        get(bus, command, now, answer);
        return;
    }
    if (command->verb == VERB_STATS) {
        stats(bus, now, answer);
        return;
    }
    const char *refused = command->unit >= 0 ? tell_units(bus, command, now) : tell_bus(simulator, command, now);
    if (refused)
        answer_error(answer, refused);
    else
        answer_ok(answer, now, "");
}

/* ---- now or later ---- */

static int64_t due_of(const struct simulator *simulator, const struct command *command) {
    return simulator->start_ns + (int64_t)((double)command->at_ns / simulator->speed);
}

bool simulator_do(struct simulator *simulator, const char *line, size_t size, uint64_t from, char answer[ANSWER_MAX]) {
    struct command command;
    char error[COMMAND_TEXT_MAX];
    answer[0] = '\0';
    switch (command_parse(line, size, &command, error)) {
    case COMMAND_EMPTY:
        return false;
    case COMMAND_WRONG:
        answer_error(answer, error);
        return false;
    case COMMAND_RIGHT:
        break;
    }
    if (!command.has_at || due_of(simulator, &command) <= clock_mono_ns()) {
        execute(simulator, &command, answer);
        return false;
    }
    if (simulator->waiting_count == WAITING_MAX) {
        answer_error(answer, "too many commands wait for their time");
        return false;
    }
    simulator->waiting[simulator->waiting_count++] = (struct waiting){
        .due_ns = due_of(simulator, &command), .order = simulator->order++, .from = from, .command = command};
    return true;
}

void simulator_forget(struct simulator *simulator, uint64_t from) {
    for (size_t i = 0; i < simulator->waiting_count; i++)
        if (simulator->waiting[i].from == from)
            simulator->waiting[i].from = FROM_SCENARIO;
}

static struct waiting *first_waiting(const struct simulator *simulator) {
    struct waiting *first = NULL;
    for (size_t i = 0; i < simulator->waiting_count; i++) {
        struct waiting *waiting = &simulator->waiting[i];
        if (!first || waiting->due_ns < first->due_ns ||
            (waiting->due_ns == first->due_ns && waiting->order < first->order))
            first = waiting;
    }
    return first;
}

void simulator_run(struct simulator *simulator) {
    struct waiting *waiting;
    while ((waiting = first_waiting(simulator)) && waiting->due_ns <= clock_mono_ns()) {
        struct waiting now = *waiting;
        char answer[ANSWER_MAX];
        *waiting = simulator->waiting[--simulator->waiting_count];
        execute(simulator, &now.command, answer);
        if (now.from != FROM_SCENARIO)
            simulator->answered(simulator->context, now.from, answer);
        else if (!strncmp(answer, "error", 5))
            log_warn("scenario: %.*s", (int)strcspn(answer, "\n"), answer);
    }
    bus_run(&simulator->bus, clock_mono_ns());
}

int64_t simulator_due(const struct simulator *simulator) {
    const struct waiting *waiting = first_waiting(simulator);
    int64_t due = bus_due(&simulator->bus);
    return waiting && waiting->due_ns < due ? waiting->due_ns : due;
}

bool simulator_read_scenario(struct simulator *simulator, const char *path) {
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    char line[COMMAND_LINE_MAX + 2];
    char answer[ANSWER_MAX];
    bool right = true;
    for (int number = 1; fgets(line, sizeof line, file); number++) {
        size_t size = strcspn(line, "\n");
        if (!line[size] && !feof(file)) {
            log_error("%s:%d: error: a line has at most %d bytes", path, number, COMMAND_LINE_MAX);
            right = false;
            break;
        }
        simulator_do(simulator, line, size, FROM_SCENARIO, answer);
        if (strncmp(answer, "error ", 6))
            continue;
        log_error("%s:%d: %.*s", path, number, (int)strcspn(answer, "\n"), answer);
        right = false;
    }
    fclose(file);
    errno = 0;
    return right;
}
