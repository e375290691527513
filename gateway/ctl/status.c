#include "ctl/status.h"

#include "base/log.h"
#include "ctl/client.h"
#include "ctl/table.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CELL TABLE_CELL

static const char *text_of(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

static long long number_of(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

static bool is_online(const json_t *lift) {
    const char *link = text_of(lift, "link");
    return link && strcmp(link, "online") == 0;
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
    if (number_of(json_object_get(status, "outbox"), "dropped_since_start") > 0)
        return HEALTH_CRITICAL;
    if (online < json_array_size(lifts) || !json_is_true(json_object_get(broker, "connected")) ||
        text_of(broker, "reason"))
        return HEALTH_DEGRADED;
    json_array_foreach(buses, i, one) if (!json_is_true(json_object_get(one, "open"))) return HEALTH_DEGRADED;
    return HEALTH_FINE;
}

/* The errors of a bus that are not zero, as "timeout 3, crc 1". */
static const char *errors_in_words(const json_t *bus, char cell[CELL]) {
    const char *name;
    json_t *count;
    size_t used = 0;
    cell[0] = '\0';
    json_object_foreach(json_object_get(bus, "errors"), name, count) {
        long long number = json_integer_value(count);
        if (number > 0 && used < CELL)
            used += (size_t)snprintf(cell + used, CELL - used, "%s%s %lld", used ? ", " : "", name, number);
    }
    return cell[0] ? cell : "none";
}

static void print_buses(const json_t *buses) {
    static const char *const titles[] = {"BUS", "OPEN", "CYCLE", "LOAD", "POLLS", "ERRORS"};
    struct table_view *table = table_create(titles, 6);
    size_t i;
    json_t *bus;
    json_array_foreach(buses, i, bus) {
        char cycle[32], load[32], polls[32], errors[CELL];
        snprintf(cycle, sizeof cycle, "%lld ms", number_of(bus, "cycle_ms"));
        snprintf(load, sizeof load, "%lld %%", number_of(bus, "load_percent"));
        snprintf(polls, sizeof polls, "%lld", number_of(bus, "polls"));
        const char *reason = text_of(bus, "reason");
        table_add(table,
                  (const char *[]){text_of(bus, "name"), json_is_true(json_object_get(bus, "open")) ? "yes" : "NO",
                                   cycle, load, polls, reason ? reason : errors_in_words(bus, errors)});
    }
    table_print(table, stdout);
    table_free(table);
}

static const char *floor_in_words(const json_t *state, char cell[CELL]) {
    const char *label = text_of(state, "floor_label");
    const json_t *floor = json_object_get(state, "floor");
    if (label)
        snprintf(cell, CELL, "%s", label);
    else if (json_is_integer(floor))
        snprintf(cell, CELL, "%lld", (long long)json_integer_value(floor));
    else
        return NULL;
    return cell;
}

static const char *faults_in_words(const json_t *lift, char cell[CELL]) {
    size_t used = 0;
    size_t i;
    json_t *fault;
    cell[0] = '\0';
    json_array_foreach(json_object_get(lift, "faults"), i, fault) {
        const char *id = text_of(fault, "fault");
        if (id && used < CELL)
            used += (size_t)snprintf(cell + used, CELL - used, "%s%s", used ? ", " : "", id);
    }
    return cell[0] ? cell : "none";
}

static void print_lifts(const json_t *lifts) {
    static const char *const titles[] = {"LIFT", "LINK", "REACH", "MODE", "FLOOR", "DOOR", "FAULTS"};
    struct table_view *table = table_create(titles, 7);
    size_t i;
    json_t *lift;
    json_array_foreach(lifts, i, lift) {
        const json_t *state = json_object_get(lift, "state");
        char reach[32], floor[CELL], faults[CELL];
        snprintf(reach, sizeof reach, "%03llo", (unsigned long long)number_of(lift, "reach"));
        table_add(table, (const char *[]){text_of(lift, "id"), text_of(lift, "link"), reach,
                                          text_of(state, "service_mode"), floor_in_words(state, floor),
                                          text_of(state, "door"), faults_in_words(lift, faults)});
    }
    table_print(table, stdout);
    table_free(table);
}

void status_print(json_t *status) {
    const json_t *outbox = json_object_get(status, "outbox");
    const json_t *broker = json_object_get(status, "broker");
    const char *reason = text_of(broker, "reason");
    printf("gateway  %s, liftgw %s, since %s, clock %s\n", text_of(status, "gateway"), text_of(status, "version"),
           text_of(status, "started"), text_of(status, "clock"));
    if (json_is_true(json_object_get(broker, "connected")))
        printf("broker   connected to %s since %s%s%s\n", text_of(broker, "url"), text_of(broker, "since"),
               reason ? ": " : "", reason ? reason : "");
    else
        printf("broker   NOT connected since %s: %s\n", text_of(broker, "since"), reason ? reason : "no reason known");
    printf("outbox   %lld waiting, oldest %lld s, dropped %lld; next seq %lld of series %s\n\n",
           number_of(outbox, "events"), number_of(outbox, "oldest_s"), number_of(outbox, "dropped"),
           number_of(outbox, "next_seq"), text_of(outbox, "series"));
    print_buses(json_object_get(status, "buses"));
    printf("\n");
    print_lifts(json_object_get(status, "lifts"));
}

int status_run(const struct context *context, int argc, char *argv[]) {
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json)
        return command_help(argv[0], false);
    int fd = client_open(context);
    if (fd < 0)
        return HEALTH_NOT_RUNNING;
    json_t *status = client_ask(fd, "{\"cmd\":\"status\"}");
    close(fd);
    if (!status || !json_is_true(json_object_get(status, "ok"))) {
        log_error("liftgwd runs, but gave no answer");
        json_decref(status);
        return HEALTH_CRITICAL;
    }
    if (json) {
        json_dumpf(status, stdout, JSON_COMPACT);
        printf("\n");
    } else {
        status_print(status);
    }
    int health = (int)status_health(status);
    json_decref(status);
    return health;
}
