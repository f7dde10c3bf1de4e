/* The process that writes a dump, its helpers, and waiting for them. See inside.h. */
#define _GNU_SOURCE
#include "capture/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    TICK_MS = 1000,       /* how often progress is looked at */
    PROBE_TICK_MS = 10,   /* the same until the probe is over */
    BLIND_TICK_MS = 2,    /* the same where the kernel cannot tell when a process ends */
    STOP_PAGE = 1u << 31, /* no heap has as many pages: the writers stop */
};

static double now(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int pidfd_open_raw(pid_t pid)
{
#ifdef SYS_pidfd_open
    return (int)syscall(SYS_pidfd_open, pid, 0);
#else
    (void)pid;
    errno = ENOSYS;
    return -1;
#endif
}

/* The dumper as a writer */

static void *dumper_create(struct hd_arena *arena, void *data, struct hd_error *err)
{
    struct hd_inside_dump *dump = data;
    struct hd_dump_target target = {.live = dump->live};
    return hd_dumper_create(arena, &target, dump->options, dump->progress, err);
}

static bool dumper_head(void *state, struct hd_output *out, struct hd_dump_progress *progress, struct hd_error *err)
{
    return hd_dumper_write_head(state, out, progress, err);
}

static bool dumper_objects(void *state, struct hd_output *out, struct hd_dump_progress *progress, struct hd_error *err)
{
    return hd_dumper_write_objects(state, out, progress, err);
}

static bool dumper_end(void *state, struct hd_output *out, struct hd_dump_progress *progress, struct hd_error *err)
{
    return hd_dumper_write_end(state, out, progress, err);
}

static void dumper_probe(void *data)
{
    struct hd_inside_dump *dump = data;
    if (dump->live->lock_probe)
        dump->live->lock_probe();
}

const struct hd_inside_writer hd_inside_dumper = {dumper_probe, dumper_create, dumper_head, dumper_objects,
                                                  dumper_end};

/* In the clone and its helpers */

/* A descriptor we kept would keep a socket or pipe open that the process closes meanwhile. */
static void descriptors_close(unsigned int keep)
{
    unsigned int last = ~0u;
#ifdef SYS_close_range
    unsigned int from = keep < 3 ? 3 : keep + 1;
    if (syscall(SYS_close_range, from, last, 0) == 0) {
        if (keep > 3)
            syscall(SYS_close_range, 3, keep - 1, 0);
        return;
    }
#endif
    struct rlimit limit;
    enum { MOST = 1 << 20 };
    last = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < MOST ? (unsigned int)limit.rlim_cur : MOST;
    for (unsigned int fd = 3; fd < last; fd++)
        if (fd != keep)
            close((int)fd);
}

/* If memory runs out, the kernel shall take us and not the application. Failing is fine. */
static void sacrifice_offer(void)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t ignored = write(fd, "1000", 4);
    (void)ignored;
    close(fd);
}

static _Noreturn void leave(struct hd_inside_report *report, bool ok)
{
    atomic_store_explicit(&report->state, ok ? HD_INSIDE_DONE : HD_INSIDE_FAILED, memory_order_release);
    for (;;)
        syscall(SYS_exit_group, ok ? 0 : 1);
}

/* First thing in every clone. `parent` is the process being dumped: we must not outlive it. */
static void enter(pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pid_t current = getppid(); /* 0: it is in a pid namespace outside ours */
    if (current != parent && current != 0)
        for (;;)
            syscall(SYS_exit_group, 1);
    prctl(PR_SET_NAME, "heap_dump");
    /* Should we crash, a core file as big as the application would be left behind. */
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
}

static int cores_count(void)
{
    cpu_set_t set;
    int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
    return n < 1 ? 1 : n > HD_INSIDE_PROCESSES ? HD_INSIDE_PROCESSES : n;
}

static void writers_stop(struct hd_inside_shared *shared)
{
    atomic_store(&shared->progress.next_page, STOP_PAGE);
}

static bool objects_write(struct hd_inside *inside, void *state, struct hd_error *err)
{
    if (inside->writer->objects(state, inside->output, &inside->shared->progress, err))
        return true;
    writers_stop(inside->shared);
    return false;
}

