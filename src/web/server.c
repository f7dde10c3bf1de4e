/* See server.h. Each connection has a thread of its own (libmicrohttpd), which waits; web/job.h's threads work. */
#define _GNU_SOURCE
#include "web/server.h"

#include "base/arena.h"
#include "web/guard.h"
#include "web/library.h"
#include "web/request.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 400, IDLE_SECONDS = 15, HEADER_MEMORY = 32 << 10, STACK = 512 << 10, TICK_MS = 500 };
#define ASK_SECONDS 15.0  /* to send a request, and between two */
#define TAKE_SECONDS 120.0 /* to take an answer */

/* One connection, from when it is accepted to when it is closed. */
struct connection {
    struct connection *next;
    int socket;
    double until; /* monotonic seconds */
};

struct hd_web_server {
    struct hd_web_context context;
    struct MHD_Daemon *daemon;
    pthread_mutex_t lock; /* of the list of connections */
    struct connection *connections;
    pthread_t ticker;
    pthread_cond_t wake;
    bool stopping;
    char url[160], ticket_url[160];
};

bool hd_web_server_available(struct hd_error *err)
{
    return hd_web_library_load(err);
}

/* ---- the time a client may take ---- */

static void until_set(struct hd_web_server *server, struct MHD_Connection *connection, double seconds)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct connection *entry = info ? info->socket_context : NULL;
    if (!entry)
        return;
    pthread_mutex_lock(&server->lock);
    entry->until = hd_web_now() + seconds;
    pthread_mutex_unlock(&server->lock);
}

static void on_connection(void *data, struct MHD_Connection *connection, void **context, enum MHD_ConnectionNotificationCode code)
{
    struct hd_web_server *server = data;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct connection *entry = info ? malloc(sizeof *entry) : NULL;
        *context = entry;
        if (!entry)
            return;
        *entry = (struct connection){.socket = info->connect_fd, .until = hd_web_now() + ASK_SECONDS};
        pthread_mutex_lock(&server->lock);
        entry->next = server->connections;
        server->connections = entry;
        pthread_mutex_unlock(&server->lock);
        return;
    }
    struct connection *entry = *context;
    pthread_mutex_lock(&server->lock);
    for (struct connection **at = &server->connections; entry && *at; at = &(*at)->next)
        if (*at == entry) {
            *at = entry->next;
            break;
        }
    pthread_mutex_unlock(&server->lock);
    free(entry);
}

/* A drop now and then keeps a connection busy for ever as far as its timeout goes: there is an end to a request as a whole, too. */
static void late_close(struct hd_web_server *server)
{
    double now = hd_web_now();
    for (struct connection *entry = server->connections; entry; entry = entry->next)
        if (now > entry->until)
            shutdown(entry->socket, SHUT_RDWR); /* it is closed by who owns it, after it left the list */
}

static void *tick(void *data)
{
    struct hd_web_server *server = data;
    pthread_mutex_lock(&server->lock);
    while (!server->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&server->wake, &server->lock, &until);
        late_close(server);
        pthread_mutex_unlock(&server->lock);
        hd_web_jobs_tidy(&server->context.jobs);
        pthread_mutex_lock(&server->lock);
    }
    pthread_mutex_unlock(&server->lock);
    return NULL;
}

/* ---- one request ---- */

/* The address as it was sent; what it returns is the request from then on. */
static void *on_address(void *data, const char *target, struct MHD_Connection *connection)
{
    (void)data;
    (void)connection;
    return hd_web_request_create(target);
}

static void on_completed(void *data, struct MHD_Connection *connection, void **context, enum MHD_RequestTerminationCode code)
{
    (void)code;
    hd_web_request_destroy(*context);
    *context = NULL;
    until_set(data, connection, ASK_SECONDS);
}

static enum MHD_Result on_request(void *data, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload, size_t *upload_length, void **context)
{
    struct hd_web_server *server = data;
    struct hd_web_request *request = *context;
    (void)url;
    (void)version;
    if (!request)
        return MHD_NO;
    if (!hd_web_request_begun(request, method))
        return MHD_YES; /* the headers are there; the body, if any, comes now */
    if (*upload_length > 0) {
        hd_web_request_add(request, upload, *upload_length);
        *upload_length = 0;
        return MHD_YES;
    }
    until_set(server, connection, TAKE_SECONDS);
    return hd_web_request_answer(&server->context, request, connection) ? MHD_YES : MHD_NO;
}

/* ---- the socket ---- */

