/* See second_pass.h. Object lines are told by where they begin, which the graph has, and must then have the right id. */
#define _GNU_SOURCE
#include "graph/second_pass.h"

#include "base/progress.h"
#include "dump/input.h"
#include "dump/range.h"
#include "graph/fields.h"
#include "graph/line_order.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEK_MIN ((uint64_t)1 << 20)          /* reading on is cheaper than going there */
#define WORKER_MIN 20000u                     /* a thread for fewer lines is not worth it */
#define TELL_LINES 1024u

struct pass {
    const char *path;
    const struct hd_graph *graph;
    hd_second_pass_visit *visit;
    void *data;
    int fd;
    uint32_t *order; /* wanted nodes by line */
    uint32_t count;
    struct hd_progress *progress; /* NULL: nobody watches */
};

struct worker {
    struct pass *pass;
    unsigned number;
    uint32_t from, to; /* of the order */
    bool ok, has_thread;
    struct hd_error err;
    pthread_t thread;
};

static bool changed(const struct pass *pass, struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s has changed since it was read", pass->path);
}

/* Decimal, or ObjectSpace's "0x…". */
static uint64_t address_of(struct hd_graph_text value)
{
    bool hex = value.length > 3 && !memcmp(value.data, "\"0x", 3);
    uint64_t address = 0;
    for (size_t i = hex ? 3 : 0; i < value.length; i++) {
        unsigned char byte = (unsigned char)value.data[i];
        unsigned digit = (unsigned)byte - '0';
        if (hex && digit > 9)
            digit = (unsigned)(byte | 0x20) - 'a' < 6 ? (unsigned)(byte | 0x20) - 'a' + 10 : 99;
        if (digit > (hex ? 15 : 9))
            break;
        address = address * (hex ? 16 : 10) + digit;
    }
    return address;
}

/* One more is done: now and then that is told. */
static bool go_on(const struct pass *pass, uint32_t i, struct hd_error *err)
{
    return (i + 1) % TELL_LINES || hd_progress_go_on(pass->progress, TELL_LINES, err);
}

static bool visit_line(const struct worker *worker, uint32_t node, const char *text, size_t length,
                       struct hd_error *err)
{
    const struct pass *pass = worker->pass;
    bool ours = pass->graph->head_name != HD_NAME_MASK;
    size_t skip = length > 0 && text[0] != '{';
    struct hd_graph_text object = {text + skip, length - skip};
    struct hd_graph_text id = hd_fields_get(object, ours ? "id" : "address");
    if (!id.data || address_of(id) != pass->graph->node_address[node])
        return changed(pass, err);
    return pass->visit(pass->data, worker->number, node, object, err);
}

/* --- a plain file --- */

static bool read_lines(struct worker *worker, struct hd_range *range, size_t limit)
{
    const struct pass *pass = worker->pass;
    struct hd_range_line line = {0};
    bool open = false;
    for (uint32_t i = worker->from; i < worker->to; i++) {
        uint64_t target = pass->graph->node_line[pass->order[i]];
        if (open && target > range->offset + SEEK_MIN) {
            hd_range_deinit(range);
            open = false;
        }
        if (!open && !hd_range_init(range, pass->fd, target, limit, &worker->err))
            return false;
        open = true;
        enum hd_range_result result;
        do
            result = hd_range_next(range, &line, &worker->err);
        while (result == HD_RANGE_LINE && line.offset < target);
        if (result == HD_RANGE_FAILED)
            return false;
        if (result == HD_RANGE_END || line.offset != target || line.too_long)
            return changed(pass, &worker->err);
        if (!visit_line(worker, pass->order[i], line.text, line.length, &worker->err) || !go_on(pass, i, &worker->err))
            return false;
    }
    return true;
}

static void *run_worker(void *data)
{
    struct worker *worker = data;
    struct hd_range range = {0};
    bool ours = worker->pass->graph->head_name != HD_NAME_MASK;
    worker->ok = read_lines(worker, &range, ours ? HD_INPUT_LINE_LIMIT : HD_INPUT_LONG_LIMIT);
    hd_range_deinit(&range);
    return NULL;
}

