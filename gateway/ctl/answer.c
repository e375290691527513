#include "ctl/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DURATION_MAX_S INT64_C(100000000000) /* three thousand years */

const char *answer_text(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

long long answer_number(const json_t *object, const char *key) {
    return json_integer_value(json_object_get(object, key));
}

int64_t answer_duration(const json_t *object, const char *key) {
    long long s = answer_number(object, key);
    return s >= 0 && s <= DURATION_MAX_S ? 1000 * s : 0;
}

bool answer_is(const json_t *object, const char *key, const char *text) {
    const char *value = answer_text(object, key);
    return value && strcmp(value, text) == 0;
}

const char *answer_car(const json_t *state) {
    const char *direction = answer_text(state, "direction");
    bool moves = answer_is(state, "car", "running") && direction && strcmp(direction, "none") != 0;
    return moves ? direction : answer_text(state, "car");
}

const char *answer_floor(const json_t *state, char text[ANSWER_FLOOR_SIZE]) {
    const char *label = answer_text(state, "floor_label");
    if (label || !json_is_integer(json_object_get(state, "floor")))
        return label;
    snprintf(text, ANSWER_FLOOR_SIZE, "%lld", answer_number(state, "floor"));
    return text;
}

int64_t answer_time(const json_t *object, const char *key) {
    const char *text = answer_text(object, key);
    struct tm utc = {.tm_isdst = 0};
    const char *rest = text ? strptime(text, "%Y-%m-%dT%H:%M:%S", &utc) : NULL;
    if (!rest)
        return 0;
    long ms = *rest == '.' ? strtol(rest + 1, NULL, 10) : 0;
    return ms >= 0 && ms < 1000 ? (int64_t)timegm(&utc) * 1000 + ms : 0;
}
