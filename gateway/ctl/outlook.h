/* What a configuration will do before anybody has answered: how long a cycle of each bus takes, and how long it takes
 * at most from a fault in a lift to its message. Pure: by formula from line settings, plans and debounces. */
#ifndef LIFTGW_CTL_OUTLOOK_H
#define LIFTGW_CTL_OUTLOOK_H

#include "modbus/schedule.h"
#include "settings/settings.h"

/* From a complete poll to the message on the network: the ledger's commit on slow flash, the way to the publisher. */
#define OUTLOOK_HANDLING_NS INT64_C(100000000)

struct outlook_bus {
    const struct bus_section *section;
    struct bus_settings settings;
    struct bus_unit *units;
    size_t *lifts; /* by unit: whose it is, */
    size_t *parts; /* and which part of it */
    struct schedule_forecast forecast;
    int64_t period_ns; /* a cycle, with min_poll_ms */
};

/* The parts of the worst case of one fault, in the order in which they pass. */
struct outlook_fault {
    const struct profile *profile;
    const struct fault_row *row;
    int64_t wait_ns;     /* the fault comes just after it was looked for: one period, or a round of the slow lane */
    int64_t poll_ns;     /* from its read's answer to the poll's end */
    int64_t debounce_ns; /* on_ms and off_ms of the contacts behind it, */
    int64_t raise_ns;    /* and raise_after_ms: each with one more period */
    int64_t total_ns;    /* of all, with OUTLOOK_HANDLING_NS */
};
struct outlook_lift {
    bool has_fault;
    struct outlook_fault quickest, slowest; /* by total_ns */
};

struct outlook {
    const struct settings *settings;
    struct plan **plans; /* by lift × LIFT_PARTS + part */
    struct outlook_bus *buses;
    struct outlook_lift *lifts;
};

/* The settings must outlive it. The caller's to free. */
struct outlook *outlook_create(const struct settings *settings);
void outlook_free(struct outlook *outlook);

/* What check warns of beside what settings_load says: bus load, debounces shorter than a cycle, profiles, device paths,
 * the MQTT version. Each with file, line and what would be right. */
void outlook_warn(const struct outlook *outlook, struct problems *problems);

/* What of a row falls to its else, as people read it: "3" or "all but 0 and 1"; false: nothing does. */
#define OUTLOOK_REST_SIZE 120
bool outlook_value_rest(const struct value_row *row, char text[OUTLOOK_REST_SIZE]);
bool outlook_rule_rest(const struct rule_row *row, char text[OUTLOOK_REST_SIZE]);

#endif
