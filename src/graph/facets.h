/*
 * Sorts the objects of a graph into groups by what only their lines say: source file, gem, shape, method.
 *
 * Owns what belongs to which file, gem, method or shape; one pass over the dump. Must not know what is asked about a
 * group (graph/retained.h). Invariant: number[n] is below count for every object; the root is in no group; names differ.
 */
#ifndef HD_GRAPH_FACETS_H
#define HD_GRAPH_FACETS_H

#include "graph/graph.h"
#include "graph/names.h"
#include "graph/replay.h"

/*
 * FILE and METHOD: where the object was allocated, if that was traced, else where the code is that it holds (iseqs, procs
 * and environments). Blocks belong to their method. GEM: from that file. SHAPE: its number and the variables it has.
 * SITE: where it was allocated, "FILE\nLINE\nMETHOD"; "" if that was not traced.
 */
enum hd_facet { HD_FACET_FILE, HD_FACET_GEM, HD_FACET_SHAPE, HD_FACET_METHOD, HD_FACET_SITE };
enum { HD_FACETS = HD_FACET_SITE + 1 };

struct hd_facets {
    uint32_t *number; /* [node_count] group of the node, HD_NODE_NONE for the root */
    uint32_t count;
    struct hd_graph_text *name; /* [count] lives as long as this */
    struct hd_names names;
};

/* `path` is the file that the graph was read from. False if it cannot be read again; then there is nothing to destroy. */
bool hd_facets_create(struct hd_facets *facets, enum hd_facet facet, const char *path, const struct hd_graph *graph,
                      struct hd_error *err);
void hd_facets_destroy(struct hd_facets *facets);

/* What a pass over the dump is to find. */
struct hd_facets_found {
    struct hd_facets facets[HD_FACETS]; /* those of the bits 1 << f of `wanted`; more may be there, too */
    unsigned wanted;
    struct hd_facets_pass *pass; /* while it runs */
    uint32_t *nodes;
    struct hd_replay_visitor visitor[HD_REPLAY_VISITORS];
};

/* Before a pass and after it; *job is for hd_replay_jobs. Does not move meanwhile. To be freed whether it succeeds or not. */
bool hd_facets_find(struct hd_facets_found *found, unsigned wanted, const struct hd_graph *graph, unsigned visitors,
                    struct hd_replay_job *job, struct hd_error *err);
bool hd_facets_found_all(struct hd_facets_found *found, const struct hd_graph *graph, struct hd_error *err);
void hd_facets_found_free(struct hd_facets_found *found);

/* Several in one pass: facets[f] for each bit 1 << f of `wanted`; the others are empty. Each is destroyed by itself. */
bool hd_facets_create_several(struct hd_facets facets[HD_FACETS], unsigned wanted, const char *path, const struct hd_graph *graph,
                              struct hd_error *err);

/* Into *name (of `size` bytes, terminated): what a source file belongs to: "rack-2.2.4", "set (stdlib)", "(application)". */
void hd_facets_gem(struct hd_graph_text file, char *name, size_t size);

#endif
