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
#include <sys/time.h>
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

/*
 * A thread that becomes another program ends all others first, and waits until they are gone: those of them that we trace are gone when
 * we have seen it. Only their ends are taken here: stops of what one traces are told, asked
 * for or not, and wait for others.
 */
static void ended_take(const struct hd_stopped *stopped)
{
    for (size_t i = 0; stopped && i < stopped->count; i++) {
        const id_t tid = (id_t)stopped->threads[i].tid;
        siginfo_t found = {0};
        if (waitid(P_PID, tid, &found, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 && found.si_pid
            && (found.si_code == CLD_EXITED || found.si_code == CLD_KILLED || found.si_code == CLD_DUMPED))
            waitid(P_PID, tid, &found, WEXITED | WNOHANG | __WALL);
    }
}

/* Real signals that arrive before our stop are delivered. Sets *gone if the thread ended meanwhile. `stopped`: of it and of others; NULL. */
static bool reach_stop(const struct hd_stopped *stopped, pid_t tid, bool *gone)
{
    static const double GLANCE = 0.02; /* seconds */
    for (double begun = hd_stop_now();;) {
        int status;
        if (!hd_stop_wait(tid, &status, GLANCE)) {
            if (hd_stop_now() - begun > PATIENCE)
                return false;
            ended_take(stopped);
            continue;
        }
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

/*
 * PTRACE_SEIZE waits while the thread becomes another program, which in turn waits for the threads that are ours already (see
 * ended_take): for ever, if nobody looked after those. A timer does, which the kernel begins the call again after.
 */
static const struct hd_stopped *seizing;

static void seizing_look(int signal)
{
    int kept = errno;
    (void)signal;
    ended_take(seizing);
    errno = kept;
}

static long seize(const struct hd_stopped *stopped, pid_t tid)
{
    sigset_t alarm, before;
    sigemptyset(&alarm);
    sigaddset(&alarm, SIGALRM);
    seizing = stopped;
    sigprocmask(SIG_UNBLOCK, &alarm, &before);
    long result = ptrace(PTRACE_SEIZE, tid, 0, 0);
    int error = errno;
    sigprocmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return result;
}

/* One that waits, blocked, must not reach whoever had it before. */
static void signal_drop(int number)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    while (sigtimedwait(&set, NULL, &(struct timespec){0, 0}) == number)
        continue;
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
        } else if (seize(stopped, tid) == 0) {
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
        if (!reach_stop(stopped, thread->tid, &gone))
            return hd_error_set(err, HD_ERROR_TARGET, "thread %d of process %d does not stop: it waits in the kernel, for a disk or for a "
                                "child made by vfork; try again later", thread->tid, stopped->pid);
        bool known = !gone && ptrace(PTRACE_GETREGS, thread->tid, 0, &thread->registers) == 0
                     && ptrace(PTRACE_GETSIGMASK, thread->tid, (void *)sizeof thread->signal_mask, &thread->signal_mask) == 0;
        if (!gone && !known) /* it is just being ended, which must be seen */
            reach_stop(stopped, thread->tid, &gone);
        if (!known) {
            *thread = stopped->threads[--stopped->count];
            continue;
        }
        interrupted_call_repair(thread);
        i++;
    }
    return true;
}

static bool all_stop(struct hd_stopped *stopped, struct hd_error *err)
{
    for (;;) {
        size_t first = stopped->count;
        int found = threads_seize(stopped, err);
        if (found > 0 && threads_reach(stopped, first, err))
            continue;
        if (found == 0 && stopped->count)
            return true;
        if (found == 0)
            hd_target_refused(stopped->pid, ESRCH, err);
        hd_stop_release(stopped);
        return false;
    }
}

bool hd_stop_all(struct hd_stopped *stopped, pid_t pid, struct hd_error *err)
{
    enum { LOOK_US = 20000 };
    static const struct itimerval every = {{0, LOOK_US}, {0, LOOK_US}}, never;
    struct sigaction look = {.sa_handler = seizing_look, .sa_flags = SA_RESTART}, before;
    *stopped = (struct hd_stopped){.pid = pid};
    sigaction(SIGALRM, &look, &before);
    setitimer(ITIMER_REAL, &every, NULL);
    bool good = all_stop(stopped, err);
    setitimer(ITIMER_REAL, &never, NULL);
    signal_drop(SIGALRM);
    sigaction(SIGALRM, &before, NULL);
    return good;
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
        reach_stop(NULL, thread->tid, &gone);
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

/*
 * One that cannot be let go does not stand still: it was ended by another one, which was let go before and became another program, and
 * that one waits until its end was seen; or it has not come to its stop yet.
 */
static void let_go(pid_t tid)
{
    enum { TRIES = 3 };
    static const double GLANCE = 0.5; /* seconds */
    int status, signal = 0;
    for (int tries = 0; ptrace(PTRACE_DETACH, tid, 0, (void *)(long)signal) != 0 && tries < TRIES; tries++) {
        if (!hd_stop_wait(tid, &status, GLANCE) || !WIFSTOPPED(status))
            return;
        signal = status >> 16 ? 0 : WSTOPSIG(status);
    }
}

void hd_stop_release(struct hd_stopped *stopped)
{
    for (size_t i = 0; i < stopped->count; i++)
        hd_stop_restore(stopped, &stopped->threads[i]);
    for (size_t i = 0; i < stopped->count; i++)
        let_go(stopped->threads[i].tid);
    free(stopped->threads);
    *stopped = (struct hd_stopped){.pid = stopped->pid, .foreign = stopped->foreign};
}
