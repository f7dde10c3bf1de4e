/*
 * The heap snapshot of V8: what Chrome DevTools' memory panel and memlab open.
 *
 * The format (v8/src/profiler/heap-snapshot-generator.cc, HeapSnapshotJSONSerializer): one JSON object. `snapshot.meta` names
 * the fields; `nodes` is one flat list of numbers, 7 per node, in which the edges of the first node come first in `edges`,
 * 3 numbers each, then those of the second, and so on; a node is referred to by the place of its first number; texts are
 * numbers of `strings`, which is last. Readers keep all numbers in 32 bits.
 *
 * The nodes, in this order: the root, the objects in the order of the graph, so that object n is node n and its id is
 * 2n + 1 (`heap_dump show FILE @ID`); "(GC roots)", which has a node for each kind of root; what is in a String, Symbol or
 * Regexp and what a class is called, as text nodes of size 0 that readers show and search.
 * The root has a shortcut to each object that a root leads to: it makes readers count distances from these and take them for the
 * program's. "(GC roots)" leads to the same objects, for the names: readers show no edges that leave the root.
 * Every object is of the type "object", or readers would not group it by its class; but those of a class called Object, which they
 * would call by its properties.
 */
#define _GNU_SOURCE
#include "store/exporter.h"

#include "dump/json_reader.h"
#include "dump/text.h"
#include "graph/fields.h"
#include "graph/replay.h"
#include "store/json_text.h"
#include "store/root_kinds.h"
#include "view/words.h"

#include <stdlib.h>
#include <string.h>

enum { NODE_FIELDS = 7, NAME_MAX_BYTES = 10000 };
enum { TYPE_STRING = 2, TYPE_OBJECT = 3, TYPE_NATIVE = 8, TYPE_SYNTHETIC = 9 };
enum { EDGE_ELEMENT = 1, EDGE_PROPERTY = 2, EDGE_SHORTCUT = 5, EDGE_WEAK = 6 };
enum { ATTACHED = 0, DETACHED = 2 };
enum { TEXT_EMPTY, TEXT_GC_ROOTS, TEXT_VAL, TEXT_NAME, TEXT_FIXED }; /* of `strings`: the first ones */

/* Readers hold all of `strings` as one text, which V8 limits to 512 MiB. */
#define CONTENTS_TOTAL ((uint64_t)200 << 20)

static const char meta[] =
    "{\"snapshot\":{\"meta\":{"
    "\"node_fields\":[\"type\",\"name\",\"id\",\"self_size\",\"edge_count\",\"trace_node_id\",\"detachedness\"],"
    "\"node_types\":[[\"hidden\",\"array\",\"string\",\"object\",\"code\",\"closure\",\"regexp\",\"number\",\"native\","
    "\"synthetic\",\"concatenated string\",\"sliced string\",\"symbol\",\"bigint\",\"object shape\"],"
    "\"string\",\"number\",\"number\",\"number\",\"number\",\"number\"],"
    "\"edge_fields\":[\"type\",\"name_or_index\",\"to_node\"],"
    "\"edge_types\":[[\"context\",\"element\",\"property\",\"internal\",\"hidden\",\"shortcut\",\"weak\"],"
    "\"string_or_number\",\"node\"],"
    "\"trace_function_info_fields\":[\"function_id\",\"name\",\"script_name\",\"script_id\",\"line\",\"column\"],"
    "\"trace_node_fields\":[\"id\",\"function_info_index\",\"count\",\"size\",\"children\"],"
    "\"sample_fields\":[\"timestamp_us\",\"last_assigned_id\"],"
    "\"location_fields\":[\"object_index\",\"script_id\",\"line\",\"column\"]},";

struct writer {
    struct hd_export *export;
    struct hd_sink *sink;
    const struct hd_graph *graph;
    const struct hd_groups *classes;
    const struct hd_paths *paths;
    struct hd_root_kinds kinds;
    uint8_t *from_root;  /* bits [node_count]: the root's shortcuts */
    uint64_t root_edges; /* shortcuts */
    uint32_t *contents;  /* [content_count] nodes whose text is read from their lines, in the order of the dump */
    uint32_t *content;   /* [node_count] place in `contents`; NULL if there are none */
    uint32_t content_count, called_count; /* called_count: classes, modules, … with a name of their own */
    uint64_t edges, clamped, left_out; /* left_out: bytes of contents */
    uint64_t contents_limit, contents_written;
    bool text_found;     /* of the object at hand */
    uint64_t done;
};

