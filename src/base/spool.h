/*
 * A file without a name, for what must be read at any place and comes in one piece: a compressed core or dump, standard input.
 *
 * Owns where it lies and the sentence when there is no room: TMPDIR, else /var/tmp, as /tmp is often memory, else /tmp. Nothing is
 * left of it whatever happens, and nobody else can open it. Must not know what is in it.
 */
#ifndef HD_BASE_SPOOL_H
#define HD_BASE_SPOOL_H

#include "base/error.h"

#include <stddef.h>

/* A descriptor to be closed, at the beginning of an empty file; -1 and *err (HD_ERROR_IO) if there is none. */
int hd_spool_open(struct hd_error *err);

/* Appends at the descriptor's position. */
bool hd_spool_write(int spool, const void *bytes, size_t length, struct hd_error *err);

/* Zeros, which take no room: a hole. The file is as long as what was written only after hd_spool_end. */
bool hd_spool_skip(int spool, size_t length, struct hd_error *err);
bool hd_spool_end(int spool, struct hd_error *err);

#endif
