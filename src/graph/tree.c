/* See tree.h. */
#include "graph/tree.h"

#include "base/progress.h"
#include "graph/tree_walk.h"

#include <stdlib.h>
#include <string.h>

enum { TELL_NODES = 1 << 16 };
enum { AHEAD = 12, FETCHED = 6 }; /* nodes of the queue, and children of one, that are fetched before their turn */

#define TOO_DEEP 0x80000000u          /* in the number of a node's group while it is made: below that group, not in it */

struct key {
    uint64_t what, via;
    uint32_t parent, name;
};

struct maker {
    struct hd_tree *tree;
    const struct hd_graph *graph;
    const struct hd_dominators *dominators;
    const struct hd_groups *classes;
    const struct hd_paths *paths;
    const struct hd_tree_shape *shape;
    uint32_t *queue;   /* [node_count] nodes, in order of breadth; NULL if somebody walks (graph/tree_walk.h) */
    uint32_t *group;   /* [node_count] of each that was walked; NULL: tree.number has it */
    struct key *keys;  /* [capacity] of the groups */
    uint32_t *slots;   /* hash table of the keys: a group's number + 1, 0 if free */
    uint32_t mask, capacity;
    uint32_t entry; /* the name "val{}"; HD_NODE_NONE: nobody needed it yet */
    struct hd_progress *progress; /* NULL: nobody watches */
    struct hd_error *err;
};

static uint64_t hash(const struct key *key)
{
    uint64_t value = key->what * 0x9E3779B97F4A7C15u ^ (key->via + 1) * 0xC2B2AE3D27D4EB4Fu;
    value ^= ((uint64_t)key->parent << 32 | key->name) * 0x165667B19E3779F9u;
    value = (value ^ value >> 32) * 0xD6E8FEB86659FD93u;
    return value ^ value >> 29;
}

static bool same(const struct key *a, const struct key *b)
{
    return a->what == b->what && a->via == b->via && a->name == b->name;
}

static uint32_t *slot_of(const struct maker *maker, const struct key *key)
{
    for (uint32_t at = (uint32_t)hash(key) & maker->mask;; at = (at + 1) & maker->mask) {
        uint32_t number = maker->slots[at];
        if (!number || (maker->keys[number - 1].parent == key->parent && same(&maker->keys[number - 1], key)))
            return &maker->slots[at];
    }
}

static bool grow(struct maker *maker)
{
    uint32_t capacity = maker->capacity ? 2 * maker->capacity : 1024;
    struct hd_tree_group *group = realloc(maker->tree->group, (size_t)capacity * sizeof *group);
    if (group)
        maker->tree->group = group;
    struct key *keys = group ? realloc(maker->keys, (size_t)capacity * sizeof *keys) : NULL;
    if (keys)
        maker->keys = keys;
    uint32_t *slots = keys && capacity < UINT32_MAX / 4 ? calloc(2 * (size_t)capacity, sizeof *slots) : NULL;
    if (!slots)
        return false;
    free(maker->slots);
    maker->slots = slots;
    maker->mask = 2 * capacity - 1;
    maker->capacity = capacity;
    for (uint32_t i = 0; i < maker->tree->count; i++)
        *slot_of(maker, &keys[i]) = i + 1;
    return true;
}

static const struct hd_graph_text entry_name = {"val{}", 5};

static uint32_t find_entry_name(const struct hd_graph *graph)
{
    for (uint32_t name = 0; name < graph->name_count; name++) {
        struct hd_graph_text text = hd_graph_name(graph, name);
        if (text.length == entry_name.length && !memcmp(text.data, entry_name.data, text.length))
            return name;
    }
    return HD_TREE_ENTRY;
}

struct hd_graph_text hd_tree_name(const struct hd_graph *graph, const struct hd_tree_group *group)
{
    return group->name == HD_TREE_ENTRY ? entry_name : hd_graph_name(graph, group->name);
}

static uint32_t entry_name_of(struct maker *maker)
{
    if (maker->entry == HD_NODE_NONE)
        maker->entry = find_entry_name(maker->graph);
    return maker->entry;
}

static struct key key_of(struct maker *maker, const struct hd_tree_item *item, uint32_t parent)
{
    return (struct key){item->what, item->via, parent, item->entry ? entry_name_of(maker) : item->name};
}

