/* See mongodb_document.h. */
#include "store/mongodb_document.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEVELS = HD_JSON_DEPTH + 2, ID_TEXT = 48, INDEX_TEXT = 16, FIRST_REFERENCES = 256 };

struct hd_mongodb_documents {
    struct hd_json_reader *reader;
    struct hd_json_line line;
    char *dump;
    bson_t level[LEVELS]; /* the document, and what is open in it */
    bool array[LEVELS];
    int depth; /* level[depth] is the innermost */
    bool broken; /* the last one was left in the middle: libbson cannot use it again */
    uint64_t *reference;
    size_t reference_count, reference_capacity;
    char *key; /* a key with what no key can have replaced */
    size_t key_capacity;
};

struct hd_mongodb_documents *hd_mongodb_documents_create(const char *dump)
{
    struct hd_mongodb_documents *documents = calloc(1, sizeof *documents);
    if (!documents)
        return NULL;
    bson_init(&documents->level[0]);
    documents->dump = strdup(dump);
    documents->reader = hd_json_reader_create(false);
    if (documents->dump && documents->reader)
        return documents;
    hd_mongodb_documents_destroy(documents);
    return NULL;
}

void hd_mongodb_documents_destroy(struct hd_mongodb_documents *documents)
{
    if (!documents)
        return;
    bson_destroy(&documents->level[0]);
    hd_json_reader_destroy(documents->reader);
    free(documents->dump);
    free(documents->reference);
    free(documents->key);
    free(documents);
}

bool hd_mongodb_documents_read(struct hd_mongodb_documents *documents, const char *text, size_t length,
                               struct hd_error *err)
{
    if (length == 0 || (*text != '[' && *text != ','))
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "it begins with neither [ nor a comma");
    if (!hd_json_reader_parse(documents->reader, text + 1, length - 1, &documents->line, err))
        return false;
    return documents->line.kind != HD_JSON_LINE_OBJECT || documents->line.id
           || hd_error_set(err, HD_ERROR_BAD_DUMP, "an object has the id 0");
}

enum hd_json_line_kind hd_mongodb_documents_kind(const struct hd_mongodb_documents *documents)
{
    return documents->line.kind;
}

/* ---- values ---- */

static bool out_of_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for a document");
}

/* BSON's keys end with a NUL, so they have none in them. Dumps write it \x00; one that does not is treated the same. */
static bool key_clean(struct hd_mongodb_documents *documents, struct hd_json_text *name, struct hd_error *err)
{
    if (!memchr(name->data, 0, name->length))
        return true;
    if (documents->key_capacity < name->length * 4) {
        char *grown = realloc(documents->key, name->length * 4);
        if (!grown)
            return out_of_memory(err);
        documents->key = grown;
        documents->key_capacity = name->length * 4;
    }
    size_t length = 0;
    for (size_t i = 0; i < name->length; i++) {
        if (name->data[i])
            documents->key[length++] = name->data[i];
        else
            length += (size_t)(stpcpy(documents->key + length, "\\x00") - (documents->key + length));
    }
    *name = (struct hd_json_text){documents->key, length};
    return true;
}

static bool natural_append(bson_t *to, const char *key, int length, uint64_t natural)
{
    char digits[INDEX_TEXT + 8];
    bson_decimal128_t decimal;
    snprintf(digits, sizeof digits, "%llu", (unsigned long long)natural);
    return bson_decimal128_from_string(digits, &decimal) && bson_append_decimal128(to, key, length, &decimal);
}

static bool level_open(struct hd_mongodb_documents *documents, const char *key, int length, bool array)
{
    bson_t *to = &documents->level[documents->depth];
    bson_t *child = &documents->level[documents->depth + 1];
    bool done = array ? bson_append_array_begin(to, key, length, child) : bson_append_document_begin(to, key, length, child);
    if (done)
        documents->array[++documents->depth] = array;
    return done;
}

static bool append(struct hd_mongodb_documents *documents, const char *key, int length, const struct hd_json_value *value)
{
    bson_t *to = &documents->level[documents->depth];
    switch (value->type) {
    case HD_JSON_BOOL:
        return bson_append_bool(to, key, length, value->integer);
    case HD_JSON_INTEGER:
        return value->integer >= INT32_MIN && value->integer <= INT32_MAX
                   ? bson_append_int32(to, key, length, (int32_t)value->integer)
                   : bson_append_int64(to, key, length, value->integer);
    case HD_JSON_NATURAL:
        return natural_append(to, key, length, value->natural);
    case HD_JSON_NUMBER:
        return bson_append_double(to, key, length, value->number);
    case HD_JSON_TEXT:
        return bson_append_utf8(to, key, length, value->text.data, (int)value->text.length);
    case HD_JSON_ARRAY:
    case HD_JSON_MAP:
        return level_open(documents, key, length, value->type == HD_JSON_ARRAY);
    default:
        return bson_append_null(to, key, length);
    }
}

