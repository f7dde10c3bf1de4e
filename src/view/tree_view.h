/*
 * A dump as a dominator tree for `tree` and `flame`: both show the same groups under the same names.
 *
 * Owns the tree with all it is made of, and what a group is called. Must not know how the tree is shown.
 */
#ifndef HD_VIEW_TREE_VIEW_H
#define HD_VIEW_TREE_VIEW_H

#include "base/arena.h"
#include "view/open.h"
#include "graph/tree.h"

enum { HD_TREE_VIEW_DEPTH = 5 }; /* levels that are shown if nothing else is asked for */

struct hd_tree_view {
    struct hd_open *open;
    struct hd_tree tree;
    uint32_t from; /* HD_NODE_ROOT, or the object it begins at */
    bool retained; /* whether any root leads to where it begins */
};

/* Begins at `from`. `depth` 0: all levels. False and *err if memory ran out; then there is nothing to free. */
bool hd_tree_view_make(struct hd_tree_view *view, struct hd_open *open, uint32_t from, unsigned long depth,
                       struct hd_error *err);
void hd_tree_view_free(struct hd_tree_view *view);

/* Appends "val[] → Shop::Order" with that arrow; "… Shop::Cart → val[] → Shop::Order" is one of several ways there. */
void hd_tree_view_name(struct hd_buffer *out, const struct hd_tree_view *view, uint32_t group, const char *arrow);

/* From which size on groups are shown: in bytes, or as a share of the whole. */
struct hd_tree_least {
    uint64_t bytes;
    double share; /* if it is not 0 */
};

uint64_t hd_tree_view_least(const struct hd_tree_view *view, const struct hd_tree_least *least);

#endif
