/* What a scan asks, in which order, and how long it takes at most if nothing answers. Pure: no I/O. */
#ifndef LIFTGW_CTL_SCAN_PLAN_H
#define LIFTGW_CTL_SCAN_PLAN_H

#include "profile/profile.h"

#define SCAN_SETTINGS 64
#define SCAN_UNITS 247

struct scan_setting {
    int baud;
    enum parity parity;
    int stop_bits;
};

/* What is known already; 0 or PARITY_UNSET: not. */
struct scan_wishes {
    struct scan_setting setting;
    int first_unit, last_unit; /* 0: all, the likely ones first */
};

/* Rounds go from what is likely to what is possible: all settings with the units that devices have when they leave the
 * factory, then more units, then all units with the most likely settings, then with all. Within a round setting by
 * setting. */
struct scan_plan {
    struct scan_setting settings[SCAN_SETTINGS]; /* most likely first: those of profiles, then common practice */
    size_t setting_count;
    bool likely[SCAN_UNITS + 1]; /* by unit */
    struct scan_wishes wishes;
};

struct scan_step {
    size_t setting;
    int unit;
    int timeout_ms;
};

/* Where a scan stands; all zero at its begin. */
struct scan_cursor {
    size_t round, setting;
    int unit;
};

void scan_plan_make(struct scan_plan *plan, const struct scan_wishes *wishes, struct profile *const profiles[],
                    size_t profile_count);

/* The next question; false: that was all. */
bool scan_plan_next(const struct scan_plan *plan, struct scan_cursor *cursor, struct scan_step *step);

/* Leaves the rest of the units of this setting in this round. */
void scan_plan_skip(struct scan_cursor *cursor);

/* How long one question takes that nobody answers, and all that are left after cursor. */
int64_t scan_step_ns(const struct scan_plan *plan, const struct scan_step *step);
int64_t scan_plan_left_ns(const struct scan_plan *plan, const struct scan_cursor *cursor);

/* How long to wait for the end of a short answer from a unit that takes so long to begin it. */
int scan_timeout_ms(const struct scan_setting *setting, int turnaround_ms);

/* Once a setting is right, every unit is asked there. */
#define SCAN_SWEEP_MS 100
int64_t scan_sweep_ns(const struct scan_plan *plan, size_t setting);
/* The units of a scan. */
int scan_first_unit(const struct scan_plan *plan);
int scan_last_unit(const struct scan_plan *plan);

/* "9600 8N1" */
#define SCAN_SETTING_SIZE 24
const char *scan_setting_text(const struct scan_setting *setting, char text[SCAN_SETTING_SIZE]);

#endif
