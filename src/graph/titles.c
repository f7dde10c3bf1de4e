/* See titles.h. */
#include "graph/titles.h"

#include "dump/json_reader.h"

#include <stdio.h>
#include <string.h>

bool hd_title_is_own(const struct hd_graph *graph, uint32_t node)
{
    uint8_t type = graph->node_type[node];
    return (type == HD_BT_T_CLASS || type == HD_BT_T_MODULE || type == HD_BT_T_DATA)
           && hd_graph_name(graph, graph->node_label[node]).length > 0;
}

char *hd_title_node(char title[HD_TITLE_SIZE], const struct hd_graph *graph, uint32_t node)
{
    if (node == HD_NODE_ROOT) {
        snprintf(title, HD_TITLE_SIZE, "(root)");
        return title;
    }
    struct hd_graph_text class = hd_groups_class_name(graph, node), label = {"", 0};
    if (hd_title_is_own(graph, node))
        label = hd_graph_name(graph, graph->node_label[node]);
    if (label.length == class.length && !memcmp(label.data, class.data, class.length))
        label.length = 0;
    snprintf(title, HD_TITLE_SIZE, "%.*s%s%.*s", (int)class.length, class.data, label.length ? " " : "",
             (int)label.length, label.data);
    return title;
}

static void append(struct hd_buffer *out, const char *text)
{
    hd_buffer_append(out, text, strlen(text));
}

void hd_title_group(struct hd_buffer *out, const struct hd_graph *graph, const struct hd_tree *tree, uint32_t number,
                    const char *arrow)
{
    const struct hd_tree_group *group = &tree->group[number];
    struct hd_graph_text name = hd_tree_name(graph, group);
    uint8_t type = graph->node_type[group->sample];
    char title[HD_TITLE_SIZE];
    /* a class or module with a name: of several ways there none tells more */
    bool several = group->via != HD_NODE_NONE;
    bool itself = several && (type == HD_BT_T_CLASS || type == HD_BT_T_MODULE) && hd_title_is_own(graph, group->sample);
    if (several)
        append(out, "… ");
    if (several && !itself) {
        append(out, hd_title_node(title, graph, group->via));
        append(out, arrow);
    }
    if (name.length && !itself) {
        hd_buffer_append(out, name.data, name.length);
        append(out, arrow);
    }
    append(out, hd_title_node(title, graph, group->sample));
}