/*
 * One more writer. It becomes a child of the process being dumped (CLONE_PARENT), which reaps it: were it ours
 * and we were killed, it would fall to init, and in a container the Ruby process often is init.
 * The kernel itself notes the pid, so that it is known even if we are killed at this very moment.
 */
static bool helper_start(struct hd_inside *inside, void *state, pid_t parent, struct hd_inside_report *report)
{
    long pid = syscall(SYS_clone, CLONE_PARENT | CLONE_PARENT_SETTID, 0, &report->pid, 0, 0);
    if (pid < 0)
        return false;
    if (pid == 0) {
        enter(parent);
        leave(report, objects_write(inside, state, &report->error));
    }
    return true;
}

/* Waits until a helper is gone. It is not our child, so there is no status: its report must say it all. */
static bool helper_finish(struct hd_inside *inside, struct hd_inside_report *report, int fd, struct hd_error *err)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    while (poll(&wait, 1, -1) < 0 && errno == EINTR)
        ;
    close(fd);
    int state = atomic_load_explicit(&report->state, memory_order_acquire);
    if (state == HD_INSIDE_DONE)
        return true;
    writers_stop(inside->shared);
    if (state == HD_INSIDE_FAILED)
        *err = report->error;
    else
        hd_error_set(err, HD_ERROR_CHILD, "a process that writes the dump ended before its work was done");
    return false;
}

static bool objects_share(struct hd_inside *inside, void *state, pid_t parent, struct hd_error *err)
{
    struct hd_inside_report *reports = inside->shared->reports;
    int fds[HD_INSIDE_PROCESSES], processes = inside->processes ? inside->processes : cores_count(), n = 1;
    bool ok = true;
    for (; n < processes && n < HD_INSIDE_PROCESSES; n++) {
        /* Without pidfds (kernels before 5.3) we could not notice a helper's death: then we work alone. */
        int probe = pidfd_open_raw(getpid());
        if (probe < 0)
            break;
        close(probe);
        if (!helper_start(inside, state, parent, &reports[n]))
            break; /* fewer processes are slower, not wrong */
        fds[n] = pidfd_open_raw(reports[n].pid);
        if (fds[n] < 0) {
            writers_stop(inside->shared);
            return hd_error_set_errno(err, HD_ERROR_CHILD, errno, "cannot watch a process that writes the dump");
        }
    }
    ok = objects_write(inside, state, err);
    for (int i = 1; i < n; i++) {
        struct hd_error other;
        if (!helper_finish(inside, &reports[i], fds[i], &other)) {
            /* The first writer to fail stops the others; its error is the one that tells why. */
            if (ok || err->code == HD_ERROR_CHILD)
                *err = other;
            ok = false;
        }
    }
    return ok;
}

/* `parent`: the process being dumped if we are a clone of it, 0 if we are that process itself. */
static bool everything_write(struct hd_inside *inside, pid_t parent, struct hd_error *err)
{
    const struct hd_inside_writer *writer = inside->writer;
    struct hd_dump_progress *progress = &inside->shared->progress;
    struct hd_arena arena = {0};
    if (parent && writer->probe)
        writer->probe(inside->writer_data);
    atomic_fetch_add(&progress->heartbeat, 1);
    void *state = writer->create(&arena, inside->writer_data, err);
    bool ok = state && writer->head(state, inside->output, progress, err) &&
              (parent ? objects_share(inside, state, parent, err) : objects_write(inside, state, err)) &&
              writer->end(state, inside->output, progress, err);
    hd_arena_deinit(&arena);
    return ok;
}

static _Noreturn void child_run(struct hd_inside *inside, pid_t parent)
{
    struct hd_inside_report *report = &inside->shared->reports[0];
    enter(parent);
    sacrifice_offer();
    descriptors_close((unsigned int)inside->output->fd);
    bool ok = everything_write(inside, parent, &report->error);
    if (ok) {
        atomic_store(&inside->shared->syncing, 1);
        /* So that the caller, whom nothing can interrupt in its own fsync, finds nothing left to do.
         * Its fsync reports the error, if there is one. */
        fdatasync(inside->output->fd);
    }
    leave(report, ok);
}

/* In the process being dumped */

