/*
 * A few words about an object from its line: what is in it, or where its code stands.
 *
 * Owns the words. Must not know who asks. Reads the lines of the objects at hand only, all in one pass over the dump.
 */
#ifndef HD_VIEW_DESCRIBE_H
#define HD_VIEW_DESCRIBE_H

#include "base/arena.h"
#include "view/open.h"

/* Descriptions of nodes, in a list that is sorted by node. */
struct hd_described {
    uint32_t node;
    char *text; /* "" if there is nothing to say; NULL if memory ran out */
};

struct hd_descriptions {
    struct hd_described *item;
    uint32_t count;
    bool redacted;
};

/* Where the lines cannot be read again (standard input), nothing is described, and that is no failure. */
bool hd_describe_create(struct hd_descriptions *descriptions, const struct hd_open *open, const uint32_t *nodes,
                        uint32_t count, struct hd_error *err);
void hd_describe_destroy(struct hd_descriptions *descriptions);

/* "" if it has none. */
const char *hd_describe_get(const struct hd_descriptions *descriptions, uint32_t node);

/* The same for one line; appends to `out`, not terminated. `redacted`: nothing of its contents but how many there are. */
void hd_describe_line(struct hd_buffer *out, struct hd_graph_text object, bool redacted);

#endif
