/*
 * The table-valued function path(id): the shortest named path from a root to an object, one row per step.
 */
#include "store/sql_functions.h"

#include <stdlib.h>

enum { STEP, NAME, ID, CLASS, LABEL, SIZE, RETAINED, OF };

static const struct hd_sql_column columns[] = {
    [STEP] = {"step", "INTEGER", "1 is what a root refers to, the last one the object"},
    [NAME] = {"name", "TEXT", "by which name the step before refers to it"},
    [ID] = {"id", "INTEGER", "the object"},
    [CLASS] = {"class", "TEXT", "name of its class"},
    [LABEL] = {"label", "TEXT", "its class, and what it is called itself"},
    [SIZE] = {"size", "INTEGER", "bytes it takes"},
    [RETAINED] = {"retained", "INTEGER", "bytes that would go with it"},
    {NULL, NULL, NULL}};

struct paths {
    struct hd_sql_cursor base;
    struct hd_path path;
    uint32_t at;
    int64_t of;
};

static void release(struct hd_sql_cursor *base)
{
    struct paths *cursor = (struct paths *)base;
    free(cursor->path.step);
    cursor->path = (struct hd_path){0};
}

static bool next(struct hd_sql_cursor *base)
{
    struct paths *cursor = (struct paths *)base;
    base->end = ++cursor->at >= cursor->path.length;
    return true;
}

static bool filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct paths *cursor = (struct paths *)base;
    release(base);
    cursor->at = 0;
    cursor->of = sqlite3_value_int64(plan->value);
    uint32_t node = hd_sql_value_node(base->heap, plan->value, false);
    if (node == HD_NODE_NONE)
        return true;
    if (!hd_sql_functions_path(base->heap, node, &cursor->path))
        return false;
    base->end = cursor->path.length == 0;
    return true;
}

static bool column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    const struct paths *cursor = (struct paths *)base;
    const struct hd_sql_source *source = &base->heap->source;
    const struct hd_path_step *step = &cursor->path.step[cursor->at];
    char title[HD_GROUPS_TITLE];
    switch (column) {
    case STEP:
        sqlite3_result_int64(context, (int64_t)cursor->at + 1);
        break;
    case NAME:
        hd_sql_result_name(context, hd_graph_name(source->graph, source->graph->edge_name[step->edge]));
        break;
    case ID:
        hd_sql_result_id(context, source->graph, step->node);
        break;
    case CLASS:
        hd_sql_result_name(context, hd_groups_class_name(source->graph, step->node));
        break;
    case LABEL:
        sqlite3_result_text(context, hd_groups_title(title, source->graph, step->node), -1, SQLITE_TRANSIENT);
        break;
    case SIZE:
        hd_sql_result_bytes(context, source->graph->node_size[step->node]);
        break;
    case RETAINED:
        hd_sql_result_bytes(context, source->dominators->retained[step->node]);
        break;
    default:
        sqlite3_result_int64(context, cursor->of);
    }
    return true;
}

static int64_t rowid(struct hd_sql_cursor *base)
{
    return (int64_t)((struct paths *)base)->at + 1;
}

const struct hd_sql_table hd_sql_path = {
    .about = {"path", "the shortest named path from a root to an object, a row per step: FROM path(140322420491800)", "id", columns},
    .cursor_size = sizeof(struct paths),
    .keys = {{OF, NULL, true, 0}},
    .key_count = 1,
    .order = STEP,
    .orders = {-1, -1},
    .hidden = "of HIDDEN",
    .rows = hd_sql_rows_few,
    .filter = filter,
    .next = next,
    .column = column,
    .rowid = rowid,
    .close = release};
