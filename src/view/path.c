/* See path.h. */
#include "view/path.h"

#include "base/bits.h"
#include "graph/best_names.h"
#include "graph/index_point.h"
#include "graph/paths_all.h"
#include "view/json.h"
#include "view/keep.h"
#include "view/pack.h"
#include "view/shown.h"

#include <stdlib.h>
#include <string.h>

/* --- to one object --- */

/* A shortest one. */
static bool one_path(struct hd_open *open, uint32_t node, struct hd_path **list, uint32_t *count, struct hd_error *err)
{
    const struct hd_paths *shortest = hd_derived_paths(open->derived, err);
    *count = 0;
    *list = shortest ? calloc(1, sizeof **list) : NULL;
    if (shortest && !*list)
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory while looking for paths");
    if (!*list || !hd_paths_to(shortest, node, *list, err)) {
        free(*list);
        *list = NULL;
        return false;
    }
    *count = (*list)->length > 0;
    if (!*count) {
        hd_paths_free(*list, 1);
        *list = NULL;
    }
    return true;
}

/* ---- searches ---- */

/* What is open of the whole graph, be it that only an excerpt is used. */
static const struct hd_graph *counts(const struct hd_open *open)
{
    return open->basis->excerpt.node ? &open->basis->counts : &open->graph;
}

/* The columns of the index as they lie in the file, if no more than a part of them is open. */
static bool mapped_source(const struct hd_open *open, struct hd_index_ways *ways, struct hd_paths_source *source)
{
    if (!open->index || counts(open)->edge_start || !hd_index_ways_init(ways, open->index, counts(open)))
        return false;
    *source = (struct hd_paths_source){&ways->graph, &ways->paths, ways->dominator, ways};
    return true;
}

static bool whole_source(struct hd_open *open, struct hd_paths_source *source, struct hd_error *err)
{
    const struct hd_paths *shortest = hd_open_whole(open, HD_INDEX_GRAPH, err) ? hd_derived_paths(open->derived, err) : NULL;
    *source = (struct hd_paths_source){&open->graph, shortest, open->dominators.parent, NULL};
    return shortest != NULL;
}

/* An index whose blocks hold, and which is none all the same: it is not to be there the next time. */
static bool discard(const struct hd_open *open, struct hd_error *err)
{
    if (!open->index || !err || err->code != HD_ERROR_BAD_DUMP)
        return false;
    hd_index_discard(open->index);
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "the index of %.200s was damaged and is removed: ask again, and a new one is made", open->path);
}

/* More than the shortest path tells: paths by others who refer to it, or by weak references. */
static bool more_paths(struct hd_open *open, uint32_t *node, bool weak, unsigned long all, struct hd_path **list, uint32_t *count,
                       struct hd_error *err)
{
    struct hd_index_ways ways;
    struct hd_paths_source source;
    if (open->basis->excerpt.node)
        *node = open->basis->excerpt.node[*node];
    if (!mapped_source(open, &ways, &source) || !hd_paths_all(&source, *node, weak, (uint32_t)all, list, count, NULL))
        return whole_source(open, &source, err)
               && (hd_paths_all(&source, *node, weak, (uint32_t)all, list, count, err) || discard(open, err));
    if (hd_open_along(open, *list, *count, node, err))
        return true;
    hd_paths_free(*list, *count);
    *list = NULL;
    *count = 0;
    return false;
}

bool hd_view_path_find(struct hd_open *open, uint32_t *node, bool exclude_weak, unsigned long all, struct hd_path **list,
                       uint32_t *count, struct hd_error *err)
{
    if (all > UINT32_MAX)
        all = UINT32_MAX;
    bool weak = !exclude_weak && hd_derived_marks(open->derived)->weak > 0;
    if (!(all > 1 ? more_paths(open, node, weak, all, list, count, err) : one_path(open, *node, list, count, err)))
        return false;
    if (all <= 1 && !*count && weak && !more_paths(open, node, true, all, list, count, err))
        return false;
    if (hd_best_names_along(&open->graph, *list, *count, err))
        return true;
    hd_paths_free(*list, *count);
    *list = NULL;
    *count = 0;
    return false;
}

struct of_path {
    const struct hd_open *open;
    const struct hd_path *path;
};

