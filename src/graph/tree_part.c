/* A part of a tree of groups. See tree.h. */
#include "graph/tree.h"

#include <stdlib.h>

uint32_t *hd_tree_objects(const struct hd_tree *tree)
{
    uint32_t *objects = calloc((size_t)tree->count + 1, sizeof *objects);
    for (uint32_t i = tree->count; objects && i-- > 0;) {
        const struct hd_tree_group *group = &tree->group[i];
        objects[i] += group->count + group->deeper_count + (tree->rest ? tree->rest[i].below : 0);
        if (i == 0 && group->sample == HD_NODE_ROOT)
            objects[i] -= group->count;
        if (group->parent != HD_NODE_NONE)
            objects[group->parent] += objects[i];
    }
    return objects;
}

/* Numbers in the part of those that are in it, HD_NODE_NONE of the others. Returns how many are. */
static uint32_t choose(uint32_t *number, const struct hd_tree *whole, uint32_t top, uint32_t depth)
{
    const struct hd_tree_group *groups = whole->group;
    uint32_t count = 0;
    for (uint32_t i = 0; i < whole->count; i++) {
        uint32_t parent = groups[i].parent;
        bool below = i > top && parent != HD_NODE_NONE && number[parent] != HD_NODE_NONE
                     && groups[i].depth - groups[top].depth <= depth;
        number[i] = i == top || below ? count++ : HD_NODE_NONE;
    }
    return count;
}

static uint32_t renumber(const uint32_t *number, uint32_t group)
{
    return group == HD_NODE_NONE ? HD_NODE_NONE : number[group];
}

/* `objects`: with all below it. */
static void take(struct hd_tree *part, uint32_t to, const struct hd_tree *whole, uint32_t from, const uint32_t *number,
                 uint32_t objects, bool last_level)
{
    struct hd_tree_group *group = &part->group[to];
    *group = whole->group[from];
    group->parent = renumber(number, group->parent);
    group->next = renumber(number, group->next);
    group->child = last_level ? HD_NODE_NONE : renumber(number, group->child);
    if (last_level) {
        group->deeper = group->retained - group->self;
        group->deeper_count = objects - (group->sample == HD_NODE_ROOT ? 0 : group->count);
    } else if (part->rest) {
        part->rest[to] = whole->rest[from];
    }
}

bool hd_tree_part(struct hd_tree *part, const struct hd_tree *whole, uint32_t top, uint32_t depth, struct hd_error *err)
{
    uint32_t *number = malloc((size_t)whole->count * sizeof *number), *objects = number ? hd_tree_objects(whole) : NULL;
    *part = (struct hd_tree){.count = objects ? choose(number, whole, top, depth) : 0};
    part->group = objects ? malloc((size_t)part->count * sizeof *part->group) : NULL;
    part->rest = whole->rest && part->group ? calloc(part->count, sizeof *part->rest) : NULL;
    bool done = (part->group && (part->rest || !whole->rest)) || hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    const uint32_t above = whole->group[top].depth;
    for (uint32_t i = top; done && i < whole->count; i++) {
        if (number[i] == HD_NODE_NONE)
            continue;
        take(part, number[i], whole, i, number, objects[i], whole->group[i].depth - above == depth);
        part->group[number[i]].depth -= above;
    }
    if (done && top != 0) { /* what led to it is above */
        struct hd_tree_group *first = part->group;
        first->parent = first->next = first->via = HD_NODE_NONE;
        first->name = HD_NAME_MASK;
    }
    free(number);
    free(objects);
    if (!done)
        hd_tree_destroy(part);
    return done;
}
