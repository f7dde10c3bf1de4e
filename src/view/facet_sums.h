/*
 * What the groups of a facet (graph/facets.h) take and retain: few numbers, where the groups themselves have one for each object.
 *
 * Owns how they are kept in the index: the dump is read once for the files, gems, shapes and methods together, whichever is asked for
 * first, and not again. Must not know how they are shown.
 */
#ifndef HD_VIEW_FACET_SUMS_H
#define HD_VIEW_FACET_SUMS_H

#include "base/arena.h"
#include "graph/facets.h"
#include "graph/retained.h"
#include "view/open.h"

/* Those that are made together. */
enum { HD_FACET_SUMS = 1u << HD_FACET_FILE | 1u << HD_FACET_GEM | 1u << HD_FACET_SHAPE | 1u << HD_FACET_METHOD };

struct hd_facet_sums {
    uint32_t count;
    struct hd_retained_group *sums; /* [count] */
    uint64_t *exact;                /* [count] exactly what each retains (graph/exact.h); NULL if that was not asked for, or the graph is too tangled */
    struct hd_graph_text *name;     /* [count]; they live as long as this */
    struct hd_buffer bytes;
};

/*
 * Those of one facet, but for HD_FACET_SITE. To be freed whether it succeeds or not. An index mapped for HD_INDEX_SUMS is enough: if they are
 * not kept, hd_open_whole gets the rest.
 */
bool hd_facet_sums_get(struct hd_facet_sums *sums, struct hd_open *open, enum hd_facet facet, bool exact, struct hd_error *err);

void hd_facet_sums_free(struct hd_facet_sums *sums);

#endif
