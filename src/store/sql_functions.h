/*
 * The SQL functions over a dump: units, ids, the line of an object, the path to it. And the paths, for store/sql_paths.c.
 */
#ifndef HD_STORE_SQL_FUNCTIONS_H
#define HD_STORE_SQL_FUNCTIONS_H

#include "store/sql_table.h"

/* Makes the functions known to a connection. The heap must outlive it. Returns SQLite's code. */
int hd_sql_functions_register(sqlite3 *db, struct hd_sql_heap *heap);

/* True if a statement may call it: it is one of ours, or reads nothing but its arguments. */
bool hd_sql_functions_allow(const char *name);

/*
 * The shortest named path to a node, as `heap_dump path` has it; length 0 if no root leads there. False and heap->err if it
 * cannot be found.
 */
bool hd_sql_functions_path(struct hd_sql_heap *heap, uint32_t node, struct hd_path *path);

#endif
