#include "mqtt/session.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "mqtt/certificate.h"
#include "mqtt/credentials.h"
#include "mqtt/reason.h"

#include <MQTTAsync.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CONNECT_TIMEOUT_S 10
/* paho's send thread sleeps a second whenever its own window is full, so that must never happen; ours is smaller. */
#define PAHO_WINDOW 60000
#define PAHO_BUFFER 1000
#define MAILBOX_SIZE 256
#define DESCRIPTORS 64 /* more than this process ever has */
/* In a letter, beside the broker's reasons (above 0) and paho's errors (below). */
#define NO_REASON 0
#define OUR_FAULT 0

/* What a callback leaves for the main thread. */
struct letter {
    enum session_report_type type;
    unsigned connection;
    unsigned slot;
    int code;
    char text[SESSION_TEXT_SIZE];
};

/* The one thing that paho's threads and ours share. Static because paho's trace callback has no context. */
static struct {
    pthread_mutex_t lock;
    int fd; /* readable while there are letters */
    size_t first, count;
    struct letter letters[MAILBOX_SIZE];
    char tls_text[SESSION_TEXT_SIZE];  /* what TLS, */
    char name_text[SESSION_TEXT_SIZE]; /* or the resolver, said during the connect that is under way */
    bool connect_sent;                 /* that connect got as far as MQTT */
} mailbox = {.lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1};

struct flight {
    bool used;
    uint64_t id;
    int64_t since_ms;
};

struct session {
    const struct broker_setup *setup;
    MQTTAsync clients[BROKER_URLS_MAX][2]; /* by URL and version; made when first needed, kept for ever */
    MQTTAsync client;                      /* the one in use */
    size_t url;
    int version;
    unsigned connection; /* counts attempts; a callback's context says which it belongs to */
    struct flight flights[SESSION_WINDOW];
    size_t in_flight;
};

/* ---- In paho's threads ---- */

/* A callback's context is a number, not memory: it cannot be stale. */
static void *context_of(unsigned connection, unsigned slot) {
    return (void *)(uintptr_t)(connection * SESSION_WINDOW + slot); /* NOLINT(performance-no-int-to-ptr) */
}

static void leave(enum session_report_type type, void *context, int code, const char *text) {
    unsigned number = (unsigned)(uintptr_t)context;
    pthread_mutex_lock(&mailbox.lock);
    if (mailbox.count == 0 && eventfd_write(mailbox.fd, 1) != 0)
        abort();                        /* cannot fail: it stands at 0 */
    if (mailbox.count < MAILBOX_SIZE) { /* else the acknowledgement timeout finds out */
        struct letter *letter = &mailbox.letters[(mailbox.first + mailbox.count++) % MAILBOX_SIZE];
        *letter = (struct letter){
            .type = type, .connection = number / SESSION_WINDOW, .slot = number % SESSION_WINDOW, .code = code};
        if (text)
            text_copy(letter->text, sizeof letter->text, text);
    }
    pthread_mutex_unlock(&mailbox.lock);
}

static void on_connect(void *context, MQTTAsync_successData *data) {
    (void)data;
    leave(SESSION_CONNECTED, context, NO_REASON, NULL);
}

static void on_connect5(void *context, MQTTAsync_successData5 *data) {
    (void)data;
    leave(SESSION_CONNECTED, context, NO_REASON, NULL);
}

static void on_connect_failure(void *context, MQTTAsync_failureData *data) {
    leave(SESSION_FAILED, context, data ? data->code : -1, data ? data->message : NULL);
}

static void on_connect_failure5(void *context, MQTTAsync_failureData5 *data) {
    leave(SESSION_FAILED, context, data ? data->code : -1, data ? data->message : NULL);
}

static void on_ack(void *context, MQTTAsync_successData *data) {
    (void)data;
    leave(SESSION_ACK, context, NO_REASON, NULL);
}

/* 0x10, "no matching subscribers", is a success too. */
static void on_ack5(void *context, MQTTAsync_successData5 *data) {
    (void)data;
    leave(SESSION_ACK, context, NO_REASON, NULL);
}

/* Without a reason from the broker it is paho that gives up, because the connection is gone: that is told apart. */
static void on_ack_failure5(void *context, MQTTAsync_failureData5 *data) {
    if (data && data->reasonCode >= MQTTREASONCODE_UNSPECIFIED_ERROR)
        leave(SESSION_ACK, context, (int)data->reasonCode, NULL);
}

