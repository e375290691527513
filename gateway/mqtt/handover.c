#include "mqtt/handover.h"

#include <string.h>

/* Both ends are one build on one machine, so the layout is the compiler's; the magic tells a stranger. */
#define MAGIC UINT32_C(0x6c677731)

struct header {
    uint32_t magic;
    uint32_t type;
    uint64_t id;
    int32_t code;
    uint8_t qos;
    uint8_t retain;
    uint16_t topic_size; /* with its NUL */
    uint32_t payload_size;
    uint32_t unused;
};

size_t handover_pack(const struct handover *message, unsigned char packet[HANDOVER_SIZE]) {
    const char *topic = message->topic ? message->topic : "";
    size_t topic_size = strlen(topic) + 1;
    size_t room = HANDOVER_SIZE - sizeof(struct header);
    if (topic_size > room || message->payload_size > room - topic_size)
        return 0;
    struct header header = {.magic = MAGIC,
                            .type = (uint32_t)message->type,
                            .id = message->id,
                            .code = message->code,
                            .qos = (uint8_t)message->qos,
                            .retain = message->retain,
                            .topic_size = (uint16_t)topic_size,
                            .payload_size = (uint32_t)message->payload_size};
    memcpy(packet, &header, sizeof header);
    memcpy(packet + sizeof header, topic, topic_size);
    if (message->payload_size > 0)
        memcpy(packet + sizeof header + topic_size, message->payload, message->payload_size);
    return sizeof header + topic_size + message->payload_size;
}

bool handover_unpack(unsigned char *packet, size_t size, struct handover *message) {
    struct header header;
    if (size < sizeof header || size > HANDOVER_SIZE)
        return false;
    memcpy(&header, packet, sizeof header);
    if (header.magic != MAGIC || header.type < HANDOVER_SETUP || header.type > HANDOVER_ALIVE)
        return false;
    if (header.qos > 1 || header.retain > 1 || header.topic_size == 0)
        return false;
    if (sizeof header + header.topic_size + (uint64_t)header.payload_size != size)
        return false;
    const char *topic = (const char *)packet + sizeof header;
    if (strnlen(topic, header.topic_size) != header.topic_size - 1U)
        return false;
    *message = (struct handover){.type = (enum handover_type)header.type,
                                 .id = header.id,
                                 .code = header.code,
                                 .qos = header.qos,
                                 .retain = header.retain != 0,
                                 .topic = topic,
                                 .payload = topic + header.topic_size,
                                 .payload_size = header.payload_size};
    return true;
}
