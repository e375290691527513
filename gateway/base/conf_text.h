/* The text of a libconfig file with everything that it @includes, read once and looked through before libconfig sees
 * it.
 *
 * libconfig 1.5 wraps integers, loses "\x00" and lets invalid UTF-8 pass; 1.7 widens integers by itself and reads a
 * leading zero as octal. What the two would read differently is an error here, and what is handed on means the same to
 * both: one text, every integer with its L, small slips (a bare yes, a comma too many, a second key of the same name)
 * reported and then mended, so that they do not hide what stands behind them. */
#ifndef LIFTGW_BASE_CONF_TEXT_H
#define LIFTGW_BASE_CONF_TEXT_H

#include "base/conf.h"

#define CONF_NESTING_MAX 32

struct conf_origin {
    const char *file;
    int line;
};
struct conf_bracket {
    char kind;
    struct conf_origin at;
};
/* A key of a group that is open still. */
struct conf_key {
    size_t name, size; /* where it stands in text */
    size_t depth;      /* of its group: so many brackets are open */
    struct conf_origin at;
};

struct conf_text {
    char *text; /* NUL-terminated */
    size_t size, room;
    struct conf_origin *lines; /* by line of text, from 0 */
    size_t line_count, line_room;
    char **files;
    size_t file_count;
    uint64_t hash; /* over the bytes of all files */
    bool broken;   /* its structure is wrong and that has been said: the parser's own message would only repeat it */

    struct conf_bracket open[CONF_NESTING_MAX];
    size_t open_count;
    struct conf_key *keys; /* inner groups last */
    size_t key_count, key_room;
    bool doubled;         /* the setting that is being read has the key of another */
    size_t doubled_begin; /* where that setting begins in text, */
    size_t doubled_depth; /* and so many brackets are open around it */
    char last;            /* the token before: its first character; a for words, 0 for numbers, " for strings */
    size_t last_comma;    /* where the last comma stands in text */
};

/* Reads path; adds what is wrong. False if there is nothing that could be parsed. */
bool conf_text_read(struct conf_text *text, const char *path, struct problems *problems);
void conf_text_free(struct conf_text *text);

/* Where a line (from 1) of text came from. */
struct conf_origin conf_text_origin(const struct conf_text *text, int line);

#endif
