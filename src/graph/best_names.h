/*
 * The most telling name for a step: where one object refers to another several times, people want the name that says
 * most. The roots have most objects twice, as `vm` or `global_tbl` and as `global_variables.$app`.
 *
 * Owns which of two names says more. Must not know how paths are found: it changes which edge a step goes by, never
 * between which nodes.
 */
#ifndef HD_GRAPH_BEST_NAMES_H
#define HD_GRAPH_BEST_NAMES_H

#include "graph/paths.h"

/* Up to so many references, a hash is a small one: there keys are names that people gave. */
enum { HD_BEST_NAMES_SMALL = 64 };

/* Whether an edge's name says more than another's. */
bool hd_best_names_better(const struct hd_graph *graph, uint64_t edge, uint64_t than);

/*
 * Whether an edge is one of the many entries of a big hash: its key tells which one, and not what it is. People want those
 * to be alike.
 */
bool hd_best_names_is_entry(const struct hd_graph *graph, uint32_t from, uint64_t edge);

/* For all steps that leave the root. */
void hd_best_names_from_root(struct hd_paths *paths);

/* For all steps of these paths. Edges that are not weak stay so. What they leave is looked through once, however many steps leave it. */
bool hd_best_names_along(const struct hd_graph *graph, struct hd_path *list, uint32_t count, struct hd_error *err);

#endif
