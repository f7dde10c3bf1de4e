/* See paths_all.h. */
#include "graph/paths_all.h"

#include "base/bits.h"
#include "graph/index_point.h"
#include "graph/path_kinds.h"
#include "graph/referrers.h"

#include <stdlib.h>
#include <string.h>

/* How good a path is: what is less is better. Kind and number of its steps. */
typedef uint64_t measure_t;

static measure_t longer(measure_t measure, enum hd_path_kind step)
{
    measure_t kind = measure >> 32 > step ? measure >> 32 : step;
    return kind << 32 | ((uint32_t)measure + 1);
}

/* A referrer, and its edge to the node. */
struct candidate {
    uint64_t edge;
    measure_t measure; /* of the path to it */
    uint32_t from;
};

struct candidates {
    struct candidate *list;
    uint32_t count, capacity;
};

/* A step that is to be taken when it is its turn. */
struct step {
    uint64_t edge;
    uint32_t from, to;
    uint32_t steps;  /* of a path that ends with it */
    uint32_t number; /* the first come first */
};

struct steps {
    struct step *list;
    uint32_t count, capacity;
};

struct nodes {
    uint32_t *list;
    uint32_t count, capacity;
};

/* What is known of the best path to a node without the one that is asked for; in `state`, above these. */
enum { SEEN = 1, /* a path is known */
       DONE = 2 }; /* and it is the one that is taken */
enum { STATE_BITS = 2 };

struct all {
    const struct hd_paths_source *source;
    const struct hd_index_ways *mapped; /* the source's; NULL, too, once all of it holds */
    struct hd_path_kinds kinds;
    uint32_t node, limit;      /* HD_NODE_NONE: paths to `wanted` themselves are asked for */
    bool weak;
    uint64_t *wanted;          /* set of those who refer to the node, less those that were found */
    uint64_t *below, *inside;  /* sets: the shortest path passes the node; and so does every path */
    uint64_t *region;          /* set: where detours are; */
    uint64_t *level;           /* set: empty, to put nodes in order; NULL: not made */
    uint64_t *left;            /* what of it they have not reached */
    uint64_t missing;          /* members of `wanted` in it */
    struct candidates direct, detour;
    uint32_t passed;           /* so many of the direct ones are no worse than the detours that come now */
    measure_t *state;          /* [node_count] measure << STATE_BITS | SEEN | DONE */
    uint32_t *came;            /* [node_count] of what is reached in the region: from where, */
    uint64_t *came_by;         /* by which edge */
    struct steps later[HD_PATH_KINDS];
    struct nodes way, queue;
    bool failed, damaged, enough;
};

/* Room for one more; NULL: there is none. */
static void *room(void *list, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return list;
    uint32_t more = *capacity ? *capacity < UINT32_MAX / 2 ? 2 * *capacity : UINT32_MAX : 64;
    void *larger = more > *capacity ? realloc(list, more * size) : NULL;
    if (larger)
        *capacity = more;
    return larger;
}

#define ADD(all, to, ...) \
    do { \
        void *larger_ = room((to).list, (to).count, &(to).capacity, sizeof *(to).list); \
        (all)->failed |= !larger_; \
        if (larger_) { \
            (to).list = larger_; \
            (to).list[(to).count++] = __VA_ARGS__; \
        } \
    } while (0)

/* ---- what can be read ---- */

static bool can_read(struct all *all, uint32_t node)
{
    all->damaged |= all->mapped && !hd_index_ways_node(all->mapped, node);
    return !all->damaged;
}

static bool can_read_edges(struct all *all, uint64_t edge, uint64_t count)
{
    all->damaged |= all->mapped && !hd_index_ways_edges(all->mapped, edge, count);
    return !all->damaged;
}

/* An edge that may be gone by. */
static bool counts(const struct all *all, uint64_t edge)
{
    return all->weak || !(all->source->graph->edge_name[edge] & HD_NAME_WEAK);
}

