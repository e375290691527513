/* The command line of liftgw-sim. */
#ifndef LIFTGW_SIM_OPTIONS_H
#define LIFTGW_SIM_OPTIONS_H

#include "sim/bus.h"

#include <limits.h>

#define OPTIONS_DIRECTORIES 16

struct options {
    const char *link, *control, *scenario; /* NULL: not given */
    const char *profile[BUS_UNITS + 1];    /* by unit; NULL: nobody */
    int same_lift[BUS_UNITS + 1];          /* by unit: the one whose lift it shows; 0: its own */
    int unit_count, lift_count;
    int baud, stop_bits; /* 0: the profile's */
    enum parity parity;  /* PARITY_UNSET: the profile's */
    double turnaround_ms, speed;
    uint64_t seed;
    bool bytewise;
    char beside[PATH_MAX];
    const char *directory[OPTIONS_DIRECTORIES]; /* where profiles are looked for, in this order */
    int directory_count;
};

enum options_result { OPTIONS_RIGHT, OPTIONS_WRONG /* said why */, OPTIONS_HELP /* shown */ };
/* Reads the command line and LIFTGW_PROFILES. The strings belong to argv and the environment. */
enum options_result options_read(struct options *options, int argc, char *argv[]);

#endif
