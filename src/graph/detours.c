/* See detours.h. */
#include "graph/detours.h"

#include "base/bits.h"
#include "graph/index_point.h"
#include "graph/referrers.h"

#include <stdlib.h>
#include <string.h>

/* A step that is to be taken when it is its turn. */
struct hd_detours_step {
    uint64_t edge;
    uint32_t from, to;
    uint32_t steps;  /* of a path that ends with it */
    uint32_t number; /* the first come first */
};

/* In `state`, with the measure above. */
enum { SEEN = 1, /* a path is known */
       DONE = 2 }; /* and it is the one that is taken */
enum { STATE_BITS = 2 };

static uint64_t longer(uint64_t measure, enum hd_path_kind step)
{
    uint64_t kind = measure >> HD_DETOURS_KIND > step ? measure >> HD_DETOURS_KIND : step;
    return kind << HD_DETOURS_KIND | ((uint32_t)measure + 1);
}

/* Room for one more; NULL: there is none. */
static void *room(struct hd_detours *d, void *list, uint32_t count, uint32_t *capacity, size_t size)
{
    if (count < *capacity)
        return list;
    uint32_t more = *capacity ? *capacity < UINT32_MAX / 2 ? 2 * *capacity : UINT32_MAX : 64;
    void *larger = more > *capacity ? realloc(list, more * size) : NULL;
    if (larger)
        *capacity = more;
    d->failed |= !larger;
    return larger;
}

static bool is_over(const struct hd_detours *d)
{
    return d->failed || d->damaged;
}

/* ---- what can be read ---- */

bool hd_detours_can_read(struct hd_detours *d, uint32_t node)
{
    d->damaged |= d->mapped && !hd_index_ways_node(d->mapped, node);
    return !d->damaged;
}

bool hd_detours_can_read_edges(struct hd_detours *d, uint64_t edge, uint64_t count)
{
    d->damaged |= d->mapped && !hd_index_ways_edges(d->mapped, edge, count);
    return !d->damaged;
}

bool hd_detours_counts(const struct hd_detours *d, uint64_t edge)
{
    return d->weak || !(d->source->graph->edge_name[edge] & HD_NAME_WEAK);
}

/* What is read nearly everywhere is sooner looked at by all processors. */
static void look_at_all(struct hd_detours *d)
{
    d->damaged |= d->mapped && !hd_index_ways_all(d->mapped);
    d->mapped = NULL;
}

/* ---- outside ---- */

uint64_t hd_detours_measure(struct hd_detours *d, uint32_t node)
{
    const struct hd_paths *shortest = d->source->shortest;
    uint32_t count = 0;
    for (; !(d->state[node] & DONE); node = shortest->parent[node]) {
        if (!hd_detours_can_read(d, node))
            return 0;
        uint32_t *larger = room(d, d->way, count, &d->way_capacity, sizeof *d->way);
        d->damaged |= shortest->parent[node] == HD_NODE_NONE || count >= shortest->reached;
        if (!larger || d->damaged)
            return 0;
        d->way = larger;
        d->way[count++] = node;
    }
    uint64_t found = d->state[node] >> STATE_BITS;
    while (count > 0) {
        uint32_t to = d->way[--count], from = shortest->parent[to];
        if (!hd_detours_can_read(d, from) || !hd_detours_can_read_edges(d, shortest->edge[to], 1))
            return 0;
        found = longer(found, hd_path_kinds_step(&d->kinds, from, shortest->edge[to]));
        d->state[to] = found << STATE_BITS | SEEN | DONE;
    }
    return found;
}

/* A step into the region, or within it, that is not to be taken now. */
static void add_later(struct hd_detours *d, uint32_t from, uint32_t to, uint64_t edge, uint64_t measure)
{
    struct hd_detours_list *later = &d->later[measure >> HD_DETOURS_KIND];
    if (is_over(d) || (d->state[to] & SEEN && d->state[to] >> STATE_BITS <= measure))
        return;
    struct hd_detours_step *larger = room(d, later->step, later->count, &later->capacity, sizeof *larger);
    if (!larger)
        return;
    d->state[to] = measure << STATE_BITS | SEEN;
    later->step = larger;
    later->step[later->count] = (struct hd_detours_step){edge, from, to, (uint32_t)measure, later->count};
    later->count++;
}

