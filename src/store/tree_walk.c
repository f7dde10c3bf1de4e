/* See tree_walk.h. */
#include "store/tree_walk.h"

#include <stdlib.h>

const char *const hd_tree_walk_words[] = {
    [HD_TREE_WALK_OWN] = NULL, [HD_TREE_WALK_DEEPER] = "(deeper)", [HD_TREE_WALK_SMALLER] = "(smaller)"};

static bool weigh(const struct hd_tree_walker *walker, uint32_t depth, enum hd_tree_walk_part part, uint64_t objects,
                  uint64_t bytes, struct hd_error *err)
{
    struct hd_tree_walk_weight weight = {objects, bytes};
    return (!objects && !bytes) || walker->weigh(walker->data, depth, part, weight, err);
}

static bool visit(const struct hd_tree *tree, const uint32_t *objects, uint32_t number, uint64_t least,
                  const struct hd_tree_walker *walker, struct hd_error *err)
{
    const struct hd_tree_group *group = &tree->group[number];
    bool is_root = number == 0 && group->sample == HD_NODE_ROOT;
    uint64_t small_objects = 0, small_bytes = 0;
    if (!walker->enter(walker->data, number, group->depth, err))
        return false;
    for (uint32_t at = group->child; at != HD_NODE_NONE; at = tree->group[at].next) {
        if (tree->group[at].retained >= least)
            continue;
        small_objects += objects[at];
        small_bytes += tree->group[at].retained;
    }
    if (tree->rest) {
        small_objects += tree->rest[number].below;
        small_bytes += tree->rest[number].bytes;
    }
    return weigh(walker, group->depth, HD_TREE_WALK_OWN, is_root ? 0 : group->count, group->self, err)
           && weigh(walker, group->depth, HD_TREE_WALK_DEEPER, group->deeper_count, group->deeper, err)
           && weigh(walker, group->depth, HD_TREE_WALK_SMALLER, small_objects, small_bytes, err);
}

bool hd_tree_walk(const struct hd_tree *tree, uint64_t least, const struct hd_tree_walker *walker, struct hd_error *err)
{
    uint32_t *objects = hd_tree_objects(tree);
    if (!objects)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    bool ok = true;
    for (uint32_t at = 0; ok && at != HD_NODE_NONE;) {
        bool small = at > 0 && tree->group[at].retained < least;
        ok = small || visit(tree, objects, at, least, walker, err);
        at = hd_tree_next(tree, at, small);
    }
    free(objects);
    return ok;
}

uint32_t hd_tree_walk_depth(const struct hd_tree *tree)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < tree->count; i++)
        depth = tree->group[i].depth > depth ? tree->group[i].depth : depth;
    return depth;
}
