/* Breadth-first search from the root and single paths read off its tree; merging is in paths_merge.c. See paths.h. */
#include "graph/paths.h"

#include "base/bits.h"
#include "dump/json_reader.h"
#include "graph/referrers.h"

#include <stdlib.h>
#include <string.h>

static bool no_memory(struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_MEMORY, "out of memory while looking for paths");
}

static bool is(struct hd_graph_text text, const char *word)
{
    return text.length == strlen(word) && !memcmp(text.data, word, text.length);
}

/* Instruction sequences, methods and their caches. */
static bool is_code(const struct hd_graph *graph, uint32_t node)
{
    static const char *const labels[] = {"iseq", "ment", "callcache", "constcache", "cref"};
    if (graph->node_type[node] != HD_BT_T_IMEMO)
        return false;
    struct hd_graph_text label = hd_graph_name(graph, graph->node_label[node]);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (is(label, labels[i]))
            return true;
    return false;
}

/* What a C function's stack or variables seem to hold: true, but it says nothing. */
static bool is_anonymous_root(const struct hd_graph *graph, uint64_t edge)
{
    static const char *const roots[] = {"stack_and_registers", "machine_context", "static_data"};
    struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (name.length >= strlen(roots[i]) && !memcmp(name.data, roots[i], strlen(roots[i])))
            return true;
    return false;
}

/* By name: whether edges that are called so say little. NULL if memory ran out. */
static uint8_t *dull_names(const struct hd_graph *graph)
{
    static const char *const names[] = {"class", "super",  "klass",  "rclass", "iclass", "owner", "defined_class", "refined_class",
                                        "attached", "includer", "origin"};
    static const char guess[] = "inferred";
    uint8_t *dull = calloc((size_t)graph->name_count + 1, 1);
    for (uint32_t n = 0; dull && n < graph->name_count; n++) {
        struct hd_graph_text name = hd_graph_name(graph, n);
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            dull[n] |= is(name, names[i]);
        dull[n] |= name.length >= sizeof guess - 1 && !memcmp(name.data, guess, sizeof guess - 1);
    }
    return dull;
}

/* Ruby's own lists, that nobody sees: of what C code has registered, of symbols, … All edges of these are dull. */
static bool is_hidden(const struct hd_graph *graph, uint32_t node)
{
    uint8_t type = graph->node_type[node];
    return (type == HD_BT_T_ARRAY || type == HD_BT_T_HASH || type == HD_BT_T_DATA) && graph->node_class[node] == HD_NODE_NONE;
}

static bool is_dull(const struct hd_graph *graph, const uint8_t *dull, uint64_t edge)
{
    uint32_t name = graph->edge_name[edge] & HD_NAME_MASK;
    return name < graph->name_count && dull[name];
}

/* When a search for more paths to one node has found enough. */
struct goal {
    uint32_t node;
    uint64_t *wanted; /* a set of those who refer to it (base/bits.h) */
    uint32_t missing; /* so many of them are to be reached still */
};

struct search {
    struct hd_paths *paths;
    struct goal *goal;   /* NULL: everything is to be reached */
    const uint8_t *dull; /* by name */
    uint8_t *left;       /* by place: whether its dull edges may lead on, so that it is worth a second look */
    bool weak;
};

/* `place` is where the node that the edge leaves stands in the order. */
static void visit(const struct search *search, uint32_t place, uint64_t e)
{
    struct hd_paths *paths = search->paths;
    const struct hd_graph *graph = paths->graph;
    uint32_t to = graph->edge_to[e];
    if ((graph->edge_name[e] & HD_NAME_WEAK && !search->weak) || paths->parent[to] != HD_NODE_NONE || to == HD_NODE_ROOT)
        return;
    paths->parent[to] = paths->order[place];
    paths->edge[to] = e;
    paths->from[paths->reached] = place;
    paths->order[paths->reached++] = to;
    if (search->goal && search->goal->missing > 0 && hd_bits_has(search->goal->wanted, to))
        search->goal->missing--;
}

