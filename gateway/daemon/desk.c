#include "daemon/desk.h"

#include "base/log.h"
#include "base/text.h"
#include "mqtt/topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SETTLE_AFTER_MS 100
#define REFUSED_AGAIN_MS 60000
#define WARNED_MS (10 * INT64_C(60000)) /* a connection that has lasted so long lasts */
#define AGAIN_MS 1000                   /* the ledger refused something */
#define STUCK_MS 50
#define PAUSE_FIRST_MS 500
#define PAUSE_LAST_MS 60000

/* MQTT 5, 3.4.2.1: the broker will never take it: topic name invalid, packet too large, payload format invalid. All
 * other reasons may pass. */
static bool is_final(int code) {
    return code == 0x90 || code == 0x95 || code == 0x99;
}

void desk_init(struct desk *desk, struct journal *journal) {
    *desk = (struct desk){.journal = journal, .sweep = true, .pause_ms = PAUSE_FIRST_MS, .next_id = 1};
    text_copy(desk->reason, sizeof desk->reason, "not connected yet");
    desk->since_real_ms = clock_now().real_ms;
    desk->started_mono_ms = clock_mono_ms();
}

/* All that is in flight counts as unsent. */
static void forget_in_flight(struct desk *desk) {
    for (size_t i = 0; i < DESK_WINDOW; i++)
        desk->slot[i].id = 0;
    desk->in_flight = desk->ledger_in_flight = 0;
    desk->alone = false;
    desk->sent_seq = 0;
}

static void greet(struct desk *desk) {
    desk->greeting = true;
    desk->greet_again_ms = 0;
    desk->status_due = true;
    desk->health_sent_ms = INT64_MIN;
    desk->sweep = true;
    for (size_t l = 0; l < desk->fleet->lift_count; l++) {
        struct publication *publication = &desk->fleet->lifts[l].publication;
        *publication = (struct publication){.meta = true,
                                            .link = true,
                                            .state = true,
                                            .counters = true,
                                            .state_sent_ms = INT64_MIN,
                                            .counters_sent_ms = INT64_MIN};
    }
}

void desk_fleet_changed(struct desk *desk) {
    greet(desk);
}

static void clear_from_the_first(struct desk *desk) {
    desk->cleared[0] = '\0';
    desk->clearing_own = false;
    desk->cleared_count = 0;
}

void desk_retire(struct desk *desk) {
    desk->retirement = RETIREMENT_ON;
    clear_from_the_first(desk);
}

void desk_retire_end(struct desk *desk) {
    desk->retirement = RETIREMENT_NOT;
    greet(desk);
}

void desk_publisher_gone(struct desk *desk, const char *reason, struct instant now) {
    if (desk->connected)
        desk->since_real_ms = now.real_ms;
    desk->connected = false;
    text_copy(desk->reason, sizeof desk->reason, reason);
    forget_in_flight(desk);
    desk_settle(desk);
}

static struct desk_slot *slot_of(struct desk *desk, uint64_t id) {
    for (size_t i = 0; i < DESK_WINDOW; i++)
        if (desk->slot[i].id == id)
            return &desk->slot[i];
    return NULL;
}

/* The broker does not take it now: it stays first, and everything behind it waits. */
static void pause_drain(struct desk *desk, int code, struct instant now) {
    int half = desk->pause_ms / 2;
    desk->paused_until_ms = now.mono_ms + half + (int)(random() % (half + 1));
    desk->pause_ms = desk->pause_ms * 2 > PAUSE_LAST_MS ? PAUSE_LAST_MS : desk->pause_ms * 2;
    snprintf(desk->reason, sizeof desk->reason, "the broker refuses messages for now (MQTT reason 0x%02x)", code);
    log_warn("%s, trying again in %lld ms", desk->reason, (long long)(desk->paused_until_ms - now.mono_ms));
    desk_settle(desk);
    forget_in_flight(desk);
}

static void acknowledge(struct desk *desk, const struct desk_slot *slot, bool refused, struct instant now) {
    desk->acknowledged(desk->context, slot->seq, refused);
    if (desk->done_count == COUNT_OF(desk->done) && desk_settle(desk) != 0)
        return; /* not in the ledger: after the next connect it is sent again, with the same content */
    if (desk->done_count == 0)
        desk->settle_at_ms = now.mono_ms + SETTLE_AFTER_MS;
    desk->done[desk->done_count++] = (struct acknowledged){
        .seq = slot->seq, .sent_real_ms = slot->sent_real_ms, .real_ms = now.real_ms, .refused = refused};
}

