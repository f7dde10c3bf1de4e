/*
 * The groups of a dominator tree as stacks of frames, for all formats that are made of stacks.
 *
 * Owns the order, what counts as small, and what a stack weighs. Must not know what a frame is called nor how stacks are
 * written. The weights of all calls together are what the tree holds: nothing is left out, what is small or deep is put together.
 */
#ifndef HD_STORE_TREE_WALK_H
#define HD_STORE_TREE_WALK_H

#include "graph/tree.h"

/* What a weight is of. */
enum hd_tree_walk_part {
    HD_TREE_WALK_OWN,     /* the group's members themselves */
    HD_TREE_WALK_DEEPER,  /* what is below the last level: a further frame HD_TREE_WALK_WORDS names */
    HD_TREE_WALK_SMALLER  /* groups below this one that are too small */
};

/* NULL for HD_TREE_WALK_OWN. */
extern const char *const hd_tree_walk_words[];

struct hd_tree_walk_weight {
    uint64_t objects, bytes; /* not both are 0 */
};

/* A callback that returns false (and sets *err) ends the walk. */
struct hd_tree_walker {
    void *data;
    /* The frame of a group; the frames above it, depth 0 … depth - 1, were entered before and are still those. */
    bool (*enter)(void *data, uint32_t group, uint32_t depth, struct hd_error *err);
    /* What the frames entered last weigh. `depth`: how many they are, less one. */
    bool (*weigh)(void *data, uint32_t depth, enum hd_tree_walk_part part, struct hd_tree_walk_weight weight,
                  struct hd_error *err);
};

/* `least`: bytes a group must retain to have a frame of its own; not less than what a `rest` of the tree has. 4 bytes per group meanwhile. */
bool hd_tree_walk(const struct hd_tree *tree, uint64_t least, const struct hd_tree_walker *walker, struct hd_error *err);

/* Levels of the tree. */
uint32_t hd_tree_walk_depth(const struct hd_tree *tree);

#endif
