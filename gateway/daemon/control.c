#include "daemon/control.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/socket.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CLIENTS_MAX 16
#define REQUEST_SIZE 4096
#define ANSWER_WITHIN_MS 10000
#define FLUSH_AGAIN_MS 100
#define UNREAD_MS 30000
#define WATCH_LEAST_MS 100
#define WATCH_USUAL_MS 1000

struct client {
    struct loop_watch watch; /* fd -1: free */
    struct control *control;
    uint64_t token; /* of the read that it waits for; 0: none */
    char request[REQUEST_SIZE + 1];
    size_t request_size;
    bool skipping;  /* the rest of a line that was too long */
    bool leaving;   /* it asks no more: gone when it has its answers */
    uint64_t heard; /* when it was last heard, as a count of what was heard */
    char *answer;   /* what could not be sent at once */
    size_t answer_size, answer_sent;
    int64_t answer_ms; /* since when it waits */
    int every_ms;      /* it watches; 0: it does not */
    int64_t watch_at_ms;
    int64_t give_up_at_ms; /* a read or a poll is under way until then; 0: none */
    size_t poll_lift;      /* SIZE_MAX: no poll */
    unsigned parts_missing;
};

struct control {
    struct loop *loop;
    const struct desk *desk;
    struct loop_watch listening;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    uint64_t next_token, heard;
    struct client client[CLIENTS_MAX];
};

static void drop(struct client *client) {
    loop_remove(client->control->loop, &client->watch);
    close(client->watch.fd);
    free(client->answer);
    struct control *control = client->control;
    *client = (struct client){.control = control, .watch.fd = -1, .poll_lift = SIZE_MAX};
}

