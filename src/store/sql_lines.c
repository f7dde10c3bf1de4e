/*
 * The lines of a dump by node, for what the index does not hold. See sql_heap.h.
 *
 * Read, not mapped: a file that is cut meanwhile is an error and not a SIGBUS. Lines of neighbours are mostly neighbours in
 * the file, so a scan reads it once, in pieces of WINDOW.
 */
#define _GNU_SOURCE
#include "store/sql_heap.h"

#include "base/spool.h"
#include "dump/input.h"
#include "graph/fields.h"
#include "graph/index_point.h"
#include "graph/replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WINDOW = 64 << 10, SPOOL_BLOCK = 1 << 20 };

/* --- what is read from --- */

static bool unpack_lines(struct hd_input *input, int to, struct hd_error *err)
{
    struct hd_buffer block = {0};
    struct hd_input_line line;
    enum hd_input_result result;
    bool ok = true;
    while (ok && (result = hd_input_next(input, &line, err)) == HD_INPUT_LINE) {
        hd_buffer_append(&block, line.text, line.length);
        hd_buffer_append(&block, "\n", 1);
        ok = !block.failed || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        if (ok && block.length >= SPOOL_BLOCK) {
            ok = hd_spool_write(to, block.data, block.length, err);
            block.length = 0;
        }
    }
    /* cut in the middle of its compressed data: all lines that the graph has are out */
    ok = ok && (result != HD_INPUT_FAILED || hd_input_truncated(input)) && hd_spool_write(to, block.data, block.length, err);
    hd_buffer_deinit(&block);
    return ok;
}

/* Takes `from` over. -1 and *err on failure. */
static int unpack(int from, const char *path, struct hd_error *err)
{
    struct hd_input *input = hd_input_open_fd(from, path, err);
    int to = input ? hd_spool_open(err) : -1;
    if (input)
        hd_input_allow_long(input);
    if (to >= 0 && !unpack_lines(input, to, err)) {
        close(to);
        to = -1;
    }
    hd_input_close(input);
    close(from);
    return to;
}

static bool lines_open(struct hd_sql_heap *heap)
{
    const char *path = heap->source.dump;
    if (heap->lines >= 0)
        return true;
    if (!strcmp(path, "-"))
        return hd_error_set(&heap->err, HD_ERROR_IO, "this column is read from the dump's lines, and standard input cannot "
                            "be read again: give a file");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hd_error_set_errno(&heap->err, HD_ERROR_IO, errno, "cannot open %.200s again", path);
    heap->lines = hd_input_is_plain(fd) ? fd : unpack(fd, path, &heap->err);
    return heap->lines >= 0;
}

/* --- one line --- */

static bool changed(struct hd_sql_heap *heap)
{
    return hd_error_set(&heap->err, HD_ERROR_BAD_DUMP, "%.200s has changed since it was read", heap->source.name);
}

/* Reads on behind what is there, so that `more` further bytes are in the buffer if the file has them. */
static bool fill(struct hd_sql_heap *heap, struct hd_sql_reader *reader, size_t more, size_t *got)
{
    if (reader->capacity < reader->length + more) {
        size_t capacity = reader->length + more;
        char *buffer = realloc(reader->buffer, capacity);
        if (!buffer)
            return hd_error_set(&heap->err, HD_ERROR_MEMORY, "out of memory for a line");
        reader->buffer = buffer;
        reader->capacity = capacity;
    }
    ssize_t count;
    do
        count = pread(heap->lines, reader->buffer + reader->length, reader->capacity - reader->length,
                      (off_t)(reader->offset + reader->length));
    while (count < 0 && errno == EINTR);
    if (count < 0)
        return hd_error_set_errno(&heap->err, HD_ERROR_IO, errno, "cannot read %.200s", heap->source.name);
    *got = (size_t)count;
    reader->length += *got;
    return true;
}

/* The line that begins at `offset`, less its newline; data NULL at the end of the file. */
static bool line_at(struct hd_sql_heap *heap, struct hd_sql_reader *reader, uint64_t offset, struct hd_graph_text *line)
{
    const uint64_t limit = hd_replay_is_objspace(heap->source.graph) ? HD_INPUT_LONG_LIMIT : HD_INPUT_LINE_LIMIT + 1;
    if (offset < reader->offset || offset > reader->offset + reader->length) {
        reader->length = 0;
        reader->offset = offset;
    }
    size_t begin = (size_t)(offset - reader->offset), seen = begin;
    for (;;) {
        const char *newline = reader->length > seen ? memchr(reader->buffer + seen, '\n', reader->length - seen) : NULL;
        if (newline) {
            *line = (struct hd_graph_text){reader->buffer + begin, (size_t)(newline - reader->buffer) - begin};
            reader->next = offset + line->length + 1;
            return true;
        }
        seen = reader->length;
        if (begin > 0) { /* give back what is before the line */
            memmove(reader->buffer, reader->buffer + begin, reader->length - begin);
            reader->length -= begin;
            reader->offset = offset;
            seen -= begin;
            begin = 0;
        }
        if (reader->length > limit)
            return changed(heap);
        size_t got = 0;
        if (!fill(heap, reader, reader->length > WINDOW ? reader->length : WINDOW, &got))
            return false;
        if (got > 0)
            continue;
        *line = (struct hd_graph_text){reader->length ? reader->buffer : NULL, reader->length};
        reader->next = offset + line->length;
        return true;
    }
}

