/*
 * A dump of the process we run in: a copy-on-write clone of it writes the file while it goes on.
 *
 * Owns the clone and the further clones that share its work (one per core), their end, and the memory through
 * which they report. Must not know Ruby, nor what is written: that is struct hd_inside_writer.
 *
 * The clone is made by the bare system call. Neither glibc's nor Ruby's at-fork code runs: Ruby's would drop
 * the other threads, whose stacks hold references. No signal is sent when it ends (exit signal 0), so only
 * wait4(__WALL) sees it, never somebody's Process.wait. In the clone all signals are blocked, every descriptor
 * but the output's is closed, and nothing calls malloc, stdio or exit handlers: other threads' locks stay
 * locked there for ever.
 * Invariant: after hd_inside_deinit no process and no descriptor is left, whatever happened before.
 */
#ifndef HD_CAPTURE_INSIDE_H
#define HD_CAPTURE_INSIDE_H

#include "base/arena.h"
#include "base/error.h"
#include "dump/dump.h"
#include "dump/output.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

enum {
    HD_INSIDE_PROCESSES = 8,      /* at most this many write at once */
    HD_INSIDE_PATIENCE = 60,      /* seconds without any progress until the writers are given up */
    HD_INSIDE_ATTEMPTS = 40,      /* clones that are made if one after the other is blocked */
    HD_INSIDE_PROBE_MS = 50,      /* how long the first four of them have for their probe, twice that the next, … */
};

/* The steps of a dump. `data` is the caller's; `state` what create returned. */
struct hd_inside_writer {
    /* What hangs for ever if the clone was made while another thread held a lock the writer needs; may be NULL. */
    void (*probe)(void *data);
    void *(*create)(struct hd_arena *arena, void *data, struct hd_error *err); /* NULL on failure */
    bool (*head)(void *state, struct hd_output *out, struct hd_dump_progress *progress, struct hd_error *err);
    bool (*objects)(void *state, struct hd_output *out, struct hd_dump_progress *progress, struct hd_error *err);
    bool (*end)(void *state, struct hd_output *out, struct hd_dump_progress *progress, struct hd_error *err);
};

/* struct hd_dumper (see dump/dump.h) as a writer; `data` is a struct hd_inside_dump. */
extern const struct hd_inside_writer hd_inside_dumper;

struct hd_inside_dump {
    const struct hd_live *live;
    const struct hd_dump_options *options;
    struct hd_dump_progress *progress; /* that of hd_inside_shared */
};

enum hd_inside_state { HD_INSIDE_RUNNING, HD_INSIDE_DONE, HD_INSIDE_FAILED };

/* How one of the writing processes fares; `error` is valid once `state` is HD_INSIDE_FAILED. */
struct hd_inside_report {
    _Atomic int state;
    pid_t pid; /* of a further writer, put there by the kernel; 0 if it was never started */
    struct hd_error error;
};

/* Lies in memory shared by all of them. reports[0] is the clone itself. */
struct hd_inside_shared {
    struct hd_dump_progress progress;
    struct hd_output_shared output;
    _Atomic int syncing; /* the disk is being waited for, which may take any time */
    struct hd_inside_report reports[HD_INSIDE_PROCESSES];
};

struct hd_inside {
    struct hd_inside_shared *shared;
    const struct hd_inside_writer *writer;
    void *writer_data;
    struct hd_output *output;
    int processes;  /* how many may write at once; 0: one per core */
    int wakeup;     /* eventfd that ends hd_inside_wait early */
    pid_t child;    /* 0 if none runs */
    int child_fd;   /* pidfd of the child, -1 on kernels without */
    int status;     /* wait status, if the child was reaped while waiting */
    bool reaped;
    int attempt;    /* how many clones were blocked so far; the caller counts */
    double pause;   /* seconds the clone took: other threads of the process were held up that long */
};

/* BLOCKED: the clone did not even get through its probe; another one may have more luck. */
enum hd_inside_wait { HD_INSIDE_ENDED, HD_INSIDE_WOKEN, HD_INSIDE_STUCK, HD_INSIDE_BLOCKED };

bool hd_inside_init(struct hd_inside *inside, struct hd_error *err);
/* Kills and reaps what still runs. Also fine after a failed hd_inside_init. */
void hd_inside_deinit(struct hd_inside *inside);

/* Starts the clone; output, writer and writer_data must be set. May be called again after hd_inside_result. */
bool hd_inside_start(struct hd_inside *inside, struct hd_error *err);

/* Blocks until the clone has ended, hd_inside_wake was called, or there is no progress. Needs no lock of Ruby. */
enum hd_inside_wait hd_inside_wait(struct hd_inside *inside);

/* Ends hd_inside_wait; from any thread or signal handler. */
void hd_inside_wake(struct hd_inside *inside);

/* After HD_INSIDE_ENDED: reaps, and says whether the dump is whole or what went wrong. */
bool hd_inside_result(struct hd_inside *inside, struct hd_error *err);

/* Kills and reaps the clone and its helpers, if there are any. */
void hd_inside_kill(struct hd_inside *inside);

/* The same dump written by this very thread, without a clone. */
bool hd_inside_write_here(struct hd_inside *inside, struct hd_error *err);

#endif
