/* `report/day` and `report/month`. */
#include "mqtt/members.h"

#include <math.h>
#include <stdio.h>

#define MS_PER_HOUR 3600000

static json_t *rounded(double number, int places) {
    double unit = pow(10, places);
    return json_real(round(number * unit) / unit);
}

static json_t *minutes(uint32_t ms) {
    return rounded((double)ms / 60000, 2);
}

static json_t *share(uint32_t part_ms, int64_t whole_ms) {
    if (whole_ms <= 0)
        return json_null();
    return part_ms >= whole_ms ? json_real(1) : rounded((double)part_ms / (double)whole_ms, 4);
}

static json_t *faults_of(const struct report *report) {
    json_t *faults = json_object();
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++) {
        if (report->fault_count[fault] == 0 && report->fault_ms[fault] == 0)
            continue;
        struct members members = members_create();
        member_integer(&members, "count", report->fault_count[fault]);
        member_put(&members, "minutes", minutes(report->fault_ms[fault]));
        json_object_set_new(faults, fault_info(fault)->id, members.object);
    }
    return faults;
}

static json_t *modes_of(const struct report *report) {
    json_t *modes = json_object();
    for (int mode = 0; mode < MODE_COUNT; mode++)
        if (mode != MODE_NORMAL && report->mode_ms[mode] > 0)
            json_object_set_new(modes, item_word_of(ITEM_SERVICE_MODE, VALUE(mode)), minutes(report->mode_ms[mode]));
    return modes;
}

static json_t *quantile(const uint16_t bins[REPORT_BINS], int percent) {
    int ms;
    return report_quantile(bins, percent, &ms) ? rounded((double)ms / 1000, 2) : json_null();
}

static json_t *door_of(const struct report *report) {
    if (!report->doors_known)
        return json_null();
    struct members door = members_create();
    double hours = (double)report->watched_ms / MS_PER_HOUR;
    member_integer(&door, "openings", report->openings);
    member_put(&door, "opening_median_s", quantile(report->opening, 50));
    member_put(&door, "opening_p95_s", quantile(report->opening, 95));
    member_integer(&door, "closings", report->closings);
    member_put(&door, "closing_median_s", quantile(report->closing, 50));
    member_put(&door, "closing_p95_s", quantile(report->closing, 95));
    member_integer(&door, "reversals", report->reversals);
    member_put(&door, "reversals_per_h", hours > 0 ? rounded(report->reversals / hours, 2) : json_null());
    return door.object;
}

/* By label, or by number where there is none; floors with the same label are one. */
static json_t *floors_of(const struct report *report, const struct lift_identity *lift) {
    if (!report->floors_known)
        return json_null();
    json_t *floors = json_object();
    for (size_t i = 0; i < REPORT_FLOORS; i++) {
        char number[16];
        snprintf(number, sizeof number, "%zu", i + 1);
        const char *label = i < lift->label_count ? lift->labels[i] : number;
        if (report->stops[i] == 0)
            continue;
        json_int_t stops = json_integer_value(json_object_get(floors, label)) + report->stops[i];
        if (json_object_set_new(floors, label, json_integer(stops)) != 0) {
            json_decref(floors);
            return NULL;
        }
    }
    return floors;
}

size_t payload_report(char payload[PAYLOAD_SIZE], const struct gateway_identity *gateway,
                      const struct lift_identity *lift, const struct report *report, struct instant at,
                      const struct payload_number *number) {
    struct members members = members_common(gateway, at, number, lift);
    member_text(&members, "name", lift->name);
    member_text(&members, "registration", lift->registration);
    member_text(&members, "rescue_code", lift->rescue_code);
    member_time(&members, "from", report->span.from_real_ms);
    member_time(&members, "to", report->span.to_real_ms);
    member_put(&members, "complete", share(report->watched_ms, report->span.to_real_ms - report->span.from_real_ms));
    member_put(&members, "rides", report->rides_known ? json_integer(report->rides) : json_null());
    member_put(&members, "faults", faults_of(report));
    member_put(&members, "availability", share(report->available_ms, report->watched_ms));
    member_put(&members, "out_of_service_min", modes_of(report));
    member_put(&members, "longest_entrapment_s",
               report->entrapment_ms > 0 ? json_real((double)report->entrapment_ms / 1000) : json_null());
    member_put(&members, "door", door_of(report));
    member_put(&members, "floors", floors_of(report, lift));
    size_t size = members_write(&members, payload);
    if (size == 0 && !members.bad) { /* too many floors for 4 KiB: the rest says more */
        member_put(&members, "floors", json_null());
        size = members_write(&members, payload);
    }
    return members_finish(&members, size, "report", lift->id);
}
