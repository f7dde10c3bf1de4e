/*
 * One SQL table over a dump: what a family of tables (store/sql_*.c) tells SQLite of itself, and the layer that makes a virtual
 * table of it.
 *
 * Owns how a query's conditions become a look-up (xBestIndex, xFilter). Must not know which tables there are nor what is in
 * them. A table has some keys: columns by whose value it finds its rows. The cheapest key that a query gives a value for is
 * used, the rest SQLite looks at itself, row by row. A column is made when a query asks for it and not before.
 * Invariant: what a filter finds for a key is at least every row that has it; SQLite looks at each again.
 */
#ifndef HD_STORE_SQL_TABLE_H
#define HD_STORE_SQL_TABLE_H

#include "base/arena.h"
#include "store/sql_heap.h"

#include <sqlite3.h>

enum { HD_SQL_KEYS = 6, HD_SQL_SCAN = -1 };

struct hd_sql_table;

/* The beginning of each table's own cursor. */
struct hd_sql_cursor {
    sqlite3_vtab_cursor base;
    struct hd_sql_heap *heap;
    const struct hd_sql_table *table;
    bool end;                    /* behind the last row */
    struct hd_sql_reader reader; /* of the lines, if columns need them */
    struct hd_buffer scratch;    /* for texts less their escapes */
};

/* Where a query's rows come from. */
struct hd_sql_plan {
    int key;            /* which of the table's keys, HD_SQL_SCAN: none */
    sqlite3_value *value; /* of the key */
    sqlite3_value *also;  /* of the column beside it, NULL: none is given */
    int order;            /* which of the table's orders is wanted, -1: none */
    bool descending;
};

struct hd_sql_key {
    int column;         /* -1: the rowid */
    double (*rows)(struct hd_sql_heap *heap); /* that one value has, about; NULL: at most one */
    bool required;      /* an argument of a table-valued function: nothing can be asked without it */
    int also;           /* a column that narrows it down to at most one row; 0: none */
};

struct hd_sql_table {
    struct hd_sql_about about;
    size_t cursor_size;
    struct hd_sql_key keys[HD_SQL_KEYS];
    int key_count;
    int order;          /* rows of a scan and of each key come ascending by this column; -1: by none */
    int orders[2];      /* and those of a scan on demand by one of these, either way; -1: by none */
    const char *hidden; /* declaration of a table-valued function's argument, "of HIDDEN"; NULL */
    double (*rows)(struct hd_sql_heap *heap); /* all */
    /* Whether rows of that plan are found and told without all of the graph (sql_heap.h, hd_sql_heap_whole); NULL: none are. */
    bool (*single)(const struct hd_sql_plan *plan);
    /* The first row. These return false with heap->err set; `end` is true before. */
    bool (*filter)(struct hd_sql_cursor *cursor, const struct hd_sql_plan *plan);
    bool (*next)(struct hd_sql_cursor *cursor);
    bool (*column)(struct hd_sql_cursor *cursor, sqlite3_context *context, int column);
    int64_t (*rowid)(struct hd_sql_cursor *cursor);
    void (*close)(struct hd_sql_cursor *cursor); /* frees what is its own; NULL: nothing */
};

/* All tables, NULL at the end; in the order in which people are told of them. */
extern const struct hd_sql_table *const hd_sql_tables[];

/*
 * Makes the tables known to a connection, each under its name behind `prefix`. The heap must outlive it. Returns SQLite's code.
 */
int hd_sql_table_register(sqlite3 *db, struct hd_sql_heap *heap, const char *prefix);

/* --- rows that are nodes --- */

/* A list of nodes, or all from one to another. */
struct hd_sql_nodes {
    const uint32_t *list; /* NULL: the numbers themselves */
    uint32_t at, end;
    bool backwards;
};

void hd_sql_nodes_one(struct hd_sql_nodes *nodes, uint32_t node); /* HD_NODE_NONE: none at all */
void hd_sql_nodes_all(struct hd_sql_nodes *nodes, const struct hd_graph *graph); /* less the root */
void hd_sql_nodes_group(struct hd_sql_nodes *nodes, const struct hd_sql_order *order, uint32_t group); /* none if there is no such group */

/* False at the end. */
bool hd_sql_nodes_next(struct hd_sql_nodes *nodes, uint32_t *node);

/* --- values --- */

/* The object whose id a condition names; HD_NODE_NONE if it names none. `root`: 0 is the root. */
uint32_t hd_sql_value_node(const struct hd_sql_heap *heap, sqlite3_value *value, bool root);

/* The same, where the graph need not be whole. False and heap->err if it had to be and could not. */
bool hd_sql_find_node(struct hd_sql_heap *heap, sqlite3_value *value, bool root, uint32_t *node);

/* The value of a condition as an integer; false if no integer is equal to it. */
bool hd_sql_value_integer(sqlite3_value *value, int64_t *integer);

/* Results: what lives as long as the heap is not copied. */
void hd_sql_result_name(sqlite3_context *context, struct hd_graph_text text);
void hd_sql_result_id(sqlite3_context *context, const struct hd_graph *graph, uint32_t node); /* NULL for none, 0 for the root */
void hd_sql_result_bytes(sqlite3_context *context, uint64_t number);
void hd_sql_result_type(sqlite3_context *context, uint8_t type);

/* A JSON value: numbers and texts as such, true and false as 1 and 0, null and nothing as NULL, lists and maps as JSON text. */
void hd_sql_result_json(sqlite3_context *context, struct hd_buffer *scratch, struct hd_graph_text value);
void hd_sql_result_base64(sqlite3_context *context, struct hd_buffer *scratch, struct hd_graph_text value);

/* False if the text is no name of a class of the dump; needs hd_sql_heap_by_class. The rank of the class. */
bool hd_sql_value_class(const struct hd_sql_heap *heap, sqlite3_value *value, uint32_t *rank);

/* Numbers for `rows`. */
double hd_sql_rows_objects(struct hd_sql_heap *heap);
double hd_sql_rows_references(struct hd_sql_heap *heap);
double hd_sql_rows_few(struct hd_sql_heap *heap);

#endif
