/* `liftgwctl maintenance`, `test` and `retire`: what an installer has the running daemon do. */
#include "base/log.h"
#include "ctl/answer.h"
#include "ctl/client.h"
#include "ctl/style.h"
#include "ctl/when.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define LEAST_MS 60000
#define MOST_MS INT64_C(86400000)
#define RETIRE_WAIT_S 75 /* the daemon gives up after sixty */

/* True if argv[place] is the last word, and is one of two. */
static bool read_switch(int argc, char *argv[], int place, bool *on) {
    if (place + 1 != argc)
        return false;
    *on = strcmp(argv[place], "on") == 0;
    return *on || strcmp(argv[place], "off") == 0;
}

static int begin_or_end(const struct context *context, const char *lift, bool on, int64_t for_ms) {
    int status;
    char until[STYLE_TIME_SIZE], left[STYLE_DURATION_SIZE];
    json_t *request = json_pack("{s:s, s:s, s:b}", "cmd", "maintenance", "lift", lift, "on", on);
    if (on)
        json_object_set_new(request, "for_s", json_integer(for_ms / 1000));
    json_t *answer = client_do_once(context, request, &status);
    if (!answer)
        return status;
    if (on)
        printf("%s is in maintenance until %s (%s): its faults wake nobody and do not count\n", lift,
               style_time(answer_time(answer, "until"), until), style_duration(for_ms, left));
    else if (json_is_true(json_object_get(answer, "was_on")))
        printf("%s is no longer in maintenance\n", lift);
    else
        printf("%s was not in maintenance\n", lift);
    json_decref(answer);
    return EX_OK;
}

int maintenance_run(const struct context *context, int argc, char *argv[]) {
    static const struct option names[] = {{"for", required_argument, NULL, 'f'}, {0}};
    const char *text = NULL;
    int64_t for_ms = 0;
    bool on;
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (option != 'f')
            return command_help(argv[0], false);
        text = optarg;
    }
    if (!read_switch(argc, argv, optind + 1, &on) || on != (text != NULL))
        return command_help(argv[0], false);
    if (on && (!when_duration(text, &for_ms) || for_ms < LEAST_MS || for_ms > MOST_MS)) {
        log_error("--for takes a duration from 1min to 24h, for example 2h; not \"%s\"", text);
        return EX_USAGE;
    }
    return begin_or_end(context, argv[optind], on, for_ms);
}

int test_run(const struct context *context, int argc, char *argv[]) {
    int status;
    char took[STYLE_DURATION_SIZE];
    if (argc != 2 || argv[1][0] == '-')
        return command_help(argv[0], false);
    json_t *answer = client_do_once(context, json_pack("{s:s, s:s}", "cmd", "test", "lift", argv[1]), &status);
    if (!answer)
        return status;
    long long ms = answer_number(answer, "ms"), waiting = answer_number(answer, "waiting");
    if (json_is_true(json_object_get(answer, "acknowledged"))) {
        printf("%s: message %lld of series %s was acknowledged by %s after %lld ms\n", argv[1],
               answer_number(answer, "seq"), answer_text(answer, "series"), answer_text(answer, "url"), ms);
    } else {
        log_error("%s: message %lld was not acknowledged within %s: %s; %lld message%s wait%s in the outbox", argv[1],
                  answer_number(answer, "seq"), style_duration(ms, took), answer_text(answer, "reason"), waiting,
                  waiting == 1 ? "" : "s", waiting == 1 ? "s" : "");
        status = EX_UNAVAILABLE;
    }
    json_decref(answer);
    return status;
}

/* The id of the box, typed in full, is what retires it. */
static bool is_confirmed(const json_t *box) {
    const char *id = answer_text(box, "gateway");
    char typed[256] = "";
    printf("This retires the box %s for good: what the broker keeps of it and its %zu lifts is\n"
           "cleared, and the daemon does not start again.\n"
           "Type %s to go on: ",
           id, json_array_size(json_object_get(box, "lifts")), id);
    fflush(stdout);
    if (!fgets(typed, sizeof typed, stdin))
        return false;
    typed[strcspn(typed, "\n")] = '\0';
    return strcmp(typed, id) == 0;
}

static int retire(int fd, bool yes) {
    int status;
    json_t *box = client_do(fd, json_pack("{s:s}", "cmd", "status"), &status);
    if (!box)
        return status;
    bool confirmed = yes || is_confirmed(box);
    json_decref(box);
    if (!confirmed) {
        log_error("nothing was done");
        return EX_USAGE;
    }
    client_be_patient(fd, RETIRE_WAIT_S);
    json_t *answer = client_do(fd, json_pack("{s:s}", "cmd", "retire"), &status);
    if (!answer)
        return status;
    printf("retired: %lld retained topics were cleared from the broker; liftgwd has ended and does not start again\n",
           answer_number(answer, "cleared"));
    json_decref(answer);
    return EX_OK;
}

int retire_run(const struct context *context, int argc, char *argv[]) {
    int status;
    bool yes = argc == 2 && strcmp(argv[1], "--yes") == 0;
    if (argc > 1 && !yes)
        return command_help(argv[0], false);
    if (!yes && !isatty(STDIN_FILENO)) {
        log_error("retire asks before it does anything; where nobody can answer, say --yes");
        return EX_USAGE;
    }
    int fd = client_begin(context, &status);
    if (fd < 0)
        return status;
    status = retire(fd, yes);
    close(fd);
    return status;
}
