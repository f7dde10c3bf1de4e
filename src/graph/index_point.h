/*
 * Single objects and references out of a mapped index, of which nothing but the blocks that they are in is looked at: a few of many
 * thousands.
 *
 * Owns how an object is found so. Must not know who asks. All that is handed out lies in blocks that hold (graph/index_format.h), whatever
 * is next to them, and every number that leads on is compared with what it counts before it is followed. False: the index is damaged or
 * memory ran out; nothing that was handed out before is wrong for that. One thread at a time.
 */
#ifndef HD_GRAPH_INDEX_POINT_H
#define HD_GRAPH_INDEX_POINT_H

#include "graph/index.h"
#include "graph/referrers.h"

/* What the columns of struct hd_graph and struct hd_dominators say of one node. */
struct hd_index_node {
    uint64_t address, size, line, retained;
    uint32_t class, label, dominator;
    uint32_t class_number; /* among the groups by class */
    uint8_t type, flags;
    uint64_t first_edge, end_edge; /* its edges are those from the one up to the other */
};

/* HD_NODE_NONE if no object has that address. */
bool hd_index_find(struct hd_index *index, uint64_t address, uint32_t *node);

bool hd_index_node(struct hd_index *index, uint32_t node, struct hd_index_node *out);
bool hd_index_address(struct hd_index *index, uint32_t node, uint64_t *address);
bool hd_index_class(struct hd_index *index, uint32_t node, uint32_t *class); /* HD_NODE_NONE if it has none */

bool hd_index_dominator(struct hd_index *index, uint32_t node, uint32_t *dominator); /* HD_NODE_NONE of the root, and where no root leads */

/* What `diff` reads of many objects: columns as they lie in the file. Of each node is to be asked whether they hold before anything of it is read. */
struct hd_index_amounts {
    const uint64_t *size, *retained;
    const uint32_t *dominator;
};
bool hd_index_amounts(struct hd_index *index, struct hd_index_amounts *amounts);

/*
 * Whether what a node retains holds, and with `all` the other two, too; and so for nodes [*from, *to) around it. Several threads may ask after
 * hd_index_amounts.
 */
bool hd_index_amounts_hold(struct hd_index *index, uint32_t node, bool all, uint32_t *from, uint32_t *to);

/* What struct hd_paths says of it: `parent` is HD_NODE_NONE for the root and what no path leads to. */
bool hd_index_path_step(struct hd_index *index, uint32_t node, uint32_t *parent, uint64_t *edge);

/* `name` with HD_NAME_WEAK, as in edge_name. */
bool hd_index_edge(struct hd_index *index, uint64_t edge, uint32_t *to, uint32_t *name);

/* Where each of `count` edges from `edge` on leads; NULL if that is damaged, or there are none. */
const uint32_t *hd_index_edge_ends(struct hd_index *index, uint64_t edge, uint64_t count);

/*
 * What a tree of groups (graph/tree.h) reads of many objects: the columns as they lie in the file. Of each is to be asked whether it holds before
 * anything of it is read; what its numbers lead to is in range then, as where it all is checked, but not whether it is a tree.
 */
struct hd_index_columns {
    struct hd_index *index;
    struct hd_graph graph;           /* node_size, node_type, edge_start, edge_name; the counts and the names are those that were handed out */
    struct hd_dominators dominators; /* retained, child_start, child */
    struct hd_paths paths;           /* parent, edge */
    uint32_t *class_number;
    uint64_t *held; /* a set (base/bits.h): that so many nodes in a row hold */
};

/* `graph`: as the index handed it out. False: there is nothing to free. */
bool hd_index_columns_init(struct hd_index_columns *columns, struct hd_index *index, const struct hd_graph *graph);
void hd_index_columns_deinit(struct hd_index_columns *columns);

/* Whether all but the references of a node holds, and its list of children. */
bool hd_index_columns_node(struct hd_index_columns *columns, uint32_t node);

/* Whether the name of an edge and all that tells of what it leaves, that node, hold; but not its list of children. */
bool hd_index_columns_edge(struct hd_index_columns *columns, uint32_t from, uint64_t edge);

/*
 * What a search for more paths (graph/paths_all.h) reads. These hold already: edge_start and edge_to of the graph, `order` and `from` of the
 * paths, and the dominators' `parent`: by themselves; not that they are trees. Of all else there is is to be asked before it is read.
 */
struct hd_index_ways {
    struct hd_index *index;
    struct hd_graph graph; /* node_class, node_label, node_type, edge_name, too; the counts and the names are those that were handed out */
    struct hd_paths paths; /* `parent` and `edge`, too */
    const uint32_t *dominator;
};

/* `graph`: as the index handed it out. There is nothing to free. */
bool hd_index_ways_init(struct hd_index_ways *ways, struct hd_index *index, const struct hd_graph *graph);

/* Whether all of it holds. By all processors. */
bool hd_index_ways_all(const struct hd_index_ways *ways);

/* Whether class, label and type of a node hold, and the last step of its shortest path. */
bool hd_index_ways_node(const struct hd_index_ways *ways, uint32_t node);

/* Whether the names of `count` edges from one on hold. */
bool hd_index_ways_edges(const struct hd_index_ways *ways, uint64_t edge, uint64_t count);

/* Data NULL for what is no name. They live as long as the index is mapped. */
bool hd_index_name(struct hd_index *index, uint32_t name, struct hd_graph_text *text);
bool hd_index_class_name(struct hd_index *index, uint32_t number, struct hd_graph_text *text);

/* How many objects are in a group by class; in `list`, ascending, if they are not more than `limit`. One pass over the groups' numbers. */
bool hd_index_members(struct hd_index *index, uint32_t class_number, uint32_t *list, uint64_t limit, uint64_t *count);

/* The same of objects with that label, whatever they are. One pass over the labels. */
bool hd_index_labelled(struct hd_index *index, uint32_t label, uint32_t *list, uint64_t limit, uint64_t *count);

/* How many references lead to a node; in `list` the first `limit` of them. One pass over where all lead. */
bool hd_index_referrers(struct hd_index *index, uint32_t node, struct hd_referrer *list, uint64_t limit, uint64_t *count);

#endif
