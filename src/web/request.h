/*
 * One request of a client and its answer.
 *
 * Owns which answer a path, a method and the headers lead to, and the headers of it. Knows libmicrohttpd, which server.c
 * starts. Must not know what an answer says.
 */
#ifndef HD_WEB_REQUEST_H
#define HD_WEB_REQUEST_H

#include "web/guard.h"
#include "web/job.h"
#include "web/sql.h"

struct MHD_Connection;

/* What all requests share. */
struct hd_web_context {
    struct hd_web_site *site;
    struct hd_web_jobs jobs;
    struct hd_web_sql sql;
    const char *address; /* that is listened on */
    char token[HD_WEB_TOKEN];
    char cookie[32]; /* its name */
    char ticket[HD_WEB_TOKEN]; /* leads to the page with the token, once */
    _Atomic bool ticket_valid;
};

/* Ends what waits in a request's own thread: queries. */
void hd_web_context_interrupt(struct hd_web_context *context);

struct hd_web_request;

/* NULL if memory ran out. */
struct hd_web_request *hd_web_request_create(const char *target);
void hd_web_request_destroy(struct hd_web_request *request); /* NULL is allowed */

/* False the first time, when the body is still to come. */
bool hd_web_request_begun(struct hd_web_request *request, const char *method);

/* A part of the body; what is beyond the limit is dropped, and the answer will say so. */
void hd_web_request_add(struct hd_web_request *request, const char *data, size_t length);

/* All of it is there: waits for the answer and hands it to the library. False: close the connection. */
bool hd_web_request_answer(struct hd_web_context *context, struct hd_web_request *request, struct MHD_Connection *connection);

#endif
