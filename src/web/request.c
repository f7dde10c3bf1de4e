/* See request.h. */
#define _GNU_SOURCE
#include "web/request.h"

#include "view/json.h"
#include "web/assets.h"
#include "web/library.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 64 << 10 };
#define WAIT_SECONDS 0.3

static const char page_policy[] =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
static const char data_policy[] = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

struct hd_web_request {
    char *target;
    char method[8];
    bool begun, too_long, too_big;
    struct hd_buffer body;
};

struct hd_web_request *hd_web_request_create(const char *target)
{
    struct hd_web_request *request = calloc(1, sizeof *request);
    if (!request)
        return NULL;
    request->too_long = strlen(target) > HD_WEB_TARGET - 2 * HD_WEB_PARAMETERS;
    request->target = request->too_long ? NULL : strdup(target);
    return request;
}

void hd_web_request_destroy(struct hd_web_request *request)
{
    if (!request)
        return;
    hd_buffer_deinit(&request->body);
    free(request->target);
    free(request);
}

bool hd_web_request_begun(struct hd_web_request *request, const char *method)
{
    bool begun = request->begun;
    request->begun = true;
    if (!begun)
        snprintf(request->method, sizeof request->method, "%s", method);
    return begun;
}

void hd_web_request_add(struct hd_web_request *request, const char *data, size_t length)
{
    if (length > BODY_MAX - request->body.length)
        request->too_big = true;
    else
        hd_buffer_append(&request->body, data, length);
}

void hd_web_context_interrupt(struct hd_web_context *context)
{
    hd_web_sql_stop(&context->sql);
}

/* ---- sending ---- */

static void header(struct MHD_Response *response, const char *name, const char *value)
{
    MHD_add_response_header(response, name, value);
}

static bool send_response(struct MHD_Connection *connection, unsigned status, const char *type, const char *policy,
                          const char *caching, struct MHD_Response *response)
{
    if (!response)
        return false;
    header(response, "Content-Type", type);
    header(response, "Content-Security-Policy", policy);
    header(response, "Cache-Control", caching);
    header(response, "X-Content-Type-Options", "nosniff");
    header(response, "X-Frame-Options", "DENY");
    header(response, "Referrer-Policy", "no-referrer");
    header(response, "Cross-Origin-Resource-Policy", "same-origin");
    header(response, "Cross-Origin-Opener-Policy", "same-origin");
    enum MHD_Result sent = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return sent == MHD_YES;
}

static struct MHD_Response *copied(const char *text, size_t length)
{
    return MHD_create_response_from_buffer(length, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
}

static const char json_type[] = "application/json; charset=utf-8", no_store[] = "no-store";

/* {"status":N,"error":"…"} with the status of HTTP and, where there is one, of a command. */
static bool send_error(struct MHD_Connection *connection, unsigned status, enum hd_error_code code, const char *sentence)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return false;
    fprintf(out, "{\"status\":%d,\"error\":", hd_error_exit_status(code));
    hd_json_string(out, sentence);
    fputs("}\n", out);
    fclose(out);
    struct MHD_Response *response = copied(text, length);
    free(text);
    if (response && status == 405)
        header(response, "Allow", "GET, HEAD");
    if (response && status == 503)
        header(response, "Retry-After", "1");
    return send_response(connection, status, json_type, data_policy, no_store, response);
}

