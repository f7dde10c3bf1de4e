/* The result of `heap_dump diff` for people. See diff_text.h. */
#include "cli/diff_text.h"

#include "cli/open.h"
#include "cli/table.h"

#include <string.h>

static uint64_t magnitude(int64_t number)
{
    return number < 0 ? 0 - (uint64_t)number : (uint64_t)number;
}

static const char *sign(int64_t number)
{
    return number > 0 ? "+" : number < 0 ? "-" : "";
}

static void add_signed(struct hd_table *table, int64_t number, char *(*write)(char *, uint64_t))
{
    char text[HD_TABLE_NUMBER], all[HD_TABLE_NUMBER + 1];
    snprintf(all, sizeof all, "%s%s", sign(number), write(text, magnitude(number)));
    hd_table_add_string(table, all);
}

static void more_rows(const struct hd_diff_rows *rows)
{
    char number[HD_TABLE_NUMBER];
    if (rows->shown < rows->count)
        printf("… %s more row%s (--limit 0 prints all)\n", hd_table_count(number, rows->count - rows->shown),
               rows->count - rows->shown == 1 ? "" : "s");
}

static void print_rows(const struct hd_diff_result *result, const struct hd_diff_rows *rows, bool way, bool growth)
{
    const struct hd_table_column columns[] = {{growth && way ? "grown" : "", true, false},
                                              {"retained", true, false},
                                              {"size", true, false},
                                              {"count", true, false},
                                              {way ? "path" : "class", false, true}};
    bool first = growth && way;
    struct hd_table table = {.columns = columns + !first, .column_count = 4 + (size_t)first};
    for (uint32_t i = 0; i < rows->shown; i++) {
        const struct hd_diff_row *row = &rows->row[i];
        struct hd_buffer name = {0};
        if (first)
            add_signed(&table, row->grown, hd_table_bytes);
        if (growth) {
            add_signed(&table, row->retained, hd_table_bytes);
            add_signed(&table, row->size, hd_table_bytes);
            add_signed(&table, row->count, hd_table_count);
        } else {
            hd_table_add_bytes(&table, (uint64_t)row->retained);
            hd_table_add_bytes(&table, (uint64_t)row->size);
            hd_table_add_count(&table, (uint64_t)row->count);
        }
        struct hd_graph_text title = hd_diff_class_title(result, row->number);
        if (way)
            hd_diff_append_way(&name, result, row->number);
        else
            hd_buffer_append(&name, title.data, title.length);
        hd_table_add(&table, name.data ? name.data : "", name.length);
        hd_buffer_deinit(&name);
    }
    if (rows->count)
        hd_table_print(stdout, &table);
    else
        printf("  nothing\n");
    hd_table_deinit(&table);
    more_rows(rows);
}

static void print_heading(const char *text)
{
    printf("\n");
    hd_table_strong(stdout, true);
    hd_table_line(stdout, text, strlen(text), 0);
    hd_table_strong(stdout, false);
}

static void print_apart(const struct hd_diff *diff, unsigned i)
{
    static const char only[] = "Compared by class and path only, not object by object";
    const struct hd_diff_change *change = &diff->change[i];
    switch (change->apart) {
    case HD_DIFF_PIDS:
        printf("%s:\nthe dumps are of different processes, %llu and %llu.\n", only,
               (unsigned long long)diff->dump[i].pid, (unsigned long long)diff->dump[i + 1].pid);
        break;
    case HD_DIFF_HEAPS:
        printf("%s:\nthe dumps are of different processes, their heaps lie at different addresses.\n", only);
        break;
    case HD_DIFF_CLASSES:
        printf("%s:\nthe dumps are of different processes, their classes lie at different addresses.\n", only);
        break;
    case HD_DIFF_COMPACTED:
        printf("%s:\nthe heap was compacted in between, which moves objects.\n", only);
        break;
    case HD_DIFF_TOGETHER:
        break;
    }
}

static void print_change(const struct hd_diff *diff, unsigned i)
{
    char kept[HD_TABLE_NUMBER], made[HD_TABLE_NUMBER], freed[HD_TABLE_NUMBER], reused[HD_TABLE_NUMBER];
    const struct hd_diff_change *change = &diff->change[i];
    if (change->apart != HD_DIFF_TOGETHER) {
        print_apart(diff, i);
        return;
    }
    printf("%s to %s: %s objects stayed, %s came, %s went\n", hd_diff_dump_names[i], hd_diff_dump_names[i + 1],
           hd_table_count(kept, change->kept), hd_table_count(made, change->made),
           hd_table_count(freed, change->freed));
    if (change->reused)
        printf("(%s address%s reused: freed, and an object of another class made there)\n",
               hd_table_count(reused, change->reused), change->reused == 1 ? " was" : "es were");
}

