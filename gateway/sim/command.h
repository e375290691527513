/* One line of the control socket or a scenario file, parsed (design.md 6). Knows the words, not the units. */
#ifndef LIFTGW_SIM_COMMAND_H
#define LIFTGW_SIM_COMMAND_H

#include "model/vocabulary.h"

/* The longest line, without its newline. */
#define COMMAND_LINE_MAX 4096
#define COMMAND_TEXT_MAX 128 /* of an error */
#define COMMAND_READ_MAX 125 /* registers that one get shows */

enum verb {
    VERB_FAULT,
    VERB_CODE,
    VERB_TRAPPED,
    VERB_MODE,
    VERB_CALL,
    VERB_RIDE,
    VERB_COUNTER,
    VERB_REGISTER,
    VERB_HOLD,
    VERB_SILENT,
    VERB_CRC,
    VERB_LATE,
    VERB_WRONG_UNIT,
    VERB_WRONG_FUNCTION,
    VERB_TRUNCATE,
    VERB_TRAILING,
    VERB_TWICE,
    VERB_DRIP,
    VERB_ECHO,
    VERB_EXCEPTION,
    VERB_OK,
    VERB_NOISE,
    VERB_BABBLE,
    VERB_UNPLUG,
    VERB_PLUG,
    VERB_GET,
    VERB_STATS,
    VERB_QUIT
};

#define COMMAND_EVERY_UNIT 0

struct command {
    bool has_at;
    int64_t at_ns; /* since the start */
    int unit;      /* of a unit's verb and of get; COMMAND_EVERY_UNIT */
    enum verb verb;
    bool on;
    enum fault fault;
    struct value mode;
    int64_t number; /* what the verb's one number is: a floor, rides, milliseconds, a percentage, a value */
    int percent;    /* of exception */
    uint16_t address, count;
};

enum command_result { COMMAND_RIGHT, COMMAND_EMPTY, COMMAND_WRONG };
/* Parses a line of size bytes, no newline in it. COMMAND_WRONG leaves the reason in error. */
enum command_result command_parse(const char *line, size_t size, struct command *command, char error[COMMAND_TEXT_MAX]);

#endif
