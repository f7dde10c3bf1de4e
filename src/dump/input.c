/* Reads, decompresses and cuts into lines. See input.h for what it promises. */
#include "dump/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define RAW_SIZE ((size_t)256 << 10)   /* compressed bytes read at once */
#define FIRST_SIZE ((size_t)512 << 10) /* of the line buffer; grows with the longest line */

enum compression { NONE, GZIP, ZSTD };

struct hd_input {
    int fd;
    bool fd_is_mine;
    bool file_ended; /* read() returned 0 */
    bool text_ended; /* no more text will come */
    bool truncated;
    bool allow_long;
    bool in_frame; /* inside a gzip member or zstd frame: an end here is a truncation */
    enum compression compression;
    char *name;

    unsigned char *raw; /* bytes of the file not yet decompressed; for plain files only the first few */
    size_t raw_at, raw_end;
    z_stream gzip;
    bool gzip_ready;
    ZSTD_DStream *zstd;

    char *text; /* decompressed bytes: [at, end) is not yet handed out, [at, seen) has no newline */
    size_t at, seen, end, capacity;
    uint64_t offset; /* of text[at] in the whole text */
    uint64_t lines;
};

static const unsigned char gzip_magic[] = {0x1f, 0x8b};
static const unsigned char zstd_magic[] = {0x28, 0xb5, 0x2f, 0xfd};

/* One read(); 0 at the end of the file, -1 with *err. */
static ssize_t read_some(struct hd_input *input, void *to, size_t size, struct hd_error *err)
{
    ssize_t got;
    do
        got = read(input->fd, to, size);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot read %.200s", input->name);
    if (got == 0)
        input->file_ended = true;
    return got;
}

/* Reads until `raw` holds at least `want` bytes or the file ends. */
static bool fill_raw(struct hd_input *input, size_t want, struct hd_error *err)
{
    if (input->raw_at == input->raw_end)
        input->raw_at = input->raw_end = 0;
    else if (RAW_SIZE - input->raw_at < want) {
        memmove(input->raw, input->raw + input->raw_at, input->raw_end - input->raw_at);
        input->raw_end -= input->raw_at;
        input->raw_at = 0;
    }
    while (input->raw_end - input->raw_at < want && !input->file_ended) {
        ssize_t got = read_some(input, input->raw + input->raw_end, RAW_SIZE - input->raw_end, err);
        if (got < 0)
            return false;
        input->raw_end += (size_t)got;
    }
    return true;
}

bool hd_input_is_plain(int fd)
{
    unsigned char magic[sizeof zstd_magic] = {0};
    struct stat status;
    bool packed = pread(fd, magic, sizeof magic, 0) >= (ssize_t)sizeof gzip_magic
                  && (!memcmp(magic, gzip_magic, sizeof gzip_magic) || !memcmp(magic, zstd_magic, sizeof zstd_magic));
    return !packed && !fstat(fd, &status) && S_ISREG(status.st_mode);
}

static bool raw_begins(const struct hd_input *input, const unsigned char *magic, size_t length)
{
    return input->raw_end - input->raw_at >= length && !memcmp(input->raw + input->raw_at, magic, length);
}

static bool detect(struct hd_input *input, struct hd_error *err)
{
    if (!fill_raw(input, sizeof zstd_magic, err))
        return false;
    if (raw_begins(input, zstd_magic, sizeof zstd_magic)) {
        input->compression = ZSTD;
        input->zstd = ZSTD_createDStream();
        if (!input->zstd)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the zstd decompressor");
    } else if (raw_begins(input, gzip_magic, sizeof gzip_magic)) {
        input->compression = GZIP;
        if (inflateInit2(&input->gzip, MAX_WBITS + 16) != Z_OK)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for the gzip decompressor");
        input->gzip_ready = true;
    }
    return true;
}

static bool set_up(struct hd_input *input, const char *name, struct hd_error *err)
{
    input->name = strdup(name);
    input->raw = malloc(RAW_SIZE);
    input->capacity = FIRST_SIZE;
    input->text = malloc(input->capacity + HD_INPUT_PADDING);
    if (!input->name || !input->raw || !input->text)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for reading %.200s", name);
    /* What lies behind a line is never looked at, but it is read (32 bytes at a time), so it must be set once. */
    memset(input->text, 0, input->capacity + HD_INPUT_PADDING);
    return detect(input, err);
}

