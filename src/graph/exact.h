/*
 * Exactly what each of many sets of objects retains, what only several of a set's members together keep alive included: for all classes of
 * `top` at once, or any other grouping.
 *
 * For each object the set of groups without which no path leads to it is worked out; that is what hd_dominators_retained_by_set
 * finds for one group by a trace of its own. Must not know what a group stands for.
 */
#ifndef HD_GRAPH_EXACT_H
#define HD_GRAPH_EXACT_H

#include "graph/dominators.h"

/* One way to group. Groups do not overlap; a number that is not below `count` is none. */
struct hd_exact_groups {
    const uint32_t *number; /* [node_count] */
    uint32_t count;
    uint64_t *retained; /* [count]; filled: bytes */
    bool known;         /* filled: false, and `retained` is nothing, if the graph is too tangled: a trace for each group may be quicker */
};

enum { HD_EXACT_WAYS = 4 };

/*
 * For up to HD_EXACT_WAYS ways in one pass over the graph, or a little more; 8 bytes per node. False and *err: memory ran out, or the work
 * is not wanted any more.
 */
bool hd_exact_retained(const struct hd_dominators *dominators, const struct hd_graph *graph, struct hd_exact_groups *ways,
                       unsigned way_count, struct hd_error *err);

#endif
