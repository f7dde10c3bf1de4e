/* See answer.h. */
#include "web/answer.h"

#include "view/json.h"

#include <string.h>

#define PARAMETERS(...) (const char *const[]) {__VA_ARGS__, NULL}

static const struct hd_web_route routes[] = {
    {"/api/dumps", (const char *const[]){NULL}, false, hd_web_answer_dumps},
    {"/api/summary", PARAMETERS("dump"), false, hd_web_answer_summary},
    {"/api/suspects", PARAMETERS("dump", "share", "limit"), true, hd_web_answer_suspects},
    {"/api/tree", PARAMETERS("dump", "group", "id", "depth", "limit"), false, hd_web_answer_tree},
    {"/api/top", PARAMETERS("dump", "by", "sort", "limit"), false, hd_web_answer_top},
    {"/api/object", PARAMETERS("dump", "id", "offset", "limit"), false, hd_web_answer_object},
    {"/api/referrers", PARAMETERS("dump", "id", "offset", "limit"), false, hd_web_answer_referrers},
    {"/api/path", PARAMETERS("dump", "id", "class", "all", "limit"), false, hd_web_answer_path},
    {"/api/find",
     PARAMETERS("dump", "class", "name", "type", "min_size", "min_retained", "value", "ignore_case", "group", "offset",
                "limit"),
     false, hd_web_answer_find},
    {"/api/search", PARAMETERS("dump", "q"), false, hd_web_answer_search},
    {"/api/memory", PARAMETERS("dump"), true, hd_web_answer_memory},
    {"/api/threads", PARAMETERS("dump", "frames"), true, hd_web_answer_threads},
    {"/api/strings", PARAMETERS("dump", "limit"), true, hd_web_answer_strings},
    {"/api/collections", PARAMETERS("dump", "limit"), true, hd_web_answer_collections},
    {"/api/diff", PARAMETERS("dumps", "sort", "limit"), true, hd_web_answer_diff},
    {"/api/sql/queries", (const char *const[]){NULL}, false, hd_web_answer_queries}};

const struct hd_web_route *hd_web_answer_route(const struct hd_web_question *question)
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (!strcmp(routes[i].path, question->path))
            return &routes[i];
    return NULL;
}

bool hd_web_answer_is_slow(const struct hd_web_route *route, const struct hd_web_question *question)
{
    static const char *const quick[] = {"class", "type", NULL};
    const char *by = hd_web_question_get(question, "by");
    bool facet = by != NULL;
    for (size_t i = 0; by && quick[i]; i++)
        facet = facet && strcmp(by, quick[i]) != 0;
    uint64_t all = 1;
    hd_web_question_number(question, "all", 1, 1, UINT32_MAX, &all, NULL);
    return route->slow || facet || all > 1 || hd_web_question_get(question, "value") || hd_web_question_get(question, "name");
}

unsigned hd_web_answer_status(const struct hd_error *err)
{
    switch (err->code) {
    case HD_ERROR_USAGE:
        return 400;
    case HD_ERROR_BAD_DUMP: /* it was one when the server began */
        return 409;
    case HD_ERROR_UNSUPPORTED:
        return 501;
    default:
        return 500;
    }
}

static bool parameters_check(const struct hd_web_route *route, const struct hd_web_question *question, struct hd_error *err)
{
    for (unsigned i = 0; i < question->count; i++) {
        const char *const *known = route->parameters;
        while (*known && strcmp(*known, question->parameter[i].name) != 0)
            known++;
        if (!*known)
            return hd_error_set(err, HD_ERROR_USAGE, "%s has no parameter %.60s", route->path, question->parameter[i].name);
    }
    return true;
}

static bool ask(struct hd_web_ask *ask, const struct hd_web_route *route, FILE *out, struct hd_error *err)
{
    uint64_t dump;
    if (!parameters_check(route, ask->question, err)
        || !hd_web_question_number(ask->question, "dump", 0, 0, UINT32_MAX, &dump, err))
        return false;
    if (dump >= ask->site->count) {
        ask->status = 404;
        return hd_error_set(err, HD_ERROR_USAGE, "there is no dump %llu: they are counted from 0 to %u",
                            (unsigned long long)dump, ask->site->count - 1);
    }
    ask->dump = &ask->site->dump[dump];
    return route->answer(ask, out, err);
}

bool hd_web_answer(struct hd_web_site *site, const struct hd_web_route *route, const struct hd_web_question *question,
                   FILE *out, unsigned *status, struct hd_error *err)
{
    struct hd_web_ask asked = {.site = site, .question = question};
    size_t before = hd_json_limit(HD_WEB_TEXT);
    bool done = ask(&asked, route, out, err);
    hd_json_limit(before);
    *status = done ? 200 : asked.status ? asked.status : hd_web_answer_status(err);
    return done;
}

void hd_web_answer_prepare(struct hd_web_site *site, const struct hd_web_route *route, const struct hd_web_question *question)
{
    uint64_t dump;
    if (route->answer == hd_web_answer_tree && hd_web_question_number(question, "dump", 0, 0, site->count - 1, &dump, NULL))
        hd_web_site_tree(&site->dump[dump], NULL);
}

bool hd_web_answer_node(struct hd_web_ask *ask, uint32_t *node, struct hd_error *err)
{
    uint64_t id;
    const char *text = hd_web_question_get(ask->question, "id");
    if (!text)
        return hd_error_set(err, HD_ERROR_USAGE, "%s needs the parameter id", ask->question->path);
    if (hd_open_parse_id(text, &id))
        ask->status = 404;
    return hd_open_node(&ask->dump->open, text, node, err);
}
