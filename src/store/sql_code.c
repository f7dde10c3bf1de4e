/*
 * The tables `methods` and `iseqs`: what code there is, from the lines of classes and of compiled code.
 *
 * Owns what each column says. A dump of ObjectSpace has no methods and no names of code.
 */
#include "store/sql_table.h"

#include "dump/json_reader.h"
#include "graph/fields.h"

/* --- methods --- */

enum { M_CLASS_ID, M_CLASS, M_NAME, M_KIND, M_ID };

static const struct hd_sql_column method_columns[] = {
    [M_CLASS_ID] = {"class_id", "INTEGER", "the class or module (T_ICLASS: its stand-in where it is included) that has it"},
    [M_CLASS] = {"class", "TEXT", "its name; '#<Class:Order>' has Order's class methods"},
    [M_NAME] = {"name", "TEXT", "line: of the method"},
    [M_KIND] = {"kind", "TEXT", "line: ruby, or what else: cfunc, attrset, ivar, zsuper, undef, alias, refined, …"},
    [M_ID] = {"id", "INTEGER", "line: its iseq, or the Proc it was defined by"},
    {NULL, NULL, NULL}};

struct methods {
    struct hd_sql_cursor base;
    struct hd_sql_nodes nodes;
    uint32_t node;
    struct hd_graph_text map, key, value; /* of the class at hand; data NULL: none */
    size_t at;
    uint32_t number;
};

enum { BY_CLASS_ID };

static bool has_methods(uint8_t type)
{
    return type == HD_BT_T_CLASS || type == HD_BT_T_MODULE || type == HD_BT_T_ICLASS;
}

/* The next method of the class at hand, or of one after it. */
static bool methods_next(struct hd_sql_cursor *base)
{
    struct methods *cursor = (struct methods *)base;
    for (;;) {
        if (cursor->map.data && (cursor->value = hd_fields_next(cursor->map, &cursor->at, &cursor->key)).data) {
            cursor->number++;
            return true;
        }
        if (cursor->map.data) { /* further ones are on lines that continue it */
            cursor->map.data = NULL;
            if (!hd_sql_reader_more(base->heap, &base->reader))
                return false;
        }
        if (!base->reader.object.data || base->reader.node != cursor->node) {
            do
                base->end = !hd_sql_nodes_next(&cursor->nodes, &cursor->node);
            while (!base->end && !has_methods(base->heap->source.graph->node_type[cursor->node]));
            cursor->number = 0;
            if (base->end)
                return true;
            if (!hd_sql_reader_line(base->heap, &base->reader, cursor->node))
                return false;
        }
        cursor->map = hd_fields_get(base->reader.object, "methods");
        cursor->at = 0;
        if (!cursor->map.data)
            base->reader.node = HD_NODE_ROOT;
    }
}

static bool methods_filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct methods *cursor = (struct methods *)base;
    cursor->map.data = NULL;
    base->reader.node = HD_NODE_ROOT;
    base->end = false;
    if (plan->key == BY_CLASS_ID)
        hd_sql_nodes_one(&cursor->nodes, hd_sql_value_node(base->heap, plan->value, false));
    else
        hd_sql_nodes_all(&cursor->nodes, base->heap->source.graph);
    return methods_next(base);
}

/* "(CFUNC)" is cfunc. */
static void kind_result(sqlite3_context *context, struct hd_graph_text value)
{
    char word[32];
    size_t length = 0;
    if (value.data[0] != '"') {
        sqlite3_result_text(context, "ruby", -1, SQLITE_STATIC);
        return;
    }
    for (size_t i = 0; i < value.length && length < sizeof word; i++)
        if ((value.data[i] >= 'A' && value.data[i] <= 'Z') || value.data[i] == '_')
            word[length++] = (char)(value.data[i] | (value.data[i] == '_' ? 0 : 0x20));
    sqlite3_result_text(context, word, (int)length, SQLITE_TRANSIENT);
}

static bool methods_column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    struct methods *cursor = (struct methods *)base;
    const struct hd_graph *graph = base->heap->source.graph;
    uint64_t id;
    switch (column) {
    case M_CLASS_ID:
        hd_sql_result_id(context, graph, cursor->node);
        break;
    case M_CLASS:
        hd_sql_result_name(context, hd_graph_name(graph, graph->node_label[cursor->node]));
        break;
    case M_NAME:
        base->scratch.length = 0;
        hd_fields_unescape(&base->scratch, cursor->key);
        if (base->scratch.length > 1 && base->scratch.data[0] == '\\') { /* docs/format.md, "Names and keys" */
            sqlite3_result_text64(context, base->scratch.data + 1, base->scratch.length - 1, SQLITE_TRANSIENT, SQLITE_UTF8);
            break;
        }
        sqlite3_result_text64(context, base->scratch.data ? base->scratch.data : "", base->scratch.length, SQLITE_TRANSIENT,
                              SQLITE_UTF8);
        break;
    case M_KIND:
        kind_result(context, cursor->value);
        break;
    default:
        if (hd_sql_fields_integer(cursor->value, &id))
            hd_sql_result_bytes(context, id);
    }
    return true;
}

static int64_t methods_rowid(struct hd_sql_cursor *base)
{
    const struct methods *cursor = (struct methods *)base;
    return (int64_t)((uint64_t)cursor->node << 24 | (cursor->number & 0xffffff));
}

