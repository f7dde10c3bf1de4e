/*
 * The line of an object as fields, facts and contents. See profile.h.
 *
 * What is in an object stands in some members of its line (`ivs`, `val`, …), each a map or a list of values; a value is a
 * reference, a short string written out (its id is the next one of `inlined`), or no object at all. References elsewhere in the
 * line are fields, too; whatever else stands there is a fact.
 */
#include "dump/json_reader.h"
#include "graph/fields.h"
#include "view/json.h"
#include "view/profile.h"
#include "view/readable.h"
#include "view/redact.h"

#include <stdio.h>
#include <string.h>

/* From where on a value goes on in another line (docs/format.md, "Big values"). */
enum { LINE_ELEMENTS = 65536, LINE_BYTES = 7 << 20 };
enum { DEPTH_MAX = 4, NAME_MAX_BYTES = 1200, FACTS_MAX = 100, CONTENTS_MAX = 1 << 16 };

struct walk {
    FILE *file;
    const struct hd_view_object *view;
    const struct hd_profile_request *request;
    struct hd_graph_text inlined; /* the list of ids */
    size_t inlined_at;
    bool lost;      /* ids of strings are no longer in step with their texts */
    bool facts;     /* facts are written, else fields */
    uint64_t count; /* fields or facts so far */
    uint64_t base;  /* of a line that continues another, the elements before it */
    uint64_t shown;
    char name[NAME_MAX_BYTES];
};

static bool is_one_of(struct hd_graph_text text, const char *const *words)
{
    for (; *words; words++)
        if (hd_fields_is(text, *words))
            return true;
    return false;
}

static bool holds_values(struct hd_graph_text name)
{
    static const char *const names[] = {"val", "ivs", "generic_ivs", "cvars", "consts", "members", "locals", "stack",
                                        "global_variables", NULL};
    return is_one_of(name, names);
}

/* What the answer says elsewhere, or nowhere. `ours`: it is a line of heap_dump. */
static bool is_told(struct hd_graph_text name, struct hd_graph_text value, bool ours)
{
    static const char *const names[] = {"id",     "bt",       "class",     "size", "inlined", "val_base64", "val_hash",
                                        "frames", "bytesize", "truncated", "continues", "offset", NULL};
    static const char *const others[] = {"address", "type", "class", "references", "memsize", "bytesize", "value", NULL};
    bool contents = hd_fields_is(name, "val") && value.data[0] == '"';
    return contents || is_one_of(name, ours ? names : others);
}

static uint32_t node_of(const struct walk *walk, struct hd_graph_text value)
{
    const struct hd_graph *graph = &walk->view->open->graph;
    uint64_t id = 0;
    if (value.length == 0 || value.length > 18)
        return HD_NODE_NONE;
    for (size_t i = 0; i < value.length; i++) {
        if (value.data[i] < '0' || value.data[i] > '9')
            return HD_NODE_NONE;
        id = id * 10 + (uint64_t)(value.data[i] - '0');
    }
    uint32_t node = id < graph->heap_low || id > graph->heap_high ? HD_NODE_NONE : hd_graph_find(graph, id);
    return node == HD_NODE_ROOT ? HD_NODE_NONE : node;
}

/* The object of the next string that is written out. */
static uint32_t inlined_next(struct walk *walk)
{
    struct hd_graph_text key, id = walk->lost ? (struct hd_graph_text){NULL, 0}
                                              : hd_fields_next(walk->inlined, &walk->inlined_at, &key);
    uint32_t node = id.data ? node_of(walk, id) : HD_NODE_NONE;
    bool string = node != HD_NODE_NONE && walk->view->open->graph.node_type[node] == HD_BT_T_STRING;
    return string ? node : HD_NODE_NONE;
}

/* --- one field --- */

static void text_json(FILE *file, const char *before, struct hd_graph_text text, const char *after)
{
    struct hd_buffer plain = {0};
    hd_buffer_append(&plain, before, strlen(before));
    hd_fields_unescape(&plain, text);
    hd_buffer_append(&plain, after, strlen(after));
    hd_json_text(file, (struct hd_graph_text){plain.data ? plain.data : "", plain.length});
    hd_buffer_deinit(&plain);
}

