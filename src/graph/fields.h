/*
 * The fields of a dump's line by their text, without parsing the line: for passes that want a few of them.
 *
 * Owns how far a JSON value reaches and what a JSON string says. Must not know which fields there are. Works on our lines
 * and on ObjectSpace's, and a damaged line only ends early: nothing is read behind its end.
 */
#ifndef HD_GRAPH_FIELDS_H
#define HD_GRAPH_FIELDS_H

#include "base/arena.h"
#include "graph/graph.h"

/*
 * The next element of a map or list (begin with *at = 0), as it is written; data NULL at the end. In maps *key gets the key
 * without its quotes.
 */
struct hd_graph_text hd_fields_next(struct hd_graph_text list, size_t *at, struct hd_graph_text *key);

/* The value of one field; data NULL if there is none. */
struct hd_graph_text hd_fields_get(struct hd_graph_text object, const char *name);

/* The same for several in one pass over the line, which may be long. */
void hd_fields_pick(struct hd_graph_text object, const char *const *names, struct hd_graph_text *values, size_t count);

static inline bool hd_fields_is(struct hd_graph_text text, const char *word)
{
    return text.length == __builtin_strlen(word) && !__builtin_memcmp(text.data, word, text.length);
}

/* Appends what a string (with its quotes, or without as a key) says, escapes resolved. */
void hd_fields_unescape(struct hd_buffer *out, struct hd_graph_text string);

/* The same for the bytes that a string says in base64. */
void hd_fields_base64(struct hd_buffer *out, struct hd_graph_text string);

#endif
