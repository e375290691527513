#include "base/build.h"
#include "base/log.h"
#include "base/text.h"
#include "ctl/client.h"
#include "ctl/status.h"
#include "settings/settings.h"

#include <errno.h>
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#define USUAL_SOCKET "/run/liftgw/control.sock"

struct arguments {
    const char *file, *socket;
};

static void usage(FILE *to) {
    fprintf(to,
            "Usage: liftgwctl [-c FILE] [-s SOCKET] COMMAND\n"
            "\n"
            "  status [--json]   buses, lifts, outbox and broker of the running daemon\n"
            "                    exit status as Nagios: 0 fine; 1 degraded: a lift, a bus or the broker is not there;\n"
            "                    2 critical: no lift is online, or messages were dropped; 3 the daemon does not run\n"
            "\n"
            "  -c FILE    the daemon's configuration (%s/liftgw.cfg): where its socket is\n"
            "  -s SOCKET  the daemon's control socket\n"
            "  -V         print the version and exit\n"
            "  -h         print this and exit\n",
            LIFTGW_SYSCONF);
}

/* Where the daemon listens: as said, or as its configuration says. */
static void find_socket(const struct arguments *arguments, char *path, size_t size) {
    snprintf(path, size, "%s", arguments->socket ? arguments->socket : USUAL_SOCKET);
    if (arguments->socket)
        return;
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(arguments->file, problems);
    if (settings)
        snprintf(path, size, "%s", settings->gateway.control);
    settings_free(settings);
    problems_free(problems);
}

static int run_status(const struct arguments *arguments, int argc, char *argv[]) {
    bool json = argc == 2 && strcmp(argv[1], "--json") == 0;
    if (argc > 1 && !json) {
        usage(stderr);
        return EX_USAGE;
    }
    char path[4096];
    find_socket(arguments, path, sizeof path);
    int fd = client_connect(path);
    if (fd < 0) {
        log_error("liftgwd does not answer on %s: %s%s", path, strerror(errno),
                  errno == EACCES ? "; add yourself to group liftgw" : "; is it running?");
        return HEALTH_NOT_RUNNING;
    }
    json_t *status = client_ask(fd, "{\"cmd\":\"status\"}");
    close(fd);
    if (!status || !json_is_true(json_object_get(status, "ok"))) {
        log_error("liftgwd runs, but gave no answer on %s", path);
        json_decref(status);
        return HEALTH_CRITICAL;
    }
    if (json) {
        json_dumpf(status, stdout, JSON_COMPACT);
        printf("\n");
    } else {
        status_print(status);
    }
    int health = (int)status_health(status);
    json_decref(status);
    return health;
}

static const struct command {
    const char *name;
    int (*run)(const struct arguments *arguments, int argc, char *argv[]);
} commands[] = {{"status", run_status}};

static const struct command *find_command(const char *name) {
    const char *names[COUNT_OF(commands)];
    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        names[i] = commands[i].name;
        if (strcmp(name, names[i]) == 0)
            return &commands[i];
    }
    const char *near = text_suggest(name, names, COUNT_OF(names));
    log_error("there is no command \"%s\"%s%s%s", name, near ? ", did you mean \"" : "", near ? near : "",
              near ? "\"?" : "");
    return NULL;
}

int main(int argc, char *argv[]) {
    struct arguments arguments = {.file = LIFTGW_SYSCONF "/liftgw.cfg"};
    static const struct option names[] = {{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    setlocale(LC_CTYPE, "");
    log_init("liftgwctl", false);
    int option;
    while ((option = getopt_long(argc, argv, "+c:s:Vh", names, NULL)) != -1) {
        switch (option) {
        case 'c':
            arguments.file = optarg;
            break;
        case 's':
            arguments.socket = optarg;
            break;
        case 'V':
            printf("liftgwctl %s\n", LIFTGW_VERSION);
            return EX_OK;
        case 'h':
            usage(stdout);
            return EX_OK;
        default:
            usage(stderr);
            return EX_USAGE;
        }
    }
    if (optind >= argc) {
        usage(stderr);
        return EX_USAGE;
    }
    const struct command *command = find_command(argv[optind]);
    return command ? command->run(&arguments, argc - optind, argv + optind) : EX_USAGE;
}
