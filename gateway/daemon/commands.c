/* The commands of the control socket: one row each, and those that are short. */
#include "base/memory.h"
#include "base/text.h"
#include "daemon/control_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WATCH_LEAST_MS 100
#define WATCH_MOST_MS 3600000
#define WATCH_USUAL_MS 1000
#define MAINTENANCE_LEAST_S 60
#define MAINTENANCE_MOST_S (LIFT_MAINTENANCE_MS / 1000)
#define TEST_WITHIN_MS 10000
#define RETIRE_WITHIN_MS 60000

bool command_number(json_t *request, const char *key, int64_t low, int64_t high, int64_t *number) {
    json_t *value = json_object_get(request, key);
    *number = json_integer_value(value);
    return json_is_integer(value) && *number >= low && *number <= high;
}

size_t command_lift(struct client *client, json_t *request) {
    const struct fleet *fleet = client->control->desk->fleet;
    const char *id = json_string_value(json_object_get(request, "lift"));
    size_t number = id ? fleet_find(fleet, id) : SIZE_MAX;
    if (number != SIZE_MAX)
        return number;
    const char **ids = memory_get(fleet->lift_count, sizeof *ids);
    for (size_t l = 0; l < fleet->lift_count; l++)
        ids[l] = fleet->lifts[l].settings->identity.id;
    const char *near = id ? text_suggest(id, ids, fleet->lift_count) : NULL;
    if (!id)
        client_refuse(client, "lift is missing: the id of a lift");
    else
        client_refuse(client, "there is no lift \"%.128s\"%s%s%s", id, near ? ", did you mean \"" : "",
                      near ? near : "", near ? "\"?" : "; liftgwctl status lists them");
    free(ids);
    return SIZE_MAX;
}

void command_status(struct client *client, json_t *request) {
    (void)request;
    json_t *answer = json_pack("{s:b}", "ok", 1);
    json_t *status = figures_status(client->control->desk, clock_now());
    json_object_update(answer, status);
    json_decref(status);
    client_answer(client, answer);
}

static void watch(struct client *client, json_t *request) {
    int64_t every_ms = WATCH_USUAL_MS;
    if (json_object_get(request, "every_ms") &&
        !command_number(request, "every_ms", WATCH_LEAST_MS, WATCH_MOST_MS, &every_ms)) {
        client_refuse(client, "every_ms must be a whole number from %d to %d", WATCH_LEAST_MS, WATCH_MOST_MS);
        return;
    }
    client->every_ms = (int)every_ms;
    client->watch_at_ms = clock_mono_ms() + every_ms;
    command_status(client, request);
}

static void maintenance(struct client *client, json_t *request) {
    struct fleet *fleet = client->control->desk->fleet;
    json_t *on = json_object_get(request, "on");
    int64_t for_s = 0;
    size_t number = command_lift(client, request);
    if (number == SIZE_MAX)
        return;
    if (!json_is_boolean(on)) {
        client_refuse(client, "on must be true or false");
        return;
    }
    if (json_is_true(on) && !command_number(request, "for_s", MAINTENANCE_LEAST_S, MAINTENANCE_MOST_S, &for_s)) {
        client_refuse(client, "for_s must be a whole number from %d to %lld", MAINTENANCE_LEAST_S,
                      (long long)MAINTENANCE_MOST_S);
        return;
    }
    const struct lift_record *record = &fleet->lifts[number].lift.record;
    bool was_on = record->maintenance_until_real_ms != 0;
    if (fleet_maintain(fleet, number, 1000 * for_s, clock_now()) != 0)
        client_put_off(client,
                       "the ledger cannot be written now: maintenance is %s, but that would not outlive a restart;"
                       " the log says what is wrong",
                       for_s ? "on" : "off");
    else
        client_answer(client, json_pack("{s:b, s:s, s:b, s:b, s:o}", "ok", 1, "lift",
                                        fleet->lifts[number].settings->identity.id, "on", for_s != 0, "was_on", was_on,
                                        "until", figures_time(record->maintenance_until_real_ms)));
}

