/*
 * All that an object of a mapped index dominates, one level after the other, with what a tree of groups asks of each: by all processors.
 *
 * Owns in which order objects come, that each comes once, and that nothing is read that has not been looked at. Must not know what is made of
 * them. In the order of the tree nearly all of an object is read from somewhere else: that is what takes time, and what the processors share.
 */
#ifndef HD_GRAPH_TREE_WALK_H
#define HD_GRAPH_TREE_WALK_H

#include "graph/tree_item.h"

struct hd_tree_walk {
    const struct hd_tree_shape *shape; /* `mapped` and `paths` are set */
    /*
     * Called with the objects, `count` of them from that place in the order on, the first of all being where it begins; by one thread at a time,
     * and not always the same. False ends it.
     */
    bool (*take)(void *context, uint32_t place, const struct hd_tree_item *items, uint32_t count);
    void *context;
};

enum hd_tree_walk_end { HD_TREE_WALK_DONE, HD_TREE_WALK_ENDED, HD_TREE_WALK_MEMORY, HD_TREE_WALK_DAMAGED };

enum hd_tree_walk_end hd_tree_walk_run(const struct hd_tree_walk *walk);

#endif
