/* `heap_dump tree`: the dominator tree from the top down, as `du` shows folders: what holds how much? */
#include "cli/cli.h"

#include "cli/table.h"
#include "cli/tree_view.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH = 5, LIMIT = 60, INDENT = 2, INDENTS_MAX = 20, SEEN = 2000 };

struct request {
    const char *path, *id;
    unsigned long depth, limit;
    struct hd_tree_least least;
    bool json;
};

/* Children of a group that are not listed. */
struct folded {
    uint64_t bytes, objects;
    uint32_t groups;
};

struct result {
    struct hd_tree_view view;
    uint64_t least;
    uint8_t *shown; /* [group count] a group is listed only if its parent is */
    uint32_t shown_count;
    bool limited; /* --limit left out some that --min did not */
};

/* ---- which groups are listed ---- */

struct order {
    uint64_t retained;
    uint32_t number;
};

/* No child retains more than its parent or has a smaller number: a parent comes first. */
static int bigger_first(const void *left, const void *right)
{
    const struct order *a = left, *b = right;
    if (a->retained != b->retained)
        return a->retained < b->retained ? 1 : -1;
    return (a->number > b->number) - (a->number < b->number);
}

static bool choose(const struct request *request, struct result *result, struct hd_error *err)
{
    const struct hd_tree *tree = &result->view.tree;
    uint32_t count = 0;
    result->least = hd_tree_view_least(&result->view, &request->least);
    result->shown = calloc(tree->count, 1);
    struct order *order = malloc((size_t)tree->count * sizeof *order);
    if (!result->shown || !order) {
        free(order);
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    }
    for (uint32_t i = 0; i < tree->count; i++)
        if (i == 0 || tree->group[i].retained >= result->least)
            order[count++] = (struct order){tree->group[i].retained, i};
    /* the limit is of rows below the first one */
    result->limited = request->limit > 0 && request->limit < count - 1;
    result->shown_count = result->limited ? (uint32_t)request->limit + 1 : count;
    if (result->limited)
        qsort(order, count, sizeof *order, bigger_first);
    for (uint32_t i = 0; i < result->shown_count; i++)
        result->shown[order[i].number] = 1;
    free(order);
    return true;
}

static bool is_shown(const struct result *result, uint32_t group)
{
    return group != HD_NODE_NONE && result->shown[group];
}

/* Listed children come before the others: both are in order of size. */
static struct folded folded_below(const struct result *result, uint32_t group)
{
    const struct hd_tree_group *groups = result->view.tree.group;
    struct folded folded = {0};
    for (uint32_t at = groups[group].child; at != HD_NODE_NONE; at = groups[at].next) {
        if (result->shown[at])
            continue;
        folded.groups++;
        folded.bytes += groups[at].retained;
        folded.objects += groups[at].count;
    }
    return folded;
}

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
    struct folded folded = folded_below(result, group);
    bool beside = is_shown(result, result->view.tree.group[group].child);
    bool matters = folded.bytes >= (beside ? result->view.tree.group[0].retained / SEEN : result->least);
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
        if (is_shown(result, groups[at].child)) {
            at = groups[at].child;
            continue;
        }
        add_folded(table, result, at);
        while (at != HD_NODE_NONE && !is_shown(result, groups[at].next)) {
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
    while (is_shown(result, groups[at].child) && 2 * groups[groups[at].child].retained >= groups[at].retained)
        at = groups[at].child;
    if (at == 0 && is_shown(result, groups[at].child))
        at = groups[at].child;
    uint32_t node = groups[at].sample;
    if (node == HD_NODE_ROOT) {
        hd_open_next(stdout, &result->view.open, "top", "");
        return;
    }
    snprintf(id, sizeof id, "0x%llx", (unsigned long long)result->view.open.graph.node_address[node]);
    bool deeper = at != 0 && 2 * groups[at].deeper > groups[at].retained;
    hd_open_next(stdout, &result->view.open, deeper ? "tree" : "path", id);
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
    if (result->limited)
        printf("\nThe %lu biggest groups are listed (--limit 0 lists all from --min on).\n", request->limit);
    print_next(result);
}

/* ---- as JSON ---- */

