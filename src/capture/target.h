/*
 * What a process is, found out before anything is done to it: a process that we cannot dump is not even stopped.
 *
 * Owns the words for each reason why not. Must not know Ruby's insides, nor how a process is stopped.
 */
#ifndef HD_CAPTURE_TARGET_H
#define HD_CAPTURE_TARGET_H

#include "base/error.h"

#include <stddef.h>
#include <sys/types.h>

#define HD_TARGET_KEEPER "heap_dump-keep" /* what a keeper is called, at most 15 characters; see keeper.h */

/* Is it there, alive, of this machine's kind, traced by nobody, and may we look into it? Else HD_ERROR_TARGET or _UNSUPPORTED. */
bool hd_target_check(pid_t pid, struct hd_error *err);

/* Says why the kernel refused to let us look into a process, with errno `number`, in the words of somebody who can change it. */
bool hd_target_refused(pid_t pid, int number, struct hd_error *err);

/* Of /proc/PID/stat, see proc(5). */
struct hd_target_stat {
    char state;      /* 'R', 'Z', … */
    unsigned flags;  /* of the kernel: PF_KTHREAD, … */
    int exit_signal; /* that its parent gets at its end, 0: none */
    int exit_code;   /* as wait4 has it; known of a process that has ended */
};

/* False if there is no such process (any more). */
bool hd_target_stat_read(pid_t pid, struct hd_target_stat *stat);

/* The children that a thread of a process has; how many of them, at most `most`, are in `children`. */
size_t hd_target_children(pid_t pid, pid_t tid, pid_t *children, size_t most);

/* A descendant that seems to be a Ruby, by the names of its files: for one who gave the pid of a shell or supervisor. 0: none. */
pid_t hd_target_ruby_below(pid_t pid);

#endif
