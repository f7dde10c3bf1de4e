/*
 * A dump as a dominator tree for `tree` and `flame`: both show the same groups under the same names.
 *
 * Owns the tree with all it is made of, how it is kept in the index, and what a group is called. Must not know how the tree is shown.
 */
#ifndef HD_VIEW_TREE_VIEW_H
#define HD_VIEW_TREE_VIEW_H

#include "base/arena.h"
#include "graph/tree_code.h"
#include "view/open.h"

enum { HD_TREE_VIEW_DEPTH = 5 }; /* levels that are shown if nothing else is asked for */

struct hd_tree_view {
    struct hd_open *open;
    struct hd_tree tree;
    uint32_t from; /* HD_NODE_ROOT, or the object it begins at */
    bool retained; /* whether any root leads to where it begins */
};

/*
 * What is asked for of the tree that begins at the object with that id (NULL: of all), without `number`. An index mapped for HD_INDEX_SUMS is
 * enough: more of it is looked at if need be. Of groups that are only counted `sample` and `via` say nothing. False and *err if there is no
 * such object or memory ran out; then there is nothing to free.
 */
bool hd_tree_view_make(struct hd_tree_view *view, struct hd_open *open, const char *id, const struct hd_tree_asked *asked,
                       struct hd_error *err);

/* The whole tree with all levels, and `number`. `open` is mapped for HD_INDEX_TREE. */
bool hd_tree_view_make_whole(struct hd_tree_view *view, struct hd_open *open, struct hd_error *err);

void hd_tree_view_free(struct hd_tree_view *view);

/* Appends "val[] → Shop::Order" with that arrow; "… Shop::Cart → val[] → Shop::Order" is one of several ways there. */
void hd_tree_view_name(struct hd_buffer *out, const struct hd_tree_view *view, uint32_t group, const char *arrow);

#endif
