/*
 * MongoDB's C driver, loaded when it is needed and not before: linked to the tool it would make a file in /dev/shm at every start
 * of every command, and bring twenty libraries along (mongoc_init's constructor, mongoc-counters.c of 1.23).
 *
 * Owns where the functions come from. Whoever includes this calls them by their own names, after hd_mongodb_library_load.
 */
#ifndef HD_STORE_MONGODB_LIBRARY_H
#define HD_STORE_MONGODB_LIBRARY_H

#include "base/error.h"

#include <mongoc/mongoc.h>

#define HD_MONGODB_FUNCTIONS(X) \
    X(init) \
    X(log_set_handler) \
    X(uri_new_with_error) \
    X(uri_destroy) \
    X(uri_get_write_concern) \
    X(write_concern_is_acknowledged) \
    X(client_new_from_uri_with_error) \
    X(client_destroy) \
    X(client_set_error_api) \
    X(client_set_appname) \
    X(client_get_collection) \
    X(client_command_simple) \
    X(client_write_command_with_opts) \
    X(collection_destroy) \
    X(collection_drop) \
    X(collection_delete_one) \
    X(collection_replace_one) \
    X(collection_find_with_opts) \
    X(collection_find_indexes_with_opts) \
    X(collection_create_bulk_operation_with_opts) \
    X(bulk_operation_insert_with_opts) \
    X(bulk_operation_execute) \
    X(bulk_operation_destroy) \
    X(cursor_next) \
    X(cursor_error) \
    X(cursor_destroy)

struct hd_mongodb_library {
#define HD_MONGODB_FUNCTION(name) __typeof__(&mongoc_##name) name;
    HD_MONGODB_FUNCTIONS(HD_MONGODB_FUNCTION)
#undef HD_MONGODB_FUNCTION
};

extern struct hd_mongodb_library hd_mongoc;

/* False and *err (HD_ERROR_UNSUPPORTED) if the library is not on this machine. Not for several threads at once. */
bool hd_mongodb_library_load(struct hd_error *err);

#define mongoc_init hd_mongoc.init
#define mongoc_log_set_handler hd_mongoc.log_set_handler
#define mongoc_uri_new_with_error hd_mongoc.uri_new_with_error
#define mongoc_uri_destroy hd_mongoc.uri_destroy
#define mongoc_uri_get_write_concern hd_mongoc.uri_get_write_concern
#define mongoc_write_concern_is_acknowledged hd_mongoc.write_concern_is_acknowledged
#define mongoc_client_new_from_uri_with_error hd_mongoc.client_new_from_uri_with_error
#define mongoc_client_destroy hd_mongoc.client_destroy
#define mongoc_client_set_error_api hd_mongoc.client_set_error_api
#define mongoc_client_set_appname hd_mongoc.client_set_appname
#define mongoc_client_get_collection hd_mongoc.client_get_collection
#define mongoc_client_command_simple hd_mongoc.client_command_simple
#define mongoc_client_write_command_with_opts hd_mongoc.client_write_command_with_opts
#define mongoc_collection_destroy hd_mongoc.collection_destroy
#define mongoc_collection_drop hd_mongoc.collection_drop
#define mongoc_collection_delete_one hd_mongoc.collection_delete_one
#define mongoc_collection_replace_one hd_mongoc.collection_replace_one
#define mongoc_collection_find_with_opts hd_mongoc.collection_find_with_opts
#define mongoc_collection_find_indexes_with_opts hd_mongoc.collection_find_indexes_with_opts
#define mongoc_collection_create_bulk_operation_with_opts hd_mongoc.collection_create_bulk_operation_with_opts
#define mongoc_bulk_operation_insert_with_opts hd_mongoc.bulk_operation_insert_with_opts
#define mongoc_bulk_operation_execute hd_mongoc.bulk_operation_execute
#define mongoc_bulk_operation_destroy hd_mongoc.bulk_operation_destroy
#define mongoc_cursor_next hd_mongoc.cursor_next
#define mongoc_cursor_error hd_mongoc.cursor_error
#define mongoc_cursor_destroy hd_mongoc.cursor_destroy

#endif
