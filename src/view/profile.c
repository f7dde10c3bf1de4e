/* See profile.h. */
#include "view/profile.h"

#include "view/json.h"
#include "view/path.h"

#include <stdlib.h>

enum { DOMINATORS_MAX = 50, CLASSES_MAX = 20, QUEUE_MIN = 1024 };

static void node_json(FILE *file, const struct hd_open *open, uint32_t node)
{
    fputs("{", file);
    hd_open_json_node(file, open, node);
    fputs("}", file);
}

/* --- what it retains --- */

struct queue {
    uint32_t *node;
    size_t count, capacity;
};

static bool push(struct queue *queue, uint32_t node)
{
    if (queue->count == queue->capacity) {
        size_t capacity = queue->capacity ? 2 * queue->capacity : QUEUE_MIN;
        uint32_t *grown = realloc(queue->node, capacity * sizeof *grown);
        if (!grown)
            return false;
        queue->node = grown;
        queue->capacity = capacity;
    }
    queue->node[queue->count++] = node;
    return true;
}

struct share {
    uint32_t class;
    uint64_t count, size;
};

/* All that the node dominates, itself included, by class. */
static bool shares_count(const struct hd_open *open, const struct hd_groups *classes, uint32_t from, struct share *share)
{
    const struct hd_dominators *dominators = &open->dominators;
    struct queue queue = {0};
    bool ok = push(&queue, from);
    while (ok && queue.count > 0) {
        uint32_t node = queue.node[--queue.count];
        if (node != HD_NODE_ROOT) {
            share[classes->number[node]].count++;
            share[classes->number[node]].size += open->graph.node_size[node];
        }
        for (uint32_t i = dominators->child_start[node]; ok && i < dominators->child_start[node + 1]; i++)
            ok = push(&queue, dominators->child[i]);
    }
    free(queue.node);
    return ok;
}

static int bigger_first(const void *left, const void *right)
{
    const struct share *a = left, *b = right;
    if (a->size != b->size)
        return a->size < b->size ? 1 : -1;
    if (a->count != b->count)
        return a->count < b->count ? 1 : -1;
    return (a->class > b->class) - (a->class < b->class);
}

static void shares_json(FILE *file, const struct hd_groups *classes, const struct share *share)
{
    uint64_t objects = 0, rest_objects = 0, rest_bytes = 0;
    uint32_t shown = 0, rest = 0;
    for (uint32_t i = 0; i < classes->count && share[i].count; i++)
        objects += share[i].count;
    fprintf(file, ",\"retains\":{\"objects\":%llu,\"classes\":[", (unsigned long long)objects);
    for (uint32_t i = 0; i < classes->count && share[i].count; i++) {
        if (shown == CLASSES_MAX) {
            rest++;
            rest_objects += share[i].count;
            rest_bytes += share[i].size;
            continue;
        }
        fputs(shown++ ? ",{\"class\":" : "{\"class\":", file);
        hd_json_text(file, classes->name[share[i].class]);
        fprintf(file, ",\"count\":%llu,\"size\":%llu}", (unsigned long long)share[i].count,
                (unsigned long long)share[i].size);
    }
    fprintf(file, "],\"rest\":{\"classes\":%u,\"objects\":%llu,\"bytes\":%llu}}", rest, (unsigned long long)rest_objects,
            (unsigned long long)rest_bytes);
}

