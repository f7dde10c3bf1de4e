/*
 * The table `objects`: one row per object, from the index's columns; a few of its columns from the lines.
 *
 * Owns what each column says. Must not know how a row is found (store/sql_table.h).
 */
#include "store/sql_table.h"

#include "dump/json_reader.h"
#include "graph/fields.h"
#include "graph/index_point.h"

#include <string.h>

enum {
    ID, TYPE, KIND, CLASS, CLASS_ID, NAME, SIZE, RETAINED, DOMINATOR, REACHABLE, REFS, REFERRERS, FROZEN, GARBAGE,
    LENGTH, GENERATION, SOURCE_FILE, SOURCE_LINE, METHOD, AGE, SHAPE, SLOT_SIZE, OBJECT_ID
};

static const struct hd_sql_column columns[] = {
    [ID] = {"id", "INTEGER", "its address"},
    [TYPE] = {"type", "TEXT", "builtin type: T_OBJECT, T_STRING, T_DATA, …"},
    [KIND] = {"kind", "TEXT", "what Ruby calls a T_DATA or T_IMEMO within: proc, iseq, VM/thread, …"},
    [CLASS] = {"class", "TEXT", "name of its class, as `top` has it"},
    [CLASS_ID] = {"class_id", "INTEGER", "its class; a singleton class if it has one"},
    [NAME] = {"name", "TEXT", "line: what it is called itself: a class, module, method, iseq, thread, symbol, open file"},
    [SIZE] = {"size", "INTEGER", "bytes it takes itself"},
    [RETAINED] = {"retained", "INTEGER", "bytes that would go with it; sums of it count things twice, see `classes`"},
    [DOMINATOR] = {"dominator", "INTEGER", "the nearest object without which it would go; 0: none, the root; NULL: no root leads to it"},
    [REACHABLE] = {"reachable", "INTEGER", "1 if a root leads to it"},
    [REFS] = {"refs", "INTEGER", "how many references it has"},
    [REFERRERS] = {"referrers", "INTEGER", "how many references lead to it, those of the roots included"},
    [FROZEN] = {"frozen", "INTEGER", "1 or 0"},
    [GARBAGE] = {"garbage", "INTEGER", "1 if it was unreachable when the dump was taken with all objects"},
    [LENGTH] = {"length", "INTEGER", "line: elements of an Array, pairs of a Hash, bytes of a String"},
    [GENERATION] = {"generation", "INTEGER", "line: GC count when it was allocated, if that was traced"},
    [SOURCE_FILE] = {"file", "TEXT", "line: where it was allocated, if that was traced"},
    [SOURCE_LINE] = {"line", "INTEGER", "line: the same"},
    [METHOD] = {"method", "TEXT", "line: the same"},
    [AGE] = {"age", "INTEGER", "line: collections it survived, 0 to 2; NULL on old objects"},
    [SHAPE] = {"shape", "INTEGER", "line: number of its shape, Ruby 3.2 and later"},
    [SLOT_SIZE] = {"slot_size", "INTEGER", "line: bytes of its slot"},
    [OBJECT_ID] = {"object_id", "INTEGER", "line: if one was ever asked for"},
    {NULL, NULL, NULL}};

/* Fields of the line. */
enum {
    F_NAME, F_CALLED_ID, F_PATH, F_VAL, F_VALUE, F_LENGTH, F_SIZE, F_BYTESIZE, F_GENERATION, F_FILE, F_LINE,
    F_ALLOCATION_LINE, F_METHOD, F_AGE, F_SHAPE, F_SHAPE_ID, F_SLOT_SIZE, F_OBJECT_ID, F_COUNT
};

static const char *const fields[] = {"name", "called_id", "path", "val", "value", "length", "size", "bytesize", "generation",
                                     "file", "line", "allocation_line", "method", "age", "shape", "shape_id",
                                     "slot_size", "object_id", NULL};

struct objects {
    struct hd_sql_cursor base;
    struct hd_sql_nodes nodes;
    uint32_t node;
    int64_t id; /* that was asked for, if one was */
    bool has_line, has_single;
    struct hd_index_node single; /* the row, while the graph is not whole */
    struct hd_graph_text field[F_COUNT];
};

/* --- which rows --- */

enum { BY_ID, BY_ROWID, BY_DOMINATOR, BY_CLASS, BY_CLASS_ID, BY_TYPE };

static double rows_dominator(struct hd_sql_heap *heap)
{
    (void)heap;
    return 8;
}

static double rows_class(struct hd_sql_heap *heap)
{
    return heap->source.graph->node_count / 100.0 + 10;
}

static double rows_type(struct hd_sql_heap *heap)
{
    return heap->source.graph->node_count / 6.0 + 10;
}

