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

_Static_assert(HD_SECOND_PASS_WORKERS <= 1u << (32 - NAME_BITS), "a worker's number has room above the name's");

struct worker {
    struct hd_names names;
    struct hd_buffer file, name; /* of the line at hand */
};

struct pass {
    enum hd_facet facet;
    struct hd_facets *facets;
    struct worker workers[HD_SECOND_PASS_WORKERS];
};

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
        snprintf(name, size, file.length ? "(application)" : "(no source)");
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

/* The file and the method; empty where the line says none. */
static void source_read(struct worker *worker, struct hd_graph_text object)
{
    struct hd_graph_text key, value, file = {NULL, 0}, method = {NULL, 0}, filename = {NULL, 0}, name = {NULL, 0},
                                     iseq = {NULL, 0};
    worker->file.length = worker->name.length = 0;
    for (size_t at = 0; (value = hd_fields_next(object, &at, &key)).data;) {
        if (hd_fields_is(key, "file"))
            file = value;
        else if (hd_fields_is(key, "method"))
            method = value;
        else if (hd_fields_is(key, "filename"))
            filename = value;
        else if (hd_fields_is(key, "name"))
            name = value;
        else if (hd_fields_is(key, "iseq") && value.data[0] == '{')
            iseq = value;
    }
    if (is_text(file)) {
        set(&worker->file, file);
        if (is_text(method))
            set(&worker->name, method);
        return;
    }
    if (iseq.data) {
        filename = hd_fields_get(iseq, "filename");
        name = hd_fields_get(iseq, "name");
    }
    if (is_text(filename)) {
        set(&worker->file, filename);
        if (is_text(name))
            set(&worker->name, name);
    }
}

static void shape_read(struct worker *worker, struct hd_graph_text object)
{
    struct hd_graph_text key, value, shape = {NULL, 0}, ivs = {NULL, 0};
    bool plain = false, complex = false;
    for (size_t at = 0; (value = hd_fields_next(object, &at, &key)).data;) {
        if (hd_fields_is(key, "shape") || hd_fields_is(key, "shape_id"))
            shape = value;
        else if (hd_fields_is(key, "ivs"))
            ivs = value;
        else if (hd_fields_is(key, "bt"))
            plain = hd_fields_is(value, "\"T_OBJECT\"");
        else if (hd_fields_is(key, "too_complex") || hd_fields_is(key, "too_complex_shape"))
            complex = hd_fields_is(value, "true");
    }
    worker->name.length = 0;
    if (complex) {
        hd_buffer_append(&worker->name, "(too complex)", 13);
        return;
    }
    if (!shape.data) {
        hd_buffer_append(&worker->name, "(no shape)", 10);
        return;
    }
    hd_buffer_append(&worker->name, "shape ", 6);
    hd_buffer_append(&worker->name, shape.data, shape.length);
    for (size_t at = 0; plain && ivs.data && hd_fields_next(ivs, &at, &key).data;) {
        hd_buffer_append(&worker->name, " ", 1);
        hd_fields_unescape(&worker->name, key);
    }
}

static void site_read(struct worker *worker, struct hd_graph_text object)
{
    struct hd_graph_text key, value, file = {NULL, 0}, method = {NULL, 0}, line = {NULL, 0};
    for (size_t at = 0; (value = hd_fields_next(object, &at, &key)).data;) {
        if (hd_fields_is(key, "file"))
            file = value;
        else if (hd_fields_is(key, "allocation_line") || (hd_fields_is(key, "line") && !line.data))
            line = value; /* an iseq has a line of its own */
        else if (hd_fields_is(key, "method"))
            method = value;
    }
    worker->name.length = 0;
    if (!is_text(file))
        return;
    hd_fields_unescape(&worker->name, file);
    hd_buffer_append(&worker->name, "\n", 1);
    if (line.data && is_digit(line.data[0]))
        hd_buffer_append(&worker->name, line.data, line.length);
    hd_buffer_append(&worker->name, "\n", 1);
    if (is_text(method))
        hd_fields_unescape(&worker->name, method);
}

