/* What liftgwd and liftgw-publish say to each other: one record a packet over a SOCK_SEQPACKET socketpair.
 *
 *   liftgwd → liftgw-publish   SETUP once, then PUBLISH; STOP asks for a clean disconnect after what was handed over
 *   liftgw-publish → liftgwd   CONNECTED, DISCONNECTED, ACK for each QoS 1 PUBLISH, ALIVE every second
 *
 * DISCONNECTED means that everything handed over and not acknowledged is forgotten; it is handed over again after the
 * next CONNECTED. A PUBLISH that crosses the two on its way must not overtake what came before it, so each names the
 * connection that it is for, and one for another connection is dropped. */
#ifndef LIFTGW_MQTT_HANDOVER_H
#define LIFTGW_MQTT_HANDOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HANDOVER_SIZE ((size_t)8 * 1024)

enum handover_type {
    HANDOVER_SETUP = 1, /* payload: JSON, see mqtt/setup.h */
    HANDOVER_PUBLISH,   /* id, qos, retain, topic, payload (empty: clears a retained topic); code: the connection it is
                           for, as CONNECTED named it; 0: whichever there is */
    HANDOVER_STOP,      /* topic, payload: the last status, published before disconnecting; may be empty */
    HANDOVER_CONNECTED, /* id: the connection, 1, 2, …; code: MQTT version 5 or 4; topic: the URL */
    HANDOVER_DISCONNECTED, /* also when it could not connect; code: the broker's reason, 0 none; payload: why, for
                              people */
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
    const char *topic; /* NUL-terminated; NULL is sent as "" */
    const char *payload;
    size_t payload_size;
};

/* Writes message as one packet into packet and returns its size, 0 if it does not fit. */
size_t handover_pack(const struct handover *message, unsigned char packet[HANDOVER_SIZE]);
/* Reads a packet; topic and payload point into it, the payload is followed by no NUL. False if it is no packet of
 * ours. */
bool handover_unpack(unsigned char *packet, size_t size, struct handover *message);

#endif
