#include "publish/relay.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sysexits.h>

#define ALIVE_EVERY_MS 1000
#define BACKOFF_FIRST_MS 500
#define BACKOFF_LAST_MS 60000
/* A connection that lasted this long was a good one: the backoff begins anew. Two boxes with one client id, which throw
 * each other out, never get there. */
#define GOOD_AFTER_MS 10000
/* So many short connections in a row look like that: mosquitto 2.0 does not say why it ends the older one. */
#define SHORT_IN_A_ROW 3
#define STOP_WAIT_MS 1000
#define CLOSE_WAIT_MS 300
#define LAST_STATUS_ID UINT64_MAX
/* How many rounds in which every URL dropped an MQTT 5 CONNECT make us look whether the broker answers 3.1.1. */
#define DROPPED_ROUNDS 2

enum relay_state {
    RELAY_WAITING,    /* until at_ms */
    RELAY_CONNECTING, /* to urls[url] */
    RELAY_LOOKING,    /* whether urls[url] answers MQTT 3.1.1 */
    RELAY_CONNECTED,
    RELAY_STOPPING, /* waits for the last status' PUBACK until at_ms */
    RELAY_CLOSING,  /* waits for the disconnect until at_ms */
    RELAY_OVER
};

struct relay {
    const struct broker_setup *setup;
    struct session *session;
    int fd;
    enum relay_state state;
    int status;
    size_t url;
    int64_t at_ms, alive_ms, connected_ms;
    int backoff_ms;
    uint64_t connection;
    int short_in_a_row;
    bool all_dropped; /* in this round, so far */
    int dropped_rounds;
    struct log_repeat failures[SESSION_FAILURE_COUNT], losses, strangers;
};

static void end(struct relay *relay, int status) {
    relay->state = RELAY_OVER;
    relay->status = status;
}

/* Blocks while liftgwd does not read: without it there is nothing to do here. */
static void tell(struct relay *relay, const struct handover *message) {
    unsigned char packet[HANDOVER_SIZE];
    size_t size = handover_pack(message, packet);
    ssize_t sent;
    do
        sent = send(relay->fd, packet, size, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent < 0)
        end(relay, EX_OK); /* liftgwd has gone */
}

static void tell_disconnected(struct relay *relay, int code, const char *why) {
    tell(relay,
         &(struct handover){.type = HANDOVER_DISCONNECTED, .code = code, .payload = why, .payload_size = strlen(why)});
}

static void connect_to(struct relay *relay, size_t url, enum relay_state state) {
    relay->url = url;
    relay->state = state;
    bool looking = state == RELAY_LOOKING;
    session_connect(relay->session, url, looking ? 4 : relay->setup->version, !looking);
}

/* Between half the backoff and the whole of it, so that a city's boxes do not all come back at once. */
static void wait_a_while(struct relay *relay) {
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint32_t)clock_mono_ns();
    int64_t half = relay->backoff_ms / 2;
    relay->at_ms = clock_mono_ms() + half + (int64_t)random % (half + 1);
    relay->state = RELAY_WAITING;
    relay->backoff_ms = relay->backoff_ms * 2 < BACKOFF_LAST_MS ? relay->backoff_ms * 2 : BACKOFF_LAST_MS;
}

struct relay *relay_create(const struct broker_setup *setup, struct session *session, int fd) {
    struct relay *relay = memory_get(1, sizeof *relay);
    relay->setup = setup;
    relay->session = session;
    relay->fd = fd;
    relay->backoff_ms = BACKOFF_FIRST_MS;
    relay->state = RELAY_WAITING;
    relay->at_ms = relay->alive_ms = clock_mono_ms();
    return relay;
}

/* Every URL was tried: from the first again, later. A broker that does not know MQTT 5 may drop the connection without
 * a word (RabbitMQ 3.10 does); so does a proxy whose broker is down. Only an answer to 3.1.1 tells them apart. */
static void end_round(struct relay *relay) {
    bool look = relay->setup->version == 5 && relay->setup->automatic && relay->all_dropped;
    relay->dropped_rounds = look ? relay->dropped_rounds + 1 : 0;
    if (relay->dropped_rounds >= DROPPED_ROUNDS)
        connect_to(relay, 0, RELAY_LOOKING);
    else
        wait_a_while(relay);
}

