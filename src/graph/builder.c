/*
 * Who reads which part of the file, in how many threads, and what counts as an error. See builder.h.
 *
 * A plain file is cut into as many ranges of equal size as there are processors; each is read into a part of its own,
 * beginning with the first line in it that begins an object. What is compressed or comes through a pipe is one part.
 */
#include "graph/builder.h"

#include "base/progress.h"
#include "dump/input.h"
#include "dump/objspace_reader.h"
#include "dump/range.h"
#include "graph/assemble.h"
#include "graph/dump_part.h"
#include "graph/objspace_part.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RANGE_MIN ((uint64_t)1 << 20)                /* a thread for less is not worth it */
#define TELL ((uint64_t)1 << 20)                     /* bytes from one word about how far it is to the next */

enum dialect { OURS, OBJSPACE };

struct reader {
    enum dialect dialect;
    int fd;
    uint64_t from, to; /* lines that begin an object in [from, to), and what continues the last */
    const char *head;  /* the _DUMP_ line, for readers that begin behind it */
    size_t head_length;
    struct hd_part part;
    bool started; /* met the first object of its range */
    bool cut;     /* the last line is not whole */
    bool ok;
    struct hd_error err;
    struct hd_progress *progress; /* NULL: nobody watches */
    uint64_t told;                /* how far it was when that was last said */
    pthread_t thread;
    bool has_thread;
};

/* Continuations and the like have a text as their id. */
static bool begins_object(enum dialect dialect, const char *text, size_t length)
{
    static const char begin[] = ",{\"id\":";
    size_t size = sizeof begin - 1;
    return dialect == OBJSPACE || (length > size && !memcmp(text, begin, size) && text[size] != '"');
}

/* False and r->err if nobody waits for the graph any more. */
static bool tell(struct reader *r, uint64_t offset)
{
    if (offset < r->told + TELL)
        return true;
    uint64_t more = offset - r->told;
    r->told = offset;
    return hd_progress_add(r->progress, more)
           || hd_error_set(&r->err, HD_ERROR_IO, "nobody waits for this any more");
}

/* ---- one line ---- */

static bool bad_line(struct hd_error *err, uint64_t offset)
{
    char why[sizeof err->text];
    if (err->code != HD_ERROR_BAD_DUMP)
        return false;
    memcpy(why, err->text, sizeof why);
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "the line at byte %llu is damaged: %.300s",
                        (unsigned long long)offset, why);
}

/* A line that is not whole is where the dump was cut; any other that is bad ends the reading of a dump of ours. */
static bool read_line(struct reader *r, struct hd_dump_part *lines, const char *text, size_t length, uint64_t offset,
                      bool newline)
{
    if (r->dialect == OBJSPACE) {
        if (!hd_objspace_part_line(&r->part, text, length, offset) && !newline)
            r->cut = true;
        return !hd_part_failed(&r->part) || hd_error_set(&r->err, HD_ERROR_MEMORY, "out of memory for the graph");
    }
    if (hd_dump_part_line(lines, text, length, offset, &r->err))
        return true;
    if (!newline && r->err.code == HD_ERROR_BAD_DUMP && offset > 0) {
        r->cut = true;
        return true;
    }
    return bad_line(&r->err, offset);
}

static bool start_part(struct reader *r, struct hd_dump_part *lines)
{
    r->part.head_name = HD_NAMES_NONE;
    if (r->dialect == OBJSPACE)
        return true;
    if (!hd_dump_part_init(lines, &r->part, &r->err))
        return false;
    return !r->head || hd_dump_part_line(lines, r->head, r->head_length, 0, &r->err);
}

/* ---- a range of a plain file, in a thread ---- */

static bool too_long(struct reader *r, const struct hd_range_line *line, size_t limit)
{
    if (line->zeros)
        return hd_error_set(&r->err, HD_ERROR_BAD_DUMP, "the line at byte %llu has zero bytes in it: the file is damaged",
                            (unsigned long long)line->offset);
    return hd_error_set(&r->err, HD_ERROR_BAD_DUMP, "the line at byte %llu is longer than a dump's lines are (%zu MiB)",
                        (unsigned long long)line->offset, limit >> 20);
}

