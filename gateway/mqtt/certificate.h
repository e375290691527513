/* Why OpenSSL refuses a broker's certificate, in words for whoever has to do something about it. The only reader of
 * OpenSSL's headers.
 *
 * paho keeps its SSL_CTX to itself and passes on no more than "connection failed"; TLS alerts do not tell a certificate
 * that is not valid yet from a broken one, and here that is the commonest case: a box without a battery clock. OpenSSL
 * lets a process watch the making of every X509_STORE (CRYPTO_get_ex_new_index(3)), and asks the store's callback about
 * each refusal. It is told, and decides nothing: the verdict stays OpenSSL's. */
#ifndef LIFTGW_MQTT_CERTIFICATE_H
#define LIFTGW_MQTT_CERTIFICATE_H

/* From now on complain hears of each refusal, in the thread that connects. Once in a process, before the first
 * connection. */
void certificate_explain(void (*complain)(const char *why));

/* Why a certificate and its private key cannot be used together, in OpenSSL's words; NULL if they can. */
const char *certificate_misfit(const char *cert_file, const char *key_file);

#endif
