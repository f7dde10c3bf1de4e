/*
 * A conversation with `heap_dump sql`: statements and the words that begin with a dot (.tables, .schema, .mode, …).
 *
 * Owns those words and what is set by them. Must not know where lines come from: an argument, a file, a person at a prompt.
 */
#ifndef HD_CLI_SQL_WORDS_H
#define HD_CLI_SQL_WORDS_H

#include "cli/sql_print.h"
#include "view/open.h"

struct hd_sql_talk {
    struct hd_sql *sql;
    const struct hd_open *open;
    struct hd_sql_print print;
    bool prompt; /* a person is there: how many rows, how long, what next */
    bool quit;   /* .quit was said */
};

/* A text of statements, or one line that begins with a dot. False and *err at the first that fails. */
bool hd_sql_words(struct hd_sql_talk *talk, const char *text, struct hd_error *err);

/* True if the line is a word with a dot. */
bool hd_sql_words_is_dot(const char *line);

/* The words, "" last; for completion. */
extern const char *const hd_sql_words_list[];

#endif