static void on_closed(void *context, MQTTAsync_successData *data) {
    (void)data;
    leave(SESSION_CLOSED, context, NO_REASON, NULL);
}

static void on_closed5(void *context, MQTTAsync_successData5 *data) {
    (void)data;
    leave(SESSION_CLOSED, context, NO_REASON, NULL);
}

static void on_lost(void *context, char *cause) {
    (void)cause; /* always NULL */
    leave(SESSION_LOST, context, NO_REASON, NULL);
}

/* MQTT 5: the broker says why it is about to end the connection. */
static void on_told_to_go(void *context, MQTTProperties *properties, enum MQTTReasonCodes reason) {
    (void)properties;
    leave(SESSION_LOST, context, (int)reason, NULL);
}

/* Nothing is subscribed, so nothing comes; paho wants the callback all the same. */
static int on_message(void *context, char *topic, int topic_size, MQTTAsync_message *message) {
    (void)context;
    (void)topic_size;
    MQTTAsync_freeMessage(&message);
    MQTTAsync_free(topic);
    return 1;
}

static void note(char text[SESSION_TEXT_SIZE], const char *format, ...) PRINTF_LIKE(2, 3);
static void note(char text[SESSION_TEXT_SIZE], const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    pthread_mutex_lock(&mailbox.lock);
    if (!text[0]) /* the first is the cause, what follows it are consequences */
        vsnprintf(text, SESSION_TEXT_SIZE, format, arguments);
    pthread_mutex_unlock(&mailbox.lock);
    va_end(arguments);
}

static void note_connect(void) {
    pthread_mutex_lock(&mailbox.lock);
    mailbox.connect_sent = true;
    pthread_mutex_unlock(&mailbox.lock);
}

static void on_refused_certificate(const char *why) {
    note(mailbox.tls_text, "%s", why);
}

/* paho 1.3 fails a connect with -1 and a general word; only its trace says what the resolver and TLS said. Text that is
 * not recognised costs a detail of a message for people, nothing else. */
static void on_trace(enum MQTTASYNC_TRACE_LEVELS level, char *line) {
    static const char alert[] = "SSL alert read:fatal:";
    (void)level;
    const char *found;
    if (strstr(line, "getaddrinfo failed") && (found = strstr(line, " with rc ")))
        note(mailbox.name_text, "%s", gai_strerror((int)strtol(found + strlen(" with rc "), NULL, 10)));
    else if ((found = strstr(line, "SSL alert write:fatal:")))
        note(mailbox.tls_text, "%s (broker.ca_file)", found + strlen("SSL alert write:fatal:"));
    else if ((found = strstr(line, alert)))
        note(mailbox.tls_text, "%s", reason_alert_words(found + strlen(alert)));
    else if (strstr(line, "X509_check_ip_asc is 0") || strstr(line, "X509_check_host for hostname"))
        note(mailbox.tls_text, "the broker's certificate is for another host name than the URL's");
    else if (strstr(line, " -> CONNECT version"))
        note_connect();
}

/* OpenSSL's own words, "HASH:error:0A000086:SSL routines:FUNCTION:certificate verify failed:FILE:LINE:", where the
 * trace had no alert. */
static int on_tls_error(const char *text, size_t size, void *context) {
    (void)context;
    const char *end = text + size;
    for (int colons = 0; colons < 5 && text < end; text++)
        colons += *text == ':';
    size_t length = strcspn(text, ":\n");
    if (text < end && length > 0)
        note(mailbox.tls_text, "%.*s (broker.ca_file, cert_file, key_file)", (int)length, text);
    return 1;
}

/* ---- In the main thread ---- */

struct session *session_create(const struct broker_setup *setup) {
    mailbox.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (mailbox.fd < 0)
        return NULL;
    struct session *session = memory_get(1, sizeof *session);
    session->setup = setup;
    MQTTAsync_init_options options = MQTTAsync_init_options_initializer;
    options.do_openssl_init = 1;
    MQTTAsync_global_init(&options);
    MQTTAsync_setTraceCallback(on_trace);
    certificate_explain(on_refused_certificate);
    return session;
}

int session_fd(const struct session *session) {
    (void)session;
    return mailbox.fd;
}

