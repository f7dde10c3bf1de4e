/*
 * See exact.h.
 *
 * A group is in a node's set if every path from the root to the node passes one of its members. So the set is what those of all referrers,
 * each with the referrer's own groups added, have in common: the greatest solution, so all begin as "any" and only shrink. A node whose
 * set has shrunk waits in a queue to tell those that it refers to. What they are told by their immediate dominator is all they will be told
 * while that stays as it is, and those of whom nothing more can be said shrink no more: these go first. The others wait
 * behind, where more of their referrers come before them.
 */
#include "graph/exact.h"

#include "base/progress.h"
#include "graph/group_sets.h"
#include "graph/storage.h"

#include <stdlib.h>
#include <string.h>

#define UNREACHED 0x7fffffffu
#define QUEUED 0x80000000u
enum { AHEAD = 12, TELL_NODES = 65536, EDGES_AHEAD = 8,
       FIRST = 1 << 20, WORTH_IT = 8 /* times what is in the graph */ };

struct work {
    const struct hd_graph *graph;
    const uint32_t *dominator;
    struct hd_exact_groups *ways[HD_EXACT_WAYS];
    unsigned way_count;
    struct hd_group_sets sets;
    uint32_t *before; /* [node_count] set of the groups that every path passes before it reaches the node; QUEUED */
    uint32_t *queue;  /* [capacity] a ring; each node is in it once at most */
    uint32_t capacity, head, length;
    uint64_t looked_at, most; /* edges and nodes; at most so many, with what sets take */
};

/* The set with the node's own groups in it. */
static uint32_t with_own(struct work *w, uint32_t set, uint32_t node)
{
    for (uint32_t way = 0, first = 0; way < w->way_count; first += w->ways[way++]->count) {
        uint32_t number = w->ways[way]->number[node];
        if (number < w->ways[way]->count && set != HD_GROUP_SETS_FAILED)
            set = hd_group_sets_with(&w->sets, set, first + number);
    }
    return set;
}

static uint32_t queued(const struct work *w, uint32_t ahead)
{
    uint64_t at = (uint64_t)w->head + ahead;
    return w->queue[at < w->capacity ? at : at - w->capacity];
}

static void fetch_target(const struct work *w, uint32_t node)
{
    __builtin_prefetch(&w->before[node], 1);
    __builtin_prefetch(&w->dominator[node]);
}

/* Has what is read soon on its way from memory: in this order the columns are read here and there. */
static void fetch(const struct work *w)
{
    const struct hd_graph *graph = w->graph;
    if (w->length > 3 * AHEAD) {
        uint32_t node = queued(w, 3 * AHEAD);
        __builtin_prefetch(&graph->edge_start[node]);
        for (unsigned way = 0; way < w->way_count; way++)
            __builtin_prefetch(&w->ways[way]->number[node]);
    }
    if (w->length > 2 * AHEAD) {
        uint64_t edge = graph->edge_start[queued(w, 2 * AHEAD)];
        __builtin_prefetch(&graph->edge_to[edge]);
        __builtin_prefetch(&graph->edge_name[edge]);
    }
    if (w->length > AHEAD) {
        uint32_t node = queued(w, AHEAD);
        uint64_t edge = graph->edge_start[node], end = graph->edge_start[node + 1];
        for (unsigned i = 0; i < EDGES_AHEAD && edge < end; i++, edge++)
            fetch_target(w, graph->edge_to[edge]);
    }
}

static void push_first(struct work *w, uint32_t node)
{
    w->head = (w->head ? w->head : w->capacity) - 1;
    w->length++;
    w->queue[w->head] = node;
}

static void push_last(struct work *w, uint32_t node)
{
    uint64_t at = (uint64_t)w->head + w->length++;
    w->queue[at < w->capacity ? at : at - w->capacity] = node;
}

/* The edges of the node at the head of the queue. False: no room for a set. */
static bool expand(struct work *w)
{
    const struct hd_graph *graph = w->graph;
    uint32_t node = queued(w, 0);
    w->head = w->head + 1 < w->capacity ? w->head + 1 : 0;
    w->length--;
    w->before[node] &= ~QUEUED;
    uint32_t set = with_own(w, w->before[node], node);
    uint64_t end = graph->edge_start[node + 1];
    w->looked_at += end - graph->edge_start[node] + 1;
    if (set == HD_GROUP_SETS_FAILED)
        return false;
    for (uint64_t e = graph->edge_start[node]; e < end; e++) {
        if (e + EDGES_AHEAD < end)
            fetch_target(w, graph->edge_to[e + EDGES_AHEAD]);
        if (graph->edge_name[e] & HD_NAME_WEAK)
            continue;
        uint32_t to = graph->edge_to[e], was = w->before[to] & ~QUEUED;
        if (was == set || was == HD_GROUP_SETS_EMPTY)
            continue;
        uint32_t now = was == UNREACHED ? set : hd_group_sets_both(&w->sets, was, set);
        if (now == HD_GROUP_SETS_FAILED)
            return false;
        if (now == was)
            continue;
        if (!(w->before[to] & QUEUED))
            (now == HD_GROUP_SETS_EMPTY || w->dominator[to] == node ? push_first : push_last)(w, to);
        w->before[to] = now | QUEUED;
    }
    return true;
}

