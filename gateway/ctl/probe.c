/* `liftgwctl probe`: registers in every interpretation, and the row of a profile that reads them. */
#include "base/log.h"
#include "base/text.h"
#include "ctl/command.h"
#include "ctl/interpret.h"
#include "ctl/interrupt.h"
#include "ctl/reader.h"
#include "ctl/scan.h"
#include "ctl/table.h"
#include "profile/place.h"
#include "settings/settings.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define COUNT_MAX 125
#define TIMEOUT_MS 1000
#define WATCH_MS 1000

struct probe {
    const char *device;
    struct scan_wishes wishes;
    bool dialect_said, watch;
    struct line_request request;
    bool read_before;
    uint16_t before[COUNT_MAX];
};

static bool is_bits(const struct probe *probe) {
    return probe->request.table == TABLE_COIL || probe->request.table == TABLE_DISCRETE;
}

static bool has_changed(const struct probe *probe, const uint16_t words[], size_t i) {
    return probe->read_before && words[i] != probe->before[i];
}

/* ---- what is shown ---- */

static void add_word(struct table_view *table, const struct probe *probe, const uint16_t words[], size_t i) {
    char address[16], hex[16], u16[INTERPRET_SIZE], s16[INTERPRET_SIZE], bcd[INTERPRET_SIZE], bits[INTERPRET_SIZE];
    bool changed = has_changed(probe, words, i);
    snprintf(address, sizeof address, "0x%04X", (unsigned)(probe->request.address + i));
    snprintf(hex, sizeof hex, "0x%04X", words[i]);
    table_add(table,
              (const char *[]){changed ? "*" : "", address, hex, interpret(RAW_U16, ORDER_ABCD, &words[i], u16),
                               interpret(RAW_S16, ORDER_ABCD, &words[i], s16),
                               interpret(RAW_BCD16, ORDER_ABCD, &words[i], bcd), interpret_bits(words[i], bits)});
    for (size_t c = 0; changed && c < 7; c++)
        table_style(table, c, STYLE_WARNING);
}

static void print_words(const struct probe *probe, const uint16_t words[]) {
    static const char *const titles[] = {" ", "ADDRESS", "HEX", "U16", "S16", "BCD16", "BITS 15-0"};
    struct table_view *table = table_create(titles, COUNT_OF(titles));
    for (size_t c = 3; c < 6; c++)
        table_right(table, c);
    for (size_t i = 0; i < probe->request.count; i++)
        add_word(table, probe, words, i);
    table_print(table, stdout);
    table_free(table);
}

static void print_pairs(const struct probe *probe, const uint16_t words[]) {
    static const char *const titles[] = {" ", "TWO AT", "TYPE", "ABCD", "CDAB", "BADC", "DCBA"};
    static const enum raw_type types[] = {RAW_U32, RAW_S32, RAW_FLOAT32, RAW_BCD32, RAW_DECIMAL10000};
    struct table_view *table = table_create(titles, COUNT_OF(titles));
    for (size_t c = 3; c < COUNT_OF(titles); c++)
        table_right(table, c);
    for (size_t i = 0; i + 1 < probe->request.count; i++)
        for (size_t t = 0; t < COUNT_OF(types); t++) {
            char place[16], text[4][INTERPRET_SIZE];
            bool changed = has_changed(probe, words, i) || has_changed(probe, words, i + 1);
            snprintf(place, sizeof place, "0x%04X:2", (unsigned)(probe->request.address + i));
            for (enum word_order order = ORDER_ABCD; order <= ORDER_DCBA; order++)
                interpret(types[t], order, &words[i], text[order]);
            table_add(table, (const char *[]){changed ? "*" : "", t == 0 ? place : "", raw_type_name(types[t]), text[0],
                                              text[1], text[2], text[3]});
            for (size_t c = 0; changed && c < COUNT_OF(titles); c++)
                table_style(table, c, STYLE_WARNING);
        }
    printf("\n");
    table_print(table, stdout);
    table_free(table);
}

