/* See sql_functions.h. */
#include "store/sql_functions.h"

#include "graph/best_names.h"
#include "graph/facets.h"
#include "view/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { PATH_STEPS = 100, PATH_EDGES = 4096 };

static void fail(sqlite3_context *context, const struct hd_sql_heap *heap)
{
    sqlite3_result_error(context, heap->err.text, -1);
    if (heap->err.code == HD_ERROR_MEMORY)
        sqlite3_result_error_nomem(context);
}

/* --- of their arguments alone --- */

static void hex_id(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    char text[32];
    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return;
    snprintf(text, sizeof text, "0x%llx", (unsigned long long)sqlite3_value_int64(argv[0]));
    sqlite3_result_text(context, text, -1, SQLITE_TRANSIENT);
}

static void human(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    char text[HD_WORDS_NUMBER + 1];
    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return;
    int64_t bytes = sqlite3_value_int64(argv[0]);
    text[0] = '-';
    hd_words_bytes(text + 1, bytes < 0 ? -(uint64_t)bytes : (uint64_t)bytes);
    sqlite3_result_text(context, bytes < 0 ? text : text + 1, -1, SQLITE_TRANSIENT);
}

static void gem(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    char name[512];
    const char *file = (const char *)sqlite3_value_text(argv[0]);
    (void)argc;
    if (!file)
        return;
    hd_facets_gem((struct hd_graph_text){file, (size_t)sqlite3_value_bytes(argv[0])}, name, sizeof name);
    sqlite3_result_text(context, name, -1, SQLITE_TRANSIENT);
}

/* --- of the dump --- */

static void dump_line(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct hd_sql_heap *heap = sqlite3_user_data(context);
    struct hd_sql_reader reader = {0};
    uint32_t node;
    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return;
    if (!hd_sql_find_node(heap, argv[0], false, &node)) {
        fail(context, heap);
        return;
    }
    if (node == HD_NODE_NONE)
        return;
    if (hd_sql_reader_line(heap, &reader, node))
        sqlite3_result_text64(context, reader.object.data, reader.object.length, SQLITE_TRANSIENT, SQLITE_UTF8);
    else
        fail(context, heap);
    hd_sql_reader_deinit(&reader);
}

/* As hd_best_names_along; but the names of what leaves the root are the best already, and the entries of a big map are all alike. */
static void better_names(const struct hd_graph *graph, struct hd_path *path)
{
    for (uint32_t i = 1; i < path->length; i++) {
        uint32_t from = path->step[i - 1].node;
        if (graph->edge_start[from + 1] - graph->edge_start[from] > PATH_EDGES)
            continue;
        for (uint64_t edge = graph->edge_start[from]; edge < graph->edge_start[from + 1]; edge++)
            if (graph->edge_to[edge] == path->step[i].node && hd_best_names_better(graph, edge, path->step[i].edge))
                path->step[i].edge = edge;
    }
}

bool hd_sql_functions_path(struct hd_sql_heap *heap, uint32_t node, struct hd_path *path)
{
    *path = (struct hd_path){0};
    const struct hd_paths *paths = hd_derived_paths(heap->source.derived, &heap->err);
    if (!paths || !hd_paths_to(paths, node, path, &heap->err))
        return false;
    better_names(heap->source.graph, path);
    return true;
}

static void path_words(sqlite3_str *words, const struct hd_graph *graph, const struct hd_path *path)
{
    char title[HD_GROUPS_TITLE];
    for (uint32_t i = 0; i < path->length; i++) {
        if (i == PATH_STEPS / 2 && path->length > PATH_STEPS) {
            uint32_t left_out = path->length - PATH_STEPS;
            sqlite3_str_appendf(words, " → … %u more …", left_out);
            i += left_out;
        }
        struct hd_graph_text name = hd_graph_name(graph, graph->edge_name[path->step[i].edge]);
        sqlite3_str_appendf(words, "%s%.*s → %s", i ? " → " : "", (int)name.length, name.data ? name.data : "",
                            hd_groups_title(title, graph, path->step[i].node));
    }
}

static void path(sqlite3_context *context, int argc, sqlite3_value **argv)
{
    struct hd_sql_heap *heap = sqlite3_user_data(context);
    struct hd_path found;
    (void)argc;
    if (!hd_sql_heap_whole(heap)) {
        fail(context, heap);
        return;
    }
    uint32_t node = hd_sql_value_node(heap, argv[0], false);
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL || node == HD_NODE_NONE)
        return;
    if (!hd_sql_functions_path(heap, node, &found)) {
        fail(context, heap);
        return;
    }
    sqlite3_str *words = sqlite3_str_new(sqlite3_context_db_handle(context));
    path_words(words, heap->source.graph, &found);
    int length = sqlite3_str_length(words);
    char *text = sqlite3_str_finish(words);
    if (text && length)
        sqlite3_result_text(context, text, length, sqlite3_free);
    else
        sqlite3_free(text);
    free(found.step);
}

/* --- the list --- */

/* What they say of a dump is its secrets: not for views and triggers, as the tables. */
static const struct {
    struct hd_sql_about about;
    void (*call)(sqlite3_context *context, int argc, sqlite3_value **argv);
    int flags;
} functions[] = {
    {{"hex_id", "an id as other commands print it, 0x7f…", "id", NULL}, hex_id, SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS},
    {{"human", "bytes with a unit, 12.3 MB", "bytes", NULL}, human, SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS},
    {{"gem", "the gem or library a source file belongs to, '(application)' if to none", "file", NULL}, gem,
     SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS},
    {{"path", "the shortest named path from a root to an object, in one line; NULL if no root leads to it", "id", NULL}, path,
     SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY},
    {{"dump_line", "the object's line of the dump, JSON: json_extract(dump_line(id), '$.ivs')", "id", NULL}, dump_line,
     SQLITE_DETERMINISTIC | SQLITE_DIRECTONLY},
};

enum { FUNCTIONS = sizeof functions / sizeof *functions };

const struct hd_sql_about *hd_sql_function(size_t number)
{
    return number < FUNCTIONS ? &functions[number].about : NULL;
}

int hd_sql_functions_register(sqlite3 *db, struct hd_sql_heap *heap)
{
    int code = SQLITE_OK;
    for (size_t i = 0; code == SQLITE_OK && i < FUNCTIONS; i++)
        code = sqlite3_create_function_v2(db, functions[i].about.name, 1, SQLITE_UTF8 | functions[i].flags, heap,
                                          functions[i].call, NULL, NULL, NULL);
    return code;
}

bool hd_sql_functions_allow(const char *name)
{
    static const char *const others[] = {"load_extension", "fts3_tokenizer", "writefile", "readfile", "edit", "eval"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcasecmp(name, others[i]))
            return false;
    return true;
}
