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
        size_t capacity = range->capacity ? range->capacity * 2 : FIRST_SIZE;
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

/* The length of the line that is next, its newline not counted; it is cut where it exceeds the limit. */
static bool find_line(struct hd_range *range, size_t *length, bool *newline, struct hd_error *err)
{
    for (;;) {
        const char *found = memchr(range->text + range->seen, '\n', range->end - range->seen);
        *newline = found != NULL;
        *length = (found ? (size_t)(found - range->text) : range->end) - range->at;
        if (found || range->ended || *length > range->line_limit)
            return true;
        range->seen = range->end;
        if (!fill(range, err))
            return false;
    }
}

/* Behind the end of the line that is next, however long it is: nothing of it is kept, and what it took is given back. */
static bool skip_line(struct hd_range *range, bool *newline, struct hd_error *err)
{
    for (;;) {
        const char *found = memchr(range->text + range->at, '\n', range->end - range->at);
        *newline = found != NULL;
        consume(range, (found ? (size_t)(found + 1 - range->text) : range->end) - range->at);
        if (found || range->ended)
            return true;
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
    size_t length;
    bool newline;
    if (!find_line(range, &length, &newline, err))
        return HD_RANGE_FAILED;
    if (length == 0 && !newline)
        return HD_RANGE_END;
    *line = (struct hd_range_line){range->text + range->at, length, range->offset, newline, length > range->line_limit};
    if (!line->too_long) {
        consume(range, length + newline);
        return HD_RANGE_LINE;
    }
    line->text = "";
    line->length = 0;
    return skip_line(range, &line->newline, err) ? HD_RANGE_LINE : HD_RANGE_FAILED;
}

bool hd_range_init(struct hd_range *range, int fd, uint64_t from, size_t line_limit, struct hd_error *err)
{
    *range = (struct hd_range){.fd = fd, .line_limit = line_limit, .offset = from ? from - 1 : 0};
    if (!fill(range, err))
        return false;
    if (from == 0)
        return true;
    /* One line may end just before `from`: whatever is up to the first newline belongs to those who read before. */
    bool newline;
    return skip_line(range, &newline, err);
}

void hd_range_deinit(struct hd_range *range)
{
    free(range->text);
    range->text = NULL;
}
