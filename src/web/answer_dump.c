/* Answers about a dump as a whole: what the commands of the same names say. See answer.h. */
#include "heap_dump.h"
#include "view/collections.h"
#include "view/diff.h"
#include "view/json.h"
#include "view/memory.h"
#include "view/readable.h"
#include "view/strings.h"
#include "view/summary.h"
#include "view/suspects.h"
#include "view/threads.h"
#include "view/top.h"
#include "web/answer.h"
#include "web/sql.h"

#include <stddef.h>
#include <stdlib.h>

enum { TOP_ROWS = 10, LIST_ROWS = 200, LIST_MOST = 1000, THREADS = 300, THREAD_FRAMES = 200 };

/* --- which there are --- */

static const char *truth(bool value)
{
    return value ? "true" : "false";
}

/* A member of the head as it is written there, or null. */
static void head_member(FILE *out, struct hd_graph_text head, const char *name)
{
    struct hd_graph_text value = head.data ? hd_readable_member(head, name) : head;
    fprintf(out, ",\"%s\":", name);
    hd_json_value(out, value.data ? value : (struct hd_graph_text){"null", 4});
}

static void dump_json(FILE *out, const struct hd_web_site *site, unsigned number)
{
    const struct hd_open *open = &site->dump[number].open;
    const struct hd_graph *graph = &open->graph;
    struct hd_graph_text head = hd_view_head(graph);
    uint64_t bytes = 0;
    for (uint32_t node = 1; node < graph->node_count; node++)
        bytes += graph->node_size[node];
    fprintf(out, "{\"dump\":%u,", number);
    hd_open_json_head(out, open);
    fputs(",\"name\":", out);
    hd_json_string(out, site->dump[number].name);
    fprintf(out, ",\"format\":\"%s\"", head.data ? "heap_dump" : "ObjectSpace");
    static const char *const members[] = {"ruby", "pid", "time", "source"};
    for (size_t i = 0; i < sizeof members / sizeof *members; i++)
        head_member(out, head, members[i]);
    fprintf(out, ",\"objects\":%u,\"bytes\":%llu,\"reachable_bytes\":%llu,\"dump_bytes\":%llu", graph->node_count - 1,
            (unsigned long long)bytes, (unsigned long long)open->dominators.reachable_size,
            (unsigned long long)graph->dump_bytes);
    fprintf(out, ",\"truncated\":%s,\"redacted\":%s,\"unnamed\":%s}", truth(graph->truncated), truth(graph->redacted),
            truth(graph->unnamed));
}

bool hd_web_answer_dumps(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    (void)err;
    fprintf(out, "{\"version\":\"%s\",\"features\":{\"sql\":%s},\"dumps\":[", HEAP_DUMP_VERSION,
            truth(hd_web_sql_available(NULL)));
    for (unsigned i = 0; i < ask->site->count; i++) {
        fputs(i ? "," : "", out);
        dump_json(out, ask->site, i);
    }
    fputs("]}\n", out);
    return true;
}

/* --- overview and histogram --- */

bool hd_web_answer_summary(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_open *open = &ask->dump->open;
    struct hd_view_summary summary;
    struct hd_view_top top;
    struct hd_view_top_request request = {.limit = TOP_ROWS};
    bool done = hd_view_top_make(&top, &request, open, err) && hd_view_summary_make(&summary, open, err);
    if (done) {
        hd_view_summary_json(out, open, &summary);
        fseek(out, -2, SEEK_END); /* over the end of the object and of the line: there is more to say */
        fputs(",\"top\":", out);
        hd_view_top_json_rows(out, &top);
        fputs("}\n", out);
    }
    hd_view_top_free(&top);
    return done;
}

static void column_json(FILE *out, const struct hd_view_top *top, const char *name, size_t member)
{
    fprintf(out, ",\"%s\":[", name);
    for (uint32_t i = 0; i < top->shown; i++)
        fprintf(out, "%s%llu", i ? "," : "",
                (unsigned long long)*(const uint64_t *)((const char *)&top->rows[i].sums + member));
    fputs("]", out);
}

static void columns_json(FILE *out, const struct hd_view_top *top)
{
    fprintf(out, "{\"%s\":[", hd_view_top_bys[top->by]);
    for (uint32_t i = 0; i < top->shown; i++) {
        fputs(i ? "," : "", out);
        hd_json_text(out, top->rows[i].name);
    }
    fputs("]", out);
    column_json(out, top, "count", offsetof(struct hd_retained_group, count));
    column_json(out, top, "size", offsetof(struct hd_retained_group, shallow));
    column_json(out, top, "retained", offsetof(struct hd_retained_group, retained));
    column_json(out, top, "unreachable", offsetof(struct hd_retained_group, unreachable));
    fputs("}", out);
}

bool hd_web_answer_top(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_view_top_request request = {0};
    struct hd_view_top top;
    uint64_t limit;
    if (!hd_web_question_word(ask->question, "by", hd_view_top_bys, &request.by, err)
        || !hd_web_question_word(ask->question, "sort", hd_view_top_sorts, &request.sort, err)
        || !hd_web_question_number(ask->question, "limit", 0, 0, UINT32_MAX, &limit, err))
        return false;
    request.limit = limit;
    bool done = hd_view_top_make(&top, &request, &ask->dump->open, err);
    if (done) {
        fputs("{", out);
        hd_open_json_head(out, &ask->dump->open);
        fprintf(out, ",\"by\":\"%s\",\"sort\":\"%s\",\"exact\":false,\"reachable_bytes\":%llu,\"total\":%u,\"columns\":",
                hd_view_top_bys[top.by], hd_view_top_sorts[top.sort],
                (unsigned long long)ask->dump->open.dominators.reachable_size, top.row_count);
        columns_json(out, &top);
        fputs("}\n", out);
    }
    hd_view_top_free(&top);
    return done;
}

