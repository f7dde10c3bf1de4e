/* `heap_dump suspects`: what leaks, probably? */
#include "cli/cli.h"

#include "cli/kept.h"
#include "cli/open.h"
#include "cli/table.h"
#include "view/suspects.h"
#include "view/suspects_words.h"

#include <stdlib.h>
#include <string.h>

enum { MARGIN = 3, PERCENT = 100 };

struct request {
    struct hd_open_request asked;
    double share;
};

/* A buffer as a cell, and the buffer gone. */
static void add_cell(struct hd_table *table, struct hd_buffer *text)
{
    hd_table_add(table, text->data ? text->data : "", text->length);
    hd_buffer_deinit(text);
}

static size_t wide(const char *text, size_t length)
{
    size_t width = 0;
    for (size_t i = 0; i < length; i++)
        width += ((unsigned char)text[i] & 0xc0) != 0x80;
    return width;
}

/* Prints a text in lines that end between words. */
static void paragraph(struct hd_graph_text text)
{
    const char *at = text.data, *end = at + text.length;
    while (at < end) {
        const char *stop = at, *word = at;
        while (word < end) {
            const char *next = memchr(word, ' ', (size_t)(end - word));
            next = next ? next : end;
            if (stop > at && wide(at, (size_t)(next - at)) > HD_TABLE_WIDTH - MARGIN)
                break;
            stop = next;
            word = next + 1;
        }
        hd_table_line(stdout, at, (size_t)(stop - at), MARGIN);
        at = stop + 1;
    }
}

/* --- the parts of a report --- */

static void heading(const struct hd_view_suspects *view, uint32_t i)
{
    const struct hd_view_suspect *suspect = view->shown[i];
    char bytes[HD_TABLE_NUMBER], objects[HD_TABLE_NUMBER];
    struct hd_buffer line = {0};
    hd_suspects_words_add(&line, "%u. ", i + 1);
    hd_buffer_append(&line, suspect->place.data, suspect->place.length);
    hd_suspects_words_add(&line, " retains %s in %s objects, %.1f %% of the data", hd_table_bytes(bytes, suspect->data),
                          hd_table_count(objects, suspect->objects),
                          100.0 * (double)suspect->data / (double)view->total);
    hd_table_strong(stdout, true);
    hd_table_line(stdout, line.data ? line.data : "", line.length, 0);
    hd_table_strong(stdout, false);
    hd_buffer_deinit(&line);
    if (suspect->guess.length)
        paragraph(suspect->guess);
}