/* What came of a test; reason NULL: its message is with the broker. */
static void tell_test(struct client *client, const char *reason) {
    const struct desk *desk = client->control->desk;
    const struct awaited *awaited = &client->awaited;
    struct ledger_depth depth;
    ledger_depth(desk->journal->ledger, &depth);
    client_answer(client,
                  json_pack("{s:b, s:s, s:s, s:I, s:b, s:I, s:s?, s:I, s:s?}", "ok", 1, "lift",
                            desk->fleet->lifts[awaited->lift].settings->identity.id, "series",
                            ledger_series(desk->journal->ledger), "seq", (json_int_t)awaited->seq, "acknowledged",
                            reason == NULL, "ms", (json_int_t)(clock_mono_ms() - awaited->asked_ms), "reason", reason,
                            "waiting", (json_int_t)depth.waiting, "url", desk->url[0] ? desk->url : NULL));
}

static void test_overdue(struct client *client) {
    const struct desk *desk = client->control->desk;
    char reason[DESK_REASON_SIZE + 64];
    if (!desk->connected)
        snprintf(reason, sizeof reason, "the broker is not connected: %s", desk->reason);
    else if (desk->reason[0])
        snprintf(reason, sizeof reason, "%s", desk->reason);
    else
        snprintf(reason, sizeof reason, "the broker is connected, but has not acknowledged it");
    tell_test(client, reason);
}

static void test(struct client *client, json_t *request) {
    struct fleet *fleet = client->control->desk->fleet;
    size_t number = command_lift(client, request);
    struct awaited *awaited = number != SIZE_MAX ? client_await(client, TEST_WITHIN_MS, test_overdue) : NULL;
    if (!awaited)
        return;
    awaited->lift = number;
    if (fleet_test(fleet, number, true, clock_now(), &awaited->seq) == 0)
        return;
    client_await_end(client);
    client_put_off(client, "the ledger cannot be written now: nothing was sent; the log says what is wrong");
}

void control_acknowledged(struct control *control, uint64_t seq, bool refused) {
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *client = &control->client[i];
        if (client->watch.fd < 0 || client->awaited.seq != seq)
            continue;
        tell_test(client, refused ? "the broker said that it will never take it" : NULL);
        client_await_end(client);
    }
}

static void retirement_overdue(struct client *client) {
    struct desk *desk = client->control->desk;
    struct ledger_depth depth;
    ledger_depth(desk->journal->ledger, &depth);
    client_put_off(client, "not done within %d s: %lld messages wait for the broker%s%s; the box goes on as before",
                   RETIRE_WITHIN_MS / 1000, (long long)depth.waiting, desk->reason[0] ? ": " : "", desk->reason);
    desk_retire_end(desk);
}

static void retire(struct client *client, json_t *request) {
    (void)request;
    struct desk *desk = client->control->desk;
    if (!desk->connected) {
        client_put_off(client, "the broker is not connected (%s): nothing can be cleared there", desk->reason);
        return;
    }
    if (desk->retirement != RETIREMENT_NOT) {
        client_put_off(client, "the box is being retired already");
        return;
    }
    struct awaited *awaited = client_await(client, RETIRE_WITHIN_MS, retirement_overdue);
    if (!awaited)
        return;
    awaited->retirement = true;
    desk_retire(desk);
}

void control_retired(struct control *control, size_t cleared, const char *error) {
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *client = &control->client[i];
        if (client->watch.fd < 0 || !client->awaited.retirement)
            continue;
        if (error)
            client_put_off(client, "%s; the box goes on as before", error);
        else
            client_answer(client, json_pack("{s:b, s:I}", "ok", 1, "cleared", (json_int_t)cleared));
        client_await_end(client);
    }
}

static const struct {
    const char *name;
    command *run;
} commands[] = {{"status", command_status},   {"watch", watch}, {"poll", command_poll},       {"read", command_read},
                {"maintenance", maintenance}, {"test", test},   {"history", command_history}, {"retire", retire}};

void command_run(struct client *client, const char *line, size_t size) {
    json_error_t why;
    json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, &why);
    const char *name = json_string_value(json_object_get(request, "cmd"));
    size_t i = 0;
    while (name && i < COUNT_OF(commands) && strcmp(commands[i].name, name) != 0)
        i++;
    if (!json_is_object(request))
        client_refuse(client, "not a JSON object: %s", request ? "it is something else" : why.text);
    else if (name && i < COUNT_OF(commands))
        commands[i].run(client, request);
    else
        client_refuse(client, "%s; there are status, watch, poll, read, history, maintenance, test and retire",
                      name ? "unknown cmd" : "cmd is missing");
    json_decref(request);
}