/* What is no object, as Ruby writes it. */
static void literal_json(FILE *file, struct hd_graph_text value)
{
    struct hd_graph_text key, member;
    size_t at = 0;
    if (value.length > 2 && value.data[0] == '"') {
        bool escaped = value.data[1] == '\\' && value.data[2] == '\\'; /* one `\` in front, as JSON writes it */
        struct hd_graph_text text = {value.data + 1, value.length - 2};
        if (escaped)
            text = (struct hd_graph_text){text.data + 2, text.length - 2};
        bool symbol = !escaped && text.data[0] == ':';
        text_json(file, symbol ? "" : "\"", text, symbol ? "" : "\"");
    } else if (hd_fields_is(value, "null")) {
        hd_json_string(file, "nil");
    } else if (hd_fields_is(value, "\"\"")) {
        hd_json_string(file, "\"\"");
    } else if (value.length > 0 && value.data[0] == '{' && (member = hd_fields_next(value, &at, &key)).data
               && (hd_fields_is(key, "fix") || hd_fields_is(key, "float"))) {
        text_json(file, "", member, "");
    } else if (hd_fields_is(value, "{\"undef\":true}")) {
        hd_json_string(file, "(not assigned yet)");
    } else {
        hd_json_text(file, value);
    }
}

/* As the graph has it (graph/dump_part.h): a member called so, and all of a weak map but its class. */
static bool is_weak(const struct walk *walk, const char *name)
{
    const struct hd_graph *graph = &walk->view->open->graph;
    struct hd_graph_text label = hd_graph_name(graph, graph->node_label[walk->view->node]);
    bool map = graph->node_type[walk->view->node] == HD_BT_T_DATA && label.data
               && (hd_fields_is(label, "weakmap") || hd_fields_is(label, "weakkeymap"));
    size_t first = strcspn(name, ".[");
    return map || (first > 5 && !memcmp(name + first - 5, "_weak", 5));
}

static void field_write(struct walk *walk, const char *name, struct hd_graph_text value, uint32_t node)
{
    uint64_t number = walk->count++;
    if (number < walk->request->offset || walk->shown >= walk->request->limit)
        return;
    fputs(walk->shown++ ? ",{\"name\":" : "{\"name\":", walk->file);
    hd_json_string(walk->file, name);
    fputs(",\"object\":", walk->file);
    if (node != HD_NODE_NONE) {
        fputs("{", walk->file);
        hd_open_json_node(walk->file, walk->view->open, node);
        fputs("}", walk->file);
    } else {
        fputs("null", walk->file);
    }
    fputs(",\"text\":", walk->file);
    bool shown = !walk->view->open->redacted || hd_fields_is(value, "null") || hd_fields_is(value, "true")
                 || hd_fields_is(value, "false");
    if (value.data && shown)
        literal_json(walk->file, value);
    else
        fputs("null", walk->file);
    fprintf(walk->file, ",\"weak\":%s}", is_weak(walk, name) ? "true" : "false");
}

/* Facts about the object and its code, not what the program put into it. */
static bool is_harmless(const char *name, struct hd_graph_text value)
{
    static const char *const names[] = {"type_name",     "iseq.name", "iseq.filename", "iseq.line", "iseq.type", "filename",
                                        "file",          "line",      "method",        "status",    "encoding",  "shape",
                                        "slot_size",     "capacity",  "age",           "generation", NULL};
    return hd_fields_is(value, "true") || hd_fields_is(value, "false")
           || is_one_of((struct hd_graph_text){name, strlen(name)}, names);
}

static void fact_write(struct walk *walk, const char *name, struct hd_graph_text value)
{
    if (walk->view->open->redacted && !is_harmless(name, value))
        return;
    if (walk->count++ >= FACTS_MAX)
        return;
    fputs(walk->shown++ ? ",{\"name\":" : "{\"name\":", walk->file);
    hd_json_string(walk->file, name);
    fputs(",\"value\":", walk->file);
    if (value.data[0] == '"')
        text_json(walk->file, "", value, "");
    else
        hd_json_text(walk->file, value);
    fputs("}", walk->file);
}

/* --- the walk --- */

