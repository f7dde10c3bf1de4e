/* Orders by counting sort; see sql_heap.h. */
#define _GNU_SOURCE
#include "store/sql_heap.h"

#include "dump/json_reader.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void hd_sql_heap_init(struct hd_sql_heap *heap, const struct hd_sql_source *source)
{
    *heap = (struct hd_sql_heap){.source = *source, .lines = -1};
}

static void order_deinit(struct hd_sql_order *order)
{
    free(order->start);
    free(order->node);
}

void hd_sql_heap_deinit(struct hd_sql_heap *heap)
{
    free(heap->class_rank);
    order_deinit(&heap->by_class);
    order_deinit(&heap->by_type);
    order_deinit(&heap->by_dominator);
    order_deinit(&heap->by_class_id);
    hd_referrers_destroy(&heap->incoming.referrers);
    free(heap->incoming.place);
    free(heap->referrer_count);
    hd_stacks_destroy(&heap->stacks);
    free(heap->thread_order);
    hd_strings_destroy(&heap->strings);
    free(heap->string_group);
    free(heap->string_known);
    if (heap->lines >= 0)
        close(heap->lines);
    hd_sql_heap_init(heap, &heap->source);
}

bool hd_sql_heap_whole(struct hd_sql_heap *heap)
{
    if (heap->source.index && heap->source.whole(heap->source.data, &heap->err))
        heap->source.index = NULL;
    return !heap->source.index;
}

static bool no_memory(struct hd_sql_heap *heap)
{
    return hd_error_set(&heap->err, HD_ERROR_MEMORY, "out of memory");
}

/* --- orders --- */

/* group_of(…) is below `count`, or HD_NODE_NONE for what is in no group. Node 0, the root, is in none. */
static bool order_make(struct hd_sql_heap *heap, struct hd_sql_order *order, uint32_t count,
                       uint32_t group_of(const struct hd_sql_heap *heap, uint32_t node))
{
    if (order->start)
        return true;
    uint32_t nodes = heap->source.graph->node_count, end = 0;
    uint32_t *start = calloc((size_t)count + 1, sizeof *start), *node = malloc((size_t)nodes * sizeof *node);
    if (!start || !node) {
        free(start);
        free(node);
        return no_memory(heap);
    }
    for (uint32_t n = 1; n < nodes; n++) {
        uint32_t group = group_of(heap, n);
        if (group < count)
            start[group]++;
    }
    for (uint32_t group = 0; group <= count; group++) {
        end += start[group];
        start[group] = end;
    }
    for (uint32_t n = nodes; n-- > 1;) { /* backwards, so that each group's come out ascending */
        uint32_t group = group_of(heap, n);
        if (group < count)
            node[--start[group]] = n;
    }
    *order = (struct hd_sql_order){start, node, count};
    return true;
}

static int by_name(const void *left, const void *right, void *data)
{
    const struct hd_groups *classes = data;
    struct hd_graph_text a = classes->name[*(const uint32_t *)left], b = classes->name[*(const uint32_t *)right];
    int order = memcmp(a.data, b.data, a.length < b.length ? a.length : b.length);
    return order ? order : (a.length > b.length) - (a.length < b.length);
}

bool hd_sql_heap_classes(struct hd_sql_heap *heap)
{
    if (!heap->classes)
        heap->classes = hd_derived_classes(heap->source.derived, &heap->err);
    return heap->classes != NULL;
}

static bool ranks_make(struct hd_sql_heap *heap)
{
    if (heap->class_rank)
        return true;
    uint32_t count = heap->classes->count;
    uint32_t *sorted = malloc(((size_t)count + 1) * sizeof *sorted), *rank = malloc(((size_t)count + 1) * sizeof *rank);
    bool ok = sorted && rank;
    for (uint32_t i = 0; ok && i < count; i++)
        sorted[i] = i;
    if (ok)
        qsort_r(sorted, count, sizeof *sorted, by_name, (void *)(uintptr_t)heap->classes);
    for (uint32_t i = 0; ok && i < count; i++)
        rank[sorted[i]] = i;
    free(sorted);
    if (!ok) {
        free(rank);
        return no_memory(heap);
    }
    heap->class_rank = rank;
    return true;
}

static uint32_t class_of(const struct hd_sql_heap *heap, uint32_t node)
{
    return heap->class_rank[heap->classes->number[node]];
}

bool hd_sql_heap_by_class(struct hd_sql_heap *heap)
{
    return hd_sql_heap_classes(heap) && ranks_make(heap)
           && order_make(heap, &heap->by_class, heap->classes->count, class_of);
}

static uint32_t type_of(const struct hd_sql_heap *heap, uint32_t node)
{
    uint8_t type = heap->source.graph->node_type[node];
    return type < HD_BT_COUNT ? heap->type_rank[type] : heap->type_rank[HD_BT_NONE];
}

bool hd_sql_heap_by_type(struct hd_sql_heap *heap)
{
    for (int type = HD_BT_NONE; type < HD_BT_COUNT; type++) {
        heap->type_rank[type] = 0; /* what is of no type has no name, and comes first */
        for (int other = HD_BT_NONE; type != HD_BT_NONE && other < HD_BT_COUNT; other++)
            heap->type_rank[type] += other == HD_BT_NONE || strcmp(hd_bt_name(other), hd_bt_name(type)) < 0;
    }
    return order_make(heap, &heap->by_type, HD_BT_COUNT, type_of);
}

