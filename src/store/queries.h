/*
 * The ready queries: what people paste, `.queries` lists and the web console offers. They stand in docs/queries.sql, and nowhere
 * else; that file is in the program.
 *
 * Owns how that file is read. Must not know what a query asks.
 */
#ifndef HD_STORE_QUERIES_H
#define HD_STORE_QUERIES_H

#include <stddef.h>

struct hd_query {
    const char *name;  /* biggest_strings */
    const char *title; /* one line: "The strings that take the most memory" */
    const char *about; /* more about it, lines; "" if there is none */
    const char *sql;   /* one statement, its semicolon included */
};

/* From 0 on; NULL behind the last. From any thread. */
const struct hd_query *hd_query_at(size_t number);

/* NULL if there is none of that name. */
const struct hd_query *hd_query_named(const char *name);

#endif