/* Behind the first `length` bytes of the name: ".key", "[3]". Returns the new length. */
static size_t name_add(struct walk *walk, size_t length, struct hd_graph_text key, uint64_t index)
{
    struct hd_buffer text = {0};
    char number[32];
    if (key.data) {
        bool escaped = length > 0 && key.length > 1 && key.data[0] == '\\' && key.data[1] == '\\';
        if (length > 0)
            hd_buffer_append(&text, ".", 1);
        hd_fields_unescape(&text, escaped ? (struct hd_graph_text){key.data + 2, key.length - 2} : key);
    } else {
        int written = snprintf(number, sizeof number, "[%llu]", (unsigned long long)index);
        hd_buffer_append(&text, number, (size_t)written);
    }
    size_t room = sizeof walk->name - 1 - length, take = text.length < room ? text.length : room;
    for (size_t i = 0; i < take; i++) /* a name is a C string here */
        walk->name[length + i] = text.data[i] ? text.data[i] : '\x7f';
    walk->name[length + take] = '\0';
    hd_buffer_deinit(&text);
    return length + take;
}

/* A key that is the text of a String, whose id comes next among the inlined ones: see docs/format.md. */
static bool is_string_key(struct hd_graph_text key)
{
    return key.length == 0 || key.data[0] == '\\' || !strchr(":#-0123456789", key.data[0]);
}

/* A String that is written out. */
static bool is_string(struct hd_graph_text value)
{
    return value.length > 1 && value.data[0] == '"' && !(value.length > 2 && value.data[1] == ':');
}

static void value_walk(struct walk *walk, struct hd_graph_text value, size_t length)
{
    uint32_t node = is_string(value) ? inlined_next(walk) : node_of(walk, value);
    walk->name[length] = '\0';
    field_write(walk, walk->name, is_string(value) || node == HD_NODE_NONE ? value : (struct hd_graph_text){NULL, 0}, node);
}

static void inlined_skip(struct walk *walk)
{
    struct hd_graph_text key;
    if (!walk->lost)
        hd_fields_next(walk->inlined, &walk->inlined_at, &key);
}

/* A map or list of values. */
static void values_walk(struct walk *walk, struct hd_graph_text list, size_t length, bool hash)
{
    size_t at = 0;
    uint64_t index = walk->base;
    bool of_thread = walk->view->open->graph.node_type[walk->view->node] == HD_BT_T_DATA && length == sizeof "locals" - 1
                     && !memcmp(walk->name, "locals", length); /* Thread#[] takes any name */
    for (struct hd_graph_text key, value; (value = hd_fields_next(list, &at, &key)).data; index++) {
        if (hash && key.data && is_string_key(key))
            inlined_skip(walk);
        if (walk->count < walk->request->offset || walk->shown >= walk->request->limit) { /* there may be millions */
            walk->count++;
            if (is_string(value))
                inlined_skip(walk);
            continue;
        }
        bool hidden = walk->view->open->redacted && (hash || (of_thread && hd_redact_hides_thread_locals(walk->view->open)));
        value_walk(walk, value, name_add(walk, length, hidden ? (struct hd_graph_text){NULL, 0} : key, index));
    }
}

/* What else stands in the line: its references are fields, the rest is facts. */
static void other_walk(struct walk *walk, struct hd_graph_text value, size_t length, unsigned depth)
{
    bool list = value.length > 1 && (value.data[0] == '{' || value.data[0] == '[');
    uint32_t node = list ? HD_NODE_NONE : node_of(walk, value);
    walk->name[length] = '\0';
    if (!list && (node != HD_NODE_NONE) != walk->facts) {
        if (walk->facts)
            fact_write(walk, walk->name, value);
        else
            field_write(walk, walk->name, (struct hd_graph_text){NULL, 0}, node);
    }
    size_t at = 0;
    uint64_t index = 0;
    for (struct hd_graph_text key, item; list && depth < DEPTH_MAX && (item = hd_fields_next(value, &at, &key)).data;
         index++)
        other_walk(walk, item, name_add(walk, length, key, index), depth + 1);
}

