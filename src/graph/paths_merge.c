/*
 * Shortest paths to many nodes merged into one tree; see paths.h.
 *
 * The nodes on the way to a member are visited in the order of the search, so that a node's parent has its step
 * already; a hash table over (step of the parent, edge name, class) finds the node's own. What is known of a node stands at its
 * place in that order, where its parent's is near: by node numbers, nearly each look would be one into memory far away.
 */
#include "graph/paths.h"

#include "base/bits.h"
#include "dump/json_reader.h"
#include "graph/storage.h"

#include <stdlib.h>
#include <string.h>

#define WANTED (UINT32_MAX - 1) /* in step_of: on the way to a member, its step not known yet */
#define MEMBER (UINT32_MAX - 2) /* the same of a member */
#define FIRST_CAPACITY 64u

struct key {
    uint64_t kind;
    uint32_t parent, name;
};

struct merge {
    const struct hd_paths *paths;
    struct hd_merged_step *step;
    struct key *key;    /* [capacity] of each step */
    uint32_t *slot;     /* [2 * capacity] index of a step + 1; 0: free */
    uint32_t *step_of;  /* [reached] by place in the order */
    uint32_t count, capacity;
    uint32_t last; /* found last */
};

/* What must be equal for two nodes to be merged. Classes are told apart: a constant of one is not that of another. */
static uint64_t kind_of(const struct hd_graph *graph, uint32_t node)
{
    uint64_t type = (uint64_t)graph->node_type[node] << 40;
    uint32_t class = graph->node_class[node];
    if (type == (uint64_t)HD_BT_T_CLASS << 40 || type == (uint64_t)HD_BT_T_MODULE << 40 ||
        type == (uint64_t)HD_BT_T_ICLASS << 40)
        return type | node;
    if (class != HD_NODE_NONE)
        return type | (uint64_t)1 << 32 | class;
    return type | (uint64_t)2 << 32 | graph->node_label[node];
}

