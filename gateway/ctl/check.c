/* `liftgwctl check`: everything wrong with a configuration; and if nothing is, what it will do. */
#include "base/text.h"
#include "ctl/command.h"
#include "ctl/interpret.h"
#include "ctl/outlook.h"
#include "ctl/scan_plan.h"
#include "ctl/table.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define NS_PER_MS INT64_C(1000000)
#define HEARD_FIRST_S 3  /* design.md 4: one silent unit, */
#define HEARD_SEVEN_S 15 /* and up to seven */

static const char *milliseconds(int64_t ns, char text[32]) {
    snprintf(text, 32, "%lld ms", (long long)((ns + NS_PER_MS / 2) / NS_PER_MS));
    return text;
}

static const char *seconds(int64_t ns, char text[32]) {
    snprintf(text, 32, "%.2f s", (double)ns / 1e9);
    return text;
}

static const struct lift_settings *lift_of(const struct outlook *outlook, const struct outlook_bus *bus, size_t unit) {
    return &outlook->settings->lifts[bus->lifts[unit]];
}

static const struct profile *profile_of(const struct outlook *outlook, const struct outlook_bus *bus, size_t unit) {
    return outlook->settings->profiles[lift_of(outlook, bus, unit)->part[bus->parts[unit]].profile];
}

/* ---- for people ---- */

static void print_reads(const struct outlook *outlook, const struct outlook_bus *bus) {
    static const char *const titles[] = {"UNIT", "LIFT", "PROFILE", "LANE", "READ", "WIRE"};
    struct table_view *table = table_create(titles, COUNT_OF(titles));
    table_right(table, 5);
    for (size_t u = 0; u < bus->settings.unit_count; u++)
        for (size_t r = 0; r < bus->units[u].plan->read_count; r++) {
            const struct plan_read *read = &bus->units[u].plan->reads[r];
            char unit[16], place[48], wire[32];
            int64_t wire_ns = schedule_read_ns(&bus->settings, &bus->units[u], read, SCHEDULE_TURNAROUND_US);
            snprintf(unit, sizeof unit, "%d", bus->units[u].unit);
            snprintf(place, sizeof place, "%s 0x%04X:%u", table_name((enum table)read->table), read->address,
                     read->count);
            table_add(table, (const char *[]){r == 0 ? unit : "", r == 0 ? lift_of(outlook, bus, u)->identity.id : "",
                                              r == 0 ? profile_of(outlook, bus, u)->name : "",
                                              r < schedule_fast_count(bus->units[u].plan) ? "fast" : "slow", place,
                                              milliseconds(wire_ns, wire)});
        }
    table_print(table, stdout);
    table_free(table);
}

static void print_bus(const struct outlook *outlook, const struct outlook_bus *bus) {
    const struct bus_section *section = bus->section;
    struct scan_setting setting = {.baud = section->baud, .parity = section->parity, .stop_bits = section->stop_bits};
    char text[512], cycle[32], round[32], probe[32], line[SCAN_SETTING_SIZE];
    snprintf(text, sizeof text,
             "a cycle takes %s, the counters of all come round in %s, and the line is in use for %d %% of the time, if "
             "units answer in %d ms.",
             milliseconds(bus->period_ns, cycle), seconds(bus->forecast.slow_round_ns, round),
             bus->forecast.load_percent, SCHEDULE_TURNAROUND_US / 1000);
    printf("\n");
    style_print(stdout, STYLE_BOLD, "bus ");
    style_print(stdout, STYLE_BOLD, section->name);
    printf(": %s, %s\n  ", section->device, scan_setting_text(&setting, line));
    style_wrap(stdout, text, 2, 2);
    if (bus->settings.unit_count > 1) {
        size_t used = (size_t)snprintf(text, sizeof text,
                                       "A silent unit makes a cycle up to %s longer, and is heard again within %d s, "
                                       "up to seven within %d s",
                                       milliseconds(bus->forecast.probe_ns, probe), HEARD_FIRST_S, HEARD_SEVEN_S);
        if (bus->settings.unit_count > 8)
            snprintf(text + used, sizeof text - used, ", all but one within %lld s",
                     (long long)(bus->forecast.revive_ns / 1000 / NS_PER_MS));
        snprintf(text + strlen(text), sizeof text - strlen(text), ".");
        printf("  ");
        style_wrap(stdout, text, 2, 2);
    }
    printf("\n");
    print_reads(outlook, bus);
}

