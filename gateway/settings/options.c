#include "settings/options.h"

#include "base/build.h"
#include "base/text.h"

#include <inttypes.h>
#include <string.h>

#define IDENTITY_MAX 128
#define PATH_TEXT_MAX 400

const char option_required[] = "required";
const char option_inherited[] = "default as in gateway";

static const char *const languages[] = {"zh", "en", NULL};
static const char *const protocols[] = {"auto", "5", "3.1.1", NULL};
static const char *const parities[] = {"none", "even", "odd", NULL};
static const char *const rs485_modes[] = {"auto", "kernel", NULL};
static const char *const managers[] = {"property_company", "owners", "work_unit", "street_office", NULL};

#define GATEWAY(field) offsetof(struct gateway_section, gateway.field)
#define BROKER(field) offsetof(struct broker_settings, field)
#define BUS(field) offsetof(struct bus_section, field)
#define LIFT(field) offsetof(struct lift_section, field)
#define LIFT_PART(field) offsetof(struct lift_section, part.field)
#define PART(field) offsetof(struct part_section, field)

/* clang-format off */
/* The limits of the fault rules stand in gateway for all its lifts, and in a lift for that one. */
#define LIMIT_ROWS(LIMIT) \
    LIMIT(entrapment_outside_s, "30", 1, 3600, \
          "How long a car stands outside the door zone before an entrapment is suspected."), \
    LIMIT(entrapment_closed_s, "60", 1, 3600, \
          "How long a faulty car with somebody perhaps inside stands closed before an entrapment is suspected."), \
    LIMIT(entrapment_emergency_power_s, "120", 1, 3600, "The same on emergency power."), \
    LIMIT(evidence_s, "120", 0, 3600, \
          "How long after a ride or a movement of the door somebody may still be inside."), \
    LIMIT(confirm_s, "10", 0, 600, "How long a suspicion has to stand before the passenger alarm confirms it."), \
    LIMIT(suppress_s, "120", 0, 3600, "How long after inspection or maintenance faults still wake nobody."), \
    LIMIT(flapping_per_h, "12", 0, 1000, \
          "How often an hour a fault may come before it is held as flapping; 0 never."), \
    LIMIT(door_held_s, "600", 1, 86400, "How long a door is open before it is reported as held."), \
    LIMIT(no_ride_h, "24", 1, 720, "How long a lift in normal mode makes no ride before that is reported."), \
    LIMIT(stalled_s, "30", 1, 3600, \
          "How long the heartbeat of a controller stands still before its link is stalled.")
#define GATEWAY_LIMIT(key, fallback, min, max, sentence) \
    {"gateway", #key, OPTION_NUMBER, offsetof(struct gateway_section, limits.key), fallback, min, max, 0, NULL, \
     sentence}
