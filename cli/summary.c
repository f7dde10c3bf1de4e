/* `heap_dump summary`: what is in a dump? */
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/readable.h"
#include "cli/table.h"
#include "view/summary.h"

#include <string.h>

static void fact(struct hd_table *table, const char *name, const char *text)
{
    if (!*text)
        return;
    hd_table_add_string(table, name);
    hd_table_add_string(table, text);
}

/* A member of the head, as text; empty if it has none. */
static const char *member(struct hd_graph_text head, const char *name, char *text, size_t size)
{
    struct hd_graph_text value = hd_readable_string(hd_readable_member(head, name));
    snprintf(text, size, "%.*s", (int)value.length, value.data ? value.data : "");
    return text;
}

static void pages(struct hd_table *table, struct hd_graph_text head)
{
    struct hd_graph_text pools = hd_readable_member(head, "size_pools"), key, pool;
    size_t at = 0;
    while ((pool = hd_readable_next(pools, &at, &key)).data) {
        char text[160], page_count[HD_TABLE_NUMBER], slots[HD_TABLE_NUMBER];
        uint64_t number = hd_readable_integer(hd_readable_member(pool, "pages"));
        snprintf(text, sizeof text, "%s page%s, %s slots of %llu bytes", hd_table_count(page_count, number), number == 1 ? "" : "s",
                 hd_table_count(slots, hd_readable_integer(hd_readable_member(pool, "slots"))),
                 (unsigned long long)hd_readable_integer(hd_readable_member(pool, "slot_size")));
        fact(table, "heap", text);
    }
}

/* How many are used, as the heap counts; and how many of these the dump has not, as what is garbage is left out of it. */
static void slots(struct hd_table *table, struct hd_graph_text head, const struct hd_view_summary *totals)
{
    uint64_t all = 0, used = 0, objects = totals->all.objects;
    struct hd_graph_text pools = hd_readable_member(head, "size_pools"), key, pool;
    for (size_t at = 0; (pool = hd_readable_next(pools, &at, &key)).data;) {
        all += hd_readable_integer(hd_readable_member(pool, "slots"));
        used += hd_readable_integer(hd_readable_member(pool, "used"));
    }
    if (!all)
        return;
    char text[160], count[HD_TABLE_NUMBER], of[HD_TABLE_NUMBER], garbage[HD_TABLE_NUMBER];
    if (used <= all && used > objects + objects / 100)
        snprintf(text, sizeof text, "%s of %s are in use (%.1f %%); %s hold garbage, left out of the dump", hd_table_count(count, used),
                 hd_table_count(of, all), 100.0 * (double)used / (double)all, hd_table_count(garbage, used - objects));
    else
        snprintf(text, sizeof text, "%s of %s have an object of the dump (%.1f %%)", hd_table_count(count, objects), hd_table_count(of, all),
                 100.0 * (double)objects / (double)all);
    fact(table, "slots", text);
}

static void process(struct hd_table *table, struct hd_graph_text head)
{
    static const struct {
        const char *source, *words;
    } sources[] = {{"self", "from inside"}, {"process", "from outside"}, {"core", "from a core file"}};
    char text[400], part[200];
    member(head, "description", text, sizeof text);
    fact(table, "ruby", *text ? text : member(head, "ruby", text, sizeof text));
    if (*member(head, "pid", part, sizeof part)) {
        int length = snprintf(text, sizeof text, "pid %s:", part);
        struct hd_graph_text words = hd_readable_member(head, "cmdline"), key, word;
        for (size_t at = 0; (word = hd_readable_next(words, &at, &key)).data && length < (int)sizeof text;) {
            word = hd_readable_string(word);
            while (word.length && word.data[word.length - 1] == ' ') /* a title that a program gave itself is padded */
                word.length--;
            if (!word.length)
                continue;
            length += snprintf(text + length, sizeof text - (size_t)length, " %.*s", (int)word.length,
                               word.data);
        }
        fact(table, "process", text);
    }
    int length = snprintf(text, sizeof text, "%s", member(head, "time", part, sizeof part));
    member(head, "source", part, sizeof part);
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++)
        if (!strcmp(part, sources[i].source))
            snprintf(text + length, sizeof text - (size_t)length, ", %s", sources[i].words);
    fact(table, "taken", text);
}

