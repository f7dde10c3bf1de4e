/* `heap_dump find`: which objects fit all conditions? */
#include "cli/cli.h"

#include "base/regex_compile.h"
#include "cli/open.h"
#include "cli/table.h"
#include "view/find.h"

struct request {
    const char *path, *regex;
    struct hd_find_query query;
    regex_t value;
    unsigned long limit;
    bool ignore_case, json;
};

static void print_text(const struct hd_view_find *view)
{
    static const struct hd_table_column columns[] = {{"retained", true, false},
                                                     {"size", true, false},
                                                     {"id", false, false},
                                                     {"class", false, true},
                                                     {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 5};
    char text[HD_OPEN_TITLE], size[HD_TABLE_NUMBER], retained[HD_TABLE_NUMBER];
    for (uint32_t i = 0; i < view->shown; i++) {
        uint32_t node = view->found.node[i];
        hd_table_add_bytes(&table, view->open->dominators.retained[node]);
        hd_table_add_bytes(&table, view->open->graph.node_size[node]);
        snprintf(text, sizeof text, "0x%llx", (unsigned long long)view->open->graph.node_address[node]);
        hd_table_add_string(&table, text);
        hd_table_add_string(&table, hd_open_title(text, view->open, node));
        hd_table_add_string(&table, hd_describe_get(&view->descriptions, node));
    }
    if (view->shown)
        hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    if (view->shown < view->found.count)
        printf("… %s more (--limit 0 prints all)\n",
               hd_table_count(text, view->found.count - view->shown));
    if (!view->found.count) {
        printf("No object fits.\n");
        hd_open_next(stdout, view->open, "top", "");
        return;
    }
    printf("%s%s %s: %s, retaining %s together\n", view->shown ? "\n" : "",
           hd_table_count(text, view->found.count), view->found.count == 1 ? "object" : "objects",
           hd_table_bytes(size, view->found.size), hd_table_bytes(retained, view->found.retained));
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)view->open->graph.node_address[view->found.node[0]]);
    hd_open_next(stdout, view->open, "path", text);
}

static int find(const struct request *request)
{
    struct hd_open open;
    struct hd_view_find view;
    struct hd_error err = {0};
    if (!hd_open_read_for(&open, request->path, HD_INDEX_SUMS, &err))
        return hd_open_fail("find", request->json, &err);
    bool done = hd_view_find_make(&view, &request->query, &open, 0, request->limit, &err);
    if (done && request->json) {
        hd_view_find_json(stdout, &view);
    } else if (done) {
        hd_open_warn(&open, "find");
        print_text(&view);
    }
    hd_view_find_free(&view);
    hd_open_close(&open);
    return done ? 0 : hd_open_fail("find", request->json, &err);
}

static int find_with_regex(struct hd_call *call, struct request *request)
{
    request->query.value_regex = request->regex;
    request->query.value_flags = REG_EXTENDED | (request->ignore_case ? REG_ICASE : 0);
    char why[HD_REGEX_WHY];
    if (!hd_regex_compile(&request->value, request->regex, request->query.value_flags, why)) {
        hd_call_refuse(call, "--value takes a regular expression, not %.200s: %s", request->regex, why);
        return call->status;
    }
    request->query.value = &request->value;
    int status = find(request);
    regfree(&request->value);
    return status;
}

static int run(int argc, char **argv)
{
    struct request request = {.limit = 20};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_find, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        switch (letter) {
        case 'c':
            request.query.class_glob = call.value;
            break;
        case 'n':
            request.query.name_glob = call.value;
            break;
        case 't':
            request.query.type = call.value;
            break;
        case 'm':
            request.query.min_size = hd_call_bytes(&call);
            break;
        case 'r':
            request.query.min_retained = hd_call_bytes(&call);
            break;
        case 'v':
            request.regex = call.value;
            break;
        case 'i':
            request.ignore_case = true;
            break;
        case 'l':
            request.limit = hd_call_count(&call);
            break;
        default:
            request.json = true;
        }
    }
    if (!hd_call_operands(&call))
        return call.status;
    request.path = call.operand[0];
    return request.regex ? find_with_regex(&call, &request) : find(&request);
}

static const struct hd_option options[] = {
    {'c', "class", "GLOB", "of a class of that name: Order, 'Shop::*'", NULL, NULL},
    {'n', "name", "GLOB", "called so itself: a class, module, method, iseq, thread, symbol, open file", NULL, NULL},
    {'t', "type", "TYPE", "of a builtin type, T_STRING or string, or what Ruby calls it within: proc, iseq, env, VM/thread", NULL, NULL},
    {'m', "min-size", "SIZE", "takes at least so much itself: 500, 10k, 1.5M, 2G", NULL, NULL},
    {'r', "min-retained", "SIZE", "retains at least so much", NULL, NULL},
    {'v', "value", "REGEX", "a String, Symbol or Regexp in which this is found (extended, as grep -E); of long strings, in what the dump has of them", NULL, NULL},
    {'i', "ignore-case", NULL, "for --value", NULL, NULL},
    {'l', "limit", "N", "objects to print (20); 0 for all", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_find = {
    .name = "find",
    .run = run,
    .kept = true,
    .summary = "the objects of a class, name, type, size or value",
    .about = "Lists the objects that fit all conditions, those that retain the most first.",
    .operands = {HD_OPERAND_DUMP_FILE},
    .options = options,
    .notes = "--value, and --name for what is no class or module, read the dump twice where its index was not prepared, so not from -.",
    .statuses = HD_OPEN_STATUSES};
