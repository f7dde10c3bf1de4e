/*
 * Compresses blocks, each into a gzip member or zstd frame of its own, so that blocks of several writers may
 * follow each other in any order.
 *
 * Owns the compressor's memory, which comes straight from the kernel: nothing here calls malloc, so a raw
 * clone of a multithreaded process may use it. Must not know about files.
 */
#ifndef HD_DUMP_COMPRESS_H
#define HD_DUMP_COMPRESS_H

#include "base/error.h"
#include "dump/output.h"

#include <stdbool.h>
#include <stddef.h>

struct hd_compress;

/* False, with a sentence that says what to install, if the kind was not built in. */
bool hd_compress_supported(enum hd_compression kind, struct hd_error *err);

/* A compressor of this process. NULL on failure. */
struct hd_compress *hd_compress_create(enum hd_compression kind, struct hd_error *err);
void hd_compress_destroy(struct hd_compress *compress);

/* Compresses one block. *packed stays valid until the next call. */
bool hd_compress_block(struct hd_compress *compress, const void *data, size_t length, const void **packed,
                       size_t *packed_length, struct hd_error *err);

#endif
