#include "base/build.h"
#include "base/log.h"
#include "base/text.h"
#include "ctl/command.h"

#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

const struct command commands[] = {
    {"status", status_run, "buses, lifts, outbox and broker of the running daemon",
     "[--json]\n"
     "\n"
     "  --json  the daemon's whole answer, for machines\n"
     "\n"
     "Exit status as Nagios: 0 fine; 1 degraded: a lift, a bus or the broker is not\n"
     "there; 2 critical: no lift is online, or messages were dropped; 3 the daemon\n"
     "does not run.\n"},
};
const size_t command_count = COUNT_OF(commands);

static void usage(FILE *to) {
    fprintf(to, "Usage: liftgwctl [-c FILE] [-s SOCKET] COMMAND\n\n");
    for (size_t i = 0; i < command_count; i++)
        fprintf(to, "  %-12s %s\n", commands[i].name, commands[i].summary);
    fprintf(to,
            "\n"
            "  -c FILE    the daemon's configuration (%s/liftgw.cfg)\n"
            "  -s SOCKET  the daemon's control socket, if not as the configuration says\n"
            "  -V         print the version and exit\n"
            "  -h         print this and exit; COMMAND --help tells more of a command\n",
            LIFTGW_SYSCONF);
}

int command_help(const char *name, bool asked) {
    for (size_t i = 0; i < command_count; i++)
        if (strcmp(commands[i].name, name) == 0)
            fprintf(asked ? stdout : stderr, "Usage: liftgwctl %s %s", name, commands[i].usage);
    return asked ? EX_OK : EX_USAGE;
}

static const struct command *find_command(const char *name) {
    const char *names[COUNT_OF(commands)];
    for (size_t i = 0; i < command_count; i++) {
        names[i] = commands[i].name;
        if (strcmp(name, names[i]) == 0)
            return &commands[i];
    }
    const char *near = text_suggest(name, names, command_count);
    log_error("there is no command \"%s\"%s%s%s", name, near ? ", did you mean \"" : "", near ? near : "",
              near ? "\"?" : "");
    return NULL;
}

int main(int argc, char *argv[]) {
    struct context context = {.file = LIFTGW_SYSCONF "/liftgw.cfg"};
    static const struct option names[] = {{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    setlocale(LC_CTYPE, "");
    log_init("liftgwctl", false);
    int option;
    while ((option = getopt_long(argc, argv, "+c:s:Vh", names, NULL)) != -1) {
        switch (option) {
        case 'c':
            context.file = optarg;
            break;
        case 's':
            context.socket = optarg;
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
    for (int i = optind + 1; command && i < argc; i++)
        if (strcmp(argv[i], "--help") == 0)
            return command_help(command->name, true);
    return command ? command->run(&context, argc - optind, argv + optind) : EX_USAGE;
}