/* Whoever is reached later comes later in the order; and the node itself tells by whom it is reached first. */
static bool is_enough(const struct search *search)
{
    return search->goal && search->goal->missing == 0 && search->paths->parent[search->goal->node] != HD_NODE_NONE;
}

static void expand_root(const struct search *search, bool anonymous)
{
    const struct hd_graph *graph = search->paths->graph;
    for (uint64_t e = graph->edge_start[HD_NODE_ROOT]; e < graph->edge_start[HD_NODE_ROOT + 1]; e++)
        if (is_anonymous_root(graph, e) == anonymous)
            visit(search, 0, e);
}

static void expand(const struct search *search, uint32_t place, bool dull)
{
    const struct hd_paths *paths = search->paths;
    const struct hd_graph *graph = paths->graph;
    uint32_t node = paths->order[place];
    bool hidden = is_hidden(graph, node);
    if (hidden && !dull) {
        search->left[place] = true;
        return;
    }
    for (uint64_t e = graph->edge_start[node]; e < graph->edge_start[node + 1]; e++)
        if ((hidden || is_dull(graph, search->dull, e)) == dull)
            visit(search, place, e);
        else if (!dull && paths->parent[graph->edge_to[e]] == HD_NODE_NONE)
            search->left[place] = true;
}

/*
 * Breadth first, in rounds: by telling edges; by dull ones; from anonymous roots; through code. What a later round reaches goes on by
 * telling edges before anything else, so each node is looked at twice at most.
 */
static void rounds(const struct search *search, uint32_t avoid)
{
    struct hd_paths *paths = search->paths;
    const struct hd_graph *graph = paths->graph;
    bool all_roots = false;
    expand_root(search, false);
    for (uint32_t telling = 1, dull = 1, code = 1; !is_enough(search);) {
        uint32_t *at = telling < paths->reached ? &telling : dull < paths->reached ? &dull : &code;
        if (at == &code && !all_roots) {
            expand_root(search, true);
            all_roots = true;
        } else if (*at == paths->reached) {
            return;
        } else {
            uint32_t place = (*at)++;
            if (at == &dull && !search->left[place])
                continue;
            uint32_t node = paths->order[place];
            bool is_last = is_code(graph, node);
            if (node != avoid && is_last == (at == &code)) {
                expand(search, place, at == &dull);
                if (is_last)
                    expand(search, place, true);
            }
        }
    }
}

static bool search(struct hd_paths *paths, bool weak, uint32_t avoid, struct goal *goal)
{
    struct search search = {.paths = paths, .goal = goal, .dull = dull_names(paths->graph), .weak = weak};
    search.left = calloc(paths->graph->node_count, 1);
    bool ok = search.dull && search.left;
    memset(paths->parent, 0xff, (size_t)paths->graph->node_count * sizeof *paths->parent);
    paths->order[0] = HD_NODE_ROOT;
    paths->from[0] = 0;
    paths->reached = 1;
    if (ok && avoid != HD_NODE_ROOT)
        rounds(&search, avoid);
    free((void *)search.dull);
    free(search.left);
    return ok;
}

static bool create(struct hd_paths *paths, const struct hd_graph *graph, bool weak, uint32_t avoid, struct goal *goal,
                   struct hd_error *err)
{
    size_t count = graph->node_count;
    memset(paths, 0, sizeof *paths);
    if (count == 0)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "a graph without a root has no paths");
    paths->graph = graph;
    paths->parent = malloc(count * sizeof *paths->parent);
    paths->edge = calloc(count, sizeof *paths->edge); /* 0 where there is none: it is saved as it is (graph/index.h) */
    paths->order = malloc(count * sizeof *paths->order);
    paths->from = malloc(count * sizeof *paths->from);
    if (!paths->parent || !paths->edge || !paths->order || !paths->from || !search(paths, weak, avoid, goal)) {
        hd_paths_destroy(paths);
        return no_memory(err);
    }
    return true;
}

