/* See best_names.h. */
#include "graph/best_names.h"

#include "dump/json_reader.h"

#include <stdlib.h>
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

/* Where a step leads, and the edge it goes by. */
struct end {
    uint32_t to;
    uint64_t *edge;
};

static int by_node(const void *left, const void *right)
{
    uint32_t a = ((const struct end *)left)->to, b = ((const struct end *)right)->to;
    return a < b ? -1 : a > b;
}

/* The first of those, which are in order, that lead there; `count`: none does. */
static size_t find_to(const struct end *end, size_t count, uint32_t to)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (end[middle].to < to)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* All steps that leave a node. */
static void name_ends(const struct hd_graph *graph, uint32_t from, struct end *end, size_t count)
{
    qsort(end, count, sizeof *end, by_node);
    for (uint64_t edge = graph->edge_start[from]; edge < graph->edge_start[from + 1]; edge++)
        for (size_t i = find_to(end, count, graph->edge_to[edge]); i < count && end[i].to == graph->edge_to[edge]; i++)
            if (hd_best_names_better(graph, edge, *end[i].edge))
                *end[i].edge = edge;
}

/* Steps of paths by what they leave. */
struct leaving {
    size_t *last;     /* [node_count] the last of its steps + 1; 0: it has none */
    size_t *previous; /* by step: the one before that leaves the same node + 1; 0: there is none */
    struct end *end;  /* by step */
    struct end *some; /* room for those of one node */
};

static void name_all(const struct hd_graph *graph, const struct leaving *leaving, const struct hd_path *list, uint32_t count)
{
    size_t number = 0;
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < list[i].length; k++, number++) {
            uint32_t from = k ? list[i].step[k - 1].node : HD_NODE_ROOT;
            leaving->end[number] = (struct end){list[i].step[k].node, &list[i].step[k].edge};
            leaving->previous[number] = leaving->last[from];
            leaving->last[from] = number + 1;
        }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = 0; k < list[i].length; k++) {
            uint32_t from = k ? list[i].step[k - 1].node : HD_NODE_ROOT;
            size_t ends = 0;
            for (size_t at = leaving->last[from]; at; at = leaving->previous[at - 1])
                leaving->some[ends++] = leaving->end[at - 1];
            leaving->last[from] = 0;
            if (ends)
                name_ends(graph, from, leaving->some, ends);
        }
}

bool hd_best_names_along(const struct hd_graph *graph, struct hd_path *list, uint32_t count, struct hd_error *err)
{
    size_t steps = 1;
    for (uint32_t i = 0; i < count; i++)
        steps += list[i].length;
    struct leaving leaving = {calloc(graph->node_count, sizeof *leaving.last), malloc(steps * sizeof *leaving.previous),
                              malloc(steps * sizeof *leaving.end), malloc(steps * sizeof *leaving.some)};
    bool fine = leaving.last && leaving.previous && leaving.end && leaving.some;
    if (fine)
        name_all(graph, &leaving, list, count);
    free(leaving.last);
    free(leaving.previous);
    free(leaving.end);
    free(leaving.some);
    return fine || hd_error_set(err, HD_ERROR_MEMORY, "out of memory while looking for names of paths");
}
