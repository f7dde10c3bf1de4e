/* See excerpt.h. */
#include "graph/excerpt.h"

#include "base/bits.h"
#include "graph/index_point.h"

#include <stdlib.h>
#include <string.h>

/* More than so many objects or edges are quicker found in the whole graph, whose columns are checked by all processors. */
enum { NODES_MAX = 20000, NEIGHBOURS_MAX = HD_EXCERPT_NEIGHBOURS, EDGES_MAX = 200000, SCANNED_MAX = 1 << 23 };

struct edge {
    uint64_t at; /* in the whole graph */
    uint32_t from, to, name;
};

/* What it is to have: nodes may be wanted several times, edges, too. */
struct gather {
    struct hd_index *index;
    uint32_t *node;
    uint32_t count, capacity;
    struct edge *edge;
    uint32_t edge_count, edge_capacity;
    uint64_t scanned; /* edges that were looked at for where they lead */
    bool failed;
};

/* ---- what is wanted ---- */

/* Room for one more; NULL if there is none or they are too many. */
static void *room(void *list, uint32_t count, uint32_t *capacity, size_t size, uint32_t most)
{
    if (count < *capacity)
        return list;
    uint32_t more = *capacity ? 2 * *capacity : 256;
    void *larger = count < most ? realloc(list, more * size) : NULL;
    if (larger)
        *capacity = more;
    return larger;
}

static void want(struct gather *gather, uint32_t node)
{
    uint32_t *list = room(gather->node, gather->count, &gather->capacity, sizeof *list, 4 * NODES_MAX);
    gather->failed |= !list;
    if (!list)
        return;
    gather->node = list;
    list[gather->count++] = node;
}

static void want_edge(struct gather *gather, uint32_t from, uint64_t at)
{
    struct edge edge = {.at = at, .from = from};
    struct edge *list = room(gather->edge, gather->edge_count, &gather->edge_capacity, sizeof *list, EDGES_MAX);
    if (list)
        gather->edge = list;
    if (!list || !hd_index_edge(gather->index, at, &edge.to, &edge.name))
        gather->failed = true;
    else
        list[gather->edge_count++] = edge;
}

/* ---- in order ---- */

static int by_number(const void *left, const void *right)
{
    uint32_t a = *(const uint32_t *)left, b = *(const uint32_t *)right;
    return a < b ? -1 : a > b;
}

static int by_place(const void *left, const void *right)
{
    uint64_t a = ((const struct edge *)left)->at, b = ((const struct edge *)right)->at;
    return a < b ? -1 : a > b;
}

/* Each once. */
static void sort(struct gather *gather)
{
    uint32_t kept = 0;
    qsort(gather->node, gather->count, sizeof *gather->node, by_number);
    for (uint32_t i = 0; i < gather->count; i++)
        if (i == 0 || gather->node[i] != gather->node[kept - 1])
            gather->node[kept++] = gather->node[i];
    gather->count = kept;
    kept = 0;
    if (gather->edge_count)
        qsort(gather->edge, gather->edge_count, sizeof *gather->edge, by_place);
    for (uint32_t i = 0; i < gather->edge_count; i++)
        if (i == 0 || gather->edge[i].at != gather->edge[kept - 1].at)
            gather->edge[kept++] = gather->edge[i];
    gather->edge_count = kept;
}

uint32_t hd_excerpt_find(const struct hd_excerpt *excerpt, uint32_t node)
{
    const uint32_t *found = bsearch(&node, excerpt->node, excerpt->graph.node_count, sizeof node, by_number);
    return found ? (uint32_t)(found - excerpt->node) : HD_NODE_NONE;
}

/* ---- the columns ---- */

#define COLUMN(place, count) ((place = calloc((size_t)(count) + 1, sizeof *(place))) != NULL)

