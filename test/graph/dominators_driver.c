/*
 * Lets dominators_test.py ask the graph engine: graphs as numbers on standard input, one line of JSON for each on
 * standard output. Knows nothing of what is right.
 *
 * A graph is: nodes edges limit target, then for each node: size type class group member (a class of -1: none; so with
 * groups), then for each edge, in ascending order of the node it leaves: from to name weak.
 *
 * `dominators_driver SHAPE NODES` instead makes a big graph, computes everything and prints counts and seconds. Shapes: chain,
 * star, held (a chain each of whose links has a value that an array holds as well), heap (each object refers to its class and
 * to two or three mostly near ones, as in a Ruby heap), random (three or four edges a node to anywhere).
 */
#include "base/bits.h"
#include "dump/json_reader.h"
#include "graph/dominators.h"
#include "graph/exact.h"
#include "graph/paths_all.h"
#include "graph/referrers.h"
#include "graph/retained.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

struct columns {
    uint64_t *size, *edge_start;
    uint32_t *class, *label, *edge_to, *edge_name, *group;
    uint8_t *type, *member;
};

static void *room(uint64_t count, size_t size)
{
    void *data = calloc(count ? count : 1, size);
    if (!data)
        exit(6);
    return data;
}

static void check(bool fine, const struct hd_error *err)
{
    if (fine)
        return;
    fprintf(stderr, "dominators_driver: %s\n", err->text);
    exit(1);
}

static void columns_init(struct columns *c, struct hd_graph *graph, uint32_t nodes, uint64_t edges)
{
    *c = (struct columns){
        .size = room(nodes, 8), .edge_start = room((uint64_t)nodes + 1, 8), .class = room(nodes, 4),
        .label = room(nodes, 4), .edge_to = room(edges, 4), .edge_name = room(edges, 4), .group = room(nodes, 4),
        .type = room(nodes, 1), .member = room(nodes, 1)};
    *graph = (struct hd_graph){
        .node_count = nodes, .edge_count = edges, .node_size = c->size, .edge_start = c->edge_start,
        .node_class = c->class, .node_label = c->label, .edge_to = c->edge_to, .edge_name = c->edge_name,
        .node_type = c->type};
}

static void columns_deinit(struct columns *c)
{
    void *all[] = {c->size, c->edge_start, c->class, c->label, c->edge_to, c->edge_name, c->group, c->type, c->member};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        free(all[i]);
}

static void put32(const char *key, const uint32_t *list, uint64_t count)
{
    printf(",\"%s\":[", key);
    for (uint64_t i = 0; i < count; i++)
        printf("%s%" PRId32, i ? "," : "", (int32_t)list[i]);
    putchar(']');
}

static void put64(const char *key, const uint64_t *list, uint64_t count)
{
    printf(",\"%s\":[", key);
    for (uint64_t i = 0; i < count; i++)
        printf("%s%" PRId64, i ? "," : "", (int64_t)list[i]);
    putchar(']');
}

/* Of the groups and the members, which are one group more, by themselves and both together. */
static void put_exact(const struct hd_graph *graph, const struct columns *c, const struct hd_dominators *d)
{
    struct hd_error err = {0};
    uint32_t *number = room(graph->node_count, sizeof *number);
    uint64_t *size = room(graph->node_count, sizeof *size), one;
    for (uint32_t i = 0; i < graph->node_count; i++)
        number[i] = c->member[i] ? 0 : HD_NODE_NONE;
    struct hd_exact_groups ways[] = {{c->group, graph->node_count, size, false}, {number, 1, &one, false}};
    check(hd_exact_retained(d, graph, ways, 2, &err) && ways[0].known && ways[1].known, &err);
    put64("exact_groups", size, graph->node_count);
    printf(",\"exact_both\":%" PRIu64, one);
    check(hd_exact_retained(d, graph, ways + 1, 1, &err), &err);
    printf(",\"exact_alone\":%" PRIu64, one);
    free(size);
    free(number);
}

static uint64_t *set_of(const uint8_t *member, uint32_t count)
{
    uint64_t *set = room(hd_bits_words(count), sizeof *set);
    for (uint32_t i = 0; i < count; i++)
        if (member[i])
            hd_bits_add(set, i);
    return set;
}