/* "212 ms until it is looked for + 35 ms to the end of the poll + ..." */
static void write_formula(const struct outlook_fault *fault, char *text, size_t size) {
    const struct {
        int64_t ns;
        const char *what;
    } parts[] = {{fault->wait_ns, "until it is looked for"},
                 {fault->poll_ns, "to the end of the poll"},
                 {fault->debounce_ns, "on_ms, off_ms"},
                 {fault->raise_ns, "raise_after_ms"},
                 {OUTLOOK_HANDLING_NS, "ledger and network"}};
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        char number[32];
        if (parts[i].ns > 0 && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s %s", used ? " + " : "",
                                     milliseconds(parts[i].ns, number), parts[i].what);
    }
}

static const char *fault_name(const struct outlook_fault *fault) {
    return fault->row->source.fault < FAULT_COUNT ? fault_info(fault->row->source.fault)->id : "a fault code";
}

static void print_worst_case(const struct outlook_lift *lift) {
    char text[512], formula[256], time[32], quick[32];
    if (!lift->has_fault) {
        printf("  its profiles see no fault\n");
        return;
    }
    write_formula(&lift->slowest, formula, sizeof formula);
    printf("  ");
    if (lift->slowest.total_ns == lift->quickest.total_ns) {
        snprintf(text, sizeof text, "from a fault to its message: at most %s = %s",
                 seconds(lift->slowest.total_ns, time), formula);
    } else {
        snprintf(text, sizeof text, "from a fault to its message: at most %s (%s) to %s (%s) = %s",
                 seconds(lift->quickest.total_ns, quick), fault_name(&lift->quickest),
                 seconds(lift->slowest.total_ns, time), fault_name(&lift->slowest), formula);
    }
    style_wrap(stdout, text, 2, 4);
}

