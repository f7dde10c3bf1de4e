/* See stacks.h. */
#define _GNU_SOURCE
#include "graph/stacks.h"

#include "dump/json_reader.h"
#include "graph/fields.h"
#include "graph/second_pass.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct reading {
    struct hd_stacks *stacks;
    const struct hd_graph *graph;
    const uint64_t *retained;
    uint32_t capacity;
    pthread_mutex_t lock; /* the lines come from several threads */
};

static struct hd_graph_text text_of(struct hd_graph_text object, const char *field)
{
    struct hd_graph_text value = hd_fields_get(object, field);
    if (!value.data || value.length < 2 || value.data[0] != '"')
        return (struct hd_graph_text){NULL, 0};
    return (struct hd_graph_text){value.data + 1, value.length - 2};
}

static uint64_t number_of(struct hd_graph_text value)
{
    uint64_t number = 0;
    for (size_t i = 0; i < value.length && value.data[i] >= '0' && value.data[i] <= '9' && number < UINT64_MAX / 16; i++)
        number = number * 10 + (uint64_t)(value.data[i] - '0');
    return number;
}

static struct hd_stacks_variable variable_of(const struct hd_graph *graph, struct hd_graph_text name, struct hd_graph_text value)
{
    bool digits = value.length && value.data[0] >= '0' && value.data[0] <= '9';
    for (size_t i = 0; digits && i < value.length; i++)
        digits = value.data[i] >= '0' && value.data[i] <= '9';
    return (struct hd_stacks_variable){name, value, digits ? hd_graph_find(graph, number_of(value)) : HD_NODE_NONE};
}

static uint32_t elements(struct hd_graph_text list)
{
    struct hd_graph_text key;
    uint32_t count = 0;
    for (size_t at = 0; hd_fields_next(list, &at, &key).data;)
        count++;
    return count;
}

/* Room for one more than the map has, so that nobody asks for nothing. */
static struct hd_stacks_variable *variables_read(struct reading *reading, struct hd_graph_text map, uint32_t *count)
{
    uint32_t most = map.data && map.data[0] == '{' ? elements(map) : 0;
    struct hd_stacks_variable *list = hd_arena_alloc(&reading->stacks->arena, (size_t)most + 1, sizeof *list);
    struct hd_graph_text key, value;
    *count = 0;
    for (size_t at = 0; list && *count < most && (value = hd_fields_next(map, &at, &key)).data;)
        list[(*count)++] = variable_of(reading->graph, key, value);
    return list;
}

static bool frame_read(struct reading *reading, struct hd_graph_text object, struct hd_stacks_frame *frame)
{
    struct hd_graph_text self = hd_fields_get(object, "self");
    frame->method = text_of(object, "method");
    frame->label = text_of(object, "label");
    frame->file = text_of(object, "file");
    frame->line = number_of(hd_fields_get(object, "line"));
    frame->native = hd_fields_is(hd_fields_get(object, "cfunc"), "true");
    frame->self = variable_of(reading->graph, (struct hd_graph_text){"self", 4}, self.data ? self : (struct hd_graph_text){"", 0});
    frame->locals = variables_read(reading, hd_fields_get(object, "locals"), &frame->local_count);
    return frame->locals != NULL;
}

static bool frames_read(struct reading *reading, struct hd_graph_text list, struct hd_stacks_thread *thread)
{
    uint32_t most = list.data && list.data[0] == '[' ? elements(list) : 0;
    struct hd_graph_text key, value;
    thread->frames = hd_arena_alloc(&reading->stacks->arena, (size_t)most + 1, sizeof *thread->frames);
    bool ok = thread->frames != NULL;
    for (size_t at = 0; ok && thread->frame_count < most && (value = hd_fields_next(list, &at, &key)).data;)
        ok = frame_read(reading, value, &thread->frames[thread->frame_count++]);
    thread->cut = most >= 65536; /* docs/format.md, "Big values": the rest is in a further line */
    return ok;
}

