/* `heap_dump tree`: the dominator tree from the top down, as `du` shows folders: what holds how much? */
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/table.h"
#include "cli/tree_least.h"
#include "view/tree_rows.h"

#include <string.h>

enum { LIMIT = 60, INDENT = 2, INDENTS_MAX = 20, SEEN = 2000 };

struct request {
    struct hd_open_request asked;
    const char *id;
    unsigned long depth;
    struct hd_tree_least least;
};

struct result {
    struct hd_tree_view view;
    struct hd_tree_rows rows;
};

/* ---- for people ---- */

static void indent(struct hd_buffer *text, uint32_t depth)
{
    for (uint32_t i = 0; i < depth && i < INDENTS_MAX; i++)
        hd_buffer_append(text, "  ", INDENT);
}

static void add_name(struct hd_table *table, struct hd_buffer *text)
{
    hd_table_add(table, text->data ? text->data : "", text->length);
    hd_buffer_deinit(text);
}

static void add_row(struct hd_table *table, const struct result *result, uint32_t number)
{
    const struct hd_tree_group *group = &result->view.tree.group[number];
    struct hd_buffer text = {0};
    hd_table_add_bytes(table, group->retained);
    hd_table_add_percent(table, group->retained, result->view.tree.group[0].retained);
    hd_table_add_bytes(table, group->self);
    hd_table_add_count(table, number == 0 && result->view.from == HD_NODE_ROOT ? 0 : group->count);
    indent(&text, group->depth);
    hd_tree_view_name(&text, &result->view, number, " → ");
    add_name(table, &text);
}

/*
 * What is not listed below a group gets a row if it matters, or if others are listed beside which it would be missed; not if
 * its share would be 0.0 %.
 */
static void add_folded(struct hd_table *table, const struct result *result, uint32_t group)
{
    struct hd_tree_folded folded = hd_tree_rows_folded(&result->rows, group);
    bool beside = hd_tree_rows_has(&result->rows, result->view.tree.group[group].child);
    bool matters = folded.bytes >= (beside ? result->view.tree.group[0].retained / SEEN : result->rows.least);
    if (folded.groups == 0 || !matters)
        return;
    char number[HD_TABLE_NUMBER];
    struct hd_buffer text = {0};
    hd_table_add_bytes(table, folded.bytes);
    hd_table_add_percent(table, folded.bytes, result->view.tree.group[0].retained);
    hd_table_add_string(table, "");
    hd_table_add_count(table, folded.objects);
    indent(&text, result->view.tree.group[group].depth + 1);
    hd_buffer_append(&text, "… ", 4);
    hd_table_count(number, folded.groups);
    hd_buffer_append(&text, number, strlen(number));
    hd_buffer_append(&text, " more", 5);
    add_name(table, &text);
}

static void add_rows(struct hd_table *table, const struct result *result)
{
    const struct hd_tree_group *groups = result->view.tree.group;
    uint32_t at = 0;
    while (at != HD_NODE_NONE) {
        add_row(table, result, at);
        if (hd_tree_rows_has(&result->rows, groups[at].child)) {
            at = groups[at].child;
            continue;
        }
        add_folded(table, result, at);
        while (at != HD_NODE_NONE && !hd_tree_rows_has(&result->rows, groups[at].next)) {
            at = groups[at].parent;
            if (at != HD_NODE_NONE)
                add_folded(table, result, at);
        }
        at = at == HD_NODE_NONE ? at : groups[at].next;
    }
}

/* Down where most is: there to go on if the levels ended, else why that is kept. */
static void print_next(const struct result *result)
{
    const struct hd_tree_group *groups = result->view.tree.group;
    uint32_t at = 0;
    char id[HD_TABLE_NUMBER];
    while (hd_tree_rows_has(&result->rows, groups[at].child) && 2 * groups[groups[at].child].retained >= groups[at].retained)
        at = groups[at].child;
    if (at == 0 && hd_tree_rows_has(&result->rows, groups[at].child))
        at = groups[at].child;
    uint32_t node = groups[at].sample;
    if (node == HD_NODE_ROOT) {
        hd_open_next(stdout, result->view.open, "top", "");
        return;
    }
    snprintf(id, sizeof id, "0x%llx", (unsigned long long)result->view.open->graph.node_address[node]);
    bool deeper = at != 0 && 2 * groups[at].deeper > groups[at].retained;
    hd_open_next(stdout, result->view.open, deeper ? "tree" : "path", id);
}

