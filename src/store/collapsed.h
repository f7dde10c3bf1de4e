/*
 * Collapsed stacks: a line "frame;frame;frame NUMBER" for each group of the dominator tree, which flamegraph.pl, inferno and
 * speedscope read.
 *
 * Owns the lines. In names `;` becomes `,` and a space `_`, so that nothing ends a frame or a line, or is taken for the number.
 */
#ifndef HD_STORE_COLLAPSED_H
#define HD_STORE_COLLAPSED_H

#include "store/sink.h"
#include "store/tree_walk.h"
#include "view/tree_view.h"

struct hd_collapsed {
    const struct hd_tree_view *view;
    uint64_t least; /* bytes: what retains less is put together */
    bool count;     /* the numbers are objects, not bytes */
    uint64_t total, lines; /* of what was written */
};

/* Appends all lines to the sink, which is not yet flushed then. */
bool hd_collapsed_write(struct hd_collapsed *collapsed, struct hd_sink *sink, struct hd_error *err);

#endif
