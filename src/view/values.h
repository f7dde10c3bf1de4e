/*
 * Values and names of all objects (graph/values.h) in the index of a dump.
 *
 * Owns under which questions they are kept, and when they may be. Must not know what is looked for in them.
 */
#ifndef HD_VIEW_VALUES_H
#define HD_VIEW_VALUES_H

#include "graph/values_search.h"
#include "view/open.h"

/* hd_lines_create for a basis that lies in an index, which then has them, too. */
struct hd_lines *hd_values_lines(struct hd_basis *basis, unsigned facets, struct hd_error *err);

struct hd_values_kept {
    struct hd_values_source source; /* its data are this: it does not move */
    struct hd_index *index;
    uint64_t stamp;
};

/* False if they are not there; then there is nothing to close. */
bool hd_values_open(struct hd_values_kept *kept, const struct hd_open *open);
void hd_values_close(struct hd_values_kept *kept);

#endif
