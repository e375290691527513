/* Small things about strings that every module needs. */
#ifndef LIFTGW_BASE_TEXT_H
#define LIFTGW_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* True if text is valid UTF-8 (no overlong forms, no surrogates) over size bytes. */
bool text_is_utf8(const char *text, size_t size);

/* Makes valid UTF-8 of text: every byte that is part of none becomes '?'. */
void text_mend(char *text);

/* True if text can be a level of an MQTT topic: 1..128 bytes of UTF-8, no '+', '#', '/', no leading '$', no control
 * characters. */
bool text_is_topic_level(const char *text);

/* The one of count names that text was probably meant to be, NULL if none is near. */
const char *text_suggest(const char *text, const char *const names[], size_t count);

/* Copies text into to, cut at a whole UTF-8 character so that it fits size bytes with its NUL. False if it was cut. */
bool text_copy(char *to, size_t size, const char *text);

/* 64-bit FNV-1a hash over size bytes, chained through hash (start with TEXT_HASH_START). */
#define TEXT_HASH_START UINT64_C(0xcbf29ce484222325)
uint64_t text_hash(uint64_t hash, const void *bytes, size_t size);

#endif
