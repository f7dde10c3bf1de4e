/* See threads.h. */
#include "view/threads.h"

#include "dump/json_reader.h"
#include "graph/fields.h"
#include "graph/index_point.h"
#include "view/json.h"
#include "view/redact.h"

#include <stdlib.h>

struct nodes {
    uint32_t *list;
    uint32_t count, capacity;
    bool failed;
};

static void node_add(struct nodes *nodes, uint32_t node)
{
    if (node == HD_NODE_NONE || node == HD_NODE_ROOT || nodes->failed)
        return;
    if (nodes->count == nodes->capacity) {
        uint32_t capacity = nodes->capacity ? nodes->capacity * 2 : 256;
        uint32_t *grown = realloc(nodes->list, capacity * sizeof *grown);
        nodes->failed = !grown;
        if (!grown)
            return;
        nodes->list = grown;
        nodes->capacity = capacity;
    }
    nodes->list[nodes->count++] = node;
}

static int by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return (a > b) - (a < b);
}

static bool values_describe(struct hd_view_threads *view, struct hd_error *err)
{
    struct nodes nodes = {0};
    for (uint32_t i = 0; i < view->stacks.thread_count; i++) {
        const struct hd_stacks_thread *thread = &view->stacks.threads[i];
        for (uint32_t k = 0; k < thread->variable_count; k++)
            node_add(&nodes, thread->variables[k].node);
        for (uint32_t f = 0; f < thread->frame_count; f++)
            for (uint32_t k = 0; k < thread->frames[f].local_count; k++)
                node_add(&nodes, thread->frames[f].locals[k].node);
    }
    if (nodes.count)
        qsort(nodes.list, nodes.count, sizeof *nodes.list, by_number);
    uint32_t different = 0;
    for (uint32_t i = 0; i < nodes.count; i++)
        if (i == 0 || nodes.list[i] != nodes.list[i - 1])
            nodes.list[different++] = nodes.list[i];
    bool done = nodes.failed ? hd_error_set(err, HD_ERROR_MEMORY, "out of memory")
                             : hd_describe_create(&view->descriptions, view->open, nodes.list, different, err);
    free(nodes.list);
    return done;
}

/* ---- which part of a dump is opened ---- */

enum { PART_MAX = 20000 }; /* more are not cut out */

/* The object, and all that it refers to. */
static bool add_with_references(struct nodes *nodes, struct hd_index *index, uint32_t node)
{
    struct hd_index_node here;
    if (!hd_index_node(index, node, &here))
        return false;
    if (here.type != HD_BT_T_DATA)
        return true;
    uint64_t count = here.end_edge - here.first_edge;
    const uint32_t *end = count && count <= PART_MAX ? hd_index_edge_ends(index, here.first_edge, count) : NULL;
    node_add(nodes, node);
    for (uint64_t i = 0; end && i < count; i++)
        node_add(nodes, end[i]);
    return (end || !count) && !nodes->failed && nodes->count <= PART_MAX;
}

static bool add_labelled(struct nodes *nodes, struct hd_index *index, uint32_t label)
{
    uint32_t *list = malloc(PART_MAX * sizeof *list);
    uint64_t count = 0;
    bool ok = list && hd_index_labelled(index, label, list, PART_MAX, &count) && count <= PART_MAX;
    for (uint64_t i = 0; ok && i < count; i++)
        ok = add_with_references(nodes, index, list[i]);
    free(list);
    return ok;
}

bool hd_view_threads_open(struct hd_open *open, struct hd_error *err)
{
    struct nodes nodes = {0};
    bool cut = open->index && !open->graph.node_address;
    for (uint32_t name = 0; cut && name < open->graph.name_count; name++) {
        struct hd_graph_text text = hd_graph_name(&open->graph, name);
        if (hd_fields_is(text, "VM/thread") || hd_fields_is(text, "fiber"))
            cut = add_labelled(&nodes, open->index, name);
    }
    cut = cut && hd_open_several(open, hd_excerpt_nodes, nodes.list, nodes.count);
    free(nodes.list);
    return cut || hd_open_whole(open, HD_INDEX_NODES, err);
}

bool hd_view_threads_make(struct hd_view_threads *view, struct hd_open *open, struct hd_error *err)
{
    *view = (struct hd_view_threads){.open = open};
    return hd_stacks_create(&view->stacks, open->dump, &open->graph, open->dominators.retained, err)
           && values_describe(view, err);
}

void hd_view_threads_free(struct hd_view_threads *view)
{
    hd_describe_destroy(&view->descriptions);
    hd_stacks_destroy(&view->stacks);
}

