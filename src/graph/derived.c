/* See derived.h. */
#include "graph/derived.h"

#include "dump/json_reader.h"
#include "graph/best_names.h"

#include <stdlib.h>
#include <string.h>

void hd_derived_init(struct hd_derived *derived, const struct hd_graph *graph, const struct hd_dominators *dominators,
                     struct hd_index *index)
{
    *derived = (struct hd_derived){.graph = graph, .dominators = dominators, .index = index};
    for (unsigned i = 0; i < HD_DERIVED_COUNT; i++)
        pthread_mutex_init(&derived->item[i].lock, NULL);
}

static void groups_forget(struct hd_derived *derived)
{
    if (derived->item[HD_DERIVED_CLASSES].state == HD_DERIVED_MAPPED)
        derived->classes.number = NULL; /* the index's */
    hd_groups_destroy(&derived->classes);
}

void hd_derived_deinit(struct hd_derived *derived)
{
    if (derived->item[HD_DERIVED_CLASSES].state != HD_DERIVED_MISSING)
        groups_forget(derived);
    if (derived->item[HD_DERIVED_CLASS_SUMS].state == HD_DERIVED_MADE)
        free(derived->class_sums);
    if (derived->item[HD_DERIVED_TYPE_SUMS].state == HD_DERIVED_MADE)
        free(derived->type_sums);
    if (derived->item[HD_DERIVED_PATHS].state == HD_DERIVED_MADE)
        hd_paths_destroy(&derived->paths);
    for (unsigned i = 0; i < HD_DERIVED_COUNT; i++)
        pthread_mutex_destroy(&derived->item[i].lock);
}

void hd_derived_of_excerpt(struct hd_derived *derived, uint32_t *class_number, const struct hd_paths *paths)
{
    derived->excerpt_number = class_number;
    derived->paths = *paths;
    derived->item[HD_DERIVED_PATHS].state = HD_DERIVED_MAPPED;
}

/* ---- how each is got: out of the index or made ---- */

/* Of what the index was mapped for less than, or of an excerpt, nothing can be made. */
static int damaged(struct hd_error *err)
{
    hd_error_set(err, HD_ERROR_BAD_DUMP, "the index of the dump is damaged: ask again, it is made anew then");
    return HD_DERIVED_MISSING;
}

static int get_classes(struct hd_derived *derived, struct hd_error *err)
{
    if (derived->index && hd_index_classes(derived->index, &derived->classes)) {
        if (derived->excerpt_number)
            derived->classes.number = derived->excerpt_number;
        return HD_DERIVED_MAPPED;
    }
    if (derived->excerpt_number || !derived->graph->node_flags)
        return damaged(err);
    return hd_groups_by_class(&derived->classes, derived->graph, err) ? HD_DERIVED_MADE : HD_DERIVED_MISSING;
}

static int sum_up(struct hd_derived *derived, const uint32_t *number, uint32_t count, struct hd_retained_group **sums,
                  struct hd_error *err)
{
    if (derived->excerpt_number || !derived->dominators->child_start)
        return damaged(err);
    *sums = calloc((size_t)count + 1, sizeof **sums);
    if (!*sums) {
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the retained sizes of %u groups", count);
        return HD_DERIVED_MISSING;
    }
    if (hd_retained_by_group(derived->dominators, derived->graph, number, *sums, count, err))
        return HD_DERIVED_MADE;
    free(*sums);
    *sums = NULL;
    return HD_DERIVED_MISSING;
}

static int get_class_sums(struct hd_derived *derived, struct hd_error *err)
{
    const struct hd_groups *classes = hd_derived_classes(derived, err);
    if (!classes)
        return HD_DERIVED_MISSING;
    if (derived->index && (derived->class_sums = (void *)hd_index_class_sums(derived->index)))
        return HD_DERIVED_MAPPED;
    return sum_up(derived, classes->number, classes->count, &derived->class_sums, err);
}

