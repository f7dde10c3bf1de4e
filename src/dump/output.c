/*
 * A temporary file in the folder of the final name, written with pwrite at offsets handed out by one shared
 * counter, so that writers need no lock. See output.h.
 *
 * Everything is done relative to the folder's descriptor: another thread may change the working directory or
 * rename the folder meanwhile.
 */
#define _GNU_SOURCE
#include "dump/output.h"

#include "dump/compress.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { NAME_TRIES = 16, WRITEBACK = 8 << 20, PERMISSIONS = 0600 };

static const char *base_name(const struct hd_output *out)
{
    const char *slash = strrchr(out->path, '/');
    return slash ? slash + 1 : out->path;
}

static bool ends_with(const char *text, const char *ending)
{
    size_t length = strlen(text), tail = strlen(ending);
    return length >= tail && !strcmp(text + length - tail, ending);
}

static bool folder_open(struct hd_output *out, struct hd_error *err)
{
    char folder[sizeof out->path];
    const char *base = base_name(out);
    if (base == out->path)
        strcpy(folder, ".");
    else
        snprintf(folder, sizeof folder, "%.*s", base - out->path > 1 ? (int)(base - out->path - 1) : 1, out->path);
    out->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (out->folder < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot write %s: the folder %s", out->path, folder);
    return true;
}

/* What the rename at the end must not replace. */
static bool target_check(const struct hd_output *out, struct hd_error *err)
{
    const char *base = base_name(out);
    struct stat st;
    if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
        return hd_error_set_errno(err, HD_ERROR_IO, *out->path ? EISDIR : ENOENT, "cannot write %s", out->path);
    if (fstatat(out->folder, base, &st, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT)
            return true;
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot write %s", out->path);
    }
    if (S_ISREG(st.st_mode))
        return true;
    if (S_ISDIR(st.st_mode))
        return hd_error_set_errno(err, HD_ERROR_IO, EISDIR, "cannot write %s", out->path);
    if (S_ISLNK(st.st_mode))
        return hd_error_set_errno(err, HD_ERROR_IO, ELOOP,
                                  "%s is a symbolic link, which a dump neither follows nor replaces; "
                                  "give the name it points to", out->path);
    return hd_error_set_errno(err, HD_ERROR_IO, EINVAL,
                              "%s is not a regular file, and a dump only replaces regular files", out->path);
}

static void name_make(char *name, size_t size)
{
    uint64_t random = 0;
    if (getrandom(&random, sizeof random, GRND_NONBLOCK) != sizeof random)
        random = (uint64_t)getpid() << 32 ^ (uintptr_t)name; /* O_EXCL guards against a clash */
    snprintf(name, size, ".heap_dump-%016llx.tmp", (unsigned long long)random);
}

static bool temporary_open(struct hd_output *out, struct hd_error *err)
{
    /* A file without a name is gone when its last descriptor is, however we end. It gets its name through
     * /proc, so there must be one. */
    if (access("/proc/self/fd", X_OK) == 0) {
        out->fd = openat(out->folder, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, PERMISSIONS);
        if (out->fd >= 0)
            return true;
        if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL && errno != ENOENT)
            return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot create a file for %s", out->path);
    }
    for (int i = 0; i < NAME_TRIES; i++) {
        name_make(out->temporary, sizeof out->temporary);
        out->fd = openat(out->folder, out->temporary, O_CREAT | O_EXCL | O_NOFOLLOW | O_RDWR | O_CLOEXEC, PERMISSIONS);
        if (out->fd >= 0)
            return true;
        if (errno != EEXIST)
            break;
    }
    int saved = errno;
    out->temporary[0] = '\0';
    return hd_error_set_errno(err, HD_ERROR_IO, saved, "cannot create a file for %s", out->path);
}

bool hd_output_open(struct hd_output *out, const char *path, struct hd_output_shared *shared, struct hd_error *err)
{
    memset(out, 0, sizeof *out);
    out->fd = out->folder = -1;
    out->shared = shared;
    if (strlen(path) >= sizeof out->path)
        return hd_error_set_errno(err, HD_ERROR_IO, ENAMETOOLONG, "cannot write the dump");
    strcpy(out->path, path);
    if (ends_with(path, ".gz"))
        out->compression = HD_COMPRESSION_GZIP;
    else if (ends_with(path, ".zst"))
        out->compression = HD_COMPRESSION_ZSTD;
    if (hd_compress_supported(out->compression, err) && folder_open(out, err) && target_check(out, err) &&
        temporary_open(out, err))
        return true;
    hd_output_abort(out);
    return false;
}