static struct hd_shown_step step_of(const void *data, uint32_t number)
{
    const struct of_path *of = data;
    return hd_shown_step_of(of->open, of->path, number);
}

void hd_view_path_json_steps(FILE *file, const struct hd_open *open, const struct hd_path *path, uint32_t most)
{
    const struct of_path of = {open, path};
    hd_shown_steps_json(file, path->length, most, step_of, &of);
}

void hd_view_path_json(FILE *file, const struct hd_open *open, uint32_t node, const struct hd_path *list, uint32_t count,
                       uint32_t most)
{
    fputs("{", file);
    hd_open_json_head(file, open);
    fputs(",\"target\":{", file);
    hd_open_json_node(file, open, node);
    fputs("},\"paths\":[", file);
    for (uint32_t i = 0; i < count; i++) {
        fputs(i ? "," : "", file);
        hd_view_path_json_steps(file, open, &list[i], most);
    }
    fputs("]}\n", file);
}

/* --- to the objects of a class --- */

/* ---- kept ---- */

static const char what[] = "merged paths";

static void steps_pack(struct hd_pack *pack, struct hd_merged_paths *merged, const struct hd_graph *graph)
{
    merged->step = hd_pack_list(pack, merged->step, &merged->count, sizeof *merged->step);
    for (uint32_t i = 0; i < merged->count; i++) {
        struct hd_merged_step *step = &merged->step[i];
        hd_pack_below(pack, &step->parent, UINT32_MAX);
        hd_pack_below(pack, &step->name, HD_NAME_MASK);
        hd_pack_below(pack, &step->sample, graph->node_count - 1);
        hd_pack_below(pack, &step->nodes, UINT32_MAX);
        hd_pack_below(pack, &step->ends, UINT32_MAX);
        hd_pack_below(pack, &step->members, UINT32_MAX);
        hd_pack_number(pack, &step->size);
    }
}

/* In the numbers of the whole graph. */
static bool find_kept(struct hd_view_class_path *tree, struct hd_open *open, uint32_t group)
{
    struct hd_buffer data = {0};
    bool found = hd_keep_can(open) && hd_keep_find(open, what, group, &data);
    if (found) {
        struct hd_pack pack = hd_pack_reading(&data);
        hd_pack_number(&pack, &tree->objects);
        steps_pack(&pack, &tree->merged, &open->graph);
        found = hd_pack_ended(&pack) && tree->merged.count > 0 && hd_paths_merged_link(&tree->merged);
        if (!found)
            hd_paths_merged_free(&tree->merged);
    }
    hd_buffer_deinit(&data);
    return found;
}

static void keep(struct hd_view_class_path *tree, struct hd_open *open, uint32_t group)
{
    struct hd_buffer data = {0};
    struct hd_pack pack = hd_pack_writing(&data);
    hd_pack_number(&pack, &tree->objects);
    steps_pack(&pack, &tree->merged, &open->graph);
    hd_keep_add(open, what, group, &data);
    hd_buffer_deinit(&data);
}

/* ---- made ---- */

/* The objects of a class, of those that are open, as a set; *count is how many. NULL: memory ran out. */
static uint64_t *members(const uint32_t *number, uint32_t nodes, uint32_t group, uint64_t *count)
{
    uint64_t *set = hd_bits_create(nodes);
    *count = 0;
    for (uint32_t first = 0; set && first < nodes; first += HD_BITS_WORD) {
        uint64_t word = 0;
        uint32_t end = nodes - first < HD_BITS_WORD ? nodes - first : HD_BITS_WORD;
        for (uint32_t i = 0; i < end; i++)
            word |= (uint64_t)(number[first + i] == group) << i;
        set[first / HD_BITS_WORD] = word;
        *count += (unsigned)__builtin_popcountll(word);
        if (nodes - first <= HD_BITS_WORD)
            break;
    }
    return set;
}

/* The same of all there are, which may be closed; the index need not have them, or be damaged. */
static uint64_t *members_of_all(struct hd_open *open, uint32_t group, uint64_t *count)
{
    const uint32_t *number = open->index ? hd_index_class_numbers(open->index) : NULL;
    if (number)
        return members(number, counts(open)->node_count, group, count);
    const struct hd_groups *groups = hd_open_whole(open, HD_INDEX_GRAPH, NULL) ? hd_derived_classes(open->derived, NULL) : NULL;
    return groups ? members(groups->number, open->graph.node_count, group, count) : NULL;
}

