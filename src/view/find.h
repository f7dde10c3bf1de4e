/*
 * The objects that fit conditions, each in a few words: what `find` shows.
 *
 * Owns the list and its JSON. What a condition means is graph/find.h's.
 */
#ifndef HD_VIEW_FIND_H
#define HD_VIEW_FIND_H

#include "graph/find.h"
#include "view/describe.h"
#include "view/open.h"

struct hd_view_find {
    const struct hd_open *open;
    struct hd_found found;
    struct hd_descriptions descriptions; /* of those shown */
    uint32_t first, shown;
};

/* After hd_open_read_for HD_INDEX_SUMS or more. At most `limit` are shown, 0: all, the first of them being number `offset`. To be freed whether it succeeds or not. */
bool hd_view_find_make(struct hd_view_find *view, const struct hd_find_query *query, struct hd_open *open,
                       unsigned long offset, unsigned long limit, struct hd_error *err);
void hd_view_find_free(struct hd_view_find *view);

/* The objects that are shown as a list. */
void hd_view_find_json_objects(FILE *file, const struct hd_view_find *view);

/* One object, and a line's end. */
void hd_view_find_json(FILE *file, const struct hd_view_find *view);

#endif
