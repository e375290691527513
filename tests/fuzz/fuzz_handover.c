/* Packets between liftgwd and liftgw-publish, in both directions, and the broker's settings in one of them: what is
 * taken means the same when it is packed again. */
#include "fuzz.h"
#include "mqtt/handover.h"
#include "mqtt/setup.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    return 0;
}

static bool same_text(const char *a, const char *b) {
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_setup(const struct handover *message) {
    struct broker_setup *setup = broker_setup_unpack(message->payload, message->payload_size);
    if (!setup)
        return;
    assert(setup->urls[0] && setup->client_id && (setup->version == 4 || setup->version == 5));
    assert(setup->keepalive_s > 0 && setup->ack_timeout_s > 0);
    char text[BROKER_SETUP_SIZE];
    size_t size = broker_setup_pack(setup, text, sizeof text);
    if (size > 0) {
        struct broker_setup *again = broker_setup_unpack(text, size);
        assert(again && again->version == setup->version && again->automatic == setup->automatic);
        assert(again->keepalive_s == setup->keepalive_s && again->ack_timeout_s == setup->ack_timeout_s);
        assert(same_text(again->client_id, setup->client_id) && same_text(again->password, setup->password));
        assert(same_text(again->will_payload, setup->will_payload));
        for (size_t i = 0; i <= BROKER_URLS_MAX; i++)
            assert(same_text(again->urls[i], setup->urls[i]));
        broker_setup_free(again);
    }
    broker_setup_free(setup);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct handover message, same;
    unsigned char packed[HANDOVER_SIZE];
    unsigned char *packet = malloc(size ? size : 1);
    memcpy(packet, data, size);
    if (handover_unpack(packet, size, &message)) {
        size_t packed_size = handover_pack(&message, packed);
        assert(packed_size == size && handover_unpack(packed, packed_size, &same));
        assert(same.type == message.type && same.id == message.id && same.code == message.code);
        assert(same.qos == message.qos && same.retain == message.retain && strcmp(same.topic, message.topic) == 0);
        assert(same.payload_size == message.payload_size &&
               memcmp(same.payload, message.payload, same.payload_size) == 0);
        if (message.type == HANDOVER_SETUP)
            check_setup(&message);
    }
    free(packet);
    return 0;
}
