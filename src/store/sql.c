/* See sql.h. */
#include "store/sql.h"

#include "base/progress.h"
#include "store/sql_functions.h"
#include "store/sql_table.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

extern const struct hd_sql_table hd_sql_objects, hd_sql_refs, hd_sql_roots, hd_sql_strings, hd_sql_classes, hd_sql_threads,
    hd_sql_frames, hd_sql_locals, hd_sql_thread_locals, hd_sql_methods, hd_sql_iseqs, hd_sql_path, hd_sql_dump;

const struct hd_sql_table *const hd_sql_tables[] = {
    &hd_sql_objects, &hd_sql_refs, &hd_sql_roots, &hd_sql_classes, &hd_sql_strings, &hd_sql_threads, &hd_sql_frames,
    &hd_sql_locals, &hd_sql_thread_locals, &hd_sql_methods, &hd_sql_iseqs, &hd_sql_path, &hd_sql_dump, NULL};

enum { PROGRESS_STEPS = 2000 };

struct hd_sql {
    sqlite3 *db;
    struct hd_sql_heap heap;
    double seconds, deadline; /* deadline: of the statement that runs; 0: none */
    bool (*stop)(void *data);
    void *stop_data;
    enum { RUNNING, TOO_LONG, STOPPED } ended;
    atomic_bool interrupted;
    struct hd_progress own; /* what the tables' own loops look at, unless somebody watches this thread already */
    _Atomic(struct hd_progress *) watched; /* while a statement runs */
    atomic_bool cancelled; /* by hd_sql_interrupt, what was watched: it is to be wanted again */
};

struct hd_sql_query {
    struct hd_sql *sql;
    sqlite3_stmt *statement;
    bool begun;
};

const struct hd_sql_about *hd_sql_table(size_t number)
{
    return number < sizeof hd_sql_tables / sizeof *hd_sql_tables && hd_sql_tables[number] ? &hd_sql_tables[number]->about : NULL;
}

bool hd_sql_available(struct hd_error *err)
{
    (void)err;
    return true;
}

/* --- what a statement may do --- */

/* PRAGMAs that only tell something. */
static bool pragma_reads(const char *name)
{
    static const char *const harmless[] = {"table_info", "table_xinfo", "table_list", "function_list", "collation_list",
                                           "compile_options", "database_list", "module_list", "pragma_list"};
    for (size_t i = 0; i < sizeof harmless / sizeof *harmless; i++)
        if (!strcasecmp(name, harmless[i]))
            return true;
    return false;
}

