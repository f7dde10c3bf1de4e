/* See tree_view.h. */
#include "view/tree_view.h"

#include "dump/json_reader.h"
#include "graph/index_point.h"
#include "view/keep.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 4 << 20,  /* 400,000 groups, mostly */
       OWN_TREES = 8, OWN_SHARE = 20 }; /* of objects that retain a 20th, which are one of several in a group: it takes a while to go through what is below one */
static const char kept_words[] = "the tree of groups";

/* ---- kept ---- */

/* One of the objects of a group, of which the tree from there on is not in the whole one; and not a link of a list, of which all have such trees. */
static bool is_one_of_several(const struct hd_open *open, const struct hd_tree *whole, uint32_t node)
{
    const uint32_t group = whole->number[node];
    uint32_t above = open->dominators.parent[node];
    if (group == HD_NODE_NONE || (whole->group[group].count == 1 && !whole->group[group].leaves))
        return false;
    for (int i = 0; i < HD_TREE_FOLD && above != HD_NODE_NONE; i++, above = open->dominators.parent[above])
        if (whole->number[above] == group)
            return false;
    return true;
}

/* The biggest of them; returns how many. */
static uint32_t choose_own(const struct hd_open *open, const struct hd_tree *whole, uint32_t chosen[OWN_TREES])
{
    const uint64_t *retained = open->dominators.retained, least = open->dominators.reachable_size / OWN_SHARE;
    uint32_t count = 0;
    for (uint32_t node = 1; node < open->graph.node_count; node++) {
        uint32_t at = count;
        if (retained[node] < least || open->dominators.parent[node] == HD_NODE_NONE || !is_one_of_several(open, whole, node))
            continue;
        for (; at > 0 && retained[node] > retained[chosen[at - 1]]; at--)
            if (at < OWN_TREES)
                chosen[at] = chosen[at - 1];
        if (at < OWN_TREES)
            chosen[at] = node;
        count += count < OWN_TREES;
    }
    return count;
}

static void keep_one(const struct hd_open *open, uint32_t from, const struct hd_tree *tree)
{
    struct hd_buffer code = {0};
    if (hd_tree_encode(&code, tree, KEPT_BYTES))
        hd_keep_add(open, kept_words, from, &code);
    hd_buffer_deinit(&code);
}

/* The whole tree, once, and those that it does not have; together these have no more objects than it, mostly. */
static void keep(const struct hd_open *open, const struct hd_tree *whole, const struct hd_groups *classes, struct hd_tree_shape shape)
{
    struct hd_buffer code = {0};
    struct hd_tree own;
    uint32_t chosen[OWN_TREES];
    if (!open->index || hd_keep_find(open, kept_words, HD_NODE_ROOT, &code)) {
        hd_buffer_deinit(&code);
        return;
    }
    hd_buffer_deinit(&code);
    keep_one(open, HD_NODE_ROOT, whole);
    uint64_t left = open->dominators.reachable_size;
    uint32_t count = whole->number ? choose_own(open, whole, chosen) : 0;
    for (uint32_t i = 0; i < count && open->dominators.retained[chosen[i]] <= left; i++) {
        struct hd_error err;
        left -= open->dominators.retained[chosen[i]];
        shape.from = chosen[i];
        if (!hd_tree_create(&own, &open->graph, &open->dominators, classes, &shape, &err))
            return;
        keep_one(open, chosen[i], &own);
        hd_tree_destroy(&own);
    }
}

/* False if that tree, if it is kept, does not have what is asked for. */
static bool find_in(struct hd_tree *tree, const struct hd_open *open, uint32_t top, uint32_t from, const struct hd_tree_asked *asked)
{
    struct hd_buffer data = {0};
    struct hd_tree_code code;
    bool found = false;
    if (hd_keep_find(open, kept_words, top, &data)
        && hd_tree_decode(&code, data.data, data.length, open->graph.node_count, open->graph.name_count)) {
        found = code.tree.group[0].sample == top && hd_tree_code_part(tree, &code, from, asked);
        hd_tree_code_free(&code);
    }
    hd_buffer_deinit(&data);
    return found;
}

