/*
 * Words for people: aligned columns, texts shortened to fit 100 columns.
 *
 * Owns how columns look. Must not know what they mean. Widths are counted in characters, not bytes.
 * Invariant: a table never prints a line longer than HD_TABLE_WIDTH unless its fixed columns alone are.
 */
#ifndef HD_CLI_TABLE_H
#define HD_CLI_TABLE_H

#include "base/arena.h"
#include "graph/graph.h"
#include "view/json.h"
#include "view/words.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { HD_TABLE_WIDTH = 100, HD_TABLE_COLUMNS = 8, HD_TABLE_NUMBER = HD_WORDS_NUMBER };

struct hd_table_column {
    const char *title;
    bool right;    /* numbers stand to the right */
    bool flexible; /* gives way, in its middle, when the line gets too long */
};

struct hd_table {
    const struct hd_table_column *columns;
    size_t column_count;
    size_t margin;          /* spaces before every line */
    bool headless;          /* print no titles */
    struct hd_buffer cells; /* texts, each terminated, row after row */
    size_t cell_count;
};

/* The next cell. Control characters become `?`, bytes that are not UTF-8 too. */
void hd_table_add(struct hd_table *table, const char *text, size_t length);
void hd_table_add_string(struct hd_table *table, const char *text);

/* More of the cell that was added last: no character is in both. For long tables, which a buffer for each cell would hold up. */
void hd_table_append(struct hd_table *table, const char *text, size_t length);
static inline void hd_table_append_string(struct hd_table *table, const char *text)
{
    hd_table_append(table, text, strlen(text));
}

void hd_table_add_bytes(struct hd_table *table, uint64_t bytes);
void hd_table_add_count(struct hd_table *table, uint64_t count);
void hd_table_add_id(struct hd_table *table, uint64_t id);
void hd_table_add_percent(struct hd_table *table, uint64_t part, uint64_t whole);

/* Prints all rows and forgets them. */
void hd_table_print(FILE *file, struct hd_table *table);
void hd_table_deinit(struct hd_table *table);

/* Prints a line behind `margin` spaces, cleaned as a cell and shortened in its middle to the width of a table. */
void hd_table_line(FILE *file, const char *text, size_t length, size_t margin);

/* Whether standard output is a terminal that is to have colours: NO_COLOR and TERM=dumb are heeded. */
bool hd_table_colors(void);

/*
 * Starts and ends what should stand out; nothing but on a terminal. With hd_table_marks set a byte stands for each that no text
 * has in it, for whoever passes the text on (cli/kept.c).
 */
#define HD_TABLE_STRONG '\x01'
#define HD_TABLE_PLAIN '\x02'
#define HD_TABLE_STRONG_TERMINAL "\033[1m"
#define HD_TABLE_PLAIN_TERMINAL "\033[0m"
extern bool hd_table_marks;
void hd_table_strong(FILE *file, bool on);

/* What the commands call the library's words by (view/words.h, view/json.h). */
static inline char *hd_table_bytes(char text[HD_TABLE_NUMBER], uint64_t bytes)
{
    return hd_words_bytes(text, bytes);
}
static inline char *hd_table_count(char text[HD_TABLE_NUMBER], uint64_t count)
{
    return hd_words_count(text, count);
}
static inline char *hd_table_id(char text[2 * HD_TABLE_NUMBER], uint64_t id)
{
    return hd_words_id(text, id);
}
static inline void hd_table_clean(struct hd_buffer *out, const char *text, size_t length)
{
    hd_words_clean(out, text, length);
}
static inline char *hd_table_shorten(const char *text, size_t length, size_t width)
{
    return hd_words_shorten(text, length, width);
}

#endif
