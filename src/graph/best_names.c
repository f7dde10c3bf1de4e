/* See best_names.h. */
#include "graph/best_names.h"

#include "dump/json_reader.h"

#include <string.h>

/* The constant that a class is called after (`consts.HTTP` of Net::HTTP), and no other that has it, too. */
static bool is_own_constant(const struct hd_graph *graph, uint64_t edge, struct hd_graph_text name)
{
    static const char constants[] = "consts.";
    const size_t before = sizeof constants - 1;
    uint32_t node = graph->edge_to[edge];
    if (name.length <= before || memcmp(name.data, constants, before)
        || (graph->node_type[node] != HD_BT_T_CLASS && graph->node_type[node] != HD_BT_T_MODULE))
        return false;
    struct hd_graph_text label = hd_graph_name(graph, graph->node_label[node]);
    size_t own = name.length - before;
    return label.data && label.length >= own && !memcmp(label.data + label.length - own, name.data + before, own)
           && (label.length == own || label.data[label.length - own - 1] == ':');
}

/* A member of something (`ivs.@orders`) says more than a category (`vm`); what no field has named says least. */
static int rank(const struct hd_graph *graph, uint64_t edge)
{
    struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
    if (!name.data || name.length == 0 || (name.length >= 3 && !memcmp(name.data, "ref", 3))
        || (name.length >= 8 && !memcmp(name.data, "inferred", 8)))
        return 0;
    return is_own_constant(graph, edge, name) ? 3 : memchr(name.data, '.', name.length) ? 2 : 1;
}

bool hd_best_names_better(const struct hd_graph *graph, uint64_t edge, uint64_t than)
{
    bool weak = graph->edge_name[edge] & HD_NAME_WEAK, was_weak = graph->edge_name[than] & HD_NAME_WEAK;
    if (weak != was_weak)
        return was_weak;
    return rank(graph, edge) > rank(graph, than);
}

bool hd_best_names_is_entry(const struct hd_graph *graph, uint32_t from, uint64_t edge)
{
    if (graph->node_type[from] != HD_BT_T_HASH || graph->edge_start[from + 1] - graph->edge_start[from] <= HD_BEST_NAMES_SMALL)
        return false;
    struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
    return name.length > 4 && !memcmp(name.data, "val.", 4);
}

void hd_best_names_from_root(struct hd_paths *paths)
{
    const struct hd_graph *graph = paths->graph;
    for (uint64_t edge = graph->edge_start[HD_NODE_ROOT]; edge < graph->edge_start[HD_NODE_ROOT + 1]; edge++) {
        uint32_t node = graph->edge_to[edge];
        if (paths->parent[node] == HD_NODE_ROOT && hd_best_names_better(graph, edge, paths->edge[node]))
            paths->edge[node] = edge;
    }
}

void hd_best_names_along(const struct hd_graph *graph, struct hd_path *path)
{
    uint32_t from = HD_NODE_ROOT;
    for (uint32_t i = 0; i < path->length; i++) {
        struct hd_path_step *step = &path->step[i];
        for (uint64_t edge = graph->edge_start[from]; edge < graph->edge_start[from + 1]; edge++)
            if (graph->edge_to[edge] == step->node && hd_best_names_better(graph, edge, step->edge))
                step->edge = edge;
        from = step->node;
    }
}
