/*
 * What kinds of steps there are on a path: how much each says to who reads it.
 *
 * Owns which step is of which kind. Must not know how paths are found. The kind of a path is that of its least telling step.
 */
#ifndef HD_GRAPH_PATH_KINDS_H
#define HD_GRAPH_PATH_KINDS_H

#include "dump/json_reader.h"
#include "graph/graph.h"

enum hd_path_kind {
    HD_PATH_TELLING,   /* by names that people wrote */
    HD_PATH_DULL,      /* by those that always are there (`class`, `super`), that were found by their looks, or out of a list of Ruby's own */
    HD_PATH_ANONYMOUS, /* from a root that a C stack or a C variable seems to hold */
    HD_PATH_CODE,      /* out of instruction sequences, methods and their caches */
    HD_PATH_KINDS
};

struct hd_path_kinds {
    const struct hd_graph *graph;
    uint8_t *name; /* [name_count] whether edges that are called so are dull: 1 no, 2 yes, 0 nobody has asked */
};

/* The graph must outlive it. False: memory ran out, there is nothing to free. */
bool hd_path_kinds_init(struct hd_path_kinds *kinds, const struct hd_graph *graph);
void hd_path_kinds_deinit(struct hd_path_kinds *kinds);

/* Of a name nobody has asked about. */
bool hd_path_kinds_look_at_name(struct hd_path_kinds *kinds, uint32_t name);

/* By the name alone. */
static inline bool hd_path_kinds_is_dull(struct hd_path_kinds *kinds, uint64_t edge)
{
    uint32_t name = kinds->graph->edge_name[edge] & HD_NAME_MASK;
    if (name >= kinds->graph->name_count)
        return false;
    return kinds->name[name] ? kinds->name[name] == 2 : hd_path_kinds_look_at_name(kinds, name);
}

/* Ruby's own lists, that nobody sees: of what C code has registered, of symbols, … All edges of these are dull. */
static inline bool hd_path_kinds_is_hidden(const struct hd_graph *graph, uint32_t node)
{
    uint8_t type = graph->node_type[node];
    return (type == HD_BT_T_ARRAY || type == HD_BT_T_HASH || type == HD_BT_T_DATA) && graph->node_class[node] == HD_NODE_NONE;
}

/* Of an imemo, by its label. */
bool hd_path_kinds_label_is_code(const struct hd_graph *graph, uint32_t node);

/* Instruction sequences, methods and their caches. */
static inline bool hd_path_kinds_is_code(const struct hd_graph *graph, uint32_t node)
{
    return graph->node_type[node] == HD_BT_T_IMEMO && hd_path_kinds_label_is_code(graph, node);
}

/* Of an edge from the root: what a C function's stack or variables seem to hold: true, but it says nothing. */
bool hd_path_kinds_is_anonymous(const struct hd_graph *graph, uint64_t edge);

/* Of an edge that leaves that node. */
enum hd_path_kind hd_path_kinds_step(struct hd_path_kinds *kinds, uint32_t from, uint64_t edge);

#endif
