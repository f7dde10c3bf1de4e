/* See top.h. */
#include "view/top.h"

#include "dump/json_reader.h"
#include "view/json.h"

#include <stdlib.h>
#include <string.h>

const char *const hd_view_top_sorts[] = {"retained", "size", "count", NULL};
const char *const hd_view_top_bys[] = {"class", "type", "file", "gem", "shape", "method", NULL};
static const enum hd_facet facets[] = {HD_FACET_FILE, HD_FACET_GEM, HD_FACET_SHAPE, HD_FACET_METHOD};

static int compare(const void *left, const void *right)
{
    const struct hd_view_top_row *a = left, *b = right;
    if (a->key != b->key)
        return a->key < b->key ? 1 : -1;
    if (a->sums.shallow != b->sums.shallow)
        return a->sums.shallow < b->sums.shallow ? 1 : -1;
    size_t length = a->name.length < b->name.length ? a->name.length : b->name.length;
    int order = memcmp(a->name.data, b->name.data, length);
    return order ? order : (a->name.length > b->name.length) - (a->name.length < b->name.length);
}

static bool rows_fill(struct hd_view_top *view, struct hd_error *err)
{
    uint32_t count = view->group_count;
    const struct hd_retained_group *sums = view->sums;
    view->rows = calloc((size_t)count + 1, sizeof *view->rows);
    if (!view->rows)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < count; i++) {
        if (!sums[i].count)
            continue;
        uint64_t keys[] = {sums[i].retained, sums[i].shallow, sums[i].count};
        view->rows[view->row_count++] = (struct hd_view_top_row){sums[i], view->name[i], i, keys[view->sort]};
    }
    qsort(view->rows, view->row_count, sizeof *view->rows, compare);
    bool all = view->limit == 0 || view->limit > view->row_count;
    view->shown = all ? view->row_count : (uint32_t)view->limit;
    return true;
}

/* ---- exact sizes ---- */

/* What is traced for one group after the other: of a graph that is too tangled to do it for all together. */
static bool numbers_make(struct hd_view_top *view, struct hd_error *err)
{
    const struct hd_open *open = view->open;
    const struct hd_groups *classes = NULL;
    bool done;
    if (view->by >= HD_VIEW_TOP_FACETS)
        done = hd_facets_create(&view->facets, facets[view->by - HD_VIEW_TOP_FACETS], open->dump, &open->graph, err);
    else if (view->by == HD_VIEW_TOP_TYPE)
        done = hd_groups_by_type(&view->types, &open->graph, err);
    else
        done = (classes = hd_derived_classes(open->derived, err)) != NULL;
    view->number = view->by >= HD_VIEW_TOP_FACETS ? view->facets.number : classes ? classes->number : view->types.number;
    return done;
}

/* A row's group among those that were made for tracing; its sums may have been kept. */
static uint32_t number_of(const struct hd_view_top *view, const struct hd_view_top_row *row)
{
    if (view->by < HD_VIEW_TOP_FACETS)
        return row->number;
    uint32_t number = 0;
    while (number < view->facets.count && (view->facets.name[number].length != row->name.length
                                           || memcmp(view->facets.name[number].data, row->name.data, row->name.length)))
        number++;
    return number;
}

static bool rows_trace(struct hd_view_top *view, struct hd_error *err)
{
    const struct hd_graph *graph = &view->open->graph;
    if (!numbers_make(view, err))
        return false;
    uint8_t *member = malloc(graph->node_count);
    if (!member)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    struct hd_error failure = {0};
    for (uint32_t i = 0; i < view->shown && failure.code == HD_OK; i++) {
        struct hd_view_top_row *row = &view->rows[i];
        uint32_t number = number_of(view, row);
        for (uint32_t node = 0; node < graph->node_count; node++)
            member[node] = view->number[node] == number;
        row->sums.retained =
            hd_dominators_retained_by_set(&view->open->dominators, graph, member, &failure);
    }
    free(member);
    if (failure.code != HD_OK)
        *err = failure;
    return failure.code == HD_OK;
}

/* The exact sizes of the rows that are shown, which then are sorted anew. */
static bool rows_refine(struct hd_view_top *view, struct hd_error *err)
{
    if (!view->exact_size && !rows_trace(view, err))
        return false;
    for (uint32_t i = 0; i < view->shown; i++) {
        struct hd_view_top_row *row = &view->rows[i];
        if (view->exact_size)
            row->sums.retained = view->exact_size[row->number];
        if (view->sort == 0)
            row->key = row->sums.retained;
    }
    qsort(view->rows, view->shown, sizeof *view->rows, compare);
    return true;
}