static bool read_plain(struct pass *pass, struct hd_error *err)
{
    struct worker workers[HD_SECOND_PASS_WORKERS];
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = processors < 1 ? 1 : processors > (long)HD_SECOND_PASS_WORKERS ? HD_SECOND_PASS_WORKERS
                                                                                     : (unsigned)processors;
    if (count > pass->count / WORKER_MIN)
        count = pass->count < WORKER_MIN ? 1 : pass->count / WORKER_MIN;
    for (unsigned i = 0; i < count; i++) {
        uint32_t share = pass->count / count;
        workers[i] = (struct worker){.pass = pass, .number = i, .from = share * i,
                                     .to = i + 1 == count ? pass->count : share * (i + 1)};
        workers[i].has_thread = i + 1 < count && !pthread_create(&workers[i].thread, NULL, run_worker, &workers[i]);
        if (!workers[i].has_thread)
            run_worker(&workers[i]);
    }
    bool ok = true;
    for (unsigned i = 0; i < count; i++) {
        if (workers[i].has_thread)
            pthread_join(workers[i].thread, NULL);
        if (ok && !workers[i].ok)
            *err = workers[i].err;
        ok = ok && workers[i].ok;
    }
    return ok;
}

/* --- compressed, or not a file --- */

static bool read_stream(struct pass *pass, struct hd_error *err)
{
    struct worker worker = {.pass = pass};
    struct hd_input *input = hd_input_open_fd(pass->fd, pass->path, err);
    struct hd_input_line line;
    bool ok = input != NULL;
    if (ok)
        hd_input_allow_long(input);
    for (uint32_t i = 0; ok && i < pass->count; i++) {
        uint64_t target = pass->graph->node_line[pass->order[i]];
        enum hd_input_result result;
        do
            result = hd_input_next(input, &line, err);
        while (result == HD_INPUT_LINE && line.offset < target);
        if (result == HD_INPUT_FAILED)
            ok = false;
        else if (result == HD_INPUT_END || line.offset != target)
            ok = changed(pass, err);
        else
            ok = visit_line(&worker, pass->order[i], line.text, line.length, err) && go_on(pass, i, err);
    }
    hd_input_close(input);
    return ok;
}

/* --- the pass --- */

static bool order_make(struct pass *pass, const uint8_t *wanted)
{
    const struct hd_graph *graph = pass->graph;
    uint32_t count = 0;
    for (uint32_t node = 1; node < graph->node_count; node++)
        count += !wanted || wanted[node];
    pass->order = malloc((count + 1) * sizeof *pass->order);
    if (!pass->order)
        return false;
    for (uint32_t node = 1; node < graph->node_count; node++)
        if (!wanted || wanted[node])
            pass->order[pass->count++] = node;
    return hd_line_order(graph, pass->order, pass->count);
}

bool hd_second_pass(const char *path, const struct hd_graph *graph, const uint8_t *wanted, hd_second_pass_visit *visit,
                    void *data, struct hd_error *err)
{
    struct pass pass = {.path = path, .graph = graph, .visit = visit, .data = data,
                        .progress = hd_progress_watcher()};
    if (!strcmp(path, "-"))
        return hd_error_set(err, HD_ERROR_IO, "this needs a second look at the dump, and standard input cannot be read "
                            "again: give a file");
    pass.fd = open(path, O_RDONLY | O_CLOEXEC);
    if (pass.fd < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.200s", path);
    bool ok = order_make(&pass, wanted) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    hd_progress_stage(pass.progress, "reading the dump again", pass.count);
    ok = ok && (hd_input_is_plain(pass.fd) ? read_plain(&pass, err) : read_stream(&pass, err));
    hd_progress_stage(pass.progress, NULL, 0);
    free(pass.order);
    close(pass.fd);
    return ok;
}
