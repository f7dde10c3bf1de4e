/* See tree_view.h. */
#include "cli/tree_view.h"

#include "graph/best_names.h"

#include <stdlib.h>
#include <string.h>

static bool make(struct hd_tree_view *view, const char *id, unsigned long depth, struct hd_error *err)
{
    const struct hd_graph *graph = &view->open.graph;
    if (id && !hd_open_node(&view->open, id, &view->from, err))
        return false;
    view->retained = view->from == HD_NODE_ROOT || view->open.dominators.parent[view->from] != HD_NODE_NONE;
    if (!hd_groups_by_class(&view->classes, graph, err))
        return false;
    if (!hd_paths_create(&view->paths, graph, false, HD_NODE_NONE, err))
        return false;
    hd_best_names_from_root(&view->paths);
    struct hd_tree_shape shape = {.paths = &view->paths, .from = view->from, .fold = true};
    shape.depth = depth == 0 || depth > UINT32_MAX ? UINT32_MAX : (uint32_t)depth;
    return hd_tree_create(&view->tree, graph, &view->open.dominators, &view->classes, &shape, err);
}

bool hd_tree_view_open(struct hd_tree_view *view, const char *path, const char *id, unsigned long depth,
                       struct hd_error *err)
{
    *view = (struct hd_tree_view){.from = HD_NODE_ROOT};
    if (!hd_open_read(&view->open, path, err))
        return false;
    if (make(view, id, depth, err))
        return true;
    hd_tree_view_close(view);
    return false;
}

void hd_tree_view_close(struct hd_tree_view *view)
{
    hd_tree_destroy(&view->tree);
    hd_paths_destroy(&view->paths);
    hd_groups_destroy(&view->classes);
    hd_open_close(&view->open);
}

static void append(struct hd_buffer *out, const char *text)
{
    hd_buffer_append(out, text, strlen(text));
}

void hd_tree_view_name(struct hd_buffer *out, const struct hd_tree_view *view, uint32_t number, const char *arrow)
{
    const struct hd_tree_group *group = &view->tree.group[number];
    struct hd_graph_text name = hd_graph_name(&view->open.graph, group->name);
    char title[HD_OPEN_TITLE];
    if (group->via != HD_NODE_NONE) {
        append(out, "… ");
        append(out, hd_open_title(title, &view->open, group->via));
        append(out, arrow);
    }
    if (name.length) {
        hd_buffer_append(out, name.data, name.length);
        append(out, arrow);
    }
    append(out, hd_open_title(title, &view->open, group->sample));
}

void hd_tree_view_read_least(struct hd_call *call, struct hd_tree_least *least)
{
    char *end;
    double share = strtod(call->value, &end);
    *least = (struct hd_tree_least){0};
    if (end == call->value || strcmp(end + strspn(end, " "), "%") != 0)
        least->bytes = hd_call_bytes(call);
    else if (share >= 0 && share <= 100)
        least->share = share / 100;
    else
        hd_call_refuse(call, "--%s takes a size like 10MB or a percentage from 0 to 100, not %s", call->option->name,
                       call->value);
}

uint64_t hd_tree_view_least(const struct hd_tree_view *view, const struct hd_tree_least *least)
{
    uint64_t whole = view->tree.group[0].retained;
    return least->share > 0 ? (uint64_t)(least->share * (double)whole) : least->bytes;
}
