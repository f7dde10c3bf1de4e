/* Lines are found again by where they begin, in one sweep. See replay.h. */
#define _GNU_SOURCE
#include "graph/replay.h"

#include "base/progress.h"
#include "dump/input.h"
#include "dump/range.h"
#include "graph/fields.h"
#include "graph/line_order.h"
#include "graph/objspace_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEEK_MIN ((uint64_t)1 << 20) /* reading on is cheaper than going there */
enum { VISITOR_MIN = 20000, TELL_NODES = 1024 };

/* One job's share: what comes next of it. */
struct cursor {
    const uint32_t *nodes;
    uint32_t count, at; /* nodes[at] comes next */
    const struct hd_replay_visitor *visitor;
    bool inside; /* the object at hand is its */
};

struct pass {
    const char *path;
    const struct hd_graph *graph;
    struct cursor cursor[HD_REPLAY_JOBS];
    unsigned cursors;
    uint32_t node;                /* at hand, if any cursor is inside */
    uint64_t wanted;              /* the next line, NOTHING if there is none */
    struct hd_progress *progress; /* NULL: nobody watches */
    bool objspace, inside, parsed; /* inside: the end of the node at hand is not yet reported */
    uint32_t seen;
    struct hd_json_reader *reader;
    struct hd_objspace_fields fields;
};

#define NOTHING UINT64_MAX

/* The line that the first of the cursors is at. */
static void aim(struct pass *pass)
{
    pass->wanted = NOTHING;
    for (unsigned i = 0; i < pass->cursors; i++) {
        const struct cursor *cursor = &pass->cursor[i];
        if (cursor->at < cursor->count && pass->graph->node_line[cursor->nodes[cursor->at]] < pass->wanted) {
            pass->node = cursor->nodes[cursor->at];
            pass->wanted = pass->graph->node_line[pass->node];
        }
    }
}

static bool changed(const struct pass *pass, struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s has changed since it was read", pass->path);
}

/* One field, to all whose node it is. */
static bool tell(struct pass *pass, const struct hd_json_field *field, struct hd_error *err)
{
    for (unsigned i = 0; i < pass->cursors; i++) {
        const struct cursor *cursor = &pass->cursor[i];
        if (cursor->inside && (pass->objspace || !cursor->visitor->line)
            && !cursor->visitor->field(cursor->visitor->data, pass->node, field, err))
            return false;
    }
    return true;
}

static bool our_field(void *data, const struct hd_json_field *field, struct hd_error *err)
{
    return tell(data, field, err);
}

static bool our_line(struct pass *pass, const char *text, size_t length, struct hd_error *err)
{
    struct hd_json_line line;
    struct hd_json_visitor visitor = {.data = pass, .field = our_field};
    struct hd_error why = {0};
    if (length < 2 || (*text != ',' && *text != '['))
        return changed(pass, err);
    if (!hd_json_reader_parse(pass->reader, text + 1, length - 1, &line, &why))
        return why.code == HD_ERROR_MEMORY ? hd_error_set(err, why.code, "%.400s", why.text) : changed(pass, err);
    if (line.kind == HD_JSON_LINE_DUMP)
        return true;
    if (line.id != pass->graph->node_address[pass->node])
        return changed(pass, err);
    return hd_json_reader_walk(pass->reader, &visitor, err);
}

/* "0x7f…"; 0, which no object has, if it is none. */
static uint64_t address_of(struct hd_json_text text)
{
    uint64_t address = 0;
    if (text.length < 3 || text.length > 18 || text.data[0] != '0' || text.data[1] != 'x')
        return 0;
    for (size_t i = 2; i < text.length; i++) {
        unsigned char byte = (unsigned char)text.data[i];
        unsigned digit = (unsigned)byte - '0';
        if (digit > 9)
            digit = (unsigned)(byte | 0x20) - 'a' < 6 ? (unsigned)(byte | 0x20) - 'a' + 10 : 16;
        if (digit > 15)
            return 0;
        address = address << 4 | digit;
    }
    return address;
}

