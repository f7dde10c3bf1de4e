/* See facets.h. Each worker of the pass has names of its own; they are put together at the end. */
#define _GNU_SOURCE
#include "graph/facets.h"

#include "base/arena.h"
#include "graph/fields.h"
#include "graph/second_pass.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BITS 28u /* of a node's number while the pass runs; above them stands the worker's */
#define NAME_LIMIT ((1u << NAME_BITS) - 1)

static const char no_source[] = "(no source)";

_Static_assert(HD_SECOND_PASS_WORKERS <= 1u << (32 - NAME_BITS), "a worker's number has room above the name's");

/* What a pass makes itself; the gem follows from the file. */
enum { PASSES = HD_FACETS - 1 };
static const enum hd_facet passes[PASSES] = {HD_FACET_FILE, HD_FACET_SHAPE, HD_FACET_METHOD, HD_FACET_SITE};

struct worker {
    struct hd_names names[HD_FACETS];
    uint32_t last[HD_FACETS]; /* the name before, where there is one: mostly this one's, too */
    struct hd_buffer file, method, name; /* of the line at hand */
};

struct pass {
    unsigned wanted; /* bits by enum hd_facet */
    struct hd_facets *facets; /* [HD_FACETS] */
    struct worker workers[HD_SECOND_PASS_WORKERS];
};

static bool wants(const struct pass *pass, enum hd_facet facet)
{
    return pass->wanted >> facet & 1;
}

/* --- the gem of a file --- */

static bool is_digit(char byte)
{
    return byte >= '0' && byte <= '9';
}

/* The part of the path that begins at `at`: up to the next slash. */
static struct hd_graph_text part_at(struct hd_graph_text path, size_t at)
{
    size_t end = at;
    while (end < path.length && path.data[end] != '/')
        end++;
    return (struct hd_graph_text){path.data + at, end - at};
}

/* NAME-VERSION, as folders of gems are called. */
static bool has_version(struct hd_graph_text part)
{
    for (size_t i = 1; i + 1 < part.length; i++)
        if (part.data[i] == '-' && is_digit(part.data[i + 1]))
            return true;
    return false;
}

static bool is_version(struct hd_graph_text part)
{
    bool dot = false;
    for (size_t i = 0; i < part.length; i++) {
        dot |= part.data[i] == '.';
        if (part.data[i] != '.' && part.data[i] != '+' && !is_digit(part.data[i]))
            return false;
    }
    return dot && is_digit(part.data[0]);
}

/* A folder of compiled code, x86_64-linux. */
static bool is_platform(struct hd_graph_text part)
{
    return memmem(part.data, part.length, "-linux", 6) || memmem(part.data, part.length, "-darwin", 7);
}

/* What a library's path begins with, behind folders that only say for which Ruby it is. */
static void library_name(struct hd_graph_text path, size_t at, const char *kind, char *name, size_t size)
{
    struct hd_graph_text part = part_at(path, at);
    while ((is_version(part) || is_platform(part)) && at + part.length < path.length) {
        at += part.length + 1;
        part = part_at(path, at);
    }
    if (part.length > 3 && !memcmp(part.data + part.length - 3, ".rb", 3))
        part.length -= 3;
    snprintf(name, size, "%.*s (%s)", (int)part.length, part.data, kind);
}

/* The part behind the last folder of this name that `fits`; data NULL if there is none. */
static struct hd_graph_text part_behind(struct hd_graph_text path, const char *folder,
                                        bool fits(struct hd_graph_text part))
{
    struct hd_graph_text found = {NULL, 0};
    size_t length = strlen(folder);
    for (size_t at = 0; at + length < path.length; at++) {
        if (path.data[at] != '/' || memcmp(path.data + at, folder, length) != 0)
            continue;
        struct hd_graph_text part = part_at(path, at + length);
        if (part.length && (!fits || fits(part)))
            found = part;
    }
    return found;
}