/* The measure of the shortest path to a node that this does not pass. */
static measure_t measure(struct all *all, uint32_t node)
{
    const struct hd_paths *shortest = all->source->shortest;
    all->way.count = 0;
    for (; !(all->state[node] & DONE) && !all->failed; node = shortest->parent[node]) {
        if (!can_read(all, node))
            return 0;
        all->damaged |= shortest->parent[node] == HD_NODE_NONE || all->way.count >= shortest->reached;
        if (all->damaged)
            return 0;
        ADD(all, all->way, node);
    }
    measure_t found = all->state[node] >> STATE_BITS;
    while (all->way.count > 0 && !all->failed) {
        uint32_t to = all->way.list[--all->way.count], from = shortest->parent[to];
        if (!can_read(all, from) || !can_read_edges(all, shortest->edge[to], 1))
            return 0;
        found = longer(found, hd_path_kinds_step(&all->kinds, from, shortest->edge[to]));
        all->state[to] = found << STATE_BITS | SEEN | DONE;
    }
    return found;
}

/* ---- referrers ---- */

/* The first edge from a referrer to the node; false: none counts. */
static bool find_edge(struct all *all, uint32_t from, uint64_t *edge)
{
    const struct hd_graph *graph = all->source->graph;
    for (uint64_t e = graph->edge_start[from]; e < graph->edge_start[from + 1]; e++) {
        if (graph->edge_to[e] != all->node || !can_read_edges(all, e, 1) || !counts(all, e))
            continue;
        *edge = e;
        return true;
    }
    return false;
}

static void add_direct(struct all *all, uint32_t from)
{
    struct candidate candidate = {.from = from};
    hd_bits_remove(all->wanted, from);
    if (find_edge(all, from, &candidate.edge))
        ADD(all, all->direct, candidate);
}

/* The place of the node in the order of the shortest paths; all that is below it comes behind. */
static uint32_t find_place(const struct all *all)
{
    const struct hd_paths *shortest = all->source->shortest;
    uint32_t place = 0;
    while (place < shortest->reached && shortest->order[place] != all->node)
        place++;
    return place;
}

/* What the tree of shortest paths has below the node, and where in it detours may lead. It is found by the places, which are near each other. */
static bool look_below(struct all *all)
{
    const struct hd_paths *shortest = all->source->shortest;
    const uint32_t *dominator = all->source->dominator;
    uint64_t *places = hd_bits_create(shortest->reached);
    uint32_t place = find_place(all);
    if (!places)
        return false;
    if (place < shortest->reached)
        hd_bits_add(places, place);
    hd_bits_add(all->below, all->node);
    hd_bits_add(all->inside, all->node);
    for (place++; place < shortest->reached; place++) {
        if (!hd_bits_has(places, shortest->from[place]))
            continue;
        uint32_t at = shortest->order[place];
        hd_bits_add(places, place);
        hd_bits_add(all->below, at);
        if (dominator[at] != HD_NODE_NONE && hd_bits_has(all->inside, dominator[at]))
            hd_bits_add(all->inside, at);
        else
            hd_bits_add(all->region, at);
    }
    free(places);
    return true;
}

/* Those whose shortest path does not pass the node, nearest first. */
static void find_direct(struct all *all)
{
    const struct hd_paths *shortest = all->source->shortest;
    if (!all->weak)
        add_direct(all, shortest->parent[all->node]);
    for (uint32_t place = 0; place < shortest->reached && all->direct.count < all->limit && !all->failed && !all->damaged; place++) {
        uint32_t at = shortest->order[place];
        if (hd_bits_has(all->wanted, at) && !hd_bits_has(all->below, at))
            add_direct(all, at);
    }
}

/* All that has no shortest path. */
static void look_for_weak(struct all *all)
{
    const struct hd_paths *shortest = all->source->shortest;
    memset(all->region, 0xff, hd_bits_words(all->source->graph->node_count) * sizeof *all->region);
    for (uint32_t place = 0; place < shortest->reached; place++)
        hd_bits_remove(all->region, shortest->order[place]);
    if (all->node != HD_NODE_NONE)
        hd_bits_remove(all->region, all->node);
}

/* ---- detours ---- */

