/*
 * The queries of the page's console.
 *
 * Owns how one is asked for, how its rows are written and how it is ended from outside. Must not know HTTP but for an answer's
 * status. What a query may do is store/sql.h's.
 */
#ifndef HD_WEB_SQL_H
#define HD_WEB_SQL_H

#include "web/site.h"

#include <stdio.h>

/* The queries that run. Zeroed but for the lock it is ready. */
struct hd_web_sql {
    pthread_mutex_t lock;
    struct hd_web_query *running;
    unsigned count;
    bool stopping;
};

/* False, and *err (may be NULL), if heap_dump was built without SQLite. */
bool hd_web_sql_available(struct hd_error *err);

/*
 * Answers a body, `{"dump":0,"sql":"SELECT …",…}` or `{"cancel":"name"}`; in this thread, for as long as the query's limit allows. False,
 * *err and *status (of HTTP) if there is no answer; what was written is to be dropped then.
 */
bool hd_web_sql_answer(struct hd_web_sql *sql, struct hd_web_site *site, struct hd_graph_text body, FILE *out,
                       unsigned *status, struct hd_error *err);

/* Ends all queries, and those that come after. */
void hd_web_sql_stop(struct hd_web_sql *sql);

#endif