static void flush(struct client *client) {
    while (client->answer) {
        ssize_t sent = send(client->watch.fd, client->answer + client->answer_sent,
                            client->answer_size - client->answer_sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (sent < 0) {
            drop(client);
            return;
        }
        client->answer_sent += (size_t)sent;
        if (client->answer_sent == client->answer_size) {
            free(client->answer);
            client->answer = NULL;
        }
    }
}

/* Sends one line and frees object. A client that has not taken its last answer yet gets no other. */
static void answer(struct client *client, json_t *object) {
    char *line = client->answer ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (!line)
        return;
    size_t size = strlen(line);
    line[size] = '\n';
    client->answer = line;
    client->answer_size = size + 1;
    client->answer_sent = 0;
    client->answer_ms = clock_mono_ms();
    flush(client);
}

static void answer_error(struct client *client, const char *error) {
    answer(client, json_pack("{s:b, s:s}", "ok", 0, "error", error));
}

/* Puts `ok` first. */
static json_t *fine(json_t *body) {
    json_t *object = json_pack("{s:b}", "ok", 1);
    json_object_update(object, body);
    json_decref(body);
    return object;
}

static void do_status(struct client *client, json_t *request) {
    (void)request;
    answer(client, fine(figures_status(client->control->desk, clock_now())));
}

static void do_watch(struct client *client, json_t *request) {
    json_t *every = json_object_get(request, "every_ms");
    if (every && (!json_is_integer(every) || json_integer_value(every) < WATCH_LEAST_MS ||
                  json_integer_value(every) > 3600 * 1000)) {
        answer_error(client, "every_ms must be a whole number from 100 to 3600000");
        return;
    }
    client->every_ms = every ? (int)json_integer_value(every) : WATCH_USUAL_MS;
    client->watch_at_ms = clock_mono_ms() + client->every_ms;
    do_status(client, request);
}

static bool number_in(json_t *request, const char *key, int64_t low, int64_t high, int64_t *number) {
    json_t *value = json_object_get(request, key);
    *number = json_integer_value(value);
    return json_is_integer(value) && *number >= low && *number <= high;
}

static enum dialect dialect_of(const struct fleet_bus *bus, int unit) {
    for (size_t u = 0; u < bus->unit_count; u++)
        if (bus->units[u].unit == unit)
            return bus->units[u].dialect;
    return bus->unit_count > 0 ? bus->units[0].dialect : DIALECT_RTU;
}

static void do_read(struct client *client, json_t *request) {
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
    if (!bus)
        answer_error(client, "bus: there is no bus of that name");
    else if (!number_in(request, "unit", 1, 247, &unit))
        answer_error(client, "unit must be a whole number from 1 to 247");
    else if (table == 0)
        answer_error(client, "table must be holding, input, coil or discrete");
    else if (!number_in(request, "address", 0, 65535, &address))
        answer_error(client, "address must be a whole number from 0 to 65535");
    else if (!number_in(request, "count", 1, 125, &count) || address + count > 65536)
        answer_error(client, "count must be a whole number from 1 to 125 that does not lead beyond address 65535");
    else if (client->give_up_at_ms)
        answer_error(client, "one read or poll at a time: the last one has not been answered yet");
    else {
        struct line_request line = {.unit = (int)unit,
                                    .table = table,
                                    .address = (uint16_t)address,
                                    .count = (uint16_t)count,
                                    .dialect = dialect_of(bus, (int)unit)};
        client->token = ++control->next_token;
        if (bus_ask(bus->bus, &line, client->token)) {
            client->give_up_at_ms = clock_mono_ms() + ANSWER_WITHIN_MS;
        } else {
            client->token = 0;
            answer_error(client, "the bus has another read waiting: try again");
        }
    }
}

static void do_poll(struct client *client, json_t *request) {
    const struct fleet *fleet = client->control->desk->fleet;
    const char *id = json_string_value(json_object_get(request, "lift"));
    size_t number = id ? fleet_find(fleet, id) : SIZE_MAX;
    if (number == SIZE_MAX) {
        answer_error(client, "lift: there is no lift of that id");
        return;
    }
    if (client->give_up_at_ms) {
        answer_error(client, "one read or poll at a time: the last one has not been answered yet");
        return;
    }
    const struct fleet_lift *tended = &fleet->lifts[number];
    client->poll_lift = number;
    client->parts_missing = (1u << tended->settings->part_count) - 1;
    client->give_up_at_ms = clock_mono_ms() + ANSWER_WITHIN_MS;
    for (size_t p = 0; p < tended->settings->part_count; p++)
        bus_want(fleet->buses[tended->part[p].bus].bus, tended->part[p].unit, 0);
}

static const struct command {
    const char *name;
    void (*run)(struct client *client, json_t *request);
} commands[] = {{"status", do_status}, {"watch", do_watch}, {"poll", do_poll}, {"read", do_read}};

static void run(struct client *client, const char *line, size_t size) {
    json_error_t why;
    char text[JSON_ERROR_TEXT_LENGTH + 32];
    json_t *request = json_loadb(line, size, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(request)) {
        snprintf(text, sizeof text, "not a JSON object: %s", request ? "it is something else" : why.text);
        answer_error(client, text);
        json_decref(request);
        return;
    }
    const char *name = json_string_value(json_object_get(request, "cmd"));
    const struct command *command = NULL;
    for (size_t i = 0; name && i < COUNT_OF(commands); i++)
        if (strcmp(commands[i].name, name) == 0)
            command = &commands[i];
    if (command)
        command->run(client, request);
    else
        answer_error(client, name ? "unknown cmd; there are status, watch, poll and read"
                                  : "cmd is missing; there are status, watch, poll and read");
    json_decref(request);
}

/* Takes the whole lines out of the client's buffer. */
static void take_lines(struct client *client) {
    char *end;
    while (client->watch.fd >= 0 && (end = memchr(client->request, '\n', client->request_size))) {
        size_t size = (size_t)(end - client->request);
        if (!client->skipping && size > 0)
            run(client, client->request, size);
        if (client->watch.fd < 0)
            return;
        client->skipping = false;
        client->request_size -= size + 1;
        memmove(client->request, end + 1, client->request_size);
    }
    if (client->request_size <= REQUEST_SIZE)
        return;
    if (!client->skipping)
        answer_error(client, "a line has at most 4096 bytes");
    client->skipping = true;
    client->request_size = 0;
}

static bool is_answered(const struct client *client) {
    return !client->answer && !client->give_up_at_ms;
}

/* The client will ask no more (it may have shut its side, as `nc -N` does); its last line needs no end. */
static void leave(struct client *client, bool in_order) {
    if (in_order && client->request_size > 0 && !client->skipping) {
        size_t size = client->request_size;
        client->request_size = 0;
        run(client, client->request, size);
    }
    if (client->watch.fd < 0)
        return;
    if (!in_order || is_answered(client)) {
        drop(client);
        return;
    }
    loop_remove(client->control->loop, &client->watch);
    client->leaving = true;
    client->every_ms = 0;
}

static void client_ready(void *context) {
    struct client *client = context;
    ssize_t size = recv(client->watch.fd, client->request + client->request_size,
                        sizeof client->request - client->request_size, MSG_DONTWAIT);
    if (size < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (size <= 0) {
        leave(client, size == 0);
        return;
    }
    client->heard = ++client->control->heard;
    client->request_size += (size_t)size;
    take_lines(client);
}

/* A free place; if there is none, that of the client that has been quiet for longest. */
static struct client *place(struct control *control) {
    struct client *quietest = &control->client[0];
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &control->client[i];
        if (client->watch.fd < 0)
            return client;
        if (client->heard < quietest->heard)
            quietest = client;
    }
    drop(quietest);
    return quietest;
}

static void take_client(struct control *control, int fd) {
    struct client *client = place(control);
    *client = (struct client){.control = control,
                              .watch = {.fd = fd, .ready = client_ready, .context = client},
                              .heard = ++control->heard,
                              .poll_lift = SIZE_MAX};
    if (loop_add(control->loop, &client->watch) == 0)
        return;
    log_warn_errno("cannot serve another tool");
    close(fd);
    client->watch.fd = -1;
}

static void listening_ready(void *context) {
    struct control *control = context;
    int fd;
    while ((fd = accept4(control->listening.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0)
        take_client(control, fd);
}

struct control *control_create(const char *path, struct loop *loop, const struct desk *desk) {
    int fd = socket_listen(path, 0660);
    if (fd < 0)
        return NULL;
    struct control *control = memory_get(1, sizeof *control);
    control->loop = loop;
    control->desk = desk;
    control->listening = (struct loop_watch){.fd = fd, .ready = listening_ready, .context = control};
    strcpy(control->path, path);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        control->client[i] = (struct client){.control = control, .watch.fd = -1, .poll_lift = SIZE_MAX};
    if (loop_add(loop, &control->listening) == 0)
        return control;
    control_free(control);
    return NULL;
}

void control_free(struct control *control) {
    if (!control)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (control->client[i].watch.fd >= 0)
            drop(&control->client[i]);
    loop_remove(control->loop, &control->listening);
    close(control->listening.fd);
    unlink(control->path);
    free(control);
}

static void nothing_awaited(struct client *client) {
    client->token = 0;
    client->poll_lift = SIZE_MAX;
    client->give_up_at_ms = 0;
}

void control_fleet_changed(struct control *control) {
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &control->client[i];
        if (client->watch.fd < 0 || !client->give_up_at_ms)
            continue;
        nothing_awaited(client);
        answer_error(client, "the configuration was read again meanwhile: ask again");
    }
}

void control_answered(struct control *control, const struct reading *reading) {
    struct client *client = NULL;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (control->client[i].token == reading->token)
            client = &control->client[i];
    if (!client || reading->token == 0)
        return;
    nothing_awaited(client);
    if (reading->result != LINE_OK) {
        answer(client, json_pack("{s:b, s:s, s:s, s:o}", "ok", 0, "error",
                                 reading->result == LINE_EXCEPTION ? "the unit answered with an exception"
                                                                   : "no good answer came",
                                 "result", line_result_name(reading->result), "exception",
                                 reading->result == LINE_EXCEPTION ? json_integer(reading->exception) : json_null()));
        return;
    }
    json_t *values = json_array();
    for (size_t i = 0; i < reading->count; i++)
        json_array_append_new(values, json_integer(reading->words[i]));
    answer(client, json_pack("{s:b, s:s, s:o}", "ok", 1, "result", "ok", "values", values));
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
        int64_t raw = 0;
        enum decode_result result = decoder_row(part->decoder, row, &raw);
        bool has_raw = result != DECODE_UNREAD && result != DECODE_LEFT_OUT;
        json_array_append_new(
            rows,
            json_pack("{s:s, s:i, s:s, s:s, s:i, s:o, s:s, s:o, s:i}", "bus", fleet->buses[part->bus].section->name,
                      "unit", fleet->buses[part->bus].units[part->unit].unit, "item", profile->slot_names[value->slot],
                      "table", table_name((enum table)value->place.table), "address",
                      value->place.address + tended->settings->part[p].options.address_offset, "raw",
                      has_raw ? json_integer(raw) : json_null(), "result", decode_result_name(result), "value",
                      normalised(profile, part->decoder, value->slot), "row", value->line));
    }
}

void control_polled(struct control *control, size_t lift, size_t part) {
    const struct fleet *fleet = control->desk->fleet;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &control->client[i];
        if (client->watch.fd < 0 || client->poll_lift != lift)
            continue;
        client->parts_missing &= ~(1u << part);
        if (client->parts_missing)
            continue;
        const struct fleet_lift *tended = &fleet->lifts[lift];
        json_t *rows = json_array();
        for (size_t p = 0; p < tended->settings->part_count; p++)
            add_rows(rows, fleet, tended, p);
        nothing_awaited(client);
        answer(client,
               json_pack("{s:b, s:s, s:s, s:o}", "ok", 1, "lift", tended->settings->identity.id, "link",
                         link_name(tended->lift.link) ? link_name(tended->lift.link) : "unknown", "rows", rows));
    }
}

void control_tick(struct control *control, struct instant now) {
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *client = &control->client[i];
        if (client->watch.fd >= 0)
            flush(client);
        bool unread = client->answer && now.mono_ms - client->answer_ms > UNREAD_MS;
        if (client->watch.fd >= 0 && (unread || (client->leaving && is_answered(client))))
            drop(client);
        if (client->watch.fd >= 0 && client->give_up_at_ms && now.mono_ms >= client->give_up_at_ms) {
            nothing_awaited(client);
            answer_error(client, "nothing answered within 10 s");
        }
        if (client->watch.fd >= 0 && client->every_ms && now.mono_ms >= client->watch_at_ms) {
            client->watch_at_ms = now.mono_ms + client->every_ms;
            do_status(client, NULL);
        }
    }
}

int64_t control_due_ms(const struct control *control) {
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *client = &control->client[i];
        if (client->watch.fd < 0)
            continue;
        if (client->answer || client->leaving)
            return clock_mono_ms() + FLUSH_AGAIN_MS;
        if (client->give_up_at_ms && client->give_up_at_ms < due)
            due = client->give_up_at_ms;
        if (client->every_ms && client->watch_at_ms < due)
            due = client->watch_at_ms;
    }
    return due;
}