static void count(struct maker *maker, uint32_t number, const struct hd_tree_item *item, bool top)
{
    struct hd_tree_group *group = &maker->tree->group[number];
    group->count++;
    group->linked |= !top;
    group->self += item->size;
    if (group->sample == HD_NODE_NONE || item->retained > maker->dominators->retained[group->sample]) {
        group->sample = item->node;
        bool several = maker->keys[number].via != HD_NODE_NONE;
        group->via = several ? item->from : HD_NODE_NONE;
    }
}

static void count_deeper(struct maker *maker, uint32_t number, const struct hd_tree_item *item)
{
    struct hd_tree_group *group = &maker->tree->group[number];
    group->deeper_count++;
    group->deeper += item->size;
}

/*
 * The group above of which this is one more link, HD_NODE_NONE if there is none; for classes there is no run. What is
 * below the group at which a repetition ends goes on below the one at which it began.
 */
static uint32_t repeated(const struct maker *maker, const struct key *key, uint32_t parent)
{
    struct hd_tree_group *groups = maker->tree->group;
    uint32_t steps = maker->shape->fold ? HD_TREE_FOLD : 1, found = parent;
    if (key->what & HD_TREE_ITEM_OWN)
        return HD_NODE_NONE;
    for (; found != HD_NODE_NONE && !same(key, &maker->keys[found]); found = groups[found].parent)
        if (--steps == 0)
            return HD_NODE_NONE;
    for (uint32_t at = parent; found != HD_NODE_NONE && at != found; at = groups[at].parent)
        groups[at].leaves = true;
    return found;
}

static bool no_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

static bool damaged(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "the index of the dump is damaged: ask again, it is made anew then");
}

/* The group with that key, which is made if there is none; HD_NODE_NONE if memory ran out. */
static uint32_t group_with(struct maker *maker, const struct key *key)
{
    struct hd_tree *tree = maker->tree;
    uint32_t *slot = slot_of(maker, key);
    if (*slot)
        return *slot - 1;
    if (tree->count == maker->capacity) {
        if (!grow(maker))
            return HD_NODE_NONE;
        slot = slot_of(maker, key);
    }
    tree->group[tree->count] = (struct hd_tree_group){
        .parent = key->parent, .child = HD_NODE_NONE, .next = HD_NODE_NONE, .depth = tree->group[key->parent].depth + 1,
        .name = key->name, .via = HD_NODE_NONE, .sample = HD_NODE_NONE};
    maker->keys[tree->count] = *key;
    *slot = ++tree->count;
    return *slot - 1;
}

/* Puts an object where it belongs below the group of what dominates it, and tells its own. False: memory ran out. */
static bool place(struct maker *maker, const struct hd_tree_item *item, uint32_t parent, uint32_t *group)
{
    *group = parent;
    if (parent & TOO_DEEP) {
        count_deeper(maker, parent & ~TOO_DEEP, item);
        return true;
    }
    const struct key key = key_of(maker, item, parent);
    *group = repeated(maker, &key, parent);
    if (*group != HD_NODE_NONE) {
        count(maker, *group, item, false);
        return true;
    }
    if (maker->tree->group[parent].depth >= maker->shape->depth) {
        *group = parent | TOO_DEEP;
        count_deeper(maker, parent, item);
        return true;
    }
    *group = group_with(maker, &key);
    if (*group == HD_NODE_NONE)
        return no_memory(maker->err);
    count(maker, *group, item, true);
    return true;
}

/* The first one, which has no key: nothing is alike. */
static void place_first(struct maker *maker, const struct hd_tree_item *item)
{
    struct hd_tree *tree = maker->tree;
    tree->group[0] = (struct hd_tree_group){.parent = HD_NODE_NONE, .child = HD_NODE_NONE, .next = HD_NODE_NONE,
                                            .name = HD_NAME_MASK, .via = HD_NODE_NONE, .sample = item->node};
    maker->keys[0] = (struct key){UINT64_MAX, HD_NODE_NONE, HD_NODE_NONE, HD_NAME_MASK};
    *slot_of(maker, &maker->keys[0]) = tree->count = 1;
    count(maker, 0, item, true);
}

/* ---- of what is mapped ---- */

