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

/* Of a node: */
enum { HD_VALUES_NONE, HD_VALUES_FITS, HD_VALUES_ASK }; /* ASK: the dump says whether it does */

/*
 * What is looked for: an extended regular expression with flags for regcomp, which was compiled before without an error, in contents; a glob of fnmatch in
 * names. looked[node_count] gets one of these for each node. False: a piece is not there or damaged, or memory ran out; the dump can be asked.
 */
bool hd_values_search_regex(const struct hd_values_source *source, const char *regex, int flags, uint32_t node_count, uint8_t *looked);
bool hd_values_search_glob(const struct hd_values_source *source, const char *glob, uint32_t node_count, uint8_t *looked);

#endif
