/* `heap_dump collections`: how full are arrays, hashes and sets, which are empty, which are big? */
#include "cli/cli.h"

#include "cli/kept.h"
#include "cli/twice.h"
#include "view/collections.h"

static const char *const set_names[HD_COLLECTIONS_KINDS] = {"empty arrays", "empty hashes", "empty sets"};

struct result {
    struct hd_twice twice;
    struct hd_view_collections view;
};

static void print_sums(const struct result *result)
{
    static const struct hd_table_column columns[] = {{"", false, false}, {"count", true, false}, {"size", true, false},
                                                     {"elements", true, false}, {"empty", true, false}, {"filled", true, false},
                                                     {"unused", true, false}};
    struct hd_table table = {.columns = columns, .column_count = 7};
    for (int kind = 0; kind < HD_COLLECTIONS_KINDS; kind++) {
        const struct hd_collections_sum *sum = &result->view.sums[kind];
        if (kind == HD_COLLECTIONS_SET && !sum->count)
            continue;
        hd_table_add_string(&table, hd_view_collections_kinds[kind]);
        hd_table_add_count(&table, sum->count);
        hd_table_add_bytes(&table, sum->bytes);
        hd_table_add_count(&table, sum->elements);
        hd_table_add_count(&table, sum->empty);
        hd_table_add_percent(&table, sum->known_elements, sum->places);
        hd_table_add_bytes(&table, sum->unused);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    char number[HD_TABLE_NUMBER];
    uint64_t unknown = 0;
    for (int kind = 0; kind < HD_COLLECTIONS_KINDS; kind++)
        unknown += result->view.sums[kind].count - result->view.sums[kind].known;
    if (unknown)
        printf("of %s of them the dump does not tell how many places they have\n", hd_table_count(number, unknown));
}

static void print_fills(const struct result *result)
{
    static const struct hd_table_column columns[] = {{"filled", false, false}, {"arrays", true, false}, {"unused", true, false},
                                                     {"hashes", true, false}, {"unused", true, false},
                                                     {"sets", true, false}, {"unused", true, false}};
    int kinds = result->view.sums[HD_COLLECTIONS_SET].count ? HD_COLLECTIONS_KINDS : HD_COLLECTIONS_SET;
    struct hd_table table = {.columns = columns, .column_count = 1 + 2 * kinds};
    for (int fill = 0; fill < HD_COLLECTIONS_FILLS; fill++) {
        hd_table_add_string(&table, hd_view_collections_fills[fill]);
        for (int kind = 0; kind < kinds; kind++) {
            hd_table_add_count(&table, result->view.sums[kind].fill_count[fill]);
            hd_table_add_bytes(&table, result->view.sums[kind].fill_unused[fill]);
        }
    }
    printf("\n");
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static const char *const names[HD_COLLECTIONS_KINDS] = {"Array", "Hash", "Set"};

static void add_row(struct hd_table *table, const struct hd_view_collections_row *row)
{
    char id[HD_TABLE_NUMBER];
    snprintf(id, sizeof id, "0x%llx", (unsigned long long)row->object.id);
    hd_table_add_bytes(table, row->unused);
    hd_table_add_count(table, row->elements);
    if (row->places == HD_COLLECTIONS_UNKNOWN)
        hd_table_add_string(table, "?");
    else
        hd_table_add_count(table, row->places);
    hd_table_add_bytes(table, row->object.size);
    hd_table_add_string(table, id);
    hd_table_add_string(table, names[row->kind]);
    hd_table_add(table, row->way.data, row->way.length);
}

static void print_list(const struct hd_view_collections *view, bool unused)
{
    static const struct hd_table_column columns[] = {{"unused", true, false}, {"elements", true, false}, {"places", true, false},
                                                     {"size", true, false}, {"id", false, false}, {"", false, false},
                                                     {"held by", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 7};
    for (uint32_t i = 0; i < view->shown; i++) {
        const struct hd_view_collections_row *row = unused ? hd_view_collections_unused(view, i) : hd_view_collections_biggest(view, i);
        if (unused && !row->unused)
            break;
        add_row(&table, row);
    }
    if (table.cell_count) {
        printf(unused ? "\nMost unused places\n" : "\nBiggest\n");
        hd_table_print(stdout, &table);
    }
    hd_table_deinit(&table);
}

static void print_ways(const struct hd_view_collections *view, int kind, uint64_t limit)
{
    static const struct hd_table_column columns[] = {
        {"size", true, false}, {"count", true, false}, {"held by", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 3, .margin = 2};
    uint64_t count = view->ways[kind];
    for (uint32_t i = 0; i < count && i < limit; i++) {
        const struct hd_shown_way *way = hd_view_collections_way(view, kind, i);
        hd_table_add_bytes(&table, way->bytes);
        hd_table_add_count(&table, way->references);
        hd_table_add(&table, way->words.data, way->words.length);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    char number[HD_TABLE_NUMBER];
    if (count > limit)
        printf("  … %s more ways\n", hd_table_count(number, count - limit));
}

static void print_empty(const struct hd_open_request *request, const struct hd_view_collections *view)
{
    for (int kind = 0; kind < HD_COLLECTIONS_KINDS; kind++) {
        const struct hd_collections_sum *sum = &view->sums[kind];
        char number[HD_TABLE_NUMBER], bytes[HD_TABLE_NUMBER];
        if (!sum->empty)
            continue;
        printf("\n%s %s, %s\n", hd_table_count(number, sum->empty), set_names[kind], hd_table_bytes(bytes, sum->empty_bytes));
        print_ways(view, kind, request->limit ? request->limit : UINT64_MAX);
    }
}

static void print_text(const struct hd_open_request *request, const struct result *result)
{
    const struct hd_view_collections *view = &result->view;
    char id[HD_TABLE_NUMBER];
    print_sums(result);
    print_fills(result);
    print_list(view, false);
    print_list(view, true);
    print_empty(request, view);
    const struct hd_collections_sum *sums = view->sums;
    if (sums[0].empty_bytes + sums[1].empty_bytes + sums[2].empty_bytes > 0)
        printf("\nWhat is empty in most objects can be made when it is first needed: `(@tags ||= []) << tag`, or\n"
               "be one frozen constant. Unused places go when a collection is copied: `array = array.dup`.\n");
    if (!view->shown) {
        hd_open_next(stdout, &result->twice.open, "summary", "");
        return;
    }
    snprintf(id, sizeof id, "0x%llx", (unsigned long long)hd_view_collections_biggest(view, 0)->object.id);
    hd_open_next(stdout, &result->twice.open, "show", id);
}

static int collections(const struct hd_open_request *request)
{
    struct result result = {0};
    struct hd_error err = {0};
    if (!hd_twice_open(&result.twice, request->path, &err))
        return hd_open_fail("collections", request->json, &err);
    bool done = hd_view_collections_make(&result.view, &result.twice.open, request->limit, &err);
    hd_kept_by_parts = done && !result.view.made;
    if (done && request->json) {
        hd_view_collections_json(stdout, &result.view);
    } else if (done) {
        hd_open_warn(&result.twice.open, "collections");
        print_text(request, &result);
    }
    hd_view_collections_free(&result.view);
    hd_twice_close(&result.twice);
    return done ? 0 : hd_open_fail("collections", request->json, &err);
}

static int run(int argc, char **argv)
{
    struct hd_open_request request = {.limit = 10};
    struct hd_call call;
    return hd_open_request(&request, &call, &hd_command_collections, argc, argv) ? collections(&request) : call.status;
}

static const struct hd_option options[] = {HD_OPEN_OPTIONS_LIMIT("rows of each table (10); 0 for all")};

const struct hd_command hd_command_collections = {
    .name = "collections",
    .run = run,
    .kept = true,
    .summary = "how full arrays, hashes and sets are, the empty ones and the biggest",
    .about = "Says how many of the places that arrays, hashes and Sets have are in use, who holds the empty ones, and which are the "
             "biggest. A Set is one of its own since Ruby 4.0; before, it is an object with a hash.",
    .operands = {HD_OPERAND_DUMP_FILE},
    .options = options,
    .notes = "unused is the memory of places that nothing is in. What lies in the slot itself, or in a buffer shared with another "
             "array, has no places of its own. A dump of ObjectSpace has no capacities: they are worked out from sizes, and "
             "stay unknown for some hashes.",
    .statuses = HD_OPEN_STATUSES};