bool hd_inside_init(struct hd_inside *inside, struct hd_error *err)
{
    memset(inside, 0, sizeof *inside);
    inside->wakeup = inside->child_fd = -1;
    void *memory = mmap(NULL, sizeof *inside->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return hd_error_set_errno(err, HD_ERROR_MEMORY, errno, "no memory to share with the process that writes");
    inside->shared = memory;
    inside->wakeup = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inside->wakeup < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot create an eventfd");
    return true;
}

void hd_inside_deinit(struct hd_inside *inside)
{
    hd_inside_kill(inside);
    if (inside->wakeup >= 0)
        close(inside->wakeup);
    inside->wakeup = -1;
    if (inside->shared)
        munmap(inside->shared, sizeof *inside->shared);
    inside->shared = NULL;
}

static bool start_failed(int number, struct hd_error *err)
{
    if (number == EAGAIN)
        return hd_error_set_errno(err, HD_ERROR_CHILD, number,
                                  "cannot start the process that writes the dump, because a limit on the number of "
                                  "processes is reached (RLIMIT_NPROC, see ulimit -u, or the control group's "
                                  "pids.max); raise it, or use fork: false, which needs no process");
    if (number == ENOMEM)
        return hd_error_set_errno(err, HD_ERROR_CHILD, number,
                                  "cannot start the process that writes the dump: the kernel will not promise the "
                                  "memory for a copy (see vm.overcommit_memory); use fork: false, which needs none");
    return hd_error_set_errno(err, HD_ERROR_CHILD, number,
                              "cannot start the process that writes the dump; fork: false needs no process");
}

bool hd_inside_start(struct hd_inside *inside, struct hd_error *err)
{
    sigset_t all, before;
    pid_t self = getpid();
    memset(inside->shared, 0, sizeof *inside->shared);
    inside->reaped = false;
    /* Blocked for good in the child: no handler of the application's may run there. */
    sigfillset(&all);
    if (inside->writer->probe) /* who waited for the lock as well is asleep, so it may stay free for a moment */
        inside->writer->probe(inside->writer_data);
    double start = now();
    pthread_sigmask(SIG_SETMASK, &all, &before);
    long pid = syscall(SYS_clone, 0, 0, 0, 0, 0);
    if (pid == 0)
        child_run(inside, self);
    int number = errno;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    inside->pause = now() - start;
    if (pid < 0)
        return start_failed(number, err);
    inside->child = (pid_t)pid;
    inside->child_fd = pidfd_open_raw(inside->child);
    return true;
}

/* True once the child has ended; keeps the wait status where waiting means reaping. */
static bool child_poll(struct hd_inside *inside, int tick, int *events)
{
    struct pollfd waits[2] = {{.fd = inside->wakeup, .events = POLLIN}, {.fd = inside->child_fd, .events = POLLIN}};
    bool blind = inside->child_fd < 0;
    *events = poll(waits, blind ? 1 : 2, tick) > 0 ? waits[0].revents : 0;
    if (!blind)
        return waits[1].revents & POLLIN;
    pid_t pid = inside->reaped ? inside->child : wait4(inside->child, &inside->status, __WALL | WNOHANG, NULL);
    if (pid == 0)
        return false;
    inside->reaped = true;
    if (pid < 0) /* somebody else reaped it: the reports must do */
        inside->status = 0;
    return true;
}

static uint64_t progress_sum(const struct hd_inside_shared *shared)
{
    return atomic_load(&shared->progress.heartbeat) + atomic_load(&shared->progress.next_page) +
           atomic_load(&shared->output.plain) + (uint64_t)atomic_load(&shared->syncing);
}

enum hd_inside_wait hd_inside_wait(struct hd_inside *inside)
{
    int silent = 0, probing = HD_INSIDE_PROBE_MS * (1 + inside->attempt / 4);
    uint64_t before = progress_sum(inside->shared);
    for (;;) {
        bool probed = atomic_load(&inside->shared->progress.heartbeat) != 0;
        int woken, tick = inside->child_fd < 0 ? BLIND_TICK_MS : probed ? TICK_MS : PROBE_TICK_MS;
        if (child_poll(inside, tick, &woken))
            return HD_INSIDE_ENDED;
        if (woken) {
            uint64_t drained;
            ssize_t ignored = read(inside->wakeup, &drained, sizeof drained);
            (void)ignored;
            return HD_INSIDE_WOKEN;
        }
        /* Ticks, not the clock: whoever stops us (a debugger, a suspended machine) stops the child as well. */
        uint64_t after = progress_sum(inside->shared);
        silent = after != before || atomic_load(&inside->shared->syncing) ? 0 : silent + tick;
        before = after;
        if (!after && silent >= probing && inside->attempt + 1 < HD_INSIDE_ATTEMPTS)
            return HD_INSIDE_BLOCKED;
        if (silent >= HD_INSIDE_PATIENCE * 1000)
            return HD_INSIDE_STUCK;
    }
}

void hd_inside_wake(struct hd_inside *inside)
{
    uint64_t one = 1;
    int saved = errno;
    ssize_t ignored = write(inside->wakeup, &one, sizeof one);
    (void)ignored;
    errno = saved;
}

static pid_t reap(pid_t pid, int *status, int options)
{
    pid_t got;
    do
        got = wait4(pid, status, __WALL | options, NULL);
    while (got < 0 && errno == EINTR);
    return got;
}

/*
 * Ends a process that nobody needs any more, if it still is one of ours. If the program has waited for it itself, or is a fork of the
 * one that dumps, the pid may be anybody's and is left alone: false. *was_over: it had ended by itself.
 */
static bool end(pid_t pid, int *status, bool *was_over)
{
    pid_t got = reap(pid, status, WNOHANG);
    *was_over = got == pid;
    if (got == 0 && kill(pid, SIGKILL) == 0)
        got = reap(pid, status, 0);
    return got == pid;
}

/* Reaps the child, then its helpers, of which no new ones can come. `signal` is what killed one, 0 if nothing. */
static void all_reap(struct hd_inside *inside, int *signal)
{
    int status;
    if (!inside->reaped && reap(inside->child, &inside->status, 0) != inside->child)
        inside->status = 0;
    *signal = WIFSIGNALED(inside->status) ? WTERMSIG(inside->status) : 0;
    for (int i = 1; i < HD_INSIDE_PROCESSES; i++) {
        pid_t pid = inside->shared->reports[i].pid;
        bool was_over;
        if (pid && end(pid, &status, &was_over) && was_over && WIFSIGNALED(status) && !*signal)
            *signal = WTERMSIG(status);
    }
    if (inside->child_fd >= 0)
        close(inside->child_fd);
    inside->child_fd = -1;
    inside->child = 0;
}

void hd_inside_kill(struct hd_inside *inside)
{
    int signal;
    if (!inside->child)
        return;
    bool was_over;
    if (!inside->reaped && !end(inside->child, &inside->status, &was_over))
        inside->status = 0;
    inside->reaped = true;
    all_reap(inside, &signal);
}

bool hd_inside_result(struct hd_inside *inside, struct hd_error *err)
{
    struct hd_inside_report *report = &inside->shared->reports[0];
    int signal;
    all_reap(inside, &signal);
    int state = atomic_load_explicit(&report->state, memory_order_acquire);
    if (state == HD_INSIDE_DONE && !signal)
        return true;
    if (signal)
        return hd_error_set(err, HD_ERROR_CHILD, "the process that writes the dump was killed by signal %d%s", signal,
                            signal == SIGKILL ? " (by somebody, or by the kernel because memory ran out)" : "");
    if (state == HD_INSIDE_FAILED) {
        *err = report->error;
        return false;
    }
    return hd_error_set(err, HD_ERROR_CHILD, "the process that writes the dump ended before its work was done");
}

bool hd_inside_write_here(struct hd_inside *inside, struct hd_error *err)
{
    /* A file size limit shall be an error from write, not the end of the process. */
    sigset_t size_limit, before;
    struct timespec at_once = {0};
    memset(inside->shared, 0, sizeof *inside->shared);
    sigemptyset(&size_limit);
    sigaddset(&size_limit, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &size_limit, &before);
    bool ok = everything_write(inside, 0, err);
    if (!sigismember(&before, SIGXFSZ))
        while (sigtimedwait(&size_limit, NULL, &at_once) > 0)
            ;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return ok;
}
