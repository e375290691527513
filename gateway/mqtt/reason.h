/* What the reasons of a broker mean for whoever has to do something about it. */
#ifndef LIFTGW_MQTT_REASON_H
#define LIFTGW_MQTT_REASON_H

/* Words for the reason of a CONNACK, PUBACK or DISCONNECT (MQTT 5 section 2.4; 1 to 5: MQTT 3.1.1 3.2.2.3). Never
 * NULL. */
const char *reason_words(int code);

/* Words for the TLS alert with which a broker ended the handshake, by OpenSSL's name for it
 * (SSL_alert_desc_string_long). Never NULL; a name that is not known comes back itself. */
const char *reason_alert_words(const char *alert);

#endif
