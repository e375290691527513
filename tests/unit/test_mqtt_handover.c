/* Packets between liftgwd and liftgw-publish: what goes in comes out, and nothing else is taken. */
#include "mqtt/handover.h"

#include "mqtt/setup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEADER_SIZE 32

static void test_what_goes_in_comes_out(void **state) {
    (void)state;
    static const struct handover cases[] = {
        {.type = HANDOVER_SETUP, .payload = "{}", .payload_size = 2},
        {.type = HANDOVER_PUBLISH,
         .id = UINT64_MAX,
         .code = 7,
         .qos = 1,
         .retain = true,
         .topic = "a/b/盐城",
         .payload = "x\0y",
         .payload_size = 3},
        {.type = HANDOVER_PUBLISH, .id = 1, .topic = "cleared"},
        {.type = HANDOVER_ACK, .id = 1842, .code = 0x87},
        {.type = HANDOVER_ALIVE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        unsigned char packet[HANDOVER_SIZE];
        struct handover message;
        size_t size = handover_pack(&cases[i], packet);
        assert_true(size >= HEADER_SIZE);
        assert_true(handover_unpack(packet, size, &message));
        assert_int_equal(message.type, cases[i].type);
        assert_int_equal(message.id, cases[i].id);
        assert_int_equal(message.code, cases[i].code);
        assert_int_equal(message.qos, cases[i].qos);
        assert_int_equal(message.retain, cases[i].retain);
        assert_string_equal(message.topic, cases[i].topic ? cases[i].topic : "");
        assert_int_equal(message.payload_size, cases[i].payload_size);
        if (message.payload_size > 0)
            assert_memory_equal(message.payload, cases[i].payload, message.payload_size);
    }
}

static void test_the_largest_message_fits(void **state) {
    (void)state;
    static char topic[640], payload[4096];
    memset(topic, 't', sizeof topic - 1);
    unsigned char packet[HANDOVER_SIZE];
    struct handover message = {
        .type = HANDOVER_PUBLISH, .topic = topic, .payload = payload, .payload_size = sizeof payload};
    assert_int_equal(handover_pack(&message, packet), HEADER_SIZE + sizeof topic + sizeof payload);
}

static void test_what_does_not_fit_is_not_packed(void **state) {
    (void)state;
    static char large[HANDOVER_SIZE + 1];
    unsigned char packet[HANDOVER_SIZE];
    struct handover message = {.type = HANDOVER_PUBLISH, .topic = "t", .payload = large};
    message.payload_size = HANDOVER_SIZE - HEADER_SIZE - 2;
    assert_int_equal(handover_pack(&message, packet), HANDOVER_SIZE);
    message.payload_size++;
    assert_int_equal(handover_pack(&message, packet), 0);
    message.payload_size = SIZE_MAX;
    assert_int_equal(handover_pack(&message, packet), 0);
    memset(large, 't', sizeof large - 1);
    assert_int_equal(handover_pack(&(struct handover){.type = HANDOVER_PUBLISH, .topic = large}, packet), 0);
}

/* A packet on the heap, of exactly its size, so that a byte read beyond it is seen by the sanitizer. */
static bool takes(const unsigned char *bytes, size_t size) {
    struct handover message;
    unsigned char *packet = malloc(size ? size : 1);
    memcpy(packet, bytes, size);
    bool taken = handover_unpack(packet, size, &message);
    if (taken)
        assert_true(strlen(message.topic) + 1 + message.payload_size + HEADER_SIZE == size);
    free(packet);
    return taken;
}

static void test_other_sizes_are_refused(void **state) {
    (void)state;
    unsigned char packet[HANDOVER_SIZE + 1] = {0};
    struct handover message = {.type = HANDOVER_PUBLISH, .topic = "a/b", .payload = "{}", .payload_size = 2};
    size_t size = handover_pack(&message, packet);
    assert_true(takes(packet, size));
    for (size_t other = 0; other < sizeof packet; other++)
        if (other != size)
            assert_false(takes(packet, other));
}

/* Every header byte set to every value: none is read beyond its end, and a wrong magic or type is never taken. */
static void test_broken_headers_are_refused(void **state) {
    (void)state;
    unsigned char good[HANDOVER_SIZE];
    struct handover message = {.type = HANDOVER_PUBLISH, .topic = "a/b", .payload = "{}", .payload_size = 2};
    size_t size = handover_pack(&message, good);
    for (size_t at = 0; at < HEADER_SIZE; at++)
        for (int value = 0; value < 256; value++) {
            unsigned char packet[HANDOVER_SIZE];
            memcpy(packet, good, size);
            packet[at] = (unsigned char)value;
            bool taken = takes(packet, size);
            bool is_magic = at < 4;
            bool is_size = at >= 22 && at < 28;
            if ((is_magic || is_size) && value != good[at])
                assert_false(taken);
        }
    unsigned char packet[HANDOVER_SIZE];
    memcpy(packet, good, size);
    packet[HEADER_SIZE + 3] = 'x'; /* a topic without its end */
    assert_false(takes(packet, size));
    memcpy(packet, good, size);
    packet[HEADER_SIZE + 1] = '\0'; /* a topic with two */
    assert_false(takes(packet, size));
}

static void test_setup_there_and_back(void **state) {
    (void)state;
    const struct broker_setup setup = {.urls = {"mqtts://a.example", "mqtts://b.example:8884"},
                                       .version = 4,
                                       .automatic = true,
                                       .client_id = "liftgw-B12-2",
                                       .keepalive_s = 30,
                                       .username = "盒子",
                                       .password = "pass\"word\\",
                                       .ca_file = "/etc/liftgw/ca.pem",
                                       .will_topic = "t",
                                       .will_payload = "{\"status\":\"offline\"}",
                                       .ack_timeout_s = 7};
    char text[1024];
    size_t size = broker_setup_pack(&setup, text, sizeof text);
    assert_true(size > 0);
    struct broker_setup *read = broker_setup_unpack(text, size);
    assert_non_null(read);
    assert_string_equal(read->urls[0], setup.urls[0]);
    assert_string_equal(read->urls[1], setup.urls[1]);
    assert_null(read->urls[2]);
    assert_int_equal(read->version, 4);
    assert_true(read->automatic);
    assert_string_equal(read->client_id, setup.client_id);
    assert_int_equal(read->keepalive_s, 30);
    assert_string_equal(read->username, setup.username);
    assert_string_equal(read->password, setup.password);
    assert_null(read->password_file);
    assert_string_equal(read->ca_file, setup.ca_file);
    assert_null(read->cert_file);
    assert_null(read->key_file);
    assert_string_equal(read->will_topic, "t");
    assert_string_equal(read->will_payload, setup.will_payload);
    assert_int_equal(read->ack_timeout_s, 7);
    broker_setup_free(read);
    assert_int_equal(broker_setup_pack(&setup, text, size - 1), 0);
}

static void test_setups_that_are_none(void **state) {
    (void)state;
    static const char *const texts[] = {
        "",
        "[]",
        "{}",
        "{\"urls\":\"mqtt://a\",\"version\":5,\"client_id\":\"c\",\"keepalive_s\":30}",
        "{\"urls\":[],\"version\":5,\"client_id\":\"c\",\"keepalive_s\":30}",
        "{\"urls\":[1],\"version\":5,\"client_id\":\"c\",\"keepalive_s\":30}",
        ("{\"urls\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\"],\"version\":5,\"client_id\":\"c\","
         "\"keepalive_s\":30}"),
        "{\"urls\":[\"mqtt://a\"],\"version\":3,\"client_id\":\"c\",\"keepalive_s\":30}",
        "{\"urls\":[\"mqtt://a\"],\"version\":5,\"keepalive_s\":30}",
        "{\"urls\":[\"mqtt://a\"],\"version\":5,\"client_id\":\"c\",\"keepalive_s\":0}",
        "{\"urls\":[\"mqtt://a\"],\"version\":5,\"client_id\":\"c\",\"keepalive_s\":30,\"password\":1}",
        "{\"urls\":[\"mqtt://a\"],\"version\":5,\"client_id\":\"c\",\"keepalive_s\":30,\"will_topic\":\"t\"}",
        "{\"urls\":[\"mqtt://a\"],\"version\":5,\"client_id\":\"c\",\"keepalive_s\":30,\"ack_timeout_s\":-1}",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        assert_null(broker_setup_unpack(texts[i], strlen(texts[i])));
    static const char least[] = "{\"urls\":[\"mqtt://a\"],\"version\":5,\"client_id\":\"c\",\"keepalive_s\":30}";
    struct broker_setup *setup = broker_setup_unpack(least, strlen(least));
    assert_non_null(setup);
    assert_false(setup->automatic);
    assert_int_equal(setup->ack_timeout_s, 20);
    broker_setup_free(setup);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_goes_in_comes_out),
        cmocka_unit_test(test_the_largest_message_fits),
        cmocka_unit_test(test_what_does_not_fit_is_not_packed),
        cmocka_unit_test(test_other_sizes_are_refused),
        cmocka_unit_test(test_broken_headers_are_refused),
        cmocka_unit_test(test_setup_there_and_back),
        cmocka_unit_test(test_setups_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
