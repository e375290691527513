#include "model/period.h"

#include <string.h>

/* 2026-01-01: a clock that shows less has never been set. */
#define NEVER_SET_BEFORE_MS INT64_C(1767225600000)

enum turn { TURN_NONE, TURN_ENDS, TURN_DROPPED, TURN_BEGINS };

static bool is_within(struct calendar_span span, int64_t real_ms) {
    return real_ms >= span.from_real_ms && real_ms < span.to_real_ms;
}

static bool is_closed(const struct report *report, int64_t real_ms) {
    for (size_t i = 0; i < REPORT_CLOSED; i++)
        if (is_within(report->closed[i], real_ms))
            return true;
    return false;
}

static enum turn turn_of(struct report *day, struct report_watch *watch, struct instant now) {
    if (!report_is_open(day)) {
        bool can_begin = now.real_ms >= NEVER_SET_BEFORE_MS && !is_closed(day, now.real_ms);
        return can_begin ? TURN_BEGINS : TURN_NONE;
    }
    if (now.real_ms >= day->span.to_real_ms)
        return day->unsure && now.synced ? TURN_DROPPED : TURN_ENDS;
    if (now.real_ms < day->span.from_real_ms)
        return now.synced || watch->believed ? TURN_DROPPED : TURN_NONE;
    watch->believed = true;
    if (now.synced)
        day->unsure = 0;
    return TURN_NONE;
}

bool period_is_due(struct report *day, struct report_watch *watch, struct instant now) {
    return turn_of(day, watch, now) != TURN_NONE;
}

/* Days that follow each other are one stretch. The newest stands first, the oldest is forgotten. */
static void remember_closed(struct report *report, struct calendar_span span) {
    size_t i = 0;
    while (i < REPORT_CLOSED - 1 && report->closed[i].to_real_ms != span.from_real_ms)
        i++;
    if (report->closed[i].to_real_ms == span.from_real_ms)
        span.from_real_ms = report->closed[i].from_real_ms;
    memmove(&report->closed[1], &report->closed[0], i * sizeof report->closed[0]);
    report->closed[0] = span;
}

static void close_period(struct report *report, enum report_period period, struct ended_reports *ended) {
    if (report->watched_ms > 0)
        ended->ended[ended->count++] = (struct ended_report){.period = period, .report = *report};
    remember_closed(report, report->span);
    report_clear(report);
}

/* What the totals made up in it belongs to the next day. */
static void drop(struct report *report) {
    report->rides_seen -= report->rides;
    for (enum fault fault = 0; fault < FAULT_COUNT; fault++)
        report->fault_seen[fault] -= report->fault_count[fault];
    report_clear(report);
}

/* Begins the period around at, which is in none that was closed; it does not overlap with one either. */
static void begin(struct report *report, struct calendar_span span, struct instant at) {
    for (size_t i = 0; i < REPORT_CLOSED; i++) {
        struct calendar_span closed = report->closed[i];
        if (closed.to_real_ms <= at.real_ms && closed.to_real_ms > span.from_real_ms)
            span.from_real_ms = closed.to_real_ms;
        if (closed.from_real_ms > at.real_ms && closed.from_real_ms < span.to_real_ms)
            span.to_real_ms = closed.from_real_ms;
    }
    report->span = span;
    report->unsure = !at.synced;
}

/* A month that begins after the day was begun by a clock that was wrong. */
static void add_to_month(struct report *month, const struct report *day, struct ended_reports *ended) {
    struct instant at = {.real_ms = day->span.from_real_ms, .synced = !day->unsure};
    if (report_is_open(month) && at.real_ms >= month->span.to_real_ms)
        close_period(month, REPORT_MONTH, ended);
    if (report_is_open(month) && at.real_ms < month->span.from_real_ms)
        report_clear(month);
    if (!report_is_open(month) && !is_closed(month, at.real_ms))
        begin(month, calendar_month(at.real_ms), at);
    if (report_is_open(month))
        report_add(month, day);
}

static void end_day(struct report *day, struct report_watch *watch, struct report *month, struct instant now,
                    struct ended_reports *ended) {
    report_end(day, watch, now);
    struct report day_ended = *day;
    close_period(day, REPORT_DAY, ended);
    if (day_ended.watched_ms > 0)
        add_to_month(month, &day_ended, ended);
    if (report_is_open(month) && now.real_ms >= month->span.to_real_ms)
        close_period(month, REPORT_MONTH, ended);
}

void period_turn(struct report *day, struct report_watch *watch, struct report *month, struct instant now,
                 struct ended_reports *ended) {
    ended->count = 0;
    enum turn turn = turn_of(day, watch, now);
    if (turn == TURN_ENDS)
        end_day(day, watch, month, now, ended);
    if (turn == TURN_DROPPED)
        drop(day);
    if (turn_of(day, watch, now) != TURN_BEGINS)
        return;
    begin(day, calendar_day(now.real_ms), now);
    watch->believed = true;
}
