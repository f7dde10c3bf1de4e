/*
 * A profile for pprof: what retains what, and what was allocated where.
 *
 * Several profiles in one, which pprof tells apart by the type of the sample. `retained` and `retained_objects` have the
 * dominator tree as stacks, with the groups of `heap_dump tree` as functions: what is flat there is a group's own, what is
 * cumulative it retains. `bytes` and `objects` have the objects by their class and, where allocations were traced, called
 * by the method, file and line that allocated them. `class_retained` and `site_retained` are what the objects of a class, or of
 * a line, retain together, nothing counted twice; as one retains what another does, these add up to more than the heap.
 */
#define _GNU_SOURCE
#include "store/exporter.h"

#include "graph/facets.h"
#include "graph/fields.h"
#include "graph/retained.h"
#include "store/pprof_message.h"
#include "store/tree_options.h"
#include "store/tree_walk.h"
#include "view/summary.h"
#include "view/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { VALUE_RETAINED, VALUE_RETAINED_OBJECTS, VALUE_BYTES, VALUE_OBJECTS, VALUE_CLASS_RETAINED,
       VALUE_SITE_RETAINED };

struct writer {
    struct hd_export *export;
    struct hd_pprof pprof;
    struct hd_tree_view view;
    uint64_t *place;       /* [depth of the tree + 1] of the group at each depth */
    uint64_t *stack;       /* [depth of the tree + 2] the same, innermost first */
    struct hd_buffer name;
    uint64_t samples;
};

static bool good(struct writer *writer, struct hd_error *err)
{
    if (hd_pprof_failed(&writer->pprof) || writer->name.failed)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    return hd_sink_good(writer->export->sink, err);
}

static void sample(struct writer *writer, const uint64_t *places, uint32_t count, const uint64_t values[HD_PPROF_VALUES])
{
    hd_pprof_sample(&writer->pprof, places, count, values, HD_PPROF_VALUES);
    writer->samples++;
}

/* ---- by dominator path ---- */

static bool enter(void *data, uint32_t number, uint32_t depth, struct hd_error *err)
{
    struct writer *writer = data;
    const struct hd_tree_group *group = &writer->view.tree.group[number];
    if (group->sample == HD_NODE_ROOT)
        return true;
    writer->name.length = 0;
    hd_tree_view_name(&writer->name, &writer->view, number, " → ");
    writer->place[depth] = hd_pprof_place(&writer->pprof, writer->name.data, writer->name.length, "", 0, 0);
    return good(writer, err);
}

static bool weigh(void *data, uint32_t depth, enum hd_tree_walk_part part, struct hd_tree_walk_weight weight,
                  struct hd_error *err)
{
    struct writer *writer = data;
    uint64_t values[HD_PPROF_VALUES] = {[VALUE_RETAINED] = weight.bytes, [VALUE_RETAINED_OBJECTS] = weight.objects};
    const char *word = hd_tree_walk_words[part];
    uint32_t count = 0;
    if (word)
        writer->stack[count++] = hd_pprof_place(&writer->pprof, word, strlen(word), "", 0, 0);
    for (uint32_t at = depth + 1; at-- > 0;)
        if (writer->place[at])
            writer->stack[count++] = writer->place[at];
    sample(writer, writer->stack, count, values);
    return good(writer, err);
}

static bool paths_write(struct writer *writer, struct hd_error *err)
{
    uint64_t least;
    struct hd_tree_walker walker = {.data = writer, .enter = enter, .weigh = weigh};
    if (!hd_tree_options_make(writer->export, &writer->view, &least, err))
        return false;
    uint32_t depth = hd_tree_walk_depth(&writer->view.tree);
    writer->place = calloc((size_t)depth + 1, sizeof *writer->place);
    writer->stack = calloc((size_t)depth + 2, sizeof *writer->stack);
    bool ok = writer->place && writer->stack ? hd_tree_walk(&writer->view.tree, least, &walker, err)
                                             : hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    free(writer->place);
    free(writer->stack);
    hd_tree_view_free(&writer->view);
    return ok;
}