static bool take(void *context, uint32_t first, const struct hd_tree_item *items, uint32_t count)
{
    struct maker *maker = context;
    uint32_t i = 0;
    if (first == 0) {
        place_first(maker, &items[i++]);
        maker->group[0] = 0;
    }
    for (; i < count; i++)
        if (!place(maker, &items[i], maker->group[items[i].above], &maker->group[first + i]))
            return false;
    return hd_progress_go_on(maker->progress, count, maker->err);
}

static bool walk(struct maker *maker)
{
    const struct hd_tree_walk walk = {.shape = maker->shape, .take = take, .context = maker};
    enum hd_tree_walk_end how = hd_tree_walk_run(&walk);
    if (how == HD_TREE_WALK_MEMORY)
        return no_memory(maker->err);
    return how == HD_TREE_WALK_DONE || (how == HD_TREE_WALK_DAMAGED && damaged(maker->err)); /* ended: take() says why */
}

/* ---- of what can all be read ---- */

/* Has what place() reads of a node on its way from memory: in the order of the tree its columns are read here and there. */
static void fetch(const struct maker *maker, uint32_t node)
{
    __builtin_prefetch(&maker->graph->node_size[node]);
    __builtin_prefetch(&maker->dominators->retained[node]);
    __builtin_prefetch(&maker->graph->node_type[node]);
    __builtin_prefetch(&maker->classes->number[node]);
    __builtin_prefetch(&maker->tree->number[node], 1);
    if (maker->paths) {
        __builtin_prefetch(&maker->paths->parent[node]);
        __builtin_prefetch(&maker->paths->edge[node]);
    }
}

/* The second step, when the first has arrived. */
static void fetch_name(const struct maker *maker, uint32_t node)
{
    if (maker->paths && maker->paths->edge[node] < maker->graph->edge_count)
        __builtin_prefetch(&maker->graph->edge_name[maker->paths->edge[node]]);
}

/* The same for the first children of a node whose turn comes soon. */
static void fetch_children(const struct maker *maker, uint32_t node, void (*step)(const struct maker *, uint32_t))
{
    const struct hd_dominators *dominators = maker->dominators;
    uint32_t first = dominators->child_start[node], count = dominators->child_start[node + 1] - first;
    for (uint32_t i = 0; i < count && i < FETCHED; i++)
        step(maker, dominators->child[first + i]);
}

static struct hd_tree_item item_of(const struct maker *maker, uint32_t node, uint32_t above)
{
    struct hd_tree_item item = hd_tree_item_alone(maker->graph, maker->dominators, maker->classes->number, node);
    const struct hd_paths *paths = maker->paths;
    if (paths && paths->parent[node] != HD_NODE_NONE)
        hd_tree_item_refer(&item, maker->graph, maker->classes->number, maker->shape->entries, paths->parent[node], paths->edge[node], above);
    return item;
}

/* What a node dominates. */
static bool place_children(struct maker *maker, uint32_t node, uint32_t *tail)
{
    const struct hd_dominators *dominators = maker->dominators;
    const uint32_t end = dominators->child_start[node + 1], group = maker->tree->number[node];
    for (uint32_t i = dominators->child_start[node]; i < end; i++) {
        const uint32_t child = dominators->child[i];
        if (i + 2 * FETCHED < end)
            fetch(maker, dominators->child[i + 2 * FETCHED]);
        if (i + FETCHED < end)
            fetch_name(maker, dominators->child[i + FETCHED]);
        const struct hd_tree_item item = item_of(maker, child, node);
        if (!place(maker, &item, group, &maker->tree->number[child]))
            return false;
        maker->queue[(*tail)++] = child;
    }
    return true;
}

