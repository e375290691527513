#include "base/text.h"

#include <string.h>

#define TOPIC_LEVEL_MAX 128
#define SUGGEST_LONGEST 48

/* The length of the UTF-8 sequence at text, 0 if it is not one. */
static size_t sequence_length(const unsigned char *text, size_t size) {
    unsigned char first = text[0];
    if (first < 0x80)
        return 1;
    size_t length = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (first == 0xE0 && text[1] < 0xA0) || (first == 0xF0 && text[1] < 0x90);
    bool surrogate = first == 0xED && text[1] > 0x9F;
    bool beyond = first == 0xF4 && text[1] > 0x8F;
    return overlong || surrogate || beyond ? 0 : length;
}

bool text_is_utf8(const char *text, size_t size) {
    for (size_t i = 0; i < size;) {
        size_t length = sequence_length((const unsigned char *)text + i, size - i);
        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

void text_mend(char *text) {
    size_t left = strlen(text);
    while (left > 0) {
        size_t length = sequence_length((const unsigned char *)text, left);
        if (length == 0) {
            *text = '?';
            length = 1;
        }
        text += length;
        left -= length;
    }
}

bool text_is_topic_level(const char *text) {
    size_t size = strlen(text);
    if (size == 0 || size > TOPIC_LEVEL_MAX || text[0] == '$' || !text_is_utf8(text, size))
        return false;
    for (const unsigned char *c = (const unsigned char *)text; *c; c++) {
        bool c1_control = c[0] == 0xC2 && c[1] >= 0x80 && c[1] <= 0x9F;
        if (*c < ' ' || *c == 0x7F || c1_control || strchr("+#/", *c))
            return false;
    }
    return true;
}

/* Levenshtein's distance, swapped neighbours counted once. */
static size_t distance(const char *a, const char *b) {
    size_t row[3][SUGGEST_LONGEST + 1];
    size_t a_size = strlen(a);
    size_t b_size = strlen(b);
    if (a_size > SUGGEST_LONGEST || b_size > SUGGEST_LONGEST)
        return SIZE_MAX;
    for (size_t j = 0; j <= b_size; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *now = row[i % 3];
        const size_t *last = row[(i + 2) % 3];
        const size_t *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t best = last[j - 1] + (a[i - 1] != b[j - 1]);
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[a_size % 3][b_size];
}

const char *text_suggest(const char *text, const char *const names[], size_t count) {
    size_t best = strlen(text) / 3 + 1;
    const char *found = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t d = distance(text, names[i]);
        if (d < best || (d == best && !found)) {
            best = d;
            found = names[i];
        }
    }
    return found;
}

bool text_copy(char *to, size_t size, const char *text) {
    size_t all = strlen(text);
    size_t used = all < size ? all : 0;
    while (used < all) {
        size_t length = sequence_length((const unsigned char *)text + used, all - used);
        if (length == 0)
            length = 1;
        if (used + length >= size)
            break;
        used += length;
    }
    memcpy(to, text, used);
    to[used] = '\0';
    return text[used] == '\0';
}

uint64_t text_hash(uint64_t hash, const void *bytes, size_t size) {
    const unsigned char *b = bytes;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ b[i]) * UINT64_C(0x100000001b3);
    return hash;
}
