/*
 * libmicrohttpd, loaded by the command that serves and by no other: linked to the tool it and what it brings along
 * (GnuTLS, whose constructor tests its ciphers) would be a third of the time that every other command takes to start.
 *
 * Owns where the functions come from. Whoever includes this calls them by their own names, after hd_web_library_load.
 */
#ifndef HD_WEB_LIBRARY_H
#define HD_WEB_LIBRARY_H

#include "base/error.h"

#include <microhttpd.h>
#include <stdbool.h>

#define HD_WEB_FUNCTIONS(X) \
    X(start_daemon) \
    X(stop_daemon) \
    X(get_connection_info) \
    X(lookup_connection_value) \
    X(create_response_from_buffer) \
    X(create_response_from_buffer_with_free_callback_cls) \
    X(add_response_header) \
    X(queue_response) \
    X(destroy_response)

struct hd_web_library {
#define HD_WEB_FUNCTION(name) __typeof__(&MHD_##name) name;
    HD_WEB_FUNCTIONS(HD_WEB_FUNCTION)
#undef HD_WEB_FUNCTION
};

extern struct hd_web_library hd_mhd;

/* False and *err (HD_ERROR_UNSUPPORTED) if the library is not on this machine. Not for several threads at once. */
bool hd_web_library_load(struct hd_error *err);

#define MHD_start_daemon hd_mhd.start_daemon
#define MHD_stop_daemon hd_mhd.stop_daemon
#define MHD_get_connection_info hd_mhd.get_connection_info
#define MHD_lookup_connection_value hd_mhd.lookup_connection_value
#define MHD_create_response_from_buffer hd_mhd.create_response_from_buffer
#define MHD_create_response_from_buffer_with_free_callback_cls hd_mhd.create_response_from_buffer_with_free_callback_cls
#define MHD_add_response_header hd_mhd.add_response_header
#define MHD_queue_response hd_mhd.queue_response
#define MHD_destroy_response hd_mhd.destroy_response

#endif
