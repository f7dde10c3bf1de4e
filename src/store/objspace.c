/*
 * The lines of ObjectSpace.dump_all, for the tools that read those: heapy, sheap, heap-profiler, reap.
 *
 * The format (Ruby's ext/objspace/objspace_dump.c): a JSON object a line, `{"type":"ROOT", "root":"vm", "references":["0x…", …]}`
 * for each kind of root, `{"address":"0x…", "type":"STRING", "class":"0x…", …, "references":[…], …, "memsize":40, "flags":{…}}` for each
 * object. Some readers look for the keys with their spaces and in this order, so both are Ruby's.
 * What a dump does not have is left out: the flags of the collector but "old". References that keep nothing alive are left out,
 * as Ruby does; that to the class stands in `class` alone.
 */
#include "store/exporter.h"

#include "dump/json_reader.h"
#include "dump/text.h"
#include "graph/replay.h"
#include "store/json_text.h"
#include "store/root_kinds.h"
#include "view/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OLD = 3 }; /* RVALUE_OLD_AGE in gc.c */
enum { CHAIN_MAX = 1000 };

struct writer {
    struct hd_export *export;
    struct hd_sink *sink;
    const struct hd_graph *graph;
    struct hd_buffer made;  /* "file", "line", …: they stand behind the references */
    uint64_t elements;      /* of an array or hash, over all its lines */
    int64_t slot, bytes;    /* its slot_size and bytesize; 0 and -1 if it says none */
    bool started;           /* of the object at hand something is written */
    bool counted;           /* `elements` is to be written */
    bool outside;           /* its contents are not in its slot */
    bool old, sited;        /* sited: where it was allocated is known */
    uint64_t references, done, total;
};

/* ---- parts of a line ---- */

static void address(struct hd_buffer *out, uint64_t value)
{
    char text[24];
    int length = snprintf(text, sizeof text, "\"0x%llx\"", (unsigned long long)value);
    hd_buffer_append(out, text, (size_t)length);
}

static void key(struct hd_buffer *out, const char *name)
{
    hd_text_literal(out, ", \"");
    hd_buffer_append(out, name, strlen(name));
    hd_text_literal(out, "\":");
}

static void put_number(struct hd_buffer *out, const char *name, int64_t value)
{
    key(out, name);
    hd_text_int(out, value);
}

static void put_text(struct hd_buffer *out, const char *name, struct hd_json_text text)
{
    key(out, name);
    hd_json_text_append(out, text.data, text.length, 0);
}

static void put_true(struct hd_buffer *out, const char *name)
{
    key(out, name);
    hd_text_literal(out, "true");
}

/* One more of a list of references, which the first one begins; `count` had been put before. */
static bool reference_put(struct writer *writer, uint64_t *count, uint32_t to)
{
    struct hd_buffer *out = &writer->sink->block;
    if ((*count)++)
        hd_text_literal(out, ", ");
    else
        hd_text_literal(out, ", \"references\":[");
    address(out, writer->graph->node_address[to]);
    return hd_sink_flow(writer->sink);
}

/* Nothing if there were none. */
static void references_end(struct writer *writer, uint64_t count)
{
    if (count)
        hd_text_literal(&writer->sink->block, "]");
    writer->references += count;
}

/* The references that keep alive, but those to `class`. */
static bool references_put(struct writer *writer, uint64_t from, uint64_t to, uint32_t class)
{
    const struct hd_graph *graph = writer->graph;
    uint64_t count = 0;
    for (uint64_t edge = from; edge < to; edge++)
        if (!(graph->edge_name[edge] & HD_NAME_WEAK) && graph->edge_to[edge] != class
            && !reference_put(writer, &count, graph->edge_to[edge]))
            return false;
    references_end(writer, count);
    return hd_sink_flow(writer->sink);
}

/* ---- roots ---- */