static void put_dominators(const struct hd_graph *graph, const struct columns *c)
{
    struct hd_error err = {0};
    struct hd_dominators d;
    struct hd_retained_group *group = room(graph->node_count, sizeof *group);
    check(hd_dominators_create(&d, graph, &err), &err);
    check(hd_retained_by_group(&d, graph, c->group, group, graph->node_count, &err), &err);
    printf("{\"reachable\":%u,\"size\":%" PRIu64, d.reachable, d.reachable_size);
    put32("parent", d.parent, d.node_count);
    put64("retained", d.retained, d.node_count);
    put32("child_start", d.child_start, (uint64_t)d.node_count + 1);
    put32("child", d.child, d.reachable - 1);
    printf(",\"exact\":%" PRIu64, hd_dominators_retained_by_set(&d, graph, c->member, &err));
    uint64_t *members = set_of(c->member, graph->node_count);
    printf(",\"lower\":%" PRIu64, hd_dominators_retained_by_topmost(&d, members, &err));
    free(members);
    check(err.code == HD_OK, &err);
    put_exact(graph, c, &d);
    printf(",\"groups\":[");
    for (uint32_t i = 0; i < graph->node_count; i++)
        printf("%s[%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "]", i ? "," : "", group[i].count, group[i].shallow,
               group[i].unreachable, group[i].retained);
    putchar(']');
    free(group);
    hd_dominators_destroy(&d);
}

static void put_path(const struct hd_path *path)
{
    putchar('[');
    for (uint32_t i = 0; i < path->length; i++)
        printf("%s[%" PRIu64 ",%u]", i ? "," : "", path->step[i].edge, path->step[i].node);
    putchar(']');
}

static void put_paths(const struct hd_graph *graph, const struct columns *c, uint32_t target, uint32_t limit)
{
    struct hd_error err = {0};
    struct hd_paths paths;
    struct hd_path path, *all;
    struct hd_merged_paths merged;
    uint32_t count;
    check(hd_paths_create(&paths, graph, &err), &err);
    put32("bfs_parent", paths.parent, graph->node_count);
    put32("order", paths.order, paths.reached);
    check(hd_paths_to(&paths, target, &path, &err), &err);
    printf(",\"path\":");
    put_path(&path);
    free(path.step);
    struct hd_dominators d;
    check(hd_dominators_create(&d, graph, &err), &err);
    const struct hd_paths_source source = {graph, &paths, d.parent, NULL};
    for (int weak = 0; weak < 2; weak++) {
        check(hd_paths_all(&source, target, weak, limit, &all, &count, &err), &err);
        printf(",\"all%d\":[", weak);
        for (uint32_t i = 0; i < count; i++) {
            printf("%s", i ? "," : "");
            put_path(&all[i]);
        }
        putchar(']');
        hd_paths_free(all, count);
    }
    uint64_t *members = set_of(c->member, graph->node_count);
    uint64_t *ends = set_of(c->member, graph->node_count);
    struct hd_path_tree tree;
    check(hd_paths_weak(&source, ends, &tree, &err), &err);
    printf(",\"weak\":[");
    for (uint32_t i = 0; i < tree.count; i++)
        printf("%s[%" PRIu64 ",%u,%u,%d]", i ? "," : "", tree.step[i].edge, tree.step[i].node, tree.step[i].from,
               hd_bits_has(ends, tree.step[i].node));
    putchar(']');
    struct hd_paths some;
    check(hd_paths_of_tree(&some, graph, &tree, &err), &err);
    put32("weak_parent", some.parent, graph->node_count);
    hd_paths_destroy(&some);
    free(tree.step);
    free(ends);
    hd_dominators_destroy(&d);
    check(hd_paths_merge(&paths, members, &merged, &err), &err);
    free(members);
    for (uint32_t i = 0; i < graph->node_count; i++) /* an edge is good only where there is a parent */
        if (paths.parent[i] == HD_NODE_NONE)
            paths.edge[i] = UINT64_MAX;
    put64("bfs_edge", paths.edge, graph->node_count);
    printf(",\"merged\":[");
    for (uint32_t i = 0; i < merged.count; i++) {
        const struct hd_merged_step *s = &merged.step[i];
        printf("%s[%d,%d,%d,%u,%u,%u,%u,%u,%" PRIu64 "]", i ? "," : "", (int)s->parent, (int)s->child, (int)s->next,
               s->name, s->sample, s->nodes, s->ends, s->members, s->size);
    }
    putchar(']');
    hd_paths_merged_free(&merged);
    hd_paths_destroy(&paths);
}

