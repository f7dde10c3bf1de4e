/*
 * What probably leaks: what `suspects` shows.
 *
 * Owns how the suspects are found for an open dump and their JSON. The sentences are suspects_words.h's.
 */
#ifndef HD_VIEW_SUSPECTS_H
#define HD_VIEW_SUSPECTS_H

#include "graph/suspects.h"
#include "view/open.h"

/*
 * Those that retain `share` (0.05: 5 %) of the data or more, at most `limit` of them (0: HD_SUSPECTS_MAX), with what reading the
 * dump again tells of them. False: there is nothing to destroy (hd_suspects_destroy); HD_ERROR_BAD_DUMP for a dump without roots.
 */
bool hd_view_suspects_make(struct hd_suspects *suspects, struct hd_open *open, double share, unsigned long limit,
                           struct hd_error *err);

/* One object, and a line's end; at most `most` steps of each path (view/path.h), 0: all. */
void hd_view_suspects_json(FILE *file, const struct hd_open *open, const struct hd_suspects *suspects, uint32_t most);

#endif