static int get_type_sums(struct hd_derived *derived, struct hd_error *err)
{
    struct hd_groups types;
    if (derived->index && (derived->type_sums = (void *)hd_index_type_sums(derived->index)))
        return HD_DERIVED_MAPPED;
    if (derived->excerpt_number || !derived->dominators->child_start)
        return damaged(err);
    if (!hd_groups_by_type(&types, derived->graph, err))
        return HD_DERIVED_MISSING;
    int state = sum_up(derived, types.number, types.count, &derived->type_sums, err);
    hd_groups_destroy(&types);
    return state;
}

static int get_marks(struct hd_derived *derived, struct hd_error *err)
{
    const struct hd_graph *graph = derived->graph;
    (void)err;
    derived->marks = (struct hd_index_marks){0};
    if (derived->index) {
        derived->marks = *hd_index_get_marks(derived->index);
        return HD_DERIVED_MAPPED;
    }
    for (uint32_t node = 1; node < graph->node_count; node++) {
        derived->marks.garbage += (graph->node_flags[node] & HD_NODE_GARBAGE) != 0;
        derived->marks.frozen += (graph->node_flags[node] & HD_NODE_FROZEN) != 0;
    }
    for (uint64_t edge = 0; edge < graph->edge_count; edge++)
        derived->marks.weak += (graph->edge_name[edge] & HD_NAME_WEAK) != 0;
    return HD_DERIVED_MADE;
}

static int get_paths(struct hd_derived *derived, struct hd_error *err)
{
    if (derived->index && hd_index_paths(derived->index, derived->graph, &derived->paths))
        return HD_DERIVED_MAPPED;
    if (!derived->graph->edge_start)
        return damaged(err);
    if (!hd_paths_create(&derived->paths, derived->graph, err))
        return HD_DERIVED_MISSING;
    hd_best_names_from_root(&derived->paths);
    return HD_DERIVED_MADE;
}

/* ---- handing out ---- */

static bool have(struct hd_derived *derived, unsigned which, struct hd_error *err)
{
    static int (*const get[HD_DERIVED_COUNT])(struct hd_derived *, struct hd_error *) = {
        [HD_DERIVED_CLASSES] = get_classes, [HD_DERIVED_CLASS_SUMS] = get_class_sums,
        [HD_DERIVED_TYPE_SUMS] = get_type_sums, [HD_DERIVED_MARKS] = get_marks, [HD_DERIVED_PATHS] = get_paths};
    struct hd_derived_item *item = &derived->item[which];
    pthread_mutex_lock(&item->lock);
    if (item->state == HD_DERIVED_MISSING)
        item->state = get[which](derived, err);
    bool there = item->state != HD_DERIVED_MISSING;
    pthread_mutex_unlock(&item->lock);
    return there;
}

const struct hd_groups *hd_derived_classes(struct hd_derived *derived, struct hd_error *err)
{
    return have(derived, HD_DERIVED_CLASSES, err) ? &derived->classes : NULL;
}

const struct hd_retained_group *hd_derived_class_sums(struct hd_derived *derived, struct hd_error *err)
{
    return have(derived, HD_DERIVED_CLASS_SUMS, err) ? derived->class_sums : NULL;
}

const struct hd_retained_group *hd_derived_type_sums(struct hd_derived *derived, struct hd_error *err)
{
    return have(derived, HD_DERIVED_TYPE_SUMS, err) ? derived->type_sums : NULL;
}

const struct hd_index_marks *hd_derived_marks(struct hd_derived *derived)
{
    have(derived, HD_DERIVED_MARKS, NULL);
    return &derived->marks;
}

const struct hd_paths *hd_derived_paths(struct hd_derived *derived, struct hd_error *err)
{
    return have(derived, HD_DERIVED_PATHS, err) ? &derived->paths : NULL;
}

bool hd_derived_has_half_paths(const struct hd_derived *derived)
{
    return derived->item[HD_DERIVED_PATHS].state == HD_DERIVED_MAPPED && !derived->paths.parent;
}
