/* liftgw-publish between a liftgwd that says anything and a broker session that reports anything: it publishes on a
 * connection only, acknowledges on one only, and comes to its end.
 *
 * Input: steps. 0 packet: type, id, code, flags, size of the payload, payload. 1 report: type, failure, code, id.
 * 2 time: 2 bytes, in 10 ms. */
#include "base/clock.h"
#include "fuzz.h"
#include "publish/relay.h"

#include <sys/socket.h>

static const struct broker_setup setup = {.urls = {"mqtts://a.example", "mqtts://b.example"},
                                          .version = 5,
                                          .automatic = true,
                                          .client_id = "liftgw-B",
                                          .keepalive_s = 30,
                                          .ack_timeout_s = 20};
static struct session {
    bool connected; /* as liftgwd was told */
    size_t in_flight;
    int64_t since_ms;
} session;
static int64_t now_ms;
static int sockets[2];

int64_t __wrap_clock_mono_ms(void);
int64_t __wrap_clock_mono_ms(void) {
    return now_ms;
}

/* ---- the session, as session.h describes it ---- */

void session_connect(struct session *session_, size_t url, int version, bool with_will) {
    assert(session_ == &session && setup.urls[url] && (version == 4 || version == 5));
    (void)with_will;
}

int session_publish(struct session *session_, uint64_t id, const char *topic, const char *payload, size_t size, int qos,
                    bool retain, char text[SESSION_TEXT_SIZE]) {
    assert(session_->connected && topic && (payload || size == 0) && qos <= 1);
    (void)retain;
    (void)id;
    if (session_->in_flight == 0)
        session_->since_ms = now_ms;
    session_->in_flight++;
    if (size != 13)
        return 0;
    snprintf(text, SESSION_TEXT_SIZE, "paho does not take it");
    return -1;
}

size_t session_in_flight(const struct session *session_) {
    return session_->in_flight;
}

int64_t session_waiting_since_ms(const struct session *session_) {
    return session_->in_flight ? session_->since_ms : INT64_MAX;
}

void session_close(struct session *session_, bool with_will) {
    (void)with_will;
    session_->in_flight = 0;
}

bool session_is_tainted(const struct session *session_) {
    return session_->in_flight > SESSION_WINDOW;
}

/* ---- what liftgwd hears ---- */

static void hear(void) {
    unsigned char packet[HANDOVER_SIZE];
    ssize_t size;
    while ((size = recv(sockets[0], packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        struct handover message;
        bool ours = handover_unpack(packet, (size_t)size, &message);
        assert(ours && message.type >= HANDOVER_CONNECTED);
        if (message.type == HANDOVER_CONNECTED)
            session.connected = true;
        if (message.type == HANDOVER_DISCONNECTED)
            session.connected = false;
        if (message.type == HANDOVER_ACK)
            assert(session.connected);
    }
}

static void step_packet(struct relay *relay, struct input *input) {
    struct handover message = {.type = (enum handover_type)(HANDOVER_SETUP + input_byte(input) % HANDOVER_ALIVE),
                               .id = input_byte(input),
                               .code = (int)input_byte(input),
                               .topic = "p/lift/d/c/L-1/state"};
    unsigned flags = input_byte(input);
    message.qos = flags & 1;
    message.retain = flags & 2;
    message.payload_size = input_byte(input);
    message.payload = (const char *)input_take(input, &message.payload_size);
    if (relay_has_room(relay))
        relay_heard(relay, &message);
}

static void step_report(struct relay *relay, struct input *input) {
    struct session_report report = {.type = (enum session_report_type)(input_byte(input) % (SESSION_CLOSED + 1)),
                                    .failure = (enum session_failure)(input_byte(input) % SESSION_FAILURE_COUNT),
                                    .code = (int)input_byte(input),
                                    .id = input_byte(input),
                                    .text = "why"};
    if (report.type == SESSION_ACK && session.in_flight == 0)
        return;
    if (report.type == SESSION_ACK)
        session.in_flight--;
    if (report.type == SESSION_LOST || report.type == SESSION_FAILED || report.type == SESSION_CLOSED)
        session.in_flight = 0;
    relay_reported(relay, &report);
}

static void step(struct relay *relay, struct input *input) {
    switch (input_byte(input) % 3) {
    case 0:
        step_packet(relay, input);
        break;
    case 1:
        step_report(relay, input);
        break;
    default:
        now_ms += input_word(input) * 10;
        relay_tick(relay, now_ms);
    }
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    int result = socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sockets);
    assert(result == 0);
    return 0;
}

/* Asked to stop, it is over after the last status' time and the disconnect's. */
static void check_end(struct relay *relay) {
    int status;
    relay_heard(relay, &(struct handover){.type = HANDOVER_STOP, .topic = ""});
    for (int i = 0; i < 10 && !relay_is_over(relay, &status); i++) {
        now_ms += 1000;
        relay_tick(relay, now_ms);
        hear();
    }
    assert(relay_is_over(relay, &status));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    int status;
    now_ms = 1000000;
    session = (struct session){0};
    struct relay *relay = relay_create(&setup, &session, sockets[1]);
    while (input.left > 0 && !relay_is_over(relay, &status)) {
        step(relay, &input);
        hear();
        assert(relay_due_ms(relay) >= 0);
    }
    if (!relay_is_over(relay, &status))
        check_end(relay);
    free(relay);
    hear();
    return 0;
}
