/* `heap_dump threads`: what is every thread doing, and what do its local variables hold? */
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/table.h"
#include "graph/fields.h"
#include "view/threads.h"

#include <string.h>

struct request {
    const char *path;
    unsigned long limit;
    bool brief, json;
};

static void append(struct hd_buffer *out, const char *text)
{
    hd_buffer_append(out, text, strlen(text));
}

/* As Ruby writes it. */
static void literal_append(struct hd_buffer *out, struct hd_graph_text value)
{
    if (hd_fields_is(value, "null"))
        append(out, "nil");
    else if (hd_fields_is(value, "{\"undef\":true}"))
        append(out, "(not assigned yet)");
    else
        hd_buffer_append(out, value.data, value.length);
}

/* Of the value: its class and what is in it, or what stands there itself. */
static void value_add(struct hd_table *table, const struct hd_view_threads *view, const struct hd_stacks_variable *variable)
{
    struct hd_buffer text = {0};
    char title[HD_OPEN_TITLE];
    if (variable->node == HD_NODE_NONE) {
        literal_append(&text, variable->value);
    } else {
        const char *description = hd_describe_get(&view->descriptions, variable->node);
        append(&text, hd_open_title(title, view->open, variable->node));
        append(&text, *description ? " " : "");
        append(&text, description);
    }
    hd_table_add(table, text.data ? text.data : "", text.length);
    hd_buffer_deinit(&text);
}

static void variable_add(struct hd_table *table, const struct hd_view_threads *view, const struct hd_stacks_variable *variable)
{
    struct hd_buffer name = {0};
    char id[HD_TABLE_NUMBER] = "";
    hd_fields_unescape(&name, variable->name);
    hd_table_add(table, name.data ? name.data : "", name.length);
    if (variable->node == HD_NODE_NONE) {
        hd_table_add_string(table, "");
    } else {
        hd_table_add_bytes(table, view->open->dominators.retained[variable->node]);
        snprintf(id, sizeof id, "0x%llx", (unsigned long long)view->open->graph.node_address[variable->node]);
    }
    hd_table_add_string(table, id);
    value_add(table, view, variable);
    hd_buffer_deinit(&name);
}

