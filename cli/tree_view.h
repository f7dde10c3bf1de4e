/*
 * A dump as a dominator tree for `tree` and `flame`: both show the same groups under the same names.
 *
 * Owns the tree with all it is made of, what a group is called, and how --min is read. Must not know how the tree is shown.
 */
#ifndef HD_CLI_TREE_VIEW_H
#define HD_CLI_TREE_VIEW_H

#include "base/arena.h"
#include "cli/open.h"
#include "graph/tree.h"

struct hd_tree_view {
    struct hd_open open;
    struct hd_groups classes;
    struct hd_paths paths;
    struct hd_tree tree;
    uint32_t from; /* HD_NODE_ROOT, or the object it begins at */
    bool retained; /* whether any root leads to where it begins */
};

/* `id` NULL: from the roots. `depth` 0: all levels. False and *err set if it cannot be made; then there is nothing to close. */
bool hd_tree_view_open(struct hd_tree_view *view, const char *path, const char *id, unsigned long depth,
                       struct hd_error *err);
void hd_tree_view_close(struct hd_tree_view *view);

/* Appends "val[] → Shop::Order" with that arrow; "… Shop::Cart → val[] → Shop::Order" is one of several ways there. */
void hd_tree_view_name(struct hd_buffer *out, const struct hd_tree_view *view, uint32_t group, const char *arrow);

/* From which size on groups are shown: in bytes, or as a share of the whole. */
struct hd_tree_least {
    uint64_t bytes;
    double share; /* if it is not 0 */
};

/* Reads "500kB" or "0.5%"; stops the call if it is neither. */
void hd_tree_view_read_least(struct hd_call *call, struct hd_tree_least *least);
uint64_t hd_tree_view_least(const struct hd_tree_view *view, const struct hd_tree_least *least);

#endif
