/* See shown.h. */
#include "view/shown.h"

#include "dump/json_reader.h"
#include "view/json.h"

struct hd_shown hd_shown_node(const struct hd_open *open, uint32_t node)
{
    const struct hd_graph *graph = &open->graph;
    if (node == HD_NODE_ROOT)
        return (struct hd_shown){.root = 1};
    struct hd_shown shown = {.type = graph->node_type[node], .id = graph->node_address[node], .size = graph->node_size[node],
                             .retained = open->dominators.retained[node], .class = hd_groups_class_name(graph, node)};
    if (hd_groups_names_itself(graph, node))
        shown.label = hd_graph_name(graph, graph->node_label[node]);
    return shown;
}

void hd_shown_pack(struct hd_pack *pack, struct hd_shown *shown)
{
    hd_pack_below(pack, &shown->root, 1);
    hd_pack_below(pack, &shown->type, HD_BT_COUNT - 1);
    hd_pack_number(pack, &shown->id);
    hd_pack_number(pack, &shown->size);
    hd_pack_number(pack, &shown->retained);
    hd_pack_text(pack, &shown->class);
    hd_pack_text(pack, &shown->label);
}

void hd_shown_json(FILE *file, const struct hd_shown *shown)
{
    if (shown->root) {
        fputs("\"root\":true", file);
        return;
    }
    unsigned long long id = shown->id;
    fprintf(file, "\"id\":%llu,\"hex\":\"0x%llx\",\"class\":", id, id);
    hd_json_text(file, shown->class);
    if (shown->label.data) {
        fputs(",\"label\":", file);
        hd_json_text(file, shown->label);
    }
    fprintf(file, ",\"type\":\"%s\",\"size\":%llu,\"retained\":%llu", hd_bt_name(shown->type), (unsigned long long)shown->size,
            (unsigned long long)shown->retained);
}

void hd_shown_way_pack(struct hd_pack *pack, struct hd_shown_way *way)
{
    hd_pack_number(pack, &way->references);
    hd_pack_number(pack, &way->bytes);
    hd_pack_text(pack, &way->words);
}

void hd_shown_way_json(FILE *file, const struct hd_shown_way *way)
{
    fprintf(file, "{\"references\":%llu,\"bytes\":%llu,\"way\":", (unsigned long long)way->references, (unsigned long long)way->bytes);
    hd_json_text(file, way->words);
    fputs("}", file);
}
