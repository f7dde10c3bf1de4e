/*
 * The tables `threads`, `frames`, `locals` and `thread_locals`: from the lines of threads and fibers (graph/stacks.h).
 *
 * Owns what each column says. A row is a thread, a frame of one, or a variable of one of these; each table walks the same three
 * levels as deep as it has to. Frames are counted from the newest, 0.
 */
#include "store/sql_table.h"

#include "graph/fields.h"

#include <string.h>

struct stacks {
    struct hd_sql_cursor base;
    uint32_t thread, frame, variable; /* the row */
    uint32_t thread_end;
    uint32_t frame_end; /* of the one frame that is asked for; HD_NODE_NONE: all */
};

static const struct hd_stacks_thread *thread_of(const struct stacks *cursor)
{
    return &cursor->base.heap->stacks.threads[cursor->thread];
}

static const struct hd_stacks_frame *frame_of(const struct stacks *cursor)
{
    return &thread_of(cursor)->frames[cursor->frame];
}

static void result_words(sqlite3_context *context, struct hd_sql_cursor *cursor, struct hd_graph_text words)
{
    if (!words.data)
        return;
    cursor->scratch.length = 0;
    hd_fields_unescape(&cursor->scratch, words);
    if (cursor->scratch.failed)
        sqlite3_result_error_nomem(context);
    else
        sqlite3_result_text64(context, cursor->scratch.data ? cursor->scratch.data : "", cursor->scratch.length,
                              SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* What a variable holds, if it is no object of its own. */
static void result_value(sqlite3_context *context, struct hd_sql_cursor *cursor, const struct hd_stacks_variable *variable)
{
    if (variable->node == HD_NODE_NONE && variable->value.length)
        hd_sql_result_json(context, &cursor->scratch, variable->value);
}

/* Where the walk begins: at all threads, or at that of the plan. */
static bool begin(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct stacks *cursor = (struct stacks *)base;
    if (!hd_sql_heap_stacks(base->heap))
        return false;
    cursor->thread = cursor->frame = cursor->variable = 0;
    cursor->thread_end = base->heap->stacks.thread_count;
    cursor->frame_end = HD_NODE_NONE;
    if (plan->key == HD_SQL_SCAN)
        return true;
    uint32_t thread = hd_sql_heap_thread(base->heap, hd_sql_value_node(base->heap, plan->value, false));
    int64_t depth = 0;
    bool found = thread != HD_NODE_NONE && (!plan->also || (hd_sql_value_integer(plan->also, &depth) && depth >= 0
                                                            && depth < HD_NODE_NONE));
    cursor->thread = found ? thread : 0;
    cursor->thread_end = found ? thread + 1 : 0;
    if (plan->also) {
        cursor->frame = (uint32_t)depth;
        cursor->frame_end = (uint32_t)depth + 1;
    }
    return true;
}

static int64_t rowid(struct hd_sql_cursor *base)
{
    const struct stacks *cursor = (struct stacks *)base;
    return (int64_t)(((uint64_t)cursor->thread << 44) + ((uint64_t)cursor->frame << 20) + cursor->variable);
}

enum { BY_THREAD };

/* --- threads --- */

enum { T_ID, T_NAME, T_STATUS, T_FIBER, T_FRAMES, T_RETAINED };

static const struct hd_sql_column thread_columns[] = {
    [T_ID] = {"id", "INTEGER", "the Thread or Fiber"},
    [T_NAME] = {"name", "TEXT", "line: if it has one"},
    [T_STATUS] = {"status", "TEXT", "line: runnable, stopped, …; a fiber's: suspended, created"},
    [T_FIBER] = {"fiber", "INTEGER", "line: 1 for a fiber that does not run; a running one's frames are its thread's"},
    [T_FRAMES] = {"frames", "INTEGER", "line: how many it has"},
    [T_RETAINED] = {"retained", "INTEGER", "bytes that would go with it"},
    {NULL, NULL, NULL}};

static bool threads_filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    struct stacks *cursor = (struct stacks *)base;
    bool ok = begin(base, plan);
    base->end = !ok || cursor->thread >= cursor->thread_end;
    return ok;
}

static bool threads_next(struct hd_sql_cursor *base)
{
    struct stacks *cursor = (struct stacks *)base;
    base->end = ++cursor->thread >= cursor->thread_end;
    return true;
}

static bool threads_column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    const struct hd_stacks_thread *thread = thread_of((struct stacks *)base);
    const struct hd_sql_source *source = &base->heap->source;
    switch (column) {
    case T_ID:
        hd_sql_result_id(context, source->graph, thread->node);
        break;
    case T_NAME:
        result_words(context, base, thread->name);
        break;
    case T_STATUS:
        result_words(context, base, thread->status);
        break;
    case T_FIBER:
        sqlite3_result_int(context, thread->fiber);
        break;
    case T_FRAMES:
        sqlite3_result_int64(context, thread->frame_count);
        break;
    default:
        hd_sql_result_bytes(context, source->dominators->retained[thread->node]);
    }
    return true;
}

