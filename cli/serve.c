/* `heap_dump serve`: the dump as a page in the browser. */
#define _GNU_SOURCE
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/progress.h"
#include "web/assets.h"
#include "web/server.h"

#include <errno.h>
#include <semaphore.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPTION_BIND = HD_CALL_NO_LETTER };
enum { PORT_MAX = 65535 };

struct request {
    struct hd_web_server_options server;
    char **path;
    int path_count;
    bool open;
};

extern char **environ;

/* In the background: what opens a page may stay as long as the browser does. */
static void page_open(const char *url)
{
    char *words[] = {(char *)(uintptr_t)"sh", (char *)(uintptr_t)"-c",
                     (char *)(uintptr_t)"command -v xdg-open >/dev/null || exit 1; xdg-open \"$1\" >/dev/null 2>&1 &",
                     (char *)(uintptr_t)"sh", (char *)(uintptr_t)url, NULL};
    posix_spawnattr_t attributes;
    pid_t pid;
    int status = 1;
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setpgroup(&attributes, 0); /* Ctrl-C is for the server */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    if (!posix_spawnp(&pid, "sh", NULL, &attributes, words, environ))
        while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
            ;
    posix_spawnattr_destroy(&attributes);
    if (status != 0)
        fprintf(stderr, "heap_dump serve: there is no xdg-open to open the page with; open the address in a browser\n");
}

static void warn(const struct request *request, const struct hd_web_site *site)
{
    const char *address = request->server.address;
    for (unsigned i = 0; i < site->count; i++)
        hd_open_warn(&site->dump[i].open, "serve");
    if (address && strncmp(address, "127.", 4) && strcmp(address, "::1"))
        fprintf(stderr, "heap_dump serve: listening on %s: whoever can reach it and learns the token can read all of the "
                        "dump, and nothing is encrypted; safer is 127.0.0.1 and `ssh -L`\n", address);
    if (!hd_web_asset_find("index.html"))
        fprintf(stderr, "heap_dump serve: built without the page, which needs node and npm: install them and build again; "
                        "the interface is there, docs/http.md describes it\n");
}

static sem_t ended; /* posted by a signal, whichever thread takes it */

static void on_signal(int number)
{
    (void)number;
    sem_post(&ended);
}

static void signals_take(void)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND}; /* a second one ends at once */
    sem_init(&ended, 0, 0);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        sigaction(ends[i], &action, NULL);
}

/* Until a signal ends it. */
static bool serve(const struct request *request, struct hd_web_site *site, struct hd_error *err)
{
    hd_cli_progress_end();
    struct hd_web_server *server = hd_web_server_start(site, &request->server, err);
    if (!server)
        return false;
    signals_take();
    warn(request, site);
    printf("%s\n", hd_web_server_url(server));
    fflush(stdout);
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "heap_dump serve: open this address in a browser; Ctrl-C ends it\n");
    if (request->open)
        page_open(hd_web_server_ticket_url(server)); /* command lines can be seen by others */
    while (sem_wait(&ended) != 0 && errno == EINTR)
        ;
    if (!hd_web_server_stop(server)) {
        fflush(NULL);
        _exit(0); /* somebody still works on a dump, for nobody: it goes with the process */
    }
    return true;
}

static int run_server(const struct request *request)
{
    struct hd_web_site *site = calloc(1, sizeof *site);
    struct hd_error err = {0};
    bool done = site ? hd_web_server_available(&err) : hd_error_set(&err, HD_ERROR_MEMORY, "out of memory");
    for (int i = 0; done && i < request->path_count; i++)
        done = hd_web_site_add(site, request->path[i], &err);
    done = done && serve(request, site, &err);
    if (site)
        hd_web_site_close(site);
    free(site);
    return done ? 0 : hd_open_fail("serve", false, &err);
}

static void port_take(struct hd_call *call, uint16_t *port)
{
    unsigned long number = hd_call_count(call);
    if (number > PORT_MAX)
        hd_call_refuse(call, "--port takes a number from 0 to %d, not %s", PORT_MAX, call->value);
    *port = (uint16_t)number;
}

static int run(int argc, char **argv)
{
    struct request request = {0};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_serve, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'p')
            port_take(&call, &request.server.port);
        else if (letter == OPTION_BIND)
            request.server.address = call.value;
        else
            request.open = true;
    }
    if (!hd_call_operands(&call))
        return call.status;
    request.path = call.operand;
    request.path_count = call.operand_count;
    for (int i = 0; i < call.operand_count; i++)
        if (!strcmp(call.operand[i], "-"))
            hd_call_refuse(&call, "a dump from standard input cannot be read again: give a file");
    if (call.operand_count > HD_WEB_DUMPS)
        hd_call_refuse(&call, "at most %d dumps at a time", HD_WEB_DUMPS);
    return call.stopped ? call.status : run_server(&request);
}

static const struct hd_option options[] = {
    {'p', "port", "N", "listen on that port (one that is free)", NULL, NULL},
    {'o', "open", NULL, "open the page in a browser", NULL, NULL},
    {OPTION_BIND, "bind", "ADDRESS", "listen on that numeric address (127.0.0.1); what others can reach, others can read",
     NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_END};

const struct hd_command hd_command_serve = {
    .name = "serve",
    .run = run,
    .summary = "the dump as a page in the browser",
    .about = "Serves a page on 127.0.0.1 that shows the dump: overview, dominator tree, classes, objects, threads, strings, "
             "queries, and with several files what grew. Prints its address, with a random token without which nobody gets "
             "an answer, as the first line. Ctrl-C ends it.",
    .operands = {{"FILE", "a file", HD_OPERAND_DUMP, false, false, NULL},
                 {"FILE", "a file", HD_OPERAND_DUMP, true, true, NULL}},
    .options = options,
    .notes = "The page asks for JSON, which other programs can ask for, too: docs/http.md. For a dump on another machine: "
             "`heap_dump serve --port 8000 FILE` there, `ssh -L 8000:127.0.0.1:8000 HOST` here.",
    .statuses = "0 ended by a signal, 2 wrong options, 3 not a dump, 4 a file could not be read or the port is taken, 5 built "
                "without libmicrohttpd."};
