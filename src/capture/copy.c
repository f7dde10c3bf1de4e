/* See copy.h. */
#define _GNU_SOURCE
#include "capture/copy.h"

#include "capture/room.h"
#include "capture/target.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIDFD_OPEN = 434, PROCESS_MRELEASE = 448 }; /* system calls that older headers do not name */

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

enum { OOM_SCORE = 1000 };
static const double FIRST_STOP = 10; /* seconds for the copy to show up */

/* Whoever ends us while a thread has foreign registers ends the target, too: nobody but SIGKILL can. */
static void signals_block(sigset_t *before)
{
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, before);
}

static bool stacks_note(struct hd_copy *copy, struct hd_error *err)
{
    const struct hd_stopped *threads = &copy->threads;
    copy->stacks = calloc(threads->count + 1, sizeof *copy->stacks);
    if (!copy->stacks)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of threads of process %d", copy->target);
    for (size_t i = 0; i < threads->count; i++) {
        const struct user_regs_struct *r = &threads->threads[i].registers;
        const uint64_t registers[] = {r->rax, r->rbx, r->rcx, r->rdx, r->rsi, r->rdi, r->rbp, r->r8,
                                      r->r9,  r->r10, r->r11, r->r12, r->r13, r->r14, r->r15};
        struct hd_stack *stack = &copy->stacks[copy->stack_count++];
        stack->pointer = r->rsp;
        stack->register_count = (int)(sizeof registers / sizeof *registers);
        memcpy(stack->registers, registers, sizeof registers);
    }
    return true;
}

static bool memory_open(struct hd_copy *copy, struct hd_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", copy->process);
    copy->memory = open(path, O_RDONLY | O_CLOEXEC);
    return copy->memory >= 0 || hd_error_set_errno(err, HD_ERROR_TARGET, errno, "cannot open %s", path);
}

/* Any thread will do; the main one is there in most processes. */
static struct hd_stopped_thread *thread_choose(struct hd_stopped *threads)
{
    for (size_t i = 0; i < threads->count; i++)
        if (threads->threads[i].tid == threads->pid)
            return &threads->threads[i];
    return &threads->threads[0];
}

/* --- seccomp --- */

static bool same_namespace(pid_t pid, const char *kind)
{
    char path[64], own[64], theirs[64];
    snprintf(path, sizeof path, "/proc/self/ns/%s", kind);
    ssize_t n = readlink(path, own, sizeof own);
    snprintf(path, sizeof path, "/proc/%d/ns/%s", pid, kind);
    return n > 0 && readlink(path, theirs, sizeof theirs) == n && !memcmp(own, theirs, (size_t)n);
}

/* In a child of ours, as a filter may answer by killing. */
static bool clone_allowed(void)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        long inner = syscall(SYS_clone, CLONE_FILES | CLONE_FS, 0, 0, 0, 0);
        if (inner == 0)
            _exit(0);
        _exit(inner > 0 && syscall(SYS_wait4, inner, &status, __WALL, 0) == inner ? 0 : 1);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        continue;
    return pid > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/*
 * Has the target no other filters than we have ourselves? That is so in a container, whose filter everything in it has: what we
 * are allowed to do, the target is, too. Filters are only ever added, so the same number of them under the same roof are the same.
 */
static bool filter_shared(pid_t target)
{
    char own[16] = "", theirs[16] = "";
    return hd_stop_status(getpid(), "Seccomp_filters", own, sizeof own) && hd_stop_status(target, "Seccomp_filters", theirs, sizeof theirs)
           && !strcmp(own, theirs) && strcmp(own, "0") != 0 && same_namespace(target, "mnt") && same_namespace(target, "user")
           && clone_allowed();
}

/* Filters are a thread's own. */
static bool filtered(pid_t tid)
{
    char filter[16] = "0";
    hd_stop_status(tid, "Seccomp", filter, sizeof filter);
    return strcmp(filter, "0") != 0;
}

/* Before the target is stopped: what takes time and does not change. */
static void target_look(struct hd_copy *copy)
{
    copy->where = hd_inject_address(copy->target);
    copy->filtered = filtered(copy->target);
    copy->filter_shared = copy->filtered && filter_shared(copy->target);
    uint64_t left = hd_room_left(copy->target), needed = hd_room_needed(copy->target, &copy->least);
    copy->cramped = left < needed;
    if (left > needed + hd_room_of(copy->target)) /* enough for two of them */
        copy->least = 0;
    if (copy->cramped)
        snprintf(copy->note, sizeof copy->note, "only %llu MB of memory are left to it, so that a copy might have the kernel kill somebody",
                 (unsigned long long)(left >> 20));
}

