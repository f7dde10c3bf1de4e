/* In place of server.c where libmicrohttpd is missing. See server.h. */
#include "web/server.h"

#include <stddef.h>

bool hd_web_server_available(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_UNSUPPORTED, "heap_dump was built without libmicrohttpd, which serve needs: install "
                                                   "libmicrohttpd-dev and build again; `heap_dump report` works without");
}

struct hd_web_server *hd_web_server_start(struct hd_web_site *site, const struct hd_web_server_options *options,
                                          struct hd_error *err)
{
    (void)site;
    (void)options;
    hd_web_server_available(err);
    return NULL;
}

const char *hd_web_server_url(const struct hd_web_server *server)
{
    (void)server;
    return "";
}

const char *hd_web_server_ticket_url(struct hd_web_server *server)
{
    (void)server;
    return "";
}

bool hd_web_server_stop(struct hd_web_server *server)
{
    (void)server;
    return true;
}
