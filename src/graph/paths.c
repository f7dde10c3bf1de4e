/* Breadth-first search from the root and single paths read off its tree; merging is in paths_merge.c. See paths.h. */
#include "graph/paths.h"

#include "dump/json_reader.h"
#include "graph/referrers.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory while looking for paths");
}

static bool is(struct hd_graph_text text, const char *word)
{
    return text.length == strlen(word) && !memcmp(text.data, word, text.length);
}

/* Instruction sequences, methods and their caches. */
static bool is_code(const struct hd_graph *graph, uint32_t node)
{
    static const char *const labels[] = {"iseq", "ment", "callcache", "constcache", "cref"};
    if (graph->node_type[node] != HD_BT_T_IMEMO)
        return false;
    struct hd_graph_text label = hd_graph_name(graph, graph->node_label[node]);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (is(label, labels[i]))
            return true;
    return false;
}

/* What a C function's stack or variables seem to hold: true, but it says nothing. */
static bool is_anonymous_root(const struct hd_graph *graph, uint64_t edge)
{
    static const char *const roots[] = {"stack_and_registers", "machine_context", "static_data"};
    struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (name.length >= strlen(roots[i]) && !memcmp(name.data, roots[i], strlen(roots[i])))
            return true;
    return false;
}

static void visit(struct hd_paths *paths, uint32_t node, uint64_t e, bool weak)
{
    const struct hd_graph *graph = paths->graph;
    uint32_t to = graph->edge_to[e];
    if ((graph->edge_name[e] & HD_NAME_WEAK && !weak) || paths->parent[to] != HD_NODE_NONE || to == HD_NODE_ROOT)
        return;
    paths->parent[to] = node;
    paths->edge[to] = e;
    paths->order[paths->reached++] = to;
}

static void expand_root(struct hd_paths *paths, bool weak, bool anonymous)
{
    const struct hd_graph *graph = paths->graph;
    for (uint64_t e = graph->edge_start[HD_NODE_ROOT]; e < graph->edge_start[HD_NODE_ROOT + 1]; e++)
        if (is_anonymous_root(graph, e) == anonymous)
            visit(paths, HD_NODE_ROOT, e, weak);
}

static void expand(struct hd_paths *paths, uint32_t node, bool weak)
{
    const struct hd_graph *graph = paths->graph;
    for (uint64_t e = graph->edge_start[node]; e < graph->edge_start[node + 1]; e++)
        visit(paths, node, e, weak);
}

/* Breadth first, in three rounds: without anonymous roots and not through code; then with these roots; then through code. */
static void search(struct hd_paths *paths, bool weak, uint32_t avoid)
{
    const struct hd_graph *graph = paths->graph;
    memset(paths->parent, 0xff, (size_t)graph->node_count * sizeof *paths->parent);
    paths->order[0] = HD_NODE_ROOT;
    paths->reached = 1;
    if (avoid == HD_NODE_ROOT)
        return;
    expand_root(paths, weak, false);
    bool all_roots = false;
    for (uint32_t i = 1, code = 1; i < paths->reached || code < paths->reached || !all_roots;) {
        if (i < paths->reached) {
            uint32_t node = paths->order[i++];
            if (node != avoid && !is_code(graph, node))
                expand(paths, node, weak);
        } else if (!all_roots) {
            expand_root(paths, weak, true);
            all_roots = true;
        } else {
            uint32_t node = paths->order[code++];
            if (node != avoid && is_code(graph, node))
                expand(paths, node, weak);
        }
    }
}

bool hd_paths_create(struct hd_paths *paths, const struct hd_graph *graph, bool weak, uint32_t avoid, struct hd_error *err)
{
    size_t count = graph->node_count;
    memset(paths, 0, sizeof *paths);
    if (count == 0)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "a graph without a root has no paths");
    paths->graph = graph;
    paths->parent = malloc(count * sizeof *paths->parent);
    paths->edge = malloc(count * sizeof *paths->edge);
    paths->order = malloc(count * sizeof *paths->order);
    if (!paths->parent || !paths->edge || !paths->order) {
        hd_paths_destroy(paths);
        return no_memory(err);
    }
    search(paths, weak, avoid);
    return true;
}

