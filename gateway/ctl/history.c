/* `liftgwctl history`: what happened, whether it was sent, and the black box of one raise. */
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/table.h"
#include "ctl/when.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define USUAL_SINCE "7d"
#define PAGE 100
#define TABLE_ROWS 1000 /* then the columns are measured anew, so that a long history needs little memory */

struct wanted {
    const char *lift, *fault;
    int64_t since_real_ms;
    long long around; /* 0: not */
    bool json;
};

static const char *what_fault(const json_t *message, char cell[TABLE_CELL]) {
    const char *fault = answer_text(message, "fault");
    const char *confidence = answer_text(message, "confidence");
    const char *event = answer_text(message, "event");
    char duration[STYLE_DURATION_SIZE];
    if (answer_is(message, "event", "cleared"))
        snprintf(cell, TABLE_CELL, "%s cleared after %s", fault,
                 style_duration((int64_t)(1000 * json_number_value(json_object_get(message, "duration_s"))), duration));
    else
        snprintf(cell, TABLE_CELL, "%s %s%s%s", fault, event ? event : "", confidence ? ", " : "",
                 confidence ? confidence : "");
    return cell;
}

/* What tells most of an event, by its key. */
static const char *detail_of(const json_t *message, char cell[TABLE_CELL]) {
    static const char *const keys[] = {"to", "cause", "reason", "counter", "on", "asked", "active", "taken"};
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        const json_t *detail = json_object_get(message, keys[i]);
        if (json_is_string(detail))
            return json_string_value(detail);
        if (json_is_boolean(detail)) {
            snprintf(cell, TABLE_CELL, "%s%s", json_is_true(detail) ? "" : "not ", keys[i]);
            return cell;
        }
    }
    return NULL;
}

/* What a message tells, in a line. */
static const char *what(const json_t *message, char cell[TABLE_CELL]) {
    char found[TABLE_CELL];
    const char *event = answer_text(message, "event");
    if (answer_text(message, "fault"))
        return what_fault(message, cell);
    if (!event) {
        snprintf(cell, TABLE_CELL, "report from %s to %s", answer_text(message, "from"), answer_text(message, "to"));
        return cell;
    }
    const char *detail = detail_of(message, found);
    snprintf(cell, TABLE_CELL, "%.40s%s%.*s", event, detail ? ": " : "", TABLE_CELL - 48, detail ? detail : "");
    return cell;
}

static const char *fate(const json_t *entry, char cell[TABLE_CELL]) {
    const char *outcome = answer_text(entry, "outcome");
    char duration[STYLE_DURATION_SIZE];
    if (!answer_is(entry, "outcome", "acknowledged"))
        return outcome;
    snprintf(cell, TABLE_CELL, "after %s",
             style_duration(answer_time(entry, "done") - answer_time(entry, "committed"), duration));
    return cell;
}

static enum style fate_style(const json_t *entry) {
    if (answer_is(entry, "outcome", "acknowledged"))
        return STYLE_PLAIN;
    return answer_is(entry, "outcome", "waiting") || answer_is(entry, "outcome", "sent") ? STYLE_WARNING : STYLE_BAD;
}

static struct table_view *new_table(void) {
    static const char *const titles[] = {"SEQ", "TIME", "LIFT", "ACKNOWLEDGED", "WHAT"};
    struct table_view *table = table_create(titles, 5);
    table_right(table, 0);
    return table;
}

static void add_entry(struct table_view *table, const json_t *entry) {
    const json_t *message = json_object_get(entry, "message");
    char seq[32], time[STYLE_TIME_SIZE], done[TABLE_CELL], text[TABLE_CELL];
    snprintf(seq, sizeof seq, "%lld", answer_number(entry, "seq"));
    table_add(table, (const char *[]){seq, style_time(answer_time(message, "time"), time), answer_text(message, "lift"),
                                      fate(entry, done), what(message, text)});
    table_style(table, 3, fate_style(entry));
}

static void print_json(const json_t *object) {
    json_dumpf(object, stdout, JSON_COMPACT);
    printf("\n");
}

/* Asks for page after page. */
static int print_history(int fd, const struct wanted *wanted) {
    int status = EX_OK;
    size_t rows = 0;
    struct table_view *table = wanted->json ? NULL : new_table();
    json_t *next = NULL;
    do {
        json_t *request = json_pack("{s:s, s:i, s:s*, s:s*}", "cmd", "history", "limit", PAGE, "lift", wanted->lift,
                                    "fault", wanted->fault);
        json_object_set_new(request, next ? "after" : "since_ms",
                            json_integer(next ? json_integer_value(next) : wanted->since_real_ms));
        json_decref(next);
        json_t *page = client_do(fd, request, &status);
        size_t i;
        json_t *entry;
        json_array_foreach(json_object_get(page, "messages"), i, entry) {
            rows++;
            if (wanted->json)
                print_json(entry);
            else
                add_entry(table, entry);
            if (table && rows % TABLE_ROWS == 0) {
                table_print(table, stdout);
                table_free(table);
                table = new_table();
            }
        }
        next = json_incref(json_object_get(page, "next"));
        json_decref(page);
    } while (json_is_integer(next));
    json_decref(next);
    if (table && status == EX_OK && rows == 0)
        printf("nothing happened\n");
    else if (table && rows % TABLE_ROWS != 0)
        table_print(table, stdout);
    if (table)
        table_free(table);
    return status;
}

