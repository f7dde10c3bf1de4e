/* See singletons.h. */
#include "graph/singletons.h"

#include "dump/json_reader.h"

#include <string.h>

#define ROUNDS 4     /* singleton classes of singleton classes of … */
#define LABEL_SIZE 512

static bool is_class(const struct hd_graph *graph, uint32_t node)
{
    return graph->node_type[node] == HD_BT_T_CLASS || graph->node_type[node] == HD_BT_T_MODULE;
}

static uint32_t name_with(struct hd_names *names, const char *before, uint32_t inner, const char *after)
{
    char text[LABEL_SIZE];
    size_t length = names->start[inner + 1] - names->start[inner], used = strlen(before), end = strlen(after);
    if (used + length + end > sizeof text)
        return inner; /* deeper than a person reads */
    memcpy(text, before, used);
    memcpy(text + used, names->bytes + names->start[inner], length);
    memcpy(text + used + length, after, end);
    return hd_names_intern(names, text, used + length + end);
}

/* The class of a class or module is its singleton class if that has no name: no flag is needed, old dumps have none. */
static bool name_by_class(const struct hd_graph *graph, uint32_t *label, struct hd_names *names)
{
    bool changed = false;
    for (uint32_t node = 1; node < graph->node_count; node++) {
        uint32_t singleton = is_class(graph, node) ? graph->node_class[node] : HD_NODE_NONE;
        if (singleton == HD_NODE_NONE || label[node] == HD_NAME_MASK || label[singleton] != HD_NAME_MASK ||
            graph->node_type[singleton] != HD_BT_T_CLASS)
            continue;
        label[singleton] = name_with(names, "#<Class:", label[node], ">");
        changed = true;
    }
    return changed;
}

/* That of any other object has the object's real class as its superclass. */
static void name_by_superclass(const struct hd_graph *graph, uint32_t *label, struct hd_names *names)
{
    uint32_t super = hd_names_intern(names, "super", 5);
    for (uint32_t node = 1; node < graph->node_count; node++) {
        if (!is_class(graph, node) || label[node] != HD_NAME_MASK || !(graph->node_flags[node] & HD_NODE_SINGLETON))
            continue;
        for (uint64_t i = graph->edge_start[node]; i < graph->edge_start[node + 1]; i++) {
            uint32_t to = graph->edge_to[i];
            if (graph->edge_name[i] == super && label[to] != HD_NAME_MASK)
                label[node] = name_with(names, "#<Class:#<", label[to], ">>");
        }
    }
}

bool hd_singletons_name(const struct hd_graph *graph, uint32_t *label, struct hd_names *names)
{
    for (int round = 0; round < ROUNDS && !names->failed; round++)
        if (!name_by_class(graph, label, names))
            break;
    if (!names->failed)
        name_by_superclass(graph, label, names);
    return !names->failed;
}