/* Of those that lead to the same node by a step of the same kind the first. */
static void enter_from(struct hd_detours *d, uint32_t from)
{
    const struct hd_graph *graph = d->source->graph;
    for (uint64_t e = graph->edge_start[from]; e < graph->edge_start[from + 1] && !is_over(d); e++) {
        uint32_t to = graph->edge_to[e];
        bool seen = hd_bits_has(d->region, to) && d->state[to] & SEEN;
        uint64_t kind = d->state[to] >> STATE_BITS >> HD_DETOURS_KIND;
        if (!hd_bits_has(d->region, to) || (seen && kind == HD_PATH_TELLING))
            continue;
        if (!hd_detours_can_read(d, from) || !hd_detours_can_read_edges(d, e, 1))
            return;
        enum hd_path_kind step = hd_path_kinds_step(&d->kinds, from, e);
        if (hd_detours_counts(d, e) && !(seen && step >= kind))
            add_later(d, from, to, e, longer(hd_detours_measure(d, from), step));
    }
}

void hd_detours_fill_unreached(struct hd_detours *d, uint32_t but)
{
    const struct hd_paths *shortest = d->source->shortest;
    memset(d->region, 0xff, hd_bits_words(d->source->graph->node_count) * sizeof *d->region);
    for (uint32_t place = 0; place < shortest->reached; place++)
        hd_bits_remove(d->region, shortest->order[place]);
    if (but != HD_NODE_NONE)
        hd_bits_remove(d->region, but);
}

static uint64_t count_set(const uint64_t *set, size_t words)
{
    uint64_t count = 0;
    for (size_t i = 0; i < words; i++)
        count += (unsigned)__builtin_popcountll(set[i]);
    return count;
}

static bool make_room(struct hd_detours *d)
{
    const size_t nodes = d->source->graph->node_count;
    d->left = hd_bits_create(nodes);
    d->state = calloc(nodes, sizeof *d->state);
    d->came = calloc(nodes, sizeof *d->came);
    d->came_by = calloc(nodes, sizeof *d->came_by);
    return d->left && d->state && d->came && d->came_by && hd_path_kinds_init(&d->kinds, d->source->graph);
}

void hd_detours_enter(struct hd_detours *d)
{
    const struct hd_paths *shortest = d->source->shortest;
    const size_t nodes = d->source->graph->node_count, words = hd_bits_words(nodes);
    uint64_t *sources = hd_bits_create(nodes);
    d->failed |= !sources || !make_room(d);
    if (!d->failed) {
        memcpy(d->left, d->region, words * sizeof *d->left);
        d->state[HD_NODE_ROOT] = SEEN | DONE;
        if (count_set(d->region, words) > nodes / 2) /* few are outside: each of them is asked */
            memset(sources, 0xff, words * sizeof *sources);
        else
            hd_referrers_of_set(d->source->graph, d->region, sources);
    }
    for (uint32_t place = 0; place < shortest->reached && !is_over(d); place++) {
        uint32_t at = shortest->order[place];
        if (!hd_bits_has(sources, at) || hd_bits_has(d->region, at) || hd_bits_has(d->passed_by, at))
            continue;
        hd_bits_remove(sources, at); /* once, whatever an index has in its order */
        enter_from(d, at);
    }
    free(sources);
}

/* ---- inside ---- */

struct search {
    struct hd_detours *detours;
    bool (*arrived)(void *context, uint32_t node, uint64_t measure);
    void *context;
    bool ended;
};

static bool is_ended(const struct search *search)
{
    return search->ended || is_over(search->detours);
}

static void arrive(struct search *search, uint32_t from, uint32_t to, uint64_t edge, uint64_t measure)
{
    struct hd_detours *d = search->detours;
    if (!hd_bits_has(d->left, to))
        return;
    uint32_t *larger = room(d, d->reached, d->reached_count, &d->reached_capacity, sizeof *larger);
    if (!larger)
        return;
    hd_bits_remove(d->left, to);
    d->state[to] = measure << STATE_BITS | SEEN | DONE;
    d->came[to] = from;
    d->came_by[to] = edge;
    d->reached = larger;
    d->reached[d->reached_count++] = to;
    search->ended = !search->arrived(search->context, to, measure);
}

static void expand(struct search *search, uint32_t from)
{
    struct hd_detours *d = search->detours;
    const struct hd_graph *graph = d->source->graph;
    const uint64_t first = graph->edge_start[from], end = graph->edge_start[from + 1], here = d->state[from] >> STATE_BITS;
    if (!hd_detours_can_read(d, from) || !hd_detours_can_read_edges(d, first, end - first))
        return;
    for (uint64_t e = first; e < end && !is_ended(search); e++) {
        uint32_t to = graph->edge_to[e];
        if (!hd_bits_has(d->left, to) || !hd_detours_counts(d, e))
            continue;
        uint64_t measure = longer(here, hd_path_kinds_step(&d->kinds, from, e));
        if (measure >> HD_DETOURS_KIND == here >> HD_DETOURS_KIND)
            arrive(search, from, to, e, measure);
        else
            add_later(d, from, to, e, measure);
    }
}