void hd_paths_destroy(struct hd_paths *paths)
{
    free(paths->parent);
    free(paths->edge);
    free(paths->order);
    memset(paths, 0, sizeof *paths);
}

static uint32_t distance(const struct hd_paths *paths, uint32_t node)
{
    uint32_t length = 0;
    for (; paths->parent[node] != HD_NODE_NONE; node = paths->parent[node])
        length++;
    return length;
}

/* The path to a node, with room for `more` steps behind it. */
static bool path_to(const struct hd_paths *paths, uint32_t node, uint32_t more, struct hd_path *path, struct hd_error *err)
{
    path->length = distance(paths, node);
    path->step = malloc(((size_t)path->length + more + 1) * sizeof *path->step);
    if (!path->step) {
        path->length = 0;
        return no_memory(err);
    }
    for (uint32_t i = path->length; i-- > 0; node = paths->parent[node])
        path->step[i] = (struct hd_path_step){paths->edge[node], node};
    return true;
}

bool hd_paths_to(const struct hd_paths *paths, uint32_t node, struct hd_path *path, struct hd_error *err)
{
    return path_to(paths, node, 0, path, err);
}

struct candidate {
    uint64_t edge;
    uint32_t from, place; /* place: in the search's order, so by distance */
};

static int by_place(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return a->edge < b->edge ? -1 : a->edge > b->edge;
}

/* The referrers that can be reached without the node itself, each once, nearest first. `list` is sorted by referrer. */
static uint32_t candidates(const struct hd_paths *paths, uint32_t node, bool weak, struct hd_referrer *list, uint64_t count,
                           struct candidate *out, uint32_t *place)
{
    const struct hd_graph *graph = paths->graph;
    for (uint32_t i = 0; i < paths->reached; i++)
        place[paths->order[i]] = i;
    uint32_t length = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t from = list[i].from;
        bool reached = from == HD_NODE_ROOT || paths->parent[from] != HD_NODE_NONE;
        bool counts = weak || !(graph->edge_name[list[i].edge] & HD_NAME_WEAK);
        if (reached && counts && from != node && (length == 0 || out[length - 1].from != from))
            out[length++] = (struct candidate){list[i].edge, from, place[from]};
    }
    qsort(out, length, sizeof *out, by_place);
    return length;
}

static bool paths_by(const struct hd_paths *paths, uint32_t node, const struct candidate *candidate, uint32_t limit,
                     struct hd_path *list, uint32_t *count, struct hd_error *err)
{
    for (*count = 0; *count < limit; ++*count) {
        struct hd_path *path = &list[*count];
        if (!path_to(paths, candidate[*count].from, 1, path, err))
            return false;
        path->step[path->length++] = (struct hd_path_step){candidate[*count].edge, node};
    }
    return true;
}

bool hd_paths_all(const struct hd_graph *graph, uint32_t node, bool weak, uint32_t limit, struct hd_path **list,
                  uint32_t *count, struct hd_error *err)
{
    struct hd_paths paths;
    struct hd_referrer *referrer = NULL;
    uint64_t referrers = 0;
    *list = NULL;
    *count = 0;
    if (!hd_paths_create(&paths, graph, weak, node, err))
        return false;
    bool fine = hd_referrers_find(graph, node, &referrer, &referrers, err);
    struct candidate *candidate = NULL;
    if (fine && node != HD_NODE_ROOT && referrers > 0) {
        candidate = malloc(referrers * sizeof *candidate);
        uint32_t *place = malloc((size_t)graph->node_count * sizeof *place);
        uint32_t found = candidate && place ? candidates(&paths, node, weak, referrer, referrers, candidate, place) : 0;
        free(place);
        if (found > limit)
            found = limit;
        *list = calloc(found ? found : 1, sizeof **list);
        fine = candidate && place && *list ? paths_by(&paths, node, candidate, found, *list, count, err) : no_memory(err);
    }
    free(candidate);
    free(referrer);
    hd_paths_destroy(&paths);
    if (!fine) {
        hd_paths_free(*list, *count);
        *list = NULL;
        *count = 0;
    }
    return fine;
}

void hd_paths_free(struct hd_path *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(list[i].step);
    free(list);
}