static bool read_range(struct reader *r, struct hd_dump_part *lines)
{
    struct hd_range range;
    struct hd_range_line line;
    enum hd_range_result result = HD_RANGE_FAILED;
    size_t limit = r->dialect == OURS ? HD_INPUT_LINE_LIMIT : HD_INPUT_LONG_LIMIT;
    bool ok = hd_range_init(&range, r->fd, r->from, limit, &r->err);
    r->started = r->from == 0;
    while (ok && (result = hd_range_next(&range, &line, &r->err)) == HD_RANGE_LINE) {
        bool object = begins_object(r->dialect, line.text, line.length);
        if (object && line.offset >= r->to)
            break;
        if (!r->started && !object)
            continue;
        r->started = true;
        ok = line.too_long ? too_long(r, &line, limit)
                           : read_line(r, lines, line.text, line.length, line.offset, line.newline)
                                 && tell(r, line.offset);
    }
    hd_range_deinit(&range);
    return ok && result != HD_RANGE_FAILED;
}

static void *run_reader(void *data)
{
    struct reader *r = data;
    struct hd_dump_part lines = {0};
    r->ok = start_part(r, &lines) && read_range(r, &lines);
    hd_dump_part_deinit(&lines);
    return NULL;
}

/* ---- the file ---- */

struct source {
    const char *path;
    struct reader readers[HD_PARTS_MAX];
    unsigned count;
    enum dialect dialect;
    uint64_t bytes;
    bool truncated; /* in the middle of compressed data */
};

static bool in_file(const struct source *source, struct hd_error *err)
{
    char why[sizeof err->text];
    memcpy(why, err->text, sizeof why);
    int number = err->errno_value;
    hd_error_set(err, err->code, "%.120s: %.340s", source->path, why);
    err->errno_value = number;
    return false;
}

static bool recognise(struct source *source, const char *text, size_t length, struct hd_error *err)
{
    static const char ours[] = "[{\"id\":\"_DUMP_\"";
    if (length >= sizeof ours - 1 && !memcmp(text, ours, sizeof ours - 1))
        source->dialect = OURS;
    else if (hd_objspace_reader_recognise(text, length))
        source->dialect = OBJSPACE;
    else
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s is no heap dump: its first line is neither that of a dump "
                            "of heap_dump nor one of ObjectSpace.dump_all", source->path);
    return true;
}

static bool empty(const struct source *source, struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s is empty", source->path);
}

/* Compressed, or not a file: one reader, in this thread. */
static bool read_stream(struct source *source, struct hd_input *input, struct hd_error *err)
{
    struct reader *r = &source->readers[0];
    struct hd_dump_part lines = {0};
    struct hd_input_line line;
    enum hd_input_result result;
    bool ok = true, first = true;
    source->count = 1;
    r->progress = hd_progress_watcher();
    hd_progress_stage(r->progress, "reading the dump", 0);
    while (ok && (result = hd_input_next(input, &line, err)) == HD_INPUT_LINE) {
        if (first && !recognise(source, line.text, line.length, err)) {
            ok = false;
            break;
        }
        r->dialect = source->dialect;
        ok = (!first || start_part(r, &lines)) &&
             read_line(r, &lines, line.text, line.length, line.offset, line.newline) && tell(r, line.offset);
        first = false;
        if (!ok) {
            *err = r->err;
            in_file(source, err);
        }
    }
    if (ok && result == HD_INPUT_FAILED)
        ok = source->truncated = hd_input_truncated(input) && !first;
    else if (ok && first)
        ok = empty(source, err);
    source->bytes = hd_input_bytes(input);
    hd_dump_part_deinit(&lines);
    return ok;
}

static bool run_readers(struct source *source, struct hd_error *err)
{
    for (unsigned i = 0; i < source->count; i++) {
        struct reader *r = &source->readers[i];
        r->has_thread = i + 1 < source->count && !pthread_create(&r->thread, NULL, run_reader, r);
        if (!r->has_thread)
            run_reader(r);
    }
    bool ok = true;
    for (unsigned i = 0; i < source->count; i++) {
        struct reader *r = &source->readers[i];
        if (r->has_thread)
            pthread_join(r->thread, NULL);
        if (ok && !r->ok) {
            *err = r->err;
            ok = in_file(source, err);
        }
    }
    return ok;
}

/* Cuts the file into ranges. `head`: the _DUMP_ line, which every reader of ours needs. */
static void plan(struct source *source, int fd, uint64_t size, const struct hd_range_line *head)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t count = processors < 1 ? 1 : (uint64_t)processors;
    if (count > HD_PARTS_MAX)
        count = HD_PARTS_MAX;
    if (count > size / RANGE_MIN)
        count = size / RANGE_MIN ? size / RANGE_MIN : 1;
    for (uint64_t i = 0; i < count; i++)
        source->readers[i] = (struct reader){
            .dialect = source->dialect, .fd = fd, .from = size / count * i,
            .to = i + 1 == count ? UINT64_MAX : size / count * (i + 1),
            .head = i ? head->text : NULL, .head_length = head->length, .progress = hd_progress_watcher(),
            .told = size / count * i};
    source->count = (unsigned)count;
    source->bytes = size;
}