/* A step into the region, or within it, that is not to be taken now. */
static void add_later(struct all *all, uint32_t from, uint32_t to, uint64_t edge, measure_t found)
{
    struct steps *later = &all->later[found >> 32];
    if (all->state[to] & SEEN && all->state[to] >> STATE_BITS <= found)
        return;
    all->state[to] = found << STATE_BITS | SEEN;
    ADD(all, *later, (struct step){edge, from, to, (uint32_t)found, later->count});
}

/* Steps from a node outside; of those that lead to the same one of a kind the first. */
static void enter(struct all *all, uint32_t from)
{
    const struct hd_graph *graph = all->source->graph;
    for (uint64_t e = graph->edge_start[from]; e < graph->edge_start[from + 1] && !all->failed; e++) {
        uint32_t to = graph->edge_to[e];
        bool seen = hd_bits_has(all->region, to) && all->state[to] & SEEN;
        measure_t kind = all->state[to] >> STATE_BITS >> 32;
        if (!hd_bits_has(all->region, to) || (seen && kind == HD_PATH_TELLING))
            continue;
        if (!can_read(all, from) || !can_read_edges(all, e, 1))
            return;
        enum hd_path_kind step = hd_path_kinds_step(&all->kinds, from, e);
        if (counts(all, e) && !(seen && step >= kind))
            add_later(all, from, to, e, longer(measure(all, from), step));
    }
}

/* `sources`: set of those who refer to it, or of all, where few nodes are outside. Each is entered from once, whatever an index has in its order. */
static void enter_region(struct all *all, uint64_t *sources)
{
    const struct hd_paths *shortest = all->source->shortest;
    for (uint32_t place = 0; place < shortest->reached && !all->failed && !all->damaged; place++) {
        uint32_t at = shortest->order[place];
        if (!hd_bits_has(sources, at) || hd_bits_has(all->below, at))
            continue;
        hd_bits_remove(sources, at);
        enter(all, at);
    }
}

/* Found enough if all that come first were. */
static void count_found(struct all *all, measure_t now)
{
    while (all->passed < all->direct.count && all->direct.list[all->passed].measure <= now)
        all->passed++;
    all->enough |= (uint64_t)all->passed + all->detour.count >= all->limit;
}

static void arrive(struct all *all, uint32_t from, uint32_t to, uint64_t edge, measure_t found)
{
    struct candidate candidate = {.from = to, .measure = found};
    if (!hd_bits_has(all->left, to))
        return;
    hd_bits_remove(all->left, to);
    all->state[to] = found << STATE_BITS | SEEN | DONE;
    all->came[to] = from;
    all->came_by[to] = edge;
    ADD(all, all->queue, to);
    if (!hd_bits_has(all->wanted, to))
        return;
    all->missing--;
    if (all->node == HD_NODE_NONE || find_edge(all, to, &candidate.edge))
        ADD(all, all->detour, candidate);
    count_found(all, found);
    all->enough |= all->missing == 0;
}

static void expand(struct all *all, uint32_t from)
{
    const struct hd_graph *graph = all->source->graph;
    const uint64_t first = graph->edge_start[from], end = graph->edge_start[from + 1];
    const measure_t here = all->state[from] >> STATE_BITS;
    if (!can_read(all, from) || !can_read_edges(all, first, end - first))
        return;
    for (uint64_t e = first; e < end && !all->failed && !all->enough; e++) {
        uint32_t to = graph->edge_to[e];
        if (!hd_bits_has(all->left, to) || !counts(all, e))
            continue;
        measure_t found = longer(here, hd_path_kinds_step(&all->kinds, from, e));
        if (found >> 32 == here >> 32)
            arrive(all, from, to, e, found);
        else
            add_later(all, from, to, e, found);
    }
}

