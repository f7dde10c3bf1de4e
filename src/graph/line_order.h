/*
 * Nodes in the order of their lines in the dump.
 *
 * Most dumps have objects of neighbouring addresses in neighbouring lines, page by page: what is sorted are such runs, not single
 * nodes, where that does. Must not know why they are read.
 */
#ifndef HD_GRAPH_LINE_ORDER_H
#define HD_GRAPH_LINE_ORDER_H

#include "graph/graph.h"

/* Sorts nodes that are in any order; ascending ones fastest. False if memory ran out. */
bool hd_line_order(const struct hd_graph *graph, uint32_t *nodes, uint32_t count);

#endif
