/* See core_unpack.h. Blocks of zeros become holes: a core is mostly those. */
#define _GNU_SOURCE
#include "memory/core_unpack.h"

#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum { BLOCK = 1 << 16 };

static bool block_write(int to, const char *bytes, size_t length, struct hd_error *err)
{
    static const char zeros[BLOCK];
    return length == BLOCK && !memcmp(bytes, zeros, BLOCK) ? hd_spool_skip(to, length, err) : hd_spool_write(to, bytes, length, err);
}

/* A file that ends in the middle gives what it has. */
static bool gzip_unpack(int fd, int to, struct hd_error *err)
{
    static char block[BLOCK];
    gzFile file = gzdopen(dup(fd), "rb");
    int got = 0;
    bool good = file != NULL;
    while (good && (got = gzread(file, block, sizeof block)) > 0)
        good = block_write(to, block, (size_t)got, err);
    if (file)
        gzclose(file);
    return good;
}

static bool zstd_unpack(int fd, int to, struct hd_error *err)
{
    static char in[BLOCK], out[BLOCK];
    ZSTD_DStream *stream = ZSTD_createDStream();
    bool good = stream != NULL;
    for (ssize_t got; good && (got = read(fd, in, sizeof in)) > 0;) {
        ZSTD_inBuffer input = {in, (size_t)got, 0};
        while (good && input.pos < input.size) {
            ZSTD_outBuffer output = {out, sizeof out, 0};
            if (ZSTD_isError(ZSTD_decompressStream(stream, &output, &input)))
                good = hd_error_set(err, HD_ERROR_BAD_DUMP, "the compressed core file is damaged");
            good = good && block_write(to, out, output.pos, err);
        }
    }
    ZSTD_freeDStream(stream);
    return good;
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
    int to = hd_spool_open(err);
    bool good = to >= 0 && (gzip ? gzip_unpack(fd, to, err) : zstd_unpack(fd, to, err)) && hd_spool_end(to, err);
    close(fd);
    if (!good && to >= 0)
        close(to);
    return good ? to : -1;
}