static int nearer_first(const void *left, const void *right)
{
    const struct step *a = left, *b = right;
    if (a->steps != b->steps)
        return a->steps < b->steps ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

static bool is_over(const struct all *all)
{
    return all->failed || all->damaged || all->enough;
}

/* Nodes of a large level in the order of their numbers: what lies near each other is looked at together. */
static void sort_level(struct all *all, uint32_t *node, uint32_t count)
{
    const size_t words = hd_bits_words(all->source->graph->node_count);
    if (count < words)
        return;
    if (!all->level)
        all->level = hd_bits_create(all->source->graph->node_count);
    if (!all->level)
        return;
    for (uint32_t i = 0; i < count; i++)
        hd_bits_add(all->level, node[i]);
    for (size_t w = 0; w < words; w++)
        while (all->level[w])
            *node++ = (uint32_t)(w * HD_BITS_WORD) + hd_bits_take(&all->level[w]);
}

/* What is read nearly everywhere is sooner looked at by all processors. */
static void look_at_all(struct all *all)
{
    all->damaged |= all->mapped && !hd_index_ways_all(all->mapped);
    all->mapped = NULL;
}

/* What paths of one kind lead to, breadth first. */
static void search_kind(struct all *all, measure_t kind)
{
    const struct steps *later = &all->later[kind];
    uint32_t at = all->queue.count, next = 0;
    measure_t before = 0; /* of all that stands in the queue from `at` on */
    if (later->count)
        qsort(later->list, later->count, sizeof *later->list, nearer_first);
    while (!is_over(all)) {
        uint64_t by_queue = at < all->queue.count ? before + 1 : UINT64_MAX;
        uint64_t by_later = next < later->count ? kind << 32 | later->list[next].steps : UINT64_MAX;
        measure_t now = by_queue < by_later ? by_queue : by_later;
        if (now == UINT64_MAX)
            break;
        count_found(all, now);
        uint32_t end = now == by_queue ? all->queue.count : at;
        if (end > at)
            sort_level(all, all->queue.list + at, end - at);
        if (end - at > all->source->graph->node_count / 64)
            look_at_all(all);
        for (; !is_over(all) && at < end; at++)
            expand(all, all->queue.list[at]);
        for (; !is_over(all) && next < later->count && (kind << 32 | later->list[next].steps) == now; next++)
            arrive(all, later->list[next].from, later->list[next].to, later->list[next].edge, now);
        before = now;
    }
}

static uint64_t count_set(const uint64_t *set, size_t words)
{
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++)
        count += (unsigned)__builtin_popcountll(set[i]);
    return count;
}

static void search_region(struct all *all)
{
    const size_t nodes = all->source->graph->node_count, words = hd_bits_words(nodes);
    bool is_most = count_set(all->region, words) > nodes / 2;
    uint64_t *sources = hd_bits_create(nodes);
    all->left = hd_bits_create(nodes);
    all->state = calloc(nodes, sizeof *all->state);
    all->came = calloc(nodes, sizeof *all->came);
    all->came_by = calloc(nodes, sizeof *all->came_by);
    all->failed |= !sources || !all->left || !all->state || !all->came || !all->came_by
                   || !hd_path_kinds_init(&all->kinds, all->source->graph);
    if (!all->failed) {
        memcpy(all->left, all->region, words * sizeof *all->left);
        all->state[HD_NODE_ROOT] = SEEN | DONE;
        if (is_most)
            memset(sources, 0xff, words * sizeof *sources);
        else
            hd_referrers_of_set(all->source->graph, all->region, sources);
        enter_region(all, sources);
        for (uint32_t i = all->weak ? 0 : 1; i < all->direct.count && !all->failed && !all->damaged; i++)
            all->direct.list[i].measure = measure(all, all->direct.list[i].from); /* the first one comes first, however it is */
        for (measure_t kind = 0; kind < HD_PATH_KINDS && !is_over(all); kind++)
            search_kind(all, kind);
    }
    free(sources);
}

static void find_detours(struct all *all)
{
    const size_t words = hd_bits_words(all->source->graph->node_count);
    for (size_t i = 0; i < words; i++)
        all->wanted[i] &= all->region[i];
    all->missing = count_set(all->wanted, words);
    if (all->missing > 0)
        search_region(all);
}

/* ---- the paths ---- */

