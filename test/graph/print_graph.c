/*
 * Prints a graph for the tests: `print_graph [-q] FILE`. A line "graph …", a line per object and one per edge (with -q
 * only the first, and nothing is checked); an error as "error CODE: TEXT" and exit status 1. Names are written with control characters as `?`.
 */
#include "dump/json_reader.h"
#include "graph/builder.h"

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

int main(int argc, char **argv)
{
    struct hd_graph graph;
    struct hd_graph_storage *storage;
    struct hd_error err = {0};
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
    hd_graph_storage_destroy(storage);
    return 0;
}
