/*
 * Leak suspects: the places where much memory hangs on little, and what speaks for each.
 *
 * Works on the dominator tree with alike siblings put together (graph/tree.h): goes down where most of the memory is until few
 * holders fall apart into many alike contents, the accumulation point. Must not know how a suspect is put in words, nor any class of an application.
 * Invariant: suspects of one share do not overlap: no object is retained by two of them. Those of several shares are within one another.
 */
#ifndef HD_GRAPH_SUSPECTS_H
#define HD_GRAPH_SUSPECTS_H

#include "graph/strings.h"
#include "graph/suspects_search.h"
#include "graph/tree.h"

enum { HD_SUSPECTS_POINTS = 128, HD_SUSPECT_CLASSES = 5, HD_SUSPECT_SAMPLES = 2, HD_SUSPECT_LINE = 1 << 16 };

/* What keeps the holder: the step of the path people would look for in their code. */
enum hd_suspect_anchor {
    HD_ANCHOR_NONE,
    HD_ANCHOR_CONSTANT,
    HD_ANCHOR_CLASS_IVAR,
    HD_ANCHOR_CLASS_VARIABLE,
    HD_ANCHOR_GLOBAL,
    HD_ANCHOR_THREAD_LOCAL,
    HD_ANCHOR_FRAME,   /* a local variable of a method that runs */
    HD_ANCHOR_CLOSURE, /* a local variable that a block keeps */
    HD_ANCHOR_IVAR,    /* an instance variable or member, and none of the above on the way to it */
};

struct hd_suspect_class {
    uint32_t number; /* of hd_groups */
    uint64_t count, size;
};

struct hd_suspect {
    enum hd_suspect_kind kind;
    enum hd_suspect_kind found; /* the kind of point it is (hd_suspects_choose) */
    enum hd_suspect_anchor anchor;
    uint32_t group;         /* of the tree: the holders; with HD_SUSPECT_MANY the contents themselves */
    uint32_t content_group; /* the alike contents; HD_NODE_NONE if there are none */
    uint64_t retained;      /* by the holders, all together */
    uint64_t objects;       /* retained, the holders included */
    uint64_t data;          /* `retained` less what is code or a stack */
    struct hd_path path;    /* shortest, to the biggest holder */
    uint32_t anchor_step;   /* of the path; where `anchor` is not HD_ANCHOR_NONE */
    uint32_t member_step;   /* the last instance variable behind the anchor; HD_NODE_NONE if there is none */
    uint32_t block;         /* callbacks: the code (iseq) that most of the procs have; HD_NODE_NONE */
    uint32_t block_count;   /* procs of that code */
    struct hd_suspect_class classes[HD_SUSPECT_CLASSES]; /* of what is retained, most bytes first */
    uint32_t class_count;
    uint32_t sample[HD_SUSPECT_SAMPLES]; /* nodes: some of the contents */
    char *sample_line[HD_SUSPECT_SAMPLES]; /* their lines in the dump, NULL before hd_suspects_read, or if too long */
    uint32_t sample_count;
    uint64_t duplicates, duplicate_size; /* strings retained that equal another retained one; after hd_suspects_read */
};

struct hd_suspects {
    const struct hd_graph *graph;
    const struct hd_dominators *dominators;
    const struct hd_groups *classes;
    struct hd_paths paths; /* not ours */
    struct hd_tree tree;
    uint64_t *data;      /* [node_count] bytes a node retains, less code and stacks */
    uint64_t *tree_data; /* [tree.count] the same of a group */
    uint8_t *owner;      /* [node_count] suspect + 1 that retains the node, 0 if none; the innermost */
    struct hd_suspects_search search;
    struct hd_suspect list[HD_SUSPECTS_POINTS];
    uint8_t above[HD_SUSPECTS_POINTS]; /* suspect + 1 that one is within, 0 if it is in none */
    uint32_t count;
    uint64_t total; /* bytes of data that are reachable: code (classes, methods, iseqs and their literals) and stacks left out */
    bool all;       /* those of other shares, too: from search.from bytes on */
    bool read;      /* hd_suspects_read has been there */
};

/* Of the tree that is looked at, but for its paths. What a cache holds are its entries, under whatever keys: apart, none of them would weigh anything. */
#define HD_SUSPECTS_SHAPE ((struct hd_tree_shape){.from = HD_NODE_ROOT, .depth = 32, .entries = true})

/*
 * Those that retain `share` (0.05: 5 %) of the data or more, at most `limit` of them, in the order of hd_suspects_choose. With a share
 * `from` that is not 0, those of any share from that one on, by group, among which hd_suspects_choose chooses; where they are too many,
 * or the paths to them too long, from a greater share on, which search.from tells; if `share` is not among these, `all` is not set. `paths`: hd_derived_paths. `tree`: one of that shape, which then is not the caller's
 * any more; NULL: it is made here.
 */
bool hd_suspects_find(struct hd_suspects *suspects, const struct hd_graph *graph, const struct hd_dominators *dominators,
                      const struct hd_groups *classes, const struct hd_paths *paths, struct hd_tree *tree, double share,
                      uint32_t limit, double from, struct hd_error *err);

/*
 * Reads the dump once more for what is not in the graph: the lines of the samples, and strings that repeat. `found`: what a pass
 * found in all strings; NULL: those that matter are read here.
 */
bool hd_suspects_read(struct hd_suspects *suspects, const char *path, const struct hd_strings_found *found, struct hd_error *err);

void hd_suspects_destroy(struct hd_suspects *suspects);

#endif
