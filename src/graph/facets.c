/* See facets.h. Each worker of the pass has names of its own; they are put together at the end. */
#define _GNU_SOURCE
#include "graph/facets.h"

#include "base/arena.h"
#include "graph/fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_BITS 28u /* of a node's number while the pass runs; above them stands the worker's */
#define NAME_LIMIT ((1u << NAME_BITS) - 1)

static const char no_source[] = "(no source)";

_Static_assert(HD_REPLAY_VISITORS <= 1u << (32 - NAME_BITS), "a worker's number has room above the name's");

/* What a pass makes itself; the gem follows from the file. */
enum { PASSES = HD_FACETS - 1 };
static const enum hd_facet passes[PASSES] = {HD_FACET_FILE, HD_FACET_SHAPE, HD_FACET_METHOD, HD_FACET_SITE};

struct worker {
    struct hd_facets_pass *pass;
    uint32_t number;
    struct hd_names names[HD_FACETS];
    uint32_t last[HD_FACETS]; /* the name before, where there is one: mostly this one's, too */
    /* of the object at hand: where it comes from, and the names of two of its groups */
    struct hd_buffer file, method, shape, site;
    /* of an ObjectSpace line, as far as it is read */
    struct hd_buffer filename, name, own_method, line;
    bool has_file, has_filename, has_shape, complex;
    struct hd_buffer group;
};

struct hd_facets_pass {
    unsigned wanted; /* bits by enum hd_facet */
    struct hd_facets *facets; /* [HD_FACETS] */
    struct worker workers[HD_REPLAY_VISITORS];
};

static bool wants(const struct hd_facets_pass *pass, enum hd_facet facet)
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

/* The group's name. */
static struct hd_graph_text name_of(struct worker *worker, enum hd_facet facet)
{
    struct hd_graph_text file = text_of(&worker->file), method = method_of(text_of(&worker->method));
    struct hd_buffer *out = &worker->group;
    if (facet == HD_FACET_SHAPE)
        return text_of(&worker->shape);
    if (facet == HD_FACET_SITE)
        return text_of(&worker->site);
    if (!file.length)
        file = (struct hd_graph_text){no_source, sizeof no_source - 1};
    if (facet != HD_FACET_METHOD || !method.length)
        return file;
    out->length = 0;
    hd_buffer_append(out, method.data, method.length);
    append(out, " in ");
    hd_buffer_append(out, file.data, file.length);
    return text_of(out);
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

/* The object at hand goes into its groups. */
static bool sort_in(struct worker *worker, uint32_t node, struct hd_error *err)
{
    struct hd_facets_pass *pass = worker->pass;
    for (unsigned i = 0; i < PASSES; i++) {
        if (!wants(pass, passes[i]))
            continue;
        uint32_t name = intern(worker, passes[i], name_of(worker, passes[i]));
        if (worker->group.failed || worker->file.failed || worker->method.failed || worker->shape.failed || worker->site.failed)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        if (name == HD_NAMES_NONE)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the names of groups");
        pass->facets[passes[i]].number[node] = name | worker->number << NAME_BITS;
    }
    return true;
}

/* One of our lines. */
static bool on_line(void *data, uint32_t node, struct hd_graph_text object, struct hd_error *err)
{
    struct worker *worker = data;
    struct line line;
    line_read(&line, object);
    source_make(worker, &line);
    worker->shape.length = worker->site.length = 0;
    if (wants(worker->pass, HD_FACET_SHAPE))
        shape_make(&worker->shape, &line);
    if (wants(worker->pass, HD_FACET_SITE))
        site_make(&worker->site, &line);
    return sort_in(worker, node, err);
}

static bool on_our_end(void *data, uint32_t node, struct hd_error *err)
{
    (void)data;
    (void)node;
    (void)err;
    return true;
}

/* --- ObjectSpace's lines, field by field --- */

static void put(struct hd_buffer *out, struct hd_json_text text)
{
    out->length = 0;
    hd_buffer_append(out, text.data, text.length);
}

static void put_number(struct hd_buffer *out, int64_t number)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%lld", (long long)number);
    out->length = 0;
    hd_buffer_append(out, digits, (size_t)length);
}

