#include "base/build.h"
#include "base/log.h"
#include "base/text.h"
#include "ctl/command.h"
#include "ctl/style.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

const struct command commands[] = {
    {"check", check_run, "every mistake of a configuration; then what it will do",
     "[FILE] [--json]\n"
     "\n"
     "  FILE    instead of the daemon's configuration\n"
     "  --json  everything in one JSON object\n"
     "\n"
     "Prints every problem of the configuration, its profiles and its code table with\n"
     "what would be right; and if there is no error, the plan: reads, wire time, cycle\n"
     "and load of each bus, who owns which item, and how long it takes at most from a\n"
     "fault to its message. Exit status 78 if there are errors.\n"},
    {"init", init_run, "a first configuration from what answers on a bus",
     "[DEVICE] [-o FILE] [--baud B] [--parity P] [--stop-bits S]\n"
     "                      [--units A-B]\n"
     "\n"
     "  DEVICE   where the bus is; without it, the only adapter in /dev/serial/by-id\n"
     "  -o FILE  writes it there if no such file is yet; else to standard output\n"
     "  others   what is known already, as for scan\n"
     "\n"
     "Every choice is explained in comments; nothing in it is final.\n"},
    {"scan", scan_run, "line settings and units of a bus that nobody knows",
     "DEVICE [--baud B] [--parity P] [--stop-bits S]\n"
     "                      [--units A-B]\n"
     "\n"
     "  --baud B       the speed, if it is known: 9600\n"
     "  --parity P     none, even or odd\n"
     "  --stop-bits S  1 or 2\n"
     "  --units A-B    only these, with all line settings: 1-32\n"
     "\n"
     "Says before it begins how long it takes. Sends nothing but reads. Ctrl-C ends it\n"
     "and shows what was found. Ends with the lines for the configuration.\n"},
    {"probe", probe_run, "registers of a unit in every interpretation",
     "DEVICE UNIT TABLE ADDRESS[:N] [--watch] [--baud B]\n"
     "                       [--parity P] [--stop-bits S] [--dialect D]\n"
     "\n"
     "  TABLE        holding, input, coil or discrete\n"
     "  ADDRESS:N    as on the wire, from 0: 64 or 0x40; N of them, at most 125\n"
     "  --watch      once a second, with what changed marked *, until Ctrl-C\n"
     "  --baud B  --parity P  --stop-bits S\n"
     "               the line, if not as the configuration says (9600 none 1)\n"
     "  --dialect D  rtu or monarch (16-bit byte count), likewise (rtu)\n"
     "\n"
     "Ends with the rows that read them, for a profile.\n"},
    {"poll", poll_run, "one poll of a lift, from registers to what they mean",
     "LIFT [--watch]\n"
     "\n"
     "  --watch  once a second, until Ctrl-C\n"
     "\n"
     "For each row of its profiles: where, raw value, result, meaning, and where the\n"
     "row stands. What is not \"ok\" is a value that the row does not expect.\n"},
    {"profiles", profiles_run, "the controllers that are known; one as a register map",
     "[NAME]\n"
     "\n"
     "  NAME  this one's registers, with what they mean\n"},
    {"status", status_run, "buses, lifts, outbox and broker of the running daemon",
     "[--json]\n"
     "\n"
     "  --json  the daemon's whole answer, for machines\n"
     "\n"
     "Exit status as Nagios: 0 fine; 1 degraded: a lift, a bus or the broker is not\n"
     "there; 2 critical: no lift is online, messages were dropped, or the ledger\n"
     "cannot be written; 3 the daemon does not run.\n"},
    {"watch", watch_run, "the same, live; q ends it",
     "[--every DURATION]\n"
     "\n"
     "  --every DURATION  how often it is shown anew: 100ms to 1h (1s)\n"
     "\n"
     "q or Ctrl-C ends it. It goes on when the daemon is started again. Where standard\n"
     "output is no terminal, it prints one block a period.\n"},
    {"history", history_run, "what happened, whether sent or not, and what led to it",
     "[--lift LIFT] [--fault FAULT] [--since TIME] [--json]\n"
     "       liftgwctl history --around SEQ [--json]\n"
     "\n"
     "  --lift LIFT    of this lift only\n"
     "  --fault FAULT  of this fault only, for example door_open_fault\n"
     "  --since TIME   2d, 12h, 30min, 2026-11-23 or '2026-11-23 18:30' (7d)\n"
     "  --around SEQ   one message, and the minute of the lift's state that led to it\n"
     "  --json         one JSON object a line, with the whole message\n"},
    {"maintenance", maintenance_run, "faults of a lift wake nobody for a while",
     "LIFT on --for DURATION\n"
     "       liftgwctl maintenance LIFT off\n"
     "\n"
     "  --for DURATION  1min to 24h; then it ends by itself\n"
     "\n"
     "For a lift whose controller has no inspection contact. Its faults are published\n"
     "all the same, but marked as suppressed: they wake nobody and do not count.\n"},
    {"test", test_run, "one message through to the broker, timed",
     "LIFT\n"
     "\n"
     "Publishes event/test of the lift and waits for the broker's acknowledgement, ten\n"
     "seconds at most. The gateway does so by itself every 72 hours.\n"},
    {"retire", retire_run, "a scrapped box: clears what the broker keeps of it",
     "[--yes]\n"
     "\n"
     "  --yes  do not ask\n"
     "\n"
     "What waits is delivered, then every retained topic of the box and its lifts is\n"
     "cleared from the broker, and the daemon ends for good. Takes a minute at most.\n"},
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

/* Half an answer on a full disk must not look like a whole one. */
static int written(int status) {
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    log_error("standard output did not take all of the answer: is its disk full?");
    return EX_IOERR;
}

static int run(int argc, char *argv[]) {
    struct context context = {.file = LIFTGW_SYSCONF "/liftgw.cfg"};
    static const struct option names[] = {{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
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

int main(int argc, char *argv[]) {
    style_init();
    log_init("liftgwctl", false);
    return written(run(argc, argv));
}
