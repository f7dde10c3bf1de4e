/* See strings.h. */
#include "view/strings.h"

#include "view/json.h"

#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 1 << 20, HOLDERS_MAX = 5 };

static bool holders_find(struct hd_view_strings *view, struct hd_error *err)
{
    const struct hd_graph *graph = &view->ways.open->graph;
    view->set = malloc(sizeof *view->set * graph->node_count);
    if (!view->set)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    memset(view->set, 0xff, sizeof *view->set * graph->node_count);
    for (uint32_t i = 0; i < view->groups; i++) {
        const struct hd_strings_group *group = &view->strings.groups[i];
        for (uint64_t k = group->first; k < group->first + group->count; k++)
            view->set[view->strings.members[k].node] = i;
    }
    return hd_holders_create(&view->holders, view->ways.paths, view->ways.classes, view->set, view->groups, err);
}

static bool texts_read(struct hd_view_strings *view, struct hd_error *err)
{
    uint32_t count = view->groups + view->biggest;
    uint32_t *nodes = malloc(sizeof *nodes * ((size_t)count + 1));
    if (!nodes)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < view->groups; i++)
        nodes[i] = view->strings.groups[i].kept;
    for (uint32_t i = 0; i < view->biggest; i++)
        nodes[view->groups + i] = view->strings.biggest[i];
    bool done = hd_strings_read(view->ways.open->dump, &view->ways.open->graph, nodes, count, &view->texts, err);
    view->text_count = done ? count : 0;
    for (uint32_t i = 0; i < view->text_count && view->ways.open->redacted; i++) {
        view->texts[i].form = HD_STRINGS_UNKNOWN;
        view->texts[i].length = 0;
    }
    free(nodes);
    return done;
}

bool hd_view_strings_make(struct hd_view_strings *view, struct hd_open *open, unsigned long rows, struct hd_error *err)
{
    *view = (struct hd_view_strings){0};
    uint32_t limit = rows && rows < LINES_MAX ? (uint32_t)rows : LINES_MAX;
    if (!hd_ways_init(&view->ways, open, err))
        return false;
    const struct hd_lines *lines = open->basis->lines;
    if (!hd_strings_create(&view->strings, view->ways.open->dump, &open->graph, open->dominators.parent, limit,
                           lines ? &lines->strings : NULL, err))
        return false;
    view->groups = view->strings.group_count < limit ? view->strings.group_count : limit;
    view->biggest = view->strings.biggest_count;
    return holders_find(view, err) && texts_read(view, err);
}

void hd_view_strings_free(struct hd_view_strings *view)
{
    hd_strings_free(view->texts, view->text_count);
    hd_holders_destroy(&view->holders);
    free(view->set);
    hd_strings_destroy(&view->strings);
}

static void json_sum(FILE *file, const char *name, const struct hd_strings_sum *sum)
{
    fprintf(file, ",\"%s\":{\"count\":%llu,\"bytes\":%llu}", name, (unsigned long long)sum->count, (unsigned long long)sum->bytes);
}

static void json_text(FILE *file, const struct hd_strings_text *text)
{
    static const char *const forms[] = {[HD_STRINGS_UNKNOWN] = "unknown", [HD_STRINGS_TEXT] = "text",
                                        [HD_STRINGS_BASE64] = "base64", [HD_STRINGS_HASH] = "hash"};
    fprintf(file, ",\"bytesize\":%llu,\"form\":\"%s\",\"truncated\":%s,\"beginning\":", (unsigned long long)text->bytesize,
           forms[text->form], text->truncated ? "true" : "false");
    hd_json_text(file, (struct hd_graph_text){text->beginning ? text->beginning : "", text->length});
    if (!text->file)
        return;
    fputs(",\"file\":", file);
    hd_json_string(file, text->file);
    fprintf(file, ",\"line\":%llu", (unsigned long long)text->line);
}

void hd_view_strings_json(FILE *file, const struct hd_view_strings *view)
{
    const struct hd_strings *strings = &view->strings;
    fputs("{", file);
    hd_open_json_head(file, view->ways.open);
    json_sum(file, "strings", &strings->all);
    json_sum(file, "copies", &strings->copies);
    json_sum(file, "frozen_copies", &strings->frozen_copies);
    json_sum(file, "unknown", &strings->unknown);
    fprintf(file, ",\"distinct\":%llu,\"unreachable\":%llu,\"total\":%u,\"duplicates\":[", (unsigned long long)strings->distinct,
           (unsigned long long)strings->unreachable, strings->group_count);
    for (uint32_t i = 0; i < view->groups; i++) {
        const struct hd_strings_group *group = &strings->groups[i];
        fprintf(file, "%s{\"count\":%u,\"bytes\":%llu,\"wasted\":%llu,\"frozen\":%u,\"fstrings\":%u,\"by_prefix\":%s,\"kept\":{", i ? "," : "",
               group->count, (unsigned long long)group->bytes, (unsigned long long)group->wasted, group->frozen, group->fstrings,
               group->by_prefix ? "true" : "false");
        hd_open_json_node(file, view->ways.open, group->kept);
        fputs("}", file);
        json_text(file, &view->texts[i]);
        fputs(",\"held_by\":", file);
        hd_ways_json_holders(file, &view->ways, &view->holders, i, HOLDERS_MAX);
        fputs("}", file);
    }
    fputs("],\"biggest\":[", file);
    for (uint32_t i = 0; i < view->biggest; i++) {
        struct hd_buffer way = {0};
        fprintf(file, "%s{", i ? "," : "");
        hd_open_json_node(file, view->ways.open, strings->biggest[i]);
        json_text(file, &view->texts[view->groups + i]);
        hd_ways_append_to(&way, &view->ways, strings->biggest[i]);
        fputs(",\"held_by\":", file);
        hd_json_text(file, (struct hd_graph_text){way.data ? way.data : "", way.length});
        fputs("}", file);
        hd_buffer_deinit(&way);
    }
    fputs("]}\n", file);
}
