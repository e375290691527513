#include "base/build.h"
#include "base/log.h"
#include "daemon/service.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

struct arguments {
    const char *file;
    bool test, debug;
};

static void usage(FILE *to) {
    fprintf(to,
            "Usage: liftgwd [-c FILE] [-t] [-v] [-V]\n"
            "Polls lift controllers over Modbus RTU and publishes their faults and rides over MQTT.\n"
            "\n"
            "  -c FILE  the configuration (%s/liftgw.cfg)\n"
            "  -t       check the configuration and exit: 0 it is fine, 78 it has errors,\n"
            "           77 it may not be read\n"
            "  -v       log what a developer wants to see, too\n"
            "  -V       print the version and exit\n"
            "  -h       print this and exit\n",
            LIFTGW_SYSCONF);
}

static struct arguments parse(int argc, char *argv[]) {
    static const struct option names[] = {{"help", no_argument, NULL, 'h'}, {"version", no_argument, NULL, 'V'}, {0}};
    struct arguments arguments = {.file = LIFTGW_SYSCONF "/liftgw.cfg"};
    int option;
    while ((option = getopt_long(argc, argv, "c:tvVh", names, NULL)) != -1) {
        switch (option) {
        case 'c':
            arguments.file = optarg;
            break;
        case 't':
            arguments.test = true;
            break;
        case 'v':
            arguments.debug = true;
            break;
        case 'V':
            printf("liftgwd %s\n", LIFTGW_VERSION);
            exit(EX_OK);
        case 'h':
            usage(stdout);
            exit(EX_OK);
        default:
            usage(stderr);
            exit(EX_USAGE);
        }
    }
    if (optind < argc) {
        usage(stderr);
        exit(EX_USAGE);
    }
    return arguments;
}

static struct settings *load(const char *file) {
    struct problems *problems = problems_create();
    struct settings *settings = settings_load(file, problems);
    problems_print(problems, stderr);
    problems_free(problems);
    return settings;
}

int main(int argc, char *argv[]) {
    struct arguments arguments = parse(argc, argv);
    log_init("liftgwd", arguments.debug);

    struct settings *settings = load(arguments.file);
    if (!settings)
        return access(arguments.file, R_OK) != 0 && errno == EACCES ? EX_NOPERM : EX_CONFIG;
    if (arguments.test) {
        fprintf(stderr, "liftgwd: %s is fine: lifts %zu, buses %zu\n", arguments.file, settings->lift_count,
                settings->bus_count);
        settings_free(settings);
        return EX_OK;
    }

    umask(S_IWGRP | S_IRWXO); /* the ledger tells where people live and whom to call */
    int status = EX_OK;
    struct service *service = service_start(settings, arguments.file, &status);
    if (!service)
        return status;
    status = service_run(service);
    service_stop(service);
    return status;
}
