/* Look-ups on the columns. See graph.h. */
#include "graph/graph.h"

#include "dump/json_reader.h"

#include <string.h>

uint32_t hd_graph_find(const struct hd_graph *graph, uint64_t address)
{
    uint32_t low = 1, high = graph->node_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (graph->node_address[middle] < address)
            low = middle + 1;
        else
            high = middle;
    }
    return low < graph->node_count && graph->node_address[low] == address ? low : HD_NODE_NONE;
}

static struct hd_graph_text text(const char *data)
{
    return (struct hd_graph_text){data, strlen(data)};
}

/* Imemos have no class; what they are stands in brackets. The names are those of all Rubies and of our dumps. */
static struct hd_graph_text imemo_name(struct hd_graph_text type)
{
    static const char *const known[] = {
        "(iseq)", "(ment)", "(env)", "(VM/env)", "(cref)", "(svar)", "(callinfo)", "(callcache)", "(constcache)",
        "(throw_data)", "(ifunc)", "(memo)", "(tmpbuf)", "(ast)", "(alloc)", "(parser_strterm)", "(cvar_entry)",
        "(fields)", "(subclasses)", "(cdhash)", "(cvc_tbl)", "(sope)", "(shape_tree)", "(none)"};
    for (size_t i = 0; type.data && i < sizeof known / sizeof *known; i++)
        if (strlen(known[i]) == type.length + 2 && !memcmp(known[i] + 1, type.data, type.length))
            return text(known[i]);
    return text("(imemo)");
}

static struct hd_graph_text type_name(uint8_t type)
{
    static const char *const names[] = {
        [HD_BT_NONE] = "(nothing)",
#define NAME(name) [HD_BT_##name] = "(" #name ")",
        HD_BT_LIST(NAME)
#undef NAME
    };
    return text(type < sizeof names / sizeof *names ? names[type] : "(unknown)");
}

struct hd_graph_text hd_graph_class_name(const struct hd_graph *graph, uint32_t node)
{
    if (node == HD_NODE_ROOT || node >= graph->node_count)
        return text("(roots)");
    if (graph->node_type[node] == HD_BT_T_IMEMO)
        return imemo_name(hd_graph_name(graph, graph->node_label[node]));
    uint32_t class = graph->node_class[node];
    if (class >= graph->node_count)
        return type_name(graph->node_type[node]);
    struct hd_graph_text name = hd_graph_name(graph, graph->node_label[class]);
    return name.data ? name : text("(class without a name)");
}
