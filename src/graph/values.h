/*
 * What objects have in them and what they are called, as `find` looks at it: the values of Strings, Symbols and Regexps, the names of what
 * has one. Collected in a pass over the dump, they can be searched without it (graph/values_search.h).
 *
 * Owns what a line says of this, and the form of what is collected: pieces that are each complete in themselves, so that none needs to be in
 * memory with another. Must not know where they are kept nor what is looked for. Nothing of a piece is believed: see hd_values_piece_read.
 */
#ifndef HD_GRAPH_VALUES_H
#define HD_GRAPH_VALUES_H

#include "base/arena.h"
#include "graph/replay.h"

enum hd_values_kind { HD_VALUES_CONTENTS, HD_VALUES_NAMES, HD_VALUES_KINDS };

/* ---- one line ---- */

/* The fields that matter, as they are written; data NULL for those that are not there. */
struct hd_values_line {
    struct hd_graph_text val, value, base64, name[3];
};

void hd_values_line_read(struct hd_values_line *line, struct hd_graph_text object);

/* Puts the object's value into `out`, in place of what is there; false if it has none. */
bool hd_values_line_contents(const struct hd_values_line *line, struct hd_buffer *out);

/* The same for the name with that number below HD_VALUES_LINE_NAMES. */
enum { HD_VALUES_LINE_NAMES = 4 };
bool hd_values_line_name(const struct hd_values_line *line, uint8_t type, unsigned number, struct hd_buffer *out);

/* By enum hd_bt. Classes and modules are called what the graph says. */
static inline bool hd_values_has_contents(uint8_t type)
{
    return type == HD_BT_T_STRING || type == HD_BT_T_SYMBOL || type == HD_BT_T_REGEXP;
}

static inline bool hd_values_has_name(uint8_t type)
{
    switch (type) {
    case HD_BT_T_CLASS: case HD_BT_T_MODULE: case HD_BT_T_OBJECT: case HD_BT_T_FLOAT: case HD_BT_T_STRING: case HD_BT_T_REGEXP:
    case HD_BT_T_ARRAY: case HD_BT_T_HASH: case HD_BT_T_STRUCT: case HD_BT_T_BIGNUM: case HD_BT_T_MATCH: case HD_BT_T_COMPLEX:
    case HD_BT_T_RATIONAL:
        return false;
    default:
        return true;
    }
}

/* ---- all of them ---- */

/* Takes a piece, which lives until it returns. Several threads call it at the same time. False: it cannot be kept, and nothing will be. */
typedef bool hd_values_put(void *data, enum hd_values_kind kind, uint32_t number, struct hd_graph_text piece);

/* What there is when all is collected. */
struct hd_values_sum {
    uint64_t pieces[HD_VALUES_KINDS]; /* their numbers are 0 to this - 1 */
    uint64_t left_out[HD_VALUES_KINDS]; /* objects of which the pieces say that the dump must be asked */
};

struct hd_values_build;

/*
 * Before a pass: *job is for hd_replay_jobs. Values are left out that are long, and all after the first `room` bytes. NULL and *err if memory
 * ran out.
 */
struct hd_values_build *hd_values_build_create(const struct hd_graph *graph, unsigned visitors, uint64_t room, hd_values_put *put,
                                               void *data, struct hd_replay_job *job, struct hd_error *err);

/* After it. False: what was put is not all, forget it. */
bool hd_values_build_finish(struct hd_values_build *build, struct hd_values_sum *sum);
void hd_values_build_destroy(struct hd_values_build *build);

/* ---- a piece ---- */

/* Texts, each once, and for each the objects that have it. The columns lie in the piece. */
struct hd_values_piece {
    uint32_t count, node_count, left_count;
    const uint32_t *end;      /* [count] text i ends before the NUL at bytes[end[i] - 1], and the next one begins at end[i] */
    const uint32_t *node_end; /* [count] node[node_end[i - 1]] to node[node_end[i] - 1] have it */
    const uint32_t *node, *left; /* [node_count], [left_count]: these are left out */
    const char *bytes;
    uint64_t byte_count;
};

/* False if it is none. Every text then ends in the piece with a NUL, all lists are within theirs, and nodes are below `nodes`. */
bool hd_values_piece_read(struct hd_values_piece *piece, struct hd_graph_text data, uint32_t nodes);

#endif
