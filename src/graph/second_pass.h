/*
 * Reads the lines of objects again, for what is not in the graph's columns: contents, places in source files, frames.
 *
 * Owns which line is whose and that the file is still the one the graph was made of. Must not know what is looked for. A
 * plain file is read by several threads, and only where wanted lines are; a compressed one once, as far as the last of them.
 */
#ifndef HD_GRAPH_SECOND_PASS_H
#define HD_GRAPH_SECOND_PASS_H

#include "graph/graph.h"

#define HD_SECOND_PASS_WORKERS 16u /* numbers of workers are below it */

/*
 * One object: its line as JSON, valid during the call; continuations are left out. Calls with different worker numbers
 * come at the same time. False (and *err) ends the pass.
 */
typedef bool hd_second_pass_visit(void *data, unsigned worker, uint32_t node, struct hd_graph_text object,
                                  struct hd_error *err);

/*
 * All objects, or those with wanted[node] not 0, each worker's in the order of the file. False and *err if the file
 * cannot be read again (standard input) or has changed.
 */
bool hd_second_pass(const char *path, const struct hd_graph *graph, const uint8_t *wanted, hd_second_pass_visit *visit,
                    void *data, struct hd_error *err);

#endif
