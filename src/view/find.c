/* See find.h. */
#include "view/find.h"

#include "base/bits.h"
#include "view/json.h"
#include "view/values.h"

#include <stdlib.h>
#include <string.h>

/* What the index knows of values and names. */
struct looked {
    struct hd_values_looked value, name;
};

static void looked_free(struct looked *looked)
{
    hd_values_looked_free(&looked->value);
    hd_values_looked_free(&looked->name);
}

/* Into `asked`. False if the dump must be asked, too; then more is needed than the columns. */
static bool look(struct looked *looked, struct hd_find_query *asked, const struct hd_open *open)
{
    struct hd_values_kept kept;
    const uint32_t count = open->graph.node_count;
    if (!asked->value && !asked->name_glob)
        return true;
    if ((asked->value && !asked->value_regex) || !hd_values_open(&kept, open))
        return false;
    bool value = asked->value && hd_values_looked_create(&looked->value, count)
                 && hd_values_search_regex(&kept.source, asked->value_regex, asked->value_flags, count, &looked->value);
    bool name = asked->name_glob && hd_values_looked_create(&looked->name, count)
                && hd_values_search_glob(&kept.source, asked->name_glob, count, &looked->name);
    hd_values_close(&kept);
    asked->value_looked = value ? &looked->value : NULL;
    asked->name_looked = name ? &looked->name : NULL;
    return (!asked->value || (value && !hd_bits_some(looked->value.ask, count)))
           && (!asked->name_glob || (name && !hd_bits_some(looked->name.ask, count)));
}

enum { FEW = 1000 }; /* more lie in nearly all blocks of the index, which all processors look at sooner than one */

/* The nodes of a set, if they are few enough for an excerpt; NULL: they are not. */
static uint32_t *few(const uint64_t *set, uint32_t count, uint32_t *found)
{
    uint32_t *nodes = malloc(FEW * sizeof *nodes);
    *found = 0;
    for (size_t i = 0; nodes && i < hd_bits_words(count); i++)
        for (uint64_t word = set[i]; word;) {
            if (*found == FEW) {
                free(nodes);
                return NULL;
            }
            nodes[(*found)++] = (uint32_t)(i * HD_BITS_WORD) + hd_bits_take(&word);
        }
    return nodes;
}

/* Of few that have a value the rest is looked at in an excerpt, where `looked` then is about its objects; else in the columns of all. */
static void narrow(struct hd_open *open, struct looked *looked)
{
    uint32_t count, all = open->graph.node_count;
    uint32_t *nodes = few(looked->value.fits, all, &count);
    if (nodes && hd_open_several(open, hd_excerpt_members, nodes, count)) {
        memset(looked->value.fits, 0, hd_bits_words(all) * sizeof *looked->value.fits);
        for (uint32_t i = 0; i < count; i++)
            hd_bits_add(looked->value.fits, nodes[i]);
    }
    free(nodes);
}

/* Of few that are big, too: one or two columns tell which these are. */
static void narrow_to_big(struct hd_open *open, const struct hd_find_query *asked)
{
    const uint64_t *size = asked->min_size ? hd_index_sizes(open->index) : NULL;
    const uint64_t *retained = asked->min_retained ? hd_index_retained(open->index) : NULL;
    uint32_t *nodes = malloc(FEW * sizeof *nodes), count = 0;
    bool some = nodes && !asked->min_size == !size && !asked->min_retained == !retained;
    for (uint32_t node = 1; some && node < open->graph.node_count; node++) {
        if ((size && size[node] < asked->min_size) || (retained && retained[node] < asked->min_retained))
            continue;
        some = count < FEW;
        if (some)
            nodes[count++] = node;
    }
    if (some)
        hd_open_several(open, hd_excerpt_members, nodes, count);
    free(nodes);
}

/* Of all objects, but for an excerpt, in which everything is. */
static bool have_columns(struct hd_open *open, const struct hd_find_query *asked, struct hd_error *err)
{
    bool labels = hd_find_needs_labels(asked, &open->graph);
    return (open->graph.node_size && (open->graph.node_label || !labels)) || hd_open_whole(open, labels ? HD_INDEX_LABELS : HD_INDEX_SIZES, err);
}