static void refuse_version(struct relay *relay) {
    tell(relay, &(struct handover){.type = HANDOVER_REFUSED_V5});
    end(relay, EX_OK);
}

static void connect_failed(struct relay *relay, const struct session_report *report) {
    bool old_broker = report->failure == SESSION_OTHER_VERSION && relay->setup->version == 5;
    if (old_broker && relay->setup->automatic) {
        refuse_version(relay);
        return;
    }
    log_warn_repeated(&relay->failures[report->failure], clock_mono_ms(), "cannot connect to %s", report->text);
    tell_disconnected(relay, report->code, report->text);
    if (relay->state == RELAY_OVER)
        return;
    relay->all_dropped = relay->all_dropped && report->failure == SESSION_DROPPED;
    if (relay->setup->urls[relay->url + 1])
        connect_to(relay, relay->url + 1, RELAY_CONNECTING);
    else
        end_round(relay);
}

static void look_failed(struct relay *relay, const struct session_report *report) {
    /* An answer that says no is an answer. */
    if (report->failure == SESSION_DENIED)
        refuse_version(relay);
    else
        wait_a_while(relay);
}

static void connected(struct relay *relay) {
    for (size_t i = 0; i < SESSION_FAILURE_COUNT; i++)
        log_repeat_reset(&relay->failures[i]);
    relay->state = RELAY_CONNECTED;
    relay->connected_ms = clock_mono_ms();
    relay->dropped_rounds = 0;
    relay->connection++;
    tell(relay, &(struct handover){.type = HANDOVER_CONNECTED,
                                   .id = relay->connection,
                                   .code = relay->setup->version,
                                   .topic = relay->setup->urls[relay->url]});
}

/* The connection is gone or given up. */
static void disconnected(struct relay *relay, int code, const char *why) {
    if (relay->state != RELAY_CONNECTED) { /* stopping: nobody waits for it any more */
        end(relay, EX_OK);
        return;
    }
    int64_t now_ms = clock_mono_ms();
    bool good = now_ms - relay->connected_ms >= GOOD_AFTER_MS;
    relay->short_in_a_row = good ? 0 : relay->short_in_a_row + 1;
    if (good) {
        relay->backoff_ms = BACKOFF_FIRST_MS;
        log_repeat_reset(&relay->losses);
    }
    char text[SESSION_TEXT_SIZE + 160];
    bool hint = code == 0 && relay->short_in_a_row >= SHORT_IN_A_ROW;
    snprintf(text, sizeof text, "%s%s%.64s%s", why,
             hint ? ", again and again: is there another client with the id " : "", hint ? relay->setup->client_id : "",
             hint ? " (broker.client_id)?" : "");
    log_warn_repeated(&relay->losses, now_ms, "disconnected from %s", text);
    wait_a_while(relay);
    tell_disconnected(relay, code, text);
}

static void give_up(struct relay *relay, const char *why) {
    session_close(relay->session, true);
    disconnected(relay, 0, why);
}

static void acknowledged(struct relay *relay, const struct session_report *report) {
    if (report->id == LAST_STATUS_ID) {
        relay->at_ms = 0; /* relay_tick goes on */
        return;
    }
    tell(relay, &(struct handover){.type = HANDOVER_ACK, .id = report->id, .code = report->code});
}

void relay_reported(struct relay *relay, const struct session_report *report) {
    if (relay->state == RELAY_OVER)
        return;
    switch (report->type) {
    case SESSION_CONNECTED:
        if (relay->state == RELAY_LOOKING)
            refuse_version(relay);
        else if (relay->state == RELAY_CONNECTING)
            connected(relay);
        break;
    case SESSION_FAILED:
        if (relay->state == RELAY_LOOKING)
            look_failed(relay, report);
        else if (relay->state == RELAY_CONNECTING)
            connect_failed(relay, report);
        break;
    case SESSION_LOST:
        if (relay->state != RELAY_WAITING)
            disconnected(relay, report->code, report->text);
        break;
    case SESSION_ACK:
        acknowledged(relay, report);
        break;
    case SESSION_CLOSED:
        if (relay->state == RELAY_CLOSING)
            end(relay, EX_OK);
        break;
    }
}

static void publish(struct relay *relay, uint64_t id, const struct handover *message) {
    char why[SESSION_TEXT_SIZE];
    if (session_publish(relay->session, id, message->topic, message->payload, message->payload_size, message->qos,
                        message->retain, why) != 0)
        give_up(relay, why);
}