struct hd_input *hd_input_open_fd(int fd, const char *name, struct hd_error *err)
{
    struct hd_input *input = calloc(1, sizeof *input);
    if (!input) {
        hd_error_set(err, HD_ERROR_MEMORY, "out of memory for reading %.200s", name);
        return NULL;
    }
    input->fd = fd;
    if (!set_up(input, name, err)) {
        hd_input_close(input);
        return NULL;
    }
    return input;
}

struct hd_input *hd_input_open(const char *path, struct hd_error *err)
{
    if (!strcmp(path, "-"))
        return hd_input_open_fd(STDIN_FILENO, "standard input", err);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot open %.200s", path);
        return NULL;
    }
    posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    struct hd_input *input = hd_input_open_fd(fd, path, err);
    if (!input)
        close(fd);
    else
        input->fd_is_mine = true;
    return input;
}

void hd_input_close(struct hd_input *input)
{
    if (!input)
        return;
    if (input->gzip_ready)
        inflateEnd(&input->gzip);
    ZSTD_freeDStream(input->zstd);
    if (input->fd_is_mine)
        close(input->fd);
    free(input->name);
    free(input->raw);
    free(input->text);
    free(input);
}

/* The compressed data end here, rightly or in the middle of a frame. */
static bool compressed_end(struct hd_input *input, struct hd_error *err)
{
    input->text_ended = true;
    if (!input->in_frame)
        return true;
    input->truncated = true;
    return hd_error_set(err, HD_ERROR_BAD_DUMP, "the %s data end in the middle: the file is truncated",
                        hd_input_compression(input));
}

/* Each more_* puts at least one byte of text into [end, capacity) or sets text_ended. */
static bool more_gzip(struct hd_input *input, struct hd_error *err)
{
    size_t before = input->end;
    while (input->end == before) {
        if (!input->in_frame) {
            if (!fill_raw(input, sizeof gzip_magic, err))
                return false;
            if (input->raw_at == input->raw_end)
                return compressed_end(input, err);
            if (!raw_begins(input, gzip_magic, sizeof gzip_magic))
                return hd_error_set(err, HD_ERROR_BAD_DUMP, "something that is not gzip follows the gzip data");
            inflateReset(&input->gzip);
            input->in_frame = true;
        }
        if (!fill_raw(input, 1, err))
            return false;
        if (input->raw_at == input->raw_end)
            return compressed_end(input, err);
        size_t room = input->capacity - input->end;
        input->gzip.next_in = input->raw + input->raw_at;
        input->gzip.avail_in = (uInt)(input->raw_end - input->raw_at);
        input->gzip.next_out = (unsigned char *)input->text + input->end;
        input->gzip.avail_out = (uInt)room;
        int status = inflate(&input->gzip, Z_NO_FLUSH);
        input->raw_at = input->raw_end - input->gzip.avail_in;
        input->end += room - input->gzip.avail_out;
        if (status == Z_STREAM_END)
            input->in_frame = false;
        else if (status == Z_MEM_ERROR)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory while decompressing");
        else if (status != Z_OK && status != Z_BUF_ERROR)
            return hd_error_set(err, HD_ERROR_BAD_DUMP, "the gzip data are damaged (%s)",
                                input->gzip.msg ? input->gzip.msg : "unexpected content");
    }
    return true;
}

static bool more_zstd(struct hd_input *input, struct hd_error *err)
{
    size_t before = input->end;
    while (input->end == before) {
        /* With a frame open, text may still wait inside the decompressor when the file has ended. */
        if (!fill_raw(input, 1, err))
            return false;
        bool starved = input->raw_at == input->raw_end;
        if (starved && !input->in_frame)
            return compressed_end(input, err);
        ZSTD_inBuffer in = {input->raw, input->raw_end, input->raw_at};
        ZSTD_outBuffer out = {input->text, input->capacity, input->end};
        size_t status = ZSTD_decompressStream(input->zstd, &out, &in);
        if (ZSTD_isError(status))
            return hd_error_set(err, HD_ERROR_BAD_DUMP, "the zstd data are damaged (%s)", ZSTD_getErrorName(status));
        input->raw_at = in.pos;
        input->end = out.pos;
        input->in_frame = status != 0;
        if (starved && input->in_frame && input->end == before)
            return compressed_end(input, err);
    }
    return true;
}

static bool more_plain(struct hd_input *input, struct hd_error *err)
{
    size_t room = input->capacity - input->end;
    if (input->raw_at < input->raw_end) { /* what was read to look for a magic number */
        size_t take = input->raw_end - input->raw_at < room ? input->raw_end - input->raw_at : room;
        memcpy(input->text + input->end, input->raw + input->raw_at, take);
        input->raw_at += take;
        input->end += take;
        return true;
    }
    ssize_t got = input->file_ended ? 0 : read_some(input, input->text + input->end, room, err);
    if (got < 0)
        return false;
    input->end += (size_t)got;
    input->text_ended = got == 0;
    return true;
}

