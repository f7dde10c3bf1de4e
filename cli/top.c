/* `heap_dump top`: which classes, types, files, gems, shapes or methods take and retain the most? */
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/table.h"
#include "dump/json_reader.h"
#include "graph/facets.h"
#include "graph/groups.h"
#include "graph/retained.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const sorts[] = {"retained", "size", "count", NULL};

/* What to group by; from BY_FACETS on a second pass over the dump is needed. */
enum { BY_CLASS, BY_TYPE, BY_FACETS };
static const char *const bys[] = {"class", "type", "file", "gem", "shape", "method", NULL};
static const enum hd_facet facets[] = {HD_FACET_FILE, HD_FACET_GEM, HD_FACET_SHAPE, HD_FACET_METHOD};

struct request {
    const char *path;
    bool exact, json;
    int by;   /* of bys */
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
    struct hd_groups types; /* with --by type */
    struct hd_facets facets;
    const uint32_t *number; /* the groups', whichever they are; NULL if nobody will ask */
    const struct hd_graph_text *name;
    const struct hd_retained_group *sums;
    struct hd_retained_group *facet_sums;
    uint32_t group_count;
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
    uint32_t count = result->group_count;
    const struct hd_retained_group *sums = result->sums;
    result->rows = calloc((size_t)count + 1, sizeof *result->rows);
    if (!result->rows)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < count; i++) {
        if (!sums[i].count)
            continue;
        uint64_t keys[] = {sums[i].retained, sums[i].shallow, sums[i].count};
        result->rows[result->row_count++] = (struct row){sums[i], result->name[i], i, keys[request->sort]};
    }
    qsort(result->rows, result->row_count, sizeof *result->rows, compare);
    bool all = request->limit == 0 || request->limit > result->row_count;
    result->shown = all ? result->row_count : (uint32_t)request->limit;
    return true;
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
            member[node] = result->number[node] == row->number;
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
           bys[request->by], sorts[request->sort], request->exact ? "true" : "false",
           (unsigned long long)result->open.dominators.reachable_size, result->row_count);
    for (uint32_t i = 0; i < result->shown; i++) {
        const struct row *row = &result->rows[i];
        printf("%s{\"%s\":", i ? "," : "", bys[request->by]);
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
    for (uint32_t i = 0; i < result->shown && request->by == BY_CLASS; i++) {
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
    hd_open_next(stdout, &result->open, request->by == BY_CLASS ? "summary" : "top", "");
}

static void print_text(const struct request *request, const struct result *result)
{
    const struct hd_table_column columns[] = {
        {"retained", true, false}, {"share", true, false}, {"size", true, false}, {"count", true, false},
        {bys[request->by], false, true}};
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

static bool facets_make(const struct request *request, struct result *result, struct hd_error *err)
{
    const struct hd_graph *graph = &result->open.graph;
    if (!hd_facets_create(&result->facets, facets[request->by - BY_FACETS], request->path, graph, err))
        return false;
    result->number = result->facets.number;
    result->name = result->facets.name;
    result->group_count = result->facets.count;
    result->sums = result->facet_sums = calloc((size_t)result->group_count + 1, sizeof *result->facet_sums);
    if (!result->sums)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    return hd_retained_by_group(&result->open.dominators, graph, result->number, result->facet_sums,
                                result->group_count, err);
}

static bool types_make(const struct request *request, struct result *result, struct hd_error *err)
{
    static struct hd_graph_text names[HD_BT_COUNT];
    if (request->exact && !hd_groups_by_type(&result->types, &result->open.graph, err))
        return false;
    for (int type = 0; type < HD_BT_COUNT; type++)
        names[type] = hd_groups_type_name(type);
    result->number = result->types.number;
    result->name = names;
    result->group_count = HD_BT_COUNT;
    result->sums = hd_derived_type_sums(&result->open.derived, err);
    return result->sums != NULL;
}

static bool groups_make(const struct request *request, struct result *result, struct hd_error *err)
{
    if (request->by >= BY_FACETS)
        return facets_make(request, result, err);
    if (request->by == BY_TYPE)
        return types_make(request, result, err);
    const struct hd_groups *classes = hd_derived_classes(&result->open.derived, err);
    result->sums = classes ? hd_derived_class_sums(&result->open.derived, err) : NULL;
    if (!result->sums)
        return false;
    result->number = classes->number;
    result->name = classes->name;
    result->group_count = classes->count;
    return true;
}

static int top(const struct request *request)
{
    struct result result = {0};
    struct hd_error err = {0};
    bool sums = request->by < BY_FACETS && !request->exact; /* all that is needed was summed up before */
    if (!hd_open_read_for(&result.open, request->path, sums ? HD_INDEX_SUMS : HD_INDEX_TREE, &err))
        return hd_open_fail("top", request->json, &err);
    bool done = groups_make(request, &result, &err) && rows_fill(request, &result, &err)
                && (!request->exact || rows_refine(request, &result, &err));
    if (done && request->json) {
        print_json(request, &result);
    } else if (done) {
        hd_open_warn(&result.open, "top");
        print_text(request, &result);
    }
    free(result.rows);
    free(result.facet_sums);
    hd_groups_destroy(&result.types);
    hd_facets_destroy(&result.facets);
    hd_open_close(&result.open);
    return done ? 0 : hd_open_fail("top", request->json, &err);
}

static int run(int argc, char **argv)
{
    struct request request = {.limit = 20};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_top, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'b')
            request.by = call.choice;
        else if (letter == 's')
            request.sort = call.choice;
        else if (letter == 'l')
            request.limit = hd_call_count(&call);
        else if (letter == 'e')
            request.exact = true;
        else
            request.json = true;
    }
    if (!hd_call_operands(&call))
        return call.status;
    request.path = call.operand[0];
    return top(&request);
}

static const struct hd_option options[] = {
    {'b', "by", NULL, "what to group by (class)", bys, NULL},
    {'s', "sort", NULL, "the order (retained)", sorts, NULL},
    {'l', "limit", "N", "rows to print (20); 0 for all", NULL, NULL},
    {'e', "exact", NULL, "what only several objects of a row together retain, too; slower", NULL, NULL},
    HD_OPEN_NO_INDEX,
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_top = {
    .name = "top",
    .run = run,
    .kept = true,
    .summary = "which classes, types, files, gems or methods take and retain the most",
    .about = "Lists the classes whose objects take and retain the most memory.",
    .operands = {HD_OPERAND_DUMP_FILE},
    .options = options,
    .notes = "size is what the objects take themselves. retained is what would be freed if all of a row's objects "
             "went: nothing in a row is counted twice, but rows overlap. Without --exact, what only several objects "
             "of a row together keep alive is missing from it.\n\n"
             "file, gem and method are those where the objects were allocated, if that was traced, else those of the "
             "code they hold; shape is the list of variables that objects share since Ruby 3.2. All four read the "
             "dump twice, so not from -.",
    .statuses = HD_OPEN_STATUSES};
