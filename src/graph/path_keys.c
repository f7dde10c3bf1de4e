/* See path_keys.h. */
#define _GNU_SOURCE
#include "graph/path_keys.h"

#include "dump/json_reader.h"
#include "graph/best_names.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 16u        /* what is deeper is counted for the step there */
#define REPEAT_MAX 4         /* steps after which a repetition is recognised: Node → @children → Array → Node */
#define ADDRESS_DIGITS 6u    /* at least so many behind 0x are an address */
#define FIRST_CAPACITY 1024u
#define FETCH_AHEAD 16u
#define NO_EDGE UINT64_MAX

_Static_assert(DEPTH_MAX < HD_PATH_KEY_STEPS, "every key's steps have room");

struct assignment {
    struct hd_path_keys *keys;
    const struct hd_graph *graph;
    const struct hd_dominators *dominators;
    const uint32_t *title, *label;
    uint64_t *via;   /* [node_count] the edge from the dominator or from `holder`, NO_EDGE if several ways lead there */
    uint32_t *holder; /* [node_count] the class or module that `via` leaves if it is not the dominator, else HD_NODE_NONE */
    uint32_t *known; /* [name_count] of keys->edges */
    uint32_t *queue; /* [reachable] */
    uint32_t *number;
};

/* ---- the table ---- */

static uint32_t *slot_of(const struct hd_path_keys *keys, const struct hd_path_key *key)
{
    uint32_t mask = keys->capacity * 2 - 1;
    uint64_t hash = ((uint64_t)key->parent << 32 | key->title) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ hash >> 31 ^ key->edge) * 0xD6E8FEB86659FD93u;
    for (uint32_t at = (uint32_t)(hash >> 32) & mask;; at = (at + 1) & mask) {
        const struct hd_path_key *there = keys->slots[at] ? &keys->key[keys->slots[at] - 1] : NULL;
        if (!there || (there->parent == key->parent && there->edge == key->edge && there->title == key->title))
            return &keys->slots[at];
    }
}

static bool grow(struct hd_path_keys *keys)
{
    uint32_t capacity = keys->capacity ? keys->capacity * 2 : FIRST_CAPACITY;
    if (capacity > UINT32_MAX / 4)
        return false;
    struct hd_path_key *key = realloc(keys->key, capacity * sizeof *key);
    if (!key)
        return false;
    keys->key = key;
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof *slots);
    if (!slots)
        return false;
    free(keys->slots);
    keys->slots = slots;
    keys->capacity = capacity;
    for (uint32_t i = 0; i < keys->count; i++)
        *slot_of(keys, &key[i]) = i + 1;
    return true;
}

uint32_t hd_path_keys_add(struct hd_path_keys *keys, struct hd_path_key key)
{
    uint32_t *slot = slot_of(keys, &key);
    if (*slot)
        return *slot - 1;
    if (keys->count == keys->capacity) {
        if (!grow(keys))
            return HD_NODE_NONE;
        slot = slot_of(keys, &key);
    }
    keys->key[keys->count++] = key;
    *slot = keys->count;
    return keys->count - 1;
}

bool hd_path_keys_init(struct hd_path_keys *keys, struct hd_error *err)
{
    *keys = (struct hd_path_keys){0};
    if (!grow(keys))
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    hd_path_keys_add(keys, (struct hd_path_key){HD_NODE_NONE, HD_NAMES_NONE, HD_NAMES_NONE, 0});
    return true;
}

void hd_path_keys_deinit(struct hd_path_keys *keys)
{
    free(keys->key);
    free(keys->slots);
    hd_names_deinit(&keys->edges);
    hd_names_deinit(&keys->titles);
    *keys = (struct hd_path_keys){0};
}

/* ---- names ---- */

static size_t hex_digits(const char *text, size_t length)
{
    size_t count = 0;
    while (count < length && strchr("0123456789abcdefABCDEF", text[count]) && text[count])
        count++;
    return count;
}

uint32_t hd_path_keys_name(struct hd_names *names, struct hd_graph_text text)
{
    static const char dots[] = "0x…";
    char clean[512];
    size_t length = 0, from = 0;
    if (text.length > sizeof clean)
        return hd_names_intern(names, text.data, text.length);
    while (from < text.length) {
        size_t digits = text.data[from] == '0' && from + 1 < text.length && text.data[from + 1] == 'x'
                            ? hex_digits(text.data + from + 2, text.length - from - 2)
                            : 0;
        bool address = digits >= ADDRESS_DIGITS; /* so the dots are shorter than it */
        memcpy(clean + length, address ? dots : text.data + from, address ? sizeof dots - 1 : 1);
        length += address ? sizeof dots - 1 : 1;
        from += address ? digits + 2 : 1;
    }
    return hd_names_intern(names, clean, length);
}

static bool has_address(const struct hd_names *names, uint32_t name)
{
    static const char mark[] = "0x…";
    uint64_t start = names->start[name];
    return memmem(names->bytes + start, names->start[name + 1] - start, mark, sizeof mark - 1) != NULL;
}

