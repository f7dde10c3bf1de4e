/*
 * The line of an object, as the dump has it.
 *
 * Owns the re-reading of one line. Must not know which fields there are: its JSON is walked by graph/fields.h, and a damaged one
 * only ends early. Works on lines of our dumps and of ObjectSpace's.
 */
#ifndef HD_VIEW_READABLE_H
#define HD_VIEW_READABLE_H

#include "base/error.h"
#include "graph/graph.h"

#include <stddef.h>

/*
 * The line of the object `id`, which begins at `offset` of the uncompressed dump, less what is not its object. To be freed. NULL and *err
 * if it cannot be read again, as from standard input, or if it is not the line it was.
 */
char *hd_readable_fetch(const char *path, uint64_t offset, uint64_t id, size_t *length, struct hd_error *err);

/*
 * Hands out the lines by which the object goes on (docs/format.md, "Big values"), in order; each is valid for the call. `offset` is that of
 * its first one. False and *err if they cannot be read to the end.
 */
typedef void hd_readable_part(void *data, struct hd_graph_text object);
bool hd_readable_rest(const char *path, uint64_t offset, uint64_t id, hd_readable_part *part, void *data, struct hd_error *err);

/* The value of a top-level field, as it is written; data NULL if there is none. */
struct hd_graph_text hd_readable_member(struct hd_graph_text object, const char *name);

/* The next element of a list (begin with *at = 0): its text; data NULL at the end. In maps `key` gets the key, less its quotes. */
struct hd_graph_text hd_readable_next(struct hd_graph_text list, size_t *at, struct hd_graph_text *key);

/* The value as an integer; 0 if it is none. */
uint64_t hd_readable_integer(struct hd_graph_text value);

/* The contents of a string, its quotes taken off, escapes as they are; other values unchanged. */
struct hd_graph_text hd_readable_string(struct hd_graph_text value);

#endif
