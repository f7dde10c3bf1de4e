/* See core_unpack.h. Blocks of zeros become holes: a core is mostly those. */
#define _GNU_SOURCE
#include "memory/core_unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { BLOCK = 1 << 16 };

struct sink {
    int fd;
    uint64_t length;
    struct hd_error *err;
};

static bool sink_write(struct sink *sink, const char *bytes, size_t length)
{
    static const char zeros[BLOCK];
    if (length == BLOCK && !memcmp(bytes, zeros, BLOCK)) {
        sink->length += length;
        return true;
    }
    while (length > 0) {
        ssize_t wrote = pwrite(sink->fd, bytes, length, (off_t)sink->length);
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return hd_error_set_errno(sink->err, HD_ERROR_IO, errno, "no room to unpack the core file (TMPDIR says where)");
        bytes += wrote;
        length -= (size_t)wrote;
        sink->length += (uint64_t)wrote;
    }
    return true;
}

/* A file that ends in the middle gives what it has. */
static bool gzip_unpack(int fd, struct sink *sink)
{
    static char block[BLOCK];
    gzFile file = gzdopen(dup(fd), "rb");
    int got = 0;
    bool good = file != NULL;
    while (good && (got = gzread(file, block, sizeof block)) > 0)
        good = sink_write(sink, block, (size_t)got);
    if (file)
        gzclose(file);
    return good;
}

static bool zstd_unpack(int fd, struct sink *sink)
{
    static char in[BLOCK], out[BLOCK];
    ZSTD_DStream *stream = ZSTD_createDStream();
    bool good = stream != NULL;
    for (ssize_t got; good && (got = read(fd, in, sizeof in)) > 0;) {
        ZSTD_inBuffer input = {in, (size_t)got, 0};
        while (good && input.pos < input.size) {
            ZSTD_outBuffer output = {out, sizeof out, 0};
            if (ZSTD_isError(ZSTD_decompressStream(stream, &output, &input)))
                good = hd_error_set(sink->err, HD_ERROR_BAD_DUMP, "the compressed core file is damaged");
            good = good && sink_write(sink, out, output.pos);
        }
    }
    ZSTD_freeDStream(stream);
    return good;
}

static int temporary_open(struct hd_error *err)
{
    const char *folder = getenv("TMPDIR");
    char name[4096];
    snprintf(name, sizeof name, "%s/heap_dump-core-XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkostemp(name, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot make a file to unpack the core into, %.200s", name);
    else
        unlink(name);
    return fd;
}

int hd_core_unpack(const char *path, struct hd_error *err)
{
    unsigned char magic[4] = {0};
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &status)) {
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.300s", path);
        return -1;
    }
    if (!S_ISREG(status.st_mode)) {
        hd_error_set(err, HD_ERROR_IO, "%.300s is not a file", path);
        close(fd);
        return -1;
    }
    bool some = pread(fd, magic, sizeof magic, 0) == (ssize_t)sizeof magic;
    bool gzip = some && magic[0] == 0x1f && magic[1] == 0x8b, zstd = some && !memcmp(magic, "\x28\xb5\x2f\xfd", 4);
    if (!gzip && !zstd)
        return fd;
    struct sink sink = {.fd = temporary_open(err), .err = err};
    bool good = sink.fd >= 0 && (gzip ? gzip_unpack(fd, &sink) : zstd_unpack(fd, &sink))
                && (ftruncate(sink.fd, (off_t)sink.length) == 0
                    || hd_error_set_errno(err, HD_ERROR_IO, errno, "no room to unpack the core file (TMPDIR says where)"));
    close(fd);
    if (good)
        return sink.fd;
    if (sink.fd >= 0)
        close(sink.fd);
    return -1;
}
