/*
 * The server: dumps over HTTP on one address, as docs/http.md says.
 *
 * Owns the socket, the connections and their limits, and the headers of every answer. Must not know what an answer says
 * (web/answer.h), nor who may ask (web/guard.h). A client that is slow, silent or hostile holds its own connection, for a limited time.
 */
#ifndef HD_WEB_SERVER_H
#define HD_WEB_SERVER_H

#include "web/site.h"

#include <stdint.h>

struct hd_web_server;

struct hd_web_server_options {
    const char *address; /* numeric; NULL: 127.0.0.1 */
    uint16_t port;       /* 0: any that is free */
};

/* False, and *err (what to install), if heap_dump was built without the library for HTTP, or that is not on this machine. */
bool hd_web_server_available(struct hd_error *err);

/*
 * Begins to answer; the site must outlive it. NULL and *err if it cannot listen.
 */
struct hd_web_server *hd_web_server_start(struct hd_web_site *site, const struct hd_web_server_options *options,
                                          struct hd_error *err);

/* "http://127.0.0.1:44211/?token=…" */
const char *hd_web_server_url(const struct hd_web_server *server);

/* "http://127.0.0.1:44211/?ticket=…", good for one visit: for a command line, which other users of the machine can see. */
const char *hd_web_server_ticket_url(struct hd_web_server *server);

/* Ends all connections. False if something still works on the dumps: then they must not be closed, only the process can end. */
bool hd_web_server_stop(struct hd_web_server *server);

#endif
