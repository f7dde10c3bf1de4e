/* See shown.h. */
#include "view/shown.h"

#include "dump/json_reader.h"
#include "view/json.h"

#include <string.h>

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

char *hd_shown_title(char title[HD_OPEN_TITLE], const struct hd_shown *shown)
{
    return shown->root ? strcpy(title, "(root)") : hd_groups_title_of(title, shown->class, shown->label);
}

struct hd_shown_step hd_shown_step_of(const struct hd_open *open, const struct hd_path *path, uint32_t number)
{
    uint32_t name = open->graph.edge_name[path->step[number].edge];
    return (struct hd_shown_step){hd_graph_name(&open->graph, name), (name & HD_NAME_WEAK) != 0, hd_shown_node(open, path->step[number].node)};
}

void hd_shown_step_pack(struct hd_pack *pack, struct hd_shown_step *step)
{
    hd_pack_text(pack, &step->name);
    hd_pack_below(pack, &step->weak, 1);
    hd_shown_pack(pack, &step->object);
}

void hd_shown_steps_json(FILE *file, uint32_t length, uint32_t most, struct hd_shown_step (*step)(const void *data, uint32_t number),
                         const void *data)
{
    bool cut = most > 0 && length > most;
    uint32_t head = cut ? most / 2 : length, tail = cut ? length - (most - head) : length;
    fputs("[", file);
    for (uint32_t k = 0; k < length; k++) {
        if (k == head && cut) {
            fprintf(file, ",{\"skipped\":%u}", tail - head);
            k = tail;
        }
        struct hd_shown_step one = step(data, k);
        fprintf(file, "%s{\"name\":", k ? "," : "");
        hd_json_text(file, one.name);
        fprintf(file, ",\"weak\":%s,", one.weak ? "true" : "false");
        hd_shown_json(file, &one.object);
        fputs("}", file);
    }
    fputs("]", file);
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