static void sum_fact(struct hd_table *table, const char *name, uint64_t objects, uint64_t bytes)
{
    char text[100], number[HD_TABLE_NUMBER], size[HD_TABLE_NUMBER];
    snprintf(text, sizeof text, "%s objects, %s", hd_table_count(number, objects), hd_table_bytes(size, bytes));
    fact(table, name, text);
}

static void print_facts(const struct hd_open *open, const struct hd_view_summary *totals)
{
    static const struct hd_table_column columns[] = {{"", false, false}, {"", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 2, .headless = true};
    struct hd_graph_text head = hd_view_head(&open->graph);
    char text[600], size[HD_TABLE_NUMBER], number[HD_TABLE_NUMBER];
    snprintf(text, sizeof text, "%.400s, %s%s", open->path, hd_table_bytes(size, open->graph.dump_bytes),
             head.data ? "" : ", made by ObjectSpace");
    fact(&table, "file", text);
    process(&table, head);
    sum_fact(&table, "all", totals->all.objects, totals->all.bytes);
    sum_fact(&table, "reachable", totals->all.reached, totals->all.reached_bytes);
    sum_fact(&table, "unreachable", totals->all.objects - totals->all.reached,
             totals->all.bytes - totals->all.reached_bytes);
    if (totals->marks.garbage) {
        snprintf(text, sizeof text, "%s objects", hd_table_count(number, totals->marks.garbage));
        fact(&table, "garbage", text);
    }
    snprintf(text, sizeof text, "%s, %s of them weak", hd_table_count(number, totals->references),
             hd_table_count(size, totals->marks.weak));
    fact(&table, "references", text);
    pages(&table, head);
    slots(&table, head, totals);
    for (int i = 0; i < open->warning_count; i++)
        fact(&table, "warning", open->warnings[i]);
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void print_text(const struct hd_open *open, const struct hd_view_summary *totals)
{
    static const struct hd_table_column columns[] = {{"type", false, false},  {"objects", true, false},
                                                     {"size", true, false},   {"share", true, false},
                                                     {"reachable", true, false}, {"size", true, false}};
    struct hd_table table = {.columns = columns, .column_count = 6};
    int types[HD_BT_COUNT], found = hd_view_summary_types(totals, types);
    print_facts(open, totals);
    printf("\n");
    for (int i = 0; i < found; i++) {
        const struct hd_view_sum *sum = &totals->by_type[types[i]];
        hd_table_add_string(&table, hd_bt_name(types[i]));
        hd_table_add_count(&table, sum->objects);
        hd_table_add_bytes(&table, sum->bytes);
        hd_table_add_percent(&table, sum->bytes, totals->all.bytes);
        hd_table_add_count(&table, sum->reached);
        hd_table_add_bytes(&table, sum->reached_bytes);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    hd_open_next(stdout, open, "top", "");
}

static int summary(const char *path, bool json)
{
    struct hd_open open;
    struct hd_error err = {0};
    struct hd_view_summary totals;
    if (!hd_open_read_for(&open, path, HD_INDEX_SUMS, &err))
        return hd_open_fail("summary", json, &err);
    bool done = hd_view_summary_make(&totals, &open, &err);
    if (done && json)
        hd_view_summary_json(stdout, &open, &totals);
    else if (done)
        print_text(&open, &totals);
    hd_open_close(&open);
    return done ? 0 : hd_open_fail("summary", json, &err);
}

static int run(int argc, char **argv)
{
    bool json = false;
    struct hd_call call;
    hd_call_begin(&call, &hd_command_summary, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 'j')
            json = true;
    }
    if (!hd_call_operands(&call))
        return call.status;
    return summary(call.operand[0], json);
}

static const struct hd_option options[] = {
    HD_OPEN_NO_INDEX,
    HD_OPTION_JSON,
    HD_OPTION_END};

const struct hd_command hd_command_summary = {
    .name = "summary",
    .run = run,
    .summary = "what is in a dump: process, objects, bytes, types",
    .about = "Says what is in a dump: the process, its Ruby, when it was taken, objects and bytes by type, "
             "what no root reaches, heap pages, and what is missing from it.",
    .operands = {HD_OPERAND_DUMP_FILE},
    .options = options,
    .notes = "FILE is a dump of heap_dump or of ObjectSpace.dump_all, plain or compressed with gzip or zstd.",
    .statuses = HD_OPEN_STATUSES};
