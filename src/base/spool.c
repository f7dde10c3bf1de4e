/* See spool.h. */
#define _GNU_SOURCE
#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int file_in(const char *folder)
{
    char name[4096];
    int fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd >= 0 || snprintf(name, sizeof name, "%s/heap_dump-XXXXXX", folder) >= (int)sizeof name)
        return fd;
    fd = mkostemp(name, O_CLOEXEC); /* a file system that cannot do without; mode 0600 */
    if (fd >= 0)
        unlink(name);
    return fd;
}

int hd_spool_open(struct hd_error *err)
{
    const char *wanted = getenv("TMPDIR");
    bool own = wanted && *wanted;
    const char *folder = own ? wanted : "/var/tmp";
    int fd = file_in(folder);
    if (fd < 0 && !own)
        fd = file_in("/tmp");
    if (fd < 0)
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot make a temporary file in %.200s (TMPDIR says where)", folder);
    return fd;
}

static bool failed(struct hd_error *err)
{
    return hd_error_set_errno(err, HD_ERROR_IO, errno, "no room for a temporary file: set TMPDIR to a folder where there is some");
}

bool hd_spool_write(int spool, const void *bytes, size_t length, struct hd_error *err)
{
    for (size_t done = 0; done < length;) {
        ssize_t wrote = write(spool, (const char *)bytes + done, length - done);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return failed(err);
        done += (size_t)wrote;
    }
    return true;
}

bool hd_spool_skip(int spool, size_t length, struct hd_error *err)
{
    return lseek(spool, (off_t)length, SEEK_CUR) >= 0 || failed(err);
}

bool hd_spool_end(int spool, struct hd_error *err)
{
    off_t end = lseek(spool, 0, SEEK_CUR);
    return (end >= 0 && ftruncate(spool, end) == 0) || failed(err);
}