static bool find(struct hd_tree *tree, const struct hd_open *open, uint32_t from, const struct hd_tree_asked *asked)
{
    return find_in(tree, open, HD_NODE_ROOT, from, asked) || (from != HD_NODE_ROOT && find_in(tree, open, from, from, asked));
}

/* The groups that are shown; *count of them. NULL if memory ran out. */
static struct hd_tree_order *choose(const struct hd_tree *tree, const struct hd_tree_asked *asked, uint32_t *count)
{
    const uint64_t least = hd_tree_least_bytes(&asked->least, tree);
    struct hd_tree_order *order = malloc((size_t)tree->count * sizeof *order);
    *count = 0;
    for (uint32_t i = 0; order && i < tree->count; i++)
        if (i == 0 || tree->group[i].retained >= least)
            order[(*count)++] = (struct hd_tree_order){tree->group[i].retained, i};
    if (order && asked->limit && asked->limit < *count - 1) {
        qsort(order, *count, sizeof *order, hd_tree_bigger_first);
        *count = (uint32_t)asked->limit + 1;
    }
    return order;
}

/* Gets what is said of the objects of groups that are shown; others count as the root. */
static bool name_groups(struct hd_tree *tree, struct hd_open *open, const struct hd_tree_asked *asked, struct hd_error *err)
{
    uint32_t count = 0;
    struct hd_tree_order *shown = choose(tree, asked, &count);
    uint32_t *nodes = calloc(2 * (size_t)count + 1, sizeof *nodes); /* samples, and who refers to them */
    bool done = (shown && nodes) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; done && i < count; i++) {
        const struct hd_tree_group *group = &tree->group[shown[i].number];
        nodes[i] = group->sample;
        nodes[count + i] = group->via == HD_NODE_NONE ? HD_NODE_ROOT : group->via;
    }
    done = done && hd_open_nodes(open, nodes, 2 * count, err);
    for (uint32_t i = 0; done && i < tree->count; i++) {
        struct hd_tree_group *group = &tree->group[i];
        group->sample = HD_NODE_ROOT;
        group->via = group->via == HD_NODE_NONE ? HD_NODE_NONE : HD_NODE_ROOT;
    }
    for (uint32_t i = 0; done && i < count; i++) {
        struct hd_tree_group *group = &tree->group[shown[i].number];
        group->sample = nodes[i];
        group->via = group->via == HD_NODE_NONE ? HD_NODE_NONE : nodes[count + i];
    }
    free(shown);
    free(nodes);
    return done;
}

/* ---- made ---- */

static bool make_shape(struct hd_tree_shape *shape, const struct hd_tree_view *view, const struct hd_groups **classes,
                       struct hd_error *err)
{
    struct hd_derived *derived = view->open->derived;
    *classes = hd_derived_classes(derived, err);
    *shape = (struct hd_tree_shape){.paths = *classes ? hd_derived_paths(derived, err) : NULL, .from = view->from,
                                    .depth = UINT32_MAX, .entries = true, .fold = true};
    return shape->paths != NULL;
}

/* Of all levels, for what is deep may belong to what is not; then as many are taken as are asked for. */
static bool make(struct hd_tree_view *view, const struct hd_tree_asked *asked, struct hd_error *err)
{
    const struct hd_open *open = view->open;
    const struct hd_groups *classes;
    struct hd_tree_shape shape;
    struct hd_tree own = {0};
    if (!make_shape(&shape, view, &classes, err))
        return false;
    const struct hd_tree *whole = hd_trees_ahead_look(open->basis->trees, &shape);
    if (!whole && !hd_tree_create(&own, &open->graph, &open->dominators, classes, &shape, err))
        return false;
    if (view->from == HD_NODE_ROOT)
        keep(open, whole ? whole : &own, classes, shape);
    bool done = hd_tree_part(&view->tree, whole ? whole : &own, 0, hd_tree_asked_depth(asked), err);
    hd_tree_destroy(&own);
    view->retained = view->from == HD_NODE_ROOT || open->dominators.parent[view->from] != HD_NODE_NONE;
    return done;
}

