/* See diff_kept.h. */
#include "view/diff_kept.h"

#include "base/progress.h"
#include "view/keep.h"

#include <pthread.h>
#include <stdlib.h>

static const char what[] = "what diff compares";
enum { TEXT, OBJECTS };

bool hd_diff_kept_find(struct hd_diff_part *part, const struct hd_open *open)
{
    *part = (struct hd_diff_part){0};
    struct hd_buffer text = {0};
    struct hd_graph_text objects = hd_keep_can(open) ? hd_keep_look(open, what, OBJECTS) : (struct hd_graph_text){NULL, 0};
    if (!objects.data || !hd_keep_find(open, what, TEXT, &text))
        return false;
    bool found = hd_diff_part_read(part, &text, objects, open->graph.node_count);
    if (found)
        part->index = open->index;
    else
        hd_diff_part_free(part);
    return found;
}

bool hd_diff_kept_part(struct hd_diff_part *part, struct hd_open *open, struct hd_error *err)
{
    return hd_diff_kept_find(part, open) || hd_diff_kept_make(part, open, err);
}

bool hd_diff_kept_make(struct hd_diff_part *part, struct hd_open *open, struct hd_error *err)
{
    *part = (struct hd_diff_part){0};
    bool whole = open->graph.edge_start && open->dominators.child_start; /* left as it is then: names may be taken out of it */
    return (whole || hd_open_whole(open, HD_INDEX_TREE, err)) && hd_diff_part_make(part, &open->graph, &open->dominators, err);
}

/* ---- ahead ---- */

struct hd_diff_ahead {
    const struct hd_open *open;
    struct hd_progress *watcher;
    pthread_t thread;
    struct hd_buffer text, objects;
    bool made;
};

static void *make(void *data)
{
    struct hd_diff_ahead *ahead = data;
    struct hd_diff_part part;
    struct hd_error err;
    hd_progress_begin(ahead->watcher);
    ahead->made = hd_diff_part_make(&part, &ahead->open->graph, &ahead->open->dominators, &err);
    if (ahead->made)
        hd_diff_part_write(&part, &ahead->text, &ahead->objects);
    hd_diff_part_free(&part);
    return NULL;
}

struct hd_diff_ahead *hd_diff_ahead_begin(const struct hd_open *open)
{
    struct hd_diff_ahead *ahead = NULL;
    if (hd_keep_can(open) && !hd_keep_look(open, what, TEXT).data)
        ahead = calloc(1, sizeof *ahead);
    if (!ahead)
        return NULL;
    ahead->open = open;
    ahead->watcher = hd_progress_watcher();
    if (!pthread_create(&ahead->thread, NULL, make, ahead))
        return ahead;
    free(ahead);
    return NULL;
}

void hd_diff_ahead_end(struct hd_diff_ahead *ahead)
{
    if (!ahead)
        return;
    pthread_join(ahead->thread, NULL);
    if (ahead->made && !ahead->text.failed && !ahead->objects.failed) {
        hd_keep_add_data(ahead->open, what, OBJECTS, &ahead->objects);
        hd_keep_add_data(ahead->open, what, TEXT, &ahead->text);
    }
    hd_buffer_deinit(&ahead->text);
    hd_buffer_deinit(&ahead->objects);
    free(ahead);
}
