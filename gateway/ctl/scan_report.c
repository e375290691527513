/* `liftgwctl scan`: what a scan found, for people, and as lines for the configuration. */
#include "base/baud.h"
#include "base/log.h"
#include "base/text.h"
#include "ctl/reader.h"
#include "ctl/scan.h"
#include "ctl/table.h"
#include "profile/decode.h"

#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

/* ---- the lines to paste ---- */

/* A drive or a door operator knows only its part of a lift. */
static bool knows_the_car(const struct profile *profile) {
    uint32_t provides = decoder_provides(profile, NULL);
    return provides >> ITEM_CAR & 1 && provides >> ITEM_DOOR & 1;
}

/* libconfig takes no comma behind the last lift, so it stands before the next one. */
static void write_lift(const struct scan_unit *unit, bool first, int indent, FILE *to) {
    const struct likeness *like = &unit->like[0];
    fprintf(to, "%s\n", first ? "" : ",");
    if (!knows_the_car(like->profile))
        fprintf(to,
                "%*s# %s knows only a part of a lift: together with the other unit of the same\n"
                "%*s# lift it is written as parts, see liftgw.cfg(5)\n",
                indent, "", like->profile->name, indent, "");
    fprintf(to, "%*s{ id = \"L-%d\"; unit = %d; profile = \"%s\"; }", indent, "", unit->unit, unit->unit,
            like->profile->name);
}

void scan_write_bus(const struct scan_report *report, int indent, FILE *to) {
    char path[PATH_MAX];
    bool first = true;
    fprintf(to, "%*s{ name = \"shaft\"; device = \"%s\";\n", indent, "",
            reader_stable_name(report->device, path, sizeof path));
    fprintf(to, "%*s  baud = %d; parity = \"%s\"; stop_bits = %d;\n%*s  lifts: (", indent, "", report->setting.baud,
            parity_name(report->setting.parity), report->setting.stop_bits, indent, "");
    for (size_t i = 0; i < report->unit_count; i++) {
        if (report->units[i].like_count == 0)
            continue;
        write_lift(&report->units[i], first, indent + 4, to);
        first = false;
    }
    fprintf(to, "\n");
    for (size_t i = 0; i < report->unit_count; i++)
        if (report->units[i].like_count == 0)
            fprintf(to,
                    "%*s# unit %d answers, but no profile fits: liftgwctl probe shows its registers,\n"
                    "%*s# liftgw-profile(5) how to write one\n",
                    indent + 4, "", report->units[i].unit, indent + 4, "");
    fprintf(to, "%*s  );\n%*s}\n", indent, "", indent, "");
}

/* ---- for people ---- */

static void write_likeness(const struct scan_unit *unit, char *text, size_t size) {
    size_t used = 0;
    snprintf(text, size, "no profile fits");
    for (size_t i = 0; i < unit->like_count && used < size; i++) {
        const struct likeness *like = &unit->like[i];
        used += (size_t)snprintf(text + used, size - used, "%s%s (%zu of %zu rows plausible)",
                                 i ? ", or " : "looks like ", like->profile->name, like->plausible, like->rows);
    }
}

static void print_units(const struct scan_report *report) {
    static const char *const titles[] = {"UNIT", "ANSWERS", "WHAT IT MAY BE"};
    struct table_view *table = table_create(titles, COUNT_OF(titles));
    for (size_t i = 0; i < report->unit_count; i++) {
        const struct scan_unit *unit = &report->units[i];
        char number[16], answers[32], like[TABLE_CELL];
        snprintf(number, sizeof number, "%d", unit->unit);
        snprintf(answers, sizeof answers, "%d of %d good", unit->good, unit->asked);
        write_likeness(unit, like, sizeof like);
        table_add(table, (const char *[]){number, answers, like});
        if (unit->good < unit->asked)
            table_style(table, 1, STYLE_WARNING);
    }
    table_print(table, stdout);
    table_free(table);
}

static void say(const char *text) {
    style_wrap(stdout, text, 0, 2);
}

static bool any_poor(const struct scan_report *report) {
    for (size_t i = 0; i < report->unit_count; i++)
        if (report->units[i].good < report->units[i].asked)
            return true;
    return false;
}

static size_t list_garbled(const struct scan_report *report, char *text, size_t size) {
    size_t count = 0, used = 0;
    text[0] = '\0';
    for (int unit = 1; unit <= SCAN_UNITS; unit++) {
        if (!report->garbled[unit])
            continue;
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%d", count ? ", " : "", unit);
        count++;
    }
    return count;
}

static bool has_trouble(const struct scan_report *report) {
    char units[8];
    return report->foreign > 0 || any_poor(report) || list_garbled(report, units, sizeof units) > 0;
}