static bool next(struct hd_sql_cursor *base)
{
    struct objects *cursor = (struct objects *)base;
    cursor->has_line = cursor->has_single = false;
    base->end = !hd_sql_nodes_next(&cursor->nodes, &cursor->node);
    return true;
}

static bool all_in_order(struct objects *cursor, const struct hd_sql_plan *plan)
{
    struct hd_sql_heap *heap = cursor->base.heap;
    hd_sql_nodes_all(&cursor->nodes, heap->source.graph);
    if (plan->order < 0)
        return true;
    if (!(plan->order ? hd_sql_heap_by_type(heap) : hd_sql_heap_by_class(heap)))
        return false;
    const struct hd_sql_order *order = plan->order ? &heap->by_type : &heap->by_class;
    cursor->nodes = (struct hd_sql_nodes){.list = order->node, .end = order->start[order->count], .backwards = plan->descending};
    return true;
}

static bool single(const struct hd_sql_plan *plan)
{
    return plan->key == BY_ID || plan->key == BY_ROWID;
}

/* The group of a type in the order; HD_NODE_NONE if there is no such type. */
static uint32_t type_named(const struct hd_sql_heap *heap, sqlite3_value *value)
{
    const char *name = (const char *)sqlite3_value_text(value);
    for (int type = HD_BT_NONE + 1; name && type < HD_BT_COUNT; type++)
        if (!strcmp(hd_bt_name(type), name))
            return heap->type_rank[type];
    return HD_NODE_NONE;
}

static bool filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct objects *cursor = (struct objects *)base;
    struct hd_sql_heap *heap = base->heap;
    uint32_t rank = HD_NODE_NONE, node = HD_NODE_NONE;
    bool ok = true;
    switch (plan->key) {
    case BY_ID:
    case BY_ROWID:
        ok = hd_sql_find_node(heap, plan->value, false, &node);
        hd_sql_nodes_one(&cursor->nodes, node);
        cursor->id = sqlite3_value_int64(plan->value);
        break;
    case BY_DOMINATOR:
        if ((ok = hd_sql_heap_by_dominator(heap)))
            hd_sql_nodes_group(&cursor->nodes, &heap->by_dominator, hd_sql_value_node(heap, plan->value, true));
        break;
    case BY_CLASS:
        if ((ok = hd_sql_heap_by_class(heap)))
            hd_sql_nodes_group(&cursor->nodes, &heap->by_class,
                               hd_sql_value_class(heap, plan->value, &rank) ? rank : HD_NODE_NONE);
        break;
    case BY_CLASS_ID:
        if ((ok = hd_sql_heap_by_class_id(heap)))
            hd_sql_nodes_group(&cursor->nodes, &heap->by_class_id, hd_sql_value_node(heap, plan->value, false));
        break;
    case BY_TYPE:
        if ((ok = hd_sql_heap_by_type(heap)))
            hd_sql_nodes_group(&cursor->nodes, &heap->by_type, type_named(heap, plan->value));
        break;
    default:
        ok = all_in_order(cursor, plan);
    }
    return ok && next(base);
}

/* --- what a row says --- */

static bool read_line(struct objects *cursor)
{
    if (!cursor->has_line) {
        if (!hd_sql_reader_line(cursor->base.heap, &cursor->base.reader, cursor->node))
            return false;
        hd_sql_fields(cursor->base.reader.object, fields, cursor->field);
        cursor->has_line = true;
    }
    return true;
}

/* The elements of a list or map, those on further lines included. */
static bool count_elements(struct objects *cursor, sqlite3_context *context)
{
    struct hd_sql_heap *heap = cursor->base.heap;
    struct hd_graph_text list = cursor->field[F_VAL], key;
    int64_t count = 0;
    while (list.data) {
        for (size_t at = 0; hd_fields_next(list, &at, &key).data;)
            count++;
        cursor->has_line = false; /* another line is at hand */
        if (!hd_sql_reader_more(heap, &cursor->base.reader))
            return false;
        list = hd_fields_get(cursor->base.reader.object, "val");
    }
    sqlite3_result_int64(context, count);
    return true;
}

static uint8_t type_of(const struct objects *cursor)
{
    const struct hd_sql_source *source = &cursor->base.heap->source;
    return source->index ? cursor->single.type : source->graph->node_type[cursor->node];
}

static bool length_column(struct objects *cursor, sqlite3_context *context)
{
    uint8_t type = type_of(cursor);
    bool string = type == HD_BT_T_STRING, array = type == HD_BT_T_ARRAY;
    if (!string && !array && type != HD_BT_T_HASH)
        return true;
    if (!read_line(cursor))
        return false;
    struct hd_graph_text *field = cursor->field;
    if (!string && field[F_VAL].data && field[F_VAL].data[0] != '"')
        return count_elements(cursor, context);
    /* ObjectSpace's; in our dumps an empty list is left out, and `size` is the bytes */
    bool ours = hd_fields_get(cursor->base.reader.object, "bt").data != NULL;
    if (string || !ours)
        hd_sql_result_json(context, &cursor->base.scratch, field[string ? F_BYTESIZE : array ? F_LENGTH : F_SIZE]);
    else
        sqlite3_result_int(context, 0);
    return true;
}

