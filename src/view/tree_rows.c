/* See tree_rows.h. */
#include "view/tree_rows.h"

#include "view/json.h"

#include <stdlib.h>

/* ---- the choice ---- */

/* The group after this one below `top`, HD_NODE_NONE at the end. */
static uint32_t next_below(const struct hd_tree *tree, uint32_t top, uint32_t group, bool skip_children)
{
    if (group == top && (skip_children || tree->group[top].child == HD_NODE_NONE))
        return HD_NODE_NONE;
    uint32_t next = hd_tree_next(tree, group, skip_children);
    return next == HD_NODE_NONE || tree->group[next].depth <= tree->group[top].depth ? HD_NODE_NONE : next;
}

bool hd_tree_rows_make(struct hd_tree_rows *rows, const struct hd_tree_view *view,
                       const struct hd_tree_rows_request *request, struct hd_error *err)
{
    const struct hd_tree *tree = &view->tree;
    const struct hd_tree_group *groups = tree->group;
    uint32_t count = 0, top = request->top;
    *rows = (struct hd_tree_rows){.view = view, .top = top, .least = request->least, .shown = calloc(tree->count, 1)};
    struct hd_tree_order *order = malloc((size_t)tree->count * sizeof *order);
    if (!rows->shown || !order) {
        free(order);
        free(rows->shown);
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    }
    for (uint32_t at = top; at != HD_NODE_NONE;) {
        bool fits = at == top || groups[at].retained >= request->least;
        if (fits)
            order[count++] = (struct hd_tree_order){groups[at].retained, at};
        at = next_below(tree, top, at, !fits || groups[at].depth - groups[top].depth >= request->depth);
    }
    /* the limit is of rows below the first one */
    rows->limited = request->limit > 0 && request->limit < count - 1;
    rows->shown_count = rows->limited ? (uint32_t)request->limit + 1 : count;
    if (rows->limited)
        qsort(order, count, sizeof *order, hd_tree_bigger_first);
    for (uint32_t i = 0; i < rows->shown_count; i++)
        rows->shown[order[i].number] = 1;
    free(order);
    return true;
}

void hd_tree_rows_free(struct hd_tree_rows *rows)
{
    free(rows->shown);
    rows->shown = NULL;
}

bool hd_tree_rows_has(const struct hd_tree_rows *rows, uint32_t group)
{
    return group != HD_NODE_NONE && rows->shown[group];
}

struct hd_tree_folded hd_tree_rows_folded(const struct hd_tree_rows *rows, uint32_t group)
{
    const struct hd_tree_group *groups = rows->view->tree.group;
    const struct hd_tree_rest *rest = rows->view->tree.rest;
    struct hd_tree_folded folded = {0};
    if (rest)
        folded = (struct hd_tree_folded){rest[group].bytes, rest[group].objects, rest[group].groups};
    for (uint32_t at = groups[group].child; at != HD_NODE_NONE; at = groups[at].next) {
        if (rows->shown[at])
            continue;
        folded.groups++;
        folded.bytes += groups[at].retained;
        folded.objects += groups[at].count;
    }
    return folded;
}

/* ---- as JSON ---- */

/* What a row has in either list. */
static void json_group(FILE *file, const struct hd_tree_view *view, uint32_t number)
{
    const struct hd_tree_group *group = &view->tree.group[number];
    struct hd_graph_text name = hd_tree_name(&view->open->graph, group);
    fprintf(file, ",\"depth\":%u,\"name\":", group->depth);
    if (name.data)
        hd_json_text(file, name);
    else
        fputs("null", file);
    fputs(",\"sample\":{", file);
    hd_open_json_node(file, view->open, group->sample);
    fprintf(file, "},\"several_ways\":%s", group->via == HD_NODE_NONE ? "false" : "true");
    if (group->via != HD_NODE_NONE) {
        fputs(",\"via\":{", file);
        hd_open_json_node(file, view->open, group->via);
        fputs("}", file);
    }
    fprintf(file, ",\"count\":%u,\"self\":%llu,\"retained\":%llu",
            number == 0 && view->from == HD_NODE_ROOT ? 0 : group->count, (unsigned long long)group->self,
            (unsigned long long)group->retained);
}

