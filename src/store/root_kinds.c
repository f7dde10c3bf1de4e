/* See root_kinds.h. */
#include "store/root_kinds.h"

#include <string.h>

static struct hd_graph_text kind_of(const struct hd_graph *graph, uint64_t edge)
{
    struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
    size_t length = 0;
    while (length < name.length && name.data[length] != '.' && name.data[length] != '[')
        length++;
    return (struct hd_graph_text){name.data, length};
}

/* `count` if it is not there. */
static uint32_t find(const struct hd_root_kinds *kinds, struct hd_graph_text kind)
{
    uint32_t at = 0;
    while (at < kinds->count && (kinds->name[at].length != kind.length || memcmp(kinds->name[at].data, kind.data, kind.length)))
        at++;
    return at;
}

void hd_root_kinds_make(struct hd_root_kinds *kinds, const struct hd_graph *graph)
{
    *kinds = (struct hd_root_kinds){0};
    for (uint64_t edge = graph->edge_start[0]; edge < graph->edge_start[1]; edge++) {
        struct hd_graph_text kind = kind_of(graph, edge);
        uint32_t at = find(kinds, kind);
        if (at == kinds->count && at < HD_ROOT_KINDS_MAX)
            kinds->name[kinds->count++] = kind;
        kinds->edges[at < HD_ROOT_KINDS_MAX ? at : HD_ROOT_KINDS_MAX - 1]++;
    }
}

uint32_t hd_root_kinds_number(const struct hd_root_kinds *kinds, const struct hd_graph *graph, uint64_t edge)
{
    uint32_t at = find(kinds, kind_of(graph, edge));
    return at < kinds->count ? at : kinds->count - 1;
}