static bool thread_read(struct reading *reading, uint32_t node, struct hd_graph_text line, bool fiber)
{
    struct hd_stacks *stacks = reading->stacks;
    struct hd_stacks_thread thread = {.node = node, .fiber = fiber};
    thread.status = text_of(line, "status");
    if (fiber && hd_fields_is(thread.status, "resumed"))
        return true;
    thread.name = text_of(line, "name");
    thread.variables = variables_read(reading, hd_fields_get(line, "locals"), &thread.variable_count);
    if (!thread.variables || !frames_read(reading, hd_fields_get(line, "frames"), &thread))
        return false;
    if (fiber && !thread.frame_count)
        return true; /* ended, or never begun */
    if (stacks->thread_count == reading->capacity) {
        uint32_t capacity = reading->capacity ? reading->capacity * 2 : 16;
        struct hd_stacks_thread *grown = realloc(stacks->threads, capacity * sizeof *grown);
        if (!grown)
            return false;
        stacks->threads = grown;
        reading->capacity = capacity;
    }
    stacks->threads[stacks->thread_count++] = thread;
    return true;
}

static bool visit(void *data, unsigned worker, uint32_t node, struct hd_graph_text object, struct hd_error *err)
{
    struct reading *reading = data;
    struct hd_graph_text type = text_of(object, "type_name");
    bool fiber = hd_fields_is(type, "fiber");
    (void)worker;
    if (!fiber && !hd_fields_is(type, "VM/thread"))
        return true;
    pthread_mutex_lock(&reading->lock);
    char *copy = hd_arena_alloc(&reading->stacks->arena, object.length + 1, 1);
    bool ok = copy != NULL;
    if (ok) {
        memcpy(copy, object.data, object.length);
        ok = thread_read(reading, node, (struct hd_graph_text){copy, object.length}, fiber);
    }
    pthread_mutex_unlock(&reading->lock);
    return ok || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

static int by_retained(const void *left, const void *right, void *data)
{
    const struct hd_stacks_thread *a = left, *b = right;
    const uint64_t *retained = data;
    if (a->fiber != b->fiber)
        return a->fiber - b->fiber;
    if (retained[a->node] != retained[b->node])
        return retained[a->node] < retained[b->node] ? 1 : -1;
    return (a->node > b->node) - (a->node < b->node);
}

static bool label_is(const struct hd_graph *graph, uint32_t node, const char *name)
{
    return graph->node_label[node] != HD_NAME_MASK && hd_fields_is(hd_graph_name(graph, graph->node_label[node]), name);
}

bool hd_stacks_create(struct hd_stacks *stacks, const char *path, const struct hd_graph *graph, const uint64_t *retained,
                      struct hd_error *err)
{
    struct reading reading = {.stacks = stacks, .graph = graph, .retained = retained, .lock = PTHREAD_MUTEX_INITIALIZER};
    uint8_t *wanted = calloc((size_t)graph->node_count + 1, 1);
    *stacks = (struct hd_stacks){0};
    bool ok = wanted || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t node = 1; ok && node < graph->node_count; node++)
        wanted[node] = graph->node_type[node] == HD_BT_T_DATA
                       && (label_is(graph, node, "VM/thread") || label_is(graph, node, "fiber"));
    ok = ok && hd_second_pass(path, graph, wanted, visit, &reading, err);
    free(wanted);
    if (ok && stacks->thread_count)
        qsort_r(stacks->threads, stacks->thread_count, sizeof *stacks->threads, by_retained, (void *)(uintptr_t)retained);
    if (!ok)
        hd_stacks_destroy(stacks);
    return ok;
}

void hd_stacks_destroy(struct hd_stacks *stacks)
{
    free(stacks->threads);
    hd_arena_deinit(&stacks->arena);
    *stacks = (struct hd_stacks){0};
}

void hd_stacks_frame_name(struct hd_buffer *out, const struct hd_stacks_frame *frame)
{
    /* Ruby's label says "block in index", the method says whose it is */
    const char *in = frame->label.data ? memmem(frame->label.data, frame->label.length, " in ", 4) : NULL;
    bool owned = frame->method.data && (memchr(frame->method.data, '#', frame->method.length)
                                        || memchr(frame->method.data, '.', frame->method.length));
    if (in && owned)
        hd_fields_unescape(out, (struct hd_graph_text){frame->label.data, (size_t)(in - frame->label.data) + 4});
    hd_fields_unescape(out, frame->method.data ? frame->method : frame->label);
}
