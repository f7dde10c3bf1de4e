/*
 * Sorts the objects of a graph into groups: by the name of their class, or by type.
 *
 * Owns the numbers and the names of the groups. Must not know what is asked about a group (graph/retained.h).
 * Invariant: number[n] is below count for every object; the root is in no group; names differ.
 */
#ifndef HD_GRAPH_GROUPS_H
#define HD_GRAPH_GROUPS_H

#include "graph/graph.h"

struct hd_groups {
    uint32_t *number; /* [node_count] group of the node, HD_NODE_NONE for the root */
    uint32_t count;
    struct hd_graph_text *name; /* [count] lives as long as the graph */
    uint32_t capacity;
    uint32_t *slots; /* hash table of the names: a group's number + 1, 0 if free */
    uint32_t slot_count;
};

/*
 * hd_graph_class_name, but for classes and modules what their `class` method says, "Class" and "Module": each of them
 * has a singleton class of its own, which nobody means.
 */
struct hd_graph_text hd_groups_class_name(const struct hd_graph *graph, uint32_t node);

/* What to call a node: its class, and its own name behind it if it has one. Returns `title`; may be cut. */
enum { HD_GROUPS_TITLE = 512 };
char *hd_groups_title(char title[HD_GROUPS_TITLE], const struct hd_graph *graph, uint32_t node);
char *hd_groups_title_of(char title[HD_GROUPS_TITLE], struct hd_graph_text class, struct hd_graph_text own_name);

/* Whether it has a name of its own: a class, a module, what Ruby calls a T_DATA. */
bool hd_groups_names_itself(const struct hd_graph *graph, uint32_t node);

/* By hd_groups_class_name. Classes of the same name are one group. False if memory ran out; then there is nothing to destroy. */
bool hd_groups_by_class(struct hd_groups *groups, const struct hd_graph *graph, struct hd_error *err);

/*
 * Groups as they were saved: `number` is taken as it is, the names are name[start[i]] … name[start[i + 1] - 1], and `count`
 * of them. `number` belongs to the caller still: set it to NULL before hd_groups_destroy.
 */
bool hd_groups_restore(struct hd_groups *groups, const uint32_t *number, uint32_t count, const uint64_t *start,
                       const char *name);

/* T_STRING, T_ARRAY, …: the builtin types; a group's number is enum hd_bt. */
bool hd_groups_by_type(struct hd_groups *groups, const struct hd_graph *graph, struct hd_error *err);

/* What hd_groups_by_type calls a type. */
struct hd_graph_text hd_groups_type_name(int type);

void hd_groups_destroy(struct hd_groups *groups);

/* The group of that name, HD_NODE_NONE if there is none. */
uint32_t hd_groups_find(const struct hd_groups *groups, const char *name, size_t length);

#endif
