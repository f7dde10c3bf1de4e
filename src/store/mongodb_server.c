/* See mongodb_server.h. */
#include "store/mongodb_server.h"

#include <stdio.h>
#include <string.h>

/* Error codes of the server: src/mongo/base/error_codes.yml. */
enum { UNAUTHORIZED = 13, AUTHENTICATION_FAILED = 18, NAMESPACE_NOT_FOUND = 26, DUPLICATE_KEY = 11000, DUPLICATE_KEY_UPDATE = 11001 };

enum { INDEX_NAME = 128 };

/* ---- what went wrong ---- */

static bool is_about_authentication(const bson_error_t *error)
{
    bool driver = error->domain == MONGOC_ERROR_CLIENT || error->domain == MONGOC_ERROR_SASL || error->domain == MONGOC_ERROR_SCRAM;
    return (driver && error->code == MONGOC_ERROR_CLIENT_AUTHENTICATE) || error->code == AUTHENTICATION_FAILED
           || error->domain == MONGOC_ERROR_SASL || error->domain == MONGOC_ERROR_SCRAM;
}

static bool is_about_reaching(const bson_error_t *error)
{
    return error->domain == MONGOC_ERROR_SERVER_SELECTION || error->domain == MONGOC_ERROR_STREAM;
}

/* Always returns false. */
static bool fail(const struct hd_mongodb_server *server, const bson_error_t *error, const char *what, struct hd_error *err)
{
    char said[sizeof error->message];
    const char *hosts = server->place->hosts;
    snprintf(said, sizeof said, "%s", error->message);
    hd_mongodb_place_mask(server->place, said);
    if (is_about_authentication(error))
        return hd_error_set(err, HD_ERROR_IO, "MongoDB at %.80s does not accept the user or the password: %.160s; if the user is of "
                            "another database, end the URI with ?authSource=admin", hosts, said);
    if (error->code == UNAUTHORIZED)
        return hd_error_set(err, HD_ERROR_IO, "MongoDB at %.80s does not allow it: %.160s; name a user that may: "
                            "mongodb://USER:PASSWORD@HOST/… (mongodb:file:PATH keeps that out of ps)", hosts, said);
    if (is_about_reaching(error))
        return hd_error_set(err, HD_ERROR_IO, "cannot reach MongoDB at %.80s to %s: %.200s", hosts, what, said);
    return hd_error_set(err, HD_ERROR_IO, "MongoDB at %.80s: cannot %s: %.200s", hosts, what, said);
}

/* ---- connection ---- */

static bool connect_client(struct hd_mongodb_server *server, struct hd_error *err)
{
    bson_error_t error = {0};
    const struct hd_mongodb_place *place = server->place;
    mongoc_uri_t *uri = mongoc_uri_new_with_error(place->uri, &error);
    if (!uri) {
        hd_mongodb_place_mask(place, error.message);
        bool shows = strstr(error.message, "://"); /* some of its messages have the URI in them */
        return hd_error_set(err, HD_ERROR_USAGE, "the URI of MongoDB makes no sense%s%.200s", shows ? "" : ": ",
                            shows ? "" : error.message);
    }
    const mongoc_write_concern_t *concern = mongoc_uri_get_write_concern(uri);
    bool confirmed = !concern || mongoc_write_concern_is_acknowledged(concern);
    if (confirmed)
        server->client = mongoc_client_new_from_uri_with_error(uri, &error);
    mongoc_uri_destroy(uri);
    if (!confirmed)
        return hd_error_set(err, HD_ERROR_USAGE, "with w=0 in its URI, MongoDB does not tell whether anything arrived: leave it away");
    if (!server->client)
        return fail(server, &error, "prepare", err);
    mongoc_client_set_error_api(server->client, MONGOC_ERROR_API_VERSION_2);
    mongoc_client_set_appname(server->client, "heap_dump");
    server->collection = mongoc_client_get_collection(server->client, place->database, place->collection);
    return true;
}

static bool version_ask(struct hd_mongodb_server *server, struct hd_error *err)
{
    bson_t command, reply;
    bson_iter_t at;
    bson_error_t error = {0};
    bson_init(&command);
    BSON_APPEND_INT32(&command, "buildInfo", 1);
    bool ok = mongoc_client_command_simple(server->client, server->place->database, &command, NULL, &reply, &error);
    if (ok && bson_iter_init_find(&at, &reply, "version") && BSON_ITER_HOLDS_UTF8(&at))
        snprintf(server->version, sizeof server->version, "%s", bson_iter_utf8(&at, NULL));
    bson_destroy(&command);
    bson_destroy(&reply);
    return ok || fail(server, &error, "connect", err);
}

