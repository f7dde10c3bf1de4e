/* See target.h. Everything here is read from /proc. */
#define _GNU_SOURCE
#include "capture/target.h"

#include "capture/stop.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CAP_SYS_PTRACE_BIT = 19 };

/* --- permission --- */

static bool may_trace(void)
{
    char value[64] = "0";
    hd_stop_status(getpid(), "CapEff", value, sizeof value);
    return strtoull(value, NULL, 16) >> CAP_SYS_PTRACE_BIT & 1;
}

/* Yama's ptrace_scope: 0 the user's own processes, 1 only children, 2 only root, 3 nobody. 0 where there is no Yama. */
static int ptrace_scope(void)
{
    int scope = 0;
    FILE *file = fopen("/proc/sys/kernel/yama/ptrace_scope", "re");
    if (file && fscanf(file, "%d", &scope) != 1)
        scope = 0;
    if (file)
        fclose(file);
    return scope;
}

/* The name of the process's user, or its number. */
static uid_t user_of(pid_t pid, char name[64])
{
    char value[64] = "";
    *name = 0;
    if (!hd_stop_status(pid, "Uid", value, sizeof value))
        return (uid_t)-1;
    uid_t uid = (uid_t)strtoul(value, NULL, 10);
    const struct passwd *user = getpwuid(uid);
    if (user)
        snprintf(name, 64, "%.60s", user->pw_name);
    else
        snprintf(name, 64, "%u", uid);
    return uid;
}

/* We may look into it, but not stop it, and there is a filter around us. */
static bool ptrace_filtered(pid_t pid)
{
    char path[64], filter[16] = "0";
    snprintf(path, sizeof path, "/proc/%d/mem", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    close(fd);
    return hd_stop_status(getpid(), "Seccomp", filter, sizeof filter) && strcmp(filter, "0") != 0;
}

static bool forbidden(pid_t pid, struct hd_error *err)
{
    char path[64], name[64];
    struct stat status;
    int scope = ptrace_scope();
    uid_t uid = user_of(pid, name);
    if (scope == 3)
        return hd_error_set(err, HD_ERROR_TARGET, "no permission to look into process %d: kernel.yama.ptrace_scope is 3, which forbids it to "
                            "everybody until the machine is started anew; load the gem into the program instead", pid);
    if (!scope && ptrace_filtered(pid))
        return hd_error_set(err, HD_ERROR_TARGET, "no permission to trace process %d: heap_dump itself runs under a seccomp filter (of a "
                            "container), which forbids ptrace, it seems; run this on the host with the pid that it has there, or the container "
                            "with --security-opt seccomp=unconfined", pid);
    if (may_trace())
        return hd_error_set(err, HD_ERROR_TARGET, "no permission to look into process %d: a security module (AppArmor, SELinux) forbids it, "
                            "or it is in a user namespace that is not below ours; run this on the host as root", pid);
    if (geteuid() == 0)
        return hd_error_set(err, HD_ERROR_TARGET, "no permission to look into process %d: this is root, but without the capability "
                            "SYS_PTRACE, which containers leave out; docker run --cap-add SYS_PTRACE, in Kubernetes "
                            "securityContext.capabilities.add, or run this on the host with the pid that it has there", pid);
    if (*name && uid != geteuid())
        return hd_error_set(err, HD_ERROR_TARGET, "no permission to look into process %d: it belongs to user %s; run this as root or as that user",
                            pid, name);
    if (scope)
        return hd_error_set(err, HD_ERROR_TARGET, "no permission to look into process %d: kernel.yama.ptrace_scope is %d, so run this as "
                            "root, or once, as root, `sysctl kernel.yama.ptrace_scope=0`", pid, scope);
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    if (!stat(path, &status) && status.st_uid != geteuid()) /* proc(5): not "dumpable" */
        return hd_error_set(err, HD_ERROR_TARGET, "no permission to look into process %d: it was started as another user, or keeps others from "
                            "looking into it; run this as root", pid);
    return hd_error_set(err, HD_ERROR_TARGET, "no permission to look into process %d: run this as root (in a container: with --cap-add "
                        "SYS_PTRACE)", pid);
}

/* A keeper of ours (keeper.h) is done in a moment: one that takes another dump, or whose tool was interrupted. */
static bool traced(pid_t pid, struct hd_error *err)
{
    static const double patience = 5; /* seconds */
    char tracer[32] = "", name[64] = "a debugger or strace";
    for (double begun = hd_stop_now();;) {
        if (!hd_stop_status(pid, "TracerPid", tracer, sizeof tracer) || !strcmp(tracer, "0"))
            return false;
        if (!hd_stop_status((pid_t)atoi(tracer), "Name", name, sizeof name) || strcmp(name, HD_TARGET_KEEPER) != 0
            || hd_stop_now() - begun > patience)
            break;
        nanosleep(&(struct timespec){0, 2000000}, NULL);
    }
    hd_error_set(err, HD_ERROR_TARGET, "process %d is being traced by process %s already (%s): end that first", pid, tracer, name);
    return true;
}

bool hd_target_refused(pid_t pid, int number, struct hd_error *err)
{
    char state[32] = "";
    if (number == ESRCH || (kill(pid, 0) && errno == ESRCH))
        return hd_error_set(err, HD_ERROR_TARGET, "there is no process %d (any more)", pid);
    if (hd_stop_status(pid, "State", state, sizeof state) && (*state == 'Z' || *state == 'X'))
        return hd_error_set(err, HD_ERROR_TARGET, "process %d has ended and only waits for its parent to notice", pid);
    if (traced(pid, err))
        return false;
    if (number == EPERM || number == EACCES)
        return forbidden(pid, err);
    return hd_error_set_errno(err, HD_ERROR_TARGET, number, "cannot attach to process %d", pid);
}

/* --- its kind --- */

static bool emulated(pid_t pid)
{
    char path[64], link[512];
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    ssize_t length = readlink(path, link, sizeof link - 1);
    link[length > 0 ? length : 0] = 0;
    const char *base = strrchr(link, '/');
    return base && !strncmp(base, "/qemu-", 6);
}

bool hd_target_stat_read(pid_t pid, struct hd_target_stat *stat)
{
    enum { STATE = 3, FLAGS = 9, EXIT_SIGNAL = 38, EXIT_CODE = 52 };
    char path[64], text[1024];
    *stat = (struct hd_target_stat){.exit_signal = -1, .exit_code = -1};
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    size_t length = file ? fread(text, 1, sizeof text - 1, file) : 0;
    if (file)
        fclose(file);
    text[length] = 0;
    const char *field = strrchr(text, ')'); /* the end of the second; the name may hold anything */
    for (int n = STATE; n <= EXIT_CODE && field && (field = strchr(field + 1, ' ')) != NULL; n++) {
        if (n == STATE)
            stat->state = field[1];
        else if (n == FLAGS)
            stat->flags = (unsigned)strtoul(field, NULL, 10);
        else if (n == EXIT_SIGNAL)
            stat->exit_signal = atoi(field);
        else if (n == EXIT_CODE)
            stat->exit_code = atoi(field);
    }
    return stat->state != 0;
}

/* A process that is ending has no program any more, either. */
static bool of_kernel(pid_t pid)
{
    enum { THREAD_OF_KERNEL = 0x00200000 }; /* PF_KTHREAD */
    struct hd_target_stat stat;
    return hd_target_stat_read(pid, &stat) && stat.flags & THREAD_OF_KERNEL;
}

static bool kind_check(pid_t pid, struct hd_error *err)
{
    char path[64];
    Elf64_Ehdr header = {0};
    snprintf(path, sizeof path, "/proc/%d/exe", pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    int error = errno;
    if (fd < 0 && of_kernel(pid))
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "process %d is a thread of the kernel, not a Ruby", pid);
    if (fd < 0 && error == ENOENT)
        return hd_error_set(err, HD_ERROR_TARGET, "process %d is ending: it has given its memory back already", pid);
    if (fd < 0)
        return hd_target_refused(pid, error, err);
    ssize_t length = pread(fd, &header, sizeof header, 0);
    close(fd);
    bool elf = length == (ssize_t)sizeof header && !memcmp(header.e_ident, ELFMAG, SELFMAG);
    if (elf && header.e_ident[EI_CLASS] == ELFCLASS32)
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "process %d is a 32-bit program: only those for x86-64 are read from outside", pid);
    if ((elf && header.e_machine != EM_X86_64) || emulated(pid))
        return hd_error_set(err, HD_ERROR_UNSUPPORTED, "process %d is a program for another machine than x86-64 (ELF machine %d), the only one "
                            "that is read from outside: load the gem into it and call HeapDump.dump", pid, header.e_machine);
    return true;
}