static void print_garbage(const struct hd_diff *diff, unsigned i)
{
    const struct hd_diff_dump *dump = &diff->dump[i];
    char objects[HD_TABLE_NUMBER], bytes[HD_TABLE_NUMBER];
    if (dump->objects > dump->live)
        printf("%s has %s objects (%s) that no root leads to: garbage, which is left out\n", hd_diff_dump_names[i],
               hd_table_count(objects, dump->objects - dump->live), hd_table_bytes(bytes, dump->bytes - dump->live_bytes));
}

static void print_summary(const struct hd_diff_result *result)
{
    static const struct hd_table_column columns[] = {{"", false, false},
                                                     {"live objects", true, false},
                                                     {"", true, false},
                                                     {"live bytes", true, false},
                                                     {"", true, false},
                                                     {"file", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 6};
    const struct hd_diff *diff = &result->diff;
    for (unsigned i = 0; i < diff->count; i++) {
        const struct hd_diff_dump *dump = &diff->dump[i], *from = &diff->dump[0];
        hd_table_add_string(&table, hd_diff_dump_names[i]);
        hd_table_add_count(&table, dump->live);
        add_signed(&table, (int64_t)(dump->live - from->live), hd_table_count);
        hd_table_add_bytes(&table, dump->live_bytes);
        add_signed(&table, (int64_t)(dump->live_bytes - from->live_bytes), hd_table_bytes);
        hd_table_add_string(&table, result->open[i].path);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
    printf("\n");
    for (unsigned i = 0; i < diff->count; i++)
        print_garbage(diff, i);
    for (unsigned i = 0; i + 1 < diff->count; i++)
        print_change(diff, i);
}

/* An object to begin with: of what grew most by its path, else by its class. The shown rows are in another order with --sort. */
static uint64_t grown_most(const struct hd_diff_rows *rows)
{
    const struct hd_diff_row *most = NULL;
    for (uint32_t i = 0; i < rows->count; i++)
        if (rows->row[i].sample && rows->row[i].grown > 0 && (!most || rows->row[i].grown > most->grown))
            most = &rows->row[i];
    return most ? most->sample : 0;
}

static void print_next(const struct hd_diff_result *result)
{
    const struct hd_open *last = &result->open[result->diff.count - 1];
    uint64_t sample = grown_most(&result->ways);
    char rest[HD_TABLE_NUMBER];
    sample = sample ? sample : grown_most(&result->classes);
    if (!sample) {
        hd_open_next(stdout, last, "top", "");
        return;
    }
    snprintf(rest, sizeof rest, "0x%llx", (unsigned long long)sample);
    hd_open_next(stdout, last, "path", rest);
}

void hd_diff_print_text(const struct hd_diff_request *request, const struct hd_diff_result *result)
{
    const struct hd_diff *diff = &result->diff;
    print_summary(result);
    print_heading("Growth by class");
    print_rows(result, &result->classes, false, true);
    print_heading("Growth by path");
    if (result->same_names)
        print_rows(result, &result->ways, true, true);
    else
        printf("  not comparable: %s in one dump, but not in the other\n",
               diff->dump[0].unnamed != diff->dump[diff->count - 1].unnamed ? "references have names" : "there are roots");
    if (diff->has_survivors) {
        char heading[160], objects[HD_TABLE_NUMBER], bytes[HD_TABLE_NUMBER];
        snprintf(heading, sizeof heading, "New in after, and still there in final: %s objects, %s, by class",
                 hd_table_count(objects, diff->survivors), hd_table_bytes(bytes, diff->survivor_bytes));
        print_heading(heading);
        print_rows(result, &result->surviving_classes, false, false);
        print_heading("The same by path");
        print_rows(result, &result->surviving_ways, true, false);
    }
    if (request->guarded) {
        char grown[HD_TABLE_NUMBER], limit[HD_TABLE_NUMBER];
        printf("\nLive bytes grew by %s%s, %s %s.\n", result->growth < 0 ? "-" : "",
               hd_table_bytes(grown, magnitude(result->growth)), result->failed ? "more than" : "not more than",
               hd_table_bytes(limit, request->fail_above));
    }
    print_next(result);
}