static bool root_kind_put(struct writer *writer, const struct hd_root_kinds *kinds, uint32_t kind)
{
    const struct hd_graph *graph = writer->graph;
    struct hd_buffer *out = &writer->sink->block;
    uint64_t count = 0;
    hd_text_literal(out, "{\"type\":\"ROOT\", \"root\":");
    hd_json_text_append(out, kinds->name[kind].data, kinds->name[kind].length, 0);
    for (uint64_t edge = graph->edge_start[0]; edge < graph->edge_start[1]; edge++)
        if (!(graph->edge_name[edge] & HD_NAME_WEAK) && hd_root_kinds_number(kinds, graph, edge) == kind
            && !reference_put(writer, &count, graph->edge_to[edge]))
            return false;
    references_end(writer, count);
    hd_text_literal(out, "}\n");
    return hd_sink_flow(writer->sink);
}

static bool roots_put(struct writer *writer)
{
    struct hd_root_kinds kinds;
    hd_root_kinds_make(&kinds, writer->graph);
    bool ok = true;
    for (uint32_t i = 0; ok && i < kinds.count; i++)
        ok = root_kind_put(writer, &kinds, i);
    return ok;
}

/* ---- objects ---- */

static void object_start(struct writer *writer, uint32_t node)
{
    const struct hd_graph *graph = writer->graph;
    struct hd_buffer *out = &writer->sink->block;
    const char *name = hd_bt_name(graph->node_type[node]), *type = *name ? name + 2 : "NONE"; /* less its T_ */
    uint32_t class = graph->node_class[node];
    writer->started = true;
    hd_text_literal(out, "{\"address\":");
    address(out, graph->node_address[node]);
    hd_text_literal(out, ", \"type\":\"");
    hd_buffer_append(out, type, strlen(type));
    hd_text_literal(out, "\"");
    if (class != HD_NODE_NONE) {
        key(out, "class");
        address(out, graph->node_address[class]);
    }
    if (graph->node_flags[node] & HD_NODE_FROZEN)
        put_true(out, "frozen");
}

enum use { AS_IS, AS_TRUE, AS_ADDRESS, AS_COUNT, MADE, VALUE, CAPACITY, ENCODING, AGE, SUPER, DEFAULT };

/* Whose lines have the field: `size` is bytes in ours and entries in theirs. */
enum whose { OURS = 1, THEIRS = 2, BOTH = 3 };

