#include "base/conf_text.h"

#include "base/memory.h"
#include "base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_SIZE_MAX ((size_t)1 << 20)
#define FILES_MAX 64
#define INCLUDE_DEPTH_MAX 10

/* One file on its way into the text. */
struct reader {
    struct conf_text *out;
    struct problems *problems;
    const char *file;
    const char *text;
    size_t size, at;
    int line;
    int depth;
};

static void read_file(struct conf_text *out, const char *path, int depth, const struct conf_origin *from,
                      struct problems *problems);

/* Only ASCII letters count, whatever the locale. */
static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static void out_line(struct conf_text *out, const char *file, int line) {
    if (out->line_count == out->line_room) {
        out->line_room = out->line_room ? 2 * out->line_room : 256;
        out->lines = memory_grow(out->lines, out->line_room, sizeof(struct conf_origin));
    }
    out->lines[out->line_count++] = (struct conf_origin){file, line};
}

static void out_bytes(struct conf_text *out, const char *bytes, size_t size) {
    if (out->size + size + 1 > out->room) {
        out->room = 2 * (out->size + size + 1);
        out->text = memory_grow(out->text, out->room, 1);
    }
    memcpy(out->text + out->size, bytes, size);
    out->size += size;
    out->text[out->size] = '\0';
}

static void out_text(struct conf_text *out, const char *text) {
    out_bytes(out, text, strlen(text));
}

/* The character at at + ahead, '\0' past the end (the file itself holds none). */
static char peek(const struct reader *reader, size_t ahead) {
    return reader->at + ahead < reader->size ? reader->text[reader->at + ahead] : '\0';
}

/* Copies the next character; lines are counted here and nowhere else. */
static void copy_character(struct reader *reader) {
    char c = reader->text[reader->at++];
    out_bytes(reader->out, &c, 1);
    if (c == '\n')
        out_line(reader->out, reader->file, ++reader->line);
}

static void skip_line_comment(struct reader *reader) {
    while (reader->at < reader->size && peek(reader, 0) != '\n')
        reader->at++;
}

static void skip_block_comment(struct reader *reader) {
    int begun = reader->line;
    for (reader->at += 2; reader->at < reader->size; reader->at++) {
        if (peek(reader, 0) == '*' && peek(reader, 1) == '/') {
            reader->at += 2;
            out_text(reader->out, " ");
            return;
        }
        if (peek(reader, 0) == '\n') {
            out_text(reader->out, "\n");
            out_line(reader->out, reader->file, ++reader->line);
        }
    }
    problems_add(reader->problems, PROBLEM_ERROR, reader->file, begun, "this comment never ends: close it with */");
    reader->out->broken = true;
}

static void copy_string(struct reader *reader) {
    int begun = reader->line;
    copy_character(reader);
    while (reader->at < reader->size && peek(reader, 0) != '"') {
        if (peek(reader, 0) == '\\') {
            if (peek(reader, 1) == 'x' && peek(reader, 2) == '0' && peek(reader, 3) == '0')
                problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line,
                             "\\x00 would end the text: leave it out");
            copy_character(reader);
            if (reader->at == reader->size)
                break;
        }
        copy_character(reader);
    }
    reader->out->last = '"';
    if (reader->at < reader->size) {
        copy_character(reader);
        return;
    }
    problems_add(reader->problems, PROBLEM_ERROR, reader->file, begun,
                 "the text that begins here never ends: "
                 "close it with \"");
    reader->out->broken = true;
}

/* True if literal (no suffix) is an integer as libconfig writes them; sign and digits apart. */
static bool is_integer(const char *literal, bool *hexadecimal) {
    *hexadecimal = literal[0] == '0' && (literal[1] == 'x' || literal[1] == 'X');
    const char *digits = literal + (*hexadecimal ? 2 : literal[0] == '-' || literal[0] == '+' ? 1 : 0);
    return *digits && strspn(digits, *hexadecimal ? "0123456789abcdefABCDEF" : "0123456789") == strlen(digits);
}