bool hd_mongodb_server_open(struct hd_mongodb_server *server, const struct hd_mongodb_place *place, struct hd_error *err)
{
    *server = (struct hd_mongodb_server){.place = place};
    if (!hd_mongodb_library_load(err))
        return false;
    mongoc_init();
    mongoc_log_set_handler(NULL, NULL); /* the library prints nothing */
    if (connect_client(server, err) && version_ask(server, err))
        return true;
    hd_mongodb_server_close(server);
    return false;
}

void hd_mongodb_server_close(struct hd_mongodb_server *server)
{
    if (server->batch)
        mongoc_bulk_operation_destroy(server->batch);
    if (server->collection)
        mongoc_collection_destroy(server->collection);
    if (server->client)
        mongoc_client_destroy(server->client);
    server->batch = NULL;
    server->collection = NULL;
    server->client = NULL;
}

/* ---- batches ---- */

/* One document that was not inserted. */
static void write_error_read(struct hd_mongodb_server *server, bson_iter_t *error)
{
    bson_iter_t at;
    int64_t code = 0;
    const char *message = "";
    if (bson_iter_recurse(error, &at))
        while (bson_iter_next(&at)) {
            if (!strcmp(bson_iter_key(&at), "code"))
                code = bson_iter_as_int64(&at);
            else if (!strcmp(bson_iter_key(&at), "errmsg") && BSON_ITER_HOLDS_UTF8(&at))
                message = bson_iter_utf8(&at, NULL);
        }
    if (code == DUPLICATE_KEY || code == DUPLICATE_KEY_UPDATE) {
        server->present++;
        return;
    }
    if (!server->refused++)
        snprintf(server->refusal, sizeof server->refusal, "%s", message);
}

/*
 * Counts what the server says became of the batch; true if it says so of each document. There are servers that count among
 * the inserted ones those that they say they did not insert.
 */
static bool reply_read(struct hd_mongodb_server *server, const bson_t *reply)
{
    bson_iter_t at, error;
    uint64_t inserted = 0, failed = server->present + server->refused;
    if (bson_iter_init_find(&at, reply, "nInserted"))
        inserted = (uint64_t)bson_iter_as_int64(&at);
    if (bson_iter_init_find(&at, reply, "writeErrors") && bson_iter_recurse(&at, &error))
        while (bson_iter_next(&error))
            write_error_read(server, &error);
    failed = server->present + server->refused - failed;
    bool told = failed <= server->pending && inserted + failed >= server->pending;
    server->inserted += told ? server->pending - failed : inserted;
    bool concerned = bson_iter_init_find(&at, reply, "writeConcernErrors") && bson_iter_recurse(&at, &error)
                     && bson_iter_next(&error);
    return told && !concerned;
}

bool hd_mongodb_server_flush(struct hd_mongodb_server *server, struct hd_error *err)
{
    bson_t reply;
    bson_error_t error = {0};
    if (!server->pending)
        return true;
    uint64_t useful = server->inserted + server->present;
    mongoc_bulk_operation_execute(server->batch, &reply, &error);
    bool told = reply_read(server, &reply);
    bson_destroy(&reply);
    mongoc_bulk_operation_destroy(server->batch);
    server->batch = NULL;
    /* A server that refuses a thousand in a row refuses them all. */
    bool useless = server->pending == HD_MONGODB_BATCH && server->inserted + server->present == useful;
    server->pending = 0;
    server->pending_bytes = 0;
    return (told && !useless) || fail(server, &error, "add documents", err);
}

bool hd_mongodb_server_add(struct hd_mongodb_server *server, const bson_t *document, struct hd_error *err)
{
    bson_error_t error = {0};
    if (server->pending == HD_MONGODB_BATCH || server->pending_bytes + document->len > HD_MONGODB_DOCUMENT)
        if (!hd_mongodb_server_flush(server, err))
            return false;
    bson_t options;
    bson_init(&options);
    if (!server->batch) {
        BSON_APPEND_BOOL(&options, "ordered", false);
        server->batch = mongoc_collection_create_bulk_operation_with_opts(server->collection, &options);
        bson_reinit(&options);
    }
    BSON_APPEND_BOOL(&options, "validate", false); /* empty keys and keys with dots are as good as any */
    bool ok = mongoc_bulk_operation_insert_with_opts(server->batch, document, &options, &error);
    bson_destroy(&options);
    server->pending += ok;
    server->pending_bytes += document->len;
    return ok || fail(server, &error, "prepare documents", err);
}

/* ---- single documents, collection, indexes ---- */

