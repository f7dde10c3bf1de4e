/*
 * Which classes, types, files, gems, shapes or methods take and retain the most: what `top` shows.
 *
 * Owns the rows, their order and their JSON.
 */
#ifndef HD_VIEW_TOP_H
#define HD_VIEW_TOP_H

#include "graph/facets.h"
#include "graph/retained.h"
#include "view/exact_sums.h"
#include "view/facet_sums.h"
#include "view/open.h"

/* What to group by, as in hd_view_top_bys; from HD_VIEW_TOP_FACETS on the dump is read again. */
enum { HD_VIEW_TOP_CLASS, HD_VIEW_TOP_TYPE, HD_VIEW_TOP_FACETS };
extern const char *const hd_view_top_bys[];   /* "class", "type", "file", "gem", "shape", "method", NULL */
extern const char *const hd_view_top_sorts[]; /* "retained", "size", "count", NULL */

struct hd_view_top_request {
    int by;   /* of hd_view_top_bys */
    int sort; /* of hd_view_top_sorts */
    unsigned long limit; /* 0: all rows */
    bool exact; /* the exact retained sizes of the rows shown */
};

struct hd_view_top_row {
    struct hd_retained_group sums;
    struct hd_graph_text name;
    uint32_t number;
    uint64_t key;
};

struct hd_view_top {
    struct hd_open *open;
    int by, sort;
    unsigned long limit;
    bool exact;
    struct hd_groups types; /* these three: where one row is traced after the other */
    struct hd_facets facets;
    const uint32_t *number;
    const struct hd_graph_text *name;
    const struct hd_retained_group *sums;
    const uint64_t *exact_size; /* [group_count] NULL: see above */
    struct hd_exact_sums exact_sums;
    struct hd_facet_sums facet_sums;
    uint32_t group_count;
    struct hd_view_top_row *rows; /* sorted */
    uint32_t row_count, shown;
};

/* To be freed whether it succeeds or not. An index mapped for HD_INDEX_SUMS is enough: hd_open_whole gets the rest if it is needed. */
bool hd_view_top_make(struct hd_view_top *view, const struct hd_view_top_request *request, struct hd_open *open,
                      struct hd_error *err);
void hd_view_top_free(struct hd_view_top *view);

/* The rows as a list. */
void hd_view_top_json_rows(FILE *file, const struct hd_view_top *view);

/* One object, and a line's end. */
void hd_view_top_json(FILE *file, const struct hd_view_top *view);

#endif