/* The items whose bits are set, or with wanted false those that are not. */
static void write_items(uint32_t items, bool wanted, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (enum item item = 0; item < ITEM_COUNT; item++)
        if (((items >> item & 1) == 1) == wanted && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", item_info(item)->name);
}

static void print_owners(const struct outlook *outlook, const struct lift_settings *lift) {
    char items[512], text[768];
    uint32_t all = 0;
    for (size_t p = 0; p < lift->part_count; p++) {
        const struct part_settings *part = &lift->part[p];
        write_items(part->owns, true, items, sizeof items);
        snprintf(text, sizeof text, "unit %d (%s): %s", part->unit, outlook->settings->profiles[part->profile]->name,
                 items[0] ? items : "faults only");
        printf("  ");
        style_wrap(stdout, text, 2, 4);
        all |= part->owns;
    }
    write_items(all, false, items, sizeof items);
    if (!items[0])
        return;
    snprintf(text, sizeof text, "never known: %s", items);
    printf("  ");
    style_wrap(stdout, text, 2, 4);
}

static void print_lifts(const struct outlook *outlook) {
    for (size_t l = 0; l < outlook->settings->lift_count; l++) {
        const struct lift_settings *lift = &outlook->settings->lifts[l];
        printf("\n");
        style_print(stdout, STYLE_BOLD, "lift ");
        style_print(stdout, STYLE_BOLD, lift->identity.id);
        printf("%s%s\n", lift->identity.name ? ": " : "", lift->identity.name ? lift->identity.name : "");
        print_worst_case(&outlook->lifts[l]);
        print_owners(outlook, lift);
    }
}

static void add_rest(struct table_view *table, const struct profile *profile, int slot, int line, const char *rest,
                     const struct outcome *otherwise) {
    char row[32];
    snprintf(row, sizeof row, "%d", line);
    table_add(table, (const char *[]){profile->name, row, profile->slot_names[slot], interpret_outcome(slot, otherwise),
                                      rest});
}

static void print_rest(const struct settings *settings) {
    static const char *const titles[] = {"PROFILE", "LINE", "ITEM", "ELSE", "TAKES"};
    struct table_view *table = table_create(titles, COUNT_OF(titles));
    char rest[OUTLOOK_REST_SIZE];
    for (size_t i = 0; i < settings->profile_count; i++) {
        const struct profile *profile = settings->profiles[i];
        for (size_t k = 0; k < profile->value_count; k++)
            if (outlook_value_rest(&profile->values[k], rest))
                add_rest(table, profile, profile->values[k].slot, profile->values[k].line, rest,
                         &profile->values[k].otherwise);
        for (size_t k = 0; k < profile->rule_count; k++)
            if (outlook_rule_rest(&profile->rules[k], rest))
                add_rest(table, profile, profile->rules[k].slot, profile->rules[k].line, rest,
                         &profile->rules[k].otherwise);
    }
    printf("\nWhat no map and no pattern names:\n");
    table_print(table, stdout);
    table_free(table);
}

static void print_outlook(const struct outlook *outlook, size_t warnings) {
    const struct settings *settings = outlook->settings;
    printf("%s is fine: %zu lift%s, %zu bus%s, %zu warning%s\n", settings->file, settings->lift_count,
           settings->lift_count == 1 ? "" : "s", settings->bus_count, settings->bus_count == 1 ? "" : "es", warnings,
           warnings == 1 ? "" : "s");
    for (size_t b = 0; b < settings->bus_count; b++)
        print_bus(outlook, &outlook->buses[b]);
    print_lifts(outlook);
    print_rest(settings);
}

/* ---- for machines ---- */

static json_t *in_ms(int64_t ns) {
    int64_t whole_us = ns / 1000;
    return json_real((double)whole_us / 1000);
}

static json_t *reads_json(const struct outlook_bus *bus, size_t u) {
    json_t *reads = json_array();
    const struct plan *plan = bus->units[u].plan;
    for (size_t r = 0; r < plan->read_count; r++) {
        const struct plan_read *read = &plan->reads[r];
        json_array_append_new(
            reads, json_pack("{s:s, s:i, s:i, s:s, s:o}", "table", table_name((enum table)read->table), "address",
                             read->address, "count", read->count, "lane",
                             r < schedule_fast_count(plan) ? "fast" : "slow", "wire_ms",
                             in_ms(schedule_read_ns(&bus->settings, &bus->units[u], read, SCHEDULE_TURNAROUND_US))));
    }
    return reads;
}

static json_t *buses_json(const struct outlook *outlook) {
    json_t *buses = json_array();
    for (size_t b = 0; b < outlook->settings->bus_count; b++) {
        const struct outlook_bus *bus = &outlook->buses[b];
        const struct bus_section *section = bus->section;
        json_t *units = json_array();
        for (size_t u = 0; u < bus->settings.unit_count; u++)
            json_array_append_new(units, json_pack("{s:i, s:s, s:s, s:o}", "unit", bus->units[u].unit, "lift",
                                                   lift_of(outlook, bus, u)->identity.id, "profile",
                                                   profile_of(outlook, bus, u)->name, "reads", reads_json(bus, u)));
        json_array_append_new(
            buses, json_pack("{s:s, s:s, s:i, s:s, s:i, s:i, s:i, s:o, s:o, s:i, s:o, s:o}", "name", section->name,
                             "device", section->device, "baud", section->baud, "parity", parity_name(section->parity),
                             "data_bits", section->data_bits, "stop_bits", section->stop_bits, "turnaround_ms",
                             SCHEDULE_TURNAROUND_US / 1000, "cycle_ms", in_ms(bus->period_ns), "slow_round_ms",
                             in_ms(bus->forecast.slow_round_ns), "load_percent", bus->forecast.load_percent,
                             "silent_unit_ms", in_ms(bus->forecast.probe_ns), "units", units));
    }
    return buses;
}

static json_t *fault_json(const struct outlook_fault *fault) {
    enum fault id = fault->row->source.fault;
    return json_pack("{s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o}", "fault",
                     id < FAULT_COUNT ? json_string(fault_info(id)->id) : json_null(), "profile", fault->profile->name,
                     "total_ms", in_ms(fault->total_ns), "wait_ms", in_ms(fault->wait_ns), "poll_ms",
                     in_ms(fault->poll_ns), "debounce_ms", in_ms(fault->debounce_ns), "raise_ms",
                     in_ms(fault->raise_ns), "handling_ms", in_ms(OUTLOOK_HANDLING_NS));
}

static json_t *lifts_json(const struct outlook *outlook) {
    json_t *lifts = json_array();
    for (size_t l = 0; l < outlook->settings->lift_count; l++) {
        const struct lift_settings *lift = &outlook->settings->lifts[l];
        json_t *items = json_object();
        for (enum item item = 0; item < ITEM_COUNT; item++)
            for (size_t p = 0; p < lift->part_count; p++)
                if (lift->part[p].owns >> item & 1)
                    json_object_set_new(items, item_info(item)->name, json_integer(lift->part[p].unit));
        const struct outlook_lift *seen = &outlook->lifts[l];
        json_array_append_new(lifts,
                              json_pack("{s:s, s:o, s:o, s:o}", "id", lift->identity.id, "items", items,
                                        "quickest_fault", seen->has_fault ? fault_json(&seen->quickest) : json_null(),
                                        "worst_case", seen->has_fault ? fault_json(&seen->slowest) : json_null()));
    }
    return lifts;
}

static void print_json(const struct outlook *outlook, const char *file, const struct problems *problems) {
    json_t *list = json_array();
    for (size_t i = 0; problems_text(problems, i); i++)
        json_array_append_new(list, json_string(problems_text(problems, i)));
    json_t *all = json_pack("{s:b, s:s, s:I, s:I, s:o}", "ok", outlook != NULL, "file", file, "errors",
                            (json_int_t)problems_count(problems, PROBLEM_ERROR), "warnings",
                            (json_int_t)problems_count(problems, PROBLEM_WARNING), "problems", list);
    json_object_set_new(all, "buses", outlook ? buses_json(outlook) : json_null());
    json_object_set_new(all, "lifts", outlook ? lifts_json(outlook) : json_null());
    json_dumpf(all, stdout, JSON_COMPACT);
    printf("\n");
    json_decref(all);
}

/* ---- the command ---- */

static int check(const char *file, bool json) {
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(file, problems);
    struct outlook *outlook = settings ? outlook_create(settings) : NULL;
    int status = outlook ? EX_OK : access(file, R_OK) != 0 && errno == EACCES ? EX_NOPERM : EX_CONFIG;
    if (outlook)
        outlook_warn(outlook, problems);
    if (json) {
        print_json(outlook, file, problems);
    } else {
        problems_print(problems, stderr);
        if (outlook)
            print_outlook(outlook, problems_count(problems, PROBLEM_WARNING));
        else
            fprintf(stderr, "%zu error%s\n", problems_count(problems, PROBLEM_ERROR),
                    problems_count(problems, PROBLEM_ERROR) == 1 ? "" : "s");
    }
    outlook_free(outlook);
    settings_free(settings);
    problems_free(problems);
    return status;
}

int check_run(const struct context *context, int argc, char *argv[]) {
    static const struct option names[] = {{"json", no_argument, NULL, 'j'}, {0}};
    bool json = false;
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option != 'j')
            return command_help(argv[0], false);
        json = true;
    }
    if (argc - optind > 1)
        return command_help(argv[0], false);
    return check(optind < argc ? argv[optind] : context->file, json);
}
