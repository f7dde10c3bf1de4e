/* `heap_dump suspects`: what leaks, probably? */
#include "cli/cli.h"

#include "cli/open.h"
#include "cli/table.h"
#include "view/suspects.h"
#include "view/suspects_words.h"

#include <stdlib.h>
#include <string.h>

enum { MARGIN = 3, INSIDE_DEPTH = 4, INSIDE_ROWS = 8, PERCENT = 100 };

struct request {
    struct hd_open_request asked;
    double share;
};

static void add_name(struct hd_buffer *out, const struct hd_open *open, uint32_t name)
{
    struct hd_graph_text text = hd_graph_name(&open->graph, name);
    hd_buffer_append(out, text.data ? text.data : "", text.length);
}

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
static void paragraph(const struct hd_buffer *text)
{
    const char *at = text->data, *end = at + text->length;
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

static void heading(const struct hd_open *open, const struct hd_suspects *suspects, uint32_t i)
{
    const struct hd_suspect *suspect = &suspects->list[i];
    char bytes[HD_TABLE_NUMBER], objects[HD_TABLE_NUMBER];
    struct hd_buffer line = {0};
    hd_suspects_words_add(&line, "%u. ", i + 1);
    hd_suspects_words_place(&line, open, suspect);
    hd_suspects_words_add(&line, " retains %s in %s objects, %.1f %% of the data", hd_table_bytes(bytes, suspect->data),
                          hd_table_count(objects, suspect->objects),
                          100.0 * (double)suspect->data / (double)suspects->total);
    hd_table_strong(stdout, true);
    hd_table_line(stdout, line.data ? line.data : "", line.length, 0);
    hd_table_strong(stdout, false);
    hd_buffer_deinit(&line);
    hd_suspects_words_guess(&line, open, suspects, suspect);
    if (line.data)
        paragraph(&line);
    hd_buffer_deinit(&line);
}

static void path_print(const struct hd_open *open, const struct hd_suspect *suspect)
{
    static const struct hd_table_column columns[] = {{"kept alive by", false, true},
                                                     {"object", false, true},
                                                     {"id", false, false},
                                                     {"retained", true, false}};
    struct hd_table table = {.columns = columns, .column_count = 4, .margin = MARGIN};
    char title[HD_OPEN_TITLE];
    printf("\n");
    for (uint32_t i = 0; i < suspect->path.length; i++) {
        uint32_t node = suspect->path.step[i].node;
        struct hd_buffer name = {0};
        add_name(&name, open, open->graph.edge_name[suspect->path.step[i].edge]);
        add_cell(&table, &name);
        hd_table_add_string(&table, hd_open_title(title, open, node));
        hd_table_add_id(&table, open->graph.node_address[node]);
        hd_table_add_bytes(&table, open->dominators.retained[node]);
    }
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

/* The holders and what they are made of, down a few levels: nothing below a twentieth. */
static void inside_print(const struct hd_open *open, const struct hd_suspects *suspects,
                         const struct hd_suspect *suspect)
{
    static const struct hd_table_column columns[] = {
        {"retained", true, false}, {"count", true, false}, {"made of", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 3, .margin = MARGIN};
    const struct hd_tree *tree = &suspects->tree;
    uint32_t top = tree->group[suspect->group].depth, rows = 0;
    char title[HD_OPEN_TITLE];
    for (uint32_t at = suspect->group; at != HD_NODE_NONE && rows < INSIDE_ROWS;) {
        const struct hd_tree_group *group = &tree->group[at];
        uint32_t depth = group->depth - top;
        if (at != suspect->group && depth == 0)
            break;
        bool small = group->retained < suspect->retained / 20;
        if (!small) {
            struct hd_buffer text = {0};
            hd_table_add_bytes(&table, group->retained);
            hd_table_add_count(&table, group->count);
            hd_suspects_words_add(&text, "%*s", (int)(2 * depth), "");
            add_name(&text, open, group->name);
            hd_suspects_words_add(&text, "%s%s", text.length > 2 * depth ? " → " : "",
                                  hd_open_title(title, open, group->sample));
            add_cell(&table, &text);
            rows++;
        }
        uint32_t next = hd_tree_next(tree, at, small || depth == INSIDE_DEPTH);
        at = next != HD_NODE_NONE && tree->group[next].depth <= top ? HD_NODE_NONE : next;
    }
    printf("\n");
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void classes_print(const struct hd_suspects *suspects, const struct hd_suspect *suspect)
{
    static const struct hd_table_column columns[] = {
        {"size", true, false}, {"count", true, false}, {"of what it retains, by class", false, true}};
    struct hd_table table = {.columns = columns, .column_count = 3, .margin = MARGIN};
    for (uint32_t i = 0; i < suspect->class_count; i++) {
        struct hd_graph_text name = suspects->classes->name[suspect->classes[i].number];
        hd_table_add_bytes(&table, suspect->classes[i].size);
        hd_table_add_count(&table, suspect->classes[i].count);
        hd_table_add(&table, name.data, name.length);
    }
    printf("\n");
    hd_table_print(stdout, &table);
    hd_table_deinit(&table);
}

static void sample_print(const struct hd_open *open, const struct hd_suspects *suspects,
                         const struct hd_suspect *suspect)
{
    char title[HD_OPEN_TITLE], bytes[HD_TABLE_NUMBER], count[HD_TABLE_NUMBER];
    printf("\n");
    for (uint32_t i = 0; i < suspect->sample_count; i++) {
        struct hd_buffer line = {0};
        hd_suspects_words_add(&line, "%s %s 0x%llx", i ? "and" : "as", hd_open_title(title, open, suspect->sample[i]),
                              (unsigned long long)open->graph.node_address[suspect->sample[i]]);
        if (suspect->sample_line[i]) {
            hd_suspects_words_add(&line, ": ");
            hd_suspects_words_contents(&line, open, suspect->sample_line[i]);
        }
        if (line.data)
            paragraph(&line);
        hd_buffer_deinit(&line);
    }
    if (suspects->read && suspect->duplicates)
        printf("   %s of its strings repeat others in it: %s\n", hd_table_count(count, suspect->duplicates),
               hd_table_bytes(bytes, suspect->duplicate_size));
    else if (suspects->read)
        printf("   no string in it repeats another\n");
}

static void print_text(const struct hd_open *open, const struct hd_suspects *suspects)
{
    char all[HD_TABLE_NUMBER], data[HD_TABLE_NUMBER], rest[64];
    printf("%s are reachable, %s of them data; the rest is code and stacks.\n",
           hd_table_bytes(all, open->dominators.reachable_size), hd_table_bytes(data, suspects->total));
    if (!suspects->count)
        printf("Nothing stands out.\n");
    for (uint32_t i = 0; i < suspects->count; i++) {
        printf("\n");
        heading(open, suspects, i);
        path_print(open, &suspects->list[i]);
        inside_print(open, suspects, &suspects->list[i]);
        classes_print(suspects, &suspects->list[i]);
        sample_print(open, suspects, &suspects->list[i]);
    }
    if (!suspects->count) {
        hd_open_next(stdout, open, "top", "");
        return;
    }
    const struct hd_suspect *first = &suspects->list[0];
    uint32_t node = first->sample_count ? first->sample[0] : suspects->tree.group[first->group].sample;
    snprintf(rest, sizeof rest, "0x%llx", (unsigned long long)open->graph.node_address[node]);
    hd_open_next(stdout, open, "show", rest);
}

static bool report(const struct request *request, struct hd_open *open, struct hd_error *err)
{
    struct hd_suspects suspects;
    if (!hd_view_suspects_make(&suspects, open, request->share, request->asked.limit, err))
        return false;
    if (request->asked.json)
        hd_view_suspects_json(stdout, open, &suspects, 0);
    else
        print_text(open, &suspects);
    if (hd_open_json_too)
        hd_view_suspects_json(hd_open_json_too, open, &suspects, 0);
    hd_suspects_destroy(&suspects);
    return true;
}

static int suspects(const struct request *request)
{
    struct hd_open open;
    struct hd_error err = {0};
    if (!hd_open_read(&open, request->asked.path, &err))
        return hd_open_fail("suspects", request->asked.json, &err);
    if (!request->asked.json && open.dominators.reachable > 1) /* else that is the error */
        hd_open_warn(&open, "suspects");
    bool done = report(request, &open, &err);
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
