/*
 * See tree_walk.h. Three things are done of each part of the order: it is made (from the lists of children), gathered (what is asked of its
 * objects), taken. Making and taking are one thread's at a time, gathering everybody's; who has nothing to do does what is next, so that one
 * thread alone does it all.
 */
#include "graph/tree_walk.h"

#include "base/bits.h"
#include "base/crew.h"
#include "graph/index_point.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    BATCH = 1 << 11,  /* objects that are gathered at once */
    RING = 32,        /* batches that are gathered and not yet taken */
    LEAD = 8,         /* so many batches the order is to be ahead */
    SOON = 12, LATER = 24, /* how many objects ahead what is read of one is on its way from memory */
};
#define ALONE ((uint64_t)1 << 20) /* bytes: of so few no other thread is made */

struct batch {
    struct hd_tree_item item[BATCH];
    bool ready;
};

/* In lines of the cache of their own, for one thread writes what is next to what others read at the same time. */
#define OWN_LINE _Alignas(64)

struct walking {
    const struct hd_tree_walk *walk;
    struct hd_index_columns *columns;
    uint32_t *queue, *above; /* [node_count] the order, and the place of what dominates each; no more is touched than is needed */
    struct batch *ring;
    /* of who makes the order */
    OWN_LINE uint64_t *queued; /* the set of those in it: who would come twice is in no tree, and there might be no end */
    uint32_t head, child, end; /* whose children are next, and the rest of the list of the one before */
    /* under the lock */
    OWN_LINE pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t tail;           /* of the order */
    uint32_t given, taken;   /* batches that somebody gathers or has gathered, and that were taken */
    bool making, made, taking;
    enum hd_tree_walk_end ended;
};

/* ---- the order ---- */

static bool enqueue(struct walking *w, uint32_t *tail, uint32_t node, uint32_t above)
{
    if (hd_bits_has(w->queued, node))
        return false;
    hd_bits_add(w->queued, node);
    w->queue[*tail] = node;
    w->above[(*tail)++] = above;
    return true;
}

/* Has the lists of nodes whose turn comes soon on their way. */
static void fetch_lists(const struct walking *w, uint32_t tail)
{
    const struct hd_dominators *dominators = &w->columns->dominators;
    if (tail - w->head > LATER)
        __builtin_prefetch(&dominators->child_start[w->queue[w->head + LATER]]);
    if (tail - w->head > SOON) {
        uint32_t node = w->queue[w->head + SOON], first = dominators->child_start[node];
        if (first < dominators->child_start[node + 1] && first < dominators->node_count)
            __builtin_prefetch(&dominators->child[first]);
    }
}

/* A part of the order more. False: damaged. */
static bool make(struct walking *w, uint32_t from, uint32_t *tail)
{
    const uint32_t *child = w->columns->dominators.child;
    for (*tail = from; *tail - from < BATCH;) {
        if (w->child < w->end) {
            if (!enqueue(w, tail, child[w->child++], w->head - 1))
                return false;
        } else if (w->head < *tail) {
            fetch_lists(w, *tail);
            if (!hd_index_columns_children(w->columns, w->queue[w->head++], &w->child, &w->end))
                return false;
        } else {
            break;
        }
    }
    return true;
}

/* ---- what is asked ---- */

/* Has what is read of a node on its way from memory. */
static void fetch(const struct hd_index_columns *columns, uint32_t node)
{
    __builtin_prefetch(&columns->graph.node_size[node]);
    __builtin_prefetch(&columns->graph.node_type[node]);
    __builtin_prefetch(&columns->dominators.retained[node]);
    __builtin_prefetch(&columns->class_number[node]);
    __builtin_prefetch(&columns->paths.parent[node]);
    __builtin_prefetch(&columns->paths.edge[node]);
}

/* The second step, when the first has arrived. */
static void fetch_name(const struct hd_index_columns *columns, uint32_t node)
{
    if (columns->paths.edge[node] < columns->graph.edge_count)
        __builtin_prefetch(&columns->graph.edge_name[columns->paths.edge[node]]);
}

static bool look(struct walking *w, struct hd_tree_item *item, uint32_t place)
{
    struct hd_index_columns *columns = w->columns;
    const uint32_t node = w->queue[place];
    if (!hd_index_columns_node(columns, node))
        return false;
    const uint32_t from = columns->paths.parent[node];
    const uint64_t edge = columns->paths.edge[node];
    *item = hd_tree_item_alone(&columns->graph, &columns->dominators, columns->class_number, node);
    item->above = w->above[place];
    if (from == HD_NODE_NONE || place == 0)
        return true;
    if (!hd_index_columns_edge(columns, from, edge))
        return false;
    hd_tree_item_refer(item, &columns->graph, columns->class_number, w->walk->shape->entries, from, edge, w->queue[item->above]);
    return true;
}

