/*
 * The lines of an uncompressed file from any place on: so that several threads read one file.
 *
 * Owns a buffer. The file is read, not mapped: one that becomes shorter meanwhile is then a file that ends, not a
 * SIGBUS. Must not know what is in a line.
 * Invariant: behind every line handed out HD_RANGE_PADDING bytes may be read.
 */
#ifndef HD_DUMP_RANGE_H
#define HD_DUMP_RANGE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HD_RANGE_PADDING 64
#define HD_RANGE_ZEROS ((size_t)8 << 20)

struct hd_range {
    int fd; /* the caller's */
    size_t line_limit;
    char *text;
    size_t at, seen, end, capacity; /* [at, end) is not yet handed out, [at, seen) has no newline */
    uint64_t offset; /* in the file, of text[at] */
    bool ended;
    bool skipping; /* the line at hand was too long */
};

struct hd_range_line {
    const char *text;
    size_t length;
    uint64_t offset;
    bool newline; /* false for a last line that has none */
    bool too_long; /* longer than the limit: only its offset is known; the next call skips the rest */
    bool zeros;    /* the same, but for zero bytes in a line of HD_RANGE_ZEROS and more: no text, a hole in the file */
};

enum hd_range_result { HD_RANGE_LINE, HD_RANGE_END, HD_RANGE_FAILED };

/*
 * Begins with the first line that begins at `from` or behind it; HD_ERROR_BAD_DUMP if the one before is longer than the limit
 * or a hole.
 */
bool hd_range_init(struct hd_range *range, int fd, uint64_t from, size_t line_limit, struct hd_error *err);
void hd_range_deinit(struct hd_range *range);

enum hd_range_result hd_range_next(struct hd_range *range, struct hd_range_line *line, struct hd_error *err);

#endif
