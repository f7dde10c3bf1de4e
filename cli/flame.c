/*
 * `heap_dump flame`: the dominator tree as collapsed stacks, a line "frame;frame;frame BYTES" for each group, for
 * flame graph tools (flamegraph.pl, inferno, speedscope).
 */
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/table.h"
#include "cli/tree_least.h"
#include "dump/output.h"

#include <stdlib.h>
#include <string.h>

/* Every line has all its frames: without an end to them a deep heap would make a file of its depth squared. */
enum { DEPTH = 100, DEPTH_MAX = 1000, BLOCK = 1 << 20 };

struct request {
    const char *path, *id, *file;
    unsigned long depth;
    struct hd_tree_least least;
    bool count;
};

struct writer {
    struct hd_tree_view view;
    struct hd_output *out;   /* NULL: standard output */
    struct hd_buffer stack;  /* the frames down to the group at hand */
    struct hd_buffer block;  /* lines that are not written yet */
    struct hd_buffer name, clean; /* of the frame at hand; kept, for a buffer's memory is the kernel's */
    size_t *length;          /* [depth of the tree + 1] of the stack at each depth */
    uint64_t *weight;        /* [group count] of a group with all below it */
    uint64_t least, total, lines;
    bool count;
};

/* ---- lines ---- */

/* Nothing in a name may end a frame or a line, or be taken for the number behind it. */
static void frame_push(struct writer *writer, const char *text, size_t length)
{
    struct hd_buffer *clean = &writer->clean;
    clean->length = 0;
    hd_table_clean(clean, text, length);
    if (clean->failed) {
        writer->stack.failed = 1;
        return;
    }
    for (size_t i = 0; i + 1 < clean->length; i++)
        clean->data[i] = clean->data[i] == ';' ? ',' : clean->data[i] == ' ' ? '_' : clean->data[i];
    if (writer->stack.length)
        hd_buffer_append(&writer->stack, ";", 1);
    hd_buffer_append(&writer->stack, clean->data, clean->length - 1);
}

static void group_push(struct writer *writer, uint32_t number)
{
    struct hd_buffer *name = &writer->name;
    uint32_t depth = writer->view.tree.group[number].depth;
    writer->stack.length = depth ? writer->length[depth - 1] : 0;
    if (number > 0 || writer->view.from != HD_NODE_ROOT) {
        name->length = 0;
        hd_tree_view_name(name, &writer->view, number, "→");
        frame_push(writer, name->data ? name->data : "", name->length);
        writer->stack.failed |= name->failed;
    }
    writer->length[depth] = writer->stack.length;
}

static bool flush(struct writer *writer, struct hd_error *err)
{
    bool done = !writer->block.failed && !writer->stack.failed;
    if (!done)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    if (writer->block.length == 0)
        return true;
    if (writer->out)
        done = hd_output_write(writer->out, writer->block.data, writer->block.length, err);
    else
        fwrite(writer->block.data, 1, writer->block.length, stdout); /* main looks for errors */
    writer->block.length = 0;
    return done;
}

/* The stack as it is, with `last` as a further frame if there is one. */
static bool line_write(struct writer *writer, const char *last, uint64_t weight, struct hd_error *err)
{
    char number[HD_TABLE_NUMBER];
    size_t length = writer->stack.length;
    if (weight == 0)
        return true;
    if (last)
        frame_push(writer, last, strlen(last));
    hd_buffer_append(&writer->block, writer->stack.data, writer->stack.length);
    int digits = snprintf(number, sizeof number, " %llu\n", (unsigned long long)weight);
    hd_buffer_append(&writer->block, number, (size_t)digits);
    writer->stack.length = length;
    writer->total += weight;
    writer->lines++;
    return writer->block.length < BLOCK || flush(writer, err);
}

/* ---- the tree ---- */

static uint64_t own_weight(const struct writer *writer, uint32_t number)
{
    const struct hd_tree_group *group = &writer->view.tree.group[number];
    bool object = number > 0 || writer->view.from != HD_NODE_ROOT;
    return writer->count ? (object ? group->count : 0) : group->self;
}

static uint64_t deeper_weight(const struct writer *writer, uint32_t number)
{
    const struct hd_tree_group *group = &writer->view.tree.group[number];
    return writer->count ? group->deeper_count : group->deeper;
}

