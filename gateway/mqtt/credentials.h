/* What a box shows to a broker: its password, its certificate. Read anew for each connection, so that what was renewed
 * is used. */
#ifndef LIFTGW_MQTT_CREDENTIALS_H
#define LIFTGW_MQTT_CREDENTIALS_H

#include "mqtt/setup.h"

#define PASSWORD_SIZE 1024

/* The password from wherever it stands; "" if there is none. The caller clears it after use. False: it cannot be read,
 * why says which. */
bool credentials_password(const struct broker_setup *setup, char password[PASSWORD_SIZE], char *why, size_t size);

/* True if ca_file, cert_file and key_file can be used; paho says of one that it cannot read, or of a key that does not
 * belong to its certificate, only that TLS failed. False with why. */
bool credentials_tls_files(const struct broker_setup *setup, char *why, size_t size);

#endif
