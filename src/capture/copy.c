/* See copy.h. */
#define _GNU_SOURCE
#include "capture/copy.h"

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
#include <time.h>
#include <unistd.h>

#ifndef PTRACE_O_SUSPEND_SECCOMP
#define PTRACE_O_SUSPEND_SECCOMP (1 << 21)
#endif

static const double FIRST_STOP = 10; /* seconds for the copy to show up */

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

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

/*
 * Options for the injected thread alone, and only now: with them on all threads, children that the target makes meanwhile would
 * be attached, too. A seccomp filter may answer our call by killing the process, so it is switched off for the while, which only
 * root may do; else no call is made.
 */
static bool options_set(struct hd_copy *copy, const struct hd_stopped_thread *thread)
{
    const long plain = PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACESYSGOOD;
    char filter[16] = "0";
    hd_stop_status(copy->target, "Seccomp", filter, sizeof filter);
    bool filtered = strcmp(filter, "0") != 0;
    if (ptrace(PTRACE_SETOPTIONS, thread->tid, 0, plain | (filtered ? PTRACE_O_SUSPEND_SECCOMP : 0)) == 0)
        return true;
    snprintf(copy->note, sizeof copy->note, "%s", filtered ? "it has a seccomp filter, which only root can go around"
                                                          : "the kernel refused the options that a copy needs");
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
        ssize_t ignored = write(fd, "1000", 4);
        (void)ignored;
        close(fd);
    }
    return memory_open(copy, err);
}

/* Has the target copied by a thread of its own. False with a note, and *err untouched, if it cannot be. */
static bool copy_make(struct hd_copy *copy)
{
    struct hd_stopped_thread *thread = thread_choose(&copy->threads);
    const long arguments[5] = {CLONE_FILES | CLONE_FS, 0, 0, 0, 0};
    uint64_t where = hd_inject_address(copy->target);
    struct hd_error failure = {0};
    long result = 0;
    pid_t child = 0;
    if (!where) {
        snprintf(copy->note, sizeof copy->note, "it has no vDSO with a system call");
        return false;
    }
    if (!options_set(copy, thread))
        return false;
    thread->injected = true; /* the options are to be taken back, whatever comes */
    bool called = hd_inject_call(&copy->threads, thread, where, SYS_clone, arguments, &result, &child, &failure);
    if (called && result > 0 && child > 0) {
        copy->inner = (pid_t)result;
        copy->process = child;
        return true;
    }
    snprintf(copy->note, sizeof copy->note, "%.150s", called ? strerror((int)-result) : failure.text);
    return false;
}

static void copy_reap(struct hd_copy *copy)
{
    struct hd_error err = {0};
    struct hd_stopped threads;
    int status;
    kill(copy->process, SIGKILL);
    hd_stop_wait(copy->process, &status, FIRST_STOP);
    /* It is the target's child: the target's own wait4 must take it away. */
    sigset_t before;
    signals_block(&before);
    if (hd_stop_all(&threads, copy->target, &err)) {
        struct hd_stopped_thread *thread = thread_choose(&threads);
        const long arguments[5] = {copy->inner, 0, __WALL | WNOHANG, 0, 0};
        uint64_t where = hd_inject_address(copy->target);
        struct hd_copy options = {.target = copy->target};
        long result;
        pid_t child;
        if (where && options_set(&options, thread)) {
            thread->injected = true;
            hd_inject_call(&threads, thread, where, SYS_wait4, arguments, &result, &child, &err);
        }
        hd_stop_release(&threads);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
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
    copy->began = now();
    bool good = hd_stop_all(&copy->threads, target, err) && stacks_note(copy, err);
    if (good && standing)
        standing(data, target);
    if (good && method == HD_COPY_FORK && !copy_make(copy))
        copy->method = HD_COPY_STOP;
    if (good && copy->method == HD_COPY_FORK) {
        hd_stop_release(&copy->threads);
        copy->stopped = now() - copy->began;
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
        copy->stopped = now() - copy->began;
    }
    if (copy->process && copy->process != copy->target)
        copy_reap(copy);
    copy->process = 0;
    free(copy->stacks);
    copy->stacks = NULL;
    copy->stack_count = 0;
}