static bool prepare(struct writer *writer, struct hd_error *err)
{
    const struct hd_tree *tree = &writer->view.tree;
    uint32_t depth = 0;
    writer->weight = calloc(tree->count, sizeof *writer->weight);
    for (uint32_t i = tree->count; writer->weight && i-- > 0;) {
        const struct hd_tree_group *group = &tree->group[i];
        writer->weight[i] += own_weight(writer, i) + deeper_weight(writer, i);
        if (group->parent != HD_NODE_NONE)
            writer->weight[group->parent] += writer->weight[i];
        depth = group->depth > depth ? group->depth : depth;
    }
    writer->length = calloc((size_t)depth + 1, sizeof *writer->length);
    return (writer->weight && writer->length) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

static bool group_write(struct writer *writer, uint32_t number, struct hd_error *err)
{
    const struct hd_tree_group *groups = writer->view.tree.group;
    uint64_t small = 0;
    group_push(writer, number);
    for (uint32_t at = groups[number].child; at != HD_NODE_NONE; at = groups[at].next)
        if (groups[at].retained < writer->least)
            small += writer->weight[at];
    return line_write(writer, NULL, own_weight(writer, number), err) &&
           line_write(writer, "(deeper)", deeper_weight(writer, number), err) &&
           line_write(writer, "(smaller)", small, err);
}

static bool write_all(struct writer *writer, struct hd_error *err)
{
    const struct hd_tree *tree = &writer->view.tree;
    if (!prepare(writer, err))
        return false;
    for (uint32_t at = 0; at != HD_NODE_NONE;) {
        bool small = at > 0 && tree->group[at].retained < writer->least;
        if (!small && !group_write(writer, at, err))
            return false;
        at = hd_tree_next(tree, at, small);
    }
    return flush(writer, err);
}

/* ---- the command ---- */

static bool to_file(const struct request *request, struct writer *writer, struct hd_error *err)
{
    struct hd_output_shared shared = {0};
    struct hd_output out = {0};
    if (!hd_output_open(&out, request->file, &shared, err))
        return false;
    out.no_sync = true;
    writer->out = &out;
    bool done = write_all(writer, err) && hd_output_commit(&out, err);
    hd_output_abort(&out);
    if (!done)
        return false;
    char lines[HD_TABLE_NUMBER], total[HD_TABLE_NUMBER];
    printf("%s: %s stacks, %s%s\n", request->file, hd_table_count(lines, writer->lines),
           request->count ? hd_table_count(total, writer->total) : hd_table_bytes(total, writer->total),
           request->count ? " objects" : "");
    hd_open_next(stdout, writer->view.open, "tree", request->id ? request->id : "");
    return true;
}

static int flame(const struct request *request)
{
    struct writer writer = {.count = request->count};
    struct hd_open open;
    struct hd_error err = {0};
    uint32_t from = HD_NODE_ROOT;
    if (!hd_open_read(&open, request->path, &err))
        return hd_open_fail("flame", false, &err);
    bool done = (!request->id || hd_open_node(&open, request->id, &from, &err))
                && hd_tree_view_make(&writer.view, &open, from, request->depth, &err);
    if (done) {
        hd_open_warn(&open, "flame");
        writer.least = hd_tree_view_least(&writer.view, &request->least);
        done = request->file ? to_file(request, &writer, &err) : write_all(&writer, &err);
    }
    hd_buffer_deinit(&writer.stack);
    hd_buffer_deinit(&writer.block);
    hd_buffer_deinit(&writer.name);
    hd_buffer_deinit(&writer.clean);
    free(writer.length);
    free(writer.weight);
    hd_tree_view_free(&writer.view);
    hd_open_close(&open);
    return done ? 0 : hd_open_fail("flame", false, &err);
}

static void read_depth(struct hd_call *call, unsigned long *depth)
{
    *depth = hd_call_count(call);
    if (*depth < 1 || *depth > DEPTH_MAX)
        hd_call_refuse(call, "--depth takes a number from 1 to %d, not %s", DEPTH_MAX, call->value);
}

static int run(int argc, char **argv)
{
    struct request request = {.depth = DEPTH};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_flame, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'o')
            request.file = call.value;
        else if (letter == 'c')
            request.count = true;
        else if (letter == 'd')
            read_depth(&call, &request.depth);
        else
            hd_tree_least_read(&call, &request.least);
    }
    if (!hd_call_operands(&call))
        return call.status;
    request.path = call.operand[0];
    request.id = call.operand_count > 1 ? call.operand[1] : NULL;
    return flame(&request);
}

static const struct hd_option options[] = {
    {'o', "output", "FILE", "write there, not to standard output; compressed if it ends in .gz or .zst", NULL, NULL},
    {'c', "count", NULL, "the numbers are objects, not bytes", NULL, NULL},
    {'d', "depth", "N", "frames of a stack (100), at most 1000", NULL, NULL},
    {'m', "min", "SIZE|PERCENT", "put together what retains less (0): 100kB, 0.01%", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_END};

const struct hd_command hd_command_flame = {
    .name = "flame",
    .run = run,
    .summary = "the tree as stacks for flame graph tools",
    .about = "Writes the dominator tree as collapsed stacks, \"frame;frame;frame BYTES\", which flamegraph.pl, inferno "
             "and speedscope read: the width of a frame is what it retains.",
    .operands = {HD_OPERAND_DUMP_FILE, {"ID", "an id to begin at", HD_OPERAND_OBJECT, true, false, NULL}},
    .options = options,
    .notes = "The groups are those of `heap_dump tree`. The numbers together are all bytes that are reachable, or that "
             "the object retains: what is small or deep is put into frames called (smaller) and (deeper). In names "
             "`;` becomes `,` and a space `_`.",
    .statuses = "0 fine, 2 wrong options or no such object, 3 not a dump, 4 a file could not be read or written."};