static void print_bits(const struct probe *probe, const uint16_t words[]) {
    static const char *const titles[] = {" ", "ADDRESS", "IS"};
    struct table_view *table = table_create(titles, COUNT_OF(titles));
    for (size_t i = 0; i < probe->request.count; i++) {
        char address[16];
        bool changed = has_changed(probe, words, i);
        snprintf(address, sizeof address, "0x%04X", (unsigned)(probe->request.address + i));
        table_add(table, (const char *[]){changed ? "*" : "", address, words[i] ? "1" : "0"});
        if (changed)
            table_style(table, 2, STYLE_WARNING);
    }
    table_print(table, stdout);
    table_free(table);
}

static void print_rows(const struct probe *probe) {
    char row[INTERPRET_ROW_SIZE];
    const struct line_request *request = &probe->request;
    printf("\nFor the values of a profile, liftgw-profile(5):\n");
    for (size_t i = 0; i < request->count; i++)
        printf("  %s,\n", interpret_row((enum table)request->table, (uint16_t)(request->address + i), RAW_U16, row));
    if (request->count == 2 && !is_bits(probe))
        printf("or as one value:\n  %s,\n", interpret_row((enum table)request->table, request->address, RAW_U32, row));
}

static void print_all(struct probe *probe, const uint16_t words[]) {
    char now[STYLE_TIME_SIZE];
    if (probe->watch && style_is_terminal(stdout))
        printf("\033[H\033[2J");
    printf("unit %d, %s 0x%04X:%d", probe->request.unit, table_name((enum table)probe->request.table),
           probe->request.address, probe->request.count);
    if (probe->watch)
        printf(", %s; * changed since the last read", style_time(clock_now().real_ms, now));
    printf("\n\n");
    if (is_bits(probe)) {
        print_bits(probe, words);
    } else {
        print_words(probe, words);
        if (probe->request.count > 1)
            print_pairs(probe, words);
    }
    fflush(stdout);
}

/* ---- reading ---- */

static int say_failure(const struct probe *probe, const struct reader *reader, enum line_result result,
                       const struct line_reply *reply) {
    static const char *const meanings[] = {"", "it does not know this function: try another table",
                                           "it has no such address",
                                           "it does not give that many at once: ask for fewer"};
    int unit = probe->request.unit;
    if (result == LINE_GONE)
        return reader_gone(reader);
    if (result == LINE_EXCEPTION && reply->exception >= 1 && reply->exception <= 3)
        log_error("unit %d answers with exception %02X: %s", unit, (unsigned)reply->exception,
                  meanings[reply->exception]);
    else if (result == LINE_EXCEPTION)
        log_error("unit %d answers with exception %02X", unit, (unsigned)reply->exception);
    else if (result == LINE_TIMEOUT)
        log_error("unit %d does not answer: liftgwctl scan finds line settings and units", unit);
    else
        log_error("the answer of unit %d is not a good one (%s): are speed, parity and dialect right? liftgwctl scan "
                  "finds them",
                  unit, line_result_name(result));
    return EX_UNAVAILABLE;
}

static int probe_once(struct probe *probe, struct reader *reader) {
    static struct line_reply reply;
    enum line_result result = reader_read(reader, &probe->request, &reply);
    if (result != LINE_OK && interrupted())
        return EX_OK;
    if (result != LINE_OK)
        return say_failure(probe, reader, result, &reply);
    print_all(probe, reply.words);
    if (!probe->read_before)
        print_rows(probe);
    memcpy(probe->before, reply.words, probe->request.count * sizeof probe->before[0]);
    probe->read_before = true;
    return EX_OK;
}

/* In a watch one bad answer is no reason to end. */
static int probe_all(struct probe *probe, struct reader *reader) {
    int status = probe_once(probe, reader);
    while (probe->watch && !interrupted() && (status == EX_OK || (probe->read_before && status == EX_UNAVAILABLE))) {
        interrupt_sleep_ms(WATCH_MS);
        if (!interrupted())
            status = probe_once(probe, reader);
    }
    return status;
}

/* ---- the command ---- */

static bool take_number(const char *text, char **end, long low, long high, long *number) {
    *number = strtol(text, end, 0);
    return *end != text && *number >= low && *number <= high;
}

