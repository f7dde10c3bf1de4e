/*
 * The table `classes`: what the objects of each class take and retain together, as `heap_dump top` has it.
 */
#include "store/sql_table.h"

enum { CLASS, OBJECTS, SIZE, RETAINED, UNREACHABLE };

static const struct hd_sql_column columns[] = {
    [CLASS] = {"class", "TEXT", "its name; classes of the same name are one row"},
    [OBJECTS] = {"objects", "INTEGER", "how many there are"},
    [SIZE] = {"size", "INTEGER", "bytes they take themselves"},
    [RETAINED] = {"retained", "INTEGER", "bytes that would go with all of them, nothing counted twice; a lower bound"},
    [UNREACHABLE] = {"unreachable", "INTEGER", "how many of them no root leads to"},
    {NULL, NULL, NULL}};

struct classes {
    struct hd_sql_cursor base;
    const struct hd_retained_group *sums;
    uint32_t at, end;
};

enum { BY_CLASS };

static bool next(struct hd_sql_cursor *base)
{
    struct classes *cursor = (struct classes *)base;
    base->end = ++cursor->at >= cursor->end;
    return true;
}

static bool filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct classes *cursor = (struct classes *)base;
    struct hd_sql_heap *heap = base->heap;
    if (!hd_sql_heap_classes(heap))
        return false;
    cursor->sums = hd_derived_class_sums(heap->source.derived, &heap->err);
    if (!cursor->sums)
        return false;
    cursor->at = 0;
    cursor->end = heap->classes->count;
    if (plan->key == BY_CLASS) {
        const char *name = (const char *)sqlite3_value_text(plan->value);
        uint32_t group = name ? hd_groups_find(heap->classes, name, (size_t)sqlite3_value_bytes(plan->value)) : HD_NODE_NONE;
        cursor->at = group == HD_NODE_NONE ? 0 : group;
        cursor->end = group == HD_NODE_NONE ? 0 : group + 1;
    }
    base->end = cursor->at >= cursor->end;
    return true;
}

static bool column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    const struct classes *cursor = (struct classes *)base;
    const struct hd_retained_group *sum = &cursor->sums[cursor->at];
    const uint64_t values[] = {[OBJECTS] = sum->count, [SIZE] = sum->shallow, [RETAINED] = sum->retained,
                               [UNREACHABLE] = sum->unreachable};
    if (column == CLASS)
        hd_sql_result_name(context, base->heap->classes->name[cursor->at]);
    else
        hd_sql_result_bytes(context, values[column]);
    return true;
}

static int64_t rowid(struct hd_sql_cursor *base)
{
    return ((struct classes *)base)->at + 1;
}

const struct hd_sql_table hd_sql_classes = {
    .about = {"classes", "what the objects of each class take and retain together", NULL, columns},
    .cursor_size = sizeof(struct classes),
    .keys = {[BY_CLASS] = {CLASS, NULL, false, 0}},
    .key_count = BY_CLASS + 1,
    .order = -1,
    .orders = {-1, -1},
    .rows = hd_sql_rows_few,
    .filter = filter,
    .next = next,
    .column = column,
    .rowid = rowid};
