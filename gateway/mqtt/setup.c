#include "mqtt/setup.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#include <jansson.h>
#include <stdlib.h>

#define ACK_TIMEOUT_S 20
#define ACK_TIMEOUT_LONGEST_S 3600
#define RETURN_S 900
#define RETURN_LONGEST_S 86400
#define KEEPALIVE_LONGEST_S 65535

static const struct {
    const char *key;
    size_t at;
} texts[] = {
    {"client_id", offsetof(struct broker_setup, client_id)},
    {"username", offsetof(struct broker_setup, username)},
    {"password", offsetof(struct broker_setup, password)},
    {"password_file", offsetof(struct broker_setup, password_file)},
    {"ca_file", offsetof(struct broker_setup, ca_file)},
    {"cert_file", offsetof(struct broker_setup, cert_file)},
    {"key_file", offsetof(struct broker_setup, key_file)},
    {"will_topic", offsetof(struct broker_setup, will_topic)},
    {"will_payload", offsetof(struct broker_setup, will_payload)},
};

static const char *const *text_in(const struct broker_setup *setup, size_t i) {
    return (const char *const *)(const void *)((const char *)setup + texts[i].at);
}

size_t broker_setup_pack(const struct broker_setup *setup, char *text, size_t size) {
    json_t *urls = json_array();
    for (size_t i = 0; i < BROKER_URLS_MAX && setup->urls[i]; i++)
        json_array_append_new(urls, json_string(setup->urls[i]));
    json_t *object = json_pack("{s:o, s:i, s:b, s:i, s:i, s:i}", "urls", urls, "version", setup->version, "auto",
                               (int)setup->automatic, "keepalive_s", setup->keepalive_s, "ack_timeout_s",
                               setup->ack_timeout_s > 0 ? setup->ack_timeout_s : ACK_TIMEOUT_S, "return_s",
                               setup->return_s > 0 ? setup->return_s : RETURN_S);
    bool good = object != NULL;
    for (size_t i = 0; good && i < COUNT_OF(texts); i++) {
        const char *value = *text_in(setup, i);
        good = !value || json_object_set_new(object, texts[i].key, json_string(value)) == 0;
    }
    size_t used = good ? json_dumpb(object, text, size, JSON_COMPACT) : 0;
    json_decref(object);
    return used <= size ? used : 0;
}

/* What is wrong with the object, NULL if nothing. */
static const char *read_object(json_t *object, struct broker_setup *setup) {
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        json_t *value = json_object_get(object, texts[i].key);
        if (value && !json_is_null(value) && !json_is_string(value))
            return texts[i].key;
        *(const char **)(void *)((char *)setup + texts[i].at) = json_string_value(value);
    }
    const json_t *urls = json_object_get(object, "urls");
    size_t url_count = json_array_size(urls);
    if (url_count == 0 || url_count > BROKER_URLS_MAX)
        return "urls";
    for (size_t i = 0; i < url_count; i++)
        if (!(setup->urls[i] = json_string_value(json_array_get(urls, i))))
            return "urls";
    setup->version = (int)json_integer_value(json_object_get(object, "version"));
    if (setup->version != 5 && setup->version != 4)
        return "version";
    setup->automatic = json_is_true(json_object_get(object, "auto"));
    if (!setup->client_id)
        return "client_id";
    json_int_t keepalive_s = json_integer_value(json_object_get(object, "keepalive_s"));
    if (keepalive_s < 1 || keepalive_s > KEEPALIVE_LONGEST_S)
        return "keepalive_s";
    setup->keepalive_s = (int)keepalive_s;
    json_t *ack_timeout = json_object_get(object, "ack_timeout_s");
    json_int_t ack_timeout_s = ack_timeout ? json_integer_value(ack_timeout) : ACK_TIMEOUT_S;
    if (ack_timeout_s < 1 || ack_timeout_s > ACK_TIMEOUT_LONGEST_S)
        return "ack_timeout_s";
    setup->ack_timeout_s = (int)ack_timeout_s;
    json_t *come_back = json_object_get(object, "return_s");
    json_int_t return_s = come_back ? json_integer_value(come_back) : RETURN_S;
    if (return_s < 1 || return_s > RETURN_LONGEST_S)
        return "return_s";
    setup->return_s = (int)return_s;
    if ((setup->will_topic != NULL) != (setup->will_payload != NULL))
        return "will_topic";
    return NULL;
}

/* A setup that was read, and the JSON that its texts belong to. */
struct unpacked {
    struct broker_setup setup;
    json_t *object;
};

struct broker_setup *broker_setup_unpack(const char *text, size_t size) {
    json_error_t error;
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
    if (!object) {
        log_error("the setup from liftgwd is no JSON: %s", error.text);
        return NULL;
    }
    struct unpacked *unpacked = memory_get(1, sizeof *unpacked);
    unpacked->object = object;
    const char *wrong = read_object(object, &unpacked->setup);
    if (!wrong)
        return &unpacked->setup;
    log_error("the setup from liftgwd has no usable %s", wrong);
    broker_setup_free(&unpacked->setup);
    return NULL;
}

void broker_setup_free(struct broker_setup *setup) {
    if (!setup)
        return;
    struct unpacked *unpacked = (struct unpacked *)(void *)setup; /* its first member */
    json_decref(unpacked->object);
    free(unpacked);
}