static void cleared(struct desk *desk, const char *topic, int code) {
    text_copy(desk->cleared, sizeof desk->cleared, topic);
    desk->cleared_count++;
    if (code == 0)
        return;
    desk->retirement = RETIREMENT_REFUSED;
    snprintf(desk->reason, sizeof desk->reason, "the broker does not let %.80s be cleared (MQTT reason 0x%02x)", topic,
             (unsigned)code);
    text_mend(desk->reason); /* the topic may be cut within a character */
}

static void acked(struct desk *desk, const struct handover *message, struct instant now) {
    struct desk_slot *slot = slot_of(desk, message->id);
    if (!slot || message->id == 0)
        return;
    struct desk_slot done = *slot;
    slot->id = 0;
    desk->in_flight--;
    if (message->code != 0)
        desk->refusals++;
    if (done.kind == DESK_LEDGER) {
        desk->ledger_in_flight--;
        desk->alone = false;
        if (message->code != 0 && !is_final(message->code)) {
            pause_drain(desk, message->code, now);
            return;
        }
        if (message->code == 0)
            desk->taken[done.topic_hash % DESK_TAKEN] = done.topic_hash;
        acknowledge(desk, &done, message->code != 0, now);
        desk->pause_ms = PAUSE_FIRST_MS;
        desk->reason[0] = '\0';
    } else if (done.kind == DESK_CLEAR && desk->retirement != RETIREMENT_NOT) {
        cleared(desk, done.topic, message->code);
    } else if (done.kind == DESK_CLEAR) {
        if (message->code != 0 || ledger_retained_remove(desk->journal->ledger, done.topic) != 0)
            desk->sweep = false; /* after the next connect */
    } else if (message->code != 0) {
        snprintf(desk->reason, sizeof desk->reason, "the broker refused an observation (MQTT reason 0x%02x)",
                 (unsigned)message->code);
        desk->greet_again_ms = now.mono_ms + REFUSED_AGAIN_MS;
    }
}

void desk_heard(struct desk *desk, const struct handover *message, struct instant now) {
    switch (message->type) {
    case HANDOVER_CONNECTED:
        log_info("connected to %s with MQTT %s", message->topic, message->code == 5 ? "5" : "3.1.1");
        forget_in_flight(desk);
        desk->reconnects += desk->url[0] != '\0';
        desk->connected = true;
        desk->connection = (int)message->id;
        desk->since_real_ms = now.real_ms;
        desk->reason[0] = '\0';
        desk->paused_until_ms = 0;
        memset(desk->taken, 0, sizeof desk->taken);
        text_copy(desk->url, sizeof desk->url, message->topic);
        text_mend(desk->url);
        snprintf(desk->warning, sizeof desk->warning, "%.*s", (int)message->payload_size, message->payload);
        text_mend(desk->warning);
        desk->warned_until_ms = now.mono_ms + WARNED_MS;
        greet(desk);
        clear_from_the_first(desk); /* the will may have been published */
        break;
    case HANDOVER_DISCONNECTED: {
        char reason[DESK_REASON_SIZE];
        snprintf(reason, sizeof reason, "%.*s", (int)message->payload_size, message->payload);
        text_mend(reason);
        desk_publisher_gone(desk, reason, now);
        break;
    }
    case HANDOVER_ACK:
        acked(desk, message, now);
        break;
    case HANDOVER_ALIVE:
    case HANDOVER_SETUP:
    case HANDOVER_PUBLISH:
    case HANDOVER_STOP:
    case HANDOVER_REFUSED_V5:
        break;
    }
}

/* Hands one message over; QoS 1 ones take a slot. */
static bool hand_over(struct desk *desk, const struct desk_slot *what, const char *topic, const char *payload,
                      size_t size, bool retain) {
    bool counted = what->kind != DESK_HEALTH;
    struct desk_slot *slot = counted ? slot_of(desk, 0) : NULL;
    if (counted && !slot)
        return false;
    struct handover message = {.type = HANDOVER_PUBLISH,
                               .id = desk->next_id,
                               .code = desk->connection,
                               .qos = counted ? 1 : 0,
                               .retain = retain,
                               .topic = topic,
                               .payload = payload,
                               .payload_size = size};
    if (!publisher_send(desk->publisher, &message))
        return false;
    desk->next_id++;
    if (counted) {
        *slot = *what;
        slot->id = message.id;
        slot->sent_real_ms = clock_now().real_ms;
        desk->in_flight++;
        desk->ledger_in_flight += what->kind == DESK_LEDGER;
    }
    return true;
}

