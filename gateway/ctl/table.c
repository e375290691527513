#include "ctl/table.h"

#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define GAP 2

typedef char cell[TABLE_CELL];

struct table_view {
    size_t columns, rows; /* the titles are row 0 */
    cell *cells;
    size_t width[TABLE_COLUMNS];
};

size_t table_width(const char *text) {
    mbstate_t state = {0};
    size_t width = 0;
    size_t left = strlen(text);
    while (left > 0) {
        wchar_t character;
        size_t size = mbrtowc(&character, text, left, &state);
        if (size == (size_t)-1 || size == (size_t)-2 || size == 0)
            return width + left;
        int cells = wcwidth(character);
        width += cells > 0 ? (size_t)cells : 0;
        text += size;
        left -= size;
    }
    return width;
}

void table_add(struct table_view *table, const char *const cells[]) {
    table->cells = memory_grow(table->cells, (table->rows + 1) * table->columns, sizeof(cell));
    for (size_t c = 0; c < table->columns; c++) {
        char *to = table->cells[table->rows * table->columns + c];
        text_copy(to, TABLE_CELL, cells[c] ? cells[c] : "-");
        size_t width = table_width(to);
        if (width > table->width[c])
            table->width[c] = width;
    }
    table->rows++;
}

struct table_view *table_create(const char *const titles[], size_t columns) {
    struct table_view *table = memory_get(1, sizeof *table);
    table->columns = columns;
    table_add(table, titles);
    return table;
}

void table_free(struct table_view *table) {
    free(table->cells);
    free(table);
}

void table_print(const struct table_view *table, FILE *to) {
    for (size_t r = 0; r < table->rows; r++)
        for (size_t c = 0; c < table->columns; c++) {
            const char *text = table->cells[r * table->columns + c];
            size_t pad = table->width[c] - table_width(text) + GAP;
            if (c + 1 == table->columns)
                fprintf(to, "%s\n", text);
            else
                fprintf(to, "%s%*s", text, (int)pad, "");
        }
}
