/* See line_order.h. */
#define _GNU_SOURCE
#include "graph/line_order.h"

#include <stdlib.h>
#include <string.h>

enum { RUN_NODES = 4, /* shorter ones on the average are not worth it */
       PAGE_BITS = 14 }; /* the smallest heap pages of all Rubies (gc.c); between two of them may stand any others */

/* Nodes of one page whose lines ascend. */
struct run {
    uint64_t line; /* of the first */
    uint32_t from, to;
};

static int by_first(const void *left, const void *right)
{
    const struct run *a = left, *b = right;
    return (a->line > b->line) - (a->line < b->line);
}

static int by_line(const void *left, const void *right, void *graph)
{
    const uint64_t *line = ((const struct hd_graph *)graph)->node_line;
    uint64_t a = line[*(const uint32_t *)left], b = line[*(const uint32_t *)right];
    return (a > b) - (a < b);
}

static bool ascend(const uint64_t *line, const uint32_t *nodes, uint32_t count)
{
    bool bad = false;
    for (uint32_t i = 1; i < count; i++)
        bad |= line[nodes[i]] < line[nodes[i - 1]];
    return !bad;
}

/* Whether a run begins with the i-th node. */
static bool begins(const struct hd_graph *graph, const uint32_t *nodes, uint32_t i)
{
    const uint64_t *line = graph->node_line, *address = graph->node_address;
    return i == 0 || line[nodes[i]] < line[nodes[i - 1]]
           || address[nodes[i]] >> PAGE_BITS != address[nodes[i - 1]] >> PAGE_BITS;
}

static uint32_t count_runs(const struct hd_graph *graph, const uint32_t *nodes, uint32_t count)
{
    uint32_t runs = 0;
    for (uint32_t i = 0; i < count; i++)
        runs += begins(graph, nodes, i);
    return runs;
}

static void list_runs(struct run *run, const struct hd_graph *graph, const uint32_t *nodes, uint32_t count)
{
    for (uint32_t i = 0, at = 0; i < count; i++) {
        if (begins(graph, nodes, i))
            run[at++] = (struct run){graph->node_line[nodes[i]], i, i};
        run[at - 1].to = i + 1;
    }
}

/* Puts runs that do not reach into one another in order; false if some do. */
static bool join(const struct run *run, uint32_t runs, const uint64_t *line, const uint32_t *nodes, uint32_t *sorted)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < runs; i++) {
        if (i > 0 && line[nodes[run[i - 1].to - 1]] > run[i].line)
            return false;
        memcpy(sorted + at, nodes + run[i].from, (size_t)(run[i].to - run[i].from) * sizeof *nodes);
        at += run[i].to - run[i].from;
    }
    return true;
}

bool hd_line_order(const struct hd_graph *graph, uint32_t *nodes, uint32_t count)
{
    const uint64_t *line = graph->node_line;
    if (ascend(line, nodes, count))
        return true;
    uint32_t runs = count_runs(graph, nodes, count);
    bool done = false;
    if (runs <= count / RUN_NODES) {
        struct run *run = malloc((size_t)runs * sizeof *run);
        uint32_t *sorted = malloc((size_t)count * sizeof *sorted);
        bool memory = run && sorted;
        if (memory) {
            list_runs(run, graph, nodes, count);
            qsort(run, runs, sizeof *run, by_first);
            done = join(run, runs, line, nodes, sorted);
        }
        if (done)
            memcpy(nodes, sorted, (size_t)count * sizeof *nodes);
        free(run);
        free(sorted);
        if (!memory)
            return false;
    }
    if (!done)
        qsort_r(nodes, count, sizeof *nodes, by_line, (void *)(uintptr_t)graph);
    return true;
}
