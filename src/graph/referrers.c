/* Reverse edges by counting sort; see referrers.h. */
#include "graph/referrers.h"

#include <stdlib.h>
#include <string.h>

bool hd_referrers_create(struct hd_referrers *referrers, const struct hd_graph *graph, struct hd_error *err)
{
    uint32_t count = graph->node_count;
    referrers->start = calloc((size_t)count + 1, sizeof *referrers->start);
    referrers->from = calloc(graph->edge_count ? graph->edge_count : 1, sizeof *referrers->from);
    if (!referrers->start || !referrers->from) {
        hd_referrers_destroy(referrers);
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the referrers of %u objects", count);
    }
    uint64_t *start = referrers->start;
    for (uint64_t e = 0; e < graph->edge_count; e++)
        start[graph->edge_to[e]]++;
    uint64_t end = 0;
    for (uint32_t node = 0; node <= count; node++) {
        end += start[node];
        start[node] = end;
    }
    /* Backwards, so that each node's come out ascending and `start` ends at their beginning. */
    for (uint32_t node = count; node-- > 0;)
        for (uint64_t e = graph->edge_start[node + 1]; e-- > graph->edge_start[node];)
            referrers->from[--start[graph->edge_to[e]]] = node;
    return true;
}

void hd_referrers_destroy(struct hd_referrers *referrers)
{
    free(referrers->start);
    free(referrers->from);
    memset(referrers, 0, sizeof *referrers);
}

uint64_t hd_referrers_edge(const struct hd_graph *graph, uint32_t from, uint32_t to, uint64_t at)
{
    uint64_t e = graph->edge_start[from] > at ? graph->edge_start[from] : at;
    for (; e < graph->edge_start[from + 1]; e++)
        if (graph->edge_to[e] == to)
            return e;
    return UINT64_MAX;
}

bool hd_referrers_find(const struct hd_graph *graph, uint32_t to, struct hd_referrer **list, uint64_t *count,
                       struct hd_error *err)
{
    uint64_t length = 0;
    for (uint64_t e = 0; e < graph->edge_count; e++)
        length += graph->edge_to[e] == to;
    *count = 0;
    *list = malloc((length ? length : 1) * sizeof **list);
    if (!*list)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for %llu referrers", (unsigned long long)length);
    uint32_t from = 0;
    for (uint64_t e = 0; *count < length; e++) {
        if (graph->edge_to[e] != to)
            continue;
        /* The leaving node: the last whose edges begin at or before e. */
        uint32_t low = from, high = graph->node_count - 1;
        while (low < high) {
            uint32_t middle = high - (high - low) / 2;
            if (graph->edge_start[middle] <= e)
                low = middle;
            else
                high = middle - 1;
        }
        from = low;
        (*list)[(*count)++] = (struct hd_referrer){e, from};
    }
    return true;
}