/* Our fields and ObjectSpace's that become one of ObjectSpace's. `types`: of which objects; 0: of all. */
#define BIT(type) (1u << HD_BT_##type)
static const struct {
    const char *name, *theirs;
    enum use use;
    enum whose whose;
    unsigned types;
} fields[] = {
    {"slot_size", "slot_size", AS_IS, BOTH, 0},
    {"shape", "shape_id", AS_IS, OURS, 0},
    {"shape_id", "shape_id", AS_IS, THEIRS, 0},
    {"embedded", "embedded", AS_TRUE, THEIRS, 0},
    {"broken", "broken", AS_TRUE, THEIRS, 0},
    {"shared", "shared", AS_TRUE, BOTH, BIT(T_STRING) | BIT(T_ARRAY)},
    {"fstring", "fstring", AS_TRUE, BOTH, BIT(T_STRING)},
    {"bytesize", "bytesize", AS_IS, BOTH, BIT(T_STRING) | BIT(T_SYMBOL)},
    {"capacity", "capacity", CAPACITY, BOTH, BIT(T_STRING) | BIT(T_ARRAY)},
    {"val", "value", VALUE, OURS, BIT(T_STRING) | BIT(T_SYMBOL) | BIT(T_FLOAT)},
    {"value", "value", VALUE, THEIRS, BIT(T_STRING) | BIT(T_SYMBOL) | BIT(T_FLOAT)},
    {"encoding", "encoding", ENCODING, BOTH, BIT(T_STRING)},
    {"coderange", "coderange", AS_IS, THEIRS, BIT(T_STRING)},
    {"truncated", "truncated", AS_TRUE, BOTH, BIT(T_STRING)},
    {"val", "length", AS_COUNT, OURS, BIT(T_ARRAY)},
    {"length", "length", AS_IS, THEIRS, BIT(T_ARRAY)},
    {"val", "size", AS_COUNT, OURS, BIT(T_HASH)},
    {"size", "size", AS_IS, THEIRS, BIT(T_HASH)},
    {"default_proc", "default", AS_ADDRESS, OURS, BIT(T_HASH)},
    {"default", "default", DEFAULT, THEIRS, BIT(T_HASH)},
    {"ivs", "ivars", AS_COUNT, OURS, BIT(T_OBJECT)},
    {"ivars", "ivars", AS_IS, THEIRS, BIT(T_OBJECT)},
    {"super", "superclass", SUPER, OURS, BIT(T_CLASS) | BIT(T_MODULE) | BIT(T_ICLASS)},
    {"superclass", "superclass", AS_IS, THEIRS, BIT(T_CLASS) | BIT(T_ICLASS)},
    {"name", "name", AS_IS, BOTH, BIT(T_CLASS) | BIT(T_MODULE)},
    {"real_class_name", "real_class_name", AS_IS, THEIRS, BIT(T_CLASS)},
    {"singleton", "singleton", AS_TRUE, BOTH, BIT(T_CLASS)},
    {"type_name", "struct", AS_IS, OURS, BIT(T_DATA)},
    {"type_name", "imemo_type", AS_IS, OURS, BIT(T_IMEMO)},
    {"struct", "struct", AS_IS, THEIRS, BIT(T_DATA)},
    {"imemo_type", "imemo_type", AS_IS, THEIRS, BIT(T_IMEMO)},
    {"fd", "fd", AS_IS, BOTH, BIT(T_FILE)},
    {"file", "file", MADE, BOTH, 0},
    {"line", "line", MADE, BOTH, 0},
    {"allocation_line", "line", MADE, OURS, 0},
    {"method", "method", MADE, BOTH, 0},
    {"generation", "generation", MADE, BOTH, 0},
    {"age", NULL, AGE, OURS, 0},
};

static void scalar_put(struct hd_buffer *out, const char *name, const struct hd_json_field *field)
{
    if (field->type == HD_JSON_TEXT)
        put_text(out, name, field->text);
    else if (field->type == HD_JSON_INTEGER)
        put_number(out, name, field->integer);
    else if (field->type == HD_JSON_NUMBER) {
        key(out, name);
        hd_text_double(out, field->number);
    } else if (field->type == HD_JSON_BOOL && field->integer) {
        put_true(out, name);
    }
}

static void address_put(struct writer *writer, const char *name, const struct hd_json_field *field)
{
    struct hd_buffer *out = &writer->sink->block;
    if (field->type == HD_JSON_TEXT) { /* ObjectSpace's */
        put_text(out, name, field->text);
        return;
    }
    if (field->type != HD_JSON_INTEGER || hd_graph_find(writer->graph, (uint64_t)field->integer) == HD_NODE_NONE)
        return;
    key(out, name);
    address(out, (uint64_t)field->integer);
}

static uint32_t super_of(const struct hd_graph *graph, uint32_t class)
{
    for (uint64_t edge = graph->edge_start[class]; edge < graph->edge_start[class + 1]; edge++) {
        struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
        if (name.length == 5 && !memcmp(name.data, "super", 5))
            return graph->edge_to[edge];
    }
    return HD_NODE_NONE;
}

/* ObjectSpace says of singleton classes what they would be without being one. */
static void super_put(struct writer *writer, uint32_t node, const struct hd_json_field *field)
{
    const struct hd_graph *graph = writer->graph;
    struct hd_buffer *out = &writer->sink->block;
    address_put(writer, "superclass", field);
    uint32_t class = field->type == HD_JSON_INTEGER ? hd_graph_find(graph, (uint64_t)field->integer) : HD_NODE_NONE;
    if (!(graph->node_flags[node] & HD_NODE_SINGLETON))
        return;
    for (int steps = 0; class != HD_NODE_NONE && steps < CHAIN_MAX; steps++) {
        bool real = graph->node_type[class] == HD_BT_T_CLASS && !(graph->node_flags[class] & HD_NODE_SINGLETON);
        struct hd_graph_text name = hd_graph_name(graph, graph->node_label[class]);
        if (real) {
            if (name.length)
                put_text(out, "real_class_name", (struct hd_json_text){name.data, name.length});
            return;
        }
        class = super_of(graph, class);
    }
}

