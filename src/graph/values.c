/*
 * See values.h. A piece is, in this order: struct head, the columns end, node_end, node and left of struct hd_values_piece, and the texts, each with
 * a NUL behind it. It is aligned to 4 bytes.
 */
#include "graph/values.h"

#include "graph/fields.h"
#include "graph/names.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 4 << 20, LONG = 64 << 10 }; /* bytes of a piece, and of a text that is not kept */

struct head {
    uint32_t count, node_count, left_count, unused;
    uint64_t byte_count;
};

/* ---- one line ---- */

void hd_values_line_read(struct hd_values_line *line, struct hd_graph_text object)
{
    static const char *const names[] = {"val", "value", "val_base64", "name", "called_id", "path"};
    struct hd_graph_text *const places[] = {&line->val, &line->value, &line->base64, &line->name[0], &line->name[1], &line->name[2]};
    struct hd_graph_text key, value;
    *line = (struct hd_values_line){.val = {NULL, 0}};
    for (size_t at = 0; (value = hd_fields_next(object, &at, &key)).data;)
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (!places[i]->data && key.length == strlen(names[i]) && !memcmp(key.data, names[i], key.length))
                *places[i] = value;
}

static bool is_string(struct hd_graph_text value)
{
    return value.data && value.data[0] == '"';
}

static struct hd_graph_text val_of(const struct hd_values_line *line)
{
    return line->val.data ? line->val : line->value; /* ObjectSpace's */
}

bool hd_values_line_contents(const struct hd_values_line *line, struct hd_buffer *out)
{
    out->length = 0;
    if (is_string(val_of(line)))
        hd_fields_unescape(out, val_of(line));
    else if (line->base64.data)
        hd_fields_base64(out, line->base64);
    else
        return false;
    return true;
}

bool hd_values_line_name(const struct hd_values_line *line, uint8_t type, unsigned number, struct hd_buffer *out)
{
    struct hd_graph_text value = {NULL, 0};
    if (number < HD_VALUES_LINE_NAMES - 1)
        value = line->name[number];
    else if (type == HD_BT_T_SYMBOL)
        value = val_of(line);
    out->length = 0;
    if (!is_string(value))
        return false;
    hd_fields_unescape(out, value);
    return true;
}

/* ---- pieces as they grow ---- */

/* One worker's of one kind. */
struct growing {
    struct hd_names texts;
    uint32_t *node, *text; /* [count] pairs */
    uint32_t count, capacity;
    uint32_t *left;
    uint32_t left_count, left_capacity;
    uint64_t bytes; /* as a piece */
};

struct worker {
    struct hd_values_build *build;
    struct growing growing[HD_VALUES_KINDS];
    struct hd_buffer scratch, piece;
    struct hd_graph_text object; /* at hand, while its fields come */
    bool taken, whole;           /* something of it; all of it */
};

struct hd_values_build {
    const struct hd_graph *graph;
    hd_values_put *put;
    void *data;
    uint64_t room;
    unsigned visitors;
    uint32_t *nodes;
    _Atomic uint32_t pieces[HD_VALUES_KINDS];
    _Atomic uint64_t left_out[HD_VALUES_KINDS], stored;
    atomic_bool failed;
    struct worker worker[HD_REPLAY_VISITORS];
    struct hd_replay_visitor visitor[HD_REPLAY_VISITORS];
};

static void growing_forget(struct growing *growing)
{
    hd_names_deinit(&growing->texts);
    growing->count = growing->left_count = 0;
    growing->bytes = 0;
}

static void append_zeros(struct hd_buffer *out, size_t length)
{
    if (hd_buffer_reserve(out, length)) {
        memset(out->data + out->length, 0, length);
        out->length += length;
    }
}

/* False if memory ran out. */
static bool encode(struct hd_buffer *out, const struct growing *growing)
{
    const struct hd_names *texts = &growing->texts;
    const uint32_t count = texts->count;
    const struct head head = {.count = count, .node_count = growing->count, .left_count = growing->left_count,
                              .byte_count = count ? texts->start[count] + count : 0};
    out->length = 0;
    hd_buffer_append(out, &head, sizeof head);
    append_zeros(out, ((size_t)2 * count + growing->count) * sizeof(uint32_t));
    hd_buffer_append(out, growing->left, growing->left_count * sizeof *growing->left);
    if (out->failed)
        return false;
    uint32_t *end = (uint32_t *)(void *)(out->data + sizeof head), *node_end = end + count, *node = node_end + count;
    for (uint32_t i = 0; i < count; i++)
        end[i] = (uint32_t)texts->start[i + 1] + i + 1;
    for (uint32_t i = 0; i < growing->count; i++) /* first how many, then where they begin; each that is placed moves that on to the end */
        node_end[growing->text[i]]++;
    for (uint32_t i = 0, at = 0; i < count; i++) {
        uint32_t many = node_end[i];
        node_end[i] = at;
        at += many;
    }
    for (uint32_t i = 0; i < growing->count; i++)
        node[node_end[growing->text[i]]++] = growing->node[i];
    for (uint32_t i = 0; i < count; i++) {
        hd_buffer_append(out, texts->bytes + texts->start[i], texts->start[i + 1] - texts->start[i]);
        hd_buffer_append(out, "", 1);
    }
    return !out->failed;
}