/* Its class's own path, or what Ruby calls it within; data NULL if it has none. */
static bool label_of(const struct objects *cursor, struct hd_graph_text *label)
{
    struct hd_sql_heap *heap = cursor->base.heap;
    if (heap->source.index && hd_index_name(heap->source.index, cursor->single.label, label))
        return true;
    if (!hd_sql_heap_whole(heap))
        return false;
    *label = hd_graph_name(heap->source.graph, heap->source.graph->node_label[cursor->node]);
    return true;
}

/* Which field names what; -1: the object is called nothing. */
static int name_field(uint8_t type, struct hd_graph_text kind)
{
    switch (type) {
    case HD_BT_T_FILE:
        return F_PATH;
    case HD_BT_T_SYMBOL:
        return F_VAL;
    case HD_BT_T_DATA:
        return hd_fields_is(kind, "VM/thread") ? F_NAME : -1;
    case HD_BT_T_IMEMO:
        return hd_fields_is(kind, "iseq") ? F_NAME : hd_fields_is(kind, "ment") ? F_CALLED_ID : -1;
    default:
        return -1;
    }
}

static bool name_column(struct objects *cursor, sqlite3_context *context)
{
    struct hd_graph_text label;
    uint8_t type = type_of(cursor);
    if (!label_of(cursor, &label))
        return false;
    if (type == HD_BT_T_CLASS || type == HD_BT_T_MODULE || type == HD_BT_T_ICLASS) {
        hd_sql_result_name(context, label);
        return true;
    }
    int field = name_field(type, label);
    if (field < 0)
        return true;
    if (!read_line(cursor))
        return false;
    if (field == F_VAL && !cursor->field[F_VAL].data)
        field = F_VALUE; /* ObjectSpace's */
    hd_sql_result_json(context, &cursor->base.scratch, cursor->field[field]);
    return true;
}

/* The field of a column that says what its line says; an iseq's `line` is that of its code. */
static int plain_field(const struct objects *cursor, int column)
{
    switch (column) {
    case GENERATION:
        return F_GENERATION;
    case SOURCE_FILE:
        return F_FILE;
    case SOURCE_LINE:
        return cursor->field[F_ALLOCATION_LINE].data ? F_ALLOCATION_LINE : cursor->field[F_FILE].data ? F_LINE : F_ALLOCATION_LINE;
    case METHOD:
        return F_METHOD;
    case AGE:
        return F_AGE;
    case SHAPE:
        return cursor->field[F_SHAPE].data ? F_SHAPE : F_SHAPE_ID;
    case SLOT_SIZE:
        return F_SLOT_SIZE;
    default:
        return F_OBJECT_ID;
    }
}

static bool line_column(struct objects *cursor, sqlite3_context *context, int column)
{
    if (column == LENGTH)
        return length_column(cursor, context);
    if (column == NAME)
        return name_column(cursor, context);
    if (!read_line(cursor))
        return false;
    hd_sql_result_json(context, &cursor->base.scratch, cursor->field[plain_field(cursor, column)]);
    return true;
}

static void class_column(const struct hd_sql_heap *heap, uint32_t node, sqlite3_context *context)
{
    hd_sql_result_name(context, heap->classes ? heap->classes->name[heap->classes->number[node]]
                                              : hd_groups_class_name(heap->source.graph, node));
}

/* The id of another object, NULL for none, 0 for the root. */
static bool single_id(struct hd_index *index, uint32_t node, sqlite3_context *context)
{
    uint64_t address = 0;
    if (node == HD_NODE_NONE)
        return true;
    if (!hd_index_address(index, node, &address))
        return false;
    hd_sql_result_bytes(context, address);
    return true;
}

static bool single_referrers(struct objects *cursor, sqlite3_context *context)
{
    struct hd_sql_heap *heap = cursor->base.heap;
    uint64_t count;
    if (heap->passes++ > 0 || !hd_index_referrers(heap->source.index, cursor->node, NULL, 0, &count))
        return false;
    hd_sql_result_bytes(context, count);
    return true;
}

