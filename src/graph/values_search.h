/*
 * Searches what graph/values.h collected.
 *
 * Owns that an answer is the one that reading the dump would give. Must not know where the pieces are kept.
 */
#ifndef HD_GRAPH_VALUES_SEARCH_H
#define HD_GRAPH_VALUES_SEARCH_H

#include "graph/values.h"

/* Where the pieces are. */
struct hd_values_source {
    const void *data;
    /* The piece; data NULL if it is not there. Several threads call it at the same time; it lives as long as the source. */
    struct hd_graph_text (*get)(const void *data, enum hd_values_kind kind, uint32_t number);
    struct hd_values_sum sum;
};

/* What is known of nodes: sets of them (base/bits.h). */
struct hd_values_looked {
    uint64_t *fits;
    uint64_t *ask; /* the dump says whether they do */
};

/* Empty sets. False if memory ran out; then there is nothing to free. */
bool hd_values_looked_create(struct hd_values_looked *looked, uint32_t node_count);
void hd_values_looked_free(struct hd_values_looked *looked);

/*
 * What is looked for: an extended regular expression with flags for regcomp, which was compiled before without an error, in contents; a glob of fnmatch in
 * names. Adds nodes below node_count to `looked`. False: a piece is not there or damaged, or memory ran out; the dump can be asked.
 */
bool hd_values_search_regex(const struct hd_values_source *source, const char *regex, int flags, uint32_t node_count,
                            struct hd_values_looked *looked);
bool hd_values_search_glob(const struct hd_values_source *source, const char *glob, uint32_t node_count, struct hd_values_looked *looked);

#endif
