#include "ctl/style.h"

#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

#define USUAL_COLUMNS 80
#define USUAL_LINES 24
#define LEAST_COLUMNS 20
#define MOST_COLUMNS 1000
#define ELLIPSIS "…"

static const char *const sequences[] = {
    [STYLE_PLAIN] = "",         [STYLE_GOOD] = "\033[32m", [STYLE_WARNING] = "\033[33m",
    [STYLE_BAD] = "\033[1;31m", [STYLE_BOLD] = "\033[1m",  [STYLE_DIM] = "\033[2m"};

void style_init(void) {
    signal(SIGPIPE, SIG_DFL);
    setlocale(LC_CTYPE, "");
    if (MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
}

/* What is written to memory first goes to standard output then. */
static int device_of(FILE *to) {
    int fd = fileno(to);
    return fd >= 0 ? fd : STDOUT_FILENO;
}

bool style_is_terminal(FILE *to) {
    return isatty(device_of(to)) == 1;
}

static size_t within(long number, size_t usual) {
    if (number <= 0)
        return usual;
    return number < LEAST_COLUMNS ? LEAST_COLUMNS : number > MOST_COLUMNS ? MOST_COLUMNS : (size_t)number;
}

size_t style_columns(FILE *to) {
    struct winsize size;
    const char *columns = getenv("COLUMNS");
    if (ioctl(device_of(to), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return within(size.ws_col, USUAL_COLUMNS);
    return within(columns ? strtol(columns, NULL, 10) : 0, USUAL_COLUMNS);
}

size_t style_lines(FILE *to) {
    struct winsize size;
    if (ioctl(device_of(to), TIOCGWINSZ, &size) == 0 && size.ws_row > 0)
        return size.ws_row;
    return USUAL_LINES;
}

static bool has_colour(FILE *to) {
    const char *none = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return style_is_terminal(to) && !(none && none[0]) && terminal && strcmp(terminal, "dumb") != 0;
}

const char *style_begin(FILE *to, enum style style) {
    return has_colour(to) ? sequences[style] : "";
}

const char *style_end(FILE *to, enum style style) {
    return style != STYLE_PLAIN && has_colour(to) ? "\033[0m" : "";
}

void style_print(FILE *to, enum style style, const char *text) {
    fprintf(to, "%s%s%s", style_begin(to, style), text, style_end(to, style));
}

/* The next character: how many bytes and cells it takes. False: it must not reach a terminal as it is. */
static bool next_character(const char *text, size_t *bytes, size_t *cells) {
    mbstate_t state = {0};
    wchar_t character;
    size_t size = mbrtowc(&character, text, strlen(text), &state);
    int width = size == 0 || size > MB_LEN_MAX ? -1 : wcwidth(character);
    *bytes = width < 0 && (size == 0 || size > MB_LEN_MAX) ? 1 : size;
    *cells = width < 0 ? 1 : (size_t)width;
    return width >= 0;
}

size_t style_fit(const char *text, size_t cells) {
    size_t at = 0, used = 0, bytes, width;
    while (text[at]) {
        next_character(text + at, &bytes, &width);
        if (used + width > cells)
            break;
        at += bytes;
        used += width;
    }
    return at;
}

size_t style_width(const char *text) {
    size_t at = 0, used = 0, bytes, width;
    for (; text[at]; at += bytes, used += width)
        next_character(text + at, &bytes, &width);
    return used;
}

void style_cut(char *to, size_t size, const char *text, size_t cells) {
    bool cut = style_width(text) > cells;
    size_t room = cut && cells > 0 ? cells - 1 : cells;
    size_t end = style_fit(text, room);
    size_t used = 0, bytes, width;
    size_t reserve = sizeof ELLIPSIS; /* with its NUL */
    for (size_t at = 0; at < end; at += bytes) {
        bool printable = next_character(text + at, &bytes, &width);
        if (used + bytes + reserve > size) {
            cut = true;
            break;
        }
        if (printable)
            memcpy(to + used, text + at, bytes);
        else
            to[used] = '?';
        used += printable ? bytes : 1;
    }
    strcpy(to + used, cut && cells > 0 ? ELLIPSIS : "");
}

void style_wrap(FILE *to, const char *text, size_t column, size_t indent) {
    size_t columns = style_columns(to);
    char word[512];
    bool first = true;
    while (*text) {
        size_t length = strcspn(text, " \n");
        char raw[sizeof word - 8];
        snprintf(raw, sizeof raw, "%.*s", (int)(length < sizeof raw ? length : sizeof raw - 1), text);
        style_cut(word, sizeof word, raw, sizeof word);
        size_t width = style_width(word);
        if (!first && column + 1 + width > columns) {
            fprintf(to, "\n%*s", (int)indent, "");
            column = indent;
        } else if (!first) {
            fputc(' ', to);
            column++;
        }
        fputs(word, to);
        column += width;
        first = false;
        text += length;
        text += strspn(text, " \n");
    }
    fputc('\n', to);
}

const char *style_duration(int64_t ms, char text[STYLE_DURATION_SIZE]) {
    long long tenths = ms < 0 ? 0 : ms / 100;
    long long s = tenths / 10;
    if (ms <= 0)
        strcpy(text, "0 s");
    else if (ms < 1000)
        snprintf(text, STYLE_DURATION_SIZE, "%d ms", (int)ms);
    else if (s < 10)
        snprintf(text, STYLE_DURATION_SIZE, "%lld.%lld s", s, tenths % 10);
    else if (s < 60)
        snprintf(text, STYLE_DURATION_SIZE, "%lld s", s);
    else if (s < 3600)
        snprintf(text, STYLE_DURATION_SIZE, "%lld min %lld s", s / 60, s % 60);
    else if (s < 86400)
        snprintf(text, STYLE_DURATION_SIZE, "%lld h %lld min", s / 3600, s / 60 % 60);
    else
        snprintf(text, STYLE_DURATION_SIZE, "%lld d %lld h", s / 86400, s / 3600 % 24);
    return text;
}

const char *style_time(int64_t real_ms, char text[STYLE_TIME_SIZE]) {
    time_t seconds = (time_t)(real_ms / 1000);
    struct tm local;
    strcpy(text, "-");
    if (real_ms != 0 && localtime_r(&seconds, &local))
        strftime(text, STYLE_TIME_SIZE, "%Y-%m-%d %H:%M:%S", &local);
    return text;
}
