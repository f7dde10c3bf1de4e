/*
 * Fuzz target: any bytes as a dump for the commands. The graph made of them must keep its promises, and a question
 * about it, which one follows from the bytes, must get a proper answer.
 */
#include "fuzz/fuzz_target.h"

#include "cli/open.h"
#include "fuzz/questions.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static uint64_t hash(const uint8_t *data, size_t size)
{
    uint64_t hash = 0xcbf29ce484222325u;
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 0x100000001b3u;
    return hash ^ hash >> 32;
}

static void require_edges(const struct hd_graph *graph)
{
    hd_question_require(graph->edge_start[0] == 0 && graph->edge_start[graph->node_count] == graph->edge_count,
                        "edges are missing or too many");
    for (uint64_t i = 0; i < graph->edge_count; i++)
        hd_question_require(graph->edge_to[i] < graph->node_count
                            && (graph->edge_name[i] & HD_NAME_MASK) < graph->name_count, "an edge leads nowhere");
}

static void require_graph(const struct hd_graph *graph)
{
    for (uint32_t node = 0; node < graph->node_count; node++) {
        uint32_t class = graph->node_class[node], label = graph->node_label[node];
        hd_question_require(graph->edge_start[node] <= graph->edge_start[node + 1], "edges run backwards");
        hd_question_require(class == HD_NODE_NONE || class < graph->node_count, "a class is no node");
        hd_question_require(label == HD_NAME_MASK || label < graph->name_count, "a label is no name");
        hd_question_require(node < 2 || graph->node_address[node - 1] < graph->node_address[node], "addresses are not in order");
    }
    require_edges(graph);
}

/* Some object of the dump, 1 if it has none; the graph is checked on the way. */
static uint64_t some_object(const char *path, uint64_t choice)
{
    struct hd_graph graph;
    struct hd_graph_storage *storage;
    struct hd_error err = {0};
    if (!hd_builder_read(path, &graph, &storage, &err)) {
        hd_question_require(err.text[0] != 0, "the file is refused without a sentence");
        hd_question_require(err.code == HD_ERROR_BAD_DUMP, "the file is refused, but not as a bad dump");
        return 1;
    }
    require_graph(&graph);
    uint64_t id = graph.node_count > 1 ? graph.node_address[1 + choice % (graph.node_count - 1)] : 1;
    hd_graph_storage_destroy(storage);
    return id;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    char path[64];
    if (fd < 0) {
        fd = memfd_create("fuzz", 0);
        hd_question_require(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO, "no file in memory");
    }
    hd_open_without_index = true;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (ftruncate(fd, 0) != 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
        return 0;
    lseek(fd, 0, SEEK_SET); /* a question may read it as standard input */
    uint64_t choice = hash(data, size);
    uint64_t id = some_object(path, choice >> 8);
    hd_question_ask((unsigned)(choice % hd_question_count), path, id);
    return 0;
}
