#include "profile/code.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* So much text around the number leaves room for any number of one register. */
#define AROUND_MAX 6

struct conversion {
    size_t before; /* length of the text before it */
    bool zeros;
    int width;
    char kind;
    const char *after;
};

/* printf is never handed a format from a file: this takes it apart. */
static bool take_apart(const char *format, struct conversion *conversion) {
    const char *at = strchr(format, '%');
    if (!at)
        return false;
    *conversion = (struct conversion){.before = (size_t)(at - format)};
    at++;
    conversion->zeros = *at == '0';
    at += conversion->zeros;
    if (*at >= '1' && *at <= '9')
        conversion->width = *at++ - '0';
    conversion->kind = *at;
    if (*at == '\0' || !strchr("duxX", *at))
        return false;
    conversion->after = at + 1;
    return strchr(conversion->after, '%') == NULL && conversion->before + strlen(conversion->after) <= AROUND_MAX;
}

bool code_format_is_right(const char *format) {
    struct conversion conversion;
    if (!take_apart(format, &conversion))
        return false;
    for (const char *c = format; *c; c++)
        if (*c < ' ' || *c > '~')
            return false;
    return true;
}

void code_format_text(const char *format, int32_t code, char text[CODE_TEXT_SIZE]) {
    struct conversion conversion;
    text[0] = '\0';
    if (!take_apart(format, &conversion))
        return;
    char digits[CODE_TEXT_SIZE];
    int width = conversion.width;
    bool zeros = conversion.zeros;
    if (conversion.kind == 'x')
        snprintf(digits, sizeof digits, zeros ? "%0*x" : "%*x", width, (unsigned)code);
    else if (conversion.kind == 'X')
        snprintf(digits, sizeof digits, zeros ? "%0*X" : "%*X", width, (unsigned)code);
    else
        snprintf(digits, sizeof digits, zeros ? "%0*d" : "%*d", width, (int)code);
    char whole[AROUND_MAX + CODE_TEXT_SIZE];
    snprintf(whole, sizeof whole, "%.*s%s%s", (int)conversion.before, format, digits, conversion.after);
    text_copy(text, CODE_TEXT_SIZE, whole);
}
