/*
 * What several questions need of a dump's lines, found in one pass over it instead of one for each: the files, gems, shapes and methods
 * of all objects, the contents of strings, how full collections are; and values and names, for who keeps them.
 *
 * Owns the pass. Must not know what is asked. What it hands out is what each would have found alone.
 */
#ifndef HD_GRAPH_LINES_H
#define HD_GRAPH_LINES_H

#include "graph/collections.h"
#include "graph/facets.h"
#include "graph/strings.h"
#include "graph/values.h"

struct hd_lines {
    struct hd_facets_found facets;
    struct hd_strings_found strings;
    struct hd_collections_found collections;
};

/* Who keeps values and names (hd_values_build_create). */
struct hd_lines_values {
    hd_values_put *put;
    void *data;
    uint64_t room;
    struct hd_values_sum sum; /* then; `whole`: all was put */
    bool whole;
};

/*
 * `facets`: bits 1 << enum hd_facet. `dominator` is the parent column of the dominators. `values` may be NULL. NULL and *err if the dump cannot be
 * read again.
 */
struct hd_lines *hd_lines_create(unsigned facets, const char *path, const struct hd_graph *graph, const uint32_t *dominator,
                                 struct hd_lines_values *values, struct hd_error *err);
void hd_lines_destroy(struct hd_lines *lines);

#endif