static double methods_rows(struct hd_sql_heap *heap)
{
    return heap->source.graph->node_count / 10.0 + 100;
}

static double methods_each(struct hd_sql_heap *heap)
{
    (void)heap;
    return 20;
}

const struct hd_sql_table hd_sql_methods = {
    .about = {"methods", "the methods of every class and module", NULL, method_columns},
    .cursor_size = sizeof(struct methods),
    .keys = {[BY_CLASS_ID] = {M_CLASS_ID, methods_each, false, 0}},
    .key_count = 1,
    .order = M_CLASS_ID,
    .orders = {-1, -1},
    .rows = methods_rows,
    .filter = methods_filter,
    .next = methods_next,
    .column = methods_column,
    .rowid = methods_rowid};

/* --- iseqs --- */

enum { I_ID, I_NAME, I_FILE, I_LINE, I_TYPE, I_PARENT, I_SIZE, I_RETAINED };

static const struct hd_sql_column iseq_columns[] = {
    [I_ID] = {"id", "INTEGER", "its address"},
    [I_NAME] = {"name", "TEXT", "line: of the method or block"},
    [I_FILE] = {"file", "TEXT", "line: where it begins"},
    [I_LINE] = {"line", "INTEGER", "line: where it begins"},
    [I_TYPE] = {"type", "TEXT", "line: top, method, block, class, rescue, ensure, eval, main, plain"},
    [I_PARENT] = {"parent", "INTEGER", "line: the iseq around it"},
    [I_SIZE] = {"size", "INTEGER", "bytes it takes"},
    [I_RETAINED] = {"retained", "INTEGER", "bytes that would go with it"},
    {NULL, NULL, NULL}};

enum { F_NAME, F_FILENAME, F_LINE, F_TYPE, F_PARENT, F_COUNT };

static const char *const iseq_fields[] = {"name", "filename", "line", "type", "parent", NULL};

struct iseqs {
    struct hd_sql_cursor base;
    struct hd_sql_nodes nodes;
    uint32_t node;
    bool has_line;
    struct hd_graph_text field[F_COUNT];
};

enum { ISEQ_BY_ID, ISEQ_BY_ROWID };

static bool iseqs_next(struct hd_sql_cursor *base)
{
    struct iseqs *cursor = (struct iseqs *)base;
    const struct hd_graph *graph = base->heap->source.graph;
    cursor->has_line = false;
    do
        base->end = !hd_sql_nodes_next(&cursor->nodes, &cursor->node);
    while (!base->end && !(graph->node_type[cursor->node] == HD_BT_T_IMEMO
                           && hd_fields_is(hd_graph_name(graph, graph->node_label[cursor->node]), "iseq")));
    return true;
}

static bool iseqs_filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct iseqs *cursor = (struct iseqs *)base;
    if (plan->key == HD_SQL_SCAN)
        hd_sql_nodes_all(&cursor->nodes, base->heap->source.graph);
    else
        hd_sql_nodes_one(&cursor->nodes, hd_sql_value_node(base->heap, plan->value, false));
    return iseqs_next(base);
}

static bool iseqs_column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    static const int field_of[] = {[I_NAME] = F_NAME, [I_FILE] = F_FILENAME, [I_LINE] = F_LINE, [I_TYPE] = F_TYPE,
                                   [I_PARENT] = F_PARENT};
    struct iseqs *cursor = (struct iseqs *)base;
    const struct hd_sql_source *source = &base->heap->source;
    if (column == I_ID) {
        hd_sql_result_id(context, source->graph, cursor->node);
    } else if (column == I_SIZE) {
        hd_sql_result_bytes(context, source->graph->node_size[cursor->node]);
    } else if (column == I_RETAINED) {
        hd_sql_result_bytes(context, source->dominators->retained[cursor->node]);
    } else {
        if (!cursor->has_line && !hd_sql_reader_line(base->heap, &base->reader, cursor->node))
            return false;
        if (!cursor->has_line)
            hd_sql_fields(base->reader.object, iseq_fields, cursor->field);
        cursor->has_line = true;
        /* ObjectSpace's lines have the type of object there, and the place of the allocation */
        if (hd_fields_get(base->reader.object, "bt").data)
            hd_sql_result_json(context, &base->scratch, cursor->field[field_of[column]]);
    }
    return true;
}

static int64_t iseqs_rowid(struct hd_sql_cursor *base)
{
    return (int64_t)base->heap->source.graph->node_address[((struct iseqs *)base)->node];
}

static double iseqs_rows(struct hd_sql_heap *heap)
{
    return heap->source.graph->node_count / 20.0 + 100;
}

const struct hd_sql_table hd_sql_iseqs = {
    .about = {"iseqs", "compiled code: methods, blocks, class bodies", NULL, iseq_columns},
    .cursor_size = sizeof(struct iseqs),
    .keys = {[ISEQ_BY_ID] = {I_ID, NULL, false, 0}, [ISEQ_BY_ROWID] = {-1, NULL, false, 0}},
    .key_count = ISEQ_BY_ROWID + 1,
    .order = I_ID,
    .orders = {-1, -1},
    .rows = iseqs_rows,
    .filter = iseqs_filter,
    .next = iseqs_next,
    .column = iseqs_column,
    .rowid = iseqs_rowid};