static void copy_number(struct reader *reader) {
    char literal[64];
    size_t size = 0;
    size_t begun = reader->at;
    bool exponent = false; /* the character before was an e that a sign may follow */
    bool hexadecimal = peek(reader, 0) == '0' && (peek(reader, 1) == 'x' || peek(reader, 1) == 'X');
    for (char c = peek(reader, 0);
         is_digit(c) || is_letter(c) || c == '.' || reader->at == begun || (exponent && (c == '-' || c == '+'));
         c = peek(reader, 0)) {
        exponent = !hexadecimal && (c == 'e' || c == 'E');
        if (size < sizeof literal - 1)
            literal[size++] = c;
        reader->at++;
    }
    literal[size] = '\0';
    reader->out->last = '0';
    if (reader->at - begun > size) {
        problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line, "%s… is too long for a number",
                     literal);
        out_text(reader->out, "0L");
        return;
    }

    size_t suffix = 0;
    while (suffix < 2 && suffix < size && literal[size - 1 - suffix] == 'L')
        suffix++;
    char digits[sizeof literal];
    memcpy(digits, literal, size - suffix);
    digits[size - suffix] = '\0';
    if (!is_integer(digits, &hexadecimal)) {
        out_text(reader->out, literal); /* a float, or nothing that the parser takes */
        return;
    }

    errno = 0;
    long long value = strtoll(digits, NULL, hexadecimal ? 16 : 10);
    const char *unsigned_digits = digits + strspn(digits, "+-");
    if (errno == ERANGE)
        problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line,
                     "%s does not fit 64 bits: the largest number is 9223372036854775807L", literal);
    else if (suffix == 0 && (value > INT32_MAX || value < INT32_MIN))
        problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line, "%s does not fit 32 bits: write %sL",
                     literal, literal);
    else if (!hexadecimal && unsigned_digits[0] == '0' && unsigned_digits[1])
        problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line,
                     "%s begins with 0: write %lld if it is a number, \"%s\" if the 0 matters", literal, value,
                     literal);
    char number[32];
    snprintf(number, sizeof number, "%lldL", value);
    out_text(reader->out, number);
}

/* True if keys stand here: in { } or outside of all brackets. */
static bool is_group(const struct conf_text *out) {
    return out->open_count == 0 || out->open[out->open_count - 1].kind == '{';
}

/* True if the next token has to be a value. */
static bool is_value_place(const struct conf_text *out) {
    return strchr("=:", out->last) || (!is_group(out) && strchr(",([", out->last));
}

/* True if a name and its = follow: a value was forgotten, not its quotes. */
static bool is_assigned(const struct reader *reader, size_t ahead) {
    while (peek(reader, ahead) && strchr(" \t", peek(reader, ahead)))
        ahead++;
    return peek(reader, ahead) == '=' || peek(reader, ahead) == ':';
}

/* The key of that name in the innermost group, NULL if there is none yet. */
static const struct conf_key *find_key(const struct conf_text *out, const char *name, size_t size) {
    for (size_t i = out->key_count; i > 0 && out->keys[i - 1].depth == out->open_count; i--)
        if (out->keys[i - 1].size == size && memcmp(out->text + out->keys[i - 1].name, name, size) == 0)
            return &out->keys[i - 1];
    return NULL;
}

static void add_key(struct reader *reader, size_t size) {
    struct conf_text *out = reader->out;
    if (out->key_count == out->key_room) {
        out->key_room = out->key_room ? 2 * out->key_room : 64;
        out->keys = memory_grow(out->keys, out->key_room, sizeof(struct conf_key));
    }
    out->keys[out->key_count++] = (struct conf_key){out->size, size, out->open_count, {reader->file, reader->line}};
}

static void forget_inner_keys(struct conf_text *out) {
    while (out->key_count > 0 && out->keys[out->key_count - 1].depth > out->open_count)
        out->key_count--;
}

