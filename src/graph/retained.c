/*
 * Retained sizes of sets of nodes: by the dominator tree, or by tracing what is reached without them.
 *
 * Must not know how the tree was made. Nothing recurses: the tree may be as deep as it has nodes.
 */
#include "graph/retained.h"

#include "base/bits.h"
#include "base/crew.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Bytes reached from the root over strong edges without passing a member; `queue` has room for every node reached. */
static uint64_t reached_without(const struct hd_graph *graph, const uint8_t *member, uint64_t *seen, uint32_t *queue)
{
    if (member[HD_NODE_ROOT])
        return 0;
    uint64_t bytes = 0;
    uint32_t length = 0;
    queue[length++] = HD_NODE_ROOT;
    hd_bits_add(seen, HD_NODE_ROOT);
    while (length > 0) {
        uint32_t node = queue[--length];
        bytes += graph->node_size[node];
        for (uint64_t e = graph->edge_start[node]; e < graph->edge_start[node + 1]; e++) {
            uint32_t to = graph->edge_to[e];
            if (graph->edge_name[e] & HD_NAME_WEAK || member[to] || hd_bits_has(seen, to))
                continue;
            hd_bits_add(seen, to);
            queue[length++] = to;
        }
    }
    return bytes;
}

enum { PIECE = 1 << 16, AHEAD = 16 };

/* The same for all hands: whatever one has found out of a node, another would, too. */
struct climb {
    const struct hd_dominators *dominators;
    const uint64_t *member;
    uint64_t *inside, *outside; /* what is known of nodes that are no members: a member dominates them, or none does */
    _Atomic uint32_t next;
};

struct climber {
    struct climb *climb;
    uint64_t bytes;
};

/* Whether a node is a member, or one dominates it. Goes up to the first one that is known, then the same way again; should there be a circle, it ends after as many steps as there are nodes. */
static bool is_inside(struct climb *climb, uint32_t node)
{
    const uint32_t *parent = climb->dominators->parent;
    uint32_t at = node, steps = 0, most = climb->dominators->node_count;
    bool inside = false;
    for (; at != HD_NODE_NONE && steps < most && !hd_bits_has_shared(climb->outside, at); at = parent[at], steps++)
        if (hd_bits_has(climb->member, at) || hd_bits_has_shared(climb->inside, at)) {
            inside = true;
            break;
        }
    for (uint64_t *known = inside ? climb->inside : climb->outside; steps > 0; steps--, node = parent[node])
        hd_bits_add_shared(known, node);
    return inside;
}

static void climb_run(void *data)
{
    struct climber *climber = data;
    struct climb *climb = climber->climb;
    const struct hd_dominators *dominators = climb->dominators;
    uint32_t count = dominators->node_count, from;
    uint64_t bytes = 0; /* not in the hand, next to which the other's lies */
    while ((from = atomic_fetch_add(&climb->next, PIECE)) < count) {
        uint32_t to = count - from < PIECE ? count : from + PIECE;
        for (; from < to; from += HD_BITS_WORD)
            for (uint64_t word = climb->member[from / HD_BITS_WORD]; word;) {
                uint32_t node = from + hd_bits_take(&word);
                if (!is_inside(climb, dominators->parent[node]))
                    bytes += dominators->retained[node];
            }
    }
    climber->bytes = bytes;
}

uint64_t hd_dominators_retained_by_topmost(const struct hd_dominators *dominators, const uint64_t *member, struct hd_error *err)
{
    struct climb climb = {.dominators = dominators, .member = member, .inside = hd_bits_create(dominators->node_count),
                          .outside = hd_bits_create(dominators->node_count)};
    struct climber climbers[HD_CREW_MAX];
    int count = hd_crew_size();
    uint64_t bytes = 0;
    for (int i = 0; i < count; i++)
        climbers[i] = (struct climber){&climb, 0};
    if (climb.inside && climb.outside)
        hd_crew_run(climb_run, climbers, sizeof *climbers, count);
    else
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the retained size of a set of objects");
    for (int i = 0; i < count; i++)
        bytes += climbers[i].bytes;
    bool done = climb.inside && climb.outside;
    free(climb.inside);
    free(climb.outside);
    return done ? bytes : UINT64_MAX;
}

