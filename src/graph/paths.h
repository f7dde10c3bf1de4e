/*
 * Shortest paths from the root, edge by edge, so that each step has its name.
 *
 * A path is to be read, so what people wrote comes first: names of constants, variables, elements. A class is also reached from its
 * objects (`class`), its subclasses (`super`) and Method objects (`klass`), often by a shorter way that says nothing; such edges, and those that were only found by
 * their looks (`inferred`), or that leave a list of Ruby's own, are taken only where no others lead. Next come roots that a C stack or a C variable seems to hold. Code comes
 * last: a constant's value is also in the cache of each piece of code that uses it, which is never the reason why it is there. Among the
 * paths of one kind it is a shortest one.
 *
 * Owns the tree of a breadth-first search and what is read off it: the path to a node, and the paths to many nodes merged into
 * one tree. Must not know how paths are shown.
 * Invariant: `edge[n]` leaves `parent[n]` and leads to n; `order` has parents before children.
 */
#ifndef HD_GRAPH_PATHS_H
#define HD_GRAPH_PATHS_H

#include "graph/graph.h"

struct hd_paths {
    const struct hd_graph *graph;
    uint32_t *parent; /* [node_count] HD_NODE_NONE for the root and what was not reached */
    uint64_t *edge;   /* [node_count] the edge from the parent; where `parent` is not HD_NODE_NONE */
    uint32_t *order;  /* [reached] the root first, parents before children, nearer ones first among those of one kind of path */
    uint32_t *from;   /* [reached] place of the parent in `order`, before the node's own; 0 for the root */
    uint32_t reached;
};

/* 20 bytes per node. By edges that are not weak. */
bool hd_paths_create(struct hd_paths *paths, const struct hd_graph *graph, struct hd_error *err);
void hd_paths_destroy(struct hd_paths *paths);

struct hd_path_step {
    uint64_t edge; /* leaves the node of the step before, the first one leaves the root */
    uint32_t node; /* where it leads */
};

struct hd_path {
    struct hd_path_step *step; /* one array; the last step leads to the node asked for; freed with free() */
    uint32_t length;           /* 0: the node is the root, or is not reached */
};

bool hd_paths_to(const struct hd_paths *paths, uint32_t node, struct hd_path *path, struct hd_error *err);

/* Some of the paths of a search, as a tree of its own. */
struct hd_path_tree {
    struct hd_path_tree_step {
        uint64_t edge; /* that leads to the node; 0 of the root */
        uint32_t node;
        uint32_t from; /* the step before, which stands before it; 0 of the root */
    } *step;           /* the first is the root; nearer ones first among those of one kind of path */
    uint32_t count;
};

/* As if these paths were all there are. */
bool hd_paths_of_tree(struct hd_paths *paths, const struct hd_graph *graph, const struct hd_path_tree *tree, struct hd_error *err);
void hd_paths_free(struct hd_path *list, uint32_t count);

/*
 * Shortest paths to all members of a set, merged where they go by the same edge names through objects of the same class
 * (the same class object or module: two different classes are never merged). A run of equal steps (the links of a list) is
 * one step.
 */
struct hd_merged_step {
    uint32_t parent;  /* index of the step before; HD_NODE_NONE for the first, which is the root */
    uint32_t child;   /* first of the steps after it, most members first; HD_NODE_NONE if there is none */
    uint32_t next;    /* the next step with the same parent */
    uint32_t name;    /* name of the edge, without HD_NAME_WEAK; HD_NAME_MASK for the root */
    uint32_t sample;  /* one of the nodes, the nearest to the root */
    uint32_t nodes;   /* nodes that were merged into it */
    uint32_t ends;    /* members among these: paths that end here */
    uint32_t members; /* paths that end here or go on from here */
    uint64_t size;    /* shallow bytes of those members */
};

struct hd_merged_paths {
    struct hd_merged_step *step; /* parents before children; step[0] is the root; `members` there is how many were reached */
    uint32_t count;
};

/* The set is one of base/bits.h. */
bool hd_paths_merge(const struct hd_paths *paths, const uint64_t *members, struct hd_merged_paths *merged,
                    struct hd_error *err);

/*
 * Sets `child` and `next` of steps that have the rest, as hd_paths_merge does: of steps that were saved. False if a step does not stand behind
 * its parent, or memory ran out.
 */
bool hd_paths_merged_link(struct hd_merged_paths *merged);
void hd_paths_merged_free(struct hd_merged_paths *merged);

#endif