static void stop(struct relay *relay, const struct handover *message) {
    if (relay->state != RELAY_CONNECTED) {
        end(relay, EX_OK);
        return;
    }
    relay->state = RELAY_STOPPING;
    relay->at_ms = 0;
    if (message->payload_size == 0)
        return;
    struct handover status = *message;
    status.qos = 1;
    status.retain = true;
    relay->at_ms = clock_mono_ms() + STOP_WAIT_MS;
    publish(relay, LAST_STATUS_ID, &status);
}

void relay_heard(struct relay *relay, const struct handover *message) {
    bool for_this = message->code == 0 || (uint64_t)message->code == relay->connection;
    switch (message->type) {
    case HANDOVER_PUBLISH:
        /* One that crossed a disconnect on its way is handed over again. */
        if (relay->state == RELAY_CONNECTED && for_this)
            publish(relay, message->id, message);
        break;
    case HANDOVER_STOP:
        stop(relay, message);
        break;
    case HANDOVER_SETUP:
    case HANDOVER_CONNECTED:
    case HANDOVER_DISCONNECTED:
    case HANDOVER_REFUSED_V5:
    case HANDOVER_ACK:
    case HANDOVER_ALIVE:
        log_warn_repeated(&relay->strangers, clock_mono_ms(), "liftgwd sent a message that is not for us (type %d)",
                          (int)message->type);
        break;
    }
}

/* When the message that waits longest for its PUBACK has waited too long. */
static int64_t ack_limit_ms(const struct relay *relay) {
    int64_t since_ms = session_waiting_since_ms(relay->session);
    return since_ms == INT64_MAX ? INT64_MAX : since_ms + (int64_t)relay->setup->ack_timeout_s * 1000;
}

static void check_acks(struct relay *relay, int64_t mono_ms) {
    char why[SESSION_TEXT_SIZE];
    if (mono_ms < ack_limit_ms(relay))
        return;
    snprintf(why, sizeof why, "%.120s: the broker has not acknowledged a message for %d s",
             relay->setup->urls[relay->url], relay->setup->ack_timeout_s);
    give_up(relay, why);
}

static void connect_again(struct relay *relay) {
    if (session_is_tainted(relay->session)) {
        log_warn("unsent messages of a lost connection are stuck in paho: starting again");
        end(relay, EX_TEMPFAIL);
        return;
    }
    relay->all_dropped = true;
    connect_to(relay, 0, RELAY_CONNECTING);
}

void relay_tick(struct relay *relay, int64_t mono_ms) {
    if (mono_ms >= relay->alive_ms) {
        relay->alive_ms = mono_ms + ALIVE_EVERY_MS;
        tell(relay, &(struct handover){.type = HANDOVER_ALIVE});
    }
    switch (relay->state) {
    case RELAY_WAITING:
        if (mono_ms >= relay->at_ms)
            connect_again(relay);
        break;
    case RELAY_CONNECTED:
        check_acks(relay, mono_ms);
        break;
    case RELAY_STOPPING:
        if (mono_ms < relay->at_ms)
            break;
        relay->state = RELAY_CLOSING;
        relay->at_ms = mono_ms + CLOSE_WAIT_MS;
        session_close(relay->session, false);
        break;
    case RELAY_CLOSING:
        if (mono_ms >= relay->at_ms)
            end(relay, EX_OK);
        break;
    case RELAY_CONNECTING:
    case RELAY_LOOKING:
    case RELAY_OVER:
        break;
    }
}

int64_t relay_due_ms(const struct relay *relay) {
    bool timed = relay->state == RELAY_WAITING || relay->state == RELAY_STOPPING || relay->state == RELAY_CLOSING;
    int64_t due_ms = timed ? relay->at_ms : relay->state == RELAY_CONNECTED ? ack_limit_ms(relay) : INT64_MAX;
    return due_ms < relay->alive_ms ? due_ms : relay->alive_ms;
}

bool relay_has_room(const struct relay *relay) {
    return relay->state != RELAY_CONNECTED || session_in_flight(relay->session) < SESSION_WINDOW - 1;
}

bool relay_is_over(const struct relay *relay, int *status) {
    *status = relay->status;
    return relay->state == RELAY_OVER;
}