static bool fill_nodes(struct hd_excerpt *excerpt, struct hd_index *index)
{
    uint32_t count = excerpt->graph.node_count;
    uint64_t *address, *size, *line;
    uint32_t *class, *label;
    uint8_t *type, *flags;
    /* all are there to be freed, whichever of them is missing */
    bool there = COLUMN(address, count);
    there = COLUMN(size, count) && there;
    there = COLUMN(line, count) && there;
    there = COLUMN(class, count) && there;
    there = COLUMN(label, count) && there;
    there = COLUMN(type, count) && there;
    there = COLUMN(flags, count) && there;
    excerpt->graph.node_address = address;
    excerpt->graph.node_size = size;
    excerpt->graph.node_line = line;
    excerpt->graph.node_class = class;
    excerpt->graph.node_label = label;
    excerpt->graph.node_type = type;
    excerpt->graph.node_flags = flags;
    there = COLUMN(excerpt->dominators.parent, count) && there;
    there = COLUMN(excerpt->dominators.retained, count) && there;
    there = COLUMN(excerpt->class_number, count) && there;
    for (uint32_t i = 0; there && i < count; i++) {
        struct hd_index_node node;
        there = hd_index_node(index, excerpt->node[i], &node);
        if (!there)
            break;
        address[i] = node.address;
        size[i] = node.size;
        line[i] = node.line;
        class[i] = node.class == HD_NODE_NONE ? HD_NODE_NONE : hd_excerpt_find(excerpt, node.class);
        label[i] = node.label;
        type[i] = node.type;
        flags[i] = node.flags;
        excerpt->dominators.parent[i] = node.dominator == HD_NODE_NONE ? HD_NODE_NONE : hd_excerpt_find(excerpt, node.dominator);
        excerpt->dominators.retained[i] = node.retained;
        excerpt->class_number[i] = node.class_number;
    }
    return there;
}

/* Edges come by what they leave, as nodes do. One that leads out of the excerpt leads back here: only its name counts. */
static bool fill_edges(struct hd_excerpt *excerpt, const struct gather *gather)
{
    uint32_t count = excerpt->graph.node_count, node = 0;
    uint64_t *start;
    uint32_t *to, *name;
    bool there = COLUMN(start, count);
    there = COLUMN(to, gather->edge_count) && there;
    there = COLUMN(name, gather->edge_count) && there;
    excerpt->graph.edge_count = gather->edge_count;
    excerpt->graph.edge_start = start;
    excerpt->graph.edge_to = to;
    excerpt->graph.edge_name = name;
    for (uint32_t e = 0; there && e < gather->edge_count; e++) {
        uint32_t from = hd_excerpt_find(excerpt, gather->edge[e].from), end = hd_excerpt_find(excerpt, gather->edge[e].to);
        there = from != HD_NODE_NONE && from >= node; /* or the whole graph's starts are out of order */
        while (there && node < from)
            start[++node] = e;
        to[e] = end == HD_NODE_NONE ? from : end;
        name[e] = gather->edge[e].name;
    }
    while (there && node < count)
        start[++node] = gather->edge_count;
    return there;
}

/* Of each node whose edge on the shortest path is there. */
static bool fill_paths(struct hd_excerpt *excerpt, const struct gather *gather)
{
    uint32_t count = excerpt->graph.node_count;
    struct hd_paths *paths = &excerpt->paths;
    bool there = COLUMN(paths->parent, count);
    there = COLUMN(paths->edge, count) && there;
    for (uint32_t i = 0; there && i < count; i++) {
        struct edge edge;
        uint32_t parent;
        there = hd_index_path_step(gather->index, excerpt->node[i], &parent, &edge.at);
        struct edge *found = there && parent != HD_NODE_NONE && gather->edge_count
                                 ? bsearch(&edge, gather->edge, gather->edge_count, sizeof edge, by_place) : NULL;
        paths->parent[i] = found ? hd_excerpt_find(excerpt, parent) : HD_NODE_NONE;
        paths->edge[i] = found ? (uint64_t)(found - gather->edge) : 0;
    }
    paths->graph = &excerpt->graph;
    paths->reached = count;
    return there;
}

static void gather_free(struct gather *gather)
{
    free(gather->node);
    free(gather->edge);
}

/* What there is but columns, which are the excerpt's own: they are freed with it, how far it came or not. */
static void begin(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source)
{
    struct hd_graph graph = *source->graph;
    graph.node_address = graph.node_size = graph.node_line = graph.edge_start = NULL;
    graph.node_class = graph.node_label = graph.edge_to = graph.edge_name = NULL;
    graph.node_type = graph.node_flags = NULL;
    *excerpt = (struct hd_excerpt){.graph = graph, .dominators = {.reachable = source->dominators->reachable,
                                                                  .reachable_size = source->dominators->reachable_size}};
}

