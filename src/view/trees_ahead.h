/*
 * Trees of groups (graph/tree.h) that are made by a thread of their own while other questions are answered, for whoever asks for
 * one of the same shape.
 *
 * Owns them until they are taken; each is taken once. Must not know what they are for.
 */
#ifndef HD_VIEW_TREES_AHEAD_H
#define HD_VIEW_TREES_AHEAD_H

#include "graph/derived.h"
#include "graph/tree.h"

struct hd_trees_ahead;

enum { HD_TREES_AHEAD = 5 };

/* Of whole dumps; made in this order, by the shortest paths of `derived`, which must outlive it. NULL if it cannot be: then who asks makes one. */
struct hd_trees_ahead *hd_trees_ahead_begin(struct hd_derived *derived, const struct hd_tree_shape *shapes, unsigned count);
void hd_trees_ahead_end(struct hd_trees_ahead *ahead);

/* Waits for the one of that shape, which then is the caller's. False if there is none (any more); `ahead` may be NULL. */
bool hd_trees_ahead_take(struct hd_trees_ahead *ahead, const struct hd_tree_shape *shape, struct hd_tree *tree);

/* The same for who only looks at it, until hd_trees_ahead_end or somebody takes it. NULL if there is none (any more). */
const struct hd_tree *hd_trees_ahead_look(struct hd_trees_ahead *ahead, const struct hd_tree_shape *shape);

#endif
