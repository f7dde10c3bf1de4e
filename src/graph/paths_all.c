/* See paths_all.h. */
#include "graph/paths_all.h"

#include "base/bits.h"
#include "graph/referrers.h"

#include <stdlib.h>

/* A referrer, and its edge to the node. */
struct candidate {
    uint64_t edge;
    uint64_t measure; /* of the path to it (graph/detours.h) */
    uint32_t from;
};

struct candidates {
    struct candidate *list;
    uint32_t count, capacity;
};

struct all {
    struct hd_detours detours;
    uint32_t node, limit;
    uint64_t *wanted;  /* set of those who refer to the node, less those that were found */
    uint64_t missing;  /* so many of them are in the region */
    struct candidates direct, detour;
    uint32_t passed;   /* so many of the direct ones are no worse than the detours that come now */
};

static bool is_over(const struct all *all)
{
    return all->detours.failed || all->detours.damaged;
}

static void add(struct all *all, struct candidates *to, struct candidate candidate)
{
    if (to->count == to->capacity) {
        uint32_t more = to->capacity ? to->capacity < UINT32_MAX / 2 ? 2 * to->capacity : UINT32_MAX : 64;
        struct candidate *larger = more > to->capacity ? realloc(to->list, more * sizeof *larger) : NULL;
        all->detours.failed |= !larger;
        if (!larger)
            return;
        to->list = larger;
        to->capacity = more;
    }
    to->list[to->count++] = candidate;
}

/* ---- referrers ---- */

/* The first edge from a referrer to the node; false: none counts. */
static bool find_edge(struct all *all, uint32_t from, uint64_t *edge)
{
    const struct hd_graph *graph = all->detours.source->graph;
    for (uint64_t e = graph->edge_start[from]; e < graph->edge_start[from + 1]; e++) {
        if (graph->edge_to[e] != all->node || !hd_detours_can_read_edges(&all->detours, e, 1) || !hd_detours_counts(&all->detours, e))
            continue;
        *edge = e;
        return true;
    }
    return false;
}

static void add_direct(struct all *all, uint32_t from)
{
    struct candidate candidate = {.from = from};
    hd_bits_remove(all->wanted, from);
    if (find_edge(all, from, &candidate.edge))
        add(all, &all->direct, candidate);
}

/* Those whose shortest path does not pass the node, nearest first. */
static void find_direct(struct all *all)
{
    const struct hd_paths *shortest = all->detours.source->shortest;
    if (!all->detours.weak)
        add_direct(all, shortest->parent[all->node]);
    for (uint32_t place = 0; place < shortest->reached && all->direct.count < all->limit && !is_over(all); place++) {
        uint32_t at = shortest->order[place];
        if (hd_bits_has(all->wanted, at) && !hd_bits_has(all->detours.region, at) && !hd_bits_has(all->detours.passed_by, at))
            add_direct(all, at);
    }
}

/* ---- detours ---- */

/* The place of the node in the order of the shortest paths; all that is below it comes behind. */
static uint32_t find_place(const struct hd_paths *shortest, uint32_t node)
{
    uint32_t place = 0;
    while (place < shortest->reached && shortest->order[place] != node)
        place++;
    return place;
}

/* What the tree of shortest paths has below the node: what the node dominates is passed by, the rest is where detours may lead. It is found by the places, which are near each other. */
static void look_below(struct all *all)
{
    const struct hd_paths_source *source = all->detours.source;
    const struct hd_paths *shortest = source->shortest;
    uint64_t *below = hd_bits_create(shortest->reached), *inside = all->detours.passed_by;
    uint32_t place = find_place(shortest, all->node);
    all->detours.failed |= !below;
    if (!below)
        return;
    if (place < shortest->reached)
        hd_bits_add(below, place);
    hd_bits_add(inside, all->node);
    for (place++; place < shortest->reached; place++) {
        if (!hd_bits_has(below, shortest->from[place]))
            continue;
        uint32_t at = shortest->order[place];
        hd_bits_add(below, place);
        if (source->dominator[at] != HD_NODE_NONE && hd_bits_has(inside, source->dominator[at]))
            hd_bits_add(inside, at);
        else
            hd_bits_add(all->detours.region, at);
    }
    free(below);
}

