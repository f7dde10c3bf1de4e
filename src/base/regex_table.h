/*
 * Whether a text has in it what an extended regular expression stands for: a table with a row for each state that texts have led to so far, so that
 * a byte costs one look at it.
 *
 * Owns that the answer is regexec's, of a buffer of bytes with REG_STARTEND, or that none is promised: what is not plain (base/regex_program.h) gets
 * no table. Rows are made when they are needed; of too many all are forgotten. No pattern and no text takes more than a fixed room, or more time than
 * the text's length times the pattern's.
 */
#ifndef HD_BASE_REGEX_TABLE_H
#define HD_BASE_REGEX_TABLE_H

#include <stdbool.h>
#include <stddef.h>

struct hd_regex_table;

/* Flags are those of regcomp. NULL: ask regexec, the pattern is not plain; or memory ran out. About 1 MiB, for one thread at a time. */
struct hd_regex_table *hd_regex_table_create(const char *pattern, int flags);
void hd_regex_table_destroy(struct hd_regex_table *table);

/* Any bytes, NUL and newline among them. */
bool hd_regex_table_fits(struct hd_regex_table *table, const char *text, size_t length);

#endif
