/*
 * How full arrays, hashes and sets are, which are empty, which are big: what `collections` shows.
 *
 * Owns the answer and its JSON.
 */
#ifndef HD_VIEW_COLLECTIONS_H
#define HD_VIEW_COLLECTIONS_H

#include "graph/collections.h"
#include "view/ways.h"

struct hd_view_collections {
    struct hd_ways ways;
    struct hd_collections collections; /* most unused bytes first */
    struct hd_holders holders;         /* of the empty ones: sets by kind */
    uint32_t *set;
    struct hd_collection *biggest; /* most elements first */
    uint32_t shown;
};

extern const char *const hd_view_collections_kinds[HD_COLLECTIONS_KINDS]; /* "arrays", "hashes", "sets" */
extern const char *const hd_view_collections_fills[HD_COLLECTIONS_FILLS]; /* "empty", "below 25 %", … */

/* At most `rows` of each list; 0: all. Reads the dump again. To be freed whether it succeeds or not. */
bool hd_view_collections_make(struct hd_view_collections *view, struct hd_open *open, unsigned long rows,
                              struct hd_error *err);
void hd_view_collections_free(struct hd_view_collections *view);

/* One object, and a line's end. */
void hd_view_collections_json(FILE *file, const struct hd_view_collections *view);

#endif
