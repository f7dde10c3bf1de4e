/*
 * Retained sizes of sets of nodes: by the dominator tree, or by tracing what is reached without them.
 *
 * Must not know how the tree was made. Nothing recurses: the tree may be as deep as it has nodes.
 */
#include "graph/retained.h"

#include "base/crew.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static bool bit_test_and_set(uint64_t *bits, uint32_t i)
{
    uint64_t mask = (uint64_t)1 << (i & 63);
    bool was = bits[i >> 6] & mask;
    bits[i >> 6] |= mask;
    return was;
}

/* Bytes reached from the root over strong edges without passing a member; `queue` has room for every node reached. */
static uint64_t reached_without(const struct hd_graph *graph, const uint8_t *member, uint64_t *seen, uint32_t *queue)
{
    if (member[HD_NODE_ROOT])
        return 0;
    uint64_t bytes = 0;
    uint32_t length = 0;
    queue[length++] = HD_NODE_ROOT;
    bit_test_and_set(seen, HD_NODE_ROOT);
    while (length > 0) {
        uint32_t node = queue[--length];
        bytes += graph->node_size[node];
        for (uint64_t e = graph->edge_start[node]; e < graph->edge_start[node + 1]; e++) {
            uint32_t to = graph->edge_to[e];
            if (!(graph->edge_name[e] & HD_NAME_WEAK) && !member[to] && !bit_test_and_set(seen, to))
                queue[length++] = to;
        }
    }
    return bytes;
}

enum { UNKNOWN, INSIDE, OUTSIDE }; /* a node, for topmost(): it or what dominates it is a member, or nothing of that is */
enum { PIECE = 1 << 16, AHEAD = 16 };

/* The same for all hands: whatever one has found out of a node, another would, too. */
struct climb {
    const struct hd_dominators *dominators;
    const uint8_t *member;
    uint8_t *state; /* [node_count] of members known from the start */
    _Atomic uint32_t next;
};

struct climber {
    struct climb *climb;
    uint64_t bytes;
};

/* What a node is. Goes up to the first one that is known, then the same way again; should there be a circle, it ends after as many steps as there are nodes. */
static uint8_t state_of(struct climb *climb, uint32_t node)
{
    const uint32_t *parent = climb->dominators->parent;
    uint32_t at = node, steps = 0;
    uint8_t found = UNKNOWN;
    while (at != HD_NODE_NONE && steps < climb->dominators->node_count && found == UNKNOWN) {
        found = __atomic_load_n(&climb->state[at], __ATOMIC_RELAXED);
        if (found == UNKNOWN) {
            at = parent[at];
            steps++;
        }
    }
    found = found == UNKNOWN ? OUTSIDE : found;
    for (; steps > 0; steps--, node = parent[node])
        __atomic_store_n(&climb->state[node], found, __ATOMIC_RELAXED);
    return found;
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
        for (uint32_t node = from; node < to; node++) {
            if (node + AHEAD < to && climb->member[node + AHEAD] && dominators->parent[node + AHEAD] != HD_NODE_NONE)
                __builtin_prefetch(&climb->state[dominators->parent[node + AHEAD]]);
            if (climb->member[node] && state_of(climb, dominators->parent[node]) == OUTSIDE)
                bytes += dominators->retained[node];
        }
    }
    climber->bytes = bytes;
}

/* The sum over the topmost members: those that no other one dominates. Looks only at what is above members. */
static uint64_t topmost(const struct hd_dominators *dominators, const uint8_t *member, uint8_t *state)
{
    struct climb climb = {.dominators = dominators, .member = member, .state = state};
    struct climber climbers[HD_CREW_MAX];
    int count = hd_crew_size();
    uint64_t bytes = 0;
    for (uint32_t node = 0; node < dominators->node_count; node++)
        state[node] = member[node] ? INSIDE : UNKNOWN;
    for (int i = 0; i < count; i++)
        climbers[i] = (struct climber){&climb, 0};
    hd_crew_run(climb_run, climbers, sizeof *climbers, count);
    for (int i = 0; i < count; i++)
        bytes += climbers[i].bytes;
    return bytes;
}

uint64_t hd_dominators_retained_by_set(const struct hd_dominators *dominators, const struct hd_graph *graph,
                                       const uint8_t *member, bool exact, struct hd_error *err)
{
    uint64_t bytes = UINT64_MAX;
    uint32_t *queue = exact ? malloc((size_t)graph->node_count * sizeof *queue) : NULL; /* an index may lie about how many are reached */
    uint64_t *seen = exact ? calloc(((size_t)graph->node_count + 63) / 64, sizeof *seen) : NULL;
    uint8_t *state = exact ? NULL : malloc(graph->node_count);
    if (exact ? !queue || !seen : !state)
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the retained size of a set of objects");
    else if (exact)
        bytes = dominators->reachable_size - reached_without(graph, member, seen, queue);
    else
        bytes = topmost(dominators, member, state);
    free(state);
    free(seen);
    free(queue);
    return bytes;
}

struct walk {
    const struct hd_dominators *dominators;
    const uint32_t *number;
    struct hd_retained_group *group;
    uint32_t group_count;
    uint32_t *above; /* [group_count] members of the group on the way from the root to here */
};

static void enter(struct walk *w, uint32_t node)
{
    uint32_t number = w->number[node];
    if (number < w->group_count && w->above[number]++ == 0)
        w->group[number].retained += w->dominators->retained[node];
}

static void leave(struct walk *w, uint32_t node)
{
    if (w->number[node] < w->group_count)
        w->above[w->number[node]]--;
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

bool hd_retained_by_group(const struct hd_dominators *dominators, const struct hd_graph *graph, const uint32_t *number,
                          struct hd_retained_group *group, uint32_t group_count, struct hd_error *err)
{
    memset(group, 0, (size_t)group_count * sizeof *group);
    for (uint32_t node = 0; node < graph->node_count; node++) {
        if (number[node] >= group_count)
            continue;
        struct hd_retained_group *g = &group[number[node]];
        g->count++;
        g->shallow += graph->node_size[node];
        bool unreachable = node != HD_NODE_ROOT && dominators->parent[node] == HD_NODE_NONE;
        g->unreachable += unreachable;
        g->unreachable_shallow += unreachable ? graph->node_size[node] : 0;
    }
    uint32_t *next = malloc((size_t)dominators->reachable * sizeof *next);
    uint32_t *above = calloc(group_count ? group_count : 1, sizeof *above);
    bool fine = next && above;
    if (fine) {
        struct walk w = {dominators, number, group, group_count, above};
        walk_tree(&w, next);
    } else {
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the retained sizes of %u groups", group_count);
    }
    free(above);
    free(next);
    return fine;
}
