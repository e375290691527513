/* `history`: what happened, page by page, so that no answer holds up the loop; and the black box of one raise. */
#include "daemon/control_inside.h"

#include <string.h>

#define PAGE_USUAL 50
#define PAGE_MOST 100
/* Messages looked at for one page, whether they are wanted or not: about 5 ms. */
#define LOOK_AT_MOST 200

struct page {
    const struct desk *desk;
    const char *lift, *fault; /* NULL: all */
    size_t most;
    json_t *messages;
    int looked_at;
    uint64_t last_seq;
};

static bool is_wanted(const json_t *message, const char *key, const char *wanted) {
    const char *text = json_string_value(json_object_get(message, key));
    return !wanted || (text && strcmp(text, wanted) == 0);
}

static const char *outcome_name(const struct page *page, const struct ledger_past *past) {
    switch (past->outcome) {
    case LEDGER_ACKNOWLEDGED:
        return "acknowledged";
    case LEDGER_REFUSED:
        return "refused";
    case LEDGER_DROPPED:
        return "dropped";
    case LEDGER_WAITING:
        break;
    }
    return page->desk->connected && past->seq <= page->desk->sent_seq ? "sent" : "waiting";
}

static void add_message(void *context, const struct ledger_past *past) {
    struct page *page = context;
    if (json_array_size(page->messages) == page->most)
        return;
    page->looked_at++;
    page->last_seq = past->seq;
    json_t *message = json_loads(past->payload, 0, NULL);
    if (!is_wanted(message, "lift", page->lift) || !is_wanted(message, "fault", page->fault)) {
        json_decref(message);
        return;
    }
    json_array_append_new(page->messages,
                          json_pack("{s:I, s:s, s:s, s:o, s:o, s:o, s:o}", "seq", (json_int_t)past->seq, "topic",
                                    past->topic, "outcome", outcome_name(page, past), "committed",
                                    figures_time(past->real_ms), "sent", figures_time(past->sent_real_ms), "done",
                                    figures_time(past->done_real_ms), "message", message ? message : json_null()));
}

static json_t *link_of(const struct trail_point *point) {
    const char *name = point->link != TRAIL_UNKNOWN ? link_name((enum link)point->link) : NULL;
    return name ? json_string(name) : json_null();
}

static json_t *item_of(const struct trail_point *point, enum item item) {
    struct value value = {.known = point->item[item] != TRAIL_UNKNOWN, .number = point->item[item]};
    if (!value.known)
        return json_null();
    if (item_info(item)->kind == KIND_BOOL)
        return json_boolean(value.number != 0);
    const char *word = item_word_of(item, value);
    return word ? json_string(word) : json_integer(value.number);
}

static json_t *label_of(const struct trail_point *point, const struct lift_identity *identity) {
    int floor = point->item[ITEM_FLOOR];
    bool has_label = identity && floor >= 1 && (size_t)floor <= identity->label_count;
    return has_label ? json_string(identity->labels[floor - 1]) : json_null();
}

/* What led to the raise that message seq tells of; null if none was kept. */
static json_t *trail_of(const struct desk *desk, uint64_t seq, const char *lift) {
    char text[TRAIL_TEXT_SIZE];
    if (ledger_trail_get(desk->journal->ledger, seq, text, sizeof text) != 1)
        return json_null();
    size_t number = lift ? fleet_find(desk->fleet, lift) : SIZE_MAX;
    const struct lift_identity *identity = number != SIZE_MAX ? &desk->fleet->lifts[number].settings->identity : NULL;
    json_t *trail = json_array();
    struct trail_point point = trail_nothing();
    for (const char *rest = text; trail_read(&rest, &point);) {
        json_t *moment = json_pack("{s:I, s:o}", "t_ms", (json_int_t)point.mono_ms, "link", link_of(&point));
        for (enum item item = 0; item < TRAIL_ITEMS; item++)
            json_object_set_new(moment, item_info(item)->name, item_of(&point, item));
        json_object_set_new(moment, "floor_label", label_of(&point, identity));
        json_array_append_new(trail, moment);
    }
    return trail;
}

static void cannot_read(struct client *client) {
    client_put_off(client, "the ledger cannot be read; the log says what is wrong");
}

static void tell_around(struct client *client, uint64_t seq) {
    const struct desk *desk = client->control->desk;
    struct page page = {.desk = desk, .most = 1, .messages = json_array()};
    int result = ledger_history(desk->journal->ledger, seq - 1, 1, add_message, &page);
    json_t *found = json_array_get(page.messages, 0);
    const char *lift = json_string_value(json_object_get(json_object_get(found, "message"), "lift"));
    if (result != 0)
        cannot_read(client);
    else if (!found || page.last_seq != seq)
        client_refuse(client, "there is no message %llu in the history; liftgwctl history lists them",
                      (unsigned long long)seq);
    else
        client_answer(client, json_pack("{s:b, s:s, s:O, s:o}", "ok", 1, "series", ledger_series(desk->journal->ledger),
                                        "message", found, "trail", trail_of(desk, seq, lift)));
    json_decref(page.messages);
}

static void tell_page(struct client *client, uint64_t after, struct page *page) {
    struct ledger *ledger = page->desk->journal->ledger;
    page->messages = json_array();
    if (ledger_history(ledger, after, LOOK_AT_MOST, add_message, page) != 0) {
        json_decref(page->messages);
        cannot_read(client);
        return;
    }
    bool more = page->looked_at > 0 && page->last_seq + 1 < ledger_next_seq(ledger);
    client_answer(client,
                  json_pack("{s:b, s:s, s:o, s:o}", "ok", 1, "series", ledger_series(ledger), "messages",
                            page->messages, "next", more ? json_integer((json_int_t)page->last_seq) : json_null()));
}

void command_history(struct client *client, json_t *request) {
    const struct desk *desk = client->control->desk;
    const char *fault = json_string_value(json_object_get(request, "fault"));
    int64_t around, limit = PAGE_USUAL, after = 0, since_ms;
    if (command_number(request, "around", 1, INT64_MAX, &around)) {
        tell_around(client, (uint64_t)around);
        return;
    }
    if (json_object_get(request, "lift") && command_lift(client, request) == SIZE_MAX)
        return;
    if (json_object_get(request, "fault") && (!fault || fault_by_id(fault) == FAULT_COUNT)) {
        client_refuse(client, "there is no fault \"%.64s\"", fault ? fault : "");
        return;
    }
    if (json_object_get(request, "around") ||
        (json_object_get(request, "limit") && !command_number(request, "limit", 1, PAGE_MOST, &limit)) ||
        (json_object_get(request, "after") && !command_number(request, "after", 0, INT64_MAX, &after))) {
        client_refuse(client, "around and after are the seq of a message, limit is from 1 to %d", PAGE_MOST);
        return;
    }
    uint64_t first = (uint64_t)after + 1;
    if (command_number(request, "since_ms", 0, INT64_MAX, &since_ms) &&
        ledger_history_since(desk->journal->ledger, since_ms, &first) != 0) {
        cannot_read(client);
        return;
    }
    struct page page = {.desk = desk,
                        .lift = json_string_value(json_object_get(request, "lift")),
                        .fault = fault,
                        .most = (size_t)limit};
    tell_page(client, first - 1, &page);
}
