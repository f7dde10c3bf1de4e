/* See object.h. */
#include "view/object.h"

#include "dump/text.h"
#include "view/json.h"
#include "view/readable.h"

#include <stdlib.h>

/* An excerpt has some of what is next to an object: are these enough? */
static bool must_be_whole(const struct hd_open *open, unsigned long limit)
{
    const struct hd_excerpt *excerpt = &open->basis->excerpt;
    return excerpt->node && (limit == 0 || limit > HD_EXCERPT_NEIGHBOURS)
           && (excerpt->reference_count > HD_EXCERPT_NEIGHBOURS || excerpt->referrer_count > HD_EXCERPT_NEIGHBOURS);
}

bool hd_view_object_make(struct hd_view_object *view, struct hd_open *open, uint32_t node, unsigned long limit, struct hd_error *err)
{
    const struct hd_graph *graph = &open->graph;
    const struct hd_excerpt *excerpt = &open->basis->excerpt;
    if (must_be_whole(open, limit)) {
        const uint64_t address = graph->node_address[node];
        if (!hd_open_whole(open, HD_INDEX_GRAPH, err))
            return false;
        node = hd_graph_find(graph, address);
    }
    *view = (struct hd_view_object){.open = open, .node = node};
    if (!hd_referrers_find(graph, node, &view->referrers, &view->referrer_count, err))
        return false;
    view->reference_count = excerpt->node ? excerpt->reference_count : graph->edge_start[node + 1] - graph->edge_start[node];
    if (excerpt->node)
        view->referrer_count = excerpt->referrer_count;
    view->line = hd_readable_fetch(open->dump, graph->node_line[node], graph->node_address[node], &view->line_length,
                                   &view->line_err);
    return true;
}

void hd_view_object_free(struct hd_view_object *view)
{
    free(view->line);
    free(view->referrers);
    *view = (struct hd_view_object){0};
}

uint64_t hd_view_object_shown(uint64_t count, unsigned long limit)
{
    return limit == 0 || count < limit ? count : limit;
}

static void edges_json(FILE *file, const struct hd_view_object *view, unsigned long limit, bool incoming)
{
    const struct hd_graph *graph = &view->open->graph;
    uint64_t count = incoming ? view->referrer_count : view->reference_count;
    const char *what = incoming ? "referrer" : "reference";
    fprintf(file, ",\"%s_count\":%llu,\"%ss\":[", what, (unsigned long long)count, what);
    for (uint64_t i = 0; i < hd_view_object_shown(count, limit); i++) {
        uint64_t edge = incoming ? view->referrers[i].edge : graph->edge_start[view->node] + i;
        fprintf(file, "%s{\"name\":", i ? "," : "");
        hd_json_text(file, hd_graph_name(graph, graph->edge_name[edge]));
        fprintf(file, ",\"weak\":%s,", graph->edge_name[edge] & HD_NAME_WEAK ? "true" : "false");
        hd_open_json_node(file, view->open, incoming ? view->referrers[i].from : graph->edge_to[edge]);
        fputs("}", file);
    }
    fputs("]", file);
}

void hd_view_object_json(FILE *file, const struct hd_view_object *view, unsigned long limit)
{
    uint32_t parent = view->open->dominators.parent[view->node];
    fputs("{", file);
    hd_open_json_head(file, view->open);
    fputs(",", file);
    hd_open_json_node(file, view->open, view->node);
    fprintf(file, ",\"reachable\":%s", parent == HD_NODE_NONE ? "false" : "true");
    if (parent != HD_NODE_NONE) {
        fputs(",\"dominator\":{", file);
        hd_open_json_node(file, view->open, parent);
        fputs("}", file);
    }
    /* ObjectSpace writes strings that are no UTF-8 as they are, which no reader of JSON takes */
    if (view->line && hd_text_is_utf8(view->line, view->line_length)) {
        fputs(",\"object\":", file);
        fwrite(view->line, 1, view->line_length, file);
    }
    edges_json(file, view, limit, false);
    edges_json(file, view, limit, true);
    fputs("}\n", file);
}
