/*
 * Who holds the members of a set: references to them, merged where they come the same way from objects of the same class.
 *
 * A way leads from an owner over the containers between (Array, Hash, an environment, the owner of a shared buffer) to the
 * member: "Shop::Order ivs.@tags → Array val[]". The owner is the first thing on the shortest path that is no container.
 * Must not know what the sets are nor how a way is shown. Weak references hold nothing.
 */
#ifndef HD_GRAPH_HOLDERS_H
#define HD_GRAPH_HOLDERS_H

#include "graph/groups.h"
#include "graph/paths.h"

enum { HD_HOLDERS_STEPS = 5 }; /* longest way; a longer one begins at a container */

/* A way: owner, step[0] (what the owner holds), …; the last step leads to the member. */
struct hd_holders_way {
    uint32_t owner;
    uint32_t length;
    struct hd_path_step step[HD_HOLDERS_STEPS];
};

struct hd_holder {
    uint64_t key;
    uint32_t set;
    uint32_t from;  /* of a sample */
    uint64_t edge;  /* of a sample: leads from `from` to a member */
    uint64_t count; /* references; no object counts twice for one member */
    uint64_t bytes; /* shallow sizes of what they lead to */
};

struct hd_holders {
    struct hd_holder *list; /* by set, then those with most bytes first */
    uint64_t count;
    uint64_t *start; /* [set_count + 1] into list */
};

/* set[n] is the set of node n, HD_NODE_NONE if it is in none. */
bool hd_holders_create(struct hd_holders *holders, const struct hd_paths *paths, const struct hd_groups *classes,
                       const uint32_t *set, uint32_t set_count, struct hd_error *err);
void hd_holders_destroy(struct hd_holders *holders);

/* The way by an edge that leaves `from`. */
void hd_holders_way(const struct hd_paths *paths, uint32_t from, uint64_t edge, struct hd_holders_way *way);

#endif
