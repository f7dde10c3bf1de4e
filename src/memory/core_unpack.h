/* A core file as something that can be read at any place: a compressed one is unpacked into a nameless file. */
#ifndef HD_MEMORY_CORE_UNPACK_H
#define HD_MEMORY_CORE_UNPACK_H

#include "base/error.h"

/* A descriptor to be closed, or -1. gzip and zstd are told by their first bytes; TMPDIR says where the room is. */
int hd_core_unpack(const char *path, struct hd_error *err);

#endif