static bool same(const struct key *a, const struct key *b)
{
    return a->parent == b->parent && a->name == b->name && a->kind == b->kind;
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t *find(const struct merge *m, const struct key *key)
{
    uint64_t mask = (uint64_t)m->capacity * 2 - 1;
    uint64_t hash = (key->kind ^ ((uint64_t)key->parent << 32 | key->name) * 0x9E3779B97F4A7C15ull) * 0xD6E8FEB86659FD93ull;
    uint64_t i = (hash ^ hash >> 32) & mask;
    while (m->slot[i] && !same(&m->key[m->slot[i] - 1], key))
        i = (i + 1) & mask;
    return &m->slot[i];
}

static bool grow(struct merge *m)
{
    uint32_t capacity = m->capacity ? m->capacity * 2 : FIRST_CAPACITY;
    if (capacity > UINT32_MAX / 4)
        return false;
    struct hd_merged_step *step = realloc(m->step, capacity * sizeof *step);
    if (step)
        m->step = step;
    struct key *key = realloc(m->key, capacity * sizeof *key);
    if (key)
        m->key = key;
    uint32_t *slot = calloc((size_t)capacity * 2, sizeof *slot);
    if (!step || !key || !slot) {
        free(slot);
        return false;
    }
    free(m->slot);
    m->slot = slot;
    m->capacity = capacity;
    for (uint32_t i = 0; i < m->count; i++)
        *find(m, &m->key[i]) = i + 1;
    return true;
}

/* The step of a node: its parent's if it goes on in the same way, else one found or made. HD_NODE_NONE: no memory. */
static uint32_t step_for(struct merge *m, uint32_t parent, uint32_t name, uint32_t node)
{
    struct key key = {kind_of(m->paths->graph, node), parent, name};
    if (parent != HD_NODE_NONE && parent != 0 && m->key[parent].name == name && m->key[parent].kind == key.kind)
        return parent;
    if (m->count == m->capacity && !grow(m))
        return HD_NODE_NONE;
    if (m->last < m->count && same(&m->key[m->last], &key)) /* the next of the same array, mostly */
        return m->last;
    uint32_t *slot = find(m, &key);
    if (!*slot) {
        m->key[m->count] = key;
        m->step[m->count] = (struct hd_merged_step){
            .parent = parent, .child = HD_NODE_NONE, .next = HD_NODE_NONE, .name = name, .sample = node};
        *slot = ++m->count;
    }
    m->last = *slot - 1;
    return m->last;
}

static void mark_wanted(struct merge *m, const uint64_t *members)
{
    const struct hd_paths *paths = m->paths;
    m->step_of[0] = hd_bits_has(members, HD_NODE_ROOT) ? MEMBER : WANTED;
    for (uint32_t i = 1; i < paths->reached; i++)
        m->step_of[i] = hd_bits_has(members, paths->order[i]) ? MEMBER : HD_NODE_NONE;
    for (uint32_t i = paths->reached; i-- > 1;)
        if (m->step_of[i] != HD_NODE_NONE && m->step_of[paths->from[i]] == HD_NODE_NONE)
            m->step_of[paths->from[i]] = WANTED;
}

/*
 * What place_nodes will look at some places further on: nothing of it is near anything else. Always inline: GCC leaves out
 * calls of a function that does nothing but this.
 */
static inline __attribute__((always_inline)) void prefetch(const struct merge *m, uint32_t i)
{
    enum { FAR = 48, NEAR = 24 };
    const struct hd_paths *paths = m->paths;
    if (i + FAR < paths->reached && m->step_of[i + FAR] != HD_NODE_NONE) {
        uint32_t node = paths->order[i + FAR];
        __builtin_prefetch(&paths->edge[node]);
        __builtin_prefetch(&paths->graph->node_type[node]);
        __builtin_prefetch(&paths->graph->node_class[node]);
        __builtin_prefetch(&paths->graph->node_size[node]);
    }
    if (i + NEAR < paths->reached && m->step_of[i + NEAR] != HD_NODE_NONE)
        __builtin_prefetch(&paths->graph->edge_name[paths->edge[paths->order[i + NEAR]]]);
}

static bool place_nodes(struct merge *m)
{
    const struct hd_paths *paths = m->paths;
    const struct hd_graph *graph = paths->graph;
    for (uint32_t i = 0; i < paths->reached; i++) {
        prefetch(m, i);
        if (m->step_of[i] == HD_NODE_NONE)
            continue;
        bool is_member = m->step_of[i] == MEMBER;
        uint32_t node = paths->order[i];
        uint32_t at = i == 0 ? step_for(m, HD_NODE_NONE, HD_NAME_MASK, node)
                             : step_for(m, m->step_of[paths->from[i]],
                                        graph->edge_name[paths->edge[node]] & HD_NAME_MASK, node);
        if (at == HD_NODE_NONE)
            return false;
        m->step_of[i] = at;
        struct hd_merged_step *step = &m->step[at];
        step->nodes++;
        step->ends += is_member;
        step->size += is_member ? graph->node_size[node] : 0;
    }
    return true;
}

static int ascending(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

static void sum_up(struct merge *m)
{
    for (uint32_t i = 0; i < m->count; i++)
        m->step[i].members = m->step[i].ends;
    for (uint32_t i = m->count; i-- > 1;) {
        m->step[m->step[i].parent].members += m->step[i].members;
        m->step[m->step[i].parent].size += m->step[i].size;
    }
}

/* The smallest is put in front first. */
bool hd_paths_merged_link(struct hd_merged_paths *merged)
{
    struct hd_merged_step *step = merged->step;
    uint64_t *rank = malloc(((size_t)merged->count + 1) * sizeof *rank);
    bool fine = rank != NULL;
    for (uint32_t i = 0; fine && i < merged->count; i++) {
        rank[i] = (uint64_t)step[i].members << 32 | (UINT32_MAX - i);
        step[i].child = step[i].next = HD_NODE_NONE;
        fine = i == 0 ? step[i].parent == HD_NODE_NONE : step[i].parent < i;
    }
    if (fine)
        qsort(rank, merged->count, sizeof *rank, ascending);
    for (uint32_t k = 0; fine && k < merged->count; k++) {
        uint32_t i = UINT32_MAX - (uint32_t)rank[k];
        if (i == 0)
            continue;
        step[i].next = step[step[i].parent].child;
        step[step[i].parent].child = i;
    }
    free(rank);
    return fine;
}

bool hd_paths_merge(const struct hd_paths *paths, const uint64_t *members, struct hd_merged_paths *merged,
                    struct hd_error *err)
{
    struct merge m = {.paths = paths};
    memset(merged, 0, sizeof *merged);
    m.step_of = hd_storage_scratch(paths->reached, sizeof *m.step_of);
    bool fine = m.step_of != NULL;
    if (fine) {
        mark_wanted(&m, members);
        fine = place_nodes(&m);
    }
    if (fine) {
        sum_up(&m);
        *merged = (struct hd_merged_paths){m.step, m.count};
        fine = hd_paths_merged_link(merged);
    }
    free(m.step_of);
    free(m.slot);
    free(m.key);
    if (!fine) {
        free(m.step);
        memset(merged, 0, sizeof *merged);
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory while merging paths");
    }
    return true;
}

void hd_paths_merged_free(struct hd_merged_paths *merged)
{
    free(merged->step);
    memset(merged, 0, sizeof *merged);
}