bool hd_paths_create(struct hd_paths *paths, const struct hd_graph *graph, bool weak, uint32_t avoid, struct hd_error *err)
{
    return create(paths, graph, weak, avoid, NULL, err);
}

void hd_paths_destroy(struct hd_paths *paths)
{
    free(paths->parent);
    free(paths->edge);
    free(paths->order);
    free(paths->from);
    memset(paths, 0, sizeof *paths);
}

/* No path is longer than there are nodes: should an index hold a circle, there is an end to it all the same. */
static uint32_t distance(const struct hd_paths *paths, uint32_t node)
{
    uint32_t length = 0;
    for (; paths->parent[node] != HD_NODE_NONE && length < paths->reached; node = paths->parent[node])
        length++;
    return length;
}

/* The path to a node, with room for `more` steps behind it. */
static bool path_to(const struct hd_paths *paths, uint32_t node, uint32_t more, struct hd_path *path, struct hd_error *err)
{
    path->length = distance(paths, node);
    path->step = malloc(((size_t)path->length + more + 1) * sizeof *path->step);
    if (!path->step) {
        path->length = 0;
        return no_memory(err);
    }
    for (uint32_t i = path->length; i-- > 0; node = paths->parent[node])
        path->step[i] = (struct hd_path_step){paths->edge[node], node};
    return true;
}

bool hd_paths_to(const struct hd_paths *paths, uint32_t node, struct hd_path *path, struct hd_error *err)
{
    return path_to(paths, node, 0, path, err);
}

struct candidate {
    uint64_t edge;
    uint32_t from, place; /* place: in the search's order, so by distance */
    bool first;           /* the one that the search itself came by */
};

static int by_place(const void *left, const void *right)
{
    const struct candidate *a = left, *b = right;
    if (a->first != b->first)
        return a->first ? -1 : 1;
    if (a->place != b->place)
        return a->place < b->place ? -1 : 1;
    return a->edge < b->edge ? -1 : a->edge > b->edge;
}

/* The referrers that can be reached without the node itself, each once, nearest first. `list` is sorted by referrer. */
static uint32_t candidates(const struct hd_paths *paths, uint32_t node, bool weak, struct hd_referrer *list, uint64_t count,
                           struct candidate *out, uint32_t *place)
{
    const struct hd_graph *graph = paths->graph;
    for (uint32_t i = 0; i < paths->reached; i++)
        place[paths->order[i]] = i;
    uint32_t length = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t from = list[i].from;
        bool reached = from == HD_NODE_ROOT || paths->parent[from] != HD_NODE_NONE;
        bool counts = weak || !(graph->edge_name[list[i].edge] & HD_NAME_WEAK);
        if (reached && counts && from != node && (length == 0 || out[length - 1].from != from))
            out[length++] = (struct candidate){list[i].edge, from, place[from], paths->parent[node] == from};
    }
    qsort(out, length, sizeof *out, by_place);
    return length;
}

static bool paths_by(const struct hd_paths *paths, uint32_t node, const struct candidate *candidate, uint32_t limit,
                     struct hd_path *list, uint32_t *count, struct hd_error *err)
{
    for (*count = 0; *count < limit; ++*count) {
        struct hd_path *path = &list[*count];
        if (!path_to(paths, candidate[*count].from, 1, path, err))
            return false;
        path->step[path->length++] = (struct hd_path_step){candidate[*count].edge, node};
    }
    return true;
}

/* Whether a path leads to it that does not pass the node; if that takes as long as a search would, what is said is that one may. */
static bool may_be_reached(const uint32_t *dominator, uint32_t node, uint32_t at, uint32_t *steps, uint32_t most)
{
    for (; at != HD_NODE_ROOT && at != HD_NODE_NONE && at != node && *steps < most; ++*steps)
        at = dominator[at];
    return at != HD_NODE_NONE && at != node;
}

