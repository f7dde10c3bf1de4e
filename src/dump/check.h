/*
 * Is a file a valid dump? One pass over its lines, a few bytes of memory per object.
 *
 * Owns the rules of FORMAT.md that need more than one line: order, ids, where references land, the totals of
 * _END_. The rules within a line are json_reader.h's. Must not print.
 */
#ifndef HD_DUMP_CHECK_H
#define HD_DUMP_CHECK_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

struct hd_input;

/* What was read; after a failure, what was read until then. */
struct hd_check_result {
    uint64_t lines;      /* whole lines read; after a failure within a line, the number of that line */
    uint64_t bytes;      /* decompressed */
    uint64_t objects;    /* object lines, continuations not counted */
    uint64_t references;
    uint64_t unreadable; /* as _END_ says */
    uint64_t id;         /* of the line with the error; 0 if it is none of an object */
    uint64_t missing;    /* an id that is referred to but on no line; 0 if there is none */
    uint64_t missing_count;
    bool truncated;      /* the file ends before _END_ and `]` */
    bool redacted;
    char ruby[32];       /* "" if _DUMP_ does not say */
    char compression[8]; /* "none", "gzip", "zstd" */
};

/*
 * Checks a file, or standard input for "-". True if it is valid. Otherwise *err is one sentence with the line:
 * HD_ERROR_BAD_DUMP if the file is at fault, HD_ERROR_IO or HD_ERROR_MEMORY if it could not be read.
 * If a reference lands nowhere, a regular file is read a second time to say where it stands.
 */
bool hd_check_run(const char *path, struct hd_check_result *result, struct hd_error *err);

/* The same for an open input, which is read once. */
bool hd_check_input(struct hd_input *input, struct hd_check_result *result, struct hd_error *err);

#endif
