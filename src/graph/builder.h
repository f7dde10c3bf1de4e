/*
 * Builds a graph from a dump: ours, or ObjectSpace.dump_all's.
 *
 * The file is read once, in parallel chunks where it can be mapped; memory stays below 120 bytes per object plus 12 per
 * edge. Bad lines of our own dumps are errors; a truncated dump is read as far as it goes and marked.
 */
#ifndef HD_GRAPH_BUILDER_H
#define HD_GRAPH_BUILDER_H

#include "graph/graph.h"

struct hd_graph_storage; /* the memory the columns lie in */

/* `path` "-" is stdin. On success the graph is valid until the storage is destroyed. */
bool hd_builder_read(const char *path, struct hd_graph *graph, struct hd_graph_storage **storage, struct hd_error *err);
void hd_graph_storage_destroy(struct hd_graph_storage *storage);

#endif
