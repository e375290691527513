/* What a liftgw-publish gone mad says to a running daemon, beside what a good one would: what it is handed stays in
 * order, and the daemon goes on.
 *
 * Input: steps. 0 and 1: acknowledges the oldest or the newest message with a reason (1 byte). 2: a packet: type, id,
 * code, sizes of topic and payload, topic, payload. 3: raw bytes: size, bytes. 4: a new event (a test). */
#include "daemon.h"

#define HANDED_MAX 64

static int descriptor = -1;         /* of the newest socket pair */
static uint64_t handed[HANDED_MAX]; /* ids that wait for their acknowledgement */
static size_t handed_count;
static uint64_t last_seq;
static unsigned restarts; /* how often the stream may still begin again with what was in flight */

/* The daemon makes a new socket pair when it starts liftgw-publish again. */
static void take_descriptor(void) {
    int fresh = atomic_exchange(&new_end, -1);
    if (fresh < 0)
        return;
    restarts++;
    if (descriptor >= 0)
        close(descriptor);
    descriptor = fresh;
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    daemon_start();
    for (int i = 0; i < 1000 && descriptor < 0; i++) {
        usleep(10000);
        take_descriptor();
    }
    assert(descriptor >= 0);
    return 0;
}

static void say_packet(const void *packet, size_t size) {
    send(descriptor, packet, size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static void say(const struct handover *message) {
    unsigned char packet[HANDOVER_SIZE];
    size_t size = handover_pack(message, packet);
    if (size > 0)
        say_packet(packet, size);
    bool of_connection = message->type == HANDOVER_CONNECTED || message->type == HANDOVER_DISCONNECTED;
    if (of_connection)
        handed_count = 0;
    if (of_connection || message->type == HANDOVER_REFUSED_V5 || message->code != 0)
        restarts++;
}

static void check_publish(const struct handover *message) {
    assert(message->topic[0] && !strpbrk(message->topic, "+#") && message->payload_size <= 4096);
    if (message->payload_size == 0)
        return;
    json_t *payload = json_loadb(message->payload, message->payload_size, JSON_REJECT_DUPLICATES, NULL);
    assert(json_is_object(payload));
    json_int_t seq = json_integer_value(json_object_get(payload, "seq"));
    if (seq > 0) {
        bool again = (uint64_t)seq <= last_seq;
        assert(!again || restarts > 0);
        restarts -= again;
        last_seq = (uint64_t)seq;
    }
    json_decref(payload);
}

static void hear(void) {
    static unsigned char packet[HANDOVER_SIZE];
    ssize_t size;
    while ((size = recv(descriptor, packet, sizeof packet, MSG_DONTWAIT)) > 0) {
        struct handover message;
        bool ours = handover_unpack(packet, (size_t)size, &message);
        assert(ours && message.type <= HANDOVER_STOP);
        if (message.type != HANDOVER_PUBLISH)
            continue;
        check_publish(&message);
        if (handed_count < HANDED_MAX)
            handed[handed_count++] = message.id;
    }
}

static void step_ack(struct input *input, bool oldest) {
    if (handed_count == 0)
        return;
    size_t which = oldest ? 0 : handed_count - 1;
    struct handover ack = {.type = HANDOVER_ACK, .id = handed[which], .code = (int)input_byte(input)};
    memmove(&handed[which], &handed[which + 1], (handed_count - which - 1) * sizeof handed[0]);
    handed_count--;
    say(&ack);
}

static void step_packet(struct input *input) {
    static char topic[256];
    struct handover message = {.type = (enum handover_type)(HANDOVER_SETUP + input_byte(input) % HANDOVER_ALIVE),
                               .id = input_byte(input),
                               .code = (int8_t)input_byte(input)};
    size_t topic_size = input_byte(input);
    message.payload_size = input_byte(input);
    const uint8_t *bytes = input_take(input, &topic_size);
    memcpy(topic, bytes, topic_size);
    topic[topic_size] = '\0';
    message.topic = topic;
    message.payload = (const char *)input_take(input, &message.payload_size);
    say(&message);
}

static void step_event(void) {
    static const char question[] = "{\"cmd\":\"test\",\"lift\":\"L-1\"}\n";
    int tool = daemon_connect();
    send(tool, question, strlen(question), MSG_NOSIGNAL);
    close(tool);
}

static void step(struct input *input) {
    unsigned kind = input_byte(input) % 5;
    if (kind <= 1) {
        step_ack(input, kind == 0);
    } else if (kind == 2) {
        step_packet(input);
    } else if (kind == 3) {
        size_t size = input_byte(input);
        say_packet(input_take(input, &size), size);
    } else {
        step_event();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct input input = {data, size};
    take_descriptor();
    hear();
    say(&(struct handover){.type = HANDOVER_CONNECTED, .id = 1, .code = 5, .topic = "mqtts://broker.example"});
    daemon_check();
    while (input.left > 0) {
        hear();
        step(&input);
        daemon_check();
    }
    hear();
    return 0;
}
