/*
 * The tables `refs` and `roots`: one row per reference, from the index's edges. The root is the object 0.
 *
 * Owns what each column says. Row numbers are the edges' own.
 */
#include "store/sql_table.h"

#include "graph/fields.h"
#include "graph/index_point.h"

#include <stdlib.h>
#include <string.h>

enum { FROM_ID, TO_ID, NAME, KIND };

static const struct hd_sql_column columns[] = {
    [FROM_ID] = {"from_id", "INTEGER", "the object that refers; 0: a root"},
    [TO_ID] = {"to_id", "INTEGER", "the object referred to"},
    [NAME] = {"name", "TEXT", "by which name: ivs.@customer, val[], consts.DEFAULT, locals.rows, …"},
    [KIND] = {"kind", "TEXT", "strong, or weak: it keeps nothing alive"},
    {NULL, NULL, NULL}};

struct refs {
    struct hd_sql_cursor base;
    uint64_t edge, end; /* edges to come, the row's included; of `referrer` its numbers */
    uint32_t from;      /* of the edge */
    struct hd_referrer *list; /* of the first question for a referrer */
    bool single;        /* all leave `from`, as is known */
    enum { OUTGOING, LISTED, INCOMING } way;
};

enum { BY_FROM, BY_TO, BY_ROWID };
enum { SINGLE_REFERRERS = 1000 };

static double rows_each(struct hd_sql_heap *heap)
{
    return (double)heap->source.graph->edge_count / heap->source.graph->node_count + 1;
}

static double rows_to(struct hd_sql_heap *heap)
{
    return rows_each(heap) * 1.5;
}

static void release(struct hd_sql_cursor *base)
{
    struct refs *cursor = (struct refs *)base;
    free(cursor->list);
    cursor->list = NULL;
}

/* The node whose edge it is: the last whose edges begin at or before it. */
static uint32_t leaves(const struct hd_graph *graph, uint64_t edge)
{
    uint32_t low = 0, high = graph->node_count - 1;
    while (low < high) {
        uint32_t middle = high - (high - low) / 2;
        if (graph->edge_start[middle] <= edge)
            low = middle;
        else
            high = middle - 1;
    }
    return low;
}

/* What the row's edge leaves, and whether there is one. */
static void settle(struct refs *cursor)
{
    const struct hd_graph *graph = cursor->base.heap->source.graph;
    cursor->base.end = cursor->edge >= cursor->end;
    if (cursor->base.end)
        return;
    if (cursor->way == LISTED)
        cursor->from = cursor->list[cursor->edge].from;
    else if (cursor->way == INCOMING)
        cursor->from = cursor->base.heap->incoming.referrers.from[cursor->edge];
    else if (!cursor->single)
        while (graph->edge_start[cursor->from + 1] <= cursor->edge)
            cursor->from++;
}

static bool next(struct hd_sql_cursor *base)
{
    struct refs *cursor = (struct refs *)base;
    cursor->edge++;
    settle(cursor);
    return true;
}

static bool single(const struct hd_sql_plan *plan)
{
    return plan->key == BY_FROM || plan->key == BY_TO;
}

/* The references to a node out of an index that is not whole; false if that does not do: they are many, or it is asked again. */
static bool single_to(struct refs *cursor, uint32_t node)
{
    struct hd_sql_heap *heap = cursor->base.heap;
    if (heap->passes++ > 0)
        return false;
    cursor->list = malloc(SINGLE_REFERRERS * sizeof *cursor->list);
    if (cursor->list && hd_index_referrers(heap->source.index, node, cursor->list, SINGLE_REFERRERS, &cursor->end)
        && cursor->end <= SINGLE_REFERRERS) {
        cursor->way = LISTED;
        return true;
    }
    release(&cursor->base);
    cursor->end = 0;
    return false;
}

/* One pass over all edges is cheaper than turning all round; but only the first time. */
static bool filter_to(struct refs *cursor, uint32_t node)
{
    struct hd_sql_heap *heap = cursor->base.heap;
    if (node == HD_NODE_NONE || (heap->source.index && single_to(cursor, node)))
        return true;
    if (!hd_sql_heap_whole(heap))
        return false;
    if (!heap->incoming.place && heap->incoming.asked++ == 0) {
        cursor->way = LISTED;
        return hd_referrers_find(heap->source.graph, node, &cursor->list, &cursor->end, &heap->err);
    }
    if (!hd_sql_heap_incoming(heap))
        return false;
    cursor->way = INCOMING;
    cursor->edge = heap->incoming.referrers.start[node];
    cursor->end = heap->incoming.referrers.start[node + 1];
    return true;
}

/* The edges of a node. */
static bool filter_from(struct refs *cursor, uint32_t node)
{
    struct hd_sql_heap *heap = cursor->base.heap;
    const struct hd_graph *graph = heap->source.graph;
    struct hd_index_node one;
    if (node == HD_NODE_NONE)
        return true;
    cursor->from = node;
    cursor->single = true;
    if (heap->source.index && hd_index_node(heap->source.index, node, &one)) {
        cursor->edge = one.first_edge;
        cursor->end = one.end_edge;
        return true;
    }
    if (!hd_sql_heap_whole(heap))
        return false;
    cursor->edge = graph->edge_start[node];
    cursor->end = graph->edge_start[node + 1];
    return true;
}