/* Of the tree of paths, as it is open, in place of what there is. `set`: those of the whole graph that it leads to; it may be an excerpt that is open. */
static bool merge_tree(const struct hd_open *open, const struct hd_path_tree *paths, const uint64_t *set, const uint32_t *nodes,
                       struct hd_view_class_path *tree, struct hd_error *err)
{
    struct hd_paths some;
    struct hd_merged_paths merged;
    uint64_t *ends = hd_bits_create(open->graph.node_count);
    if (!ends)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < paths->count; i++)
        if (hd_bits_has(set, nodes[i]))
            hd_bits_add(ends, paths->step[i].node);
    bool done = hd_paths_of_tree(&some, &open->graph, paths, err);
    if (done) {
        hd_best_names_from_root(&some);
        done = hd_paths_merge(&some, ends, &merged, err);
        hd_paths_destroy(&some);
    }
    free(ends);
    if (!done)
        return false;
    hd_paths_merged_free(&tree->merged);
    tree->merged = merged;
    return true;
}

/* The numbers that its nodes have now. NULL: memory ran out. */
static uint32_t *nodes_of(const struct hd_path_tree *paths)
{
    uint32_t *list = malloc(((size_t)paths->count + 1) * sizeof *list);
    for (uint32_t i = 0; list && i < paths->count; i++)
        list[i] = paths->step[i].node;
    return list;
}

/* By weak references: no other lead to any of them. */
static bool merge_weak(struct hd_open *open, uint32_t group, struct hd_view_class_path *tree, struct hd_error *err)
{
    struct hd_index_ways ways;
    struct hd_paths_source source;
    struct hd_path_tree paths = {.count = 0};
    uint64_t *set = members_of_all(open, group, &tree->objects);
    if (!set)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory while looking for paths");
    bool mapped = mapped_source(open, &ways, &source) && hd_paths_weak(&source, set, &paths, NULL);
    bool done = mapped || (whole_source(open, &source, err) && (hd_paths_weak(&source, set, &paths, err) || discard(open, err)));
    uint32_t *nodes = done ? nodes_of(&paths) : NULL;
    done = done && (nodes || hd_error_set(err, HD_ERROR_MEMORY, "out of memory while looking for paths"));
    if (done && paths.count > 0)
        done = (!mapped || hd_open_tree(open, &paths, err)) && merge_tree(open, &paths, set, nodes, tree, err);
    tree->weak = paths.count > 0;
    free(nodes);
    free(set);
    free(paths.step);
    return done;
}

/* What is said of each step's sample. */
static bool samples(struct hd_open *open, struct hd_merged_paths *merged, struct hd_error *err)
{
    uint32_t *node = malloc((size_t)merged->count * sizeof *node);
    if (!node)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < merged->count; i++)
        node[i] = merged->step[i].sample;
    bool done = hd_open_nodes(open, node, merged->count, err);
    for (uint32_t i = 0; done && i < merged->count; i++)
        merged->step[i].sample = node[i];
    free(node);
    return done;
}

/* Out of what is open. */
static bool make(struct hd_view_class_path *tree, struct hd_open *open, uint32_t group, struct hd_error *err)
{
    const struct hd_groups *groups = hd_derived_classes(open->derived, err);
    const struct hd_paths *shortest = groups ? hd_derived_paths(open->derived, err) : NULL;
    uint64_t *set = shortest ? members(groups->number, open->graph.node_count, group, &tree->objects) : NULL;
    if (!set)
        return shortest ? hd_error_set(err, HD_ERROR_MEMORY, "out of memory") : false;
    bool done = hd_paths_merge(shortest, set, &tree->merged, err);
    free(set);
    return done;
}

/* Of a class with few objects their paths alone are opened; false if they are not. */
static bool open_few(struct hd_open *open, uint32_t group)
{
    enum { MOST = 1000 }; /* more lie in nearly all blocks of the index, which all processors look at sooner than one */
    const struct hd_retained_group *sums = open->index && !open->graph.node_address ? hd_derived_class_sums(open->derived, NULL) : NULL;
    if (!sums || sums[group].count > MOST)
        return false;
    uint32_t *node = malloc(MOST * sizeof *node);
    uint64_t count = 0;
    bool opened = node && hd_index_members(open->index, group, node, MOST, &count) && count <= MOST
                  && hd_open_several(open, hd_excerpt_ways, node, (uint32_t)count);
    free(node);
    return opened;
}