const struct hd_sql_table hd_sql_threads = {
    .about = {"threads", "every thread, and fibers that do not run", NULL, thread_columns},
    .cursor_size = sizeof(struct stacks), .keys = {[BY_THREAD] = {T_ID, NULL, false, 0}}, .key_count = 1, .order = -1,
    .orders = {-1, -1}, .rows = hd_sql_rows_few, .filter = threads_filter, .next = threads_next, .column = threads_column,
    .rowid = rowid};

/* --- frames --- */

enum { F_THREAD, F_DEPTH, F_METHOD, F_LABEL, F_FILE, F_LINE, F_NATIVE, F_SELF_ID, F_SELF, F_LOCALS };

static const struct hd_sql_column frame_columns[] = {
    [F_THREAD] = {"thread_id", "INTEGER", "the Thread or Fiber"},
    [F_DEPTH] = {"depth", "INTEGER", "line: 0 for the newest"},
    [F_METHOD] = {"method", "TEXT", "line: its full name, Shop::Cart#add"},
    [F_LABEL] = {"label", "TEXT", "line: what a backtrace calls it, block in add"},
    [F_FILE] = {"file", "TEXT", "line: where it stands"},
    [F_LINE] = {"line", "INTEGER", "line: where it stands"},
    [F_NATIVE] = {"native", "INTEGER", "line: 1 for a method written in C, which stands at its caller's line"},
    [F_SELF_ID] = {"self_id", "INTEGER", "line: its self, if that is an object"},
    [F_SELF] = {"self", "", "line: its self, if that is none: nil, a number, …"},
    [F_LOCALS] = {"locals", "INTEGER", "line: how many local variables it has"},
    {NULL, NULL, NULL}};

static double few_rows(struct hd_sql_heap *heap)
{
    (void)heap;
    return 50;
}

/* On to a thread that has the frame. */
static void frames_settle(struct stacks *cursor)
{
    while (cursor->thread < cursor->thread_end
           && (cursor->frame >= thread_of(cursor)->frame_count || cursor->frame >= cursor->frame_end)) {
        cursor->thread++;
        cursor->frame = 0;
    }
    cursor->base.end = cursor->thread >= cursor->thread_end;
}

static bool frames_filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    if (!begin(base, plan))
        return false;
    frames_settle((struct stacks *)base);
    return true;
}

static bool frames_next(struct hd_sql_cursor *base)
{
    ((struct stacks *)base)->frame++;
    frames_settle((struct stacks *)base);
    return true;
}

static bool frames_column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    struct stacks *cursor = (struct stacks *)base;
    const struct hd_stacks_frame *frame = frame_of(cursor);
    const struct hd_graph *graph = base->heap->source.graph;
    switch (column) {
    case F_THREAD:
        hd_sql_result_id(context, graph, thread_of(cursor)->node);
        break;
    case F_DEPTH:
        sqlite3_result_int64(context, cursor->frame);
        break;
    case F_METHOD:
        result_words(context, base, frame->method);
        break;
    case F_LABEL:
        result_words(context, base, frame->label);
        break;
    case F_FILE:
        result_words(context, base, frame->file);
        break;
    case F_LINE:
        if (frame->file.data)
            hd_sql_result_bytes(context, frame->line);
        break;
    case F_NATIVE:
        sqlite3_result_int(context, frame->native);
        break;
    case F_SELF_ID:
        hd_sql_result_id(context, graph, frame->self.node);
        break;
    case F_SELF:
        result_value(context, base, &frame->self);
        break;
    default:
        sqlite3_result_int64(context, frame->local_count);
    }
    return true;
}

const struct hd_sql_table hd_sql_frames = {
    .about = {"frames", "the frames of every thread", NULL, frame_columns},
    .cursor_size = sizeof(struct stacks), .keys = {[BY_THREAD] = {F_THREAD, few_rows, false, F_DEPTH}}, .key_count = 1, .order = -1,
    .orders = {-1, -1}, .rows = hd_sql_rows_few, .filter = frames_filter, .next = frames_next, .column = frames_column,
    .rowid = rowid};

