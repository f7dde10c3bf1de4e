/*
 * A dump (or any text of lines) as a stream of lines: from a file or standard input, plain, gzip or zstd.
 *
 * Owns the descriptor, the decompressor and one buffer that holds the line at hand. Must not know what is in a
 * line. Compression is recognised by its magic number, never by a name; several gzip members or zstd frames in
 * a row read as one text.
 * Invariant: behind every line handed out HD_INPUT_PADDING bytes may be read (their content is undefined), and
 * no line is longer than HD_INPUT_LINE_LIMIT (or, once allowed, HD_INPUT_LONG_LIMIT), so the memory used is bounded
 * whatever the file holds.
 */
#ifndef HD_DUMP_INPUT_H
#define HD_DUMP_INPUT_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HD_INPUT_LINE_LIMIT ((size_t)8 << 20) /* bytes of a line, less its newline; FORMAT "Big values" */
#define HD_INPUT_LONG_LIMIT ((size_t)2 << 30) /* of a line of ObjectSpace: an Array of 100 M elements is one */
#define HD_INPUT_PADDING 64

struct hd_input;

struct hd_input_line {
    char *text; /* valid until the next call; not terminated */
    size_t length;
    uint64_t number; /* from 1 */
    uint64_t offset; /* of its first byte in the decompressed text */
    bool newline;    /* false for a last line that has none */
};

enum hd_input_result { HD_INPUT_LINE, HD_INPUT_END, HD_INPUT_FAILED };

/* `path` may be "-" for standard input. NULL and *err on failure. */
struct hd_input *hd_input_open(const char *path, struct hd_error *err);

/* As hd_input_open for an open descriptor, which stays the caller's; `name` is used in errors and copied. */
struct hd_input *hd_input_open_fd(int fd, const char *name, struct hd_error *err);

void hd_input_close(struct hd_input *input);

/* Lines that begin as ObjectSpace's do, with a brace, may be as long as HD_INPUT_LONG_LIMIT. */
void hd_input_allow_long(struct hd_input *input);

/*
 * The next line. HD_INPUT_FAILED sets *err: HD_ERROR_IO if reading failed, HD_ERROR_BAD_DUMP if the compressed
 * data are damaged or end in the middle, or a line is too long; nothing can be read after it.
 * All lines that were whole before the damage have been handed out by then.
 */
enum hd_input_result hd_input_next(struct hd_input *input, struct hd_input_line *line, struct hd_error *err);

/* True if the failure (or the end) came because the file ends in the middle of its compressed data. */
bool hd_input_truncated(const struct hd_input *input);

/* Bytes of text handed out or skipped so far, after decompression. */
uint64_t hd_input_bytes(const struct hd_input *input);

/* How much of the file was read, before decompression, and its size (0: not known, as of a pipe). Asks the kernel. */
void hd_input_progress(const struct hd_input *input, uint64_t *read, uint64_t *size);

/* A regular file that is not compressed: its lines can be read from any place on (dump/range.h). */
bool hd_input_is_plain(int fd);

/* "none", "gzip" or "zstd". */
const char *hd_input_compression(const struct hd_input *input);

/* Versions of the libraries behind it, for reports. */
const char *hd_input_zlib_version(void);
const char *hd_input_zstd_version(void);

#endif
