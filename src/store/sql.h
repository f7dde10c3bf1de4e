/*
 * SQL over a dump: SQLite's engine over virtual tables that read the mapped index, nothing imported.
 *
 * Owns the connection, what a statement may do and how long it may take. Must not know where a graph came from (cli/open.h,
 * a server) nor how rows are shown. Tables are found in store/sql_*.c, ready queries in store/queries.h.
 *
 *     struct hd_sql *sql = hd_sql_open(&source, &limits, &err);
 *     for (const char *text = words; (query = hd_sql_prepare(sql, text, &text, &err)) != NULL; hd_sql_finish(query))
 *         while ((step = hd_sql_step(query, &err)) == HD_SQL_ROW)
 *             for (int i = 0; i < hd_sql_column_count(query); i++)
 *                 value = hd_sql_value(query, i);
 *     hd_sql_close(sql);
 *
 * A statement can read the tables and nothing else: no writing, no ATTACH, no PRAGMA that sets something, no extension, no file but
 * the dump. Threads: one at a time in everything that belongs to a connection, but for hd_sql_interrupt. Connections are independent; each holds its own
 * copies of what it derives (referrers: 8 bytes a reference), and SQLite's memory limit is one for the process.
 * Invariant: a statement that fails leaves the connection as it was; *err then has SQLite's or our sentence.
 */
#ifndef HD_STORE_SQL_H
#define HD_STORE_SQL_H

#include "graph/derived.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is asked. All of it must outlive the connection. */
struct hd_sql_source {
    const char *name; /* of the dump, for people */
    const char *dump; /* the file, for what only its lines say; "-": those columns are errors */
    const struct hd_graph *graph;
    const struct hd_dominators *dominators; /* `parent` and `retained`; the children are not needed */
    struct hd_derived *derived;
    /*
     * NULL, or an index in which single objects are looked up (graph/index_point.h) while the graph has no columns yet: until a
     * statement wants more. Then whole(data, err) is called, once, after which it has; false and *err: it cannot be had.
     */
    struct hd_index *index;
    bool (*whole)(void *data, struct hd_error *err);
    void *data;
};

struct hd_sql_limits {
    double seconds;  /* a statement may take, from its first step on; 0: as long as it wants */
    uint64_t memory; /* bytes of SQLite's own, sorted rows and the like, for the whole process; 0: HD_SQL_MEMORY */
};

#define HD_SQL_MEMORY ((uint64_t)1 << 30)

struct hd_sql;
struct hd_sql_query;

/* False, and *err (HD_ERROR_UNSUPPORTED: what to install), if heap_dump was built without SQLite: then all below fail so. */
bool hd_sql_available(struct hd_error *err);

/* NULL and *err on failure. `limits` may be NULL: no time limit. */
struct hd_sql *hd_sql_open(const struct hd_sql_source *source, const struct hd_sql_limits *limits, struct hd_error *err);
void hd_sql_close(struct hd_sql *sql); /* finish its queries before */

/* For the statements that begin after. */
void hd_sql_set_seconds(struct hd_sql *sql, double seconds);

/* Called now and then while a statement runs, in its thread; true ends the statement. NULL: nobody is asked. */
void hd_sql_on_progress(struct hd_sql *sql, bool (*stop)(void *data), void *data);

/* Ends the statement that runs, if one does. From any thread, and from a signal handler. */
void hd_sql_interrupt(struct hd_sql *sql);

/* True if the text ends with a whole statement (and its semicolon): nothing is missing. */
bool hd_sql_complete(const char *text);

/*
 * The first statement of a text; *rest is where the next begins. NULL at the end of the text (err->code is HD_OK then) and on
 * failure: HD_ERROR_USAGE with what SQLite says of it. `rest` may be NULL, then a second statement is an error.
 */
struct hd_sql_query *hd_sql_prepare(struct hd_sql *sql, const char *text, const char **rest, struct hd_error *err);
void hd_sql_finish(struct hd_sql_query *query); /* NULL is allowed */

enum hd_sql_step { HD_SQL_ROW, HD_SQL_DONE, HD_SQL_FAILED };

/*
 * The next row. HD_SQL_FAILED sets *err: HD_ERROR_LIMIT if the time or the memory allowed is used up, HD_ERROR_INTERRUPTED after
 * hd_sql_interrupt or when `stop` said so, HD_ERROR_USAGE if the statement is to blame, else the dump is.
 */
enum hd_sql_step hd_sql_step(struct hd_sql_query *query, struct hd_error *err);

int hd_sql_column_count(const struct hd_sql_query *query);
const char *hd_sql_column_name(const struct hd_sql_query *query, int column); /* UTF-8; lives as long as the query */

struct hd_sql_value {
    enum { HD_SQL_NULL, HD_SQL_INTEGER, HD_SQL_REAL, HD_SQL_TEXT, HD_SQL_BLOB } type;
    int64_t integer;
    double real;
    const char *data; /* of a text or blob; until the next step. What a dump says need not be UTF-8, and may hold NULs */
    size_t length;
};

/* Of the row at hand. */
struct hd_sql_value hd_sql_value(const struct hd_sql_query *query, int column);

/* --- what there is to ask, for help and completion; NULL at the end --- */

struct hd_sql_column {
    const char *name;  /* NULL ends the list */
    const char *type;  /* "INTEGER", "TEXT", "" for what may be either */
    const char *about; /* a few words; begins with "line:" if it is read from the dump's lines when it is asked for */
};

struct hd_sql_about {
    const char *name, *about;
    const char *arguments; /* of a table-valued function or a function: "id"; NULL: a table */
    const struct hd_sql_column *columns;
};

const struct hd_sql_about *hd_sql_table(size_t number);    /* from 0 on; NULL behind the last */
const struct hd_sql_about *hd_sql_function(size_t number); /* `columns` is NULL */

#endif