static bool send_status(struct desk *desk, struct instant now) {
    char topic[TOPIC_SIZE];
    struct desk_slot what = {.kind = DESK_STATUS};
    topic_gateway(topic, desk->journal->gateway, "status");
    size_t size = payload_status(desk->payload, desk->journal->gateway, &desk->status, now);
    if (size > 0 && !hand_over(desk, &what, topic, desk->payload, size, true))
        return false;
    desk->status_due = false;
    return true;
}

static bool send_health(struct desk *desk, struct instant now) {
    char topic[TOPIC_SIZE];
    struct desk_slot what = {.kind = DESK_HEALTH};
    topic_gateway(topic, desk->journal->gateway, "health");
    size_t size = desk->health(desk->context, desk->payload, now);
    if (size > 0 && !hand_over(desk, &what, topic, desk->payload, size, true))
        return false;
    desk->health_sent_ms = now.mono_ms;
    desk->status_due = true;
    return true;
}

static bool is_due(bool changed, int64_t sent_ms, int64_t least_ms, int64_t interval_ms, int64_t now_ms,
                   int64_t *look_at_ms) {
    if (sent_ms == INT64_MIN)
        return changed;
    int64_t due = changed ? sent_ms + least_ms : interval_ms > 0 ? sent_ms + interval_ms : INT64_MAX;
    if (now_ms >= due)
        return true;
    if (due < *look_at_ms)
        *look_at_ms = due;
    return false;
}

static bool send_of_lift(struct desk *desk, size_t number, enum desk_kind kind, struct instant now) {
    static const char *const leaves[] = {
        [DESK_META] = "meta", [DESK_LINK] = "link", [DESK_STATE] = "state", [DESK_COUNTERS] = "counters"};
    const struct fleet_lift *tended = &desk->fleet->lifts[number];
    const struct lift_identity *identity = &tended->settings->identity;
    const struct gateway_identity *gateway = desk->journal->gateway;
    char topic[TOPIC_SIZE];
    struct desk_slot what = {.kind = kind};
    size_t size = 0;
    topic_lift(topic, gateway, identity->id, leaves[kind]);
    if (kind == DESK_META) {
        size = payload_meta(desk->payload, gateway, identity, now);
    } else if (kind == DESK_LINK) {
        int reach[LIFT_PARTS];
        for (size_t p = 0; p < tended->settings->part_count; p++) {
            struct unit_figures figures;
            bus_unit_figures(desk->fleet->buses[tended->part[p].bus].bus, tended->part[p].unit, &figures);
            reach[p] = figures.reach;
        }
        size = payload_link(desk->payload, gateway, identity, &tended->lift, reach, now);
    } else if (kind == DESK_STATE) {
        size = payload_state(desk->payload, gateway, identity, &tended->lift, now, 3 * desk->gateway->state_interval_s);
    } else {
        size = payload_counters(desk->payload, gateway, identity, &tended->lift, now);
    }
    if (size == 0)
        return true; /* it has been logged; there is nothing to send */
    return hand_over(desk, &what, topic, desk->payload, size, true);
}

/* True once the lift's counters were read, or if it has none: then the count of its faults is all there is. */
static bool has_counters(const struct lift *lift) {
    uint32_t owned = 0;
    for (size_t p = 0; p < lift->part_count; p++)
        owned |= lift->part[p].owns >> ITEM_FIRST_COUNTER;
    for (size_t i = 0; i < COUNTER_COUNT; i++)
        if (lift->record.counter[i].known)
            return true;
    return owned == 0 && lift->link != LINK_UNKNOWN;
}

