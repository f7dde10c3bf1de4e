/* What grew, as JSON. See diff.h. */
#include "view/diff.h"
#include "view/json.h"

static void json_sums(FILE *file, const char *name, const struct hd_retained_group *group)
{
    fprintf(file, "\"%s\":{\"count\":%llu,\"size\":%llu,\"retained\":%llu}", name, (unsigned long long)group->count,
           (unsigned long long)group->shallow, (unsigned long long)group->retained);
}

static void json_name(FILE *file, const struct hd_diff_result *result, const struct hd_diff_row *row, bool way)
{
    struct hd_path_key_step step[HD_PATH_KEY_STEPS];
    if (!way) {
        fputs("\"class\":", file);
        hd_json_text(file, hd_diff_class_title(result, row->number));
        return;
    }
    struct hd_buffer text = {0};
    hd_diff_append_way(&text, result, row->number);
    fputs("\"path\":", file);
    hd_json_text(file, (struct hd_graph_text){text.data ? text.data : "", text.length});
    hd_buffer_deinit(&text);
    uint32_t count = hd_path_keys_steps(&result->diff.keys, row->number, step);
    fputs(",\"steps\":[", file);
    for (uint32_t i = 0; i < count; i++) {
        fprintf(file, "%s{\"name\":", i ? "," : "");
        if (step[i].edge.data && step[i].edge.length)
            hd_json_text(file, step[i].edge);
        else
            fputs("null", file);
        fputs(",\"class\":", file);
        hd_json_text(file, step[i].title);
        fputs("}", file);
    }
    fputs("]", file);
}

static void json_rows(FILE *file, const struct hd_diff_result *result, const struct hd_diff_rows *rows, bool way, bool growth)
{
    fputs("[", file);
    for (uint32_t i = 0; i < rows->shown; i++) {
        const struct hd_diff_row *row = &rows->row[i];
        fprintf(file, "%s{", i ? "," : "");
        json_name(file, result, row, way);
        if (growth) {
            for (unsigned k = 0; k < result->diff.count; k++) {
                fputs(",", file);
                json_sums(file, hd_diff_dump_names[k], &row->dump[k]);
            }
            fprintf(file, ",\"growth\":{\"count\":%lld,\"size\":%lld,\"retained\":%lld}", (long long)row->count,
                   (long long)row->size, (long long)row->retained);
            if (way)
                fprintf(file, ",\"grown\":%lld", (long long)row->grown);
        } else {
            fprintf(file, ",\"count\":%lld,\"size\":%lld,\"retained\":%lld", (long long)row->count, (long long)row->size,
                   (long long)row->retained);
        }
        fprintf(file, row->sample ? ",\"sample\":%llu}" : ",\"sample\":null}", (unsigned long long)row->sample);
    }
    fputs("]", file);
}

static void json_dumps(FILE *file, const struct hd_diff_result *result)
{
    static const char *const why[] = {"null", "\"other process\"", "\"other heap\"", "\"other classes\"", "\"compacted\""};
    const struct hd_diff *diff = &result->diff;
    fputs("\"dumps\":[", file);
    for (unsigned i = 0; i < diff->count; i++) {
        const struct hd_diff_dump *dump = &diff->dump[i];
        fprintf(file, "%s{", i ? "," : "");
        hd_open_json_head(file, &result->open[i]);
        fputs(",\"pid\":", file);
        fprintf(file, dump->pid ? "%llu" : "null", (unsigned long long)dump->pid);
        fprintf(file, ",\"objects\":%llu,\"bytes\":%llu,\"live_objects\":%llu,\"live_bytes\":%llu}",
               (unsigned long long)dump->objects, (unsigned long long)dump->bytes, (unsigned long long)dump->live,
               (unsigned long long)dump->live_bytes);
    }
    fputs("],\"changes\":[", file);
    for (unsigned i = 0; i + 1 < diff->count; i++) {
        const struct hd_diff_change *change = &diff->change[i];
        fprintf(file, "%s{\"by_address\":%s,\"why_not\":%s", i ? "," : "",
               change->apart == HD_DIFF_TOGETHER ? "true" : "false", why[change->apart]);
        if (change->apart == HD_DIFF_TOGETHER)
            fprintf(file, ",\"kept\":%llu,\"made\":%llu,\"freed\":%llu,\"reused\":%llu", (unsigned long long)change->kept,
                   (unsigned long long)change->made, (unsigned long long)change->freed,
                   (unsigned long long)change->reused);
        fputs("}", file);
    }
    fputs("]", file);
}

void hd_view_diff_json(FILE *file, const struct hd_diff_request *request, const struct hd_diff_result *result)
{
    const struct hd_diff *diff = &result->diff;
    fputs("{", file);
    json_dumps(file, result);
    fprintf(file, ",\"growth\":%lld,\"fail_above\":", (long long)result->growth);
    fprintf(file, request->guarded ? "%llu" : "null", (unsigned long long)request->fail_above);
    fprintf(file, ",\"failed\":%s,\"sort\":\"%s\",\"class_total\":%u,\"classes\":", result->failed ? "true" : "false",
           hd_diff_sort_names[request->sort], result->classes.count);
    json_rows(file, result, &result->classes, false, true);
    fprintf(file, ",\"paths_comparable\":%s,\"path_total\":%u,\"paths\":", result->same_names ? "true" : "false",
           result->ways.count);
    json_rows(file, result, &result->ways, true, true);
    fputs(",\"survivors\":", file);
    if (diff->has_survivors) {
        fprintf(file, "{\"objects\":%llu,\"bytes\":%llu,\"classes\":", (unsigned long long)diff->survivors,
               (unsigned long long)diff->survivor_bytes);
        json_rows(file, result, &result->surviving_classes, false, false);
        fputs(",\"paths\":", file);
        json_rows(file, result, &result->surviving_ways, true, false);
        fputs("}", file);
    } else {
        fputs("null", file);
    }
    fputs("}\n", file);
}