bool hd_profile_json_retains(FILE *file, struct hd_open *open, uint32_t node, struct hd_error *err)
{
    const struct hd_groups *classes = hd_derived_classes(open->derived, err);
    struct share *share = classes ? calloc((size_t)classes->count + 1, sizeof *share) : NULL;
    for (uint32_t i = 0; share && i < classes->count; i++)
        share[i].class = i;
    bool ok = share && shares_count(open, classes, node, share);
    if (ok) {
        qsort(share, classes->count, sizeof *share, bigger_first);
        shares_json(file, classes, share);
    }
    free(share);
    return ok || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

/* --- what is above it --- */

static void dominators_json(FILE *file, const struct hd_open *open, uint32_t node)
{
    const uint32_t *parent = open->dominators.parent;
    uint32_t chain[DOMINATORS_MAX], count = 0;
    for (uint32_t at = parent[node]; at != HD_NODE_NONE && at != HD_NODE_ROOT && count < DOMINATORS_MAX; at = parent[at])
        chain[count++] = at;
    fputs(",\"dominators\":[", file);
    if (parent[node] != HD_NODE_NONE)
        fputs("{\"root\":true}", file);
    while (count-- > 0) {
        fputs(",", file);
        node_json(file, open, chain[count]);
    }
    fputs("]", file);
}

static bool path_json(FILE *file, struct hd_open *open, uint32_t node, uint32_t steps, struct hd_error *err)
{
    struct hd_path *list = NULL, none = {0};
    uint32_t count = 0;
    /* by weak references alone: a search over all of them, which who wants it asks /api/path for */
    if (!hd_view_path_find(open, &node, true, 1, &list, &count, err))
        return false;
    fputs(",\"path\":", file);
    hd_view_path_json_steps(file, open, count ? list : &none, steps);
    hd_paths_free(list, count);
    return true;
}

/* --- all of it --- */

void hd_profile_json_referrers(FILE *file, const struct hd_view_object *view, uint64_t offset, uint64_t limit)
{
    const struct hd_graph *graph = &view->open->graph;
    fprintf(file, "\"total\":%llu,\"offset\":%llu,\"rows\":[", (unsigned long long)view->referrer_count,
            (unsigned long long)offset);
    for (uint64_t i = offset; i < view->referrer_count && i - offset < limit; i++) {
        uint32_t name = graph->edge_name[view->referrers[i].edge];
        fputs(i > offset ? ",{\"name\":" : "{\"name\":", file);
        hd_json_text(file, hd_graph_name(graph, name));
        fputs(",\"object\":", file);
        node_json(file, view->open, view->referrers[i].from);
        fprintf(file, ",\"weak\":%s}", name & HD_NAME_WEAK ? "true" : "false");
    }
    fputs("]", file);
}

static void facts_json(FILE *file, const struct hd_open *open, uint32_t node, uint32_t group)
{
    const struct hd_graph *graph = &open->graph;
    const struct hd_dominators *dominators = &open->dominators;
    uint8_t flags = graph->node_flags[node];
    bool reachable = dominators->parent[node] != HD_NODE_NONE;
    double share = dominators->reachable_size ? (double)dominators->retained[node] / (double)dominators->reachable_size : 0;
    fprintf(file, ",\"reachable\":%s,\"garbage\":%s,\"frozen\":%s,\"share\":%.6f,\"group\":", reachable ? "true" : "false",
            flags & HD_NODE_GARBAGE ? "true" : "false", flags & HD_NODE_FROZEN ? "true" : "false", share);
    fprintf(file, group == HD_NODE_NONE ? "null" : "%u", group);
    fputs(",\"class_object\":", file);
    uint32_t class = graph->node_class[node];
    if (class < graph->node_count)
        node_json(file, open, class);
    else
        fputs("null", file);
}

bool hd_profile_json(FILE *file, struct hd_open *open, const struct hd_view_object *view,
                     const struct hd_profile_request *request, struct hd_error *err)
{
    fputs("{", file);
    hd_open_json_head(file, open);
    fputs(",", file);
    hd_open_json_node(file, open, view->node);
    facts_json(file, open, view->node, request->group);
    dominators_json(file, open, view->node);
    hd_profile_json_line(file, view, request);
    fputs(",\"referrers\":{", file);
    hd_profile_json_referrers(file, view, 0, request->limit);
    fputs("}", file);
    if (!hd_profile_json_retains(file, open, view->node, err) || !path_json(file, open, view->node, request->steps, err))
        return false;
    fputs("}\n", file);
    return true;
}