static void piece_end(struct worker *worker, enum hd_values_kind kind)
{
    struct hd_values_build *build = worker->build;
    struct growing *growing = &worker->growing[kind];
    if (growing->count + growing->left_count == 0 || atomic_load(&build->failed))
        return;
    atomic_fetch_add(&build->left_out[kind], growing->left_count);
    bool ok = encode(&worker->piece, growing)
              && build->put(build->data, kind, atomic_fetch_add(&build->pieces[kind], 1),
                            (struct hd_graph_text){worker->piece.data, worker->piece.length});
    atomic_fetch_add(&build->stored, worker->piece.length);
    if (!ok)
        atomic_store(&build->failed, true);
    growing_forget(growing);
}

static bool list_grow(uint32_t **list, uint32_t *capacity, uint32_t count)
{
    if (count < *capacity)
        return true;
    uint32_t more = *capacity ? *capacity * 2 : 4096;
    uint32_t *grown = realloc(*list, more * sizeof *grown);
    if (!grown)
        return false;
    *list = grown;
    *capacity = more;
    return true;
}

static bool pair_add(struct growing *growing, uint32_t node, uint32_t text)
{
    uint32_t capacity = growing->capacity;
    if (!list_grow(&growing->node, &capacity, growing->count) || !list_grow(&growing->text, &growing->capacity, growing->count))
        return false;
    growing->node[growing->count] = node;
    growing->text[growing->count++] = text;
    return true;
}

static void add(struct worker *worker, enum hd_values_kind kind, uint32_t node, const char *data, size_t length)
{
    struct hd_values_build *build = worker->build;
    struct growing *growing = &worker->growing[kind];
    const uint64_t most = length + 1 + 3 * sizeof(uint32_t);
    bool ok = true;
    if (length > LONG || atomic_load_explicit(&build->stored, memory_order_relaxed) >= build->room) {
        ok = list_grow(&growing->left, &growing->left_capacity, growing->left_count);
        if (ok)
            growing->left[growing->left_count++] = node;
        growing->bytes += sizeof(uint32_t);
    } else {
        if (growing->bytes + most > PIECE)
            piece_end(worker, kind);
        const uint32_t before = growing->texts.count, text = hd_names_intern(&growing->texts, length ? data : "", length);
        ok = text != HD_NAMES_NONE && pair_add(growing, node, text);
        growing->bytes += ok && growing->texts.count > before ? most : sizeof(uint32_t);
    }
    if (!ok)
        atomic_store(&build->failed, true);
    if (growing->bytes > PIECE)
        piece_end(worker, kind);
}

/* ---- the pass ---- */

static void take_all(struct worker *worker, uint32_t node)
{
    const uint8_t type = worker->build->graph->node_type[node];
    struct hd_buffer *scratch = &worker->scratch;
    struct hd_values_line line;
    hd_values_line_read(&line, worker->object);
    if (hd_values_has_contents(type) && hd_values_line_contents(&line, scratch))
        add(worker, HD_VALUES_CONTENTS, node, scratch->data, scratch->length);
    for (unsigned i = 0; hd_values_has_name(type) && i < HD_VALUES_LINE_NAMES; i++)
        if (hd_values_line_name(&line, type, i, scratch))
            add(worker, HD_VALUES_NAMES, node, scratch->data, scratch->length);
    if (scratch->failed)
        atomic_store(&worker->build->failed, true);
    worker->taken = worker->whole = true;
}

static bool on_line(void *data, uint32_t node, struct hd_graph_text object, struct hd_error *err)
{
    struct worker *worker = data;
    (void)err;
    worker->object = object;
    worker->taken = worker->whole = false;
    if (!hd_replay_is_objspace(worker->build->graph) && !atomic_load_explicit(&worker->build->failed, memory_order_relaxed))
        take_all(worker, node);
    return true;
}

static bool is_any(struct hd_json_text name)
{
    return hd_json_text_is(name, "value") || hd_json_text_is(name, "name") || hd_json_text_is(name, "called_id")
           || hd_json_text_is(name, "path") || hd_json_text_is(name, "val") || hd_json_text_is(name, "val_base64");
}

/*
 * Of ObjectSpace's lines, whose fields are found for others anyway: a string that has no escapes lies in the line as it is. What is not as plain as
 * that is taken out of the line as `find` does; what says two things of which only one counts, as no dump does, is not for here.
 */
static bool on_field(void *data, uint32_t node, const struct hd_json_field *field, struct hd_error *err)
{
    struct worker *worker = data;
    const struct hd_graph_text object = worker->object;
    const char *text = field->text.data;
    (void)err;
    if (field->type != HD_JSON_TEXT || worker->whole || !is_any(field->name) || atomic_load_explicit(&worker->build->failed, memory_order_relaxed))
        return true;
    uint8_t type = worker->build->graph->node_type[node];
    bool plain = (type == HD_BT_T_STRING || type == HD_BT_T_REGEXP) && hd_json_text_is(field->name, "value") && text >= object.data
                 && text < object.data + object.length;
    if (worker->taken) {
        atomic_store(&worker->build->failed, true);
    } else if (plain) {
        add(worker, HD_VALUES_CONTENTS, node, text, field->text.length);
        worker->taken = true;
    } else {
        take_all(worker, node);
    }
    return true;
}

