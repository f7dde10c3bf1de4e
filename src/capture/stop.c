/*
 * Attaching to all threads and letting them go. See stop.h; injected calls are in inject.c.
 *
 * PTRACE_SEIZE and PTRACE_INTERRUPT, never PTRACE_ATTACH: no SIGSTOP is sent, so nobody's wait sees one and a process that
 * was stopped by a signal stays so.
 */
#define _GNU_SOURCE
#include "capture/stop.h"

#include "capture/target.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PTRACE_EVENT_STOP
#define PTRACE_EVENT_STOP 128
#endif

static const double PATIENCE = 5; /* seconds until a thread that does not stop is given up */

double hd_stop_now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

bool hd_stop_status(pid_t pid, const char *name, char *value, size_t size)
{
    char path[64], line[256];
    size_t length = strlen(name);
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        found = !strncmp(line, name, length) && line[length] == ':';
        if (found) {
            snprintf(value, size, "%s", line + length + 1 + strspn(line + length + 1, " \t"));
            value[strcspn(value, "\n")] = 0;
        }
    }
    if (file)
        fclose(file);
    return found;
}

bool hd_stop_wait(pid_t tid, int *status, double seconds)
{
    double begun = hd_stop_now();
    for (;;) {
        pid_t got = waitpid(tid, status, __WALL | WNOHANG);
        if (got == tid)
            return true;
        if (got < 0 && errno != EINTR) {
            *status = 0; /* gone, as if it had exited */
            return true;
        }
        double waited = hd_stop_now() - begun;
        if (waited > seconds)
            return false;
        double pause = waited * 1e9 / 16; /* what stands still meanwhile does so hardly longer for our sleeping */
        nanosleep(&(struct timespec){0, pause < 10000 ? 10000 : pause < 1e6 ? (long)pause : 1000000}, NULL);
    }
}

/* Real signals that arrive before our stop are delivered. Sets *gone if the thread ended meanwhile. */
static bool reach_stop(pid_t tid, bool *gone)
{
    for (;;) {
        int status;
        if (!hd_stop_wait(tid, &status, PATIENCE))
            return false;
        *gone = !WIFSTOPPED(status);
        if (*gone || status >> 16 == PTRACE_EVENT_STOP)
            return true;
        int signal = status >> 16 ? 0 : WSTOPSIG(status);
        ptrace(PTRACE_CONT, tid, 0, (void *)(long)signal);
    }
}

/* --- system calls that the kernel does not begin again --- */

/* Does an unblocked signal wait for it? Then EINTR is its own doing. */
static bool signal_pending(pid_t tid)
{
    char own[64] = "0", shared[64] = "0", blocked[64] = "0";
    hd_stop_status(tid, "SigPnd", own, sizeof own);
    hd_stop_status(tid, "ShdPnd", shared, sizeof shared);
    hd_stop_status(tid, "SigBlk", blocked, sizeof blocked);
    return ((strtoull(own, NULL, 16) | strtoull(shared, NULL, 16)) & ~strtoull(blocked, NULL, 16)) != 0;
}

/*
 * signal(7): these return EINTR after any stop, even one that no signal caused. If none did, the call is begun again: the
 * instruction pointer goes back over the two bytes of `syscall`.
 */
static void interrupted_call_repair(struct hd_stopped_thread *thread)
{
    static const long calls[] = {
        SYS_epoll_wait, SYS_epoll_pwait, SYS_semop, SYS_semtimedop, SYS_rt_sigtimedwait, SYS_io_getevents, SYS_recvfrom,
        SYS_recvmsg, SYS_sendto, SYS_sendmsg, SYS_accept, SYS_accept4, SYS_read, SYS_write, SYS_connect, SYS_recvmmsg,
#ifdef SYS_epoll_pwait2
        SYS_epoll_pwait2,
#endif
#ifdef SYS_io_uring_enter
        SYS_io_uring_enter,
#endif
    };
    struct user_regs_struct *registers = &thread->registers;
    if ((long)registers->orig_rax < 0 || (long)registers->rax != -EINTR)
        return;
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        if ((long)registers->orig_rax == calls[i] && !signal_pending(thread->tid)) {
            registers->rip -= 2;
            registers->rax = registers->orig_rax;
            registers->orig_rax = (unsigned long long)-1;
            thread->repaired = true;
        }
}

/* --- all threads --- */

static bool known(const struct hd_stopped *stopped, pid_t tid)
{
    for (size_t i = stopped->count; i-- > 0;)
        if (stopped->threads[i].tid == tid)
            return true;
    return false;
}