/* The name of an edge among keys->edges; HD_NAMES_NONE if memory ran out. */
static uint32_t edge_name(const struct assignment *a, uint32_t from, uint64_t edge)
{
    uint32_t name = a->graph->edge_name[edge] & HD_NAME_MASK;
    struct hd_graph_text text = hd_graph_name(a->graph, name);
    bool keyed = a->graph->node_type[from] == HD_BT_T_HASH && text.length > 4 && !memcmp(text.data, "val.", 4);
    if (keyed && (text.data[4] != ':' || hd_best_names_is_entry(a->graph, from, edge)))
        return hd_names_intern(&a->keys->edges, "val{}", 5);
    if (name >= a->graph->name_count)
        return hd_names_intern(&a->keys->edges, "ref", 3);
    if (a->known[name] == HD_NAMES_NONE)
        a->known[name] = hd_path_keys_name(&a->keys->edges, text);
    return a->known[name];
}

/* ---- from nodes to keys ---- */

static bool is_class(uint8_t type)
{
    return type == HD_BT_T_CLASS || type == HD_BT_T_MODULE;
}

static bool begins(const struct hd_graph_text name, const char *with)
{
    return name.length > strlen(with) && !memcmp(name.data, with, strlen(with));
}

/* A node whose name is the same in every dump: a way can begin there. */
static bool is_absolute(const struct assignment *a, uint32_t node)
{
    return is_class(a->graph->node_type[node]) && a->label[node] != HD_NAMES_NONE &&
           !has_address(&a->keys->titles, a->label[node]);
}

/* How well an edge from a class or module names what several ways lead to; 0: not at all. */
static int holder_rank(const struct assignment *a, uint64_t edge)
{
    const struct hd_graph *graph = a->graph;
    struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
    uint8_t type = graph->node_type[graph->edge_to[edge]];
    if (is_class(type) || type == HD_BT_T_IMEMO || type == HD_BT_T_ICLASS || !name.data)
        return 0;
    if (graph->unnamed)
        return 1;
    return begins(name, "consts.") ? 3 : begins(name, "cvars.") || begins(name, "ivs.") ? 2 : 0;
}

/* "vm" or "stack_and_registers", which say less of what a constant refers to, too. */
static bool is_plain_root(const struct assignment *a, uint64_t edge)
{
    struct hd_graph_text name = hd_graph_name(a->graph, a->graph->edge_name[edge]);
    bool from_root = edge < a->graph->edge_start[HD_NODE_ROOT + 1];
    return from_root && (!name.data || !memchr(name.data, '.', name.length));
}

/* An edge from the dominator. */
static void consider(struct assignment *a, uint64_t edge)
{
    uint32_t to = a->graph->edge_to[edge];
    uint64_t known = a->via[to];
    bool held = a->holder[to] != HD_NODE_NONE;
    if (known == NO_EDGE || (held ? !is_plain_root(a, edge) : hd_best_names_better(a->graph, edge, known))) {
        a->via[to] = edge;
        a->holder[to] = HD_NODE_NONE;
    }
}

/* An edge from a class or module that ways can begin at, and that is not the dominator. */
static void consider_holder(struct assignment *a, uint32_t from, uint64_t edge)
{
    uint32_t to = a->graph->edge_to[edge];
    uint64_t known = a->via[to];
    if (a->dominators->parent[to] == HD_NODE_NONE)
        return;
    int least = known == NO_EDGE || (a->holder[to] == HD_NODE_NONE && is_plain_root(a, known)) ? 0
                : a->holder[to] == HD_NODE_NONE                                               ? 3
                                                                : holder_rank(a, known);
    if (holder_rank(a, edge) > least) {
        a->via[to] = edge;
        a->holder[to] = from;
    }
}

/*
 * Of several edges from the dominator the one that says most. What several ways lead to, a constant and the code that
 * uses it, is named by the constant. Of most other edges nothing but their ends is looked at.
 */
static void find_edges(struct assignment *a)
{
    const struct hd_graph *graph = a->graph;
    const uint32_t *parent = a->dominators->parent;
    memset(a->via, 0xff, graph->node_count * sizeof *a->via);
    memset(a->holder, 0xff, graph->node_count * sizeof *a->holder);
    for (uint32_t from = 0; from < graph->node_count; from++) {
        bool holds = parent[from] != HD_NODE_NONE && is_absolute(a, from);
        for (uint64_t edge = graph->edge_start[from]; edge < graph->edge_start[from + 1]; edge++) {
            bool own = parent[graph->edge_to[edge]] == from;
            if ((!own && !holds) || graph->edge_name[edge] & HD_NAME_WEAK)
                continue;
            if (own)
                consider(a, edge);
            else
                consider_holder(a, from, edge);
        }
    }
}

