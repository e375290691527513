#include "daemon/journal.h"

#include "base/log.h"
#include "mqtt/topic.h"

#include <jansson.h>
#include <stdio.h>

/* Draws the numbers and adds an event of the gateway, inside a transaction. Takes details over. */
static int add_gateway(struct journal *journal, const char *event, json_t *details, struct instant at) {
    char leaf[64];
    char topic[TOPIC_SIZE];
    char payload[PAYLOAD_SIZE];
    struct payload_number number = {.series = ledger_series(journal->ledger)};
    snprintf(leaf, sizeof leaf, "event/%s", event);
    topic_gateway(topic, journal->gateway, leaf);
    if (ledger_number(journal->ledger, topic, &number.seq, &number.n) != 0) {
        json_decref(details);
        return -1;
    }
    if (payload_gateway(payload, journal->gateway, event, details, at, &number) == 0)
        return -1;
    return ledger_add(journal->ledger, number.seq, topic, false, payload, at.real_ms);
}

/* At the bound the oldest waiting messages go, and a `gap` says which (promise 4). */
static int make_room(struct journal *journal, struct instant at) {
    uint64_t from = 0;
    uint64_t to = 0;
    uint64_t count = 0;
    if (ledger_drop_oldest(journal->ledger, journal->in_flight, &from, &to, &count) != 0)
        return -1;
    if (count == 0)
        return 0;
    journal->dropped += count;
    log_warn("the outbox is full: %llu messages, %llu to %llu, were dropped", (unsigned long long)count,
             (unsigned long long)from, (unsigned long long)to);
    return add_gateway(journal, "gap",
                       json_pack("{s:s, s:I, s:I, s:I, s:s}", "series", ledger_series(journal->ledger), "from",
                                 (json_int_t)from, "to", (json_int_t)to, "count", (json_int_t)count, "reason",
                                 "outbox_full"),
                       at);
}

static int add_event(struct journal *journal, const struct lift_identity *identity, struct lift *lift,
                     const struct event *event) {
    char topic[TOPIC_SIZE];
    char payload[PAYLOAD_SIZE];
    struct payload_number number = {.series = ledger_series(journal->ledger)};
    bool retain = event->type == EVENT_FAULT;
    topic_event(topic, journal->gateway, identity->id, event);
    if (make_room(journal, event->at) != 0 || ledger_number(journal->ledger, topic, &number.seq, &number.n) != 0)
        return -1;
    if (payload_event(payload, journal->gateway, identity, event, &number) == 0)
        return -1;
    if (retain && event->fault.raised)
        lift->record.fault[event->fault.fault].seq = number.seq;
    if (retain && ledger_retained_add(journal->ledger, identity->id, topic) != 0)
        return -1;
    return ledger_add(journal->ledger, number.seq, topic, retain, payload, event->at.real_ms);
}

static int add_report(struct journal *journal, const struct lift_identity *identity, const struct ended_report *ended,
                      struct instant at) {
    char leaf[32];
    char topic[TOPIC_SIZE];
    char payload[PAYLOAD_SIZE];
    struct payload_number number = {.series = ledger_series(journal->ledger)};
    snprintf(leaf, sizeof leaf, "report/%s", report_period_name(ended->period));
    topic_lift(topic, journal->gateway, identity->id, leaf);
    if (make_room(journal, at) != 0 || ledger_number(journal->ledger, topic, &number.seq, &number.n) != 0)
        return -1;
    if (payload_report(payload, journal->gateway, identity, &ended->report, at, &number) == 0)
        return -1;
    if (ledger_retained_add(journal->ledger, identity->id, topic) != 0)
        return -1;
    return ledger_add(journal->ledger, number.seq, topic, true, payload, at.real_ms);
}

static int write_lift(struct journal *journal, const struct lift_identity *identity, struct lift *lift,
                      const struct report *day, const struct events *events) {
    for (size_t i = 0; i < events->count; i++)
        if (add_event(journal, identity, lift, &events->event[i]) != 0)
            return -1;
    if (ledger_report_save(journal->ledger, identity->id, REPORT_DAY, day) != 0)
        return -1;
    return ledger_lift_save(journal->ledger, identity->id, &lift->record);
}

int journal_lift(struct journal *journal, const struct lift_identity *identity, struct lift *lift,
                 const struct report *day, const struct events *events) {
    if (ledger_begin(journal->ledger) != 0)
        return -1;
    if (write_lift(journal, identity, lift, day, events) != 0) {
        ledger_rollback(journal->ledger);
        return -1;
    }
    if (ledger_commit(journal->ledger) != 0)
        return -1;
    lift->record.changed = false;
    lift->record.faults_changed = 0;
    lift->record.counters_changed = 0;
    return 0;
}

static int write_reports(struct journal *journal, const struct lift_identity *identity,
                         const struct ended_reports *ended, const struct report *day, const struct report *month,
                         struct instant at) {
    for (size_t i = 0; i < ended->count; i++)
        if (add_report(journal, identity, &ended->ended[i], at) != 0)
            return -1;
    if (ledger_report_save(journal->ledger, identity->id, REPORT_DAY, day) != 0)
        return -1;
    return ledger_report_save(journal->ledger, identity->id, REPORT_MONTH, month);
}

int journal_reports(struct journal *journal, const struct lift_identity *identity, const struct ended_reports *ended,
                    const struct report *day, const struct report *month, struct instant at) {
    if (ledger_begin(journal->ledger) != 0)
        return -1;
    if (write_reports(journal, identity, ended, day, month, at) != 0) {
        ledger_rollback(journal->ledger);
        return -1;
    }
    return ledger_commit(journal->ledger);
}

int journal_gateway(struct journal *journal, const char *event, json_t *details, struct instant at) {
    if (ledger_begin(journal->ledger) != 0) {
        json_decref(details);
        return -1;
    }
    if (make_room(journal, at) != 0) {
        json_decref(details);
        ledger_rollback(journal->ledger);
        return -1;
    }
    if (add_gateway(journal, event, details, at) != 0) {
        ledger_rollback(journal->ledger);
        return -1;
    }
    return ledger_commit(journal->ledger);
}

static int write_done(struct journal *journal, const struct acknowledged *message) {
    if (ledger_done(journal->ledger, message->seq, message->real_ms, message->refused) != 0)
        return -1;
    if (!message->refused)
        return 0;
    log_warn("the broker will never take message %llu: set aside", (unsigned long long)message->seq);
    struct instant now = clock_now();
    json_int_t seq = (json_int_t)message->seq;
    return add_gateway(journal, "gap",
                       json_pack("{s:s, s:I, s:I, s:I, s:s}", "series", ledger_series(journal->ledger), "from", seq,
                                 "to", seq, "count", (json_int_t)1, "reason", "refused"),
                       now);
}

int journal_done(struct journal *journal, const struct acknowledged *messages, size_t count) {
    uint64_t refused = 0;
    if (ledger_begin(journal->ledger) != 0)
        return -1;
    for (size_t i = 0; i < count; i++) {
        refused += messages[i].refused;
        if (write_done(journal, &messages[i]) != 0) {
            ledger_rollback(journal->ledger);
            return -1;
        }
    }
    if (ledger_commit(journal->ledger) != 0)
        return -1;
    journal->refused += refused;
    return 0;
}

int journal_retained(struct journal *journal, const char *owner, const char *const topics[], size_t count) {
    if (ledger_begin(journal->ledger) != 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (ledger_retained_add(journal->ledger, owner, topics[i]) != 0) {
            ledger_rollback(journal->ledger);
            return -1;
        }
    return ledger_commit(journal->ledger);
}
