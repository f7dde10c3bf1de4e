/*
 * What each of many sets of objects retains: the classes of `top`, or any other grouping.
 *
 * One pass over the dominator tree for all groups together. Must not know what a group stands for.
 */
#ifndef HD_GRAPH_RETAINED_H
#define HD_GRAPH_RETAINED_H

#include "graph/dominators.h"

struct hd_retained_group {
    uint64_t count;       /* nodes, the unreachable ones included */
    uint64_t shallow;     /* their bytes */
    uint64_t unreachable; /* how many of them no path from the root leads to */
    uint64_t retained;    /* see below */
    uint64_t unreachable_shallow; /* bytes of those that no path leads to */
};

/*
 * Fills group[0 … group_count - 1]. number[n] is the group of node n, HD_NODE_NONE if it is in none; another number that
 * is not below group_count counts as none, too.
 *
 * A group's `retained` is the sum of the retained sizes of those members that no other member dominates: nothing is
 * counted twice, a list counts once and not once for each link. It is what would go if all members went, but for
 * objects that only several members together keep alive (two Orders share an Item): those are missing, so it
 * is a lower bound. hd_dominators_retained_by_set has them, for one set at a time. Groups overlap: the sum over all
 * groups is more than the heap.
 */
bool hd_retained_by_group(const struct hd_dominators *dominators, const struct hd_graph *graph, const uint32_t *number,
                          struct hd_retained_group *group, uint32_t group_count, struct hd_error *err);

/* The same of several at once, at most HD_RETAINED_GROUPINGS, in one walk over the tree. */
enum { HD_RETAINED_GROUPINGS = 2 };
struct hd_retained_grouping {
    const uint32_t *number;
    struct hd_retained_group *group; /* [count] */
    uint32_t count;
};
bool hd_retained_by_groupings(const struct hd_dominators *dominators, const struct hd_graph *graph,
                              const struct hd_retained_grouping *grouping, unsigned count, struct hd_error *err);

#endif