/* The way that begins at a class or module; HD_NODE_NONE if memory ran out. */
static uint32_t absolute_key(const struct assignment *a, uint32_t node)
{
    return hd_path_keys_add(a->keys, (struct hd_path_key){0, HD_PATH_KEY_BEGINS, a->label[node], 1});
}

static uint32_t key_of(const struct assignment *a, uint32_t node, uint32_t parent)
{
    struct hd_path_keys *keys = a->keys;
    uint32_t above = a->number[parent], from = parent;
    if (is_absolute(a, node))
        return absolute_key(a, node);
    if (a->holder[node] != HD_NODE_NONE) {
        from = a->holder[node];
        above = absolute_key(a, from);
        if (above == HD_NODE_NONE)
            return HD_NODE_NONE;
    }
    if (keys->key[above].depth >= DEPTH_MAX)
        return above;
    uint32_t edge = HD_NAMES_NONE;
    if (a->via[node] != NO_EDGE) {
        edge = edge_name(a, from, a->via[node]);
        if (edge == HD_NAMES_NONE)
            return HD_NODE_NONE;
    }
    struct hd_path_key key = {above, edge, a->title[node], keys->key[above].depth + 1};
    uint32_t at = above;
    for (int i = 0; i < REPEAT_MAX && at != 0; i++, at = keys->key[at].parent)
        if (keys->key[at].edge == edge && keys->key[at].title == key.title)
            return at;
    return hd_path_keys_add(keys, key);
}

/* What is to be looked at soon, all over memory: so many of the queue ahead, and where that leads half as many. */
static void fetch(const struct assignment *a, uint32_t i, uint32_t count)
{
    if (count - i > FETCH_AHEAD) {
        uint32_t node = a->queue[i + FETCH_AHEAD];
        __builtin_prefetch(&a->via[node]);
        __builtin_prefetch(&a->holder[node]);
        __builtin_prefetch(&a->title[node]);
        __builtin_prefetch(&a->dominators->parent[node]);
        __builtin_prefetch(&a->dominators->child_start[node]);
        __builtin_prefetch(&a->graph->node_type[node]);
    }
    if (count - i > FETCH_AHEAD / 2) {
        uint32_t node = a->queue[i + FETCH_AHEAD / 2];
        if (a->via[node] != NO_EDGE)
            __builtin_prefetch(&a->graph->edge_name[a->via[node]]);
        __builtin_prefetch(&a->dominators->child[a->dominators->child_start[node]]);
    }
}

static bool walk(struct assignment *a)
{
    const struct hd_dominators *dominators = a->dominators;
    uint32_t count = 1;
    memset(a->number, 0xff, a->graph->node_count * sizeof *a->number);
    a->queue[0] = HD_NODE_ROOT;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = a->queue[i];
        fetch(a, i, count);
        a->number[node] = i == 0 ? 0 : key_of(a, node, dominators->parent[node]);
        if (a->number[node] == HD_NODE_NONE)
            return false;
        for (uint32_t k = dominators->child_start[node]; k < dominators->child_start[node + 1]; k++)
            a->queue[count++] = dominators->child[k];
    }
    return true;
}

bool hd_path_keys_assign(struct hd_path_keys *keys, const struct hd_graph *graph,
                         const struct hd_dominators *dominators, const uint32_t *title, const uint32_t *label,
                         uint32_t *number, struct hd_error *err)
{
    struct assignment a = {.keys = keys, .graph = graph, .dominators = dominators, .title = title, .label = label,
                           .number = number};
    size_t known = ((size_t)graph->name_count + 1) * sizeof *a.known;
    a.via = malloc(graph->node_count * sizeof *a.via);
    a.holder = malloc(graph->node_count * sizeof *a.holder);
    a.known = malloc(known);
    a.queue = malloc(((size_t)graph->node_count + 1) * sizeof *a.queue);
    bool done = a.via && a.holder && a.known && a.queue;
    if (done) {
        memset(a.known, 0xff, known);
        find_edges(&a);
        done = walk(&a);
    }
    free(a.via);
    free(a.holder);
    free(a.known);
    free(a.queue);
    return done || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

/* ---- for people ---- */

static struct hd_graph_text text_of(const struct hd_names *names, uint32_t name)
{
    if (name >= names->count)
        return (struct hd_graph_text){"", 0};
    return (struct hd_graph_text){names->bytes + names->start[name], names->start[name + 1] - names->start[name]};
}

uint32_t hd_path_keys_steps(const struct hd_path_keys *keys, uint32_t number,
                            struct hd_path_key_step step[HD_PATH_KEY_STEPS])
{
    uint32_t count = keys->key[number].depth;
    for (uint32_t i = count; i-- > 0; number = keys->key[number].parent) {
        const struct hd_path_key *key = &keys->key[number];
        step[i].title = text_of(&keys->titles, key->title);
        step[i].edge = text_of(&keys->edges, key->edge);
        if (key->edge == HD_PATH_KEY_BEGINS)
            step[i].edge.data = NULL;
    }
    return count;
}
