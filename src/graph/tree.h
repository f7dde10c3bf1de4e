/*
 * The dominator tree with alike siblings put together: what `du` is to a folder of many files.
 *
 * Objects that the same group dominates are one group if they are of the same class and, if wanted, are referred to by
 * the same name from the same kind of object. A class or module is always a group of its own. A run of equal steps (the
 * links of a list) is one group. Must not know how the tree is shown.
 * Invariant: group[0] begins where the tree does; parents stand before children; `retained` of a group is its `self`, its
 * `deeper`, its children's `retained` and what its `rest` has together, so that every byte is in one group's own.
 */
#ifndef HD_GRAPH_TREE_H
#define HD_GRAPH_TREE_H

#include "graph/dominators.h"
#include "graph/groups.h"
#include "graph/paths.h"

struct hd_index_columns;

struct hd_tree_group {
    uint32_t parent; /* HD_NODE_NONE for the first */
    uint32_t child;  /* the one that retains most; HD_NODE_NONE if there is none, or they are too deep */
    uint32_t next;   /* the next one of the same parent, by retained size */
    uint32_t depth;  /* 0 for the first */
    uint32_t name;   /* of the reference, as in edge_name less HD_NAME_WEAK; HD_NAME_MASK: not wanted, or there is none */
    uint32_t via;    /* who refers to `sample` if that is not what dominates it: they are reached on several ways; else HD_NODE_NONE */
    uint32_t sample; /* the member that retains most */
    uint32_t count;  /* members */
    bool linked;     /* a member dominates another: a list */
    bool leaves;     /* something below it is counted above it, being one more link of what stands there */
    uint32_t deeper_count; /* objects below it that are too deep for a group */
    uint64_t deeper; /* their bytes */
    uint64_t self;   /* bytes of the members themselves */
    uint64_t retained;
};

/* Children of a group that are not in the list because they are small. */
struct hd_tree_rest {
    uint64_t bytes; /* that they retain */
    uint32_t groups, objects;
    uint32_t below; /* objects in them and below them */
};

struct hd_tree {
    struct hd_tree_group *group;
    uint32_t count;
    uint32_t left_out; /* groups that are in a `rest` */
    struct hd_tree_rest *rest; /* [count]; NULL: nothing is left out */
    uint32_t *number; /* [node_count] the node's group, HD_NODE_NONE if it is too deep or not below where the tree begins; NULL in a part, and of what is mapped */
};

/*
 * What is alike to people may be put together. `entries`: entries of big hashes have one name, whatever their keys are.
 * `fold`: a step that repeats one up to HD_TREE_FOLD levels above (Node → @children → Array → Node) is counted there,
 * with all below it.
 */
struct hd_tree_shape {
    const struct hd_paths *paths; /* groups are named by the shortest paths' edges; NULL: by class alone */
    uint32_t from;                /* HD_NODE_ROOT: all */
    uint32_t depth;               /* levels below it; with `fold` UINT32_MAX, all: what is deep may be one more link of what is not (hd_tree_part) */
    bool entries;
    bool fold;
    struct hd_index_columns *mapped; /* graph/index_point.h: of these nothing is looked at but what is below `from`; NULL: all columns can be read */
};

enum { HD_TREE_FOLD = 4 };
#define HD_TREE_ENTRY (HD_NAME_MASK - 1) /* a group's name: "val{}", where the graph has no such name */

/* `classes`: hd_groups_by_class; of what is mapped only `number` is there. False, too, if that is damaged. */
bool hd_tree_create(struct hd_tree *tree, const struct hd_graph *graph, const struct hd_dominators *dominators,
                    const struct hd_groups *classes, const struct hd_tree_shape *shape, struct hd_error *err);
void hd_tree_destroy(struct hd_tree *tree);

/*
 * The group `top` of a tree of all levels and `depth` levels below it, as a tree of its own that begins there; what is deeper is in
 * `deeper`. Groups stand in the same order. If `top` has one member and nothing `leaves`, that is the tree from this object on.
 */
bool hd_tree_part(struct hd_tree *part, const struct hd_tree *whole, uint32_t top, uint32_t depth, struct hd_error *err);

/* For qsort: what retains more first, of equals what has the smaller number; so a parent stands before its children. */
struct hd_tree_order {
    uint64_t retained;
    uint32_t number;
};
int hd_tree_bigger_first(const void *left, const void *right);

/* [count] How many objects each group has with all below it. (Its bytes are `retained`.) The root is no object. Freed with free(); NULL if memory ran out. */
uint32_t *hd_tree_objects(const struct hd_tree *tree);

/* The name of the reference, data NULL if there is none. */
struct hd_graph_text hd_tree_name(const struct hd_graph *graph, const struct hd_tree_group *group);

/* The group after this one if parents are visited before their children, in order of size; HD_NODE_NONE at the end. */
uint32_t hd_tree_next(const struct hd_tree *tree, uint32_t group, bool skip_children);

#endif
