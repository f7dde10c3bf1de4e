/*
 * Sets of groups, each there once: a set is a number, and two are the same if their numbers are.
 *
 * Owns them, and what was worked out of two of them last. Must not know what a group stands for. Most graphs need a few hundred small
 * ones; how many a graph needs depends on how its groups lie below each other, so there is a limit to what they may take.
 * Invariant: set 0 is the empty one; the groups of a set ascend; a set never changes.
 */
#ifndef HD_GRAPH_GROUP_SETS_H
#define HD_GRAPH_GROUP_SETS_H

#include <stdbool.h>
#include <stdint.h>

#define HD_GROUP_SETS_EMPTY 0u
#define HD_GROUP_SETS_FAILED UINT32_MAX

struct hd_group_set {
    uint64_t start; /* in `element` */
    uint32_t length, hash;
};

struct hd_group_sets_known; /* what two sets make */

struct hd_group_sets {
    struct hd_group_set *set;
    uint32_t count, capacity;
    uint32_t *slots; /* hash table: number + 1, 0 if free */
    uint32_t *element;
    uint64_t used, room;
    uint64_t work; /* how many elements were looked at to make sets */
    struct hd_group_sets_known *both, *with;
    bool full; /* the limit is reached, or memory ran out */
};

/* False if memory ran out; to be freed all the same. */
bool hd_group_sets_init(struct hd_group_sets *sets);
void hd_group_sets_deinit(struct hd_group_sets *sets);

/* What is in both sets; in a set or is that group. HD_GROUP_SETS_FAILED if it is a new one and there is no room: `full` is set then, for good. */
uint32_t hd_group_sets_both(struct hd_group_sets *sets, uint32_t a, uint32_t b);
uint32_t hd_group_sets_with(struct hd_group_sets *sets, uint32_t set, uint32_t group);

#endif
