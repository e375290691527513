/* Short ways to take an answer of the daemon apart; what is not there is NULL or 0. */
#ifndef LIFTGW_CTL_ANSWER_H
#define LIFTGW_CTL_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define ANSWER_FLOOR_SIZE 32

const char *answer_text(const json_t *object, const char *key);
long long answer_number(const json_t *object, const char *key);
/* A number of seconds, in ms. */
int64_t answer_duration(const json_t *object, const char *key);
bool answer_is(const json_t *object, const char *key, const char *text);

/* The car of a state: the way it goes, else its word. */
const char *answer_car(const json_t *state);
/* The floor of a state: its label, else its number, written to text. */
const char *answer_floor(const json_t *state, char text[ANSWER_FLOOR_SIZE]);

/* A time of a message, RFC 3339 UTC, in ms since 1970; 0 if there is none. */
int64_t answer_time(const json_t *object, const char *key);

#endif
