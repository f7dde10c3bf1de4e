/* See collections.h. */
#include "view/collections.h"

#include "dump/json_reader.h"
#include "view/json.h"

#include <stdlib.h>
#include <string.h>

enum { HOLDERS_MAX = 20 };

const char *const hd_view_collections_kinds[HD_COLLECTIONS_KINDS] = {"arrays", "hashes", "sets"};
const char *const hd_view_collections_fills[HD_COLLECTIONS_FILLS] = {"empty",       "below 25 %",   "25 to 50 %",
                                                                     "50 to 75 %", "75 to 100 %", "full"};

bool hd_view_collections_make(struct hd_view_collections *view, struct hd_open *open, unsigned long rows,
                              struct hd_error *err)
{
    *view = (struct hd_view_collections){0};
    if (!hd_open_whole(open, HD_INDEX_GRAPH, err) || !hd_ways_init(&view->ways, open, err))
        return false;
    struct hd_collections *collections = &view->collections;
    const struct hd_lines *lines = open->basis->lines;
    if (!hd_collections_create(collections, view->ways.open->dump, &open->graph, open->dominators.parent,
                               lines ? &lines->collections : NULL, err))
        return false;
    bool all = rows == 0 || rows > collections->count;
    view->shown = all ? collections->count : (uint32_t)rows;
    view->set = malloc(sizeof *view->set * open->graph.node_count);
    view->biggest = malloc(sizeof *view->biggest * ((size_t)view->shown + 1));
    if (!view->set || !view->biggest)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    memset(view->set, 0xff, sizeof *view->set * open->graph.node_count);
    hd_collections_rank(collections, false, view->shown);
    memcpy(view->biggest, collections->list, sizeof *view->biggest * view->shown);
    for (uint32_t i = 0; i < collections->count; i++) {
        const struct hd_collection *one = &collections->list[i];
        if (one->elements == 0)
            view->set[one->node] = (uint32_t)hd_collections_kind(&open->graph, one->node);
    }
    hd_collections_rank(collections, true, view->shown);
    return hd_holders_create(&view->holders, view->ways.paths, view->ways.classes, view->set, HD_COLLECTIONS_KINDS, err);
}

void hd_view_collections_free(struct hd_view_collections *view)
{
    free(view->biggest);
    free(view->set);
    hd_holders_destroy(&view->holders);
    hd_collections_destroy(&view->collections);
}

static void json_list(FILE *file, const struct hd_view_collections *view, const char *name, const struct hd_collection *list, bool unused)
{
    fprintf(file, ",\"%s\":[", name);
    for (uint32_t i = 0; i < view->shown && (!unused || list[i].unused); i++) {
        struct hd_buffer way = {0};
        hd_ways_append_to(&way, &view->ways, list[i].node);
        fprintf(file, "%s{", i ? "," : "");
        hd_open_json_node(file, view->ways.open, list[i].node);
        fprintf(file, ",\"elements\":%llu,\"places\":", (unsigned long long)list[i].elements);
        if (list[i].places == HD_COLLECTIONS_UNKNOWN)
            fputs("null", file);
        else
            fprintf(file, "%llu", (unsigned long long)list[i].places);
        fprintf(file, ",\"unused\":%llu,\"held_by\":", (unsigned long long)list[i].unused);
        hd_json_text(file, (struct hd_graph_text){way.data ? way.data : "", way.length});
        fputs("}", file);
        hd_buffer_deinit(&way);
    }
    fputs("]", file);
}

static void json_sum(FILE *file, const struct hd_view_collections *view, int kind)
{
    const struct hd_collections_sum *sum = &view->collections.sums[kind];
    fprintf(file, ",\"%s\":{\"count\":%llu,\"bytes\":%llu,\"elements\":%llu,\"empty\":%llu,\"empty_bytes\":%llu,\"known\":%llu,\"places\":%llu,"
           "\"unused\":%llu,\"fill\":[", hd_view_collections_kinds[kind], (unsigned long long)sum->count, (unsigned long long)sum->bytes,
           (unsigned long long)sum->elements, (unsigned long long)sum->empty, (unsigned long long)sum->empty_bytes,
           (unsigned long long)sum->known, (unsigned long long)sum->places, (unsigned long long)sum->unused);
    for (int fill = 0; fill < HD_COLLECTIONS_FILLS; fill++)
        fprintf(file, "%s{\"fill\":\"%s\",\"count\":%llu,\"unused\":%llu}", fill ? "," : "", hd_view_collections_fills[fill],
               (unsigned long long)sum->fill_count[fill], (unsigned long long)sum->fill_unused[fill]);
    fputs("],\"empty_held_by\":", file);
    hd_ways_json_holders(file, &view->ways, &view->holders, (uint32_t)kind, HOLDERS_MAX);
    fputs("}", file);
}

void hd_view_collections_json(FILE *file, const struct hd_view_collections *view)
{
    fputs("{", file);
    hd_open_json_head(file, view->ways.open);
    for (int kind = 0; kind < HD_COLLECTIONS_KINDS; kind++)
        json_sum(file, view, kind);
    fprintf(file, ",\"unreachable\":%llu", (unsigned long long)view->collections.unreachable);
    json_list(file, view, "biggest", view->biggest, false);
    json_list(file, view, "most_unused", view->collections.list, true);
    fputs("}\n", file);
}