static bool room(struct hd_stopped *stopped)
{
    if (stopped->count < stopped->capacity)
        return true;
    size_t capacity = stopped->capacity ? stopped->capacity * 2 : 64;
    struct hd_stopped_thread *grown = realloc(stopped->threads, capacity * sizeof *grown);
    if (!grown)
        return false;
    stopped->threads = grown;
    stopped->capacity = capacity;
    return true;
}

/* Seizes and interrupts threads that are not ours yet. Returns how many, -1 on failure. */
static int threads_seize(struct hd_stopped *stopped, struct hd_error *err)
{
    char path[64];
    int found = 0;
    snprintf(path, sizeof path, "/proc/%d/task", stopped->pid);
    DIR *folder = opendir(path);
    if (!folder) {
        hd_target_refused(stopped->pid, errno == ENOENT ? ESRCH : errno, err);
        return -1;
    }
    bool good = true;
    for (struct dirent *entry; good && (entry = readdir(folder));) {
        pid_t tid = (pid_t)strtol(entry->d_name, NULL, 10);
        if (tid <= 0 || known(stopped, tid))
            continue;
        if (!room(stopped)) {
            good = hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of threads of process %d", stopped->pid);
        } else if (ptrace(PTRACE_SEIZE, tid, 0, 0) == 0) {
            ptrace(PTRACE_INTERRUPT, tid, 0, 0);
            stopped->threads[stopped->count++] = (struct hd_stopped_thread){.tid = tid};
            found++;
        } else if (errno != ESRCH && !(errno == EPERM && stopped->count)) {
            /* EPERM for one of many: a thread that has just ended */
            good = hd_target_refused(stopped->pid, errno, err);
        }
    }
    closedir(folder);
    return good ? found : -1;
}

/* Those from `first` on: waits for their stops and notes what they were doing. */
static bool threads_reach(struct hd_stopped *stopped, size_t first, struct hd_error *err)
{
    for (size_t i = first; i < stopped->count;) {
        struct hd_stopped_thread *thread = &stopped->threads[i];
        bool gone;
        if (!reach_stop(thread->tid, &gone))
            return hd_error_set(err, HD_ERROR_TARGET, "thread %d of process %d does not stop: it waits in the kernel, for a disk or for a "
                                "child made by vfork; try again later", thread->tid, stopped->pid);
        gone = gone || ptrace(PTRACE_GETREGS, thread->tid, 0, &thread->registers)
               || ptrace(PTRACE_GETSIGMASK, thread->tid, (void *)sizeof thread->signal_mask, &thread->signal_mask);
        if (gone) {
            *thread = stopped->threads[--stopped->count];
            continue;
        }
        interrupted_call_repair(thread);
        i++;
    }
    return true;
}

bool hd_stop_all(struct hd_stopped *stopped, pid_t pid, struct hd_error *err)
{
    *stopped = (struct hd_stopped){.pid = pid};
    for (;;) {
        size_t first = stopped->count;
        int found = threads_seize(stopped, err);
        if (found > 0 && threads_reach(stopped, first, err))
            continue;
        if (found == 0 && stopped->count)
            return true;
        if (found == 0)
            hd_target_refused(pid, ESRCH, err);
        hd_stop_release(stopped);
        return false;
    }
}

/*
 * Registers may be set only in a stop of ours, not in that of a system call: only there the kernel itself begins a call
 * again that was interrupted, with the registers it finds.
 */
static void thread_restore(struct hd_stopped_thread *thread)
{
    if (thread->injected) {
        bool gone;
        ptrace(PTRACE_SETOPTIONS, thread->tid, 0, 0);
        ptrace(PTRACE_INTERRUPT, thread->tid, 0, 0);
        ptrace(PTRACE_CONT, thread->tid, 0, 0);
        reach_stop(thread->tid, &gone);
    }
    if (thread->injected || thread->repaired)
        ptrace(PTRACE_SETREGS, thread->tid, 0, &thread->registers);
    if (thread->injected)
        ptrace(PTRACE_SETSIGMASK, thread->tid, (void *)sizeof thread->signal_mask, &thread->signal_mask);
    thread->injected = thread->repaired = false;
}

void hd_stop_restore(struct hd_stopped *stopped, struct hd_stopped_thread *thread)
{
    bool injected = thread->injected;
    thread_restore(thread);
    if (injected && stopped->injected)
        stopped->foreign = hd_stop_now() - stopped->injected;
}

void hd_stop_release(struct hd_stopped *stopped)
{
    for (size_t i = 0; i < stopped->count; i++)
        hd_stop_restore(stopped, &stopped->threads[i]);
    for (size_t i = 0; i < stopped->count; i++)
        ptrace(PTRACE_DETACH, stopped->threads[i].tid, 0, 0);
    free(stopped->threads);
    *stopped = (struct hd_stopped){.pid = stopped->pid, .foreign = stopped->foreign};
}
