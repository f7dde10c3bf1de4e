/* `heap_dump top`: which classes or types take and retain the most? */
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/table.h"
#include "graph/groups.h"
#include "graph/retained.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: heap_dump top [options] FILE|-\n"
    "\n"
    "Lists the classes whose objects take and retain the most memory.\n"
    "\n"
    "  -b, --by class|type              what to group by (class)\n"
    "  -s, --sort retained|size|count   the order (retained)\n"
    "  -l, --limit N                    rows to print (20); 0 for all\n"
    "  -e, --exact                      what only several objects of a row together retain, too; slower\n"
    "  -j, --json                       as one JSON object\n"
    "  -h, --help                       this help\n"
    "\n"
    "size is what the objects take themselves. retained is what would be freed if all of a row's\n"
    "objects went: nothing in a row is counted twice, but rows overlap. Without --exact, what only\n"
    "several objects of a row together keep alive is missing from it.\n"
    "Exit status: 0 fine, 2 wrong options, 3 not a dump, 4 the file could not be read.\n";

static const char *const sorts[] = {"retained", "size", "count"};

struct request {
    const char *path;
    bool by_type, exact, json;
    int sort; /* of sorts */
    unsigned long limit;
};

struct row {
    struct hd_retained_group sums;
    struct hd_graph_text name;
    uint32_t number;
    uint64_t key;
};

struct result {
    struct hd_open open;
    struct hd_groups groups;
    struct row *rows; /* sorted */
    uint32_t row_count, shown;
};

static int compare(const void *left, const void *right)
{
    const struct row *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? 1 : -1;
    if (a->sums.shallow != b->sums.shallow)
        return a->sums.shallow < b->sums.shallow ? 1 : -1;
    size_t length = a->name.length < b->name.length ? a->name.length : b->name.length;
    int order = memcmp(a->name.data, b->name.data, length);
    return order ? order : (a->name.length > b->name.length) - (a->name.length < b->name.length);
}

static bool rows_fill(const struct request *request, struct result *result, struct hd_error *err)
{
    uint32_t count = result->groups.count;
    struct hd_retained_group *sums = calloc(count + 1, sizeof *sums);
    result->rows = calloc(count + 1, sizeof *result->rows);
    bool done = sums && result->rows;
    if (!done)
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    done = done
           && hd_retained_by_group(&result->open.dominators, &result->open.graph, result->groups.number, sums, count,
                                   err);
    for (uint32_t i = 0; done && i < count; i++) {
        if (!sums[i].count)
            continue;
        uint64_t keys[] = {sums[i].retained, sums[i].shallow, sums[i].count};
        result->rows[result->row_count++] = (struct row){sums[i], result->groups.name[i], i, keys[request->sort]};
    }
    free(sums);
    if (done)
        qsort(result->rows, result->row_count, sizeof *result->rows, compare);
    bool all = request->limit == 0 || request->limit > result->row_count;
    result->shown = all ? result->row_count : (uint32_t)request->limit;
    return done;
}

/* The exact sizes of the rows that are shown, which then are sorted anew. */
static bool rows_refine(const struct request *request, struct result *result, struct hd_error *err)
{
    const struct hd_graph *graph = &result->open.graph;
    uint8_t *member = malloc(graph->node_count);
    if (!member)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    struct hd_error failure = {0};
    for (uint32_t i = 0; i < result->shown && failure.code == HD_OK; i++) {
        struct row *row = &result->rows[i];
        for (uint32_t node = 0; node < graph->node_count; node++)
            member[node] = result->groups.number[node] == row->number;
        row->sums.retained =
            hd_dominators_retained_by_set(&result->open.dominators, graph, member, true, &failure);
        if (request->sort == 0)
            row->key = row->sums.retained;
    }
    free(member);
    qsort(result->rows, result->shown, sizeof *result->rows, compare);
    if (failure.code != HD_OK)
        *err = failure;
    return failure.code == HD_OK;
}

static void print_json(const struct request *request, const struct result *result)
{
    printf("{");
    hd_open_json_head(stdout, &result->open);
    printf(",\"by\":\"%s\",\"sort\":\"%s\",\"exact\":%s,\"reachable_bytes\":%llu,\"total\":%u,\"rows\":[",
           request->by_type ? "type" : "class", sorts[request->sort], request->exact ? "true" : "false",
           (unsigned long long)result->open.dominators.reachable_size, result->row_count);
    for (uint32_t i = 0; i < result->shown; i++) {
        const struct row *row = &result->rows[i];
        printf("%s{\"%s\":", i ? "," : "", request->by_type ? "type" : "class");
        hd_table_json_text(stdout, row->name);
        printf(",\"count\":%llu,\"size\":%llu,\"retained\":%llu,\"unreachable\":%llu}",
               (unsigned long long)row->sums.count, (unsigned long long)row->sums.shallow,
               (unsigned long long)row->sums.retained, (unsigned long long)row->sums.unreachable);
    }
    printf("]}\n");
}