bson_t *hd_mongodb_server_find(struct hd_mongodb_server *server, const bson_t *filter, bool *failed, struct hd_error *err)
{
    const bson_t *document;
    bson_error_t error = {0};
    bson_t options;
    bson_init(&options);
    BSON_APPEND_INT64(&options, "limit", 1);
    mongoc_cursor_t *cursor = mongoc_collection_find_with_opts(server->collection, filter, &options, NULL);
    bson_t *found = mongoc_cursor_next(cursor, &document) ? bson_copy(document) : NULL;
    *failed = mongoc_cursor_error(cursor, &error);
    if (*failed)
        fail(server, &error, "look for what is there", err);
    mongoc_cursor_destroy(cursor);
    bson_destroy(&options);
    return found;
}

bool hd_mongodb_server_put(struct hd_mongodb_server *server, const bson_t *filter, const bson_t *document,
                           struct hd_error *err)
{
    bson_error_t error = {0};
    bson_t options;
    bson_init(&options);
    BSON_APPEND_BOOL(&options, "upsert", true);
    bool ok = mongoc_collection_replace_one(server->collection, filter, document, &options, NULL, &error);
    bson_destroy(&options);
    return ok || fail(server, &error, "note how far it is", err);
}

bool hd_mongodb_server_remove(struct hd_mongodb_server *server, const bson_t *filter, struct hd_error *err)
{
    bson_error_t error = {0};
    return mongoc_collection_delete_one(server->collection, filter, NULL, NULL, &error)
           || fail(server, &error, "remove the note how far it is", err);
}

bool hd_mongodb_server_drop(struct hd_mongodb_server *server, struct hd_error *err)
{
    bson_error_t error = {0};
    return mongoc_collection_drop(server->collection, &error) || error.code == NAMESPACE_NOT_FOUND
           || fail(server, &error, "remove the collection", err);
}

/* As MongoDB itself would call it: "class_1__id.dump_1". */
static void index_name(const char *const fields[2], char *name, size_t size)
{
    snprintf(name, size, fields[1] ? "%s_1_%s_1" : "%s_1", fields[0], fields[1]);
}

/* A bit for each of the indexes that is there. */
static bool indexes_find(struct hd_mongodb_server *server, const char *const (*fields)[2], size_t count, uint32_t *there,
                         struct hd_error *err)
{
    const bson_t *index;
    bson_iter_t at;
    bson_error_t error = {0};
    char name[INDEX_NAME];
    mongoc_cursor_t *cursor = mongoc_collection_find_indexes_with_opts(server->collection, NULL);
    while (mongoc_cursor_next(cursor, &index))
        for (size_t i = 0; i < count; i++) {
            index_name(fields[i], name, sizeof name);
            if (bson_iter_init_find(&at, index, "name") && BSON_ITER_HOLDS_UTF8(&at) && !strcmp(bson_iter_utf8(&at, NULL), name))
                *there |= 1u << i;
        }
    bool failed = mongoc_cursor_error(cursor, &error);
    mongoc_cursor_destroy(cursor);
    return !failed || fail(server, &error, "look for indexes", err);
}

static void index_append(bson_t *list, uint32_t number, const char *const fields[2])
{
    bson_t index, key;
    char digits[16], name[INDEX_NAME];
    const char *at;
    bson_uint32_to_string(number, &at, digits, sizeof digits);
    bson_append_document_begin(list, at, -1, &index);
    BSON_APPEND_DOCUMENT_BEGIN(&index, "key", &key);
    for (size_t k = 0; k < 2 && fields[k]; k++)
        BSON_APPEND_INT32(&key, fields[k], 1);
    bson_append_document_end(&index, &key);
    index_name(fields, name, sizeof name);
    BSON_APPEND_UTF8(&index, "name", name);
    bson_append_document_end(list, &index);
}

bool hd_mongodb_server_index(struct hd_mongodb_server *server, const char *const (*fields)[2], size_t count,
                             struct hd_error *err)
{
    bson_t command, list;
    bson_error_t error = {0};
    uint32_t there = 0, number = 0;
    if (!indexes_find(server, fields, count, &there, err))
        return false;
    bson_init(&command);
    BSON_APPEND_UTF8(&command, "createIndexes", server->place->collection);
    BSON_APPEND_ARRAY_BEGIN(&command, "indexes", &list);
    for (size_t i = 0; i < count; i++)
        if (!(there >> i & 1))
            index_append(&list, number++, fields[i]);
    bson_append_array_end(&command, &list);
    bool ok = !number || mongoc_client_write_command_with_opts(server->client, server->place->database, &command, NULL, NULL, &error);
    bson_destroy(&command);
    return ok || fail(server, &error, "make the indexes", err);
}