static bool take_letter(struct letter *letter) {
    eventfd_t one;
    pthread_mutex_lock(&mailbox.lock);
    bool any = mailbox.count > 0;
    if (any) {
        *letter = mailbox.letters[mailbox.first];
        mailbox.first = (mailbox.first + 1) % MAILBOX_SIZE;
        mailbox.count--;
        if (mailbox.count == 0)
            (void)eventfd_read(mailbox.fd, &one);
    }
    pthread_mutex_unlock(&mailbox.lock);
    return any;
}

static void forget_flights(struct session *session) {
    memset(session->flights, 0, sizeof session->flights);
    session->in_flight = 0;
}

/* CONNACK's reasons: MQTT 3.1.1 3.2.2.3 (1 to 5), MQTT 5 3.2.2.2. */
static enum session_failure failure_of_connack(int code) {
    switch (code) {
    case 0x01:
    case 0x84:
        return SESSION_OTHER_VERSION;
    case 0x02:
    case 0x04:
    case 0x05:
    case 0x85:
    case 0x86:
    case 0x87:
    case 0x8A:
    case 0x8C:
        return SESSION_DENIED;
    default:
        return SESSION_UNREACHABLE;
    }
}

static bool is_tls(const struct session *session) {
    return strncmp(session->setup->urls[session->url], "mqtts:", strlen("mqtts:")) == 0;
}

static void explain(const struct session *session, struct session_report *report, enum session_failure failure,
                    const char *format, ...) PRINTF_LIKE(4, 5);
static void explain(const struct session *session, struct session_report *report, enum session_failure failure,
                    const char *format, ...) {
    int used = snprintf(report->text, sizeof report->text, "%.120s: ", session->setup->urls[session->url]);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(report->text + used, sizeof report->text - (size_t)used, format, arguments);
    va_end(arguments);
    report->failure = failure;
}

/* From paho's general words, and what its trace said, to what it means. */
static void explain_failure(const struct session *session, const struct letter *letter, struct session_report *report) {
    char name_text[SESSION_TEXT_SIZE];
    char tls_text[SESSION_TEXT_SIZE];
    pthread_mutex_lock(&mailbox.lock);
    memcpy(name_text, mailbox.name_text, sizeof name_text);
    memcpy(tls_text, mailbox.tls_text, sizeof tls_text);
    bool connect_sent = mailbox.connect_sent;
    pthread_mutex_unlock(&mailbox.lock);
    if (letter->code == OUR_FAULT) {
        explain(session, report, SESSION_FAULT, "%s", letter->text);
    } else if (letter->code > 0) {
        report->code = letter->code;
        explain(session, report, failure_of_connack(letter->code), "%s (CONNACK reason %d)", reason_words(letter->code),
                letter->code);
    } else if (name_text[0]) {
        explain(session, report, SESSION_NO_NAME, "the name cannot be resolved: %s", name_text);
    } else if (tls_text[0]) {
        explain(session, report, SESSION_TLS, "TLS: %s", tls_text);
    } else if (strcmp(letter->text, "TCP connect timeout") == 0) {
        explain(session, report, SESSION_UNREACHABLE, "no answer within %d s", CONNECT_TIMEOUT_S);
    } else if (connect_sent) {
        explain(session, report, SESSION_DROPPED, "the broker ended the connection instead of answering%s",
                is_tls(session) ? " (does it want a client certificate?)" : "");
    } else {
        explain(session, report, SESSION_UNREACHABLE, "connection refused, or no way there");
    }
}

/* Switches Nagle's wait off, which would hold a fault back until the broker's TCP has acknowledged the message before
 * it. paho does not, and keeps its socket to itself; it is the only one of this process that knows the option. */
static void send_at_once(void) {
    int on = 1;
    for (int fd = 0; fd < DESCRIPTORS; fd++)
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

static bool report_ack(struct session *session, const struct letter *letter, struct session_report *report) {
    struct flight *flight = &session->flights[letter->slot];
    if (!flight->used)
        return false;
    flight->used = false;
    session->in_flight--;
    report->id = flight->id;
    report->code = letter->code;
    return true;
}

static void report_lost(struct session *session, const struct letter *letter, struct session_report *report) {
    report->code = letter->code;
    explain(session, report, SESSION_UNREACHABLE, "%s",
            letter->code ? reason_words(letter->code) : "the connection was lost");
    forget_flights(session);
    session->connection++; /* whatever this one still says is of no interest */
}

bool session_next(struct session *session, struct session_report *report) {
    struct letter letter;
    while (take_letter(&letter)) {
        if (letter.connection != session->connection)
            continue;
        *report = (struct session_report){.type = letter.type};
        switch (letter.type) {
        case SESSION_CONNECTED:
            MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_ERROR);
            send_at_once();
            return true;
        case SESSION_FAILED:
            explain_failure(session, &letter, report);
            return true;
        case SESSION_LOST:
            report_lost(session, &letter, report);
            return true;
        case SESSION_ACK:
            if (report_ack(session, &letter, report))
                return true;
            break;
        case SESSION_CLOSED:
            return true;
        }
    }
    return false;
}

