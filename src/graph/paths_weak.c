/* Paths to what only weak references lead to; see paths_all.h. */
#include "graph/paths_all.h"

#include "base/bits.h"

#include <stdlib.h>

struct weak {
    struct hd_detours detours;
    uint64_t *set;    /* asked for, and not found */
    uint64_t *ways;   /* set: what was found; then all on the ways there, too */
    uint64_t missing; /* members of `set` in the region */
};

static bool is_over(const struct weak *weak)
{
    return weak->detours.failed || weak->detours.damaged;
}

static bool arrived(void *context, uint32_t node, uint64_t measure)
{
    struct weak *weak = context;
    (void)measure;
    if (node != HD_NODE_NONE && hd_bits_has(weak->set, node)) {
        hd_bits_add(weak->ways, node);
        weak->missing--;
    }
    return weak->missing > 0;
}

/* Adds all before it on the way to a node. */
static void mark_way(struct weak *weak, uint32_t node)
{
    uint64_t edge;
    while (hd_detours_step_back(&weak->detours, node, &node, &edge)) {
        if (hd_bits_has(weak->ways, node))
            return;
        hd_bits_add(weak->ways, node);
    }
    weak->detours.damaged = true; /* they all begin at the root, which is there */
}

/* Adds a node to the tree; what is before it must be there. `place`: [node_count] of each in it + 1. */
static void add_step(struct weak *weak, struct hd_path_tree *tree, uint32_t *place, uint32_t node)
{
    struct hd_detours *detours = &weak->detours;
    uint32_t parent = HD_NODE_ROOT;
    uint64_t edge = 0;
    detours->damaged |= place[node] || (node != HD_NODE_ROOT && (!hd_detours_step_back(detours, node, &parent, &edge) || !place[parent]));
    if (detours->damaged)
        return;
    tree->step[tree->count] = (struct hd_path_tree_step){edge, node, node == HD_NODE_ROOT ? 0 : place[parent] - 1};
    place[node] = ++tree->count;
}

/* What is kept alive, as in the order of the shortest paths; then what weak references lead to, as it was reached. */
static void add_steps(struct weak *weak, struct hd_path_tree *tree, uint32_t *place)
{
    const struct hd_detours *detours = &weak->detours;
    const struct hd_paths *shortest = detours->source->shortest;
    for (uint32_t i = 0; i < shortest->reached && !is_over(weak); i++)
        if (hd_bits_has(weak->ways, shortest->order[i]))
            add_step(weak, tree, place, shortest->order[i]);
    for (uint32_t i = 0; i < detours->reached_count && !is_over(weak); i++)
        if (hd_bits_has(weak->ways, detours->reached[i]))
            add_step(weak, tree, place, detours->reached[i]);
}

static void make_tree(struct weak *weak, struct hd_path_tree *tree)
{
    struct hd_detours *detours = &weak->detours;
    const size_t nodes = detours->source->graph->node_count;
    hd_bits_add(weak->ways, HD_NODE_ROOT);
    for (uint32_t i = 0; i < detours->reached_count && !is_over(weak); i++)
        if (hd_bits_has(weak->set, detours->reached[i]))
            mark_way(weak, detours->reached[i]);
    size_t steps = 1;
    for (size_t i = 0; i < hd_bits_words(nodes); i++)
        steps += (unsigned)__builtin_popcountll(weak->ways[i]);
    uint32_t *place = calloc(nodes, sizeof *place);
    tree->step = malloc(steps * sizeof *tree->step);
    detours->failed |= !place || !tree->step;
    if (!is_over(weak))
        add_steps(weak, tree, place);
    free(place);
}

static void find(struct weak *weak, struct hd_path_tree *tree)
{
    struct hd_detours *detours = &weak->detours;
    const size_t words = hd_bits_words(detours->source->graph->node_count);
    hd_detours_fill_unreached(detours, HD_NODE_NONE);
    for (size_t i = 0; i < words; i++)
        weak->missing += (unsigned)__builtin_popcountll(weak->set[i] &= detours->region[i]);
    if (weak->missing > 0)
        hd_detours_enter(detours);
    if (weak->missing > 0 && !is_over(weak))
        hd_detours_search(detours, arrived, weak);
    for (size_t i = 0; i < words; i++)
        weak->set[i] &= weak->ways[i]; /* those that were reached */
    if (!is_over(weak) && hd_bits_some(weak->set, detours->source->graph->node_count))
        make_tree(weak, tree);
}

bool hd_paths_weak(const struct hd_paths_source *source, uint64_t *set, struct hd_path_tree *tree, struct hd_error *err)
{
    struct weak weak = {.set = set};
    *tree = (struct hd_path_tree){.count = 0};
    if (hd_detours_init(&weak.detours, source, true)) {
        weak.ways = hd_bits_create(source->graph->node_count);
        weak.detours.failed |= !weak.ways;
        if (weak.ways)
            find(&weak, tree);
    }
    bool fine = hd_detours_fine(&weak.detours, err);
    hd_detours_deinit(&weak.detours);
    free(weak.ways);
    if (fine)
        return true;
    free(tree->step);
    *tree = (struct hd_path_tree){.count = 0};
    return false;
}
