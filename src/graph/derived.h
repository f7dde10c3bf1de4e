/*
 * What many questions have in common and is made of a graph only once: the groups by class, what each class and type
 * takes and retains, the shortest paths.
 *
 * Each is made when it is first asked for, or lies in the mapped index; who asks does not know which. Any thread may
 * ask: one makes it, the others wait. Must not know who asks. What is handed out lives until hd_derived_deinit and is not to be
 * changed or destroyed.
 */
#ifndef HD_GRAPH_DERIVED_H
#define HD_GRAPH_DERIVED_H

#include "graph/dominators.h"
#include "graph/groups.h"
#include "graph/index.h"
#include "graph/paths.h"
#include "graph/retained.h"

#include <pthread.h>

enum { HD_DERIVED_CLASSES, HD_DERIVED_CLASS_SUMS, HD_DERIVED_TYPE_SUMS, HD_DERIVED_MARKS, HD_DERIVED_PATHS,
       HD_DERIVED_COUNT };

/* One of them: not there, made here, or in the index. */
struct hd_derived_item {
    pthread_mutex_t lock;
    enum { HD_DERIVED_MISSING, HD_DERIVED_MADE, HD_DERIVED_MAPPED } state;
};

struct hd_derived {
    const struct hd_graph *graph;
    const struct hd_dominators *dominators;
    struct hd_index *index; /* NULL: there is none */
    uint32_t *excerpt_number; /* of an excerpt; NULL: of the whole graph */
    struct hd_derived_item item[HD_DERIVED_COUNT];
    struct hd_groups classes;
    struct hd_retained_group *class_sums, *type_sums;
    struct hd_index_marks marks;
    struct hd_paths paths;
};

/* All three must outlive it. Must not be moved after. */
void hd_derived_init(struct hd_derived *derived, const struct hd_graph *graph, const struct hd_dominators *dominators,
                     struct hd_index *index);
void hd_derived_deinit(struct hd_derived *derived);

/* After hd_derived_init for an excerpt's graph (graph/excerpt.h): what concerns its objects is the excerpt's, which must outlive it, sums are the index's. */
void hd_derived_of_excerpt(struct hd_derived *derived, uint32_t *class_number, const struct hd_paths *paths);

/*
 * NULL and *err if memory ran out. With an index mapped for HD_INDEX_SUMS the groups have no `number`.
 */
const struct hd_groups *hd_derived_classes(struct hd_derived *derived, struct hd_error *err);
const struct hd_retained_group *hd_derived_class_sums(struct hd_derived *derived, struct hd_error *err); /* [classes->count] */
const struct hd_retained_group *hd_derived_type_sums(struct hd_derived *derived, struct hd_error *err); /* [HD_BT_COUNT] */
const struct hd_index_marks *hd_derived_marks(struct hd_derived *derived);

/* hd_paths_create over edges that are not weak; what leaves the root has its best name (graph/best_names.h). */
const struct hd_paths *hd_derived_paths(struct hd_derived *derived, struct hd_error *err);

/* Whether what that handed out has no `parent`, as hd_index_paths says. */
bool hd_derived_has_half_paths(const struct hd_derived *derived);

#endif