/* The client for a URL and a version. 0, or paho's error. */
static int client_for(struct session *session, size_t url, int version, MQTTAsync *client) {
    MQTTAsync *known = &session->clients[url][version == 5];
    int result = MQTTASYNC_SUCCESS;
    if (!*known) {
        MQTTAsync_createOptions options = MQTTAsync_createOptions_initializer;
        options.MQTTVersion = version;
        options.maxBufferedMessages = PAHO_BUFFER;
        result = MQTTAsync_createWithOptions(known, session->setup->urls[url], session->setup->client_id,
                                             MQTTCLIENT_PERSISTENCE_NONE, NULL, &options);
    }
    *client = *known;
    return result;
}

static MQTTAsync_SSLOptions tls_options(const struct broker_setup *setup) {
    MQTTAsync_SSLOptions tls = MQTTAsync_SSLOptions_initializer;
    tls.enableServerCertAuth = 1;
    tls.verify = 1; /* the host's name: without it paho takes any certificate that the CA signed */
    tls.sslVersion = MQTT_SSL_VERSION_TLS_1_2;
    tls.trustStore = setup->ca_file;
    tls.disableDefaultTrustStore = setup->ca_file != NULL;
    tls.keyStore = setup->cert_file;
    tls.privateKey = setup->key_file;
    tls.ssl_error_cb = on_tls_error;
    return tls;
}

static MQTTAsync_connectOptions connect_options(const struct session *session) {
    MQTTAsync_connectOptions five = MQTTAsync_connectOptions_initializer5;
    MQTTAsync_connectOptions options = MQTTAsync_connectOptions_initializer;
    if (session->version == 5) {
        options = five;
        options.cleanstart = 1;
        options.onSuccess5 = on_connect5;
        options.onFailure5 = on_connect_failure5;
    } else {
        options.MQTTVersion = MQTTVERSION_3_1_1;
        options.cleansession = 1;
        options.onSuccess = on_connect;
        options.onFailure = on_connect_failure;
    }
    options.context = context_of(session->connection, 0);
    options.keepAliveInterval = session->setup->keepalive_s;
    options.connectTimeout = CONNECT_TIMEOUT_S;
    options.maxInflight = PAHO_WINDOW;
    options.username = session->setup->username;
    return options;
}

static void forget_texts(void) {
    pthread_mutex_lock(&mailbox.lock);
    mailbox.tls_text[0] = mailbox.name_text[0] = '\0';
    mailbox.connect_sent = false;
    pthread_mutex_unlock(&mailbox.lock);
}

/* Everything up to MQTTAsync_connect; false with why in text. */
static bool begin_connect(struct session *session, bool with_will, char text[SESSION_TEXT_SIZE]) {
    const struct broker_setup *setup = session->setup;
    int result = client_for(session, session->url, session->version, &session->client);
    if (result != MQTTASYNC_SUCCESS) {
        snprintf(text, SESSION_TEXT_SIZE, "not a broker's URL (mqtt://HOST:PORT or mqtts://HOST:PORT)");
        return false;
    }
    char password[PASSWORD_SIZE];
    if (!credentials_password(setup, password, text, SESSION_TEXT_SIZE) ||
        (is_tls(session) && !credentials_tls_files(setup, text, SESSION_TEXT_SIZE)))
        return false;
    MQTTAsync_connectOptions options = connect_options(session);
    MQTTAsync_willOptions will = MQTTAsync_willOptions_initializer;
    MQTTAsync_SSLOptions tls = tls_options(setup);
    options.password = password[0] ? password : NULL;
    if (is_tls(session))
        options.ssl = &tls;
    if (with_will && setup->will_topic) {
        will.topicName = setup->will_topic;
        will.message = setup->will_payload;
        will.qos = 1;
        will.retained = 1;
        options.will = &will;
    }
    void *context = options.context;
    MQTTAsync_setCallbacks(session->client, context, on_lost, on_message, NULL);
    if (session->version == 5)
        MQTTAsync_setDisconnected(session->client, context, on_told_to_go);
    MQTTAsync_setTraceLevel(MQTTASYNC_TRACE_PROTOCOL);
    result = MQTTAsync_connect(session->client, &options); /* copies all that it is given */
    explicit_bzero(password, sizeof password);
    if (result == MQTTASYNC_SUCCESS)
        return true;
    snprintf(text, SESSION_TEXT_SIZE, "paho does not connect: %s", MQTTAsync_strerror(result));
    return false;
}