/*
 * Options for the injected thread alone, and only now: with them on all threads, children that the target makes meanwhile would
 * be attached, too. A seccomp filter may answer our call by killing the process, so it is switched off for the while, which only
 * root may do; else no call is made, unless we know what the filter allows.
 */
static bool options_set(struct hd_copy *copy, const struct hd_stopped_thread *thread)
{
    if (!copy->filtered && filtered(thread->tid)) { /* since we looked, or only this thread */
        copy->filtered = true;
        copy->filter_shared = false;
    }
    const long plain = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACESYSGOOD;
    if (copy->filtered && ptrace(PTRACE_SETOPTIONS, thread->tid, 0, plain | PTRACE_O_SUSPEND_SECCOMP) == 0)
        return true;
    if ((!copy->filtered || copy->filter_shared) && ptrace(PTRACE_SETOPTIONS, thread->tid, 0, plain) == 0)
        return true;
    snprintf(copy->note, sizeof copy->note, "%s", copy->filtered ? "it has a seccomp filter that only root outside of its container can go "
                                                                   "around" : "the kernel refused the options that a copy needs");
    return false;
}

/* The program may have been replaced since we looked. */
static bool call_there(struct hd_copy *copy, const struct hd_stopped_thread *thread)
{
    for (int tries = 0; tries < 2; tries++) {
        errno = 0;
        long word = copy->where ? ptrace(PTRACE_PEEKTEXT, thread->tid, (void *)copy->where, 0) : 0;
        if (copy->where && !errno && (word & 0xffff) == 0x050f)
            return true;
        copy->where = hd_inject_address(copy->target);
    }
    snprintf(copy->note, sizeof copy->note, "it has no vDSO with a system call");
    return false;
}

/* The copy's first stop; from here on it dies with us. */
static bool copy_settle(struct hd_copy *copy, struct hd_error *err)
{
    char path[64];
    int status;
    if (!hd_stop_wait(copy->process, &status, FIRST_STOP) || !WIFSTOPPED(status))
        return hd_error_set(err, HD_ERROR_TARGET, "the copy of process %d ended at once: there is too little memory, or a limit for "
                            "its control group", copy->target);
    ptrace(PTRACE_SETOPTIONS, copy->process, 0, PTRACE_O_EXITKILL);
    snprintf(path, sizeof path, "/proc/%d/oom_score_adj", copy->process);
    int fd = open(path, O_WRONLY | O_CLOEXEC); /* if memory runs out, the copy shall go and not the application */
    if (fd >= 0) {
        dprintf(fd, "%d", OOM_SCORE);
        close(fd);
    }
    return memory_open(copy, err);
}

/* Has the target copied by a thread of its own. False with a note, and *err untouched, if it cannot be. */
static bool copy_make(struct hd_copy *copy)
{
    struct hd_stopped_thread *thread = thread_choose(&copy->threads);
    const long arguments[5] = {CLONE_FILES | CLONE_FS, 0, 0, 0, 0};
    struct hd_error failure = {0};
    long result = 0;
    pid_t child = 0;
    if (copy->cramped || !call_there(copy, thread) || !options_set(copy, thread))
        return false;
    thread->injected = true; /* the options are to be taken back, whatever comes */
    bool called = hd_inject_call(&copy->threads, thread, copy->where, SYS_clone, arguments, &result, &child, &failure);
    if (called && result > 0 && child > 0) {
        copy->inner = (pid_t)result;
        copy->process = child;
        return true;
    }
    if (child > 0)
        kill(child, SIGKILL); /* it must not run; the next copy of the target takes it away */
    hd_stop_restore(&copy->threads, thread); /* the target is read as it stands now, which may take long */
    copy->foreign = copy->threads.foreign;
    snprintf(copy->note, sizeof copy->note, "%.150s", called ? strerror((int)-result) : failure.text);
    return false;
}

/* --- the end of a copy --- */

/* It is the target's child: the target's own wait4 must take it away. `inner` is its pid as the target sees it. */
static void wait_inject(struct hd_copy *copy, struct hd_stopped *threads, pid_t inner)
{
    struct hd_stopped_thread *thread = thread_choose(threads);
    const long arguments[5] = {inner, 0, __WALL | WNOHANG, 0, 0};
    struct hd_error ignored = {0};
    long result;
    pid_t child;
    if (!call_there(copy, thread) || !options_set(copy, thread))
        return;
    thread->injected = true;
    hd_inject_call(threads, thread, copy->where, SYS_wait4, arguments, &result, &child, &ignored);
}

/*
 * A copy whose keeper was killed is dead, too, but nobody takes it away. It can be told from all others: no other child sends no
 * signal at its end, was killed, and is still there. Returns its pid as the target sees it, 0 if it is none.
 */