static bool place_all(struct maker *maker)
{
    const struct hd_dominators *dominators = maker->dominators;
    uint32_t *queue = maker->queue, *number = maker->tree->number, tail = 1;
    const struct hd_tree_item first = hd_tree_item_alone(maker->graph, dominators, maker->classes->number, maker->shape->from);
    memset(number, 0xff, (size_t)maker->graph->node_count * sizeof *number); /* HD_NODE_NONE */
    place_first(maker, &first);
    queue[0] = first.node;
    number[first.node] = 0;
    for (uint32_t head = 0; head < tail; head++) {
        if (head % TELL_NODES == TELL_NODES - 1 && !hd_progress_go_on(maker->progress, TELL_NODES, maker->err))
            return false;
        if (tail - head > 2 * AHEAD)
            __builtin_prefetch(&dominators->child_start[queue[head + 2 * AHEAD]]);
        if (tail - head > AHEAD)
            fetch_children(maker, queue[head + AHEAD], fetch);
        if (tail - head > AHEAD / 2)
            fetch_children(maker, queue[head + AHEAD / 2], fetch_name);
        if (!place_children(maker, queue[head], &tail))
            return false;
    }
    while (tail-- > 0)
        if (number[queue[tail]] & TOO_DEEP)
            number[queue[tail]] = HD_NODE_NONE;
    return true;
}

/* ---- all of it ---- */

static void add_up(struct hd_tree *tree)
{
    for (uint32_t i = tree->count; i-- > 0;) {
        struct hd_tree_group *group = &tree->group[i];
        group->retained += group->self + group->deeper;
        if (group->parent != HD_NODE_NONE)
            tree->group[group->parent].retained += group->retained;
    }
}

int hd_tree_bigger_first(const void *left, const void *right)
{
    const struct hd_tree_order *a = left, *b = right;
    if (a->retained != b->retained)
        return a->retained < b->retained ? 1 : -1;
    return (a->number > b->number) - (a->number < b->number);
}

static bool link_children(struct hd_tree *tree)
{
    struct hd_tree_order *order = malloc((size_t)tree->count * sizeof *order);
    if (!order)
        return false;
    for (uint32_t i = 0; i < tree->count; i++)
        order[i] = (struct hd_tree_order){tree->group[i].retained, i};
    qsort(order, tree->count, sizeof *order, hd_tree_bigger_first);
    for (uint32_t i = tree->count; i-- > 0;) {
        struct hd_tree_group *group = &tree->group[order[i].number];
        if (group->parent == HD_NODE_NONE)
            continue;
        group->next = tree->group[group->parent].child;
        tree->group[group->parent].child = order[i].number;
    }
    free(order);
    return true;
}

static bool make_room(struct maker *maker)
{
    const size_t count = maker->graph->node_count;
    if (maker->shape->mapped) {
        maker->group = malloc(count * sizeof *maker->group); /* no more of it is touched than is needed */
        return maker->group && grow(maker);
    }
    maker->queue = malloc(count * sizeof *maker->queue);
    maker->tree->number = malloc(count * sizeof *maker->tree->number);
    return maker->queue && maker->tree->number && grow(maker);
}

bool hd_tree_create(struct hd_tree *tree, const struct hd_graph *graph, const struct hd_dominators *dominators,
                    const struct hd_groups *classes, const struct hd_tree_shape *shape, struct hd_error *err)
{
    struct maker maker = {.tree = tree, .graph = graph, .dominators = dominators, .classes = classes, .paths = shape->paths, .shape = shape,
                          .entry = HD_NODE_NONE, .progress = hd_progress_watcher(), .err = err};
    *tree = (struct hd_tree){.number = NULL};
    hd_progress_stage(maker.progress, "putting alike objects together", graph->node_count);
    bool done = (make_room(&maker) || no_memory(err)) && (shape->mapped ? walk(&maker) : place_all(&maker));
    if (done) {
        add_up(tree);
        done = link_children(tree) || no_memory(err);
    }
    hd_progress_stage(maker.progress, NULL, 0);
    free(maker.queue);
    free(maker.group);
    free(maker.keys);
    free(maker.slots);
    if (!done)
        hd_tree_destroy(tree);
    return done;
}

void hd_tree_destroy(struct hd_tree *tree)
{
    free(tree->group);
    free(tree->rest);
    free(tree->number);
    *tree = (struct hd_tree){0};
}

uint32_t hd_tree_next(const struct hd_tree *tree, uint32_t group, bool skip_children)
{
    const struct hd_tree_group *groups = tree->group;
    if (!skip_children && groups[group].child != HD_NODE_NONE)
        return groups[group].child;
    while (group != HD_NODE_NONE && groups[group].next == HD_NODE_NONE)
        group = groups[group].parent;
    return group == HD_NODE_NONE ? HD_NODE_NONE : groups[group].next;
}
