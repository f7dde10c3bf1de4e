/*
 * How full arrays, hashes and sets are.
 *
 * Owns what is known of each of them: elements and places. Must not know who holds one (graph/holders.h) nor how it is
 * shown. An array or hash without a buffer of its own (in its slot, or shared) has as many places as elements here: none
 * of them can be saved. A dump of ObjectSpace has no capacities: they are worked out from the bytes that an object takes; those
 * of a few hashes stay unknown. A Set is one of its own since Ruby 4.0, and in our dumps only: before, it is an object with a hash.
 */
#ifndef HD_GRAPH_COLLECTIONS_H
#define HD_GRAPH_COLLECTIONS_H

#include "graph/graph.h"
#include "graph/replay.h"

#define HD_COLLECTIONS_UNKNOWN UINT64_MAX

enum { HD_COLLECTIONS_ARRAY, HD_COLLECTIONS_HASH, HD_COLLECTIONS_SET, HD_COLLECTIONS_KINDS };
enum { HD_COLLECTIONS_FILLS = 6 }; /* 0, below 25, 50, 75, 100 percent, and full */

struct hd_collection {
    uint32_t node;
    uint64_t elements;
    uint64_t places; /* HD_COLLECTIONS_UNKNOWN */
    uint64_t unused; /* bytes of the places that nothing is in */
};

struct hd_collections_sum {
    uint64_t count, bytes;
    uint64_t empty, empty_bytes;
    uint64_t elements;
    /* of those whose places are known: */
    uint64_t known, known_elements, places, unused;
    uint64_t fill_count[HD_COLLECTIONS_FILLS], fill_unused[HD_COLLECTIONS_FILLS];
};

struct hd_collections {
    struct hd_collection *list; /* in the order of the file, or hd_collections_rank's */
    uint32_t count;
    struct hd_collections_sum sums[HD_COLLECTIONS_KINDS];
    uint64_t unreachable; /* left out: nothing leads to them */
};

/* Of a node that is in the list. */
int hd_collections_kind(const struct hd_graph *graph, uint32_t node);

/* What a pass over the dump is to find: those that are reachable, in the order of the file. */
struct hd_collections_found {
    struct hd_collection *list;
    uint32_t *nodes;
    uint32_t count;
    uint64_t unreachable;
    struct hd_collections_build *build; /* while the pass runs */
    struct hd_replay_visitor visitor[HD_REPLAY_VISITORS];
};

/* Before a pass; *job is for hd_replay_jobs. To be freed whether it succeeds or not. */
bool hd_collections_find(struct hd_collections_found *found, const struct hd_graph *graph, const uint32_t *dominator,
                         unsigned visitors, struct hd_replay_job *job, struct hd_error *err);
void hd_collections_found_free(struct hd_collections_found *found);

/* `dominator` is the parent column of the dominators. `found`: what a pass found; NULL: it is made here. */
bool hd_collections_create(struct hd_collections *collections, const char *path, const struct hd_graph *graph,
                           const uint32_t *dominator, const struct hd_collections_found *found, struct hd_error *err);
void hd_collections_destroy(struct hd_collections *collections);

/* Puts the `first` ones in front, in order: most unused bytes first, or most elements. The others follow in any order. */
void hd_collections_rank(struct hd_collections *collections, bool unused, uint32_t first);

#endif