/* --- what reads the dump again --- */

bool hd_web_answer_memory(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_view_memory view;
    if (!hd_view_memory_dump(&view, ask->dump->open.dump, err)) {
        ask->status = err->code == HD_ERROR_UNSUPPORTED ? 404 : 0; /* a dump of ObjectSpace: nothing is missing in this build */
        return false;
    }
    hd_view_memory_json(out, &view);
    hd_view_memory_free(&view);
    return true;
}

bool hd_web_answer_suspects(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_view_suspects view;
    const char *text = hd_web_question_get(ask->question, "share");
    char *end = NULL;
    double share = text ? strtod(text, &end) : 5;
    uint64_t limit;
    if (text && (end == text || *end || !(share > 0 && share <= 100)))
        return hd_error_set(err, HD_ERROR_USAGE, "share takes a percentage above 0 and up to 100, not %.60s", text);
    if (ask->dump->open.dominators.reachable <= 1)
        ask->status = 404; /* without roots there are none: no reason to say that the file has changed */
    if (!hd_web_question_number(ask->question, "limit", 8, 1, HD_SUSPECTS_MAX, &limit, err))
        return false;
    bool done = hd_view_suspects_make(&view, &ask->dump->open, share / 100, limit, err);
    if (done)
        hd_view_suspects_json(out, &view, HD_WEB_STEPS);
    hd_view_suspects_free(&view);
    return done;
}

bool hd_web_answer_threads(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_view_threads view;
    uint64_t frames;
    if (!hd_web_question_number(ask->question, "frames", THREAD_FRAMES, 1, THREAD_FRAMES, &frames, err))
        return false;
    struct hd_view_threads_most most = {.threads = THREADS, .frames = (uint32_t)frames, .variables = THREAD_FRAMES};
    bool done = hd_view_threads_make(&view, &ask->dump->open, err);
    if (done)
        hd_view_threads_json(out, &view, &most);
    hd_view_threads_free(&view);
    return done;
}

bool hd_web_answer_strings(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_view_strings view;
    uint64_t limit;
    if (!hd_web_question_number(ask->question, "limit", LIST_ROWS, 1, LIST_MOST, &limit, err))
        return false;
    bool done = hd_view_strings_make(&view, &ask->dump->open, limit, err);
    if (done)
        hd_view_strings_json(out, &view);
    hd_view_strings_free(&view);
    return done;
}

bool hd_web_answer_collections(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_view_collections view;
    uint64_t limit;
    if (!hd_web_question_number(ask->question, "limit", LIST_ROWS, 1, LIST_MOST, &limit, err))
        return false;
    bool done = hd_view_collections_make(&view, &ask->dump->open, limit, err);
    if (done)
        hd_view_collections_json(out, &view);
    hd_view_collections_free(&view);
    return done;
}

/* --- several dumps --- */

static bool dump_add(struct hd_web_ask *ask, struct hd_open **opens, struct hd_diff_request *request, unsigned long number,
                     struct hd_error *err)
{
    if (number >= ask->site->count) {
        ask->status = 404;
        return hd_error_set(err, HD_ERROR_USAGE, "there is no dump %lu: they are counted from 0 to %u", number,
                            ask->site->count - 1);
    }
    opens[request->count] = &ask->site->dump[number].open;
    request->path[request->count] = opens[request->count]->path;
    request->count++;
    return true;
}

/* "0,1,2"; left out: all that there are, but no more than can be compared. */
static bool dumps_choose(struct hd_web_ask *ask, struct hd_open **opens, struct hd_diff_request *request, struct hd_error *err)
{
    const char *text = hd_web_question_get(ask->question, "dumps"), *at = text;
    for (unsigned i = 0; !text && i < ask->site->count && i < HD_DIFF_DUMPS; i++)
        if (!dump_add(ask, opens, request, i, err))
            return false;
    while (at) {
        char *end = NULL;
        unsigned long number = *at >= '0' && *at <= '9' ? strtoul(at, &end, 10) : 0;
        if (!end || (*end && *end != ',') || request->count == HD_DIFF_DUMPS)
            return hd_error_set(err, HD_ERROR_USAGE, "dumps takes two or three numbers of dumps, like 0,1, not %.60s", text);
        if (!dump_add(ask, opens, request, number, err))
            return false;
        at = *end ? end + 1 : NULL;
    }
    return request->count >= 2
           || hd_error_set(err, HD_ERROR_USAGE, "a comparison needs two or three dumps: `heap_dump serve BEFORE AFTER`");
}

bool hd_web_answer_diff(struct hd_web_ask *ask, FILE *out, struct hd_error *err)
{
    struct hd_diff_request request = {0};
    struct hd_diff_result result;
    struct hd_open *opens[HD_DIFF_DUMPS];
    uint64_t limit;
    if (!dumps_choose(ask, opens, &request, err)
        || !hd_web_question_word(ask->question, "sort", hd_diff_sort_names, &request.sort, err)
        || !hd_web_question_number(ask->question, "limit", LIST_ROWS, 1, HD_WEB_ROWS, &limit, err))
        return false;
    request.limit = limit;
    bool done = hd_view_diff_make(&request, &result, opens, err);
    if (done)
        hd_view_diff_json(out, &request, &result);
    hd_view_diff_free(&result);
    return done;
}
