/* What liftgw-publish has to know of the broker: the JSON in HANDOVER_SETUP. */
#ifndef LIFTGW_MQTT_SETUP_H
#define LIFTGW_MQTT_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#define BROKER_URLS_MAX 8
#define BROKER_SETUP_SIZE ((size_t)7 * 1024) /* room for the JSON: a packet holds it, with a will of 4 KiB */

/* Each member is the key of the same name. A NULL text is null or absent: there is none. */
struct broker_setup {
    const char *urls[BROKER_URLS_MAX + 1]; /* NULL-terminated; mqtt://HOST[:PORT] or mqtts://HOST[:PORT], in the order
                                              in which they are tried */
    int version;                           /* 5, or 4 for MQTT 3.1.1 */
    bool automatic;                        /* key `auto`: a broker that refuses MQTT 5 is answered with REFUSED_V5 */
    const char *client_id;
    int keepalive_s;
    const char *username;
    const char *password;      /* else the first line of password_file, read at each connect, */
    const char *password_file; /* else of $CREDENTIALS_DIRECTORY/mqtt-password if there is one */
    const char *ca_file;       /* NULL: the system's trust store */
    const char *cert_file, *key_file;
    const char *will_topic, *will_payload;
    int return_s;      /* after this to twice this time on another than the first URL, the first is tried again */
    int ack_timeout_s; /* without the PUBACK of something handed over for so long, the connection is given up */
};

/* Writes the JSON into text and returns its length, without a NUL; 0 if it does not fit or a text is no UTF-8. */
size_t broker_setup_pack(const struct broker_setup *setup, char *text, size_t size);

/* Reads it; the texts belong to the result. NULL if it is no setup, after logging why. */
struct broker_setup *broker_setup_unpack(const char *text, size_t size);
void broker_setup_free(struct broker_setup *setup);

#endif