static void json_text(FILE *file, struct hd_graph_text text)
{
    struct hd_buffer plain = {0};
    hd_fields_unescape(&plain, text);
    hd_json_text(file, (struct hd_graph_text){plain.data ? plain.data : "", plain.length});
    hd_buffer_deinit(&plain);
}

/* Not what the program put there. */
static bool tells_nothing(struct hd_graph_text value)
{
    return hd_fields_is(value, "null") || hd_fields_is(value, "true") || hd_fields_is(value, "false")
           || hd_fields_is(value, "{\"undef\":true}");
}

/* `nameless`: its name is a content, too. */
static void json_variable(FILE *file, const struct hd_view_threads *view, const struct hd_stacks_variable *variable, bool nameless)
{
    fputs("{\"name\":", file);
    if (nameless)
        hd_json_string(file, "…");
    else
        json_text(file, variable->name);
    if (variable->node != HD_NODE_NONE) {
        fputs(",", file);
        hd_open_json_node(file, view->open, variable->node);
        fputs(",\"description\":", file);
        hd_json_string(file, hd_describe_get(&view->descriptions, variable->node));
    } else {
        bool shown = !view->open->redacted || tells_nothing(variable->value);
        fputs(",\"value\":", file);
        hd_json_text(file, shown ? variable->value : (struct hd_graph_text){"…", sizeof "…" - 1});
    }
    fputs("}", file);
}

static uint32_t most_of(uint32_t count, uint32_t most)
{
    return most > 0 && count > most ? most : count;
}

static void json_variables(FILE *file, const struct hd_view_threads *view, const char *name,
                           const struct hd_stacks_variable *list, uint32_t count, uint32_t most, bool nameless)
{
    fprintf(file, ",\"%s\":[", name);
    for (uint32_t i = 0; i < most_of(count, most); i++) {
        fputs(i ? "," : "", file);
        json_variable(file, view, &list[i], nameless);
    }
    fputs("]", file);
    if (most_of(count, most) < count)
        fprintf(file, ",\"more_%s\":%u", name, count - most);
}

static void json_frame(FILE *file, const struct hd_view_threads *view, const struct hd_stacks_frame *frame, uint32_t most)
{
    struct hd_buffer name = {0};
    hd_stacks_frame_name(&name, frame);
    fputs("{\"name\":", file);
    hd_json_text(file, (struct hd_graph_text){name.data ? name.data : "", name.length});
    hd_buffer_deinit(&name);
    fputs(",\"method\":", file);
    json_text(file, frame->method);
    if (frame->file.data) {
        fputs(",\"file\":", file);
        json_text(file, frame->file);
        fprintf(file, ",\"line\":%llu", (unsigned long long)frame->line);
    }
    fprintf(file, ",\"cfunc\":%s,\"self\":", frame->native ? "true" : "false");
    json_variable(file, view, &frame->self, false);
    json_variables(file, view, "locals", frame->locals, frame->local_count, most, false);
    fputs("}", file);
}

static void json_thread(FILE *file, const struct hd_view_threads *view, const struct hd_stacks_thread *thread,
                        const struct hd_view_threads_most *most)
{
    fputs("{", file);
    hd_open_json_node(file, view->open, thread->node);
    fprintf(file, ",\"fiber\":%s,\"status\":", thread->fiber ? "true" : "false");
    json_text(file, thread->status);
    if (thread->name.data && !view->open->redacted) {
        fputs(",\"name\":", file);
        json_text(file, thread->name);
    }
    json_variables(file, view, "variables", thread->variables, thread->variable_count, most->variables, hd_redact_hides_thread_locals(view->open));
    fprintf(file, ",\"cut\":%s,\"frames\":[", thread->cut ? "true" : "false");
    uint32_t frames = most_of(thread->frame_count, most->frames);
    for (uint32_t f = 0; f < frames; f++) {
        fputs(f ? "," : "", file);
        json_frame(file, view, &thread->frames[f], most->variables);
    }
    fputs("]", file);
    if (frames < thread->frame_count)
        fprintf(file, ",\"more_frames\":%u", thread->frame_count - frames);
    fputs("}", file);
}

void hd_view_threads_json(FILE *file, const struct hd_view_threads *view, const struct hd_view_threads_most *most)
{
    uint32_t threads = most_of(view->stacks.thread_count, most->threads);
    fputs("{", file);
    hd_open_json_head(file, view->open);
    fputs(",\"threads\":[", file);
    for (uint32_t i = 0; i < threads; i++) {
        fputs(i ? "," : "", file);
        json_thread(file, view, &view->stacks.threads[i], most);
    }
    fputs("]", file);
    if (threads < view->stacks.thread_count)
        fprintf(file, ",\"more_threads\":%u", view->stacks.thread_count - threads);
    fputs("}\n", file);
}
