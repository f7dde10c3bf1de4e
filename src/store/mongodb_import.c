/* See mongodb_import.h. */
#include "store/mongodb_import.h"

#include "dump/input.h"
#include "dump/objspace_reader.h"
#include "store/mongodb_document.h"
#include "store/mongodb_server.h"
#include "view/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { NOTE_SECONDS = 5, PROGRESS_LINES = 500 };

struct import {
    const struct hd_mongodb_request *request;
    struct hd_mongodb_result *result;
    struct hd_input *input;
    struct hd_input_line line;
    struct hd_mongodb_documents *documents;
    struct hd_mongodb_server server;
    bson_t *end;        /* _END_, which comes in last */
    uint64_t confirmed; /* so many lines are in for sure */
    uint64_t skip;      /* so many lines are in since an earlier run */
    time_t noted;
    bool noting;        /* there is a document _IMPORT_ */
};

static const char note_id[] = "_IMPORT_";

static time_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec;
}

/* ---- the note how far it is ---- */

static void note_filter(const struct import *import, bson_t *filter)
{
    bson_init(filter);
    hd_mongodb_document_key(filter, "_id", import->result->name, note_id, 0);
}

static bool note_put(struct import *import, struct hd_error *err)
{
    bson_t filter, note;
    note_filter(import, &filter);
    note_filter(import, &note);
    BSON_APPEND_UTF8(&note, "id", note_id);
    BSON_APPEND_INT64(&note, "lines", (int64_t)import->confirmed);
    bool ok = hd_mongodb_server_put(&import->server, &filter, &note, err);
    bson_destroy(&filter);
    bson_destroy(&note);
    import->noted = now();
    import->noting = import->noting || ok;
    return ok;
}

static bool note_remove(struct import *import, struct hd_error *err)
{
    bson_t filter;
    note_filter(import, &filter);
    bool ok = hd_mongodb_server_remove(&import->server, &filter, err);
    bson_destroy(&filter);
    return ok;
}

/* Sets `skip`; *whole if there is no note, so that an earlier run came to its end. */
static bool note_read(struct import *import, bool *whole, struct hd_error *err)
{
    bson_t filter;
    bson_iter_t at;
    bool failed;
    note_filter(import, &filter);
    bson_t *note = hd_mongodb_server_find(&import->server, &filter, &failed, err);
    bson_destroy(&filter);
    *whole = !note;
    if (note && bson_iter_init_find(&at, note, "lines") && bson_iter_as_int64(&at) > 0)
        import->skip = import->confirmed = (uint64_t)bson_iter_as_int64(&at);
    import->noting = note != NULL;
    import->noted = now();
    if (note)
        bson_destroy(note);
    return !failed;
}

/* ---- which dump it is ---- */

/* The file's name without folders and endings. */
static void name_from_file(char name[HD_MONGODB_NAME], const char *path)
{
    static const char *const endings[] = {".gz", ".zst", ".json"};
    const char *slash = strrchr(path, '/');
    snprintf(name, HD_MONGODB_NAME, "%s", slash ? slash + 1 : path);
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(name), ending = strlen(endings[i]);
        if (length > ending && !strcmp(name + length - ending, endings[i]))
            name[length - ending] = 0;
    }
}

/* Of standard input: the time of the dump and its process, "2026-01-31T12:00:00Z-4242". */
static void name_from_head(char name[HD_MONGODB_NAME], const bson_t *head)
{
    bson_iter_t at;
    const char *time = bson_iter_init_find(&at, head, "time") && BSON_ITER_HOLDS_UTF8(&at) ? bson_iter_utf8(&at, NULL) : "dump";
    int64_t pid = bson_iter_init_find(&at, head, "pid") ? bson_iter_as_int64(&at) : 0;
    snprintf(name, HD_MONGODB_NAME, "%.100s-%lld", time, (long long)pid);
}

static bool name_choose(struct import *import, struct hd_error *err)
{
    char *name = import->result->name;
    const struct hd_mongodb_request *request = import->request;
    if (request->name && (!*request->name || strlen(request->name) >= HD_MONGODB_NAME || !bson_utf8_validate(request->name, strlen(request->name), false)))
        return hd_error_set(err, HD_ERROR_USAGE, "the name of a dump has 1 to %d bytes of UTF-8", HD_MONGODB_NAME - 1);
    if (request->name)
        snprintf(name, HD_MONGODB_NAME, "%s", request->name);
    else if (strcmp(request->path, "-") != 0)
        name_from_file(name, request->path);
    if (!bson_utf8_validate(name, strlen(name), false))
        return hd_error_set(err, HD_ERROR_USAGE, "the file's name is not UTF-8, so it cannot name the dump: use --name");
    return true;
}

static bool same_document(const bson_t *left, const bson_t *right)
{
    char *a = bson_as_relaxed_extended_json(left, NULL), *b = bson_as_relaxed_extended_json(right, NULL);
    bool same = a && b && !strcmp(a, b);
    bson_free(a);
    bson_free(b);
    return same;
}

