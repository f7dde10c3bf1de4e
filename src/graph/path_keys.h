/*
 * Ways to objects, named so that they can be found again in another dump: by edges and classes, without addresses.
 *
 * Owns the table of ways, shared by all dumps that are compared, and the names in it. Must not know what is counted
 * along a way. A way follows the dominator tree from the root; it begins anew at each class or module that has a name,
 * for that name is absolute. What several ways lead to is named by a constant or variable of such a class, if one
 * refers to it. Links of a list and levels of a tree, which repeat, are one step. Keys of hashes are left out, but for
 * Symbols in small ones: the entries of a cache go the same way.
 * Invariant: parents have smaller numbers than their children; key 0 is the root; a key's number never changes.
 */
#ifndef HD_GRAPH_PATH_KEYS_H
#define HD_GRAPH_PATH_KEYS_H

#include "base/arena.h"
#include "graph/dominators.h"
#include "graph/names.h"

#define HD_PATH_KEY_BEGINS (HD_NAMES_NONE - 1) /* as an edge: a class or module, at which the way begins */

struct hd_path_key {
    uint32_t parent; /* HD_NODE_NONE for the root */
    uint32_t edge;   /* of `edges`; HD_NAMES_NONE: by several ways; HD_PATH_KEY_BEGINS */
    uint32_t title;  /* of `titles`: the class, or the own name of a class or module; HD_NAMES_NONE for the root */
    uint32_t depth;
};

struct hd_path_keys {
    struct hd_path_key *key;
    uint32_t count, capacity;
    uint32_t *slots; /* hash table: number + 1, 0 if free */
    struct hd_names edges, titles;
};

bool hd_path_keys_init(struct hd_path_keys *keys, struct hd_error *err);
void hd_path_keys_deinit(struct hd_path_keys *keys);

/* The number of a key with such a parent, edge and title, made if need be; HD_NODE_NONE if memory ran out. */
uint32_t hd_path_keys_add(struct hd_path_keys *keys, struct hd_path_key key);

/* A name of a graph in `names`, less the addresses in it ("#<Class:0x…>"); HD_NAMES_NONE if memory ran out. */
uint32_t hd_path_keys_name(struct hd_names *names, struct hd_graph_text text);

/*
 * number[n] becomes the key of node n, HD_NODE_NONE if no root leads to it. title[n] is its class, label[n] its own name
 * or HD_NAMES_NONE, both of keys->titles.
 */
bool hd_path_keys_assign(struct hd_path_keys *keys, const struct hd_graph *graph,
                         const struct hd_dominators *dominators, const uint32_t *title, const uint32_t *label,
                         uint32_t *number, struct hd_error *err);

struct hd_path_key_step {
    struct hd_graph_text edge, title; /* edge.data NULL: it begins there; empty: by several ways */
};

enum { HD_PATH_KEY_STEPS = 20 };

/* The steps of a key from the root, which is not among them; returns how many. They live as long as the keys. */
uint32_t hd_path_keys_steps(const struct hd_path_keys *keys, uint32_t number,
                            struct hd_path_key_step step[HD_PATH_KEY_STEPS]);

#endif