static bool filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct refs *cursor = (struct refs *)base;
    const struct hd_graph *graph = base->heap->source.graph;
    uint32_t node = HD_NODE_NONE;
    int64_t edge;
    release(base);
    cursor->way = OUTGOING;
    cursor->single = false;
    cursor->from = 0;
    cursor->edge = cursor->end = 0;
    bool ok = true;
    if (plan->key == HD_SQL_SCAN) {
        cursor->end = graph->edge_count;
    } else if (plan->key == BY_TO) {
        ok = hd_sql_find_node(base->heap, plan->value, false, &node) && filter_to(cursor, node);
    } else if (plan->key == BY_FROM) {
        ok = hd_sql_find_node(base->heap, plan->value, true, &node) && filter_from(cursor, node);
    } else if (hd_sql_value_integer(plan->value, &edge) && edge >= 0 && (uint64_t)edge < graph->edge_count) {
        cursor->edge = (uint64_t)edge;
        cursor->end = cursor->edge + 1;
        cursor->from = leaves(graph, cursor->edge);
    }
    if (ok)
        settle(cursor);
    return ok;
}

static uint64_t edge_of(const struct refs *cursor)
{
    const struct hd_sql_heap *heap = cursor->base.heap;
    switch (cursor->way) {
    case LISTED:
        return cursor->list[cursor->edge].edge;
    case INCOMING:
        return heap->source.graph->edge_start[cursor->from] + heap->incoming.place[cursor->edge];
    default:
        return cursor->edge;
    }
}

static void result_kind(sqlite3_context *context, uint32_t name)
{
    sqlite3_result_text(context, name & HD_NAME_WEAK ? "weak" : "strong", -1, SQLITE_STATIC);
}

/* False if that does not do. */
static bool single_column(const struct refs *cursor, sqlite3_context *context, int column)
{
    struct hd_index *index = cursor->base.heap->source.index;
    struct hd_graph_text text;
    uint32_t to, name;
    uint64_t address = 0;
    if (!hd_index_edge(index, edge_of(cursor), &to, &name))
        return false;
    if (column == FROM_ID || column == TO_ID) {
        if (!hd_index_address(index, column == TO_ID ? to : cursor->from, &address))
            return false;
        hd_sql_result_bytes(context, address);
    } else if (column == NAME) {
        if (!hd_index_name(index, name, &text))
            return false;
        hd_sql_result_name(context, text);
    } else {
        result_kind(context, name);
    }
    return true;
}

static bool column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    const struct refs *cursor = (struct refs *)base;
    const struct hd_graph *graph = base->heap->source.graph;
    if (base->heap->source.index && single_column(cursor, context, column))
        return true;
    if (!hd_sql_heap_whole(base->heap))
        return false;
    uint64_t edge = edge_of(cursor);
    switch (column) {
    case FROM_ID:
        hd_sql_result_id(context, graph, cursor->from);
        break;
    case TO_ID:
        hd_sql_result_id(context, graph, graph->edge_to[edge]);
        break;
    case NAME:
        hd_sql_result_name(context, hd_graph_name(graph, graph->edge_name[edge]));
        break;
    default:
        result_kind(context, graph->edge_name[edge]);
    }
    return true;
}

static int64_t rowid(struct hd_sql_cursor *base)
{
    return (int64_t)edge_of((struct refs *)base);
}

const struct hd_sql_table hd_sql_refs = {
    .about = {"refs", "every reference from one object to another, and from the roots (the object 0)", NULL, columns},
    .cursor_size = sizeof(struct refs),
    .keys = {[BY_FROM] = {FROM_ID, rows_each, false, 0}, [BY_TO] = {TO_ID, rows_to, false, 0}, [BY_ROWID] = {-1, NULL, false, 0}},
    .key_count = BY_ROWID + 1,
    .order = -1,
    .orders = {-1, -1},
    .rows = hd_sql_rows_references,
    .single = single,
    .filter = filter,
    .next = next,
    .column = column,
    .rowid = rowid,
    .close = release};

/* --- roots --- */

enum { ROOT_CATEGORY, ROOT_NAME, ROOT_ID };

static const struct hd_sql_column root_columns[] = {
    [ROOT_CATEGORY] = {"category", "TEXT", "vm, stack_and_registers, threads, global_variables, …"},
    [ROOT_NAME] = {"name", "TEXT", "the category, and what it is in it: global_variables.$app"},
    [ROOT_ID] = {"id", "INTEGER", "the object it keeps alive; one may be there several times"},
    {NULL, NULL, NULL}};

static double root_rows(struct hd_sql_heap *heap)
{
    return heap->source.index ? hd_sql_rows_few(heap) : (double)heap->source.graph->edge_start[1] + 1;
}

static bool root_filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct refs *cursor = (struct refs *)base;
    (void)plan;
    cursor->edge = 0;
    cursor->end = base->heap->source.graph->edge_start[1];
    settle(cursor);
    return true;
}

static bool root_column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    const struct refs *cursor = (struct refs *)base;
    const struct hd_graph *graph = base->heap->source.graph;
    struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[cursor->edge]);
    if (column == ROOT_ID) {
        hd_sql_result_id(context, graph, graph->edge_to[cursor->edge]);
        return true;
    }
    if (column == ROOT_CATEGORY && name.data) {
        size_t end = 0;
        while (end < name.length && name.data[end] != '.' && name.data[end] != '[')
            end++;
        name.length = end;
    }
    hd_sql_result_name(context, name);
    return true;
}

const struct hd_sql_table hd_sql_roots = {
    .about = {"roots", "what keeps objects alive without being one", NULL, root_columns},
    .cursor_size = sizeof(struct refs),
    .order = -1,
    .orders = {-1, -1},
    .rows = root_rows,
    .filter = root_filter,
    .next = next,
    .column = root_column,
    .rowid = rowid,
    .close = release};
