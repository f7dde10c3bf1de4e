/* See path_kinds.h. */
#include "graph/path_kinds.h"

#include <stdlib.h>
#include <string.h>

bool hd_path_kinds_init(struct hd_path_kinds *kinds, const struct hd_graph *graph)
{
    *kinds = (struct hd_path_kinds){graph, calloc((size_t)graph->name_count + 1, 1)};
    return kinds->name != NULL;
}

void hd_path_kinds_deinit(struct hd_path_kinds *kinds)
{
    free(kinds->name);
    kinds->name = NULL;
}

static bool is(struct hd_graph_text text, const char *word)
{
    return text.length == strlen(word) && !memcmp(text.data, word, text.length);
}

static bool begins(struct hd_graph_text text, const char *word)
{
    return text.length >= strlen(word) && !memcmp(text.data, word, strlen(word));
}

static bool name_is_dull(struct hd_graph_text name)
{
    static const char *const names[] = {"class", "super",  "klass",  "rclass", "iclass", "owner", "defined_class", "refined_class",
                                        "attached", "includer", "origin"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (is(name, names[i]))
            return true;
    return begins(name, "inferred");
}

bool hd_path_kinds_look_at_name(struct hd_path_kinds *kinds, uint32_t name)
{
    bool dull = name_is_dull(hd_graph_name(kinds->graph, name));
    kinds->name[name] = dull ? 2 : 1;
    return dull;
}

bool hd_path_kinds_label_is_code(const struct hd_graph *graph, uint32_t node)
{
    static const char *const labels[] = {"iseq", "ment", "callcache", "constcache", "cref"};
    struct hd_graph_text label = hd_graph_name(graph, graph->node_label[node]);
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++)
        if (is(label, labels[i]))
            return true;
    return false;
}

bool hd_path_kinds_is_anonymous(const struct hd_graph *graph, uint64_t edge)
{
    static const char *const roots[] = {"stack_and_registers", "machine_context", "static_data"};
    struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[edge]);
    for (size_t i = 0; i < sizeof roots / sizeof *roots; i++)
        if (begins(name, roots[i]))
            return true;
    return false;
}

enum hd_path_kind hd_path_kinds_step(struct hd_path_kinds *kinds, uint32_t from, uint64_t edge)
{
    const struct hd_graph *graph = kinds->graph;
    if (from == HD_NODE_ROOT)
        return hd_path_kinds_is_anonymous(graph, edge) ? HD_PATH_ANONYMOUS : HD_PATH_TELLING;
    if (hd_path_kinds_is_code(graph, from))
        return HD_PATH_CODE;
    return hd_path_kinds_is_hidden(graph, from) || hd_path_kinds_is_dull(kinds, edge) ? HD_PATH_DULL : HD_PATH_TELLING;
}
