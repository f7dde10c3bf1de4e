/* The options that exporters of stacks share, and the tree that they shape. */
#ifndef HD_STORE_TREE_OPTIONS_H
#define HD_STORE_TREE_OPTIONS_H

#include "store/exporter.h"
#include "view/tree_view.h"

#define HD_TREE_OPTION_DEPTH {"depth", "N", "frames of a stack (100), at most 1000"}
#define HD_TREE_OPTION_MIN {"min", "SIZE|PERCENT", "put together what retains less (0): 100kB, 0.01%"}

/* Every stack has all its frames: without an end to them a deep heap would make a file of its depth squared. */
enum { HD_TREE_DEPTH = 100, HD_TREE_DEPTH_MAX = 1000 };

/* The tree as `heap_dump tree` shows it, to be freed with hd_tree_view_free. `least`: in bytes, what --min says. */
bool hd_tree_options_make(const struct hd_export *export, struct hd_tree_view *view, uint64_t *least, struct hd_error *err);

#endif