/* ---- what there is ---- */

static bool is_weak(const struct hd_graph *graph, uint64_t edge)
{
    return graph->edge_name[edge] & HD_NAME_WEAK;
}

static bool roots_count(struct writer *writer)
{
    const struct hd_graph *graph = writer->graph;
    hd_root_kinds_make(&writer->kinds, graph);
    writer->from_root = calloc(graph->node_count / 8 + 1, 1);
    for (uint64_t edge = graph->edge_start[0]; writer->from_root && edge < graph->edge_start[1]; edge++) {
        uint32_t to = graph->edge_to[edge];
        if (is_weak(graph, edge) || writer->from_root[to / 8] & (1u << to % 8))
            continue;
        writer->from_root[to / 8] |= (uint8_t)(1u << to % 8);
        writer->root_edges++;
    }
    return writer->from_root != NULL;
}

static bool is_called(const struct hd_graph *graph, uint32_t node)
{
    uint8_t type = graph->node_type[node];
    return (type == HD_BT_T_CLASS || type == HD_BT_T_MODULE || type == HD_BT_T_DATA)
           && hd_graph_name(graph, graph->node_label[node]).length > 0;
}

static bool has_contents(const struct hd_graph *graph, uint32_t node)
{
    uint8_t type = graph->node_type[node];
    return type == HD_BT_T_STRING || type == HD_BT_T_SYMBOL || type == HD_BT_T_REGEXP;
}

static int by_line(const void *left, const void *right, void *data)
{
    const uint64_t *line = data;
    uint64_t a = line[*(const uint32_t *)left], b = line[*(const uint32_t *)right];
    return (a > b) - (a < b);
}

static bool contents_choose(struct writer *writer)
{
    const struct hd_graph *graph = writer->graph;
    bool wanted = writer->contents_limit > 0 && !graph->redacted;
    for (uint32_t node = 1; node < graph->node_count; node++) {
        writer->content_count += wanted && has_contents(graph, node);
        writer->called_count += is_called(graph, node);
    }
    if (!writer->content_count)
        return true;
    writer->contents = malloc(writer->content_count * sizeof *writer->contents);
    writer->content = malloc(graph->node_count * sizeof *writer->content);
    if (!writer->contents || !writer->content)
        return false;
    for (uint32_t node = 1, at = 0; node < graph->node_count; node++)
        if (has_contents(graph, node))
            writer->contents[at++] = node;
    qsort_r(writer->contents, writer->content_count, sizeof *writer->contents, by_line, (void *)graph->node_line);
    for (uint32_t i = 0; i < writer->content_count; i++)
        writer->content[writer->contents[i]] = i;
    return true;
}

static uint64_t node_total(const struct writer *writer)
{
    return (uint64_t)writer->graph->node_count + 1 + writer->kinds.count + writer->content_count + writer->called_count;
}

/* Where texts begin in `strings`. */
static uint64_t name_text(const struct writer *writer)
{
    return TEXT_FIXED + (uint64_t)writer->classes->count;
}

static uint64_t kind_text(const struct writer *writer)
{
    return name_text(writer) + writer->graph->name_count;
}

static uint64_t content_text(const struct writer *writer)
{
    return kind_text(writer) + writer->kinds.count;
}

/* ---- lists of numbers ---- */

static void step(struct writer *writer)
{
    struct hd_export *export = writer->export;
    if (export->progress && (++writer->done & 0xfff) == 0)
        export->progress("nodes and edges", writer->done, 2 * node_total(writer));
}

static void number(struct hd_buffer *out, uint64_t value, char separator)
{
    hd_text_uint(out, value);
    hd_buffer_append(out, &separator, 1);
}

static bool node_write(struct writer *writer, uint64_t place, unsigned type, uint64_t name, uint64_t size, uint64_t edges,
                       unsigned detachedness)
{
    struct hd_buffer *out = &writer->sink->block;
    if (size > UINT32_MAX) {
        size = UINT32_MAX;
        writer->clamped++;
    }
    if (place)
        hd_text_literal(out, ",\n");
    number(out, type, ',');
    number(out, name, ',');
    number(out, 2 * place + 1, ',');
    number(out, size, ',');
    number(out, edges, ',');
    number(out, 0, ',');
    hd_text_uint(out, detachedness);
    writer->edges += edges;
    step(writer);
    return hd_sink_flow(writer->sink);
}