/* What the conditions are about. */
static bool get_ready(struct hd_open *open, struct hd_find_query *asked, struct looked *looked, struct hd_error *err)
{
    if (!look(looked, asked, open))
        return hd_open_whole(open, HD_INDEX_NODES, err);
    if (!open->graph.node_size && asked->value && !asked->name_glob)
        narrow(open, looked);
    bool sizes_alone = !asked->value && !asked->name_glob && !asked->class_glob && !asked->type && !asked->number;
    if (!open->graph.node_size && open->index && sizes_alone && (asked->min_size || asked->min_retained))
        narrow_to_big(open, asked);
    return have_columns(open, asked, err);
}

/* Looked at only now, and with all else of the objects if that proves damaged: the graph is built then. */
static const struct hd_groups *get_classes(struct hd_open *open, struct hd_error *err)
{
    const struct hd_groups *classes = hd_derived_classes(open->derived, NULL);
    return classes || !hd_open_whole(open, HD_INDEX_NODES, err) ? classes : hd_derived_classes(open->derived, err);
}

/* The same: who dominates whom only matters if somebody does. */
static uint64_t together(struct hd_open *open, const uint64_t *member, struct hd_error *err)
{
    struct hd_dominators dominators = open->dominators;
    if (!dominators.parent)
        dominators.parent = (uint32_t *)hd_index_parents(open->index);
    if (!dominators.parent) {
        if (!hd_open_whole(open, HD_INDEX_NODES, err))
            return UINT64_MAX;
        dominators = open->dominators;
    }
    return hd_dominators_retained_by_topmost(&dominators, member, err);
}

static bool find(struct hd_found *found, const struct hd_find_query *asked, struct hd_open *open, uint64_t first, struct hd_error *err)
{
    uint64_t *member;
    struct hd_find_query query = *asked;
    const struct hd_groups *classes = asked->class_glob ? get_classes(open, err) : NULL;
    query.class_sums = classes ? hd_derived_class_sums(open->derived, NULL) : NULL;
    query.type_sums = asked->type ? hd_derived_type_sums(open->derived, NULL) : NULL;
    if ((asked->class_glob && !classes)
        || !hd_find(&query, first, open->dump, &open->graph, &open->dominators, classes, &member, found, err))
        return false;
    const uint64_t *known = hd_find_retained(&query, &open->graph, classes, found);
    found->retained = known ? *known : together(open, member, err);
    free(member);
    return found->retained != UINT64_MAX;
}

bool hd_view_find_make(struct hd_view_find *view, const struct hd_find_query *query, struct hd_open *open,
                       unsigned long offset, unsigned long limit, struct hd_error *err)
{
    *view = (struct hd_view_find){.open = open};
    if (query->type && !have_columns(open, query, err))
        return false;
    if (query->type && !hd_find_knows_type(&open->graph, query->type))
        return hd_error_set(err, HD_ERROR_USAGE, "%.200s has no objects of type %.100s, and no builtin type is called so",
                            open->path, query->type);
    struct hd_find_query asked = *query;
    struct looked looked = {0};
    bool found = get_ready(open, &asked, &looked, err) && find(&view->found, &asked, open, limit ? (uint64_t)offset + limit : 0, err);
    looked_free(&looked);
    if (!found)
        return false;
    view->first = offset < view->found.listed ? (uint32_t)offset : view->found.listed;
    view->shown = view->found.listed - view->first;
    return hd_open_nodes(open, view->found.node, view->found.listed, err)
           && hd_describe_create(&view->descriptions, open, view->found.node + view->first, view->shown, err);
}

void hd_view_find_free(struct hd_view_find *view)
{
    hd_describe_destroy(&view->descriptions);
    free(view->found.node);
    view->found.node = NULL;
}

void hd_view_find_json_objects(FILE *file, const struct hd_view_find *view)
{
    fputs("[", file);
    for (uint32_t i = 0; i < view->shown; i++) {
        uint32_t node = view->found.node[view->first + i];
        fputs(i ? ",{" : "{", file);
        hd_open_json_node(file, view->open, node);
        fputs(",\"description\":", file);
        hd_json_string(file, hd_describe_get(&view->descriptions, node));
        fputs("}", file);
    }
    fputs("]", file);
}

void hd_view_find_json(FILE *file, const struct hd_view_find *view)
{
    fputs("{", file);
    hd_open_json_head(file, view->open);
    fprintf(file, ",\"count\":%u,\"size\":%llu,\"retained\":%llu,\"objects\":", view->found.count,
            (unsigned long long)view->found.size, (unsigned long long)view->found.retained);
    hd_view_find_json_objects(file, view);
    fputs("}\n", file);
}