static bool on_field(void *data, uint32_t node, const struct hd_json_field *field, struct hd_error *err)
{
    struct worker *worker = data;
    struct hd_json_text name = field->name;
    (void)node;
    (void)err;
    if (field->type == HD_JSON_TEXT && hd_json_text_is(name, "file")) {
        put(&worker->file, field->text);
        worker->has_file = true;
    } else if (field->type == HD_JSON_TEXT && hd_json_text_is(name, "method")) {
        put(&worker->own_method, field->text);
    } else if (field->type == HD_JSON_TEXT && hd_json_text_is(name, "filename")) {
        put(&worker->filename, field->text);
        worker->has_filename = true;
    } else if (field->type == HD_JSON_TEXT && hd_json_text_is(name, "name")) {
        put(&worker->name, field->text);
    } else if (field->type == HD_JSON_INTEGER && hd_json_text_is(name, "line")) {
        put_number(&worker->line, field->integer);
    } else if (field->type == HD_JSON_INTEGER && (hd_json_text_is(name, "shape_id") || hd_json_text_is(name, "shape"))) {
        put_number(&worker->shape, field->integer);
        worker->has_shape = true;
    } else if (field->type == HD_JSON_BOOL && field->integer) {
        worker->complex |= hd_json_text_is(name, "too_complex") || hd_json_text_is(name, "too_complex_shape");
    }
    return true;
}

static void shape_name(struct worker *worker)
{
    struct hd_buffer *out = &worker->group;
    out->length = 0;
    if (worker->complex || !worker->has_shape) {
        append(out, worker->complex ? "(too complex)" : "(no shape)");
    } else {
        append(out, "shape ");
        hd_buffer_append(out, worker->shape.data, worker->shape.length);
    }
    put(&worker->shape, (struct hd_json_text){(const char *)out->data, out->length});
}

static void site_name(struct worker *worker)
{
    worker->site.length = 0;
    if (!worker->has_file)
        return;
    hd_buffer_append(&worker->site, worker->file.data, worker->file.length);
    append(&worker->site, "\n");
    hd_buffer_append(&worker->site, worker->line.data, worker->line.length);
    append(&worker->site, "\n");
    hd_buffer_append(&worker->site, worker->own_method.data, worker->own_method.length);
}

static bool on_end(void *data, uint32_t node, struct hd_error *err)
{
    struct worker *worker = data;
    const struct hd_buffer *method = worker->has_file ? &worker->own_method : &worker->name;
    worker->method.length = 0;
    if (!worker->has_file) {
        worker->file.length = 0;
        if (worker->has_filename)
            hd_buffer_append(&worker->file, worker->filename.data, worker->filename.length);
    }
    if (worker->has_file || worker->has_filename)
        hd_buffer_append(&worker->method, method->data, method->length);
    if (wants(worker->pass, HD_FACET_SHAPE))
        shape_name(worker);
    if (wants(worker->pass, HD_FACET_SITE))
        site_name(worker);
    bool ok = sort_in(worker, node, err);
    worker->own_method.length = worker->name.length = worker->line.length = worker->shape.length = 0;
    worker->has_file = worker->has_filename = worker->has_shape = worker->complex = false;
    return ok;
}

/* --- all together --- */

