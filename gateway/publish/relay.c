#include "publish/relay.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "publish/pace.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sysexits.h>

#define ALIVE_EVERY_MS 1000
#define STOP_WAIT_MS 1000
#define CLOSE_WAIT_MS 300
#define RETURN_AGAIN_MS 1000
#define LAST_STATUS_ID UINT64_MAX
#define TAKEN_OVER 0x8E /* MQTT 5: the session was taken over by another client with our id */
#define TWIN_TEXT_SIZE 240
/* How many rounds in which every URL dropped an MQTT 5 CONNECT make us look whether the broker answers 3.1.1. */
#define DROPPED_ROUNDS 2

enum relay_state {
    RELAY_WAITING,    /* until at_ms */
    RELAY_CONNECTING, /* to urls[url] */
    RELAY_LOOKING,    /* whether urls[url] answers MQTT 3.1.1 */
    RELAY_CONNECTED,  /* on another than the first URL: until at_ms, when the first is tried again */
    RELAY_STOPPING,   /* waits for the last status' PUBACK until at_ms */
    RELAY_CLOSING,    /* waits for the disconnect until at_ms */
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
    struct pace pace;
    uint64_t connection;
    bool returning;   /* stopping or closing only to try the first URL again */
    bool all_dropped; /* in this round, so far */
    char twin[TWIN_TEXT_SIZE];
    int dropped_rounds;
    struct log_repeat failures[SESSION_FAILURE_COUNT], losses, twins, strangers;
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

static uint32_t random_bits(void) {
    uint32_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != (ssize_t)sizeof random)
        random = (uint32_t)clock_mono_ns();
    return random;
}

static void wait_a_while(struct relay *relay, int64_t wait_ms) {
    relay->at_ms = clock_mono_ms() + wait_ms;
    relay->state = RELAY_WAITING;
}

static void wait_after_failure(struct relay *relay) {
    wait_a_while(relay, pace_after_failure(&relay->pace, random_bits()));
}

/* What is to be said of other clients with our id; "": nothing. Only MQTT 5 says what it is, code is its reason. */
static void describe_twin(const struct relay *relay, int code, char text[TWIN_TEXT_SIZE]) {
    text[0] = '\0';
    if (pace_suspects_twin(&relay->pace))
        snprintf(text, TWIN_TEXT_SIZE, "%s another client with the id %.64s%s (gateway.id must be unique in the city)",
                 code == TAKEN_OVER ? "thrown out by" : "connections end again and again: a bad line, or",
                 relay->setup->client_id, code == TAKEN_OVER ? "" : "?");
}

struct relay *relay_create(const struct broker_setup *setup, struct session *session, int fd) {
    struct relay *relay = memory_get(1, sizeof *relay);
    relay->setup = setup;
    relay->session = session;
    relay->fd = fd;
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
        wait_after_failure(relay);
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
        wait_after_failure(relay);
}

static void connect_again(struct relay *relay) {
    if (session_is_tainted(relay->session)) {
        log_warn("unsent messages of a lost connection are stuck in paho: starting again");
        end(relay, EX_TEMPFAIL);
        return;
    }
    relay->returning = false;
    relay->all_dropped = true;
    connect_to(relay, 0, RELAY_CONNECTING);
}

/* The connection that was to end has ended. */
static void closed(struct relay *relay) {
    if (relay->returning)
        connect_again(relay);
    else
        end(relay, EX_OK);
}

/* When to look after the first URL again. Between once and twice return_s: boxes that all went to the second broker do
 * not all come back in one moment. */
static int64_t return_at_ms(const struct relay *relay) {
    int64_t least_ms = (int64_t)relay->setup->return_s * 1000;
    return relay->url == 0 ? INT64_MAX : relay->connected_ms + least_ms + random_bits() % (least_ms + 1);
}

static void connected(struct relay *relay) {
    for (size_t i = 0; i < SESSION_FAILURE_COUNT; i++)
        log_repeat_reset(&relay->failures[i]);
    relay->state = RELAY_CONNECTED;
    relay->connected_ms = clock_mono_ms();
    relay->at_ms = return_at_ms(relay);
    relay->dropped_rounds = 0;
    relay->connection++;
    tell(relay, &(struct handover){.type = HANDOVER_CONNECTED,
                                   .id = relay->connection,
                                   .code = relay->setup->version,
                                   .topic = relay->setup->urls[relay->url],
                                   .payload = relay->twin,
                                   .payload_size = strlen(relay->twin)});
}