/* Blanks a setting whose key stood there already, where it ends; the parser would read no further. */
static void end_doubled(struct conf_text *out) {
    if (!out->doubled || out->doubled_depth != out->open_count)
        return;
    for (size_t i = out->doubled_begin; i < out->size; i++)
        if (out->text[i] != '\n')
            out->text[i] = ' ';
    out->doubled = false;
}

/* A key of size bytes begins here. */
static void begin_setting(struct reader *reader, size_t size) {
    struct conf_text *out = reader->out;
    const char *name = reader->text + reader->at;
    end_doubled(out);
    const struct conf_key *first = find_key(out, name, size);
    if (!first) {
        add_key(reader, size);
        return;
    }
    bool elsewhere = first->at.file != reader->file;
    problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line,
                 "key '%.*s' stands in %s%sline %d already: remove one of the two", size > 64 ? 64 : (int)size, name,
                 elsewhere ? first->at.file : "", elsewhere ? ", " : "", first->at.line);
    if (out->doubled)
        return;
    out->doubled = true;
    out->doubled_begin = out->size;
    out->doubled_depth = out->open_count;
}

static void copy_word(struct reader *reader) {
    size_t size = 0;
    for (char c = peek(reader, 0); is_letter(c) || is_digit(c) || (c && strchr("-_*", c)); c = peek(reader, size))
        size++;
    const char *word = reader->text + reader->at;
    int shown = size > 64 ? 64 : (int)size;
    bool is_bool =
        (size == 4 && strncasecmp(word, "true", size) == 0) || (size == 5 && strncasecmp(word, "false", size) == 0);
    bool is_value = reader->out->last && is_value_place(reader->out);
    if (!is_value && is_group(reader->out))
        begin_setting(reader, size);
    if (!is_value || is_bool || is_assigned(reader, size)) {
        out_bytes(reader->out, word, size);
    } else {
        bool yes =
            (size == 3 && strncasecmp(word, "yes", size) == 0) || (size == 2 && strncasecmp(word, "on", size) == 0);
        bool no =
            (size == 2 && strncasecmp(word, "no", size) == 0) || (size == 3 && strncasecmp(word, "off", size) == 0);
        problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line,
                     yes  ? "%.*s is no value: write true"
                     : no ? "%.*s is no value: write false"
                          : "a text stands in quotes: write \"%.*s\"",
                     shown, word);
        out_text(reader->out, yes ? "true" : no ? "false" : "\"");
        if (!yes && !no) {
            out_bytes(reader->out, word, size);
            out_text(reader->out, "\"");
        }
    }
    reader->out->last = 'a';
    reader->at += size;
}

static void open_bracket(struct reader *reader, char c) {
    struct conf_text *out = reader->out;
    if (c == '{' && out->last == '}' && out->open_count && out->open[out->open_count - 1].kind == '(') {
        problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line, "a comma is missing between } and {");
        out_text(out, ",");
    }
    if (out->open_count == CONF_NESTING_MAX) {
        if (!out->broken)
            problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line,
                         "brackets are nested more than %d deep", CONF_NESTING_MAX);
        out->broken = true;
        return;
    }
    out->open[out->open_count++] = (struct conf_bracket){c, {reader->file, reader->line}};
}

static void close_bracket(struct reader *reader, char c) {
    struct conf_text *out = reader->out;
    char opening = c == '}' ? '{' : c == ')' ? '(' : '[';
    if (out->last == ',' && c != '}') {
        problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line, "no comma may stand before %c", c);
        out->text[out->last_comma] = ' ';
    }
    if (out->open_count && out->open[out->open_count - 1].kind == opening) {
        out->open_count--;
        forget_inner_keys(out);
        return;
    }
    if (!out->broken && out->open_count)
        problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line,
                     "%c comes before the %c of line %d is closed", c, out->open[out->open_count - 1].kind,
                     out->open[out->open_count - 1].at.line);
    else if (!out->broken)
        problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line, "%c closes nothing", c);
    out->broken = true;
}

