/*
 * The dominator tree by semi-NCA (Georgiadis 2005), and what hangs on it.
 *
 * Owns struct hd_dominators. Must not know classes, names or files: only edges, weak bits and sizes count.
 *
 * All work is done in the numbers of one depth-first search, so that an array read upwards meets a node's DFS parent and
 * its dominators before the node. Three things differ from the book:
 * - A successor of the root is dominated by the root alone, so its other incoming edges are ignored, which
 *   spares nearly all edges to classes. So are tree edges, and edges to a descendant are used up during the search:
 *   only edges that go back or across are kept, by the node they enter.
 * - The nearest common ancestor is found through jump pointers in the growing tree (Myers' skew-binary lists): walking
 *   parent by parent is quadratic for a long list whose values are also held by something else.
 * - Columns of the result are used as scratch memory until they get their final contents; `struct work` says which.
 */
#include "graph/dominators.h"

#include "base/progress.h"
#include "graph/storage.h"

#include <stdlib.h>
#include <string.h>

#define UNVISITED UINT32_MAX
#define RESERVED (UINT32_MAX - 1) /* a successor of the root: waits for the root's own edge */
#define INSERTION_LIMIT 48 /* shorter lists of children are sorted by insertion */

/*
 * The first meaning holds while semidominators are computed, the second in find_dominators. Before the first, `label` counts
 * the incoming edges to be kept.
 */
struct link {
    uint32_t ancestor; /* DFS parent, later shortened; then: a far dominator */
    uint32_t label;    /* least semidominator between here and the ancestor; then: depth in the dominator tree */
};

struct work {
    const struct hd_graph *graph;
    uint32_t count;       /* nodes reached */
    uint32_t *vertex;     /* [count] number -> node */
    uint32_t *semi;       /* [count] semidominator */
    struct link *link;    /* [count] */
    uint32_t *incoming;   /* kept edges: numbers of the nodes they leave */
    uint64_t incoming_count;
    /* in columns of the result */
    uint32_t *number;     /* child_start: node -> number */
    uint32_t *dominator;  /* child: DFS parent; after find_dominators the immediate dominator */
    uint64_t *cursor;     /* retained: next edge to look at; then where a node's kept edges begin */
    uint32_t *path;       /* parent: the stack of shorten() */
};

static void visit(struct work *w, uint32_t node, uint32_t from)
{
    uint32_t number = w->count++;
    w->number[node] = number;
    w->vertex[number] = node;
    w->cursor[number] = w->graph->edge_start[node];
    w->link[number] = (struct link){from, 0};
    w->dominator[number] = from;
    w->semi[number] = from;
}

/* An edge between nodes that are both numbered: used at once or counted. False if there are too many of them. */
static bool note_edge(struct work *w, uint32_t from, uint32_t to)
{
    if (w->link[to].ancestor == 0) /* the root and its successors */
        return true;
    if (from < to) {
        if (from < w->semi[to])
            w->semi[to] = from;
    } else if (from > to) {
        if (w->link[to].label == UINT32_MAX)
            return false;
        w->link[to].label++;
        w->incoming_count++;
    }
    return true;
}

/* Numbers what the root reaches, depth first; the DFS parents are the stack. */
static bool search(struct work *w)
{
    const struct hd_graph *graph = w->graph;
    memset(w->number, 0xff, (size_t)graph->node_count * sizeof *w->number);
    for (uint64_t e = graph->edge_start[0]; e < graph->edge_start[1]; e++)
        if (!(graph->edge_name[e] & HD_NAME_WEAK))
            w->number[graph->edge_to[e]] = RESERVED;
    visit(w, HD_NODE_ROOT, 0);
    for (uint32_t from = 0;;) {
        uint64_t end = graph->edge_start[w->vertex[from] + 1];
        uint64_t e = w->cursor[from];
        uint32_t next = UNVISITED;
        for (; e < end && next == UNVISITED; e++) {
            if (graph->edge_name[e] & HD_NAME_WEAK)
                continue;
            uint32_t to = w->number[graph->edge_to[e]];
            if (to == UNVISITED || (to == RESERVED && from == 0))
                next = graph->edge_to[e];
            else if (to != RESERVED && !note_edge(w, from, to))
                return false;
        }
        w->cursor[from] = e;
        if (next != UNVISITED) {
            visit(w, next, from);
            from = w->count - 1;
        } else if (from == 0) {
            return true;
        } else {
            from = w->dominator[from];
        }
    }
}

