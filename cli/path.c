/* `heap_dump path`: what keeps an object, or the objects of a class, alive? */
#include "cli/cli.h"

#include "cli/kept.h"
#include "cli/open.h"
#include "cli/table.h"
#include "view/path.h"

#include <stdlib.h>
#include <string.h>

enum { BRANCHES_MAX = 5, INDENT_MAX = 20 };
static const char arrow[] = " → ";

struct request {
    const char *path, *target;
    unsigned long all, limit;
    bool exclude_weak, limited, json;
};

static void append(struct hd_buffer *out, const char *text)
{
    hd_buffer_append(out, text, strlen(text));
}

static void append_name(struct hd_buffer *out, const struct hd_graph *graph, uint32_t name)
{
    struct hd_graph_text text = hd_graph_name(graph, name);
    hd_buffer_append(out, text.data ? text.data : "", text.length);
    if (name != HD_NAME_MASK && name & HD_NAME_WEAK)
        append(out, " (weak)");
}

/* --- the paths to one object --- */

static void path_line(const struct hd_open *open, const struct hd_path *path)
{
    struct hd_buffer line = {0};
    char text[HD_OPEN_TITLE];
    for (uint32_t i = 0; i < path->length; i++) {
        append(&line, i ? arrow : "");
        append_name(&line, &open->graph, open->graph.edge_name[path->step[i].edge]);
        append(&line, arrow);
        append(&line, hd_open_title(text, open, path->step[i].node));
    }
    snprintf(text, sizeof text, " 0x%llx",
             (unsigned long long)open->graph.node_address[path->step[path->length - 1].node]);
    append(&line, text);
    hd_table_strong(stdout, true);
    hd_table_line(stdout, line.data ? line.data : "", line.length, 0);
    hd_table_strong(stdout, false);
    hd_buffer_deinit(&line);
}

