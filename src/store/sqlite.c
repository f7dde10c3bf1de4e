/*
 * `--to sqlite:FILE`: a plain database with the tables of `heap_dump sql`, for any program that reads SQLite.
 *
 * Owns its schema: that of the virtual tables (store/sql_table.h), their keys as indexes; SQLite itself copies one into the
 * other. A database that is written once needs no journal: until it is whole it has no name.
 */
#include "store/exporter.h"

#include "store/sql_table.h"
#include "view/words.h"

#include <string.h>
#include <time.h>

enum { PROGRESS_STEPS = 5000, APPLICATION_ID = 0x6864756d, SCHEMA_VERSION = 1 }; /* "hdum" */

struct work {
    struct hd_export *export;
    sqlite3 *db;
    struct hd_sql_heap heap;
    const struct hd_sql_table *table; /* that is copied */
    struct timespec told;
    struct hd_error *err;
    bool stopped; /* and *err says why */
};

static bool is_copied(const struct hd_sql_table *table)
{
    return !table->hidden; /* a function gives what it is asked for, there is nothing to copy */
}

/* --- statements --- */

static bool failed(struct work *work, int code)
{
    if (work->stopped)
        return false;
    if (work->heap.err.code)
        return hd_error_set(work->err, work->heap.err.code, "%s", work->heap.err.text);
    return hd_error_set(work->err, code == SQLITE_NOMEM ? HD_ERROR_MEMORY : HD_ERROR_IO, "cannot write %.200s: %.200s",
                        work->export->where, sqlite3_errmsg(work->db));
}

static bool execute(struct work *work, const char *text)
{
    int code = sqlite3_exec(work->db, text, NULL, NULL, NULL);
    return code == SQLITE_OK || failed(work, code);
}

/* Frees the text. */
static bool execute_text(struct work *work, sqlite3_str *words)
{
    char *text = sqlite3_str_finish(words);
    bool ok = text ? execute(work, text) : hd_error_set(work->err, HD_ERROR_MEMORY, "out of memory");
    sqlite3_free(text);
    return ok;
}

/* Called now and then while a statement runs. */
static int on_progress(void *data)
{
    struct work *work = data;
    struct timespec now;
    if (hd_export_stopped(work->export, work->err)) {
        work->stopped = true;
        return 1;
    }
    clock_gettime(CLOCK_MONOTONIC, &now);
    double since = (double)(now.tv_sec - work->told.tv_sec) + (double)(now.tv_nsec - work->told.tv_nsec) / 1e9;
    if (work->export->progress && work->table && since > 0.2) {
        work->told = now;
        uint64_t total = (uint64_t)work->table->rows(&work->heap);
        uint64_t done = work->heap.rows < total ? work->heap.rows : total;
        work->export->progress(work->table->about.name, done, total);
    }
    return 0;
}

/* --- one table --- */

static bool is_primary(const struct hd_sql_table *table, int column)
{
    for (int i = 0; i < table->key_count; i++)
        if (table->keys[i].column == column && !table->keys[i].rows)
            return true;
    return false;
}

/* With what each column says as a comment: `.schema` shows it. */
static bool table_create(struct work *work, const struct hd_sql_table *table)
{
    sqlite3_str *text = sqlite3_str_new(NULL);
    sqlite3_str_appendf(text, "CREATE TABLE \"%w\"( -- %s\n", table->about.name, table->about.about);
    for (int i = 0; table->about.columns[i].name; i++) {
        const struct hd_sql_column *column = &table->about.columns[i];
        bool line = !strncmp(column->about, "line: ", 6);
        sqlite3_str_appendf(text, "  \"%w\" %s%s%s -- %s\n", column->name, column->type,
                            is_primary(table, i) ? " PRIMARY KEY" : "", column[1].name ? "," : "",
                            column->about + (line ? 6 : 0));
    }
    sqlite3_str_appendall(text, ")");
    return execute_text(work, text);
}