/* The next command is about the first row whose objects one would look for. */
static void print_next(const struct request *request, const struct result *result)
{
    static const char *const common[] = {"Class", "Module", "String", "Array", "Hash", "Symbol", "Object", "Thread"};
    for (uint32_t i = 0; i < result->shown && !request->by_type; i++) {
        struct hd_graph_text name = result->rows[i].name;
        bool plain = name.length > 0 && name.length < 200 && name.data[0] >= 'A' && name.data[0] <= 'Z';
        for (size_t k = 0; k < sizeof common / sizeof *common; k++)
            plain = plain && !(strlen(common[k]) == name.length && !memcmp(common[k], name.data, name.length));
        for (size_t k = 0; k < name.length; k++)
            plain = plain && (name.data[k] == ':' || name.data[k] == '_' || (name.data[k] & 0x80) ||
                              (unsigned)((name.data[k] | 0x20) - 'a') < 26 || (unsigned)(name.data[k] - '0') < 10);
        if (!plain)
            continue;
        char rest[256];
        snprintf(rest, sizeof rest, "%.*s", (int)name.length, name.data);
        hd_open_next(stdout, &result->open, "path", rest);
        return;
    }
    hd_open_next(stdout, &result->open, request->by_type ? "top" : "summary", "");
}

static void print_text(const struct request *request, const struct result *result)
{
    const struct hd_table_column columns[] = {
        {"retained", true, false}, {"share", true, false}, {"size", true, false}, {"count", true, false},
        {request->by_type ? "type" : "class", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 5};
    for (uint32_t i = 0; i < result->shown; i++) {
        const struct row *row = &result->rows[i];
        hd_table_add_bytes(&table, row->sums.retained);
        hd_table_add_percent(&table, row->sums.retained, result->open.dominators.reachable_size);
        hd_table_add_bytes(&table, row->sums.shallow);
        hd_table_add_count(&table, row->sums.count);
        hd_table_add(&table, row->name.data, row->name.length);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    if (result->shown < result->row_count) {
        char number[HD_TABLE_NUMBER];
        printf("… %s more rows (--limit 0 prints all)\n", hd_table_count(number, result->row_count - result->shown));
    }
    print_next(request, result);
}

static int top(const struct request *request)
{
    struct result result = {0};
    struct hd_error err = {0};
    if (!hd_open_read(&result.open, request->path, &err))
        return hd_open_fail("top", request->json, &err);
    bool done = request->by_type ? hd_groups_by_type(&result.groups, &result.open.graph, &err)
                                 : hd_groups_by_class(&result.groups, &result.open.graph, &err);
    done = done && rows_fill(request, &result, &err) && (!request->exact || rows_refine(request, &result, &err));
    if (done && request->json) {
        print_json(request, &result);
    } else if (done) {
        hd_open_warn(&result.open, "top");
        print_text(request, &result);
    }
    free(result.rows);
    hd_groups_destroy(&result.groups);
    hd_open_close(&result.open);
    return done ? 0 : hd_open_fail("top", request->json, &err);
}

/* 0, or the exit status of the complaint. */
static int option_take(int option, struct request *request)
{
    switch (option) {
    case 'b':
        request->by_type = !strcmp(optarg, "type");
        if (!request->by_type && strcmp(optarg, "class") != 0)
            return hd_cli_usage("top", "--by takes class or type, not %s", optarg);
        return 0;
    case 's':
        for (request->sort = 0; request->sort < 3; request->sort++)
            if (!strcmp(optarg, sorts[request->sort]))
                return 0;
        return hd_cli_usage("top", "--sort takes retained, size or count, not %s", optarg);
    case 'l':
        if (!hd_open_parse_limit(optarg, &request->limit))
            return hd_cli_usage("top", "--limit takes a number, not %s", optarg);
        return 0;
    case 'e':
        request->exact = true;
        return 0;
    default:
        request->json = true;
        return 0;
    }
}

int hd_cli_top(int argc, char **argv)
{
    static const struct option options[] = {
        {"by", required_argument, NULL, 'b'},    {"sort", required_argument, NULL, 's'},
        {"limit", required_argument, NULL, 'l'}, {"exact", no_argument, NULL, 'e'},
        {"json", no_argument, NULL, 'j'},        {"help", no_argument, NULL, 'h'},
        {0}};
    struct request request = {.limit = 20};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, ":b:s:l:ejh", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (option == '?' || option == ':')
            return hd_cli_bad_option("top", argv, option);
        int status = option_take(option, &request);
        if (status)
            return status;
    }
    if (optind == argc)
        return hd_cli_usage("top", "a file is missing");
    if (optind + 1 < argc)
        return hd_cli_usage("top", "one file at a time, but there is also %s", argv[optind + 1]);
    request.path = argv[optind];
    return top(&request);
}