static bool on_value(void *data, const struct hd_json_value *value, struct hd_error *err)
{
    struct hd_mongodb_documents *documents = data;
    struct hd_json_text name = value->name;
    char index[INDEX_TEXT];
    if (name.data) {
        if (!key_clean(documents, &name, err))
            return false;
    } else {
        name.length = bson_uint32_to_string((uint32_t)value->index, &name.data, index, sizeof index);
    }
    return append(documents, name.data, (int)name.length, value) || out_of_memory(err);
}

static bool on_end(void *data, struct hd_error *err)
{
    struct hd_mongodb_documents *documents = data;
    bson_t *child = &documents->level[documents->depth];
    bool array = documents->array[documents->depth--];
    bson_t *to = &documents->level[documents->depth];
    return (array ? bson_append_array_end(to, child) : bson_append_document_end(to, child)) || out_of_memory(err);
}

/* ---- references ---- */

static bool on_reference(void *data, const struct hd_json_reference *reference, struct hd_error *err)
{
    struct hd_mongodb_documents *documents = data;
    if (documents->reference_count == documents->reference_capacity) {
        size_t capacity = documents->reference_capacity ? documents->reference_capacity * 2 : FIRST_REFERENCES;
        uint64_t *grown = realloc(documents->reference, capacity * sizeof *grown);
        if (!grown)
            return out_of_memory(err);
        documents->reference = grown;
        documents->reference_capacity = capacity;
    }
    documents->reference[documents->reference_count++] = reference->id;
    return true;
}

static int by_id(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static bool references_append(struct hd_mongodb_documents *documents)
{
    bson_t list;
    char index[INDEX_TEXT];
    uint32_t number = 0;
    if (!documents->reference_count)
        return true;
    qsort(documents->reference, documents->reference_count, sizeof *documents->reference, by_id);
    bool done = BSON_APPEND_ARRAY_BEGIN(&documents->level[0], "references", &list);
    for (size_t i = 0; i < documents->reference_count && done; i++) {
        const char *key;
        if (i && documents->reference[i] == documents->reference[i - 1])
            continue;
        size_t length = bson_uint32_to_string(number++, &key, index, sizeof index);
        done = bson_append_int64(&list, key, (int)length, (int64_t)documents->reference[i]);
    }
    return done && bson_append_array_end(&documents->level[0], &list);
}

/* ---- the document ---- */

void hd_mongodb_document_key(bson_t *to, const char *field, const char *dump, const char *id, uint64_t number)
{
    bson_t key;
    bson_append_document_begin(to, field, -1, &key);
    BSON_APPEND_UTF8(&key, "dump", dump);
    if (id)
        BSON_APPEND_UTF8(&key, "id", id);
    else
        BSON_APPEND_INT64(&key, "id", (int64_t)number);
    bson_append_document_end(to, &key);
}

/* The line's id if it is a text, else NULL. */
static const char *id_text(const struct hd_json_line *line, char text[ID_TEXT])
{
    switch (line->kind) {
    case HD_JSON_LINE_DUMP:
        return "_DUMP_";
    case HD_JSON_LINE_ROOTS:
        return "_ROOTS_";
    case HD_JSON_LINE_END:
        return "_END_";
    case HD_JSON_LINE_CONTINUATION:
        if (line->id)
            snprintf(text, ID_TEXT, "%llu+%llu", (unsigned long long)line->id, (unsigned long long)line->part);
        else
            snprintf(text, ID_TEXT, "_ROOTS_+%llu", (unsigned long long)line->part);
        return text;
    default:
        return NULL;
    }
}

const bson_t *hd_mongodb_documents_make(struct hd_mongodb_documents *documents, struct hd_error *err)
{
    const struct hd_json_visitor references = {.data = documents, .reference = on_reference};
    const struct hd_json_value_visitor values = {.data = documents, .value = on_value, .end = on_end};
    const struct hd_json_line *line = &documents->line;
    bson_t *document = &documents->level[0];
    char text[ID_TEXT];
    const char *id = id_text(line, text);
    documents->reference_count = 0;
    if (!hd_json_reader_walk(documents->reader, &references, err))
        return NULL;
    if (documents->broken) {
        bson_destroy(document);
        bson_init(document);
    }
    bson_reinit(document);
    documents->depth = 0;
    hd_mongodb_document_key(document, "_id", documents->dump, id, line->id);
    if (line->id)
        BSON_APPEND_INT64(document, "id", (int64_t)line->id);
    else
        BSON_APPEND_UTF8(document, "id", line->kind == HD_JSON_LINE_CONTINUATION ? "_ROOTS_" : id);
    documents->broken = !hd_json_reader_values(documents->reader, &values, err);
    if (documents->broken)
        return NULL;
    documents->broken = !references_append(documents);
    if (documents->broken) {
        out_of_memory(err);
        return NULL;
    }
    return document;
}
