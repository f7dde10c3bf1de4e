/*
 * What is opened of a dump: the graph, its dominators, what is derived of them, and the index they lie in or are saved as.
 *
 * Owns all of these, and who uses them: several may, at the same time, and the last one who closes it frees it. Must not know
 * what is asked of a dump nor how anything is said.
 */
#ifndef HD_VIEW_BASIS_H
#define HD_VIEW_BASIS_H

#include "graph/builder.h"
#include "graph/derived.h"
#include "graph/dominators.h"
#include "graph/excerpt.h"
#include "graph/index.h"
#include "graph/lines.h"
#include "view/trees_ahead.h"

#include <pthread.h>

struct hd_basis {
    char *path;
    struct hd_graph graph;
    struct hd_graph_storage *storage;
    struct hd_dominators dominators;
    struct hd_derived derived;
    struct hd_index *index;     /* what graph and dominators lie in; NULL: in memory of their own */
    struct hd_index *discarded; /* one that proved damaged later: what it gave out before is right, and still there */
    struct hd_index_key key;
    struct hd_excerpt excerpt;  /* .node not NULL: graph, dominators and derived are those of an excerpt */
    struct hd_graph counts;     /* then: what they were before */
    struct hd_dominators sums;
    struct hd_lines *lines;     /* for several questions together; NULL: each reads what it needs */
    struct hd_trees_ahead *trees; /* the same for trees */
    pthread_t saver; /* saves the index while the command is at work */
    bool saving, saved;
    unsigned users;
    struct hd_basis *next; /* of those that were closed while they were saved */
};

/* Neither use nor leave an index beside dumps that are opened from now on. */
extern bool hd_open_without_index;

/*
 * Maps the index of the dump if there is a fitting one; else the graph is built, and saved as one meanwhile. NULL and *err if
 * the dump cannot be read. What is not needed may be NULL in the graph and the dominators (enum hd_index_need).
 */
struct hd_basis *hd_basis_open(const char *path, enum hd_index_need need, struct hd_error *err);

/*
 * After hd_basis_open for less, or in place of an excerpt. What was handed out of what is derived is not there any more. The graph is built if the index proves damaged; nodes
 * keep their numbers. False and *err if the dump cannot be read any more, or has changed; then the counts are all there is, as before.
 */
bool hd_basis_whole(struct hd_basis *basis, enum hd_index_need need, struct hd_error *err);

/* How an excerpt is cut out for a node: hd_excerpt_object and others. */
typedef bool hd_basis_cut(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, uint32_t node);

/*
 * After hd_basis_open for less than HD_INDEX_NODES, in place of what was asked of it before: graph, dominators and what is derived become those of
 * an excerpt, in which the node has the number *node then. False, and nothing has changed, if there is none: ask hd_basis_whole.
 */
bool hd_basis_excerpt(struct hd_basis *basis, hd_basis_cut *cut, uint32_t *node);

/* The same for several, by hd_excerpt_nodes and others; all of them have their numbers in the excerpt then. */
typedef bool hd_basis_cut_several(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, const uint32_t *nodes, uint32_t count);
bool hd_basis_excerpt_several(struct hd_basis *basis, hd_basis_cut_several *cut, uint32_t *nodes, uint32_t count);

/* The same for paths to a node, by hd_excerpt_along, and in place of another excerpt, too; all are numbers of the whole graph. False: they stay so. */
bool hd_basis_excerpt_along(struct hd_basis *basis, struct hd_path *list, uint32_t count, uint32_t *node);
bool hd_basis_excerpt_tree(struct hd_basis *basis, struct hd_path_tree *tree); /* by hd_excerpt_tree */

/* Waits until it is saved. */
void hd_basis_settle(struct hd_basis *basis);

/* Waits, too, unless hd_basis_wait is going to be called. NULL is nothing. */
void hd_basis_close(struct hd_basis *basis);

/* Whoever opens the same dump from now on, by any name, gets this one, which needs to be mapped for HD_INDEX_TREE. NULL: nobody does. One thread at a time. */
void hd_basis_lend(struct hd_basis *basis);

/* What is closed from now on and not saved yet is only freed by hd_basis_wait: who asked need not wait for that. */
void hd_basis_put_off(void);

/* Waits for all that was put off. */
void hd_basis_wait(void);

/* A dump of `least` objects or more whose index was saved by this process and is in use no more, each once. False: no other. */
bool hd_basis_saved(uint32_t least, char path[PATH_MAX]);

#endif
