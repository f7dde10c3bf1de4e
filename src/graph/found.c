/* See found.h. */
#define _GNU_SOURCE
#include "graph/found.h"

#include "base/bits.h"
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
    const uint64_t *member;
    _Atomic uint32_t next;
};

/* What one processor has found. Its first ones are a heap, whose top is the last of them: most others only are compared with that. */
struct hand {
    struct collection *collection;
    uint32_t *node; /* [room] */
    uint32_t room, listed, count;
    uint64_t size, retained;
    bool apart;
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

/* What comes last of those that are listed, if there is no room for more; else what nothing comes after. */
struct last {
    uint64_t retained, size;
    uint32_t node;
};

static struct last last_of(const struct hand *hand)
{
    const struct order *order = &hand->collection->order;
    if (hand->listed < hand->room || hand->room == 0)
        return (struct last){0, 0, HD_NODE_NONE};
    return (struct last){order->dominators->retained[hand->node[0]], order->graph->node_size[hand->node[0]], hand->node[0]};
}

/* What most are, so that it must not take long. */
static inline bool comes_after(const struct last *last, uint32_t node, uint64_t retained, uint64_t size)
{
    if (retained != last->retained)
        return retained < last->retained;
    return size != last->size ? size < last->size : node > last->node;
}

static void collect(void *data)
{
    struct hand *hand = data;
    const uint64_t *member = hand->collection->member;
    const struct order *order = &hand->collection->order;
    const uint64_t *size_of = order->graph->node_size, *retained_of = order->dominators->retained;
    uint32_t count = order->graph->node_count, from, found = 0;
    struct last last = last_of(hand);
    uint64_t size = 0, retained = 0; /* not in the hand, next to which the other's lies */
    bool apart = true;
    while ((from = atomic_fetch_add(&hand->collection->next, HD_FOUND_PIECE)) < count) {
        uint32_t to = count - from < HD_FOUND_PIECE ? count : from + HD_FOUND_PIECE;
        for (; from < to; from += HD_BITS_WORD)
            for (uint64_t word = member[from / HD_BITS_WORD]; word;) {
                uint32_t node = from + hd_bits_take(&word);
                found++;
                size += size_of[node];
                retained += retained_of[node];
                apart = apart && retained_of[node] <= size_of[node];
                if (comes_after(&last, node, retained_of[node], size_of[node]))
                    continue;
                offer(hand, node);
                last = last_of(hand);
            }
    }
    hand->count = found;
    hand->size = size;
    hand->retained = retained;
    hand->apart = apart;
}

/* ---- together ---- */

static uint32_t members(const uint64_t *member, uint32_t count)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < hd_bits_words(count); i++)
        sum += (uint32_t)__builtin_popcountll(member[i]);
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
        found->retained += hands[i].retained;
        found->apart = found->apart && hands[i].apart;
    }
    qsort_r(found->node, found->listed, sizeof *found->node, compare, order);
    found->listed = found->listed < room ? found->listed : room;
    return true;
}

bool hd_found_make(struct hd_found *found, const uint64_t *member, uint64_t first, const struct hd_graph *graph,
                   const struct hd_dominators *dominators, struct hd_error *err)
{
    struct collection collection = {.order = {graph, dominators}, .member = member};
    struct hand hands[HD_CREW_MAX] = {0};
    uint32_t room = members(member, graph->node_count);
    room = first == 0 || first > room ? room : (uint32_t)first;
    int count = room == 0 || room > graph->node_count / HD_CREW_MAX ? 1 : hd_crew_size(); /* each has room for all */
    bool there = true;
    *found = (struct hd_found){.apart = true};
    for (int i = 0; i < count; i++) {
        hands[i] = (struct hand){.collection = &collection, .room = room, .node = malloc(((size_t)room + 1) * sizeof *hands->node)};
        there = there && hands[i].node;
    }
    if (there)
        hd_crew_run(collect, hands, sizeof *hands, count);
    there = there && join(found, hands, count, room, &collection.order);
    for (int i = 0; i < count; i++)
        free(hands[i].node);
    return there || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}
