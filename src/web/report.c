/*
 * See report.h. The answers that every view begins with come first, each with as many rows as its share of the file holds; then
 * objects that these answers name, until the file is full.
 */
#define _GNU_SOURCE
#include "web/report.h"

#include "web/answer.h"
#include "web/assets.h"

#include <stdlib.h>
#include <string.h>

enum { OBJECT_ROWS = 25, OBJECTS_MAX = 400 }; /* fields and referrers of an object; objects of a dump */

static const char place[] = "<!--heap_dump:answers-->";
static const char tail[] = "}}</script>";

struct writer {
    struct hd_web_report *report;
    struct hd_web_site *site;
    FILE *out;
    size_t left;   /* bytes for answers */
    bool failed;   /* memory ran out */
    struct hd_error err;
};

/* What is asked first: with which parameters to ask for fewer and fewer rows, and which share of the file it may take. */
struct view {
    const char *question; /* the key in the report, less the dump */
    const char *smaller[6]; /* to be appended to ask; NULL at the end */
    double share;         /* of what the report holds, shared by the dumps */
};

static const struct view views[] = {
    {"/api/summary?dump=%u", {"", NULL}, 0.1},
    {"/api/memory?dump=%u", {"", NULL}, 0.05},
    {"/api/suspects?dump=%u", {"", "&limit=4", "&limit=1", NULL}, 0.1},
    {"/api/tree?dump=%u", {"&depth=40&limit=2500", "&depth=30&limit=1200", "&depth=20&limit=500", "&limit=200", "&limit=50", NULL}, 0.3},
    {"/api/top?by=class&dump=%u", {"", "&limit=5000", "&limit=1000", "&limit=200", "&limit=50", NULL}, 0.12},
    {"/api/top?by=type&dump=%u", {"", NULL}, 0.02},
    {"/api/threads?dump=%u", {"", "&frames=60", "&frames=20", "&frames=5", "&frames=1", NULL}, 0.12},
    {"/api/strings?dump=%u", {"", "&limit=60", "&limit=20", "&limit=5", NULL}, 0.1},
    {"/api/collections?dump=%u", {"", "&limit=60", "&limit=20", "&limit=5", NULL}, 0.06},
    {"/api/top?by=file&dump=%u", {"&limit=500", "&limit=100", "&limit=20", NULL}, 0.03},
    {"/api/top?by=gem&dump=%u", {"&limit=500", "&limit=100", "&limit=20", NULL}, 0.02},
    {"/api/top?by=method&dump=%u", {"&limit=500", "&limit=100", "&limit=20", NULL}, 0.03},
    {"/api/top?by=shape&dump=%u", {"&limit=200", "&limit=50", "&limit=20", NULL}, 0.02}};

/* ---- escaping ---- */

/* Of `<`, `>`, `&`, U+2028 and U+2029, which stand in strings only, the escape; NULL for anything else. *length: of what it stands for. */
static const char *escape(const char *at, const char *end, size_t *length)
{
    *length = 1;
    switch (*at) {
    case '<':
        return "\\u003c";
    case '>':
        return "\\u003e";
    case '&':
        return "\\u0026";
    case '\xe2':
        if (end - at > 2 && at[1] == '\x80' && (at[2] == '\xa8' || at[2] == '\xa9')) {
            *length = 3;
            return at[2] == '\xa8' ? "\\u2028" : "\\u2029";
        }
        return NULL;
    default:
        return NULL;
    }
}

static size_t escaped_length(const char *text, size_t length)
{
    size_t sum = 0, taken;
    for (const char *at = text, *end = text + length; at < end; at += taken)
        sum += escape(at, end, &taken) ? 6 : 1;
    return sum;
}

static void escaped_write(FILE *out, const char *text, size_t length)
{
    const char *end = text + length;
    for (const char *at = text; at < end;) {
        const char *run = at, *instead = NULL;
        size_t taken = 0;
        while (at < end && (*at == '\xe2' || *at == '<' || *at == '>' || *at == '&' ? !(instead = escape(at, end, &taken)) : true))
            at++;
        fwrite(run, 1, (size_t)(at - run), out);
        if (at < end) {
            fputs(instead, out);
            at += taken;
        }
    }
}