static int listen_at(const char *address, uint16_t *port, struct hd_error *err)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(*port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(*port)};
    bool is_six = inet_pton(AF_INET6, address, &six.sin6_addr) == 1;
    if (!is_six && inet_pton(AF_INET, address, &four.sin_addr) != 1) {
        hd_error_set(err, HD_ERROR_USAGE, "--bind takes a numeric address like 127.0.0.1, not %.100s", address);
        return -1;
    }
    struct sockaddr *name = is_six ? (struct sockaddr *)&six : (struct sockaddr *)&four;
    socklen_t length = is_six ? sizeof six : sizeof four;
    int yes = 1, fd = socket(name->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) && !bind(fd, name, length)
        && !listen(fd, SOMAXCONN) && !getsockname(fd, name, &length)) {
        *port = ntohs(is_six ? six.sin6_port : four.sin_port);
        return fd;
    }
    hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot listen on %.100s, port %u", address, *port);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool daemon_start(struct hd_web_server *server, int fd, struct hd_error *err)
{
    unsigned flags = MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL;
    server->daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
        (unsigned)CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)HEADER_MEMORY, MHD_OPTION_THREAD_STACK_SIZE, (size_t)STACK, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, on_address, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_END);
    return server->daemon || hd_error_set(err, HD_ERROR_IO, "the HTTP library cannot start its threads");
}

static bool ticker_start(struct hd_web_server *server, struct hd_error *err)
{
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    return !pthread_create(&server->ticker, NULL, tick, server)
           || hd_error_set(err, HD_ERROR_MEMORY, "cannot start a thread");
}

static bool begin(struct hd_web_server *server, const char *address, int fd, uint16_t port, struct hd_error *err)
{
    struct hd_web_context *context = &server->context;
    if (!hd_web_guard_token(context->token) || !hd_web_guard_token(context->ticket))
        return hd_error_set(err, HD_ERROR_IO, "the kernel gives no random bytes for the token");
    bool six = strchr(address, ':') != NULL;
    snprintf(context->cookie, sizeof context->cookie, "heap_dump_%u", port);
    const char *left = six ? "[" : "", *right = six ? "]" : "";
    snprintf(server->url, sizeof server->url, "http://%s%s%s:%u/?token=%s", left, address, right, port, context->token);
    snprintf(server->ticket_url, sizeof server->ticket_url, "http://%s%s%s:%u/?ticket=%s", left, address, right, port, context->ticket);
    if (!hd_web_jobs_start(&context->jobs, context->site, err))
        return false;
    if (!ticker_start(server, err)) {
        hd_web_jobs_stop(&context->jobs);
        return false;
    }
    if (daemon_start(server, fd, err))
        return true;
    close(fd);
    hd_web_server_stop(server);
    return false;
}

/* What the page asks first and what takes long, so that it is there when somebody gets to it; quick questions go before. */
static void prepare(struct hd_web_context *context)
{
    static const char *const paths[] = {"/api/tree?", "/api/suspects?", "/api/threads?", "/api/strings?", "/api/collections?",
                                        "/api/top?by=file&"};
    for (size_t p = 0; p < sizeof paths / sizeof *paths; p++)
        for (unsigned i = 0; i < context->site->count; i++) {
            char target[64];
            struct hd_web_question question;
            bool ready;
            snprintf(target, sizeof target, "%sdump=%u", paths[p], i);
            if (!hd_web_question_parse(&question, target, NULL))
                continue;
            struct hd_web_job *job = hd_web_jobs_ask(&context->jobs, &question, hd_web_answer_route(&question), true, 0, &ready,
                                                     NULL);
            if (job)
                hd_web_jobs_release(&context->jobs, job);
        }
}

struct hd_web_server *hd_web_server_start(struct hd_web_site *site, const struct hd_web_server_options *options,
                                          struct hd_error *err)
{
    const char *address = options->address ? options->address : "127.0.0.1";
    uint16_t port = options->port;
    if (!hd_web_server_available(err))
        return NULL;
    int fd = listen_at(address, &port, err);
    struct hd_web_server *server = fd < 0 ? NULL : calloc(1, sizeof *server);
    if (!server) {
        if (fd >= 0) {
            close(fd);
            hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        }
        return NULL;
    }
    server->context.site = site;
    server->context.address = address;
    pthread_mutex_init(&server->context.sql.lock, NULL);
    if (begin(server, address, fd, port, err)) {
        prepare(&server->context);
        return server;
    }
    free(server);
    return NULL;
}

const char *hd_web_server_url(const struct hd_web_server *server)
{
    return server->url;
}

const char *hd_web_server_ticket_url(struct hd_web_server *server)
{
    atomic_store(&server->context.ticket_valid, true);
    return server->ticket_url;
}

bool hd_web_server_stop(struct hd_web_server *server)
{
    struct hd_web_context *context = &server->context;
    pthread_mutex_lock(&server->lock);
    server->stopping = true;
    for (struct connection *entry = server->connections; entry; entry = entry->next)
        shutdown(entry->socket, SHUT_RDWR);
    pthread_cond_broadcast(&server->wake);
    pthread_mutex_unlock(&server->lock);
    pthread_join(server->ticker, NULL);
    hd_web_context_interrupt(context);
    bool idle = hd_web_jobs_stop(&context->jobs);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    if (idle)
        free(server);
    return idle;
}
