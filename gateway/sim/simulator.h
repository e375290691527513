/* The whole simulated bus and what it is told to do, now or later. */
#ifndef LIFTGW_SIM_SIMULATOR_H
#define LIFTGW_SIM_SIMULATOR_H

#include "sim/bus.h"
#include "sim/command.h"

/* The longest answer, with its newline. */
#define ANSWER_MAX 1024
/* Commands that wait for their time. */
#define WAITING_MAX 4096

/* Who gave a command: an id of control.c's, or the scenario file. */
#define FROM_SCENARIO 0

struct waiting {
    int64_t due_ns;
    uint64_t order; /* of those due at the same time */
    uint64_t from;
    struct command command;
};

struct simulator {
    struct bus bus;
    int64_t start_ns;
    double speed;
    bool quit;
    struct waiting *waiting;
    size_t waiting_count;
    uint64_t order;
    /* Called with the answer to a command that had to wait. */
    void (*answered)(void *context, uint64_t from, const char *answer);
    void *context;
};

/* Does a line now, or keeps it for its time. The answer, "" if there is none or not yet, ends in a newline. True if it
 * will be given later through answered(). */
bool simulator_do(struct simulator *simulator, const char *line, size_t size, uint64_t from, char answer[ANSWER_MAX]);
/* Nobody waits for those answers any more; the commands are done all the same. */
void simulator_forget(struct simulator *simulator, uint64_t from);

/* Reads a scenario: every line is checked, those without a time are done at once. False: it cannot be read (errno), or
 * is wrong (errno 0); every wrong line has been logged. */
bool simulator_read_scenario(struct simulator *simulator, const char *path);

/* Does everything that is due. */
void simulator_run(struct simulator *simulator);
/* When there is something to do again; INT64_MAX never. */
int64_t simulator_due(const struct simulator *simulator);

#endif