void hd_facets_gem(struct hd_graph_text file, char *name, size_t size)
{
    static const char *const folders[][2] = {{"/vendor_ruby/", "vendor_ruby"}, {"/site_ruby/", "site_ruby"}};
    struct hd_graph_text part = part_behind(file, "/bundler/gems/", NULL);
    if (!part.data)
        part = part_behind(file, "/gems/", has_version);
    if (part.data) {
        snprintf(name, size, "%.*s", (int)part.length, part.data);
        return;
    }
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        part = part_behind(file, folders[i][0], NULL);
        if (part.data) {
            library_name(file, (size_t)(part.data - file.data), folders[i][1], name, size);
            return;
        }
    }
    part = part_behind(file, "/ruby/", is_version);
    if (part.data)
        library_name(file, (size_t)(part.data - file.data), "stdlib", name, size);
    else if (file.length > 10 && !memcmp(file.data, "<internal:", 10))
        snprintf(name, size, "(ruby itself)");
    else
        snprintf(name, size, "%s", file.length ? "(application)" : no_source);
}

/* --- what a line says --- */

/* "block (2 levels) in create" is create. */
static struct hd_graph_text method_of(struct hd_graph_text label)
{
    const char *in = NULL;
    for (size_t i = 0; i + 4 < label.length; i++)
        if (!memcmp(label.data + i, " in ", 4))
            in = label.data + i + 4;
    bool nested = label.length > 6 && (!memcmp(label.data, "block ", 6) || !memcmp(label.data, "rescue ", 6)
                                       || !memcmp(label.data, "ensure ", 6));
    if (!in || !nested)
        return label;
    return (struct hd_graph_text){in, label.length - (size_t)(in - label.data)};
}

static void set(struct hd_buffer *out, struct hd_graph_text value)
{
    out->length = 0;
    hd_fields_unescape(out, value);
}

static struct hd_graph_text text_of(const struct hd_buffer *buffer)
{
    return (struct hd_graph_text){buffer->data ? buffer->data : "", buffer->length};
}

static bool is_text(struct hd_graph_text value)
{
    return value.data && value.length >= 2 && value.data[0] == '"';
}

/* The fields of a line that groups are made of. */
struct line {
    struct hd_graph_text file, method, filename, name, iseq, line, shape, ivs;
    bool plain, complex;
};

static void line_read(struct line *line, struct hd_graph_text object)
{
    struct hd_graph_text key, value, own_line = {NULL, 0};
    *line = (struct line){.plain = false};
    for (size_t at = 0; (value = hd_fields_next(object, &at, &key)).data;) {
        if (hd_fields_is(key, "file"))
            line->file = value;
        else if (hd_fields_is(key, "method"))
            line->method = value;
        else if (hd_fields_is(key, "filename"))
            line->filename = value;
        else if (hd_fields_is(key, "name"))
            line->name = value;
        else if (hd_fields_is(key, "iseq") && value.data[0] == '{')
            line->iseq = value;
        else if (hd_fields_is(key, "allocation_line"))
            line->line = value;
        else if (hd_fields_is(key, "line"))
            own_line = value;
        else if (hd_fields_is(key, "shape") || hd_fields_is(key, "shape_id"))
            line->shape = value;
        else if (hd_fields_is(key, "ivs"))
            line->ivs = value;
        else if (hd_fields_is(key, "bt"))
            line->plain = hd_fields_is(value, "\"T_OBJECT\"");
        else if (hd_fields_is(key, "too_complex") || hd_fields_is(key, "too_complex_shape"))
            line->complex = hd_fields_is(value, "true");
    }
    if (!line->line.data) /* an iseq has a line of its own */
        line->line = own_line;
}

/* The file and the method; empty where the line says none. */
static void source_make(struct worker *worker, const struct line *line)
{
    struct hd_graph_text file = line->file, method = line->method;
    worker->file.length = worker->method.length = 0;
    if (!is_text(file)) {
        file = line->iseq.data ? hd_fields_get(line->iseq, "filename") : line->filename;
        method = line->iseq.data ? hd_fields_get(line->iseq, "name") : line->name;
    }
    if (!is_text(file))
        return;
    set(&worker->file, file);
    if (is_text(method))
        set(&worker->method, method);
}

