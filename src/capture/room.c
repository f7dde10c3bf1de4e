/* See room.h. Everything here is read from /proc and from the file systems of control groups. */
#define _GNU_SOURCE
#include "capture/room.h"

#include "capture/stop.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 + 256, LINE_BYTES = 8192 };

/* What the files of the two versions are called (Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst). */
struct version {
    const char *kind; /* of the file system */
    long magic;
    const char *limits[2], *usage, *cache[2];
};
static const struct version versions[] = {
    {"cgroup", CGROUP_SUPER_MAGIC, {"memory.limit_in_bytes", NULL}, "memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}},
    {"cgroup2", CGROUP2_SUPER_MAGIC, {"memory.max", "memory.high"}, "memory.current", {"inactive_file", "active_file"}},
};

/* --- numbers in files --- */

/* The number that the file is, or the one behind `name`; false if there is none: "max" is none. */
static bool number_read(const char *folder, const char *file, const char *name, uint64_t *number)
{
    char path[PATH_BYTES], line[256];
    size_t length = name ? strlen(name) : 0;
    bool found = false;
    if (snprintf(path, sizeof path, "%s/%s", folder, file) >= (int)sizeof path)
        return false;
    FILE *stream = fopen(path, "re");
    while (stream && !found && fgets(line, sizeof line, stream)) {
        char *end, *start = line + length;
        if (name && (strncmp(line, name, length) != 0 || (*start != ' ' && *start != ':')))
            continue;
        start += strspn(start, ": \t");
        *number = strtoull(start, &end, 10);
        found = end != start;
    }
    if (stream)
        fclose(stream);
    return found;
}

/* --- where the groups are --- */

/* Of /proc/PID/cgroup, "N:CONTROLLERS:PATH": that of memory, or of version 2, which names none. */
static bool group_of(const char *root, pid_t pid, const struct version *version, char path[PATH_BYTES])
{
    char name[PATH_BYTES], line[LINE_BYTES];
    bool second = !strcmp(version->kind, "cgroup2"), found = false;
    snprintf(name, sizeof name, "%s/proc/%d/cgroup", root, pid);
    FILE *file = fopen(name, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        char *controllers = strchr(line, ':'), *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group)
            continue;
        *group++ = 0;
        group[strcspn(group, "\n")] = 0;
        found = second ? !controllers[1] : strstr(controllers + 1, "memory") != NULL;
        if (found && snprintf(path, PATH_BYTES, "%s", group) >= PATH_BYTES)
            found = false;
    }
    if (file)
        fclose(file);
    return found;
}

/* What is left of the group's path below `top`, NULL if the group is not there. */
static const char *below(const char *group, const char *top)
{
    size_t length = strcmp(top, "/") ? strlen(top) : 0;
    if (strncmp(group, top, length) != 0 || (group[length] && group[length] != '/'))
        return NULL;
    return strstr(group + length, "/..") ? NULL : group + length;
}

/*
 * Of /proc/…/mountinfo (proc(5)): where the groups are mounted so that this one, or where it would be, is among them, and the rest of its path
 * there. Which group is the top of a mount is told as we see it, whoever's mounts these are.
 */
static bool mount_of(const char *mounts, const struct version *version, const char *group, char place[PATH_BYTES], const char **rest)
{
    char line[LINE_BYTES], top[PATH_BYTES];
    FILE *file = fopen(mounts, "re");
    *rest = NULL;
    while (file && !*rest && fgets(line, sizeof line, file)) {
        char kind[32], options[1024];
        const char *more = strstr(line, " - ");
        if (!more || sscanf(more, " - %31s %*s %1023s", kind, options) != 2 || strcmp(kind, version->kind) != 0
            || (!strcmp(kind, "cgroup") && !strstr(options, "memory")))
            continue;
        if (sscanf(line, "%*s %*s %*s %4095s %4095s", top, place) == 2)
            *rest = below(group, top);
    }
    if (file)
        fclose(file);
    return *rest != NULL;
}

static uint64_t left_of_folder(const char *folder, const struct version *version)
{
    uint64_t limit = UINT64_MAX, usage, number, cache = 0;
    for (int i = 0; i < 2; i++) {
        if (version->limits[i] && number_read(folder, version->limits[i], NULL, &number) && number < limit)
            limit = number;
        if (number_read(folder, "memory.stat", version->cache[i], &number))
            cache += number;
    }
    if (limit == UINT64_MAX || !number_read(folder, version->usage, NULL, &usage))
        return UINT64_MAX;
    uint64_t taken = usage > cache ? usage - cache : 0;
    return limit > taken ? limit - taken : 0;
}