/* --- locals --- */

enum { L_THREAD, L_DEPTH, L_NAME, L_ID, L_VALUE };

static const struct hd_sql_column local_columns[] = {
    [L_THREAD] = {"thread_id", "INTEGER", "the Thread or Fiber"},
    [L_DEPTH] = {"depth", "INTEGER", "line: of the frame"},
    [L_NAME] = {"name", "TEXT", "line: of the variable"},
    [L_ID] = {"id", "INTEGER", "line: the object it holds"},
    [L_VALUE] = {"value", "", "line: what it holds, if that is no object of its own: a number, nil, a short string, ':name' for a Symbol"},
    {NULL, NULL, NULL}};

static void locals_settle(struct stacks *cursor)
{
    frames_settle(cursor);
    while (!cursor->base.end && cursor->variable >= frame_of(cursor)->local_count) {
        cursor->frame++;
        cursor->variable = 0;
        frames_settle(cursor);
    }
}

static bool locals_filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    if (!begin(base, plan))
        return false;
    locals_settle((struct stacks *)base);
    return true;
}

static bool locals_next(struct hd_sql_cursor *base)
{
    ((struct stacks *)base)->variable++;
    locals_settle((struct stacks *)base);
    return true;
}

static bool variable_column(struct stacks *cursor, sqlite3_context *context, int column,
                            const struct hd_stacks_variable *variable)
{
    struct hd_sql_cursor *base = &cursor->base;
    switch (column) {
    case L_THREAD:
        hd_sql_result_id(context, base->heap->source.graph, thread_of(cursor)->node);
        break;
    case L_DEPTH:
        sqlite3_result_int64(context, cursor->frame);
        break;
    case L_NAME:
        result_words(context, base, variable->name);
        break;
    case L_ID:
        hd_sql_result_id(context, base->heap->source.graph, variable->node);
        break;
    default:
        result_value(context, base, variable);
    }
    return true;
}

static bool locals_column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    struct stacks *cursor = (struct stacks *)base;
    return variable_column(cursor, context, column, &frame_of(cursor)->locals[cursor->variable]);
}

const struct hd_sql_table hd_sql_locals = {
    .about = {"locals", "the local variables of every frame", NULL, local_columns},
    .cursor_size = sizeof(struct stacks), .keys = {[BY_THREAD] = {L_THREAD, few_rows, false, L_DEPTH}}, .key_count = 1, .order = -1,
    .orders = {-1, -1}, .rows = hd_sql_rows_few, .filter = locals_filter, .next = locals_next, .column = locals_column,
    .rowid = rowid};

/* --- thread-locals --- */

static const struct hd_sql_column variable_columns[] = {
    {"thread_id", "INTEGER", "the Thread or Fiber"},
    {"name", "TEXT", "line: of the variable"},
    {"id", "INTEGER", "line: the object it holds"},
    {"value", "", "line: what it holds, if that is no object of its own"},
    {NULL, NULL, NULL}};

static void variables_settle(struct stacks *cursor)
{
    while (cursor->thread < cursor->thread_end && cursor->variable >= thread_of(cursor)->variable_count) {
        cursor->thread++;
        cursor->variable = 0;
    }
    cursor->base.end = cursor->thread >= cursor->thread_end;
}

static bool variables_filter(struct hd_sql_cursor *base, const struct hd_sql_plan *plan)
{
    if (!begin(base, plan))
        return false;
    variables_settle((struct stacks *)base);
    return true;
}

static bool variables_next(struct hd_sql_cursor *base)
{
    ((struct stacks *)base)->variable++;
    variables_settle((struct stacks *)base);
    return true;
}

static bool variables_column(struct hd_sql_cursor *base, sqlite3_context *context, int column)
{
    static const int same[] = {L_THREAD, L_NAME, L_ID, L_VALUE};
    struct stacks *cursor = (struct stacks *)base;
    return variable_column(cursor, context, same[column], &thread_of(cursor)->variables[cursor->variable]);
}

const struct hd_sql_table hd_sql_thread_locals = {
    .about = {"thread_locals", "what Thread#[] and Thread#thread_variable_get give", NULL, variable_columns},
    .cursor_size = sizeof(struct stacks), .keys = {[BY_THREAD] = {0, few_rows, false, 0}}, .key_count = 1, .order = -1,
    .orders = {-1, -1}, .rows = hd_sql_rows_few, .filter = variables_filter, .next = variables_next,
    .column = variables_column, .rowid = rowid};