#define LIFT_LIMIT(key, fallback, min, max, sentence) \
    {"lift", #key, OPTION_NUMBER, LIFT(limits.key), option_inherited, min, max, 0, NULL, sentence}

/* How a unit is used: beside a lift's unit, and in each of its parts. */
#define PART_ROWS(section, field) \
    {section, "invert", OPTION_TEXTS, field(options.invert), "", 0, 64, 64, NULL, \
     "Items whose bit is wired the other way round."}, \
    {section, "unused", OPTION_TEXTS, field(options.unused), "", 0, 64, 64, NULL, \
     "Items that nothing is wired to; the profile says what is assumed."}, \
    {section, "without", OPTION_TEXTS, field(options.without), "", 0, 64, 64, NULL, \
     "Items that are not taken from this unit."}, \
    {section, "address_offset", OPTION_NUMBER, field(options.address_offset), "0", -65535, 65535, 0, NULL, \
     "What is added to every register address of the profile."}

static const struct option options[] = {
    {"gateway", "id", OPTION_LEVEL, GATEWAY(id), option_required, 1, IDENTITY_MAX, 0, NULL,
     "This box; unique in the city; a level of its topics."},
    {"gateway", "prefix", OPTION_LEVELS, GATEWAY(prefix), option_required, 1, IDENTITY_MAX, 0, NULL,
     "The first level or levels of every topic, usually the city."},
    {"gateway", "district", OPTION_LEVEL, GATEWAY(district), option_required, 1, IDENTITY_MAX, 0, NULL,
     "The district; a level of every topic."},
    {"gateway", "compound", OPTION_LEVEL, GATEWAY(compound), option_required, 1, IDENTITY_MAX, 0, NULL,
     "The residential compound; a level of every topic."},
    {"gateway", "language", OPTION_CHOICE, GATEWAY(language), "zh", 0, 0, 0, languages,
     "The language of the texts in messages."},
    {"gateway", "code_system", OPTION_TEXT, GATEWAY(code_system), "gbt24476-2017", 1, 63, 0, NULL,
     "Whose fault codes stand in messages: the name of a file in codes_dirs, without .cfg."},
    {"gateway", "timezone", OPTION_TEXT, GATEWAY(timezone), "Asia/Shanghai", 1, 63, 0, NULL,
     "Whose midnight closes a day: a name of the tz database, or UTC."},
    {"gateway", "state_dir", OPTION_PATH, GATEWAY(state_dir), "/var/lib/liftgw", 1, PATH_TEXT_MAX, 0, NULL,
     "Where the ledger stands."},
    {"gateway", "control", OPTION_PATH, GATEWAY(control), "/run/liftgw/control.sock", 1, 100, 0, NULL,
     "The socket through which liftgwctl speaks with the daemon."},
    {"gateway", "profile_dirs", OPTION_PATHS, GATEWAY(profile_dirs),
     LIFTGW_SYSCONF "/profiles:" LIFTGW_DATA "/profiles", 1, 8, PATH_TEXT_MAX, NULL,
     "Where controller profiles are looked for, in this order."},
    {"gateway", "codes_dirs", OPTION_PATHS, GATEWAY(codes_dirs), LIFTGW_SYSCONF "/codes:" LIFTGW_DATA "/codes", 1, 8,
     PATH_TEXT_MAX, NULL, "Where code tables are looked for, in this order."},
    {"gateway", "state_interval_s", OPTION_NUMBER, GATEWAY(state_interval_s), "60", 0, 86400, 0, NULL,
     "How often state is published without a change; 0 on change only."},
    {"gateway", "state_min_interval_ms", OPTION_NUMBER, GATEWAY(state_min_interval_ms), "1000", 100, 60000, 0, NULL,
     "How soon after one state the next may follow."},
    {"gateway", "counters_interval_s", OPTION_NUMBER, GATEWAY(counters_interval_s), "60", 1, 86400, 0, NULL,
     "How soon after one counters message the next may follow."},
    {"gateway", "health_interval_s", OPTION_NUMBER, GATEWAY(health_interval_s), "60", 1, 86400, 0, NULL,
     "How often the gateway publishes its health."},
    {"gateway", "outbox_max_events", OPTION_NUMBER, GATEWAY(outbox_max_events), "100000", 10, 10000000, 0, NULL,
     "How many messages may wait for the broker before the oldest are dropped, which is told."},
    {"gateway", "history_days", OPTION_NUMBER, GATEWAY(history_days), "90", 1, 3650, 0, NULL,
     "How long messages are kept on the box after the broker took them."},
    {"gateway", "metrics_file", OPTION_PATH, GATEWAY(metrics_file), "", 0, PATH_TEXT_MAX, 0, NULL,
     "A file for Prometheus' node exporter, ending in .prom."},
    LIMIT_ROWS(GATEWAY_LIMIT),

    {"broker", "urls", OPTION_TEXTS, BROKER(urls), option_required, 1, 8, 200, NULL,
     "The city's brokers, tried in order: mqtts://HOST[:PORT], or mqtt:// without encryption."},
    {"broker", "username", OPTION_TEXT, BROKER(username), "", 0, 255, 0, NULL, "The name to log in with."},
    {"broker", "password_file", OPTION_PATH, BROKER(password_file), "", 0, PATH_TEXT_MAX, 0, NULL,
     "A file whose first line is the password; without it and without password, the systemd credential mqtt-password."},
    {"broker", "password", OPTION_TEXT, BROKER(password), "", 0, 255, 0, NULL,
     "The password itself; only if others cannot read this file."},
    {"broker", "ca_file", OPTION_PATH, BROKER(ca_file), "", 0, PATH_TEXT_MAX, 0, NULL,
     "The certificates that the broker's is checked against; without it, those that the system trusts."},
    {"broker", "cert_file", OPTION_PATH, BROKER(cert_file), "", 0, PATH_TEXT_MAX, 0, NULL,
     "This box's own certificate."},
    {"broker", "key_file", OPTION_PATH, BROKER(key_file), "", 0, PATH_TEXT_MAX, 0, NULL,
     "The private key of cert_file; without it, the systemd credential mqtt-key, or else it stands in cert_file itself."},
    {"broker", "protocol", OPTION_WORD, BROKER(protocol), "auto", MQTT_AUTO, 0, 0, protocols,
     "The version of MQTT; auto is 5, and 3.1.1 for a broker that refuses it."},
    {"broker", "client_id", OPTION_TEXT, BROKER(client_id), "", 0, 255, 0, NULL,
     "The client identifier; without it, liftgw- and the id of the gateway."},
    {"broker", "keepalive_s", OPTION_NUMBER, BROKER(keepalive_s), "30", 5, 3600, 0, NULL,
     "How long the connection may be quiet before the broker is asked whether it lives."},

    {"bus", "name", OPTION_TEXT, BUS(name), option_required, 1, 64, 0, NULL,
     "What people and parts call this bus; unique on this box."},
    {"bus", "device", OPTION_PATH, BUS(device), option_required, 1, PATH_TEXT_MAX, 0, NULL,
     "The serial device, best by /dev/serial/by-id or by-path."},
    {"bus", "baud", OPTION_NUMBER, BUS(baud), "", 110, 921600, 0, NULL,
     "The speed of the line; without it, what the profiles say."},
    {"bus", "parity", OPTION_WORD, BUS(parity), "", PARITY_NONE, 0, 0, parities,
     "The parity of the line; without it, what the profiles say."},
    {"bus", "data_bits", OPTION_NUMBER, BUS(data_bits), "", 8, 8, 0, NULL,
     "The data bits of a character; Modbus RTU has 8."},
    {"bus", "stop_bits", OPTION_NUMBER, BUS(stop_bits), "", 1, 2, 0, NULL,
     "The stop bits of a character; without it, what the profiles say."},
    {"bus", "rs485", OPTION_WORD, BUS(rs485), "auto", RS485_AUTO, 0, 0, rs485_modes,
     "Who turns the transceiver round: auto leaves it to the adapter, kernel asks the driver."},
    {"bus", "response_timeout_ms", OPTION_NUMBER, BUS(response_timeout_ms), "300", 20, 1000, 0, NULL,
     "How long an answer may take."},
    {"bus", "late_reply_ms", OPTION_NUMBER, BUS(late_reply_ms), "1000", 0, 10000, 0, NULL,
     "How late an answer may come and is still known as late."},
    {"bus", "min_poll_ms", OPTION_NUMBER, BUS(min_poll_ms), "100", 0, 60000, 0, NULL,
     "How short a cycle may be, so that a fast bus is not busy for nothing."},
    {"bus", "offline_after", OPTION_NUMBER, BUS(offline_after), "3", 1, 100, 0, NULL,
     "How many polls in a row have to fail before a unit is offline."},
    {"bus", "lifts", OPTION_GROUPS, 0, "", 0, 247, 0, NULL, "The lifts whose units are on this bus."},

    {"lift", "id", OPTION_LEVEL, LIFT(identity.id), option_required, 1, IDENTITY_MAX, 0, NULL,
     "This lift; unique on this box; a level of its topics."},
    {"lift", "unit", OPTION_NUMBER, LIFT(part.unit), "", 1, 247, 0, NULL, "The unit (slave address) of its controller."},
    {"lift", "profile", OPTION_TEXT, LIFT(part.profile), "", 0, 63, 0, NULL,
     "The kind of its controller: the name of a file in profile_dirs, without .cfg."},
    PART_ROWS("lift", LIFT_PART),
    {"lift", "accepts", OPTION_TEXTS, LIFT(accepts), "", 0, 32, 64, NULL,
     "The warnings of its profiles that somebody has read and dealt with."},
    {"lift", "name", OPTION_TEXT, LIFT(identity.name), "", 0, IDENTITY_MAX, 0, NULL, "What people call it."},
    {"lift", "registration", OPTION_TEXT, LIFT(identity.registration), "", 0, IDENTITY_MAX, 0, NULL,
     "Its registration code as special equipment."},
    {"lift", "rescue_code", OPTION_TEXT, LIFT(identity.rescue_code), "", 0, IDENTITY_MAX, 0, NULL,
     "Its code on the rescue platform."},
    {"lift", "address", OPTION_TEXT, LIFT(identity.address), "", 0, IDENTITY_MAX, 0, NULL, "Where it stands."},
    {"lift", "managed_by", OPTION_CHOICE, LIFT(identity.managed_by), "", 0, 0, 0, managers,
     "What kind of body manages it."},
    {"lift", "manager", OPTION_TEXT, LIFT(identity.manager), "", 0, IDENTITY_MAX, 0, NULL, "Who manages it."},
    {"lift", "phone", OPTION_TEXT, LIFT(identity.phone), "", 0, IDENTITY_MAX, 0, NULL, "The manager's telephone."},
    {"lift", "maintainer", OPTION_TEXT, LIFT(identity.maintainer), "", 0, IDENTITY_MAX, 0, NULL, "Who maintains it."},
    {"lift", "maintainer_phone", OPTION_TEXT, LIFT(identity.maintainer_phone), "", 0, IDENTITY_MAX, 0, NULL,
     "The maintainer's telephone."},
    {"lift", "labels", OPTION_TEXTS, LIFT(identity.labels), "", 0, 128, 16, NULL,
     "What stands on the buttons, from floor 1 upwards."},
    {"lift", "floors", OPTION_NUMBER, LIFT(identity.floors), "", 1, 128, 0, NULL,
     "How many floors it serves; without it, the number of labels."},
    LIMIT_ROWS(LIFT_LIMIT),
    {"lift", "parts", OPTION_GROUPS, 0, "", 1, LIFT_PARTS, 0, NULL,
     "Instead of unit and profile: its units, when it has several; the first is the primary."},

    {"part", "unit", OPTION_NUMBER, PART(unit), option_required, 1, 247, 0, NULL, "The unit (slave address)."},
    {"part", "profile", OPTION_TEXT, PART(profile), option_required, 1, 63, 0, NULL,
     "What kind of unit it is: the name of a file in profile_dirs, without .cfg."},
    {"part", "bus", OPTION_TEXT, PART(bus), "", 0, 64, 0, NULL,
     "The name of the bus that it is on; without it, the bus that the lift stands in."},
    PART_ROWS("part", PART),
};
/* clang-format on */

const struct option *settings_options(size_t *count) {
    *count = COUNT_OF(options);
    return options;
}

/* Appends to text[OPTION_RANGE_SIZE]; a row that does not fit is cut, and the test sees it. */
static void append(char *text, const char *more) {
    size_t used = strlen(text);
    text_copy(text + used, OPTION_RANGE_SIZE - used, more);
}

static void append_words(char *text, const char *const *words) {
    for (size_t i = 0; words[i]; i++) {
        append(text, i == 0 ? "\"" : words[i + 1] ? "\", \"" : "\" or \"");
        append(text, words[i]);
    }
    append(text, "\"");
}

static void append_type(char *text, const struct option *option) {
    char number[96] = "";
    switch (option->type) {
    case OPTION_NUMBER:
        snprintf(number, sizeof number, option->min == option->max ? "%" PRId64 : "%" PRId64 " to %" PRId64,
                 option->min, option->max);
        break;
    case OPTION_WORD:
    case OPTION_CHOICE:
        append_words(text, option->words);
        break;
    case OPTION_TEXT:
        snprintf(number, sizeof number, "a text of at most %" PRId64 " bytes", option->max);
        break;
    case OPTION_PATH:
        snprintf(number, sizeof number, "a path of at most %" PRId64 " bytes", option->max);
        break;
    case OPTION_LEVEL:
        snprintf(number, sizeof number, "a topic level of at most %" PRId64 " bytes", option->max);
        break;
    case OPTION_LEVELS:
        snprintf(number, sizeof number, "topic levels with / between, at most %" PRId64 " bytes", option->max);
        break;
    case OPTION_TEXTS:
    case OPTION_PATHS:
        snprintf(number, sizeof number, "a list of at most %" PRId64 " %s of at most %" PRId64 " bytes", option->max,
                 option->type == OPTION_PATHS ? "paths" : "texts", option->each);
        break;
    case OPTION_GROUPS:
        snprintf(number, sizeof number, "a list of at most %" PRId64 " groups", option->max);
        break;
    }
    append(text, number);
}

const char *option_range(const struct option *option, char text[OPTION_RANGE_SIZE]) {
    text[0] = '\0';
    append_type(text, option);
    if (option->fallback == option_required || option->fallback == option_inherited) {
        append(text, "; ");
        append(text, option->fallback);
    } else if (option->fallback[0]) {
        const char *quote = option->type == OPTION_NUMBER ? "" : "\"";
        append(text, "; default ");
        append(text, quote);
        append(text, option->fallback);
        append(text, quote);
    }
    return text;
}
