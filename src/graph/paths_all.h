/*
 * More paths than the tree of shortest paths has: to a node by another of those who refer to it each, and to what only weak references lead to.
 *
 * A referrer's own shortest path is taken if it does not pass the node. If it does, though another way leads to the referrer, too, that
 * way is a detour: one without the node, of the most telling kind (graph/path_kinds.h) that there is, and the shortest of those by telling names. Detours are
 * looked for only where they can be: among what the tree of shortest paths has below the node and the node does not dominate.
 * What only weak references lead to has no shortest path; the part of its path that leaves what is kept alive is such a detour, too.
 *
 * Owns which paths these are and their order. Must not know how paths are shown.
 * Invariant: no path visits a node twice; each step's edge leaves the node of the step before.
 */
#ifndef HD_GRAPH_PATHS_ALL_H
#define HD_GRAPH_PATHS_ALL_H

#include "graph/detours.h"

/*
 * Up to `limit` paths to a node, the one of hd_paths_to first; the others in the order of the shortest paths, which is nearest first among those of one
 * kind, with detours where they are better by kind and length. Over the referrer's first edge to it. `weak`: if no others lead there, by weak edges,
 * too. *count is how many were found, *list and its paths are freed with hd_paths_free. False and *err if memory ran out, or what is mapped is
 * damaged.
 */
bool hd_paths_all(const struct hd_paths_source *source, uint32_t node, bool weak, uint32_t limit, struct hd_path **list, uint32_t *count,
                  struct hd_error *err);

/*
 * Paths by weak edges, too, to each node of a set (base/bits.h) that no others lead to, as one tree: what is not reached so goes out of the set.
 * No steps, not even the root, if it is empty then. tree->step is freed with free(). The rest as hd_paths_all.
 */
bool hd_paths_weak(const struct hd_paths_source *source, uint64_t *set, struct hd_path_tree *tree, struct hd_error *err);

#endif
