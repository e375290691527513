#include "daemon/metrics.h"

#include "base/text.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whose figure it is: the labels that tell one from another come from there. */
enum owner { THE_GATEWAY, EACH_BUS, EACH_LIFT, EACH_UNIT };

/* A metric is a row. Names and types follow Prometheus' naming rules: base units, _total for what only grows. */
static const struct metric {
    const char *name, *type, *help;
    enum owner owner;
    const char *path;  /* where the owner's JSON has it */
    const char *word;  /* the value is a word: 1 if it is this one, else 0 */
    const char *label; /* the value is an object of numbers: its keys are this label */
    double factor;
} metrics[] = {
    {"liftgw_clock_synced", "gauge", "1 while the system clock is synchronised.", THE_GATEWAY, "clock", "synced", NULL,
     1},
    {"liftgw_broker_connected", "gauge", "1 while the broker is connected.", THE_GATEWAY, "broker.connected", NULL,
     NULL, 1},
    {"liftgw_broker_connects_total", "counter", "Connections made after the first one.", THE_GATEWAY,
     "broker.reconnects", NULL, NULL, 1},
    {"liftgw_broker_refusals_total", "counter", "Messages that the broker answered with an error.", THE_GATEWAY,
     "broker.refusals", NULL, NULL, 1},
    {"liftgw_publisher_restarts_total", "counter", "Starts of liftgw-publish after the first one.", THE_GATEWAY,
     "publisher.restarts", NULL, NULL, 1},
    {"liftgw_outbox_messages", "gauge", "Messages that wait for the broker.", THE_GATEWAY, "outbox.events", NULL, NULL,
     1},
    {"liftgw_outbox_oldest_seconds", "gauge", "Age of the oldest message that waits.", THE_GATEWAY, "outbox.oldest_s",
     NULL, NULL, 1},
    {"liftgw_outbox_dropped_total", "counter", "Messages dropped at the bound of the outbox.", THE_GATEWAY,
     "outbox.dropped", NULL, NULL, 1},
    {"liftgw_outbox_sequence_total", "counter", "Messages numbered in this series.", THE_GATEWAY, "outbox.next_seq",
     NULL, NULL, 1},
    {"liftgw_bus_open", "gauge", "1 while the serial device is open.", EACH_BUS, "open", NULL, NULL, 1},
    {"liftgw_bus_cycle_seconds", "gauge", "Duration of the last full round.", EACH_BUS, "cycle_ms", NULL, NULL, 1e-3},
    {"liftgw_bus_load_ratio", "gauge", "Share of the time that the line was in use.", EACH_BUS, "load_percent", NULL,
     NULL, 1e-2},
    {"liftgw_bus_polls_total", "counter", "Requests sent.", EACH_BUS, "polls", NULL, NULL, 1},
    {"liftgw_bus_errors_total", "counter", "Requests without a good answer.", EACH_BUS, "errors", NULL, "error", 1},
    {"liftgw_bus_lost_readings_total", "counter", "Readings that the daemon was too slow to take.", EACH_BUS, "lost",
     NULL, NULL, 1},
    {"liftgw_lift_online", "gauge", "1 while the lift's controller answers.", EACH_LIFT, "link", "online", NULL, 1},
    {"liftgw_lift_rides_total", "counter", "Rides of the car.", EACH_LIFT, "counters.rides_total.value", NULL, NULL, 1},
    {"liftgw_lift_door_cycles_total", "counter", "Door cycles.", EACH_LIFT, "counters.door_cycles_total.value", NULL,
     NULL, 1},
    {"liftgw_lift_faults_total", "counter", "Faults counted.", EACH_LIFT, "counters.faults_total", NULL, "fault", 1},
    {"liftgw_unit_online", "gauge", "1 while the unit answers.", EACH_UNIT, "link", "online", NULL, 1},
    {"liftgw_unit_polls_total", "counter", "Requests to the unit.", EACH_UNIT, "polls", NULL, NULL, 1},
    {"liftgw_unit_errors_total", "counter", "Requests to the unit without a good answer.", EACH_UNIT, "errors", NULL,
     "error", 1},
};

/* name{label="value",…}: the labels so far, grown by one. */
static void add_label(char *labels, size_t size, const char *label, const char *value) {
    size_t used = strlen(labels);
    used += (size_t)snprintf(labels + used, size - used, "%s%s=\"", used ? "," : "", label);
    for (; *value && used + 4 < size; value++) {
        if (*value == '"' || *value == '\\')
            labels[used++] = '\\';
        labels[used++] = *value;
    }
    snprintf(labels + used, size - used, "\"");
}