/* ---- by place of allocation ---- */

/* "FILE\nLINE\nMETHOD"; 0 for "". */
static uint64_t site_place(struct writer *writer, struct hd_graph_text site)
{
    const char *line = site.length ? memrchr(site.data, '\n', site.length) : NULL;
    if (!line)
        return 0;
    struct hd_graph_text method = {line + 1, site.length - (size_t)(line + 1 - site.data)};
    const char *end = line;
    line = memrchr(site.data, '\n', (size_t)(end - site.data));
    if (!line)
        return 0;
    if (!method.length)
        method = (struct hd_graph_text){"(no method)", 11};
    return hd_pprof_place(&writer->pprof, method.data, method.length, site.data, (size_t)(line - site.data),
                          strtoull(line + 1, NULL, 10));
}

struct cell {
    uint64_t objects, bytes;
};

/* One sample for each class and site that occur together. */
static bool cells_write(struct writer *writer, const struct hd_facets *sites, const uint64_t *place, struct hd_error *err)
{
    struct hd_open *open = writer->export->open;
    const struct hd_groups *classes = hd_derived_classes(open->derived, err);
    struct hd_names pairs = {0};
    struct cell *cells = NULL;
    uint32_t capacity = 0;
    bool ok = classes != NULL;
    for (uint32_t node = 1; ok && node < open->graph.node_count; node++) {
        uint32_t pair[2] = {classes->number[node], sites->number[node]};
        uint32_t at = hd_names_intern(&pairs, (const char *)pair, sizeof pair);
        if (at != HD_NAMES_NONE && at >= capacity) {
            uint32_t more = capacity ? 2 * capacity : 1024;
            struct cell *grown = realloc(cells, more * sizeof *cells);
            if (grown) {
                memset(grown + capacity, 0, (more - capacity) * sizeof *cells);
                cells = grown;
                capacity = more;
            }
        }
        ok = at < capacity || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        if (ok) {
            cells[at].objects++;
            cells[at].bytes += open->graph.node_size[node];
        }
    }
    for (uint32_t i = 0; ok && i < pairs.count; i++) {
        uint32_t pair[2];
        memcpy(pair, pairs.bytes + pairs.start[i], sizeof pair);
        struct hd_graph_text class = classes->name[pair[0]];
        uint64_t values[HD_PPROF_VALUES] = {[VALUE_BYTES] = cells[i].bytes, [VALUE_OBJECTS] = cells[i].objects};
        uint64_t stack[2] = {hd_pprof_place(&writer->pprof, class.data, class.length, "", 0, 0),
                             place[pair[1]]};
        sample(writer, stack, stack[1] ? 2 : 1, values);
        ok = good(writer, err);
    }
    hd_names_deinit(&pairs);
    free(cells);
    return ok;
}

static bool classes_write(struct writer *writer, struct hd_error *err)
{
    struct hd_derived *derived = writer->export->open->derived;
    const struct hd_groups *classes = hd_derived_classes(derived, err);
    const struct hd_retained_group *sums = classes ? hd_derived_class_sums(derived, err) : NULL;
    for (uint32_t i = 0; sums && i < classes->count; i++) {
        struct hd_graph_text class = classes->name[i];
        uint64_t values[HD_PPROF_VALUES] = {[VALUE_CLASS_RETAINED] = sums[i].retained};
        if (!sums[i].retained)
            continue;
        uint64_t place = hd_pprof_place(&writer->pprof, class.data, class.length, "", 0, 0);
        sample(writer, &place, 1, values);
        if (!good(writer, err))
            return false;
    }
    return sums != NULL;
}

