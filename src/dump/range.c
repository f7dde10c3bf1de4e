/* See range.h. */
#include "dump/range.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_SIZE ((size_t)512 << 10)

/* Reads more behind `end`; makes room first. */
static bool fill(struct hd_range *range, struct hd_error *err)
{
    if (range->at > 0) {
        memmove(range->text, range->text + range->at, range->end - range->at);
        range->end -= range->at;
        range->seen -= range->at;
        range->at = 0;
    }
    if (range->end + HD_RANGE_PADDING + FIRST_SIZE / 2 > range->capacity) {
        size_t most = range->line_limit + 2 * FIRST_SIZE;
        size_t capacity = range->capacity ? range->capacity * 2 : FIRST_SIZE;
        if (capacity > most && range->end + HD_RANGE_PADDING + FIRST_SIZE / 2 <= most)
            capacity = most;
        char *text = realloc(range->text, capacity);
        if (!text)
            return hd_error_set(err, HD_ERROR_MEMORY, "out of memory for a line");
        range->text = text;
        range->capacity = capacity;
    }
    ssize_t got;
    do
        got = pread(range->fd, range->text + range->end, range->capacity - range->end - HD_RANGE_PADDING,
                    (off_t)(range->offset + (range->end - range->at)));
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return hd_error_set_errno(err, HD_ERROR_IO, errno, "cannot read the dump");
    range->ended = got == 0;
    range->end += (size_t)got;
    memset(range->text + range->end, 0, HD_RANGE_PADDING);
    return true;
}

static void consume(struct hd_range *range, size_t length)
{
    range->at += length;
    range->offset += length;
    if (range->seen < range->at)
        range->seen = range->at;
}

/* The length of the line that is next, its newline not counted. A hole or a line over the limit: as far as it was read. */
static bool find_line(struct hd_range *range, struct hd_range_line *line, struct hd_error *err)
{
    *line = (struct hd_range_line){.offset = range->offset};
    for (;;) {
        size_t fresh = range->end - range->seen;
        const char *found = memchr(range->text + range->seen, '\n', fresh);
        line->newline = found != NULL;
        line->length = (found ? (size_t)(found - range->text) : range->end) - range->at;
        line->zeros = !found && line->length > HD_RANGE_ZEROS && memchr(range->text + range->seen, 0, fresh);
        line->too_long = line->zeros || line->length > range->line_limit;
        if (found || range->ended || line->too_long)
            return true;
        range->seen = range->end;
        if (!fill(range, err))
            return false;
    }
}

/* Behind the end of the line at hand; what it took is given back. False and *err if there is more of it than the limit. */
static bool skip_line(struct hd_range *range, size_t limit, struct hd_error *err)
{
    uint64_t from = range->offset;
    for (;;) {
        const char *found = memchr(range->text + range->at, '\n', range->end - range->at);
        bool hole = !found && range->offset - from > HD_RANGE_ZEROS
                    && memchr(range->text + range->at, 0, range->end - range->at);
        consume(range, (found ? (size_t)(found + 1 - range->text) : range->end) - range->at);
        if (found || range->ended)
            return true;
        if (hole || range->offset - from > limit)
            return hd_error_set(err, HD_ERROR_BAD_DUMP, "the line before byte %llu is too long, or not text",
                                (unsigned long long)range->offset);
        if (range->capacity > FIRST_SIZE) {
            char *text = realloc(range->text, FIRST_SIZE);
            range->text = text ? text : range->text;
            range->capacity = FIRST_SIZE;
            range->at = range->seen = range->end = 0;
        }
        if (!fill(range, err))
            return false;
    }
}

enum hd_range_result hd_range_next(struct hd_range *range, struct hd_range_line *line, struct hd_error *err)
{
    if (range->skipping && !skip_line(range, SIZE_MAX, err))
        return HD_RANGE_FAILED;
    range->skipping = false;
    if (!find_line(range, line, err))
        return HD_RANGE_FAILED;
    if (line->length == 0 && !line->newline)
        return HD_RANGE_END;
    line->text = line->too_long ? "" : range->text + range->at;
    range->skipping = line->too_long;
    if (line->too_long)
        line->length = 0;
    else
        consume(range, line->length + line->newline);
    return HD_RANGE_LINE;
}

bool hd_range_init(struct hd_range *range, int fd, uint64_t from, size_t line_limit, struct hd_error *err)
{
    *range = (struct hd_range){.fd = fd, .line_limit = line_limit, .offset = from ? from - 1 : 0};
    if (!fill(range, err))
        return false;
    /* One line may end just before `from`: whatever is up to the first newline belongs to those who read before. */
    return from == 0 || skip_line(range, line_limit, err);
}

void hd_range_deinit(struct hd_range *range)
{
    free(range->text);
    range->text = NULL;
}