static bool their_line(struct pass *pass, const char *text, size_t length, struct hd_error *err)
{
    struct hd_json_field field;
    bool seen = false;
    hd_objspace_fields_begin(&pass->fields, text, length);
    while (hd_objspace_fields_next(&pass->fields, &field)) {
        if (field.type == HD_JSON_TEXT && hd_json_text_is(field.name, "address")) {
            seen = address_of(field.text) == pass->graph->node_address[pass->node];
            if (!seen)
                break;
        }
        if (!tell(pass, &field, err))
            return false;
    }
    if (pass->fields.out_of_memory)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    return seen || changed(pass, err);
}

static bool finish_node(struct pass *pass, struct hd_error *err)
{
    if (!pass->inside)
        return true;
    pass->inside = false;
    if (++pass->seen % TELL_NODES == 0 && !hd_progress_go_on(pass->progress, TELL_NODES, err))
        return false;
    for (unsigned i = 0; i < pass->cursors; i++) {
        struct cursor *cursor = &pass->cursor[i];
        if (cursor->inside && !cursor->visitor->end(cursor->visitor->data, pass->node, err))
            return false;
        cursor->inside = false;
    }
    aim(pass);
    return true;
}

/* For who wants the line as it is. False if it is another object's. */
static bool hand_over(struct pass *pass, const char *text, size_t length, struct hd_error *err)
{
    size_t skip = length > 0 && text[0] != '{';
    const struct hd_graph_text object = {text + skip, length - skip};
    char id[40];
    pass->parsed = pass->objspace; /* in one of ours fields are told to those who do not have the line */
    for (unsigned i = 0; i < pass->cursors; i++)
        pass->parsed = pass->parsed || (pass->cursor[i].inside && !pass->cursor[i].visitor->line);
    if (!pass->parsed) {
        struct hd_graph_text value = hd_fields_get(object, "id");
        snprintf(id, sizeof id, "%.*s", (int)(value.length < sizeof id ? value.length : 0), value.data ? value.data : "");
        if (strtoull(id, NULL, 10) != pass->graph->node_address[pass->node])
            return changed(pass, err);
    }
    for (unsigned i = 0; i < pass->cursors; i++) {
        const struct cursor *cursor = &pass->cursor[i];
        if (cursor->inside && cursor->visitor->line && !cursor->visitor->line(cursor->visitor->data, pass->node, object, err))
            return false;
    }
    return true;
}

/* One line of the file. The _DUMP_ line tells the reader where the heap is. */
static bool pass_line(struct pass *pass, const char *text, size_t length, uint64_t offset, struct hd_error *err)
{
    static const char continuation[] = ",{\"id\":\"";
    if (!pass->objspace && offset == 0)
        return our_line(pass, text, length, err);
    bool goes_on = !pass->objspace && length > sizeof continuation && text[1] == '{' &&
                   !memcmp(text, continuation, sizeof continuation - 1) && text[sizeof continuation - 1] != '_';
    if (pass->inside && goes_on)
        return !pass->parsed || our_line(pass, text, length, err);
    if (!finish_node(pass, err))
        return false;
    if (offset < pass->wanted)
        return true;
    if (offset > pass->wanted)
        return changed(pass, err);
    for (unsigned i = 0; i < pass->cursors; i++) {
        struct cursor *cursor = &pass->cursor[i];
        cursor->inside = cursor->at < cursor->count && cursor->nodes[cursor->at] == pass->node;
        cursor->at += cursor->inside;
    }
    pass->inside = true;
    if (!hand_over(pass, text, length, err))
        return false;
    return pass->objspace ? their_line(pass, text, length, err) : !pass->parsed || our_line(pass, text, length, err);
}

/* True when nothing more of the file is needed. */
static bool done(const struct pass *pass)
{
    return pass->wanted == NOTHING && !pass->inside;
}

/* Where to read on: at the next line that is wanted if that is far, else at 0. */
static uint64_t far(const struct pass *pass, uint64_t offset)
{
    if (pass->inside || pass->wanted == NOTHING)
        return 0;
    return pass->wanted > offset + SEEK_MIN ? pass->wanted : 0;
}

