/*
 * What `diff` wants to know of one dump by itself: its names, its ways (graph/path_keys.h), the sums of each class and way, and of
 * each object of which kind it is.
 *
 * Owns how that is made of a graph, and how it is written so that it can be kept. Must not know another dump. An object's kind is all that
 * is compared with an object of another dump but its address, so that a comparison reads few bytes of each.
 * Invariant: every number in a part is in range, whatever it was read from; key 0 is the root, and parents have smaller numbers.
 */
#ifndef HD_GRAPH_DIFF_PART_H
#define HD_GRAPH_DIFF_PART_H

#include "base/arena.h"
#include "graph/diff_steps.h"
#include "graph/index.h"
#include "graph/path_keys.h"
#include "graph/retained.h"

enum { HD_DIFF_TIME = 40 };

struct hd_diff_dump {
    uint64_t objects, bytes;     /* all of them */
    uint64_t live, live_bytes;   /* reached from the roots; all of them if the dump has no roots */
    uint64_t pid;                /* 0: unknown */
    uint64_t compactions;        /* UINT64_MAX: unknown */
    uint64_t heap_low, heap_high;
    bool rooted;                 /* something is reached from roots; if not in all dumps, `live` counts all objects */
    char time[HD_DIFF_TIME];     /* as it stands in the dump, "2026-01-31T08:15:00.123Z"; "": unknown */
    bool unnamed, truncated, foreign; /* foreign: written by ObjectSpace */
};

struct hd_diff_texts {
    uint32_t count;
    const uint64_t *start; /* [count + 1] */
    const char *bytes;
};

/* Bits of a kind. GARBAGE: no root leads to it. CLASS_UNKNOWN: it has none, or a singleton class. */
enum { HD_DIFF_FROZEN = 1, HD_DIFF_CLASS_UNKNOWN = 2, HD_DIFF_GARBAGE = 4 };

struct hd_diff_kind {
    uint32_t way;          /* HD_NODE_NONE: no root leads to it */
    uint32_t title, label; /* its class, its own name or HD_NAMES_NONE */
    uint8_t type, bits, unused[2];
};

/* A class or module that has a name. */
struct hd_diff_class {
    uint64_t address;
    uint32_t kind, unused;
};

struct hd_diff_part {
    struct hd_diff_dump dump;
    struct hd_diff_texts titles, edges;
    const struct hd_path_key *key; /* [key_count] of these titles and edges */
    const struct hd_retained_group *class_sums, *way_sums; /* [titles.count], [key_count] */
    const uint64_t *class_sample, *way_sample; /* the same: the address of the member that retains most, 0 if there is none */
    const struct hd_diff_kind *kind;
    const struct hd_diff_class *class; /* by address */
    const void *kind_of; /* [node_count] numbers of `width` bytes, which need not be aligned */
    struct hd_diff_steps steps; /* the addresses */
    uint32_t key_count, kind_count, class_count, node_count;
    unsigned width; /* 1, 2 or 4 */

    /* Columns of the objects, not the part's own; got by hd_diff_part_columns where they lie in an index: see hd_diff_part_look. */
    struct hd_index *index;
    const uint64_t *size, *retained;
    const uint32_t *dominator;

    struct hd_path_keys keys; /* where it was made */
    void *made[10];
    struct hd_buffer text; /* where it was read */
};

/* Free it whether that succeeds or not. The columns are the graph's. */
bool hd_diff_part_make(struct hd_diff_part *part, const struct hd_graph *graph, const struct hd_dominators *dominators,
                       struct hd_error *err);
void hd_diff_part_free(struct hd_diff_part *part);

/* Everything but what there is of each object, its kind and its step, which comes next to it. */
void hd_diff_part_write(const struct hd_diff_part *part, struct hd_buffer *text, struct hd_buffer *objects);

/*
 * A part of what was written, of a dump of as many nodes; false if that is damaged, or memory ran out. Takes the text; the objects are
 * not copied. Free it whether that succeeds or not.
 */
bool hd_diff_part_read(struct hd_diff_part *part, struct hd_buffer *text, struct hd_graph_text objects, uint32_t node_count);

/* Where the columns begin that lie in an index. False: it is damaged. */
bool hd_diff_part_columns(struct hd_diff_part *part);
enum hd_diff_columns { HD_DIFF_RETAINED, HD_DIFF_TREE };

/* What of a column has been looked at last: nodes [from, to). */
struct hd_diff_look {
    uint32_t from, to;
};

/* Whether the column RETAINED, or with TREE the sizes and dominators, too, holds for a node; false: the index is damaged. Several threads may. */
bool hd_diff_part_look_at(const struct hd_diff_part *part, enum hd_diff_columns which, uint32_t node, struct hd_diff_look *look);

static inline bool hd_diff_part_look(const struct hd_diff_part *part, enum hd_diff_columns which, uint32_t node, struct hd_diff_look *look)
{
    return (node >= look->from && node < look->to) || hd_diff_part_look_at(part, which, node, look);
}

/* The dominator of any node; false: the index is damaged. */
bool hd_diff_part_dominator(const struct hd_diff_part *part, uint32_t node, uint32_t *dominator);

static inline uint32_t hd_diff_part_kind(const struct hd_diff_part *part, uint32_t node)
{
    const unsigned char *at = (const unsigned char *)part->kind_of + (size_t)node * part->width;
    uint16_t two;
    uint32_t four;
    if (part->width == 2)
        return memcpy(&two, at, sizeof two), two;
    if (part->width == 1)
        return *at;
    return memcpy(&four, at, sizeof four), four;
}

#endif