static void path_print(const struct hd_view_suspects *view, const struct hd_view_suspect *suspect)
{
    static const struct hd_table_column columns[] = {{"kept alive by", false, true},
                                                     {"object", false, true},
                                                     {"id", false, false},
                                                     {"retained", true, false}};
    struct hd_table table = {.columns = columns, .column_count = 4, .margin = MARGIN};
    char title[HD_OPEN_TITLE];
    printf("\n");
    for (uint32_t i = 0; i < suspect->step_count; i++) {
        struct hd_shown_step step = hd_view_suspects_step(view, suspect, i);
        hd_table_add(&table, step.name.data ? step.name.data : "", step.name.length);
        hd_table_add_string(&table, hd_shown_title(title, &step.object));
        hd_table_add_id(&table, step.object.id);
        hd_table_add_bytes(&table, step.object.retained);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void inside_print(const struct hd_view_suspect *suspect)
{
    static const struct hd_table_column columns[] = {
        {"retained", true, false}, {"count", true, false}, {"made of", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 3, .margin = MARGIN};
    char title[HD_OPEN_TITLE];
    for (uint32_t i = 0; i < suspect->part_count; i++) {
        const struct hd_view_suspect_part *part = &suspect->part[i];
        struct hd_buffer text = {0};
        hd_table_add_bytes(&table, part->retained);
        hd_table_add_count(&table, part->count);
        hd_suspects_words_add(&text, "%*s", (int)(2 * part->depth), "");
        hd_buffer_append(&text, part->name.data, part->name.length);
        hd_suspects_words_add(&text, "%s%s", part->name.length ? " → " : "", hd_shown_title(title, &part->object));
        add_cell(&table, &text);
    }
    printf("\n");
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void classes_print(const struct hd_view_suspect *suspect)
{
    static const struct hd_table_column columns[] = {
        {"size", true, false}, {"count", true, false}, {"of what it retains, by class", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 3, .margin = MARGIN};
    for (uint32_t i = 0; i < suspect->class_count; i++) {
        hd_table_add_bytes(&table, suspect->class[i].size);
        hd_table_add_count(&table, suspect->class[i].count);
        hd_table_add(&table, suspect->class[i].name.data, suspect->class[i].name.length);
    }
    printf("\n");
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void sample_print(const struct hd_view_suspects *view, const struct hd_view_suspect *suspect)
{
    char title[HD_OPEN_TITLE], bytes[HD_TABLE_NUMBER], count[HD_TABLE_NUMBER];
    printf("\n");
    for (uint32_t i = 0; i < suspect->sample_count; i++) {
        const struct hd_shown *object = &suspect->sample[i].object;
        struct hd_graph_text contents = suspect->sample[i].contents;
        struct hd_buffer line = {0};
        hd_suspects_words_add(&line, "%s %s 0x%llx", i ? "and" : "as", hd_shown_title(title, object), (unsigned long long)object->id);
        hd_suspects_words_add(&line, "%s", contents.data ? ": " : "");
        hd_buffer_append(&line, contents.data, contents.length);
        if (line.data)
            paragraph(hd_shown_text(&line));
        hd_buffer_deinit(&line);
    }
    if (view->read && suspect->duplicates)
        printf("   %s of its strings repeat others in it: %s\n", hd_table_count(count, suspect->duplicates),
               hd_table_bytes(bytes, suspect->duplicate_size));
    else if (view->read)
        printf("   no string in it repeats another\n");
}

static void print_text(const struct hd_open *open, const struct hd_view_suspects *view)
{
    char all[HD_TABLE_NUMBER], data[HD_TABLE_NUMBER], rest[64];
    printf("%s are reachable, %s of them data; the rest is code and stacks.\n",
           hd_table_bytes(all, open->dominators.reachable_size), hd_table_bytes(data, view->total));
    if (!view->count)
        printf("Nothing stands out.\n");
    for (uint32_t i = 0; i < view->count; i++) {
        printf("\n");
        heading(view, i);
        path_print(view, view->shown[i]);
        inside_print(view->shown[i]);
        classes_print(view->shown[i]);
        sample_print(view, view->shown[i]);
    }
    if (!view->count) {
        hd_open_next(stdout, open, "top", "");
        return;
    }
    const struct hd_view_suspect *first = view->shown[0];
    const struct hd_shown *object = first->sample_count ? &first->sample[0].object : &first->holder;
    snprintf(rest, sizeof rest, "0x%llx", (unsigned long long)object->id);
    hd_open_next(stdout, open, "show", rest);
}

static int suspects(const struct request *request)
{
    struct hd_open open;
    struct hd_error err = {0};
    struct hd_view_suspects view;
    if (!hd_open_read_for(&open, request->asked.path, HD_INDEX_SUMS, &err))
        return hd_open_fail("suspects", request->asked.json, &err);
    if (!request->asked.json && open.dominators.reachable > 1) /* else that is the error */
        hd_open_warn(&open, "suspects");
    bool done = hd_view_suspects_make(&view, &open, request->share, request->asked.limit, &err);
    hd_kept_by_parts = done && !view.made;
    if (done && request->asked.json)
        hd_view_suspects_json(stdout, &view, 0);
    else if (done)
        print_text(&open, &view);
    hd_view_suspects_free(&view);
    hd_open_close(&open);
    return done ? 0 : hd_open_fail("suspects", request->asked.json, &err);
}

static void share_take(struct hd_call *call, double *share)
{
    char *end;
    *share = strtod(call->value, &end) / PERCENT;
    if (end == call->value || *end || !(*share > 0 && *share <= 1))
        hd_call_refuse(call, "--share takes a number above 0 and up to 100, not %s", call->value);
}

static int run(int argc, char **argv)
{
    struct request request = {.asked = {.limit = 8}, .share = 0.05};
    struct hd_call call;
    hd_call_begin(&call, &hd_command_suspects, argc, argv);
    for (int letter; (letter = hd_call_option(&call)) != 0;) {
        if (letter == 's')
            share_take(&call, &request.share);
        else
            hd_open_take(&request.asked, &call, letter);
    }
    return hd_open_operands(&request.asked, &call) ? suspects(&request) : call.status;
}

static const struct hd_option options[] = {
    {'s', "share", "PERCENT", "report what retains so much of the data or more (5)", NULL, NULL},
    HD_OPEN_OPTIONS_LIMIT("suspects to print (8); 0 for all")};

const struct hd_command hd_command_suspects = {
    .name = "suspects",
    .run = run,
    .kept = true,
    .summary = "what probably leaks, in plain words",
    .about = "Reports what probably leaks: the places where much memory hangs on little, what is in them, the "
             "path that keeps them alive, and a guess at what each is.",
    .operands = {HD_OPERAND_DUMP_FILE},
    .options = options,
    .notes = "Shares are of the data: of all that is reachable but classes, methods, code with its literals, "
             "and the threads' stacks, which a leak does not add to. What alone keeps its contents alive comes "
             "first, then what is held in several places. A guess is made from names and types: look before "
             "you act.",
    .statuses = "0 fine, 2 wrong options, 3 not a dump, or one without roots, 4 the file could not be read."};