static bool taken(const struct import *import, const bson_t *other, struct hd_error *err)
{
    bson_iter_t at;
    const char *time = bson_iter_init_find(&at, other, "time") && BSON_ITER_HOLDS_UTF8(&at) ? bson_iter_utf8(&at, NULL) : "?";
    int64_t pid = bson_iter_init_find(&at, other, "pid") ? bson_iter_as_int64(&at) : 0;
    const struct hd_mongodb_place *place = import->request->place;
    return hd_error_set(err, HD_ERROR_USAGE, "%.60s.%.60s has another dump called %.60s, of process %lld at %.40s: give this one a name "
                        "of its own with --name, or remove all that is in there with --drop", place->database, place->collection,
                        import->result->name, (long long)pid, time);
}

/* The head that is there under our name, or NULL. */
static bson_t *head_find(struct import *import, bool *failed, struct hd_error *err)
{
    bson_t filter;
    bson_init(&filter);
    hd_mongodb_document_key(&filter, "_id", import->result->name, "_DUMP_", 0);
    bson_t *there = hd_mongodb_server_find(&import->server, &filter, failed, err);
    bson_destroy(&filter);
    return there;
}

/* Puts the head into the collection, or finds it there. *whole: with all that belongs to it. */
static bool head_settle(struct import *import, const bson_t *head, bool *whole, struct hd_error *err)
{
    bool failed;
    *whole = false;
    bson_t *there = head_find(import, &failed, err);
    if (!there && !failed) {
        uint64_t before = import->server.inserted;
        if (!note_put(import, err) || !hd_mongodb_server_add(&import->server, head, err) || !hd_mongodb_server_flush(&import->server, err))
            return false;
        if (import->server.inserted > before || import->server.refused)
            return true;
        there = head_find(import, &failed, err); /* somebody else was quicker */
    }
    if (failed)
        return false;
    if (!there)
        return hd_error_set(err, HD_ERROR_IO, "the collection changes while the dump is added: somebody removes from it");
    bool ours = same_document(head, there) || taken(import, there, err);
    bson_destroy(there);
    if (!ours)
        return false;
    import->server.present = 1;
    return note_read(import, whole, err);
}

/* ---- lines ---- */

static bool stopped(const struct import *import, struct hd_error *err)
{
    const volatile sig_atomic_t *signal = import->request->signal;
    return signal && *signal && !hd_error_set(err, HD_ERROR_IO, "stopped before it was done");
}

static void progress(const struct import *import)
{
    uint64_t read, size;
    char what[80], count[HD_WORDS_NUMBER];
    if (!import->request->progress || import->line.number % PROGRESS_LINES)
        return;
    hd_input_progress(import->input, &read, &size);
    snprintf(what, sizeof what, "MB, %s documents are in",
             hd_words_count(count, import->server.inserted + import->server.present + import->skip));
    import->request->progress(what, read / 1000000, (size > read ? size : read) / 1000000);
}

static void bad_line(struct import *import, const struct hd_error *why)
{
    if (!import->result->bad_lines++)
        snprintf(import->result->bad_line, sizeof import->result->bad_line, "line %llu: %.160s",
                 (unsigned long long)import->line.number, why->text);
}

static bool flush(struct import *import, struct hd_error *err)
{
    if (!hd_mongodb_server_flush(&import->server, err))
        return false;
    import->confirmed = import->line.number;
    return now() - import->noted < NOTE_SECONDS || note_put(import, err);
}

static bool document_add(struct import *import, const bson_t *document, struct hd_error *err)
{
    if (document->len > HD_MONGODB_DOCUMENT) {
        bson_iter_t at;
        if (!import->result->too_big++ && bson_iter_init_find(&at, document, "id"))
            import->result->too_big_id = (uint64_t)bson_iter_as_int64(&at);
        return true;
    }
    return hd_mongodb_server_add(&import->server, document, err)
           && (import->server.pending < HD_MONGODB_BATCH || flush(import, err));
}

static bool line_add(struct import *import, struct hd_error *err)
{
    struct hd_error why = {0};
    const bson_t *document = NULL;
    const struct hd_input_line *line = &import->line;
    bool read = hd_mongodb_documents_read(import->documents, line->text, line->length, &why);
    if (read && line->number <= import->skip) /* read all the same: what continues it may not be skipped */
        return true;
    if (read)
        document = hd_mongodb_documents_make(import->documents, &why);
    if (!document && why.code == HD_ERROR_MEMORY) {
        *err = why;
        return false;
    }
    if (!document) {
        if (line->newline) /* else the file ends in the middle of it, which is told as such */
            bad_line(import, &why);
        return true;
    }
    if (hd_mongodb_documents_kind(import->documents) != HD_JSON_LINE_END)
        return document_add(import, document, err);
    if (!import->end)
        import->end = bson_copy(document);
    return true;
}

static bool lines_add(struct import *import, struct hd_error *err)
{
    struct hd_error why = {0};
    enum hd_input_result got;
    while ((got = hd_input_next(import->input, &import->line, &why)) == HD_INPUT_LINE) {
        if (stopped(import, err))
            return false;
        if (import->line.length > 1 && !line_add(import, err))
            return false;
        progress(import);
    }
    if (got == HD_INPUT_FAILED && !hd_input_truncated(import->input)) {
        *err = why;
        return false;
    }
    return true;
}

