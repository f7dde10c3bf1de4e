/* See table.h. */
#include "cli/table.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool hd_table_colors(void)
{
    const char *none = getenv("NO_COLOR"), *term = getenv("TERM");
    return isatty(STDOUT_FILENO) && !(none && *none) && term && strcmp(term, "dumb") != 0;
}

bool hd_table_marks;

void hd_table_strong(FILE *file, bool on)
{
    if (hd_table_marks)
        fputc(on ? HD_TABLE_STRONG : HD_TABLE_PLAIN, file);
    else if (hd_table_colors())
        fputs(on ? HD_TABLE_STRONG_TERMINAL : HD_TABLE_PLAIN_TERMINAL, file);
}

void hd_table_line(FILE *file, const char *text, size_t length, size_t margin)
{
    struct hd_buffer out = {0};
    hd_table_clean(&out, text, length);
    char *line = out.failed ? NULL : hd_table_shorten(out.data, out.length - 1, HD_TABLE_WIDTH - margin);
    fprintf(file, "%*s%s\n", (int)margin, "", line ? line : "(out of memory)");
    free(line);
    hd_buffer_deinit(&out);
}

void hd_table_add(struct hd_table *table, const char *text, size_t length)
{
    hd_table_clean(&table->cells, text, length);
    table->cell_count++;
}

void hd_table_add_string(struct hd_table *table, const char *text)
{
    hd_table_add(table, text, strlen(text));
}

void hd_table_append(struct hd_table *table, const char *text, size_t length)
{
    table->cells.length -= table->cells.length > 0; /* its end */
    hd_table_clean(&table->cells, text, length);
}

void hd_table_add_bytes(struct hd_table *table, uint64_t bytes)
{
    char text[HD_TABLE_NUMBER];
    hd_table_add_string(table, hd_table_bytes(text, bytes));
}

void hd_table_add_count(struct hd_table *table, uint64_t count)
{
    char text[HD_TABLE_NUMBER];
    hd_table_add_string(table, hd_table_count(text, count));
}

void hd_table_add_id(struct hd_table *table, uint64_t id)
{
    char text[2 * HD_TABLE_NUMBER];
    hd_table_add_string(table, id ? hd_table_id(text, id) : "");
}

void hd_table_add_percent(struct hd_table *table, uint64_t part, uint64_t whole)
{
    char text[HD_TABLE_NUMBER];
    snprintf(text, sizeof text, "%.1f %%", whole ? 100.0 * (double)part / (double)whole : 0.0);
    hd_table_add_string(table, text);
}

static void widths(const struct hd_table *table, size_t width[HD_TABLE_COLUMNS])
{
    size_t columns = table->column_count, total = table->margin + 2 * (columns - 1);
    const char *cell = table->cells.data;
    for (size_t c = 0; c < columns; c++)
        width[c] = table->headless ? 0 : strlen(table->columns[c].title);
    for (size_t i = 0, length; i < table->cell_count; i++, cell += length + 1) {
        size_t wide = hd_words_width(cell, length = strlen(cell));
        if (wide > width[i % columns])
            width[i % columns] = wide;
    }
    for (size_t c = 0; c < columns; c++)
        total += width[c];
    while (total > HD_TABLE_WIDTH) {
        size_t widest = columns;
        for (size_t c = 0; c < columns; c++)
            if (table->columns[c].flexible && width[c] > 12 && (widest == columns || width[c] > width[widest]))
                widest = c;
        if (widest == columns)
            return;
        width[widest]--;
        total--;
    }
}

static void spaces_append(struct hd_buffer *line, size_t count)
{
    static const char spaces[] = "                                ";
    for (; count > 0; count -= count < sizeof spaces ? count : sizeof spaces - 1)
        hd_buffer_append(line, spaces, count < sizeof spaces ? count : sizeof spaces - 1);
}

/* `line`: room that one row after the other takes. */
static void row_print(FILE *file, struct hd_buffer *line, const struct hd_table *table, const size_t width[], const char *const cells[])
{
    size_t due = table->margin; /* spaces, printed only when a text follows */
    line->length = 0;
    for (size_t c = 0; c < table->column_count; c++) {
        size_t length = strlen(cells[c]), wide = hd_words_width(cells[c], length);
        char *shorter = table->columns[c].flexible && wide > width[c] ? hd_table_shorten(cells[c], length, width[c]) : NULL;
        const char *text = shorter ? shorter : cells[c];
        if (shorter) {
            length = strlen(shorter);
            wide = hd_words_width(shorter, length);
        }
        size_t pad = wide < width[c] ? width[c] - wide : 0;
        if (length)
            spaces_append(line, due + (table->columns[c].right ? pad : 0));
        hd_buffer_append(line, text, length);
        due = (length ? 0 : due + wide) + (length && table->columns[c].right ? 0 : pad) + 2;
        free(shorter);
    }
    hd_buffer_append(line, "\n", 1);
    if (line->failed)
        fputs("(out of memory)\n", file);
    else
        fwrite(line->data, 1, line->length, file);
}

void hd_table_print(FILE *file, struct hd_table *table)
{
    size_t width[HD_TABLE_COLUMNS];
    const char *cells[HD_TABLE_COLUMNS], *cell = table->cells.data;
    struct hd_buffer line = {0};
    if (table->cells.failed) { /* a cell is missing, so no row can be told from the next */
        fputs("(out of memory)\n", file);
        return;
    }
    widths(table, width);
    if (!table->headless) {
        for (size_t c = 0; c < table->column_count; c++)
            cells[c] = table->columns[c].title;
        hd_table_strong(file, true);
        row_print(file, &line, table, width, cells);
        hd_table_strong(file, false);
    }
    for (size_t i = 0; i < table->cell_count; i++, cell += strlen(cell) + 1) {
        cells[i % table->column_count] = cell;
        if (i % table->column_count == table->column_count - 1)
            row_print(file, &line, table, width, cells);
    }
    hd_buffer_deinit(&line);
    table->cells.length = 0;
    table->cell_count = 0;
}

void hd_table_deinit(struct hd_table *table)
{
    hd_buffer_deinit(&table->cells);
}
