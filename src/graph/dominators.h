/*
 * The dominator tree and retained sizes of a graph.
 *
 * A node's immediate dominator is the last node that every path from the root to it goes through: if that went away,
 * so would it. Its retained size is its own plus that of all it dominates. Weak edges do not count. Unreachable nodes
 * have no dominator. Semi-NCA, iterative: chains of 10 M links are normal input.
 */
#ifndef HD_GRAPH_DOMINATORS_H
#define HD_GRAPH_DOMINATORS_H

#include "graph/graph.h"

struct hd_dominators {
    uint32_t node_count;
    uint32_t *parent;      /* [node_count] immediate dominator; HD_NODE_NONE for the root and the unreachable */
    uint64_t *retained;    /* [node_count] bytes; an unreachable node retains 0 */
    uint32_t *child_start; /* [node_count + 1] the tree's children: child[child_start[n]] … */
    uint32_t *child;       /* [reachable - 1] by retained size, biggest first; of equals the lowest first */
    uint32_t reachable;    /* nodes reached from the root, the root included */
    uint64_t reachable_size;
};

/*
 * Computes everything; false if memory ran out. Peak memory beyond the result: 16 bytes per node reached, and 4 for each
 * edge that leads back or across in a depth-first search and not to a root.
 */
bool hd_dominators_create(struct hd_dominators *dominators, const struct hd_graph *graph, struct hd_error *err);
void hd_dominators_destroy(struct hd_dominators *dominators);

/*
 * Retained size of a set: bytes that would go if all its members went, nothing counted twice. `member[n]` is not 0 for
 * each node of the set. What several members retain together is only found by a trace of what is reached without them.
 * UINT64_MAX if memory ran out.
 */
uint64_t hd_dominators_retained_by_set(const struct hd_dominators *dominators, const struct hd_graph *graph,
                                       const uint8_t *member, struct hd_error *err);

/*
 * The same by the tree alone: what those members retain that no other one dominates. A lower bound, as it lacks what only several retain together.
 * `member`: a set of nodes (base/bits.h). Of the dominators `parent` and `retained` are looked at.
 */
uint64_t hd_dominators_retained_by_topmost(const struct hd_dominators *dominators, const uint64_t *member, struct hd_error *err);

#endif