static void print_text(const struct request *request, const struct result *result)
{
    static const struct hd_table_column columns[] = {{"retained", true, false},
                                                     {"share", true, false},
                                                     {"self", true, false},
                                                     {"count", true, false},
                                                     {"by what retains it", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 5};
    if (!result->view.retained)
        printf("No root leads to this object: it retains nothing, the size is its own.\n\n");
    add_rows(&table, result);
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    if (result->rows.limited)
        printf("\nThe %lu biggest groups are listed (--limit 0 lists all from --min on).\n", request->asked.limit);
    print_next(result);
}

/* ---- the command ---- */

static bool list(const struct request *request, struct result *result, struct hd_error *err)
{
    struct hd_tree_rows_request rows = {.depth = UINT32_MAX, .limit = request->asked.limit,
                                        .least = hd_tree_least_bytes(&request->least, &result->view.tree)};
    if (!hd_tree_rows_make(&result->rows, &result->view, &rows, err))
        return false;
    bool done = true;
    if (request->asked.json) {
        done = hd_tree_rows_json(stdout, &result->rows, request->depth, err);
    } else {
        hd_open_warn(result->view.open, "tree");
        print_text(request, result);
    }
    hd_tree_rows_free(&result->rows);
    return done;
}

static int tree(const struct request *request)
{
    struct result result = {0};
    struct hd_open open;
    struct hd_error err = {0};
    const struct hd_tree_asked asked = {.depth = request->depth, .least = request->least, .limit = request->asked.limit,
                                        .total = request->asked.json};
    if (!hd_open_read_for(&open, request->asked.path, HD_INDEX_SUMS, &err))
        return hd_open_fail("tree", request->asked.json, &err);
    bool done = hd_tree_view_make(&result.view, &open, request->id, &asked, &err) && list(request, &result, &err);
    hd_tree_view_free(&result.view);
    hd_open_close(&open);
    return done ? 0 : hd_open_fail("tree", request->asked.json, &err);
}

static int run(int argc, char **argv)
{
    struct request request = {.asked = {.limit = LIMIT}, .depth = HD_TREE_VIEW_DEPTH, .least = {.share = 0.01}};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_tree, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'd')
            request.depth = hd_call_count(&call);
        else if (letter == 'm')
            hd_tree_least_read(&call, &request.least);
        else
            hd_open_take(&request.asked, &call, letter);
    }
    if (!hd_open_operands(&request.asked, &call))
        return call.status;
    request.id = call.operand_count > 1 ? call.operand[1] : NULL;
    return tree(&request);
}

static const struct hd_option options[] = {
    {'d', "depth", "N", "levels below the first one (5); 0 for all", NULL, NULL},
    {'m', "min", "SIZE|PERCENT", "list what retains so much or more (1%): 500kB, 0.5%", NULL, NULL},
    HD_OPEN_OPTIONS_LIMIT("rows to print, the biggest (60); 0 for all")};

const struct hd_command hd_command_tree = {
    .name = "tree",
    .run = run,
    .kept = true,
    .summary = "what holds how much, from the top down",
    .about = "Prints the dominator tree like `du` prints folders: below each group of objects what would be freed with "
             "it. Objects are put together by class and by the name of the reference that leads to them; classes and "
             "modules stand for themselves.",
    .operands = {HD_OPERAND_DUMP_FILE, {"ID", "an id to begin at", HD_OPERAND_OBJECT, true, false, NULL}},
    .options = options,
    .notes = "Nothing is counted twice: retained is self plus what is below it, whether that is listed, folded "
             "(`… 12 more`) or too deep. The links of a list are one row, and so are levels that repeat, as "
             "Category → @children → Array → Category: what is below the second Category is counted at the first, "
             "whatever --depth says.\n\n"
             "`… Cart → @item → Item` says that several ways lead to an Item, one of them from a Cart: none of them "
             "alone keeps it alive, but what it stands below does.",
    .statuses = "0 fine, 2 wrong options or no such object, 3 not a dump, 4 the file could not be read."};
