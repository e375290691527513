#include "sim/command.h"

#include "base/log.h"
#include "base/text.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8
#define UNIT_MAX 247
#define SECONDS_MAX 1e9
#define MS_MAX 60000
#define RIDES_MAX 1000000

/* What stands behind a verb. */
enum arguments {
    TAKES_NOTHING,
    TAKES_FAULT,    /* FAULT-ID on|off */
    TAKES_U16,      /* 0..65535 */
    TAKES_OFF,      /* [off] */
    TAKES_MODE,     /* a word of service_mode */
    TAKES_FLOOR,    /* a number */
    TAKES_RIDES,    /* [N] */
    TAKES_U32,      /* 0..4294967295 */
    TAKES_REGISTER, /* ADDR VALUE */
    TAKES_SWITCH,   /* on|off */
    TAKES_PERCENT,  /* [PCT] */
    TAKES_MS,       /* digits "ms" */
    TAKES_EXCEPTION /* CODE [PCT] */
};

struct verb_row {
    const char *name;
    enum verb verb;
    enum arguments takes;
};

static const struct verb_row unit_verbs[] = {
    {"fault", VERB_FAULT, TAKES_FAULT},
    {"code", VERB_CODE, TAKES_U16},
    {"trapped", VERB_TRAPPED, TAKES_OFF},
    {"mode", VERB_MODE, TAKES_MODE},
    {"call", VERB_CALL, TAKES_FLOOR},
    {"ride", VERB_RIDE, TAKES_RIDES},
    {"counter", VERB_COUNTER, TAKES_U32},
    {"register", VERB_REGISTER, TAKES_REGISTER},
    {"hold", VERB_HOLD, TAKES_SWITCH},
    {"silent", VERB_SILENT, TAKES_NOTHING},
    {"crc", VERB_CRC, TAKES_PERCENT},
    {"late", VERB_LATE, TAKES_MS},
    {"wrong-unit", VERB_WRONG_UNIT, TAKES_PERCENT},
    {"wrong-function", VERB_WRONG_FUNCTION, TAKES_PERCENT},
    {"truncate", VERB_TRUNCATE, TAKES_PERCENT},
    {"trailing", VERB_TRAILING, TAKES_PERCENT},
    {"twice", VERB_TWICE, TAKES_PERCENT},
    {"drip", VERB_DRIP, TAKES_MS},
    {"echo", VERB_ECHO, TAKES_NOTHING},
    {"exception", VERB_EXCEPTION, TAKES_EXCEPTION},
    {"ok", VERB_OK, TAKES_NOTHING},
};

static const struct verb_row bus_verbs[] = {
    {"noise", VERB_NOISE, TAKES_PERCENT}, {"babble", VERB_BABBLE, TAKES_SWITCH}, {"unplug", VERB_UNPLUG, TAKES_NOTHING},
    {"plug", VERB_PLUG, TAKES_NOTHING},   {"stats", VERB_STATS, TAKES_NOTHING},  {"quit", VERB_QUIT, TAKES_NOTHING},
};

/* The words of a line, and how far they have been understood. */
struct words {
    char text[COMMAND_LINE_MAX + 1];
    char *word[WORDS_MAX];
    size_t count, at;
    char *error;
};

static bool wrong(struct words *words, const char *format, ...) PRINTF_LIKE(2, 3);
static bool wrong(struct words *words, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words->error, COMMAND_TEXT_MAX, format, arguments);
    va_end(arguments);
    if (!text_is_utf8(words->error, strlen(words->error))) /* a word was cut within a character */
        for (char *c = words->error; *c; c++)
            *c = (char)(*c & 0x80 ? '?' : *c);
    return false;
}

static const char *next_word(struct words *words) {
    return words->at < words->count ? words->word[words->at++] : NULL;
}

/* Takes the next word if it is that one. */
static bool take(struct words *words, const char *text) {
    if (words->at == words->count || strcmp(words->word[words->at], text))
        return false;
    words->at++;
    return true;
}

/* Digits, or 0x and hexadecimal digits, up to the end of text. */
static bool parse_number(const char *text, int64_t low, int64_t high, int64_t *number) {
    bool hexadecimal = text && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    const char *digits = hexadecimal ? text + 2 : text;
    if (!digits || !isxdigit((unsigned char)digits[0]) || strlen(digits) > 15)
        return false;
    char *end;
    int64_t parsed = strtoll(digits, &end, hexadecimal ? 16 : 10);
    if (*end || parsed < low || parsed > high)
        return false;
    *number = parsed;
    return true;
}

