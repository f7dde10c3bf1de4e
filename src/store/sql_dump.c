/*
 * The table `dump`: what is known of the dump itself, one row per fact.
 *
 * Owns the facts that are counted here; the rest is the dump's own first line (docs/format.md).
 */
#include "store/sql_table.h"

#include "graph/fields.h"

enum { KEY, VALUE };

static const struct hd_sql_column columns[] = {
    [KEY] = {"key", "TEXT", "objects, references, reachable_bytes, truncated, …, and what the dump says of itself: ruby, pid, time, gc, …"},
    [VALUE] = {"value", "", "lists and maps as JSON: json_extract(value, '$.count')"},
    {NULL, NULL, NULL}};

enum {
    FILE_NAME, FORMAT, OBJECTS, REFERENCES, REACHABLE, REACHABLE_BYTES, DUMP_BYTES, TRUNCATED, REDACTED, UNNAMED, DANGLING,
    BAD_LINES, FACTS
};

static const char *const facts[FACTS] = {"file", "format", "objects", "references", "reachable", "reachable_bytes",
                                         "dump_bytes", "truncated", "redacted", "unnamed", "dangling", "bad_lines"};

struct dump {
    struct hd_sql_cursor base;
    int fact; /* FACTS: a field of the head */
    struct hd_graph_text head, key, value;
    size_t at;
    int64_t row;
};

/* What the head has, too, and was counted here. */
static bool is_known(struct hd_graph_text key)
{
    for (int i = 0; i < FACTS; i++)
        if (hd_fields_is(key, facts[i]))
            return true;
    return hd_fields_is(key, "id");
}

static bool next(struct hd_sql_cursor *base)
{
    struct dump *cursor = (struct dump *)base;
    cursor->row++;
    if (cursor->fact < FACTS && ++cursor->fact < FACTS)
        return true;
    do
        cursor->value = hd_fields_next(cursor->head, &cursor->at, &cursor->key);
    while (cursor->value.data && is_known(cursor->key));
    base->end = !cursor->value.data;
    return true;
}

static bool filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct dump *cursor = (struct dump *)base;
    const struct hd_graph *graph = base->heap->source.graph;
    (void)plan;
    cursor->fact = 0;
    cursor->row = 1;
    cursor->at = 0;
    cursor->head = hd_graph_name(graph, graph->head_name);
    base->end = false;
    return true;
}

static void fact_result(const struct hd_sql_source *source, sqlite3_context *context, int fact)
{
    const struct hd_graph *graph = source->graph;
    const uint64_t numbers[FACTS] = {
        [OBJECTS] = graph->node_count - 1, [REFERENCES] = graph->edge_count, [REACHABLE] = source->dominators->reachable - 1,
        [REACHABLE_BYTES] = source->dominators->reachable_size, [DUMP_BYTES] = graph->dump_bytes,
        [TRUNCATED] = graph->truncated, [REDACTED] = graph->redacted, [UNNAMED] = graph->unnamed,
        [DANGLING] = graph->dangling, [BAD_LINES] = graph->bad_lines};
    if (fact == FILE_NAME)
        sqlite3_result_text(context, source->name, -1, SQLITE_STATIC);
    else if (fact == FORMAT)
        sqlite3_result_text(context, graph->head_name == HD_NAME_MASK ? "objspace" : "heap_dump", -1, SQLITE_STATIC);
    else
        hd_sql_result_bytes(context, numbers[fact]);
}

static bool column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    struct dump *cursor = (struct dump *)base;
    if (cursor->fact < FACTS) {
        if (column == KEY)
            sqlite3_result_text(context, facts[cursor->fact], -1, SQLITE_STATIC);
        else
            fact_result(&base->heap->source, context, cursor->fact);
    } else if (column == KEY) {
        sqlite3_result_text64(context, cursor->key.data, cursor->key.length, SQLITE_TRANSIENT, SQLITE_UTF8);
    } else {
        hd_sql_result_json(context, &base->scratch, cursor->value);
    }
    return true;
}

static int64_t rowid(struct hd_sql_cursor *base)
{
    return ((struct dump *)base)->row;
}

const struct hd_sql_table hd_sql_dump = {
    .about = {"dump", "the dump itself, one row per fact", NULL, columns},
    .cursor_size = sizeof(struct dump),
    .order = -1,
    .orders = {-1, -1},
    .rows = hd_sql_rows_few,
    .filter = filter,
    .next = next,
    .column = column,
    .rowid = rowid};
