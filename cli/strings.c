/* `heap_dump strings`: which strings are there several times, which are big, what could be shared? */
#include "cli/cli.h"

#include "cli/kept.h"
#include "cli/twice.h"
#include "view/strings.h"

#include <string.h>

struct result {
    struct hd_twice twice;
    struct hd_view_strings view;
};

static void sum_add(struct hd_table *table, uint64_t bytes, uint64_t count, const char *what)
{
    hd_table_add_bytes(table, bytes);
    hd_table_add_count(table, count);
    hd_table_add_string(table, what);
}

static void print_sums(const struct result *result)
{
    static const struct hd_table_column columns[] = {{"size", true, false}, {"count", true, false}, {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 3};
    const struct hd_view_strings *strings = &result->view;
    sum_add(&table, strings->all.bytes, strings->all.count, "strings that are reachable");
    sum_add(&table, strings->copies.bytes, strings->copies.count, "of these are copies: an equal one is there already");
    sum_add(&table, strings->frozen_copies.bytes, strings->frozen_copies.count, "of the copies are frozen: they could be one object each");
    if (strings->unknown.count)
        sum_add(&table, strings->unknown.bytes, strings->unknown.count, "could not be compared: the dump does not have their contents");
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

/* What is in a string, in quotes; hashes and base64 are said to be what they are. */
static void add_contents(struct hd_table *table, const struct hd_view_strings_row *row)
{
    if (row->form == HD_STRINGS_UNKNOWN) {
        hd_table_add_string(table, "(contents are not in the dump)");
        return;
    }
    hd_table_add_string(table, row->form == HD_STRINGS_BASE64 ? "base64 " : row->form == HD_STRINGS_HASH ? "redacted " : "\"");
    hd_table_append(table, row->beginning.data, row->beginning.length);
    hd_table_append_string(table, row->truncated ? "…" : "");
    hd_table_append_string(table, row->form == HD_STRINGS_TEXT ? "\"" : "");
}

static void print_groups(const struct hd_view_strings *view)
{
    static const struct hd_table_column columns[] = {{"wasted", true, false}, {"copies", true, false}, {"frozen", true, false},
                                                     {"contents", false, true}, {"held by", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 5};
    for (uint32_t i = 0; i < view->groups; i++) {
        const struct hd_view_strings_row *row = hd_view_strings_group(view, i);
        hd_table_add_bytes(&table, row->wasted);
        hd_table_add_count(&table, row->count - 1);
        hd_table_add_count(&table, row->frozen);
        add_contents(&table, row);
        hd_twice_add_way(&table, &row->way[0], row->ways);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static char *hex(char id[HD_TABLE_NUMBER], const struct hd_view_strings_row *row)
{
    snprintf(id, HD_TABLE_NUMBER, "0x%llx", (unsigned long long)row->object.id);
    return id;
}

static void print_biggest(const struct hd_view_strings *view)
{
    static const struct hd_table_column columns[] = {{"size", true, false}, {"id", false, false}, {"contents", false, true},
                                                     {"held by", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 4};
    for (uint32_t i = 0; i < view->biggest; i++) {
        const struct hd_view_strings_row *row = hd_view_strings_biggest(view, i);
        char id[HD_TABLE_NUMBER];
        hd_table_add_bytes(&table, row->object.size);
        hd_table_add_string(&table, hex(id, row));
        add_contents(&table, row);
        hd_table_add(&table, row->way[0].words.data, row->way[0].words.length);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

/* Where the copies that waste most were made, if the dump knows: there one `freeze` or `-string` is enough. */
static void print_places(const struct hd_view_strings *view)
{
    static const struct hd_table_column columns[] = {{"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 1, .margin = 2, .headless = true};
    char number[HD_TABLE_NUMBER];
    for (uint32_t i = 0; i < view->groups; i++) {
        const struct hd_view_strings_row *row = hd_view_strings_group(view, i);
        if (!row->file.data)
            continue;
        hd_table_add_bytes(&table, row->wasted);
        hd_table_append_string(&table, "  ");
        hd_table_append(&table, row->file.data, row->file.length);
        snprintf(number, sizeof number, ":%llu", (unsigned long long)row->line);
        hd_table_append_string(&table, number);
    }
    if (table.cell_count) {
        printf("\nMade at\n");
        hd_table_print(stdout, &table);
    }
    hd_table_deinit(&table);
}

static void print_advice(const struct result *result)
{
    const struct hd_view_strings *strings = &result->view;
    char bytes[HD_TABLE_NUMBER];
    if (!strings->copies.count)
        return;
    printf("\n%s would go if equal strings were one object. Literals: `# frozen_string_literal: true`.\n"
           "Others that never change: `-string` (String#-@) keeps one of each. Keys of records: symbols.\n",
           hd_table_bytes(bytes, strings->copies.bytes));
}

static void print_text(const struct hd_open_request *request, const struct result *result)
{
    const struct hd_view_strings *view = &result->view;
    char number[HD_TABLE_NUMBER], id[HD_TABLE_NUMBER];
    print_sums(result);
    if (view->groups) {
        printf("\nCopies that waste most\n");
        print_groups(view);
        if (view->groups < view->group_count)
            printf("… %s more (--limit 0 prints all)\n", hd_table_count(number, view->group_count - view->groups));
        print_places(view);
    }
    if (view->biggest) {
        printf("\nBiggest\n");
        print_biggest(view);
    }
    print_advice(result);
    if (!view->biggest) {
        hd_open_next(stdout, &result->twice.open, "summary", "");
        return;
    }
    hex(id, view->groups ? hd_view_strings_group(view, 0) : hd_view_strings_biggest(view, 0));
    hd_open_next(stdout, &result->twice.open, strcmp(request->path, "-") ? "path" : "show", id);
}

static int strings(const struct hd_open_request *request)
{
    struct result result = {0};
    struct hd_error err = {0};
    if (!hd_twice_open(&result.twice, request->path, &err))
        return hd_open_fail("strings", request->json, &err);
    bool done = hd_view_strings_make(&result.view, &result.twice.open, request->limit, &err);
    hd_kept_by_parts = done && !result.view.made;
    if (done && request->json) {
        hd_view_strings_json(stdout, &result.view);
    } else if (done) {
        hd_open_warn(&result.twice.open, "strings");
        print_text(request, &result);
    }
    hd_view_strings_free(&result.view);
    hd_twice_close(&result.twice);
    return done ? 0 : hd_open_fail("strings", request->json, &err);
}

static int run(int argc, char **argv)
{
    struct hd_open_request request = {.limit = 12};
    struct hd_call call;
    return hd_open_request(&request, &call, &hd_command_strings, argc, argv) ? strings(&request) : call.status;
}

static const struct hd_option options[] = {HD_OPEN_OPTIONS_LIMIT("rows of each table (12); 0 for all")};

const struct hd_command hd_command_strings = {
    .name = "strings",
    .run = run,
    .kept = true,
    .summary = "strings that are there several times, and the biggest",
    .about = "Says how many bytes equal strings take that could be one object, who holds them, and which strings are the "
             "biggest.",
    .operands = {HD_OPERAND_DUMP_FILE},
    .options = options,
    .notes = "Strings are equal if their bytes and encodings are. wasted is what all but one of them take. Of strings that "
             "the dump has only the beginning of, length and beginning are compared; in a redacted dump, hashes. "
             "held by is who keeps them, by the way that leads to most of the bytes.",
    .statuses = HD_OPEN_STATUSES};
