/*
 * What several questions need of a dump's lines, found in one pass over it instead of one for each: the files, gems, shapes and methods
 * of all objects, the contents of strings, how full collections are.
 *
 * Owns the pass. Must not know what is asked. What it hands out is what each would have found alone.
 */
#ifndef HD_GRAPH_LINES_H
#define HD_GRAPH_LINES_H

#include "graph/collections.h"
#include "graph/facets.h"
#include "graph/strings.h"

struct hd_lines {
    struct hd_facets_found facets;
    struct hd_strings_found strings;
    struct hd_collections_found collections;
};

/* `facets`: bits 1 << enum hd_facet. `dominator` is the parent column of the dominators. NULL and *err if the dump cannot be read again. */
struct hd_lines *hd_lines_create(unsigned facets, const char *path, const struct hd_graph *graph, const uint32_t *dominator,
                                 struct hd_error *err);
void hd_lines_destroy(struct hd_lines *lines);

#endif