/* Sends the first observation of this lift that is due; false if none is, or none can go now. */
static bool send_observation_of(struct desk *desk, size_t number, struct instant now, bool *stuck) {
    struct fleet_lift *tended = &desk->fleet->lifts[number];
    struct publication *publication = &tended->publication;
    const struct gateway_settings *gateway = desk->gateway;
    bool known = tended->lift.link != LINK_UNKNOWN;
    bool fresh = fleet_keeps_up(desk->fleet); /* an old state must not look new */
    enum desk_kind kind;
    if (publication->meta)
        kind = DESK_META;
    else if (known && publication->link)
        kind = DESK_LINK;
    else if (known && fresh &&
             is_due(publication->state, publication->state_sent_ms, gateway->state_min_interval_ms,
                    1000 * (int64_t)gateway->state_interval_s, now.mono_ms, &desk->look_at_ms))
        kind = DESK_STATE;
    else if (has_counters(&tended->lift) && publication->counters &&
             is_due(true, publication->counters_sent_ms, 1000 * (int64_t)gateway->counters_interval_s, 0, now.mono_ms,
                    &desk->look_at_ms) &&
             fleet_save(desk->fleet, number, now) == 0)
        kind = DESK_COUNTERS;
    else
        return false;
    if (!send_of_lift(desk, number, kind, now)) {
        *stuck = true;
        return false;
    }
    if (kind == DESK_META)
        publication->meta = false;
    if (kind == DESK_LINK)
        publication->link = false;
    if (kind == DESK_STATE) {
        publication->state = false;
        publication->state_sent_ms = now.mono_ms;
    }
    if (kind == DESK_COUNTERS) {
        publication->counters = false;
        publication->counters_sent_ms = now.mono_ms;
    }
    return true;
}

/* One observation that is due. False: none is, and look_at_ms says when to look again; or stuck. */
static bool send_observation(struct desk *desk, struct instant now) {
    bool stuck = false;
    if (desk->status_due)
        return send_status(desk, now);
    if (!desk->fleet->marked && !desk->greeting && now.mono_ms < desk->look_at_ms)
        return false;
    desk->look_at_ms = INT64_MAX;
    for (size_t l = 0; l < desk->fleet->lift_count && !stuck; l++)
        if (send_observation_of(desk, l, now, &stuck)) {
            desk->look_at_ms = now.mono_ms;
            return true;
        }
    if (stuck) {
        desk->look_at_ms = now.mono_ms + STUCK_MS;
        return false;
    }
    desk->fleet->marked = false;
    /* What has to wait for the ledger is looked at again soon. */
    if (desk->fleet->unsaved && desk->look_at_ms > now.mono_ms + AGAIN_MS)
        desk->look_at_ms = now.mono_ms + AGAIN_MS;
    if (is_due(false, desk->health_sent_ms, 0, 1000 * (int64_t)desk->gateway->health_interval_s, now.mono_ms,
               &desk->look_at_ms) ||
        desk->health_sent_ms == INT64_MIN) {
        bool sent = send_health(desk, now);
        desk->look_at_ms = now.mono_ms + (sent ? 0 : STUCK_MS); /* it is due again, whatever the lifts have to say */
        return sent;
    }
    return false;
}

static bool send_from_ledger(struct desk *desk, struct instant now) {
    uint64_t newest = ledger_next_seq(desk->journal->ledger) - 1;
    if (now.mono_ms < desk->paused_until_ms || desk->sent_seq >= newest || desk->alone)
        return false;
    desk->paused_until_ms = 0;
    int found = ledger_waiting(desk->journal->ledger, desk->sent_seq, &desk->message);
    if (found == 0)
        desk->sent_seq = newest;
    if (found != 1)
        return false;
    uint64_t hash = text_hash(TEXT_HASH_START, desk->message.topic, strlen(desk->message.topic));
    bool is_new = desk->taken[hash % DESK_TAKEN] != hash;
    if (is_new && desk->ledger_in_flight > 0)
        return false;
    struct desk_slot what = {.kind = DESK_LEDGER, .seq = desk->message.seq, .topic_hash = hash};
    if (!hand_over(desk, &what, desk->message.topic, desk->message.payload, desk->message.payload_size,
                   desk->message.retain))
        return false;
    desk->alone = is_new;
    desk->sent_seq = desk->message.seq;
    if (desk->sent_seq > desk->journal->in_flight)
        desk->journal->in_flight = desk->sent_seq;
    return true;
}

/* True if the topic is one that the configuration still means. */
static bool is_ours(const struct desk *desk, const char *owner, const char *topic) {
    const struct gateway_identity *gateway = desk->journal->gateway;
    char base[TOPIC_SIZE];
    if (strcmp(owner, "") == 0)
        topic_gateway(base, gateway, NULL);
    else if (fleet_find(desk->fleet, owner) != SIZE_MAX)
        topic_lift(base, gateway, owner, NULL);
    else
        return false;
    size_t size = strlen(base);
    return strncmp(topic, base, size) == 0 && topic[size] == '/';
}

