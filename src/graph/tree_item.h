/*
 * What tells to which group of a tree (graph/tree.h) an object belongs, and what it adds to it.
 *
 * Owns what is alike. Must not know the groups.
 */
#ifndef HD_GRAPH_TREE_ITEM_H
#define HD_GRAPH_TREE_ITEM_H

#include "dump/json_reader.h"
#include "graph/best_names.h"
#include "graph/tree.h"

#define HD_TREE_ITEM_OWN ((uint64_t)1 << 32) /* in a kind: a class or module by its node */

struct hd_tree_item {
    uint64_t what, via; /* kinds: of the object, and of who refers to it if that is not what dominates it, else HD_NODE_NONE */
    uint64_t size, retained;
    uint32_t name;      /* of the reference, HD_NAME_MASK: none */
    uint32_t node;
    uint32_t from;      /* who refers to it, HD_NODE_NONE: nobody, or it is not wanted */
    uint32_t above;     /* place of what dominates it in a walk (graph/tree_walk.h) */
    bool entry;         /* of a big hash: they have one name */
};

/* What tells a node's kind: its class, for classes and modules they themselves. */
static inline uint64_t hd_tree_item_kind(const struct hd_graph *graph, const uint32_t *class_number, uint32_t node)
{
    uint8_t type = graph->node_type[node];
    if (node == HD_NODE_ROOT || type == HD_BT_T_CLASS || type == HD_BT_T_MODULE)
        return HD_TREE_ITEM_OWN | node;
    return class_number[node];
}

/* Of a node that nobody refers to, or of which that is not wanted. */
static inline struct hd_tree_item hd_tree_item_alone(const struct hd_graph *graph, const struct hd_dominators *dominators,
                                                     const uint32_t *class_number, uint32_t node)
{
    return (struct hd_tree_item){.what = hd_tree_item_kind(graph, class_number, node), .via = HD_NODE_NONE, .size = graph->node_size[node],
                                 .retained = dominators->retained[node], .name = HD_NAME_MASK, .node = node, .from = HD_NODE_NONE};
}

/* Adds the reference that leads to it, where `dominator` dominates it. */
static inline void hd_tree_item_refer(struct hd_tree_item *item, const struct hd_graph *graph, const uint32_t *class_number, bool entries,
                                      uint32_t from, uint64_t edge, uint32_t dominator)
{
    item->from = from;
    item->name = graph->edge_name[edge] & HD_NAME_MASK;
    item->entry = entries && hd_best_names_is_entry(graph, from, edge);
    if (from != dominator)
        item->via = hd_tree_item_kind(graph, class_number, from);
}

#endif
