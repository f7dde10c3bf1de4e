/*
 * What `diff` wants to know of one dump (graph/diff_part.h), kept with its index, so that the second dump is all that is new to it.
 *
 * Owns when that is made. Must not know what is in it.
 */
#ifndef HD_VIEW_DIFF_KEPT_H
#define HD_VIEW_DIFF_KEPT_H

#include "graph/diff_part.h"
#include "view/open.h"

/*
 * The part of a dump: what was kept of it, where HD_INDEX_HEADER is enough and whose columns lie in the index; or, if nothing was, made.
 * To be freed whether it succeeds or not.
 */
bool hd_diff_kept_part(struct hd_diff_part *part, struct hd_open *open, struct hd_error *err);

/* The same, only what was kept; empty if nothing was. Of several dumps at once by several threads. */
bool hd_diff_kept_find(struct hd_diff_part *part, const struct hd_open *open);

/* The same, of the whole graph, for which hd_open_whole is asked. */
bool hd_diff_kept_make(struct hd_diff_part *part, struct hd_open *open, struct hd_error *err);

struct hd_diff_ahead;

/* Makes it in a thread of its own; NULL if it is there or cannot be. Both must outlive that. */
struct hd_diff_ahead *hd_diff_ahead_begin(const struct hd_open *open);

/* Waits for it and keeps it. */
void hd_diff_ahead_end(struct hd_diff_ahead *ahead);

#endif
