/* See summary.h. */
#include "view/summary.h"

#include "graph/fields.h"
#include "view/json.h"

static void add(struct hd_view_sum *sum, const struct hd_retained_group *group)
{
    sum->objects += group->count;
    sum->bytes += group->shallow;
    sum->reached += group->count - group->unreachable;
    sum->reached_bytes += group->shallow - group->unreachable_shallow;
}

bool hd_view_summary_make(struct hd_view_summary *view, struct hd_open *open, struct hd_error *err)
{
    const struct hd_retained_group *types = hd_derived_type_sums(open->derived, err);
    if (!types)
        return false;
    *view = (struct hd_view_summary){.references = open->graph.edge_count, .marks = *hd_derived_marks(open->derived)};
    for (int type = 0; type < HD_BT_COUNT; type++) {
        add(&view->all, &types[type]);
        add(&view->by_type[type], &types[type]);
    }
    return true;
}

int hd_view_summary_types(const struct hd_view_summary *view, int types[HD_BT_COUNT])
{
    int found = 0;
    for (int type = 0; type < HD_BT_COUNT; type++) {
        if (!view->by_type[type].objects)
            continue;
        int at = found++;
        for (; at > 0 && view->by_type[types[at - 1]].bytes < view->by_type[type].bytes; at--)
            types[at] = types[at - 1];
        types[at] = type;
    }
    return found;
}

struct hd_graph_text hd_view_head(const struct hd_graph *graph)
{
    struct hd_graph_text head = hd_graph_name(graph, graph->head_name);
    if (graph->head_name == HD_NAME_MASK || !head.data)
        return (struct hd_graph_text){NULL, 0};
    size_t skip = head.length > 0 && head.data[0] != '{'; /* with or without the line's first byte */
    return (struct hd_graph_text){head.data + skip, head.length - skip};
}

static void sum_json(FILE *file, const struct hd_view_sum *sum)
{
    fprintf(file, "\"objects\":%llu,\"bytes\":%llu,\"reachable\":%llu,\"reachable_bytes\":%llu",
           (unsigned long long)sum->objects, (unsigned long long)sum->bytes, (unsigned long long)sum->reached,
           (unsigned long long)sum->reached_bytes);
}

/* Of a redacted dump what the process was called and was given is left out, and whatever else there may be. */
static void head_json(FILE *file, const struct hd_open *open, struct hd_graph_text head)
{
    static const char *const told[] = {"id",    "format", "version", "ruby",       "description",  "platform", "pid", "time",   "source",
                                       "heap",  "layout", "gc",      "size_pools", "string_limit", "unnamed",  "redacted", "memory"};
    size_t at = 0, count = 0;
    if (!open->redacted) {
        hd_json_value(file, head);
        return;
    }
    fputc('{', file);
    for (struct hd_graph_text key, value; (value = hd_fields_next(head, &at, &key)).data;) {
        bool known = false;
        for (size_t i = 0; i < sizeof told / sizeof *told && !known; i++)
            known = hd_fields_is(key, told[i]);
        if (!known)
            continue;
        fprintf(file, "%s\"%.*s\":", count++ ? "," : "", (int)key.length, key.data);
        hd_json_value(file, value);
    }
    fputc('}', file);
}

void hd_view_summary_json(FILE *file, const struct hd_open *open, const struct hd_view_summary *view)
{
    int types[HD_BT_COUNT], found = hd_view_summary_types(view, types);
    struct hd_graph_text head = hd_view_head(&open->graph);
    fputs("{", file);
    hd_open_json_head(file, open);
    fprintf(file, ",\"format\":\"%s\",", head.data ? "heap_dump" : "ObjectSpace");
    sum_json(file, &view->all);
    fprintf(file, ",\"garbage\":%llu,\"frozen\":%llu,\"references\":%llu,\"weak_references\":%llu,\"dump_bytes\":%llu",
           (unsigned long long)view->marks.garbage, (unsigned long long)view->marks.frozen,
           (unsigned long long)view->references, (unsigned long long)view->marks.weak,
           (unsigned long long)open->graph.dump_bytes);
    fprintf(file, ",\"truncated\":%s,\"redacted\":%s,\"unnamed\":%s", open->graph.truncated ? "true" : "false",
           open->graph.redacted ? "true" : "false", open->graph.unnamed ? "true" : "false");
    if (head.data) {
        fputs(",\"dump\":", file);
        head_json(file, open, head);
    }
    fputs(",\"types\":[", file);
    for (int i = 0; i < found; i++) {
        fprintf(file, "%s{\"type\":\"%s\",", i ? "," : "", hd_bt_name(types[i]));
        sum_json(file, &view->by_type[types[i]]);
        fputs("}", file);
    }
    fputs("]}\n", file);
}