static void copy_sign(struct reader *reader) {
    char c = peek(reader, 0);
    if (strchr("{([", c)) {
        open_bracket(reader, c);
    } else if (strchr("})]", c)) {
        end_doubled(reader->out);
        close_bracket(reader, c);
    } else if (c == ',') {
        reader->out->last_comma = reader->out->size;
    }
    reader->out->last = c;
    copy_character(reader);
    if (strchr(";,", c))
        end_doubled(reader->out);
}

/* True if only blanks stand before at in its line: where @include may stand. */
static bool begins_line(const struct reader *reader) {
    size_t at = reader->at;
    while (at > 0 && (reader->text[at - 1] == ' ' || reader->text[at - 1] == '\t'))
        at--;
    return at == 0 || reader->text[at - 1] == '\n';
}

static void include(struct reader *reader) {
    static const char word[] = "@include";
    size_t ahead = sizeof word - 1;
    bool ours = reader->size - reader->at > ahead && memcmp(reader->text + reader->at, word, ahead) == 0;
    while (ours && peek(reader, ahead) && strchr(" \t", peek(reader, ahead)))
        ahead++;
    const char *name = reader->text + reader->at + ahead + 1;
    size_t left = reader->size - reader->at - ahead;
    const char *end = ours && peek(reader, ahead) == '"' ? memchr(name, '"', left - 1) : NULL;
    if (!end || end == name || memchr(name, '\n', (size_t)(end - name)) || !begins_line(reader)) {
        problems_add(reader->problems, PROBLEM_ERROR, reader->file, reader->line,
                     "the only word with @ is @include \"FILE\", at the begin of a line");
        reader->out->broken = true;
        reader->at++;
        return;
    }

    char path[PATH_MAX];
    const char *slash = strrchr(reader->file, '/');
    int folder = name[0] == '/' || !slash ? 0 : (int)(slash - reader->file) + 1;
    int length = snprintf(path, sizeof path, "%.*s%.*s", folder, reader->file, (int)(end - name), name);
    reader->at = (size_t)(end - reader->text) + 1;
    struct conf_origin here = {reader->file, reader->line};
    if (length < 0 || (size_t)length >= sizeof path) {
        problems_add(reader->problems, PROBLEM_ERROR, here.file, here.line, "the path is too long");
        reader->out->broken = true;
        return;
    }
    read_file(reader->out, path, reader->depth + 1, &here, reader->problems);
    out_text(reader->out, "\n");
    out_line(reader->out, here.file, here.line);
}

static void read_text(struct reader *reader) {
    while (reader->at < reader->size) {
        char c = peek(reader, 0);
        char next = peek(reader, 1);
        if (c == '#' || (c == '/' && next == '/'))
            skip_line_comment(reader);
        else if (c == '/' && next == '*')
            skip_block_comment(reader);
        else if (c == '"')
            copy_string(reader);
        else if (c == '@')
            include(reader);
        else if (is_digit(c) || (strchr("+-.", c) && (is_digit(next) || next == '.')))
            copy_number(reader);
        else if (is_letter(c) || c == '*')
            copy_word(reader);
        else if (strchr(" \t\r\n\f", c))
            copy_character(reader);
        else
            copy_sign(reader);
    }
}

/* Says where the bytes are no text and makes them harmless. False: not a text at all. */
static bool check_bytes(char *text, size_t size, const char *file, struct problems *problems) {
    int line = 1;
    for (size_t at = 0; at < size; line++) {
        char *newline = memchr(text + at, '\n', size - at);
        size_t length = newline ? (size_t)(newline - text) - at + 1 : size - at;
        if (memchr(text + at, '\0', length)) {
            problems_add(problems, PROBLEM_ERROR, file, line, "a NUL byte: this is not a text in UTF-8");
            return false;
        }
        if (!text_is_utf8(text + at, length)) {
            problems_add(problems, PROBLEM_ERROR, file, line, "not valid UTF-8: save the file as UTF-8");
            for (size_t i = at; i < at + length; i++)
                if ((unsigned char)text[i] >= 0x80)
                    text[i] = '?';
        }
        at += length;
    }
    return true;
}