/* The node before one on its path and the edge from there; false: it is where paths begin. */
static bool step_back(struct all *all, uint32_t node, uint32_t *parent, uint64_t *edge)
{
    bool detour = hd_bits_has(all->region, node);
    if (!can_read(all, node) || (detour && (!all->left || hd_bits_has(all->left, node))))
        return false; /* what lies below the node comes before it in the order */
    *parent = detour ? all->came[node] : all->source->shortest->parent[node];
    if (*parent == HD_NODE_NONE)
        return false;
    *edge = detour ? all->came_by[node] : all->source->shortest->edge[node];
    return true;
}

static bool make_path(struct all *all, const struct candidate *candidate, struct hd_path *path)
{
    const uint32_t most = all->source->graph->node_count;
    struct hd_path_step step = {candidate->edge, all->node};
    uint32_t parent, length = 1;
    for (uint32_t at = candidate->from; at != HD_NODE_ROOT && !all->damaged; at = parent) {
        uint64_t edge;
        all->damaged |= !step_back(all, at, &parent, &edge) || length++ >= most;
    }
    path->step = all->damaged ? NULL : malloc(length * sizeof *path->step);
    if (!path->step)
        return false;
    path->length = length;
    path->step[--length] = step;
    for (uint32_t at = candidate->from; length > 0; at = parent) {
        step.node = at;
        step_back(all, at, &parent, &step.edge);
        path->step[--length] = step;
    }
    return true;
}

/* Direct ones and detours, each in their order, the better one first. */
static bool make_paths(struct all *all, struct hd_path **list, uint32_t *count)
{
    uint64_t found = (uint64_t)all->direct.count + all->detour.count;
    uint32_t most = found < all->limit ? (uint32_t)found : all->limit;
    *list = calloc(most ? most : 1, sizeof **list);
    for (uint32_t i = 0, k = 0; *list && *count < most; ++*count) {
        const struct candidate *direct = i < all->direct.count ? &all->direct.list[i] : NULL;
        const struct candidate *detour = k < all->detour.count ? &all->detour.list[k] : NULL;
        bool first = direct && (!detour || direct->measure <= detour->measure);
        if (!make_path(all, first ? direct : detour, &(*list)[*count]))
            return false;
        i += first;
        k += !first;
    }
    return *list != NULL;
}

/* ---- all of it ---- */

static bool begin(struct all *all)
{
    const size_t nodes = all->source->graph->node_count;
    all->wanted = hd_bits_create(nodes);
    all->below = hd_bits_create(nodes);
    all->inside = hd_bits_create(nodes);
    all->region = hd_bits_create(nodes);
    return all->wanted && all->below && all->inside && all->region;
}

/* All is freed; *err tells what went wrong. */
static bool end(struct all *all, bool fine, struct hd_error *err)
{
    fine = fine && !all->failed && !all->damaged;
    free(all->wanted);
    free(all->below);
    free(all->inside);
    free(all->region);
    free(all->left);
    free(all->level);
    free(all->state);
    free(all->came);
    free(all->came_by);
    free(all->direct.list);
    free(all->detour.list);
    for (unsigned i = 0; i < HD_PATH_KINDS; i++)
        free(all->later[i].list);
    free(all->way.list);
    free(all->queue.list);
    hd_path_kinds_deinit(&all->kinds);
    if (fine)
        return true;
    return all->damaged ? hd_error_set(err, HD_ERROR_BAD_DUMP, "what the index has of the shortest paths is damaged")
                        : hd_error_set(err, HD_ERROR_MEMORY, "out of memory while looking for paths");
}

