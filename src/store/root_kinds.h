/*
 * The kinds of roots of a graph: "vm", "global_variables", …: what an edge of the root is called, up to its first dot or bracket.
 */
#ifndef HD_STORE_ROOT_KINDS_H
#define HD_STORE_ROOT_KINDS_H

#include "graph/graph.h"

enum { HD_ROOT_KINDS_MAX = 200 };

struct hd_root_kinds {
    struct hd_graph_text name[HD_ROOT_KINDS_MAX];
    uint64_t edges[HD_ROOT_KINDS_MAX];
    uint32_t count;
};

/* In the order of their first edges. What finds no room is of the last kind. */
void hd_root_kinds_make(struct hd_root_kinds *kinds, const struct hd_graph *graph);

/* The kind of an edge that leaves the root. */
uint32_t hd_root_kinds_number(const struct hd_root_kinds *kinds, const struct hd_graph *graph, uint64_t edge);

#endif
