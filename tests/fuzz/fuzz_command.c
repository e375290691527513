/* Lines of the simulator's control socket and scenarios: what is accepted keeps to what the verbs take. */
#include "fuzz.h"
#include "sim/command.h"

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    (void)argc;
    (void)argv;
    return 0;
}

static void check_command(const struct command *command) {
    bool of_unit = command->verb < VERB_NOISE || command->verb == VERB_GET;
    assert(!of_unit || (command->unit >= COMMAND_EVERY_UNIT && command->unit <= 247));
    assert(!command->has_at || command->at_ns >= 0);
    switch (command->verb) {
    case VERB_FAULT:
        assert(command->fault < FAULT_COUNT);
        break;
    case VERB_CODE:
    case VERB_REGISTER:
        assert(command->number >= 0 && command->number <= UINT16_MAX);
        break;
    case VERB_COUNTER:
        assert(command->number >= 0 && command->number <= UINT32_MAX);
        break;
    case VERB_CRC:
    case VERB_WRONG_UNIT:
    case VERB_WRONG_FUNCTION:
    case VERB_TRUNCATE:
    case VERB_TRAILING:
    case VERB_TWICE:
    case VERB_NOISE:
        assert(command->number >= 0 && command->number <= 100);
        break;
    case VERB_EXCEPTION:
        assert(command->percent >= 0 && command->percent <= 100);
        break;
    case VERB_GET:
        assert(command->unit != COMMAND_EVERY_UNIT && command->count >= 1 && command->count <= COMMAND_READ_MAX);
        break;
    case VERB_MODE:
        assert(!command->mode.known || item_word_of(ITEM_SERVICE_MODE, command->mode));
        break;
    case VERB_TRAPPED:
    case VERB_CALL:
    case VERB_RIDE:
    case VERB_HOLD:
    case VERB_SILENT:
    case VERB_LATE:
    case VERB_DRIP:
    case VERB_ECHO:
    case VERB_OK:
    case VERB_BABBLE:
    case VERB_UNPLUG:
    case VERB_PLUG:
    case VERB_STATS:
    case VERB_QUIT:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct command command = {0};
    char error[COMMAND_TEXT_MAX] = "";
    if (memchr(data, '\n', size))
        return -1;
    char *line = malloc(size ? size : 1);
    memcpy(line, data, size);
    switch (command_parse(line, size, &command, error)) {
    case COMMAND_RIGHT:
        check_command(&command);
        break;
    case COMMAND_WRONG:
        assert(error[0] && strlen(error) < COMMAND_TEXT_MAX);
        break;
    case COMMAND_EMPTY:
        break;
    }
    free(line);
    return 0;
}
