/* See find.h. */
#include "view/find.h"

#include "view/json.h"

#include <stdlib.h>

bool hd_view_find_make(struct hd_view_find *view, const struct hd_find_query *query, struct hd_open *open,
                       unsigned long offset, unsigned long limit, struct hd_error *err)
{
    *view = (struct hd_view_find){.open = open};
    if (query->type && !hd_find_knows_type(&open->graph, query->type))
        return hd_error_set(err, HD_ERROR_USAGE, "%.200s has no objects of type %.100s, and no builtin type is called so",
                            open->path, query->type);
    bool lines = query->name_glob || query->value; /* these take more than the columns */
    if (lines && !hd_open_whole(open, HD_INDEX_NODES, err))
        return false;
    const struct hd_groups *classes = query->class_glob ? hd_derived_classes(open->derived, err) : NULL;
    struct hd_find_query asked = *query;
    asked.class_sums = classes ? hd_derived_class_sums(open->derived, NULL) : NULL;
    asked.type_sums = query->type ? hd_derived_type_sums(open->derived, NULL) : NULL;
    if ((query->class_glob && !classes)
        || !hd_find(&asked, limit ? (uint64_t)offset + limit : 0, open->dump, &open->graph, &open->dominators, classes, &view->found, err))
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