/* ---- answers ---- */

/* To be freed; NULL if there is none. */
static char *ask(struct writer *writer, const char *target, size_t *length)
{
    static const size_t end = 1; /* of the line */
    struct hd_web_question *question = malloc(sizeof *question);
    struct hd_error err = {0};
    char *text = NULL;
    unsigned status;
    FILE *out = question ? open_memstream(&text, length) : NULL;
    bool done = out && hd_web_question_parse(question, target, &err);
    const struct hd_web_route *route = done ? hd_web_answer_route(question) : NULL;
    done = route && hd_web_answer(writer->site, route, question, out, &status, &err);
    if (out && fclose(out) != 0)
        done = false;
    free(question);
    if (err.code == HD_ERROR_MEMORY || !out) {
        writer->failed = true;
        writer->err = err;
    }
    if (done && *length > end) {
        *length -= end;
        return text;
    }
    free(text);
    return NULL;
}

/* Puts an answer in if it takes no more than `most`. */
static bool put(struct writer *writer, const char *key, const char *answer, size_t length, size_t most)
{
    size_t size = escaped_length(answer, length) + escaped_length(key, strlen(key)) + sizeof ",\"\":";
    if (size > most || size > writer->left)
        return false;
    fputs(writer->report->answers++ ? ",\n\"" : "\n\"", writer->out);
    escaped_write(writer->out, key, strlen(key)); /* made of nothing that JSON would escape */
    fputs("\":", writer->out);
    escaped_write(writer->out, answer, length);
    writer->left -= size;
    return true;
}

/* As many rows as fit. */
static void view_put(struct writer *writer, const struct view *view, unsigned dump, size_t whole)
{
    char key[128], target[256];
    size_t most = (size_t)(view->share * (double)whole / writer->site->count);
    snprintf(key, sizeof key, view->question, dump);
    for (size_t i = 0; view->smaller[i] && !writer->failed; i++) {
        size_t length;
        snprintf(target, sizeof target, "%s%s", key, view->smaller[i]);
        char *answer = ask(writer, target, &length);
        bool done = answer && put(writer, key, answer, length, most);
        free(answer);
        if (done || !answer)
            return;
    }
}

static void diff_put(struct writer *writer, size_t whole)
{
    static const struct view diff = {"/api/diff", {"?limit=1000", "?limit=200", "?limit=50", "?limit=10", NULL}, 0.15};
    if (writer->site->count > 1)
        view_put(writer, &diff, 0, whole * writer->site->count);
}

/* ---- objects ---- */

struct ids {
    uint64_t *id;
    size_t count, capacity;
};

static bool id_add(struct ids *ids, uint64_t id)
{
    if (ids->count == ids->capacity) {
        size_t capacity = ids->capacity ? 2 * ids->capacity : 1024;
        uint64_t *grown = realloc(ids->id, capacity * sizeof *grown);
        if (!grown)
            return false;
        ids->id = grown;
        ids->capacity = capacity;
    }
    ids->id[ids->count++] = id;
    return true;
}

/* The ids in an answer, in order: of every `"id":N`, which inside a string would have its quotes escaped. */
static bool ids_collect(struct ids *ids, const char *answer, size_t length)
{
    static const char member[] = "\"id\":";
    const char *end = answer + length;
    for (const char *at = answer; (at = memmem(at, (size_t)(end - at), member, sizeof member - 1)) != NULL;) {
        at += sizeof member - 1;
        uint64_t id = 0;
        for (; at < end && *at >= '0' && *at <= '9' && id < UINT64_MAX / 20; at++)
            id = id * 10 + (uint64_t)(*at - '0');
        if (id && !id_add(ids, id))
            return false;
    }
    return true;
}

static int by_number(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return (a > b) - (a < b);
}

