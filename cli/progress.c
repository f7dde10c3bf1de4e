/* See progress.h. */
#define _GNU_SOURCE
#include "cli/progress.h"

#include "base/progress.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_MS = 1000, NEXT_MS = 200 };

static struct {
    struct hd_progress progress;
    pthread_t thread;
    pthread_mutex_t lock; /* of what follows, and of the line */
    pthread_cond_t ended;
    bool running, over, shown, ahead;
} line = {.lock = PTHREAD_MUTEX_INITIALIZER, .ended = PTHREAD_COND_INITIALIZER};

/* Not by way of stdio: standard error may stand for something else meanwhile (cli/kept.c). */
static void show(void)
{
    static const char ahead[] = "getting the answers to other questions ready (Ctrl-C: later, when they are asked)";
    const char *stage = line.ahead ? ahead : atomic_load(&line.progress.stage);
    uint64_t done = atomic_load(&line.progress.done), total = atomic_load(&line.progress.total);
    if (!stage)
        return;
    if (total && !line.ahead)
        dprintf(STDERR_FILENO, "\r%s: %u %%\033[K", stage, (unsigned)(done >= total ? 100 : done * 100.0 / (double)total));
    else
        dprintf(STDERR_FILENO, "\r%s …\033[K", stage);
    line.shown = true;
}

static void wipe(void)
{
    if (line.shown)
        dprintf(STDERR_FILENO, "\r\033[K");
    line.shown = false;
}

/* What was long is over, and something may be printed now. */
static void turned(struct hd_progress *progress)
{
    if (atomic_load(&progress->stage) || line.ahead)
        return;
    pthread_mutex_lock(&line.lock);
    wipe();
    pthread_mutex_unlock(&line.lock);
}

static void *watch(void *data)
{
    (void)data;
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    pthread_mutex_lock(&line.lock);
    for (long wait = FIRST_MS; !line.over; wait = NEXT_MS) {
        at.tv_nsec += wait % 1000 * 1000000;
        at.tv_sec += wait / 1000 + at.tv_nsec / 1000000000;
        at.tv_nsec %= 1000000000;
        while (!line.over && !pthread_cond_timedwait(&line.ended, &line.lock, &at))
            ;
        if (!line.over)
            show();
    }
    pthread_mutex_unlock(&line.lock);
    return NULL;
}

static void begin(void)
{
    line.over = false;
    line.running = isatty(STDERR_FILENO) && !pthread_create(&line.thread, NULL, watch, NULL);
}

void hd_cli_progress_begin(void)
{
    line.progress.turned = turned;
    begin();
    if (line.running)
        hd_progress_begin(&line.progress);
}

static void on_interrupt(int signal)
{
    (void)signal;
    atomic_store(&line.progress.cancelled, true);
}

void hd_cli_progress_begin_ahead(void)
{
    const struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    line.ahead = true;
    begin();
    hd_progress_begin(&line.progress);
    sigaction(SIGINT, &action, NULL);
}

bool hd_cli_progress_interrupted(void)
{
    return atomic_load(&line.progress.cancelled);
}

void hd_cli_progress_end(void)
{
    hd_progress_begin(NULL);
    if (!line.running)
        return;
    pthread_mutex_lock(&line.lock);
    line.over = true;
    wipe();
    pthread_cond_signal(&line.ended);
    pthread_mutex_unlock(&line.lock);
    pthread_join(line.thread, NULL);
    line.running = false;
}
