/*
 * The words for who holds an object, by which way (graph/holders.h).
 *
 * Must not know which objects are asked about.
 */
#ifndef HD_VIEW_WAYS_H
#define HD_VIEW_WAYS_H

#include "base/arena.h"
#include "graph/holders.h"
#include "view/open.h"

/* All three are the property of `open`. */
struct hd_ways {
    const struct hd_open *open;
    const struct hd_groups *classes;
    const struct hd_paths *paths;
};

/* False and *err if memory ran out. There is nothing to free. */
bool hd_ways_init(struct hd_ways *ways, struct hd_open *open, struct hd_error *err);

/* "Shop::Order ivs.@tags → Array val[]": the holder and the names of the references. */
void hd_ways_append(struct hd_buffer *out, const struct hd_ways *ways, uint32_t from, uint64_t edge);

/* The same of what is next to a node on the shortest path to it; "nothing" if no root leads to it. */
void hd_ways_append_to(struct hd_buffer *out, const struct hd_ways *ways, uint32_t node);

#endif
