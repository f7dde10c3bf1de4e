/*
 * See keeper.h. The two talk through a pair of sockets: a report, then the threads' stacks, then nothing until the tool closes
 * its side or ends, then a second report.
 */
#define _GNU_SOURCE
#include "capture/keeper.h"

#include "capture/room.h"
#include "capture/target.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STACKS_MAX = 1 << 22 };

struct report {
    struct hd_error error; /* code HD_OK: it worked */
    pid_t copy;
    enum hd_copy_method method;
    double stopped, foreign;
    char note[200];
    size_t stack_count;
};

static bool all_sent(int channel, const void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t sent = send(channel, (const char *)bytes + done, length - done, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        done += (size_t)sent;
    }
    return true;
}

static bool all_received(int channel, void *bytes, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = recv(channel, (char *)bytes + done, length - done, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (size_t)got;
    }
    return true;
}

/* --- the keeper --- */

/* Nothing of the tool's stays open here, no terminal sends a signal, and timers are exact: the target waits for us. */
static int keeper_settle(int channel)
{
    enum { KEPT = 3 };
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, NULL);
    setsid();
    prctl(PR_SET_TIMERSLACK, 1L, 0L, 0L, 0L);
    prctl(PR_SET_NAME, HD_TARGET_KEEPER, 0L, 0L, 0L);
    if (channel != KEPT)
        dup2(channel, KEPT);
    for (int fd = 0; fd < KEPT; fd++)
        close(fd);
    if (syscall(SYS_close_range, KEPT + 1, ~0u, 0) != 0)
        for (int fd = KEPT + 1; fd < 1024; fd++) /* kernels before 5.9 */
            close(fd);
    hd_room_stay();
    return KEPT;
}

static void report_fill(struct report *report, const struct hd_copy *copy)
{
    report->copy = copy->process;
    report->method = copy->method;
    report->stopped = copy->stopped;
    report->foreign = copy->foreign;
    report->stack_count = copy->stack_count;
    memcpy(report->note, copy->note, sizeof report->note);
}

/* What is asked for. */
struct errand {
    pid_t target;
    enum hd_copy_method method;
    void (*standing)(void *data, pid_t target);
    void *data;
};

/* Until it is done, or gone. */
static void tool_await(int channel, struct hd_copy *copy)
{
    enum { GLANCE_MS = 2 };
    struct pollfd wait = {.fd = channel, .events = POLLIN};
    for (;;) {
        int ready = poll(&wait, 1, copy->least ? GLANCE_MS : -1);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return;
        hd_copy_watch(copy);
    }
}

static void keeper_run(int channel, const struct errand *errand)
{
    struct report report = {0};
    struct hd_copy copy;
    channel = keeper_settle(channel);
    bool good = hd_copy_take_with(&copy, errand->target, errand->method, errand->standing, errand->data, &report.error);
    report_fill(&report, &copy);
    bool said = all_sent(channel, &report, sizeof report);
    if (good) {
        said = said && all_sent(channel, copy.stacks, copy.stack_count * sizeof *copy.stacks);
        if (said)
            tool_await(channel, &copy);
        hd_copy_release(&copy);
        report_fill(&report, &copy);
        if (copy.lost)
            hd_error_set(&report.error, HD_ERROR_TARGET, "the copy of process %d had to be given up before it was read, as memory ran "
                         "short: try again with --method stop, or when there is more", errand->target);
        all_sent(channel, &report, sizeof report);
    }
    _exit(0);
}

/* --- the tool's side --- */

static bool gone(pid_t target, struct hd_error *err)
{
    return hd_error_set(err, HD_ERROR_TARGET, "the helper process that held the copy of process %d was killed: take the dump again", target);
}

static bool report_take(struct hd_keeper *keeper, const struct report *report)
{
    keeper->copy = report->copy;
    keeper->method = report->method;
    keeper->stopped = report->stopped;
    keeper->foreign = report->foreign;
    memcpy(keeper->note, report->note, sizeof keeper->note);
    keeper->note[sizeof keeper->note - 1] = 0;
    return report->stack_count <= STACKS_MAX;
}