/* A Float as C's "%#g", in quotes. */
static void value_put(struct writer *writer, const struct hd_json_field *field)
{
    struct hd_buffer *out = &writer->sink->block;
    char text[64];
    if (field->type == HD_JSON_NUMBER || field->type == HD_JSON_INTEGER) {
        double value = field->type == HD_JSON_NUMBER ? field->number : (double)field->integer;
        snprintf(text, sizeof text, "%#g", value);
        put_text(out, "value", (struct hd_json_text){text, strlen(text)});
    } else if (field->type == HD_JSON_TEXT) {
        put_text(out, "value", field->text);
    }
}

static bool is_iseq(const struct hd_graph *graph, uint32_t node)
{
    struct hd_graph_text label = hd_graph_name(graph, graph->node_label[node]);
    return graph->node_type[node] == HD_BT_T_IMEMO && label.length == 4 && !memcmp(label.data, "iseq", 4);
}

static void field_use(struct writer *writer, uint32_t node, size_t which, const struct hd_json_field *field)
{
    struct hd_buffer *out = &writer->sink->block;
    const char *theirs = fields[which].theirs;
    switch (fields[which].use) {
    case AS_TRUE:
        if (field->type == HD_JSON_NULL || (field->type == HD_JSON_BOOL && !field->integer))
            break;
        writer->outside |= !strcmp(theirs, "shared");
        put_true(out, theirs);
        break;
    case AS_ADDRESS: address_put(writer, theirs, field); break;
    case DEFAULT: /* ObjectSpace's is our default_proc */
        scalar_put(out, theirs, field);
        break;
    case SUPER: super_put(writer, node, field); break;
    case CAPACITY:
        writer->outside = true;
        if (writer->graph->node_type[node] == HD_BT_T_STRING)
            scalar_put(out, theirs, field);
        break;
    case ENCODING:
        if (!hd_json_text_is(field->text, "ASCII-8BIT") && !hd_json_text_is(field->text, "BINARY"))
            scalar_put(out, theirs, field);
        break;
    case VALUE: value_put(writer, field); break;
    case AS_COUNT:
        writer->counted |= field->type == HD_JSON_ARRAY || field->type == HD_JSON_MAP;
        writer->elements += field->elements;
        break;
    case MADE:
        if (!strcmp(fields[which].name, "line") && !hd_replay_is_objspace(writer->graph) && is_iseq(writer->graph, node))
            break; /* its own, not where it was allocated */
        writer->sited |= !strcmp(theirs, "file");
        if (writer->sited)
            scalar_put(&writer->made, theirs, field);
        break;
    case AGE: writer->old = field->type == HD_JSON_INTEGER && field->integer >= OLD; break;
    case AS_IS:
        if (field->type == HD_JSON_INTEGER && !strcmp(theirs, "slot_size"))
            writer->slot = field->integer;
        if (field->type == HD_JSON_INTEGER && !strcmp(theirs, "bytesize"))
            writer->bytes = field->integer;
        scalar_put(out, theirs, field);
        break;
    }
}

static bool object_field(void *data, uint32_t node, const struct hd_json_field *field, struct hd_error *err)
{
    struct writer *writer = data;
    unsigned bit = 1u << writer->graph->node_type[node];
    enum whose whose = hd_replay_is_objspace(writer->graph) ? THEIRS : OURS;
    if (!writer->started)
        object_start(writer, node);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if ((!fields[i].types || fields[i].types & bit) && fields[i].whose & whose && hd_json_text_is(field->name, fields[i].name))
            field_use(writer, node, i, field);
    return hd_sink_good(writer->sink, err);
}

