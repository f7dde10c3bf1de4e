/* `heap_dump find`: which objects fit all conditions? */
#include "cli/cli.h"

#include "cli/describe.h"
#include "cli/open.h"
#include "cli/table.h"
#include "graph/find.h"

#include <stdlib.h>
#include <string.h>

struct request {
    const char *path, *regex;
    struct hd_find_query query;
    regex_t value;
    unsigned long limit;
    bool ignore_case, json;
};

struct result {
    struct hd_open open;
    struct hd_found found;
    struct hd_descriptions descriptions;
    uint32_t shown;
};

static void print_json(const struct result *result)
{
    printf("{");
    hd_open_json_head(stdout, &result->open);
    printf(",\"count\":%u,\"size\":%llu,\"retained\":%llu,\"objects\":[", result->found.count,
           (unsigned long long)result->found.size, (unsigned long long)result->found.retained);
    for (uint32_t i = 0; i < result->shown; i++) {
        uint32_t node = result->found.node[i];
        printf("%s{", i ? "," : "");
        hd_open_json_node(stdout, &result->open, node);
        printf(",\"description\":");
        hd_cli_print_json_string(stdout, hd_describe_get(&result->descriptions, node));
        printf("}");
    }
    printf("]}\n");
}

static void print_text(const struct result *result)
{
    static const struct hd_table_column columns[] = {{"retained", true, false},
                                                     {"size", true, false},
                                                     {"id", false, false},
                                                     {"class", false, true},
                                                     {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 5};
    char text[HD_OPEN_TITLE], size[HD_TABLE_NUMBER], retained[HD_TABLE_NUMBER];
    for (uint32_t i = 0; i < result->shown; i++) {
        uint32_t node = result->found.node[i];
        hd_table_add_bytes(&table, result->open.dominators.retained[node]);
        hd_table_add_bytes(&table, result->open.graph.node_size[node]);
        snprintf(text, sizeof text, "0x%llx", (unsigned long long)result->open.graph.node_address[node]);
        hd_table_add_string(&table, text);
        hd_table_add_string(&table, hd_open_title(text, &result->open, node));
        hd_table_add_string(&table, hd_describe_get(&result->descriptions, node));
    }
    if (result->shown)
        hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    if (result->shown < result->found.count)
        printf("… %s more (--limit 0 prints all)\n",
               hd_table_count(text, result->found.count - result->shown));
    if (!result->found.count) {
        printf("No object fits.\n");
        hd_open_next(stdout, &result->open, "top", "");
        return;
    }
    printf("%s%s %s: %s, retaining %s together\n", result->shown ? "\n" : "",
           hd_table_count(text, result->found.count), result->found.count == 1 ? "object" : "objects",
           hd_table_bytes(size, result->found.size), hd_table_bytes(retained, result->found.retained));
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)result->open.graph.node_address[result->found.node[0]]);
    hd_open_next(stdout, &result->open, "path", text);
}

static int find(const struct request *request)
{
    struct result result = {0};
    struct hd_error err = {0};
    if (!hd_open_read_for(&result.open, request->path, HD_INDEX_GRAPH, &err))
        return hd_open_fail("find", request->json, &err);
    bool done = !request->query.type || hd_find_knows_type(&result.open.graph, request->query.type)
                || hd_error_set(&err, HD_ERROR_USAGE, "%.200s has no objects of type %.100s, and no builtin type is "
                                "called so", request->path, request->query.type);
    const struct hd_groups *classes =
        done && request->query.class_glob ? hd_derived_classes(&result.open.derived, &err) : NULL;
    done = done && (classes || !request->query.class_glob)
           && hd_find(&request->query, request->path, &result.open.graph, &result.open.dominators, classes,
                      &result.found, &err);
    if (done) {
        bool all = request->limit == 0 || request->limit > result.found.count;
        result.shown = all ? result.found.count : (uint32_t)request->limit;
        done = hd_describe_create(&result.descriptions, &result.open, result.found.node, result.shown, &err);
    }
    if (done && request->json) {
        print_json(&result);
    } else if (done) {
        hd_open_warn(&result.open, "find");
        print_text(&result);
    }
    hd_describe_destroy(&result.descriptions);
    free(result.found.node);
    hd_open_close(&result.open);
    return done ? 0 : hd_open_fail("find", request->json, &err);
}

static int find_with_regex(struct hd_call *call, struct request *request)
{
    int code = regcomp(&request->value, request->regex, REG_EXTENDED | (request->ignore_case ? REG_ICASE : 0));
    if (code) {
        char why[200];
        regerror(code, &request->value, why, sizeof why);
        hd_call_refuse(call, "--value takes a regular expression, not %s: %s", request->regex, why);
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
    .notes = "--value, and --name for what is no class or module, read the dump twice, so not from -.",
    .statuses = HD_OPEN_STATUSES};
