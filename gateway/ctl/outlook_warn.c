/* What a configuration that has no mistake may still be warned of. */
#include "ctl/outlook.h"

#include <string.h>

#define NS_PER_MS INT64_C(1000000)
#define LOAD_MOST_PERCENT 80
#define CLEAR_AFTER_USUAL_MS 1000 /* nobody chose it */

static void warn_of_bus(const struct outlook *outlook, size_t b, struct problems *problems) {
    const struct outlook_bus *bus = &outlook->buses[b];
    const struct bus_section *section = bus->section;
    const char *file = outlook->settings->file;
    if (bus->forecast.load_percent > LOAD_MOST_PERCENT)
        problems_add(problems, PROBLEM_WARNING, file, section->line,
                     "bus \"%s\" is in use for %d %% of the time, a cycle takes %lld ms: that is its pace, nothing is "
                     "lost; a higher baud on all units, or a second bus, makes it quicker",
                     section->name, bus->forecast.load_percent, (long long)(bus->period_ns / NS_PER_MS));
    if (strncmp(section->device, "/dev/", 5) == 0 && strncmp(section->device, "/dev/serial/by-", 15) != 0)
        problems_add(
            problems, PROBLEM_WARNING, file, section->line,
            "%s may be another adapter after the next start: name it by /dev/serial/by-id/… (ls -l shows them)",
            section->device);
}

static void warn_of_protocol(const struct outlook *outlook, struct problems *problems) {
    if (outlook->settings->broker.protocol == MQTT_3_1_1)
        problems_add(problems, PROBLEM_WARNING, outlook->settings->file, 0,
                     "broker: an MQTT 3.1.1 broker acknowledges what its access list denies, so a denied message is "
                     "lost and nobody is told; leave protocol out (\"auto\") where the broker speaks MQTT 5");
}

static bool is_accepted(const struct lift_settings *lift, const char *id) {
    for (size_t i = 0; lift->accepts && lift->accepts[i]; i++)
        if (strcmp(lift->accepts[i], id) == 0)
            return true;
    return false;
}

static void warn_of_profile(const struct outlook *outlook, size_t l, size_t p, struct problems *problems) {
    const struct lift_settings *lift = &outlook->settings->lifts[l];
    const struct profile *profile = outlook->settings->profiles[lift->part[p].profile];
    if (!profile->verified)
        problems_add(problems, PROBLEM_WARNING, outlook->settings->file, lift->line,
                     "lift \"%s\": profile %s was never confirmed on a real lift: compare \"liftgwctl poll %s\" with "
                     "the car, then write verified = true into it",
                     lift->identity.id, profile->name, lift->identity.id);
    for (size_t i = 0; i < profile->warning_count; i++)
        if (!is_accepted(lift, profile->warnings[i].id))
            problems_add(problems, PROBLEM_WARNING, outlook->settings->file, lift->line,
                         "lift \"%s\": %s (done? accepts = (\"%s\"))", lift->identity.id, profile->warnings[i].text,
                         profile->warnings[i].id);
}

static void warn_of_delay(const struct outlook_bus *bus, const char *file, int line, const char *key, uint32_t ms,
                          struct problems *problems) {
    int64_t period_ms = bus->period_ns / NS_PER_MS + 1;
    if (ms > 0 && ms < period_ms)
        problems_add(
            problems, PROBLEM_WARNING, file, line,
            "%s = %u is shorter than a cycle of bus \"%s\": one poll is believed; from %lld on it has an effect", key,
            ms, bus->section->name, (long long)period_ms);
}

static void warn_of_delays(const struct outlook *outlook, size_t l, size_t p, struct problems *problems) {
    const struct part_settings *part = &outlook->settings->lifts[l].part[p];
    const struct profile *profile = outlook->settings->profiles[part->profile];
    const struct outlook_bus *bus = &outlook->buses[part->bus];
    for (size_t i = 0; i < profile->value_count; i++) {
        const struct value_row *row = &profile->values[i];
        warn_of_delay(bus, row->file, row->line, "on_ms", row->on_ms, problems);
        warn_of_delay(bus, row->file, row->line, "off_ms", row->off_ms, problems);
    }
    for (size_t i = 0; i < profile->fault_count; i++) {
        const struct fault_row *row = &profile->faults[i];
        warn_of_delay(bus, row->file, row->line, "raise_after_ms", row->source.raise_after_ms, problems);
        if (row->source.clear_after_ms != CLEAR_AFTER_USUAL_MS)
            warn_of_delay(bus, row->file, row->line, "clear_after_ms", row->source.clear_after_ms, problems);
    }
}

void outlook_warn(const struct outlook *outlook, struct problems *problems) {
    const struct settings *settings = outlook->settings;
    warn_of_protocol(outlook, problems);
    for (size_t b = 0; b < settings->bus_count; b++)
        warn_of_bus(outlook, b, problems);
    for (size_t l = 0; l < settings->lift_count; l++)
        for (size_t p = 0; p < settings->lifts[l].part_count; p++) {
            warn_of_profile(outlook, l, p, problems);
            warn_of_delays(outlook, l, p, problems);
        }
}
