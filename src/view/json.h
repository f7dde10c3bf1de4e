/*
 * Texts of a dump as JSON strings.
 *
 * Owns what becomes of bytes that no JSON string may have. Must not know whose text it is. Whatever the bytes are, what
 * is written is valid: what is no UTF-8 becomes U+FFFD.
 */
#ifndef HD_VIEW_JSON_H
#define HD_VIEW_JSON_H

#include "graph/graph.h"

#include <stdio.h>

/* Writes a string as JSON, quoted. */
void hd_json_string(FILE *file, const char *string);

/* The same for a text, NULs in it and all. data NULL is "". */
void hd_json_text(FILE *file, struct hd_graph_text text);

/*
 * Writes a JSON value of a dump again, so that it is valid whatever it was: texts are cut as hd_json_limit says, lists and maps after
 * 1,000 elements, what is too deep becomes null. With no limit set it is copied.
 */
void hd_json_value(FILE *file, struct hd_graph_text value);

/*
 * From now on this thread cuts texts that are longer than so many bytes, at a character, and puts a … behind; 0: no limit. For
 * those who must send an answer whatever a dump calls its classes. Returns the limit before.
 */
size_t hd_json_limit(size_t bytes);

#endif
