/* One pass over all edges and a hash table of ways. See holders.h. */
#include "graph/holders.h"

#include "dump/json_reader.h"

#include <stdlib.h>

struct table {
    struct hd_holder *list;
    uint64_t count, capacity;
    uint64_t *slots; /* index + 1, 0 if free */
    uint64_t mask;
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15u;
    return hash ^ hash >> 29;
}

/* What only passes on what others hold. */
static bool is_container(const struct hd_graph *graph, uint32_t node)
{
    switch (graph->node_type[node]) {
    case HD_BT_T_ARRAY:
    case HD_BT_T_HASH:
    case HD_BT_T_STRING:
    case HD_BT_T_IMEMO:
        return true;
    default:
        return false;
    }
}

void hd_holders_way(const struct hd_paths *paths, uint32_t from, uint64_t edge, struct hd_holders_way *way)
{
    const struct hd_graph *graph = paths->graph;
    struct hd_path_step back[HD_HOLDERS_STEPS];
    way->length = 0;
    back[way->length++] = (struct hd_path_step){edge, graph->edge_to[edge]};
    while (from != HD_NODE_ROOT && is_container(graph, from) && paths->parent[from] != HD_NODE_NONE &&
           way->length < HD_HOLDERS_STEPS) {
        back[way->length++] = (struct hd_path_step){paths->edge[from], from};
        from = paths->parent[from];
    }
    way->owner = from;
    for (uint32_t i = 0; i < way->length; i++)
        way->step[i] = back[way->length - 1 - i];
}

static uint64_t way_key(const struct hd_paths *paths, const struct hd_groups *classes, uint32_t from)
{
    uint64_t key = 1;
    for (unsigned steps = 1; from != HD_NODE_ROOT && is_container(paths->graph, from) &&
                             paths->parent[from] != HD_NODE_NONE && steps < HD_HOLDERS_STEPS; steps++) {
        key = mix(key, classes->number[from]);
        key = mix(key, paths->graph->edge_name[paths->edge[from]]);
        from = paths->parent[from];
    }
    /* two classes may own things of the same name: what they are themselves tells them apart */
    bool is_class = from != HD_NODE_ROOT &&
                    (paths->graph->node_type[from] == HD_BT_T_CLASS || paths->graph->node_type[from] == HD_BT_T_MODULE);
    return mix(mix(key, classes->number[from]), is_class ? from : 0);
}

static bool grow(struct table *table)
{
    uint64_t capacity = table->capacity ? table->capacity * 2 : 256;
    struct hd_holder *list = realloc(table->list, capacity * sizeof *list);
    if (list)
        table->list = list;
    uint64_t *slots = calloc(capacity * 2, sizeof *slots);
    if (!list || !slots) {
        free(slots);
        return false;
    }
    free(table->slots);
    table->slots = slots;
    table->capacity = capacity;
    table->mask = capacity * 2 - 1;
    for (uint64_t i = 0; i < table->count; i++) {
        uint64_t slot = list[i].key & table->mask;
        while (slots[slot])
            slot = (slot + 1) & table->mask;
        slots[slot] = i + 1;
    }
    return true;
}

static bool add(struct table *table, const struct hd_holder *holder)
{
    if (table->count == table->capacity && !grow(table))
        return false;
    uint64_t slot = holder->key & table->mask;
    while (table->slots[slot]) {
        struct hd_holder *other = &table->list[table->slots[slot] - 1];
        if (other->key == holder->key && other->set == holder->set) {
            other->count++;
            other->bytes += holder->bytes;
            return true;
        }
        slot = (slot + 1) & table->mask;
    }
    table->list[table->count++] = *holder;
    table->slots[slot] = table->count;
    return true;
}

/* Of several references from one object to a member one counts: the one the shortest path goes by, or else the first. */
static bool counts(const struct hd_paths *paths, uint32_t from, uint64_t edge, uint64_t first)
{
    const struct hd_graph *graph = paths->graph;
    uint32_t to = graph->edge_to[edge];
    if (graph->edge_name[edge] & HD_NAME_WEAK)
        return false;
    if (paths->parent[to] == from)
        return paths->edge[to] == edge;
    uint64_t nearest = edge - first > 16 ? edge - 16 : first;
    for (uint64_t at = nearest; at < edge; at++)
        if (graph->edge_to[at] == to && !(graph->edge_name[at] & HD_NAME_WEAK))
            return false;
    return true;
}

static bool collect(struct table *table, const struct hd_paths *paths, const struct hd_groups *classes,
                    const uint32_t *set)
{
    const struct hd_graph *graph = paths->graph;
    for (uint32_t from = 0; from < graph->node_count; from++) {
        uint64_t key = 0, first = graph->edge_start[from];
        if (from != HD_NODE_ROOT && paths->parent[from] == HD_NODE_NONE && paths->reached > 1)
            continue;
        for (uint64_t edge = first; edge < graph->edge_start[from + 1]; edge++) {
            uint32_t to = graph->edge_to[edge];
            if (set[to] == HD_NODE_NONE || !counts(paths, from, edge, first))
                continue;
            if (!key)
                key = way_key(paths, classes, from);
            struct hd_holder holder = {.key = mix(mix(key, graph->edge_name[edge]), set[to]), .set = set[to],
                                       .from = from, .edge = edge, .count = 1, .bytes = graph->node_size[to]};
            if (!add(table, &holder))
                return false;
        }
    }
    return true;
}

static int compare(const void *left, const void *right)
{
    const struct hd_holder *a = left, *b = right;
    if (a->set != b->set)
        return a->set < b->set ? -1 : 1;
    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    return (a->edge > b->edge) - (a->edge < b->edge);
}

bool hd_holders_create(struct hd_holders *holders, const struct hd_paths *paths, const struct hd_groups *classes,
                       const uint32_t *set, uint32_t set_count, struct hd_error *err)
{
    struct table table = {0};
    *holders = (struct hd_holders){.start = calloc((size_t)set_count + 1, sizeof *holders->start)};
    bool ok = holders->start && collect(&table, paths, classes, set);
    free(table.slots);
    holders->list = table.list;
    holders->count = table.count;
    if (!ok) {
        hd_holders_destroy(holders);
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    }
    if (holders->count)
        qsort(holders->list, holders->count, sizeof *holders->list, compare);
    for (uint64_t i = 0; i < holders->count; i++)
        holders->start[holders->list[i].set + 1]++;
    for (uint32_t i = 0; i < set_count; i++)
        holders->start[i + 1] += holders->start[i];
    return true;
}

void hd_holders_destroy(struct hd_holders *holders)
{
    free(holders->list);
    free(holders->start);
    *holders = (struct hd_holders){0};
}
