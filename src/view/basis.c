/* See basis.h. */
#include "view/basis.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hd_open_without_index;

static struct hd_basis *lent;
static struct hd_basis *waiting; /* closed, and saved still */
static struct hd_basis *saved;   /* closed, and of it only the path and the counts are left */
static bool put_off;

/* ---- made ---- */

/* The paths take longest and nothing waits for them; the rest is likely to be made by the command meanwhile. */
static void *save(void *data)
{
    struct hd_basis *basis = data;
    struct hd_index_key now;
    struct hd_index_derived derived = {.paths = hd_derived_paths(&basis->derived, NULL),
                                       .classes = hd_derived_classes(&basis->derived, NULL),
                                       .class_sums = hd_derived_class_sums(&basis->derived, NULL),
                                       .type_sums = hd_derived_type_sums(&basis->derived, NULL),
                                       .marks = hd_derived_marks(&basis->derived)};
    /* Changed while it was read: the graph may be of neither state. */
    if (derived.paths && derived.classes && derived.class_sums && derived.type_sums
        && hd_index_identify(&now, basis->path) && hd_index_same(&basis->key, &now))
        basis->saved = hd_index_save(&basis->key, &basis->graph, &basis->dominators, &derived, NULL);
    return NULL;
}

static bool build(struct hd_basis *basis, struct hd_error *err)
{
    if (!hd_builder_read(basis->path, &basis->graph, &basis->storage, err))
        return false;
    if (hd_dominators_create(&basis->dominators, &basis->graph, err))
        return true;
    hd_graph_storage_destroy(basis->storage);
    return false;
}

static struct hd_basis *borrow(const struct hd_index_key *key)
{
    if (!lent || !hd_index_same(&lent->key, key))
        return NULL;
    lent->users++;
    return lent;
}

struct hd_basis *hd_basis_open(const char *path, enum hd_index_need need, struct hd_error *err)
{
    struct hd_index_key key = {.size = 0};
    bool indexed = !hd_open_without_index && hd_index_identify(&key, path);
    struct hd_basis *basis = indexed ? borrow(&key) : NULL;
    if (basis)
        return basis;
    basis = calloc(1, sizeof *basis);
    if (basis)
        basis->path = strdup(path);
    if (!basis || !basis->path) {
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
        free(basis);
        return NULL;
    }
    basis->key = key;
    basis->users = 1;
    if (indexed)
        basis->index = hd_index_map_for(&key, need, &basis->graph, &basis->dominators, NULL);
    if (!basis->index && !build(basis, err)) {
        free(basis->path);
        free(basis);
        return NULL;
    }
    hd_derived_init(&basis->derived, &basis->graph, &basis->dominators, basis->index);
    if (!basis->index)
        basis->saving = indexed && !pthread_create(&basis->saver, NULL, save, basis);
    return basis;
}

/* ---- more of it ---- */

/* In place of an index that is damaged. */
static bool build_instead(struct hd_basis *basis, struct hd_error *err)
{
    struct hd_index_key now;
    const uint32_t count = basis->graph.node_count;
    if (!build(basis, err))
        return false;
    if (basis->graph.node_count == count && hd_index_identify(&now, basis->path) && hd_index_same(&basis->key, &now))
        return true;
    hd_dominators_destroy(&basis->dominators);
    hd_graph_storage_destroy(basis->storage);
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "%.200s has changed since it was read", basis->path);
}

static void derive_anew(struct hd_basis *basis)
{
    hd_derived_deinit(&basis->derived);
    hd_derived_init(&basis->derived, &basis->graph, &basis->dominators, basis->index);
}

static bool can_be_cut(const struct hd_basis *basis)
{
    return basis->index && !basis->graph.node_address && basis->graph.name_start;
}

static void put_excerpt(struct hd_basis *basis)
{
    basis->counts = basis->graph;
    basis->sums = basis->dominators;
    basis->graph = basis->excerpt.graph;
    basis->dominators = basis->excerpt.dominators;
    derive_anew(basis);
    hd_derived_of_excerpt(&basis->derived, basis->excerpt.class_number, &basis->excerpt.paths);
}

bool hd_basis_excerpt(struct hd_basis *basis, hd_basis_cut *cut, uint32_t *node)
{
    struct hd_excerpt_source source = {basis->index, &basis->graph, &basis->dominators};
    if (!can_be_cut(basis) || !cut(&basis->excerpt, &source, *node))
        return false;
    put_excerpt(basis);
    *node = hd_excerpt_find(&basis->excerpt, *node);
    return true;
}