static void counted_put(struct writer *writer, uint32_t node)
{
    uint8_t type = writer->graph->node_type[node];
    if (writer->counted)
        put_number(&writer->sink->block, type == HD_BT_T_ARRAY ? "length" : type == HD_BT_T_HASH ? "size" : "ivars",
                   (int64_t)writer->elements);
}

/*
 * Whether its contents lie in its slot: then it has no capacity and is no longer than that. A frozen String may be one of C
 * whose bytes are the program's; of those nothing is said.
 */
static void embedded_put(struct writer *writer, uint32_t node)
{
    uint8_t type = writer->graph->node_type[node];
    bool frozen = writer->graph->node_flags[node] & HD_NODE_FROZEN;
    bool can = (type == HD_BT_T_STRING && !frozen && writer->bytes >= 0 && writer->bytes < (int64_t)writer->slot - 16)
               || (type == HD_BT_T_ARRAY && writer->counted && writer->elements > 0
                   && writer->elements * 8 <= (uint64_t)writer->slot - 16);
    if (can && !writer->outside && writer->slot > 16 && !hd_replay_is_objspace(writer->graph))
        put_true(&writer->sink->block, "embedded");
    writer->slot = 0;
    writer->bytes = -1;
}

static bool object_end(void *data, uint32_t node, struct hd_error *err)
{
    struct writer *writer = data;
    const struct hd_graph *graph = writer->graph;
    struct hd_buffer *out = &writer->sink->block;
    if (!writer->started)
        object_start(writer, node);
    counted_put(writer, node);
    embedded_put(writer, node);
    references_put(writer, graph->edge_start[node], graph->edge_start[node + 1], graph->node_class[node]);
    if (writer->made.failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    hd_buffer_append(out, writer->made.data, writer->made.length);
    put_number(out, "memsize", (int64_t)graph->node_size[node]);
    if (writer->old)
        hd_text_literal(out, ", \"flags\":{\"old\":true}");
    hd_text_literal(out, "}\n");
    writer->made.length = 0;
    writer->elements = 0;
    writer->started = writer->counted = writer->old = writer->sited = writer->outside = false;
    if (writer->export->progress && (++writer->done & 0xfff) == 0)
        writer->export->progress("objects", writer->done, writer->total);
    return hd_sink_good(writer->sink, err);
}

/* ---- the file ---- */

static bool run(struct hd_export *export, struct hd_error *err)
{
    const struct hd_graph *graph = &export->open->graph;
    struct writer writer = {.export = export, .sink = export->sink, .graph = graph, .total = graph->node_count - 1, .bytes = -1};
    struct hd_replay_visitor visitor = {.data = &writer, .field = object_field, .end = object_end};
    char objects[HD_WORDS_NUMBER], references[HD_WORDS_NUMBER];
    uint32_t *nodes = malloc((size_t)graph->node_count * sizeof *nodes);
    if (!nodes)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t node = 1; node < graph->node_count; node++)
        nodes[node - 1] = node;
    bool ok = roots_put(&writer) || hd_sink_good(writer.sink, err);
    ok = ok && hd_replay(export->open->dump, graph, nodes, graph->node_count - 1, &visitor, err);
    free(nodes);
    hd_buffer_deinit(&writer.made);
    hd_export_summarize(export, "%s objects, %s references", hd_words_count(objects, graph->node_count - 1),
                        hd_words_count(references, writer.references));
    return ok;
}

const struct hd_exporter hd_exporter_objspace = {
    .name = "objspace",
    .where = "FILE|-",
    .help = "what ObjectSpace.dump_all writes, for heapy, sheap, reap, …",
    .next = "heapy read %s",
    .flags = HD_EXPORTER_FILE | HD_EXPORTER_LINES,
    .need = HD_INDEX_GRAPH,
    .run = run};