/* The classes of what is wanted come with it, and the root. */
static bool make(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, struct gather *gather)
{
    uint32_t wanted = gather->count;
    begin(excerpt, source);
    want(gather, HD_NODE_ROOT);
    for (uint32_t i = 0, last = HD_NODE_NONE; i < wanted && !gather->failed; i++) {
        uint32_t class;
        gather->failed = !hd_index_class(gather->index, gather->node[i], &class);
        if (!gather->failed && class != HD_NODE_NONE && class != last)
            want(gather, class);
        last = class;
    }
    if (gather->failed)
        return false;
    sort(gather);
    excerpt->node = gather->node;
    gather->node = NULL;
    excerpt->graph.node_count = excerpt->dominators.node_count = gather->count;
    return fill_nodes(excerpt, gather->index) && fill_edges(excerpt, gather) && fill_paths(excerpt, gather);
}

static bool finish(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, struct gather *gather)
{
    bool made = make(excerpt, source, gather);
    if (!made)
        hd_excerpt_destroy(excerpt);
    gather_free(gather);
    return made;
}

void hd_excerpt_destroy(struct hd_excerpt *excerpt)
{
    const struct hd_graph *graph = &excerpt->graph;
    free((void *)graph->node_address);
    free((void *)graph->node_size);
    free((void *)graph->node_line);
    free((void *)graph->node_class);
    free((void *)graph->node_label);
    free((void *)graph->node_type);
    free((void *)graph->node_flags);
    free((void *)graph->edge_start);
    free((void *)graph->edge_to);
    free((void *)graph->edge_name);
    free(excerpt->dominators.parent);
    free(excerpt->dominators.retained);
    free(excerpt->class_number);
    hd_paths_destroy(&excerpt->paths);
    free(excerpt->node);
    *excerpt = (struct hd_excerpt){.node = NULL};
}

/* ---- kinds ---- */

bool hd_excerpt_nodes(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, const uint32_t *nodes, uint32_t count)
{
    struct gather gather = {.index = source->index, .failed = count > NODES_MAX};
    for (uint32_t i = 0; i < count && !gather.failed; i++)
        want(&gather, nodes[i]);
    return finish(excerpt, source, &gather);
}

/* Adds a node to a set; false if it is there. */
static bool is_new(uint64_t *set, uint32_t node)
{
    bool was = hd_bits_has(set, node);
    hd_bits_add(set, node);
    return !was;
}

/* All above a node, up to one that is wanted already. Whatever the index says, it ends: each step is one more that is. */
static void want_dominators(struct gather *gather, uint64_t *wanted, uint32_t node)
{
    while (node != HD_NODE_ROOT && node != HD_NODE_NONE && !gather->failed && is_new(wanted, node)) {
        want(gather, node);
        gather->failed |= gather->count > NODES_MAX || !hd_index_dominator(gather->index, node, &node);
    }
}

bool hd_excerpt_members(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, const uint32_t *nodes, uint32_t count)
{
    uint64_t *wanted = hd_bits_create(source->graph->node_count);
    struct gather gather = {.index = source->index, .failed = count > NODES_MAX || !wanted};
    for (uint32_t i = 0; i < count && !gather.failed; i++)
        want_dominators(&gather, wanted, nodes[i]);
    free(wanted);
    return finish(excerpt, source, &gather);
}

static void want_references(struct gather *gather, uint32_t from, const struct hd_index_node *node)
{
    for (uint64_t e = node->first_edge; e < node->end_edge && e - node->first_edge < NEIGHBOURS_MAX && !gather->failed; e++) {
        want_edge(gather, from, e);
        if (!gather->failed)
            want(gather, gather->edge[gather->edge_count - 1].to);
    }
}

/* The first ones, if they are many. Returns how many there are. */
static uint64_t want_referrers(struct gather *gather, uint32_t node)
{
    struct hd_referrer *list = malloc(NEIGHBOURS_MAX * sizeof *list);
    uint64_t count = 0;
    gather->failed |= !list || !hd_index_referrers(gather->index, node, list, NEIGHBOURS_MAX, &count);
    for (uint64_t i = 0; i < count && i < NEIGHBOURS_MAX && !gather->failed; i++) {
        want(gather, list[i].from);
        want_edge(gather, list[i].from, list[i].edge);
    }
    free(list);
    return count;
}

bool hd_excerpt_object(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, uint32_t node)
{
    struct gather gather = {.index = source->index};
    struct hd_index_node here;
    uint64_t referrers = 0;
    want(&gather, node);
    gather.failed |= !hd_index_node(source->index, node, &here);
    if (!gather.failed && here.dominator != HD_NODE_NONE)
        want(&gather, here.dominator);
    if (!gather.failed)
        want_references(&gather, node, &here);
    if (!gather.failed)
        referrers = want_referrers(&gather, node);
    if (!finish(excerpt, source, &gather))
        return false;
    excerpt->reference_count = here.end_edge - here.first_edge;
    excerpt->referrer_count = referrers;
    return true;
}