static const char *field(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool takes_gzip(struct MHD_Connection *connection)
{
    const char *encodings = field(connection, "Accept-Encoding");
    return encodings && strstr(encodings, "gzip") && !strstr(encodings, "gzip;q=0");
}

/* ---- the page ---- */

static const char absent[] =
    "heap_dump was built without its page, which needs node and npm: install them and build again.\n"
    "The interface is there: /api/dumps, with the same token; docs/http.md describes it.\n";

static bool send_page(const struct hd_web_context *context, struct MHD_Connection *connection, const char *path, bool welcome)
{
    bool index = !strcmp(path, "/"), known = !strncmp(path, "/assets/", 8);
    const struct hd_web_asset *asset = index ? hd_web_asset_find("index.html") : known ? hd_web_asset_find(path + 1) : NULL;
    if (!asset && !index)
        return send_error(connection, 404, HD_ERROR_USAGE, "there is nothing here; the page is at /");
    bool packed = asset && asset->packed && takes_gzip(connection);
    struct MHD_Response *response =
        asset ? MHD_create_response_from_buffer(packed ? asset->packed_length : asset->length,
                                                (void *)(uintptr_t)(packed ? asset->packed : asset->data), MHD_RESPMEM_PERSISTENT)
              : copied(absent, sizeof absent - 1);
    if (response && packed)
        header(response, "Content-Encoding", "gzip");
    if (response)
        header(response, "Vary", "Accept-Encoding");
    if (response && welcome) {
        char cookie[128];
        snprintf(cookie, sizeof cookie, "%s=%s; Path=/; HttpOnly; SameSite=Strict", context->cookie, context->token);
        header(response, "Set-Cookie", cookie);
    }
    const char *type = asset ? hd_web_asset_type(asset) : "text/plain; charset=utf-8";
    return send_response(connection, asset ? 200 : 501, type, page_policy,
                         index ? "no-cache" : "public, max-age=31536000, immutable", response);
}

/* To the page with the token: for an address that others may have seen, on a command line. */
static bool send_ticket(const struct hd_web_context *context, struct MHD_Connection *connection)
{
    static const char nothing[] = "";
    char place[HD_WEB_TOKEN + 16];
    struct MHD_Response *response = copied(nothing, 0);
    snprintf(place, sizeof place, "/?token=%s", context->token);
    if (response)
        header(response, "Location", place);
    return send_response(connection, 303, "text/plain; charset=utf-8", data_policy, no_store, response);
}

/* Is it the ticket, and the first time? */
static bool ticket_take(struct hd_web_context *context, const struct hd_web_request *request, const struct hd_web_question *question)
{
    return !strcmp(request->method, "GET") && !strcmp(question->path, "/")
           && hd_web_guard_is_token(context->ticket, hd_web_question_get(question, "ticket"))
           && atomic_exchange(&context->ticket_valid, false);
}

/* ---- answers ---- */

struct held {
    struct hd_web_jobs *jobs;
    struct hd_web_job *job;
};

static void let_go(void *data)
{
    struct held *held = data;
    hd_web_jobs_release(held->jobs, held->job);
    free(held);
}

static bool send_done(struct hd_web_context *context, struct MHD_Connection *connection, struct hd_web_job *job)
{
    char tag[32];
    const char *known = field(connection, "If-None-Match");
    snprintf(tag, sizeof tag, "\"%s\"", job->tag);
    bool same = job->status == 200 && known && strstr(known, tag), packed = job->packed && takes_gzip(connection);
    struct held *held = same ? NULL : malloc(sizeof *held);
    struct MHD_Response *response = NULL;
    if (same) {
        hd_web_jobs_release(&context->jobs, job);
        response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    } else if (held) {
        *held = (struct held){&context->jobs, job};
        response = MHD_create_response_from_buffer_with_free_callback_cls(
            packed ? job->packed_length : job->length, packed ? job->packed : job->body, let_go, held);
    }
    if (!response) {
        if (!same)
            hd_web_jobs_release(&context->jobs, job);
        free(held);
        return false;
    }
    unsigned status = same ? 304 : job->status;
    if (status == 200 || same)
        header(response, "ETag", tag);
    header(response, "Vary", "Accept-Encoding");
    if (packed && !same)
        header(response, "Content-Encoding", "gzip");
    return send_response(connection, status, json_type, data_policy, status >= 400 ? no_store : "private, no-cache", response);
}

static bool send_state(struct MHD_Connection *connection, const struct hd_web_job *job)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return false;
    hd_web_job_json(out, job);
    fclose(out);
    struct MHD_Response *response = copied(text, length);
    free(text);
    return send_response(connection, 202, json_type, data_policy, no_store, response);
}

static bool send_cancelled(struct MHD_Connection *connection, bool found)
{
    static const char yes[] = "{\"state\":\"cancelled\"}\n", no[] = "{\"state\":\"not running\"}\n";
    return send_response(connection, 200, json_type, data_policy, no_store, found ? copied(yes, sizeof yes - 1) : copied(no, sizeof no - 1));
}

static bool answer_get(struct hd_web_context *context, struct MHD_Connection *connection, struct hd_web_question *question)
{
    struct hd_error err = {0};
    bool ready, cancel;
    const struct hd_web_route *route = hd_web_answer_route(question);
    if (!route)
        return send_error(connection, 404, HD_ERROR_USAGE, "there is no such path; docs/http.md lists them");
    if (!hd_web_question_flag(question, "cancel", &cancel, &err))
        return send_error(connection, 400, err.code, err.text);
    hd_web_question_drop(question, "cancel");
    if (cancel)
        return send_cancelled(connection, hd_web_jobs_cancel(&context->jobs, question));
    struct hd_web_job *job = hd_web_jobs_ask(&context->jobs, question, route, false, WAIT_SECONDS, &ready, &err);
    if (!job)
        return send_error(connection, err.code == HD_ERROR_LIMIT ? 503 : 500, err.code, err.text);
    if (ready && job->body)
        return send_done(context, connection, job);
    bool sent = ready ? send_error(connection, 500, HD_ERROR_MEMORY, "out of memory") : send_state(connection, job);
    hd_web_jobs_release(&context->jobs, job);
    return sent;
}