/* The group's name into worker->name. */
static void name_make(struct worker *worker, enum hd_facet facet, struct hd_graph_text object)
{
    if (facet == HD_FACET_SHAPE) {
        shape_read(worker, object);
        return;
    }
    if (facet == HD_FACET_SITE) {
        site_read(worker, object);
        return;
    }
    source_read(worker, object);
    struct hd_graph_text file = text_of(&worker->file), method = method_of(text_of(&worker->name));
    if (facet == HD_FACET_GEM) {
        char name[256];
        hd_facets_gem(file, name, sizeof name);
        worker->name.length = 0;
        hd_buffer_append(&worker->name, name, strlen(name));
        return;
    }
    struct hd_buffer *out = &worker->name;
    if (facet == HD_FACET_METHOD && method.length) { /* the end of the name becomes all of it */
        memmove(out->data, method.data, method.length);
        out->length = method.length;
        hd_buffer_append(out, " in ", 4);
    } else {
        out->length = 0;
    }
    hd_buffer_append(out, file.length ? file.data : "(no source)", file.length ? file.length : 11);
}

static bool visit(void *data, unsigned number, uint32_t node, struct hd_graph_text object, struct hd_error *err)
{
    struct pass *pass = data;
    struct worker *worker = &pass->workers[number];
    name_make(worker, pass->facet, object);
    if (worker->name.failed || worker->file.failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    struct hd_graph_text text = text_of(&worker->name);
    uint32_t name = hd_names_intern_bounded(&worker->names, text.data, text.length, NAME_LIMIT);
    if (name == HD_NAMES_NONE)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the names of groups");
    pass->facets->number[node] = name | (uint32_t)number << NAME_BITS;
    return true;
}

/* --- all together --- */

static bool merge_names(struct pass *pass, uint32_t *map[HD_SECOND_PASS_WORKERS])
{
    struct hd_names *all = &pass->facets->names;
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++) {
        const struct hd_names *names = &pass->workers[i].names;
        map[i] = malloc((names->count + 1) * sizeof *map[i]);
        if (!map[i])
            return false;
        for (uint32_t k = 0; k < names->count; k++)
            map[i][k] = hd_names_intern(all, names->bytes + names->start[k], names->start[k + 1] - names->start[k]);
    }
    return !all->failed;
}

static bool merge(struct pass *pass, const struct hd_graph *graph)
{
    struct hd_facets *facets = pass->facets;
    uint32_t *map[HD_SECOND_PASS_WORKERS] = {NULL};
    bool ok = merge_names(pass, map);
    for (uint32_t node = 1; ok && node < graph->node_count; node++)
        facets->number[node] = map[facets->number[node] >> NAME_BITS][facets->number[node] & NAME_LIMIT];
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++)
        free(map[i]);
    facets->count = facets->names.count;
    facets->name = ok ? malloc((facets->count + 1) * sizeof *facets->name) : NULL;
    for (uint32_t i = 0; facets->name && i < facets->count; i++)
        facets->name[i] = (struct hd_graph_text){facets->names.bytes + facets->names.start[i],
                                                 facets->names.start[i + 1] - facets->names.start[i]};
    return facets->name != NULL;
}

bool hd_facets_create(struct hd_facets *facets, enum hd_facet facet, const char *path, const struct hd_graph *graph,
                      struct hd_error *err)
{
    struct pass pass = {.facet = facet, .facets = facets};
    *facets = (struct hd_facets){.number = malloc((graph->node_count + 1) * sizeof *facets->number)};
    bool ok = facets->number || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    if (ok) {
        facets->number[HD_NODE_ROOT] = HD_NODE_NONE;
        ok = hd_second_pass(path, graph, NULL, visit, &pass, err)
             && (merge(&pass, graph) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory"));
    }
    for (unsigned i = 0; i < HD_SECOND_PASS_WORKERS; i++) {
        hd_names_deinit(&pass.workers[i].names);
        hd_buffer_deinit(&pass.workers[i].file);
        hd_buffer_deinit(&pass.workers[i].name);
    }
    if (!ok)
        hd_facets_destroy(facets);
    return ok;
}

void hd_facets_destroy(struct hd_facets *facets)
{
    free(facets->number);
    free(facets->name);
    hd_names_deinit(&facets->names);
    *facets = (struct hd_facets){0};
}
