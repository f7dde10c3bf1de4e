/* Reverse edges by counting sort; see referrers.h. */
#include "graph/referrers.h"

#include "base/bits.h"
#include "base/crew.h"

#include <stdatomic.h>
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

/* ---- as a set ---- */

enum { GROUP = 64, EDGES_AT_ONCE = 512 * GROUP };

/* Who looks through some of the edges; `set` NULL: for those that lead to `node`. */
struct hand {
    const struct hd_graph *graph;
    uint32_t node;
    const uint64_t *set;
    uint64_t *referrers;
    _Atomic uint64_t *next;
};

/* The node that an edge leaves: `low` or one behind it, mostly near. */
static uint32_t leaves(const struct hd_graph *graph, uint32_t low, uint64_t edge)
{
    enum { NEAR = 8 };
    for (uint32_t near = low + NEAR; low < near && low + 1 < graph->node_count; low++)
        if (graph->edge_start[low + 1] > edge)
            return low;
    uint64_t high = low, step = 1;
    for (; high < graph->node_count && graph->edge_start[high + 1] <= edge; step *= 2) {
        low = (uint32_t)high + 1;
        high += step;
    }
    if (high >= graph->node_count)
        high = graph->node_count - 1;
    while (low < high) {
        uint32_t middle = low + ((uint32_t)high - low) / 2;
        if (graph->edge_start[middle + 1] <= edge)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Most groups have none: no branch in these loops. */
static bool some_to_node(const uint32_t *to, uint64_t count, uint32_t node)
{
    uint32_t found = 0;
    if (count == GROUP)
        for (uint64_t i = 0; i < GROUP; i++)
            found += to[i] == node;
    else
        for (uint64_t i = 0; i < count; i++)
            found += to[i] == node;
    return found;
}

static bool some_to_set(const uint32_t *to, uint64_t count, const uint64_t *set)
{
    uint64_t found = 0;
    for (uint64_t i = 0; i < count; i++)
        found |= set[to[i] / HD_BITS_WORD] >> (to[i] % HD_BITS_WORD);
    return found & 1;
}

/* A word of the set that is written: another hand may have edges of the same nodes, and write the same words. */
struct part {
    size_t word;
    uint64_t bits;
};

static void put(const struct hand *hand, struct part *part, uint32_t node)
{
    size_t word = node / HD_BITS_WORD;
    if (word != part->word && part->bits) {
        __atomic_fetch_or(&hand->referrers[part->word], part->bits, __ATOMIC_RELAXED);
        part->bits = 0;
    }
    part->word = word;
    part->bits |= (uint64_t)1 << (node % HD_BITS_WORD);
}

/* Their edges [from, to). */
static void look_through(const struct hand *hand, uint64_t from, uint64_t to)
{
    const struct hd_graph *graph = hand->graph;
    struct part part = {0};
    uint32_t node = 0;
    for (uint64_t group = from; group < to; group += GROUP) {
        const uint64_t count = to - group < GROUP ? to - group : GROUP;
        const uint32_t *ends = graph->edge_to + group;
        if (!(hand->set ? some_to_set(ends, count, hand->set) : some_to_node(ends, count, hand->node)))
            continue;
        for (uint64_t i = 0; i < count; i++) {
            if (!(hand->set ? hd_bits_has(hand->set, ends[i]) : ends[i] == hand->node))
                continue;
            node = leaves(graph, node, group + i);
            put(hand, &part, node);
        }
    }
    if (part.bits)
        __atomic_fetch_or(&hand->referrers[part.word], part.bits, __ATOMIC_RELAXED);
}

static void run(void *data)
{
    const struct hand *hand = data;
    const uint64_t edges = hand->graph->edge_count;
    uint64_t from;
    while ((from = atomic_fetch_add(hand->next, EDGES_AT_ONCE)) < edges)
        look_through(hand, from, edges - from < EDGES_AT_ONCE ? edges : from + EDGES_AT_ONCE);
}

static void run_all(struct hand first)
{
    _Atomic uint64_t next = 0;
    struct hand hand[HD_CREW_MAX];
    first.next = &next;
    for (int i = 0; i < HD_CREW_MAX; i++)
        hand[i] = first;
    hd_crew_run(run, hand, sizeof *hand, hd_crew_size());
}

void hd_referrers_of(const struct hd_graph *graph, uint32_t node, uint64_t *referrers)
{
    run_all((struct hand){.graph = graph, .node = node, .referrers = referrers});
}

void hd_referrers_of_set(const struct hd_graph *graph, const uint64_t *set, uint64_t *referrers)
{
    run_all((struct hand){.graph = graph, .set = set, .referrers = referrers});
}