/* Decimal, or ObjectSpace's "0x…". */
static bool is_address(struct hd_graph_text value, uint64_t address)
{
    char text[32];
    bool quoted = value.length > 2 && value.data[0] == '"';
    size_t length = value.length - (quoted ? 2 : 0);
    if (!value.data || length == 0 || length >= sizeof text)
        return false;
    memcpy(text, value.data + quoted, length);
    text[length] = '\0';
    return strtoull(text, NULL, quoted ? 16 : 10) == address;
}

static struct hd_graph_text object_of(struct hd_graph_text line)
{
    size_t skip = line.length > 0 && line.data[0] != '{';
    return (struct hd_graph_text){line.data + skip, line.length - skip};
}

/* Where the line of a node begins, and the address that must stand in it. */
static bool place_of(struct hd_sql_heap *heap, uint32_t node, uint64_t *line, uint64_t *address)
{
    struct hd_index_node one;
    if (heap->source.index && hd_index_node(heap->source.index, node, &one)) {
        *line = one.line;
        *address = one.address;
        return true;
    }
    if (!hd_sql_heap_whole(heap))
        return false;
    *line = heap->source.graph->node_line[node];
    *address = heap->source.graph->node_address[node];
    return true;
}

bool hd_sql_reader_line(struct hd_sql_heap *heap, struct hd_sql_reader *reader, uint32_t node)
{
    const struct hd_graph *graph = heap->source.graph;
    struct hd_graph_text line;
    uint64_t offset;
    reader->node = HD_NODE_ROOT;
    if (!place_of(heap, node, &offset, &reader->address) || !lines_open(heap) || !line_at(heap, reader, offset, &line))
        return false;
    if (!line.data)
        return changed(heap);
    reader->object = object_of(line);
    const char *field = hd_replay_is_objspace(graph) ? "address" : "id";
    if (!is_address(hd_fields_get(reader->object, field), reader->address))
        return changed(heap);
    reader->node = node;
    return true;
}

bool hd_sql_reader_more(struct hd_sql_heap *heap, struct hd_sql_reader *reader)
{
    static const char begin[] = "{\"id\":\"";
    struct hd_graph_text line;
    reader->object = (struct hd_graph_text){NULL, 0};
    uint32_t node = reader->node;
    reader->node = HD_NODE_ROOT; /* its first line is not at hand any more */
    if (hd_replay_is_objspace(heap->source.graph))
        return true;
    if (!line_at(heap, reader, reader->next, &line))
        return false;
    struct hd_graph_text object = object_of(line);
    if (!line.data || object.length < sizeof begin || memcmp(object.data, begin, sizeof begin - 1) != 0
        || !is_address(hd_fields_get(object, "continues"), reader->address))
        return true;
    reader->object = object;
    reader->node = node;
    return true;
}

void hd_sql_reader_deinit(struct hd_sql_reader *reader)
{
    free(reader->buffer);
    *reader = (struct hd_sql_reader){0};
}

/* --- fields --- */

void hd_sql_fields(struct hd_graph_text object, const char *const *name, struct hd_graph_text *value)
{
    size_t count = 0, left = 0, at = 0;
    for (; name[count]; count++)
        value[count] = (struct hd_graph_text){NULL, 0};
    left = count;
    for (struct hd_graph_text key, found; left > 0 && (found = hd_fields_next(object, &at, &key)).data;)
        for (size_t i = 0; i < count; i++)
            if (!value[i].data && hd_fields_is(key, name[i])) {
                value[i] = found;
                left--;
            }
}

bool hd_sql_fields_integer(struct hd_graph_text value, uint64_t *number)
{
    *number = 0;
    for (size_t i = 0; i < value.length; i++) {
        unsigned digit = (unsigned char)value.data[i] - (unsigned)'0';
        if (digit > 9 || *number > ((uint64_t)INT64_MAX - digit) / 10)
            return false;
        *number = *number * 10 + digit;
    }
    return value.length > 0;
}
