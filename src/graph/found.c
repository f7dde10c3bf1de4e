/* See found.h. */
#define _GNU_SOURCE
#include "graph/found.h"

#include "base/crew.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct order {
    const struct hd_graph *graph;
    const struct hd_dominators *dominators;
};

static int compare(const void *left, const void *right, void *data)
{
    const struct order *order = data;
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    const uint64_t *retained = order->dominators->retained, *size = order->graph->node_size;
    if (retained[a] != retained[b])
        return retained[a] < retained[b] ? 1 : -1;
    if (size[a] != size[b])
        return size[a] < size[b] ? 1 : -1;
    return (a > b) - (a < b);
}

/* ---- by several hands ---- */

struct collection {
    struct order order;
    const uint8_t *member;
    _Atomic uint32_t next;
};

/* What one processor has found. Its first ones are a heap, whose top is the last of them: most others only are compared with that. */
struct hand {
    struct collection *collection;
    uint32_t *node; /* [room] */
    uint32_t room, listed, count;
    uint64_t size;
};

/* The top gives way to what comes after it. */
static void sift_down(uint32_t *heap, uint32_t count, uint32_t at, struct order *order)
{
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && compare(&heap[child + 1], &heap[child], order) > 0)
            child++;
        if (compare(&heap[child], &heap[at], order) <= 0)
            return;
        uint32_t kept = heap[at];
        heap[at] = heap[child];
        heap[child] = kept;
    }
}

static void offer(struct hand *hand, uint32_t node)
{
    struct order *order = &hand->collection->order;
    if (hand->listed < hand->room) {
        hand->node[hand->listed++] = node;
        for (uint32_t i = hand->room / 2; hand->listed == hand->room && i-- > 0;)
            sift_down(hand->node, hand->room, i, order);
    } else if (hand->room > 0 && compare(&node, &hand->node[0], order) < 0) {
        hand->node[0] = node;
        sift_down(hand->node, hand->room, 0, order);
    }
}

static void collect(void *data)
{
    struct hand *hand = data;
    const uint8_t *member = hand->collection->member;
    const struct hd_graph *graph = hand->collection->order.graph;
    uint32_t count = graph->node_count, from, found = 0;
    uint64_t size = 0; /* not in the hand, next to which the other's lies */
    while ((from = atomic_fetch_add(&hand->collection->next, HD_FOUND_PIECE)) < count) {
        uint32_t to = count - from < HD_FOUND_PIECE ? count : from + HD_FOUND_PIECE;
        for (uint32_t node = from; node < to; node++) {
            if (!member[node])
                continue;
            found++;
            size += graph->node_size[node];
            offer(hand, node);
        }
    }
    hand->count = found;
    hand->size = size;
}

/* ---- together ---- */

static uint32_t members(const uint8_t *member, uint32_t count)
{
    uint32_t sum = 0;
    for (uint32_t node = 0; node < count; node++)
        sum += member[node];
    return sum;
}

static bool join(struct hd_found *found, const struct hand *hands, int count, uint32_t room, struct order *order)
{
    uint32_t listed = 0;
    for (int i = 0; i < count; i++)
        listed += hands[i].listed;
    found->node = malloc(((size_t)listed + 1) * sizeof *found->node);
    if (!found->node)
        return false;
    for (int i = 0; i < count; i++) {
        if (hands[i].listed)
            memcpy(found->node + found->listed, hands[i].node, hands[i].listed * sizeof *found->node);
        found->listed += hands[i].listed;
        found->count += hands[i].count;
        found->size += hands[i].size;
    }
    qsort_r(found->node, found->listed, sizeof *found->node, compare, order);
    found->listed = found->listed < room ? found->listed : room;
    return true;
}

bool hd_found_make(struct hd_found *found, const uint8_t *member, uint64_t first, const uint64_t *retained,
                   const struct hd_graph *graph, const struct hd_dominators *dominators, struct hd_error *err)
{
    struct collection collection = {.order = {graph, dominators}, .member = member};
    struct hand hands[HD_CREW_MAX] = {0};
    uint32_t room = members(member, graph->node_count);
    room = first == 0 || first > room ? room : (uint32_t)first;
    int count = room == 0 || room > graph->node_count / HD_CREW_MAX ? 1 : hd_crew_size(); /* each has room for all */
    bool there = true;
    *found = (struct hd_found){0};
    for (int i = 0; i < count; i++) {
        hands[i] = (struct hand){.collection = &collection, .room = room, .node = malloc(((size_t)room + 1) * sizeof *hands->node)};
        there = there && hands[i].node;
    }
    if (there)
        hd_crew_run(collect, hands, sizeof *hands, count);
    there = there && join(found, hands, count, room, &collection.order);
    for (int i = 0; i < count; i++)
        free(hands[i].node);
    if (!there)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    found->retained = retained ? *retained : hd_dominators_retained_by_set(dominators, graph, member, false, err);
    if (found->retained != UINT64_MAX)
        return true;
    free(found->node);
    *found = (struct hd_found){0};
    return false;
}