static void path_print(const struct hd_open *open, const struct hd_path *path)
{
    static const struct hd_table_column columns[] = {{"by", false, true},
                                                     {"object", false, true},
                                                     {"id", false, false},
                                                     {"size", true, false},
                                                     {"retained", true, false}};
    struct hd_table table = {.columns = columns, .column_count = 5, .margin = 2};
    char title[HD_OPEN_TITLE];
    path_line(open, path);
    for (uint32_t i = 0; i < path->length; i++) {
        uint32_t node = path->step[i].node;
        struct hd_buffer name = {0};
        append_name(&name, &open->graph, open->graph.edge_name[path->step[i].edge]);
        hd_table_add(&table, name.data ? name.data : "", name.length);
        hd_buffer_deinit(&name);
        hd_table_add_string(&table, hd_open_title(title, open, node));
        hd_table_add_id(&table, open->graph.node_address[node]);
        hd_table_add_bytes(&table, open->graph.node_size[node]);
        hd_table_add_bytes(&table, open->dominators.retained[node]);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void paths_text(const struct hd_open *open, uint32_t node, const struct hd_path *list, uint32_t count)
{
    char rest[HD_TABLE_NUMBER];
    unsigned long long next = open->graph.node_address[node];
    if (!count)
        printf("No root leads to it: nothing keeps it alive.\n");
    for (uint32_t i = 0; i < count; i++) {
        printf(i ? "\n" : "");
        path_print(open, &list[i]);
    }
    if (count && list[0].length > 1) /* who holds it is the next question */
        next = open->graph.node_address[list[0].step[list[0].length - 2].node];
    snprintf(rest, sizeof rest, "0x%llx", next);
    hd_open_next(stdout, open, "show", rest);
}

static bool paths(const struct request *request, struct hd_open *open, uint32_t node, struct hd_error *err)
{
    uint32_t count = 0;
    struct hd_path *list = NULL;
    if (!hd_view_path_find(open, &node, request->exclude_weak, request->all, &list, &count, err))
        return false;
    if (request->json)
        hd_view_path_json(stdout, open, node, list, count, 0);
    else
        paths_text(open, node, list, count);
    hd_paths_free(list, count);
    return true;
}

/* --- the paths to the objects of a class --- */

/* Writes the step and those after it that leave no choice; returns the last one. */
static uint32_t branch(struct hd_buffer *out, const struct hd_open *open, const struct hd_view_class_path *tree, uint32_t step)
{
    char title[HD_OPEN_TITLE];
    for (;;) {
        const struct hd_merged_step *here = &tree->merged.step[step];
        append_name(out, &open->graph, here->name);
        append(out, arrow);
        append(out, hd_open_title(title, open, here->sample));
        if (here->ends || here->child == HD_NODE_NONE || tree->merged.step[here->child].next != HD_NODE_NONE)
            return step;
        append(out, arrow);
        step = here->child;
    }
}

static uint32_t rank(const struct hd_view_class_path *tree, uint32_t step)
{
    uint32_t before = 0;
    for (uint32_t at = tree->merged.step[tree->merged.step[step].parent].child; at != step && before < BRANCHES_MAX;
         at = tree->merged.step[at].next)
        before++;
    return before;
}

/* The step after this one in print order, skipping the smaller ones among many branches. Changes *depth. */
static uint32_t follow(const struct hd_view_class_path *tree, uint32_t step, size_t *depth, bool all)
{
    const struct hd_merged_step *steps = tree->merged.step;
    if (steps[step].child != HD_NODE_NONE) {
        (*depth)++;
        return steps[step].child;
    }
    while (step != 0) {
        uint32_t next = steps[step].next;
        if (next != HD_NODE_NONE && (all || rank(tree, step) + 1 < BRANCHES_MAX))
            return next;
        uint32_t parent = steps[step].parent;
        /* steps that stand in one line with their parent have no depth of their own */
        bool joined = steps[steps[parent].child].next == HD_NODE_NONE && !steps[parent].ends && parent != 0;
        *depth -= !joined;
        step = parent;
    }
    return HD_NODE_NONE;
}

static void tree_text(const struct request *request, const struct hd_open *open, const struct hd_view_class_path *tree)
{
    static const struct hd_table_column columns[] = {
        {"objects", true, false}, {"size", true, false}, {"path", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 3};
    const struct hd_merged_step *steps = tree->merged.step;
    char number[HD_TABLE_NUMBER], reached[HD_TABLE_NUMBER];
    char heading[400];
    int length = snprintf(heading, sizeof heading, "%s object%s of class %.*s, %s of them reached from a root%s",
                          hd_table_count(number, tree->objects), tree->objects == 1 ? "" : "s",
                          (int)(tree->class.length < 200 ? tree->class.length : 200),
                          tree->class.data, hd_table_count(reached, steps[0].members),
                          tree->weak ? " (by weak references alone)" : "");
    hd_table_line(stdout, heading, (size_t)length, 0);
    printf("\n");
    size_t depth = 0, rows = 0;
    bool all = request->limit == 0;
    uint32_t step = follow(tree, 0, &depth, all);
    for (; step != HD_NODE_NONE && (all || rows < request->limit); rows++) {
        struct hd_buffer line = {0};
        for (size_t i = 1; i < depth && i < INDENT_MAX; i++)
            append(&line, "  ");
        hd_table_add_count(&table, steps[step].members);
        hd_table_add_bytes(&table, steps[step].size);
        uint32_t last = branch(&line, open, tree, step);
        hd_table_add(&table, line.data ? line.data : "", line.length);
        hd_buffer_deinit(&line);
        step = follow(tree, last, &depth, all);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    if (!all)
        printf("(at most %d branches of a step and %lu in all; --limit 0 prints every one)\n", BRANCHES_MAX,
               request->limit);
    uint32_t end = 0; /* one of the objects most paths lead to: its path in full is the next question */
    for (uint32_t i = 1; i < tree->merged.count; i++)
        if (steps[i].ends > steps[end].ends || end == 0)
            end = i;
    char rest[HD_TABLE_NUMBER];
    snprintf(rest, sizeof rest, "0x%llx", (unsigned long long)open->graph.node_address[steps[end].sample]);
    hd_open_next(stdout, open, end ? "path" : "top", end ? rest : "");
}

static bool class_paths(const struct request *request, struct hd_open *open, struct hd_error *err)
{
    struct hd_view_class_path tree;
    bool done = hd_view_class_path_make(&tree, open, request->target, request->exclude_weak, err);
    if (done && request->json)
        hd_view_class_path_json(stdout, open, &tree, request->limited ? request->limit : 0);
    else if (done)
        tree_text(request, open, &tree);
    hd_kept_by_parts = done && tree.kept;
    if (done)
        hd_paths_merged_free(&tree.merged);
    return done;
}

static bool open_for(const struct request *request, bool object, struct hd_open *open, uint32_t *node, struct hd_error *err)
{
    if (!object)
        return hd_open_read_for(open, request->path, HD_INDEX_SUMS, err);
    return hd_open_object(open, request->path, request->target, hd_excerpt_path, HD_INDEX_GRAPH, node, err);
}

static int path(const struct request *request)
{
    struct hd_open open;
    struct hd_error err = {0};
    uint64_t id;
    uint32_t node = HD_NODE_NONE;
    bool object = request->target[0] == '@' || hd_open_parse_id(request->target, &id);
    if (!open_for(request, object, &open, &node, &err))
        return hd_open_fail("path", request->json, &err);
    if (!request->json)
        hd_open_warn(&open, "path");
    bool done = object ? paths(request, &open, node, &err) : class_paths(request, &open, &err);
    hd_open_close(&open);
    return done ? 0 : hd_open_fail("path", request->json, &err);
}

static int run(int argc, char **argv)
{
    struct request request = {.all = 1, .limit = 30};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_path, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        switch (letter) {
        case 'a':
            request.all = hd_call_count(&call);
            if (request.all == 0)
                hd_call_refuse(&call, "--all takes a number from 1, not %s", call.value);
            break;
        case 'l':
            request.limit = hd_call_count(&call);
            request.limited = true;
            break;
        case 'w':
            request.exclude_weak = true;
            break;
        default:
            request.json = true;
        }
    }
    if (!hd_call_operands(&call))
        return call.status;
    request.path = call.operand[0];
    request.target = call.operand[1];
    return path(&request);
}

static const struct hd_option options[] = {
    {'a', "all", "N", "up to N paths to the object, each by another last referrer (1)", NULL, NULL},
    {'w', "exclude-weak", NULL, "never go by references that keep nothing alive", NULL, NULL},
    {'l', "limit", "N", "branches of a tree to print (30); 0 for all", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_path = {
    .name = "path",
    .run = run,
    .kept = true,
    .summary = "what keeps an object, or the objects of a class, alive",
    .about = "Prints the shortest named path from a root of garbage collection to an object; for a class, the "
             "paths to all its objects, merged into a tree where they go by the same names and classes.",
    .operands = {HD_OPERAND_DUMP_FILE, {"ID|CLASS", "an id or a class", HD_OPERAND_OBJECT, false, false, NULL}},
    .options = options,
    .notes = "A path by weak references is printed, and marked, only where there is no other.",
    .statuses = "0 fine, 2 wrong options or no such object, 3 not a dump, 4 the file could not be read."};