/* Whether more are wanted: not, if all that come first were found. */
static bool arrived(void *context, uint32_t node, uint64_t measure)
{
    struct all *all = context;
    struct candidate candidate = {.from = node, .measure = measure};
    if (node != HD_NODE_NONE && !hd_bits_has(all->wanted, node))
        return true;
    if (node != HD_NODE_NONE) {
        all->missing--;
        if (find_edge(all, node, &candidate.edge))
            add(all, &all->detour, candidate);
    }
    while (all->passed < all->direct.count && all->direct.list[all->passed].measure <= measure)
        all->passed++;
    return all->missing > 0 && (uint64_t)all->passed + all->detour.count < all->limit;
}

static void find_detours(struct all *all)
{
    const size_t words = hd_bits_words(all->detours.source->graph->node_count);
    for (size_t i = 0; i < words; i++)
        all->missing += (unsigned)__builtin_popcountll(all->wanted[i] &= all->detours.region[i]);
    if (all->missing == 0)
        return;
    hd_detours_enter(&all->detours);
    for (uint32_t i = all->detours.weak ? 0 : 1; i < all->direct.count && !is_over(all); i++)
        all->direct.list[i].measure = hd_detours_measure(&all->detours, all->direct.list[i].from); /* the first one comes first, however it is */
    if (!is_over(all))
        hd_detours_search(&all->detours, arrived, all);
}

/* ---- the paths ---- */

static void make_path(struct all *all, const struct candidate *candidate, struct hd_path *path)
{
    struct hd_detours *detours = &all->detours;
    const uint32_t most = detours->source->graph->node_count;
    struct hd_path_step step = {candidate->edge, all->node};
    uint32_t parent, length = 1;
    for (uint32_t at = candidate->from; at != HD_NODE_ROOT && !detours->damaged; at = parent) {
        uint64_t edge;
        detours->damaged |= !hd_detours_step_back(detours, at, &parent, &edge) || length++ >= most;
    }
    path->step = detours->damaged ? NULL : malloc(length * sizeof *path->step);
    detours->failed |= !path->step;
    if (!path->step)
        return;
    path->length = length;
    path->step[--length] = step;
    for (uint32_t at = candidate->from; length > 0; at = parent) { /* the same way again */
        step.node = at;
        hd_detours_step_back(detours, at, &parent, &step.edge);
        path->step[--length] = step;
    }
}

/* Direct ones and detours, each in their order, the better one first. */
static void make_paths(struct all *all, struct hd_path **list, uint32_t *count)
{
    uint64_t found = (uint64_t)all->direct.count + all->detour.count;
    uint32_t most = found < all->limit ? (uint32_t)found : all->limit;
    *list = calloc(most ? most : 1, sizeof **list);
    all->detours.failed |= !*list;
    for (uint32_t i = 0, k = 0; !is_over(all) && *count < most; ++*count) {
        const struct candidate *direct = i < all->direct.count ? &all->direct.list[i] : NULL;
        const struct candidate *detour = k < all->detour.count ? &all->detour.list[k] : NULL;
        bool first = direct && (!detour || direct->measure <= detour->measure);
        make_path(all, first ? direct : detour, &(*list)[*count]);
        i += first;
        k += !first;
    }
}

static void find_all(struct all *all, struct hd_path **list, uint32_t *count)
{
    const struct hd_graph *graph = all->detours.source->graph;
    all->wanted = hd_bits_create(graph->node_count);
    all->detours.failed |= !all->wanted;
    if (is_over(all))
        return;
    hd_referrers_of(graph, all->node, all->wanted);
    hd_bits_remove(all->wanted, all->node);
    if (all->detours.weak)
        hd_detours_fill_unreached(&all->detours, all->node);
    else
        look_below(all);
    if (!is_over(all))
        find_direct(all);
    if (!is_over(all))
        find_detours(all);
    if (!is_over(all))
        make_paths(all, list, count);
}

bool hd_paths_all(const struct hd_paths_source *source, uint32_t node, bool weak, uint32_t limit, struct hd_path **list, uint32_t *count,
                  struct hd_error *err)
{
    struct all all = {.node = node, .limit = limit};
    *list = NULL;
    *count = 0;
    if (node == HD_NODE_ROOT || limit == 0)
        return true;
    bool there = hd_detours_init(&all.detours, source, false) && hd_detours_can_read(&all.detours, node);
    bool reached = there && source->shortest->parent[node] != HD_NODE_NONE;
    all.detours.weak = !reached && weak;
    if (there && (reached || weak))
        find_all(&all, list, count);
    bool fine = hd_detours_fine(&all.detours, err);
    hd_detours_deinit(&all.detours);
    free(all.wanted);
    free(all.direct.list);
    free(all.detour.list);
    if (fine)
        return true;
    hd_paths_free(*list, *count);
    *list = NULL;
    *count = 0;
    return false;
}
