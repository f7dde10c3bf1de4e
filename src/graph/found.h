/*
 * What a set of objects amounts to: how many, how big, what they retain together, and which of them come first.
 *
 * Must not know why they are in the set.
 */
#ifndef HD_GRAPH_FOUND_H
#define HD_GRAPH_FOUND_H

#include "graph/dominators.h"

struct hd_found {
    uint32_t *node; /* most retained first, then the biggest, then by address; freed with free() */
    uint32_t listed; /* of them; as many as were wanted */
    uint32_t count; /* of all */
    uint64_t size;  /* of all together */
    /* what the set retains together; a lower bound, as hd_dominators_retained_by_set says */
    uint64_t retained;
};

enum { HD_FOUND_PIECE = 1 << 16 }; /* nodes that one processor looks at in a row */

/*
 * `member[n]` is 1 for the nodes of the set, else 0. At most `first` nodes are listed, 0: all. `retained`: what the set
 * does together, if that is known already. False: there is nothing to free.
 */
bool hd_found_make(struct hd_found *found, const uint8_t *member, uint64_t first, const uint64_t *retained,
                   const struct hd_graph *graph, const struct hd_dominators *dominators, struct hd_error *err);

#endif