static void json_row(const struct result *result, uint32_t number, uint32_t row, uint32_t parent_row)
{
    const struct hd_tree_view *view = &result->view;
    const struct hd_tree_group *group = &view->tree.group[number];
    struct folded folded = folded_below(result, number);
    printf("%s{\"row\":%u,\"parent\":", row ? "," : "", row);
    printf(row ? "%u" : "null", parent_row);
    printf(",\"depth\":%u,\"name\":", group->depth);
    struct hd_graph_text name = hd_tree_name(&view->open.graph, group);
    if (name.data)
        hd_table_json_text(stdout, name);
    else
        printf("null");
    printf(",\"sample\":{");
    hd_open_json_node(stdout, &view->open, group->sample);
    printf("},\"several_ways\":%s", group->via == HD_NODE_NONE ? "false" : "true");
    if (group->via != HD_NODE_NONE) {
        printf(",\"via\":{");
        hd_open_json_node(stdout, &view->open, group->via);
        printf("}");
    }
    printf(",\"count\":%u,\"self\":%llu,\"retained\":%llu,\"deeper\":{\"objects\":%u,\"bytes\":%llu}",
           number == 0 && view->from == HD_NODE_ROOT ? 0 : group->count, (unsigned long long)group->self,
           (unsigned long long)group->retained, group->deeper_count, (unsigned long long)group->deeper);
    printf(",\"folded\":{\"groups\":%u,\"objects\":%llu,\"bytes\":%llu}}", folded.groups,
           (unsigned long long)folded.objects, (unsigned long long)folded.bytes);
}

static bool print_json(const struct request *request, const struct result *result, struct hd_error *err)
{
    const struct hd_tree *tree = &result->view.tree;
    uint32_t *row_of = malloc((size_t)tree->count * sizeof *row_of), row = 0;
    if (!row_of)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    printf("{");
    hd_open_json_head(stdout, &result->view.open);
    printf(",\"reachable_bytes\":%llu,\"depth\":%lu,\"min\":%llu,\"reachable\":%s,\"total\":%u,\"rows\":[",
           (unsigned long long)result->view.open.dominators.reachable_size, request->depth,
           (unsigned long long)result->least, result->view.retained ? "true" : "false", tree->count);
    for (uint32_t at = 0; at != HD_NODE_NONE;) {
        bool shown = result->shown[at];
        if (shown) {
            uint32_t parent = tree->group[at].parent;
            json_row(result, at, row, parent == HD_NODE_NONE ? 0 : row_of[parent]);
            row_of[at] = row++;
        }
        at = hd_tree_next(tree, at, !shown);
    }
    printf("]}\n");
    free(row_of);
    return true;
}

/* ---- the command ---- */

static int tree(const struct request *request)
{
    struct result result = {0};
    struct hd_error err = {0};
    if (!hd_tree_view_open(&result.view, request->path, request->id, request->depth, &err))
        return hd_open_fail("tree", request->json, &err);
    bool done = choose(request, &result, &err);
    if (done && request->json) {
        done = print_json(request, &result, &err);
    } else if (done) {
        hd_open_warn(&result.view.open, "tree");
        print_text(request, &result);
    }
    free(result.shown);
    hd_tree_view_close(&result.view);
    return done ? 0 : hd_open_fail("tree", request->json, &err);
}

static int run(int argc, char **argv)
{
    struct request request = {.depth = DEPTH, .limit = LIMIT, .least = {.share = 0.01}};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_tree, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'd')
            request.depth = hd_call_count(&call);
        else if (letter == 'm')
            hd_tree_view_read_least(&call, &request.least);
        else if (letter == 'l')
            request.limit = hd_call_count(&call);
        else
            request.json = true;
    }
    if (!hd_call_operands(&call))
        return call.status;
    request.path = call.operand[0];
    request.id = call.operand_count > 1 ? call.operand[1] : NULL;
    return tree(&request);
}

static const struct hd_option options[] = {
    {'d', "depth", "N", "levels below the first one (5); 0 for all", NULL, NULL},
    {'m', "min", "SIZE|PERCENT", "list what retains so much or more (1%): 500kB, 0.5%", NULL, NULL},
    {'l', "limit", "N", "rows to print, the biggest (60); 0 for all", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_JSON,
    HD_OPTION_END};

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
             "Category → @children → Array → Category: what is below the second Category is counted at the first.\n\n"
             "`… Cart → @item → Item` says that several ways lead to an Item, one of them from a Cart: none of them "
             "alone keeps it alive, but what it stands below does.",
    .statuses = "0 fine, 2 wrong options or no such object, 3 not a dump, 4 the file could not be read."};
