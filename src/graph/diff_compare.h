/*
 * Compares two dumps object by object: both are sorted by address, so that is one pass over both, in pieces that all processors share.
 *
 * Owns what is found out about each object. Must not know what is summed up over them (graph/diff.h).
 */
#ifndef HD_GRAPH_DIFF_COMPARE_H
#define HD_GRAPH_DIFF_COMPARE_H

#include "graph/diff.h"

/* A dump while it is compared, its numbers as those of all dumps. */
struct hd_diff_side {
    struct hd_diff_part part;
    uint32_t *title, *way; /* numbers for those of the part */
    /* Sets of its objects (base/bits.h), NULL: not wanted, or there is no dump before: those made after the first dump; of these, those that the dump before had. */
    uint64_t *came, *stayed;
};

/* Of a kind: the member that retains most, of those it was asked of; `node` 0: there is none. */
struct hd_diff_best {
    uint64_t retained;
    uint32_t node;
};

/* What is made of b instead of a where it retains more, or as much and is lower. */
static inline void hd_diff_best_take(struct hd_diff_best *a, struct hd_diff_best b)
{
    if (b.node && (!a->node || b.retained > a->retained || (b.retained == a->retained && b.node < a->node)))
        *a = b;
}

enum hd_diff_done { HD_DIFF_DONE, HD_DIFF_NO_MEMORY, HD_DIFF_DAMAGED }; /* DAMAGED: an index that columns lie in */

/*
 * Fills *change (but for `apart`), the sets of `to` that it has, and best[kind of `to`], NULL if that is not wanted, of what came after
 * the first dump. Objects whose kind has one of the bits `skip` are not there. `to` has what its objects retain if best is wanted.
 */
enum hd_diff_done hd_diff_compare(const struct hd_diff_side *from, const struct hd_diff_side *to, uint8_t skip,
                                  struct hd_diff_change *change, struct hd_diff_best *best);

/* Sums of what stayed in a dump, whose columns are all there, and the best of each kind of it. */
struct hd_diff_stayed {
    struct hd_retained_group *class, *way; /* [class_count], [way_count] */
    uint32_t class_count, way_count;
    struct hd_diff_best *best; /* [kind_count] */
    uint64_t objects, bytes;
};

enum hd_diff_done hd_diff_sum_stayed(const struct hd_diff_side *side, struct hd_diff_stayed *stayed);

#endif
