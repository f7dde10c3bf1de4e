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
    uint64_t retained; /* of each, summed up: what the set retains together if they lie `apart` */
    bool apart; /* none retains more than itself, so that none dominates another; if not, hd_dominators_retained_by_topmost says what they retain together */
};

enum { HD_FOUND_PIECE = 1 << 16 }; /* nodes that one processor looks at in a row */

/*
 * `member`: a set of nodes (base/bits.h). At most `first` of them are listed, 0: all. Of the dominators `retained` is looked at. False: there is nothing to free.
 */
bool hd_found_make(struct hd_found *found, const uint64_t *member, uint64_t first, const struct hd_graph *graph,
                   const struct hd_dominators *dominators, struct hd_error *err);

#endif
