#include "mqtt/certificate.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#define WHY_SIZE 256
#define NAME_SIZE 64
#define TIME_SIZE 24

static void (*tell)(const char *why);

static const char *time_text(const struct tm *time, char text[TIME_SIZE]) {
    strftime(text, TIME_SIZE, "%Y-%m-%d %H:%MZ", time);
    return text;
}

static const char *here_and_now(char text[TIME_SIZE]) {
    time_t seconds = time(NULL);
    struct tm now = {0};
    gmtime_r(&seconds, &now);
    return time_text(&now, text);
}

static const char *asn1_text(const ASN1_TIME *time, char text[TIME_SIZE]) {
    struct tm broken_down = {0};
    return time && ASN1_TIME_to_tm(time, &broken_down) ? time_text(&broken_down, text) : "?";
}

/* The common name, as far as it is printable. */
static const char *issuer_of(const X509 *certificate, char name[NAME_SIZE]) {
    const X509_NAME *issuer = certificate ? X509_get_issuer_name(certificate) : NULL;
    if (!issuer || X509_NAME_get_text_by_NID(issuer, NID_commonName, name, NAME_SIZE) < 0)
        return "?";
    for (char *c = name; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c > '~')
            *c = '?';
    return name;
}

static void describe(int error, const X509 *certificate, const char *whose, char why[WHY_SIZE]) {
    char limit[TIME_SIZE], now[TIME_SIZE], name[NAME_SIZE];
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
        snprintf(why, WHY_SIZE, "%s certificate expired %s, and it is %s here: renew it, or set this box's clock",
                 whose, asn1_text(X509_get0_notAfter(certificate), limit), here_and_now(now));
        break;
    case X509_V_ERR_CERT_NOT_YET_VALID:
        snprintf(why, WHY_SIZE, "%s certificate is not valid before %s, and it is %s here: set this box's clock", whose,
                 asn1_text(X509_get0_notBefore(certificate), limit), here_and_now(now));
        break;
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
        snprintf(why, WHY_SIZE,
                 "the broker's certificate is signed by \"%s\", which is not trusted here (broker.ca_file)",
                 issuer_of(certificate, name));
        break;
    default:
        snprintf(why, WHY_SIZE, "%s certificate is refused: %s", whose, X509_verify_cert_error_string(error));
    }
}

/* OpenSSL also verifies our own chain, to complete it, and then the context belongs to no connection. */
static int on_verify(int good, X509_STORE_CTX *context) {
    char why[WHY_SIZE];
    const X509 *certificate = X509_STORE_CTX_get_current_cert(context);
    bool of_broker = X509_STORE_CTX_get_ex_data(context, SSL_get_ex_data_X509_STORE_CTX_idx()) != NULL;
    if (!good && certificate && of_broker) {
        const char *whose = X509_STORE_CTX_get_error_depth(context) > 0 ? "the CA's" : "the broker's";
        describe(X509_STORE_CTX_get_error(context), certificate, whose, why);
        tell(why);
    }
    return good;
}

static void on_new_store(void *store, void *data, CRYPTO_EX_DATA *all, int index, long number, void *argument) {
    (void)data, (void)all, (void)index, (void)number, (void)argument;
    X509_STORE_set_verify_cb(store, on_verify);
}

void certificate_explain(void (*complain)(const char *why)) {
    tell = complain;
    X509_STORE_get_ex_new_index(0, NULL, on_new_store, NULL, NULL);
}

/* OpenSSL would ask for it on the terminal. */
static int no_passphrase(char *buffer, int size, int writing, void *context) {
    (void)buffer, (void)size, (void)writing, (void)context;
    return 0;
}

const char *certificate_misfit(const char *cert_file, const char *key_file) {
    ERR_clear_error();
    SSL_CTX *trial = SSL_CTX_new(TLS_client_method());
    if (!trial)
        return "OpenSSL has no memory";
    SSL_CTX_set_default_passwd_cb(trial, no_passphrase);
    bool fit = SSL_CTX_use_certificate_chain_file(trial, cert_file) == 1 &&
               SSL_CTX_use_PrivateKey_file(trial, key_file, SSL_FILETYPE_PEM) == 1;
    const char *reason = fit ? NULL : ERR_reason_error_string(ERR_peek_error());
    SSL_CTX_free(trial);
    ERR_clear_error();
    return fit || reason ? reason : "not a PEM file";
}
