/* Lines are found again by where they begin, in one sweep. See replay.h. */
#define _GNU_SOURCE
#include "graph/replay.h"

#include "dump/input.h"
#include "dump/range.h"
#include "graph/objspace_fields.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>


struct pass {
    const char *path;
    const struct hd_graph *graph;
    const uint32_t *nodes;
    uint32_t count, at; /* nodes[at] comes next */
    const struct hd_replay_visitor *visitor;
    bool objspace, inside; /* inside: of nodes[at - 1], whose end is not yet reported */
    struct hd_json_reader *reader;
    struct hd_objspace_fields fields;
};

static bool changed(const struct pass *pass, struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s has changed since it was read", pass->path);
}

static bool our_field(void *data, const struct hd_json_field *field, struct hd_error *err)
{
    struct pass *pass = data;
    return pass->visitor->field(pass->visitor->data, pass->nodes[pass->at - 1], field, err);
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
    if (line.id != pass->graph->node_address[pass->nodes[pass->at - 1]])
        return changed(pass, err);
    return hd_json_reader_walk(pass->reader, &visitor, err);
}

static bool their_line(struct pass *pass, const char *text, size_t length, struct hd_error *err)
{
    struct hd_json_field field;
    uint32_t node = pass->nodes[pass->at - 1];
    bool seen = false;
    hd_objspace_fields_begin(&pass->fields, text, length);
    while (hd_objspace_fields_next(&pass->fields, &field)) {
        if (field.type == HD_JSON_TEXT && hd_json_text_is(field.name, "address")) {
            char address[32];
            hd_json_text_format(field.text, address, sizeof address);
            seen = strtoull(address, NULL, 16) == pass->graph->node_address[node];
            if (!seen)
                break;
        }
        if (!pass->visitor->field(pass->visitor->data, node, &field, err))
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
    return pass->visitor->end(pass->visitor->data, pass->nodes[pass->at - 1], err);
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
        return our_line(pass, text, length, err);
    if (!finish_node(pass, err))
        return false;
    if (pass->at == pass->count)
        return true;
    uint64_t wanted = pass->graph->node_line[pass->nodes[pass->at]];
    if (offset < wanted)
        return true;
    if (offset > wanted)
        return changed(pass, err);
    pass->at++;
    pass->inside = true;
    return pass->objspace ? their_line(pass, text, length, err) : our_line(pass, text, length, err);
}

/* True when nothing more of the file is needed. */
static bool done(const struct pass *pass)
{
    return pass->at == pass->count && !pass->inside;
}

static bool pass_plain(struct pass *pass, int fd, struct hd_error *err)
{
    struct hd_range range;
    struct hd_range_line line;
    enum hd_range_result result = HD_RANGE_END;
    bool ok = hd_range_init(&range, fd, 0, pass->objspace ? HD_INPUT_LONG_LIMIT : HD_INPUT_LINE_LIMIT, err);
    while (ok && !done(pass) && (result = hd_range_next(&range, &line, err)) == HD_RANGE_LINE)
        if (!line.too_long)
            ok = pass_line(pass, line.text, line.length, line.offset, err);
    hd_range_deinit(&range);
    return ok && result != HD_RANGE_FAILED;
}

/* A dump cut in the middle of its compressed data has handed out all lines that the graph has. */
static bool pass_stream(struct pass *pass, struct hd_input *input, struct hd_error *err)
{
    struct hd_input_line line;
    enum hd_input_result result = HD_INPUT_END;
    bool ok = true;
    while (ok && !done(pass) && (result = hd_input_next(input, &line, err)) == HD_INPUT_LINE)
        ok = pass_line(pass, line.text, line.length, line.offset, err);
    return ok && (result != HD_INPUT_FAILED || hd_input_truncated(input));
}

static bool pass_file(struct pass *pass, struct hd_error *err)
{
    int fd = open(pass->path, O_RDONLY | O_CLOEXEC);
    bool ok;
    if (fd < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.200s again", pass->path);
    if (hd_input_is_plain(fd)) {
        ok = pass_plain(pass, fd, err);
    } else {
        struct hd_input *input = hd_input_open_fd(fd, pass->path, err);
        if (input)
            hd_input_allow_long(input);
        ok = input && pass_stream(pass, input, err);
        hd_input_close(input);
    }
    close(fd);
    ok = ok && finish_node(pass, err);
    return ok && (pass->at == pass->count || changed(pass, err));
}

static int by_line(const void *left, const void *right, void *data)
{
    const uint64_t *line = data;
    uint64_t a = line[*(const uint32_t *)left], b = line[*(const uint32_t *)right];
    return (a > b) - (a < b);
}

bool hd_replay(const char *path, const struct hd_graph *graph, uint32_t *nodes, uint32_t count,
               const struct hd_replay_visitor *visitor, struct hd_error *err)
{
    struct pass pass = {.path = path, .graph = graph, .nodes = nodes, .count = count, .visitor = visitor,
                        .objspace = hd_replay_is_objspace(graph), .reader = hd_json_reader_create(false)};
    if (!pass.reader)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for reading a dump");
    qsort_r(nodes, count, sizeof *nodes, by_line, (void *)graph->node_line);
    bool ok = count == 0 || pass_file(&pass, err);
    hd_json_reader_destroy(pass.reader);
    hd_objspace_fields_deinit(&pass.fields);
    return ok;
}

uint32_t *hd_replay_choose(const struct hd_graph *graph, const uint32_t *dominator, enum hd_bt first, enum hd_bt second,
                           uint32_t *count, uint64_t *unreachable, struct hd_error *err)
{
    uint32_t all = 0, reached = 0, any = 0;
    for (uint32_t node = 1; node < graph->node_count; node++) {
        bool wanted = graph->node_type[node] == first || graph->node_type[node] == second;
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
        if ((graph->node_type[node] == first || graph->node_type[node] == second) &&
            (!any || dominator[node] != HD_NODE_NONE))
            nodes[at++] = node;
    return nodes;
}