static bool retained_write(struct writer *writer, struct hd_facets *sites, const uint64_t *place, struct hd_error *err)
{
    struct hd_open *open = writer->export->open;
    struct hd_retained_group *sums = calloc((size_t)sites->count + 1, sizeof *sums);
    bool ok = sums || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    ok = ok && hd_retained_by_group(&open->dominators, &open->graph, sites->number, sums, sites->count, err);
    for (uint32_t i = 0; ok && i < sites->count; i++) {
        uint64_t values[HD_PPROF_VALUES] = {[VALUE_SITE_RETAINED] = sums[i].retained};
        if (!place[i] || !sums[i].retained)
            continue;
        sample(writer, &place[i], 1, values);
        ok = good(writer, err);
    }
    free(sums);
    return ok;
}

static bool sites_write(struct writer *writer, struct hd_error *err)
{
    struct hd_open *open = writer->export->open;
    struct hd_facets sites;
    if (!hd_facets_create(&sites, HD_FACET_SITE, open->dump, &open->graph, err))
        return false;
    uint64_t *place = calloc((size_t)sites.count + 1, sizeof *place);
    bool ok = place || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; ok && i < sites.count; i++) {
        place[i] = site_place(writer, sites.name[i]);
        ok = good(writer, err);
    }
    ok = ok && cells_write(writer, &sites, place, err) && retained_write(writer, &sites, place, err);
    free(place);
    hd_facets_destroy(&sites);
    return ok;
}

/* ---- the profile ---- */

static void time_write(struct writer *writer)
{
    struct hd_graph_text time = hd_fields_get(hd_view_head(&writer->export->open->graph), "time");
    char text[32];
    struct tm tm = {0};
    if (!time.data || time.length < 3 || time.length >= sizeof text)
        return;
    snprintf(text, sizeof text, "%.*s", (int)time.length - 2, time.data + 1);
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
    if (end && timegm(&tm) > 0)
        hd_pprof_time(&writer->pprof, (uint64_t)timegm(&tm) * 1000000000);
}

static void head_write(struct writer *writer)
{
    struct hd_pprof *pprof = &writer->pprof;
    hd_pprof_value_type(pprof, "retained", "bytes");
    hd_pprof_value_type(pprof, "retained_objects", "count");
    hd_pprof_value_type(pprof, "bytes", "bytes");
    hd_pprof_value_type(pprof, "objects", "count");
    hd_pprof_value_type(pprof, "class_retained", "bytes");
    hd_pprof_value_type(pprof, "site_retained", "bytes");
    hd_pprof_default_type(pprof, "retained");
    hd_pprof_program(pprof, writer->export->open->path);
    for (int i = 0; i < writer->export->open->warning_count; i++)
        hd_pprof_comment(pprof, writer->export->open->warnings[i]);
    time_write(writer);
}

static bool run(struct hd_export *export, struct hd_error *err)
{
    struct writer writer = {.export = export};
    char samples[HD_WORDS_NUMBER], places[HD_WORDS_NUMBER];
    hd_pprof_init(&writer.pprof, export->sink);
    head_write(&writer);
    bool ok = good(&writer, err) && paths_write(&writer, err) && classes_write(&writer, err) && sites_write(&writer, err);
    hd_export_summarize(export, "%s samples, %s places", hd_words_count(samples, writer.samples),
                        hd_words_count(places, writer.pprof.places.count));
    hd_pprof_deinit(&writer.pprof);
    hd_buffer_deinit(&writer.name);
    return ok;
}

static const struct hd_exporter_option options[] = {HD_TREE_OPTION_DEPTH, HD_TREE_OPTION_MIN, {NULL, NULL, NULL}};

const struct hd_exporter hd_exporter_pprof = {
    .name = "pprof",
    .where = "FILE|-",
    .help = "`go tool pprof`: retained by path, bytes by place of allocation",
    .next = "go tool pprof -top %s",
    .flags = HD_EXPORTER_FILE | HD_EXPORTER_BINARY | HD_EXPORTER_GZIP | HD_EXPORTER_LINES,
    .need = HD_INDEX_TREE,
    .options = options,
    .run = run};
