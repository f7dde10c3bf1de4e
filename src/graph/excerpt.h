/*
 * A small part of a graph, cut out of a mapped index: the few objects that an answer is about, as a graph of their own. What works on a
 * graph works on this, too, and nothing of the index but the blocks that they are in is looked at.
 *
 * Owns which objects and references each kind of excerpt has. Must not know what is shown of them.
 * Invariant: nodes keep their order, names and groups by class their numbers; node 0 is the root. All columns are there but children, and what an
 * object of the excerpt refers to in them is in it, or HD_NODE_NONE stands for it. Edges are those that the kind says, and no others.
 * False: it is too large for an excerpt, the index is damaged, or memory ran out: the whole graph is for those.
 */
#ifndef HD_GRAPH_EXCERPT_H
#define HD_GRAPH_EXCERPT_H

#include "graph/dominators.h"
#include "graph/index.h"
#include "graph/paths.h"

struct hd_excerpt {
    struct hd_graph graph;
    struct hd_dominators dominators; /* no children: child_start and child are NULL */
    struct hd_paths paths;           /* `parent` and `edge` of what hd_excerpt_path and _ways say */
    uint32_t *class_number;          /* [graph.node_count] groups by class */
    uint32_t *node;                  /* [graph.node_count] what each is in the whole graph, ascending */
    uint64_t reference_count, referrer_count; /* hd_excerpt_object: that the object has in the whole graph */
};

/* Where it comes from: an index mapped for HD_INDEX_SUMS or more, and what that handed out. They must outlive the excerpt. */
struct hd_excerpt_source {
    struct hd_index *index;
    const struct hd_graph *graph;
    const struct hd_dominators *dominators;
};

/* These objects, for their titles, sizes and lines; no edges. */
bool hd_excerpt_nodes(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, const uint32_t *nodes, uint32_t count);

/* The same, and all that dominates them: what they retain together is to be seen. */
bool hd_excerpt_members(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, const uint32_t *nodes, uint32_t count);

enum { HD_EXCERPT_NEIGHBOURS = 2000 };

/*
 * An object, what it refers to and what refers to it, with these edges; and what dominates it. Of more than HD_EXCERPT_NEIGHBOURS on either
 * side the first ones. One pass over all edges.
 */
bool hd_excerpt_object(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, uint32_t node);

/* The shortest path to an object, with all edges from step to step; the object alone if there is no path. */
bool hd_excerpt_path(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, uint32_t node);

/*
 * These paths to an object, in the numbers of the whole graph, with all edges from step to step; the object alone if there are none. If it can be
 * cut out, nodes and edges of the paths are numbers of the excerpt then.
 */
bool hd_excerpt_along(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, uint32_t node, struct hd_path *list, uint32_t count);

/* The same for a tree of paths. */
bool hd_excerpt_tree(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, struct hd_path_tree *tree);

/* The shortest paths to these objects, with `order` and `from`, for hd_paths_merge. One pass over `order`. */
bool hd_excerpt_ways(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, const uint32_t *nodes, uint32_t count);

/* The node of the whole graph, in the excerpt; HD_NODE_NONE if it is not in there. */
uint32_t hd_excerpt_find(const struct hd_excerpt *excerpt, uint32_t node);

void hd_excerpt_destroy(struct hd_excerpt *excerpt);

#endif