/* True when all is worked out; false and no error if it takes too long. */
static bool spread(struct work *w, struct hd_error *err)
{
    struct hd_progress *progress = hd_progress_watcher();
    for (uint32_t node = 0; node < w->graph->node_count; node++)
        w->before[node] = UNREACHED;
    w->before[HD_NODE_ROOT] = HD_GROUP_SETS_EMPTY | QUEUED;
    push_last(w, HD_NODE_ROOT);
    for (uint64_t step = 1; w->length > 0; step++) {
        if (step % TELL_NODES == 0 && !hd_progress_go_on(progress, TELL_NODES, err))
            return false;
        fetch(w);
        if (!expand(w) || w->looked_at + w->sets.work > w->most)
            return false;
    }
    return true;
}

/* What each set's objects take, and then each group's sets. */
static bool add_up(struct work *w, struct hd_error *err)
{
    const struct hd_graph *graph = w->graph;
    uint64_t *bytes = calloc(w->sets.count, sizeof *bytes);
    if (!bytes)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for what groups retain");
    uint32_t sets = w->sets.count;
    for (uint32_t node = 0; node < graph->node_count; node++) {
        uint32_t set = w->before[node] == UNREACHED ? HD_GROUP_SETS_EMPTY : with_own(w, w->before[node], node);
        if (set < sets) /* each was made when the node was looked at */
            bytes[set] += graph->node_size[node];
    }
    for (uint32_t way = 0, first = 0; way < w->way_count; first += w->ways[way++]->count) {
        memset(w->ways[way]->retained, 0, (size_t)w->ways[way]->count * sizeof *w->ways[way]->retained);
        for (uint32_t set = 0; set < sets; set++)
            for (uint32_t i = 0; i < w->sets.set[set].length; i++) {
                uint32_t group = w->sets.element[w->sets.set[set].start + i];
                if (group >= first && group - first < w->ways[way]->count)
                    w->ways[way]->retained[group - first] += bytes[set];
            }
    }
    free(bytes);
    return true;
}

/* True if each way from the root begins with a member of the only group there is: then that retains everything but the root, or that, too. */
static bool is_everything(const struct hd_graph *graph, const struct hd_exact_groups *way)
{
    bool all = way->count == 1;
    for (uint64_t e = graph->edge_start[HD_NODE_ROOT]; all && e < graph->edge_start[HD_NODE_ROOT + 1]; e++)
        all = way->number[graph->edge_to[e]] == 0 || graph->edge_name[e] & HD_NAME_WEAK || graph->edge_to[e] == HD_NODE_ROOT;
    return all;
}

/* Those that are together in it; each is known then, unless they are too tangled. */
static bool work_through(struct work *w, struct hd_error *err)
{
    w->before = hd_storage_scratch(w->graph->node_count, sizeof *w->before);
    w->queue = hd_storage_scratch(w->capacity, sizeof *w->queue);
    w->most = WORTH_IT * (w->graph->edge_count + w->graph->node_count) + FIRST;
    w->head = w->length = 0;
    w->looked_at = 0;
    bool there = hd_group_sets_init(&w->sets) && w->before && w->queue;
    bool done = there && spread(w, err) && add_up(w, err);
    if (!there)
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory for what groups retain");
    for (unsigned way = 0; way < w->way_count; way++)
        w->ways[way]->known = done;
    hd_group_sets_deinit(&w->sets);
    free(w->queue);
    free(w->before);
    return done || err->code == HD_OK;
}

/* Together they may be too tangled where each alone is not. */
static bool work_through_each(const struct work *all, struct hd_error *err)
{
    for (unsigned way = 0; way < all->way_count; way++) {
        struct work w = *all;
        w.ways[0] = all->ways[way];
        w.way_count = 1;
        if (!work_through(&w, err))
            return false;
    }
    return true;
}

bool hd_exact_retained(const struct hd_dominators *dominators, const struct hd_graph *graph, struct hd_exact_groups *ways,
                       unsigned way_count, struct hd_error *err)
{
    struct work w = {.graph = graph, .dominator = dominators->parent, .capacity = graph->node_count};
    err->code = HD_OK;
    for (unsigned i = 0; i < way_count; i++) {
        struct hd_exact_groups *way = &ways[i];
        way->known = is_everything(graph, way);
        if (way->known)
            way->retained[0] = dominators->reachable_size - (way->number[HD_NODE_ROOT] ? graph->node_size[HD_NODE_ROOT] : 0);
        else
            w.ways[w.way_count++] = way;
    }
    if (w.way_count == 0)
        return true;
    return work_through(&w, err) && (w.way_count == 1 || w.ways[0]->known || work_through_each(&w, err));
}