static void line_walk(struct walk *walk, struct hd_graph_text line, bool facts)
{
    size_t at = 0;
    bool ours = walk->view->open->graph.head_name != HD_NAME_MASK;
    walk->facts = facts;
    walk->lost = false;
    walk->inlined = hd_fields_get(line, "inlined");
    walk->inlined_at = 0;
    for (struct hd_graph_text name, value; (value = hd_fields_next(line, &at, &name)).data;) {
        bool list = value.length > 1 && (value.data[0] == '{' || value.data[0] == '[');
        size_t length = name_add(walk, 0, name, 0);
        bool hash = walk->view->open->graph.node_type[walk->view->node] == HD_BT_T_HASH && hd_fields_is(name, "val");
        if (hd_fields_is(name, "frames")) /* strings are written out in there, too */
            walk->lost = true;
        if (list && holds_values(name) && !facts)
            values_walk(walk, value, length, hash);
        else if (!(list && holds_values(name)) && !is_told(name, value, ours))
            other_walk(walk, value, length, 0);
    }
}

/* A line by which the object goes on. */
static void part_walk(void *data, struct hd_graph_text object)
{
    struct walk *walk = data;
    walk->base = hd_readable_integer(hd_fields_get(object, "offset"));
    line_walk(walk, object, false);
    walk->base = 0;
}

/* --- fields by the graph alone --- */

static void edges_json(struct walk *walk)
{
    const struct hd_graph *graph = &walk->view->open->graph;
    uint64_t from = graph->edge_start[walk->view->node], to = graph->edge_start[walk->view->node + 1];
    for (uint64_t edge = from + walk->request->offset; edge < to && walk->shown < walk->request->limit; edge++) {
        struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
        fputs(walk->shown++ ? ",{\"name\":" : "{\"name\":", walk->file);
        hd_json_text(walk->file, name);
        fputs(",\"object\":{", walk->file);
        hd_open_json_node(walk->file, walk->view->open, graph->edge_to[edge]);
        fprintf(walk->file, "},\"text\":null,\"weak\":%s}", graph->edge_name[edge] & HD_NAME_WEAK ? "true" : "false");
    }
}

/*
 * Our lines tell all fields, those of a big collection the lines that follow it, too. Of other dumps there are references alone, and of ours
 * if the rest cannot be read: then `cut` says so.
 */
static void fields_json(struct walk *walk, struct hd_graph_text line)
{
    const struct hd_open *open = walk->view->open;
    const struct hd_graph *graph = &open->graph;
    uint32_t node = walk->view->node;
    uint64_t total = graph->edge_start[node + 1] - graph->edge_start[node];
    bool ours = line.data && graph->head_name != HD_NAME_MASK, cut = false;
    fprintf(walk->file, ",\"fields\":{\"offset\":%llu,\"rows\":[", (unsigned long long)walk->request->offset);
    walk->count = walk->shown = 0;
    if (ours) {
        line_walk(walk, line, false);
        struct hd_error err;
        if (walk->count >= LINE_ELEMENTS || line.length > LINE_BYTES)
            cut = !hd_readable_rest(open->dump, graph->node_line[node], graph->node_address[node], part_walk, walk, &err);
        total = !cut || walk->count > total ? walk->count : total;
    }
    if (!ours || (cut && walk->request->offset >= walk->count))
        edges_json(walk);
    fprintf(walk->file, "],\"total\":%llu,\"cut\":%s}", (unsigned long long)total, cut ? "true" : "false");
}

/* --- contents and place --- */

static void string_json(FILE *file, struct hd_graph_text value, bool *cut)
{
    struct hd_buffer text = {0};
    hd_fields_unescape(&text, value);
    *cut = text.length > CONTENTS_MAX;
    size_t before = hd_json_limit(CONTENTS_MAX);
    hd_json_text(file, (struct hd_graph_text){text.data ? text.data : "", text.length});
    hd_json_limit(before);
    hd_buffer_deinit(&text);
}

/* Nothing but the letters of base64 gets through, a whole number of groups of four. */
static void base64_json(FILE *file, struct hd_graph_text value, bool *cut)
{
    size_t end = value.length;
    *cut = value.length > CONTENTS_MAX / 3 * 4;
    if (*cut)
        end = CONTENTS_MAX / 3 * 4 + 1;
    fputc('"', file);
    for (size_t i = 1; i < end; i++)
        if ((value.data[i] >= '0' && value.data[i] <= '9') || ((value.data[i] | 0x20) >= 'a' && (value.data[i] | 0x20) <= 'z')
            || strchr("+/=", value.data[i]))
            fputc(value.data[i], file);
    fputc('"', file);
}