static bool merge_names(struct hd_facets_pass *pass, enum hd_facet facet, uint32_t *map[HD_REPLAY_VISITORS])
{
    struct hd_names *all = &pass->facets[facet].names;
    for (unsigned i = 0; i < HD_REPLAY_VISITORS; i++) {
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

static bool merge(struct hd_facets_pass *pass, enum hd_facet facet, const struct hd_graph *graph)
{
    struct hd_facets *facets = &pass->facets[facet];
    uint32_t *map[HD_REPLAY_VISITORS] = {NULL};
    bool ok = merge_names(pass, facet, map);
    for (uint32_t node = 1; ok && node < graph->node_count; node++)
        facets->number[node] = map[facets->number[node] >> NAME_BITS][facets->number[node] & NAME_LIMIT];
    for (unsigned i = 0; i < HD_REPLAY_VISITORS; i++)
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

static void pass_free(struct hd_facets_pass *pass)
{
    for (unsigned i = 0; pass && i < HD_REPLAY_VISITORS; i++) {
        struct worker *worker = &pass->workers[i];
        struct hd_buffer *const buffers[] = {&worker->file, &worker->method, &worker->shape, &worker->site, &worker->filename,
                                             &worker->name, &worker->own_method, &worker->line, &worker->group};
        for (unsigned facet = 0; facet < HD_FACETS; facet++)
            hd_names_deinit(&worker->names[facet]);
        for (size_t k = 0; k < sizeof buffers / sizeof *buffers; k++)
            hd_buffer_deinit(buffers[k]);
    }
    free(pass);
}

static bool numbers_alloc(struct hd_facets_pass *pass, const struct hd_graph *graph)
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

bool hd_facets_find(struct hd_facets_found *found, unsigned wanted, const struct hd_graph *graph, unsigned visitors,
                    struct hd_replay_job *job, struct hd_error *err)
{
    unsigned files = wanted >> HD_FACET_GEM & 1 ? 1u << HD_FACET_FILE : 0; /* they say which gem */
    bool objspace = hd_replay_is_objspace(graph);
    *found = (struct hd_facets_found){.wanted = wanted, .pass = calloc(1, sizeof *found->pass)};
    found->nodes = malloc((size_t)graph->node_count * sizeof *found->nodes);
    if (found->pass)
        *found->pass = (struct hd_facets_pass){.wanted = wanted | files, .facets = found->facets};
    if (!found->pass || !found->nodes || !numbers_alloc(found->pass, graph))
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (unsigned i = 0; i < visitors; i++) {
        found->pass->workers[i].pass = found->pass;
        found->pass->workers[i].number = i;
        found->visitor[i] = objspace ? (struct hd_replay_visitor){&found->pass->workers[i], on_field, on_end, NULL, NULL}
                                     : (struct hd_replay_visitor){&found->pass->workers[i], NULL, on_our_end, NULL, on_line};
    }
    for (uint32_t node = 1; node < graph->node_count; node++)
        found->nodes[node - 1] = node;
    *job = (struct hd_replay_job){found->nodes, graph->node_count - 1, found->visitor};
    return true;
}

bool hd_facets_found_all(struct hd_facets_found *found, const struct hd_graph *graph, struct hd_error *err)
{
    bool ok = true;
    for (unsigned i = 0; ok && i < PASSES; i++)
        ok = !wants(found->pass, passes[i]) || merge(found->pass, passes[i], graph);
    if (ok && found->wanted >> HD_FACET_GEM & 1)
        ok = gems_make(&found->facets[HD_FACET_GEM], &found->facets[HD_FACET_FILE], graph);
    pass_free(found->pass);
    free(found->nodes);
    found->pass = NULL;
    found->nodes = NULL;
    return ok || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
}

void hd_facets_found_free(struct hd_facets_found *found)
{
    pass_free(found->pass);
    free(found->nodes);
    for (unsigned facet = 0; facet < HD_FACETS; facet++)
        hd_facets_destroy(&found->facets[facet]);
    *found = (struct hd_facets_found){0};
}

bool hd_facets_create_several(struct hd_facets facets[HD_FACETS], unsigned wanted, const char *path, const struct hd_graph *graph,
                              struct hd_error *err)
{
    struct hd_facets_found found;
    struct hd_replay_job job;
    unsigned visitors = hd_replay_visitors(graph->node_count);
    bool ok = hd_facets_find(&found, wanted, graph, visitors, &job, err)
              && (job.count == 0 || hd_replay_jobs(path, graph, &job, 1, visitors, err)) && hd_facets_found_all(&found, graph, err);
    for (unsigned facet = 0; facet < HD_FACETS; facet++) {
        bool taken = ok && wanted >> facet & 1;
        facets[facet] = taken ? found.facets[facet] : (struct hd_facets){0};
        if (taken)
            found.facets[facet] = (struct hd_facets){0};
    }
    hd_facets_found_free(&found);
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
