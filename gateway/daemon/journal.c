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

/* What a `gap` tells: these were dropped, count of them between from and to. */
struct gap {
    json_int_t from, to, count;
};

/* A gap message that was dropped itself: what it told is told by the next one. */
static void take_over_gap(void *context, const char *payload) {
    struct gap *gap = context;
    json_t *message = json_loads(payload, 0, NULL);
    json_int_t from = json_integer_value(json_object_get(message, "from"));
    if (from > 0 && from < gap->from)
        gap->from = from;
    gap->count += json_integer_value(json_object_get(message, "count"));
    json_decref(message);
}

static int add_gap(struct journal *journal, const struct gap *gap, const char *reason, struct instant at) {
    json_t *details = json_pack("{s:s, s:I, s:I, s:I, s:s}", "series", ledger_series(journal->ledger), "from",
                                gap->from, "to", gap->to, "count", gap->count, "reason", reason);
    return add_gateway(journal, "gap", details, at);
}

/* At the bound the oldest waiting messages go, and a `gap` says which (promise 4). */
static int make_room(struct journal *journal, struct instant at) {
    uint64_t from = 0;
    uint64_t to = 0;
    uint64_t count = 0;
    char topic[TOPIC_SIZE];
    if (ledger_drop_oldest(journal->ledger, journal->in_flight, &from, &to, &count) != 0)
        return -1;
    if (count == 0)
        return 0;
    journal->dropping += count;
    log_warn("the outbox is full: %llu messages, %llu to %llu, were dropped", (unsigned long long)count,
             (unsigned long long)from, (unsigned long long)to);
    struct gap gap = {.from = (json_int_t)from, .to = (json_int_t)to, .count = (json_int_t)count};
    topic_gateway(topic, journal->gateway, "event/gap");
    if (ledger_each_dropped(journal->ledger, topic, from, to, take_over_gap, &gap) != 0)
        return -1;
    return add_gap(journal, &gap, "outbox_full", at);
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

int journal_begin(struct journal *journal) {
    journal->dropping = 0;
    return ledger_begin(journal->ledger);
}

int journal_tested(struct journal *journal, const char *lift, int64_t real_ms) {
    char name[JOURNAL_TESTED_SIZE];
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)real_ms);
    return ledger_fact_put(journal->ledger, journal_tested_name(name, lift), text);
}

const char *journal_tested_name(char name[JOURNAL_TESTED_SIZE], const char *lift) {
    snprintf(name, JOURNAL_TESTED_SIZE, "tested %s", lift);
    return name;
}

int journal_event(struct journal *journal, const struct lift_identity *identity, struct lift *lift,
                  const struct trail *trail, const struct event *event) {
    char points[TRAIL_TEXT_SIZE];
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
    if (retain && event->fault.raised &&
        ledger_trail_add(journal->ledger, number.seq, trail_write(trail, event->at.mono_ms, points)) != 0)
        return -1;
    if (event->type == EVENT_TEST && journal_tested(journal, identity->id, event->at.real_ms) != 0)
        return -1;
    return ledger_add(journal->ledger, number.seq, topic, retain, payload, event->at.real_ms);
}

int journal_lift(struct journal *journal, const struct lift_identity *identity, const struct lift *lift,
                 const struct report *day) {
    if (ledger_report_save(journal->ledger, identity->id, REPORT_DAY, day) != 0)
        return -1;
    return ledger_lift_save(journal->ledger, identity->id, &lift->record);
}

int journal_end(struct journal *journal, int result) {
    if (result != 0) {
        ledger_rollback(journal->ledger);
        return -1;
    }
    if (ledger_commit(journal->ledger) != 0)
        return -1;
    journal->dropped += journal->dropping;
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
    if (journal_begin(journal) != 0)
        return -1;
    return journal_end(journal, write_reports(journal, identity, ended, day, month, at));
}

int journal_gateway(struct journal *journal, const char *event, json_t *details, struct instant at) {
    if (journal_begin(journal) != 0) {
        json_decref(details);
        return -1;
    }
    int result = make_room(journal, at);
    if (result == 0)
        result = add_gateway(journal, event, details, at);
    else
        json_decref(details);
    return journal_end(journal, result);
}

static json_t *tell_replaced(const struct ledger_replacement *replaced) {
    bool known = replaced->series[0] != '\0';
    return json_pack("{s:s, s:s, s:i, s:s?, s:o}", "reason", replaced->why, "set_aside", replaced->aside, "salvaged",
                     replaced->salvaged, "old_series", known ? replaced->series : NULL, "old_last_seq",
                     known ? json_integer((json_int_t)replaced->last_seq) : json_null());
}

int journal_replaced(struct journal *journal, struct instant at) {
    struct ledger_replacement replaced;
    int owed = ledger_replacement(journal->ledger, &replaced);
    if (owed != 1)
        return owed;
    if (journal_begin(journal) != 0)
        return -1;
    int result = add_gateway(journal, "ledger_replaced", tell_replaced(&replaced), at);
    if (result == 0)
        result = ledger_replacement_told(journal->ledger);
    return journal_end(journal, result);
}

static int write_done(struct journal *journal, const struct acknowledged *message) {
    if (ledger_done(journal->ledger, message->seq, message->sent_real_ms, message->real_ms, message->refused) != 0)
        return -1;
    if (!message->refused)
        return 0;
    log_warn("the broker will never take message %llu: set aside", (unsigned long long)message->seq);
    json_int_t seq = (json_int_t)message->seq;
    return add_gap(journal, &(struct gap){.from = seq, .to = seq, .count = 1}, "refused", clock_now());
}

int journal_done(struct journal *journal, const struct acknowledged *messages, size_t count) {
    uint64_t refused = 0;
    int result = 0;
    if (journal_begin(journal) != 0)
        return -1;
    for (size_t i = 0; i < count && result == 0; i++) {
        refused += messages[i].refused;
        result = write_done(journal, &messages[i]);
    }
    if (journal_end(journal, result) != 0)
        return -1;
    journal->refused += refused;
    return 0;
}

int journal_retained(struct journal *journal, const char *owner, const char *const topics[], size_t count) {
    int result = 0;
    if (journal_begin(journal) != 0)
        return -1;
    for (size_t i = 0; i < count && result == 0; i++)
        result = ledger_retained_add(journal->ledger, owner, topics[i]);
    return journal_end(journal, result);
}
