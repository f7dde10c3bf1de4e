/*
 * Exactly what classes and types retain (graph/exact.h), for all of them at once: what `top --exact` shows.
 *
 * Owns how they are kept in the index. Must not know which of them are shown.
 */
#ifndef HD_VIEW_EXACT_SUMS_H
#define HD_VIEW_EXACT_SUMS_H

#include "base/arena.h"
#include "view/open.h"

struct hd_exact_sums {
    uint64_t *classes, *types; /* [class_count], [type_count] bytes, in the order of hd_derived_classes and enum hd_bt; NULL: the graph is too tangled */
    uint32_t class_count, type_count;
};

/*
 * After hd_open_read_for HD_INDEX_SUMS or more, before anything was asked of `derived`: if they are not kept they
 * are made, for which hd_open_whole gets the rest. To be freed whether it succeeds or not.
 */
bool hd_exact_sums_get(struct hd_exact_sums *sums, struct hd_open *open, struct hd_error *err);
void hd_exact_sums_free(struct hd_exact_sums *sums);

/* Makes them in a thread of its own, of a dump that is open for HD_INDEX_GRAPH and stays so, and keeps them when it is ended. NULL if it cannot be. */
struct hd_exact_ahead *hd_exact_ahead_begin(struct hd_open *open);
void hd_exact_ahead_end(struct hd_exact_ahead *ahead);

#endif