static bool read_plain(struct source *source, int fd, uint64_t size, struct hd_error *err)
{
    char start[256];
    ssize_t got = pread(fd, start, sizeof start, 0);
    if (got < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot read %.200s", source->path);
    if (got == 0)
        return empty(source, err);
    if (!recognise(source, start, (size_t)got, err))
        return false;
    struct hd_range range = {0};
    struct hd_range_line head = {0};
    bool ok = true;
    if (source->dialect == OURS) {
        ok = hd_range_init(&range, fd, 0, HD_INPUT_LINE_LIMIT, err) &&
             hd_range_next(&range, &head, err) == HD_RANGE_LINE;
        if (!ok)
            in_file(source, err);
    }
    if (ok) {
        plan(source, fd, size, &head);
        hd_progress_stage(hd_progress_watcher(), "reading the dump", size);
        ok = run_readers(source, err);
    }
    hd_range_deinit(&range);
    return ok;
}

static bool is_compressed(int fd)
{
    unsigned char magic[4] = {0};
    return pread(fd, magic, sizeof magic, 0) >= 2 &&
           ((magic[0] == 0x1f && magic[1] == 0x8b) || !memcmp(magic, "\x28\xb5\x2f\xfd", 4));
}

static bool read_source(struct source *source, struct hd_error *err)
{
    bool is_stdin = !strcmp(source->path, "-");
    int fd = is_stdin ? -1 : open(source->path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    if (!is_stdin && fd < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.200s", source->path);
    bool ok;
    if (!is_stdin && !fstat(fd, &status) && S_ISREG(status.st_mode) && !is_compressed(fd))
        ok = read_plain(source, fd, (uint64_t)status.st_size, err);
    else {
        struct hd_input *input = is_stdin ? hd_input_open("-", err) : hd_input_open_fd(fd, source->path, err);
        if (input)
            hd_input_allow_long(input);
        ok = input && read_stream(source, input, err);
        hd_input_close(input);
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

/* ---- the graph ---- */

/* What the lines say of the dump as a whole, before the parts are used up. */
static void describe(const struct source *source, struct hd_graph *graph)
{
    bool saw_end = source->dialect == OBJSPACE;
    graph->truncated = source->truncated;
    graph->dump_bytes = source->bytes;
    graph->unnamed = source->dialect == OBJSPACE;
    for (unsigned i = 0; i < source->count; i++) {
        const struct reader *r = &source->readers[i];
        saw_end |= r->part.saw_end;
        graph->truncated |= r->cut;
        graph->bad_lines += r->part.bad_lines;
        graph->redacted |= r->part.redacted;
        graph->unnamed |= r->part.unnamed;
    }
    graph->truncated |= !saw_end;
    graph->heap_low = source->readers[0].part.low;
    graph->heap_high = source->readers[0].part.high;
}

/* It looked like a dump of ObjectSpace. */
static bool nothing(const struct source *source, struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s is damaged: none of its lines describes an object", source->path);
}

static bool build(struct source *source, struct hd_graph *graph, struct hd_graph_storage *storage,
                  struct hd_error *err)
{
    struct hd_part parts[HD_PARTS_MAX];
    hd_progress_stage(hd_progress_watcher(), "putting the objects together", 0);
    describe(source, graph);
    for (unsigned i = 0; i < source->count; i++) {
        parts[i] = source->readers[i].part;
        source->readers[i].part = (struct hd_part){0};
    }
    if (!hd_assemble(parts, source->count, source->dialect == OBJSPACE, graph, storage, err))
        return in_file(source, err);
    if (source->dialect == OBJSPACE && graph->node_count > 1) {
        graph->heap_low = graph->node_address[1];
        graph->heap_high = graph->node_address[graph->node_count - 1];
    }
    return graph->node_count > 1 || !graph->bad_lines || nothing(source, err);
}

bool hd_builder_read(const char *path, struct hd_graph *graph, struct hd_graph_storage **storage, struct hd_error *err)
{
    struct source *source = calloc(1, sizeof *source);
    *graph = (struct hd_graph){0};
    *storage = calloc(1, sizeof **storage);
    bool ok = source && *storage ? true : hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the graph");
    if (ok) {
        source->path = path;
        ok = read_source(source, err) && build(source, graph, *storage, err);
    }
    for (unsigned i = 0; source && i < source->count; i++)
        hd_part_deinit(&source->readers[i].part);
    free(source);
    if (!ok) {
        hd_graph_storage_destroy(*storage);
        *storage = NULL;
        *graph = (struct hd_graph){0};
    }
    return ok;
}