static bool edge_write(struct writer *writer, unsigned type, uint64_t name, uint64_t to)
{
    struct hd_buffer *out = &writer->sink->block;
    if (writer->edges++)
        hd_text_literal(out, ",\n");
    number(out, type, ',');
    number(out, name, ',');
    hd_text_uint(out, to * NODE_FIELDS);
    return hd_sink_flow(writer->sink);
}

static uint64_t edge_count(const struct writer *writer, uint32_t node)
{
    const struct hd_graph *graph = writer->graph;
    return graph->edge_start[node + 1] - graph->edge_start[node] + (writer->content && has_contents(graph, node))
           + is_called(graph, node);
}

static bool is_object_class(const struct hd_graph_text *name)
{
    return name->length == 6 && !memcmp(name->data, "Object", 6);
}

static bool nodes_write(struct writer *writer)
{
    const struct hd_graph *graph = writer->graph;
    const uint32_t *dominator = writer->export->open->dominators.parent;
    uint64_t place = graph->node_count, text = content_text(writer);
    bool ok = node_write(writer, 0, TYPE_SYNTHETIC, TEXT_EMPTY, 0, writer->root_edges + 1, ATTACHED);
    for (uint32_t node = 1; ok && node < graph->node_count; node++) {
        uint32_t class = writer->classes->number[node];
        bool plain = is_object_class(&writer->classes->name[class]), lost = dominator[node] == HD_NODE_NONE;
        ok = node_write(writer, node, plain ? TYPE_NATIVE : TYPE_OBJECT, TEXT_FIXED + (uint64_t)class,
                        graph->node_size[node], edge_count(writer, node), lost && !plain ? DETACHED : ATTACHED);
    }
    ok = ok && node_write(writer, place++, TYPE_SYNTHETIC, TEXT_GC_ROOTS, 0, writer->kinds.count, ATTACHED);
    for (uint32_t i = 0; ok && i < writer->kinds.count; i++)
        ok = node_write(writer, place++, TYPE_SYNTHETIC, kind_text(writer) + i, 0, writer->kinds.edges[i], ATTACHED);
    for (uint32_t i = 0; ok && i < writer->content_count; i++)
        ok = node_write(writer, place++, TYPE_STRING, text + i, 0, 0, ATTACHED);
    for (uint32_t node = 1; ok && node < graph->node_count; node++)
        if (is_called(graph, node))
            ok = node_write(writer, place++, TYPE_STRING, name_text(writer) + graph->node_label[node], 0, 0, ATTACHED);
    return ok;
}

/* The name that says most, where the object has several ones from the root. */
static uint32_t root_edge_name(const struct writer *writer, uint64_t edge)
{
    uint32_t to = writer->graph->edge_to[edge];
    if (writer->paths->parent[to] == HD_NODE_ROOT)
        edge = writer->paths->edge[to];
    return writer->graph->edge_name[edge] & HD_NAME_MASK;
}

static bool root_write(struct writer *writer)
{
    const struct hd_graph *graph = writer->graph;
    bool ok = edge_write(writer, EDGE_ELEMENT, 1, graph->node_count);
    for (uint64_t edge = graph->edge_start[0]; ok && edge < graph->edge_start[1]; edge++) {
        uint32_t to = graph->edge_to[edge];
        if (is_weak(graph, edge) || !(writer->from_root[to / 8] & (1u << to % 8)))
            continue;
        writer->from_root[to / 8] &= (uint8_t)~(1u << to % 8);
        ok = edge_write(writer, EDGE_SHORTCUT, name_text(writer) + root_edge_name(writer, edge), to);
    }
    return ok;
}

static bool roots_write(struct writer *writer)
{
    const struct hd_graph *graph = writer->graph;
    bool ok = true;
    for (uint32_t i = 0; ok && i < writer->kinds.count; i++)
        ok = edge_write(writer, EDGE_ELEMENT, i, (uint64_t)graph->node_count + 1 + i);
    for (uint32_t i = 0; ok && i < writer->kinds.count; i++)
        for (uint64_t edge = graph->edge_start[0]; ok && edge < graph->edge_start[1]; edge++) {
            uint32_t name = graph->edge_name[edge] & HD_NAME_MASK;
            if (hd_root_kinds_number(&writer->kinds, graph, edge) == i)
                ok = edge_write(writer, is_weak(graph, edge) ? EDGE_WEAK : EDGE_PROPERTY, name_text(writer) + name,
                                graph->edge_to[edge]);
        }
    return ok;
}

