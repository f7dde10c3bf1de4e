/* See room.h. Everything here is read from /proc and from the file systems of control groups. */
#define _GNU_SOURCE
#include "capture/room.h"

#include "capture/stop.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 + 256, LINE_BYTES = 8192 };

/* What the files of the two versions are called (Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst). */
struct version {
    const char *kind; /* of the file system */
    const char *limits[2], *usage, *cache[2];
};
static const struct version versions[] = {
    {"cgroup", {"memory.limit_in_bytes", NULL}, "memory.usage_in_bytes", {"total_inactive_file", "total_active_file"}},
    {"cgroup2", {"memory.max", "memory.high"}, "memory.current", {"inactive_file", "active_file"}},
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

/*
 * Of /proc/self/mountinfo (proc(5)): where the groups are mounted, and which of them is the top there. A group that is above it cannot
 * be seen: containers see no more than their own.
 */
static bool mount_of(const char *root, const struct version *version, char place[PATH_BYTES], char top[PATH_BYTES])
{
    char name[PATH_BYTES], line[LINE_BYTES];
    bool found = false;
    snprintf(name, sizeof name, "%s/proc/self/mountinfo", root);
    FILE *file = fopen(name, "re");
    while (file && !found && fgets(line, sizeof line, file)) {
        char kind[32], options[1024];
        const char *rest = strstr(line, " - ");
        if (!rest || sscanf(rest, " - %31s %*s %1023s", kind, options) != 2 || strcmp(kind, version->kind) != 0
            || (!strcmp(kind, "cgroup") && !strstr(options, "memory")))
            continue;
        found = sscanf(line, "%*s %*s %*s %4095s %4095s", top, place) == 2;
    }
    if (file)
        fclose(file);
    return found;
}

/* Of the group and of all above it. */
static uint64_t left_of_groups(const char *root, const struct version *version, const char *place, char *group)
{
    uint64_t least = UINT64_MAX;
    for (;;) {
        char folder[2 * PATH_BYTES];
        uint64_t limit = UINT64_MAX, usage, number, cache = 0;
        snprintf(folder, sizeof folder, "%s%s%s", root, place, group);
        for (int i = 0; i < 2; i++) {
            if (version->limits[i] && number_read(folder, version->limits[i], NULL, &number) && number < limit)
                limit = number;
            if (number_read(folder, "memory.stat", version->cache[i], &number))
                cache += number;
        }
        if (limit < UINT64_MAX && number_read(folder, version->usage, NULL, &usage)) {
            uint64_t taken = usage > cache ? usage - cache : 0, left = limit > taken ? limit - taken : 0;
            least = left < least ? left : least;
        }
        char *last = strrchr(group, '/');
        if (!last)
            return least;
        *last = 0;
    }
}

uint64_t hd_room_left_below(const char *root, pid_t pid)
{
    char folder[PATH_BYTES];
    uint64_t least = UINT64_MAX, kilobytes;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++) {
        char group[PATH_BYTES], place[PATH_BYTES], top[PATH_BYTES];
        if (!group_of(root, pid, &versions[i], group) || !mount_of(root, &versions[i], place, top))
            continue;
        size_t above = strcmp(top, "/") ? strlen(top) : 0;
        if (strncmp(group, top, above) != 0 || strstr(group, "/.."))
            continue;
        uint64_t left = left_of_groups(root, &versions[i], place, group + above);
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

/*
 * A copy has page tables of its own, as large as those there are, and descriptions of the mappings. What the process changes while
 * the copy is read, a fraction of a second for each GB, is had twice: a sixteenth of it is much for that time.
 */
uint64_t hd_room_needed(pid_t pid, uint64_t *least)
{
    enum { CHANGED = 16, MAPPING_BYTES = 512 };
    static const uint64_t BASE = 16 << 20, CHANGED_MAX = 256 << 20;
    char tables[64] = "", path[64], line[LINE_BYTES];
    uint64_t mappings = 0;
    *least = 0;
    if (!hd_stop_status(pid, "VmPTE", tables, sizeof tables))
        return 0;
    snprintf(path, sizeof path, "/proc/%d/maps", pid);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        mappings++;
    if (file)
        fclose(file);
    uint64_t changed = hd_room_of(pid) / CHANGED;
    changed = changed < CHANGED_MAX ? changed : CHANGED_MAX;
    *least = BASE + changed / 2;
    return BASE + strtoull(tables, NULL, 10) * 1024 + mappings * MAPPING_BYTES + changed;
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