static int authorize(void *data, int action, const char *first, const char *second, const char *database, const char *by)
{
    const struct hd_sql *sql = data;
    (void)database;
    (void)by;
    if (sql->heap.declaring)
        return SQLITE_OK;
    switch (action) {
    case SQLITE_SELECT:
    case SQLITE_READ:
    case SQLITE_RECURSIVE:
        return SQLITE_OK;
    case SQLITE_FUNCTION:
        return hd_sql_functions_allow(second) ? SQLITE_OK : SQLITE_DENY;
    case SQLITE_PRAGMA:
        return pragma_reads(first) ? SQLITE_OK : SQLITE_DENY;
    default:
        return SQLITE_DENY;
    }
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int progress(void *data)
{
    struct hd_sql *sql = data;
    if (sql->deadline > 0 && now() > sql->deadline)
        sql->ended = TOO_LONG;
    else if (atomic_load(&sql->interrupted) || (sql->stop && sql->stop(sql->stop_data)))
        sql->ended = STOPPED;
    return sql->ended != RUNNING;
}

static void restrict_connection(sqlite3 *db)
{
    /* long texts and patterns, deep expressions: more than anybody asks, less than what hurts */
    sqlite3_limit(db, SQLITE_LIMIT_LENGTH, 256 << 20);
    sqlite3_limit(db, SQLITE_LIMIT_SQL_LENGTH, 1 << 20);
    sqlite3_limit(db, SQLITE_LIMIT_EXPR_DEPTH, 200);
    sqlite3_limit(db, SQLITE_LIMIT_COMPOUND_SELECT, 100);
    sqlite3_limit(db, SQLITE_LIMIT_VDBE_OP, 1 << 20);
    sqlite3_limit(db, SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000);
    sqlite3_limit(db, SQLITE_LIMIT_ATTACHED, 0);
    sqlite3_limit(db, SQLITE_LIMIT_WORKER_THREADS, 0);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_FTS3_TOKENIZER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
}

/* --- the connection --- */

struct hd_sql *hd_sql_open(const struct hd_sql_source *source, const struct hd_sql_limits *limits, struct hd_error *err)
{
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_FULLMUTEX;
    struct hd_sql *sql = calloc(1, sizeof *sql);
    if (!sql) {
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    hd_sql_heap_init(&sql->heap, source);
    sql->seconds = limits ? limits->seconds : 0;
    sqlite3_hard_heap_limit64((sqlite3_int64)(limits && limits->memory ? limits->memory : HD_SQL_MEMORY));
    int code = sqlite3_open_v2(":memory:", &sql->db, flags, NULL);
    if (code == SQLITE_OK)
        code = sqlite3_exec(sql->db, "PRAGMA temp_store = memory", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = hd_sql_table_register(sql->db, &sql->heap, "");
    if (code == SQLITE_OK)
        code = hd_sql_functions_register(sql->db, &sql->heap);
    if (code != SQLITE_OK) {
        hd_error_set(err, code == SQLITE_NOMEM ? HD_ERROR_MEMORY : HD_ERROR_INTERNAL, "SQLite %s does not start: %.200s",
                     sqlite3_libversion(), sqlite3_errstr(code));
        hd_sql_close(sql);
        return NULL;
    }
    restrict_connection(sql->db);
    sqlite3_set_authorizer(sql->db, authorize, sql);
    sqlite3_progress_handler(sql->db, PROGRESS_STEPS, progress, sql);
    return sql;
}

void hd_sql_close(struct hd_sql *sql)
{
    if (!sql)
        return;
    sqlite3_close_v2(sql->db);
    hd_sql_heap_deinit(&sql->heap);
    free(sql);
}

void hd_sql_set_seconds(struct hd_sql *sql, double seconds)
{
    sql->seconds = seconds;
}

void hd_sql_on_progress(struct hd_sql *sql, bool (*stop)(void *data), void *data)
{
    sql->stop = stop;
    sql->stop_data = data;
}

/* Not sqlite3_interrupt alone: that one is forgotten where no statement runs yet. */
void hd_sql_interrupt(struct hd_sql *sql)
{
    struct hd_progress *watched = atomic_load(&sql->watched);
    atomic_store(&sql->interrupted, true);
    if (watched) {
        atomic_store(&sql->cancelled, true);
        atomic_store(&watched->cancelled, true);
    }
    sqlite3_interrupt(sql->db);
}

/* --- errors --- */

static bool no_memory(const struct hd_sql *sql, struct hd_error *err)
{
    if (sql->heap.err.code == HD_ERROR_MEMORY)
        return hd_error_set(err, HD_ERROR_MEMORY, "%s", sql->heap.err.text);
    return hd_error_set(err, HD_ERROR_LIMIT, "the query needs more than the %.0f MB of memory it may have: sort or group fewer "
                        "rows, or allow more (--memory)", (double)sqlite3_hard_heap_limit64(-1) / 1e6);
}

/* What is wrong, with what people can do about it. */
static bool translate(struct hd_sql *sql, int code, struct hd_error *err)
{
    const char *words = sqlite3_errmsg(sql->db);
    if (sql->ended == TOO_LONG)
        return hd_error_set(err, HD_ERROR_LIMIT, "the query took longer than %g s: ask for less, or allow more (--timeout)",
                            sql->seconds);
    if (sql->ended == STOPPED || (code & 0xff) == SQLITE_INTERRUPT || sql->heap.err.code == HD_ERROR_INTERRUPTED)
        return hd_error_set(err, HD_ERROR_INTERRUPTED, "the query was interrupted");
    if ((code & 0xff) == SQLITE_NOMEM)
        return no_memory(sql, err);
    if (sql->heap.err.code)
        return hd_error_set(err, sql->heap.err.code, "%s", sql->heap.err.text);
    if ((code & 0xff) == SQLITE_AUTH)
        return hd_error_set(err, HD_ERROR_USAGE, "%.300s: a dump can only be read", words);
    const char *column = !strncmp(words, "no such column: ", 16) ? words + 16 : "";
    if (column[strspn(column, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.")])
        return hd_error_set(err, HD_ERROR_USAGE, "%.300s (a text stands in 'single quotes')", words);
    if (!strncmp(words, "no such table", 13))
        return hd_error_set(err, HD_ERROR_USAGE, "%.300s (tables: objects, refs, roots, classes, strings, threads, frames, "
                            "locals, thread_locals, methods, iseqs, path(id), dump)", words);
    return hd_error_set(err, HD_ERROR_USAGE, "%.400s", words);
}

static void begin(struct hd_sql *sql)
{
    sql->heap.err.code = HD_OK;
    sql->ended = RUNNING;
    atomic_store(&sql->interrupted, false);
    sql->deadline = sql->seconds > 0 ? now() + sql->seconds : 0;
}

/* --- queries --- */

bool hd_sql_complete(const char *text)
{
    return sqlite3_complete(text);
}

/* Behind white space, comments and semicolons there is nothing. */
static bool is_rest(const char *text)
{
    for (;;) {
        text += strspn(text, " \t\r\n\f;");
        const char *end = !strncmp(text, "--", 2) ? strchr(text, '\n') : !strncmp(text, "/*", 2) ? strstr(text + 2, "*/") : NULL;
        if (!end)
            return !*text || !strncmp(text, "--", 2) || !strncmp(text, "/*", 2);
        text = end + (*end == '\n' ? 1 : 2);
    }
}

struct hd_sql_query *hd_sql_prepare(struct hd_sql *sql, const char *text, const char **rest, struct hd_error *err)
{
    sqlite3_stmt *statement = NULL;
    const char *tail = text;
    err->code = HD_OK;
    while (*text && !statement) {
        begin(sql);
        int code = sqlite3_prepare_v2(sql->db, text, -1, &statement, &tail);
        if (code != SQLITE_OK) {
            translate(sql, code, err);
            return NULL;
        }
        if (tail == text)
            break;
        text = tail;
    }
    if (rest)
        *rest = tail;
    else if (!is_rest(tail))
        hd_error_set(err, HD_ERROR_USAGE, "one statement at a time: there is more behind the first");
    struct hd_sql_query *query = statement && err->code == HD_OK ? calloc(1, sizeof *query) : NULL;
    if (!query) {
        if (statement && err->code == HD_OK)
            hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        sqlite3_finalize(statement);
        return NULL;
    }
    *query = (struct hd_sql_query){.sql = sql, .statement = statement};
    return query;
}

void hd_sql_finish(struct hd_sql_query *query)
{
    if (!query)
        return;
    sqlite3_finalize(query->statement);
    free(query);
}

/* SQLite looks at its own flag; the loops of the tables, which make long what they make once, at who watches the thread. */
static int step(struct hd_sql_query *query)
{
    struct hd_sql *sql = query->sql;
    struct hd_progress *watcher = hd_progress_watcher(), *watched = watcher ? watcher : &sql->own;
    hd_progress_begin(watched);
    if (atomic_exchange(&sql->cancelled, false)) /* that was for a statement before */
        atomic_store(&watched->cancelled, false);
    atomic_store(&sql->watched, watched);
    if (atomic_load(&sql->interrupted)) /* before it could be seen here */
        hd_sql_interrupt(sql);
    int code = sqlite3_step(query->statement);
    atomic_store(&sql->watched, NULL);
    if (atomic_load(&sql->cancelled)) /* the end of the statement, not of what else the thread does */
        atomic_store(&watched->cancelled, false);
    hd_progress_begin(watcher);
    return code;
}

enum hd_sql_step hd_sql_step(struct hd_sql_query *query, struct hd_error *err)
{
    struct hd_sql *sql = query->sql;
    if (!query->begun)
        begin(sql);
    query->begun = true;
    int code = step(query);
    if (code == SQLITE_ROW)
        return HD_SQL_ROW;
    if (code == SQLITE_DONE)
        return HD_SQL_DONE;
    translate(sql, code, err);
    return HD_SQL_FAILED;
}

int hd_sql_column_count(const struct hd_sql_query *query)
{
    return sqlite3_column_count(query->statement);
}

const char *hd_sql_column_name(const struct hd_sql_query *query, int column)
{
    const char *name = sqlite3_column_name(query->statement, column);
    return name ? name : "";
}

struct hd_sql_value hd_sql_value(const struct hd_sql_query *query, int column)
{
    struct hd_sql_value value = {.type = HD_SQL_NULL};
    switch (sqlite3_column_type(query->statement, column)) {
    case SQLITE_INTEGER:
        value.type = HD_SQL_INTEGER;
        value.integer = sqlite3_column_int64(query->statement, column);
        break;
    case SQLITE_FLOAT:
        value.type = HD_SQL_REAL;
        value.real = sqlite3_column_double(query->statement, column);
        break;
    case SQLITE_TEXT:
        value.type = HD_SQL_TEXT;
        value.data = (const char *)sqlite3_column_text(query->statement, column);
        break;
    case SQLITE_BLOB:
        value.type = HD_SQL_BLOB;
        value.data = sqlite3_column_blob(query->statement, column);
        break;
    default:
        break;
    }
    if (value.type == HD_SQL_TEXT || value.type == HD_SQL_BLOB)
        value.length = (size_t)sqlite3_column_bytes(query->statement, column);
    if (!value.data)
        value.data = "";
    return value;
}
