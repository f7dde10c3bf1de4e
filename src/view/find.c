/* See find.h. */
#include "view/find.h"

#include "view/json.h"
#include "view/values.h"

#include <stdlib.h>
#include <string.h>

/* What the index knows of values and names. */
struct looked {
    uint8_t *value, *name;
};

static void looked_free(struct looked *looked)
{
    free(looked->value);
    free(looked->name);
}

static bool some_ask(const uint8_t *looked, uint32_t count)
{
    return looked && memchr(looked, HD_VALUES_ASK, count);
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
    looked->value = asked->value ? malloc(count) : NULL;
    looked->name = asked->name_glob ? malloc(count) : NULL;
    bool value = looked->value && hd_values_search_regex(&kept.source, asked->value_regex, asked->value_flags, count, looked->value);
    bool name = looked->name && hd_values_search_glob(&kept.source, asked->name_glob, count, looked->name);
    hd_values_close(&kept);
    asked->value_looked = value ? looked->value : NULL;
    asked->name_looked = name ? looked->name : NULL;
    return (!asked->value || value) && (!asked->name_glob || name) && !some_ask(asked->value_looked, count)
           && !some_ask(asked->name_looked, count);
}

enum { FEW = 1000 }; /* more lie in nearly all blocks of the index, which all processors look at sooner than one */

/* The nodes that fit, if all is known and they are few enough for an excerpt; NULL: they are not. */
static uint32_t *few(const uint8_t *looked, uint32_t count, uint32_t *found)
{
    uint32_t *nodes = malloc(FEW * sizeof *nodes);
    *found = 0;
    for (const uint8_t *at = looked; nodes && (at = memchr(at, HD_VALUES_FITS, count - (size_t)(at - looked))); at++) {
        if (*found == FEW) {
            free(nodes);
            return NULL;
        }
        nodes[(*found)++] = (uint32_t)(at - looked);
    }
    return nodes;
}

/* Of few that have a value the rest is looked at in an excerpt, where `looked` then is about its objects; else in the columns of all. */
static void narrow(struct hd_open *open, struct hd_find_query *asked, struct looked *looked)
{
    uint32_t count;
    uint32_t *nodes = few(looked->value, open->graph.node_count, &count);
    if (nodes && hd_open_several(open, hd_excerpt_members, nodes, count)) {
        memset(looked->value, HD_VALUES_NONE, open->graph.node_count);
        for (uint32_t i = 0; i < count; i++)
            looked->value[nodes[i]] = HD_VALUES_FITS;
        asked->value_looked = looked->value;
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

/* What the conditions are about. */
static bool get_ready(struct hd_open *open, struct hd_find_query *asked, struct looked *looked, struct hd_error *err)
{
    if (!look(looked, asked, open))
        return hd_open_whole(open, HD_INDEX_NODES, err);
    if (!open->graph.node_size && asked->value && !asked->name_glob)
        narrow(open, asked, looked);
    bool sizes_alone = !asked->value && !asked->name_glob && !asked->class_glob && !asked->type && !asked->number;
    if (!open->graph.node_size && open->index && sizes_alone && (asked->min_size || asked->min_retained))
        narrow_to_big(open, asked);
    return open->graph.node_size || hd_open_whole(open, HD_INDEX_SIZES, err);
}

bool hd_view_find_make(struct hd_view_find *view, const struct hd_find_query *query, struct hd_open *open,
                       unsigned long offset, unsigned long limit, struct hd_error *err)
{
    *view = (struct hd_view_find){.open = open};
    if (query->type && !hd_open_whole(open, HD_INDEX_SIZES, err))
        return false;
    if (query->type && !hd_find_knows_type(&open->graph, query->type))
        return hd_error_set(err, HD_ERROR_USAGE, "%.200s has no objects of type %.100s, and no builtin type is called so",
                            open->path, query->type);
    struct hd_find_query asked = *query;
    struct looked looked = {0};
    bool found = get_ready(open, &asked, &looked, err);
    const struct hd_groups *classes = found && query->class_glob ? hd_derived_classes(open->derived, err) : NULL;
    asked.class_sums = classes ? hd_derived_class_sums(open->derived, NULL) : NULL;
    asked.type_sums = query->type ? hd_derived_type_sums(open->derived, NULL) : NULL;
    found = found && (!query->class_glob || classes)
            && hd_find(&asked, limit ? (uint64_t)offset + limit : 0, open->dump, &open->graph, &open->dominators, classes, &view->found, err);
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
