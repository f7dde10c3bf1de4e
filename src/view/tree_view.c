/* See tree_view.h. */
#include "view/tree_view.h"

#include "dump/json_reader.h"
#include "view/keep.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_BYTES = 4 << 20 }; /* 400,000 groups, mostly */
static const char kept_words[] = "the tree of groups";

/* ---- kept ---- */

/* The whole tree, once. */
static void keep(const struct hd_open *open, const struct hd_tree *whole)
{
    struct hd_buffer code = {0};
    if (open->index && !hd_keep_find(open, kept_words, 0, &code) && hd_tree_encode(&code, whole, KEPT_BYTES))
        hd_keep_add(open, kept_words, 0, &code);
    hd_buffer_deinit(&code);
}

/* False if what is kept, if anything is, does not have what is asked for. */
static bool find(struct hd_tree *tree, const struct hd_open *open, uint32_t from, const struct hd_tree_asked *asked)
{
    struct hd_buffer data = {0};
    struct hd_tree_code code;
    bool found = false;
    if (hd_keep_find(open, kept_words, 0, &data)
        && hd_tree_decode(&code, data.data, data.length, open->graph.node_count, open->graph.name_count)) {
        found = hd_tree_code_part(tree, &code, from, asked);
        hd_tree_code_free(&code);
    }
    hd_buffer_deinit(&data);
    return found;
}

/* Gets what is said of the objects of groups that are shown; others count as the root. The biggest groups stand first. */
static bool name_groups(struct hd_tree *tree, struct hd_open *open, const struct hd_tree_asked *asked, struct hd_error *err)
{
    const uint64_t least = hd_tree_least_bytes(&asked->least, tree);
    uint32_t count = 0;
    while (count < tree->count && (count == 0 || tree->group[count].retained >= least) && (!asked->limit || count <= asked->limit))
        count++;
    uint32_t *nodes = calloc(2 * (size_t)count, sizeof *nodes); /* samples, and who refers to them */
    if (!nodes)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    for (uint32_t i = 0; i < count; i++) {
        nodes[i] = tree->group[i].sample;
        nodes[count + i] = tree->group[i].via == HD_NODE_NONE ? HD_NODE_ROOT : tree->group[i].via;
    }
    bool done = hd_open_nodes(open, nodes, 2 * count, err);
    for (uint32_t i = 0; done && i < tree->count; i++) {
        struct hd_tree_group *group = &tree->group[i];
        group->sample = i < count ? nodes[i] : HD_NODE_ROOT;
        group->via = group->via == HD_NODE_NONE ? HD_NODE_NONE : i < count ? nodes[count + i] : HD_NODE_ROOT;
    }
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
        keep(open, whole ? whole : &own);
    bool done = hd_tree_part(&view->tree, whole ? whole : &own, 0, hd_tree_asked_depth(asked), err);
    hd_tree_destroy(&own);
    view->retained = view->from == HD_NODE_ROOT || open->dominators.parent[view->from] != HD_NODE_NONE;
    return done;
}

bool hd_tree_view_make(struct hd_tree_view *view, struct hd_open *open, const char *id, const struct hd_tree_asked *asked,
                       struct hd_error *err)
{
    *view = (struct hd_tree_view){.open = open, .from = HD_NODE_ROOT, .retained = true};
    if ((!id || hd_open_find(open, id, &view->from)) && find(&view->tree, open, view->from, asked)) {
        if (name_groups(&view->tree, open, asked, err))
            return true;
        hd_tree_destroy(&view->tree);
        return false;
    }
    bool opened = id ? hd_open_excerpt(open, id, hd_excerpt_tree, HD_INDEX_TREE, &view->from, err)
                     : hd_open_whole(open, HD_INDEX_TREE, err);
    return opened && make(view, asked, err);
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
