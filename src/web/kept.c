/* See kept.h. */
#include "web/kept.h"

#include "view/asked.h"
#include "web/answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All dumps are part of it: an answer may name or compare them. */
static bool ask(struct hd_buffer *text, const struct hd_web_site *site, const struct hd_web_question *question)
{
    static const char server[] = "server";
    hd_buffer_append(text, server, sizeof server);
    bool ok = hd_asked_program(text);
    for (unsigned i = 0; i < site->count; i++) {
        const struct hd_open *open = &site->dump[i].open;
        hd_buffer_append(text, open->path, strlen(open->path) + 1);
        ok = hd_asked_dump(text, &open->key) && ok;
    }
    hd_web_question_key(question, text);
    return ok && !text->failed;
}

char *hd_web_kept_find(const struct hd_web_site *site, const struct hd_web_question *question, size_t *length)
{
    struct hd_graph graph;
    struct hd_dominators dominators;
    struct hd_buffer text = {0};
    char *found = NULL;
    struct hd_index *index = NULL;
    if (ask(&text, site, question))
        index = hd_index_map_for(&site->dump[0].open.key, HD_INDEX_HEADER, &graph, &dominators, NULL);
    if (index) {
        struct hd_graph_text answer = hd_index_answer(index, hd_asked_text(&text));
        found = answer.data && answer.length ? malloc(answer.length) : NULL;
        if (found)
            memcpy(found, answer.data, *length = answer.length);
    }
    hd_index_unmap(index);
    hd_buffer_deinit(&text);
    return found;
}

void hd_web_kept_add(const struct hd_web_site *site, const struct hd_web_question *question, const char *answer, size_t length)
{
    struct hd_buffer text = {0};
    if (ask(&text, site, question))
        hd_index_keep_answer(&site->dump[0].open.key, hd_asked_text(&text), (struct hd_graph_text){answer, length}, NULL);
    hd_buffer_deinit(&text);
}

static void answer_ahead(struct hd_web_site *site, const char *target)
{
    struct hd_web_question question;
    char *body = NULL;
    size_t length = 0;
    unsigned status = 0;
    if (!hd_web_question_parse(&question, target, NULL))
        return;
    body = hd_web_kept_find(site, &question, &length);
    FILE *out = body ? NULL : open_memstream(&body, &length);
    if (out) {
        struct hd_error err;
        bool done = hd_web_answer(site, hd_web_answer_route(&question), &question, out, &status, &err);
        done = !fclose(out) && done;
        if (done && status == 200)
            hd_web_kept_add(site, &question, body, length);
    }
    free(body);
}

bool hd_web_kept_ahead(const char *path, struct hd_error *err)
{
    static const char *const targets[] = {
        "/api/tree?dump=0",    "/api/suspects?dump=0",    "/api/threads?dump=0",   "/api/strings?dump=0",
        "/api/collections?dump=0", "/api/memory?dump=0",  "/api/top?by=file&dump=0", "/api/top?by=gem&dump=0",
        "/api/top?by=method&dump=0", "/api/top?by=shape&dump=0"};
    struct hd_web_site *site = calloc(1, sizeof *site);
    if (!site)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    bool done = hd_web_site_add(site, path, err);
    for (size_t i = 0; done && i < sizeof targets / sizeof *targets; i++)
        answer_ahead(site, targets[i]);
    hd_web_site_close(site);
    free(site);
    return done;
}
