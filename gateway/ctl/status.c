#include "ctl/status.h"

#include "base/log.h"
#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/table.h"

#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#define CELL TABLE_CELL

static bool is_online(const json_t *lift) {
    return answer_is(lift, "link", "online");
}

enum health status_health(const json_t *status) {
    const json_t *lifts = json_object_get(status, "lifts");
    const json_t *buses = json_object_get(status, "buses");
    const json_t *broker = json_object_get(status, "broker");
    size_t online = 0;
    size_t i;
    json_t *one;
    json_array_foreach(lifts, i, one) online += is_online(one);
    if (json_array_size(lifts) > 0 && online == 0)
        return HEALTH_CRITICAL;
    const json_t *outbox = json_object_get(status, "outbox");
    if (answer_number(outbox, "dropped_since_start") > 0 || answer_text(outbox, "reason"))
        return HEALTH_CRITICAL;
    if (online < json_array_size(lifts) || !json_is_true(json_object_get(broker, "connected")) ||
        answer_text(broker, "reason"))
        return HEALTH_DEGRADED;
    json_array_foreach(buses, i, one) if (!json_is_true(json_object_get(one, "open"))) return HEALTH_DEGRADED;
    return HEALTH_FINE;
}

/* Adds to a list in a cell: "timeout 3, crc 1". */
static void add(char cell[CELL], const char *format, ...) PRINTF_LIKE(2, 3);
static void add(char cell[CELL], const char *format, ...) {
    size_t used = strlen(cell);
    va_list values;
    va_start(values, format);
    if (used > 0 && used + 2 < CELL)
        used += (size_t)snprintf(cell + used, CELL - used, ", ");
    if (used < CELL)
        vsnprintf(cell + used, CELL - used, format, values);
    va_end(values);
}

static const char *errors_in_words(const json_t *bus, char cell[CELL]) {
    const char *reason = answer_text(bus, "reason");
    const char *name;
    json_t *count;
    cell[0] = '\0';
    if (reason)
        add(cell, "NOT OPEN: %s", reason);
    json_object_foreach(json_object_get(bus, "errors"), name, count) {
        if (json_integer_value(count) > 0)
            add(cell, "%s %lld", name, (long long)json_integer_value(count));
    }
    return cell[0] ? cell : "none";
}

static void print_buses(FILE *to, const json_t *buses) {
    static const char *const titles[] = {"BUS", "LOAD", "CYCLE", "POLLS", "ERRORS"};
    struct table_view *table = table_create(titles, 5);
    size_t i;
    json_t *bus;
    for (size_t c = 1; c < 4; c++)
        table_right(table, c);
    json_array_foreach(buses, i, bus) {
        char cycle[32], load[32], polls[32], errors[CELL];
        snprintf(cycle, sizeof cycle, "%lld ms", answer_number(bus, "cycle_ms"));
        snprintf(load, sizeof load, "%lld %%", answer_number(bus, "load_percent"));
        snprintf(polls, sizeof polls, "%lld", answer_number(bus, "polls"));
        table_add(table, (const char *[]){answer_text(bus, "name"), load, cycle, polls, errors_in_words(bus, errors)});
        if (answer_text(bus, "reason"))
            table_style(table, 4, STYLE_BAD);
    }
    table_print(table, to);
    table_free(table);
}

/* The reach of each of its parts, octal as chrony shows it: eight polls, the newest in the last bit. */
static const char *reach_in_octal(const json_t *lift, char cell[CELL]) {
    size_t i;
    json_t *unit;
    size_t used = 0;
    cell[0] = '\0';
    json_array_foreach(json_object_get(lift, "units"), i, unit) {
        if (used + 8 < CELL)
            used += (size_t)snprintf(cell + used, CELL - used, "%s%03llo", i ? " " : "",
                                     (unsigned long long)answer_number(unit, "reach") & 0xFF);
    }
    return cell;
}

static const char *faults_in_words(const json_t *lift, char cell[CELL]) {
    size_t i;
    json_t *fault;
    char age[STYLE_DURATION_SIZE];
    cell[0] = '\0';
    json_array_foreach(json_object_get(lift, "faults"), i, fault)
        add(cell, "%s %s", answer_text(fault, "fault"), style_duration(answer_duration(fault, "age_s"), age));
    return cell[0] ? cell : "none";
}

static enum style faults_style(const json_t *lift) {
    size_t i;
    json_t *fault;
    enum style style = STYLE_PLAIN;
    json_array_foreach(json_object_get(lift, "faults"), i, fault) style =
        style == STYLE_BAD || answer_is(fault, "severity", "critical") ? STYLE_BAD : STYLE_WARNING;
    return style;
}

static void print_lifts(FILE *to, const json_t *lifts) {
    static const char *const titles[] = {"LIFT", "LINK", "REACH", "MODE", "CAR", "FLOOR", "DOOR", "FAULTS"};
    struct table_view *table = table_create(titles, 8);
    size_t i;
    json_t *lift;
    json_array_foreach(lifts, i, lift) {
        const json_t *state = json_object_get(lift, "state");
        char reach[CELL], floor[ANSWER_FLOOR_SIZE], faults[CELL];
        table_add(table,
                  (const char *[]){answer_text(lift, "id"), answer_text(lift, "link"), reach_in_octal(lift, reach),
                                   answer_text(state, "service_mode"), answer_car(state), answer_floor(state, floor),
                                   answer_text(state, "door"), faults_in_words(lift, faults)});
        table_style(table, 1, is_online(lift) ? STYLE_GOOD : STYLE_BAD);
        table_style(table, 7, faults_style(lift));
    }
    table_print(table, to);
    table_free(table);
}