static bool pass_plain(struct pass *pass, int fd, struct hd_error *err)
{
    struct hd_range range;
    struct hd_range_line line;
    enum hd_range_result result = HD_RANGE_END;
    size_t limit = pass->objspace ? HD_INPUT_LONG_LIMIT : HD_INPUT_LINE_LIMIT;
    bool ok = hd_range_init(&range, fd, 0, limit, err); /* of ours the first line is needed */
    while (ok && !done(pass) && (result = hd_range_next(&range, &line, err)) == HD_RANGE_LINE) {
        if (!line.too_long)
            ok = pass_line(pass, line.text, line.length, line.offset, err);
        uint64_t target = ok ? far(pass, range.offset) : 0;
        if (target) {
            hd_range_deinit(&range);
            ok = hd_range_init(&range, fd, target, limit, err);
        }
    }
    hd_range_deinit(&range);
    ok = ok && result != HD_RANGE_FAILED && finish_node(pass, err);
    return ok && (pass->wanted == NOTHING || changed(pass, err));
}

/* A dump cut in the middle of its compressed data has handed out all lines that the graph has. */
static bool pass_stream(struct pass *pass, struct hd_input *input, struct hd_error *err)
{
    struct hd_input_line line;
    enum hd_input_result result = HD_INPUT_END;
    bool ok = true;
    while (ok && !done(pass) && (result = hd_input_next(input, &line, err)) == HD_INPUT_LINE)
        ok = pass_line(pass, line.text, line.length, line.offset, err);
    ok = ok && (result != HD_INPUT_FAILED || hd_input_truncated(input)) && finish_node(pass, err);
    return ok && (pass->wanted == NOTHING || changed(pass, err));
}

/* --- shares --- */

struct worker {
    struct pass pass;
    int fd;
    bool ok, has_thread;
    struct hd_error err;
    pthread_t thread;
};

static void *run_worker(void *data)
{
    struct worker *worker = data;
    worker->ok = pass_plain(&worker->pass, worker->fd, &worker->err);
    return NULL;
}

/* The first of the nodes, which are in the order of the file, whose line is `line` or later. */
static uint32_t first_from(const struct hd_graph *graph, const struct hd_replay_job *job, uint64_t line)
{
    uint32_t low = 0, high = job->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (graph->node_line[job->nodes[middle]] < line)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Where the share of a visitor begins: they are alike in the first job, which should be the one with most nodes. */
static uint32_t share_of(const struct pass *all, const struct hd_replay_job *jobs, unsigned job, unsigned visitors, unsigned visitor)
{
    uint32_t first = (uint32_t)((uint64_t)jobs->count * visitor / visitors);
    if (visitor == 0 || visitor == visitors)
        return visitor ? jobs[job].count : 0;
    return job ? first_from(all->graph, &jobs[job], all->graph->node_line[jobs->nodes[first]]) : first;
}

static bool worker_init(struct worker *worker, const struct pass *all, const struct hd_replay_job *jobs, unsigned visitors, unsigned visitor)
{
    *worker = (struct worker){.pass = *all};
    for (unsigned i = 0; i < all->cursors; i++) {
        uint32_t from = share_of(all, jobs, i, visitors, visitor), to = share_of(all, jobs, i, visitors, visitor + 1);
        worker->pass.cursor[i] = (struct cursor){.nodes = jobs[i].nodes + from, .count = to - from, .visitor = &jobs[i].visitor[visitor]};
        if (jobs[i].visitor[visitor].begin)
            jobs[i].visitor[visitor].begin(jobs[i].visitor[visitor].data, from);
    }
    aim(&worker->pass);
    worker->pass.reader = hd_json_reader_create(false);
    return worker->pass.reader != NULL;
}

static void worker_deinit(struct worker *worker)
{
    hd_json_reader_destroy(worker->pass.reader);
    hd_objspace_fields_deinit(&worker->pass.fields);
}

static bool no_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for reading a dump");
}

static bool share_plain(const struct pass *all, const struct hd_replay_job *jobs, unsigned visitors, int fd, struct hd_error *err)
{
    struct worker workers[HD_REPLAY_VISITORS];
    bool ok = true;
    for (unsigned i = 0; i < visitors; i++) {
        struct worker *worker = &workers[i];
        if (!worker_init(worker, all, jobs, visitors, i)) {
            no_memory(&worker->err);
            continue;
        }
        worker->fd = fd;
        worker->has_thread = i + 1 < visitors && !pthread_create(&worker->thread, NULL, run_worker, worker);
        if (!worker->has_thread)
            run_worker(worker);
    }
    for (unsigned i = 0; i < visitors; i++) {
        if (workers[i].has_thread)
            pthread_join(workers[i].thread, NULL);
        if (ok && !workers[i].ok)
            *err = workers[i].err;
        ok = ok && workers[i].ok;
        worker_deinit(&workers[i]);
    }
    return ok;
}

