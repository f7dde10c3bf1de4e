/*
 * A process that is dumped from outside stands still for a moment: a frozen copy of it is made, and read while it goes on.
 *
 * Owns the copy and its end. Must not know what is read. No code of ours runs in the target or in the copy: one of the
 * target's own threads makes a system call, clone(CLONE_FILES|CLONE_FS) without an exit signal, and the copy never leaves its first
 * stop. Sharing the descriptors matters: with a table of its own the copy would keep sockets open that the target closes. Where no
 * copy can be made (seccomp, pids.max, memory), the target itself stands still until it is read. Where memory is short the kernel would
 * not refuse a copy but kill somebody, so none is tried there.
 * Invariant: after hd_copy_release no process, no zombie and no stopped thread of ours is left.
 */
#ifndef HD_CAPTURE_COPY_H
#define HD_CAPTURE_COPY_H

#include "capture/stop.h"
#include "dump/dump.h"

enum hd_copy_method { HD_COPY_FORK, HD_COPY_STOP };

struct hd_copy {
    pid_t target;
    pid_t process;         /* whose /proc/PID/maps and mem are to be read: the copy, or the target */
    int memory;            /* descriptor of its /proc/PID/mem */
    enum hd_copy_method method;
    double stopped;        /* seconds the target stood still; with HD_COPY_STOP known after hd_copy_release */
    double foreign;        /* seconds in which our end would have left a thread of it with foreign registers, see stop.h */
    char note[200];        /* why it is not the method asked for; "" if it is */
    struct hd_stack *stacks; /* of the target's threads, where they were stopped */
    size_t stack_count;
    /* for copy.c */
    struct hd_stopped threads;
    double began;
    uint64_t where;        /* of a syscall instruction in the target */
    bool filtered, filter_shared; /* by seccomp; a filter that we have, too */
    bool cramped;          /* memory for a copy might be missing */
    uint64_t least;        /* bytes of memory that must be left to the target; 0: it cannot run out */
    bool lost;             /* the copy was gone before its time: what was read of it may be incomplete */
    pid_t inner;           /* the copy's pid as the target sees it, which is in another pid namespace perhaps */
};

/* Takes the copy. On failure nothing is left of it and hd_copy_release does nothing. */
bool hd_copy_take(struct hd_copy *copy, pid_t target, enum hd_copy_method method, struct hd_error *err);

/*
 * The same; standing(data, target) is called while the target stands still, before it is copied: for what a copy does not tell, as the
 * kernel's figures. It lengthens the stop by the time it takes, and must not wait for the target.
 */
bool hd_copy_take_with(struct hd_copy *copy, pid_t target, enum hd_copy_method method, void (*standing)(void *data, pid_t target),
                       void *data, struct hd_error *err);

/* To be asked every few milliseconds: ends a copy that might cost the target its memory, while it changes what it shares with it. */
void hd_copy_watch(struct hd_copy *copy);

/* Ends the copy, or lets the target go on. Says in copy->lost if the copy had ended before, as when memory ran out. */
void hd_copy_release(struct hd_copy *copy);

#endif