/* Digits with a unit behind them. */
static bool parse_measure(const char *text, const char *unit, int64_t high, int64_t *number) {
    char digits[16];
    size_t length = text ? strlen(text) : 0;
    size_t tail = strlen(unit);
    if (length <= tail || length - tail >= sizeof digits || strcmp(text + length - tail, unit))
        return false;
    memcpy(digits, text, length - tail);
    digits[length - tail] = '\0';
    return strspn(digits, "0123456789") == length - tail && parse_number(digits, 0, high, number);
}

static bool parse_seconds(const char *text, int64_t *ns) {
    char *end;
    if (!text || !isdigit((unsigned char)text[0]) || strspn(text, "0123456789.") != strlen(text))
        return false;
    double seconds = strtod(text, &end);
    if (*end || !(seconds <= SECONDS_MAX))
        return false;
    *ns = (int64_t)(seconds * 1e9);
    return true;
}

/* ---- what verbs take ---- */

static bool parse_switch(struct words *words, struct command *command) {
    command->on = take(words, "on");
    return command->on || take(words, "off") || wrong(words, "on or off must stand here");
}

static bool parse_fault(struct words *words, struct command *command) {
    const char *id = next_word(words);
    if (!id)
        return wrong(words, "a fault id must stand here");
    command->fault = fault_by_id(id);
    if (command->fault != FAULT_COUNT)
        return parse_switch(words, command);
    const char *ids[FAULT_COUNT];
    for (int i = 0; i < FAULT_COUNT; i++)
        ids[i] = fault_info((enum fault)i)->id;
    const char *meant = text_suggest(id, ids, FAULT_COUNT);
    return wrong(words, "no fault '%.40s'%s%s", id, meant ? ", did you mean " : "", meant ? meant : "");
}

static bool parse_mode(struct words *words, struct command *command) {
    const char *word = next_word(words);
    if (word && !strcmp(word, "unknown")) {
        command->mode = VALUE_UNKNOWN;
        return true;
    }
    int number = word ? item_word(ITEM_SERVICE_MODE, word) : -1;
    if (number < 0)
        return wrong(words, "a word of service_mode must stand here, not '%.40s'", word ? word : "");
    command->mode = VALUE(number);
    return true;
}

static bool parse_one_number(struct words *words, int64_t low, int64_t high, struct command *command) {
    const char *word = next_word(words);
    return parse_number(word, low, high, &command->number) ||
           wrong(words, "a number %lld..%lld must stand here, not '%.40s'", (long long)low, (long long)high,
                 word ? word : "");
}

static bool parse_percent(struct words *words, int64_t *percent) {
    *percent = 100;
    if (words->at == words->count)
        return true;
    const char *word = next_word(words);
    return parse_measure(word, "%", 100, percent) || wrong(words, "0%%..100%% must stand here, not '%.40s'", word);
}

static bool parse_ms(struct words *words, struct command *command) {
    const char *word = next_word(words);
    return parse_measure(word, "ms", MS_MAX, &command->number) ||
           wrong(words, "0ms..%dms must stand here, not '%.40s'", MS_MAX, word ? word : "");
}

static bool parse_register(struct words *words, struct command *command) {
    if (!parse_one_number(words, 0, UINT16_MAX, command))
        return false;
    command->address = (uint16_t)command->number;
    return parse_one_number(words, 0, UINT16_MAX, command);
}

static bool parse_exception(struct words *words, struct command *command) {
    int64_t percent;
    if (!parse_one_number(words, 1, UINT8_MAX, command) || !parse_percent(words, &percent))
        return false;
    command->percent = (int)percent;
    return true;
}

static bool parse_rides(struct words *words, struct command *command) {
    command->number = 1;
    return words->at == words->count || parse_one_number(words, 1, RIDES_MAX, command);
}

static bool parse_arguments(struct words *words, enum arguments takes, struct command *command) {
    switch (takes) {
    case TAKES_NOTHING:
        return true;
    case TAKES_FAULT:
        return parse_fault(words, command);
    case TAKES_U16:
        return parse_one_number(words, 0, UINT16_MAX, command);
    case TAKES_OFF:
        command->on = !take(words, "off");
        return true;
    case TAKES_MODE:
        return parse_mode(words, command);
    case TAKES_FLOOR:
        return parse_one_number(words, 1, UINT8_MAX, command);
    case TAKES_RIDES:
        return parse_rides(words, command);
    case TAKES_U32:
        return parse_one_number(words, 0, UINT32_MAX, command);
    case TAKES_REGISTER:
        return parse_register(words, command);
    case TAKES_SWITCH:
        return parse_switch(words, command);
    case TAKES_PERCENT:
        return parse_percent(words, &command->number);
    case TAKES_MS:
        return parse_ms(words, command);
    case TAKES_EXCEPTION:
        return parse_exception(words, command);
    }
    return false;
}

