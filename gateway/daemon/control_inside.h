/* The control socket from inside: a client, and what a command may do with it. Private to gateway/daemon/.
 *
 * control.c moves lines, commands.c knows the commands; those that need more are in requests.c and past.c. */
#ifndef LIFTGW_DAEMON_CONTROL_INSIDE_H
#define LIFTGW_DAEMON_CONTROL_INSIDE_H

#include "base/log.h"
#include "daemon/control.h"

#include <jansson.h>
#include <sys/un.h>

#define CONTROL_CLIENTS 16
#define CONTROL_REQUEST_SIZE 4096

struct client {
    struct loop_watch watch; /* fd -1: free */
    struct control *control;
    char request[CONTROL_REQUEST_SIZE + 1];
    size_t request_size;
    bool skipping;  /* the rest of a line that was too long */
    bool leaving;   /* it asks no more: gone when it has its answers */
    uint64_t heard; /* when it was last heard, as a count of what was heard */
    char *answer;   /* what could not be sent at once */
    size_t answer_size, answer_sent;
    int64_t answer_ms; /* since when it waits */
    int every_ms;      /* it watches; 0: it does not */
    int64_t watch_at_ms;
    /* It awaits the end of something; nothing else of the kind meanwhile. */
    struct awaited {
        int64_t asked_ms, give_up_at_ms; /* 0: nothing */
        void (*give_up)(struct client *client);
        uint64_t token; /* of a read; 0: none */
        bool poll;      /* of lift, until no part is missing */
        unsigned parts_missing;
        uint64_t seq; /* of a test's message; 0: none */
        size_t lift;  /* of a poll or a test */
        bool retirement;
    } awaited;
};

struct control {
    struct loop *loop;
    struct desk *desk;
    struct loop_watch listening;
    char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
    uint64_t next_token, heard;
    struct client client[CONTROL_CLIENTS];
};

/* Sends one line and frees object. A client that has not taken its last answer yet gets no other. */
void client_answer(struct client *client, json_t *object);
/* The same for what is wrong with a request; and for what is right, but not now. */
void client_refuse(struct client *client, const char *format, ...) PRINTF_LIKE(2, 3);
void client_put_off(struct client *client, const char *format, ...) PRINTF_LIKE(2, 3);

/* Begins to await something, for within_ms at most; then give_up is called. NULL, with the client told: it awaits
 * something already. */
struct awaited *client_await(struct client *client, int within_ms, void (*give_up)(struct client *client));
void client_await_end(struct client *client);

/* Runs one line of a client. */
void command_run(struct client *client, const char *line, size_t size);
/* The lift that the request names; SIZE_MAX, with the client told, if there is none. */
size_t command_lift(struct client *client, json_t *request);
/* A whole number of the request within bounds. */
bool command_number(json_t *request, const char *key, int64_t low, int64_t high, int64_t *number);

/* The commands, each by its name. */
typedef void command(struct client *client, json_t *request);
command command_status, command_read, command_poll, command_history;

#endif