/* ---- from the head to the end ---- */

static bool head_read(struct import *import, const bson_t **head, struct hd_error *err)
{
    const char *path = import->request->path;
    struct hd_error why = {0};
    enum hd_input_result got = hd_input_next(import->input, &import->line, &why);
    const struct hd_input_line *line = &import->line;
    *head = NULL;
    if (got == HD_INPUT_FAILED) {
        *err = why;
        return false;
    }
    if (got == HD_INPUT_LINE && hd_objspace_reader_recognise(line->text, line->length))
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "%.200s is a dump of ObjectSpace.dump_all; what goes to MongoDB is a dump of "
                            "heap_dump's own, with the names of references", path);
    if (got == HD_INPUT_LINE && hd_mongodb_documents_read(import->documents, line->text, line->length, &why)
        && hd_mongodb_documents_kind(import->documents) == HD_JSON_LINE_DUMP)
        *head = hd_mongodb_documents_make(import->documents, &why);
    return *head || hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s is not a dump: it does not begin with a line _DUMP_", path);
}

/* Once more when the dump of standard input has said what it is called. */
static bool documents_prepare(struct import *import, struct hd_error *err)
{
    hd_mongodb_documents_destroy(import->documents);
    import->documents = hd_mongodb_documents_create(import->result->name);
    return import->documents || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

static bool head_begin(struct import *import, const bson_t **head, struct hd_error *err)
{
    struct hd_error why = {0};
    if (!documents_prepare(import, err) || !head_read(import, head, err))
        return false;
    if (*import->result->name)
        return true;
    name_from_head(import->result->name, *head);
    if (!documents_prepare(import, err))
        return false;
    *head = hd_mongodb_documents_read(import->documents, import->line.text, import->line.length, &why)
                ? hd_mongodb_documents_make(import->documents, &why) : NULL;
    if (!*head)
        *err = why;
    return *head;
}

static bool finish(struct import *import, struct hd_error *err)
{
    /* What is looked for, and the dump for a collection that has many. */
    static const char *const indexes[][2] = {{"class", "_id.dump"}, {"bt", "_id.dump"}, {"type_name", "_id.dump"},
                                             {"references", "_id.dump"}, {"id", "_id.dump"}};
    struct hd_mongodb_server *server = &import->server;
    import->result->truncated = !import->end;
    if (!flush(import, err))
        return false;
    if (import->end && (!hd_mongodb_server_add(server, import->end, err) || !hd_mongodb_server_flush(server, err)))
        return false;
    if (!hd_mongodb_server_index(server, indexes, sizeof indexes / sizeof *indexes, err))
        return false;
    if (server->refused == 0 && import->end)
        return note_remove(import, err);
    import->confirmed = 0; /* the next run is to try all lines again, maybe it has the whole dump */
    return note_put(import, err);
}

static bool add_all(struct import *import, struct hd_error *err)
{
    const bson_t *head;
    bool whole;
    if (!head_begin(import, &head, err) || !hd_mongodb_server_open(&import->server, import->request->place, err))
        return false;
    snprintf(import->result->version, sizeof import->result->version, "%s", import->server.version);
    if ((import->request->drop && !hd_mongodb_server_drop(&import->server, err)) || !head_settle(import, head, &whole, err))
        return false;
    import->result->was_whole = whole;
    return whole || (lines_add(import, err) && finish(import, err));
}

/* Says how much is in, and makes sure that the next run knows. */
static void interrupt(struct import *import, struct hd_error *err)
{
    struct hd_error ignored;
    char text[sizeof err->text];
    const struct hd_mongodb_place *place = import->request->place;
    uint64_t in = import->result->inserted + import->result->present;
    char count[HD_WORDS_NUMBER];
    if (!import->noting || !in)
        return;
    if (import->confirmed)
        note_put(import, &ignored);
    snprintf(text, sizeof text, "%.250s; %s documents of the dump are in %.60s.%.60s, the same command (without --drop) adds the rest",
             err->text, hd_words_count(count, in), place->database, place->collection);
    memcpy(err->text, text, sizeof text);
}

bool hd_mongodb_import(const struct hd_mongodb_request *request, struct hd_mongodb_result *result, struct hd_error *err)
{
    struct import import = {.request = request, .result = result};
    *result = (struct hd_mongodb_result){0};
    if (!name_choose(&import, err))
        return false;
    import.input = hd_input_open(request->path, err);
    if (!import.input)
        return false;
    bool ok = add_all(&import, err);
    result->inserted = import.server.inserted;
    result->present = import.server.present + (import.skip ? import.skip - 1 : 0);
    result->refused = import.server.refused;
    snprintf(result->refusal, sizeof result->refusal, "%s", import.server.refusal);
    if (!ok)
        interrupt(&import, err);
    hd_mongodb_server_close(&import.server);
    hd_mongodb_documents_destroy(import.documents);
    hd_input_close(import.input);
    if (import.end)
        bson_destroy(import.end);
    return ok;
}
