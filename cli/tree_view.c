/* See tree_view.h. */
#include "cli/tree_view.h"

#include "base/units.h"

#include <stdlib.h>
#include <string.h>

static bool make(struct hd_tree_view *view, const char *id, unsigned long depth, struct hd_error *err)
{
    const struct hd_graph *graph = &view->open.graph;
    if (id && !hd_open_node(&view->open, id, &view->from, err))
        return false;
    view->retained = view->from == HD_NODE_ROOT || view->open.dominators.parent[view->from] != HD_NODE_NONE;
    const struct hd_groups *classes = hd_derived_classes(&view->open.derived, err);
    const struct hd_paths *paths = classes ? hd_derived_paths(&view->open.derived, err) : NULL;
    if (!paths)
        return false;
    struct hd_tree_shape shape = {.paths = paths, .from = view->from, .fold = true};
    shape.depth = depth == 0 || depth > UINT32_MAX ? UINT32_MAX : (uint32_t)depth;
    return hd_tree_create(&view->tree, graph, &view->open.dominators, classes, &shape, err);
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
    hd_open_close(&view->open);
}

void hd_tree_view_name(struct hd_buffer *out, const struct hd_tree_view *view, uint32_t number, const char *arrow)
{
    hd_title_group(out, &view->open.graph, &view->tree, number, arrow);
}

void hd_tree_view_read_least(struct hd_call *call, struct hd_tree_least *least)
{
    *least = (struct hd_tree_least){0};
    if (hd_units_share(call->value, &least->share))
        return;
    if (strchr(call->value, '%'))
        hd_call_refuse(call, "--%s takes a size like 10MB or a percentage from 0 to 100, not %s", call->option->name,
                       call->value);
    else
        least->bytes = hd_call_bytes(call);
}

uint64_t hd_tree_view_least(const struct hd_tree_view *view, const struct hd_tree_least *least)
{
    uint64_t whole = view->tree.group[0].retained;
    return least->share > 0 ? (uint64_t)(least->share * (double)whole) : least->bytes;
}