static bool take_arguments(struct probe *probe, char *argv[]) {
    char *end;
    long unit, address, count = 1;
    probe->device = argv[0];
    probe->request.table = table_by_name(argv[2]);
    if (!take_number(argv[1], &end, 1, 247, &unit) || *end) {
        log_error("unit %s: must be a whole number from 1 to 247", argv[1]);
        return false;
    }
    if (probe->request.table == 0) {
        log_error("table %s: must be holding, input, coil or discrete", argv[2]);
        return false;
    }
    bool right = take_number(argv[3], &end, 0, 65535, &address);
    if (right && *end == ':')
        right = take_number(end + 1, &end, 1, COUNT_MAX, &count);
    if (!right || *end || address + count > 65536) {
        log_error("%s: must be an address from 0 to 65535 (or 0xFFFF), and behind a colon how many, at most %d: 0x40:7",
                  argv[3], COUNT_MAX);
        return false;
    }
    probe->request.unit = (int)unit;
    probe->request.address = (uint16_t)address;
    probe->request.count = (uint16_t)count;
    return true;
}

/* What the configuration says of the unit's dialect; or, of one that it does not name, of its neighbours'. */
static void take_dialect(struct probe *probe, const struct settings *settings, size_t bus) {
    bool own = false;
    for (size_t l = 0; l < settings->lift_count; l++)
        for (size_t p = 0; p < settings->lifts[l].part_count; p++) {
            const struct part_settings *part = &settings->lifts[l].part[p];
            if (part->bus != bus || own || probe->dialect_said)
                continue;
            own = part->unit == probe->request.unit;
            probe->request.dialect = settings->profiles[part->profile]->dialect;
        }
}

/* What was not said: as the configuration has it for this device, else the most common. */
static void fill_settings(struct probe *probe, const struct context *context) {
    struct scan_setting *setting = &probe->wishes.setting;
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(context->file, problems);
    for (size_t b = 0; settings && b < settings->bus_count; b++) {
        const struct bus_section *bus = &settings->buses[b];
        if (!settings_same_device(bus->device, probe->device))
            continue;
        setting->baud = setting->baud ? setting->baud : bus->baud;
        setting->parity = setting->parity ? setting->parity : bus->parity;
        setting->stop_bits = setting->stop_bits ? setting->stop_bits : bus->stop_bits;
        take_dialect(probe, settings, b);
    }
    settings_free(settings);
    problems_free(problems);
    setting->baud = setting->baud ? setting->baud : 9600;
    setting->parity = setting->parity ? setting->parity : PARITY_NONE;
    setting->stop_bits = setting->stop_bits ? setting->stop_bits : 1;
}

static int probe_device(struct probe *probe, const struct context *context) {
    int status = EX_OK;
    struct reader *reader = reader_open(context, probe->device, &status);
    if (!reader)
        return status;
    const struct scan_setting *setting = &probe->wishes.setting;
    interrupt_catch();
    if (reader_set_line(reader, setting->baud, setting->parity, setting->stop_bits, &status) == 0) {
        status = probe_all(probe, reader);
    } else if (status == EX_OK) {
        log_error("%s cannot do %d baud with these stop bits", probe->device, setting->baud);
        status = EX_UNAVAILABLE;
    }
    reader_free(reader);
    return status;
}

static bool take_option(struct probe *probe, int option, const char *text) {
    if (option == 'w') {
        probe->watch = true;
        return true;
    }
    if (option != 'd')
        return scan_take_option(option, text, &probe->wishes);
    probe->dialect_said = true;
    probe->request.dialect = strcmp(text, "monarch") == 0 ? DIALECT_MONARCH : DIALECT_RTU;
    if (probe->request.dialect == DIALECT_MONARCH || strcmp(text, "rtu") == 0)
        return true;
    log_error("--dialect %s: must be rtu or monarch", text);
    return false;
}

int probe_run(const struct context *context, int argc, char *argv[]) {
    static const struct option names[] = {
        {"baud", required_argument, NULL, 'b'},      {"parity", required_argument, NULL, 'p'},
        {"stop-bits", required_argument, NULL, 's'}, {"dialect", required_argument, NULL, 'd'},
        {"watch", no_argument, NULL, 'w'},           {0}};
    struct probe probe = {.request = {.timeout_ms = TIMEOUT_MS}};
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
        if (option == '?')
            return command_help(argv[0], false);
        else if (!take_option(&probe, option, optarg))
            return EX_USAGE;
    if (argc - optind != 4)
        return command_help(argv[0], false);
    if (!take_arguments(&probe, argv + optind))
        return EX_USAGE;
    fill_settings(&probe, context);
    return probe_device(&probe, context);
}
