/* See ways.h. */
#include "view/ways.h"

#include <string.h>

static const char arrow[] = " → ";

bool hd_ways_init(struct hd_ways *ways, struct hd_open *open, struct hd_error *err)
{
    *ways = (struct hd_ways){.open = open, .classes = hd_derived_classes(open->derived, err)};
    ways->paths = ways->classes ? hd_derived_paths(open->derived, err) : NULL;
    return ways->paths != NULL;
}

static void append(struct hd_buffer *out, const char *text)
{
    hd_buffer_append(out, text, strlen(text));
}

void hd_ways_append(struct hd_buffer *out, const struct hd_ways *ways, uint32_t from, uint64_t edge)
{
    struct hd_holders_way way;
    char title[HD_OPEN_TITLE];
    hd_holders_way(ways->paths, from, edge, &way);
    append(out, hd_open_title(title, ways->open, way.owner));
    for (uint32_t i = 0; i < way.length; i++) {
        struct hd_graph_text name = hd_graph_name(&ways->open->graph, ways->open->graph.edge_name[way.step[i].edge]);
        append(out, " ");
        hd_buffer_append(out, name.data ? name.data : "", name.length);
        if (i + 1 < way.length) {
            append(out, arrow);
            append(out, hd_open_title(title, ways->open, way.step[i].node));
        }
    }
}

void hd_ways_append_to(struct hd_buffer *out, const struct hd_ways *ways, uint32_t node)
{
    if (ways->paths->parent[node] == HD_NODE_NONE)
        append(out, "nothing");
    else
        hd_ways_append(out, ways, ways->paths->parent[node], ways->paths->edge[node]);
}