/* Any `limit` of the referrers, or as many as can be reached; where those are fewer than it is thought, the search ends when nothing is left. False if memory ran out. */
static bool goal_set(struct goal *goal, const struct hd_graph *graph, uint32_t node, bool weak, const uint32_t *dominator, uint32_t limit,
                     const struct hd_referrer *list, uint64_t count)
{
    uint32_t steps = 0;
    *goal = (struct goal){.node = node, .wanted = hd_bits_create(graph->node_count)};
    for (uint64_t i = 0; goal->wanted && i < count; i++) {
        uint32_t from = list[i].from;
        bool counts = weak || !(graph->edge_name[list[i].edge] & HD_NAME_WEAK);
        if (!counts || from == node || from == HD_NODE_ROOT || hd_bits_has(goal->wanted, from))
            continue;
        hd_bits_add(goal->wanted, from);
        if (goal->missing < limit)
            goal->missing += !dominator || may_be_reached(dominator, node, from, &steps, graph->node_count);
    }
    return goal->wanted;
}

/* The paths to the referrers that were reached. */
static bool paths_all(const struct hd_paths *paths, uint32_t node, bool weak, uint32_t limit, struct hd_referrer *referrer,
                      uint64_t referrers, struct hd_path **list, uint32_t *count, struct hd_error *err)
{
    struct candidate *candidate = malloc((referrers + 1) * sizeof *candidate);
    uint32_t *place = malloc((size_t)paths->graph->node_count * sizeof *place);
    uint32_t found = candidate && place ? candidates(paths, node, weak, referrer, referrers, candidate, place) : 0;
    free(place);
    if (found > limit)
        found = limit;
    *list = calloc(found ? found : 1, sizeof **list);
    bool fine = candidate && place && *list ? paths_by(paths, node, candidate, found, *list, count, err) : no_memory(err);
    free(candidate);
    return fine;
}

bool hd_paths_all(const struct hd_graph *graph, uint32_t node, bool weak, const uint32_t *dominator, uint32_t limit,
                  struct hd_path **list, uint32_t *count, struct hd_error *err)
{
    struct hd_paths paths;
    struct goal goal = {.node = node};
    struct hd_referrer *referrer = NULL;
    uint64_t referrers = 0;
    *list = NULL;
    *count = 0;
    if (graph->node_count == 0 || node == HD_NODE_ROOT)
        return graph->node_count || hd_error_set(err, HD_ERROR_UNSUPPORTED, "a graph without a root has no paths");
    bool fine = hd_referrers_find(graph, node, &referrer, &referrers, err)
                && (goal_set(&goal, graph, node, weak, dominator, limit, referrer, referrers) || no_memory(err))
                && create(&paths, graph, weak, node, &goal, err);
    if (fine) {
        fine = paths_all(&paths, node, weak, limit, referrer, referrers, list, count, err);
        hd_paths_destroy(&paths);
    }
    free(goal.wanted);
    free(referrer);
    if (!fine) {
        hd_paths_free(*list, *count);
        *list = NULL;
        *count = 0;
    }
    return fine;
}

/* ---- more paths, read off the tree of the shortest ones ---- */

/* What that takes; all columns may be NULL until they are needed. */
struct reading {
    const struct hd_paths *shortest;
    const uint32_t *dominator;
    uint32_t node;
    uint64_t *wanted; /* the set of referrers over edges that count */
    uint8_t *below;   /* [reached] by place: the way there passes the node */
    uint8_t *inside;  /* [node_count] 1: the node dominates it; 2: it does not; 0: not known */
};

/* Without recursion, each node once at most in all calls together. Should there be a circle, it ends there. */
static bool is_inside(struct reading *reading, uint32_t node)
{
    uint32_t at = node;
    while (at != HD_NODE_NONE && !reading->inside[at]) {
        reading->inside[at] = 2;
        at = reading->dominator[at];
    }
    uint8_t found = at == HD_NODE_NONE ? 2 : reading->inside[at];
    for (; node != at && found == 1; node = reading->dominator[node])
        reading->inside[node] = found;
    return found == 1;
}

