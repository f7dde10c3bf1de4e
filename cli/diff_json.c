/* The result of `heap_dump diff` as JSON. See diff_result.h. */
#include "cli/diff_result.h"

#include "cli/table.h"

static void json_sums(const char *name, const struct hd_retained_group *group)
{
    printf("\"%s\":{\"count\":%llu,\"size\":%llu,\"retained\":%llu}", name, (unsigned long long)group->count,
           (unsigned long long)group->shallow, (unsigned long long)group->retained);
}

static void json_name(const struct hd_diff_result *result, const struct hd_diff_row *row, bool way)
{
    struct hd_path_key_step step[HD_PATH_KEY_STEPS];
    if (!way) {
        printf("\"class\":");
        hd_table_json_text(stdout, hd_diff_class_title(result, row->number));
        return;
    }
    struct hd_buffer text = {0};
    hd_diff_append_way(&text, result, row->number);
    printf("\"path\":");
    hd_table_json_text(stdout, (struct hd_graph_text){text.data ? text.data : "", text.length});
    hd_buffer_deinit(&text);
    uint32_t count = hd_path_keys_steps(&result->diff.keys, row->number, step);
    printf(",\"steps\":[");
    for (uint32_t i = 0; i < count; i++) {
        printf("%s{\"name\":", i ? "," : "");
        if (step[i].edge.data && step[i].edge.length)
            hd_table_json_text(stdout, step[i].edge);
        else
            printf("null");
        printf(",\"class\":");
        hd_table_json_text(stdout, step[i].title);
        printf("}");
    }
    printf("]");
}

static void json_rows(const struct hd_diff_result *result, const struct hd_diff_rows *rows, bool way, bool growth)
{
    printf("[");
    for (uint32_t i = 0; i < rows->shown; i++) {
        const struct hd_diff_row *row = &rows->row[i];
        printf("%s{", i ? "," : "");
        json_name(result, row, way);
        if (growth) {
            for (unsigned k = 0; k < result->diff.count; k++) {
                printf(",");
                json_sums(hd_diff_dump_names[k], &row->dump[k]);
            }
            printf(",\"growth\":{\"count\":%lld,\"size\":%lld,\"retained\":%lld}", (long long)row->count,
                   (long long)row->size, (long long)row->retained);
            if (way)
                printf(",\"grown\":%lld", (long long)row->grown);
        } else {
            printf(",\"count\":%lld,\"size\":%lld,\"retained\":%lld", (long long)row->count, (long long)row->size,
                   (long long)row->retained);
        }
        printf(row->sample ? ",\"sample\":%llu}" : ",\"sample\":null}", (unsigned long long)row->sample);
    }
    printf("]");
}

static void json_dumps(const struct hd_diff_result *result)
{
    static const char *const why[] = {"null", "\"other process\"", "\"other heap\"", "\"other classes\"", "\"compacted\""};
    const struct hd_diff *diff = &result->diff;
    printf("\"dumps\":[");
    for (unsigned i = 0; i < diff->count; i++) {
        const struct hd_diff_dump *dump = &diff->dump[i];
        printf("%s{", i ? "," : "");
        hd_open_json_head(stdout, &result->open[i]);
        printf(",\"pid\":");
        printf(dump->pid ? "%llu" : "null", (unsigned long long)dump->pid);
        printf(",\"objects\":%llu,\"bytes\":%llu,\"live_objects\":%llu,\"live_bytes\":%llu}",
               (unsigned long long)dump->objects, (unsigned long long)dump->bytes, (unsigned long long)dump->live,
               (unsigned long long)dump->live_bytes);
    }
    printf("],\"changes\":[");
    for (unsigned i = 0; i + 1 < diff->count; i++) {
        const struct hd_diff_change *change = &diff->change[i];
        printf("%s{\"by_address\":%s,\"why_not\":%s", i ? "," : "",
               change->apart == HD_DIFF_TOGETHER ? "true" : "false", why[change->apart]);
        if (change->apart == HD_DIFF_TOGETHER)
            printf(",\"kept\":%llu,\"made\":%llu,\"freed\":%llu,\"reused\":%llu", (unsigned long long)change->kept,
                   (unsigned long long)change->made, (unsigned long long)change->freed,
                   (unsigned long long)change->reused);
        printf("}");
    }
    printf("]");
}

void hd_diff_print_json(const struct hd_diff_request *request, const struct hd_diff_result *result)
{
    const struct hd_diff *diff = &result->diff;
    printf("{");
    json_dumps(result);
    printf(",\"growth\":%lld,\"fail_above\":", (long long)result->growth);
    printf(request->guarded ? "%llu" : "null", (unsigned long long)request->fail_above);
    printf(",\"failed\":%s,\"sort\":\"%s\",\"class_total\":%u,\"classes\":", result->failed ? "true" : "false",
           hd_diff_sort_names[request->sort], result->classes.count);
    json_rows(result, &result->classes, false, true);
    printf(",\"paths_comparable\":%s,\"path_total\":%u,\"paths\":", result->same_names ? "true" : "false",
           result->ways.count);
    json_rows(result, &result->ways, true, true);
    printf(",\"survivors\":");
    if (diff->has_survivors) {
        printf("{\"objects\":%llu,\"bytes\":%llu,\"classes\":", (unsigned long long)diff->survivors,
               (unsigned long long)diff->survivor_bytes);
        json_rows(result, &result->surviving_classes, false, false);
        printf(",\"paths\":");
        json_rows(result, &result->surviving_ways, true, false);
        printf("}");
    } else {
        printf("null");
    }
    printf("}\n");
}
