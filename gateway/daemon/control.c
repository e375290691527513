#include "daemon/control.h"

#include "base/memory.h"
#include "base/socket.h"
#include "daemon/control_inside.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FLUSH_AGAIN_MS 100
#define UNREAD_MS 30000
#define ERROR_SIZE 512

static void drop(struct client *client) {
    struct control *control = client->control;
    if (client->awaited.retirement)
        desk_retire_end(control->desk); /* nobody would hear what came of it */
    loop_remove(control->loop, &client->watch);
    close(client->watch.fd);
    free(client->answer);
    *client = (struct client){.control = control, .watch.fd = -1};
    memory_give_back(); /* a status of many lifts is many small pieces */
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

void client_answer(struct client *client, json_t *object) {
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

static void answer_error(struct client *client, bool retry, const char *format, va_list values) PRINTF_LIKE(3, 0);
static void answer_error(struct client *client, bool retry, const char *format, va_list values) {
    char error[ERROR_SIZE];
    vsnprintf(error, sizeof error, format, values);
    client_answer(client, json_pack("{s:b, s:s, s:b}", "ok", 0, "error", error, "retry", retry));
}

void client_refuse(struct client *client, const char *format, ...) {
    va_list values;
    va_start(values, format);
    answer_error(client, false, format, values);
    va_end(values);
}

void client_put_off(struct client *client, const char *format, ...) {
    va_list values;
    va_start(values, format);
    answer_error(client, true, format, values);
    va_end(values);
}

struct awaited *client_await(struct client *client, int within_ms, void (*give_up)(struct client *client)) {
    if (client->awaited.give_up_at_ms) {
        client_put_off(client, "one thing at a time: the last one has not been answered yet");
        return NULL;
    }
    int64_t now_ms = clock_mono_ms();
    client->awaited = (struct awaited){.asked_ms = now_ms, .give_up_at_ms = now_ms + within_ms, .give_up = give_up};
    return &client->awaited;
}

void client_await_end(struct client *client) {
    client->awaited = (struct awaited){.token = 0};
}

/* Takes the whole lines out of the client's buffer. */
static void take_lines(struct client *client) {
    char *end;
    while (client->watch.fd >= 0 && (end = memchr(client->request, '\n', client->request_size))) {
        size_t size = (size_t)(end - client->request);
        if (!client->skipping && size > 0)
            command_run(client, client->request, size);
        if (client->watch.fd < 0)
            return;
        client->skipping = false;
        client->request_size -= size + 1;
        memmove(client->request, end + 1, client->request_size);
    }
    if (client->request_size <= CONTROL_REQUEST_SIZE)
        return;
    if (!client->skipping)
        client_refuse(client, "a line has at most %d bytes", CONTROL_REQUEST_SIZE);
    client->skipping = true;
    client->request_size = 0;
}

static bool is_answered(const struct client *client) {
    return !client->answer && !client->awaited.give_up_at_ms;
}

/* Closed on its side altogether, not only for asking. */
static bool is_gone(const struct client *client) {
    struct pollfd look = {.fd = client->watch.fd};
    return poll(&look, 1, 0) == 1 && (look.revents & POLLHUP);
}

/* The client will ask no more (it may have shut its side, as `nc -N` does); its last line needs no end. */
static void leave(struct client *client, bool in_order) {
    if (in_order && client->request_size > 0 && !client->skipping) {
        size_t size = client->request_size;
        client->request_size = 0;
        command_run(client, client->request, size);
    }
    if (client->watch.fd < 0)
        return;
    if (!in_order || is_answered(client) || is_gone(client)) {
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

/* A free place; if there is none, that of the client that has been quiet for longest and awaits nothing. */
static struct client *place(struct control *control) {
    struct client *quietest = &control->client[0];
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *client = &control->client[i];
        if (client->watch.fd < 0)
            return client;
        bool awaits = client->awaited.give_up_at_ms;
        bool other_awaits = quietest->awaited.give_up_at_ms;
        if (awaits != other_awaits ? other_awaits : client->heard < quietest->heard)
            quietest = client;
    }
    drop(quietest);
    return quietest;
}

static void take_client(struct control *control, int fd) {
    struct client *client = place(control);
    *client = (struct client){
        .control = control, .watch = {.fd = fd, .ready = client_ready, .context = client}, .heard = ++control->heard};
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

struct control *control_create(const char *path, struct loop *loop, struct desk *desk) {
    int fd = socket_listen(path, 0660);
    if (fd < 0)
        return NULL;
    struct control *control = memory_get(1, sizeof *control);
    control->loop = loop;
    control->desk = desk;
    control->listening = (struct loop_watch){.fd = fd, .ready = listening_ready, .context = control};
    strcpy(control->path, path);
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        control->client[i] = (struct client){.control = control, .watch.fd = -1};
    if (loop_add(loop, &control->listening) == 0)
        return control;
    control_free(control);
    return NULL;
}

void control_free(struct control *control) {
    if (!control)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        if (control->client[i].watch.fd >= 0)
            drop(&control->client[i]);
    loop_remove(control->loop, &control->listening);
    close(control->listening.fd);
    unlink(control->path);
    free(control);
}

void control_fleet_changed(struct control *control) {
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *client = &control->client[i];
        if (!client->awaited.token && !client->awaited.poll)
            continue;
        client_await_end(client);
        client_put_off(client, "the configuration was read again meanwhile: ask again");
    }
}

static void tick_client(struct client *client, struct instant now) {
    flush(client);
    bool unread = client->answer && now.mono_ms - client->answer_ms > UNREAD_MS;
    if (client->watch.fd >= 0 && (unread || (client->leaving && (is_answered(client) || is_gone(client)))))
        drop(client);
    if (client->watch.fd < 0)
        return;
    if (client->awaited.give_up_at_ms && now.mono_ms >= client->awaited.give_up_at_ms) {
        client->awaited.give_up(client);
        client_await_end(client);
    }
    if (client->every_ms && now.mono_ms >= client->watch_at_ms) {
        client->watch_at_ms = now.mono_ms + client->every_ms;
        command_status(client, NULL);
    }
}

void control_tick(struct control *control, struct instant now) {
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        if (control->client[i].watch.fd >= 0)
            tick_client(&control->client[i], now);
}

int64_t control_due_ms(const struct control *control) {
    int64_t due = INT64_MAX;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        const struct client *client = &control->client[i];
        if (client->watch.fd < 0)
            continue;
        if (client->answer || client->leaving)
            return clock_mono_ms() + FLUSH_AGAIN_MS;
        if (client->awaited.give_up_at_ms && client->awaited.give_up_at_ms < due)
            due = client->awaited.give_up_at_ms;
        if (client->every_ms && client->watch_at_ms < due)
            due = client->watch_at_ms;
    }
    return due;
}