static void append(struct hd_buffer *out, const char *text)
{
    hd_buffer_append(out, text, strlen(text));
}

static void shape_make(struct hd_buffer *out, const struct line *line)
{
    struct hd_graph_text key;
    if (line->complex || !line->shape.data) {
        append(out, line->complex ? "(too complex)" : "(no shape)");
        return;
    }
    append(out, "shape ");
    hd_buffer_append(out, line->shape.data, line->shape.length);
    for (size_t at = 0; line->plain && line->ivs.data && hd_fields_next(line->ivs, &at, &key).data;) {
        append(out, " ");
        hd_fields_unescape(out, key);
    }
}

static void site_make(struct hd_buffer *out, const struct line *line)
{
    if (!is_text(line->file))
        return;
    hd_fields_unescape(out, line->file);
    append(out, "\n");
    if (line->line.data && is_digit(line->line.data[0]))
        hd_buffer_append(out, line->line.data, line->line.length);
    append(out, "\n");
    if (is_text(line->method))
        hd_fields_unescape(out, line->method);
}

/* The group's name into worker->name. */
static void name_make(struct worker *worker, enum hd_facet facet, const struct line *line)
{
    struct hd_graph_text file = text_of(&worker->file), method = method_of(text_of(&worker->method));
    struct hd_buffer *out = &worker->name;
    out->length = 0;
    if (facet == HD_FACET_SHAPE) {
        shape_make(out, line);
    } else if (facet == HD_FACET_SITE) {
        site_make(out, line);
    } else {
        if (facet == HD_FACET_METHOD && method.length) {
            hd_buffer_append(out, method.data, method.length);
            append(out, " in ");
        }
        hd_buffer_append(out, file.length ? file.data : no_source, file.length ? file.length : sizeof no_source - 1);
    }
}

static uint32_t intern(struct worker *worker, enum hd_facet facet, struct hd_graph_text text)
{
    struct hd_names *names = &worker->names[facet];
    uint32_t last = worker->last[facet];
    if (last < names->count && names->start[last + 1] - names->start[last] == text.length
        && !memcmp(names->bytes + names->start[last], text.data, text.length))
        return last;
    return worker->last[facet] = hd_names_intern_bounded(names, text.data, text.length, NAME_LIMIT);
}

static bool visit(void *data, unsigned number, uint32_t node, struct hd_graph_text object, struct hd_error *err)
{
    struct pass *pass = data;
    struct worker *worker = &pass->workers[number];
    struct line line;
    line_read(&line, object);
    source_make(worker, &line);
    for (unsigned i = 0; i < PASSES; i++) {
        if (!wants(pass, passes[i]))
            continue;
        name_make(worker, passes[i], &line);
        if (worker->name.failed || worker->file.failed || worker->method.failed)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        uint32_t name = intern(worker, passes[i], text_of(&worker->name));
        if (name == HD_NAMES_NONE)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the names of groups");
        pass->facets[passes[i]].number[node] = name | (uint32_t)number << NAME_BITS;
    }
    return true;
}

/* --- all together --- */

static bool merge_names(struct pass *pass, enum hd_facet facet, uint32_t *map[HD_SECOND_PASS_WORKERS])
{
    struct hd_names *all = &pass->facets[facet].names;
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++) {
        const struct hd_names *names = &pass->workers[i].names[facet];
        map[i] = malloc((names->count + 1) * sizeof *map[i]);
        if (!map[i])
            return false;
        for (uint32_t k = 0; k < names->count; k++)
            map[i][k] = hd_names_intern(all, names->bytes + names->start[k], names->start[k + 1] - names->start[k]);
    }
    return !all->failed;
}

static bool names_list(struct hd_facets *facets)
{
    facets->count = facets->names.count;
    facets->name = malloc((facets->count + 1) * sizeof *facets->name);
    for (uint32_t i = 0; facets->name && i < facets->count; i++)
        facets->name[i] = (struct hd_graph_text){facets->names.bytes + facets->names.start[i],
                                                 facets->names.start[i + 1] - facets->names.start[i]};
    return facets->name != NULL;
}

