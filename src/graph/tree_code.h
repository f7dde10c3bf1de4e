/*
 * The tree of groups of a whole dump (graph/tree.h), or of one object on, as a row of bytes: few groups, where the objects they are made of are many.
 *
 * Owns the format, and whether what is in it is enough for a question. All groups are in it, or those that retain most, and of the others
 * what they are together. Must not know where it is kept.
 * Invariant: a part of it shows the same as that part of the tree itself. Its groups stand by retained size, the biggest first.
 */
#ifndef HD_GRAPH_TREE_CODE_H
#define HD_GRAPH_TREE_CODE_H

#include "base/arena.h"
#include "graph/tree.h"

/* From which size on groups are shown: in bytes, or as a share of what the first one retains. */
struct hd_tree_least {
    uint64_t bytes;
    double share; /* if it is not 0 */
};

uint64_t hd_tree_least_bytes(const struct hd_tree_least *least, const struct hd_tree *tree);

/* What of a tree is looked at. */
struct hd_tree_asked {
    uint64_t depth;      /* levels below the first one; 0: all */
    struct hd_tree_least least; /* groups that retain less are only counted */
    uint64_t limit;      /* so many of the biggest below the first one, and the others are only counted; 0: all */
    bool total;          /* how many groups there are is told */
};

/* Levels for hd_tree_part. */
uint32_t hd_tree_asked_depth(const struct hd_tree_asked *asked);

/* Appends a tree of all levels, in about `bytes` at most. False if memory ran out. */
bool hd_tree_encode(struct hd_buffer *out, const struct hd_tree *tree, uint64_t bytes);

enum { HD_TREE_CODE_LEVELS = 1000 }; /* of which is known what is left out: as many as a stack of `flame` has frames */

struct hd_tree_code_level {
    uint32_t left_out; /* groups */
    uint64_t most;     /* that one of them retains */
};

struct hd_tree_code {
    struct hd_tree tree;
    uint64_t most;    /* that one of those which are left out retains */
    uint32_t deepest; /* level of one that is left out */
    struct hd_tree_code_level level[HD_TREE_CODE_LEVELS + 1];
};

/*
 * Nothing of the bytes is believed: nodes and names are below those counts, sizes and objects add up, parents stand before children. False
 * if that cannot be, or memory ran out; then there is nothing to free.
 */
bool hd_tree_decode(struct hd_tree_code *code, const void *bytes, size_t length, uint32_t node_count, uint32_t name_count);
void hd_tree_code_free(struct hd_tree_code *code);

/*
 * What is asked for of the tree from that object on (HD_NODE_ROOT: all), without `number`. False if that is not in it, or memory ran out;
 * then there is nothing to free.
 */
bool hd_tree_code_part(struct hd_tree *part, const struct hd_tree_code *code, uint32_t from, const struct hd_tree_asked *asked);

#endif
