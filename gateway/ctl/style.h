/* How everything that liftgwctl prints looks: colours, widths, durations.
 *
 * Colour only on a terminal and without NO_COLOR (no-color.org), and never alone: what is red is also said in words.
 * Texts from outside may hold anything; nothing of them reaches a terminal as a control character. */
#ifndef LIFTGW_CTL_STYLE_H
#define LIFTGW_CTL_STYLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum style { STYLE_PLAIN, STYLE_GOOD, STYLE_WARNING, STYLE_BAD, STYLE_BOLD, STYLE_DIM };

/* Before anything is printed: UTF-8 whatever the locale, and a pipe that closes ends the program quietly. */
void style_init(void);

/* A stream in memory (open_memstream) counts as standard output, where it will be shown. */
bool style_is_terminal(FILE *to);
/* How wide lines may be: the terminal's width, else $COLUMNS, else 80. */
size_t style_columns(FILE *to);
/* The same for height; 24 if it is no terminal. */
size_t style_lines(FILE *to);

/* The escape sequences that begin and end a style; "" where there is no colour. */
const char *style_begin(FILE *to, enum style style);
const char *style_end(FILE *to, enum style style);
/* Prints text in that style. */
void style_print(FILE *to, enum style style, const char *text);

/* How many cells of a terminal the UTF-8 text takes. */
size_t style_width(const char *text);
/* How many bytes of text fit into that many cells: whole characters. */
size_t style_fit(const char *text, size_t cells);
/* Copies text so that it takes at most that many cells, its end cut with "…", and control characters shown as "?". */
void style_cut(char *to, size_t size, const char *text, size_t cells);
/* Prints a paragraph: wrapped to the width of `to`, lines after the first begin with indent blanks. The first line goes
 * on from column `column`. Ends the last line. */
void style_wrap(FILE *to, const char *text, size_t column, size_t indent);

/* A duration in words, the two largest parts: "3 h 12 min", "45 s", "1.3 s", "38 ms". Returns text. */
#define STYLE_DURATION_SIZE 40
const char *style_duration(int64_t ms, char text[STYLE_DURATION_SIZE]);

/* A moment as people here read it, "2026-11-23 18:30:05" in the local time zone; "-" for 0. Returns text. */
#define STYLE_TIME_SIZE 32
const char *style_time(int64_t real_ms, char text[STYLE_TIME_SIZE]);

#endif