/* The next place, from *place on, that has a referrer to which the tree has a path without the node. False: there is one to which another path would be needed. */
static bool next_referrer(struct reading *reading, uint32_t *place)
{
    const struct hd_paths *shortest = reading->shortest;
    for (; *place < shortest->reached; ++*place) {
        uint32_t at = shortest->order[*place];
        reading->below[*place] = at == reading->node || reading->below[shortest->from[*place]];
        if (!hd_bits_has(reading->wanted, at))
            continue;
        hd_bits_remove(reading->wanted, at);
        if (!reading->below[*place])
            return true;
        if (!is_inside(reading, at))
            return false;
    }
    return true;
}

/* The first edges of up to `limit` of them; *found is how many. False: a search is needed. */
static bool read_off(struct reading *reading, const struct hd_referrer *list, uint64_t count, uint32_t limit, struct candidate *out,
                     uint32_t *found)
{
    const struct hd_graph *graph = reading->shortest->graph;
    uint32_t first = reading->shortest->parent[reading->node];
    for (uint64_t i = 0; i < count; i++)
        if (list[i].from != reading->node && list[i].from != first && !(graph->edge_name[list[i].edge] & HD_NAME_WEAK))
            hd_bits_add(reading->wanted, list[i].from);
    *found = 0;
    if (first != HD_NODE_NONE && limit > 0)
        out[(*found)++] = (struct candidate){.from = first};
    for (uint32_t place = 0; *found < limit; place++) {
        if (!next_referrer(reading, &place))
            return false;
        if (place >= reading->shortest->reached)
            break;
        out[(*found)++] = (struct candidate){.from = reading->shortest->order[place]};
    }
    for (uint32_t i = 0; i < *found; i++) {
        uint64_t edge = hd_referrers_edge(graph, out[i].from, reading->node, 0);
        while (edge != UINT64_MAX && graph->edge_name[edge] & HD_NAME_WEAK)
            edge = hd_referrers_edge(graph, out[i].from, reading->node, edge + 1);
        if (edge == UINT64_MAX)
            return false;
        out[i].edge = edge;
    }
    return true;
}

static bool read_paths(struct reading *reading, uint32_t limit, struct hd_path **list, uint32_t *count, bool *search, struct hd_error *err)
{
    struct hd_referrer *referrer = NULL;
    uint64_t referrers = 0;
    uint32_t found = 0;
    if (!hd_referrers_find(reading->shortest->graph, reading->node, &referrer, &referrers, err))
        return false;
    struct candidate *candidate = malloc((referrers + 1) * sizeof *candidate);
    bool fine = candidate != NULL;
    if (fine)
        *search = !read_off(reading, referrer, referrers, referrers < limit ? (uint32_t)referrers : limit, candidate, &found);
    if (fine && !*search) {
        *list = calloc(found ? found : 1, sizeof **list);
        fine = *list && paths_by(reading->shortest, reading->node, candidate, found, *list, count, err);
    }
    free(candidate);
    free(referrer);
    return fine || no_memory(err);
}

bool hd_paths_more(const struct hd_paths *shortest, const uint32_t *dominator, uint32_t node, uint32_t limit, struct hd_path **list,
                   uint32_t *count, bool *search, struct hd_error *err)
{
    size_t nodes = shortest->graph->node_count;
    struct reading reading = {.shortest = shortest, .dominator = dominator, .node = node, .wanted = hd_bits_create(nodes),
                              .below = calloc(nodes, 1), .inside = calloc(nodes, 1)};
    bool fine = (reading.wanted && reading.below && reading.inside) || no_memory(err);
    *search = node == HD_NODE_ROOT;
    *list = NULL;
    *count = 0;
    if (fine && !*search) {
        reading.inside[HD_NODE_ROOT] = 2;
        reading.inside[node] = 1;
        fine = read_paths(&reading, limit, list, count, search, err);
    }
    free(reading.wanted);
    free(reading.below);
    free(reading.inside);
    if (!fine) {
        hd_paths_free(*list, *count);
        *list = NULL;
        *count = 0;
    }
    return fine;
}

void hd_paths_free(struct hd_path *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        free(list[i].step);
    free(list);
}