bool hd_paths_all(const struct hd_paths_source *source, uint32_t node, bool weak, uint32_t limit, struct hd_path **list, uint32_t *count,
                  struct hd_error *err)
{
    struct all all = {.source = source, .mapped = source->mapped, .node = node, .limit = limit};
    *list = NULL;
    *count = 0;
    if (node == HD_NODE_ROOT || limit == 0)
        return true;
    bool reached = can_read(&all, node) && source->shortest->parent[node] != HD_NODE_NONE;
    all.weak = !reached && weak;
    if (!reached && !weak && !all.damaged)
        return true;
    bool fine = !all.damaged && begin(&all);
    if (fine) {
        hd_referrers_of(source->graph, node, all.wanted);
        hd_bits_remove(all.wanted, node);
        if (all.weak)
            look_for_weak(&all);
        else
            fine = look_below(&all);
    }
    if (fine)
        find_direct(&all);
    if (fine && !all.failed && !all.damaged)
        find_detours(&all);
    fine = fine && !all.failed && !all.damaged && make_paths(&all, list, count);
    if (end(&all, fine, err))
        return true;
    hd_paths_free(*list, *count);
    *list = NULL;
    *count = 0;
    return false;
}

/* ---- by weak references ---- */

/* Marks the ways to all that were found; each node once. */
static void mark_ways(struct all *all, uint64_t *ways)
{
    hd_bits_add(ways, HD_NODE_ROOT);
    for (uint32_t i = 0; i < all->detour.count; i++) {
        uint64_t edge;
        for (uint32_t at = all->detour.list[i].from; !hd_bits_has(ways, at) && !all->damaged;) {
            hd_bits_add(ways, at);
            all->damaged |= !step_back(all, at, &at, &edge);
        }
    }
}

/* Adds a node to the tree; what is before it must be there. `place`: [node_count] of each in it + 1. */
static void add_step(struct all *all, struct hd_path_tree *tree, uint32_t *capacity, uint32_t *place, uint32_t node)
{
    uint32_t parent = HD_NODE_ROOT;
    uint64_t edge = 0;
    all->damaged |= place[node] || (node != HD_NODE_ROOT && (!step_back(all, node, &parent, &edge) || !place[parent]));
    struct hd_tree_step *larger = all->damaged ? NULL : room(tree->step, tree->count, capacity, sizeof *tree->step);
    all->failed |= !larger;
    if (!larger)
        return;
    tree->step = larger;
    tree->step[tree->count] = (struct hd_tree_step){edge, node, node == HD_NODE_ROOT ? 0 : place[parent] - 1};
    place[node] = ++tree->count;
}

/* What is kept alive, as in the order of the shortest paths; then what weak references lead to, as it was reached. */
static void make_tree(struct all *all, struct hd_path_tree *tree)
{
    const size_t nodes = all->source->graph->node_count;
    const struct hd_paths *shortest = all->source->shortest;
    uint64_t *ways = hd_bits_create(nodes);
    uint32_t *place = calloc(nodes, sizeof *place), capacity = 0;
    all->failed |= !ways || !place;
    if (!all->failed)
        mark_ways(all, ways);
    for (uint32_t i = 0; i < shortest->reached && !all->failed && !all->damaged; i++)
        if (hd_bits_has(ways, shortest->order[i]))
            add_step(all, tree, &capacity, place, shortest->order[i]);
    for (uint32_t i = 0; i < all->queue.count && !all->failed && !all->damaged; i++)
        if (hd_bits_has(ways, all->queue.list[i]))
            add_step(all, tree, &capacity, place, all->queue.list[i]);
    free(ways);
    free(place);
}

bool hd_paths_weak(const struct hd_paths_source *source, uint64_t *set, struct hd_path_tree *tree, struct hd_error *err)
{
    struct all all = {.source = source, .mapped = source->mapped, .node = HD_NODE_NONE, .limit = UINT32_MAX, .weak = true};
    *tree = (struct hd_path_tree){.count = 0};
    bool fine = begin(&all);
    const size_t words = hd_bits_words(source->graph->node_count);
    if (fine) {
        memcpy(all.wanted, set, words * sizeof *set);
        look_for_weak(&all);
        find_detours(&all);
        memset(set, 0, words * sizeof *set);
        for (uint32_t i = 0; i < all.detour.count; i++)
            hd_bits_add(set, all.detour.list[i].from);
    }
    if (fine && all.detour.count > 0 && !all.failed && !all.damaged)
        make_tree(&all, tree);
    fine = end(&all, fine, err);
    if (!fine) {
        free(tree->step);
        *tree = (struct hd_path_tree){.count = 0};
    }
    return fine;
}