static pid_t orphan_inner(pid_t pid)
{
    char value[256] = "";
    struct hd_target_stat stat;
    if (!hd_target_stat_read(pid, &stat) || stat.state != 'Z' || stat.exit_signal != 0)
        return 0;
    bool killed = (stat.exit_code & 127) == SIGKILL || (stat.exit_code & 127) == SIGSEGV; /* see hd_inject_call */
    if (!killed || !hd_stop_status(pid, "NSpid", value, sizeof value))
        return 0;
    const char *last = strrchr(value, '\t');
    return (pid_t)atoi(last ? last + 1 : value);
}

static void orphans_reap(struct hd_copy *copy, struct hd_stopped *threads)
{
    enum { MOST = 256 };
    pid_t children[MOST];
    for (size_t i = 0; i < threads->count; i++) {
        size_t count = hd_target_children(copy->target, threads->threads[i].tid, children, MOST);
        for (size_t k = 0; k < count; k++) {
            pid_t inner = children[k] == copy->process ? 0 : orphan_inner(children[k]);
            if (inner > 0)
                wait_inject(copy, threads, inner);
        }
    }
}

static void copy_reap(struct hd_copy *copy)
{
    struct hd_error err = {0};
    struct hd_stopped threads;
    struct hd_target_stat stat;
    int status;
    if (!hd_target_stat_read(copy->process, &stat) || stat.state != 't') /* it stands in a stop of ours until somebody kills it */
        copy->lost = true;
    kill(copy->process, SIGKILL);
    hd_stop_wait(copy->process, &status, FIRST_STOP);
    sigset_t before;
    signals_block(&before);
    if (hd_stop_all(&threads, copy->target, &err)) {
        wait_inject(copy, &threads, copy->inner);
        orphans_reap(copy, &threads);
        hd_stop_release(&threads);
        copy->foreign += threads.foreign;
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
}

/*
 * As long as somebody reads of a process that was killed, its memory stays, and with several who take turns somebody always does: it is
 * taken from them at once, where the kernel (5.15) can. They read zeros then, in a copy that counts as lost.
 */
static void memory_take(pid_t killed)
{
    int fd = (int)syscall(PIDFD_OPEN, killed, 0);
    if (fd < 0)
        return;
    syscall(PROCESS_MRELEASE, fd, 0);
    close(fd);
}

void hd_copy_watch(struct hd_copy *copy)
{
    bool there = copy->process && copy->process != copy->target;
    if (!there || !copy->least || hd_room_left(copy->target) >= copy->least)
        return;
    copy->lost = true;
    kill(copy->process, SIGKILL);
    memory_take(copy->process);
    copy->least = 0;
}

bool hd_copy_take(struct hd_copy *copy, pid_t target, enum hd_copy_method method, struct hd_error *err)
{
    return hd_copy_take_with(copy, target, method, NULL, NULL, err);
}

bool hd_copy_take_with(struct hd_copy *copy, pid_t target, enum hd_copy_method method, void (*standing)(void *data, pid_t target),
                       void *data, struct hd_error *err)
{
    sigset_t before;
    *copy = (struct hd_copy){.target = target, .process = target, .memory = -1, .method = method};
#if !defined(__x86_64__) || !defined(__linux__)
    return hd_error_set(err, HD_ERROR_UNSUPPORTED, "processes are read from outside on Linux on x86-64 only");
#endif
    signals_block(&before);
    if (method == HD_COPY_FORK)
        target_look(copy);
    copy->began = hd_stop_now();
    bool good = hd_stop_all(&copy->threads, target, err) && stacks_note(copy, err);
    if (good && standing)
        standing(data, target);
    if (good && method == HD_COPY_FORK && !copy_make(copy))
        copy->method = HD_COPY_STOP;
    if (good && copy->method == HD_COPY_FORK) {
        hd_stop_release(&copy->threads);
        copy->stopped = hd_stop_now() - copy->began;
        copy->foreign = copy->threads.foreign;
        good = copy_settle(copy, err);
    } else if (good) {
        good = memory_open(copy, err);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (!good)
        hd_copy_release(copy);
    return good;
}

void hd_copy_release(struct hd_copy *copy)
{
    if (copy->memory >= 0)
        close(copy->memory);
    copy->memory = -1;
    if (copy->threads.count) {
        hd_stop_release(&copy->threads);
        copy->stopped = hd_stop_now() - copy->began;
    }
    if (copy->process && copy->process != copy->target)
        copy_reap(copy);
    copy->process = 0;
    free(copy->stacks);
    copy->stacks = NULL;
    copy->stack_count = 0;
}
