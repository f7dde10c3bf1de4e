/* See exact_sums.h. */
#include "view/exact_sums.h"

#include "base/progress.h"
#include "graph/exact.h"
#include "view/keep.h"
#include "view/pack.h"

#include <pthread.h>
#include <stdlib.h>

static const char what[] = "exact sums";

void hd_exact_sums_free(struct hd_exact_sums *sums)
{
    free(sums->classes);
    free(sums->types);
    *sums = (struct hd_exact_sums){0};
}

/* ---- kept ---- */

/* None is kept as one of nothing. */
static void list_pack(struct hd_pack *pack, uint64_t **list, uint32_t *count)
{
    *list = hd_pack_list(pack, *list, count, sizeof **list);
    for (uint32_t i = 0; i < *count; i++)
        hd_pack_number(pack, &(*list)[i]);
    if (*count == 0) {
        free(*list);
        *list = NULL;
    }
}

static void sums_pack(struct hd_pack *pack, struct hd_exact_sums *sums)
{
    list_pack(pack, &sums->classes, &sums->class_count);
    list_pack(pack, &sums->types, &sums->type_count);
}

static bool find(struct hd_exact_sums *sums, const struct hd_open *open)
{
    struct hd_buffer data = {0};
    bool found = hd_keep_find(open, what, 0, &data);
    if (found) {
        struct hd_pack pack = hd_pack_reading(&data);
        sums_pack(&pack, sums);
        found = hd_pack_ended(&pack);
    }
    if (!found)
        hd_exact_sums_free(sums);
    hd_buffer_deinit(&data);
    return found;
}

static void keep(struct hd_exact_sums *sums, const struct hd_open *open)
{
    struct hd_buffer data = {0};
    struct hd_pack pack = hd_pack_writing(&data);
    sums_pack(&pack, sums);
    hd_keep_add(open, what, 0, &data);
    hd_buffer_deinit(&data);
}

/* ---- made ---- */

/* What is too tangled is left out. */
static void take(const struct hd_exact_groups *way, uint64_t **list, uint32_t *count)
{
    *list = way->known ? way->retained : NULL;
    *count = way->known ? way->count : 0;
    if (!way->known)
        free(way->retained);
}

static bool make(struct hd_exact_sums *sums, const struct hd_open *open, struct hd_error *err)
{
    struct hd_groups types;
    const struct hd_groups *classes = hd_derived_classes(open->derived, err);
    if (!classes || !hd_groups_by_type(&types, &open->graph, err))
        return false;
    struct hd_exact_groups ways[] = {
        {.number = classes->number, .count = classes->count, .retained = calloc((size_t)classes->count + 1, sizeof(uint64_t))},
        {.number = types.number, .count = types.count, .retained = calloc((size_t)types.count + 1, sizeof(uint64_t))}};
    bool there = ways[0].retained && ways[1].retained;
    bool done = there && hd_exact_retained(&open->dominators, &open->graph, ways, 2, err);
    if (!there)
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory");
    if (!done)
        ways[0].known = ways[1].known = false;
    take(&ways[0], &sums->classes, &sums->class_count);
    take(&ways[1], &sums->types, &sums->type_count);
    hd_groups_destroy(&types);
    return done;
}

bool hd_exact_sums_get(struct hd_exact_sums *sums, struct hd_open *open, struct hd_error *err)
{
    *sums = (struct hd_exact_sums){0};
    if (find(sums, open))
        return true;
    if (!hd_open_whole(open, HD_INDEX_GRAPH, err) || !make(sums, open, err))
        return false;
    keep(sums, open);
    return true;
}

/* ---- ahead ---- */

struct hd_exact_ahead {
    struct hd_open *open;
    struct hd_progress *watcher;
    struct hd_exact_sums sums;
    bool made;
    pthread_t thread;
};

static void *work(void *data)
{
    struct hd_exact_ahead *ahead = data;
    struct hd_error err;
    hd_progress_begin(ahead->watcher);
    ahead->made = make(&ahead->sums, ahead->open, &err);
    return NULL;
}

struct hd_exact_ahead *hd_exact_ahead_begin(struct hd_open *open)
{
    struct hd_exact_ahead *ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return NULL;
    ahead->open = open;
    ahead->watcher = hd_progress_watcher();
    if (!find(&ahead->sums, open) && !pthread_create(&ahead->thread, NULL, work, ahead))
        return ahead;
    hd_exact_sums_free(&ahead->sums);
    free(ahead);
    return NULL;
}

void hd_exact_ahead_end(struct hd_exact_ahead *ahead)
{
    if (!ahead)
        return;
    pthread_join(ahead->thread, NULL);
    if (ahead->made)
        keep(&ahead->sums, ahead->open);
    hd_exact_sums_free(&ahead->sums);
    free(ahead);
}
