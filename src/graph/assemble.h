/*
 * Puts parts together into a graph: addresses become node numbers, names become one table.
 *
 * Must not know where the parts came from. Uses a thread per part.
 */
#ifndef HD_GRAPH_ASSEMBLE_H
#define HD_GRAPH_ASSEMBLE_H

#include "graph/part.h"
#include "graph/storage.h"

/*
 * At most HD_PARTS_MAX parts; they stand in the order of the file; they are used up. References to no object are left out and counted, and so
 * are objects that come twice if `lenient`; otherwise those are an error. Sets the columns and counts of *graph.
 */
bool hd_assemble(struct hd_part *parts, unsigned part_count, bool lenient, struct hd_graph *graph,
                 struct hd_graph_storage *storage, struct hd_error *err);

#endif
