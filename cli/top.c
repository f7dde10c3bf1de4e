/* `heap_dump top`: which classes, types, files, gems, shapes or methods take and retain the most? */
#include "cli/cli.h"

#include "cli/kept.h"
#include "cli/open.h"
#include "cli/table.h"
#include "view/top.h"

#include <string.h>

struct request {
    const char *path;
    bool json;
    struct hd_view_top_request top;
};

/* The next command is about the first row whose objects one would look for. */
static void print_next(const struct hd_view_top *view)
{
    static const char *const common[] = {"Class", "Module", "String", "Array", "Hash", "Symbol", "Object", "Thread"};
    for (uint32_t i = 0; i < view->shown && view->by == HD_VIEW_TOP_CLASS; i++) {
        struct hd_graph_text name = view->rows[i].name;
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
        hd_open_next(stdout, view->open, "path", rest);
        return;
    }
    hd_open_next(stdout, view->open, view->by == HD_VIEW_TOP_CLASS ? "summary" : "top", "");
}

static void print_text(const struct hd_view_top *view)
{
    const struct hd_table_column columns[] = {
        {"retained", true, false}, {"share", true, false}, {"size", true, false}, {"count", true, false},
        {hd_view_top_bys[view->by], false, true}};
    struct hd_table table = {.columns = columns, .column_count = 5};
    for (uint32_t i = 0; i < view->shown; i++) {
        const struct hd_view_top_row *row = &view->rows[i];
        hd_table_add_bytes(&table, row->sums.retained);
        hd_table_add_percent(&table, row->sums.retained, view->open->dominators.reachable_size);
        hd_table_add_bytes(&table, row->sums.shallow);
        hd_table_add_count(&table, row->sums.count);
        hd_table_add(&table, row->name.data, row->name.length);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    if (view->shown < view->row_count) {
        char number[HD_TABLE_NUMBER];
        printf("… %s more rows (--limit 0 prints all)\n", hd_table_count(number, view->row_count - view->shown));
    }
    print_next(view);
}

static int top(const struct request *request)
{
    struct hd_open open;
    struct hd_view_top view;
    struct hd_error err = {0};
    /* it was summed up before, mostly */
    if (!hd_open_read_for(&open, request->path, HD_INDEX_SUMS, &err))
        return hd_open_fail("top", request->json, &err);
    bool done = hd_view_top_make(&view, &request->top, &open, &err);
    hd_kept_by_parts = !view.number;
    if (done && request->json) {
        hd_view_top_json(stdout, &view);
    } else if (done) {
        hd_open_warn(&open, "top");
        print_text(&view);
    }
    hd_view_top_free(&view);
    hd_open_close(&open);
    return done ? 0 : hd_open_fail("top", request->json, &err);
}

static int run(int argc, char **argv)
{
    struct request request = {.top.limit = 20};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_top, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'b')
            request.top.by = call.choice;
        else if (letter == 's')
            request.top.sort = call.choice;
        else if (letter == 'l')
            request.top.limit = hd_call_count(&call);
        else if (letter == 'e')
            request.top.exact = true;
        else
            request.json = true;
    }
    if (!hd_call_operands(&call))
        return call.status;
    request.path = call.operand[0];
    return top(&request);
}

static const struct hd_option options[] = {
    {'b', "by", NULL, "what to group by (class)", hd_view_top_bys, NULL},
    {'s', "sort", NULL, "the order (retained)", hd_view_top_sorts, NULL},
    {'l', "limit", "N", "rows to print (20); 0 for all", NULL, NULL},
    {'e', "exact", NULL, "what only several objects of a row together retain, too", NULL, NULL},
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
