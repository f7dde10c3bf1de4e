/* A system call of ours in a thread of another process. See stop.h. */
#define _GNU_SOURCE
#include "capture/stop.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static const double PATIENCE = 30; /* a clone of a process of many GB takes a second */

uint64_t hd_inject_address(pid_t pid)
{
    char path[64], line[512];
    unsigned char code[1 << 14];
    uint64_t start = 0, end = 0, found = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *file = fopen(path, "re");
    while (file && !start && fgets(line, sizeof line, file)) {
        unsigned long long from, to;
        if (strstr(line, "[vdso]") && sscanf(line, "%llx-%llx", &from, &to) == 2) {
            start = from;
            end = to;
        }
    }
    if (file)
        fclose(file);
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = start ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    ssize_t length = fd < 0 ? -1 : pread(fd, code, end - start < sizeof code ? end - start : sizeof code, (off_t)start);
    for (ssize_t i = 0; !found && i + 1 < length; i++)
        if (code[i] == 0x0f && code[i + 1] == 0x05) /* syscall */
            found = start + (uint64_t)i;
    if (fd >= 0)
        close(fd);
    return found;
}

static bool failed(pid_t tid, const char *what, struct hd_error *err)
{
    return hd_error_set_errno(err, HD_ERROR_TARGET, errno, "cannot %s thread %d", what, tid);
}

/* From the entry of the call to its exit, over the events between. */
static bool call_run(pid_t tid, pid_t *child, struct hd_error *err)
{
    for (int stops = 0; stops < 2;) {
        int status;
        if (ptrace(PTRACE_SYSCALL, tid, 0, 0))
            return failed(tid, "continue", err);
        if (!hd_stop_wait(tid, &status, PATIENCE) || !WIFSTOPPED(status))
            return hd_error_set(err, HD_ERROR_TARGET, "thread %d ended, or hung, in a system call", tid);
        int event = status >> 16;
        if (event == PTRACE_EVENT_CLONE || event == PTRACE_EVENT_FORK || event == PTRACE_EVENT_VFORK) {
            unsigned long pid = 0;
            ptrace(PTRACE_GETEVENTMSG, tid, 0, &pid);
            *child = (pid_t)pid;
        } else if (event == 0 && WSTOPSIG(status) == (SIGTRAP | 0x80)) {
            stops++;
        } else if (event != PTRACE_EVENT_STOP) {
            return hd_error_set(err, HD_ERROR_TARGET, "thread %d stopped unexpectedly (status 0x%x) in a system call", tid, status);
        }
    }
    return true;
}

bool hd_inject_call(struct hd_stopped *stopped, struct hd_stopped_thread *thread, uint64_t where, long number, const long arguments[5],
                    long *result, pid_t *child, struct hd_error *err)
{
    const uint64_t all = ~0ull;
    const struct user_regs_struct *own = &thread->registers;
    /* Nothing else of the thread's own: should we be killed before it is put back, it and a copy of it end at the first use of the
     * stack, by a SIGSEGV that is blocked and so calls no handler, instead of going on where they must not. */
    struct user_regs_struct registers = {.cs = own->cs, .ss = own->ss, .ds = own->ds, .es = own->es, .fs = own->fs, .gs = own->gs,
                                         .fs_base = own->fs_base, .gs_base = own->gs_base, .eflags = own->eflags};
    *child = 0;
    thread->injected = true;
    registers.rip = where;
    registers.rax = (unsigned long long)number;
    registers.orig_rax = (unsigned long long)-1; /* no call to begin again */
    registers.rdi = (unsigned long long)arguments[0];
    registers.rsi = (unsigned long long)arguments[1];
    registers.rdx = (unsigned long long)arguments[2];
    registers.r10 = (unsigned long long)arguments[3];
    registers.r8 = (unsigned long long)arguments[4];
    if (ptrace(PTRACE_SETSIGMASK, thread->tid, (void *)sizeof all, &all))
        return failed(thread->tid, "block the signals of", err);
    if (!stopped->injected)
        stopped->injected = hd_stop_now();
    if (ptrace(PTRACE_SETREGS, thread->tid, 0, &registers))
        return failed(thread->tid, "set the registers of", err);
    if (!call_run(thread->tid, child, err))
        return false;
    if (ptrace(PTRACE_GETREGS, thread->tid, 0, &registers))
        return failed(thread->tid, "read the registers of", err);
    *result = (long)registers.rax;
    return true;
}