static bool merge(struct pass *pass, enum hd_facet facet, const struct hd_graph *graph)
{
    struct hd_facets *facets = &pass->facets[facet];
    uint32_t *map[HD_SECOND_PASS_WORKERS] = {NULL};
    bool ok = merge_names(pass, facet, map);
    for (uint32_t node = 1; ok && node < graph->node_count; node++)
        facets->number[node] = map[facets->number[node] >> NAME_BITS][facets->number[node] & NAME_LIMIT];
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++)
        free(map[i]);
    return ok && names_list(facets);
}

/* The gems of the files, which are few. */
static bool gems_make(struct hd_facets *gems, const struct hd_facets *files, const struct hd_graph *graph)
{
    uint32_t *gem_of = malloc((files->count + 1) * sizeof *gem_of);
    for (uint32_t i = 0; gem_of && i < files->count; i++) {
        char name[256];
        bool none = hd_fields_is(files->name[i], no_source);
        hd_facets_gem(none ? (struct hd_graph_text){NULL, 0} : files->name[i], name, sizeof name);
        gem_of[i] = hd_names_intern(&gems->names, name, strlen(name));
    }
    bool ok = gem_of && !gems->names.failed && names_list(gems);
    for (uint32_t node = 1; ok && node < graph->node_count; node++)
        gems->number[node] = gem_of[files->number[node]];
    free(gem_of);
    return ok;
}

static void pass_deinit(struct pass *pass)
{
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++) {
        for (unsigned facet = 0; facet < HD_FACETS; facet++)
            hd_names_deinit(&pass->workers[i].names[facet]);
        hd_buffer_deinit(&pass->workers[i].file);
        hd_buffer_deinit(&pass->workers[i].method);
        hd_buffer_deinit(&pass->workers[i].name);
    }
}

static bool numbers_alloc(struct pass *pass, const struct hd_graph *graph)
{
    bool ok = true;
    for (unsigned facet = 0; facet < HD_FACETS; facet++) {
        pass->facets[facet] = (struct hd_facets){.number = NULL};
        if (!ok || !wants(pass, facet))
            continue;
        pass->facets[facet].number = malloc((graph->node_count + 1) * sizeof *pass->facets[facet].number);
        ok = pass->facets[facet].number != NULL;
        if (ok)
            pass->facets[facet].number[HD_NODE_ROOT] = HD_NODE_NONE;
    }
    return ok;
}

bool hd_facets_create_several(struct hd_facets facets[HD_FACETS], unsigned wanted, const char *path, const struct hd_graph *graph,
                              struct hd_error *err)
{
    bool gem = wanted >> HD_FACET_GEM & 1, file = wanted >> HD_FACET_FILE & 1;
    struct pass pass = {.wanted = wanted | (gem ? 1u << HD_FACET_FILE : 0), .facets = facets};
    bool memory = numbers_alloc(&pass, graph);
    bool ok = memory && hd_second_pass(path, graph, NULL, visit, &pass, err);
    for (unsigned i = 0; ok && memory && i < PASSES; i++)
        memory = !wants(&pass, passes[i]) || merge(&pass, passes[i], graph);
    if (ok && memory && gem)
        memory = gems_make(&facets[HD_FACET_GEM], &facets[HD_FACET_FILE], graph);
    pass_deinit(&pass);
    if (!memory)
        ok = hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (unsigned facet = 0; facet < HD_FACETS; facet++)
        if (!ok || (facet == HD_FACET_FILE && !file))
            hd_facets_destroy(&facets[facet]);
    return ok;
}

bool hd_facets_create(struct hd_facets *facets, enum hd_facet facet, const char *path, const struct hd_graph *graph,
                      struct hd_error *err)
{
    struct hd_facets all[HD_FACETS];
    bool ok = hd_facets_create_several(all, 1u << facet, path, graph, err);
    *facets = all[facet];
    return ok;
}

void hd_facets_destroy(struct hd_facets *facets)
{
    free(facets->number);
    free(facets->name);
    hd_names_deinit(&facets->names);
    *facets = (struct hd_facets){0};
}