static void put_set(const char *key, const uint64_t *set, uint32_t count)
{
    printf(",\"%s\":[", key);
    for (uint32_t i = 0, some = 0; i < count; i++)
        if (hd_bits_has(set, i))
            printf("%s%u", some++ ? "," : "", i);
    putchar(']');
}

static void put_referrers(const struct hd_graph *graph, const struct columns *c, uint32_t target)
{
    struct hd_error err = {0};
    struct hd_referrers referrers;
    struct hd_referrer *list;
    uint64_t count;
    check(hd_referrers_create(&referrers, graph, &err), &err);
    put64("referrer_start", referrers.start, (uint64_t)graph->node_count + 1);
    put32("referrers", referrers.from, graph->edge_count);
    check(hd_referrers_find(graph, target, &list, &count, &err), &err);
    printf(",\"found\":[");
    for (uint64_t i = 0; i < count; i++)
        printf("%s[%" PRIu64 ",%u]", i ? "," : "", list[i].edge, list[i].from);
    putchar(']');
    free(list);
    uint64_t *set = room(hd_bits_words(graph->node_count), sizeof *set), *members = set_of(c->member, graph->node_count);
    hd_referrers_of(graph, target, set);
    put_set("referrers_of", set, graph->node_count);
    memset(set, 0, hd_bits_words(graph->node_count) * sizeof *set);
    hd_referrers_of_set(graph, members, set);
    put_set("referrers_of_members", set, graph->node_count);
    printf("}\n");
    free(set);
    free(members);
    hd_referrers_destroy(&referrers);
}

static bool answer(void)
{
    static const char names[] = "val" "class" "static_data" "iseq" "ivs";
    static const uint64_t starts[] = {0, 3, 8, 19, 23, 26};
    uint32_t nodes, limit, target, from, weak, kinds;
    uint64_t edges;
    struct columns c;
    struct hd_graph graph;
    if (scanf("%" SCNu32 "%" SCNu64 "%" SCNu32 "%" SCNu32 "%" SCNu32, &nodes, &edges, &limit, &target, &kinds) != 5)
        return false;
    columns_init(&c, &graph, nodes, edges);
    if (kinds) {
        graph.name_count = 5;
        graph.name_bytes = names;
        graph.name_start = starts;
    }
    for (uint32_t i = 0; i < nodes; i++) {
        int32_t class, group;
        if (scanf("%" SCNu64 "%" SCNu8 "%" SCNd32 "%" SCNd32 "%" SCNu8, &c.size[i], &c.type[i], &class, &group, &c.member[i]) != 5)
            exit(2);
        c.class[i] = (uint32_t)class;
        c.group[i] = (uint32_t)group;
        c.label[i] = kinds && c.type[i] == HD_BT_T_IMEMO ? 3 : HD_NAME_MASK;
    }
    for (uint64_t e = 0; e < edges; e++) {
        if (scanf("%" SCNu32 "%" SCNu32 "%" SCNu32 "%" SCNu32, &from, &c.edge_to[e], &c.edge_name[e], &weak) != 4)
            exit(2);
        c.edge_name[e] |= weak ? HD_NAME_WEAK : 0;
        c.edge_start[from + 1] = e + 1;
    }
    for (uint32_t i = 0; i < nodes; i++)
        if (c.edge_start[i + 1] < c.edge_start[i])
            c.edge_start[i + 1] = c.edge_start[i];
    put_dominators(&graph, &c);
    put_paths(&graph, &c, target, limit);
    put_referrers(&graph, &c, target);
    columns_deinit(&c);
    return true;
}