/* What is wrong with a bus on which somebody answers well. */
static void print_trouble(const struct scan_report *report) {
    char text[512], units[200];
    if (list_garbled(report, units, sizeof units) > 0) {
        snprintf(text, sizeof text,
                 "Unit %s answers, but never well: that is how two devices with one unit number look. Give one of them "
                 "another number, at the device, and scan again.",
                 units);
        say(text);
    }
    if (any_poor(report))
        say("Not every answer is good: look at termination (120 ohm at both ends, nowhere else), bias, the common wire "
            "and what runs beside the cable.");
    if (report->foreign > 0)
        say("Frames passed that answer questions of somebody else: is another master on this line? Then the gateway "
            "must not be connected there.");
}

/* What may be wrong with a bus on which nobody does. */
static void print_silence(const struct scan_report *report) {
    char text[512], units[200];
    size_t garbled = list_garbled(report, units, sizeof units);
    bool noisy = report->settings_noisy > 0 && report->settings_noisy == report->settings_tried;
    if (noisy && report->frame_errors > 0)
        say("Framing errors without end, at every speed: A and B are swapped (change the two wires), or the line has "
            "no bias.");
    else if (noisy)
        say("Bytes without end that nobody asked for, at every speed: another master on this line, A and B swapped, or "
            "no bias.");
    else if (garbled > 0 && garbled < 8) {
        snprintf(text, sizeof text,
                 "Unit %s answers, but never well, whatever the settings: two devices with one unit number, a bad line "
                 "(termination, bias, common wire), or settings that were not tried.",
                 units);
        say(text);
    } else if (garbled > 0)
        say("Answers come, but never a good one: the settings of this line were not among those tried.");
    else
        say("Nothing answers: is the device powered, is its Modbus port switched on, are A and B the right way round, "
            "is the common wire connected, does the adapter's transmit light blink?");
}

static void scan_print(const struct scan_report *report) {
    char setting[SCAN_SETTING_SIZE];
    if (report->stopped)
        printf("Stopped. What was found until then:\n");
    if (report->echo) {
        say("This adapter hears what it sends: every question comes back as if it were an answer. Switch its echo off "
            "(a jumper, often RE to DE), or use one that turns round by itself; with a port of the board, rs485 = "
            "\"kernel\".");
        return;
    }
    if (!report->found) {
        if (report->stopped)
            printf("nothing has answered yet\n");
        else
            print_silence(report);
        return;
    }
    if (report->through_daemon)
        printf("Units at the daemon's settings:\n\n");
    else
        printf("%s, %s:\n\n", scan_setting_text(&report->setting, setting),
               report->dialect == DIALECT_MONARCH ? "monarch dialect" : "Modbus RTU");
    print_units(report);
    printf("\n");
    print_trouble(report);
    if (report->through_daemon)
        return;
    printf("%sFor the configuration:\n\nbuses: (\n", has_trouble(report) ? "\n" : "");
    scan_write_bus(report, 2, stdout);
    printf(");\n");
}

/* ---- the command ---- */

static bool take_number(const char *text, long low, long high, int *number) {
    char *end;
    long value = strtol(text, &end, 10);
    *number = (int)value;
    return end != text && *end == '\0' && value >= low && value <= high;
}

static bool take_units(const char *text, struct scan_wishes *wishes) {
    char first[16];
    const char *dash = strchr(text, '-');
    snprintf(first, sizeof first, "%.*s", dash ? (int)(dash - text) : 15, text);
    if (take_number(first, 1, SCAN_UNITS, &wishes->first_unit) &&
        take_number(dash ? dash + 1 : text, wishes->first_unit, SCAN_UNITS, &wishes->last_unit))
        return true;
    log_error("--units %s: must be a unit or a range within 1-247, such as 1-32", text);
    return false;
}

bool scan_take_option(int option, const char *text, struct scan_wishes *wishes) {
    struct scan_setting *setting = &wishes->setting;
    switch (option) {
    case 'b':
        if (take_number(text, 1, INT_MAX, &setting->baud) && baud_speed(setting->baud) != B0)
            return true;
        log_error("--baud %s: must be a speed that serial lines have, such as 9600 or 19200", text);
        return false;
    case 'p':
        setting->parity = parity_by_name(text);
        if (setting->parity != PARITY_UNSET)
            return true;
        log_error("--parity %s: must be none, even or odd", text);
        return false;
    case 's':
        if (take_number(text, 1, 2, &setting->stop_bits))
            return true;
        log_error("--stop-bits %s: must be 1 or 2", text);
        return false;
    case 'u':
        return take_units(text, wishes);
    default:
        return false;
    }
}

int scan_run(const struct context *context, int argc, char *argv[]) {
    static const struct option names[] = {SCAN_OPTIONS, {0}};
    struct scan_wishes wishes = {0};
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
        if (option == '?')
            return command_help(argv[0], false);
        else if (!scan_take_option(option, optarg, &wishes))
            return EX_USAGE;
    if (argc - optind != 1)
        return command_help(argv[0], false);
    struct library *library = library_load(context);
    static struct scan_report report;
    report.device = argv[optind];
    int status = scan_bus(context, &wishes, library, &report);
    if (report.begun)
        scan_print(&report);
    library_free(library);
    return status;
}
