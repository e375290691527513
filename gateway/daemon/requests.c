/* What a command asks of the bus: one read, or one poll of a lift, each in a turn of the schedule. */
#include "daemon/control_inside.h"

#include <string.h>

#define ANSWER_WITHIN_MS 10000

static void nothing_came(struct client *client) {
    client_put_off(client, "nothing came within %d s: the line is busy, or gone", ANSWER_WITHIN_MS / 1000);
}

static enum dialect dialect_of(const struct fleet_bus *bus, int unit) {
    for (size_t u = 0; u < bus->unit_count; u++)
        if (bus->units[u].unit == unit)
            return bus->units[u].dialect;
    return bus->unit_count > 0 ? bus->units[0].dialect : DIALECT_RTU;
}

void command_read(struct client *client, json_t *request) {
    struct control *control = client->control;
    const struct fleet *fleet = control->desk->fleet;
    const char *name = json_string_value(json_object_get(request, "bus"));
    const char *table_text = json_string_value(json_object_get(request, "table"));
    int table = table_text ? table_by_name(table_text) : 0;
    int64_t unit, address, count;
    struct fleet_bus *bus = NULL;
    for (size_t b = 0; name && b < fleet->bus_count; b++)
        if (strcmp(fleet->buses[b].section->name, name) == 0)
            bus = &fleet->buses[b];
    if (!bus) {
        client_refuse(client, "bus: there is no bus of that name");
    } else if (!command_number(request, "unit", 1, 247, &unit)) {
        client_refuse(client, "unit must be a whole number from 1 to 247");
    } else if (table == 0) {
        client_refuse(client, "table must be holding, input, coil or discrete");
    } else if (!command_number(request, "address", 0, 65535, &address)) {
        client_refuse(client, "address must be a whole number from 0 to 65535");
    } else if (!command_number(request, "count", 1, 125, &count) || address + count > 65536) {
        client_refuse(client, "count must be a whole number from 1 to 125 that does not lead beyond address 65535");
    } else {
        struct awaited *awaited = client_await(client, ANSWER_WITHIN_MS, nothing_came);
        struct line_request line = {.unit = (int)unit,
                                    .table = table,
                                    .address = (uint16_t)address,
                                    .count = (uint16_t)count,
                                    .dialect = dialect_of(bus, (int)unit)};
        if (!awaited)
            return;
        awaited->token = ++control->next_token;
        if (bus_ask(bus->bus, &line, awaited->token))
            return;
        client_await_end(client);
        client_put_off(client, "the bus has another read waiting: try again");
    }
}

void command_poll(struct client *client, json_t *request) {
    const struct fleet *fleet = client->control->desk->fleet;
    size_t number = command_lift(client, request);
    struct awaited *awaited = number != SIZE_MAX ? client_await(client, ANSWER_WITHIN_MS, nothing_came) : NULL;
    if (!awaited)
        return;
    const struct fleet_lift *tended = &fleet->lifts[number];
    awaited->poll = true;
    awaited->lift = number;
    awaited->parts_missing = (1u << tended->settings->part_count) - 1;
    for (size_t p = 0; p < tended->settings->part_count; p++)
        bus_want(fleet->buses[tended->part[p].bus].bus, tended->part[p].unit, 0);
}

void control_answered(struct control *control, const struct reading *reading) {
    struct client *client = NULL;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        if (control->client[i].awaited.token == reading->token)
            client = &control->client[i];
    if (!client || reading->token == 0)
        return;
    client_await_end(client);
    if (reading->result != LINE_OK) {
        client_answer(
            client,
            json_pack("{s:b, s:s, s:s, s:o}", "ok", 0, "error",
                      reading->result == LINE_EXCEPTION ? "the unit answered with an exception" : "no good answer came",
                      "result", line_result_name(reading->result), "exception",
                      reading->result == LINE_EXCEPTION ? json_integer(reading->exception) : json_null()));
        return;
    }
    json_t *values = json_array();
    for (size_t i = 0; i < reading->count; i++)
        json_array_append_new(values, json_integer(reading->words[i]));
    client_answer(client, json_pack("{s:b, s:s, s:o}", "ok", 1, "result", "ok", "values", values));
}

