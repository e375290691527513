/* Tables for a terminal: columns aligned also where Chinese characters take two cells, never wider than the terminal
 * (80 columns where there is none).
 *
 * What does not fit: the last column is wrapped, then the widest of the others is cut with "…". Where too much would
 * have to be cut, each row becomes a block of lines. */
#ifndef LIFTGW_CTL_TABLE_H
#define LIFTGW_CTL_TABLE_H

#include "ctl/style.h"

#define TABLE_COLUMNS 8
#define TABLE_CELL 160

struct table_view;

/* A table with these column titles (at most TABLE_COLUMNS). The caller's to free. */
struct table_view *table_create(const char *const titles[], size_t columns);
void table_free(struct table_view *table);

/* Aligns a column of numbers to the right. */
void table_right(struct table_view *table, size_t column);
/* Adds a row of as many cells as there are columns; NULL shows as "-". What is longer than TABLE_CELL is cut. */
void table_add(struct table_view *table, const char *const cells[]);
/* Gives a cell of the row that was added last a style. */
void table_style(struct table_view *table, size_t column, enum style style);

void table_print(const struct table_view *table, FILE *to);

#endif