void hd_input_allow_long(struct hd_input *input)
{
    input->allow_long = true;
}

/* Of the line at hand. */
static size_t line_limit(const struct hd_input *input)
{
    bool theirs = input->allow_long && input->end > input->at && input->text[input->at] == '{';
    return theirs ? HD_INPUT_LONG_LIMIT : HD_INPUT_LINE_LIMIT;
}

/* Makes room behind `end`: moves the line begun to the front, or doubles the buffer. */
static bool make_room(struct hd_input *input, struct hd_error *err)
{
    if (input->at > 0) {
        memmove(input->text, input->text + input->at, input->end - input->at);
        input->end -= input->at;
        input->seen -= input->at;
        input->at = 0;
    }
    /* Moving a long line again and again for a few bytes of room would be quadratic. */
    if (input->end <= input->capacity / 2 || input->capacity > line_limit(input) * 2)
        return true;
    size_t capacity = input->capacity * 2;
    char *text = realloc(input->text, capacity + HD_INPUT_PADDING);
    if (!text)
        return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for a line of %zu bytes", input->end);
    memset(text + input->capacity, 0, capacity + HD_INPUT_PADDING - input->capacity);
    input->text = text;
    input->capacity = capacity;
    return true;
}

static bool more(struct hd_input *input, struct hd_error *err)
{
    if (!make_room(input, err))
        return false;
    switch (input->compression) {
    case GZIP:
        return more_gzip(input, err);
    case ZSTD:
        return more_zstd(input, err);
    case NONE:
        break;
    }
    return more_plain(input, err);
}

static void hand_out(struct hd_input *input, struct hd_input_line *line, size_t length, bool newline)
{
    line->text = input->text + input->at;
    line->length = length;
    line->number = ++input->lines;
    line->offset = input->offset;
    line->newline = newline;
    input->at += length + newline;
    input->seen = input->at;
    input->offset += length + newline;
}

static enum hd_input_result too_long(struct hd_input *input, struct hd_error *err)
{
    hd_error_set(err, HD_ERROR_BAD_DUMP, "line %llu is longer than %zu MiB, the longest a dump may have",
                 (unsigned long long)input->lines + 1, line_limit(input) >> 20);
    return HD_INPUT_FAILED;
}

/* The hole in a sparse file is no line of 10 GB that is worth waiting for. */
static enum hd_input_result zeros(struct hd_input *input, struct hd_error *err)
{
    hd_error_set(err, HD_ERROR_BAD_DUMP, "line %llu has zero bytes in it: the file is damaged",
                 (unsigned long long)input->lines + 1);
    return HD_INPUT_FAILED;
}

enum hd_input_result hd_input_next(struct hd_input *input, struct hd_input_line *line, struct hd_error *err)
{
    for (;;) {
        char *found = memchr(input->text + input->seen, '\n', input->end - input->seen);
        size_t length = found ? (size_t)(found - (input->text + input->at)) : input->end - input->at;
        if (length > line_limit(input))
            return too_long(input, err);
        if (found) {
            hand_out(input, line, length, true);
            return HD_INPUT_LINE;
        }
        if (length > HD_INPUT_LINE_LIMIT && memchr(input->text + input->seen, 0, input->end - input->seen))
            return zeros(input, err);
        input->seen = input->end;
        if (input->text_ended) {
            if (length == 0)
                return HD_INPUT_END;
            hand_out(input, line, length, false);
            return HD_INPUT_LINE;
        }
        if (!more(input, err))
            return HD_INPUT_FAILED;
    }
}

bool hd_input_truncated(const struct hd_input *input)
{
    return input->truncated;
}

uint64_t hd_input_bytes(const struct hd_input *input)
{
    return input->offset;
}

void hd_input_progress(const struct hd_input *input, uint64_t *read, uint64_t *size)
{
    struct stat status;
    off_t at = lseek(input->fd, 0, SEEK_CUR);
    *read = at > 0 ? (uint64_t)at : 0;
    *size = fstat(input->fd, &status) == 0 && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0;
}

const char *hd_input_compression(const struct hd_input *input)
{
    static const char *const names[] = {[NONE] = "none", [GZIP] = "gzip", [ZSTD] = "zstd"};
    return names[input->compression];
}

const char *hd_input_zlib_version(void)
{
    return zlibVersion();
}

const char *hd_input_zstd_version(void)
{
    return ZSTD_versionString();
}