/* Opening is enough: whoever may do that may do the rest. */
static bool open_check(pid_t pid, const char *name, struct hd_error *err)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return hd_target_refused(pid, errno == ENOENT ? ESRCH : errno, err);
    close(fd);
    return true;
}

bool hd_target_check(pid_t pid, struct hd_error *err)
{
    char state[32] = "", group[32] = "";
    if (kill(pid, 0) && errno == ESRCH)
        return hd_target_refused(pid, ESRCH, err);
    if (hd_stop_status(pid, "State", state, sizeof state) && (*state == 'Z' || *state == 'X'))
        return hd_target_refused(pid, 0, err);
    if (hd_stop_status(pid, "Tgid", group, sizeof group) && atoi(group) != pid)
        return hd_error_set(err, HD_ERROR_TARGET, "%d is a thread of process %s: give that one", pid, group);
    if (traced(pid, err))
        return false;
    return kind_check(pid, err) && open_check(pid, "maps", err) && open_check(pid, "mem", err);
}

/* --- what its pid may have been given for --- */

static bool looks_ruby(pid_t pid)
{
    char path[64], line[4096];
    bool found = false;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *file = fopen(path, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        const char *base = strrchr(line, '/');
        found = base && (!strncmp(base, "/libruby", 8) || !strncmp(base, "/ruby", 5));
    }
    if (file)
        fclose(file);
    return found;
}

size_t hd_target_children(pid_t pid, pid_t tid, pid_t *children, size_t most)
{
    char path[64];
    size_t count = 0;
    int child;
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", pid, tid);
    FILE *file = fopen(path, "re");
    while (file && count < most && fscanf(file, "%d", &child) == 1)
        children[count++] = child;
    if (file)
        fclose(file);
    return count;
}

pid_t hd_target_ruby_below(pid_t pid)
{
    enum { MOST = 256 };
    pid_t waiting[MOST] = {pid};
    size_t count = 1;
    for (size_t at = 0; at < count; at++) {
        if (at && looks_ruby(waiting[at]))
            return waiting[at];
        count += hd_target_children(waiting[at], waiting[at], waiting + count, MOST - count);
    }
    return 0;
}
