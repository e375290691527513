#include "mqtt/reason.h"

#include "base/text.h"

#include <string.h>

#define VERSION "the broker does not speak this version of MQTT (broker.protocol)"
#define CLIENT_ID "the broker does not accept this client id (broker.client_id)"
#define PASSWORD "wrong user name or password (broker.username, broker.password_file)"
#define NOT_AUTHORISED "not authorised: wrong user name or password, or the broker's access rules forbid it"
#define NOT_AVAILABLE "the broker says that it is not available"

static const struct {
    int code;
    const char *words;
} reasons[] = {
    {0x01, VERSION},
    {0x02, CLIENT_ID},
    {0x03, NOT_AVAILABLE},
    {0x04, PASSWORD},
    {0x05, NOT_AUTHORISED},
    {0x80, "the broker gives no reason"},
    {0x81, "the broker calls our packet malformed"},
    {0x82, "the broker calls it a protocol error"},
    {0x83, "the broker has a reason of its own"},
    {0x84, VERSION},
    {0x85, CLIENT_ID},
    {0x86, PASSWORD},
    {0x87, NOT_AUTHORISED},
    {0x88, NOT_AVAILABLE},
    {0x89, "the broker is busy"},
    {0x8A, "the broker has banned this client"},
    {0x8B, "the broker is shutting down"},
    {0x8D, "the broker has not heard from us within the keep-alive time"},
    {0x8E, "another client has connected with the same client id: gateway.id must be unique in the city"},
    {0x90, "the broker does not accept this topic"},
    {0x93, "the broker calls it too many messages at once"},
    {0x95, "the broker calls the message too large"},
    {0x97, "the broker's quota is exceeded"},
    {0x99, "the broker does not accept this payload"},
    {0x9A, "the broker does not keep retained messages"},
    {0x9B, "the broker does not do QoS 1"},
    {0x9C, "the broker wants us to use another server"},
    {0x9D, "the broker has moved to another server"},
    {0x9F, "the broker calls it too many connections"},
};

/* "unknown": OpenSSL 3.0 has no word for alert 116, certificate_required. */
#define NO_CERTIFICATE "the broker wants a client certificate (broker.cert_file, key_file)"

static const struct {
    const char *alert, *words;
} alerts[] = {
    {"certificate revoked",
     "the broker says that our certificate was revoked: this box needs another (broker.cert_file)"},
    {"certificate expired", "the broker says that our certificate has expired: renew it (broker.cert_file)"},
    {"unknown CA", "the broker does not trust who signed our certificate (broker.cert_file)"},
    {"bad certificate", "the broker does not accept our certificate (broker.cert_file)"},
    {"certificate required", NO_CERTIFICATE},
    {"unknown", NO_CERTIFICATE},
    {"handshake failure",
     "the broker ended the handshake: does it want a client certificate (broker.cert_file, key_file)?"},
    {"protocol version", "the broker and we have no version of TLS in common (1.2 or newer)"},
};

const char *reason_alert_words(const char *alert) {
    for (size_t i = 0; i < COUNT_OF(alerts); i++)
        if (strcmp(alerts[i].alert, alert) == 0)
            return alerts[i].words;
    return alert;
}

const char *reason_words(int code) {
    for (size_t i = 0; i < COUNT_OF(reasons); i++)
        if (reasons[i].code == code)
            return reasons[i].words;
    return "refused by the broker";
}