/* What a row says that is looked up in the index by itself. False if that does not do: then the graph is to be whole. */
static bool single_column(struct objects *cursor, sqlite3_context *context, int column)
{
    struct hd_index *index = cursor->base.heap->source.index;
    struct hd_index_node *one = &cursor->single;
    struct hd_graph_text text;
    if (!cursor->has_single)
        cursor->has_single = hd_index_node(index, cursor->node, one);
    if (!cursor->has_single)
        return false;
    switch (column) {
    case ID:
        hd_sql_result_bytes(context, one->address);
        return true;
    case TYPE:
        hd_sql_result_type(context, one->type);
        return true;
    case KIND:
        if (one->type != HD_BT_T_DATA && one->type != HD_BT_T_IMEMO)
            return true;
        if (!hd_index_name(index, one->label, &text))
            return false;
        hd_sql_result_name(context, text);
        return true;
    case CLASS:
        if (!hd_index_class_name(index, one->class_number, &text))
            return false;
        hd_sql_result_name(context, text);
        return true;
    case CLASS_ID:
        return single_id(index, one->class, context);
    case SIZE:
        hd_sql_result_bytes(context, one->size);
        return true;
    case RETAINED:
        hd_sql_result_bytes(context, one->retained);
        return true;
    case DOMINATOR:
        return single_id(index, one->dominator, context);
    case REACHABLE:
        sqlite3_result_int(context, one->dominator != HD_NODE_NONE);
        return true;
    case REFS:
        hd_sql_result_bytes(context, one->end_edge - one->first_edge);
        return true;
    case REFERRERS:
        return single_referrers(cursor, context);
    case FROZEN:
        sqlite3_result_int(context, (one->flags & HD_NODE_FROZEN) != 0);
        return true;
    case GARBAGE:
        sqlite3_result_int(context, (one->flags & HD_NODE_GARBAGE) != 0);
        return true;
    default:
        return line_column(cursor, context, column);
    }
}

static bool column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    struct objects *cursor = (struct objects *)base;
    struct hd_sql_heap *heap = base->heap;
    if (heap->source.index && single_column(cursor, context, column))
        return true;
    if (!hd_sql_heap_whole(heap))
        return false;
    const struct hd_graph *graph = heap->source.graph;
    uint32_t node = cursor->node;
    uint8_t type = graph->node_type[node];
    switch (column) {
    case ID:
        hd_sql_result_id(context, graph, node);
        return true;
    case TYPE:
        hd_sql_result_type(context, type);
        return true;
    case KIND:
        if (type == HD_BT_T_DATA || type == HD_BT_T_IMEMO)
            hd_sql_result_name(context, hd_graph_name(graph, graph->node_label[node]));
        return true;
    case CLASS:
        class_column(heap, node, context);
        return true;
    case CLASS_ID:
        hd_sql_result_id(context, graph, graph->node_class[node]);
        return true;
    case SIZE:
        hd_sql_result_bytes(context, graph->node_size[node]);
        return true;
    case RETAINED:
        hd_sql_result_bytes(context, heap->source.dominators->retained[node]);
        return true;
    case DOMINATOR:
        hd_sql_result_id(context, graph, heap->source.dominators->parent[node]);
        return true;
    case REACHABLE:
        sqlite3_result_int(context, heap->source.dominators->parent[node] != HD_NODE_NONE);
        return true;
    case REFS:
        hd_sql_result_bytes(context, graph->edge_start[node + 1] - graph->edge_start[node]);
        return true;
    case REFERRERS:
        if (!hd_sql_heap_referrer_count(heap))
            return false;
        hd_sql_result_bytes(context, heap->referrer_count[node]);
        return true;
    case FROZEN:
        sqlite3_result_int(context, (graph->node_flags[node] & HD_NODE_FROZEN) != 0);
        return true;
    case GARBAGE:
        sqlite3_result_int(context, (graph->node_flags[node] & HD_NODE_GARBAGE) != 0);
        return true;
    default:
        return line_column(cursor, context, column);
    }
}

static int64_t rowid(struct hd_sql_cursor *base)
{
    const struct objects *cursor = (struct objects *)base;
    return base->heap->source.index ? cursor->id : (int64_t)base->heap->source.graph->node_address[cursor->node];
}

const struct hd_sql_table hd_sql_objects = {
    .about = {"objects", "every object", NULL, columns},
    .cursor_size = sizeof(struct objects),
    .keys = {[BY_ID] = {ID, NULL, false, 0}, [BY_ROWID] = {-1, NULL, false, 0}, [BY_DOMINATOR] = {DOMINATOR, rows_dominator, false, 0},
             [BY_CLASS] = {CLASS, rows_class, false, 0}, [BY_CLASS_ID] = {CLASS_ID, rows_class, false, 0},
             [BY_TYPE] = {TYPE, rows_type, false, 0}},
    .key_count = BY_TYPE + 1,
    .order = ID,
    .orders = {CLASS, TYPE},
    .rows = hd_sql_rows_objects,
    .single = single,
    .filter = filter,
    .next = next,
    .column = column,
    .rowid = rowid};
