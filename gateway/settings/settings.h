/* liftgw.cfg as structs: read once, checked whole, immutable afterwards. A text that is not given or empty is NULL.
 *
 * Every option is a row of options.c (name, type, default, range, one sentence); the example configuration
 * and this reader are held together by a test. */
#ifndef LIFTGW_SETTINGS_SETTINGS_H
#define LIFTGW_SETTINGS_SETTINGS_H

#include "base/conf.h"
#include "model/identity.h"
#include "model/lift.h"
#include "profile/plan.h"

#define SETTINGS_URLS_MAX 8

enum rs485_mode { RS485_AUTO, RS485_KERNEL };
enum mqtt_protocol { MQTT_AUTO, MQTT_5, MQTT_3_1_1 };

struct gateway_settings {
    const char *id, *prefix, *district, *compound, *language, *code_system, *timezone;
    const char *state_dir, *control, *metrics_file;
    const char **profile_dirs, **codes_dirs; /* NULL-terminated */
    int state_interval_s, state_min_interval_ms, counters_interval_s, health_interval_s;
    int outbox_max_events, history_days;
};

struct broker_settings {
    const char **urls; /* NULL-terminated, at least one */
    const char *username, *password, *password_file, *ca_file, *cert_file, *key_file;
    enum mqtt_protocol protocol;
    const char *client_id;
    int keepalive_s;
};

struct part_settings {
    int unit;
    size_t bus;     /* index in buses */
    size_t profile; /* index in profiles */
    struct part_options options;
    uint32_t owns; /* bit (1 << item): provided, and by no part before it */
};

struct lift_settings {
    struct lift_identity identity;
    struct lift_limits limits;
    const char **accepts; /* NULL-terminated or NULL */
    struct part_settings *part;
    size_t part_count; /* at most LIFT_PARTS */
    int line;          /* in the file */
};

struct bus_section {
    const char *name, *device;
    int baud, data_bits, stop_bits; /* resolved: from the bus, else from its profiles */
    enum parity parity;
    enum rs485_mode rs485;
    int response_timeout_ms, late_reply_ms, min_poll_ms, offline_after;
    int line;
};

struct settings_memory;
struct settings {
    const char *file;
    uint64_t hash; /* over everything that was read */
    struct gateway_settings gateway;
    struct gateway_identity identity;
    struct code_table codes;
    struct broker_settings broker;
    struct bus_section *buses;
    size_t bus_count;
    struct lift_settings *lifts; /* in the order of the file, over all buses */
    size_t lift_count;
    struct profile **profiles; /* each once, however many lifts use it */
    size_t profile_count;
    struct settings_memory *memory; /* what the pointers above lead to */
};

/* Reads and checks path with its profiles and code table. Every problem is added to problems; NULL if there is an
 * error among them. The result owns all that it points to. */
struct settings *settings_load(const char *path, struct problems *problems);
void settings_free(struct settings *settings);

/* True if both paths lead to one device, by whatever links. */
bool settings_same_device(const char *a, const char *b);

#endif