bool hd_basis_excerpt_several(struct hd_basis *basis, hd_basis_cut_several *cut, uint32_t *nodes, uint32_t count)
{
    struct hd_excerpt_source source = {basis->index, &basis->graph, &basis->dominators};
    if (!can_be_cut(basis) || !cut(&basis->excerpt, &source, nodes, count))
        return false;
    put_excerpt(basis);
    for (uint32_t i = 0; i < count; i++)
        nodes[i] = hd_excerpt_find(&basis->excerpt, nodes[i]);
    return true;
}

static void forget_excerpt(struct hd_basis *basis)
{
    if (!basis->excerpt.node)
        return;
    basis->graph = basis->counts;
    basis->dominators = basis->sums;
    derive_anew(basis);
    hd_excerpt_destroy(&basis->excerpt);
}

bool hd_basis_excerpt_along(struct hd_basis *basis, struct hd_path *list, uint32_t count, uint32_t *node)
{
    forget_excerpt(basis);
    struct hd_excerpt_source source = {basis->index, &basis->graph, &basis->dominators};
    if (!can_be_cut(basis) || !hd_excerpt_along(&basis->excerpt, &source, *node, list, count))
        return false;
    put_excerpt(basis);
    *node = hd_excerpt_find(&basis->excerpt, *node);
    return true;
}

bool hd_basis_excerpt_tree(struct hd_basis *basis, struct hd_path_tree *tree)
{
    forget_excerpt(basis);
    struct hd_excerpt_source source = {basis->index, &basis->graph, &basis->dominators};
    if (!can_be_cut(basis) || !hd_excerpt_tree(&basis->excerpt, &source, tree))
        return false;
    put_excerpt(basis);
    return true;
}

bool hd_basis_whole(struct hd_basis *basis, enum hd_index_need need, struct hd_error *err)
{
    forget_excerpt(basis);
    const struct hd_graph counts = basis->graph;
    const struct hd_dominators sums = basis->dominators;
    bool there = need == HD_INDEX_TREE    ? basis->dominators.child_start != NULL
                 : need == HD_INDEX_GRAPH ? basis->graph.edge_start != NULL
                 : need == HD_INDEX_WAYS  ? basis->graph.edge_name != NULL
                 : need == HD_INDEX_NODES ? basis->graph.node_address != NULL
                 : need == HD_INDEX_LABELS ? basis->graph.node_size && basis->graph.node_label
                                          : basis->graph.node_size != NULL;
    if (there)
        return true;
    if (basis->index && hd_index_whole(basis->index, need, &basis->graph, &basis->dominators, NULL)) {
        if (!basis->derived.classes.number || hd_derived_has_half_paths(&basis->derived))
            derive_anew(basis); /* there is more of them now */
        return true;
    }
    if (basis->index) {
        hd_index_discard(basis->index);
        basis->discarded = basis->index;
        basis->index = NULL;
        derive_anew(basis);
    }
    if (!build_instead(basis, err)) {
        basis->graph = counts;
        basis->dominators = sums;
        basis->storage = NULL;
        return false;
    }
    basis->saving = !pthread_create(&basis->saver, NULL, save, basis);
    return true;
}

/* ---- closed ---- */

void hd_basis_settle(struct hd_basis *basis)
{
    if (basis->saving)
        pthread_join(basis->saver, NULL);
    basis->saving = false;
}

static void destroy(struct hd_basis *basis)
{
    hd_basis_settle(basis);
    hd_trees_ahead_end(basis->trees);
    hd_lines_destroy(basis->lines);
    hd_derived_deinit(&basis->derived);
    hd_excerpt_destroy(&basis->excerpt);
    hd_index_unmap(basis->discarded);
    if (basis->index) {
        hd_index_unmap(basis->index);
    } else {
        hd_dominators_destroy(&basis->dominators);
        hd_graph_storage_destroy(basis->storage);
    }
    if (basis->saved && put_off) {
        basis->next = saved;
        saved = basis;
        return;
    }
    free(basis->path);
    free(basis);
}

void hd_basis_close(struct hd_basis *basis)
{
    if (!basis || --basis->users > 0)
        return;
    if (!basis->saving || !put_off) {
        destroy(basis);
        return;
    }
    basis->next = waiting;
    waiting = basis;
}

void hd_basis_lend(struct hd_basis *basis)
{
    lent = basis;
}

void hd_basis_put_off(void)
{
    put_off = true;
}

void hd_basis_wait(void)
{
    while (waiting) {
        struct hd_basis *basis = waiting;
        waiting = basis->next;
        destroy(basis);
    }
}

bool hd_basis_saved(uint32_t least, char path[PATH_MAX])
{
    bool found = false;
    while (saved && !found) {
        struct hd_basis *basis = saved;
        saved = basis->next;
        found = basis->graph.node_count >= least && snprintf(path, PATH_MAX, "%s", basis->path) < PATH_MAX;
        free(basis->path);
        free(basis);
    }
    return found;
}