/* Of what is below one object nothing else is looked at. False: the index does not hold. */
static bool make_below(struct hd_tree_view *view, const struct hd_tree_asked *asked)
{
    const struct hd_open *open = view->open;
    struct hd_index_columns columns;
    struct hd_tree whole = {0};
    struct hd_error err;
    uint32_t above;
    if (!open->index || open->graph.node_address || !hd_index_dominator(open->index, view->from, &above)
        || !hd_index_columns_init(&columns, open->index, &open->graph))
        return false;
    const struct hd_groups classes = {.number = columns.class_number};
    const struct hd_tree_shape shape = {.paths = &columns.paths, .from = view->from, .depth = UINT32_MAX, .entries = true,
                                        .fold = true, .mapped = &columns};
    bool done = hd_tree_create(&whole, &columns.graph, &columns.dominators, &classes, &shape, &err)
                && hd_tree_part(&view->tree, &whole, 0, hd_tree_asked_depth(asked), &err);
    hd_tree_destroy(&whole);
    hd_index_columns_deinit(&columns);
    view->retained = above != HD_NODE_NONE;
    return done;
}

bool hd_tree_view_make(struct hd_tree_view *view, struct hd_open *open, const char *id, const struct hd_tree_asked *asked,
                       struct hd_error *err)
{
    *view = (struct hd_tree_view){.open = open, .from = HD_NODE_ROOT, .retained = true};
    if (id && !hd_open_may_have(open, id, err))
        return false;
    bool known = !id || hd_open_find(open, id, &view->from);
    if (known && (find(&view->tree, open, view->from, asked) || (id && make_below(view, asked)))) {
        if (name_groups(&view->tree, open, asked, err))
            return true;
        hd_tree_destroy(&view->tree);
        return false;
    }
    return hd_open_whole(open, HD_INDEX_TREE, err) && (!id || hd_open_node(open, id, &view->from, err)) && make(view, asked, err);
}

bool hd_tree_view_make_whole(struct hd_tree_view *view, struct hd_open *open, struct hd_error *err)
{
    const struct hd_groups *classes;
    struct hd_tree_shape shape;
    *view = (struct hd_tree_view){.open = open, .from = HD_NODE_ROOT, .retained = true};
    if (!make_shape(&shape, view, &classes, err))
        return false;
    return hd_trees_ahead_take(open->basis->trees, &shape, &view->tree)
           || hd_tree_create(&view->tree, &open->graph, &open->dominators, classes, &shape, err);
}

void hd_tree_view_free(struct hd_tree_view *view)
{
    hd_tree_destroy(&view->tree);
}

static void append(struct hd_buffer *out, const char *text)
{
    hd_buffer_append(out, text, strlen(text));
}

/* A class or module with a name: of several ways there none tells more. */
static bool names_itself(const struct hd_tree_view *view, uint32_t node)
{
    const struct hd_graph *graph = &view->open->graph;
    bool class = graph->node_type[node] == HD_BT_T_CLASS || graph->node_type[node] == HD_BT_T_MODULE;
    return class && hd_graph_name(graph, graph->node_label[node]).length > 0;
}

void hd_tree_view_name(struct hd_buffer *out, const struct hd_tree_view *view, uint32_t number, const char *arrow)
{
    const struct hd_tree_group *group = &view->tree.group[number];
    struct hd_graph_text name = hd_tree_name(&view->open->graph, group);
    char title[HD_OPEN_TITLE];
    bool several = group->via != HD_NODE_NONE, itself = several && names_itself(view, group->sample);
    if (several)
        append(out, "… ");
    if (several && !itself) {
        append(out, hd_open_title(title, view->open, group->via));
        append(out, arrow);
    }
    if (name.length && !itself) {
        hd_buffer_append(out, name.data, name.length);
        append(out, arrow);
    }
    append(out, hd_open_title(title, view->open, group->sample));
}