/* A folder that the process, perhaps not ours, says is a group: looked into only if it is one, as files elsewhere may be anything. */
static uint64_t left_of_foreign(const char *folder, const struct version *version)
{
    char name[64];
    struct statfs system;
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    uint64_t left = UINT64_MAX;
    if (fd >= 0 && fstatfs(fd, &system) == 0 && system.f_type == version->magic) {
        snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
        left = left_of_folder(name, version);
    }
    if (fd >= 0)
        close(fd);
    return left;
}

/* Of the group and of all above it. */
static uint64_t left_of_groups(const char *place, const char *rest, bool foreign, const struct version *version)
{
    char folder[3 * PATH_BYTES];
    uint64_t least = UINT64_MAX;
    size_t top = strlen(place);
    snprintf(folder, sizeof folder, "%s%s", place, rest);
    for (;;) {
        uint64_t left = foreign ? left_of_foreign(folder, version) : left_of_folder(folder, version);
        least = left < least ? left : least;
        char *last = strrchr(folder + top, '/');
        if (!last)
            return least;
        *last = 0;
    }
}

/*
 * A group that is above the top of our mounts, or beside it, cannot be seen: containers see no more than their own. But one beside us, whose
 * processes we see, has a view of it of its own.
 */
static uint64_t left_of_version(const char *root, pid_t pid, const struct version *version)
{
    char group[PATH_BYTES], mounts[PATH_BYTES], place[PATH_BYTES], folder[2 * PATH_BYTES];
    const char *rest;
    if (!group_of(root, pid, version, group))
        return UINT64_MAX;
    snprintf(mounts, sizeof mounts, "%s/proc/self/mountinfo", root);
    if (mount_of(mounts, version, group, place, &rest)) {
        snprintf(folder, sizeof folder, "%s%s", root, place);
        return left_of_groups(folder, rest, false, version);
    }
    snprintf(mounts, sizeof mounts, "%s/proc/%d/mountinfo", root, pid);
    if (!mount_of(mounts, version, group, place, &rest))
        return UINT64_MAX;
    snprintf(folder, sizeof folder, "%s/proc/%d/root%s", root, pid, place);
    return left_of_groups(folder, rest, !*root, version); /* folders of tests are no groups */
}

uint64_t hd_room_left_below(const char *root, pid_t pid)
{
    char folder[PATH_BYTES];
    uint64_t least = UINT64_MAX, kilobytes;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        uint64_t left = left_of_version(root, pid, &versions[i]);
        least = left < least ? left : least;
    }
    snprintf(folder, sizeof folder, "%s/proc", root);
    if (number_read(folder, "meminfo", "MemAvailable", &kilobytes) && kilobytes * 1024 < least)
        least = kilobytes * 1024;
    return least;
}

uint64_t hd_room_left(pid_t pid)
{
    return hd_room_left_below("", pid);
}

uint64_t hd_room_of(pid_t pid)
{
    char anonymous[64] = "";
    return hd_stop_status(pid, "RssAnon", anonymous, sizeof anonymous) ? strtoull(anonymous, NULL, 10) * 1024 : 0;
}

uint64_t hd_room_mappings(pid_t pid)
{
    char path[64], line[LINE_BYTES];
    uint64_t mappings = 0;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        mappings++;
    if (file)
        fclose(file);
    return mappings;
}

/*
 * A copy has page tables of its own, as large as those there are, and descriptions of the mappings. What the process changes while
 * the copy is read, a fraction of a second for each GB, is had twice: a sixteenth of it is much for that time.
 */
uint64_t hd_room_needed(pid_t pid, uint64_t *least)
{
    enum { CHANGED = 16, MAPPING_BYTES = 512 };
    static const uint64_t BASE = 16 << 20, CHANGED_MAX = 256 << 20;
    char tables[64] = "";
    *least = 0;
    if (!hd_stop_status(pid, "VmPTE", tables, sizeof tables))
        return 0;
    uint64_t changed = hd_room_of(pid) / CHANGED;
    changed = changed < CHANGED_MAX ? changed : CHANGED_MAX;
    *least = BASE + changed / 2;
    return BASE + strtoull(tables, NULL, 10) * 1024 + hd_room_mappings(pid) * MAPPING_BYTES + changed;
}

static bool score_write(const char *score)
{
    int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    bool good = fd >= 0 && write(fd, score, strlen(score)) > 0;
    if (fd >= 0)
        close(fd);
    return good;
}

void hd_room_volunteer(void)
{
    score_write("1000");
}

void hd_room_stay(void)
{
    if (!score_write("-900")) /* where it may be lowered: others go first */
        score_write("0");
}