/* ---- groups ---- */

static bool facets_make(struct hd_view_top *view, struct hd_error *err)
{
    bool done = hd_facet_sums_get(&view->facet_sums, view->open, facets[view->by - HD_VIEW_TOP_FACETS], view->exact, err);
    view->name = view->facet_sums.name;
    view->group_count = view->facet_sums.count;
    view->sums = view->facet_sums.sums;
    view->exact_size = view->facet_sums.exact;
    return done && (!view->exact || view->exact_size || hd_open_whole(view->open, HD_INDEX_GRAPH, err));
}

/* Those of as many groups as there are. */
static bool exact_take(struct hd_view_top *view, const uint64_t *sizes, uint32_t count, struct hd_error *err)
{
    view->exact_size = sizes;
    if (!sizes || count == view->group_count)
        return true;
    hd_index_discard(view->open->index);
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "the index of the dump is damaged: ask again, it is made anew then");
}

static bool types_make(struct hd_view_top *view, struct hd_error *err)
{
    static struct hd_graph_text names[HD_BT_COUNT];
    for (int type = 0; type < HD_BT_COUNT; type++)
        names[type] = hd_groups_type_name(type);
    view->name = names;
    view->group_count = HD_BT_COUNT;
    view->sums = hd_derived_type_sums(view->open->derived, err);
    return view->sums && exact_take(view, view->exact_sums.types, view->exact_sums.type_count, err);
}

/* Before anything is asked of what is derived. */
static bool exact_get(struct hd_view_top *view, struct hd_error *err)
{
    if (!hd_exact_sums_get(&view->exact_sums, view->open, err))
        return false;
    bool there = view->by == HD_VIEW_TOP_TYPE ? view->exact_sums.types : view->exact_sums.classes;
    return there || hd_open_whole(view->open, HD_INDEX_GRAPH, err);
}

static bool groups_make(struct hd_view_top *view, struct hd_error *err)
{
    if (view->by >= HD_VIEW_TOP_FACETS)
        return facets_make(view, err);
    if (view->exact && !exact_get(view, err))
        return false;
    if (view->by == HD_VIEW_TOP_TYPE)
        return types_make(view, err);
    const struct hd_groups *classes = hd_derived_classes(view->open->derived, err);
    view->sums = classes ? hd_derived_class_sums(view->open->derived, err) : NULL;
    if (!view->sums)
        return false;
    view->name = classes->name;
    view->group_count = classes->count;
    return exact_take(view, view->exact_sums.classes, view->exact_sums.class_count, err);
}

bool hd_view_top_make(struct hd_view_top *view, const struct hd_view_top_request *request, struct hd_open *open,
                      struct hd_error *err)
{
    *view = (struct hd_view_top){.open = open, .by = request->by, .sort = request->sort, .limit = request->limit,
                                 .exact = request->exact};
    return groups_make(view, err) && rows_fill(view, err) && (!view->exact || rows_refine(view, err));
}

void hd_view_top_free(struct hd_view_top *view)
{
    free(view->rows);
    hd_exact_sums_free(&view->exact_sums);
    hd_facet_sums_free(&view->facet_sums);
    hd_groups_destroy(&view->types);
    hd_facets_destroy(&view->facets);
}

void hd_view_top_json_rows(FILE *file, const struct hd_view_top *view)
{
    fputs("[", file);
    for (uint32_t i = 0; i < view->shown; i++) {
        const struct hd_view_top_row *row = &view->rows[i];
        fprintf(file, "%s{\"%s\":", i ? "," : "", hd_view_top_bys[view->by]);
        hd_json_text(file, row->name);
        fprintf(file, ",\"count\":%llu,\"size\":%llu,\"retained\":%llu,\"unreachable\":%llu}",
                (unsigned long long)row->sums.count, (unsigned long long)row->sums.shallow,
                (unsigned long long)row->sums.retained, (unsigned long long)row->sums.unreachable);
    }
    fputs("]", file);
}

void hd_view_top_json(FILE *file, const struct hd_view_top *view)
{
    fputs("{", file);
    hd_open_json_head(file, view->open);
    fprintf(file, ",\"by\":\"%s\",\"sort\":\"%s\",\"exact\":%s,\"reachable_bytes\":%llu,\"total\":%u,\"rows\":",
            hd_view_top_bys[view->by], hd_view_top_sorts[view->sort], view->exact ? "true" : "false",
            (unsigned long long)view->open->dominators.reachable_size, view->row_count);
    hd_view_top_json_rows(file, view);
    fputs("}\n", file);
}
