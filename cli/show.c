/* `heap_dump show`: everything about one object. */
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/readable.h"
#include "cli/table.h"
#include "dump/json_reader.h"
#include "view/object.h"

#include <string.h>

struct object {
    struct hd_open open;
    uint32_t node;
    struct hd_referrer *referrers;
    uint64_t referrer_count;
    uint64_t reference_count;
    char *line; /* NULL if it cannot be read again */
    size_t line_length;
    struct hd_error line_err;
};

/* One end of an edge: `other` is the object there. */
static void edge_row(struct hd_table *table, const struct hd_view_object *object, uint64_t edge, uint32_t other)
{
    const struct hd_graph *graph = &object->open->graph;
    char title[HD_OPEN_TITLE];
    uint32_t name = graph->edge_name[edge];
    struct hd_graph_text text = hd_graph_name(graph, name);
    struct hd_buffer words = {0};
    hd_buffer_append(&words, text.data ? text.data : "", text.length);
    if (name & HD_NAME_WEAK)
        hd_buffer_append(&words, " (weak)", 7);
    hd_table_add(table, words.data ? words.data : "", words.length);
    hd_buffer_deinit(&words);
    hd_table_add_string(table, hd_open_title(title, object->open, other));
    hd_table_add_id(table, graph->node_address[other]);
    if (other == HD_NODE_ROOT) {
        hd_table_add_string(table, "");
        hd_table_add_string(table, "");
        return;
    }
    hd_table_add_bytes(table, graph->node_size[other]);
    hd_table_add_bytes(table, object->open->dominators.retained[other]);
}

static void section(const char *title, uint64_t count)
{
    char number[HD_TABLE_NUMBER];
    printf("\n");
    hd_table_strong(stdout, true);
    printf("%s: %s\n", title, hd_table_count(number, count));
    hd_table_strong(stdout, false);
}

static void edges_print(const struct hd_open_request *request, const struct hd_view_object *object, bool incoming)
{
    static const struct hd_table_column columns[] = {{"name", false, true},
                                                     {"object", false, true},
                                                     {"id", false, false},
                                                     {"size", true, false},
                                                     {"retained", true, false}};
    struct hd_table table = {.columns = columns, .column_count = 5, .margin = 2};
    const struct hd_graph *graph = &object->open->graph;
    uint64_t count = incoming ? object->referrer_count : object->reference_count;
    section(incoming ? "referrers" : "references", count);
    for (uint64_t i = 0; i < hd_view_object_shown(count, request->limit); i++) {
        uint64_t edge = incoming ? object->referrers[i].edge : graph->edge_start[object->node] + i;
        edge_row(&table, object, edge, incoming ? object->referrers[i].from : graph->edge_to[edge]);
    }
    if (count)
        hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    char number[HD_TABLE_NUMBER];
    if (hd_view_object_shown(count, request->limit) < count)
        printf("  … %s more (--limit 0 prints all)\n", hd_table_count(number, count - hd_view_object_shown(count, request->limit)));
}

static void fact(struct hd_table *table, const char *name, const char *text)
{
    hd_table_add_string(table, name);
    hd_table_add_string(table, text);
}

static void facts_print(const struct hd_view_object *object)
{
    static const struct hd_table_column columns[] = {{"", false, false}, {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 2, .margin = 2, .headless = true};
    const struct hd_graph *graph = &object->open->graph;
    const struct hd_dominators *dominators = &object->open->dominators;
    uint64_t retained = dominators->retained[object->node];
    uint32_t parent = dominators->parent[object->node];
    char text[HD_OPEN_TITLE + 80], title[HD_OPEN_TITLE], number[2 * HD_TABLE_NUMBER];
    fact(&table, "type", hd_bt_name(graph->node_type[object->node]));
    fact(&table, "size", hd_table_bytes(number, graph->node_size[object->node]));
    if (parent == HD_NODE_NONE) {
        fact(&table, "retained", "nothing: no root leads here, so it would not survive a garbage collection");
    } else {
        hd_table_bytes(number, retained);
        snprintf(text, sizeof text, "%s, %.1f %% of what is reachable", number,
                 dominators->reachable_size ? 100.0 * (double)retained / (double)dominators->reachable_size : 0.0);
        fact(&table, "retained", text);
        snprintf(text, sizeof text, "%s %s", hd_open_title(title, object->open, parent),
                 parent == HD_NODE_ROOT ? "itself: no single object keeps it alive"
                                        : hd_table_id(number, graph->node_address[parent]));
        fact(&table, "dominator", text);
    }
    uint8_t flags = graph->node_flags[object->node];
    if (flags & HD_NODE_FROZEN)
        fact(&table, "frozen", "yes");
    if (flags & HD_NODE_GARBAGE)
        fact(&table, "garbage", "yes");
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void print_text(const struct hd_open_request *request, const struct hd_view_object *object)
{
    char title[HD_OPEN_TITLE + 2 * HD_TABLE_NUMBER], id[2 * HD_TABLE_NUMBER];
    hd_open_title(title, object->open, object->node);
    size_t length = strlen(title);
    snprintf(title + length, sizeof title - length, " %s",
             hd_table_id(id, object->open->graph.node_address[object->node]));
    hd_table_strong(stdout, true);
    hd_table_line(stdout, title, strlen(title), 0);
    hd_table_strong(stdout, false);
    facts_print(object);
    if (object->line) {
        printf("  in the dump\n");
        hd_readable_print(stdout, (struct hd_graph_text){object->line, object->line_length});
    } else {
        printf("  its line: %s\n", object->line_err.text);
    }
    edges_print(request, object, false);
    edges_print(request, object, true);
    char rest[HD_TABLE_NUMBER];
    snprintf(rest, sizeof rest, "0x%llx", (unsigned long long)object->open->graph.node_address[object->node]);
    hd_open_next(stdout, object->open, "path", rest);
}

static int show(const struct hd_open_request *request, const char *id)
{
    struct hd_open open;
    struct hd_view_object object = {0};
    struct hd_error err = {0};
    uint32_t node;
    if (!hd_open_object(&open, request->path, id, hd_excerpt_object, HD_INDEX_GRAPH, &node, &err))
        return hd_open_fail("show", request->json, &err);
    bool done = hd_view_object_make(&object, &open, node, request->limit, &err);
    if (done && request->json) {
        hd_view_object_json(stdout, &object, request->limit);
    } else if (done) {
        hd_open_warn(&open, "show");
        print_text(request, &object);
    }
    hd_view_object_free(&object);
    hd_open_close(&open);
    return done ? 0 : hd_open_fail("show", request->json, &err);
}

static int run(int argc, char **argv)
{
    struct hd_open_request request = {.limit = 20};
    struct hd_call call;
    return hd_open_request(&request, &call, &hd_command_show, argc, argv) ? show(&request, call.operand[1]) : call.status;
}

static const struct hd_option options[] = {HD_OPEN_OPTIONS_LIMIT("references and referrers to print (20); 0 for all")};

const struct hd_command hd_command_show = {
    .name = "show",
    .run = run,
    .kept = true,
    .summary = "everything about one object: contents, sizes, references, referrers",
    .about = "Prints an object: its line of the dump made readable, what it takes and retains, its dominator "
             "(the nearest object without which it would be gone), what it refers to and what refers to it. ID "
             "is decimal or 0x… as the other commands print them.",
    .operands = {HD_OPERAND_DUMP_FILE, {"ID", "an id", HD_OPERAND_OBJECT, false, false, NULL}},
    .options = options,
    .statuses = "0 fine, 2 wrong options or no such object, 3 not a dump, 4 the file could not be read."};
