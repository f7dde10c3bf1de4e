/*
 * Which groups of a tree are accumulation points, for any share of the data: where to go down, and where to stop.
 *
 * Owns the rules that depend on the share. Works on the few groups of weight, with what the others say of them already in them
 * (graph/suspects.c): they are all that is needed to answer for another share later. Must not know a graph.
 * Invariant: groups[0] is the root; the children of groups[i] are those from `first` on, behind those of groups[i - 1], the heaviest
 * first.
 */
#ifndef HD_GRAPH_SUSPECTS_SEARCH_H
#define HD_GRAPH_SUSPECTS_SEARCH_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

enum { HD_SUSPECTS_MAX = 64 };

/* What holds the contents. */
enum hd_suspect_kind {
    HD_SUSPECT_ONE,         /* one big object, or a few: no accumulation point */
    HD_SUSPECT_MANY,        /* many alike objects without one that alone keeps them */
    HD_SUSPECT_LIST,        /* objects that refer to one another in a long row */
    HD_SUSPECT_QUEUE,
    HD_SUSPECT_CALLBACKS,   /* a collection of procs or methods */
    HD_SUSPECT_MAP,         /* a hash */
    HD_SUSPECT_COLLECTION,  /* an array or a set */
    HD_SUSPECT_OBJECT,      /* any other object */
    HD_SUSPECT_SYMBOLS,     /* the virtual machine's own table of symbols */
    HD_SUSPECT_KINDS
};

enum hd_suspects_rule {
    HD_SUSPECTS_GO_ON,
    HD_SUSPECTS_IS_LIST,
    HD_SUSPECTS_IS_MANY,
    HD_SUSPECTS_ALIKE, /* it holds many of one kind, whatever else: the point, if these weigh enough */
    HD_SUSPECTS_RULES
};

struct hd_suspects_group {
    uint32_t group;    /* of the tree */
    uint32_t content;  /* its heaviest child in the tree; HD_NODE_NONE if it has none */
    uint64_t data;     /* bytes that it retains, less code and stacks */
    uint64_t heaviest; /* the same of `content`; 0 */
    uint32_t first, count; /* its children of weight; none of a group with a rule */
    uint32_t rule;     /* enum hd_suspects_rule */
    uint32_t apart;    /* 1: no child has half of it: it is one big object, unless two or more children are of weight */
    uint32_t next;     /* while it is searched */
};

struct hd_suspects_search {
    struct hd_suspects_group *groups;
    uint32_t count, capacity;
    uint64_t from; /* bytes: below this it does not know all groups of weight */
};

struct hd_suspects_point {
    enum hd_suspect_kind kind; /* HD_SUSPECT_LIST, _MANY, _OBJECT or _ONE */
    uint32_t group, content;   /* of the tree */
    uint64_t data;
};

/* The bytes that are a share (0.05: 5 %) of so many; never 0: in an empty heap nothing is suspect. */
uint64_t hd_suspects_least(double share, uint64_t total);

/* Appends a group; its children, if it has any, are those that are appended next after the children of all groups before it. */
bool hd_suspects_search_add(struct hd_suspects_search *search, const struct hd_suspects_group *group, struct hd_error *err);

/* When all children of groups[number] are there: brings them in order. Before children of them are appended. */
void hd_suspects_search_order(struct hd_suspects_search *search, uint32_t number);

/*
 * The points that retain `least` bytes or more, the first HD_SUSPECTS_MAX of them: what alone keeps its contents alive first, then what
 * is held in several places; each by size. How many there are.
 */
uint32_t hd_suspects_choose(struct hd_suspects_search *search, uint64_t least,
                            struct hd_suspects_point points[HD_SUSPECTS_MAX]);

/*
 * All points that are chosen for any number of bytes from search->from on, by group and kind; where they are more than `most`,
 * or there are so many groups that this took long, search->from becomes more. How many there are.
 */
uint32_t hd_suspects_choose_all(struct hd_suspects_search *search, struct hd_suspects_point *points, uint32_t most);

#endif