static bool table_fill(struct work *work, const struct hd_sql_table *table)
{
    sqlite3_str *text = sqlite3_str_new(NULL);
    work->heap.rows = 0;
    work->table = table;
    sqlite3_str_appendf(text, "INSERT INTO \"%w\" SELECT * FROM \"from_%w\"", table->about.name, table->about.name);
    bool ok = execute_text(work, text);
    work->table = NULL;
    return ok;
}

static bool table_index(struct work *work, const struct hd_sql_table *table)
{
    bool ok = true;
    for (int i = 0; ok && i < table->key_count; i++) {
        int column = table->keys[i].column;
        if (column < 0 || !table->keys[i].rows)
            continue;
        const char *name = table->about.columns[column].name;
        sqlite3_str *text = sqlite3_str_new(NULL);
        sqlite3_str_appendf(text, "CREATE INDEX \"%w_%w\" ON \"%w\"(\"%w\")", table->about.name, name, table->about.name, name);
        ok = execute_text(work, text);
    }
    return ok;
}

/* --- the database --- */

static bool database_open(struct work *work)
{
    int code = sqlite3_open_v2(work->export->path, &work->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL);
    if (code == SQLITE_OK)
        code = hd_sql_table_register(work->db, &work->heap, "from_");
    if (code != SQLITE_OK)
        return failed(work, code);
    sqlite3_progress_handler(work->db, PROGRESS_STEPS, on_progress, work);
    sqlite3_str *text = sqlite3_str_new(NULL);
    sqlite3_str_appendf(text, "PRAGMA page_size = 8192; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; "
                        "PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -32768; PRAGMA temp_store = FILE; "
                        "PRAGMA application_id = %d; PRAGMA user_version = %d; BEGIN", APPLICATION_ID, SCHEMA_VERSION);
    return execute_text(work, text);
}

static int64_t count_of(struct work *work, const char *query)
{
    sqlite3_stmt *statement = NULL;
    int64_t count = 0;
    if (sqlite3_prepare_v2(work->db, query, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
        count = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return count;
}

static bool database_fill(struct work *work)
{
    bool ok = database_open(work);
    for (size_t i = 0; ok && hd_sql_tables[i]; i++)
        if (is_copied(hd_sql_tables[i]))
            ok = table_create(work, hd_sql_tables[i]) && table_fill(work, hd_sql_tables[i]) && table_index(work, hd_sql_tables[i]);
    return ok && execute(work, "CREATE INDEX strings_same_as ON strings(same_as); COMMIT; PRAGMA analysis_limit = 1000; ANALYZE");
}

static bool run(struct hd_export *export, struct hd_error *err)
{
    struct hd_open *open = export->open;
    const struct hd_sql_source source = {open->path, open->dump, &open->graph, &open->dominators, open->derived, NULL, NULL, NULL};
    struct work work = {.export = export, .err = err};
    char objects[HD_WORDS_NUMBER], references[HD_WORDS_NUMBER], strings[HD_WORDS_NUMBER], methods[HD_WORDS_NUMBER];
    hd_sql_heap_init(&work.heap, &source);
    bool ok = database_fill(&work);
    if (ok)
        hd_export_summarize(export, "%s objects, %s references, %s strings, %s methods",
                            hd_words_count(objects, open->graph.node_count - 1), hd_words_count(references, open->graph.edge_count),
                            hd_words_count(strings, (uint64_t)count_of(&work, "SELECT count(*) FROM strings")),
                            hd_words_count(methods, (uint64_t)count_of(&work, "SELECT count(*) FROM methods")));
    int code = sqlite3_close(work.db);
    hd_sql_heap_deinit(&work.heap);
    return ok && (code == SQLITE_OK || hd_error_set(err, HD_ERROR_IO, "cannot write %.200s", export->where));
}

const struct hd_exporter hd_exporter_sqlite = {
    .name = "sqlite",
    .where = "FILE",
    .help = "a database for any SQLite program, the tables of `heap_dump sql`",
    .next = "sqlite3 %s .schema",
    .flags = HD_EXPORTER_PATH | HD_EXPORTER_BINARY | HD_EXPORTER_LINES,
    .need = HD_INDEX_GRAPH,
    .run = run};