static void write_value(FILE *file, const struct metric *metric, const char *labels, const json_t *value) {
    if (json_is_null(value) || !value)
        return; /* not known: no sample rather than a wrong one */
    fprintf(file, "%s%s%s%s ", metric->name, labels[0] ? "{" : "", labels, labels[0] ? "}" : "");
    if (metric->word)
        fprintf(file, "%d\n", json_is_string(value) && strcmp(json_string_value(value), metric->word) == 0);
    else if (json_is_boolean(value))
        fprintf(file, "%d\n", json_is_true(value));
    else if (metric->factor < 1)
        fprintf(file, "%.6g\n", json_number_value(value) * metric->factor);
    else
        fprintf(file, "%lld\n", (long long)json_integer_value(value));
}

static void write_sample(FILE *file, const struct metric *metric, const char *labels, json_t *owner) {
    json_t *value = owner;
    char path[64];
    char *rest = NULL;
    text_copy(path, sizeof path, metric->path);
    for (char *key = strtok_r(path, ".", &rest); key; key = strtok_r(NULL, ".", &rest))
        value = json_object_get(value, key);
    if (!metric->label) {
        write_value(file, metric, labels, value);
        return;
    }
    const char *key;
    json_t *one;
    json_object_foreach(value, key, one) {
        char grown[512];
        text_copy(grown, sizeof grown, labels);
        add_label(grown, sizeof grown, metric->label, key);
        write_value(file, metric, grown, one);
    }
}

static void write_units(FILE *file, const struct metric *metric, json_t *lift) {
    size_t i;
    json_t *unit;
    json_array_foreach(json_object_get(lift, "units"), i, unit) {
        char labels[512] = "";
        char number[16];
        snprintf(number, sizeof number, "%lld", (long long)json_integer_value(json_object_get(unit, "unit")));
        add_label(labels, sizeof labels, "lift", json_string_value(json_object_get(lift, "id")));
        add_label(labels, sizeof labels, "bus", json_string_value(json_object_get(unit, "bus")));
        add_label(labels, sizeof labels, "unit", number);
        write_sample(file, metric, labels, unit);
    }
}

static void write_metric(FILE *file, const struct metric *metric, json_t *figures) {
    json_t *list = json_object_get(figures, metric->owner == EACH_BUS ? "buses" : "lifts");
    const char *label = metric->owner == EACH_BUS ? "bus" : "lift";
    const char *key = metric->owner == EACH_BUS ? "name" : "id";
    fprintf(file, "# HELP %s %s\n# TYPE %s %s\n", metric->name, metric->help, metric->name, metric->type);
    if (metric->owner == THE_GATEWAY) {
        write_sample(file, metric, "", figures);
        return;
    }
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) {
        if (metric->owner == EACH_UNIT) {
            write_units(file, metric, one);
            continue;
        }
        char labels[512] = "";
        add_label(labels, sizeof labels, label, json_string_value(json_object_get(one, key)));
        write_sample(file, metric, labels, one);
    }
}

static void write_info(FILE *file, const json_t *figures) {
    char labels[512] = "";
    add_label(labels, sizeof labels, "gateway", json_string_value(json_object_get(figures, "gateway")));
    add_label(labels, sizeof labels, "version", json_string_value(json_object_get(figures, "version")));
    fprintf(file, "# HELP liftgw_info What runs here; always 1.\n# TYPE liftgw_info gauge\nliftgw_info{%s} 1\n",
            labels);
}

int metrics_write(const char *path, json_t *figures) {
    char draft[4096];
    if (snprintf(draft, sizeof draft, "%s.new", path) >= (int)sizeof draft) {
        errno = ENAMETOOLONG;
        return -1;
    }
    FILE *file = fopen(draft, "we");
    if (!file)
        return -1;
    write_info(file, figures);
    for (size_t i = 0; i < COUNT_OF(metrics); i++)
        write_metric(file, &metrics[i], figures);
    bool whole = !ferror(file) && fchmod(fileno(file), 0644) == 0;
    if (fclose(file) == 0 && whole && rename(draft, path) == 0)
        return 0;
    int kept = errno;
    unlink(draft);
    errno = kept;
    return -1;
}
