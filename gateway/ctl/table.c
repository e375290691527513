#include "ctl/table.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

#define GAP 2
#define LAST_LEAST 16 /* a last column is wrapped down to this width, */
#define OTHER_LEAST 4 /* then the others are cut down to this one */

struct cell {
    char text[TABLE_CELL];
    enum style style;
};

struct table_view {
    size_t columns, rows; /* the titles are row 0 */
    struct cell *cells;
    size_t width[TABLE_COLUMNS];
    bool right[TABLE_COLUMNS];
};

static struct cell *cell_at(const struct table_view *table, size_t row, size_t column) {
    return &table->cells[row * table->columns + column];
}

void table_add(struct table_view *table, const char *const cells[]) {
    table->cells = memory_grow(table->cells, (table->rows + 1) * table->columns, sizeof(struct cell));
    for (size_t c = 0; c < table->columns; c++) {
        struct cell *cell = cell_at(table, table->rows, c);
        cell->style = STYLE_PLAIN;
        style_cut(cell->text, sizeof cell->text, cells[c] ? cells[c] : "-", TABLE_CELL);
        size_t width = style_width(cell->text);
        if (width > table->width[c])
            table->width[c] = width;
    }
    table->rows++;
}

void table_style(struct table_view *table, size_t column, enum style style) {
    cell_at(table, table->rows - 1, column)->style = style;
}

void table_right(struct table_view *table, size_t column) {
    table->right[column] = true;
}

struct table_view *table_create(const char *const titles[], size_t columns) {
    struct table_view *table = memory_get(1, sizeof *table);
    table->columns = columns;
    table_add(table, titles);
    for (size_t c = 0; c < columns; c++)
        table_style(table, c, STYLE_BOLD);
    return table;
}

void table_free(struct table_view *table) {
    free(table->cells);
    free(table);
}

static size_t *widest(size_t width[], size_t count) {
    size_t *most = &width[0];
    for (size_t c = 1; c < count; c++)
        if (width[c] > *most)
            most = &width[c];
    return most;
}

static void squeeze(const struct table_view *table, size_t room, size_t width[TABLE_COLUMNS]) {
    size_t last = table->columns - 1;
    size_t total = GAP * last;
    memcpy(width, table->width, sizeof table->width);
    for (size_t c = 0; c < table->columns; c++)
        total += width[c];
    for (; total > room && width[last] > LAST_LEAST; total--)
        width[last]--;
    for (; total > room && last > 0 && *widest(width, last) > OTHER_LEAST; total--)
        --*widest(width, last);
    for (; total > room && width[last] > OTHER_LEAST; total--)
        width[last]--;
}

/* How many bytes of text go on this line of the last column: up to a blank, if there is one. */
static size_t line_length(const char *text, size_t width) {
    size_t fits = style_fit(text, width);
    if (!text[fits] || fits == 0)
        return fits > 0 ? fits : strlen(text);
    for (size_t i = fits; i > 0; i--)
        if (text[i] == ' ')
            return i;
    return fits;
}

static void print_padded(const struct cell *cell, const char *text, size_t width, bool right, bool last, FILE *to) {
    size_t taken = style_width(text);
    size_t blanks = taken < width ? width - taken : 0;
    if (right)
        fprintf(to, "%*s", (int)blanks, "");
    style_print(to, cell->style, text);
    if (!last)
        fprintf(to, "%*s", (int)((right ? 0 : blanks) + GAP), "");
}

static void print_last(const struct table_view *table, size_t row, const size_t width[], FILE *to) {
    size_t last = table->columns - 1;
    const struct cell *cell = cell_at(table, row, last);
    const char *rest = cell->text;
    size_t indent = 0;
    for (size_t c = 0; c < last; c++)
        indent += width[c] + GAP;
    do {
        char line[TABLE_CELL];
        size_t length = line_length(rest, width[last]);
        memcpy(line, rest, length);
        line[length] = '\0';
        if (rest != cell->text)
            fprintf(to, "%*s", (int)indent, "");
        print_padded(cell, line, width[last], table->right[last], true, to);
        fputc('\n', to);
        rest += length;
        rest += strspn(rest, " ");
    } while (*rest);
}

/* True if so much would have to be cut that little could be read. */
static bool is_too_wide(const struct table_view *table, size_t room) {
    size_t total = LAST_LEAST;
    for (size_t c = 0; c + 1 < table->columns; c++)
        total += table->width[c] + GAP;
    return total > room * 5 / 4;
}

/* Each row as lines of title and cell. */
static void print_records(const struct table_view *table, FILE *to) {
    size_t widest_title = 0;
    for (size_t c = 0; c < table->columns; c++) {
        size_t width = style_width(cell_at(table, 0, c)->text);
        widest_title = width > widest_title ? width : widest_title;
    }
    for (size_t r = 1; r < table->rows; r++) {
        if (r > 1)
            fputc('\n', to);
        for (size_t c = 0; c < table->columns; c++) {
            const struct cell *cell = cell_at(table, r, c);
            print_padded(cell_at(table, 0, c), cell_at(table, 0, c)->text, widest_title, false, false, to);
            fputs(style_begin(to, cell->style), to);
            style_wrap(to, cell->text, widest_title + GAP, widest_title + GAP);
            fputs(style_end(to, cell->style), to);
        }
    }
}

void table_print(const struct table_view *table, FILE *to) {
    if (is_too_wide(table, style_columns(to))) {
        print_records(table, to);
        return;
    }
    size_t width[TABLE_COLUMNS];
    squeeze(table, style_columns(to), width);
    for (size_t r = 0; r < table->rows; r++) {
        for (size_t c = 0; c + 1 < table->columns; c++) {
            char text[TABLE_CELL];
            const struct cell *cell = cell_at(table, r, c);
            style_cut(text, sizeof text, cell->text, width[c]);
            print_padded(cell, text, width[c], table->right[c], false, to);
        }
        print_last(table, r, width, to);
    }
}
