/*
 * The rows of a query, printed: as a table, line by line, CSV, JSON or Markdown.
 *
 * Owns how values look in each. Must not know what was asked. A table fits the width of a terminal, where it is one; into a file
 * nothing is shortened. Rows are printed as they come; a table looks at the first 1,000 for its widths.
 */
#ifndef HD_CLI_SQL_PRINT_H
#define HD_CLI_SQL_PRINT_H

#include "store/sql.h"

#include <stdio.h>

enum hd_sql_mode { HD_SQL_TABLE, HD_SQL_LINES, HD_SQL_CSV, HD_SQL_JSON, HD_SQL_MARKDOWN };

/* Their names, in that order, NULL at the end. */
extern const char *const hd_sql_modes[];

struct hd_sql_print {
    FILE *file;
    enum hd_sql_mode mode;
    bool terminal;  /* the file is one: nothing may reach it that it would obey */
    uint64_t limit; /* rows; 0: all */
    /* set by hd_sql_print: */
    uint64_t rows;
    bool more;    /* the limit left rows out */
    uint64_t id;  /* of the first row, if there is a column of that name; 0 */
};

/* Runs the query to its end or the limit. False and *err if it fails; what came before has been printed. */
bool hd_sql_print(struct hd_sql_print *print, struct hd_sql_query *query, struct hd_error *err);

/* One JSON value, as in docs/http.md: a blob is {"base64":"…"}. */
void hd_sql_print_json(FILE *file, const struct hd_sql_value *value);

#endif
