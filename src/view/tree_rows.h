/*
 * Which groups of a tree are listed, and the list as JSON: what `tree` shows, and a treemap of a part of it.
 *
 * Owns the choice. Must not know how a row looks. A group is listed only if its parent is.
 */
#ifndef HD_VIEW_TREE_ROWS_H
#define HD_VIEW_TREE_ROWS_H

#include "view/tree_view.h"

/* What is asked for. */
struct hd_tree_rows_request {
    uint32_t top;          /* the group to begin at */
    uint32_t depth;        /* levels below it; UINT32_MAX: all there are */
    uint64_t least;        /* groups that retain less are not listed */
    unsigned long limit;   /* rows below the first one, the biggest; 0: all */
};

struct hd_tree_rows {
    const struct hd_tree_view *view;
    uint32_t top;
    uint64_t least;
    uint8_t *shown; /* [group count] */
    uint32_t shown_count;
    bool limited; /* the limit left out some that `least` did not */
};

/* Children of a group that are not listed. */
struct hd_tree_folded {
    uint64_t bytes, objects;
    uint32_t groups;
};

bool hd_tree_rows_make(struct hd_tree_rows *rows, const struct hd_tree_view *view,
                       const struct hd_tree_rows_request *request, struct hd_error *err);
void hd_tree_rows_free(struct hd_tree_rows *rows);

/* Whether the group is listed; false for HD_NODE_NONE. */
bool hd_tree_rows_has(const struct hd_tree_rows *rows, uint32_t group);

/* Listed children come before the others: both are in order of size. */
struct hd_tree_folded hd_tree_rows_folded(const struct hd_tree_rows *rows, uint32_t group);

/* One object, and a line's end: rows numbered from 0. `depth` as it was asked for. False and *err if memory ran out. */
bool hd_tree_rows_json(FILE *file, const struct hd_tree_rows *rows, unsigned long depth, struct hd_error *err);

/* The same for who goes on asking: rows called by the numbers of their groups, and the groups above the first. */
void hd_tree_rows_json_groups(FILE *file, const struct hd_tree_rows *rows);

#endif
