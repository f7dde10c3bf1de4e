/*
 * Who refers to a node: a graph's edges the other way round, made on demand.
 *
 * For one node a pass over all edges is cheaper than turning them round: hd_referrers_find. For many, build the columns.
 * Weak edges are included; the caller looks at the names.
 */
#ifndef HD_GRAPH_REFERRERS_H
#define HD_GRAPH_REFERRERS_H

#include "graph/graph.h"

struct hd_referrers {
    uint64_t *start; /* [node_count + 1] those of node n are from[start[n]] … from[start[n+1] - 1] */
    uint32_t *from;  /* [edge_count] ascending for each node; a node that refers twice is there twice */
};

/* 8 bytes per node and 4 per edge. */
bool hd_referrers_create(struct hd_referrers *referrers, const struct hd_graph *graph, struct hd_error *err);
void hd_referrers_destroy(struct hd_referrers *referrers);

struct hd_referrer {
    uint64_t edge;
    uint32_t from;
};

/* All edges that lead to one node, in the order of the edges; *list is to be freed with free(). */
bool hd_referrers_find(const struct hd_graph *graph, uint32_t to, struct hd_referrer **list, uint64_t *count,
                       struct hd_error *err);

/*
 * All who refer to a node, or to any node of a set, themselves in it or not: added to another set (base/bits.h). One pass over all edges by
 * all processors; it looks at edge_start and edge_to alone.
 */
void hd_referrers_of(const struct hd_graph *graph, uint32_t node, uint64_t *referrers);
void hd_referrers_of_set(const struct hd_graph *graph, const uint64_t *set, uint64_t *referrers);

#endif
