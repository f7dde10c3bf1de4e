/*
 * A search for paths within a part of a graph, the region: on from what the shortest paths lead to outside of it.
 *
 * Paths of one kind come after all of the more telling ones (graph/path_kinds.h), and of one kind the shorter ones first; but of the steps into the
 * region that lead to the same node by steps of the same kind the first one counts, in the order of the shortest paths.
 * Owns how far the search has come, and that of a mapped index nothing is read that has not been looked at. Must not know what is looked for.
 * Invariant: whatever an index has, each node is reached once at most, and by a node that was reached before or lies outside of the region.
 */
#ifndef HD_GRAPH_DETOURS_H
#define HD_GRAPH_DETOURS_H

#include "graph/path_kinds.h"
#include "graph/paths.h"

struct hd_index_ways;

/* What is read for it. */
struct hd_paths_source {
    const struct hd_graph *graph;
    const struct hd_paths *shortest;    /* hd_paths_create */
    const uint32_t *dominator;          /* the dominators' `parent` */
    const struct hd_index_ways *mapped; /* graph/index_point.h: of these is to be asked before they are read; NULL: all can be read */
};

/* How good a path is, what is less is better: its kind, and below it the number of its steps. */
enum { HD_DETOURS_KIND = 32 };

struct hd_detours_step;

struct hd_detours {
    const struct hd_paths_source *source;
    const struct hd_index_ways *mapped; /* the source's; NULL, too, once all of it holds */
    bool weak;                          /* edges that keep nothing alive count */
    uint64_t *region;                   /* set (base/bits.h): for the caller to fill before hd_detours_enter */
    uint64_t *passed_by;                /* set: outside of the region, but not to be gone on from; the same */
    uint32_t *reached;                  /* [reached_count] of the region, as they were reached */
    uint32_t reached_count;
    bool failed, damaged; /* memory ran out; what is mapped does not hold: nothing of it is right then */
    /* its own */
    struct hd_path_kinds kinds;
    uint64_t *left, *level; /* sets: of the region, what is not reached; room to put a level in order, NULL: not made */
    uint64_t *state;        /* [node_count] how good the best path is that is known, and whether there is one, and that it is taken */
    uint32_t *came;         /* [node_count] of what is reached: from where, */
    uint64_t *came_by;      /* by which edge */
    struct hd_detours_list {
        struct hd_detours_step *step;
        uint32_t count, capacity;
    } later[HD_PATH_KINDS];
    uint32_t *way;
    uint32_t way_capacity, reached_capacity;
};

/* The region is empty. False: memory ran out. To be freed whether it succeeds or not. */
bool hd_detours_init(struct hd_detours *detours, const struct hd_paths_source *source, bool weak);
void hd_detours_deinit(struct hd_detours *detours);

/* Makes what has no shortest path the region, but for one node, if it is not HD_NODE_NONE. */
void hd_detours_fill_unreached(struct hd_detours *detours, uint32_t but);

/* What of a node, and of `count` edges from one on, graph/index_point.h tells whether it holds. */
bool hd_detours_can_read(struct hd_detours *detours, uint32_t node);
bool hd_detours_can_read_edges(struct hd_detours *detours, uint64_t edge, uint64_t count);

/* Whether an edge, of which that was asked, may be gone by. */
bool hd_detours_counts(const struct hd_detours *detours, uint64_t edge);

/* Finds all steps into the region. */
void hd_detours_enter(struct hd_detours *detours);

/* After that: how good the shortest path to a node outside is, which goes through neither the region nor what is passed by. */
uint64_t hd_detours_measure(struct hd_detours *detours, uint32_t node);

/*
 * After that: searches until nothing is left. `arrived`: how good the path is to a node that is reached now; or before a level (HD_NODE_NONE), how good all
 * are that come from now on. It ends when that says false.
 */
void hd_detours_search(struct hd_detours *detours, bool (*arrived)(void *context, uint32_t node, uint64_t measure), void *context);

/* The step by which a node was reached, or that its shortest path ends with. False: it is the root, or what is mapped is damaged. */
bool hd_detours_step_back(struct hd_detours *detours, uint32_t node, uint32_t *parent, uint64_t *edge);

/* Whether nothing went wrong, or *err and false. */
bool hd_detours_fine(const struct hd_detours *detours, struct hd_error *err);

#endif
