/* A session with a broker: connect, publish, hear of it. The only reader of MQTTAsync.h.
 *
 * paho calls back from threads of its own; what it says becomes a report that waits until the main thread takes it with
 * session_next. A report of an earlier connection is never seen: every callback carries the number of its connection.
 * One session in a process, for its whole life: MQTTAsync_destroy is never called, since it may race with callbacks
 * (paho.mqtt.c issues 1669 and 1623). */
#ifndef LIFTGW_MQTT_SESSION_H
#define LIFTGW_MQTT_SESSION_H

#include "mqtt/setup.h"

#include <stdint.h>

/* How many QoS 1 messages can wait for their PUBACK; liftgwd hands over fewer. */
#define SESSION_WINDOW 64
#define SESSION_TEXT_SIZE 256

enum session_report_type {
    SESSION_CONNECTED,
    SESSION_FAILED, /* failure, code, text: could not connect */
    SESSION_LOST,   /* code, text: the connection is gone, and everything in flight with it */
    SESSION_ACK,    /* id, code */
    SESSION_CLOSED  /* what session_close began is done */
};
enum session_failure {
    SESSION_NO_NAME,       /* the host's name cannot be resolved */
    SESSION_UNREACHABLE,   /* refused, no route, no answer */
    SESSION_TLS,           /* a certificate or its key */
    SESSION_DROPPED,       /* the connection stood, and the broker ended it instead of answering CONNECT */
    SESSION_OTHER_VERSION, /* the broker does not speak this version of MQTT */
    SESSION_DENIED,        /* user name, password, client id */
    SESSION_FAULT,         /* ours: a file that cannot be read, a URL that paho does not take */
    SESSION_FAILURE_COUNT
};
struct session_report {
    enum session_report_type type;
    enum session_failure failure;
    int code; /* the broker's reason; 0: success, or none */
    uint64_t id;
    char text[SESSION_TEXT_SIZE]; /* why, for people; never the password */
};

struct session;

/* setup must outlive the session. NULL with errno. */
struct session *session_create(const struct broker_setup *setup);
/* Readable when session_next may have a report. */
int session_fd(const struct session *session);
/* Takes the oldest report; false if there is none. */
bool session_next(struct session *session, struct session_report *report);

/* Begins to connect to urls[url] with MQTT version 5 or 4; SESSION_CONNECTED or SESSION_FAILED follows. with_will false
 * is for a look at what the broker speaks. */
void session_connect(struct session *session, size_t url, int version, bool with_will);

/* Publishes. QoS 1: SESSION_ACK with id follows unless the connection is lost before. 0, or -1 if paho does not take
 * it, with why in text: the connection is of no use any more. */
int session_publish(struct session *session, uint64_t id, const char *topic, const char *payload, size_t size, int qos,
                    bool retain, char text[SESSION_TEXT_SIZE]);
/* How many wait for their PUBACK, and since when (CLOCK_MONOTONIC, ms) the one that waits longest; INT64_MAX: none. */
size_t session_in_flight(const struct session *session);
int64_t session_waiting_since_ms(const struct session *session);

/* Ends the connection; SESSION_CLOSED follows. with_will: the broker shall publish the will all the same, which only
 * MQTT 5 can say. */
void session_close(struct session *session, bool with_will);

/* While not connected: true if paho still holds a message of a connection that is gone, and would send it on the next
 * one before anything else, out of order. The only cure is a new process. */
bool session_is_tainted(const struct session *session);

#endif
