/* See trees_ahead.h. */
#include "view/trees_ahead.h"

#include "base/progress.h"

#include <pthread.h>
#include <stdlib.h>

struct item {
    struct hd_tree_shape shape;
    struct hd_tree tree;
    bool over, made; /* made: and not taken */
};

struct hd_trees_ahead {
    struct hd_derived *derived;
    struct hd_progress *watcher;
    struct item item[HD_TREES_AHEAD];
    unsigned count;
    pthread_t thread;
    pthread_mutex_t lock; /* of `over` and `made` */
    pthread_cond_t turned;
};

static bool make(struct hd_trees_ahead *ahead, struct item *item)
{
    struct hd_error err;
    const struct hd_groups *classes = hd_derived_classes(ahead->derived, &err);
    item->shape.paths = classes ? hd_derived_paths(ahead->derived, &err) : NULL;
    return item->shape.paths
           && hd_tree_create(&item->tree, ahead->derived->graph, ahead->derived->dominators, classes, &item->shape, &err);
}

static void *work(void *data)
{
    struct hd_trees_ahead *ahead = data;
    hd_progress_begin(ahead->watcher);
    for (unsigned i = 0; i < ahead->count; i++) {
        bool made = make(ahead, &ahead->item[i]);
        pthread_mutex_lock(&ahead->lock);
        ahead->item[i].over = true;
        ahead->item[i].made = made;
        pthread_cond_broadcast(&ahead->turned);
        pthread_mutex_unlock(&ahead->lock);
    }
    return NULL;
}

struct hd_trees_ahead *hd_trees_ahead_begin(struct hd_derived *derived, const struct hd_tree_shape *shapes, unsigned count)
{
    struct hd_trees_ahead *ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return NULL;
    ahead->derived = derived;
    ahead->watcher = hd_progress_watcher();
    ahead->count = count;
    for (unsigned i = 0; i < count; i++)
        ahead->item[i].shape = shapes[i];
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->turned, NULL);
    if (!pthread_create(&ahead->thread, NULL, work, ahead))
        return ahead;
    free(ahead);
    return NULL;
}

void hd_trees_ahead_end(struct hd_trees_ahead *ahead)
{
    if (!ahead)
        return;
    pthread_join(ahead->thread, NULL);
    for (unsigned i = 0; i < ahead->count; i++)
        if (ahead->item[i].made)
            hd_tree_destroy(&ahead->item[i].tree);
    pthread_mutex_destroy(&ahead->lock);
    pthread_cond_destroy(&ahead->turned);
    free(ahead);
}

static bool same(const struct hd_tree_shape *one, const struct hd_tree_shape *other)
{
    return one->from == other->from && one->depth == other->depth && one->entries == other->entries && one->fold == other->fold;
}

/* The one of that shape, when it is made, with the lock held; NULL: there is none, and no lock. */
static struct item *find(struct hd_trees_ahead *ahead, const struct hd_tree_shape *shape)
{
    for (unsigned i = 0; ahead && i < ahead->count; i++) {
        struct item *item = &ahead->item[i];
        if (!same(&item->shape, shape))
            continue;
        pthread_mutex_lock(&ahead->lock);
        while (!item->over)
            pthread_cond_wait(&ahead->turned, &ahead->lock);
        if (item->made)
            return item;
        pthread_mutex_unlock(&ahead->lock);
    }
    return NULL;
}

bool hd_trees_ahead_take(struct hd_trees_ahead *ahead, const struct hd_tree_shape *shape, struct hd_tree *tree)
{
    struct item *item = find(ahead, shape);
    if (!item)
        return false;
    item->made = false;
    pthread_mutex_unlock(&ahead->lock);
    *tree = item->tree;
    return true;
}

const struct hd_tree *hd_trees_ahead_look(struct hd_trees_ahead *ahead, const struct hd_tree_shape *shape)
{
    struct item *item = find(ahead, shape);
    if (item)
        pthread_mutex_unlock(&ahead->lock);
    return item ? &item->tree : NULL;
}