static uint32_t dominator_of(const struct hd_sql_heap *heap, uint32_t node)
{
    return heap->source.dominators->parent[node];
}

bool hd_sql_heap_by_dominator(struct hd_sql_heap *heap)
{
    return order_make(heap, &heap->by_dominator, heap->source.graph->node_count, dominator_of);
}

static uint32_t class_node_of(const struct hd_sql_heap *heap, uint32_t node)
{
    return heap->source.graph->node_class[node];
}

bool hd_sql_heap_by_class_id(struct hd_sql_heap *heap)
{
    return order_make(heap, &heap->by_class_id, heap->source.graph->node_count, class_node_of);
}

/* --- referrers --- */

bool hd_sql_heap_referrer_count(struct hd_sql_heap *heap)
{
    const struct hd_graph *graph = heap->source.graph;
    if (heap->referrer_count)
        return true;
    heap->referrer_count = calloc(graph->node_count, sizeof *heap->referrer_count);
    if (!heap->referrer_count)
        return no_memory(heap);
    for (uint64_t e = 0; e < graph->edge_count; e++)
        heap->referrer_count[graph->edge_to[e]]++;
    return true;
}

/* The referrers are in the order of the edges, so the same sweep, forwards, finds each one's place. */
bool hd_sql_heap_incoming(struct hd_sql_heap *heap)
{
    const struct hd_graph *graph = heap->source.graph;
    struct hd_sql_incoming *incoming = &heap->incoming;
    if (incoming->place)
        return true;
    uint64_t *next = malloc(((size_t)graph->node_count + 1) * sizeof *next);
    uint32_t *place = malloc((graph->edge_count + 1) * sizeof *place);
    if (!next || !place || !hd_referrers_create(&incoming->referrers, graph, &heap->err)) {
        free(next);
        free(place);
        return no_memory(heap);
    }
    memcpy(next, incoming->referrers.start, (size_t)graph->node_count * sizeof *next);
    for (uint32_t from = 0; from < graph->node_count; from++)
        for (uint64_t e = graph->edge_start[from]; e < graph->edge_start[from + 1]; e++)
            place[next[graph->edge_to[e]]++] = (uint32_t)(e - graph->edge_start[from]);
    free(next);
    incoming->place = place;
    return true;
}

/* --- what takes a pass over the dump --- */

static int by_node(const void *left, const void *right, void *data)
{
    const struct hd_stacks *stacks = data;
    uint32_t a = stacks->threads[*(const uint32_t *)left].node, b = stacks->threads[*(const uint32_t *)right].node;
    return (a > b) - (a < b);
}

bool hd_sql_heap_stacks(struct hd_sql_heap *heap)
{
    const struct hd_sql_source *source = &heap->source;
    struct hd_stacks *stacks = &heap->stacks;
    if (heap->has_stacks)
        return true;
    if (!hd_stacks_create(stacks, source->dump, source->graph, source->dominators->retained, &heap->err))
        return false;
    heap->thread_order = malloc(((size_t)stacks->thread_count + 1) * sizeof *heap->thread_order);
    if (!heap->thread_order) {
        hd_stacks_destroy(stacks);
        return no_memory(heap);
    }
    for (uint32_t i = 0; i < stacks->thread_count; i++)
        heap->thread_order[i] = i;
    qsort_r(heap->thread_order, stacks->thread_count, sizeof *heap->thread_order, by_node, stacks);
    heap->has_stacks = true;
    return true;
}

uint32_t hd_sql_heap_thread(const struct hd_sql_heap *heap, uint32_t node)
{
    uint32_t low = 0, high = heap->stacks.thread_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (heap->stacks.threads[heap->thread_order[middle]].node < node)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < heap->stacks.thread_count && heap->stacks.threads[heap->thread_order[low]].node == node;
    return found ? heap->thread_order[low] : HD_NODE_NONE;
}

bool hd_sql_heap_strings(struct hd_sql_heap *heap)
{
    const struct hd_sql_source *source = &heap->source;
    if (heap->string_group)
        return true;
    uint32_t *group = calloc(source->graph->node_count, sizeof *group);
    uint8_t *known = calloc(source->graph->node_count, 1);
    if (!group || !known) {
        free(group);
        free(known);
        return no_memory(heap);
    }
    if (!hd_strings_create(&heap->strings, source->dump, source->graph, source->dominators->parent, 1, NULL, &heap->err)) {
        free(group);
        free(known);
        return false;
    }
    const struct hd_strings *strings = &heap->strings;
    for (uint64_t i = 0; i < strings->member_count; i++)
        known[strings->members[i].node] = 1;
    for (uint32_t i = 0; i < strings->group_count; i++)
        for (uint32_t k = 0; k < strings->groups[i].count; k++)
            group[strings->members[strings->groups[i].first + k].node] = i + 1;
    heap->string_group = group;
    heap->string_known = known;
    free(heap->strings.members); /* the biggest part, not needed any more */
    heap->strings.members = NULL;
    return true;
}
