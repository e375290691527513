#include "daemon/figures.h"

#include "base/build.h"
#include "base/memory.h"
#include "base/text.h"
#include "mqtt/payload.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static json_t *text_or_null(const char *text) {
    return text && text[0] ? json_string(text) : json_null();
}

json_t *figures_time(int64_t real_ms) {
    char text[CLOCK_TEXT_SIZE];
    return real_ms ? json_string(clock_text(real_ms, text)) : json_null();
}

/* {timeout, crc, …}: every result that is an error of the line. */
static json_t *errors(const uint64_t counts[LINE_RESULT_COUNT]) {
    static const enum line_result shown[] = {LINE_TIMEOUT, LINE_CRC,   LINE_EXCEPTION,
                                             LINE_FOREIGN, LINE_SHORT, LINE_NOISE};
    json_t *object = json_object();
    for (size_t i = 0; i < COUNT_OF(shown); i++)
        json_object_set_new(object, line_result_name(shown[i]), json_integer((json_int_t)counts[shown[i]]));
    return object;
}

static json_t *one_bus(const struct fleet_bus *bus, bool with_device) {
    struct bus_figures figures;
    bus_figures(bus->bus, &figures);
    json_t *object =
        json_pack("{s:s, s:b, s:i, s:i, s:I, s:o, s:I}", "name", bus->section->name, "open", figures.open, "cycle_ms",
                  figures.cycle_ms, "load_percent", figures.load_percent, "polls", (json_int_t)figures.polls, "errors",
                  errors(figures.errors), "lost", (json_int_t)figures.lost);
    if (with_device) {
        json_object_set_new(object, "device", json_string(bus->section->device));
        json_object_set_new(object, "reason", figures.open ? json_null() : json_string(strerror(figures.open_errno)));
    }
    return object;
}

static json_t *buses(const struct desk *desk, bool with_device) {
    json_t *array = json_array();
    for (size_t b = 0; b < desk->fleet->bus_count; b++)
        json_array_append_new(array, one_bus(&desk->fleet->buses[b], with_device));
    return array;
}

static json_t *one_unit(const struct desk *desk, const struct fleet_lift *tended, size_t p) {
    const struct fleet_part *part = &tended->part[p];
    const struct unit_identity *identity = &tended->settings->identity.units[p];
    const struct fleet_bus *bus = &desk->fleet->buses[part->bus];
    struct unit_figures unit;
    bus_unit_figures(bus->bus, part->unit, &unit);
    uint64_t doubtful = 0;
    const uint64_t *counts = decoder_counts(part->decoder);
    for (size_t i = DECODE_OK + 1; i < DECODE_LEFT_OUT; i++)
        doubtful += counts[i];
    return json_pack("{s:s, s:i, s:s, s:o, s:o, s:i, s:I, s:o, s:I}", "bus", bus->section->name, "unit", identity->unit,
                     "profile", identity->profile, "link", text_or_null(link_name(unit.link)), "reason",
                     text_or_null(link_reason_name(unit.reason)), "reach", (int)unit.reach, "polls",
                     (json_int_t)unit.polls, "errors", errors(unit.errors), "undecoded", (json_int_t)doubtful);
}

static json_t *units(const struct desk *desk, const struct fleet_lift *tended) {
    json_t *array = json_array();
    for (size_t p = 0; p < tended->settings->part_count; p++)
        json_array_append_new(array, one_unit(desk, tended, p));
    return array;
}

/* The lift as its messages show it: parsed from the payload, so that there is one way to say it. */
static json_t *parsed(const char *payload, size_t size) {
    json_t *object = size > 0 ? json_loadb(payload, size, 0, NULL) : NULL;
    return object ? object : json_null();
}

static json_t *keep(json_t *object, const char *const keys[], size_t count) {
    json_t *kept = json_object();
    for (size_t i = 0; i < count; i++) {
        json_t *value = json_object_get(object, keys[i]);
        json_object_set(kept, keys[i], value ? value : json_null());
    }
    return kept;
}

/* How long each active fault has stood; by the clock that never jumps, if it was raised in this process's life. */
static void add_ages(json_t *faults, const struct lift_record *record, struct instant now) {
    size_t i;
    json_t *one;
    json_array_foreach(faults, i, one) {
        const char *id = json_string_value(json_object_get(one, "fault"));
        enum fault fault = id ? fault_by_id(id) : FAULT_COUNT;
        if (fault == FAULT_COUNT)
            continue;
        const struct fault_record *kept = &record->fault[fault];
        int64_t age_ms = kept->raised_mono_ms ? now.mono_ms - kept->raised_mono_ms : now.real_ms - kept->raised_real_ms;
        json_object_set_new(one, "age_s", json_integer(age_ms > 0 ? age_ms / 1000 : 0));
    }
}

