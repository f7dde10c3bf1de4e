/*
 * `heap_dump flame`: the dominator tree as collapsed stacks, a line "frame;frame;frame BYTES" for each group, for
 * flame graph tools (flamegraph.pl, inferno, speedscope).
 */
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/table.h"
#include "cli/tree_least.h"
#include "store/collapsed.h"
#include "store/tree_options.h"

#include <string.h>

struct request {
    const char *path, *id, *file;
    unsigned long depth;
    struct hd_tree_least least;
    bool count;
};

static bool write_all(const struct request *request, const struct hd_tree_view *view, struct hd_collapsed *collapsed,
                      struct hd_error *err)
{
    struct hd_sink sink;
    if (!hd_sink_open(&sink, request->file ? request->file : "-", stdout, NULL, err))
        return false;
    sink.out.no_sync = true;
    *collapsed = (struct hd_collapsed){.view = view, .count = request->count,
                                       .least = hd_tree_least_bytes(&request->least, &view->tree)};
    bool done = hd_collapsed_write(collapsed, &sink, err) && hd_sink_commit(&sink, err);
    hd_sink_abort(&sink);
    return done;
}

static void report(const struct request *request, const struct hd_open *open, const struct hd_collapsed *collapsed)
{
    char lines[HD_TABLE_NUMBER], total[HD_TABLE_NUMBER];
    printf("%s: %s stacks, %s%s\n", request->file, hd_table_count(lines, collapsed->lines),
           request->count ? hd_table_count(total, collapsed->total) : hd_table_bytes(total, collapsed->total),
           request->count ? " objects" : "");
    hd_open_next(stdout, open, "tree", request->id ? request->id : "");
}

static int flame(const struct request *request)
{
    struct hd_tree_view view;
    struct hd_collapsed collapsed;
    struct hd_open open;
    struct hd_error err = {0};
    const struct hd_tree_asked asked = {.depth = request->depth, .least = request->least};
    if (!hd_open_read_for(&open, request->path, HD_INDEX_SUMS, &err))
        return hd_open_fail("flame", false, &err);
    bool made = hd_tree_view_make(&view, &open, request->id, &asked, &err);
    bool done = false;
    if (made) {
        hd_open_warn(&open, "flame");
        done = write_all(request, &view, &collapsed, &err);
        if (done && request->file && strcmp(request->file, "-") != 0)
            report(request, &open, &collapsed);
        hd_tree_view_free(&view);
    }
    hd_open_close(&open);
    if (done)
        return 0;
    return request->file || !made ? hd_open_fail("flame", false, &err) : hd_cli_fail_stdout("flame", &err);
}

static void read_depth(struct hd_call *call, unsigned long *depth)
{
    *depth = hd_call_count(call);
    if (*depth < 1 || *depth > HD_TREE_DEPTH_MAX)
        hd_call_refuse(call, "--depth takes a number from 1 to %d, not %s", HD_TREE_DEPTH_MAX, call->value);
}

static int run(int argc, char **argv)
{
    struct request request = {.depth = HD_TREE_DEPTH};
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
    .kept = true,
    .summary = "the tree as stacks for flame graph tools",
    .about = "Writes the dominator tree as collapsed stacks, \"frame;frame;frame BYTES\", which flamegraph.pl, inferno "
             "and speedscope read: the width of a frame is what it retains.",
    .operands = {HD_OPERAND_DUMP_FILE, {"ID", "an id to begin at", HD_OPERAND_OBJECT, true, false, NULL}},
    .options = options,
    .notes = "The groups are those of `heap_dump tree`. The numbers together are all bytes that are reachable, or that "
             "the object retains: what is small or deep is put into frames called (smaller) and (deeper). In names "
             "`;` becomes `,` and a space `_`.",
    .statuses = "0 fine, 2 wrong options or no such object, 3 not a dump, 4 a file could not be read or written."};
