/*
 * All threads of another process, stopped, and let go as if nothing had happened.
 *
 * Owns attaching, what a thread was doing when it was stopped, and putting it back: registers, signal mask, and system
 * calls that a stop has interrupted. Must not know why the process is stopped. Needs ptrace; Linux on x86-64.
 *
 * Nothing is written into the target's memory. While it is stopped, being killed leaves it running: the kernel detaches the
 * threads of a tracer that dies. Only between hd_inject_call and the hd_stop_restore or hd_stop_release after it a SIGKILL would leave one thread
 * with registers that are not its own, and so end the target; that takes as long as the system call does, for a clone a few
 * milliseconds per GB.
 */
#ifndef HD_CAPTURE_STOP_H
#define HD_CAPTURE_STOP_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/user.h>

struct hd_stopped_thread {
    pid_t tid;
    struct user_regs_struct registers; /* as they are to be when it goes on */
    uint64_t signal_mask;
    bool repaired; /* the registers differ from those it was stopped with: its system call is begun again */
    bool injected; /* it has run a system call of ours and must be put back */
};

struct hd_stopped {
    pid_t pid;
    struct hd_stopped_thread *threads;
    size_t count, capacity;
    double injected; /* when the first system call of ours began; 0 if none did */
    double foreign;  /* seconds a thread had registers of ours; known after hd_stop_release */
};

/*
 * Stops every thread, also those that are made meanwhile. HD_ERROR_TARGET or HD_ERROR_UNSUPPORTED with a sentence that says what to
 * do if that is not possible; then nothing is attached any more.
 */
bool hd_stop_all(struct hd_stopped *stopped, pid_t pid, struct hd_error *err);

/*
 * Gives a thread its own registers and signal mask back while it stays stopped: at once after a call of ours, if the stop lasts longer
 * than the call did.
 */
void hd_stop_restore(struct hd_stopped *stopped, struct hd_stopped_thread *thread);

/* Puts all threads back and lets them go. Threads that have died meanwhile are left out. Safe to call again. */
void hd_stop_release(struct hd_stopped *stopped);

/*
 * Has one of the threads run a system call, with all signals blocked. `where` is the address of a syscall instruction in the
 * target (hd_inject_address). *result is what the kernel returned, negative for an error; *child the pid of a process it made, as
 * we see it, if it made one. False if the thread died or ptrace failed.
 */
bool hd_inject_call(struct hd_stopped *stopped, struct hd_stopped_thread *thread, uint64_t where, long number, const long arguments[5],
                    long *result, pid_t *child, struct hd_error *err);

/* The address of a syscall instruction in the vDSO, which every process has mapped; 0 if there is none. */
uint64_t hd_inject_address(pid_t pid);

/* Waits until a traced process or thread stops or ends, at most `seconds`. False if that took longer. */
bool hd_stop_wait(pid_t tid, int *status, double seconds);

/* Seconds of a clock that only goes forward. */
double hd_stop_now(void);

/* The value of a line of /proc/PID/status ("TracerPid"); false if the process is gone. */
bool hd_stop_status(pid_t pid, const char *name, char *value, size_t size);

#endif