static json_t *one_lift(const struct desk *desk, const struct fleet_lift *tended, struct instant now) {
    static const char *const state_keys[] = {"service_mode", "car",     "direction",   "door",
                                             "door_zone",    "floor",   "floor_label", "occupied",
                                             "overload",     "blocked", "speed_mm_s",  "load_percent"};
    static const char *const counter_keys[] = {"rides_total", "run_hours", "door_cycles_total", "distance_m",
                                               "faults_total"};
    const struct lift_identity *identity = &tended->settings->identity;
    const struct gateway_identity *gateway = desk->journal->gateway;
    char payload[PAYLOAD_SIZE];
    size_t size = payload_state(payload, gateway, identity, &tended->lift, now, 0);
    json_t *state = parsed(payload, size);
    size = payload_counters(payload, gateway, identity, &tended->lift, now);
    json_t *counters = parsed(payload, size);
    json_t *list = units(desk, tended);
    json_t *primary = json_array_get(list, 0);
    json_t *faults = json_object_get(state, "faults");
    const char *link = link_name(tended->lift.link);
    add_ages(faults, &tended->lift.record, now);
    json_t *object = json_pack("{s:s, s:o, s:O, s:O, s:o, s:o, s:o, s:O, s:o, s:o}", "id", identity->id, "name",
                               text_or_null(identity->name), "bus", json_object_get(primary, "bus"), "reach",
                               json_object_get(primary, "reach"), "units", list, "link", text_or_null(link), "reason",
                               text_or_null(link_reason_name(tended->lift.link_reason)), "faults",
                               faults ? faults : json_null(), "state", keep(state, state_keys, COUNT_OF(state_keys)),
                               "counters", keep(counters, counter_keys, COUNT_OF(counter_keys)));
    json_object_set_new(object, "link_since", figures_time(tended->lift.link_since_real_ms));
    json_object_set_new(object, "maintenance_until", figures_time(tended->lift.record.maintenance_until_real_ms));
    json_decref(state);
    json_decref(counters);
    return object;
}

/* Resident memory of a process in KiB; null if there is none. */
static json_t *memory_of(pid_t pid) {
    char path[64];
    long pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *file = pid > 0 ? fopen(path, "re") : NULL;
    bool found = file && fscanf(file, "%*d %ld", &pages) == 1;
    if (file)
        fclose(file);
    return found ? json_integer(pages * (sysconf(_SC_PAGESIZE) / 1024)) : json_null();
}

static json_t *outbox(const struct desk *desk, struct instant now) {
    struct ledger_depth depth;
    ledger_depth(desk->journal->ledger, &depth);
    int64_t age_s = depth.oldest_real_ms ? (now.real_ms - depth.oldest_real_ms) / 1000 : 0;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:o}", "events", (json_int_t)depth.waiting, "oldest_s",
                     (json_int_t)(age_s > 0 ? age_s : 0), "dropped", (json_int_t)depth.dropped, "dropped_since_start",
                     (json_int_t)desk->journal->dropped, "refused", (json_int_t)desk->journal->refused, "series",
                     ledger_series(desk->journal->ledger), "next_seq",
                     (json_int_t)ledger_next_seq(desk->journal->ledger), "reason",
                     text_or_null(ledger_reason(desk->journal->ledger)));
}

static json_t *broker(const struct desk *desk, struct instant now) {
    bool warned = desk->connected && now.mono_ms < desk->warned_until_ms;
    const char *reason = desk->reason[0] || !warned ? desk->reason : desk->warning;
    return json_pack("{s:b, s:o, s:o, s:o, s:i, s:I}", "connected", desk->connected, "url", text_or_null(desk->url),
                     "since", figures_time(desk->since_real_ms), "reason", text_or_null(reason), "reconnects",
                     (int)desk->reconnects, "refusals", (json_int_t)desk->refusals);
}

json_t *figures_status(const struct desk *desk, struct instant now) {
    json_t *lifts = json_array();
    for (size_t l = 0; l < desk->fleet->lift_count; l++)
        json_array_append_new(lifts, one_lift(desk, &desk->fleet->lifts[l], now));
    json_t *status =
        json_pack("{s:s, s:s, s:o, s:s, s:o, s:o, s:o, s:o, s:{s:i, s:i}}", "version", LIFTGW_VERSION, "gateway",
                  desk->journal->gateway->id, "started", figures_time(desk->status.started_real_ms), "clock",
                  now.synced ? "synced" : "unsynced", "buses", buses(desk, true), "lifts", lifts, "outbox",
                  outbox(desk, now), "broker", broker(desk, now), "publisher", "pid",
                  (int)publisher_pid(desk->publisher), "restarts", (int)publisher_restarts(desk->publisher));
    pid_t pid = publisher_pid(desk->publisher);
    json_object_set_new(status, "time", figures_time(now.real_ms));
    json_object_set_new(status, "uptime_s", json_integer((now.mono_ms - desk->started_mono_ms) / 1000));
    json_object_set_new(status, "memory_kib",
                        json_pack("{s:o, s:o}", "liftgwd", memory_of(getpid()), "liftgw-publish", memory_of(pid)));
    return status;
}

/* CPU time that this process used since it began. */
static double cpu_seconds(void) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static json_t *processes(const struct desk *desk) {
    return json_pack("{s:{s:i, s:f}, s:{s:i, s:i}}", "liftgwd", "pid", (int)getpid(), "cpu_s", cpu_seconds(),
                     "liftgw-publish", "pid", (int)publisher_pid(desk->publisher), "restarts",
                     (int)publisher_restarts(desk->publisher));
}

/* In `health` a unit is one short line: a box with many must fit 4 KiB. */
static json_t *units_in_brief(const struct desk *desk) {
    json_t *array = json_array();
    for (size_t l = 0; l < desk->fleet->lift_count; l++) {
        const struct fleet_lift *tended = &desk->fleet->lifts[l];
        for (size_t p = 0; p < tended->settings->part_count; p++) {
            json_t *unit = one_unit(desk, tended, p);
            json_object_set_new(unit, "lift", json_string(tended->settings->identity.id));
            json_array_append_new(array, unit);
        }
    }
    return array;
}

json_t *figures_health(const struct desk *desk, struct instant now, enum health_detail detail) {
    return json_pack("{s:o, s:o, s:o, s:o, s:o}", "buses", detail >= HEALTH_BUSES ? buses(desk, false) : json_null(),
                     "units", detail >= HEALTH_UNITS ? units_in_brief(desk) : json_null(), "outbox", outbox(desk, now),
                     "broker", broker(desk, now), "processes", processes(desk));
}
