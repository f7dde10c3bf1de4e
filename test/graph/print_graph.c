/*
 * Prints a graph for the tests: `print_graph [-q] FILE`. A line "graph …", a line per object and one per edge (with -q
 * only the first, and nothing is checked; with -d a line "dominator ADDRESS PARENT RETAINED" per reachable object, too); an error as "error CODE: TEXT" and exit status 1. Names are written with control characters as `?`.
 */
#include "dump/json_reader.h"
#include "graph/builder.h"
#include "graph/dominators.h"

#include <stdio.h>
#include <string.h>

static void print_text(struct hd_graph_text text)
{
    for (size_t i = 0; i < text.length; i++)
        putchar((unsigned char)text.data[i] < 32 ? '?' : text.data[i]);
}

static void print_node(const struct hd_graph *graph, uint32_t node)
{
    printf("node\t%llu\t%d\t%llu\t%u\t%llu\t", (unsigned long long)graph->node_address[node], graph->node_type[node],
           (unsigned long long)graph->node_size[node], graph->node_flags[node],
           (unsigned long long)graph->node_line[node]);
    print_text(hd_graph_class_name(graph, node));
    putchar('\t');
    print_text(hd_graph_name(graph, graph->node_label[node]));
    putchar('\n');
    for (uint64_t i = graph->edge_start[node]; i < graph->edge_start[node + 1]; i++) {
        printf("edge\t%llu\t%llu\t%d\t", (unsigned long long)graph->node_address[node],
               (unsigned long long)graph->node_address[graph->edge_to[i]], !!(graph->edge_name[i] & HD_NAME_WEAK));
        print_text(hd_graph_name(graph, graph->edge_name[i]));
        putchar('\n');
    }
}

static bool print_dominators(const struct hd_graph *graph)
{
    struct hd_dominators dominators;
    struct hd_error err = {0};
    if (!hd_dominators_create(&dominators, graph, &err)) {
        printf("error %d: %s\n", (int)err.code, err.text);
        return false;
    }
    for (uint32_t node = 0; node < graph->node_count; node++)
        if (dominators.parent[node] != HD_NODE_NONE)
            printf("dominator\t%llu\t%llu\t%llu\n", (unsigned long long)graph->node_address[node],
                   (unsigned long long)graph->node_address[dominators.parent[node]],
                   (unsigned long long)dominators.retained[node]);
    hd_dominators_destroy(&dominators);
    return true;
}

int main(int argc, char **argv)
{
    struct hd_graph graph;
    struct hd_graph_storage *storage;
    struct hd_error err = {0};
    bool tree = argc > 2 && !strcmp(argv[1], "-d");
    bool quiet = argc > 2 && !strcmp(argv[1], "-q");
    if (argc < 2)
        return 2;
    if (!hd_builder_read(argv[argc - 1], &graph, &storage, &err)) {
        printf("error %d: %s\n", (int)err.code, err.text);
        return 1;
    }
    printf("graph nodes=%u edges=%llu names=%u dangling=%llu bad=%llu truncated=%d redacted=%d unnamed=%d head=%d\n",
           graph.node_count, (unsigned long long)graph.edge_count, graph.name_count,
           (unsigned long long)graph.dangling, (unsigned long long)graph.bad_lines, graph.truncated, graph.redacted,
           graph.unnamed, graph.head_name < graph.name_count);
    for (uint32_t node = 0; node < graph.node_count && !quiet; node++) {
        if (node > 1 && graph.node_address[node - 1] >= graph.node_address[node]) {
            printf("error: addresses are not in order\n");
            return 1;
        }
        if (node && hd_graph_find(&graph, graph.node_address[node]) != node) {
            printf("error: %llu is not found\n", (unsigned long long)graph.node_address[node]);
            return 1;
        }
        print_node(&graph, node);
    }
    bool done = !tree || print_dominators(&graph);
    hd_graph_storage_destroy(storage);
    return done ? 0 : 1;
}
