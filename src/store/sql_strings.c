/*
 * The table `strings`: one row per String, its contents from its line, what repeats from one pass over all.
 *
 * Owns what each column says.
 */
#include "store/sql_table.h"

#include "dump/json_reader.h"
#include "graph/fields.h"

enum { ID, VALUE, BYTESIZE, ENCODING, DUPLICATES, SAME_AS, SIZE, RETAINED, FROZEN, FSTRING, TRUNCATED, SHARED };

static const struct hd_sql_column columns[] = {
    [ID] = {"id", "INTEGER", "its address"},
    [VALUE] = {"value", "", "line: its contents, as far as the dump has them; a BLOB if they are no UTF-8; NULL in a redacted dump"},
    [BYTESIZE] = {"bytesize", "INTEGER", "line: bytes of the whole text"},
    [ENCODING] = {"encoding", "TEXT", "line: UTF-8, ASCII-8BIT, …"},
    [DUPLICATES] = {"duplicates", "INTEGER", "line: how many other strings say the same; NULL if the dump does not know, or no root leads to it"},
    [SAME_AS] = {"same_as", "INTEGER", "line: the one that would stay of all that say the same; itself if it is that one"},
    [SIZE] = {"size", "INTEGER", "bytes it takes"},
    [RETAINED] = {"retained", "INTEGER", "bytes that would go with it"},
    [FROZEN] = {"frozen", "INTEGER", "1 or 0"},
    [FSTRING] = {"fstring", "INTEGER", "line: 1 if Ruby shares it already (a literal, a frozen key)"},
    [TRUNCATED] = {"truncated", "INTEGER", "line: 1 if the dump has only the beginning"},
    [SHARED] = {"shared", "INTEGER", "line: the string that owns its bytes"},
    {NULL, NULL, NULL}};

enum { F_VAL, F_VALUE, F_BASE64, F_BYTESIZE, F_ENCODING, F_FSTRING, F_TRUNCATED, F_SHARED, F_COUNT };

static const char *const fields[] = {"val", "value", "val_base64", "bytesize", "encoding", "fstring", "truncated", "shared", NULL};

struct strings {
    struct hd_sql_cursor base;
    struct hd_sql_nodes nodes;
    uint32_t node;
    bool has_line;
    struct hd_graph_text field[F_COUNT];
};

enum { BY_ID, BY_ROWID };

static double rows(struct hd_sql_heap *heap)
{
    return heap->source.graph->node_count / 2.0 + 1;
}

static bool next(struct hd_sql_cursor *base)
{
    struct strings *cursor = (struct strings *)base;
    const struct hd_graph *graph = base->heap->source.graph;
    cursor->has_line = false;
    do
        base->end = !hd_sql_nodes_next(&cursor->nodes, &cursor->node);
    while (!base->end && graph->node_type[cursor->node] != HD_BT_T_STRING);
    return true;
}

static bool filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct strings *cursor = (struct strings *)base;
    if (plan->key == HD_SQL_SCAN)
        hd_sql_nodes_all(&cursor->nodes, base->heap->source.graph);
    else
        hd_sql_nodes_one(&cursor->nodes, hd_sql_value_node(base->heap, plan->value, false));
    return next(base);
}

static bool duplicates(struct strings *cursor, sqlite3_context *context, int column)
{
    struct hd_sql_heap *heap = cursor->base.heap;
    if (!hd_sql_heap_strings(heap))
        return false;
    uint32_t group = heap->string_group[cursor->node];
    if (!heap->string_known[cursor->node])
        return true;
    if (column == DUPLICATES)
        hd_sql_result_bytes(context, group ? heap->strings.groups[group - 1].count - 1 : 0);
    else
        hd_sql_result_id(context, heap->source.graph, group ? heap->strings.groups[group - 1].kept : cursor->node);
    return true;
}

static bool line_column(struct strings *cursor, sqlite3_context *context, int column)
{
    struct hd_buffer *scratch = &cursor->base.scratch;
    const struct hd_graph_text *field = cursor->field;
    if (!cursor->has_line) {
        if (!hd_sql_reader_line(cursor->base.heap, &cursor->base.reader, cursor->node))
            return false;
        hd_sql_fields(cursor->base.reader.object, fields, cursor->field);
        cursor->has_line = true;
    }
    switch (column) {
    case VALUE:
        if (field[F_BASE64].data)
            hd_sql_result_base64(context, scratch, field[F_BASE64]);
        else
            hd_sql_result_json(context, scratch, field[F_VAL].data ? field[F_VAL] : field[F_VALUE]);
        break;
    case BYTESIZE:
        hd_sql_result_json(context, scratch, field[F_BYTESIZE]);
        break;
    case ENCODING:
        hd_sql_result_json(context, scratch, field[F_ENCODING]);
        break;
    case SHARED: /* ObjectSpace's only says whether */
        if (field[F_SHARED].data && !hd_fields_is(field[F_SHARED], "true"))
            hd_sql_result_json(context, scratch, field[F_SHARED]);
        break;
    default:
        sqlite3_result_int(context, hd_fields_is(field[column == FSTRING ? F_FSTRING : F_TRUNCATED], "true"));
    }
    return true;
}

static bool column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    struct strings *cursor = (struct strings *)base;
    const struct hd_sql_source *source = &base->heap->source;
    switch (column) {
    case ID:
        hd_sql_result_id(context, source->graph, cursor->node);
        return true;
    case SIZE:
        hd_sql_result_bytes(context, source->graph->node_size[cursor->node]);
        return true;
    case RETAINED:
        hd_sql_result_bytes(context, source->dominators->retained[cursor->node]);
        return true;
    case FROZEN:
        sqlite3_result_int(context, (source->graph->node_flags[cursor->node] & HD_NODE_FROZEN) != 0);
        return true;
    case DUPLICATES:
    case SAME_AS:
        return duplicates(cursor, context, column);
    default:
        return line_column(cursor, context, column);
    }
}

static int64_t rowid(struct hd_sql_cursor *base)
{
    return (int64_t)base->heap->source.graph->node_address[((struct strings *)base)->node];
}

const struct hd_sql_table hd_sql_strings = {
    .about = {"strings", "every String", NULL, columns},
    .cursor_size = sizeof(struct strings),
    .keys = {[BY_ID] = {ID, NULL, false, 0}, [BY_ROWID] = {-1, NULL, false, 0}},
    .key_count = BY_ROWID + 1,
    .order = ID,
    .orders = {-1, -1},
    .rows = rows,
    .filter = filter,
    .next = next,
    .column = column,
    .rowid = rowid};