/* ---- lines ---- */

static bool parse_verb(struct words *words, const struct verb_row rows[], size_t count, struct command *command) {
    const char *name = next_word(words);
    const char *names[COUNT_OF(unit_verbs)];
    if (!name)
        return wrong(words, "a verb must stand here");
    for (size_t i = 0; i < count; i++) {
        names[i] = rows[i].name;
        if (strcmp(rows[i].name, name))
            continue;
        command->verb = rows[i].verb;
        return parse_arguments(words, rows[i].takes, command);
    }
    const char *meant = text_suggest(name, names, count);
    return wrong(words, "no verb '%.40s' here%s%s", name, meant ? ", did you mean " : "", meant ? meant : "");
}

static bool parse_unit(struct words *words, bool every, struct command *command) {
    int64_t number;
    if (every && take(words, "*")) {
        command->unit = COMMAND_EVERY_UNIT;
        return true;
    }
    const char *word = next_word(words);
    if (!parse_number(word, 1, UNIT_MAX, &number))
        return wrong(words, "a unit 1..%d%s must stand here, not '%.40s'", UNIT_MAX, every ? " or *" : "",
                     word ? word : "");
    command->unit = (int)number;
    return true;
}

static bool parse_get(struct words *words, struct command *command) {
    command->verb = VERB_GET;
    if (!take(words, "unit"))
        return wrong(words, "get unit N ADDR[:N]");
    if (!parse_unit(words, false, command))
        return false;
    char address[32] = "";
    const char *word = next_word(words);
    const char *colon = word ? strchr(word, ':') : NULL;
    int64_t number = 1;
    if (colon && !parse_number(colon + 1, 1, COMMAND_READ_MAX, &number))
        return wrong(words, "1..%d must stand behind the colon", COMMAND_READ_MAX);
    command->count = (uint16_t)number;
    snprintf(address, sizeof address, "%.*s", colon ? (int)(colon - word) : 31, word ? word : "");
    if (!parse_number(address, 0, UINT16_MAX, &number))
        return wrong(words, "an address 0..65535 must stand here, not '%.31s'", address);
    command->address = (uint16_t)number;
    return true;
}

static bool parse_words(struct words *words, struct command *command) {
    if (take(words, "at")) {
        command->has_at = true;
        if (!parse_seconds(next_word(words), &command->at_ns))
            return wrong(words, "seconds must stand behind 'at'");
    }
    bool right;
    if (take(words, "get"))
        right = parse_get(words, command);
    else if (take(words, "unit"))
        right = parse_unit(words, true, command) && parse_verb(words, unit_verbs, COUNT_OF(unit_verbs), command);
    else
        right = parse_verb(words, bus_verbs, COUNT_OF(bus_verbs), command);
    if (right && words->at < words->count)
        return wrong(words, "nothing more must stand here, but '%.40s' does", words->word[words->at]);
    return right;
}

enum command_result command_parse(const char *line, size_t size, struct command *command,
                                  char error[COMMAND_TEXT_MAX]) {
    struct words words = {.error = error};
    *command = (struct command){.unit = -1};
    if (size > COMMAND_LINE_MAX) {
        wrong(&words, "a line has at most %d bytes", COMMAND_LINE_MAX);
        return COMMAND_WRONG;
    }
    if (!text_is_utf8(line, size) || memchr(line, '\0', size)) {
        wrong(&words, "not UTF-8");
        return COMMAND_WRONG;
    }
    memcpy(words.text, line, size);
    words.text[strcspn(words.text, "#")] = '\0';
    char *rest = NULL;
    for (char *word = strtok_r(words.text, " \t\r", &rest); word; word = strtok_r(NULL, " \t\r", &rest)) {
        if (words.count == WORDS_MAX) {
            wrong(&words, "too many words");
            return COMMAND_WRONG;
        }
        words.word[words.count++] = word;
    }
    if (!words.count)
        return COMMAND_EMPTY;
    return parse_words(&words, command) ? COMMAND_RIGHT : COMMAND_WRONG;
}
