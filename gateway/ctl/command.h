/* The commands of liftgwctl: each is a function NAME_run and one row in main.c's table. */
#ifndef LIFTGW_CTL_COMMAND_H
#define LIFTGW_CTL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

/* What stood before the command. */
struct context {
    const char *file;   /* the daemon's configuration */
    const char *socket; /* its control socket; NULL: as the configuration says */
};

/* argv[0] is the command's name. Returns an exit status of sysexits.h; status_run one for Nagios. */
typedef int command_run(const struct context *context, int argc, char *argv[]);

struct command {
    const char *name;
    command_run *run;
    const char *summary; /* a few words for the list of all commands */
    const char *usage;   /* what stands behind the name, and one line for each option: all that --help shows */
};

extern const struct command commands[];
extern const size_t command_count;

command_run check_run, init_run, scan_run, probe_run, poll_run, profiles_run;
command_run status_run, watch_run, history_run, maintenance_run, test_run, retire_run;

/* Prints the command's usage. To standard output it is an answer, to standard error the end of a wrong command line:
 * returns EX_OK or EX_USAGE. */
int command_help(const char *name, bool asked);

#endif
