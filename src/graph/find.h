/*
 * Finds the objects that fit all of several conditions.
 *
 * Owns what each condition means. Must not know how results are shown. What the graph's columns answer is looked at first;
 * the dump is read again only for conditions on contents, and only the lines of what is left.
 */
#ifndef HD_GRAPH_FIND_H
#define HD_GRAPH_FIND_H

#include "graph/dominators.h"
#include "graph/found.h"
#include "graph/groups.h"
#include "graph/retained.h"
#include "graph/values_search.h"

#include <regex.h>

/* NULL, false and 0 ask nothing. Globs are those of fnmatch. */
struct hd_find_query {
    const char *class_glob; /* name of the class, as hd_groups_class_name has it */
    const char *name_glob;  /* what the object itself is called: a class, module, method, iseq, thread, symbol, open file */
    const char *type;       /* T_STRING, string, or a T_DATA's or T_IMEMO's own: proc, iseq */
    uint64_t min_size, min_retained;
    const uint32_t *number; /* [node_count] groups of some kind: only those of group `group`; NULL: of all */
    uint32_t group;
    const regex_t *value; /* what a String, Symbol or Regexp has in it */
    const char *value_regex; /* what that was compiled of, with value_flags; NULL: it is not known */
    int value_flags;
    /* What is known of values and of names; NULL: the dump is read for it. */
    const struct hd_values_looked *value_looked, *name_looked;
    /* What all objects of each class and of each builtin type retain, where that is known; NULL: it is not. */
    const struct hd_retained_group *class_sums, *type_sums;
};

/* Whether the graph's `node_label` must be there. */
bool hd_find_needs_labels(const struct hd_find_query *query, const struct hd_graph *graph);

/*
 * `path` is the file that the graph was read from; `classes`: hd_groups_by_class, NULL if no class is asked for. Of the graph the sizes, types and names
 * are looked at, labels where hd_find_needs_labels says so, and, for conditions on contents that are not known, the addresses and the lines' places; of the
 * dominators `retained`. *member: the set of what fits (base/bits.h), freed with free(). At most `first` nodes are listed in `found`, 0: all. False: there is nothing to free.
 */
bool hd_find(const struct hd_find_query *query, uint64_t first, const char *path, const struct hd_graph *graph,
             const struct hd_dominators *dominators, const struct hd_groups *classes, uint64_t **member, struct hd_found *found,
             struct hd_error *err);

/* What all that is found retains together, where that is known without a look at each; NULL: it is not. */
const uint64_t *hd_find_retained(const struct hd_find_query *query, const struct hd_graph *graph, const struct hd_groups *classes,
                                 const struct hd_found *found);

/* True if some object could be of that type. */
bool hd_find_knows_type(const struct hd_graph *graph, const char *type);

#endif