static bool gather(struct walking *w, struct batch *batch, uint32_t first, uint32_t count)
{
    const uint32_t *queue = &w->queue[first];
    for (uint32_t i = 0; i < count; i++) {
        if (i + LATER < count)
            fetch(w->columns, queue[i + LATER]);
        if (i + SOON < count)
            fetch_name(w->columns, queue[i + SOON]);
        if (!look(w, &batch->item[i], first + i))
            return false;
    }
    return true;
}

/* ---- who does what ---- */

/* Under the lock: whether the batch is in the order, or what there is of the last one. */
static bool is_there(const struct walking *w, uint32_t batch)
{
    const uint64_t first = (uint64_t)batch * BATCH;
    return first < w->tail && (w->made || w->tail - first >= BATCH);
}

static uint32_t length_of(const struct walking *w, uint32_t batch)
{
    const uint32_t left = w->tail - batch * BATCH;
    return left < BATCH ? left : BATCH;
}

static void end(struct walking *w, enum hd_tree_walk_end why)
{
    if (w->ended == HD_TREE_WALK_DONE)
        w->ended = why;
}

/* These are called under the lock, and give it back for what takes long. */

static void do_make(struct walking *w)
{
    const uint32_t from = w->tail;
    uint32_t tail;
    w->making = true;
    pthread_mutex_unlock(&w->lock);
    bool fine = make(w, from, &tail);
    pthread_mutex_lock(&w->lock);
    w->making = false;
    w->tail = tail;
    w->made = tail - from < BATCH;
    if (!fine)
        end(w, HD_TREE_WALK_DAMAGED);
}

static void do_gather(struct walking *w)
{
    const uint32_t number = w->given++, count = length_of(w, number);
    struct batch *batch = &w->ring[number % RING];
    pthread_mutex_unlock(&w->lock);
    bool fine = gather(w, batch, number * BATCH, count);
    pthread_mutex_lock(&w->lock);
    batch->ready = true;
    if (!fine)
        end(w, HD_TREE_WALK_DAMAGED);
}

static void do_take(struct walking *w)
{
    struct batch *batch = &w->ring[w->taken % RING];
    const uint32_t first = w->taken * BATCH, count = length_of(w, w->taken);
    w->taking = true;
    pthread_mutex_unlock(&w->lock);
    bool fine = w->walk->take(w->walk->context, first, batch->item, count);
    pthread_mutex_lock(&w->lock);
    w->taking = batch->ready = false;
    w->taken++;
    if (!fine)
        end(w, HD_TREE_WALK_ENDED);
}

/* Under the lock: one thing, if there is any to do now. */
static bool do_next(struct walking *w)
{
    const bool can_make = !w->making && !w->made;
    if (can_make && !is_there(w, w->given + LEAD))
        do_make(w);
    else if (!w->taking && w->ring[w->taken % RING].ready)
        do_take(w);
    else if (w->given - w->taken < RING && is_there(w, w->given))
        do_gather(w);
    else if (can_make)
        do_make(w);
    else
        return false;
    return true;
}

static bool is_over(const struct walking *w)
{
    return w->ended != HD_TREE_WALK_DONE || (w->made && !w->taking && !is_there(w, w->taken));
}

static void work(void *hand)
{
    struct walking *w = *(struct walking **)hand;
    pthread_mutex_lock(&w->lock);
    while (!is_over(w)) {
        if (do_next(w))
            pthread_cond_broadcast(&w->changed);
        else
            pthread_cond_wait(&w->changed, &w->lock);
    }
    pthread_cond_broadcast(&w->changed);
    pthread_mutex_unlock(&w->lock);
}

/* ---- all of it ---- */

static bool make_room(struct walking *w)
{
    const size_t count = w->columns->graph.node_count;
    w->queue = malloc(count * sizeof *w->queue);
    w->above = malloc(count * sizeof *w->above);
    w->queued = hd_bits_create(count);
    w->ring = calloc(RING, sizeof *w->ring);
    return w->queue && w->above && w->queued && w->ring;
}

static void walk_all(struct walking *w)
{
    struct walking *hands[HD_CREW_MAX];
    const uint32_t from = w->walk->shape->from;
    if (!hd_index_columns_node(w->columns, from)) {
        w->ended = HD_TREE_WALK_DAMAGED;
        return;
    }
    enqueue(w, &w->tail, from, HD_NODE_NONE);
    for (int i = 0; i < HD_CREW_MAX; i++)
        hands[i] = w;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->changed, NULL);
    hd_crew_run(work, hands, sizeof *hands, w->columns->dominators.retained[from] < ALONE ? 1 : hd_crew_size());
    pthread_cond_destroy(&w->changed);
    pthread_mutex_destroy(&w->lock);
}

enum hd_tree_walk_end hd_tree_walk_run(const struct hd_tree_walk *walk)
{
    struct walking w = {.walk = walk, .columns = walk->shape->mapped};
    if (make_room(&w))
        walk_all(&w);
    else
        w.ended = HD_TREE_WALK_MEMORY;
    free(w.queue);
    free(w.above);
    free(w.queued);
    free(w.ring);
    return w.ended;
}
