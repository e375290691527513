/* What liftgwd and liftgw-publish say to each other: one record a packet over a SOCK_SEQPACKET socketpair.
 *
 *   liftgwd → liftgw-publish   SETUP once, then PUBLISH; STOP asks for a clean disconnect after what was handed over
 *   liftgw-publish → liftgwd   CONNECTED, DISCONNECTED, ACK for each QoS 1 PUBLISH, ALIVE every second */
#ifndef LIFTGW_MQTT_HANDOVER_H
#define LIFTGW_MQTT_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HANDOVER_SIZE (8 * 1024)

enum handover_type {
    HANDOVER_SETUP = 1, /* payload: JSON, see struct broker_setup in session.h */
    HANDOVER_PUBLISH,   /* id, qos, retain, topic, payload (empty: clears a retained topic) */
    HANDOVER_STOP,      /* payload: the last status message for topic, published before disconnecting; may be empty */
    HANDOVER_CONNECTED, /* code: MQTT version 5 or 4; topic: the URL */
    HANDOVER_DISCONNECTED, /* payload: why, for people */
    HANDOVER_REFUSED_V5,   /* the broker does not speak MQTT 5: start again with 3.1.1; the sender ends */
    HANDOVER_ACK,          /* id; code: 0, or the broker's MQTT 5 reason */
    HANDOVER_ALIVE
};

struct handover {
    enum handover_type type;
    uint64_t id;
    int code;
    int qos;
    bool retain;
    const char *topic; /* NUL-terminated */
    const char *payload;
    size_t payload_size;
};

/* Writes message as one packet into packet and returns its size, 0 if it does not fit. */
size_t handover_pack(const struct handover *message, unsigned char packet[HANDOVER_SIZE]);
/* Reads a packet; topic and payload point into it. False if it is no packet of ours. */
bool handover_unpack(unsigned char *packet, size_t size, struct handover *message);

#endif