/* The file's bytes, NULL with the reason in *why. */
static char *load(const char *path, size_t *size, const char **why) {
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0) {
        *why = strerror(errno);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    char *bytes = NULL;
    *size = 0;
    if (!S_ISREG(info.st_mode)) {
        *why = "not a regular file";
    } else {
        bytes = memory_get(FILE_SIZE_MAX + 1, 1);
        ssize_t got;
        while ((got = read(fd, bytes + *size, FILE_SIZE_MAX + 1 - *size)) > 0)
            *size += (size_t)got;
        *why = got < 0 ? strerror(errno) : *size > FILE_SIZE_MAX ? "larger than 1 MiB" : NULL;
    }
    close(fd);
    if (!*why)
        return bytes;
    free(bytes);
    return NULL;
}

static const char *cure(int error) {
    switch (error) {
    case ENOENT:
        return "; is the path right?";
    case EACCES:
        return "; let the user that liftgw runs as read it";
    default:
        return "";
    }
}

/* from: where the @include stands, NULL for the first file. */
static void read_file(struct conf_text *out, const char *path, int depth, const struct conf_origin *from,
                      struct problems *problems) {
    const char *at_file = from ? from->file : path;
    int at_line = from ? from->line : 0;
    if (depth > INCLUDE_DEPTH_MAX || out->file_count == FILES_MAX) {
        problems_add(problems, PROBLEM_ERROR, at_file, at_line,
                     depth > INCLUDE_DEPTH_MAX ? "@include is nested too deep: does a file include itself?"
                                               : "too many files are included");
        out->broken = true;
        return;
    }
    size_t size = 0;
    const char *why = NULL;
    errno = 0;
    char *bytes = load(path, &size, &why);
    if (!bytes) {
        if (from)
            problems_add(problems, PROBLEM_ERROR, at_file, at_line, "cannot read %s: %s%s", path, why, cure(errno));
        else
            problems_add(problems, PROBLEM_ERROR, at_file, at_line, "cannot be read: %s%s", why, cure(errno));
        out->broken = true;
        return;
    }
    out->hash = text_hash(out->hash, bytes, size);
    out->files = memory_grow(out->files, out->file_count + 1, sizeof(char *));
    char *file = out->files[out->file_count++] = memory_text(path);
    size_t mark = size >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
    if (mark)
        problems_add(problems, PROBLEM_ERROR, file, 1,
                     "begins with a byte-order mark: save the file as UTF-8 without it");
    if (from)
        out_text(out, "\n");
    out_line(out, file, 1);
    struct reader reader = {out, problems, file, bytes + mark, size - mark, 0, 1, depth};
    if (check_bytes(bytes + mark, size - mark, file, problems))
        read_text(&reader);
    else
        out->broken = true;
    free(bytes);
}

bool conf_text_read(struct conf_text *text, const char *path, struct problems *problems) {
    *text = (struct conf_text){.hash = TEXT_HASH_START};
    out_text(text, "");
    read_file(text, path, 0, NULL, problems);
    end_doubled(text);
    for (size_t i = 0; i < text->open_count && !text->broken; i++)
        problems_add(problems, PROBLEM_ERROR, text->open[i].at.file, text->open[i].at.line, "this %c is never closed",
                     text->open[i].kind);
    text->broken = text->broken || text->open_count > 0;
    return !text->broken;
}

void conf_text_free(struct conf_text *text) {
    for (size_t i = 0; i < text->file_count; i++)
        free(text->files[i]);
    free(text->files);
    free(text->lines);
    free(text->keys);
    free(text->text);
}

struct conf_origin conf_text_origin(const struct conf_text *text, int line) {
    if (text->line_count == 0 || line < 1)
        return (struct conf_origin){"", 0};
    size_t i = (size_t)line > text->line_count ? text->line_count - 1 : (size_t)line - 1;
    return text->lines[i];
}