/* Sorts the counted edges by the node they enter. */
static bool collect_incoming(struct work *w)
{
    const struct hd_graph *graph = w->graph;
    w->incoming = hd_storage_scratch(w->incoming_count, sizeof *w->incoming);
    if (!w->incoming)
        return false;
    uint64_t end = 0;
    for (uint32_t i = 0; i < w->count; i++) {
        end += w->link[i].label;
        w->cursor[i] = end;
    }
    for (uint32_t node = 0; node < graph->node_count; node++) {
        uint32_t from = w->number[node];
        if (from == UNVISITED)
            continue;
        for (uint64_t e = graph->edge_start[node]; e < graph->edge_start[node + 1]; e++) {
            if (graph->edge_name[e] & HD_NAME_WEAK)
                continue;
            uint32_t to = w->number[graph->edge_to[e]];
            if (to < from && w->link[to].ancestor != 0)
                w->incoming[--w->cursor[to]] = from;
        }
    }
    return true;
}

/*
 * The least semidominator on the way from v up to the first node whose parent is not above `linked`; that way is made
 * short for the next time. The explicit stack is as long as the way can be.
 */
static uint32_t shorten(struct link *link, uint32_t *path, uint32_t v, uint32_t linked)
{
    size_t length = 0;
    while (link[v].ancestor > linked) {
        path[length++] = v;
        v = link[v].ancestor;
    }
    struct link top = link[v];
    while (length > 0) {
        struct link *below = &link[path[--length]];
        below->ancestor = top.ancestor;
        if (below->label > top.label)
            below->label = top.label;
        top.label = below->label;
    }
    return top.label;
}

static void find_semidominators(struct work *w)
{
    uint64_t end = w->incoming_count;
    for (uint32_t i = w->count - 1; i > 0; i--) {
        uint32_t least = w->semi[i];
        for (uint64_t k = w->cursor[i]; k < end; k++) {
            uint32_t label = shorten(w->link, w->path, w->incoming[k], i);
            if (label < least)
                least = label;
        }
        end = w->cursor[i];
        w->semi[i] = least;
        w->link[i].label = least;
    }
}

/* A node's dominator is the nearest ancestor of its DFS parent, in the tree so far, that is not below its semidominator. */
static void find_dominators(struct work *w)
{
    struct link *link = w->link;
    link[0] = (struct link){0, 0};
    for (uint32_t i = 1; i < w->count; i++) {
        uint32_t d = w->dominator[i];
        uint32_t semi = w->semi[i];
        while (d > semi)
            d = link[d].ancestor >= semi ? link[d].ancestor : w->dominator[d];
        w->dominator[i] = d;
        struct link up = link[d], far = link[up.ancestor];
        bool even = up.label - far.label == far.label - link[far.ancestor].label;
        link[i] = (struct link){even ? far.ancestor : d, up.label + 1};
    }
}

/* From numbers to nodes: parents and retained sizes. */
static void add_up(struct hd_dominators *dominators, const struct work *w)
{
    const struct hd_graph *graph = w->graph;
    memset(dominators->parent, 0xff, (size_t)graph->node_count * sizeof *dominators->parent);
    memset(dominators->retained, 0, (size_t)graph->node_count * sizeof *dominators->retained);
    for (uint32_t i = w->count - 1; i > 0; i--) {
        uint32_t node = w->vertex[i], parent = w->vertex[w->dominator[i]];
        dominators->parent[node] = parent;
        dominators->retained[node] += graph->node_size[node];
        dominators->retained[parent] += dominators->retained[node];
    }
    dominators->retained[HD_NODE_ROOT] += graph->node_size[HD_NODE_ROOT];
    dominators->reachable = w->count;
    dominators->reachable_size = dominators->retained[HD_NODE_ROOT];
}

static void sort_by_insertion(const uint64_t *retained, uint32_t *list, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t node = list[i], k = i;
        for (; k > 0 && retained[list[k - 1]] < retained[node]; k--)
            list[k] = list[k - 1];
        list[k] = node;
    }
}