/* What is compressed is read in its order, by one. */
static bool share_stream(const struct pass *all, const struct hd_replay_job *jobs, unsigned visitors, int fd, struct hd_error *err)
{
    struct worker one;
    struct hd_input *input = hd_input_open_fd(fd, all->path, err);
    if (!input)
        return false;
    hd_input_allow_long(input);
    bool ok = worker_init(&one, all, jobs, 1, 0) || no_memory(err);
    for (unsigned i = 0; i < all->cursors; i++)
        for (unsigned visitor = 1; visitor < visitors; visitor++)
            if (jobs[i].visitor[visitor].begin)
                jobs[i].visitor[visitor].begin(jobs[i].visitor[visitor].data, jobs[i].count);
    ok = ok && pass_stream(&one.pass, input, err);
    worker_deinit(&one);
    hd_input_close(input);
    return ok;
}

unsigned hd_replay_visitors(uint32_t count)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned most = processors < 1 ? 1 : processors > HD_REPLAY_VISITORS ? HD_REPLAY_VISITORS : (unsigned)processors;
    return count / VISITOR_MIN >= most ? most : count / VISITOR_MIN + !(count / VISITOR_MIN);
}

bool hd_replay_jobs(const char *path, const struct hd_graph *graph, const struct hd_replay_job *jobs, unsigned job_count,
                    unsigned visitors, struct hd_error *err)
{
    struct pass all = {.path = path, .graph = graph, .cursors = job_count, .objspace = hd_replay_is_objspace(graph),
                       .progress = hd_progress_watcher()};
    if (!strcmp(path, "-"))
        return hd_error_set(err, HD_ERROR_IO, "this needs a second look at the dump, and standard input cannot be read "
                            "again: give a file");
    for (unsigned i = 0; i < job_count; i++)
        if (!hd_line_order(graph, jobs[i].nodes, jobs[i].count))
            return no_memory(err);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.200s again", path);
    hd_progress_stage(all.progress, "reading the dump again", jobs->count);
    bool ok = hd_input_is_plain(fd) ? share_plain(&all, jobs, visitors, fd, err) : share_stream(&all, jobs, visitors, fd, err);
    hd_progress_stage(all.progress, NULL, 0);
    close(fd);
    return ok;
}

bool hd_replay_shared(const char *path, const struct hd_graph *graph, uint32_t *nodes, uint32_t count,
                      const struct hd_replay_visitor *visitor, unsigned visitors, struct hd_error *err)
{
    const struct hd_replay_job job = {nodes, count, visitor};
    return count == 0 || hd_replay_jobs(path, graph, &job, 1, visitors, err);
}

bool hd_replay(const char *path, const struct hd_graph *graph, uint32_t *nodes, uint32_t count,
               const struct hd_replay_visitor *visitor, struct hd_error *err)
{
    return hd_replay_shared(path, graph, nodes, count, visitor, 1, err);
}

static bool chosen(const struct hd_graph *graph, uint32_t node, enum hd_bt first, enum hd_bt second, uint32_t label)
{
    uint8_t type = graph->node_type[node];
    return type == first || type == second || (type == HD_BT_T_DATA && graph->node_label[node] == label);
}

uint32_t *hd_replay_choose(const struct hd_graph *graph, const uint32_t *dominator, enum hd_bt first, enum hd_bt second,
                           uint32_t label, uint32_t *count, uint64_t *unreachable, struct hd_error *err)
{
    uint32_t all = 0, reached = 0, any = 0;
    for (uint32_t node = 1; node < graph->node_count; node++) {
        bool wanted = chosen(graph, node, first, second, label);
        any += dominator[node] != HD_NODE_NONE;
        all += wanted;
        reached += wanted && dominator[node] != HD_NODE_NONE;
    }
    *unreachable = any ? all - reached : 0;
    *count = any ? reached : all;
    uint32_t *nodes = malloc(((size_t)*count + 1) * sizeof *nodes), at = 0;
    if (!nodes) {
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    for (uint32_t node = 1; node < graph->node_count; node++)
        if (chosen(graph, node, first, second, label) && (!any || dominator[node] != HD_NODE_NONE))
            nodes[at++] = node;
    return nodes;
}
