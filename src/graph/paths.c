/* Breadth-first search from the root and single paths read off its tree; merging is in paths_merge.c. See paths.h. */
#include "graph/paths.h"

#include "graph/path_kinds.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory while looking for paths");
}

struct search {
    struct hd_paths *paths;
    struct hd_path_kinds kinds;
    uint8_t *left; /* by place: whether its dull edges may lead on, so that it is worth a second look */
};

/* `place` is where the node that the edge leaves stands in the order. */
static void visit(const struct search *search, uint32_t place, uint64_t e)
{
    struct hd_paths *paths = search->paths;
    const struct hd_graph *graph = paths->graph;
    uint32_t to = graph->edge_to[e];
    if (graph->edge_name[e] & HD_NAME_WEAK || paths->parent[to] != HD_NODE_NONE || to == HD_NODE_ROOT)
        return;
    paths->parent[to] = paths->order[place];
    paths->edge[to] = e;
    paths->from[paths->reached] = place;
    paths->order[paths->reached++] = to;
}

static void expand_root(const struct search *search, bool anonymous)
{
    const struct hd_graph *graph = search->paths->graph;
    for (uint64_t e = graph->edge_start[HD_NODE_ROOT]; e < graph->edge_start[HD_NODE_ROOT + 1]; e++)
        if (hd_path_kinds_is_anonymous(graph, e) == anonymous)
            visit(search, 0, e);
}

static void expand(struct search *search, uint32_t place, bool dull)
{
    const struct hd_paths *paths = search->paths;
    const struct hd_graph *graph = paths->graph;
    uint32_t node = paths->order[place];
    bool hidden = hd_path_kinds_is_hidden(graph, node);
    if (hidden && !dull) {
        search->left[place] = true;
        return;
    }
    for (uint64_t e = graph->edge_start[node]; e < graph->edge_start[node + 1]; e++)
        if ((hidden || hd_path_kinds_is_dull(&search->kinds, e)) == dull)
            visit(search, place, e);
        else if (!dull && paths->parent[graph->edge_to[e]] == HD_NODE_NONE)
            search->left[place] = true;
}

/*
 * Breadth first, in rounds: by telling edges; by dull ones; from anonymous roots; through code. What a later round reaches goes on by
 * telling edges before anything else, so each node is looked at twice at most.
 */
static void rounds(struct search *search)
{
    struct hd_paths *paths = search->paths;
    const struct hd_graph *graph = paths->graph;
    bool all_roots = false;
    expand_root(search, false);
    for (uint32_t telling = 1, dull = 1, code = 1;;) {
        uint32_t *at = telling < paths->reached ? &telling : dull < paths->reached ? &dull : &code;
        if (at == &code && !all_roots) {
            expand_root(search, true);
            all_roots = true;
        } else if (*at == paths->reached) {
            return;
        } else {
            uint32_t place = (*at)++;
            if (at == &dull && !search->left[place])
                continue;
            bool is_last = hd_path_kinds_is_code(graph, paths->order[place]);
            if (is_last == (at == &code)) {
                expand(search, place, at == &dull);
                if (is_last)
                    expand(search, place, true);
            }
        }
    }
}

static bool search(struct hd_paths *paths)
{
    struct search search = {.paths = paths, .left = calloc(paths->graph->node_count, 1)};
    bool ok = search.left && hd_path_kinds_init(&search.kinds, paths->graph);
    if (ok)
        rounds(&search);
    hd_path_kinds_deinit(&search.kinds);
    free(search.left);
    return ok;
}

static bool create(struct hd_paths *paths, const struct hd_graph *graph, struct hd_error *err)
{
    size_t count = graph->node_count;
    memset(paths, 0, sizeof *paths);
    if (count == 0)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "a graph without a root has no paths");
    paths->graph = graph;
    paths->parent = malloc(count * sizeof *paths->parent);
    paths->edge = calloc(count, sizeof *paths->edge); /* 0 where there is none: it is saved as it is (graph/index.h) */
    paths->order = malloc(count * sizeof *paths->order);
    paths->from = malloc(count * sizeof *paths->from);
    if (!paths->parent || !paths->edge || !paths->order || !paths->from) {
        hd_paths_destroy(paths);
        return no_memory(err);
    }
    memset(paths->parent, 0xff, count * sizeof *paths->parent);
    paths->order[0] = HD_NODE_ROOT;
    paths->from[0] = 0;
    paths->reached = 1;
    return true;
}

bool hd_paths_create(struct hd_paths *paths, const struct hd_graph *graph, struct hd_error *err)
{
    if (!create(paths, graph, err))
        return false;
    if (search(paths))
        return true;
    hd_paths_destroy(paths);
    return no_memory(err);
}

bool hd_paths_of_tree(struct hd_paths *paths, const struct hd_graph *graph, const struct hd_path_tree *tree, struct hd_error *err)
{
    if (!create(paths, graph, err))
        return false;
    for (; paths->reached < tree->count; paths->reached++) {
        const struct hd_path_tree_step *step = &tree->step[paths->reached];
        paths->order[paths->reached] = step->node;
        paths->from[paths->reached] = step->from;
        paths->parent[step->node] = tree->step[step->from].node;
        paths->edge[step->node] = step->edge;
    }
    return true;
}

void hd_paths_destroy(struct hd_paths *paths)
{
    free(paths->parent);
    free(paths->edge);
    free(paths->order);
    free(paths->from);
    memset(paths, 0, sizeof *paths);
}

/* No path is longer than there are nodes: should an index hold a circle, there is an end to it all the same. */
static uint32_t distance(const struct hd_paths *paths, uint32_t node)
{
    uint32_t length = 0;
    for (; paths->parent[node] != HD_NODE_NONE && length < paths->reached; node = paths->parent[node])
        length++;
    return length;
}

bool hd_paths_to(const struct hd_paths *paths, uint32_t node, struct hd_path *path, struct hd_error *err)
{
    path->length = distance(paths, node);
    path->step = malloc(((size_t)path->length + 1) * sizeof *path->step);
    if (!path->step) {
        path->length = 0;
        return no_memory(err);
    }
    for (uint32_t i = path->length; i-- > 0; node = paths->parent[node])
        path->step[i] = (struct hd_path_step){paths->edge[node], node};
    return true;
}

void hd_paths_free(struct hd_path *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(list[i].step);
    free(list);
}
