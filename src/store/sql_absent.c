/* Stands in for store/sql.c where there was no SQLite when heap_dump was built. */
#include "store/sql.h"

bool hd_sql_available(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_UNSUPPORTED, "built without SQLite: install libsqlite3-dev 3.38 or newer (script/setup does) "
                        "and build again");
}

struct hd_sql *hd_sql_open(const struct hd_sql_source *source, const struct hd_sql_limits *limits, struct hd_error *err)
{
    (void)source;
    (void)limits;
    hd_sql_available(err);
    return NULL;
}

void hd_sql_close(struct hd_sql *sql)
{
    (void)sql;
}

void hd_sql_set_seconds(struct hd_sql *sql, double seconds)
{
    (void)sql;
    (void)seconds;
}

void hd_sql_on_progress(struct hd_sql *sql, bool (*stop)(void *data), void *data)
{
    (void)sql;
    (void)stop;
    (void)data;
}

void hd_sql_interrupt(struct hd_sql *sql)
{
    (void)sql;
}

bool hd_sql_complete(const char *text)
{
    (void)text;
    return true;
}

struct hd_sql_query *hd_sql_prepare(struct hd_sql *sql, const char *text, const char **rest, struct hd_error *err)
{
    (void)sql;
    (void)text;
    (void)rest;
    hd_sql_available(err);
    return NULL;
}

void hd_sql_finish(struct hd_sql_query *query)
{
    (void)query;
}

enum hd_sql_step hd_sql_step(struct hd_sql_query *query, struct hd_error *err)
{
    (void)query;
    hd_sql_available(err);
    return HD_SQL_FAILED;
}

int hd_sql_column_count(const struct hd_sql_query *query)
{
    (void)query;
    return 0;
}

const char *hd_sql_column_name(const struct hd_sql_query *query, int column)
{
    (void)query;
    (void)column;
    return "";
}

struct hd_sql_value hd_sql_value(const struct hd_sql_query *query, int column)
{
    (void)query;
    (void)column;
    return (struct hd_sql_value){.type = HD_SQL_NULL, .data = ""};
}

const struct hd_sql_about *hd_sql_table(size_t number)
{
    (void)number;
    return NULL;
}

const struct hd_sql_about *hd_sql_function(size_t number)
{
    (void)number;
    return NULL;
}