struct step {
    uint32_t from, to;
};

static int by_from(const void *left, const void *right)
{
    const struct step *a = left, *b = right;
    return a->from != b->from ? (a->from < b->from ? -1 : 1) : by_number(&a->to, &b->to);
}

/* All edges from one node to those that `count` steps go to: it is looked through once, however many they are. */
static void want_steps(struct gather *gather, uint64_t *ends, const struct step *step, uint32_t count)
{
    struct hd_index_node node;
    const uint32_t *to = NULL;
    gather->failed |= !hd_index_node(gather->index, step->from, &node) || node.first_edge == node.end_edge;
    gather->scanned += gather->failed ? 0 : node.end_edge - node.first_edge;
    gather->failed |= gather->scanned > SCANNED_MAX;
    if (!gather->failed)
        to = hd_index_edge_ends(gather->index, node.first_edge, node.end_edge - node.first_edge);
    gather->failed |= !to;
    for (uint32_t i = 0; i < count; i++)
        hd_bits_add(ends, step[i].to);
    for (uint64_t i = 0; !gather->failed && i < node.end_edge - node.first_edge; i++)
        if (hd_bits_has(ends, to[i]))
            want_edge(gather, step->from, node.first_edge + i);
    for (uint32_t i = 0; i < count; i++)
        hd_bits_remove(ends, step[i].to);
}

bool hd_excerpt_path(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, uint32_t node)
{
    uint64_t *ends = hd_bits_create(source->graph->node_count);
    struct gather gather = {.index = source->index, .failed = node == HD_NODE_ROOT || !ends};
    uint32_t parent = HD_NODE_NONE;
    uint64_t edge = 0;
    for (uint32_t at = node; at != HD_NODE_ROOT && !gather.failed; at = parent) {
        want(&gather, at);
        gather.failed |= gather.count > NODES_MAX || !hd_index_path_step(source->index, at, &parent, &edge)
                         || (parent == HD_NODE_NONE && at != node);
        if (gather.failed || parent == HD_NODE_NONE)
            break;
        want_edge(&gather, parent, edge); /* the one among those between that it is */
        want_steps(&gather, ends, &(struct step){parent, at}, 1);
    }
    free(ends);
    return finish(excerpt, source, &gather);
}

/* All above a node on the shortest path to it, up to one that is wanted already. */
static void want_way(struct gather *gather, uint64_t *wanted, uint32_t node)
{
    uint32_t parent = HD_NODE_NONE;
    uint64_t edge = 0;
    for (uint32_t at = node; at != HD_NODE_ROOT && !gather->failed && is_new(wanted, at); at = parent) {
        want(gather, at);
        gather->failed |= gather->count > NODES_MAX || !hd_index_path_step(gather->index, at, &parent, &edge);
        if (gather->failed || parent == HD_NODE_NONE)
            return;
        want_edge(gather, parent, edge);
    }
}

/* The nodes of a set are put in order. What the parent of one is comes before it, or the index is damaged. */
static bool fill_order(struct hd_excerpt *excerpt, struct hd_index *index, const uint64_t *wanted)
{
    const uint32_t *order = hd_index_order(index);
    const uint32_t reached = excerpt->dominators.reachable, count = excerpt->graph.node_count;
    struct hd_paths *paths = &excerpt->paths;
    uint32_t *place = malloc(((size_t)count + 1) * sizeof *place);
    bool there = place && order;
    there = COLUMN(paths->order, count) && there;
    there = COLUMN(paths->from, count) && there;
    paths->reached = 0;
    if (there)
        memset(place, 0xff, count * sizeof *place);
    for (uint32_t i = 0; there && i < reached; i++) {
        if (!hd_bits_has(wanted, order[i]))
            continue;
        uint32_t node = hd_excerpt_find(excerpt, order[i]);
        uint32_t parent = node == HD_NODE_NONE || node == HD_NODE_ROOT ? HD_NODE_ROOT : paths->parent[node];
        there = node != HD_NODE_NONE && place[node] == HD_NODE_NONE && paths->reached < count
                && (node == HD_NODE_ROOT ? paths->reached == 0 : parent != HD_NODE_NONE && place[parent] != HD_NODE_NONE);
        if (!there)
            break;
        paths->from[paths->reached] = node == HD_NODE_ROOT ? 0 : place[parent];
        place[node] = paths->reached;
        paths->order[paths->reached++] = node;
    }
    free(place);
    return there && paths->reached > 0;
}