static bool edges_write(struct writer *writer)
{
    const struct hd_graph *graph = writer->graph;
    uint64_t contents = (uint64_t)graph->node_count + 1 + writer->kinds.count, called = contents + writer->content_count;
    writer->edges = 0;
    bool ok = root_write(writer);
    for (uint32_t node = 1; ok && node < graph->node_count; node++) {
        if (writer->content && has_contents(graph, node))
            ok = edge_write(writer, EDGE_PROPERTY, TEXT_VAL, contents + writer->content[node]);
        if (ok && is_called(graph, node))
            ok = edge_write(writer, EDGE_PROPERTY, TEXT_NAME, called++);
        for (uint64_t edge = graph->edge_start[node]; ok && edge < graph->edge_start[node + 1]; edge++)
            ok = edge_write(writer, is_weak(graph, edge) ? EDGE_WEAK : EDGE_PROPERTY,
                            name_text(writer) + (graph->edge_name[edge] & HD_NAME_MASK), graph->edge_to[edge]);
        step(writer);
    }
    return ok && roots_write(writer);
}

/* ---- texts ---- */

static bool text_write(struct writer *writer, struct hd_graph_text text, size_t most)
{
    struct hd_buffer *out = &writer->sink->block;
    hd_text_literal(out, ",\n");
    hd_json_text_append(out, text.data ? text.data : "", text.length, most);
    return hd_sink_flow(writer->sink);
}

static bool contents_write(struct writer *writer, const char *data, size_t length)
{
    if (writer->contents_written >= CONTENTS_TOTAL) {
        writer->left_out += length;
        length = 0;
    }
    size_t before = writer->sink->block.length;
    writer->text_found = true;
    size_t most = writer->contents_limit;
    struct hd_buffer *out = &writer->sink->block;
    hd_text_literal(out, ",\n");
    hd_json_text_append(out, data, length, most);
    writer->contents_written += out->length - before;
    return hd_sink_flow(writer->sink);
}

/* The first field that has the text: `val`, or ObjectSpace's `value`. */
static bool contents_field(void *data, uint32_t node, const struct hd_json_field *field, struct hd_error *err)
{
    struct writer *writer = data;
    (void)node;
    if (writer->text_found || field->type != HD_JSON_TEXT)
        return true;
    bool plain = hd_json_text_is(field->name, "val") || hd_json_text_is(field->name, "value");
    bool ok = true;
    if (plain) {
        ok = contents_write(writer, field->text.data, field->text.length);
    } else if (hd_json_text_is(field->name, "val_base64")) {
        struct hd_buffer bytes = {0};
        hd_fields_base64(&bytes, (struct hd_graph_text){field->text.data, field->text.length});
        ok = contents_write(writer, bytes.data ? bytes.data : "", bytes.length);
        hd_buffer_deinit(&bytes);
    }
    if (!ok)
        *err = writer->sink->err;
    return ok;
}

static bool contents_end(void *data, uint32_t node, struct hd_error *err)
{
    struct writer *writer = data;
    (void)node;
    bool ok = writer->text_found || contents_write(writer, "", 0);
    writer->text_found = false;
    if (!ok)
        *err = writer->sink->err;
    return ok;
}

static bool texts_write(struct writer *writer, struct hd_error *err)
{
    const struct hd_graph *graph = writer->graph;
    struct hd_replay_visitor visitor = {.data = writer, .field = contents_field, .end = contents_end};
    hd_sink_literal(writer->sink, "\"\",\n\"(GC roots)\",\n\"val\",\n\"name\"");
    bool ok = true;
    for (uint32_t i = 0; ok && i < writer->classes->count; i++)
        ok = text_write(writer, writer->classes->name[i], NAME_MAX_BYTES);
    for (uint32_t i = 0; ok && i < graph->name_count; i++)
        ok = text_write(writer, i == graph->head_name ? (struct hd_graph_text){"", 0} : hd_graph_name(graph, i),
                        NAME_MAX_BYTES);
    for (uint32_t i = 0; ok && i < writer->kinds.count; i++)
        ok = text_write(writer, writer->kinds.name[i], NAME_MAX_BYTES);
    if (ok && writer->content_count)
        return hd_replay(writer->export->open->dump, graph, writer->contents, writer->content_count, &visitor, err);
    return hd_sink_good(writer->sink, err);
}

