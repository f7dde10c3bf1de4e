/*
 * The index file: a graph and its dominators, saved beside the dump, so that they are mapped the next time instead of
 * made again.
 *
 * Owns the file's format, its places and when it may be believed. Must not know how a graph is built nor what is asked
 * of it. The index is a cache: whatever is wrong with it, the caller builds the graph again; so nothing here is an error
 * people need to hear of.
 * Invariant: a graph that hd_index_map hands out keeps every promise of graph/graph.h and graph/dominators.h, whatever the file held.
 */
#ifndef HD_GRAPH_INDEX_H
#define HD_GRAPH_INDEX_H

#include "graph/dominators.h"
#include "graph/graph.h"

#include <limits.h>

/* Which dump an index is of. Made before the dump is read, and again before an index is saved. */
struct hd_index_key {
    char path[PATH_MAX]; /* real path, no links in it */
    uint64_t device, inode, size;
    uint64_t modified, changed; /* ns; `changed` is the inode's, which nobody can set at will */
    uint64_t ends;              /* hash of the first and the last 64 KiB */
    bool settled;               /* not changed in the last moments: another change would show in the times */
};

/* False for what is no regular file ("-", a pipe): that has no index. */
bool hd_index_identify(struct hd_index_key *key, const char *path);

/* Of the same dump in the same state. */
bool hd_index_same(const struct hd_index_key *one, const struct hd_index_key *other);

struct hd_index; /* a mapped index */

/*
 * The index of that dump, from beside it or from the cache folder; NULL and *err (why; for tests) if none is fit for
 * use. *graph and *dominators then lie in the file, read-only, until hd_index_unmap; do not destroy them.
 */
struct hd_index *hd_index_map(const struct hd_index_key *key, struct hd_graph *graph,
                              struct hd_dominators *dominators, struct hd_error *err);
void hd_index_unmap(struct hd_index *index);

/*
 * Saves an index for that dump, in place of the one there is: beside the dump or, where that cannot be, in the cache
 * folder. False and *err if neither works; nothing is left behind then. 4 bytes per node meanwhile.
 */
bool hd_index_save(const struct hd_index_key *key, const struct hd_graph *graph,
                   const struct hd_dominators *dominators, struct hd_error *err);

#endif