static bool stacks_receive(struct hd_keeper *keeper, pid_t target, size_t count, struct hd_error *err)
{
    keeper->stacks = calloc(count + 1, sizeof *keeper->stacks);
    if (!keeper->stacks)
        return hd_error_set(err, HD_ERROR_MEMORY, "no memory for the list of threads");
    keeper->stack_count = count;
    return all_received(keeper->channel, keeper->stacks, count * sizeof *keeper->stacks) || gone(target, err);
}

static bool memory_open(struct hd_keeper *keeper, pid_t target, struct hd_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/mem", keeper->copy);
    keeper->memory = open(path, O_RDONLY | O_CLOEXEC);
    if (keeper->memory < 0 && keeper->copy != target && (errno == ENOENT || errno == ESRCH))
        return gone(target, err);
    return keeper->memory >= 0 || hd_error_set_errno(err, HD_ERROR_TARGET, errno, "cannot open %s", path);
}

static bool keeper_fork(struct hd_keeper *keeper, const struct errand *errand, struct hd_error *err)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
        return hd_error_set_errno(err, HD_ERROR_TARGET, errno, "cannot make a pair of sockets");
    keeper->process = fork();
    if (keeper->process == 0) {
        close(ends[0]);
        keeper_run(ends[1], errand);
    }
    close(ends[1]);
    keeper->channel = ends[0];
    if (keeper->process > 0)
        return true;
    keeper->process = 0;
    return hd_error_set_errno(err, HD_ERROR_TARGET, errno, "cannot start the helper process that holds the copy");
}

bool hd_keeper_start(struct hd_keeper *keeper, pid_t target, enum hd_copy_method method, struct hd_error *err)
{
    return hd_keeper_start_with(keeper, target, method, NULL, NULL, err);
}

bool hd_keeper_start_with(struct hd_keeper *keeper, pid_t target, enum hd_copy_method method, void (*standing)(void *data, pid_t target),
                          void *data, struct hd_error *err)
{
    const struct errand errand = {target, method, standing, data};
    struct report report;
    struct hd_error failure = {0}, ignored;
    *keeper = (struct hd_keeper){.channel = -1, .memory = -1};
    hd_room_volunteer();
    bool good = keeper_fork(keeper, &errand, &failure);
    good = good && (all_received(keeper->channel, &report, sizeof report) || gone(target, &failure));
    if (good && report.error.code != HD_OK) {
        failure = report.error;
        good = false;
    }
    good = good && (report_take(keeper, &report) || gone(target, &failure))
           && stacks_receive(keeper, target, report.stack_count, &failure) && memory_open(keeper, target, &failure);
    if (good)
        return true;
    hd_keeper_finish(keeper, &ignored);
    if (err)
        *err = failure;
    return false;
}

bool hd_keeper_let_go(struct hd_keeper *keeper, struct hd_error *err)
{
    struct report report;
    bool good = true;
    int status;
    if (keeper->process > 0) {
        shutdown(keeper->channel, SHUT_WR);
        good = all_received(keeper->channel, &report, sizeof report) && report_take(keeper, &report);
        close(keeper->channel); /* it may still be sending what we do not want any more */
        keeper->channel = -1;
        while (waitpid(keeper->process, &status, 0) < 0 && errno == EINTR)
            continue;
        if (!good)
            hd_error_set(err, HD_ERROR_TARGET, "the helper process that held the copy was killed, so what was read may be "
                         "incomplete: take the dump again");
        else if (report.error.code != HD_OK && err)
            *err = report.error;
        keeper->lost = good && report.error.code != HD_OK;
        good = good && !keeper->lost;
    }
    keeper->process = 0;
    if (keeper->channel >= 0)
        close(keeper->channel);
    keeper->channel = -1;
    return good;
}

bool hd_keeper_finish(struct hd_keeper *keeper, struct hd_error *err)
{
    if (keeper->memory >= 0)
        close(keeper->memory);
    keeper->memory = -1;
    free(keeper->stacks);
    keeper->stacks = NULL;
    keeper->stack_count = 0;
    return hd_keeper_let_go(keeper, err);
}
