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
#include "graph/groups.h"
#include "graph/paths.h"
#include "graph/retained.h"

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

/* How much of it is wanted. What is not is neither looked at nor handed out: those columns are NULL. */
enum hd_index_need {
    HD_INDEX_HEADER, /* counts alone; for what graph/index_answers.c finds behind it, and graph/index_point.h in it */
    HD_INDEX_SUMS,  /* counts, names, and what hd_index_class_sums and hd_index_type_sums give */
    HD_INDEX_SIZES, /* and of the objects sizes and types, and of the dominators `retained` */
    HD_INDEX_LABELS, /* HD_INDEX_SIZES, and labels */
    HD_INDEX_WAYS,  /* HD_INDEX_SUMS, and what hd_paths_merge looks at for the objects of a class: of hd_index_paths all but `parent` */
    HD_INDEX_NODES, /* HD_INDEX_SUMS, and what HD_INDEX_GRAPH gives but the references: edge_start, edge_to and edge_name stay NULL */
    HD_INDEX_GRAPH, /* and the graph, and of the dominators `parent` and `retained` */
    HD_INDEX_TREE,  /* and the dominators' children: all of both */
};

/*
 * The index of that dump, from beside it or from the cache folder; NULL and *err (why; for tests) if none is fit for
 * use. *graph and *dominators then lie in the file, read-only, until hd_index_unmap; do not destroy them.
 */
struct hd_index *hd_index_map(const struct hd_index_key *key, struct hd_graph *graph,
                              struct hd_dominators *dominators, struct hd_error *err);
struct hd_index *hd_index_map_for(const struct hd_index_key *key, enum hd_index_need need, struct hd_graph *graph,
                                  struct hd_dominators *dominators, struct hd_error *err);
void hd_index_unmap(struct hd_index *index);

/* For who wants more of it than it was mapped for: hands that out, too. False and *err if it is damaged; then nothing is. */
bool hd_index_whole(struct hd_index *index, enum hd_index_need need, struct hd_graph *graph, struct hd_dominators *dominators,
                    struct hd_error *err);

/* Removes the file of one that proved damaged now, and not when it is unmapped: another is to take its place. */
void hd_index_discard(struct hd_index *index);

/* The file it was mapped from. */
const char *hd_index_where(const struct hd_index *index);

/* Counts of what is marked. */
struct hd_index_marks {
    uint64_t garbage, frozen, weak;
};

/* What graph/derived.h makes of a graph. */
struct hd_index_derived {
    const struct hd_groups *classes;
    const struct hd_retained_group *class_sums, *type_sums; /* [classes->count], [HD_BT_COUNT] */
    const struct hd_index_marks *marks;
    const struct hd_paths *paths;
};

/*
 * The same out of a mapped index, looked at now; false or NULL if it is damaged or memory ran out. An index that proves
 * damaged is removed when it is unmapped, so that the next one is whole. The groups' `number` and all of the paths lie in the
 * file: do not free them.
 */
bool hd_index_classes(struct hd_index *index, struct hd_groups *classes);
const struct hd_retained_group *hd_index_class_sums(struct hd_index *index);
const struct hd_retained_group *hd_index_type_sums(struct hd_index *index);

/* One column of struct hd_graph, struct hd_dominators or struct hd_paths, whatever else was mapped: looked at now, by all processors; NULL if it is damaged. */
const uint64_t *hd_index_sizes(struct hd_index *index);
const uint64_t *hd_index_retained(struct hd_index *index);
const uint32_t *hd_index_order(struct hd_index *index);   /* of struct hd_paths, with as many elements as nodes are reachable */
const uint32_t *hd_index_class_numbers(struct hd_index *index); /* of the groups by class; HD_NODE_NONE for the root */
const uint32_t *hd_index_parents(struct hd_index *index); /* below node_count or HD_NODE_NONE; that it is a tree is not looked at */

const struct hd_index_marks *hd_index_get_marks(const struct hd_index *index);

/* After hd_index_map_for more than HD_INDEX_SUMS. All numbers are in range; that an edge leads where it should is not looked at. `parent` is NULL after HD_INDEX_WAYS. */
bool hd_index_paths(struct hd_index *index, const struct hd_graph *graph, struct hd_paths *paths);

/*
 * Saves an index for that dump, in place of the one there is: beside the dump or, where that cannot be, in the cache
 * folder. False and *err if neither works; nothing is left behind then. 4 bytes per node meanwhile.
 */
bool hd_index_save(const struct hd_index_key *key, const struct hd_graph *graph,
                   const struct hd_dominators *dominators, const struct hd_index_derived *derived,
                   struct hd_error *err);

/*
 * Answers: texts that took long to make, kept in the index behind all else under the question they answer. Both may be any bytes.
 * NULL data if that question has none. It lives as long as the index is mapped.
 */
struct hd_graph_text hd_index_answer(const struct hd_index *index, struct hd_graph_text question);

/*
 * Keeps one with the index of that dump as it is on the disk now. False, and nothing is changed, if there is no such index, it
 * cannot be written, or it has enough of them (64 MiB in all, 8 MiB each): it is made again when it is asked for.
 */
bool hd_index_keep_answer(const struct hd_index_key *key, struct hd_graph_text question, struct hd_graph_text answer,
                          struct hd_error *err);

/*
 * The same for what many answers are made of: 1 GiB each; in all about hd_index_room bytes, which follow from the sizes of the index and the
 * dump. If the question's length is a multiple of 8, such data are aligned to 8 bytes.
 */
bool hd_index_keep_data(const struct hd_index_key *key, struct hd_graph_text question, struct hd_graph_text data,
                        struct hd_error *err);
uint64_t hd_index_room(const struct hd_index *index);

#endif
