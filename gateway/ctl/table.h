/* Tables for a terminal: columns aligned also where Chinese characters take two cells. */
#ifndef LIFTGW_CTL_TABLE_H
#define LIFTGW_CTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

#define TABLE_COLUMNS 8
#define TABLE_CELL 160

struct table_view;

/* A table with these column titles (at most TABLE_COLUMNS). The caller's to free. */
struct table_view *table_create(const char *const titles[], size_t columns);
void table_free(struct table_view *table);

/* Adds a row of as many cells as there are columns; NULL shows as "-". What is longer than TABLE_CELL is cut. */
void table_add(struct table_view *table, const char *const cells[]);

/* Prints it, each column as wide as its widest cell. */
void table_print(const struct table_view *table, FILE *to);

/* How many cells of a terminal the UTF-8 text takes. */
size_t table_width(const char *text);

#endif
