/*
 * How far long work is, and whether anybody still wants it.
 *
 * Who waits makes one and hands it to the thread that works (hd_progress_begin); work that takes long tells it how far it
 * is and ends when it is cancelled. Work that nobody watches pays one comparison. Must not know what the work is.
 */
#ifndef HD_BASE_PROGRESS_H
#define HD_BASE_PROGRESS_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct hd_progress {
    _Atomic(const char *) stage; /* "reading the dump again"; NULL: nothing is known */
    _Atomic uint64_t done, total; /* of the stage, in any unit; 0 of 0: not known */
    _Atomic bool cancelled;
    void (*turned)(struct hd_progress *progress); /* called when a stage begins or ends, by who works; NULL */
};

/* What this thread does from now on is watched by that; NULL: by nobody. */
void hd_progress_begin(struct hd_progress *progress);

/* Who watches this thread, NULL if nobody does. Work that starts threads hands it on itself. */
struct hd_progress *hd_progress_watcher(void);

/* The next part of the work begins, of so many units; `stage` NULL: what was long is over. `progress` may be NULL in these, then they do nothing. */
void hd_progress_stage(struct hd_progress *progress, const char *stage, uint64_t total);

/* So much more is done; from any thread. False: give up. */
bool hd_progress_add(struct hd_progress *progress, uint64_t units);

/* False and *err (HD_ERROR_INTERRUPTED): give up. For loops that are long, every so many rounds. */
bool hd_progress_go_on(struct hd_progress *progress, uint64_t units, struct hd_error *err);

/* False: give up. */
static inline bool hd_progress_wanted(struct hd_progress *progress)
{
    return !progress || !atomic_load_explicit(&progress->cancelled, memory_order_relaxed);
}

#endif