/* With what lies on the ways in `order`; NULL: memory ran out. */
static bool finish_in_order(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, struct gather *gather, uint64_t *ways)
{
    if (ways)
        hd_bits_add(ways, HD_NODE_ROOT); /* which all begin at */
    if (!finish(excerpt, source, gather))
        return false;
    if (fill_order(excerpt, source->index, ways))
        return true;
    hd_excerpt_destroy(excerpt);
    return false;
}

/* The place of an edge of the whole graph in the excerpt, which has it: it was wanted. */
static uint64_t find_edge(const struct gather *gather, uint64_t at)
{
    const struct edge wanted = {.at = at};
    const struct edge *found = bsearch(&wanted, gather->edge, gather->edge_count, sizeof wanted, by_place);
    return (uint64_t)(found - gather->edge);
}

/* The steps of paths. */
struct steps {
    struct step *list;
    uint32_t count, capacity;
};

static void add_step(struct gather *gather, struct steps *steps, uint32_t from, uint32_t to, uint64_t edge)
{
    struct step *list = room(steps->list, steps->count, &steps->capacity, sizeof *list, 4 * NODES_MAX);
    gather->failed |= !list;
    if (!list)
        return;
    steps->list = list;
    list[steps->count++] = (struct step){from, to};
    want(gather, to);
    want_edge(gather, from, edge);
}

/* All edges from step to step, each node's together. */
static bool make_steps(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, struct gather *gather, struct steps *steps)
{
    uint64_t *ends = hd_bits_create(source->graph->node_count);
    gather->failed |= !ends;
    if (steps->count)
        qsort(steps->list, steps->count, sizeof *steps->list, by_from);
    for (uint32_t i = 0, end; i < steps->count && !gather->failed; i = end) {
        for (end = i + 1; end < steps->count && steps->list[end].from == steps->list[i].from;)
            end++;
        want_steps(gather, ends, steps->list + i, end - i);
    }
    free(steps->list);
    free(ends);
    if (!gather->failed && make(excerpt, source, gather))
        return true;
    hd_excerpt_destroy(excerpt);
    return false;
}

bool hd_excerpt_along(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, uint32_t node, struct hd_path *list, uint32_t count)
{
    struct gather gather = {.index = source->index};
    struct steps steps = {0};
    want(&gather, node);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t from = HD_NODE_ROOT;
        for (uint32_t k = 0; k < list[i].length && !gather.failed; from = list[i].step[k++].node)
            add_step(&gather, &steps, from, list[i].step[k].node, list[i].step[k].edge);
    }
    bool made = make_steps(excerpt, source, &gather, &steps);
    for (uint32_t i = 0; made && i < count; i++)
        for (uint32_t k = 0; k < list[i].length; k++)
            list[i].step[k] = (struct hd_path_step){find_edge(&gather, list[i].step[k].edge), hd_excerpt_find(excerpt, list[i].step[k].node)};
    gather_free(&gather);
    return made;
}

bool hd_excerpt_tree(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, struct hd_path_tree *tree)
{
    struct gather gather = {.index = source->index};
    struct steps steps = {0};
    for (uint32_t i = 1; i < tree->count && !gather.failed; i++)
        add_step(&gather, &steps, tree->step[tree->step[i].from].node, tree->step[i].node, tree->step[i].edge);
    bool made = make_steps(excerpt, source, &gather, &steps);
    for (uint32_t i = 1; made && i < tree->count; i++) {
        tree->step[i].edge = find_edge(&gather, tree->step[i].edge);
        tree->step[i].node = hd_excerpt_find(excerpt, tree->step[i].node);
    }
    gather_free(&gather);
    return made;
}

bool hd_excerpt_ways(struct hd_excerpt *excerpt, const struct hd_excerpt_source *source, const uint32_t *nodes, uint32_t count)
{
    uint64_t *ways = hd_bits_create(source->graph->node_count);
    struct gather gather = {.index = source->index, .failed = !ways};
    for (uint32_t i = 0; i < count && !gather.failed; i++)
        want_way(&gather, ways, nodes[i]);
    bool made = finish_in_order(excerpt, source, &gather, ways);
    free(ways);
    return made;
}