/* The connection is gone or given up. */
static void disconnected(struct relay *relay, int code, const char *why) {
    if (relay->state != RELAY_CONNECTED) {
        closed(relay); /* stopping: nobody waits for it any more */
        return;
    }
    int64_t now_ms = clock_mono_ms();
    int64_t lasted_ms = now_ms - relay->connected_ms;
    if (lasted_ms >= PACE_GOOD_MS)
        log_repeat_reset(&relay->losses);
    wait_a_while(relay, pace_after_loss(&relay->pace, lasted_ms, code == TAKEN_OVER, random_bits()));
    describe_twin(relay, code, relay->twin);
    char text[SESSION_TEXT_SIZE + TWIN_TEXT_SIZE];
    bool all_said = relay->twin[0] == '\0' || code == TAKEN_OVER;
    snprintf(text, sizeof text, "%s%s%s", why, all_said ? "" : "; ", all_said ? "" : relay->twin);
    log_warn_repeated(relay->twin[0] ? &relay->twins : &relay->losses, now_ms, "disconnected from %s", text);
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
            closed(relay);
        break;
    }
}

static void publish(struct relay *relay, uint64_t id, const struct handover *message) {
    char why[SESSION_TEXT_SIZE];
    if (session_publish(relay->session, id, message->topic, message->payload, message->payload_size, message->qos,
                        message->retain, why) != 0)
        give_up(relay, why);
}

/* Says a last status, if there is one, and ends the connection. */
static void say_goodbye(struct relay *relay, const struct handover *status) {
    relay->state = RELAY_STOPPING;
    relay->at_ms = 0;
    if (status->payload_size == 0)
        return;
    relay->at_ms = clock_mono_ms() + STOP_WAIT_MS;
    publish(relay, LAST_STATUS_ID, status);
}

static void stop(struct relay *relay, const struct handover *message) {
    bool was_returning = relay->returning;
    relay->returning = false;
    if (was_returning && (relay->state == RELAY_STOPPING || relay->state == RELAY_CLOSING))
        return; /* it has said so already */
    if (relay->state != RELAY_CONNECTED) {
        end(relay, EX_OK);
        return;
    }
    struct handover status = *message;
    status.qos = 1;
    status.retain = true;
    say_goodbye(relay, &status);
}

/* Leaves a broker that is not the first for the first. Who listens to the one that is left shall not take this box for
 * online for ever: its will is published there, as if the connection had been lost. */
static void return_to_first(struct relay *relay, int64_t mono_ms) {
    if (session_in_flight(relay->session) > 0) { /* in a quieter moment */
        relay->at_ms = mono_ms + RETURN_AGAIN_MS;
        return;
    }
    const struct broker_setup *setup = relay->setup;
    log_info("trying %s again", setup->urls[0]);
    tell_disconnected(relay, 0, "trying the first broker again");
    relay->returning = true;
    say_goodbye(relay, &(struct handover){.qos = 1,
                                          .retain = true,
                                          .topic = setup->will_topic,
                                          .payload = setup->will_payload,
                                          .payload_size = setup->will_payload ? strlen(setup->will_payload) : 0});
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
        if (mono_ms >= relay->at_ms)
            return_to_first(relay, mono_ms);
        else
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
            closed(relay);
        break;
    case RELAY_CONNECTING:
    case RELAY_LOOKING:
    case RELAY_OVER:
        break;
    }
}

int64_t relay_due_ms(const struct relay *relay) {
    bool timed = relay->state == RELAY_WAITING || relay->state == RELAY_CONNECTED || relay->state == RELAY_STOPPING ||
                 relay->state == RELAY_CLOSING;
    int64_t due_ms = timed ? relay->at_ms : INT64_MAX;
    if (relay->state == RELAY_CONNECTED && ack_limit_ms(relay) < due_ms)
        due_ms = ack_limit_ms(relay);
    return due_ms < relay->alive_ms ? due_ms : relay->alive_ms;
}

bool relay_has_room(const struct relay *relay) {
    return relay->state != RELAY_CONNECTED || session_in_flight(relay->session) < SESSION_WINDOW - 1;
}

bool relay_is_over(const struct relay *relay, int *status) {
    *status = relay->status;
    return relay->state == RELAY_OVER;
}