static int64_t age_ms(const json_t *status, const json_t *object, const char *key) {
    int64_t since_ms = answer_time(object, key);
    return since_ms ? answer_time(status, "time") - since_ms : 0;
}

static void print_line(FILE *to, const char *name, enum style style, const char *text) {
    size_t indent = strlen("gateway  ");
    fprintf(to, "%-*s%s", (int)indent, name, style_begin(to, style));
    style_wrap(to, text, indent, indent);
    fputs(style_end(to, style), to);
}

/* What needs more words than a cell has. */
static void print_notes(FILE *to, const json_t *status) {
    size_t i;
    json_t *lift;
    json_array_foreach(json_object_get(status, "lifts"), i, lift) {
        char text[512], duration[STYLE_DURATION_SIZE], until[STYLE_TIME_SIZE];
        const char *reason = answer_text(lift, "reason");
        if (!is_online(lift) && answer_text(lift, "link")) {
            snprintf(text, sizeof text, "%s: %s for %s%s%s", answer_text(lift, "id"), answer_text(lift, "link"),
                     style_duration(age_ms(status, lift, "link_since"), duration), reason ? ", " : "",
                     reason ? reason : "");
            style_wrap(to, text, 0, 2);
        }
        if (answer_text(lift, "maintenance_until")) {
            snprintf(text, sizeof text, "%s: in maintenance until %s (%s), its faults wake nobody",
                     answer_text(lift, "id"), style_time(answer_time(lift, "maintenance_until"), until),
                     style_duration(-age_ms(status, lift, "maintenance_until"), duration));
            style_wrap(to, text, 0, 2);
        }
    }
}

static void print_broker(FILE *to, const json_t *status) {
    const json_t *broker = json_object_get(status, "broker");
    const char *reason = answer_text(broker, "reason");
    bool connected = json_is_true(json_object_get(broker, "connected"));
    char text[512], duration[STYLE_DURATION_SIZE], since[STYLE_TIME_SIZE];
    style_duration(age_ms(status, broker, "since"), duration);
    style_time(answer_time(broker, "since"), since);
    if (connected)
        snprintf(text, sizeof text, "connected to %s since %s (%s)%s%s", answer_text(broker, "url"), since, duration,
                 reason ? ", but " : "", reason ? reason : "");
    else
        snprintf(text, sizeof text, "NOT connected since %s (%s): %s", since, duration,
                 reason ? reason : "no reason known");
    print_line(to, "broker", !connected ? STYLE_BAD : reason ? STYLE_WARNING : STYLE_PLAIN, text);
}

static void print_outbox(FILE *to, const json_t *status) {
    const json_t *outbox = json_object_get(status, "outbox");
    char text[512], duration[STYLE_DURATION_SIZE], waiting[128] = "empty", lost[96] = "";
    long long dropped = answer_number(outbox, "dropped"), refused = answer_number(outbox, "refused");
    if (answer_number(outbox, "events") > 0)
        snprintf(waiting, sizeof waiting, "%lld waiting, the oldest for %s", answer_number(outbox, "events"),
                 style_duration(answer_duration(outbox, "oldest_s"), duration));
    if (dropped > 0 || refused > 0)
        snprintf(lost, sizeof lost, ", %lld DROPPED, %lld refused", dropped, refused);
    snprintf(text, sizeof text, "%s%s, next seq %lld of series %s", waiting, lost, answer_number(outbox, "next_seq"),
             answer_text(outbox, "series"));
    print_line(to, "outbox", answer_number(outbox, "dropped_since_start") > 0 ? STYLE_BAD : STYLE_PLAIN, text);
    if (answer_text(outbox, "reason")) {
        snprintf(text, sizeof text, "CANNOT BE WRITTEN: %s", answer_text(outbox, "reason"));
        print_line(to, "ledger", STYLE_BAD, text);
    }
}

void status_print(FILE *to, const json_t *status) {
    char text[512], duration[STYLE_DURATION_SIZE];
    snprintf(text, sizeof text, "%s, liftgw %s, up %s, clock %s", answer_text(status, "gateway"),
             answer_text(status, "version"), style_duration(answer_duration(status, "uptime_s"), duration),
             answer_text(status, "clock"));
    print_line(to, "gateway", STYLE_PLAIN, text);
    print_broker(to, status);
    print_outbox(to, status);
    fputc('\n', to);
    print_buses(to, json_object_get(status, "buses"));
    fputc('\n', to);
    print_lifts(to, json_object_get(status, "lifts"));
    print_notes(to, status);
}

static int tell(json_t *status, bool json) {
    if (!status || !json_is_true(json_object_get(status, "ok"))) {
        log_error("liftgwd runs, but gave no answer");
        return HEALTH_CRITICAL;
    }
    if (json) {
        json_dumpf(status, stdout, JSON_COMPACT);
        printf("\n");
    } else {
        status_print(stdout, status);
    }
    return (int)status_health(status);
}

int status_run(const struct context *context, int argc, char *argv[]) {
    static const struct option names[] = {{"json", no_argument, NULL, 'j'}, {0}};
    bool json = false;
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option != 'j')
            return command_help(argv[0], false);
        json = true;
    }
    if (optind < argc)
        return command_help(argv[0], false);
    int no_daemon;
    int fd = client_begin(context, &no_daemon);
    if (fd < 0)
        return HEALTH_NOT_RUNNING;
    json_t *status = client_ask(fd, "{\"cmd\":\"status\"}");
    close(fd);
    int health = tell(status, json);
    json_decref(status);
    return health;
}
