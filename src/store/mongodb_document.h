/*
 * A line of a dump as a document of MongoDB.
 *
 *     {_id: {dump: "web1", id: 70365602702620}, id: 70365602702620, bt: "T_ARRAY", …, references: [70365602702580]}
 *
 * Everything that is in the line, under its names and in its order, and three fields more or other: `_id` is the dump's
 * name and the line's id; `id` is the object's id, also on a line that continues an object (so that a search that goes from
 * `references` to `id` and back passes through it); `references` has each id that the line refers to once, in ascending
 * order, those of strings that were written in place among them.
 * Owns that form. Must not know where documents go. Integers are int32 where they fit, else int64, beyond that Decimal128.
 */
#ifndef HD_STORE_MONGODB_DOCUMENT_H
#define HD_STORE_MONGODB_DOCUMENT_H

#include "dump/json_reader.h"

#include <bson/bson.h>

struct hd_mongodb_documents;

/* `dump` is the name of the dump, which is copied. NULL if memory ran out. */
struct hd_mongodb_documents *hd_mongodb_documents_create(const char *dump);
void hd_mongodb_documents_destroy(struct hd_mongodb_documents *documents);

/*
 * Reads a line as it is in the file, with its first byte and without its newline; HD_JSON_PADDING bytes behind it may be
 * read. False and *err (HD_ERROR_BAD_DUMP) if it is none. `kind` and the line's id are then known (below).
 */
bool hd_mongodb_documents_read(struct hd_mongodb_documents *documents, const char *text, size_t length,
                               struct hd_error *err);
enum hd_json_line_kind hd_mongodb_documents_kind(const struct hd_mongodb_documents *documents);

/* The document of the line read last, valid until the next call. NULL and *err (HD_ERROR_BAD_DUMP, HD_ERROR_MEMORY). */
const bson_t *hd_mongodb_documents_make(struct hd_mongodb_documents *documents, struct hd_error *err);

/* Appends `_id` as documents have it; `id` is a text, or NULL for the number. */
void hd_mongodb_document_key(bson_t *to, const char *field, const char *dump, const char *id, uint64_t number);

#endif