/* ---- the file ---- */

static uint64_t edge_total(const struct writer *writer)
{
    const struct hd_graph *graph = writer->graph;
    uint64_t of_roots = graph->edge_start[1] - graph->edge_start[0];
    return graph->edge_count - of_roots + writer->content_count + writer->called_count + writer->root_edges + 1
           + writer->kinds.count + of_roots;
}

static bool head_write(struct writer *writer)
{
    struct hd_buffer *out = &writer->sink->block;
    hd_buffer_append(out, meta, sizeof meta - 1);
    hd_text_literal(out, "\"node_count\":");
    hd_text_uint(out, node_total(writer));
    hd_text_literal(out, ",\"edge_count\":");
    hd_text_uint(out, edge_total(writer));
    hd_text_literal(out, ",\"trace_function_count\":0},\n\"nodes\":[");
    return hd_sink_flow(writer->sink);
}

static bool all_write(struct writer *writer, struct hd_error *err)
{
    if (!head_write(writer) || !nodes_write(writer) || !hd_sink_good(writer->sink, err))
        return false;
    hd_sink_literal(writer->sink, "],\n\"edges\":[");
    if (!edges_write(writer))
        return hd_sink_good(writer->sink, err);
    hd_sink_literal(writer->sink, "],\n\"trace_function_infos\":[],\n\"trace_tree\":[],\n\"samples\":[],\n\"locations\":[],\n"
                                  "\"strings\":[");
    bool ok = texts_write(writer, err);
    hd_sink_literal(writer->sink, "]}\n");
    return ok;
}

static void summarize(const struct writer *writer)
{
    char nodes[HD_WORDS_NUMBER], edges[HD_WORDS_NUMBER], big[HD_WORDS_NUMBER + 80] = "", cut[HD_WORDS_NUMBER + 80] = "";
    char number[HD_WORDS_NUMBER];
    if (writer->clamped)
        snprintf(big, sizeof big, "; %s bigger than 4 GiB, shown as 4 GiB", hd_words_count(number, writer->clamped));
    if (writer->left_out)
        snprintf(cut, sizeof cut, "; %s of contents left out: readers take no more", hd_words_bytes(number, writer->left_out));
    hd_export_summarize(writer->export, "%s objects, %s references%s%s",
                        hd_words_count(nodes, writer->graph->node_count - 1),
                        hd_words_count(edges, writer->graph->edge_count), big, cut);
}

static bool run(struct hd_export *export, struct hd_error *err)
{
    struct hd_open *open = export->open;
    uint64_t limit = 200;
    struct writer writer = {.export = export, .sink = export->sink, .graph = &open->graph};
    if (!hd_export_number(export, "contents", 0, 1 << 20, &limit, err))
        return false;
    writer.contents_limit = limit;
    writer.classes = hd_derived_classes(open->derived, err);
    writer.paths = writer.classes ? hd_derived_paths(open->derived, err) : NULL;
    if (!writer.paths)
        return false;
    bool ok = (roots_count(&writer) && contents_choose(&writer)) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    if (ok && node_total(&writer) > UINT32_MAX / NODE_FIELDS)
        ok = hd_error_set(err, HD_ERROR_UNSUPPORTED, "a heap snapshot has room for 613 million nodes, and this dump has more");
    ok = ok && all_write(&writer, err);
    free(writer.from_root);
    free(writer.contents);
    free(writer.content);
    summarize(&writer);
    return ok;
}

static const struct hd_exporter_option options[] = {
    {"contents", "N", "bytes of each string to show (200), 0 for none"}, {NULL, NULL, NULL}};

const struct hd_exporter hd_exporter_heapsnapshot = {
    .name = "heapsnapshot",
    .where = "FILE|-",
    .help = "Chrome DevTools' memory panel, memlab",
    .next = "npx memlab analyze object-size --snapshot %s (or in Chrome: F12, Memory, Load profile)",
    .flags = HD_EXPORTER_FILE | HD_EXPORTER_LINES,
    .need = HD_INDEX_GRAPH,
    .options = options,
    .run = run};