/* Byte by byte, the lowest first, leaving out the bytes that all have in common: linear, also for 10 M children. */
static void sort_by_bytes(const uint64_t *retained, uint32_t *list, uint32_t count, uint32_t *other)
{
    uint64_t differ = 0;
    for (uint32_t i = 1; i < count; i++)
        differ |= retained[list[i]] ^ retained[list[0]];
    uint32_t *from = list, *to = other;
    for (unsigned shift = 0; shift < 64; shift += 8) {
        if (!(differ >> shift & 255))
            continue;
        uint32_t place[256] = {0};
        for (uint32_t i = 0; i < count; i++)
            place[retained[from[i]] >> shift & 255]++;
        for (uint32_t byte = 256, sum = 0; byte-- > 0;) {
            uint32_t here = place[byte];
            place[byte] = sum;
            sum += here;
        }
        for (uint32_t i = 0; i < count; i++)
            to[place[retained[from[i]] >> shift & 255]++] = from[i];
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    if (from != list)
        memcpy(list, from, (size_t)count * sizeof *list);
}

/* The children of each node, biggest first, of equals the lowest node first. `scratch` has room for all nodes reached. */
static void list_children(struct hd_dominators *dominators, uint32_t *scratch)
{
    uint32_t count = dominators->node_count;
    uint32_t *start = dominators->child_start, *child = dominators->child;
    memset(start, 0, ((size_t)count + 1) * sizeof *start);
    for (uint32_t node = 0; node < count; node++)
        if (dominators->parent[node] != HD_NODE_NONE)
            start[dominators->parent[node]]++;
    for (uint32_t node = 0, sum = 0; node <= count; node++) {
        sum += start[node];
        start[node] = sum;
    }
    for (uint32_t node = count; node-- > 0;)
        if (dominators->parent[node] != HD_NODE_NONE)
            child[--start[dominators->parent[node]]] = node;
    for (uint32_t node = 0; node < count; node++) {
        uint32_t length = start[node + 1] - start[node];
        if (length > INSERTION_LIMIT)
            sort_by_bytes(dominators->retained, child + start[node], length, scratch);
        else if (length > 1)
            sort_by_insertion(dominators->retained, child + start[node], length);
    }
}

static bool compute(struct hd_dominators *dominators, struct work *w, struct hd_error *err)
{
    if (!search(w))
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "more than 4,294,967,295 references lead to one object");
    if (!collect_incoming(w))
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for %llu references while computing retained sizes",
                            (unsigned long long)w->incoming_count);
    find_semidominators(w);
    free(w->incoming);
    w->incoming = NULL;
    find_dominators(w);
    add_up(dominators, w);
    list_children(dominators, w->semi);
    return true;
}

bool hd_dominators_create(struct hd_dominators *dominators, const struct hd_graph *graph, struct hd_error *err)
{
    uint32_t count = graph->node_count;
    memset(dominators, 0, sizeof *dominators);
    if (count == 0 || count >= RESERVED)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "a graph of %u nodes has no dominator tree", count);
    dominators->node_count = count;
    dominators->parent = hd_storage_scratch(count, sizeof *dominators->parent);
    dominators->retained = hd_storage_scratch(count, sizeof *dominators->retained);
    dominators->child_start = hd_storage_scratch((uint64_t)count + 1, sizeof *dominators->child_start);
    dominators->child = hd_storage_scratch(count, sizeof *dominators->child);
    struct work w = {
        .graph = graph,
        .vertex = hd_storage_scratch(count, sizeof *w.vertex),
        .semi = hd_storage_scratch(count, sizeof *w.semi),
        .link = hd_storage_scratch(count, sizeof *w.link),
        .number = dominators->child_start,
        .dominator = dominators->child,
        .cursor = dominators->retained,
        .path = dominators->parent,
    };
    bool fine = dominators->parent && dominators->retained && dominators->child_start && dominators->child && w.vertex &&
                w.semi && w.link;
    hd_progress_stage(hd_progress_watcher(), "working out what retains what", 0);
    if (fine)
        fine = compute(dominators, &w, err);
    else
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the dominator tree of %u objects", count);
    free(w.incoming);
    free(w.link);
    free(w.semi);
    free(w.vertex);
    if (!fine)
        hd_dominators_destroy(dominators);
    hd_progress_stage(hd_progress_watcher(), NULL, 0);
    return fine;
}

void hd_dominators_destroy(struct hd_dominators *dominators)
{
    free(dominators->parent);
    free(dominators->retained);
    free(dominators->child_start);
    free(dominators->child);
    memset(dominators, 0, sizeof *dominators);
}
