/* See tree_view.h. */
#include "view/tree_view.h"

#include "dump/json_reader.h"

#include <string.h>

bool hd_tree_view_make(struct hd_tree_view *view, struct hd_open *open, uint32_t from, unsigned long depth,
                       struct hd_error *err)
{
    *view = (struct hd_tree_view){.open = open, .from = from};
    const struct hd_graph *graph = &view->open->graph;
    view->retained = view->from == HD_NODE_ROOT || view->open->dominators.parent[view->from] != HD_NODE_NONE;
    const struct hd_groups *classes = hd_derived_classes(view->open->derived, err);
    const struct hd_paths *paths = classes ? hd_derived_paths(view->open->derived, err) : NULL;
    if (!paths)
        return false;
    struct hd_tree_shape shape = {.paths = paths, .from = view->from, .entries = true, .fold = true};
    shape.depth = depth == 0 || depth > UINT32_MAX ? UINT32_MAX : (uint32_t)depth;
    if (hd_trees_ahead_take(open->basis->trees, &shape, &view->tree))
        return true;
    return hd_tree_create(&view->tree, graph, &view->open->dominators, classes, &shape, err);
}

void hd_tree_view_free(struct hd_tree_view *view)
{
    hd_tree_destroy(&view->tree);
}

static void append(struct hd_buffer *out, const char *text)
{
    hd_buffer_append(out, text, strlen(text));
}

/* A class or module with a name: of several ways there none tells more. */
static bool names_itself(const struct hd_tree_view *view, uint32_t node)
{
    const struct hd_graph *graph = &view->open->graph;
    bool class = graph->node_type[node] == HD_BT_T_CLASS || graph->node_type[node] == HD_BT_T_MODULE;
    return class && hd_graph_name(graph, graph->node_label[node]).length > 0;
}

void hd_tree_view_name(struct hd_buffer *out, const struct hd_tree_view *view, uint32_t number, const char *arrow)
{
    const struct hd_tree_group *group = &view->tree.group[number];
    struct hd_graph_text name = hd_tree_name(&view->open->graph, group);
    char title[HD_OPEN_TITLE];
    bool several = group->via != HD_NODE_NONE, itself = several && names_itself(view, group->sample);
    if (several)
        append(out, "… ");
    if (several && !itself) {
        append(out, hd_open_title(title, view->open, group->via));
        append(out, arrow);
    }
    if (name.length && !itself) {
        hd_buffer_append(out, name.data, name.length);
        append(out, arrow);
    }
    append(out, hd_open_title(title, view->open, group->sample));
}

uint64_t hd_tree_view_least(const struct hd_tree_view *view, const struct hd_tree_least *least)
{
    uint64_t whole = view->tree.group[0].retained;
    return least->share > 0 ? (uint64_t)(least->share * (double)whole) : least->bytes;
}
