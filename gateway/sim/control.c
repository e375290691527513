#include "sim/control.h"

#include "base/memory.h"
#include "base/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* A client that does not read its answers is not read from, until there is room for one more. */
#define ANSWERS_MAX 16384

struct client {
    int descriptor; /* -1 free */
    uint64_t id;
    char line[COMMAND_LINE_MAX + 1];
    size_t line_size;
    bool too_long;  /* the rest of that line is skipped */
    bool ended;     /* it sends no more */
    size_t awaited; /* answers that come later */
    char answers[ANSWERS_MAX];
    size_t answers_size;
};

struct control {
    struct simulator *simulator;
    char path[sizeof((struct sockaddr_un *)NULL)->sun_path];
    int listener;
    uint64_t last_id;
    struct client client[CONTROL_CLIENTS];
};

static void close_client(struct control *control, struct client *client) {
    simulator_forget(control->simulator, client->id);
    close(client->descriptor);
    client->descriptor = -1;
}

static void append_answer(struct client *client, const char *answer) {
    size_t size = strlen(answer);
    if (client->answers_size + size > sizeof client->answers)
        return;
    memcpy(&client->answers[client->answers_size], answer, size);
    client->answers_size += size;
}

static void answer_later(void *context, uint64_t from, const char *answer) {
    struct control *control = context;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *client = &control->client[i];
        if (client->descriptor < 0 || client->id != from)
            continue;
        client->awaited--;
        append_answer(client, answer);
    }
}

struct control *control_create(const char *path, struct simulator *simulator) {
    int listener = socket_listen(path, 0600);
    if (listener < 0)
        return NULL;
    struct control *control = memory_get(1, sizeof *control);
    control->simulator = simulator;
    control->listener = listener;
    memcpy(control->path, path, strlen(path) + 1);
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        control->client[i].descriptor = -1;
    simulator->answered = answer_later;
    simulator->context = control;
    return control;
}

static void accept_client(struct control *control) {
    int descriptor = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (descriptor < 0)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        struct client *client = &control->client[i];
        if (client->descriptor >= 0)
            continue;
        memset(client, 0, sizeof *client);
        client->descriptor = descriptor;
        client->id = ++control->last_id;
        return;
    }
    static const char full[] = "error too many clients\n";
    send(descriptor, full, sizeof full - 1, MSG_NOSIGNAL);
    close(descriptor);
}

static bool has_room(const struct client *client) {
    return client->answers_size + (client->awaited + 1) * ANSWER_MAX <= sizeof client->answers;
}

static void take_line(struct control *control, struct client *client, size_t size) {
    char answer[ANSWER_MAX];
    if (client->too_long)
        size = COMMAND_LINE_MAX + 1; /* let the parser say so */
    client->awaited += simulator_do(control->simulator, client->line, size, client->id, answer);
    client->too_long = false;
    append_answer(client, answer);
}

/* Does the complete lines that are there and for whose answers there is room. */
static void take_lines(struct control *control, struct client *client) {
    while (has_room(client) && !control->simulator->quit) {
        char *newline = memchr(client->line, '\n', client->line_size);
        bool last = !newline && client->ended && (client->line_size || client->too_long);
        if (!newline && !last)
            break;
        size_t size = newline ? (size_t)(newline - client->line) : client->line_size;
        size_t used = newline ? size + 1 : size;
        take_line(control, client, size);
        client->line_size -= used;
        memmove(client->line, &client->line[used], client->line_size);
    }
    if (client->line_size == sizeof client->line && !memchr(client->line, '\n', client->line_size)) {
        client->too_long = true;
        client->line_size = 0;
    }
}

static void receive(struct client *client) {
    size_t room = sizeof client->line - client->line_size;
    if (!room)
        return;
    ssize_t count = recv(client->descriptor, &client->line[client->line_size], room, 0);
    if (count > 0)
        client->line_size += (size_t)count;
    else if (count == 0 || (errno != EAGAIN && errno != EINTR))
        client->ended = true;
}

/* False: it is gone. */
static bool send_answers(struct client *client) {
    if (!client->answers_size)
        return true;
    ssize_t count = send(client->descriptor, client->answers, client->answers_size, MSG_NOSIGNAL);
    if (count < 0)
        return errno == EAGAIN || errno == EINTR;
    client->answers_size -= (size_t)count;
    memmove(client->answers, &client->answers[count], client->answers_size);
    return true;
}

void control_free(struct control *control) {
    if (!control)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        if (control->client[i].descriptor < 0)
            continue;
        send_answers(&control->client[i]);
        close_client(control, &control->client[i]);
    }
    close(control->listener);
    unlink(control->path);
    free(control);
}

size_t control_polls(const struct control *control, struct pollfd polls[CONTROL_POLLS]) {
    size_t count = 0;
    polls[count++] = (struct pollfd){.fd = control->listener, .events = POLLIN};
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        const struct client *client = &control->client[i];
        short events =
            (short)((has_room(client) && !client->ended ? POLLIN : 0) | (client->answers_size ? POLLOUT : 0));
        polls[count++] = (struct pollfd){.fd = client->descriptor, .events = events};
    }
    return count;
}

static void serve(struct control *control, struct client *client, short ready) {
    if (ready & (POLLIN | POLLHUP | POLLERR) && !client->ended)
        receive(client);
    take_lines(control, client);
    bool there = send_answers(client);
    bool finished = client->ended && !client->line_size && !client->answers_size && !client->awaited;
    bool left = client->ended && ready & (POLLHUP | POLLERR);
    if (!there || finished || left)
        close_client(control, client);
}

void control_run(struct control *control, const struct pollfd polls[], size_t count) {
    for (size_t i = 1; i < count; i++)
        if (control->client[i - 1].descriptor >= 0)
            serve(control, &control->client[i - 1], polls[i].revents);
    if (polls[0].revents & POLLIN)
        accept_client(control);
}