static void variables_print(const struct hd_view_threads *view, const struct hd_stacks_variable *list, uint32_t count)
{
    static const struct hd_table_column columns[] = {{"", false, true}, {"", true, false}, {"", false, false}, {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 4, .margin = 9, .headless = true};
    for (uint32_t i = 0; i < count; i++)
        variable_add(&table, view, &list[i]);
    if (count)
        hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

/* A gem's file from the gem's name on, Ruby's own from where its library begins: what stands before is the same for all. */
static void file_append(struct hd_buffer *out, struct hd_graph_text file)
{
    static const char *const roots[] = {"/gems/", "/lib/ruby/"};
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++) {
        size_t length = strlen(roots[i]);
        for (size_t at = file.length; at-- > 0;)
            if (file.length - at > length && !memcmp(file.data + at, roots[i], length)) {
                hd_fields_unescape(out, (struct hd_graph_text){file.data + at + length, file.length - at - length});
                return;
            }
    }
    hd_fields_unescape(out, file);
}

static void frame_print(const struct hd_view_threads *view, const struct hd_stacks_frame *frame, uint32_t number, bool brief)
{
    struct hd_buffer line = {0};
    char text[HD_TABLE_NUMBER];
    snprintf(text, sizeof text, "%3u  ", number);
    append(&line, text);
    if (frame->file.data) {
        file_append(&line, frame->file);
        snprintf(text, sizeof text, ":%llu", (unsigned long long)frame->line);
        append(&line, text);
    }
    append(&line, frame->file.data ? " in " : "in ");
    hd_stacks_frame_name(&line, frame);
    append(&line, frame->native ? " (C)" : "");
    hd_table_line(stdout, line.data ? line.data : "", line.length, 2);
    hd_buffer_deinit(&line);
    if (!brief)
        variables_print(view, frame->locals, frame->local_count);
}

static void heading_print(const struct hd_view_threads *view, const struct hd_stacks_thread *thread)
{
    struct hd_buffer line = {0};
    char text[HD_OPEN_TITLE], bytes[HD_TABLE_NUMBER];
    append(&line, thread->fiber ? "Fiber" : "Thread");
    if (thread->name.data) {
        append(&line, " \"");
        hd_fields_unescape(&line, thread->name);
        append(&line, "\"");
    }
    snprintf(text, sizeof text, "  0x%llx  ", (unsigned long long)view->open->graph.node_address[thread->node]);
    append(&line, text);
    hd_fields_unescape(&line, thread->status);
    snprintf(text, sizeof text, ", retains %s", hd_table_bytes(bytes, view->open->dominators.retained[thread->node]));
    append(&line, text);
    hd_table_strong(stdout, true);
    hd_table_line(stdout, line.data ? line.data : "", line.length, 0);
    hd_table_strong(stdout, false);
    hd_buffer_deinit(&line);
}

static void thread_print(const struct request *request, const struct hd_view_threads *view, const struct hd_stacks_thread *thread)
{
    char number[HD_TABLE_NUMBER];
    heading_print(view, thread);
    if (thread->variable_count) {
        printf("       %s-local variables\n", thread->fiber ? "fiber" : "thread");
        variables_print(view, thread->variables, thread->variable_count);
    }
    bool all = request->limit == 0 || request->limit >= thread->frame_count;
    uint32_t shown = all ? thread->frame_count : (uint32_t)request->limit;
    for (uint32_t i = 0; i < shown; i++)
        frame_print(view, &thread->frames[i], i, request->brief);
    if (shown < thread->frame_count)
        printf("  … %s more frames (--limit 0 prints all)\n", hd_table_count(number, thread->frame_count - shown));
    if (thread->cut)
        printf("  … and more, which are in a further line of the dump\n");
    printf("\n");
}

static bool is_thread(const struct hd_view_threads *view, uint32_t node)
{
    for (uint32_t i = 0; i < view->stacks.thread_count; i++)
        if (view->stacks.threads[i].node == node)
            return true;
    return false;
}

/* The variable that retains most, but for other threads, which are listed anyway: where to look next. */
static uint32_t greatest(const struct hd_view_threads *view)
{
    uint32_t found = HD_NODE_NONE;
    const uint64_t *retained = view->open->dominators.retained;
    for (uint32_t i = 0; i < view->stacks.thread_count; i++) {
        const struct hd_stacks_thread *thread = &view->stacks.threads[i];
        for (uint32_t f = 0; f <= thread->frame_count; f++) {
            bool own = f == thread->frame_count;
            const struct hd_stacks_variable *list = own ? thread->variables : thread->frames[f].locals;
            for (uint32_t k = 0; k < (own ? thread->variable_count : thread->frames[f].local_count); k++)
                if (list[k].node != HD_NODE_NONE && !is_thread(view, list[k].node) && (found == HD_NODE_NONE || retained[list[k].node] > retained[found]))
                    found = list[k].node;
        }
    }
    return found;
}

static void print_text(const struct request *request, const struct hd_view_threads *view)
{
    for (uint32_t i = 0; i < view->stacks.thread_count; i++)
        thread_print(request, view, &view->stacks.threads[i]);
    if (!view->stacks.thread_count)
        printf("No thread's frames are in this dump%s.\n", view->open->graph.unnamed
                   ? ": ObjectSpace does not write them, `HeapDump.dump` does" : "");
    uint32_t node = greatest(view);
    if (node == HD_NODE_NONE) {
        hd_open_next(stdout, view->open, "summary", "");
        return;
    }
    char id[HD_TABLE_NUMBER];
    snprintf(id, sizeof id, "0x%llx", (unsigned long long)view->open->graph.node_address[node]);
    hd_open_next(stdout, view->open, "show", id);
}

static int threads(const struct request *request)
{
    struct hd_open open;
    struct hd_view_threads view = {0};
    struct hd_error err = {0};
    if (!hd_open_read_for(&open, request->path, HD_INDEX_SUMS, &err))
        return hd_open_fail("threads", request->json, &err);
    bool done = hd_view_threads_open(&open, &err) && hd_view_threads_make(&view, &open, &err);
    if (done && request->json) {
        hd_view_threads_json(stdout, &view, &(struct hd_view_threads_most){0});
    } else if (done) {
        hd_open_warn(&open, "threads");
        print_text(request, &view);
    }
    hd_view_threads_free(&view);
    hd_open_close(&open);
    return done ? 0 : hd_open_fail("threads", request->json, &err);
}

static int run(int argc, char **argv)
{
    struct request request = {.limit = 30};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_threads, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'l')
            request.limit = hd_call_count(&call);
        else if (letter == 'b')
            request.brief = true;
        else
            request.json = true;
    }
    if (!hd_call_operands(&call))
        return call.status;
    request.path = call.operand[0];
    return threads(&request);
}

static const struct hd_option options[] = {
    {'b', "brief", NULL, "frames without their local variables", NULL, NULL},
    {'l', "limit", "N", "frames of each thread (30); 0 for all", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_threads = {
    .name = "threads",
    .run = run,
    .kept = true,
    .summary = "what every thread is doing, and what its local variables hold",
    .about = "Prints the frames of every thread, and of fibers that are waiting, the newest first, with their local variables "
             "and what each of these retains. Threads that retain most come first.",
    .operands = {{"FILE", "a file", HD_OPERAND_DUMP, false, false, NULL}},
    .options = options,
    .notes = "A variable retains what would be freed if its object went: an object that something else keeps alive, too, "
             "retains itself all the same, but nothing would be freed if only the variable went. A dump of ObjectSpace has "
             "no frames. The dump is read twice, so not from -.",
    .statuses = HD_OPEN_STATUSES};