static bool answer_sql(struct hd_web_context *context, struct hd_web_request *request, struct MHD_Connection *connection)
{
    char *text = NULL;
    size_t length = 0;
    unsigned status = 500;
    struct hd_error err = {0};
    const char *type = field(connection, "Content-Type");
    if (!type || strncmp(type, "application/json", 16) != 0)
        return send_error(connection, 400, HD_ERROR_USAGE, "a query is sent as Content-Type: application/json");
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return false;
    bool done = hd_web_sql_answer(&context->sql, context->site, (struct hd_graph_text){request->body.data, request->body.length},
                                  out, &status, &err);
    bool whole = fclose(out) == 0;
    bool sent = done && whole ? send_response(connection, 200, json_type, data_policy, no_store, copied(text, length))
                              : send_error(connection, status, err.code, *err.text ? err.text : "out of memory");
    free(text);
    return sent;
}

/* ---- who asks for what ---- */

static bool is_allowed(const struct hd_web_context *context, struct MHD_Connection *connection, const char *token)
{
    return hd_web_guard_is_token(context->token, token)
           || hd_web_guard_is_token(context->token, field(connection, "X-Heap-Dump-Token"))
           || hd_web_guard_is_token(context->token, MHD_lookup_connection_value(connection, MHD_COOKIE_KIND, context->cookie));
}

static bool answer_api(struct hd_web_context *context, struct hd_web_request *request, struct MHD_Connection *connection,
                       struct hd_web_question *question)
{
    char token[HD_WEB_TOKEN + 1] = "";
    const char *given = hd_web_question_get(question, "token"), *host = field(connection, "Host");
    snprintf(token, sizeof token, "%s", given ? given : "");
    hd_web_question_drop(question, "token");
    if (!hd_web_guard_is_ours(field(connection, "Sec-Fetch-Site"), field(connection, "Origin"), host))
        return send_error(connection, 403, HD_ERROR_USAGE, "this request comes from another site");
    if (!is_allowed(context, connection, token))
        return send_error(connection, 401, HD_ERROR_USAGE,
                          "this needs the token: open the address that `heap_dump serve` printed");
    bool get = !strcmp(request->method, "GET") || !strcmp(request->method, "HEAD");
    if (!strcmp(question->path, "/api/sql"))
        return strcmp(request->method, "POST") ? send_error(connection, 405, HD_ERROR_USAGE, "a query is sent with POST")
                                               : answer_sql(context, request, connection);
    return get ? answer_get(context, connection, question)
               : send_error(connection, 405, HD_ERROR_USAGE, "this path answers GET alone");
}

bool hd_web_request_answer(struct hd_web_context *context, struct hd_web_request *request, struct MHD_Connection *connection)
{
    struct hd_web_question *question = malloc(sizeof *question);
    struct hd_error err = {0};
    bool sent;
    if (!question || (!request->too_long && !request->target))
        sent = send_error(connection, 500, HD_ERROR_MEMORY, "out of memory");
    else if (request->too_long)
        sent = send_error(connection, 414, HD_ERROR_USAGE, "the address is too long");
    else if (request->too_big)
        sent = send_error(connection, 413, HD_ERROR_USAGE, "the body is longer than 64 KiB");
    else if (!hd_web_guard_is_host(context->address, field(connection, "Host")))
        sent = send_error(connection, 421, HD_ERROR_USAGE, "the Host header names another machine");
    else if (!hd_web_question_parse(question, request->target, &err))
        sent = send_error(connection, 400, err.code, err.text);
    else if (!strncmp(question->path, "/api/", 5))
        sent = answer_api(context, request, connection, question);
    else if (strcmp(request->method, "GET") && strcmp(request->method, "HEAD"))
        sent = send_error(connection, 405, HD_ERROR_USAGE, "this path answers GET alone");
    else if (ticket_take(context, request, question))
        sent = send_ticket(context, connection);
    else
        sent = send_page(context, connection, question->path,
                         hd_web_guard_is_token(context->token, hd_web_question_get(question, "token")));
    free(question);
    return sent;
}