/* The k-th edge of a node of a big graph; HD_NODE_NONE if it has no more. */
static uint32_t big_edge(const char *shape, uint32_t nodes, uint32_t node, uint32_t k)
{
    static uint64_t state = 88172645463325252u;
    uint32_t half = (nodes - 2) / 2;
    if (!strcmp(shape, "chain"))
        return k == 0 && node + 1 < nodes ? node + 1 : HD_NODE_NONE;
    if (!strcmp(shape, "star"))
        return node == 0 && k == 0 ? 1 : node == 1 && k + 2 < nodes ? k + 2 : HD_NODE_NONE;
    if (!strcmp(shape, "held")) { /* 1: the array; 2 …: links; 2 + half …: values. The links are found first. */
        if (node == 0)
            return k == 0 ? 2 : k == 1 ? 1 : HD_NODE_NONE;
        if (node == 1)
            return k < half ? 2 + half + k : HD_NODE_NONE;
        if (node < 2 + half)
            return k == 0 && node + 1 < 2 + half ? node + 1 : k <= 1 ? node + half : HD_NODE_NONE;
        return HD_NODE_NONE;
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    uint32_t pick = (uint32_t)(state >> 33);
    if (node == 0)
        return k < 1000 ? 1 + pick % (nodes - 1) : HD_NODE_NONE;
    if (!strcmp(shape, "heap")) {
        if (k == 0)
            return 1 + pick % 1000;
        if (k == 1 && node + 1 < nodes)
            return node + 1 + pick % 8 < nodes ? node + 1 + pick % 8 : node + 1;
        return k >= 3 ? HD_NODE_NONE : pick % 20 ? 1 + (node + pick % 4096) % (nodes - 1) : 1 + pick % (nodes - 1);
    }
    if (k == 0 && node * 2 < nodes) /* a tree below, so that nearly all is reached */
        return node * 2;
    if (k == 1 && node * 2 + 1 < nodes)
        return node * 2 + 1;
    return k < 3 + node % 2 ? 1 + pick % (nodes - 1) : HD_NODE_NONE;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int big(const char *shape, uint32_t nodes)
{
    struct columns c;
    struct hd_graph graph;
    struct hd_dominators d;
    struct hd_paths paths;
    struct hd_merged_paths merged;
    struct hd_error err = {0};
    struct rusage usage;
    struct hd_retained_group group[16];
    columns_init(&c, &graph, nodes, (uint64_t)nodes * 4 + 1000);
    uint64_t e = 0, exact;
    for (uint32_t i = 0; i < nodes; i++) {
        uint32_t to;
        for (uint32_t k = 0; (to = big_edge(shape, nodes, i, k)) != HD_NODE_NONE; k++)
            c.edge_to[e++] = to;
        c.edge_start[i + 1] = e;
        c.size[i] = i ? 40 + i % 7 * 8 : 0;
        c.group[i] = i % 16;
        c.class[i] = HD_NODE_NONE;
        c.member[i] = i % 16 == 1;
    }
    graph.edge_count = e;
    getrusage(RUSAGE_SELF, &usage);
    long before = usage.ru_maxrss;
    double start = now();
    check(hd_dominators_create(&d, &graph, &err), &err);
    double done = now();
    getrusage(RUSAGE_SELF, &usage);
    long after = usage.ru_maxrss;
    check(hd_retained_by_group(&d, &graph, c.group, group, 16, &err), &err);
    double grouped = now();
    exact = hd_dominators_retained_by_set(&d, &graph, c.member, &err);
    double traced = now();
    check(hd_paths_create(&paths, &graph, &err), &err);
    double searched = now();
    uint64_t *members = set_of(c.member, nodes);
    check(hd_paths_merge(&paths, members, &merged, &err), &err);
    free(members);
    printf("{\"reachable\":%u,\"edges\":%" PRIu64 ",\"size\":%" PRIu64 ",\"retained1\":%" PRIu64 ",\"retained2\":%" PRIu64
           ",\"exact\":%" PRIu64 ",\"group1\":%" PRIu64 ",\"last_parent\":%" PRId32 ",\"merged\":%u,\"members\":%u,",
           d.reachable, e, d.reachable_size, d.retained[1], d.retained[2], exact, group[1].retained,
           (int32_t)d.parent[nodes - 1], merged.count, merged.step[0].members);
    printf("\"seconds\":{\"dominators\":%.2f,\"groups\":%.2f,\"set\":%.2f,\"paths\":%.2f,\"merge\":%.2f},\"bytes_per_node\":%.1f}\n",
           done - start, grouped - done, traced - grouped, searched - traced, now() - searched,
           (double)(after - before) * 1024 / nodes);
    hd_paths_merged_free(&merged);
    hd_paths_destroy(&paths);
    hd_dominators_destroy(&d);
    columns_deinit(&c);
    return err.code != HD_OK;
}

int main(int argc, char **argv)
{
    if (argc == 3)
        return big(argv[1], (uint32_t)strtoul(argv[2], NULL, 10));
    while (answer())
        ;
    return 0;
}
