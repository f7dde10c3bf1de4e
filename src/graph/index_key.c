/* Which dump an index is of: struct hd_index_key of index.h. */
#define _GNU_SOURCE
#include "graph/index_format.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define ENDS ((size_t)64 << 10)
#define SETTLED 20000000u /* ns; more than the kernel's tick, which is how fine the times of a file are */

static uint64_t nanoseconds(struct timespec time)
{
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static bool hash_ends(struct hd_index_key *key, int fd)
{
    char *bytes = malloc(ENDS);
    uint64_t last = key->size > ENDS ? key->size - ENDS : 0;
    ssize_t first_got = bytes ? pread(fd, bytes, ENDS, 0) : -1;
    if (first_got >= 0)
        key->ends = hd_index_hash(bytes, (uint64_t)first_got, 0);
    ssize_t last_got = bytes ? pread(fd, bytes, ENDS, (off_t)last) : -1;
    if (last_got >= 0)
        key->ends = hd_index_hash(bytes, (uint64_t)last_got, key->ends);
    free(bytes);
    return first_got >= 0 && last_got >= 0;
}

/* A file that was changed within the last tick is waited for: another change in that tick would not show. */
static bool wait_settled(struct hd_index_key *key, int fd, struct stat *status)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t changed = nanoseconds(status->st_ctim), at = nanoseconds(now);
    if (at >= changed && at - changed < SETTLED) {
        struct timespec pause = {0, (long)(SETTLED - (at - changed))};
        nanosleep(&pause, NULL);
        clock_gettime(CLOCK_REALTIME, &now);
        at = nanoseconds(now);
        if (fstat(fd, status))
            return false;
        changed = nanoseconds(status->st_ctim);
    }
    key->settled = at >= changed && at - changed >= SETTLED;
    return true;
}

bool hd_index_identify(struct hd_index_key *key, const char *path)
{
    struct stat status;
    *key = (struct hd_index_key){.size = 0};
    if (!strcmp(path, "-") || !realpath(path, key->path))
        return false;
    if (stat(key->path, &status) || !S_ISREG(status.st_mode)) /* who writes into a pipe must not see it opened and closed again */
        return false;
    int fd = open(key->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool ok = fd >= 0 && !fstat(fd, &status) && S_ISREG(status.st_mode) && wait_settled(key, fd, &status);
    if (ok) {
        key->device = status.st_dev;
        key->inode = status.st_ino;
        key->size = (uint64_t)status.st_size;
        key->modified = nanoseconds(status.st_mtim);
        key->changed = nanoseconds(status.st_ctim);
        ok = hash_ends(key, fd);
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

bool hd_index_same(const struct hd_index_key *one, const struct hd_index_key *other)
{
    return one->device == other->device && one->inode == other->inode && one->size == other->size
           && one->modified == other->modified && one->changed == other->changed && one->ends == other->ends;
}