static void json_folded(FILE *file, const struct hd_tree_rows *rows, uint32_t number)
{
    struct hd_tree_folded folded = hd_tree_rows_folded(rows, number);
    fprintf(file, ",\"folded\":{\"groups\":%u,\"objects\":%llu,\"bytes\":%llu}}", folded.groups,
            (unsigned long long)folded.objects, (unsigned long long)folded.bytes);
}

bool hd_tree_rows_json(FILE *file, const struct hd_tree_rows *rows, unsigned long depth, struct hd_error *err)
{
    const struct hd_tree_view *view = rows->view;
    const struct hd_tree *tree = &view->tree;
    uint32_t *row_of = malloc((size_t)tree->count * sizeof *row_of), row = 0;
    if (!row_of)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    fputs("{", file);
    hd_open_json_head(file, view->open);
    fprintf(file, ",\"reachable_bytes\":%llu,\"depth\":%lu,\"min\":%llu,\"reachable\":%s,\"total\":%u,\"rows\":[",
            (unsigned long long)view->open->dominators.reachable_size, depth, (unsigned long long)rows->least,
            view->retained ? "true" : "false", tree->count + tree->left_out);
    for (uint32_t at = rows->top; at != HD_NODE_NONE;) {
        const struct hd_tree_group *group = &tree->group[at];
        bool shown = rows->shown[at];
        if (shown) {
            fprintf(file, "%s{\"row\":%u,\"parent\":", row ? "," : "", row);
            fprintf(file, row ? "%u" : "null", row ? row_of[group->parent] : 0);
            json_group(file, view, at);
            fprintf(file, ",\"deeper\":{\"objects\":%u,\"bytes\":%llu}", group->deeper_count,
                    (unsigned long long)group->deeper);
            json_folded(file, rows, at);
            row_of[at] = row++;
        }
        at = next_below(tree, rows->top, at, !shown);
    }
    fputs("]}\n", file);
    free(row_of);
    return true;
}

static void json_number(FILE *file, const struct hd_tree *tree, uint32_t number)
{
    uint32_t parent = tree->group[number].parent, children = 0;
    for (uint32_t at = tree->group[number].child; at != HD_NODE_NONE; at = tree->group[at].next)
        children++;
    fprintf(file, "{\"group\":%u,\"parent\":", number);
    fprintf(file, parent == HD_NODE_NONE ? "null" : "%u", parent);
    fprintf(file, ",\"children\":%u", children);
}

void hd_tree_rows_json_groups(FILE *file, const struct hd_tree_rows *rows)
{
    const struct hd_tree_view *view = rows->view;
    const struct hd_tree *tree = &view->tree;
    fputs("{", file);
    hd_open_json_head(file, view->open);
    fprintf(file, ",\"reachable_bytes\":%llu,\"total\":%u,\"group\":%u,\"above\":[",
            (unsigned long long)view->open->dominators.reachable_size, tree->count, rows->top);
    uint32_t depth = tree->group[rows->top].depth;
    for (uint32_t level = 0; level < depth; level++) {
        uint32_t at = rows->top;
        while (tree->group[at].depth > level)
            at = tree->group[at].parent;
        fputs(level ? "," : "", file);
        json_number(file, tree, at);
        json_group(file, view, at);
        fputs("}", file);
    }
    fputs("],\"rows\":[", file);
    for (uint32_t at = rows->top; at != HD_NODE_NONE;) {
        bool shown = rows->shown[at];
        if (shown) {
            fputs(at == rows->top ? "" : ",", file);
            json_number(file, tree, at);
            json_group(file, view, at);
            json_folded(file, rows, at);
        }
        at = next_below(tree, rows->top, at, !shown);
    }
    fputs("]}\n", file);
}
