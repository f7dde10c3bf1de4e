/* See progress.h. */
#include "base/progress.h"

#include <stddef.h>

static _Thread_local struct hd_progress *watcher;

void hd_progress_begin(struct hd_progress *progress)
{
    watcher = progress;
}

struct hd_progress *hd_progress_watcher(void)
{
    return watcher;
}

void hd_progress_stage(struct hd_progress *progress, const char *stage, uint64_t total)
{
    if (!progress)
        return;
    atomic_store(&progress->done, 0);
    atomic_store(&progress->total, total);
    atomic_store(&progress->stage, stage);
    if (progress->turned)
        progress->turned(progress);
}

bool hd_progress_go_on(struct hd_progress *progress, uint64_t units, struct hd_error *err)
{
    return hd_progress_add(progress, units) || hd_error_set(err, HD_ERROR_INTERRUPTED, "nobody waits for this any more");
}

bool hd_progress_add(struct hd_progress *progress, uint64_t units)
{
    if (progress)
        atomic_fetch_add_explicit(&progress->done, units, memory_order_relaxed);
    return hd_progress_wanted(progress);
}
