/* A libconfig file as a tree that can be asked, and the list of everything wrong with it.
 *
 * The only reader of libconfig: settings and profiles share it. It catches what libconfig lets pass (integers that
 * wrap, invalid UTF-8, "\x00" in a string, a byte-order mark), and never stops at the first mistake. */
#ifndef LIFTGW_BASE_CONF_H
#define LIFTGW_BASE_CONF_H

#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Everything wrong with a set of files, in order of file and line. */
struct problems;
enum problem_kind { PROBLEM_ERROR, PROBLEM_WARNING };

struct problems *problems_create(void);
void problems_free(struct problems *problems);
size_t problems_count(const struct problems *problems, enum problem_kind kind);
/* Adds one; line 0 means the whole file. The same text for the same file and line is kept once. */
void problems_add(struct problems *problems, enum problem_kind kind, const char *file, int line, const char *format,
                  ...) PRINTF_LIKE(5, 6);
/* Prints all, each as "FILE:LINE: error: …" or "FILE:LINE: warning: …", files in the order in which they were first
 * named, lines ascending. */
void problems_print(const struct problems *problems, FILE *to);
/* The i-th problem's text in that form, NULL past the end; valid until problems changes. */
const char *problems_text(const struct problems *problems, size_t i);

/* A parsed file. */
struct conf;
/* A value in it: a group, a list, an array or a scalar. Belongs to its conf. */
struct conf_node;
enum conf_type { CONF_GROUP, CONF_LIST, CONF_INT, CONF_FLOAT, CONF_BOOL, CONF_STRING };

/* Reads and parses path; @include is resolved against the folder of the file it stands in. What is wrong is added to
 * problems. An unreadable file or a syntax error gives NULL; after anything else (an integer that would wrap, invalid
 * UTF-8, a bare yes, a second key of the same name) there is a tree with the value that was meant, of two keys the
 * first, so that the checks of the caller can go on. */
struct conf *conf_open(const char *path, struct problems *problems);
void conf_close(struct conf *conf);
const struct conf_node *conf_root(const struct conf *conf);
/* text_hash over the bytes of the file and of all that it includes. */
uint64_t conf_hash(const struct conf *conf);

const char *conf_name(const struct conf_node *node); /* NULL for list elements and the root */
const char *conf_file(const struct conf_node *node);
int conf_line(const struct conf_node *node);
enum conf_type conf_type(const struct conf_node *node); /* libconfig's arrays are CONF_LIST too */
int conf_length(const struct conf_node *node);          /* children of a group or list, else 0 */
const struct conf_node *conf_at(const struct conf_node *node, int i);
const struct conf_node *conf_get(const struct conf_node *group, const char *key); /* NULL if absent */

/* The value if the node has that type (an int is also a number), else false. Strings belong to the conf. */
bool conf_int(const struct conf_node *node, int64_t *value);
bool conf_number(const struct conf_node *node, double *value);
bool conf_bool(const struct conf_node *node, bool *value);
const char *conf_string(const struct conf_node *node); /* NULL if not a string */

/* Adds an error or a warning at the node's file and line. */
void conf_error(const struct conf_node *node, struct problems *problems, const char *format, ...) PRINTF_LIKE(3, 4);
void conf_warning(const struct conf_node *node, struct problems *problems, const char *format, ...) PRINTF_LIKE(3, 4);

/* Every key of group that is not among count keys is an error with "did you mean". */
void conf_check_keys(const struct conf_node *group, const char *const keys[], size_t count, struct problems *problems);

#endif