struct left_over {
    struct desk *desk;
    char topic[TOPIC_SIZE];
};

static int find_left_over(const char *owner, const char *topic, void *context) {
    struct left_over *search = context;
    if (is_ours(search->desk, owner, topic))
        return 0;
    text_copy(search->topic, sizeof search->topic, topic);
    return 1;
}

/* Clears one retained topic of what left the configuration, after all that waits was sent: a waiting message may be
 * for that very topic. */
static bool send_clear(struct desk *desk) {
    bool drained = desk->sent_seq + 1 >= ledger_next_seq(desk->journal->ledger);
    if (!desk->sweep || desk->in_flight > 0 || !drained)
        return false;
    struct left_over search = {.desk = desk};
    if (ledger_retained_each(desk->journal->ledger, find_left_over, &search) < 0)
        return false;
    desk->sweep = search.topic[0] != '\0';
    if (!desk->sweep)
        return false;
    struct desk_slot what = {.kind = DESK_CLEAR};
    text_copy(what.topic, sizeof what.topic, search.topic);
    return hand_over(desk, &what, search.topic, "", 0, true);
}

static int find_next_to_clear(const char *owner, const char *topic, void *context) {
    struct left_over *search = context;
    const struct desk *desk = search->desk;
    bool own = strcmp(owner, "") == 0;
    if (own != desk->clearing_own || strcmp(topic, desk->cleared) <= 0)
        return 0;
    text_copy(search->topic, sizeof search->topic, topic);
    return 1;
}

/* The ledger goes on knowing them: should the retirement be given up, they are published again. */
static bool send_last_clear(struct desk *desk) {
    bool drained = desk->sent_seq + 1 >= ledger_next_seq(desk->journal->ledger);
    if (desk->retirement != RETIREMENT_ON || desk->in_flight > 0 || !drained || desk_settle(desk) != 0)
        return false;
    struct left_over search = {.desk = desk};
    if (ledger_retained_each(desk->journal->ledger, find_next_to_clear, &search) < 0)
        return false;
    if (search.topic[0] == '\0' && !desk->clearing_own) {
        desk->clearing_own = true;
        desk->cleared[0] = '\0';
        return send_last_clear(desk);
    }
    if (search.topic[0] == '\0') {
        desk->retirement = RETIREMENT_DONE;
        return false;
    }
    struct desk_slot what = {.kind = DESK_CLEAR};
    text_copy(what.topic, sizeof what.topic, search.topic);
    return hand_over(desk, &what, search.topic, "", 0, true);
}

static bool send_next(struct desk *desk, struct instant now) {
    if (desk->retirement != RETIREMENT_NOT) {
        if (!send_from_ledger(desk, now))
            return send_last_clear(desk);
        clear_from_the_first(desk); /* it may be retained */
        return true;
    }
    if (desk->greeting) {
        if (send_observation(desk, now))
            return true;
        if (desk->in_flight == DESK_WINDOW)
            return false;
        desk->greeting = false;
    }
    desk->ledger_turn = !desk->ledger_turn;
    if (desk->ledger_turn && send_from_ledger(desk, now))
        return true;
    if (send_observation(desk, now))
        return true;
    return send_from_ledger(desk, now) || send_clear(desk);
}

void desk_pump(struct desk *desk, struct instant now) {
    if (desk->connected && desk->greet_again_ms > 0 && now.mono_ms >= desk->greet_again_ms) {
        desk->reason[0] = '\0';
        greet(desk);
    }
    while (desk->connected && desk->in_flight < DESK_WINDOW && send_next(desk, now)) {
    }
    if (desk->done_count > 0 && now.mono_ms >= desk->settle_at_ms && desk_settle(desk) != 0)
        desk->settle_at_ms = now.mono_ms + AGAIN_MS;
}

int64_t desk_due_ms(const struct desk *desk) {
    int64_t due = INT64_MAX;
    if (desk->connected && desk->in_flight < DESK_WINDOW) {
        due = desk->look_at_ms;
        if (desk->paused_until_ms > 0 && desk->paused_until_ms < due)
            due = desk->paused_until_ms;
    }
    if (desk->done_count > 0 && desk->settle_at_ms < due)
        due = desk->settle_at_ms;
    return due;
}

int desk_settle(struct desk *desk) {
    if (desk->done_count == 0)
        return 0;
    if (journal_done(desk->journal, desk->done, desk->done_count) != 0)
        return -1;
    desk->done_count = 0;
    return 0;
}