static bool on_end(void *data, uint32_t node, struct hd_error *err)
{
    (void)data, (void)node, (void)err;
    return true;
}

static bool nodes_choose(struct hd_values_build *build, uint32_t *count)
{
    const struct hd_graph *graph = build->graph;
    *count = 0;
    for (uint32_t node = 1; node < graph->node_count; node++)
        *count += hd_values_has_contents(graph->node_type[node]) || hd_values_has_name(graph->node_type[node]);
    build->nodes = malloc(((size_t)*count + 1) * sizeof *build->nodes);
    for (uint32_t node = 1, at = 0; build->nodes && node < graph->node_count; node++)
        if (hd_values_has_contents(graph->node_type[node]) || hd_values_has_name(graph->node_type[node]))
            build->nodes[at++] = node;
    return build->nodes != NULL;
}

struct hd_values_build *hd_values_build_create(const struct hd_graph *graph, unsigned visitors, uint64_t room, hd_values_put *put,
                                               void *data, struct hd_replay_job *job, struct hd_error *err)
{
    struct hd_values_build *build = calloc(1, sizeof *build);
    uint32_t count = 0;
    if (build)
        *build = (struct hd_values_build){.graph = graph, .put = put, .data = data, .room = room, .visitors = visitors};
    if (!build || !nodes_choose(build, &count)) {
        hd_values_build_destroy(build);
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        return NULL;
    }
    if (graph->bad_lines) /* what a damaged line says depends on who reads it */
        atomic_store(&build->failed, true);
    for (unsigned i = 0; i < visitors; i++) {
        build->worker[i].build = build;
        build->visitor[i] = (struct hd_replay_visitor){&build->worker[i], on_field, on_end, NULL, on_line};
    }
    *job = (struct hd_replay_job){build->nodes, count, build->visitor};
    return build;
}

bool hd_values_build_finish(struct hd_values_build *build, struct hd_values_sum *sum)
{
    for (unsigned i = 0; i < build->visitors; i++)
        for (enum hd_values_kind kind = 0; kind < HD_VALUES_KINDS; kind++)
            piece_end(&build->worker[i], kind);
    for (enum hd_values_kind kind = 0; kind < HD_VALUES_KINDS; kind++) {
        sum->pieces[kind] = atomic_load(&build->pieces[kind]);
        sum->left_out[kind] = atomic_load(&build->left_out[kind]);
    }
    return !atomic_load(&build->failed);
}

void hd_values_build_destroy(struct hd_values_build *build)
{
    for (unsigned i = 0; build && i < HD_REPLAY_VISITORS; i++) {
        struct worker *worker = &build->worker[i];
        for (enum hd_values_kind kind = 0; kind < HD_VALUES_KINDS; kind++) {
            hd_names_deinit(&worker->growing[kind].texts);
            free(worker->growing[kind].node);
            free(worker->growing[kind].text);
            free(worker->growing[kind].left);
        }
        hd_buffer_deinit(&worker->scratch);
        hd_buffer_deinit(&worker->piece);
    }
    if (build)
        free(build->nodes);
    free(build);
}

/* ---- a piece ---- */

/* They ascend, the last one is `last`. */
static bool ascend(const uint32_t *end, uint32_t count, uint64_t last, bool strictly)
{
    uint32_t before = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (end[i] < before || (strictly && end[i] == before))
            return false;
        before = end[i];
    }
    return before == last;
}

static bool below(const uint32_t *list, uint32_t count, uint32_t limit)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < count; i++)
        most = list[i] > most ? list[i] : most;
    return count == 0 || most < limit;
}

bool hd_values_piece_read(struct hd_values_piece *piece, struct hd_graph_text data, uint32_t nodes)
{
    struct head head;
    if (data.length < sizeof head || (uintptr_t)data.data % sizeof(uint32_t))
        return false;
    memcpy(&head, data.data, sizeof head);
    uint64_t numbers = 2 * (uint64_t)head.count + head.node_count + head.left_count, room = data.length - sizeof head;
    if (numbers > room / sizeof(uint32_t) || head.byte_count != room - numbers * sizeof(uint32_t))
        return false;
    const uint32_t *end = (const uint32_t *)(const void *)(data.data + sizeof head), *node_end = end + head.count;
    const uint32_t *node = node_end + head.count, *left = node + head.node_count;
    *piece = (struct hd_values_piece){head.count, head.node_count, head.left_count, end, node_end, node, left,
                                      (const char *)(left + head.left_count), head.byte_count};
    if (!ascend(end, head.count, head.byte_count, true) || !ascend(node_end, head.count, head.node_count, false)
        || !below(node, head.node_count, nodes) || !below(left, head.left_count, nodes))
        return false;
    for (uint32_t i = 0; i < head.count; i++)
        if (piece->bytes[end[i] - 1])
            return false;
    return true;
}
