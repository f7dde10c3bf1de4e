/*
 * Gives singleton classes, which have no name of their own, the one that `inspect` would show: "#<Class:Order>".
 */
#ifndef HD_GRAPH_SINGLETONS_H
#define HD_GRAPH_SINGLETONS_H

#include "graph/graph.h"
#include "graph/names.h"

/* Changes `label` (the graph's own column) and adds to `names`, which are not yet in the graph. */
bool hd_singletons_name(const struct hd_graph *graph, uint32_t *label, struct hd_names *names);

#endif