/* What a moment shows besides its columns. */
static const char *signs(const json_t *moment, char cell[TABLE_CELL]) {
    static const struct {
        const char *key, *yes, *no;
    } shown[] = {{"door_zone", "in zone", "outside zone"},
                 {"occupied", "occupied", NULL},
                 {"overload", "overload", NULL},
                 {"passenger_alarm", "ALARM", NULL}};
    size_t used = 0;
    cell[0] = '\0';
    for (size_t i = 0; i < COUNT_OF(shown); i++) {
        const json_t *sign = json_object_get(moment, shown[i].key);
        const char *word = json_is_true(sign) ? shown[i].yes : json_is_false(sign) ? shown[i].no : NULL;
        if (word)
            used += (size_t)snprintf(cell + used, TABLE_CELL - used, "%s%s", used ? ", " : "", word);
    }
    if (answer_number(moment, "load_percent") > 0)
        snprintf(cell + used, TABLE_CELL - used, "%sload %lld %%", used ? ", " : "",
                 answer_number(moment, "load_percent"));
    return cell[0] ? cell : "-";
}

static void print_trail(const json_t *trail) {
    static const char *const titles[] = {"SECOND", "LINK", "MODE", "CAR", "FLOOR", "DOOR", "MM/S", "SIGNS"};
    struct table_view *table = table_create(titles, 8);
    size_t i;
    json_t *moment;
    table_right(table, 0);
    table_right(table, 6);
    json_array_foreach(trail, i, moment) {
        char second[32], floor[ANSWER_FLOOR_SIZE], speed[32], other[TABLE_CELL];
        bool has_speed = json_is_integer(json_object_get(moment, "speed_mm_s"));
        snprintf(second, sizeof second, "%.1f", (double)answer_number(moment, "t_ms") / 1000);
        snprintf(speed, sizeof speed, "%lld", answer_number(moment, "speed_mm_s"));
        table_add(table, (const char *[]){second, answer_text(moment, "link"), answer_text(moment, "service_mode"),
                                          answer_car(moment), answer_floor(moment, floor), answer_text(moment, "door"),
                                          has_speed ? speed : NULL, signs(moment, other)});
    }
    table_print(table, stdout);
    table_free(table);
}

static void print_way(const json_t *entry) {
    char time[STYLE_TIME_SIZE], duration[STYLE_DURATION_SIZE];
    int64_t committed = answer_time(entry, "committed"), sent = answer_time(entry, "sent"),
            done = answer_time(entry, "done");
    printf("%-14s%s\n", "happened", style_time(committed, time));
    if (sent)
        printf("%-14s%s, %s later\n", "sent", style_time(sent, time), style_duration(sent - committed, duration));
    if (done)
        printf("%-14s%s, %s later\n", answer_text(entry, "outcome"), style_time(done, time),
               style_duration(done - committed, duration));
    else
        printf("%-14s%s\n", answer_text(entry, "outcome"), "for the broker's acknowledgement");
}

static int print_around(int fd, const struct wanted *wanted) {
    int status;
    char text[TABLE_CELL];
    json_t *answer =
        client_do(fd, json_pack("{s:s, s:I}", "cmd", "history", "around", (json_int_t)wanted->around), &status);
    if (!answer)
        return status;
    const json_t *entry = json_object_get(answer, "message");
    const json_t *message = json_object_get(entry, "message");
    const json_t *trail = json_object_get(answer, "trail");
    if (wanted->json) {
        print_json(answer);
    } else {
        printf("message %lld of series %s: %s%s%s\n", wanted->around, answer_text(answer, "series"),
               answer_text(message, "lift") ? answer_text(message, "lift") : "",
               answer_text(message, "lift") ? " " : "", what(message, text));
        print_way(entry);
        if (json_array_size(trail) > 0) {
            printf("\nthe minute that led to it:\n");
            print_trail(trail);
        } else {
            printf("\nonly a raised fault has the minute before it\n");
        }
    }
    json_decref(answer);
    return EX_OK;
}

static bool read_wanted(struct wanted *wanted, int option) {
    char *end;
    switch (option) {
    case 'l':
        wanted->lift = optarg;
        return true;
    case 'f':
        wanted->fault = optarg;
        return true;
    case 'j':
        wanted->json = true;
        return true;
    case 's':
        if (when_since(optarg, clock_now().real_ms, &wanted->since_real_ms))
            return true;
        log_error("--since takes 2d, 12h, 30min or a date as 2026-11-23; not \"%s\"", optarg);
        return false;
    case 'a':
        wanted->around = strtoll(optarg, &end, 10);
        if (wanted->around > 0 && *end == '\0')
            return true;
        log_error("--around takes the seq of a message, as liftgwctl history shows it; not \"%s\"", optarg);
        return false;
    default:
        return false;
    }
}

int history_run(const struct context *context, int argc, char *argv[]) {
    static const struct option names[] = {
        {"lift", required_argument, NULL, 'l'},  {"fault", required_argument, NULL, 'f'},
        {"since", required_argument, NULL, 's'}, {"around", required_argument, NULL, 'a'},
        {"json", no_argument, NULL, 'j'},        {0}};
    struct wanted wanted = {.around = 0};
    int option, status;
    when_since(USUAL_SINCE, clock_now().real_ms, &wanted.since_real_ms);
    optind = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option == '?')
            return command_help(argv[0], false);
        if (!read_wanted(&wanted, option))
            return EX_USAGE;
    }
    if (optind < argc)
        return command_help(argv[0], false);
    int fd = client_begin(context, &status);
    if (fd < 0)
        return status;
    status = wanted.around ? print_around(fd, &wanted) : print_history(fd, &wanted);
    close(fd);
    return status;
}