uint64_t hd_dominators_retained_by_set(const struct hd_dominators *dominators, const struct hd_graph *graph,
                                       const uint8_t *member, struct hd_error *err)
{
    uint64_t bytes = UINT64_MAX;
    uint32_t *queue = malloc((size_t)graph->node_count * sizeof *queue); /* an index may lie about how many are reached */
    uint64_t *seen = hd_bits_create(graph->node_count);
    if (queue && seen)
        bytes = dominators->reachable_size - reached_without(graph, member, seen, queue);
    else
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the retained size of a set of objects");
    free(seen);
    free(queue);
    return bytes;
}

struct walk {
    const struct hd_dominators *dominators;
    struct hd_retained_grouping grouping[HD_RETAINED_GROUPINGS];
    uint32_t *above[HD_RETAINED_GROUPINGS]; /* [count of it] members of the group on the way from the root to here */
    unsigned groupings;
};

static void enter(struct walk *w, uint32_t node)
{
    for (unsigned i = 0; i < w->groupings; i++) {
        const struct hd_retained_grouping *by = &w->grouping[i];
        uint32_t number = by->number[node];
        if (number < by->count && w->above[i][number]++ == 0)
            by->group[number].retained += w->dominators->retained[node];
    }
}

static void leave(struct walk *w, uint32_t node)
{
    for (unsigned i = 0; i < w->groupings; i++)
        if (w->grouping[i].number[node] < w->grouping[i].count)
            w->above[i][w->grouping[i].number[node]]--;
}

/* Depth first; next[depth] is the place, in `child`, of the child to be entered next at that depth. */
static void walk_tree(struct walk *w, uint32_t *next)
{
    const struct hd_dominators *d = w->dominators;
    uint32_t node = HD_NODE_ROOT, depth = 0;
    next[0] = d->child_start[HD_NODE_ROOT];
    enter(w, node);
    for (;;) {
        if (next[depth] < d->child_start[node + 1]) {
            node = d->child[next[depth]++];
            next[++depth] = d->child_start[node];
            enter(w, node);
        } else {
            leave(w, node);
            if (depth == 0)
                return;
            node = d->parent[node];
            depth--;
        }
    }
}

/* All but what they retain. */
static void count_members(const struct hd_dominators *dominators, const struct hd_graph *graph, const struct hd_retained_grouping *by)
{
    memset(by->group, 0, (size_t)by->count * sizeof *by->group);
    for (uint32_t node = 0; node < graph->node_count; node++) {
        if (by->number[node] >= by->count)
            continue;
        struct hd_retained_group *g = &by->group[by->number[node]];
        g->count++;
        g->shallow += graph->node_size[node];
        bool unreachable = node != HD_NODE_ROOT && dominators->parent[node] == HD_NODE_NONE;
        g->unreachable += unreachable;
        g->unreachable_shallow += unreachable ? graph->node_size[node] : 0;
    }
}

bool hd_retained_by_groupings(const struct hd_dominators *dominators, const struct hd_graph *graph,
                              const struct hd_retained_grouping *grouping, unsigned count, struct hd_error *err)
{
    struct walk w = {.dominators = dominators, .groupings = count};
    uint32_t *next = malloc((size_t)dominators->reachable * sizeof *next);
    bool fine = next;
    for (unsigned i = 0; i < count; i++) {
        count_members(dominators, graph, &grouping[i]);
        w.grouping[i] = grouping[i];
        w.above[i] = calloc(grouping[i].count ? grouping[i].count : 1, sizeof *w.above[i]);
        fine = fine && w.above[i];
    }
    if (fine)
        walk_tree(&w, next);
    else
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the retained sizes of %u groups", grouping[0].count);
    for (unsigned i = 0; i < count; i++)
        free(w.above[i]);
    free(next);
    return fine;
}

bool hd_retained_by_group(const struct hd_dominators *dominators, const struct hd_graph *graph, const uint32_t *number,
                          struct hd_retained_group *group, uint32_t group_count, struct hd_error *err)
{
    const struct hd_retained_grouping grouping = {number, group, group_count};
    return hd_retained_by_groupings(dominators, graph, &grouping, 1, err);
}