static int nearer_first(const void *left, const void *right)
{
    const struct hd_detours_step *a = left, *b = right;
    if (a->steps != b->steps)
        return a->steps < b->steps ? -1 : 1;
    return a->number < b->number ? -1 : a->number > b->number;
}

/* Nodes of a large level in the order of their numbers: what lies near each other is looked at together. */
static void sort_level(struct hd_detours *d, uint32_t *node, uint32_t count)
{
    const size_t nodes = d->source->graph->node_count, words = hd_bits_words(nodes);
    if (count < words)
        return;
    if (!d->level)
        d->level = hd_bits_create(nodes);
    if (!d->level)
        return;
    for (uint32_t i = 0; i < count; i++)
        hd_bits_add(d->level, node[i]);
    for (size_t w = 0; w < words; w++)
        while (d->level[w])
            *node++ = (uint32_t)(w * HD_BITS_WORD) + hd_bits_take(&d->level[w]);
}

/* Nodes of one level, reached one after the other. */
static void expand_level(struct search *search, uint32_t at, uint32_t end)
{
    struct hd_detours *d = search->detours;
    if (at == end)
        return;
    sort_level(d, d->reached + at, end - at);
    if (end - at > d->source->graph->node_count / 64)
        look_at_all(d);
    for (; !is_ended(search) && at < end; at++)
        expand(search, d->reached[at]);
}

/* What paths of one kind lead to, breadth first. */
static void search_kind(struct search *search, uint64_t kind)
{
    struct hd_detours *d = search->detours;
    const struct hd_detours_list *later = &d->later[kind];
    uint32_t at = d->reached_count, next = 0;
    uint64_t before = 0; /* of all that was reached from `at` on */
    if (later->count)
        qsort(later->step, later->count, sizeof *later->step, nearer_first);
    while (!is_ended(search)) {
        uint64_t on = at < d->reached_count ? before + 1 : UINT64_MAX;
        uint64_t by_later = next < later->count ? kind << HD_DETOURS_KIND | later->step[next].steps : UINT64_MAX;
        uint64_t now = on < by_later ? on : by_later;
        if (now == UINT64_MAX)
            break;
        uint32_t end = now == on ? d->reached_count : at;
        search->ended = !search->arrived(search->context, HD_NODE_NONE, now);
        if (!search->ended)
            expand_level(search, at, end);
        at = end;
        for (; !is_ended(search) && next < later->count && (kind << HD_DETOURS_KIND | later->step[next].steps) == now; next++)
            arrive(search, later->step[next].from, later->step[next].to, later->step[next].edge, now);
        before = now;
    }
}

void hd_detours_search(struct hd_detours *d, bool (*arrived)(void *context, uint32_t node, uint64_t measure), void *context)
{
    struct search search = {d, arrived, context, false};
    for (uint64_t kind = 0; kind < HD_PATH_KINDS && !is_ended(&search); kind++)
        search_kind(&search, kind);
}

/* ---- ways back ---- */

bool hd_detours_step_back(struct hd_detours *d, uint32_t node, uint32_t *parent, uint64_t *edge)
{
    bool detour = hd_bits_has(d->region, node);
    if (!hd_detours_can_read(d, node) || (detour && (!d->left || hd_bits_has(d->left, node))))
        return false; /* what lies in the region comes before it in the order */
    *parent = detour ? d->came[node] : d->source->shortest->parent[node];
    if (*parent == HD_NODE_NONE)
        return false;
    *edge = detour ? d->came_by[node] : d->source->shortest->edge[node];
    return true;
}

/* ---- all of it ---- */

bool hd_detours_init(struct hd_detours *d, const struct hd_paths_source *source, bool weak)
{
    *d = (struct hd_detours){.source = source, .mapped = source->mapped, .weak = weak};
    d->region = hd_bits_create(source->graph->node_count);
    d->passed_by = hd_bits_create(source->graph->node_count);
    d->failed = !d->region || !d->passed_by;
    return !d->failed;
}

void hd_detours_deinit(struct hd_detours *d)
{
    free(d->region);
    free(d->passed_by);
    free(d->reached);
    hd_path_kinds_deinit(&d->kinds);
    free(d->left);
    free(d->level);
    free(d->state);
    free(d->came);
    free(d->came_by);
    for (unsigned i = 0; i < HD_PATH_KINDS; i++)
        free(d->later[i].step);
    free(d->way);
}

bool hd_detours_fine(const struct hd_detours *d, struct hd_error *err)
{
    if (d->damaged)
        return hd_error_set(err, HD_ERROR_BAD_DUMP, "what the index has of the shortest paths is damaged");
    return !d->failed || hd_error_set(err, HD_ERROR_MEMORY, "out of memory while looking for paths");
}