/* As of the paths to nothing: the root alone. */
static bool make_none(struct hd_view_class_path *tree, uint64_t objects, struct hd_error *err)
{
    struct hd_merged_step *root = malloc(sizeof *root);
    if (!root)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory while merging paths");
    *root = (struct hd_merged_step){.parent = HD_NODE_NONE, .child = HD_NODE_NONE, .next = HD_NODE_NONE, .name = HD_NAME_MASK,
                                    .sample = HD_NODE_ROOT, .nodes = 1};
    tree->merged = (struct hd_merged_paths){root, 1};
    tree->objects = objects;
    return true;
}

/* Out of the least that will do. */
static bool make_some_how(struct hd_view_class_path *tree, struct hd_open *open, uint32_t group, bool exclude_weak, struct hd_error *err)
{
    const struct hd_retained_group *sums = open->index ? hd_derived_class_sums(open->derived, NULL) : NULL;
    bool made = sums && sums[group].count == sums[group].unreachable
                    ? make_none(tree, sums[group].count, err)
                    : (open_few(open, group) || hd_open_whole(open, HD_INDEX_WAYS, err)) && make(tree, open, group, err);
    if (!made)
        return false;
    if (tree->merged.step[0].members > 0 || exclude_weak || hd_derived_marks(open->derived)->weak == 0
        || merge_weak(open, group, tree, err))
        return true;
    hd_paths_merged_free(&tree->merged);
    return false;
}

bool hd_view_class_path_make(struct hd_view_class_path *tree, struct hd_open *open, const char *class, bool exclude_weak,
                             struct hd_error *err)
{
    *tree = (struct hd_view_class_path){.objects = 0};
    const struct hd_groups *groups = hd_derived_classes(open->derived, err);
    if (!groups)
        return false;
    uint32_t group = hd_groups_find(groups, class, strlen(class));
    if (group == HD_NODE_NONE)
        return hd_error_set(err, HD_ERROR_USAGE,
                            "%.200s has no objects of a class %.100s; `heap_dump top` lists the classes it has",
                            open->path, class);
    tree->class = groups->name[group];
    tree->kept = find_kept(tree, open, group);
    if (!tree->kept) {
        if (!make_some_how(tree, open, group, exclude_weak, err) || !(groups = hd_derived_classes(open->derived, err)))
            return false;
        tree->class = groups->name[group];
        if (tree->objects >= HD_VIEW_PATH_MANY && !tree->weak && tree->merged.step[0].members > 0 && hd_keep_can(open))
            keep(tree, open, group);
    }
    if (samples(open, &tree->merged, err))
        return true;
    hd_paths_merged_free(&tree->merged);
    return false;
}

void hd_view_class_path_json(FILE *file, const struct hd_open *open, const struct hd_view_class_path *tree, unsigned long limit)
{
    const struct hd_merged_step *steps = tree->merged.step;
    fputs("{", file);
    hd_open_json_head(file, open);
    fputs(",\"class\":", file);
    hd_json_text(file, tree->class);
    fprintf(file, ",\"objects\":%llu,\"reached\":%u,\"weak\":%s,\"step_count\":%u,\"steps\":[",
           (unsigned long long)tree->objects, steps[0].members, tree->weak ? "true" : "false", tree->merged.count - 1);
    /* parents come first, so a part of the steps is a tree, too */
    for (uint32_t i = 1; i < tree->merged.count; i++) {
        if (limit && i > limit)
            break;
        fprintf(file, "%s{\"step\":%u,\"parent\":%u,\"name\":", i > 1 ? "," : "", i, steps[i].parent);
        hd_json_text(file, hd_graph_name(&open->graph, steps[i].name));
        fprintf(file, ",\"nodes\":%u,\"ends\":%u,\"members\":%u,\"bytes\":%llu,\"sample\":{", steps[i].nodes, steps[i].ends,
               steps[i].members, (unsigned long long)steps[i].size);
        hd_open_json_node(file, open, steps[i].sample);
        fputs("}}", file);
    }
    fputs("]}\n", file);
}
