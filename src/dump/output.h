/*
 * The file a dump goes to: created 0600 beside its final name, filled by several processes at once, put in
 * place only when it is whole.
 *
 * Owns the descriptor, the temporary name and the compression. Must not know what is in the blocks it writes.
 * Invariant: until hd_output_commit returns true, the file under the final name is the old one (or none), and
 * a killed process leaves nothing behind where the file system can do that (O_TMPFILE).
 */
#ifndef HD_DUMP_OUTPUT_H
#define HD_DUMP_OUTPUT_H

#include "base/error.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hd_compression { HD_COMPRESSION_NONE, HD_COMPRESSION_GZIP, HD_COMPRESSION_ZSTD };

/* What all writers share; zeroed, in memory shared between them. */
struct hd_output_shared {
    _Atomic uint64_t offset; /* end of the file so far, in bytes as written */
    _Atomic uint64_t plain;  /* bytes before compression */
};

struct hd_output {
    int fd;
    int folder; /* descriptor of the folder it lies in */
    enum hd_compression compression;
    struct hd_output_shared *shared;
    char path[4096];      /* final name */
    char temporary[64];   /* name of the temporary file in that folder; "" while it has none (O_TMPFILE) */
    void *compressor;     /* of this process; created on first use, without malloc */
    bool no_sync;         /* set it after opening for what can be made again: need not survive a power failure */
};

/* Opens a temporary file for `path` in the same folder; compression by the name's ending (.gz, .zst). */
bool hd_output_open(struct hd_output *out, const char *path, struct hd_output_shared *shared, struct hd_error *err);

/*
 * Appends a block. Blocks of concurrent writers never mix, and a block's bytes stay together, but blocks of
 * different writers may come in any order. With compression each block is a frame of its own.
 * Does not call malloc; safe in a raw clone of a multithreaded process.
 */
bool hd_output_write(struct hd_output *out, const void *data, size_t length, struct hd_error *err);

/*
 * Gives the file its temporary name now, for a library that writes files by their names, and puts its path into
 * `path`. It is there until commit or abort; a process that is killed meanwhile leaves it.
 */
bool hd_output_path(struct hd_output *out, char *path, size_t size, struct hd_error *err);

/* fsync (but for no_sync), then rename into place. On failure the old file is untouched and the temporary is gone. */
bool hd_output_commit(struct hd_output *out, struct hd_error *err);

/* Closes and removes the temporary file. Safe to call at any time after a successful open, also after commit. */
void hd_output_abort(struct hd_output *out);

#endif
