/*
 * What every thread is doing, and what its local variables hold: what `threads` shows.
 *
 * Owns the descriptions of the values and the JSON. Frames are graph/stacks.h's.
 */
#ifndef HD_VIEW_THREADS_H
#define HD_VIEW_THREADS_H

#include "graph/stacks.h"
#include "view/describe.h"
#include "view/open.h"

struct hd_view_threads {
    const struct hd_open *open;
    struct hd_stacks stacks;
    struct hd_descriptions descriptions; /* of what the variables hold */
};

/* Opens what that needs, after hd_open_read_for HD_INDEX_SUMS or more: the threads and what they refer to, or HD_INDEX_NODES of the whole. */
bool hd_view_threads_open(struct hd_open *open, struct hd_error *err);

/* Reads the dump again. To be freed whether it succeeds or not. */
bool hd_view_threads_make(struct hd_view_threads *view, struct hd_open *open, struct hd_error *err);
void hd_view_threads_free(struct hd_view_threads *view);

/* How much of it is wanted; 0: all. */
struct hd_view_threads_most {
    uint32_t threads, frames, variables; /* frames of a thread, variables of a frame or thread */
};

/* One object, and a line's end. */
void hd_view_threads_json(FILE *file, const struct hd_view_threads *view, const struct hd_view_threads_most *most);

#endif
