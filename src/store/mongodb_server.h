/*
 * A collection on a MongoDB server, to which documents are added many at a time.
 *
 * Owns the connection and the words for what goes wrong with it. Must not know what a document is of. A document whose
 * _id is there already counts as present, one that the server will not have is counted and skipped. Any other failure
 * ends it; what the counters say was confirmed by the server before.
 * Invariant: inserted + present + refused + pending is the number of documents added.
 */
#ifndef HD_STORE_MONGODB_SERVER_H
#define HD_STORE_MONGODB_SERVER_H

#include "store/mongodb_library.h"
#include "store/mongodb_place.h"

enum { HD_MONGODB_BATCH = 1000, HD_MONGODB_DOCUMENT = 16 << 20 };

struct hd_mongodb_server {
    const struct hd_mongodb_place *place;
    mongoc_client_t *client;
    mongoc_collection_t *collection;
    mongoc_bulk_operation_t *batch; /* NULL while nothing is pending */
    uint32_t pending;
    size_t pending_bytes;
    uint64_t inserted, present, refused;
    char refusal[200]; /* what the server said about the first one that it refused */
    char version[32];  /* as the server says */
};

/* Connects and asks the server what it is. False and *err; then there is nothing to close. */
bool hd_mongodb_server_open(struct hd_mongodb_server *server, const struct hd_mongodb_place *place, struct hd_error *err);
void hd_mongodb_server_close(struct hd_mongodb_server *server);

/* Adds a copy of the document, at most HD_MONGODB_DOCUMENT bytes; sends the batch when it is full. */
bool hd_mongodb_server_add(struct hd_mongodb_server *server, const bson_t *document, struct hd_error *err);

/* Sends what is pending; true when the server has confirmed it. */
bool hd_mongodb_server_flush(struct hd_mongodb_server *server, struct hd_error *err);

/* The document that fits, to be destroyed with bson_destroy; NULL if there is none (*failed false) or *err. */
bson_t *hd_mongodb_server_find(struct hd_mongodb_server *server, const bson_t *filter, bool *failed, struct hd_error *err);

/* Puts the document in place of the one that fits, if any; removes the one that fits. */
bool hd_mongodb_server_put(struct hd_mongodb_server *server, const bson_t *filter, const bson_t *document,
                           struct hd_error *err);
bool hd_mongodb_server_remove(struct hd_mongodb_server *server, const bson_t *filter, struct hd_error *err);

/* Removes the collection; true also if there is none. */
bool hd_mongodb_server_drop(struct hd_mongodb_server *server, struct hd_error *err);

/* Makes those of at most 32 indexes that are not there, each of the one or two fields named, in ascending order. */
bool hd_mongodb_server_index(struct hd_mongodb_server *server, const char *const (*fields)[2], size_t count,
                             struct hd_error *err);

#endif