static bool write_at(struct hd_output *out, const char *data, size_t length, uint64_t offset, struct hd_error *err)
{
    uint64_t start = offset;
    while (length) {
        ssize_t n = pwrite(out->fd, data, length, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return hd_error_set_errno(err, HD_ERROR_IO, n < 0 ? errno : EIO, "cannot write %s", out->path);
        data += n;
        offset += (uint64_t)n;
        length -= (size_t)n;
    }
    /* Lets the disk start early, so that the fsync at the end finds little left to do. It is only a hint. */
    uint64_t from = start / WRITEBACK * WRITEBACK, to = offset / WRITEBACK * WRITEBACK;
    if (from != to && !out->no_sync)
        sync_file_range(out->fd, (off_t)from, (off_t)(to - from), SYNC_FILE_RANGE_WRITE);
    return true;
}

bool hd_output_write(struct hd_output *out, const void *data, size_t length, struct hd_error *err)
{
    const void *packed = data;
    size_t packed_length = length;
    if (!length)
        return true;
    if (out->compression != HD_COMPRESSION_NONE) {
        if (!out->compressor && !(out->compressor = hd_compress_create(out->compression, err)))
            return false;
        if (!hd_compress_block(out->compressor, data, length, &packed, &packed_length, err))
            return false;
    }
    atomic_fetch_add_explicit(&out->shared->plain, length, memory_order_relaxed);
    uint64_t offset = atomic_fetch_add_explicit(&out->shared->offset, packed_length, memory_order_relaxed);
    return write_at(out, packed, packed_length, offset, err);
}

/* Gives a file that has none a temporary name: no system call can link over an existing name. */
static bool temporary_name(struct hd_output *out, struct hd_error *err)
{
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", out->fd);
    for (int i = 0; i < NAME_TRIES && !out->temporary[0]; i++) {
        char name[64];
        name_make(name, sizeof name);
        if (linkat(AT_FDCWD, self, out->folder, name, AT_SYMLINK_FOLLOW) == 0)
            strcpy(out->temporary, name);
        else if (errno != EEXIST)
            break;
    }
    if (!out->temporary[0])
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot give %s its name", out->path);
    return true;
}

bool hd_output_path(struct hd_output *out, char *path, size_t size, struct hd_error *err)
{
    if (!out->temporary[0] && !temporary_name(out, err))
        return false;
    int folder = (int)(base_name(out) - out->path);
    if ((size_t)snprintf(path, size, "%.*s%s", folder, out->path, out->temporary) < size)
        return true;
    return hd_error_set_errno(err, HD_ERROR_IO, ENAMETOOLONG, "cannot write %s", out->path);
}

bool hd_output_commit(struct hd_output *out, struct hd_error *err)
{
    /* Some file systems (FUSE) cannot sync and say EINVAL or ENOSYS; there is nothing to wait for then. */
    bool ok = out->no_sync || fsync(out->fd) == 0 || errno == EINVAL || errno == ENOSYS;
    if (!ok)
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot write %s to disk", out->path);
    /* Again: somebody may have put a folder or a link there meanwhile. */
    ok = ok && target_check(out, err) && (out->temporary[0] || temporary_name(out, err));
    if (ok && renameat(out->folder, out->temporary, out->folder, base_name(out)) != 0)
        ok = hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot put %s in place", out->path);
    if (ok)
        out->temporary[0] = '\0';
    hd_output_abort(out);
    return ok;
}

void hd_output_abort(struct hd_output *out)
{
    if (out->temporary[0])
        unlinkat(out->folder, out->temporary, 0);
    out->temporary[0] = '\0';
    if (out->fd >= 0)
        close(out->fd);
    if (out->folder >= 0)
        close(out->folder);
    out->fd = out->folder = -1;
    hd_compress_destroy(out->compressor);
    out->compressor = NULL;
}