/* Those that answers name, the most telling ones first; `done` has what is in the report already, sorted. */
static void objects_of(struct writer *writer, unsigned dump, const char *question, struct ids *done, size_t keep)
{
    struct ids ids = {0};
    char key[160], target[200];
    size_t length;
    snprintf(key, sizeof key, question, dump);
    char *answer = ask(writer, key, &length);
    writer->failed = writer->failed || (answer && !ids_collect(&ids, answer, length));
    free(answer);
    for (size_t i = 0; i < ids.count && done->count < OBJECTS_MAX && writer->left > keep && !writer->failed; i++) {
        if (done->count && bsearch(&ids.id[i], done->id, done->count, sizeof *done->id, by_number))
            continue;
        snprintf(target, sizeof target, "/api/object?dump=%u&id=%llu&limit=%d", dump, (unsigned long long)ids.id[i], OBJECT_ROWS);
        snprintf(key, sizeof key, "/api/object?dump=%u&id=%llu", dump, (unsigned long long)ids.id[i]);
        answer = ask(writer, target, &length);
        if (answer && put(writer, key, answer, length, writer->left - keep))
            writer->report->objects++;
        free(answer);
        writer->failed = writer->failed || !id_add(done, ids.id[i]);
        qsort(done->id, done->count, sizeof *done->id, by_number);
    }
    free(ids.id);
}

static void objects_put(struct writer *writer)
{
    static const char *const questions[] = {"/api/suspects?dump=%u", "/api/tree?dump=%u&depth=12&limit=60", "/api/threads?dump=%u&frames=20",
                                            "/api/strings?dump=%u&limit=25", "/api/collections?dump=%u&limit=25",
                                            "/api/tree?dump=%u&depth=30&limit=400"};
    for (unsigned dump = 0; dump < writer->site->count; dump++) {
        struct ids done = {0};
        /* the later dumps need room, too */
        size_t share = writer->left / (writer->site->count - dump), keep = writer->left - share;
        for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
            objects_of(writer, dump, questions[i], &done, keep);
        free(done.id);
    }
}

/* ---- the file ---- */

bool hd_web_report_available(struct hd_error *err)
{
    return hd_web_asset_find("report.html")
           || hd_error_set(err, HD_ERROR_UNSUPPORTED,
                           "heap_dump was built without its page, which a report needs: install nodejs and npm and build again");
}

static void all_put(struct writer *writer)
{
    size_t length, whole = writer->left;
    char *dumps = ask(writer, "/api/dumps", &length);
    if (dumps)
        put(writer, "/api/dumps", dumps, length, whole);
    free(dumps);
    for (unsigned dump = 0; dump < writer->site->count; dump++)
        for (size_t i = 0; i < sizeof views / sizeof *views && !writer->failed; i++)
            view_put(writer, &views[i], dump, whole);
    diff_put(writer, whole / (writer->site->count + 1));
    objects_put(writer);
}

bool hd_web_report_write(struct hd_web_report *report, struct hd_web_site *site, FILE *out, struct hd_error *err)
{
    if (!hd_web_report_available(err))
        return false;
    const struct hd_web_asset *page = hd_web_asset_find("report.html");
    const char *html = (const char *)page->data, *at = memmem(html, page->length, place, sizeof place - 1);
    if (!at)
        return hd_error_set(err, HD_ERROR_INTERNAL, "report.html has no place for the answers");
    size_t most = report->bytes ? report->bytes : HD_WEB_REPORT_BYTES, frame = page->length + 256;
    struct writer writer = {.report = report, .site = site, .out = out, .left = most > frame ? most - frame : 0};
    fwrite(html, 1, (size_t)(at - html), out);
    fprintf(out, "<script type=\"application/json\" id=\"heap-dump-answers\">{\"version\":1,\"redacted\":%s,\"answers\":{",
            report->redacted ? "true" : "false");
    all_put(&writer);
    fputs(tail, out);
    at += sizeof place - 1;
    fwrite(at, 1, page->length - (size_t)(at - html), out);
    if (writer.failed) {
        if (err)
            *err = writer.err;
        return writer.err.code != HD_OK ? false : hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    }
    return true;
}