/* A value as its item's word, yes or no, or a number. */
static json_t *normalised(const struct profile *profile, const struct decoder *decoder, int slot) {
    struct value value = decoder_slot(decoder, slot);
    if (!value.known)
        return json_null();
    if (slot < ITEM_COUNT && item_word_of((enum item)slot, value))
        return json_string(item_word_of((enum item)slot, value));
    if (profile->slot_kinds[slot] == KIND_BOOL)
        return json_string(value.number ? "yes" : "no");
    return json_integer(value.number);
}

static void add_rows(json_t *rows, const struct fleet *fleet, const struct fleet_lift *tended, size_t p) {
    const struct fleet_part *part = &tended->part[p];
    const struct profile *profile = part->profile;
    for (size_t row = 0; row < profile->value_count; row++) {
        const struct value_row *value = &profile->values[row];
        struct value raw;
        enum decode_result result = decoder_row(part->decoder, row, &raw);
        json_array_append_new(
            rows,
            json_pack("{s:s, s:i, s:s, s:s, s:i, s:o, s:s, s:o, s:i}", "bus", fleet->buses[part->bus].section->name,
                      "unit", fleet->buses[part->bus].units[part->unit].unit, "item", profile->slot_names[value->slot],
                      "table", table_name((enum table)value->place.table), "address",
                      value->place.address + tended->settings->part[p].options.address_offset, "raw",
                      raw.known ? json_integer(raw.number) : json_null(), "result", decode_result_name(result), "value",
                      normalised(profile, part->decoder, value->slot), "row", value->line));
    }
}

/* What follows from the values: a row of a truth table reads no register. */
static void add_rules(json_t *rows, const struct fleet *fleet, const struct fleet_lift *tended, size_t p) {
    const struct fleet_part *part = &tended->part[p];
    const struct profile *profile = part->profile;
    for (size_t row = 0; row < profile->rule_count; row++) {
        const struct rule_row *rule = &profile->rules[row];
        if (rule->kind == RULE_TRUTH)
            json_array_append_new(rows, json_pack("{s:s, s:i, s:s, s:n, s:n, s:n, s:s, s:o, s:i}", "bus",
                                                  fleet->buses[part->bus].section->name, "unit",
                                                  fleet->buses[part->bus].units[part->unit].unit, "item",
                                                  profile->slot_names[rule->slot], "table", "address", "raw", "result",
                                                  "rule", "value", normalised(profile, part->decoder, rule->slot),
                                                  "row", rule->line));
    }
}

static void add_faults(json_t *faults, const struct fleet *fleet, const struct fleet_lift *tended, size_t p) {
    static const char *const seen[] = {[SEEN_NOT] = "no", [SEEN_YES] = "yes", [SEEN_UNKNOWN] = "unknown"};
    const struct fleet_part *part = &tended->part[p];
    for (size_t row = 0; row < part->profile->fault_count; row++) {
        struct fault_reading reading;
        decoder_fault(part->decoder, row, &reading);
        json_array_append_new(
            faults,
            json_pack("{s:i, s:o, s:s, s:I, s:i}", "unit", fleet->buses[part->bus].units[part->unit].unit, "fault",
                      reading.fault < FAULT_COUNT ? json_string(fault_info(reading.fault)->id) : json_null(), "seen",
                      seen[reading.seen], "raw", (json_int_t)reading.value, "row", part->profile->faults[row].line));
    }
}

static void tell_poll(struct client *client, const struct fleet *fleet, const struct fleet_lift *tended) {
    json_t *rows = json_array();
    json_t *faults = json_array();
    for (size_t p = 0; p < tended->settings->part_count; p++) {
        add_rows(rows, fleet, tended, p);
        add_rules(rows, fleet, tended, p);
        add_faults(faults, fleet, tended, p);
    }
    client_answer(client, json_pack("{s:b, s:s, s:s, s:o, s:o}", "ok", 1, "lift", tended->settings->identity.id, "link",
                                    link_name(tended->lift.link) ? link_name(tended->lift.link) : "unknown", "rows",
                                    rows, "faults", faults));
}

void control_polled(struct control *control, size_t lift, size_t part) {
    const struct fleet *fleet = control->desk->fleet;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *client = &control->client[i];
        if (!client->awaited.poll || client->awaited.lift != lift)
            continue;
        client->awaited.parts_missing &= ~(1u << part);
        if (client->awaited.parts_missing)
            continue;
        client_await_end(client);
        tell_poll(client, fleet, &fleet->lifts[lift]);
    }
}