void session_connect(struct session *session, size_t url, int version, bool with_will) {
    char text[SESSION_TEXT_SIZE] = "";
    session->connection++;
    session->url = url;
    session->version = version;
    forget_flights(session);
    forget_texts();
    if (!begin_connect(session, with_will, text))
        leave(SESSION_FAILED, context_of(session->connection, 0), OUR_FAULT, text);
}

static int free_slot(const struct session *session) {
    for (int i = 0; i < SESSION_WINDOW; i++)
        if (!session->flights[i].used)
            return i;
    return -1;
}

int session_publish(struct session *session, uint64_t id, const char *topic, const char *payload, size_t size, int qos,
                    bool retain, char text[SESSION_TEXT_SIZE]) {
    int slot = qos > 0 ? free_slot(session) : 0;
    if (slot < 0) {
        snprintf(text, SESSION_TEXT_SIZE, "more than %d messages in flight", SESSION_WINDOW);
        return -1;
    }
    MQTTAsync_responseOptions options = MQTTAsync_responseOptions_initializer;
    if (qos > 0) {
        options.context = context_of(session->connection, (unsigned)slot);
        if (session->version == 5) {
            options.onSuccess5 = on_ack5;
            options.onFailure5 = on_ack_failure5;
        } else {
            options.onSuccess = on_ack;
        }
        session->flights[slot] = (struct flight){.used = true, .id = id, .since_ms = clock_mono_ms()};
        session->in_flight++;
    }
    int result = MQTTAsync_send(session->client, topic, (int)size, payload, qos, retain, &options); /* copies both */
    if (result == MQTTASYNC_SUCCESS)
        return 0;
    if (qos > 0) {
        session->flights[slot].used = false;
        session->in_flight--;
    }
    snprintf(text, SESSION_TEXT_SIZE, "paho does not publish: %s", MQTTAsync_strerror(result));
    return -1;
}

size_t session_in_flight(const struct session *session) {
    return session->in_flight;
}

int64_t session_waiting_since_ms(const struct session *session) {
    int64_t oldest = INT64_MAX;
    for (size_t i = 0; i < SESSION_WINDOW; i++)
        if (session->flights[i].used && session->flights[i].since_ms < oldest)
            oldest = session->flights[i].since_ms;
    return oldest;
}

void session_close(struct session *session, bool with_will) {
    forget_flights(session);
    session->connection++;
    MQTTAsync_disconnectOptions five = MQTTAsync_disconnectOptions_initializer5;
    MQTTAsync_disconnectOptions options = MQTTAsync_disconnectOptions_initializer;
    if (session->version == 5) {
        options = five;
        options.onSuccess5 = on_closed5;
        options.reasonCode = with_will ? MQTTREASONCODE_DISCONNECT_WITH_WILL_MESSAGE : MQTTREASONCODE_SUCCESS;
    } else {
        options.onSuccess = on_closed;
    }
    options.context = context_of(session->connection, 0);
    if (MQTTAsync_disconnect(session->client, &options) != MQTTASYNC_SUCCESS)
        leave(SESSION_CLOSED, options.context, NO_REASON, NULL); /* it was not connected */
}

bool session_is_tainted(const struct session *session) {
    for (size_t i = 0; i < BROKER_URLS_MAX; i++)
        for (size_t j = 0; j < COUNT_OF(session->clients[i]); j++) {
            MQTTAsync_token *tokens = NULL;
            if (session->clients[i][j] && MQTTAsync_getPendingTokens(session->clients[i][j], &tokens) == 0 && tokens) {
                MQTTAsync_free(tokens);
                return true;
            }
        }
    return false;
}
