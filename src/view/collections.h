/*
 * How full arrays, hashes and sets are, which are empty, which are big: what `collections` shows.
 *
 * Owns the answer, its JSON, and what of it is kept in the index: the first rows of each list, of which any number can be shown later
 * without the graph or the dump.
 */
#ifndef HD_VIEW_COLLECTIONS_H
#define HD_VIEW_COLLECTIONS_H

#include "graph/collections.h"
#include "view/keep.h"
#include "view/shown.h"

struct hd_view_collections_row {
    struct hd_shown object;
    uint32_t kind; /* HD_COLLECTIONS_ARRAY, … */
    uint64_t elements, places, unused; /* graph/collections.h */
    struct hd_graph_text way; /* who holds it */
};

struct hd_view_collections_made;

/* Some of both lists. */
struct hd_view_collections_piece {
    struct hd_view_collections_row *biggest, *unused;
    struct hd_buffer kept; /* their texts */
};

struct hd_view_collections {
    const struct hd_open *open;
    struct hd_collections_sum sums[HD_COLLECTIONS_KINDS];
    uint64_t unreachable;
    uint32_t shown;                      /* of the biggest; of those with unused places those among so many that have any */
    uint32_t ways[HD_COLLECTIONS_KINDS]; /* by which empty ones are held, in all */
    /* as they were kept; NULL: they are made of `made` when they are asked for */
    struct hd_view_collections_piece piece[HD_KEEP_PIECES];
    struct hd_shown_way *way_rows[HD_COLLECTIONS_KINDS];
    struct hd_view_collections_made *made; /* NULL: all of it was kept */
};

extern const char *const hd_view_collections_kinds[HD_COLLECTIONS_KINDS]; /* "arrays", "hashes", "sets" */
extern const char *const hd_view_collections_fills[HD_COLLECTIONS_FILLS]; /* "empty", "below 25 %", … */

/*
 * At most `rows` of each list; 0: all. An index mapped for HD_INDEX_SUMS is enough: if so many are not kept, hd_open_whole gets the rest,
 * the dump is read again, and they are kept. To be freed whether it succeeds or not.
 */
bool hd_view_collections_make(struct hd_view_collections *view, struct hd_open *open, unsigned long rows,
                              struct hd_error *err);
void hd_view_collections_free(struct hd_view_collections *view);

/*
 * One of the first `shown`: most elements first, or most unused places, which are 0 from the first on that has none. It is there until
 * the next is asked for.
 */
const struct hd_view_collections_row *hd_view_collections_biggest(const struct hd_view_collections *view, uint32_t number);
const struct hd_view_collections_row *hd_view_collections_unused(const struct hd_view_collections *view, uint32_t number);

/* One of the ways by which empty ones are held, those of most bytes first; below `ways` and, if `rows` was not 0, below that. */
const struct hd_shown_way *hd_view_collections_way(const struct hd_view_collections *view, int kind, uint32_t number);

/* One object, and a line's end. */
void hd_view_collections_json(FILE *file, const struct hd_view_collections *view);

#endif