static void contents_json(FILE *file, const struct hd_view_object *view, struct hd_graph_text line)
{
    struct hd_graph_text text = hd_fields_get(line, "val"), base64 = hd_fields_get(line, "val_base64"),
                         hash = hd_fields_get(line, "val_hash"), bytesize = hd_fields_get(line, "bytesize"),
                         encoding = hd_fields_get(line, "encoding");
    uint8_t type = view->open->graph.node_type[view->node];
    bool cut = false, has = type == HD_BT_T_STRING || type == HD_BT_T_SYMBOL || type == HD_BT_T_REGEXP || type == HD_BT_T_BIGNUM;
    if (!text.data)
        text = hd_fields_get(line, "value"); /* ObjectSpace's */
    bool is_text = text.data && text.data[0] == '"' && !view->open->redacted;
    if (view->open->redacted)
        base64.data = hash.data = NULL;
    fputs(",\"contents\":", file);
    if (!has && !base64.data && !hash.data) {
        fputs("null", file);
        return;
    }
    fprintf(file, "{\"form\":\"%s\"", is_text ? "text" : base64.data ? "base64" : hash.data ? "hash" : "unknown");
    if (is_text) {
        fputs(",\"text\":", file);
        string_json(file, text, &cut);
    } else if (base64.data) {
        fputs(",\"base64\":", file);
        base64_json(file, base64, &cut);
    } else if (hash.data) {
        fputs(",\"hash\":", file);
        text_json(file, "", hash, "");
    }
    bool number = bytesize.data && strspn(bytesize.data, "0123456789") >= bytesize.length;
    fprintf(file, ",\"bytesize\":%.*s", number ? (int)bytesize.length : 4, number ? bytesize.data : "null");
    cut = cut || hd_fields_is(hd_fields_get(line, "truncated"), "true");
    fprintf(file, ",\"truncated\":%s,\"encoding\":", cut ? "true" : "false");
    if (encoding.data && encoding.data[0] == '"')
        text_json(file, "", encoding, "");
    else
        fputs("null", file);
    fputs("}", file);
}

static bool place_json(FILE *file, struct hd_graph_text object, const char *file_field, bool allocated)
{
    struct hd_graph_text name = hd_fields_get(object, file_field), number = hd_fields_get(object, "line"),
                         method = hd_fields_get(object, allocated ? "method" : "name");
    if (!name.data || name.data[0] != '"')
        return false;
    fputs("{\"file\":", file);
    text_json(file, "", name, "");
    bool digits = number.length > 0 && strspn(number.data, "0123456789") >= number.length;
    fprintf(file, ",\"line\":%.*s,\"method\":", digits ? (int)number.length : 4, digits ? number.data : "null");
    if (method.data && method.data[0] == '"')
        text_json(file, "", method, "");
    else
        fputs("null", file);
    fprintf(file, ",\"allocated\":%s}", allocated ? "true" : "false");
    return true;
}

static void source_json(FILE *file, struct hd_graph_text line)
{
    struct hd_graph_text iseq = hd_fields_get(line, "iseq");
    bool code = iseq.data && iseq.data[0] == '{';
    fputs(",\"source\":", file);
    if (!place_json(file, line, "file", true) && !(code && place_json(file, iseq, "filename", false))
        && !place_json(file, line, "filename", false))
        fputs("null", file);
}

void hd_profile_json_line(FILE *file, const struct hd_view_object *view, const struct hd_profile_request *request)
{
    struct hd_graph_text line = {view->line, view->line_length};
    struct walk walk = {.file = file, .view = view, .request = request};
    if (line.data) {
        fputs(",\"facts\":[", file);
        line_walk(&walk, line, true);
        fputs("]", file);
        contents_json(file, view, line);
        source_json(file, line);
    } else {
        fputs(",\"line_error\":", file);
        hd_json_string(file, view->line_err.text);
        fputs(",\"facts\":[],\"contents\":null,\"source\":null", file);
    }
    fields_json(&walk, line);
}
