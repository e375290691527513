/* Finds out how a bus speaks and who is on it, by reads alone. */
#ifndef LIFTGW_CTL_SCAN_H
#define LIFTGW_CTL_SCAN_H

#include "ctl/library.h"
#include "ctl/likeness.h"
#include "ctl/scan_plan.h"

#include <stdio.h>

#define SCAN_LIKENESSES 3

struct scan_unit {
    int unit;
    int asked, good;                       /* of the questions after the first answer */
    struct likeness like[SCAN_LIKENESSES]; /* the best ones */
    size_t like_count;
};

/* What was found. */
struct scan_report {
    const char *device;
    bool begun; /* the device could be opened */
    bool through_daemon;
    bool found; /* the settings, and with them units */
    struct scan_setting setting;
    enum dialect dialect;
    struct scan_unit units[SCAN_UNITS];
    size_t unit_count;
    bool garbled[SCAN_UNITS + 1]; /* by unit: it answers, but never well */
    bool echo, stopped;
    size_t settings_tried, settings_noisy; /* bytes without end that nobody asked for, or framing errors */
    size_t foreign;                        /* good frames that answered something else */
    long frame_errors;                     /* of the UART; -1: it cannot tell */
};

/* Asks, showing where it is on standard error. The exit status; what has been found stands in report in any case. */
int scan_bus(const struct context *context, const struct scan_wishes *wishes, const struct library *library,
             struct scan_report *report);

/* Writes what was found as an entry of buses: ( … ), with what is still to be said as comments; lines begin with indent
 * blanks. */
void scan_write_bus(const struct scan_report *report, int indent, FILE *to);
/* Takes the options of scan and init: --baud, --parity, --stop-bits, --units. False: wrong, and said so. */
bool scan_take_option(int option, const char *text, struct scan_wishes *wishes);
#define SCAN_OPTIONS                                                                                                   \
    {"baud", required_argument, NULL, 'b'}, {"parity", required_argument, NULL, 'p'},                                  \
        {"stop-bits", required_argument, NULL, 's'}, {                                                                 \
        "units", required_argument, NULL, 'u'                                                                          \
    }

#endif
