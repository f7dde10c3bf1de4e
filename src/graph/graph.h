/*
 * The heap as a graph in columns: what every analysis reads.
 *
 * Owns the layout of the columns and the look-ups on them. Must not know where they came from (graph/builder.h reads a
 * dump, graph/index.h maps a saved one) nor what is asked of them.
 * Node 0 is the root: its edges are the GC roots, named by category. Nodes 1 … node_count-1 are the objects, sorted by
 * address. An edge is weak if it keeps nothing alive. Nothing here recurses, and nothing is a struct per node.
 * Invariant: edge_start has node_count + 1 entries and does not decrease; every edge_to is below node_count; every
 * name is below name_count; a graph is never changed once it is built.
 */
#ifndef HD_GRAPH_GRAPH_H
#define HD_GRAPH_GRAPH_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HD_NODE_NONE UINT32_MAX
#define HD_NODE_ROOT 0u
#define HD_NAME_WEAK 0x80000000u /* in edge_name: the edge keeps nothing alive */
#define HD_NAME_MASK 0x7fffffffu

/* Bits of node_flags. */
enum { HD_NODE_FROZEN = 1, HD_NODE_GARBAGE = 2, HD_NODE_SINGLETON = 4, HD_NODE_TRUNCATED = 8 };

struct hd_graph {
    /* nodes */
    uint32_t node_count;
    const uint64_t *node_address;  /* [node_count]; 0 for the root */
    const uint64_t *node_size;     /* [node_count] shallow size in bytes; 0 for the root */
    const uint64_t *node_line;     /* [node_count] where its line begins in the (uncompressed) dump */
    const uint32_t *node_class;    /* [node_count] node of its class, HD_NODE_NONE if it has none */
    const uint32_t *node_label;    /* [node_count] name: a class's own path, a T_DATA's or T_IMEMO's type_name, else HD_NAME_MASK */
    const uint8_t *node_type;      /* [node_count] enum hd_bt */
    const uint8_t *node_flags;     /* [node_count] */
    /* edges, by the node they leave: those of node n are edge_start[n] … edge_start[n+1] - 1, in the dump's order */
    uint64_t edge_count;
    const uint64_t *edge_start;    /* [node_count + 1] */
    const uint32_t *edge_to;       /* [edge_count] */
    const uint32_t *edge_name;     /* [edge_count] name of the edge as people write it: "ivs.@customer", "val[]", "frames.locals.rows" */
    /* names, each once */
    uint32_t name_count;
    const uint64_t *name_start;    /* [name_count + 1] into name_bytes */
    const char *name_bytes;        /* UTF-8, not terminated */
    /* the dump */
    uint64_t dump_bytes;           /* size of the file as it was read */
    uint64_t heap_low, heap_high;
    uint32_t head_name;            /* name: the _DUMP_ line's text as JSON; HD_NAME_MASK if there was none (ObjectSpace) */
    bool truncated, redacted, unnamed;
    uint64_t dangling;             /* references to no object of the dump: left out of the edges */
    uint64_t bad_lines;            /* of an ObjectSpace dump: broken ones, skipped or used as far as they could be read */
};

struct hd_graph_text {
    const char *data;
    size_t length;
};

static inline struct hd_graph_text hd_graph_name(const struct hd_graph *graph, uint32_t name)
{
    name &= HD_NAME_MASK;
    if (name >= graph->name_count)
        return (struct hd_graph_text){NULL, 0};
    return (struct hd_graph_text){graph->name_bytes + graph->name_start[name],
                                  graph->name_start[name + 1] - graph->name_start[name]};
}

/* The node of an object by its address, HD_NODE_NONE if there is none. Binary search. */
uint32_t hd_graph_find(const struct hd_graph *graph, uint64_t address);

/*
 * The name of an object's class as people say it: "Order", "Class", "#<Class:Order>" for what a singleton class's
 * instances are; for a T_IMEMO "(iseq)", "(env)", …. name.data is never NULL.
 */
struct hd_graph_text hd_graph_class_name(const struct hd_graph *graph, uint32_t node);

#endif
